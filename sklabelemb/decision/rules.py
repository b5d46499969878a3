"""From logits to probabilities, and from those to decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit, softmax

__all__ = ["check_threshold", "decide", "probabilities"]

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


def decide(
    proba: Any, thresholds: np.ndarray | float, min_labels: int = 0, *, margins: bool = False
) -> Any:
    """Which labels are predicted.

    Parameters
    ----------
    proba : ndarray or csr_matrix of shape (n_samples, n_labels)
        In a sparse matrix, only labels with a stored value can be predicted.
    thresholds : float or ndarray of shape (n_labels,)
        A label is predicted if its probability is at least its threshold.
    min_labels : int, default=0
        If fewer labels reach their thresholds, those that miss them by the least are added,
        measured in logits, so that neither very low nor very high thresholds are favoured.
    margins : bool, default=False
        Whether scores and thresholds are decision values, which are compared as they are.

    Returns
    -------
    bool ndarray or csr_matrix of shape (n_samples, n_labels)
        Sparse for sparse.

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
    if sp.issparse(proba):
        return _decide_stored(proba, thresholds, min_labels, margins)
    decisions = proba >= thresholds
    if min_labels:
        k = min(min_labels, proba.shape[1])
        few = np.flatnonzero(decisions.sum(axis=1) < k)
        if len(few):
            margin = _margin(proba[few], thresholds, margins)
            top = np.argpartition(-margin, k - 1, axis=1)[:, :k]
            decisions[few[:, None], top] = True
    return decisions


def _margin(scores: Any, thresholds: Any, margins: bool) -> np.ndarray:
    """How far scores are above their thresholds."""
    if margins:
        return np.asarray(scores - thresholds)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = logit(np.asarray(scores, np.float64)) - logit(np.asarray(thresholds, np.float64))
    # Both at the same end of the scale.
    return np.asarray(np.where(np.isnan(above), 0.0, above))


def _decide_stored(
    proba: sp.csr_matrix, thresholds: np.ndarray | float, min_labels: int, margins: bool
) -> sp.csr_matrix:
    proba = sp.csr_matrix(proba)
    own = np.broadcast_to(thresholds, proba.shape[1])[proba.indices]
    decided = proba.data >= own
    lengths = np.diff(proba.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    if min_labels:
        order = np.lexsort((-_margin(proba.data, own, margins), row))
        rank = np.arange(len(order)) - np.repeat(proba.indptr[:-1], lengths)
        decided[order[rank < min_labels]] = True
    kept = np.flatnonzero(decided)
    ones = np.ones(len(kept), dtype=bool)
    return sp.csr_matrix((ones, (row[kept], proba.indices[kept])), shape=proba.shape)


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
