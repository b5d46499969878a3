"""Predictions of a sequence classifier by beam search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any

from sklabelemb.learning import Model
from sklabelemb.readout import Answers
from sklabelemb.semantic_unit.label_sequence import LabelSequence, SequenceExplanation
from sklabelemb.text import check_documents

__all__ = ["AnswersByBeam"]


class AnswersByBeam:
    """The prediction methods of :class:`.LabelEmbeddingClassifier`, by beam search."""

    _answers: Callable[[], Answers]
    _fitted_model: Callable[[], Model[Any]]
    model_: Model[Any]

    @property
    def beam_size_(self) -> int:
        """Number of sequences in the beam; may be set after the fit."""
        return int(self._fitted_model().recipe.beam_size)

    @beam_size_.setter
    def beam_size_(self, value: int) -> None:
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"beam_size_ must be an integer of at least 1, got {value!r}.")
        self._decode_with(beam_size=int(value))

    @property
    def decision_(self) -> str:
        """How label sets are predicted, "beam" or "marginal"; may be set after the fit."""
        return str(self._fitted_model().recipe.decision)

    @decision_.setter
    def decision_(self, value: str) -> None:
        if value not in ("beam", "marginal"):
            raise ValueError(f"decision_ must be 'beam' or 'marginal', got {value!r}.")
        self._decode_with(decision=value)

    def _decode_with(self, **changes: Any) -> None:
        model = self._fitted_model()
        self.model_ = replace(model, recipe=replace(model.recipe, **changes))

    def predict(self, X: Any) -> Any:
        """Predict the labels, in the form of the `y` that was fitted.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray, sparse matrix or DataFrame
            Multi-label: an indicator. ``decision="beam"``: the labels of the most probable
            sequence; "marginal": those whose probability reaches ``thresholds_``, and at least
            ``min_labels_``. Single-label: classes.
        """
        return self._answers().predict(X)

    def predict_sequence(self, X: Any) -> list[LabelSequence]:
        """Predict labels in the order in which they are emitted.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        LabelSequences, a list of LabelSequence
            The most probable sequence of each text, with its probability, that of each label, and
            the other sequences of the beam. Single classes: a sequence of one; the alternatives are
            the other classes, at most ``beam_size - 1``.
        """
        return self._answers().readout.sequences(check_documents(X), self.model_.own_task)

    def explain(self, X: Any) -> list[SequenceExplanation]:
        """Explain predictions: attention of the decoder and contributions of words, per label.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of SequenceExplanation
            One per text, with the attention over words and over units for each emitted label, and
            contributions by occlusion: a text of n words is read n times, so the time grows with
            the square of its length. :func:`.write_highlights` writes them to an HTML page.
        """
        return self._answers().explain(X)
