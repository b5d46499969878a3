"""F1, precision and recall over the decision threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.decision import decide
from sklabelemb.metrics.decisions import precision_recall_f1
from sklabelemb.plotting.axes import DARK, RUST, SERIES, TEAL, axes_for, bare, short
from sklabelemb.plotting.scored_labels import (
    chosen_labels,
    scores_of,
    thresholds_of,
    truth_and_scores,
)

__all__ = ["ThresholdDisplay"]

POOLED = "all labels"
# Number of thresholds: evenly spaced, and at quantiles of the scores.
N_POINTS = 201
MOST_LABELS = 6


class ThresholdDisplay:
    """Precision, recall and F1 over the decision threshold of a multi-label classifier.

    A single curve (all labels pooled, or one label) shows all three measures; several labels show
    their F1. Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    names : list, length n_curves
        What the curves are of: labels, or "all labels".
    thresholds : ndarray of shape (n_points,)
    precision, recall, f1 : ndarray of shape (n_curves, n_points)
        At each threshold. Precision is nan where nothing is predicted.
    chosen : ndarray of shape (n_curves,), default=None
        The threshold in use for each curve; nan if there is none.
    label_thresholds : ndarray of shape (n_labels,), default=None
        The labels' own thresholds, if all labels are pooled and thresholds differ.
    f1_with_label_thresholds : float, default=None
        The micro-F1 that these reach.
    score_name : str, default="probability"
        What the threshold is compared with.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklabelemb.ThresholdTuner : Tunes thresholds on cross-validated scores.

    Notes
    -----
    The best threshold on the given texts is slightly overfitted to them: choose thresholds on other
    texts than you evaluate on.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import ThresholdDisplay
    >>> y_true = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    >>> y_score = np.array([[0.9, 0.2], [0.4, 0.7], [0.3, 0.3], [0.1, 0.1]])
    >>> display = ThresholdDisplay.from_predictions(
    ...     y_true, y_score, thresholds=0.5, ax=Figure().add_subplot()
    ... )
    >>> threshold, f1 = display.best()
    >>> print(f"F1 at 0.5: {display.f1_at(0.5):.2f}, best: {f1:.2f} at {threshold:.2f}")
    F1 at 0.5: 0.67, best: 0.89 at 0.25
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        names: list[Any],
        thresholds: np.ndarray,
        precision: np.ndarray,
        recall: np.ndarray,
        f1: np.ndarray,
        chosen: np.ndarray | None = None,
        label_thresholds: np.ndarray | None = None,
        f1_with_label_thresholds: float | None = None,
        score_name: str = "probability",
    ) -> None:
        self.names = names
        self.thresholds = thresholds
        self.precision = precision
        self.recall = recall
        self.f1 = f1
        self.chosen = chosen
        self.label_thresholds = label_thresholds
        self.f1_with_label_thresholds = f1_with_label_thresholds
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        labels: Any = "pooled",
        label_names: Sequence[Any] | None = None,
        response_method: str = "auto",
        ax: Any = None,
    ) -> ThresholdDisplay:
        """Draw the curves of a fitted classifier, its own thresholds marked.

        Parameters
        ----------
        estimator : classifier
            Fitted, multi-label, with ``predict_proba`` or ``decision_function``. Thresholds are
            marked where it has ``thresholds_``.
        X : sequence of str, length n_samples
        y : indicator of shape (n_samples, n_labels)
        labels : "pooled", sequence of names, one name or int, default="pooled"
            "pooled": all pairs of a text and a label, which gives micro-F1. An int: that many of
            the most frequent labels.
        label_names : sequence, default=None
            Names of the labels, if neither `y` nor the classifier has any.
        response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        ax : matplotlib Axes, default=None

        Returns
        -------
        ThresholdDisplay
        """
        scores, names, method = scores_of(estimator, X, y, response_method)
        names = names if label_names is None else list(label_names)
        return cls.from_predictions(
            y,
            scores,
            thresholds=thresholds_of(estimator, names, method),
            labels=labels,
            label_names=names,
            score_name="probability" if method == "predict_proba" else "decision value",
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        thresholds: Any = None,
        labels: Any = "pooled",
        label_names: Sequence[Any] | None = None,
        score_name: str = "probability",
        ax: Any = None,
    ) -> ThresholdDisplay:
        """Draw the curves of scores.

        Parameters
        ----------
        y_true : indicator of shape (n_samples, n_labels)
        y_score : array-like of shape (n_samples, n_labels)
            Probabilities or decision values.
        thresholds : float or array-like of shape (n_labels,), default=None
            Those in use, to be marked.
        labels, label_names, ax
            As in :meth:`from_estimator`.
        score_name : str, default="probability"
            For the axis.

        Returns
        -------
        ThresholdDisplay

        Raises
        ------
        ValueError
            When shapes differ, or there is no such label.
        """
        truth, scores, names = truth_and_scores(y_true, y_score, label_names)
        own = None if thresholds is None else np.broadcast_to(thresholds, (len(names),))
        grid = _grid(scores)
        pooled = isinstance(labels, str) and labels == "pooled" and labels not in names
        if pooled:
            parts = [(truth.ravel(), scores.ravel())]
            shown, chosen, f1 = [POOLED], None, None
            if own is not None and np.ptp(own) == 0:
                chosen, own = own[:1].astype(np.float64), None
            elif own is not None:
                f1 = float(precision_recall_f1(truth, decide(scores, own), average="micro")[2])
        else:
            columns = chosen_labels(labels, names, truth, MOST_LABELS)
            parts = [(truth[:, k], scores[:, k]) for k in columns]
            shown = [names[k] for k in columns]
            chosen, f1 = None if own is None else own[columns].astype(np.float64), None
        curves = np.array([_curve(*part, grid) for part in parts])
        display = cls(
            names=shown,
            thresholds=grid,
            precision=curves[:, 0],
            recall=curves[:, 1],
            f1=curves[:, 2],
            chosen=chosen,
            label_thresholds=own if pooled else None,
            f1_with_label_thresholds=f1,
            score_name=score_name,
        )
        return display.plot(ax=ax)

    def best(self, curve: int = 0) -> tuple[float, float]:
        """The middle of the thresholds with the highest F1, and that F1."""
        highest = self.f1[curve].max()
        best = self.thresholds[self.f1[curve] == highest]
        return float((best[0] + best[-1]) / 2), float(highest)

    def f1_at(self, threshold: float, curve: int = 0) -> float:
        """F1 at a threshold, as it is drawn."""
        return float(np.interp(threshold, self.thresholds, self.f1[curve]))

    def plot(self, ax: Any = None) -> ThresholdDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        ThresholdDisplay
            This object, with `ax_` and `figure_`.
        """
        ax = axes_for(ax, "thresholds", 6.4, 4.0)
        self.ax_, self.figure_ = ax, ax.figure
        if len(self.names) == 1:
            self._draw_measures()
        else:
            self._draw_labels()
        low, high = self.thresholds[[0, -1]]
        ax.set(xlim=(low, high), ylim=(0, 1.02), xlabel=f"threshold ({self.score_name})")
        bare(ax)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
        return self

    def _draw_measures(self) -> None:
        ax = self.ax_
        for values, colour, name in (
            (self.precision, RUST, "precision"),
            (self.recall, TEAL, "recall"),
            (self.f1, DARK, "F1"),
        ):
            ax.plot(
                self.thresholds,
                values[0],
                color=colour,
                lw=2.2 if name == "F1" else 1.4,
                label=name,
            )
        threshold, f1 = self.best()
        label = f"best here: F1 {f1:.2f} at {threshold:.2f}"
        ax.plot(threshold, f1, "o", mfc="white", mec=DARK, ms=7, mew=1.6, label=label)
        if self.chosen is not None and np.isfinite(self.chosen[0]):
            at = float(self.chosen[0])
            label = f"in use: F1 {self.f1_at(at):.2f} at {at:.2f}"
            ax.axvline(at, color="#555555", lw=1.2, ls="--", label=label)
        if self.label_thresholds is not None:
            finite = self.label_thresholds[np.isfinite(self.label_thresholds)]
            ax.plot(
                finite,
                np.full(len(finite), 0.015),
                "|",
                color="#555555",
                ms=12,
                label="labels' own thresholds",
            )
            f1 = self.f1_with_label_thresholds or 0.0
            ax.axhline(f1, color="#555555", lw=1.2, ls="--", label=f"with these: F1 {f1:.2f}")
        name = short(self.names[0], 40)
        ax.set(ylabel="score", title="micro-average over all labels" if name == POOLED else name)

    def _draw_labels(self) -> None:
        ax = self.ax_
        for i, name in enumerate(self.names):
            colour = SERIES[i % len(SERIES)]
            style = "-" if i < len(SERIES) else "--"
            ax.plot(self.thresholds, self.f1[i], style, color=colour, lw=1.8, label=short(name))
            if self.chosen is not None and np.isfinite(self.chosen[i]):
                at = float(self.chosen[i])
                ax.plot(at, self.f1_at(at, i), "o", color=colour, ms=6.5, mec="white", gid="chosen")
        ax.set(ylabel="F1")
        if self.chosen is not None:
            ax.set_title("dots: the thresholds in use", fontsize="medium")


def _grid(scores: np.ndarray) -> np.ndarray:
    """Thresholds to try, ascending."""
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    quantiles = np.quantile(scores, np.linspace(0, 1, N_POINTS))
    grid: np.ndarray = np.unique(np.concatenate([np.linspace(low, high, N_POINTS), quantiles]))
    return grid


def _curve(truth: np.ndarray, scores: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 at each threshold, shape (3, n_points)."""
    predicted = len(scores) - np.searchsorted(np.sort(scores), grid)
    positive = np.sort(scores[truth])
    hits = len(positive) - np.searchsorted(positive, grid)
    return np.array(
        [
            np.where(predicted > 0, hits / np.maximum(predicted, 1), np.nan),
            hits / max(1, len(positive)),
            2 * hits / np.maximum(predicted + len(positive), 1),
        ]
    )
