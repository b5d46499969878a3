"""Label sequences, and what the decoder attended to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklabelemb.inspection.explanation import Explanation

__all__ = ["LabelSequence", "LabelSequences", "SequenceExplanation"]

# As notebooks show sequences: the labels with their probabilities, and that of the whole.
HEADS = ("labels, each with its probability", "probability")
MOST_SHOWN = 50


@dataclass(frozen=True)
class LabelSequence:
    """Labels in the order in which they were emitted.

    Attributes
    ----------
    labels : tuple
        Names of the labels.
    probability : float
        Of the whole sequence, its end included.
    label_probabilities : tuple of float
        Of each label at its step, after the labels before it.
    alternatives : tuple of LabelSequence
        The other sequences of the beam, the most probable first.

    Examples
    --------
    >>> LabelSequence(("refund", "delivery"), 0.42, (0.7, 0.8)).labels
    ('refund', 'delivery')
    """

    labels: tuple[Any, ...]
    probability: float
    label_probabilities: tuple[float, ...]
    alternatives: tuple[LabelSequence, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Table, render_tables

        rows = [sequence._cells() for sequence in (self, *self.alternatives)]
        return render_tables("Label sequence and its alternatives", Table(HEADS, rows, strong=[0]))

    def _cells(self) -> list[Any]:
        from sklabelemb.pages import Cell

        steps = zip(self.labels, self.label_probabilities, strict=False)
        shown = " → ".join(f"{label} {p:.2f}" for label, p in steps) or "no label"
        return [shown, Cell(f"{self.probability:.3f}", self.probability)]


class LabelSequences(list[Any]):
    """Label sequences of several texts: a list that displays itself in a notebook.

    Examples
    --------
    >>> LabelSequences([LabelSequence(("refund",), 0.42, (0.7,))])[0].labels
    ('refund',)
    """

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return LabelSequences(found) if isinstance(index, slice) else found

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Table, render_tables

        shown = self[:MOST_SHOWN]
        rows = [[str(number), *sequence._cells()] for number, sequence in enumerate(shown)]
        left = len(self) - len(shown)
        more = f"{left} more sequences are not shown." if left else ""
        return render_tables("Label sequences", Table(["text", *HEADS], rows, more=more))


@dataclass(frozen=True, repr=False)
class SequenceExplanation(Explanation):
    """An `Explanation` that knows the steps.

    A column of `attention` is the attention over the words at the step at which its label was
    emitted, or was most probable if it was not emitted. `contributions` say how much the label's
    log-odds at that step fall when the word is left out and the labels before it stay the same; the
    wide path loses the word's share in its features.

    Attributes
    ----------
    sequence : LabelSequence
        The predicted sequence, or the predicted class as a sequence of one.
    word_attention : ndarray of shape (n_steps, n_tokens), or None
        Attention over the words at each step: one for each emitted label, and for label sets one
        more for the end. None where the model does not look at words.
    unit_attention : ndarray of shape (n_steps, n_units), or None
        Attention over the semantic units; None where there are none.
    unit_spans : list of (int, int), length n_units
        Which tokens each unit was made of: from the first, up to the second.
    """

    sequence: LabelSequence
    word_attention: np.ndarray | None
    unit_attention: np.ndarray | None
    unit_spans: list[tuple[int, int]]

    def top_units(self, step: int, n: int = 3) -> list[tuple[str, float]]:
        """The `n` units with the highest attention at a step: their words, and their shares.

        Parameters
        ----------
        step : int
            0 is the first label; the number of emitted labels is the end.
        n : int, default=3

        Returns
        -------
        list of (str, float)
            Empty where the model has no units, or the text no words.

        Raises
        ------
        ValueError
            When there is no such step.
        """
        if self.unit_attention is None:
            return []
        n_steps = len(self.unit_attention)
        if not 0 <= step < n_steps:
            raise ValueError(
                f"There is no step {step}: the sequence {self.sequence.labels} has the steps 0 to "
                f"{n_steps - 1}."
            )
        shares = self.unit_attention[step]
        return [
            (" ".join(self.tokens[slice(*self.unit_spans[unit])]), float(shares[unit]))
            for unit in np.argsort(-shares, kind="stable")[:n]
        ]
