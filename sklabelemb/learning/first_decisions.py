"""Thresholds and numbers of labels before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklabelemb.decision import check_threshold
from sklabelemb.learning.task import Task
from sklabelemb.targets import Targets

__all__ = ["check_threshold_names", "fewest_labels", "first_thresholds"]


def check_threshold_names(threshold: Mapping[Any, float], tasks: Mapping[Any, Task]) -> None:
    """Check that each label in a dict of thresholds belongs to some task.

    Raises
    ------
    ValueError
        Names the labels that no task has.
    """
    known = [name for task in tasks.values() for name in task.label_names]
    if unknown := [name for name in threshold if name not in set(known)]:
        raise ValueError(
            f"threshold names labels that y does not have: {sorted(map(repr, unknown))}. Its "
            f"labels are {known[:10]}."
        )


def first_thresholds(
    threshold: float | Sequence[float] | Mapping[Any, float] | str,
    targets: Targets,
    known: np.ndarray | None,
) -> np.ndarray | None:
    """Initial thresholds: those asked for, those known already, or 0.5; None for single classes.

    The keys of a dict are label names; labels that it leaves out get 0.5.

    Raises
    ------
    ValueError
        When `threshold` is no threshold, or not one for each label.
    """
    if not targets.multilabel and (isinstance(threshold, Mapping) or np.ndim(threshold)):
        return None  # one for each label of the tasks that have label sets
    if isinstance(threshold, Mapping):
        threshold = targets.values_by_name(threshold, 0.5)
    thresholds = check_threshold(threshold, targets.n_labels)
    if not targets.multilabel:
        return None
    if thresholds is not None:
        return thresholds
    return np.full(targets.n_labels, 0.5) if known is None else np.array(known)


def fewest_labels(min_labels: int | str, targets: Targets, encoded: Any, known: int | None) -> int:
    """Smallest number of labels to predict: as asked for, or the minimum over all texts so far."""
    if min_labels != "auto":
        return int(min_labels)
    fewest = int(encoded.sum(axis=1).min()) if targets.multilabel else 0
    return fewest if known is None else min(fewest, known)
