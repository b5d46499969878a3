"""Co-occurrence of labels: in the truth, in predictions, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.metrics.checks import check_indicators
from sklabelemb.metrics.cooccurrence import conditional_cooccurrence
from sklabelemb.plotting.axes import axes_for, column_labels, short
from sklabelemb.plotting.scored_labels import chosen_labels, label_names_for
from sklabelemb.targets import names_of

__all__ = ["LabelCooccurrenceDisplay"]

MOST_LABELS = 15
# Up to this many labels, the shares are written into the cells.
MOST_WRITTEN = 8
PARTS = ("truth", "prediction", "difference")


class LabelCooccurrenceDisplay:
    """Co-occurrence of labels as a heat map: truth, predictions, and their difference.

    The cell in row a, column b is the share of the texts with label a that have label b as well.
    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    names : list, length n_labels
    truth, prediction : ndarray of shape (n_labels, n_labels)
        As :func:`sklabelemb.metrics.conditional_cooccurrence` gives them; nan in the row of a
        label that no text has.

    Attributes
    ----------
    difference : ndarray of shape (n_labels, n_labels)
        Prediction minus truth.
    ax_ : matplotlib Axes, or ndarray of three
    figure_ : matplotlib Figure

    See Also
    --------
    sklabelemb.metrics.cooccurrence_divergence : The difference as one number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.plotting import LabelCooccurrenceDisplay
    >>> y_true = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 0]])
    >>> y_pred = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [1, 1, 0]])
    >>> from matplotlib.figure import Figure
    >>> display = LabelCooccurrenceDisplay.from_predictions(
    ...     y_true,
    ...     y_pred,
    ...     label_names=["delivery", "complaint", "account"],
    ...     ax=Figure().subplots(1, 3),
    ... )
    >>> display.difference.round(2)[0]
    array([ 0.  , -0.33,  0.  ])
    """

    ax_: Any
    figure_: Any

    def __init__(self, *, names: list[Any], truth: np.ndarray, prediction: np.ndarray) -> None:
        self.names = names
        self.truth = truth
        self.prediction = prediction
        self.difference = prediction - truth

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        labels: Any = None,
        label_names: Sequence[Any] | None = None,
        part: str = "all",
        ax: Any = None,
    ) -> LabelCooccurrenceDisplay:
        """Draw the predictions of a fitted classifier beside the truth.

        Parameters
        ----------
        estimator : classifier
            Fitted, multi-label.
        X : sequence of str, length n_samples
        y : indicator of shape (n_samples, n_labels)
        labels : sequence of names, int or None, default=None
            Which labels. An int: that many of the most frequent. None: the fifteen most frequent.
        label_names : sequence, default=None
            Names of the labels, if neither `y` nor the classifier has any.
        part : {"all", "truth", "prediction", "difference"}, default="all"
        ax : matplotlib Axes, or three of them for "all", default=None

        Returns
        -------
        LabelCooccurrenceDisplay
        """
        if label_names is None and not hasattr(y, "columns"):
            label_names = names_of(estimator)
        return cls.from_predictions(
            y, estimator.predict(X), labels=labels, label_names=label_names, part=part, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        label_names: Sequence[Any] | None = None,
        part: str = "all",
        ax: Any = None,
    ) -> LabelCooccurrenceDisplay:
        """Draw predictions beside the truth.

        Parameters
        ----------
        y_true, y_pred : indicators of shape (n_samples, n_labels)
        labels, label_names, part, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        LabelCooccurrenceDisplay

        Raises
        ------
        ValueError
            When shapes differ, or there is no such label or part.
        """
        truth, prediction = check_indicators(y_true, y_pred)
        names = label_names_for(y_true, truth.shape[1], label_names)
        columns = chosen_labels(labels, names, truth, MOST_LABELS)
        display = cls(
            names=[names[k] for k in columns],
            truth=conditional_cooccurrence(truth)[np.ix_(columns, columns)],
            prediction=conditional_cooccurrence(prediction)[np.ix_(columns, columns)],
        )
        return display.plot(part=part, ax=ax)

    def plot(self, *, part: str = "all", ax: Any = None) -> LabelCooccurrenceDisplay:
        """Draw.

        Parameters
        ----------
        part : {"all", "truth", "prediction", "difference"}, default="all"
        ax : matplotlib Axes, or three of them for "all", default=None
            None: a new figure.

        Returns
        -------
        LabelCooccurrenceDisplay
            This object, with `ax_` and `figure_`.
        """
        if part not in ("all", *PARTS):
            raise ValueError(f"part must be 'all' or one of {PARTS}, but got {part!r}.")
        parts = PARTS if part == "all" else (part,)
        side = 1.8 + 0.3 * len(self.names)
        self.ax_ = axes_for(ax, "co-occurrence", len(parts) * side + 1.4, side, n=len(parts))
        several = np.atleast_1d(self.ax_)
        self.figure_ = several[0].figure
        for i, (own, one) in enumerate(zip(several, parts, strict=True)):
            self._draw(own, one, with_rows=i == 0)
        return self

    def _draw(self, ax: Any, part: str, with_rows: bool) -> None:
        n = len(self.names)
        signed = part == "difference"
        # A label always co-occurs with itself.
        values = np.where(np.eye(n, dtype=bool), np.nan, getattr(self, part))
        limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        if not signed:
            both = np.array([self.truth, self.prediction])[:, ~np.eye(n, dtype=bool)]
            limit = float(np.nanmax(both, initial=0.0)) or 1.0
        image = ax.imshow(
            values, cmap="RdBu_r" if signed else "Blues", vmin=-limit if signed else 0, vmax=limit
        )
        ax.set_facecolor("#e8e8e8")
        column_labels(ax, self.names, 20)
        ax.set_yticks(np.arange(n), [short(name, 20) for name in self.names] if with_rows else [])
        ax.set_title("prediction minus truth" if signed else part, fontsize="medium")
        if with_rows:
            ax.set_ylabel("of the texts with …")
        ax.set_xlabel("… this share has")
        ax.tick_params(length=0)
        if n <= MOST_WRITTEN:
            for (i, j), value in np.ndenumerate(values):
                if np.isfinite(value):
                    strong = abs(value) > 0.6 * limit
                    rounded = round(float(value), 2) + 0.0  # no negative zero
                    text = f"{rounded:+.2f}" if signed and rounded else f"{rounded:.2f}"
                    ax.text(
                        j,
                        i,
                        text.replace("-", "−"),
                        ha="center",
                        va="center",
                        fontsize=7,
                        color="white" if strong else "#222222",
                    )
        if part != "truth" or not with_rows:
            ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.02)
