"""Thresholds that maximise a measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = [
    "best_common_threshold",
    "best_thresholds",
    "cuts_between",
    "decision_scores",
    "shrunk",
    "validation_score",
    "validation_scores",
]


def best_thresholds(
    y: np.ndarray, scores: np.ndarray, *, n_missed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The threshold of each column that maximises its F1, and that F1.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n_samples, n_columns)
    scores : ndarray of shape (n_samples, n_columns)
    n_missed : int, default=0
        Positives of each column that are not among these samples, and so are never selected.

    Returns
    -------
    thresholds, f1 : ndarrays of shape (n_columns,)
        A threshold lies midway between the last selected score and the next one. A column without
        positives gets ``inf`` and 0.

    Examples
    --------
    >>> import numpy as np
    >>> best_thresholds(np.array([[1], [1], [0]]), np.array([[0.8], [0.6], [0.2]]))
    (array([0.4]), array([1.]))
    """
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=0)
    hits = np.cumsum(np.take_along_axis(y, order, axis=0), axis=0, dtype=np.float64)
    taken = np.arange(1, len(y) + 1)[:, None]
    f1 = 2 * hits / (taken + hits[-1] + n_missed)
    # One cannot cut between equal scores.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    cut = f1.argmax(axis=0)
    thresholds = cuts_between(ranked, cut + 1)
    positive = hits[-1] > 0
    return (
        np.where(positive, thresholds, np.inf),
        np.where(positive, f1[cut, np.arange(y.shape[1])], 0.0),
    )


def best_common_threshold(y: sp.csr_matrix, scores: np.ndarray) -> float:
    """The threshold for all labels that maximises F1 over all pairs of a sample and a label.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    scores : ndarray of shape (n_samples, n_labels)

    Returns
    -------
    float
        Like :func:`best_thresholds` with all pairs in one column; infinite without positives. Sorts
        only as many of the highest scores as can matter.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> best_common_threshold(sp.csr_matrix([[1, 0], [1, 0]]), np.array([[0.8, 0.2], [0.6, 0.1]]))
    0.4
    """
    if not y.nnz:
        return np.inf
    truth = y.toarray().astype(bool).reshape(-1, 1)
    flat = scores.reshape(-1, 1)
    n_top = 20 * y.nnz
    if n_top < len(flat):
        # With P positives F1 is at most 2 P / (taken + P): once the best cut among the highest
        # scores beats this bound for lower cuts, the others need not be sorted.
        lowest = np.partition(flat[:, 0], len(flat) - n_top)[len(flat) - n_top]
        top = flat[:, 0] >= lowest
        n_missed = y.nnz - np.count_nonzero(truth[top])
        threshold, f1 = best_thresholds(truth[top], flat[top], n_missed=n_missed)
        if threshold[0] > lowest and f1[0] > 2 * y.nnz / (n_top + y.nnz):
            return float(threshold[0])
    return float(best_thresholds(truth, flat)[0][0])


def cuts_between(ranked: np.ndarray, n_taken: np.ndarray) -> np.ndarray:
    """Thresholds midway between the last selected score and the next one.

    Parameters
    ----------
    ranked : ndarray of shape (n_samples, n_columns)
        Scores, each column in descending order.
    n_taken : int ndarray of shape (n_columns,)
        How many of each column are selected. To select none, or all, the threshold lies 0.5 beyond
        the scores.

    Returns
    -------
    ndarray of shape (n_columns,)

    Examples
    --------
    >>> import numpy as np
    >>> cuts_between(np.array([[3.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), np.array([0, 1, 2]))
    array([3.5, 2. , 0.5])
    """
    columns = np.arange(ranked.shape[1])
    above = ranked[np.maximum(n_taken - 1, 0), columns]
    above = np.where(n_taken > 0, above, ranked[0] + 1)
    below = ranked[np.minimum(n_taken, len(ranked) - 1), columns]
    below = np.where(n_taken < len(ranked), below, ranked[-1] - 1)
    middle = (above + below) / 2
    # Between neighbouring floats there is no middle, and it may round to the lower one.
    return np.where(middle > below, middle, above)


def shrunk(own: np.ndarray, common: Any, positives: np.ndarray, shrinkage: float) -> np.ndarray:
    """Thresholds between the common one and the one that is best for each label.

    Parameters
    ----------
    own : ndarray of shape (n_labels,)
        The best threshold of each label; infinite counts as `common`.
    common : float, or ndarray of shape (n_labels,)
    positives : ndarray of shape (n_labels,)
        How many positives each label's threshold was tuned on.
    shrinkage : float
        A label with n positives goes ``n / (n + shrinkage)`` of the way to its own.

    Returns
    -------
    ndarray of shape (n_labels,)

    Examples
    --------
    >>> import numpy as np
    >>> shrunk(np.array([1.0, 1.0, np.inf]), 0.0, np.array([10, 30, 0]), shrinkage=10)
    array([0.5 , 0.75, 0.  ])
    """
    own = np.where((positives > 0) & np.isfinite(own), own, common)
    weight = np.where(positives > 0, positives / np.maximum(positives + shrinkage, 1e-12), 0.0)
    return common + weight * (own - common)


def validation_score(targets: Any, logits: np.ndarray) -> float:
    """Score that selects the best epoch; larger is better.

    Multi-label: micro-F1 at its best common threshold plus a quarter of macro-F1 there, so that
    epochs which only learn the frequent labels do not win. Single-label: accuracy.
    """
    return validation_scores(targets, logits)[0]


def validation_scores(targets: Any, logits: np.ndarray) -> tuple[float, float]:
    """The same, together with a familiar measure: micro-F1, or accuracy for single labels."""
    if not sp.issparse(targets):
        accuracy = float(np.mean(logits.argmax(axis=1) == targets))
        return accuracy, accuracy
    threshold = best_common_threshold(targets, logits)
    return decision_scores(targets.toarray(), logits >= threshold)


def decision_scores(y: np.ndarray, decisions: np.ndarray) -> tuple[float, float]:
    """Micro-F1 plus a quarter of macro-F1, and micro-F1 alone.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n_samples, n_labels)
    decisions : bool ndarray of shape (n_samples, n_labels)
    """
    hits = (decisions * y).sum(axis=0)
    total = decisions.sum(axis=0) + y.sum(axis=0)
    micro = 2 * hits.sum() / max(total.sum(), 1)
    macro = np.mean(2 * hits / np.maximum(total, 1))
    return float(micro + 0.25 * macro), float(micro)
