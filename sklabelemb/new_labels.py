"""Add labels after the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

__all__ = ["AddsLabels"]


class AddsLabels:
    """The zero-shot method of classifiers of one task."""

    _add_labels: Callable[..., Any]

    def add_labels(
        self, names: Sequence[Any], label_texts: Mapping[Any, str] | Sequence[str] | str = "auto"
    ) -> Self:
        """Add labels without samples, known by their texts (zero-shot classification).

        Scores of the existing labels stay the same. Pass later samples of the new labels to
        :meth:`partial_fit`, with a `y` that has all labels.

        Parameters
        ----------
        names : sequence
            Names of the new labels, which are appended to the others; or new classes, which take
            their place in sorted order.
        label_texts : dict, sequence of str, or "auto", default="auto"
            Words or whole sentences for each label: by name, or in the order of `names`. "auto":
            the names themselves, where they are strings.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError
            When nothing has been fitted yet.
        ValueError
            When a label exists already, or has no text.

        Warns
        -----
        UserWarning
            Names the labels without a known word in their texts: their scores mean nothing.

        Notes
        -----
        A new label is predicted at a probability of 0.5 or more, unless `threshold` says otherwise.
        LEAM with a pretrained `encoder` scores it by the similarity of the encoder's vectors,
        without the network; without an encoder, by the words, word pairs and character n-grams that
        a text shares with the label's text. In LACO the fine-tuned encoder reads the label's text,
        and new labels are read separately from the others.
        """
        self._add_labels(names, label_texts)
        return self
