"""Reliability diagrams (calibration curves)."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from sklabelemb.metrics.calibration import expected_calibration_error
from sklabelemb.plotting.axes import SERIES, axes_for, bare, short
from sklabelemb.plotting.scored_labels import chosen_labels, scores_of, truth_and_scores

__all__ = ["ReliabilityDisplay"]

POOLED = "all labels"
MOST_LABELS = 6
# Areas of the dots, in square points.
SMALLEST, LARGEST = 12.0, 160.0


class ReliabilityDisplay:
    """Reliability diagram (calibration curve) of a multi-label classifier.

    Observed frequency against predicted probability, for all labels pooled or label by label. A
    calibrated classifier lies on the diagonal: of the labels with a probability of 30 %, 30 %
    apply. Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    names : list, length n_curves
        What the curves are of: labels, or "all labels".
    predicted, observed : list of ndarray, length n_curves
        In each bin that is not empty, the mean probability and the share of positives.
    counts : list of ndarray of int, length n_curves
        How many probabilities are in these bins.
    errors : ndarray of shape (n_curves,)
        The expected calibration error over these bins.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklabelemb.LabelwiseCalibrator : Calibrates probabilities.
    sklabelemb.metrics.expected_calibration_error : The distance from the diagonal as one number.
    sklearn.calibration.CalibrationDisplay : For two classes.

    Notes
    -----
    The area of a dot grows with the number of probabilities in the bin. With only a few, the
    observed share is mostly chance.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import ReliabilityDisplay
    >>> y_true = np.array([[1, 0], [1, 0], [0, 0], [1, 1]])
    >>> y_proba = np.array([[0.75, 0.1], [0.75, 0.1], [0.75, 0.1], [0.75, 0.9]])
    >>> display = ReliabilityDisplay.from_predictions(y_true, y_proba, ax=Figure().add_subplot())
    >>> display.predicted[0].round(2), display.observed[0].round(2)
    (array([0.1 , 0.75, 0.9 ]), array([0.  , 0.75, 1.  ]))
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        names: list[Any],
        predicted: list[np.ndarray],
        observed: list[np.ndarray],
        counts: list[np.ndarray],
        errors: np.ndarray,
    ) -> None:
        self.names = names
        self.predicted = predicted
        self.observed = observed
        self.counts = counts
        self.errors = errors

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        labels: Any = "pooled",
        label_names: Sequence[Any] | None = None,
        n_bins: int = 10,
        name: str | None = None,
        ax: Any = None,
    ) -> ReliabilityDisplay:
        """Draw the probabilities of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, multi-label, with ``predict_proba``.
        X : sequence of str, length n_samples
            Texts that it was not fitted to.
        y : indicator of shape (n_samples, n_labels)
        labels : "pooled", sequence of names, one name or int, default="pooled"
            "pooled": all pairs of a text and a label together. An int: that many of the most
            frequent labels.
        label_names : sequence, default=None
            Names of the labels, if neither `y` nor the classifier has any.
        n_bins : int, default=10
            Bins of equal width.
        name : str, default=None
            What to call the pooled curve, for several classifiers on the same axes.
        ax : matplotlib Axes, default=None

        Returns
        -------
        ReliabilityDisplay
        """
        scores, names, _ = scores_of(estimator, X, y, "predict_proba")
        return cls.from_predictions(
            y,
            scores,
            labels=labels,
            label_names=names if label_names is None else label_names,
            n_bins=n_bins,
            name=name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        labels: Any = "pooled",
        label_names: Sequence[Any] | None = None,
        n_bins: int = 10,
        name: str | None = None,
        ax: Any = None,
    ) -> ReliabilityDisplay:
        """Draw probabilities.

        Parameters
        ----------
        y_true : indicator of shape (n_samples, n_labels)
        y_proba : array-like of shape (n_samples, n_labels)
        labels, label_names, n_bins, name, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            When shapes differ, a value is not a probability, `n_bins` is less than 1, or there is
            no such label.
        """
        if not isinstance(n_bins, Integral) or n_bins < 1:
            raise ValueError(f"n_bins must be a whole number of at least 1, but got {n_bins!r}.")
        truth, proba, names = truth_and_scores(y_true, y_proba, label_names)
        # Refuses what is no probability.
        if isinstance(labels, str) and labels == "pooled" and labels not in names:
            error = expected_calibration_error(truth, proba, n_bins=n_bins, average="micro")
            errors, shown = np.array([error]), [name or POOLED]
            parts = [(truth.ravel(), proba.ravel())]
        else:
            columns = chosen_labels(labels, names, truth, MOST_LABELS)
            errors = expected_calibration_error(truth, proba, n_bins=n_bins, average=None)[columns]
            shown = [names[k] for k in columns]
            parts = [(truth[:, k], proba[:, k]) for k in columns]
        bins = [_bins(*part, int(n_bins)) for part in parts]
        display = cls(
            names=shown,
            predicted=[one[0] for one in bins],
            observed=[one[1] for one in bins],
            counts=[one[2] for one in bins],
            errors=errors,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> ReliabilityDisplay:
        """Draw, beside any curves that the axes have already.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        ReliabilityDisplay
            This object, with `ax_` and `figure_`.
        """
        ax = axes_for(ax, "reliability", 6.6, 4.2)
        self.ax_, self.figure_ = ax, ax.figure
        drawn = [line for line in ax.lines if line.get_gid() == "reliability"]
        if not drawn:
            ax.plot([0, 1], [0, 1], color="#9a9a9a", lw=1, ls=":", label="calibrated")
        for i, name in enumerate(self.names, start=len(drawn)):
            own = i - len(drawn)
            colour = SERIES[i % len(SERIES)]
            counts = self.counts[own]
            ax.plot(
                self.predicted[own],
                self.observed[own],
                color=colour,
                lw=1.6,
                gid="reliability",
                label=f"{short(name)}  (error {self.errors[own]:.3f})",
            )
            sizes = SMALLEST + (LARGEST - SMALLEST) * np.sqrt(counts / counts.max())
            ax.scatter(
                self.predicted[own],
                self.observed[own],
                s=sizes,
                color=colour,
                edgecolors="white",
                linewidths=0.8,
                zorder=3,
            )
        ax.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.04, 1.04),
            xlabel="predicted probability (mean of a bin)",
            ylabel="share of texts that have the label",
        )
        ax.set_title("larger dots: more predictions", fontsize="medium")
        bare(ax)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
        return self


def _bins(
    truth: np.ndarray, proba: np.ndarray, n_bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, share of positives and size of the bins that are not empty."""
    # A probability on an edge belongs to the lower bin, as in expected_calibration_error.
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], proba)
    counts = np.bincount(bins, minlength=n_bins)
    filled = counts > 0
    predicted = np.bincount(bins, weights=proba, minlength=n_bins)[filled] / counts[filled]
    observed = np.bincount(bins, weights=truth, minlength=n_bins)[filled] / counts[filled]
    return predicted, observed, counts[filled]
