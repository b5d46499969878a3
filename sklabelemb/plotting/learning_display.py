"""Loss and validation score over the epochs of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.plotting.axes import DARK, PALE, RUST, axes_for

__all__ = ["LearningDisplay"]


# The measures on held-out texts in history_, with readable names.
MEASURES = {
    "valid_micro_f1": "micro-F1 of held-out texts",
    "valid_accuracy": "accuracy on held-out texts",
}


class LearningDisplay:
    """Learning curve of a fit: training loss, validation loss and validation score by epoch.

    Use :meth:`from_estimator` or :meth:`from_history` to make one.

    Parameters
    ----------
    epochs : ndarray of int, shape (n_epochs,)
    train_loss, valid_loss, valid_score : ndarray of shape (n_epochs,)
        nan if a fit recorded none, as without held-out texts.
    best_epoch : int, default=None
        The epoch whose weights were kept.
    score_name : str, default="validation score"

    Attributes
    ----------
    ax_ : matplotlib Axes
        Of the losses.
    score_ax_ : matplotlib Axes or None
        Of the score, on the right.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb import LEAMClassifier
    >>> from sklabelemb.datasets import load_support_requests
    >>> from sklabelemb.plotting import LearningDisplay
    >>> X, y = load_support_requests(return_X_y=True)
    >>> model = LEAMClassifier(embedding_dim=16, max_epochs=3, wide=False, random_state=0)
    >>> display = LearningDisplay.from_estimator(
    ...     model.fit(X[:200], y[:200]), ax=Figure().add_subplot()
    ... )
    >>> display.epochs
    array([1, 2, 3])
    >>> bool(display.train_loss[-1] < display.train_loss[0])
    True
    """

    ax_: Any
    score_ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        epochs: np.ndarray,
        train_loss: np.ndarray,
        valid_loss: np.ndarray,
        valid_score: np.ndarray,
        best_epoch: int | None = None,
        score_name: str = "validation score",
    ) -> None:
        self.epochs = epochs
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.valid_score = valid_score
        self.best_epoch = best_epoch
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> LearningDisplay:
        """Draw the learning curve of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            A fitted classifier of this package with ``history_``, or a pipeline or search around
            it.
        ax : matplotlib Axes, default=None

        Returns
        -------
        LearningDisplay

        Raises
        ------
        ValueError
            When there is no history.
        """
        inside = getattr(estimator, "best_estimator_", estimator)
        if getattr(inside, "steps", None):
            inside = inside.steps[-1][1]
        inside = inside if hasattr(inside, "history_") else getattr(inside, "estimator_", inside)
        if not hasattr(inside, "history_"):
            raise ValueError(
                f"{type(estimator).__name__} has no history_: it is not fitted, or it is not "
                "trained in epochs. The classifiers with a network have one after fit."
            )
        return cls.from_history(
            inside.history_, best_epoch=getattr(inside, "best_epoch_", None), ax=ax
        )

    @classmethod
    def from_history(
        cls,
        history: Sequence[Any],
        *,
        best_epoch: int | None = None,
        score_name: str | None = None,
        ax: Any = None,
    ) -> LearningDisplay:
        """Draw a training history.

        Parameters
        ----------
        history : sequence of dict
            ``history_`` of a classifier, or the ``history`` of a skorch net.
        best_epoch : int, default=None
        score_name : str, default=None
            None: taken from the history: micro-F1 on held-out texts, or accuracy. If it has
            neither, ``valid_score``, which selected the best epoch, is drawn.
        ax : matplotlib Axes, default=None

        Returns
        -------
        LearningDisplay

        Raises
        ------
        ValueError
            When it is empty.
        """
        rows = list(history)
        if not rows:
            raise ValueError("The history has no epoch: the model was not trained.")
        columns = {
            name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
            for name in ("train_loss", "valid_loss", "valid_score")
        }
        name = "validation score"
        for column, measure in MEASURES.items():
            if all(column in row for row in rows):
                columns["valid_score"] = np.array([row[column] for row in rows], dtype=np.float64)
                name = measure
        score_name = name if score_name is None else score_name
        epochs = np.array([row["epoch"] for row in rows])
        display = cls(epochs=epochs, best_epoch=best_epoch, score_name=score_name, **columns)
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> LearningDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        LearningDisplay
            This object, with `ax_`, `score_ax_` and `figure_`.
        """
        ax = axes_for(ax, "learning", 6.4, 3.8)
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        marker = "o" if len(self.epochs) < 40 else ""
        lines = []
        for values, colour, name in (
            (self.train_loss, DARK, "training loss"),
            (self.valid_loss, PALE, "validation loss"),
        ):
            if np.isfinite(values).any():
                lines += ax.plot(
                    self.epochs, values, color=colour, marker=marker, ms=4, lw=1.8, label=name
                )
        ax.set(xlabel="epoch", ylabel="loss")
        ax.set_ylim(bottom=0)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.spines["top"].set_visible(False)
        if np.isfinite(self.valid_score).any():
            right = self.score_ax_ = ax.twinx()
            lines += right.plot(
                self.epochs,
                self.valid_score,
                color=RUST,
                marker=marker,
                ms=4,
                lw=1.8,
                label=f"{self.score_name} (right)",
            )
            # A validation score may be above 1: it is micro-F1 and a quarter of macro-F1.
            top = max(1.02, 1.02 * np.nanmax(self.valid_score))
            right.set(ylim=(0, top), ylabel=self.score_name)
            right.spines["top"].set_visible(False)
        if self.best_epoch is not None:
            label = f"weights kept: epoch {self.best_epoch}"
            lines.append(ax.axvline(self.best_epoch, color="#777777", ls="--", lw=1.1, label=label))
        ax.legend(
            handles=lines,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=2,
            frameon=False,
            fontsize="small",
        )
        return self
