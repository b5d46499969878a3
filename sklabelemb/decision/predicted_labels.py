"""Decisions as people read them: the names of the labels, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

__all__ = ["check_top_k", "labels_by_score"]


def labels_by_score(
    label_names: Sequence[Any] | np.ndarray,
    scores: np.ndarray,
    decisions: np.ndarray,
    top_k: int | None = None,
    with_scores: bool = False,
) -> list[tuple[Any, ...]]:
    """The labels of each sample by name, ordered by score.

    Parameters
    ----------
    label_names : sequence of length n_labels
    scores : ndarray of shape (n_samples, n_labels)
    decisions : bool ndarray of shape (n_samples, n_labels)
        Which labels are predicted.
    top_k : int, default=None
        So many labels with the highest scores, predicted or not. None: those that are predicted.
    with_scores : bool, default=False
        Whether each name comes in a pair with its score.

    Returns
    -------
    list of tuple

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[0.2, 0.9, 0.6]])
    >>> labels_by_score(["delivery", "refund", "staff"], scores, scores > 0.5)
    [('refund', 'staff')]
    >>> labels_by_score(["delivery", "refund", "staff"], scores, scores > 0.5, 1, True)
    [(('refund', 0.9),)]
    """
    names = list(label_names)
    found: list[tuple[Any, ...]] = []
    for row, decided in zip(scores, decisions, strict=True):
        if top_k is None:
            columns = np.flatnonzero(decided)
            columns = columns[np.argsort(-row[columns], kind="stable")]
        else:
            columns = np.argsort(-row, kind="stable")[:top_k]
        if with_scores:
            found.append(tuple((names[k], float(row[k])) for k in columns))
        else:
            found.append(tuple(names[k] for k in columns))
    return found


def check_top_k(top_k: Any) -> None:
    """Refuse a `top_k` that is no whole number above 0, nor None."""
    is_number = isinstance(top_k, Integral) and not isinstance(top_k, bool)
    if top_k is not None and not (is_number and top_k > 0):
        raise ValueError(f"top_k must be None or a whole number of at least 1, but got {top_k!r}.")
