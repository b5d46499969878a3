"""Tasks and labels without a sample, as methods of a classifier that knows labels by texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from sklabelemb.learning import Model
from sklabelemb.learning.task import meant_task
from sklabelemb.mtle.label_words import warn_about_labels
from sklabelemb.mtle.recipe import MTLERecipe
from sklabelemb.mtle.zero_update import with_new_task, without_samples
from sklabelemb.sklearn_internals import fit_context

__all__ = ["KnownByText"]


class KnownByText:
    """The methods of :class:`.MTLEClassifier` for what there is no sample of."""

    encoder: Any
    model_: Model[MTLERecipe]
    _checked_recipe: Callable[[], Any]
    _add_labels: Callable[..., Any]

    def add_task(
        self,
        name: str | int,
        classes: Any,
        label_texts: Mapping[Any, str] | Sequence[str] | str = "auto",
        *,
        multilabel: bool = False,
        vectors: Any = None,
    ) -> Self:
        """Add a task without a sample of it: Zero Update.

        Its labels are known by the words of their texts alone. The answers for other tasks stay
        the same, bit for bit.

        Parameters
        ----------
        name : str or int
        classes : sequence
            The classes; with ``multilabel=True`` the names of the labels.
        label_texts : dict, sequence of str, or "auto", default="auto"
            Words or whole sentences for each class: by class, or in the order of `classes`. "auto":
            the classes themselves, where they are strings.
        multilabel : bool, default=False
            Whether a text may have several of the labels; each is predicted from 0.5 on, unless
            `threshold` said otherwise in the fit.
        vectors : path, pair, mapping, KeyedVectors or None, default=None
            Pretrained vectors of words that are new. None: the `vectors` of the fit, which a model
            has lost that was saved with vectors given as arrays.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError
            When nothing has been fitted yet.
        ValueError
            When there is a task of that name already, or there is not one text per class.

        Warns
        -----
        UserWarning
            Names the labels none of whose words is known, neither from texts or labels that were
            trained on nor from `vectors`: their scores mean nothing. And those that have the same
            words, which cannot be told apart.

        Notes
        -----
        Words that are known from `vectors` only are used with the vectors that they have there,
        which training has moved for others. The more labels a model was trained on, the more it has
        learnt about labels in general.
        """
        check_is_fitted(self)
        _check_texts_are_read(self.model_.recipe, "a task")
        self.model_ = with_new_task(self.model_, name, classes, label_texts, multilabel, vectors)
        return self

    def add_labels(
        self,
        names: Sequence[Any],
        label_texts: Mapping[Any, str] | Sequence[str] | str = "auto",
        task: Any = None,
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
        task : str or int, default=None
            The task that gets them; None where there is one, or one of a plain fit.

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
        A text is compared with a new label as with any other: by the words of the label's text, or
        by the vector that a pretrained `encoder` makes of it. A new label is predicted from a
        probability of 0.5 on, unless `threshold` says otherwise.
        """
        check_is_fitted(self)
        _check_texts_are_read(self.model_.recipe, "labels")
        before = self.model_.tasks.values()
        self._add_labels(names, label_texts, task)
        if self.model_.encoder is None:
            task = self.model_.tasks[meant_task(self.model_.tasks) if task is None else task]
            warn_about_labels(task, before, self.model_.vocabulary, self.model_.recipe.vectors)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_labels(
        self,
        classes: Any,
        label_texts: Mapping[Any, str] | Sequence[str] | str = "auto",
        *,
        multilabel: bool = False,
    ) -> Self:
        """Make a model of the texts of labels alone, without a sample: zero-shot classification.

        It needs a pretrained `encoder`. A text is compared with all labels in one pass. Samples,
        as they come, go to :meth:`partial_fit`; a label that has none keeps what its text says.

        Parameters
        ----------
        classes : sequence
            The classes; with ``multilabel=True`` the names of the labels.
        label_texts : dict, sequence of str, or "auto", default="auto"
            Words or whole sentences for each class: by class, or in the order of `classes`. "auto":
            the classes themselves, where they are strings.
        multilabel : bool, default=False
            Whether a text may have several of the labels.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            When there is no pretrained encoder, or a label without a text.

        Notes
        -----
        The order of the labels is that of their similarity to the text. Probabilities are as far
        apart as the encoder sees the labels; no sample has calibrated them.
        """
        self.__dict__.pop("model_", None)
        recipe: MTLERecipe = self._checked_recipe()
        _check_texts_are_read(recipe, "labels")
        if not recipe.is_pretrained:
            raise ValueError(
                f"encoder={self.encoder!r} knows no word before it is trained. Give a pretrained "
                "encoder: MTLEClassifier(encoder='path/to/folder')."
            )
        self.model_ = without_samples(recipe, classes, label_texts, multilabel)
        return self


def _check_texts_are_read(recipe: MTLERecipe, what: str) -> None:
    """Check that what has no sample may be known by texts of labels.

    Raises
    ------
    ValueError
        With an output layer for each task.
    """
    if recipe.heads == "task":
        raise ValueError(
            "heads='task' reads no texts of labels: each task has an output layer, which only "
            f"samples can train, so {what} cannot be added without one. Pass samples of a new task "
            "to partial_fit(X, y, task=...), or fit with heads='label'."
        )
