"""Thresholds for sparse scores, where each sample has scores of some labels only.

With thousands of labels a classifier scores only a few candidates per sample. A label without a
stored score is never predicted, however low its threshold.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklabelemb.sparse_rows import values_at

__all__ = ["RankedPairs", "best_common_of_candidates", "best_cuts", "best_mean_cut", "gainful_cuts"]


class RankedPairs:
    """Scores in groups, each group from its highest to its lowest.

    Parameters
    ----------
    group : int ndarray of shape (n_pairs,)
    scores : ndarray of shape (n_pairs,)
    hits : bool ndarray of shape (n_pairs,)
        Where a score belongs to a positive.

    Attributes
    ----------
    group, scores : ndarrays of shape (n_pairs,)
        In order.
    hits, taken : int ndarrays of shape (n_pairs,)
        How many positives, and how many pairs, are selected if the group is cut after each
        position.
    tied : bool ndarray of shape (n_pairs,)
        Where no cut is possible, because the next score is equal.
    """

    def __init__(self, group: np.ndarray, scores: np.ndarray, hits: np.ndarray) -> None:
        order = np.lexsort((-scores, group))
        self.group, self.scores = group[order], scores[order]
        self._starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        self._lengths = np.diff(self._starts, append=len(order))
        start = np.repeat(self._starts, self._lengths)
        running = np.concatenate([[0], np.cumsum(hits[order])])
        self.hits = running[1:] - running[start]
        self.taken = np.arange(1, len(order) + 1) - start
        self.tied = np.zeros(len(order), dtype=bool)
        self.tied[:-1] = np.diff(self.group) == 0
        self.tied[:-1] &= self.scores[:-1] == self.scores[1:]

    @classmethod
    def of_labels(cls, y: sp.csr_matrix, scores: sp.csr_matrix) -> RankedPairs:
        """The stored scores of each label."""
        return cls(scores.indices, scores.data, values_at(y, scores) > 0)

    @classmethod
    def of_samples(cls, y: sp.csr_matrix, scores: sp.csr_matrix) -> RankedPairs:
        """The stored scores of each sample."""
        rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
        return cls(rows, scores.data, values_at(y, scores) > 0)

    def best(self, values: np.ndarray) -> np.ndarray:
        """The first place of each group that has its largest value."""
        largest = np.maximum.reduceat(values, self._starts)
        found = np.flatnonzero(values == np.repeat(largest, self._lengths))
        return found[np.searchsorted(found, self._starts)]

    def cuts(self, places: np.ndarray) -> np.ndarray:
        """Thresholds after positions: midway to the next score of the group, if there is one."""
        following = np.minimum(places + 1, len(self.group) - 1)
        inside = self.group[following] == self.group[places]
        return _between(
            self.scores[places], np.where(inside, self.scores[following], self.scores[places])
        )


def best_cuts(pairs: RankedPairs, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Threshold of each group that maximises its F1, and that F1; infinite and 0 without a hit.

    Parameters
    ----------
    pairs : RankedPairs
    positives : ndarray of shape (n_groups,)
        Number of positives, scored or not.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1, 0], [1, 0], [0, 1]])
    >>> scores = sp.csr_matrix([[0.9, 0.1], [0.7, 0.0], [0.3, 0.4]])
    >>> best_cuts(RankedPairs.of_labels(y, scores), np.array([2, 1]))
    (array([0.5 , 0.25]), array([1., 1.]))
    """
    f1 = 2 * pairs.hits / (pairs.taken + positives[pairs.group])
    f1[pairs.tied] = -1
    places = pairs.best(f1)
    places = places[f1[places] > 0]
    thresholds, values = np.full(len(positives), np.inf), np.zeros(len(positives))
    thresholds[pairs.group[places]] = pairs.cuts(places)
    values[pairs.group[places]] = f1[places]
    return thresholds, values


def best_common_of_candidates(y: sp.csr_matrix, scores: sp.csr_matrix) -> float:
    """The threshold of all labels that maximises F1 over all pairs; infinite without a hit."""
    hits = values_at(y, scores) > 0
    together = RankedPairs(np.zeros(len(hits), dtype=np.int64), scores.data, hits)
    return float(best_cuts(together, np.array([y.nnz]))[0][0]) if hits.any() else np.inf


def best_mean_cut(pairs: RankedPairs, positives: np.ndarray) -> float:
    """The threshold of all groups that maximises the sum of their F1; infinite without a hit."""
    if not len(pairs.hits) or not pairs.hits.any():
        return np.inf
    f1 = 2 * pairs.hits / (pairs.taken + positives[pairs.group])
    before = np.where(pairs.taken == 1, 0.0, np.roll(f1, 1))
    descending = np.argsort(-pairs.scores, kind="stable")
    total = np.cumsum((f1 - before)[descending])
    ranked = pairs.scores[descending]
    total[:-1][ranked[:-1] == ranked[1:]] = -np.inf
    cut = int(total.argmax())
    return float(_between(ranked[cut], ranked[min(cut + 1, len(ranked) - 1)]))


def gainful_cuts(pairs: RankedPairs, value: float, n_positives: int, n_labels: int) -> np.ndarray:
    """Thresholds of the labels that maximise F1 over all pairs, by Dinkelbach's method.

    Parameters
    ----------
    pairs : RankedPairs
        Of the labels.
    value : float
        An F1 that is reached already.
    n_positives, n_labels : int

    Returns
    -------
    ndarray of shape (n_labels,)
        Infinite for labels without a hit; see :class:`sklabelemb.decision.objectives.MicroF1`.
    """
    while True:
        gain = 2 * pairs.hits - value * pairs.taken
        gain[pairs.tied] = -np.inf
        places = pairs.best(gain)
        some = places[gain[places] > 0]
        reached = 2 * pairs.hits[some].sum() / (pairs.taken[some].sum() + n_positives)
        if reached <= value * (1 + 1e-12):
            break
        value = reached
    thresholds = np.full(n_labels, np.inf)
    with_hits = np.unique(pairs.group[pairs.hits > 0])
    first = np.searchsorted(pairs.group, with_hits)
    # Just above the highest score, if nothing is worth selecting.
    thresholds[with_hits] = np.nextafter(pairs.scores[first], np.inf)
    thresholds[pairs.group[some]] = pairs.cuts(some)
    return thresholds


def _between(above: np.ndarray | float, below: np.ndarray | float) -> np.ndarray:
    """Midway; between neighbouring floats, where there is no middle, the upper one."""
    middle = (np.asarray(above) + below) / 2
    return np.where(middle > below, middle, above)
