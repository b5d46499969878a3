"""Two classifiers on the same texts: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d, indexable
from sklearn.utils.multiclass import unique_labels

from sklabelemb.comparison.ratios import (
    CLASS_METRICS,
    INDICATOR_METRICS,
    RatioOfSums,
    class_ratio,
    indicator_ratio,
)
from sklabelemb.metrics.checks import check_indicators
from sklabelemb.sklearn_internals import safe_indexing

__all__ = ["PairedBootstrap", "paired_bootstrap"]

# Resamples are scored this many numbers at a time (32 MiB of float64 for each matrix).
BLOCK = 4_000_000
# Two ways of adding up the same numbers differ by less than this share of the scores.
ROUNDING = 1e-12
NAMES = ("y_true", "y_pred_a", "y_pred_b")


@dataclass(frozen=True, repr=False)
class PairedBootstrap:
    """Result of :func:`paired_bootstrap`; print it for a summary.

    Attributes
    ----------
    score_a, score_b : float
        The metric of either classifier on all texts.
    difference : float
        ``score_a - score_b``.
    low, high : float
        Confidence interval of the difference (percentiles of the resampled differences).
    p_value : float
        Two-sided, never 0.
    n_resamples, n_samples : int
        Number of resamples, and of texts.
    confidence_level : float
        Of the interval.
    metric : str
        Its name.
    differences : ndarray of shape (n_resamples,)
        The difference in every resample.
    """

    score_a: float
    score_b: float
    difference: float
    low: float
    high: float
    p_value: float
    n_resamples: int
    n_samples: int
    confidence_level: float
    metric: str
    differences: np.ndarray = field(repr=False, compare=False)

    def __str__(self) -> str:
        lower = ", lower is better" if self.metric == "hamming_loss" else ""
        return (
            f"{self.metric} on {self.n_samples} texts{lower}\n"
            f"  A {self.score_a:.4f}, B {self.score_b:.4f}\n"
            f"  A - B = {self.difference:+.4f}, {100 * self.confidence_level:g} % interval "
            f"[{self.low:+.4f}, {self.high:+.4f}], p = {self.p_value:.3g}\n"
            f"  paired bootstrap, two-sided, {self.n_resamples} resamples"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Table, render_tables

        level = f"{100 * self.confidence_level:g} %"
        scores = [f"{score:.4f}" for score in (self.score_a, self.score_b)]
        return render_tables(
            f"{self.metric} on {self.n_samples} texts",
            Table(
                ["", "A", "B", "A − B", f"{level} interval", "p"], [["", *scores, *self._cells()]]
            ),
            notes=[
                *(["Lower is better."] if self.metric == "hamming_loss" else []),
                f"Paired bootstrap, two-sided, {self.n_resamples} resamples.",
            ],
        )

    def _cells(self) -> tuple[str, str, str]:
        """Difference, interval and p as a table shows them."""
        interval = f"[{self.low:+.4f}, {self.high:+.4f}]"
        return f"{self.difference:+.4f}", interval, f"{self.p_value:.3g}"


def paired_bootstrap(
    y_true: Any,
    y_pred_a: Any,
    y_pred_b: Any,
    *,
    metric: str | Callable[[Any, Any], float] = "micro_f1",
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> PairedBootstrap:
    r"""Compare two classifiers on one test set with the paired bootstrap.

    The texts are resampled with replacement, and both predictions are scored on the same resample.
    With :math:`\delta` the difference A - B on all texts and :math:`\delta_r` that of resample
    :math:`r` out of :math:`R`, the confidence interval consists of percentiles of :math:`\delta_r`,
    and the two-sided p-value is

    .. math:: p = \frac{1 + \#\{r : |\delta_r - \delta| \geq |\delta|\}}{1 + R}

    Under the null hypothesis the difference is 0, so the resampled differences are moved from
    :math:`\delta` to 0 before they are compared with :math:`\delta` [2]_. The ones count the data
    themselves as one draw [3]_: identical predictions have p = 1, and no p is below
    :math:`1 / (1 + R)`.

    The test accounts for other texts from the same source, but not for the effect of another random
    seed on either classifier.

    Parameters
    ----------
    y_true, y_pred_a, y_pred_b : array-like, scipy sparse or DataFrame
        Three label indicators of shape (n_samples, n_labels); or three 1-D arrays of classes. For a
        callable `metric`, anything that it accepts, scores included.
    metric : str or callable, default="micro_f1"
        For indicators ``"micro_f1"``, ``"macro_f1"``, ``"samples_f1"``, ``"hamming_loss"`` (lower
        is better, so a negative difference favours A), ``"subset_accuracy"`` or ``"accuracy"``,
        which is the same. For classes ``"accuracy"``, ``"micro_f1"`` or ``"macro_f1"``. They equal
        scikit-learn's with ``zero_division=0``: a label without positives and predictions has F1 0,
        and the macro average of classes runs over those that occur.

        A callable is called as ``metric(y_true, y_pred)`` for every resample, with the rows that
        were drawn, and returns a number. It takes much longer than a name.
    n_resamples : int, default=2000
        Percentiles at the ends of an interval need a thousand or more [1]_.
    confidence_level : float, default=0.95
        Of the interval; between 0 and 1.
    random_state : int, RandomState or None, default=None
        Draws the resamples. Pass an int for the same answer every time.

    Returns
    -------
    PairedBootstrap

    Raises
    ------
    ValueError
        When the targets do not fit together, a parameter is out of range, there are fewer than two
        texts, or a callable returns no finite number.

    See Also
    --------
    compare_classifiers : Several classifiers on several datasets.

    Notes
    -----
    Interval and p-value may disagree slightly at the margin: the interval uses each tail of the
    distribution separately, the p-value both together.

    Each named metric is a ratio of sums over the texts, so a resample is a vector of how often each
    text was drawn, and a block of resamples is scored by two sparse matrix products. Blocks keep
    the memory beside the data below 200 MiB, however many labels and resamples there are.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993:
       percentile intervals in chapter 13, tests in chapter 16.
    .. [2] T. Berg-Kirkpatrick, D. Burkett and D. Klein, "An Empirical Investigation of Statistical
       Significance in NLP", EMNLP-CoNLL 2012, section 2 (one-sided there).
    .. [3] A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", Cambridge
       University Press, 1997, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.comparison import paired_bootstrap
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.integers(2, size=(300, 5))
    >>> careful = np.where(rng.random(y_true.shape) < 0.1, 1 - y_true, y_true)
    >>> hasty = np.where(rng.random(y_true.shape) < 0.2, 1 - y_true, y_true)
    >>> result = paired_bootstrap(y_true, careful, hasty, random_state=0)
    >>> print(result)
    micro_f1 on 300 texts
      A 0.8871, B 0.8026
      A - B = +0.0845, 95 % interval [+0.0594, +0.1089], p = 0.0005
      paired bootstrap, two-sided, 2000 resamples
    """
    _check_numbers(n_resamples, confidence_level)
    targets = (y_true, y_pred_a, y_pred_b)
    if hasattr(metric, "_score_func"):
        raise ValueError(
            "metric is a scorer, which wants an estimator and X. Pass the metric itself, a "
            "function of y_true and y_pred, or one of the names."
        )
    if callable(metric):
        scores = _scores_of_callable(metric, targets, n_resamples, random_state)
        n_samples = _n_samples(y_true)
    else:
        ratios = _ratios(metric, targets)
        scores = _scores_of_ratios(ratios, n_resamples, random_state)
        n_samples = ratios[0].numerator.shape[1]

    score_a, score_b = scores[0]
    difference = score_a - score_b
    differences = scores[1:, 0] - scores[1:, 1]
    slack = ROUNDING * max(abs(score_a), abs(score_b))
    extreme = np.count_nonzero(np.abs(differences - difference) >= abs(difference) - slack)
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return PairedBootstrap(
        score_a=float(score_a),
        score_b=float(score_b),
        difference=float(difference),
        low=float(low),
        high=float(high),
        p_value=float((1 + extreme) / (1 + n_resamples)),
        n_resamples=int(n_resamples),
        n_samples=n_samples,
        confidence_level=float(confidence_level),
        metric=_name(metric),
        differences=differences,
    )


def _check_numbers(n_resamples: Any, confidence_level: Any) -> None:
    if (
        not isinstance(n_resamples, Integral)
        or isinstance(n_resamples, bool)
        or int(n_resamples) < 1
    ):
        raise ValueError(
            f"n_resamples must be a whole number of at least 1, but got {n_resamples!r}."
        )
    if not isinstance(confidence_level, Real) or not 0 < float(confidence_level) < 1:
        raise ValueError(
            "confidence_level must lie between 0 and 1, both excluded (0.95 for 95 %), but got "
            f"{confidence_level!r}."
        )


def _check_enough(n_samples: int) -> None:
    if n_samples < 2:
        raise ValueError(
            f"A bootstrap draws from the texts of a test set, but their number is {n_samples}; "
            "give at least two, better some hundred."
        )


def _draws(n_samples: int, n_resamples: int, random_state: Any) -> Iterator[np.ndarray]:
    """The rows of each resample, one after the other, whatever they are used for."""
    random = check_random_state(random_state)
    for _ in range(n_resamples):
        yield random.randint(n_samples, size=n_samples)


def _ratios(metric: Any, targets: tuple[Any, Any, Any]) -> tuple[RatioOfSums, RatioOfSums]:
    """The named metric for A and for B."""
    one_dimensional = [_is_one_dimensional(y) for y in targets]
    if len(set(one_dimensional)) > 1:
        shapes = ", ".join(
            f"{name} is {'1-D' if flat else '2-D'}"
            for name, flat in zip(NAMES, one_dimensional, strict=True)
        )
        raise ValueError(
            "y_true and the predictions must all be label indicators (2-D) or all be classes "
            f"(1-D), but {shapes}."
        )
    if isinstance(metric, str) and metric.startswith("f1_"):  # as scikit-learn's scorers are called
        metric = f"{metric.removeprefix('f1_')}_f1"
    known = CLASS_METRICS if one_dimensional[0] else INDICATOR_METRICS
    if metric not in known:
        kind = "1-D classes" if one_dimensional[0] else "label indicators"
        raise ValueError(
            f"metric={metric!r} is not known for {kind}; give one of {', '.join(known)}, or a "
            "function metric(y_true, y_pred)."
        )
    if one_dimensional[0]:
        truth, *predictions = _check_classes(targets)
        return class_ratio(metric, truth, predictions[0]), class_ratio(
            metric, truth, predictions[1]
        )
    truth, prediction_a = check_indicators(targets[0], targets[1], NAMES[:2])
    _, prediction_b = check_indicators(targets[0], targets[2], (NAMES[0], NAMES[2]))
    return indicator_ratio(metric, truth, prediction_a), indicator_ratio(
        metric, truth, prediction_b
    )


def _scores_of_ratios(
    ratios: tuple[RatioOfSums, RatioOfSums], n_resamples: int, random_state: Any
) -> np.ndarray:
    """Scores of A and B, on all texts (row 0) and on every resample."""
    n_samples = ratios[0].numerator.shape[1]
    _check_enough(n_samples)
    height = max(n_samples, *(ratio.n_columns for ratio in ratios))
    width = max(1, BLOCK // height)
    scores = np.empty((1 + n_resamples, 2))
    scores[0] = [ratio.score(np.ones((n_samples, 1)))[0] for ratio in ratios]
    draws = _draws(n_samples, n_resamples, random_state)
    for start in range(1, 1 + n_resamples, width):
        stop = min(start + width, 1 + n_resamples)
        counts = np.empty((n_samples, stop - start))
        for column in range(stop - start):
            counts[:, column] = np.bincount(next(draws), minlength=n_samples)
        for which, ratio in enumerate(ratios):
            scores[start:stop, which] = ratio.score(counts)
    return scores


def _scores_of_callable(
    metric: Callable[[Any, Any], float],
    targets: tuple[Any, Any, Any],
    n_resamples: int,
    random_state: Any,
) -> np.ndarray:
    """The same for a user-defined metric."""
    y_true, y_pred_a, y_pred_b = indexable(*targets)
    n_samples = _n_samples(y_true)
    _check_enough(n_samples)
    scores = np.empty((1 + n_resamples, 2))
    scores[0] = [_number(metric(y_true, y), metric, "all texts") for y in (y_pred_a, y_pred_b)]
    for i, rows in enumerate(_draws(n_samples, n_resamples, random_state), start=1):
        truth = safe_indexing(y_true, rows)
        for which, y in enumerate((y_pred_a, y_pred_b)):
            score = metric(truth, safe_indexing(y, rows))
            scores[i, which] = _number(score, metric, f"resample {i} of {n_resamples}")
    return scores


def _number(score: Any, metric: Any, where: str) -> float:
    try:
        number = float(score)
    except (TypeError, ValueError):
        raise ValueError(
            f"metric must return one number, but {_name(metric)} returned "
            f"{type(score).__name__}. With scikit-learn's metrics, choose an average: "
            "functools.partial(f1_score, average='macro')."
        ) from None
    if not np.isfinite(number):
        raise ValueError(
            f"metric {_name(metric)} returned {number} on {where}. A resample may lack a label or "
            "a class altogether; the metric must still return a finite number."
        )
    return number


def _name(metric: Any) -> str:
    if isinstance(metric, str):
        return metric
    function = getattr(metric, "func", metric)  # functools.partial has no name of its own
    return str(getattr(function, "__name__", type(function).__name__))


def _n_samples(y: Any) -> int:
    return int(y.shape[0]) if hasattr(y, "shape") else len(y)


def _is_one_dimensional(y: Any) -> bool:
    if hasattr(y, "shape"):
        return len(y.shape) == 1
    try:
        return np.ndim(y) == 1
    except ValueError:  # a list of lists of different lengths
        return False


def _check_classes(targets: tuple[Any, Any, Any]) -> list[np.ndarray]:
    """1-D classes as arrays of one dtype that can be compared."""
    check_consistent_length(*targets)
    arrays = [column_or_1d(y.to_numpy() if hasattr(y, "to_numpy") else y) for y in targets]
    for name, values in zip(NAMES, arrays, strict=True):
        # Only a missing value differs from itself; comparing pandas.NA gives NA.
        missing = [
            i
            for i, value in enumerate(values.tolist())
            if value is None or type(value).__name__ == "NAType" or value != value
        ]
        if missing:
            raise ValueError(
                f"{name} contains a missing value in row {missing[0]}. Drop the row from all "
                "three, or give it a class."
            )
    unique_labels(*arrays)  # refuses numbers beside text, and numbers that are no classes
    return arrays
