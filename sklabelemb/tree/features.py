"""Features and targets in the form that the trees need."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.targets import Targets

__all__ = ["as_indicator", "first_rows", "with_constant"]


def with_constant(features: Any, value: float = 1.0) -> sp.csr_matrix:
    """Features as float32 with an additional constant column."""
    features = sp.csr_matrix(features, dtype=np.float32)
    n_texts, n_features = features.shape
    # Written in place: `hstack` takes several times the memory.
    indptr = features.indptr + np.arange(n_texts + 1, dtype=features.indptr.dtype)
    last = indptr[1:] - 1
    own = np.ones(indptr[-1], dtype=bool)
    own[last] = False
    data = np.empty(len(own), dtype=np.float32)
    indices = np.empty(len(own), dtype=features.indices.dtype)
    data[own], data[last] = features.data, value
    indices[own], indices[last] = features.indices, n_features
    return sp.csr_matrix((data, indices, indptr), shape=(n_texts, n_features + 1))


def as_indicator(target: sp.csr_matrix | np.ndarray, targets: Targets) -> sp.csr_matrix:
    """Classes as label sets of one label each; label sets as they are."""
    if targets.multilabel:
        return target
    places = (np.arange(len(target)), target)
    ones = np.ones(len(target), dtype=np.float32)
    return sp.csr_matrix((ones, places), shape=(len(target), targets.n_labels))


def first_rows(X: sp.csr_matrix, n_rows: int) -> sp.csr_matrix:
    """The first rows of a matrix, as a view."""
    if n_rows == X.shape[0]:
        return X
    stop = X.indptr[n_rows]
    parts = (X.data[:stop], X.indices[:stop], X.indptr[: n_rows + 1])
    return sp.csr_matrix(parts, shape=(n_rows, X.shape[1]), copy=False)
