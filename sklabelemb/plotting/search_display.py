"""The scores of a grid search over one parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklabelemb.plotting.axes import SERIES, axes_for, bare, short

__all__ = ["GridSearchDisplay"]


class GridSearchDisplay:
    """Grid search scores over one parameter, such as LEAM's window size r, with their spread.

    If the search varied other parameters too, each value is shown with its best score. Use
    :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    parameter : str
    values : list, length n_values
        What was tried, ascending where they are numbers.
    means, deviations : dict of str to ndarray of shape (n_values,)
        For each metric, the mean score over the folds and its standard deviation.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Notes
    -----
    The error bars are one standard deviation over the folds. Values with widely overlapping bars
    are about equally good; prefer the cheaper one.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import GridSearchDisplay
    >>> results = {
    ...     "param_window_size": [2, 0, 5],
    ...     "mean_test_score": [0.81, 0.76, 0.80],
    ...     "std_test_score": [0.01, 0.02, 0.01],
    ... }
    >>> display = GridSearchDisplay.from_results(results, ax=Figure().add_subplot())
    >>> display.best()
    (2, 0.81)
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        parameter: str,
        values: list[Any],
        means: dict[str, np.ndarray],
        deviations: dict[str, np.ndarray],
    ) -> None:
        self.parameter = parameter
        self.values = values
        self.means = means
        self.deviations = deviations

    @classmethod
    def from_estimator(
        cls, search: Any, parameter: str | None = None, *, ax: Any = None
    ) -> GridSearchDisplay:
        """Draw a fitted search.

        Parameters
        ----------
        search : GridSearchCV or the like
            Fitted: it has ``cv_results_``.
        parameter : str, default=None
            Which parameter; None if only one was searched.
        ax : matplotlib Axes, default=None

        Returns
        -------
        GridSearchDisplay
        """
        if not hasattr(search, "cv_results_"):
            raise ValueError(f"{type(search).__name__} has no cv_results_: fit the search first.")
        return cls.from_results(search.cv_results_, parameter, ax=ax)

    @classmethod
    def from_results(
        cls, results: Mapping[str, Any], parameter: str | None = None, *, ax: Any = None
    ) -> GridSearchDisplay:
        """Draw the results of a search.

        Parameters
        ----------
        results : mapping or DataFrame
            As ``cv_results_`` of scikit-learn's searches: "param_NAME", "mean_test_METRIC" and
            "std_test_METRIC".
        parameter, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        GridSearchDisplay

        Raises
        ------
        ValueError
            When several parameters were searched and none is named, or there is no such parameter.
        """
        searched = [key.removeprefix("param_") for key in results if key.startswith("param_")]
        if parameter is None and len(searched) == 1:
            parameter = searched[0]
        # That of an estimator inside a pipeline may be named without the step.
        found = [name for name in searched if parameter in (name, name.rsplit("__", 1)[-1])]
        if parameter is None or len(found) != 1:
            raise ValueError(
                f"parameter must be one of those that were searched, {searched}, but got "
                f"{parameter!r}."
            )
        tried = list(results[f"param_{found[0]}"])
        values = _in_order(tried)
        metrics = [key.removeprefix("mean_test_") for key in results if "mean_test_" in key]
        means, deviations = {}, {}
        for metric in metrics:
            mean = np.asarray(results[f"mean_test_{metric}"], dtype=np.float64)
            spread = np.asarray(results[f"std_test_{metric}"], dtype=np.float64)
            best = []
            for value in values:
                own = [i for i, one in enumerate(tried) if one == value]
                best.append(own[int(np.argmax(np.nan_to_num(mean[own], nan=-np.inf)))])
            means[metric], deviations[metric] = mean[best], spread[best]
        display = cls(parameter=found[0], values=values, means=means, deviations=deviations)
        return display.plot(ax=ax)

    def best(self, metric: str | None = None) -> tuple[Any, float]:
        """The value with the highest mean score, and that score; of the first metric by default."""
        means = self.means[next(iter(self.means)) if metric is None else metric]
        place = int(np.nanargmax(means))
        return self.values[place], float(means[place])

    def plot(self, ax: Any = None) -> GridSearchDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        GridSearchDisplay
            This object, with `ax_` and `figure_`.
        """
        ax = axes_for(ax, "a grid search", 5.8, 3.7)
        self.ax_, self.figure_ = ax, ax.figure
        places = np.arange(len(self.values))
        for i, metric in enumerate(self.means):
            colour = SERIES[i % len(SERIES)]
            shift = 0.06 * (i - (len(self.means) - 1) / 2)
            name = "score" if metric == "score" else metric
            ax.errorbar(
                places + shift,
                self.means[metric],
                self.deviations[metric],
                color=colour,
                marker="o",
                ms=5,
                lw=1.7,
                capsize=3,
                label=short(name),
            )
            value, score = self.best(metric)
            ax.plot(
                places[self.values.index(value)] + shift,
                score,
                "o",
                ms=11,
                mfc="none",
                mec=colour,
                mew=1.5,
                gid="best",
            )
        ax.set_xticks(places, [short(value, 16) for value in self.values])
        ax.set(
            xlabel=self.parameter.rsplit("__", 1)[-1].replace("_", " "),
            ylabel="mean score ± s.d. over folds",
        )
        ax.grid(axis="y", color="#e4e4e4", lw=0.8)
        ax.set_axisbelow(True)
        bare(ax)
        if len(self.means) > 1:
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
        return self


def _in_order(values: list[Any]) -> list[Any]:
    """Distinct values, numbers ascending, others as they came."""
    distinct: list[Any] = []
    for value in values:
        if not any(value is one or value == one for one in distinct):
            distinct.append(value)
    try:
        return sorted(distinct)
    except TypeError:
        return distinct
