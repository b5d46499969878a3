"""Labels that come after the fit, as a method of classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

__all__ = ["AddsLabels"]


class AddsLabels:
    """The method of a classifier of one task that takes new labels by their texts."""

    _add_labels: Callable[..., Any]

    def add_labels(
        self, names: Sequence[Any], label_texts: Mapping[Any, str] | Sequence[str] | str = "auto"
    ) -> Self:
        """Add labels that are known by their texts, without a sample: zero-shot classification.

        What the model says about the labels that it had stays the same. Samples of the new labels,
        as they come, go to :meth:`partial_fit`, whose `y` then has all labels.

        Parameters
        ----------
        names : sequence
            Names of the new labels, which come behind the others; or new classes, which come where
            they belong in the order of the classes.
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
            When a label is there already, or has no text.

        Warns
        -----
        UserWarning
            Names the labels of whose texts no word is known: their scores mean nothing.

        Notes
        -----
        A new label is predicted from a probability of 0.5 on, unless `threshold` says otherwise. In
        LEAM with a pretrained `encoder` it is where the encoder puts its text, and the network has
        no say in it; without one, a text has it the more words, word pairs and character n-grams
        of the label's text it has. In LACO the encoder, as it was trained, reads the label's text,
        and reads new labels apart from others.
        """
        self._add_labels(names, label_texts)
        return self
