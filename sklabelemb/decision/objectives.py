"""Thresholds that maximise an F1 averaged in one way or another, or any function of decisions.

Each objective provides three things: its value for given decisions, the best common threshold, and
the best threshold of each label. For the three F1 measures every threshold is considered, by
sorting (per-label thresholds for samples-F1 are improved label by label); a user-defined function
is tried at candidates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.candidates import (
    RankedPairs,
    best_common_of_candidates,
    best_cuts,
    best_mean_cut,
    gainful_cuts,
)
from sklabelemb.decision.rules import decide
from sklabelemb.decision.thresholds import best_common_threshold, best_thresholds, cuts_between

__all__ = ["OBJECTIVES", "CallableObjective", "MacroF1", "MicroF1", "Objective", "SamplesF1"]


class Objective(ABC):
    """A measure of decisions; larger is better.

    In the methods, `y` is an indicator as CSR and `scores` an ndarray of the same shape. With
    :attr:`takes_candidates`, scores (and decisions) may also be CSR: a label without a stored score
    is not predicted.
    """

    takes_candidates = False

    @abstractmethod
    def score(self, y: sp.csr_matrix, decisions: np.ndarray) -> float:
        """Value for bool decisions of shape (n_samples, n_labels)."""

    @abstractmethod
    def common(self, y: sp.csr_matrix, scores: np.ndarray) -> float:
        """Return the best threshold for all labels; infinite if there is no positive."""

    @abstractmethod
    def own(self, y: sp.csr_matrix, scores: np.ndarray, start: float) -> np.ndarray:
        """Return the best threshold of each label, starting from a common one.

        Parameters
        ----------
        y, scores
        start : float
            The common threshold.

        Returns
        -------
        ndarray of shape (n_labels,)
            Infinite for labels that have none, such as those without positives.
        """


class MicroF1(Objective):
    """F1 of all pairs of a sample and a label: ``2 TP / (predicted + positive)``.

    The best thresholds of the labels are found by Dinkelbach's method: for a given value λ, the
    numerator minus λ times the denominator is a sum over labels, so each label finds its cut
    independently; the ratio at these cuts is the next λ, until convergence. The result is exact.

    References
    ----------
    W. Dinkelbach. "On Nonlinear Fractional Programming". Management Science 13 (7), 1967.
    """

    takes_candidates = True

    def score(self, y: sp.csr_matrix, decisions: Any) -> float:
        """Value for bool decisions."""
        total = decisions.sum() + y.nnz
        return float(2 * _hits(y, decisions).sum() / max(1, total))

    def common(self, y: sp.csr_matrix, scores: Any) -> float:
        """Return the best common threshold."""
        if sp.issparse(scores):
            return best_common_of_candidates(y, scores)
        return best_common_threshold(y, scores)

    def own(self, y: sp.csr_matrix, scores: Any, start: float) -> np.ndarray:
        """Return the best threshold of each label."""
        if not y.nnz:
            return np.full(scores.shape[1], np.inf)
        if sp.issparse(scores):
            pairs = RankedPairs.of_labels(y, scores)
            value = self.score(y, decide(scores, start))
            return gainful_cuts(pairs, value, y.nnz, scores.shape[1])
        value = self.score(y, scores >= start)
        truth = y.toarray().astype(bool)
        order = np.argsort(-scores, axis=0, kind="stable")
        ranked = np.take_along_axis(scores, order, axis=0)
        hits = np.cumsum(np.take_along_axis(truth, order, axis=0), axis=0, dtype=np.int32)
        taken = np.arange(1, len(scores) + 1, dtype=np.int32)[:, np.newaxis]
        # One cannot cut between equal scores.
        uncut = ranked[:-1] == ranked[1:]
        columns = np.arange(scores.shape[1])
        while True:
            gain = 2 * hits - value * taken
            gain[:-1][uncut] = -np.inf
            cut = gain.argmax(axis=0)
            none = gain[cut, columns] <= 0
            n_hits = np.where(none, 0, hits[cut, columns]).sum()
            n_taken = np.where(none, 0, cut + 1).sum()
            reached = 2 * n_hits / (n_taken + y.nnz)
            if reached <= value * (1 + 1e-12):
                break
            value = reached
        thresholds = cuts_between(ranked, np.where(none, 0, cut + 1))
        return np.where(hits[-1] > 0, thresholds, np.inf)


# If scores are uninformative for a label, its F1 is "best" when every sample gets it: with a single
# positive among 8,000 samples, that gains 0.0002 of F1 for 8,000 wrong labels. Below this F1, with
# fewer than one correct prediction in nineteen, a label has no threshold of its own.
WORTHLESS_F1 = 0.1


class MacroF1(Objective):
    """Mean of the labels' F1; 0 for a label that is neither true nor predicted.

    A label that would reach less than 0.1 by itself has no threshold of its own: the loss is tiny,
    and such a label would be predicted for nearly every sample.
    """

    takes_candidates = True

    def score(self, y: sp.csr_matrix, decisions: Any) -> float:
        """Value for bool decisions."""
        total = np.asarray(decisions.sum(axis=0)).ravel() + y.sum(axis=0).A1
        return float(np.mean(2 * _hits(y, decisions) / np.maximum(total, 1)))

    def common(self, y: sp.csr_matrix, scores: Any) -> float:
        """Return the best common threshold."""
        if sp.issparse(scores):
            return best_mean_cut(RankedPairs.of_labels(y, scores), y.sum(axis=0).A1)
        return _best_common(y.toarray().astype(bool), scores)

    def own(self, y: sp.csr_matrix, scores: Any, start: float) -> np.ndarray:
        """Return the best threshold of each label."""
        if sp.issparse(scores):
            own, f1 = best_cuts(RankedPairs.of_labels(y, scores), y.sum(axis=0).A1)
        else:
            own, f1 = best_thresholds(y.toarray().astype(bool), scores)
        return np.where(f1 < WORTHLESS_F1, np.inf, own)


class SamplesF1(Objective):
    """Mean of the samples' F1; 0 for a sample without labels and without predictions.

    Per-label thresholds are found by coordinate ascent: one label after the other, with the others
    fixed, until nothing is gained. The best cut of one label is exact: the running sum, in the
    order of the scores, of what each sample gains or loses by the label.
    """

    max_rounds = 10

    def score(self, y: sp.csr_matrix, decisions: np.ndarray) -> float:
        """Value for bool decisions."""
        rows, columns = y.nonzero()
        hits = np.bincount(rows, weights=decisions[rows, columns], minlength=y.shape[0])
        total = decisions.sum(axis=1) + np.diff(y.indptr)
        return float(np.mean(2 * hits / np.maximum(total, 1)))

    def common(self, y: sp.csr_matrix, scores: np.ndarray) -> float:
        """Return the best common threshold."""
        return _best_common(y.toarray().astype(bool).T, scores.T)

    def own(self, y: sp.csr_matrix, scores: np.ndarray, start: float) -> np.ndarray:
        """Return the best threshold of each label."""
        n_samples = len(scores)
        by_label = y.tocsc()
        positives = np.diff(by_label.indptr)
        thresholds = np.where(positives > 0, start, np.inf)
        decisions = scores >= start
        rows, columns = y.nonzero()
        hits: Any = np.bincount(rows, weights=decisions[rows, columns], minlength=n_samples)
        total: Any = decisions.sum(axis=1) + np.diff(y.indptr).astype(np.float64)
        for _ in range(self.max_rounds):
            gained = 0.0
            for label in np.argsort(-positives, kind="stable"):
                if not positives[label]:
                    break
                truth = np.zeros(n_samples)
                truth[by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]] = 1
                decided = decisions[:, label]
                # Without the label, hits and total are these; with it, one more in each.
                hits -= truth * decided
                total -= decided
                without = 2 * hits / np.maximum(total, 1)
                gain = 2 * (hits + truth) / (total + 1) - without
                column = scores[:, label]
                order = np.argsort(-column, kind="stable")
                ranked = column[order]
                running = np.concatenate([[0.0], np.cumsum(gain[order])])
                # Cut 0 selects nothing; there is no cut between equal scores.
                running[1:-1][ranked[:-1] == ranked[1:]] = -np.inf
                cut = int(running.argmax())
                before = gain[decided].sum()
                if running[cut] > before + 1e-12:
                    gained += running[cut] - before
                    thresholds[label] = cuts_between(ranked[:, np.newaxis], np.array([cut]))[0]
                    decided = column >= thresholds[label]
                    decisions[:, label] = decided
                hits += truth * decided
                total += decided
            if gained <= 1e-9 * n_samples:
                break
        return thresholds


class CallableObjective(Objective):
    """A user-defined function of truth and prediction, tried at candidates.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred) -> float``, larger is better.
    dense : bool
        Whether it gets dense arrays or CSR matrices.
    """

    # Quantiles of the scores that are tried: for the common threshold, and for each label.
    n_common = 100
    n_own = 20

    def __init__(self, function: Callable[[Any, Any], float], dense: bool) -> None:
        self.function = function
        self.dense = dense

    def score(self, y: sp.csr_matrix, decisions: np.ndarray) -> float:
        """Value for bool decisions."""
        truth, prediction = y.astype(np.int64), decisions.astype(np.int64)
        value = (
            self.function(truth.toarray(), prediction)
            if self.dense
            else self.function(truth, sp.csr_matrix(prediction))
        )
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"objective must give one number, larger being better, but it gave {value!r}."
            ) from None
        if np.isnan(number):
            raise ValueError("objective gave NaN.")
        return number

    def common(self, y: sp.csr_matrix, scores: np.ndarray) -> float:
        """Return the best of the candidates."""
        if not y.nnz:
            return np.inf
        # Quantiles of the scores of the pairs that could be worth predicting: the highest ones,
        # ten times as many as there are positives.
        n_top = min(scores.size, 10 * y.nnz)
        top = np.partition(scores.ravel(), scores.size - n_top)[scores.size - n_top :]
        candidates = _candidates(top, self.n_common)
        values = [self.score(y, scores >= candidate) for candidate in candidates]
        return float(candidates[int(np.argmax(values))])

    def own(self, y: sp.csr_matrix, scores: np.ndarray, start: float) -> np.ndarray:
        """Return the best of the candidates of each label, one label after the other, once."""
        positives = y.sum(axis=0).A1.astype(int)
        decisions = scores >= start
        thresholds = np.where(positives > 0, start, np.inf)
        best = self.score(y, decisions)
        for label in np.argsort(-positives, kind="stable"):
            if not positives[label]:
                break
            column = scores[:, label]
            n_top = min(len(column), 10 * int(positives[label]))
            for candidate in _candidates(np.sort(column)[len(column) - n_top :], self.n_own):
                kept = decisions[:, label].copy()
                decisions[:, label] = column >= candidate
                value = self.score(y, decisions)
                if value > best:
                    best, thresholds[label] = value, candidate
                else:
                    decisions[:, label] = kept
        return thresholds


OBJECTIVES: dict[str, type[Objective]] = {
    "micro_f1": MicroF1,
    "macro_f1": MacroF1,
    "samples_f1": SamplesF1,
}
# As scikit-learn's scorers are called.
OBJECTIVES |= {f"f1_{name.removesuffix('_f1')}": kind for name, kind in OBJECTIVES.items()}


def _hits(y: sp.csr_matrix, decisions: Any) -> np.ndarray:
    """True positives of each label."""
    if sp.issparse(decisions):
        return np.asarray(y.multiply(decisions).sum(axis=0)).ravel()
    rows, columns = y.nonzero()
    return np.bincount(columns, weights=decisions[rows, columns], minlength=y.shape[1])


def _best_common(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the threshold that maximises the mean of the columns' F1.

    Each selected score changes the F1 of its own column only, so the mean at a threshold is the sum
    of all changes from there upwards.
    """
    positives = truth.sum(axis=0)
    if not positives.any():
        return np.inf
    order = np.argsort(-scores, axis=0, kind="stable")
    hits = np.cumsum(np.take_along_axis(truth, order, axis=0), axis=0)
    taken = np.arange(1, len(truth) + 1)[:, np.newaxis]
    f1 = 2 * hits / (taken + positives)
    gain = np.diff(f1, axis=0, prepend=0.0).ravel()
    flat = np.take_along_axis(scores, order, axis=0).ravel()
    descending = np.argsort(-flat, kind="stable")
    ranked = flat[descending]
    mean = np.cumsum(gain[descending])
    mean[:-1][ranked[:-1] == ranked[1:]] = -np.inf
    return float(cuts_between(ranked[:, np.newaxis], np.array([mean.argmax() + 1]))[0])


def _candidates(values: np.ndarray, number: int) -> np.ndarray:
    """Thresholds halfway between neighbouring quantiles of some scores, and below the lowest."""
    quantiles = np.unique(np.quantile(values, np.linspace(0, 1, number), method="nearest"))
    between = (quantiles[:-1] + quantiles[1:]) / 2
    between = np.where(between > quantiles[:-1], between, quantiles[1:])
    return np.concatenate([[quantiles[0]], between, [np.nextafter(quantiles[-1], np.inf)]])
