"""Several classifiers on one test set, and the picture of how they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklabelemb.comparison.bootstrap import PairedBootstrap, paired_bootstrap
from sklabelemb.optional import import_optional

__all__ = ["DifferenceDisplay", "TestSetComparison", "compare_on_test"]

BETTER, WORSE, UNSURE = "#1d6f5c", "#b3472e", "#777777"


@dataclass(frozen=True, repr=False)
class TestSetComparison:
    """Result of :func:`compare_on_test`; print it, or call :meth:`plot`.

    Attributes
    ----------
    scores : dict of str to float
        The metric of each classifier on all texts, the baseline included.
    baseline : str
        The classifier that the others are compared with.
    differences : dict of str to PairedBootstrap
        For each of the others, itself (A) against the baseline (B).
    p_values : dict of str to float
        Corrected by Holm's method for the number of comparisons.
    metric : str
    """

    # A name that pytest would take for tests.
    __test__ = False

    scores: dict[str, float]
    baseline: str
    differences: dict[str, PairedBootstrap]
    p_values: dict[str, float]
    metric: str

    def __str__(self) -> str:
        first = next(iter(self.differences.values()))
        lower = ", lower is better" if self.metric == "hamming_loss" else ""
        width = max(map(len, self.scores))
        lines = [
            f"{self.metric} on {first.n_samples} texts{lower}",
            f"  {self.baseline.ljust(width)}  {self.scores[self.baseline]:.4f}  baseline",
        ]
        lines += [
            f"  {name.ljust(width)}  {own.score_a:.4f}  {own.difference:+.4f} "
            f"[{own.low:+.4f}, {own.high:+.4f}]  p = {self.p_values[name]:.3g}"
            for name, own in self.differences.items()
        ]
        lines.append(
            f"  {100 * first.confidence_level:g} % intervals of the paired bootstrap, "
            f"{first.n_resamples} resamples; p corrected by Holm's method"
        )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Table, render_tables

        first = next(iter(self.differences.values()))
        level = f"{100 * first.confidence_level:g} %"
        heads = ["classifier", self.metric, "difference", f"{level} interval", "p"]
        rows = [[self.baseline, f"{self.scores[self.baseline]:.4f}", "baseline", "", ""]]
        rows += [
            [name, f"{own.score_a:.4f}", *own._cells()[:2], f"{self.p_values[name]:.3g}"]
            for name, own in self.differences.items()
        ]
        return render_tables(
            f"{self.metric} on {first.n_samples} texts",
            Table(heads, rows),
            notes=[
                *(["Lower is better."] if self.metric == "hamming_loss" else []),
                f"Intervals of the paired bootstrap, {first.n_resamples} resamples; p corrected by "
                "Holm's method.",
            ],
        )

    def plot(self, ax: Any = None) -> DifferenceDisplay:
        """Draw the differences and their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        DifferenceDisplay

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        own = self.differences.values()
        return DifferenceDisplay(
            classifiers=list(self.differences),
            differences=[one.difference for one in own],
            low=[one.low for one in own],
            high=[one.high for one in own],
            scores=[one.score_a for one in own],
            baseline=self.baseline,
            baseline_score=self.scores[self.baseline],
            metric=self.metric,
            confidence_level=next(iter(own)).confidence_level,
        ).plot(ax=ax)


def compare_on_test(
    predictions: Mapping[Any, Any],
    y_true: Any,
    *,
    baseline: Any = None,
    metric: str | Callable[[Any, Any], float] = "micro_f1",
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
) -> TestSetComparison:
    """Compare several classifiers on one test set: differences with confidence intervals.

    Each classifier is compared with the baseline by :func:`paired_bootstrap`; the p-values are
    corrected for the number of comparisons by Holm's method [1]_.

    Parameters
    ----------
    predictions : mapping from names to predictions
        What two or more classifiers predict for the same texts, each in the form of `y_true`.
    y_true : indicator of shape (n_samples, n_labels), or classes of shape (n_samples,)
    baseline : name, default=None
        Which of them the others are compared with. None: the first.
    metric, n_resamples, confidence_level
        As in :func:`paired_bootstrap`.
    random_state : int, RandomState or None, default=0
        Draws the resamples; all comparisons with an int are on the same resamples.

    Returns
    -------
    TestSetComparison

    Raises
    ------
    ValueError
        When there are fewer than two classifiers, when the baseline is not one of them, or when
        :func:`paired_bootstrap` raises it.

    See Also
    --------
    compare_classifiers : Over several datasets.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6 (2), 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.comparison import compare_on_test
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.integers(2, size=(300, 5))
    >>> def wrong(share):
    ...     return np.where(rng.random(y_true.shape) < share, 1 - y_true, y_true)
    >>> predictions = {"linear": wrong(0.2), "LEAM": wrong(0.1), "MTLE": wrong(0.19)}
    >>> print(compare_on_test(predictions, y_true))
    micro_f1 on 300 texts
      linear  0.7903  baseline
      LEAM    0.9065  +0.1162 [+0.0913, +0.1413]  p = 0.001
      MTLE    0.8118  +0.0215 [-0.0047, +0.0484]  p = 0.114
      95 % intervals of the paired bootstrap, 2000 resamples; p corrected by Holm's method
    """
    if not isinstance(predictions, Mapping) or len(predictions) < 2:
        raise ValueError(
            "predictions must be a mapping with two classifiers or more, {name: predictions}. For "
            "two arrays, use paired_bootstrap."
        )
    several = {str(name): prediction for name, prediction in predictions.items()}
    if len(several) < len(predictions):
        raise ValueError("Two classifiers in predictions have the same name.")
    against = next(iter(several)) if baseline is None else str(baseline)
    if against not in several:
        raise ValueError(f"baseline={baseline!r} is not one of the classifiers {list(several)}.")
    found = {
        name: paired_bootstrap(
            y_true,
            prediction,
            several[against],
            metric=metric,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
        )
        for name, prediction in several.items()
        if name != against
    }
    first = next(iter(found.values()))
    scores = {name: found[name].score_a if name in found else first.score_b for name in several}
    p_values = _holm({name: one.p_value for name, one in found.items()})
    return TestSetComparison(scores, against, found, p_values, first.metric)


def _holm(p_values: dict[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values: times the number of those not smaller, monotone, at most 1."""
    order = sorted(p_values, key=lambda name: p_values[name])
    adjusted, highest = {}, 0.0
    for rank, name in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


class DifferenceDisplay:
    """Forest plot: confidence intervals of the differences from a baseline.

    An interval that does not include 0 shows a significant difference. :meth:`from_predictions`
    makes and draws it, and so does
    :meth:`TestSetComparison.plot <sklabelemb.comparison.TestSetComparison.plot>`.

    Parameters
    ----------
    classifiers : sequence of str, length n_classifiers
        Without the baseline.
    differences, low, high : array-like of shape (n_classifiers,)
        Differences from the baseline, and the ends of their intervals.
    scores : array-like of shape (n_classifiers,)
    baseline : str
    baseline_score : float
    metric : str
    confidence_level : float, default=0.95

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.comparison import DifferenceDisplay
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.integers(2, size=(300, 5))
    >>> linear = np.where(rng.random(y_true.shape) < 0.2, 1 - y_true, y_true)
    >>> leam = np.where(rng.random(y_true.shape) < 0.1, 1 - y_true, y_true)
    >>> display = DifferenceDisplay.from_predictions(
    ...     {"linear": linear, "LEAM": leam}, y_true, ax=Figure().add_subplot()
    ... )
    >>> print(f"{display.differences[0]:+.3f} [{display.low[0]:+.3f}, {display.high[0]:+.3f}]")
    +0.116 [+0.091, +0.141]
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        classifiers: Any,
        differences: Any,
        low: Any,
        high: Any,
        scores: Any,
        baseline: str,
        baseline_score: float,
        metric: str,
        confidence_level: float = 0.95,
    ) -> None:
        self.classifiers = classifiers
        self.differences = differences
        self.low = low
        self.high = high
        self.scores = scores
        self.baseline = baseline
        self.baseline_score = baseline_score
        self.metric = metric
        self.confidence_level = confidence_level

    @classmethod
    def from_predictions(
        cls, predictions: Any, y_true: Any, *, ax: Any = None, **options: Any
    ) -> DifferenceDisplay:
        """Compare predictions and draw the differences.

        Parameters
        ----------
        predictions : mapping from names to predictions
        y_true : indicator or classes
        ax : matplotlib Axes, default=None
        **options
            ``baseline``, ``metric`` and so on, for :func:`compare_on_test`.

        Returns
        -------
        DifferenceDisplay
        """
        return compare_on_test(predictions, y_true, **options).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls, estimators: Any, X: Any, y: Any, *, ax: Any = None, **options: Any
    ) -> DifferenceDisplay:
        """Compare fitted classifiers on one test set and draw the differences.

        Parameters
        ----------
        estimators : mapping from names to fitted classifiers
        X : sequence of str, length n_samples
        y : indicator or classes
        ax : matplotlib Axes, default=None
        **options
            As in :meth:`from_predictions`.

        Returns
        -------
        DifferenceDisplay
        """
        predictions = {name: estimator.predict(X) for name, estimator in estimators.items()}
        return cls.from_predictions(predictions, y, ax=ax, **options)

    def plot(self, ax: Any = None) -> DifferenceDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        DifferenceDisplay
            This object, with `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        n = len(self.classifiers)
        if ax is None:
            pyplot = import_optional(
                "matplotlib.pyplot", extra="plot", purpose="The picture of differences"
            )
            _, ax = pyplot.subplots(figsize=(6.6, 1.5 + 0.42 * n), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        lower_is_better = self.metric == "hamming_loss"
        names = []
        for row in range(n):
            difference, low, high = (
                float(values[row]) for values in (self.differences, self.low, self.high)
            )
            above = low > 0
            colour = UNSURE
            if above or high < 0:
                colour = WORSE if above == lower_is_better else BETTER
            ax.plot([low, high], [row, row], color=colour, lw=2.4, solid_capstyle="butt")
            ax.plot(difference, row, "o", color=colour, ms=7, mec="white")
            name = " ".join(str(self.classifiers[row]).split()).replace("$", r"\$")
            names.append(
                f"{name if len(name) <= 32 else name[:31] + '…'}  ({self.scores[row]:.3f})"
            )
        ax.axvline(0, color="#444444", lw=1)
        edge = max(np.abs(np.concatenate([self.low, self.high])).max(), 1e-3) * 1.12
        ax.set(xlim=(-edge, edge), ylim=(n - 0.4, -0.6))
        ax.set_yticks(np.arange(n), names)
        metric = self.metric.replace("_", " ").replace(" f1", "-F1")
        base = f"{self.baseline} ({self.baseline_score:.3f})".replace("$", r"\$")
        ax.set_xlabel(f"difference in {metric} from {base}")
        level = f"{100 * self.confidence_level:g} % intervals of the paired bootstrap"
        lower = "; lower is better" if lower_is_better else ""
        ax.set_title(level + lower, fontsize="medium")
        ax.grid(axis="x", color="#e4e4e4", lw=0.8)
        ax.set_axisbelow(True)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
        return self
