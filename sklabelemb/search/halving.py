"""`autotune`: successive halving over the package's classifiers, within a time limit.

scikit-learn's halving searches work the same way, but have no time limit. So the rounds are
implemented here; everything else is scikit-learn's.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import get_scorer

from sklabelemb.metrics import SCORERS
from sklabelemb.model_selection import stratified_holdout
from sklabelemb.search.contenders import Contender, contenders
from sklabelemb.search.tried import AutotuneResult
from sklabelemb.sklearn_internals import safe_indexing
from sklabelemb.targets import Targets
from sklabelemb.text.documents import check_documents

__all__ = ["autotune"]

# Each round has three times the texts of the last, and a third of the contenders of each kind.
# Kinds are not halved against each other: linear models lead with few texts, and networks gain with
# more of them.
FACTOR = 3
# The first round has no more texts than this.
FIRST_ROUND = 1500
# A fit may take this much longer than extrapolated from fewer texts.
SLACK = 1.2

clock = time.perf_counter


def autotune(
    X: Any,
    y: Any,
    *,
    minutes: float = 10.0,
    scoring: Any = "f1_micro",
    label_names: Any = None,
    label_texts: Any = None,
    encoder: Any = None,
    memory: Any = None,
    estimators: Mapping[str, Any] | None = None,
    validation_fraction: float = 0.2,
    refit: bool = True,
    random_state: int = 0,
    verbose: bool = False,
) -> AutotuneResult:
    """Automatic model selection: find the best text classifier within a time limit.

    Candidates are the linear baselines and LEAM, with `encoder` also LEAM and MTLE over it, and for
    many labels the label tree; targets may be multi-label or single-label. Successive halving fits
    all of them to few texts, the best third of each kind to three times as many, and so on up to
    all texts. All scores are on the same stratified dev set, which is held out until the choice is
    made.

    Parameters
    ----------
    X : list, array or Series of str, shape (n_samples,)
        Raw texts.
    y : indicator of shape (n_samples, n_labels), or classes of shape (n_samples,)
        Labels, in any form that the classifiers take.
    minutes : float, default=10
        Time limit for everything, including the final fit. A fit is only started if smaller fits
        suggest that it ends in time; the very first fit always runs.
    scoring : str or callable, default="f1_micro"
        A name in :data:`sklabelemb.metrics.SCORERS`, or one of scikit-learn's for classes (where
        "f1_micro" is the accuracy); or a scorer ``scorer(estimator, X, y)``. Larger is better.
    label_names : sequence of length n_labels, default=None
        Names of the labels, if `y` has none.
    label_texts : dict or sequence of str, default=None
        Texts of the labels, for classifiers that use them. None: their names.
    encoder : str or object, default=None
        A pretrained encoder, as for :class:`.LEAMClassifier`.
    memory : path, default=None
        Folder that caches the vectors of `encoder`, so each text is encoded only once.
    estimators : dict of str to classifier, default=None
        Additional candidates by name, tried after the package's own. An existing name replaces that
        candidate; None removes it.
    validation_fraction : float, default=0.2
        Share of the texts in the dev set.
    refit : bool, default=True
        Whether to finally fit the best candidate to all texts, including the dev set.
    random_state : int, default=0
        For the dev set, the samples and the classifiers.
    verbose : bool, default=False
        Whether to report progress on stderr.

    Returns
    -------
    AutotuneResult
        With the fitted ``estimator`` and the table of candidates; print it to see the table.

    Raises
    ------
    ValueError
        When `minutes` or `validation_fraction` are out of range, no scorer has that name, or no
        classifier could be fitted.

    See Also
    --------
    sklearn.model_selection.HalvingRandomSearchCV : Search the parameters of one classifier.

    Notes
    -----
    How many rounds are run depends on the speed of the machine: two searches with the same
    `random_state` are only identical if there is time for all rounds. The score of the winner is
    slightly optimistic, because it is the best of several on the same texts; evaluate it on others.

    Examples
    --------
    >>> from sklabelemb import autotune
    >>> from sklabelemb.datasets import load_support_requests
    >>> data = load_support_requests()
    >>> skip = {"LEAM": None, "LEAM, r=0": None}  # to be quick
    >>> found = autotune(
    ...     data.data, data.target, label_names=data.target_names, estimators=skip, minutes=5
    ... )
    >>> [row["name"] for row in found.results], found.n_dev, found.n_fitted
    (['linear', 'linear, C=0.2'], 124, 619)
    >>> print(f"micro-F1 {found.best_score:.1f}")
    micro-F1 0.7
    >>> found.estimator.predict_labels(["my parcel is late"])
    [('delivery',)]
    """
    if not minutes > 0:
        raise ValueError(f"minutes must be greater than 0, but is {minutes!r}.")
    if not 0 < validation_fraction < 1:
        raise ValueError(
            f"validation_fraction must lie between 0 and 1, but is {validation_fraction!r}."
        )
    deadline = clock() + 60 * minutes
    n_texts = len(check_documents(X))
    targets = Targets.infer(y, label_names=label_names)
    target = targets.encode(y, label_names=label_names)
    scorer, measure = _scorer(scoring, targets.multilabel)
    tried, left_out = contenders(
        targets.multilabel,
        targets.n_labels,
        label_names=label_names,
        label_texts=label_texts,
        encoder=encoder,
        memory=memory,
        random_state=random_state,
    )
    tried = _with(tried, estimators or {})
    train, dev = stratified_holdout(target, validation_fraction, random_state)
    if len(dev) == 0:
        raise ValueError(
            f"validation_fraction={validation_fraction} holds out none of {n_texts} texts: pass "
            "more texts or a larger fraction."
        )
    search = _Search(X, y, dev, scorer, deadline, n_texts if refit else 0, verbose)
    sizes = [len(train)]
    while sizes[0] > FIRST_ROUND:
        sizes.insert(0, sizes[0] // FACTOR)
    for size in sizes:
        part = train
        if size < len(train):
            part = train[stratified_holdout(target[train], 1 - size / len(train), random_state)[0]]
        tried = search.round(tried, part)
        if not tried:
            break
    return search.result(measure, left_out)


def _scorer(scoring: Any, multilabel: bool) -> tuple[Any, str]:
    if callable(scoring):
        return scoring, getattr(scoring, "__name__", "score")
    if multilabel:
        try:
            return SCORERS[scoring], scoring
        except KeyError as error:
            raise ValueError(f"scoring: {error.args[0]}") from error
    return get_scorer(scoring), scoring


def _with(own: list[Contender], others: Mapping[str, Any]) -> list[Contender]:
    known = {contender.name for contender in own}
    kept = [
        Contender(c.name, others.get(c.name, c.estimator), c.cost)
        for c in own
        if others.get(c.name, c.estimator) is not None
    ]
    most = max((c.cost for c in own), default=1.0)
    new = [
        Contender(name, estimator, most)
        for name, estimator in others.items()
        if name not in known and estimator is not None
    ]
    if not kept + new:
        raise ValueError("estimators leaves nothing to try.")
    return kept + new


@dataclass
class _Search:
    """The rounds and their results."""

    X: Any
    y: Any
    dev: np.ndarray
    scorer: Any
    deadline: float
    n_refit: int
    verbose: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    # For each contender: texts and seconds of its fits, and its last score.
    measured: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    best: tuple[float, Contender, Any, int] | None = None

    def round(self, tried: list[Contender], part: np.ndarray) -> list[Contender]:
        """Fit the best of each kind to a part of the texts; returns those that were fitted."""
        wanted = Counter(contender.kind for contender in tried)
        if self.scores:  # the first round has them all, the cheap ones first
            wanted = Counter({kind: math.ceil(n / FACTOR) for kind, n in wanted.items()})
            tried = sorted(tried, key=lambda contender: -self.scores[contender.name])
        done: list[Contender] = []
        for contender in tried:
            if wanted[contender.kind] == 0:
                continue
            if (expected := self.foreseen(contender, len(part))) is not None:
                # Once its time can be extrapolated, there must be time for the final fit as well.
                if self.n_refit and len(self.measured.get(contender.name, ())) > 1:
                    expected += self.foreseen(contender, self.n_refit) or 0.0
                left = self.deadline - clock()
                if expected > left:
                    why = f"about {expected:.0f} s, but {max(left, 0):.0f} s were left"
                    self.left_out.append((f"{contender.name}, {len(part):,} texts", why))
                    continue
            if self.fit(contender, part):
                wanted[contender.kind] -= 1
                done.append(contender)
        return done

    def foreseen(self, contender: Contender, n_texts: int) -> float | None:
        """Estimated seconds of a fit; None if nothing is known."""
        if contender.name in self.measured:
            *before, (n_last, seconds) = self.measured[contender.name]
            if not before:
                return SLACK * seconds * max(1.0, n_texts / n_last)
            # Many fits grow more slowly than their texts; two of them show how.
            n_before, seconds_before = before[-1]
            slope = (seconds - seconds_before) / max(1, n_last - n_before)
            least = seconds * math.sqrt(max(1.0, n_texts / n_last))
            return SLACK * max(least, seconds + slope * (n_texts - n_last))
        if not self.rows:
            return None
        first = self.rows[0]
        share = n_texts / first["n_texts"]
        return float(first["seconds"] * contender.cost * max(1.0, share))

    def fit(self, contender: Contender, part: np.ndarray) -> bool:
        """Fit a contender and score it; False where that fails."""
        self.say(f"{contender.name}, {len(part):,} texts ...")
        began = clock()
        estimator, score, error = clone(contender.estimator), None, ""
        try:
            with _without_noise():
                estimator.fit(safe_indexing(self.X, part), safe_indexing(self.y, part))
                dev = safe_indexing(self.X, self.dev), safe_indexing(self.y, self.dev)
                score = float(self.scorer(estimator, *dev))
        except (
            ValueError,
            TypeError,
            MemoryError,
            ArithmeticError,
            ImportError,
            OSError,
        ) as reason:
            error = " ".join(str(reason).split())
        if score is not None and math.isnan(score):
            score, error = None, "the score is not a number"
        seconds = clock() - began
        self.rows.append(
            {
                "name": contender.name,
                "n_texts": len(part),
                "score": score,
                "seconds": seconds,
                "parameters": repr(contender.estimator),
                "error": error,
            }
        )
        if score is None:
            self.say(f"  failed: {error}")
            return False
        self.say(f"  {score:.3f}, {seconds:.1f} s")
        self.measured.setdefault(contender.name, []).append((len(part), seconds))
        self.scores[contender.name] = score
        if self.best is None or (score, len(part)) > (self.best[0], self.best[3]):
            self.best = score, contender, estimator, len(part)
        return True

    def result(self, measure: str, left_out: list[tuple[str, str]]) -> AutotuneResult:
        """The best of all, fitted to all texts if there is time."""
        if self.best is None:
            failed = "; ".join(f"{row['name']}: {row['error']}" for row in self.rows)
            raise ValueError(f"No classifier could be fitted. {failed}")
        score, contender, estimator, n_fitted = self.best
        if self.n_refit:
            expected = self.foreseen(contender, self.n_refit) or 0.0
            if clock() + expected <= self.deadline:
                self.say(f"{contender.name}, all {self.n_refit:,} texts ...")
                with _without_noise():
                    estimator = clone(contender.estimator).fit(self.X, self.y)
                n_fitted = self.n_refit
            else:
                self.left_out.append((f"{contender.name}, all texts", "no time was left"))
        return AutotuneResult(
            estimator=estimator,
            best_name=contender.name,
            best_score=score,
            scoring=measure,
            n_fitted=n_fitted,
            n_dev=len(self.dev),
            results=self.rows,
            not_tried=[*self.left_out, *left_out],
        )

    def say(self, message: str) -> None:
        if self.verbose:
            print(message, file=sys.stderr, flush=True)


@contextmanager
def _without_noise() -> Iterator[None]:
    """Suppress warnings that are due to small samples of the texts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* labels have no positive sample in y")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        warnings.filterwarnings("ignore", category=UndefinedMetricWarning)
        yield
