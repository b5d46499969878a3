"""Features and targets as the trees take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.targets import Targets

__all__ = ["as_indicator", "with_constant"]


def with_constant(features: Any, value: float = 1.0) -> sp.csr_matrix:
    """Features as float32 with a constant column behind them."""
    features = sp.csr_matrix(features, dtype=np.float32)
    column = sp.csr_matrix(np.full((features.shape[0], 1), value, dtype=np.float32))
    return sp.csr_matrix(sp.hstack([features, column], format="csr"))


def as_indicator(target: sp.csr_matrix | np.ndarray, targets: Targets) -> sp.csr_matrix:
    """Classes as label sets of one label each; label sets as they are."""
    if targets.multilabel:
        return target
    places = (np.arange(len(target)), target)
    ones = np.ones(len(target), dtype=np.float32)
    return sp.csr_matrix((ones, places), shape=(len(target), targets.n_labels))
