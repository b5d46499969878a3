"""From logits to probabilities, and from those to decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, softmax

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


def decide(proba: Any, thresholds: np.ndarray | float, min_labels: int = 0) -> Any:
    """Which labels are predicted.

    Parameters
    ----------
    proba : ndarray or csr_matrix of shape (n_samples, n_labels)
        Of a sparse matrix only labels that have a stored value are ever predicted.
    thresholds : float or ndarray of shape (n_labels,)
        A label is predicted from its threshold on.
    min_labels : int, default=0
        Where fewer labels reach their threshold, those that miss it by least are added: by the
        difference of what is compared, probabilities or decision values.

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
        return _decide_stored(proba, thresholds, min_labels)
    margin = proba - thresholds
    decisions = margin >= 0
    if min_labels:
        k = min(min_labels, proba.shape[1])
        few = np.flatnonzero(decisions.sum(axis=1) < k)
        if len(few):
            top = np.argpartition(-margin[few], k - 1, axis=1)[:, :k]
            decisions[few[:, None], top] = True
    return decisions


def _decide_stored(
    proba: sp.csr_matrix, thresholds: np.ndarray | float, min_labels: int
) -> sp.csr_matrix:
    proba = sp.csr_matrix(proba)
    margin = proba.data - np.broadcast_to(thresholds, proba.shape[1])[proba.indices]
    decided = margin >= 0
    lengths = np.diff(proba.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    if min_labels:
        order = np.lexsort((-margin, row))
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
