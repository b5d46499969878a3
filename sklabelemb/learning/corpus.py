"""Validate the input of a fit: texts, encoded targets and weights of the samples, by task."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sklabelemb.decision import check_threshold
from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.learning.first_decisions import check_threshold_names
from sklabelemb.learning.model import Model
from sklabelemb.learning.recipe import Recipe
from sklabelemb.learning.task import (
    DEFAULT_TASK,
    Task,
    check_task_name,
    group_by_task,
    meant_task,
    shown_tasks,
    targets_of,
    texts_of_labels,
)
from sklabelemb.learning.weights import check_class_weight, sample_weights
from sklabelemb.linear import has_few_texts
from sklabelemb.targets import Targets, are_values
from sklabelemb.text import TokenIds, check_documents

__all__ = ["Corpus", "read_samples", "read_tasks"]

# Texts, their targets, and weights or None.
Given = tuple[Sequence[str], Any, np.ndarray | None]


@dataclass(frozen=True)
class Samples:
    """The samples of one task.

    Attributes
    ----------
    documents : sequence of str, length n_samples
    encoded : csr_matrix of shape (n_samples, n_labels), or int codes of shape (n_samples,)
    weight : float32 ndarray of shape (n_samples,), or None
    """

    documents: Sequence[str]
    encoded: Any
    weight: np.ndarray | None

    @property
    def counted(self) -> Any:
        """The targets of the samples that have any weight."""
        return self.encoded if self.weight is None else self.encoded[np.flatnonzero(self.weight)]


@dataclass(frozen=True)
class Corpus:
    """Texts and targets of one task or several.

    Attributes
    ----------
    tasks : dict of str or int to Task
        All tasks of the model, existing ones first.
    samples : dict of str or int to Samples
        Of the tasks that will be trained.
    validation : Corpus or None
        Validation texts of these tasks, which are never trained on.
    """

    tasks: Mapping[Any, Task]
    samples: Mapping[Any, Samples]
    validation: Corpus | None = None

    @property
    def validated(self) -> Collection[Any]:
        """The tasks that have a validation set."""
        return self.validation.samples.keys() if self.validation else ()

    @property
    def trained(self) -> dict[Any, Task]:
        """The tasks with samples."""
        return {name: self.tasks[name] for name in self.samples}

    @property
    def documents(self) -> Sequence[str]:
        """All texts, one task after the other."""
        if len(self.samples) == 1:
            return next(iter(self.samples.values())).documents
        return [text for some in self.samples.values() for text in some.documents]

    @property
    def has_few_texts(self) -> bool:
        """Whether the texts are so few that even the rarest words are kept."""
        return has_few_texts(some.counted for some in self.samples.values())

    def trained_on(self, split: Mapping[Any, tuple[np.ndarray, np.ndarray]]) -> np.ndarray | None:
        """Which of `documents` are trained on; None if nothing is held out.

        Parameters
        ----------
        split : dict of (int ndarray, int ndarray)
            For each task, which of its samples with nonzero weight are kept, and which are held
            out.
        """
        if not any(len(cut) for _, cut in split.values()):
            return None
        masks = []
        for name, some in self.samples.items():
            mask = np.zeros(len(some.documents), dtype=bool)
            counted = np.arange(len(mask)) if some.weight is None else np.flatnonzero(some.weight)
            mask[counted[split[name][0]]] = True
            masks.append(mask)
        return np.concatenate(masks)

    def parts(self, token_ids: TokenIds, n_words: int) -> TaskDatasets:
        """The samples with nonzero weight as token ids, one dataset per task.

        Parameters
        ----------
        token_ids : TokenIds
            Those of `documents`.
        n_words : int
            Size of the vocabulary.
        """
        parts = []
        start = 0
        for name, some in self.samples.items():
            number = list(self.tasks).index(name)
            stop = start + len(some.documents)
            own = token_ids.take(np.arange(start, stop))
            start = stop
            part = TextDataset(own, some.encoded, some.weight, n_words, task=number)
            if some.weight is not None:
                # Samples of weight 0 must not influence the epoch or the thresholds either.
                part = part.subset(np.flatnonzero(some.weight))
            parts.append(part)
        return TaskDatasets(tuple(parts))


def read_samples(
    recipe: Recipe,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_val: Any = None,
    y_val: Any = None,
    classes: Any = None,
    task: Any = None,
    task_val: Any = None,
    previous: Model | None = None,
    update: bool = False,
) -> Corpus:
    """Read the arguments of ``fit``.

    Raises
    ------
    ValueError, TypeError
        When any of it cannot be used; the message says where and what to do.
    """
    documents = check_documents(X)
    if y is None:
        Targets.infer(y)
    check_consistent_length(documents, y)
    weight = sample_weights(sample_weight, len(documents))
    if task is None:
        task = meant_task(previous.tasks if previous else {})
    given = _by_task(documents, y, weight, group_by_task(task, len(documents)))
    corpus = _read(recipe, given, classes, previous, update)
    if X_val is None and y_val is None and task_val is None:
        return corpus
    return _validated(recipe, corpus, _validation_by_task(corpus, X_val, y_val, task_val))


def read_tasks(
    recipe: Recipe,
    tasks: Mapping[Any, Any],
    weights: Mapping[Any, float] | None,
    label_names: Mapping[Any, Any] | None = None,
    *,
    tasks_val: Mapping[Any, Any] | None = None,
    previous: Model | None = None,
) -> Corpus:
    """Read the arguments of ``fit_tasks``."""
    if label_names is not None and not isinstance(label_names, Mapping):
        raise TypeError(
            "label_names of fit_tasks must be a dict {task: names of its labels}, got "
            f"{type(label_names).__name__}."
        )
    if unknown := [name for name in label_names or {} if name not in tasks]:
        raise ValueError(f"label_names names the task {unknown[0]!r}, which does not exist.")
    documents = {
        check_task_name(name): check_documents(X, name=f"X of task {name!r}")
        for name, (X, _) in tasks.items()
    }
    own: list[Any] = [None] * len(documents)
    if weights:
        sizes = [len(some) for some in documents.values()]
        each = [
            np.full(n, float(weights.get(name, 1))) for name, n in zip(tasks, sizes, strict=True)
        ]
        whole = sample_weights(np.concatenate(each), sum(sizes))
        assert whole is not None
        own = np.split(whole, np.cumsum(sizes)[:-1])
    given = {
        name: (some, y, weight)
        for (name, some), (_, y), weight in zip(documents.items(), tasks.values(), own, strict=True)
    }
    corpus = _read(recipe, given, None, previous, False, label_names)
    if tasks_val is None:
        return corpus
    _check_known(tasks_val, corpus, "tasks_val")
    validation = {
        name: (check_documents(X, name=f"X_val of task {name!r}"), y, None)
        for name, (X, y) in tasks_val.items()
    }
    return _validated(recipe, corpus, validation, label_names)


def _by_task(
    documents: Sequence[str], y: Any, weight: np.ndarray | None, groups: Mapping[Any, np.ndarray]
) -> dict[Any, Given]:
    if len(groups) == 1:
        return dict.fromkeys(groups, (documents, y, weight))
    return {
        name: (
            [documents[i] for i in rows],
            targets_of(y, rows),
            None if weight is None else weight[rows],
        )
        for name, rows in groups.items()
    }


def _validation_by_task(corpus: Corpus, X: Any, y: Any, task: Any) -> dict[Any, Given]:
    if X is None or y is None:
        missing = [name for name, value in (("X_val", X), ("y_val", y)) if value is None]
        raise ValueError(
            f"The validation set lacks {' and '.join(missing)}. Pass both X_val and y_val, or "
            "neither: then validation_fraction of the texts is held out."
        )
    documents = check_documents(X, name="X_val")
    _check_lengths(documents, y)
    if task is None and len(corpus.samples) > 1:
        raise ValueError(
            "The texts are of several tasks, so task_val must say of which those in X_val are. "
            f"{shown_tasks(corpus.samples)}"
        )
    task = next(iter(corpus.samples)) if task is None else task
    groups = group_by_task(task, len(documents), name="task_val")
    _check_known(groups, corpus, "task_val")
    return _by_task(documents, y, None, groups)


def _check_known(names: Iterable[Any], corpus: Corpus, what: str) -> None:
    if unknown := [name for name in names if name not in corpus.samples]:
        raise ValueError(
            f"{what} names the task {unknown[0]!r}, which has no texts to train on. "
            f"{shown_tasks(corpus.samples)}"
        )


def _check_lengths(documents: Sequence[str], y: Any) -> None:
    try:
        check_consistent_length(documents, y)
    except ValueError as error:
        raise ValueError(f"X_val and y_val: {error}") from error


def _validated(
    recipe: Recipe,
    corpus: Corpus,
    given: Mapping[Any, Given],
    label_names: Mapping[Any, Any] | None = None,
) -> Corpus:
    """The corpus with a validation set for some of its tasks."""
    samples = {}
    for name, (documents, y, _) in given.items():
        with _naming(name, corpus.samples):
            _check_lengths(documents, y)
            names = _names_of_task(recipe.settings.label_names, name, label_names)
            _, encoded = _encoded(name, y, corpus.tasks[name], None, names, recipe, "y_val")
            samples[name] = Samples(documents, encoded, None)
    return replace(corpus, validation=Corpus(corpus.tasks, samples))


def _read(
    recipe: Recipe,
    given: Mapping[Any, Given],
    classes: Any,
    previous: Model | None,
    update: bool,
    label_names: Mapping[Any, Any] | None = None,
) -> Corpus:
    if isinstance(classes, Mapping) and (unknown := set(classes) - set(given)):
        raise ValueError(f"classes names tasks without samples: {unknown}.")
    tasks = dict(previous.tasks) if previous else {}
    samples: dict[Any, Samples] = {}
    for name, (documents, y, weight) in given.items():
        with _naming(name, given):
            check_consistent_length(documents, y)
            if weight is not None and not weight.any():
                raise ValueError("sample_weight is zero for every sample of this task.")
            own = classes.get(name) if isinstance(classes, Mapping) else classes
            names = _names_of_task(recipe.settings.label_names, name, label_names)
            tasks[name], encoded = _encoded(name, y, tasks.get(name), own, names, recipe)
            samples[name] = Samples(documents, encoded, weight)
    check_class_weight(recipe.settings.class_weight, tasks)
    threshold = recipe.settings.threshold
    if isinstance(threshold, Mapping):
        check_threshold_names(threshold, tasks)
    elif not any(tasks[name].multilabel for name in samples):
        # Unused here, but there must still be one for each label.
        for name in samples:
            check_threshold(threshold, tasks[name].targets.n_labels)
    for name, some in samples.items():
        with _naming(name, given):
            tasks[name] = recipe.task(tasks[name], some.counted, previous, update)
    return Corpus(tasks, samples)


def _encoded(
    name: Any,
    y: Any,
    known: Task | None,
    classes: Any,
    names: Any,
    recipe: Recipe,
    what: str = "y",
) -> tuple[Task, Any]:
    """A task and its encoded targets; a model that is trained further keeps their form."""
    targets = known.targets if known else Targets.infer(y, classes=classes, label_names=names)
    if targets.multilabel and classes is not None and not are_values(classes):
        names = classes
    named = None if classes is None or targets.multilabel else np.unique(np.asarray(classes))
    if named is not None and not np.array_equal(named, targets.classes):
        raise ValueError(
            f"classes={named.tolist()!r} differs from the classes of the first call, "
            f"{targets.classes.tolist()}: they must all be named there."
        )
    if known and known.added is not None and classes is None:
        # The parameter names the labels of the fit; later ones were appended.
        names = None
    encoded = targets.encode(y, label_names=names, name=what)
    if known:
        return known, encoded
    if targets.multilabel:
        targets.warn_about_empty_labels(encoded)
    texts = texts_of_labels(recipe.settings.label_texts, name, targets)
    return Task(name, targets, texts), encoded


def _names_of_task(label_names: Any, name: Any, own: Mapping[Any, Any] | None = None) -> Any:
    """The parameter `label_names` is for every task alike, or a dict by task; `own` come first."""
    if own and own.get(name) is not None:
        return own[name]
    return label_names.get(name) if isinstance(label_names, Mapping) else label_names


@contextlib.contextmanager
def _naming(name: Any, tasks: Mapping[Any, Any]) -> Iterator[None]:
    """Prefix errors with the name of the task; the task of a plain fit has none."""
    try:
        yield
    except ValueError as error:
        if name == DEFAULT_TASK and len(tasks) == 1:
            raise
        raise ValueError(f"Task {name!r}: {error}") from error
