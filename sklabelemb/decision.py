"""From scores to decisions: the only room that knows thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, softmax

__all__ = [
    "best_thresholds",
    "check_threshold",
    "decide",
    "probabilities",
    "tuned_thresholds",
    "validation_score",
]

# A probability of exactly 0 or 1 makes logarithmic scores infinite.
EPSILON = float(np.finfo(np.float64).eps)


def probabilities(logits: np.ndarray, multilabel: bool) -> np.ndarray:
    """Probabilities, float64.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_labels)
    multilabel : bool
        True: sigmoid of each logit, strictly inside (0, 1). False: softmax, rows sum to one.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if multilabel:
        return np.clip(expit(logits), EPSILON, 1 - EPSILON)
    return softmax(logits, axis=1)


def decide(proba: np.ndarray, thresholds: np.ndarray | float, min_labels: int = 0) -> np.ndarray:
    """Which labels are predicted.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_labels)
    thresholds : float or ndarray of shape (n_labels,)
        A label is predicted from its threshold on.
    min_labels : int, default=0
        Where fewer labels reach their threshold, those that miss it by least are added.

    Returns
    -------
    bool ndarray of shape (n_samples, n_labels)

    Examples
    --------
    >>> import numpy as np
    >>> decide(np.array([[0.9, 0.2], [0.3, 0.1]]), 0.5)
    array([[ True, False],
           [False, False]])
    >>> decide(np.array([[0.9, 0.2], [0.3, 0.1]]), 0.5, min_labels=1)
    array([[ True, False],
           [ True, False]])
    """
    margin = proba - thresholds
    decisions = margin >= 0
    if min_labels:
        k = min(min_labels, proba.shape[1])
        few = np.flatnonzero(decisions.sum(axis=1) < k)
        if len(few):
            top = np.argpartition(-margin[few], k - 1, axis=1)[:, :k]
            decisions[few[:, None], top] = True
    return decisions


def best_thresholds(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The threshold of each column that maximises its F1, and that F1.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n_samples, n_columns)
    scores : ndarray of shape (n_samples, n_columns)

    Returns
    -------
    thresholds, f1 : ndarrays of shape (n_columns,)
        A threshold lies midway between the last score taken and the first one left. A column
        without positives gets ``inf`` and 0.

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
    f1 = 2 * hits / (taken + hits[-1])
    # One cannot cut between equal scores.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    cut = f1.argmax(axis=0)
    columns = np.arange(y.shape[1])
    below = np.where(
        cut + 1 < len(y), ranked[np.minimum(cut + 1, len(y) - 1), columns], ranked[-1] - 1
    )
    last = ranked[cut, columns]
    middle = (last + below) / 2
    # Between neighbouring floats there is no middle, and it may round to the lower one.
    thresholds = np.where(middle > below, middle, last)
    positive = hits[-1] > 0
    return np.where(positive, thresholds, np.inf), np.where(positive, f1[cut, columns], 0.0)


def tuned_thresholds(y: sp.csr_matrix, logits: np.ndarray, shrinkage: float = np.inf) -> np.ndarray:
    """One threshold per label, as probabilities, tuned for F1 and shrunk for rare labels.

    The common threshold that is best for micro-F1 is the start. A label with n positives among
    these samples moves from there towards the one that is best for itself, by
    ``n / (n + shrinkage)`` of the way (in logits): a threshold tuned on two positives is mostly
    noise.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    logits : ndarray of shape (n_samples, n_labels)
        Scores of samples that were not trained on.
    shrinkage : float, default=inf
        inf: the common threshold for all. 0: each label its own.

    Returns
    -------
    ndarray of shape (n_labels,)
    """
    dense = y.toarray()
    common = best_thresholds(dense.reshape(-1, 1), logits.reshape(-1, 1))[0][0]
    if not np.isfinite(common):
        return np.full(logits.shape[1], 0.5)
    thresholds = np.full(logits.shape[1], common, dtype=np.float64)
    if np.isfinite(shrinkage):
        own = best_thresholds(dense, logits)[0]
        positives = dense.sum(axis=0)
        own = np.where(positives > 0, own, common)
        weight = np.where(positives > 0, positives / np.maximum(positives + shrinkage, 1e-12), 0.0)
        thresholds += weight * (own - common)
    return probabilities(thresholds, multilabel=True)


def validation_score(targets: Any, logits: np.ndarray) -> float:
    """What the best epoch is chosen by; larger is better.

    Multi-label: micro-F1 at its best common threshold plus a quarter of macro-F1 there, so that
    epochs which only learn the frequent labels do not win. Single-label: accuracy.
    """
    if not sp.issparse(targets):
        return float(np.mean(logits.argmax(axis=1) == targets))
    y = targets.toarray()
    threshold, micro = best_thresholds(y.reshape(-1, 1), logits.reshape(-1, 1))
    decisions = logits >= threshold[0]
    hits = (decisions * y).sum(axis=0)
    total = decisions.sum(axis=0) + y.sum(axis=0)
    macro = np.mean(2 * hits / np.maximum(total, 1))
    return float(micro[0] + 0.25 * macro)


def check_threshold(threshold: Any, n_labels: int) -> np.ndarray | None:
    """Validate a `threshold` parameter.

    Returns
    -------
    ndarray of shape (n_labels,), or None for ``"tuned"``

    Raises
    ------
    ValueError
        When it lies outside [0, 1], or there is not one per label.
    """
    if isinstance(threshold, str):
        return None
    if isinstance(threshold, bool):
        raise ValueError(f"threshold must be a number between 0 and 1, but got {threshold!r}.")
    values = np.asarray(threshold, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n_labels):
        raise ValueError(
            f"threshold must be a number, 'tuned', or one number per label; y has {n_labels} "
            f"labels, but threshold has shape {values.shape}."
        )
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"threshold must lie between 0 and 1, but got {threshold!r}.")
    return np.array(np.broadcast_to(values, n_labels))
