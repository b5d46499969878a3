"""F1 of rare and frequent labels, for several classifiers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklabelemb.metrics.frequency import FrequencyGroups, f1_by_label_frequency
from sklabelemb.plotting.axes import SERIES, axes_for, bare, short

__all__ = ["F1ByFrequencyDisplay"]

AVERAGES = ("macro", "micro")


class F1ByFrequencyDisplay:
    """F1 by label frequency: several classifiers on rare and frequent labels.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    groups : dict of str to FrequencyGroups
        For each classifier, as :func:`sklabelemb.metrics.f1_by_label_frequency` gives it; all of
        the same groups of labels.
    average : {"macro", "micro"}, default="macro"
        Which F1 of a group is drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    References
    ----------
    X. Zhang, Q.-W. Zhang, Z. Yan, R. Liu, Y. Cao. "Enhancing Label Correlation Feedback in
    Multi-Label Text Classification via Multi-Task Learning". Findings of ACL 2021, Figure 2.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import F1ByFrequencyDisplay
    >>> y_true = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    >>> predictions = {
    ...     "linear": np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]]),
    ...     "LEAM": np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]]),
    ... }
    >>> display = F1ByFrequencyDisplay.from_predictions(
    ...     y_true,
    ...     predictions,
    ...     frequencies=[90, 40, 5, 2],
    ...     n_groups=2,
    ...     ax=Figure().add_subplot(),
    ... )
    >>> display.groups["LEAM"].macro_f1
    array([0.5, 1. ])
    """

    ax_: Any
    figure_: Any

    def __init__(self, *, groups: dict[str, FrequencyGroups], average: str = "macro") -> None:
        self.groups = groups
        self.average = average

    @classmethod
    def from_estimator(
        cls,
        estimators: Any,
        X: Any,
        y: Any,
        *,
        y_train: Any,
        n_groups: int = 4,
        edges: Sequence[float] | None = None,
        average: str = "macro",
        ax: Any = None,
    ) -> F1ByFrequencyDisplay:
        """Draw one or more fitted classifiers.

        Parameters
        ----------
        estimators : classifier, or mapping from names to classifiers
            Fitted, multi-label.
        X : sequence of str, length n_samples
        y : indicator of shape (n_samples, n_labels)
        y_train : indicator of shape (n_train_samples, n_labels)
            Training labels, to count how frequent each label is.
        n_groups, edges
            As in :func:`sklabelemb.metrics.f1_by_label_frequency`.
        average : {"macro", "micro"}, default="macro"
        ax : matplotlib Axes, default=None

        Returns
        -------
        F1ByFrequencyDisplay
        """
        if not isinstance(estimators, Mapping):
            estimators = {type(estimators).__name__: estimators}
        predictions = {name: estimator.predict(X) for name, estimator in estimators.items()}
        return cls.from_predictions(
            y,
            predictions,
            y_train=y_train,
            n_groups=n_groups,
            edges=edges,
            average=average,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        y_train: Any = None,
        frequencies: Any = None,
        n_groups: int = 4,
        edges: Sequence[float] | None = None,
        average: str = "macro",
        ax: Any = None,
    ) -> F1ByFrequencyDisplay:
        """Draw one or more predictions.

        Parameters
        ----------
        y_true : indicator of shape (n_samples, n_labels)
        y_pred : indicator, or mapping from names to indicators
        y_train, frequencies, n_groups, edges
            As in :func:`sklabelemb.metrics.f1_by_label_frequency`.
        average : {"macro", "micro"}, default="macro"
            "macro": the mean F1 of a group's labels. "micro": F1 of all pairs of a text and one of
            its labels.
        ax : matplotlib Axes, default=None

        Returns
        -------
        F1ByFrequencyDisplay

        Raises
        ------
        ValueError
            When shapes differ, there is nothing to draw, or `average` is something else.
        """
        if average not in AVERAGES:
            raise ValueError(f"average must be 'macro' or 'micro', but got {average!r}.")
        several = y_pred if isinstance(y_pred, Mapping) else {"predictions": y_pred}
        if not several:
            raise ValueError("y_pred is an empty mapping: there is nothing to draw.")
        how = {
            "y_train": y_train,
            "frequencies": frequencies,
            "n_groups": n_groups,
            "edges": edges,
        }
        groups = {
            str(name): f1_by_label_frequency(y_true, one, **how) for name, one in several.items()
        }
        return cls(groups=groups, average=average).plot(ax=ax)

    def plot(self, ax: Any = None) -> F1ByFrequencyDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        F1ByFrequencyDisplay
            This object, with `ax_` and `figure_`.
        """
        first = next(iter(self.groups.values()))
        n, n_groups = len(self.groups), len(first)
        ax = axes_for(ax, "F1 by label frequency", 2.4 + n_groups * (0.7 + 0.25 * n), 3.8)
        self.ax_, self.figure_ = ax, ax.figure
        places, width = np.arange(n_groups), 0.8 / n
        for i, (name, groups) in enumerate(self.groups.items()):
            heights = getattr(groups, f"{self.average}_f1")
            shift = (i - (n - 1) / 2) * width
            bars = ax.bar(
                places + shift, heights, 0.92 * width, color=SERIES[i % 10], label=short(name)
            )
            if n * n_groups <= 16:
                ax.bar_label(bars, fmt="%.2f", fontsize=7, padding=1)
        ranges = first.ranges()
        ax.set_xticks(
            places,
            [
                f"{frequency}\n({k} label{'s' if k > 1 else ''})"
                for frequency, k in zip(ranges, first.n_labels, strict=True)
            ],
        )
        ax.set(
            ylim=(0, 1.05), xlabel="texts with the label in training", ylabel=f"{self.average}-F1"
        )
        bare(ax)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
        return self
