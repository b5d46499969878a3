"""Methods that add tasks and labels without samples, known by their texts."""

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
    """The zero-shot methods of :class:`.MTLEClassifier`."""

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
        """Add a task without samples (zero-shot, Zero Update).

        The model knows its labels only by the words of their texts. Predictions for other tasks
        stay the same, bit for bit.

        Parameters
        ----------
        name : str or int
        classes : sequence
            The classes; with ``multilabel=True`` the names of the labels.
        label_texts : dict, sequence of str, or "auto", default="auto"
            Words or whole sentences for each class: by class, or in the order of `classes`. "auto":
            the classes themselves, where they are strings.
        multilabel : bool, default=False
            Whether a text may have several of the labels. Each is predicted at a probability of 0.5
            or more, unless the fit had another `threshold`.
        vectors : path, pair, mapping, KeyedVectors or None, default=None
            Pretrained vectors for new words. None: the `vectors` of the fit; a loaded model has
            lost them if they were arrays.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError
            When nothing has been fitted yet.
        ValueError
            When a task of that name exists already, or the number of texts and classes differs.

        Warns
        -----
        UserWarning
            Names the labels without a single known word (from trained texts or labels, or from
            `vectors`), whose scores mean nothing, and labels with identical words, which cannot be
            told apart.

        Notes
        -----
        Words known only from `vectors` keep these vectors, whereas training has moved those of
        other words. The more labels a model was trained on, the more it has learned about labels in
        general.
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
        task : str or int, default=None
            The task that gets them. None if the model has a single task, or one from a plain
            ``fit(X, y)``.

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
        A text is compared with a new label as with any other: by the words of the label's text, or
        by its vector from a pretrained `encoder`. A new label is predicted at a probability of 0.5
        or more, unless `threshold` says otherwise.
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
        """Build a model from label texts alone, without samples (zero-shot classification).

        This requires a pretrained `encoder`. A text is compared with all labels in one pass. Pass
        later samples to :meth:`partial_fit`; a label without samples keeps the vector of its text.

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
            Without a pretrained encoder, or when a label has no text.

        Notes
        -----
        Labels are ranked by their similarity to the text. The probabilities are not calibrated,
        since there are no samples to calibrate them on.
        """
        self.__dict__.pop("model_", None)
        recipe: MTLERecipe = self._checked_recipe()
        _check_texts_are_read(recipe, "labels")
        if not recipe.is_pretrained:
            raise ValueError(
                f"encoder={self.encoder!r} knows no words before training. Pass a pretrained "
                "encoder: MTLEClassifier(encoder='path/to/folder')."
            )
        self.model_ = without_samples(recipe, classes, label_texts, multilabel)
        return self


def _check_texts_are_read(recipe: MTLERecipe, what: str) -> None:
    """Check that tasks and labels without samples can be known by label texts.

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
