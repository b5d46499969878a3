"""How to decide before anything has been learnt about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.decision import check_threshold
from sklabelemb.targets import Targets

__all__ = ["fewest_labels", "first_thresholds"]


def first_thresholds(
    threshold: float | Sequence[float] | str, targets: Targets, known: np.ndarray | None
) -> np.ndarray | None:
    """Thresholds of the labels as asked for, as known, or 0.5; None for single classes.

    Raises
    ------
    ValueError
        When `threshold` is no threshold, or not one for each label.
    """
    if not targets.multilabel and np.ndim(threshold):
        return None  # one for each label of the tasks that have label sets
    thresholds = check_threshold(threshold, targets.n_labels)
    if not targets.multilabel:
        return None
    if thresholds is not None:
        return thresholds
    return np.full(targets.n_labels, 0.5) if known is None else np.array(known)


def fewest_labels(min_labels: int | str, targets: Targets, encoded: Any, known: int | None) -> int:
    """How many labels a prediction has at least: as asked for, or as all texts so far have."""
    if min_labels != "auto":
        return int(min_labels)
    fewest = int(encoded.sum(axis=1).min()) if targets.multilabel else 0
    return fewest if known is None else min(fewest, known)
