"""Decisions and thresholds where only some labels of each sample have a score.

With thousands of labels a classifier scores the few that could be meant, as a sparse matrix. A
label without a stored score is never predicted, however low its threshold.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.objectives import WORTHLESS_F1
from sklabelemb.decision.thresholds import shrunk
from sklabelemb.sparse_rows import values_at

__all__ = ["decide_candidates", "tuned_candidate_thresholds"]


def decide_candidates(
    scores: sp.csr_matrix, thresholds: np.ndarray | float, min_labels: int = 0
) -> sp.csr_matrix:
    """Which labels are predicted, of those that have a score.

    Parameters
    ----------
    scores : csr_matrix of shape (n_samples, n_labels)
    thresholds : float or ndarray of shape (n_labels,)
    min_labels : int, default=0
        Where fewer labels reach their threshold, those that miss it by least are added, as far as
        there are any.

    Returns
    -------
    csr_matrix of bool, shape (n_samples, n_labels)

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> scores = sp.csr_matrix([[0.9, 0.2, 0.0], [0.3, 0.0, 0.0]])
    >>> decide_candidates(scores, 0.5, min_labels=1).toarray()
    array([[ True, False, False],
           [ True, False, False]])
    """
    thresholds = np.broadcast_to(thresholds, scores.shape[1])
    margin = scores.data - thresholds[scores.indices]
    decided = margin >= 0
    lengths = np.diff(scores.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    if min_labels:
        order = np.lexsort((-margin, row))
        rank = np.arange(len(order)) - np.repeat(scores.indptr[:-1], lengths)
        decided[order[rank < min_labels]] = True
    kept = np.flatnonzero(decided)
    ones = np.ones(len(kept), dtype=bool)
    return sp.csr_matrix((ones, (row[kept], scores.indices[kept])), shape=scores.shape)


def tuned_candidate_thresholds(
    y: sp.csr_matrix, scores: sp.csr_matrix, shrinkage: float = np.inf, measure: str = "micro"
) -> np.ndarray:
    """One threshold per label, tuned for F1 and shrunk for rare labels.

    As :func:`.tuned_thresholds`, but of scores as they are, of which only some are stored.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    scores : csr_matrix of shape (n_samples, n_labels)
        Of samples that were not trained on.
    shrinkage : float, default=inf
        inf: the common threshold for all. 0: each label its own.
    measure : {"micro", "macro"}, default="micro"

    Returns
    -------
    ndarray of shape (n_labels,)
        Infinite if no positive has a score.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1, 0], [1, 0], [0, 1], [0, 0]])
    >>> scores = sp.csr_matrix([[0.9, 0.1], [0.8, 0.0], [0.3, 0.4], [0.1, 0.2]])
    >>> tuned_candidate_thresholds(y, scores).round(2)
    array([0.35, 0.35])
    >>> tuned_candidate_thresholds(y, scores, shrinkage=0, measure="macro").round(2)
    array([0.55, 0.3 ])
    """
    hits = values_at(y, scores) > 0
    positives = np.asarray(y.sum(axis=0), dtype=np.float64).ravel()
    if not hits.any():
        return np.full(len(positives), np.inf)
    if measure == "macro":
        common = _common_for_macro(scores, hits, positives)
    else:
        together = np.zeros(len(hits), dtype=np.int64)
        common = _best_cuts(together, scores.data, hits, positives.sum(keepdims=True))[0][0]
    if not np.isfinite(shrinkage):
        return np.full(len(positives), common)
    own, f1 = _best_cuts(scores.indices, scores.data, hits, positives)
    if measure == "macro":
        own = np.where(f1 < WORTHLESS_F1, np.inf, own)
    return shrunk(own, common, positives, shrinkage)


def _best_cuts(
    group: np.ndarray, scores: np.ndarray, hits: np.ndarray, positives: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Threshold of each group that maximises its F1, and that F1; inf and 0 without a hit."""
    order, f1 = _f1_by_rank(group, scores, hits, positives)
    group, ranked = group[order], scores[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    best = np.maximum.reduceat(f1, starts)
    # The first place of each group that has its best.
    is_best = np.flatnonzero(f1 == np.repeat(best, np.diff(starts, append=len(f1))))
    cut = is_best[np.searchsorted(is_best, starts)]
    following = np.minimum(cut + 1, len(group) - 1)
    below = np.where(group[following] == group[cut], ranked[following], ranked[cut])
    found = best > 0
    thresholds, values = np.full(len(positives), np.inf), np.zeros(len(positives))
    thresholds[group[starts[found]]] = _between(ranked[cut], below)[found]
    values[group[starts[found]]] = best[found]
    return thresholds, values


def _common_for_macro(scores: sp.csr_matrix, hits: np.ndarray, positives: np.ndarray) -> float:
    """The threshold of all labels that maximises the sum of their F1."""
    order, f1 = _f1_by_rank(scores.indices, scores.data, hits, positives, untied=False)
    group, ranked = scores.indices[order], scores.data[order]
    before = np.where(np.diff(group, prepend=-1) != 0, 0.0, np.roll(f1, 1))
    descending = np.argsort(-ranked, kind="stable")
    total = np.cumsum((f1 - before)[descending])
    ranked = ranked[descending]
    total[:-1][ranked[:-1] == ranked[1:]] = -np.inf
    cut = int(total.argmax())
    return float(_between(ranked[cut], ranked[min(cut + 1, len(ranked) - 1)]))


def _f1_by_rank(
    group: np.ndarray,
    scores: np.ndarray,
    hits: np.ndarray,
    positives: np.ndarray,
    untied: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Order by group and falling score, and F1 of the group if it is cut behind each place.

    Between equal scores one cannot cut; there F1 is -1, if `untied`.
    """
    order = np.lexsort((-scores, group))
    group, ranked = group[order], scores[order]
    is_first = np.diff(group, prepend=-1) != 0
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(group)), 0))
    running = np.concatenate([[0], np.cumsum(hits[order])])
    n_hits = running[1:] - running[start]
    taken = np.arange(1, len(group) + 1) - start
    f1 = 2 * n_hits / (taken + positives[group])
    if untied:
        tied = (group[:-1] == group[1:]) & (ranked[:-1] == ranked[1:])
        f1[:-1][tied] = -1
    return order, f1


def _between(above: np.ndarray | float, below: np.ndarray | float) -> np.ndarray:
    """Midway; between neighbouring floats, where there is no middle, the upper one."""
    middle = (np.asarray(above) + below) / 2
    return np.where(middle > below, middle, above)
