"""Precision against recall, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve

from sklabelemb.decision import decide
from sklabelemb.metrics.decisions import precision_recall_f1
from sklabelemb.plotting.axes import SERIES, axes_for, bare, short
from sklabelemb.plotting.scored_labels import (
    chosen_labels,
    scores_of,
    thresholds_of,
    truth_and_scores,
)

__all__ = ["PrecisionRecallByLabelDisplay"]

MOST_LABELS = 6


class PrecisionRecallByLabelDisplay:
    """Precision-recall curves by label of a multi-label classifier, with its decisions marked.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    names : list, length n_curves
        Labels.
    precision, recall : list of ndarray, length n_curves
        As :func:`sklearn.metrics.precision_recall_curve` gives them.
    average_precision : ndarray of shape (n_curves,)
    support : ndarray of int, shape (n_curves,)
        How many texts have the label.
    decisions : ndarray of shape (n_curves, 2), default=None
        Recall and precision at the thresholds in use; nan where nothing is predicted.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn.metrics.PrecisionRecallDisplay : For two classes.
    ThresholdDisplay : The same measures over the threshold.

    Notes
    -----
    Thin grey lines join points of equal F1. Labels without a positive text have no curve and are
    left out.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import PrecisionRecallByLabelDisplay
    >>> y_true = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    >>> y_score = np.array([[0.9, 0.2], [0.4, 0.1], [0.3, 0.3], [0.1, 0.0]])
    >>> display = PrecisionRecallByLabelDisplay.from_predictions(
    ...     y_true, y_score, label_names=["delivery", "refund"], ax=Figure().add_subplot()
    ... )
    >>> dict(zip(display.names, display.average_precision.round(2).tolist()))
    {'delivery': 1.0, 'refund': 0.83}
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        names: list[Any],
        precision: list[np.ndarray],
        recall: list[np.ndarray],
        average_precision: np.ndarray,
        support: np.ndarray,
        decisions: np.ndarray | None = None,
    ) -> None:
        self.names = names
        self.precision = precision
        self.recall = recall
        self.average_precision = average_precision
        self.support = support
        self.decisions = decisions

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        labels: Any = None,
        label_names: Sequence[Any] | None = None,
        response_method: str = "auto",
        ax: Any = None,
    ) -> PrecisionRecallByLabelDisplay:
        """Draw the curves of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, multi-label, with ``predict_proba`` or ``decision_function``. Its decisions at
            ``thresholds_`` are marked.
        X : sequence of str, length n_samples
        y : indicator of shape (n_samples, n_labels)
        labels : sequence of names, one name, int or None, default=None
            Which labels. An int: that many of the most frequent. None: the six most frequent.
        label_names : sequence, default=None
            Names of the labels, if neither `y` nor the classifier has any.
        response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        ax : matplotlib Axes, default=None

        Returns
        -------
        PrecisionRecallByLabelDisplay
        """
        scores, names, method = scores_of(estimator, X, y, response_method)
        names = names if label_names is None else list(label_names)
        return cls.from_predictions(
            y,
            scores,
            thresholds=thresholds_of(estimator, names, method),
            labels=labels,
            label_names=names,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        thresholds: Any = None,
        labels: Any = None,
        label_names: Sequence[Any] | None = None,
        ax: Any = None,
    ) -> PrecisionRecallByLabelDisplay:
        """Draw the curves of scores.

        Parameters
        ----------
        y_true : indicator of shape (n_samples, n_labels)
        y_score : array-like of shape (n_samples, n_labels)
        thresholds : float or array-like of shape (n_labels,), default=None
            Those in use, to be marked.
        labels, label_names, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        PrecisionRecallByLabelDisplay

        Raises
        ------
        ValueError
            When shapes differ, there is no such label, or none of them has a positive text.
        """
        truth, scores, names = truth_and_scores(y_true, y_score, label_names)
        support = truth.sum(axis=0)
        columns = [k for k in chosen_labels(labels, names, truth, MOST_LABELS) if support[k]]
        if not columns:
            raise ValueError(
                "None of the labels has a positive text in y_true, so there is no recall to draw."
            )
        curves = [precision_recall_curve(truth[:, k], scores[:, k]) for k in columns]
        decisions = None
        if thresholds is not None:
            predicted: np.ndarray = decide(scores, np.broadcast_to(thresholds, (len(names),)))
            precision, recall, _ = precision_recall_f1(truth, predicted, average=None)
            decisions = np.column_stack([recall, precision])[columns]
            decisions[predicted[:, columns].sum(axis=0) == 0] = np.nan
        display = cls(
            names=[names[k] for k in columns],
            precision=[curve[0] for curve in curves],
            recall=[curve[1] for curve in curves],
            average_precision=np.array(
                [average_precision_score(truth[:, k], scores[:, k]) for k in columns]
            ),
            support=support[columns],
            decisions=decisions,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> PrecisionRecallByLabelDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        PrecisionRecallByLabelDisplay
            This object, with `ax_` and `figure_`.
        """
        ax = axes_for(ax, "precision and recall", 7.2, 4.2)
        self.ax_, self.figure_ = ax, ax.figure
        recall = np.linspace(0.01, 1, 200)
        for f1 in (0.2, 0.4, 0.6, 0.8):
            with_f1 = recall > f1 / 2
            precision = f1 * recall[with_f1] / (2 * recall[with_f1] - f1)
            inside = precision <= 1
            ax.plot(
                recall[with_f1][inside],
                precision[inside],
                color="#d5d5d5",
                lw=0.8,
                zorder=0,
                gid="equal F1",
            )
            ax.text(1.01, f1 / (2 - f1), f"F1 {f1}", color="#8a8a8a", fontsize=7, va="center")
        for i, name in enumerate(self.names):
            colour = SERIES[i % len(SERIES)]
            label = f"{short(name, 24)}  ({self.average_precision[i]:.2f}, n = {self.support[i]})"
            ax.plot(
                self.recall[i],
                self.precision[i],
                drawstyle="steps-post",
                ls="-" if i < len(SERIES) else "--",
                color=colour,
                lw=1.7,
                label=label,
            )
            if self.decisions is not None and np.isfinite(self.decisions[i]).all():
                ax.plot(*self.decisions[i], "o", color=colour, ms=7, mec="white", gid="decision")
        ax.set(xlim=(0, 1.0), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
        if self.decisions is not None:
            ax.set_title("dots: the thresholds in use", fontsize="medium")
        bare(ax)
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.1, 1.0),
            frameon=False,
            fontsize="small",
            title="average precision, texts",
            title_fontsize="small",
            alignment="left",
        )
        return self
