"""Thresholds of candidates: as asked for, or as held-out texts say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.candidates import tuned_candidate_thresholds
from sklabelemb.learning.first_decisions import first_thresholds
from sklabelemb.learning.settings import SHRINKAGES
from sklabelemb.targets import Targets

__all__ = ["thresholds_at_first", "tuned"]


def thresholds_at_first(threshold: Any, targets: Targets) -> np.ndarray | None:
    """Thresholds as asked for, or 0.5; None for single classes.

    Raises
    ------
    ValueError
        When a dict names labels that there are not, or `threshold` is none.
    """
    if isinstance(threshold, Mapping):
        known = {*targets.label_names.tolist()}
        if unknown := [name for name in threshold if name not in known]:
            raise ValueError(
                f"threshold names labels that y does not have: {sorted(map(repr, unknown))}. "
                f"Its labels are {targets.label_names[:10].tolist()}."
            )
    return first_thresholds(threshold, targets, None)


def tuned(
    threshold: str,
    shrinkage: float | str,
    truth: sp.csr_matrix,
    scores: sp.csr_matrix,
    untuned: np.ndarray,
) -> np.ndarray:
    """Thresholds that are best for held-out texts; `untuned` where these say nothing.

    `threshold` and `shrinkage` are parameters of the classifier.
    """
    measure = "macro" if threshold == "macro" else "micro"
    amount = SHRINKAGES[measure] if isinstance(shrinkage, str) else float(shrinkage)
    found = tuned_candidate_thresholds(truth, scores, amount, measure)
    return np.where(np.isfinite(found), found, untuned)
