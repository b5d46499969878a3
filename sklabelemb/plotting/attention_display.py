"""Heat maps of explanations: words by labels, steps by words, and labels by labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklabelemb.plotting.axes import axes_for, short

__all__ = ["AttentionDisplay"]

KINDS = ("contributions", "word_label", "step_word", "step_unit", "label_label")
MOST_LABELS, MOST_WORDS = 6, 30
TITLES = {
    "contributions": "contribution to the label's log-odds",
    "word_label": "share of attention (not of the decision)",
    "step_word": "share of attention at each step (not of the decision)",
    "step_unit": "share of attention at each step (not of the decision)",
    "label_label": "share of attention among labels",
}


class AttentionDisplay:
    """Attention and contributions of an explanation as a heat map.

    Use :meth:`from_explanation` or :meth:`from_estimator` to make one.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
    rows, columns : list of str
    kind : {"contributions", "word_label", "step_word", "step_unit", "label_label"}

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklabelemb.inspection.write_highlights : The words marked in the text, as a page.

    Notes
    -----
    Attention shows where a network looked, not how that changed the prediction. How well each
    identifies the words that carry a label was measured by deleting them: :doc:`/explanations`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb import LEAMClassifier
    >>> from sklabelemb.plotting import AttentionDisplay
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = LEAMClassifier(
    ...     embedding_dim=16, max_epochs=20, label_names=["delivery", "refund"], random_state=0
    ... ).fit(texts, y)
    >>> [explanation] = model.explain(["where is my parcel"])
    >>> display = AttentionDisplay.from_explanation(
    ...     explanation, kind="word_label", labels=["delivery"], ax=Figure().add_subplot()
    ... )
    >>> display.rows, display.columns
    (['delivery'], ['where', 'is', 'my', 'parcel'])
    >>> print(f"{display.values.sum():.2f}")
    1.00
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        values: np.ndarray,
        rows: list[str],
        columns: list[str],
        kind: str = "contributions",
    ) -> None:
        self.values = values
        self.rows = rows
        self.columns = columns
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        text: str,
        *,
        kind: str = "contributions",
        labels: Any = None,
        max_words: int = MOST_WORDS,
        ax: Any = None,
    ) -> AttentionDisplay:
        """Draw a fitted classifier's explanation of one text.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``explain``.
        text : str
        kind, labels, max_words, ax
            As in :meth:`from_explanation`.

        Returns
        -------
        AttentionDisplay
        """
        [explanation] = estimator.explain([text])
        return cls.from_explanation(
            explanation, kind=kind, labels=labels, max_words=max_words, ax=ax
        )

    @classmethod
    def from_explanation(
        cls,
        explanation: Any,
        *,
        kind: str = "contributions",
        labels: Any = None,
        max_words: int = MOST_WORDS,
        ax: Any = None,
    ) -> AttentionDisplay:
        """Draw an explanation.

        Parameters
        ----------
        explanation : Explanation
        kind : str, default="contributions"
            "contributions" and "word_label": labels by words, what each word added to the label's
            log-odds, or its share of the attention. "step_word" and "step_unit": steps by words or
            semantic units, of a :class:`~sklabelemb.semantic_unit.SequenceExplanation`.
            "label_label": the encoder's attention among labels, of a
            :class:`~sklabelemb.inspection.JointExplanation`.
        labels : sequence of names, int or None, default=None
            Which labels. An int: that many of the most probable. None: the six most probable.
        max_words : int, default=30
            Longer texts are reduced to their strongest words, in order.
        ax : matplotlib Axes, default=None

        Returns
        -------
        AttentionDisplay

        Raises
        ------
        ValueError
            When the explanation has no data of this kind, or there is no such label.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, but got {kind!r}.")
        values, rows, columns = _content(explanation, kind, labels)
        if kind != "label_label" and len(columns) > max_words:
            strongest = np.argsort(-np.abs(values).max(axis=0), kind="stable")[:max_words]
            kept = np.sort(strongest)
            values, columns = values[:, kept], [columns[i] for i in kept]
        return cls(values=values, rows=rows, columns=columns, kind=kind).plot(ax=ax)

    def plot(self, ax: Any = None) -> AttentionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        AttentionDisplay
            This object, with `ax_` and `figure_`.
        """
        n_rows, n_columns = self.values.shape
        height = 1.9 + 0.3 * n_rows + (0.5 if self.kind == "step_unit" else 0)
        ax = axes_for(ax, "an explanation", 2.6 + 0.28 * max(n_columns, 10), height)
        self.ax_, self.figure_ = ax, ax.figure
        values = self.values
        if self.kind == "label_label":
            values = np.where(np.eye(n_rows, dtype=bool), np.nan, values)
        limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        signed = self.kind == "contributions"
        image = ax.imshow(
            values,
            cmap="RdBu_r" if signed else "Blues",
            vmin=-limit if signed else 0,
            vmax=limit,
            aspect="auto",
        )
        ax.set_facecolor("#e8e8e8")
        ax.set_xticks(np.arange(n_columns), [short(c, 24) for c in self.columns], rotation=90)
        ax.set_yticks(np.arange(n_rows), [short(row, 24) for row in self.rows])
        ax.tick_params(length=0)
        ax.set_title(TITLES[self.kind], fontsize="medium", loc="left")
        if self.kind == "label_label":
            ax.set(ylabel="for the state of …", xlabel="… the encoder looked at")
        ax.figure.colorbar(image, ax=ax, pad=0.015, fraction=0.05)
        return self


def _content(explanation: Any, kind: str, labels: Any) -> tuple[np.ndarray, list[str], list[str]]:
    """Values, and the names of their rows and columns."""
    if kind in ("step_word", "step_unit"):
        return _steps(explanation, kind)
    chosen = _likeliest(explanation, labels)
    rows = [str(explanation.label_names[k]) for k in chosen]
    if kind == "label_label":
        affinity = getattr(explanation, "affinity", None)
        if affinity is None:
            raise _nothing(explanation, kind, "LACOClassifier with joint_embedding=True")
        return affinity[np.ix_(chosen, chosen)], rows, rows
    values = explanation.contributions if kind == "contributions" else explanation.attention
    if values is None:
        raise _nothing(explanation, kind, "a classifier with attention, such as LEAMClassifier")
    return values[:, chosen].T, rows, list(explanation.tokens)


def _steps(explanation: Any, kind: str) -> tuple[np.ndarray, list[str], list[str]]:
    over_units = kind == "step_unit"
    name = "unit_attention" if over_units else "word_attention"
    values = getattr(explanation, name, None)
    if values is None:
        raise _nothing(explanation, kind, "SemanticUnitSeq2SeqClassifier with such attention")
    labels = [str(label) for label in explanation.sequence.labels]
    rows = [f"{i}. {label}" for i, label in enumerate([*labels, "end"][: len(values)], start=1)]
    if not over_units:
        return values, rows, list(explanation.tokens)
    units = [" ".join(explanation.tokens[slice(*span)]) for span in explanation.unit_spans]
    return values, rows, units


def _likeliest(explanation: Any, labels: Any) -> list[int]:
    names = list(explanation.label_names)
    if labels is None or (isinstance(labels, (int, np.integer)) and labels not in names):
        n = MOST_LABELS if labels is None else int(labels)
        return [int(k) for k in np.argsort(-explanation.proba, kind="stable")[:n]]
    wanted = labels if isinstance(labels, (list, tuple, np.ndarray)) else [labels]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ValueError(
            f"The explanation has no label {unknown[0]!r}; its labels are {names[:10]}."
        )
    return [names.index(name) for name in wanted]


def _nothing(explanation: Any, kind: str, source: str) -> ValueError:
    return ValueError(
        f"This {type(explanation).__name__} has nothing of kind={kind!r}. It comes from {source}."
    )
