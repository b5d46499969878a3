"""Select a tuning strategy for thresholds by cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit

from sklabelemb.decision import decide
from sklabelemb.decision.objectives import Objective
from sklabelemb.decision.rules import EPSILON
from sklabelemb.decision.thresholds import shrunk
from sklabelemb.model_selection import MultilabelStratifiedKFold
from sklabelemb.progress import progress_bar
from sklabelemb.sparse_rows import concatenated

__all__ = ["SHRINKAGES", "Candidate", "ThresholdSearch", "as_probabilities", "search_thresholds"]

# What shrinkage="auto" chooses from: positives at which a label goes half of the way to the
# threshold of its own.
SHRINKAGES = (300.0, 100.0, 30.0, 10.0, 3.0, 0.0)
N_FOLDS = 5
# A classifier's own threshold: p > 0.5, strictly, as in scikit-learn, so the logit of the next
# number above 0.5.
UNTUNED = 2 * np.finfo(np.float64).eps


def as_probabilities(cuts: np.ndarray) -> np.ndarray:
    """Thresholds on logits as probabilities; those above the logit of 1 are never reached.

    Slightly lower, so that rounding does not move a score below its threshold.
    """
    lower = np.where(cuts == UNTUNED, np.nextafter(0.5, 1), expit(cuts) * (1 - 4 * EPSILON))
    return np.where(cuts > logit(1 - EPSILON), np.inf, lower)


@dataclass(frozen=True)
class Candidate:
    """A rule that makes thresholds of scores.

    Attributes
    ----------
    strategy : {"default", "common", "per_label"}
        No tuning: the classifier's own threshold. One tuned threshold. One for each label.
    shrinkage : float
        For "per_label", see :func:`sklabelemb.decision.thresholds.shrunk`; else infinite.
    min_labels : int
        How many labels each sample gets at least.
    """

    strategy: str
    shrinkage: float = np.inf
    min_labels: int = 0

    def thresholds(
        self, untuned: float, common: float, own: np.ndarray | None, positives: np.ndarray
    ) -> np.ndarray:
        """Thresholds for scores, given the classifier's own and the tuned ones."""
        if self.strategy == "default" or not np.isfinite(common):
            return np.full(len(positives), untuned)
        if own is None or self.strategy == "common":
            return np.full(len(positives), common)
        return shrunk(own, common, positives, self.shrinkage)


@dataclass(frozen=True)
class ThresholdSearch:
    """Result of a threshold search.

    Attributes
    ----------
    thresholds : ndarray of shape (n_labels,)
        For scores in which 0 is the classifier's own threshold.
    best : Candidate
    scores : dict of Candidate to float
        The cross-validated objective of each candidate; the untuned threshold comes first.
    """

    thresholds: np.ndarray
    best: Candidate
    scores: dict[Candidate, float]


def search_thresholds(
    y: sp.csr_matrix,
    scores: Any,
    objective: Objective,
    *,
    strategies: Sequence[str] = ("common", "per_label"),
    shrinkages: Sequence[float] = SHRINKAGES,
    min_labels: Sequence[int] = (0,),
    samples: np.ndarray | None = None,
    are_logits: bool = False,
    random_state: int | np.random.RandomState | None = None,
    verbose: int | bool = 0,
) -> ThresholdSearch:
    """Tune thresholds by all candidate strategies, and keep the best in cross-validation.

    The samples are cut into five stratified parts; the thresholds of each candidate are tuned on
    four and judged on the fifth. The candidate whose decisions on all parts together have the best
    objective is tuned once more on all samples. The classifier's own threshold is a candidate, and
    ties go to the simpler one, so the result is not worse than without tuning, neither on the
    held-out parts nor on all samples.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
    scores : ndarray, or csr_matrix of probabilities, shape (n_samples, n_labels)
        Logits or decision values of samples that the classifier was not trained on. A sparse
        matrix has some probabilities of each sample, and the objective must take candidates.
    objective : Objective
    strategies : sequence of {"common", "per_label"}
    shrinkages : sequence of float
        Candidates for "per_label".
    min_labels : sequence of int
        Candidates.
    samples : int ndarray of shape (n_scores,), default=None
        Which sample each row belongs to, if a sample may have several; its rows stay in one part.
    are_logits : bool, default=False
        Whether the scores are logits of probabilities, on which decisions are then based.
    random_state : int, RandomState instance or None, default=None
        For the parts.
    verbose : int or bool, default=0
        Whether to show a progress bar.

    Returns
    -------
    ThresholdSearch
    """
    untuned = np.nextafter(0.5, 1) if sp.issparse(scores) else UNTUNED

    def decided(scores: Any, thresholds: np.ndarray, least: int) -> Any:
        if are_logits:
            return decide(expit(scores), as_probabilities(thresholds), least)
        return decide(scores, thresholds, least, margins=not sp.issparse(scores))

    candidates = list(_candidates(strategies, shrinkages, min_labels))
    with_own = "per_label" in strategies
    _, first, sample = np.unique(
        np.arange(scores.shape[0]) if samples is None else samples,
        return_index=True,
        return_inverse=True,
    )
    n_folds = min(N_FOLDS, len(first))
    tuned: list[tuple[np.ndarray, _Tuned]] = []
    found: dict[Candidate, float] = {}
    n_steps = n_folds * (n_folds > 1) + len(candidates) + 1
    with progress_bar("Searching thresholds", n_steps, "step", verbose) as progress:
        if n_folds > 1:
            folds = MultilabelStratifiedKFold(n_folds, shuffle=True, random_state=random_state)
            for _, part in folds.split(None, y[first]):
                in_part = np.isin(sample, part)
                kept, left = np.flatnonzero(~in_part), np.flatnonzero(in_part)
                tuned.append((left, _tune(y[kept], scores[kept], objective, with_own)))
                progress.update()
        back = np.argsort(np.concatenate([left for left, _ in tuned])) if tuned else None
        for candidate in candidates:
            parts = [
                decided(scores[left], candidate.thresholds(untuned, *on_kept), candidate.min_labels)
                for left, on_kept in tuned
            ]
            decisions = concatenated(parts)[back] if parts else np.zeros(scores.shape, dtype=bool)
            found[candidate] = objective.score(y, decisions)
            progress.update()
        on_all = _tune(y, scores, objective, with_own)
        progress.update()
    default = candidates[0]
    best = max(candidates, key=lambda candidate: found[candidate])  # the first of equals
    thresholds = best.thresholds(untuned, *on_all)
    by_itself = objective.score(y, decided(scores, np.array(untuned), default.min_labels))
    if objective.score(y, decided(scores, thresholds, best.min_labels)) < by_itself:
        best, thresholds = default, np.full(scores.shape[1], untuned)
    return ThresholdSearch(thresholds, best, found)


_Tuned = tuple[float, np.ndarray | None, np.ndarray]


def _candidates(
    strategies: Sequence[str], shrinkages: Sequence[float], min_labels: Sequence[int]
) -> Iterator[Candidate]:
    """Candidates, the simplest first."""
    for least in min_labels:
        yield Candidate("default", min_labels=least)
    for least in min_labels:
        if "common" in strategies:
            yield Candidate("common", min_labels=least)
    for least in min_labels:
        if "per_label" in strategies:
            for shrinkage in shrinkages:
                yield Candidate("per_label", shrinkage, least)


def _tune(y: sp.csr_matrix, scores: Any, objective: Objective, with_own: bool) -> _Tuned:
    """Best common threshold, best thresholds of the labels, positives they were tuned on."""
    positives = y.sum(axis=0).A1
    common = objective.common(y, scores)
    if not with_own or not np.isfinite(common):
        return common, None, positives
    return common, objective.own(y, scores, common), positives
