"""Thresholds that a fit tunes on the texts that it held out."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.candidates import RankedPairs, best_cuts
from sklabelemb.decision.objectives import MacroF1, MicroF1
from sklabelemb.decision.rules import probabilities
from sklabelemb.decision.thresholds import best_thresholds, shrunk

__all__ = ["tuned_thresholds"]


def tuned_thresholds(
    y: sp.csr_matrix,
    logits: np.ndarray | sp.csr_matrix,
    shrinkage: float = np.inf,
    measure: str = "micro",
) -> np.ndarray:
    """One threshold per label, as probabilities, tuned for F1 and shrunk for rare labels.

    The common threshold that is best for micro-F1 (or macro-F1) is the start. A label with n
    positives among these samples moves from there towards the one that is best for itself, by
    ``n / (n + shrinkage)`` of the way (in logits): a threshold tuned on two positives is mostly
    noise.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    logits : ndarray, or csr_matrix of probabilities, shape (n_samples, n_labels)
        Scores of samples that were not trained on. In a sparse matrix, which has those of some
        labels of each sample, they are probabilities.
    shrinkage : float, default=inf
        inf: the common threshold for all. 0: each label its own.
    measure : {"micro", "macro"}, default="micro"
        For macro-F1 labels that would reach less than 0.1 by themselves keep the common one.

    Returns
    -------
    ndarray of shape (n_labels,)

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1, 0], [1, 0], [0, 1], [0, 0]])
    >>> logits = np.array([[2.0, -3.0], [1.0, -2.0], [-1.0, -1.0], [-2.0, -1.5]])
    >>> tuned_thresholds(y, logits).round(2)
    array([0.22, 0.22])
    >>> tuned_thresholds(y, logits, shrinkage=0, measure="macro").round(2)
    array([0.5 , 0.22])
    """
    macro = measure == "macro"
    common = MacroF1().common(y, logits) if macro else MicroF1().common(y, logits)
    if not np.isfinite(common):
        return np.full(logits.shape[1], 0.5)
    thresholds = np.full(logits.shape[1], common, dtype=np.float64)
    if np.isfinite(shrinkage):
        positives = np.asarray(y.sum(axis=0)).ravel()
        own = MacroF1().own(y, logits, common) if macro else _own(y, logits, positives)
        thresholds = shrunk(own, common, positives, shrinkage)
    return thresholds if sp.issparse(logits) else probabilities(thresholds, multilabel=True)


def _own(y: sp.csr_matrix, scores: np.ndarray | sp.csr_matrix, positives: np.ndarray) -> np.ndarray:
    """The threshold of each label that is best for its own F1."""
    if sp.issparse(scores):
        return best_cuts(RankedPairs.of_labels(y, scores), positives)[0]
    return best_thresholds(y.toarray(), scores)[0]
