"""Threshold tuning of a fit, on its held-out texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit

from sklabelemb.decision.candidates import RankedPairs, best_cuts
from sklabelemb.decision.objectives import MacroF1, MicroF1
from sklabelemb.decision.rules import decide, probabilities
from sklabelemb.decision.thresholds import best_thresholds, shrunk

__all__ = ["SHRINKAGES", "tuned_thresholds"]

# What "auto" means: with this many positives a label's threshold lies halfway between that of all
# labels and its own.
SHRINKAGES = {"tuned": 400.0, "micro": 400.0, "macro": 5.0}
# Candidates for how much thresholds fall with frequency, in logits per factor e.
SLOPES = (0.1, 0.2, 0.3, 0.4, 0.5)
# How much micro-F1 may lose in favour of macro-F1, on the texts that thresholds are tuned on.
MICRO_TOLERANCE = 0.002


def tuned_thresholds(
    y: sp.csr_matrix,
    logits: np.ndarray | sp.csr_matrix,
    shrinkage: float = np.inf,
    measure: str = "tuned",
) -> np.ndarray:
    """One threshold per label, as probabilities, tuned for F1 and shrunk for rare labels.

    All labels start from one threshold that is best for micro-F1 (or macro-F1). For both together
    (``measure="tuned"``), it is lower for rarer labels: the best threshold of calibrated
    probabilities is half of the F1 that it leads to [1]_, and rare labels reach a lower F1. The
    slope is the one with the best macro-F1 among those whose micro-F1 is within 0.002 of the best.
    From there, a label with n positives among these samples moves ``n / (n + shrinkage)`` of the
    way (in logits) to its own best threshold: a threshold tuned on two positives is mostly noise.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    logits : ndarray, or csr_matrix of probabilities, shape (n_samples, n_labels)
        Scores of samples that were not trained on. In a sparse matrix, which has those of some
        labels of each sample, they are probabilities.
    shrinkage : float, default=inf
        inf: no label has a threshold of its own. 0: each its own.
    measure : {"tuned", "micro", "macro"}, default="tuned"
        Which F1 to maximise; "tuned": both averages. For macro-F1, labels that would reach less
        than 0.1 by themselves keep the common threshold.

    Returns
    -------
    ndarray of shape (n_labels,)

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan, and B. Naryanaswamy. "Optimal Thresholding of Classifiers to
       Maximize F1 Measure". ECML PKDD 2014.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1, 0], [1, 0], [0, 1], [0, 0]])
    >>> logits = np.array([[2.0, -3.0], [1.0, -2.0], [-1.0, -1.0], [-2.0, -1.5]])
    >>> tuned_thresholds(y, logits, measure="micro").round(2)
    array([0.22, 0.22])
    >>> tuned_thresholds(y, logits).round(2)
    array([0.27, 0.26])
    >>> tuned_thresholds(y, logits, shrinkage=0, measure="macro").round(2)
    array([0.5 , 0.22])
    """
    macro = measure == "macro"
    positives = np.asarray(y.sum(axis=0)).ravel()
    if measure == "tuned":
        start = _falling(y, logits, positives)
    else:
        common = MacroF1().common(y, logits) if macro else MicroF1().common(y, logits)
        start = np.full(logits.shape[1], common, dtype=np.float64)
    if not np.isfinite(start).all():
        return np.full(logits.shape[1], 0.5)
    thresholds = start
    if np.isfinite(shrinkage):
        own = MacroF1().own(y, logits, start[0]) if macro else _own(y, logits, positives)
        thresholds = shrunk(own, start, positives, shrinkage)
    return thresholds if sp.issparse(logits) else probabilities(thresholds, multilabel=True)


def _falling(y: sp.csr_matrix, scores: np.ndarray | sp.csr_matrix, positives: np.ndarray) -> Any:
    """Thresholds that fall with the logarithm of the labels' frequency, with the best slope."""
    rarity = np.log((positives + 0.5) / (positives.max(initial=0) + 0.5))
    found = []
    for slope in (0.0, *SLOPES):
        lower = slope * rarity
        shifted = _less(scores, lower)
        common = MicroF1().common(y, shifted)
        if not np.isfinite(common):
            return np.full(scores.shape[1], np.inf)
        decisions = decide(shifted, common)
        thresholds = expit(logit(common) + lower) if sp.issparse(scores) else common + lower
        found.append((MicroF1().score(y, decisions), MacroF1().score(y, decisions), thresholds))
    best = max(micro for micro, _, _ in found)
    good = [one for one in found if one[0] >= best - MICRO_TOLERANCE]
    return max(good, key=lambda one: one[1])[2]


def _less(scores: Any, logits: np.ndarray) -> Any:
    """Scores minus an amount for each label; probabilities in a sparse matrix stay such."""
    if not logits.any():
        return scores
    if not sp.issparse(scores):
        return (scores - logits).astype(scores.dtype)
    shifted = scores.copy()
    shifted.data = expit(logit(scores.data) - logits[scores.indices]).astype(scores.dtype)
    return shifted


def _own(y: sp.csr_matrix, scores: np.ndarray | sp.csr_matrix, positives: np.ndarray) -> np.ndarray:
    """The threshold of each label that is best for its own F1."""
    if sp.issparse(scores):
        return best_cuts(RankedPairs.of_labels(y, scores), positives)[0]
    return best_thresholds(y.toarray(), scores)[0]
