"""What a task is, and which sample belongs to which.

A plain ``fit(X, y)`` is the case of one task.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.linear import EncoderPath, Mixture, WidePath
from sklabelemb.targets import Targets

__all__ = [
    "DEFAULT_TASK",
    "Task",
    "check_task_mapping",
    "check_task_name",
    "group_by_task",
    "meant_task",
    "new_targets",
    "shown_tasks",
    "targets_of",
    "texts_of_labels",
]

# What the task of a plain ``fit(X, y)`` is called.
DEFAULT_TASK = "default"


@dataclass(frozen=True)
class Task:
    """One task: its labels, their texts, and how it decides.

    Attributes
    ----------
    name : str or int
    targets : Targets
        The form of the task's ``y``.
    label_texts : list of str, length n_labels, or None
        None: the labels have no texts, and each has a vector of its own.
    label_words : list of list of str, length n_labels, or empty
        The words whose vectors are averaged for each label, in methods that know labels by words.
    thresholds : ndarray of shape (n_labels,), or None for single classes
    min_labels : int
        Fewest labels of a prediction.
    nearest_by : {"logits", "scores"}
        How the distance to the threshold is measured to choose labels if too few reach it; "scores"
        (probabilities) in models saved before format 7.
    trained : bool
        Whether samples of the task were trained on; False after ``add_task`` (Zero Update).
    class_weight : ndarray of shape (n_labels,), or None
        What the labels weigh in the loss.
    max_labels : int or None
        Most labels of a prediction, where labels come as a sequence.
    label_order : ndarray of shape (n_labels,), or None
        The order in which they come then; None for any.
    linear : WidePath or None
        The linear model beside the network.
    encoded : EncoderPath or None
        The linear model over the vectors of a frozen encoder.
    mixture : Mixture
        How the scores of network and linear models are mixed.
    added : int64 ndarray of shape (n_labels,), or None
        Which call of ``add_labels`` brought each label, counted from 1; 0 for those of the fit.
        None: there was no such call.
    """

    name: Any
    targets: Targets
    label_texts: list | None = None
    label_words: list = field(default_factory=list)
    thresholds: np.ndarray | None = None
    min_labels: int = 0
    nearest_by: str = "logits"
    trained: bool = False
    class_weight: np.ndarray | None = None
    max_labels: int | None = None
    label_order: np.ndarray | None = None
    linear: WidePath | None = None
    encoded: EncoderPath | None = None
    mixture: Mixture = field(default_factory=Mixture)
    added: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """The classes; multi-label: one ``[0, 1]`` per label."""
        return self.targets.classes

    @property
    def label_names(self) -> np.ndarray:
        """Names of the labels, in the order of the scores."""
        return self.targets.label_names

    @property
    def multilabel(self) -> bool:
        """Whether a text may have several of the labels."""
        return self.targets.multilabel

    @property
    def later_labels(self) -> np.ndarray | None:
        """Positions of the labels that came after the fit; None where there are none."""
        return None if self.added is None else np.flatnonzero(self.added)

    def words_of_labels(self, tokenizer: Callable[[str], Sequence[str]]) -> list[list[str]]:
        """The words of each label's text; nothing where the labels have none."""
        return [list(tokenizer(text)) for text in self.label_texts or []]


def group_by_task(task: Any, n_samples: int, *, name: str = "task") -> dict[Any, np.ndarray]:
    """The samples of each task, in the order in which tasks first occur.

    Parameters
    ----------
    task : str, int, or array-like of these, shape (n_samples,)
        One task for all samples, or each sample's own.
    n_samples : int
    name : str, default="task"
        What to call it in an error.

    Returns
    -------
    dict of str or int to int64 ndarray
        Positions of the samples, ascending.

    Raises
    ------
    ValueError
        When there is not one name per sample, or one is missing.
    TypeError
        When a name is neither text nor an integer.

    Examples
    --------
    >>> group_by_task(["b", "a", "b"], 3)
    {'b': array([0, 2]), 'a': array([1])}
    """
    if isinstance(task, (Set, Mapping)):
        raise TypeError(f"{name} is a {type(task).__name__}, which has no order for samples.")
    if (
        not hasattr(task, "__len__")
        or not getattr(task, "shape", (1,))
        or isinstance(task, str | bytes)
    ):
        value = task.item() if hasattr(task, "item") else task
        return {check_task_name(value, name): np.arange(n_samples)}
    values = task.tolist() if hasattr(task, "tolist") else list(task)
    if len(values) != n_samples:
        raise ValueError(
            f"{name} must be one name for all samples, or one for each of the {n_samples}, but it "
            f"has {len(values)}."
        )
    groups: dict[Any, list[int]] = {}
    for row, value in enumerate(values):
        groups.setdefault(check_task_name(value, f"{name} in row {row}"), []).append(row)
    return {value: np.array(rows, dtype=np.int64) for value, rows in groups.items()}


def check_task_name(value: Any, where: str = "name") -> str | int:
    """The name of a task as plain text or integer; a TypeError for anything else."""
    if isinstance(value, (str, np.str_)):
        return str(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise TypeError(
        f"{where} is {value!r} (type {type(value).__name__}): the name of a task is text or an "
        "integer."
    )


def meant_task(tasks: Mapping[Any, Task]) -> Any:
    """The task that is used if none is named.

    Raises
    ------
    ValueError
        When there are several, and none is called "default".
    """
    if not tasks or DEFAULT_TASK in tasks:
        return DEFAULT_TASK
    if len(tasks) == 1:
        return next(iter(tasks))
    raise ValueError(
        f"This model has {len(tasks)} tasks: say which one is meant, by task={next(iter(tasks))!r} "
        f"for instance. {shown_tasks(tasks)}"
    )


def shown_tasks(tasks: Iterable[Any]) -> str:
    """A sentence that names the tasks."""
    names = [repr(name) for name in tasks]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"Its tasks are {', '.join(names[:10])}{more}."


def check_task_mapping(tasks: Any, weights: Any, what: str = "tasks") -> None:
    """Check the arguments of ``fit_tasks``.

    Raises
    ------
    TypeError, ValueError
        When `tasks` is not a dict of pairs, or `weights` not positive numbers for some of them.
    """
    if not isinstance(weights, Mapping | None):
        raise TypeError(f"weights must be a dict of numbers by task, got {type(weights).__name__}.")
    if not isinstance(tasks, Mapping) or not tasks:
        raise TypeError(
            f"{what} must be a dict of pairs by name, {{'books': (X, y), 'dvd': (X, y)}}, got "
            f"{'an empty one' if isinstance(tasks, Mapping) else type(tasks).__name__}."
        )
    for name, pair in tasks.items():
        check_task_name(name, f"a key of {what}")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{what}[{name!r}] must be a pair (X, y), got {type(pair).__name__}.")
    for name, weight in (weights or {}).items():
        if name not in tasks:
            raise ValueError(f"weights names the task {name!r}, which does not exist.")
        if not isinstance(weight, Real) or not 0 < float(weight) < float("inf"):
            raise ValueError(f"weights[{name!r}] must be a number above 0, got {weight!r}.")


def new_targets(classes: Any, multilabel: bool) -> Targets:
    """The targets of a task without samples.

    Parameters
    ----------
    classes : sequence
        Classes; multi-label: names of the labels.
    multilabel : bool

    Raises
    ------
    ValueError
        When there are too few, or one is duplicated.
    """
    if isinstance(classes, Set):
        raise TypeError("classes is a set, which has no order for label_texts; pass a list.")
    values = list(classes.tolist() if hasattr(classes, "tolist") else classes)
    if isinstance(classes, str) or len(values) < 2 - multilabel:
        raise ValueError(
            f"classes must list {'the labels' if multilabel else 'two classes or more'} of the "
            f"task, got {classes!r}."
        )
    if len(set(values)) < len(values):
        raise ValueError(f"classes names {Counter(values).most_common(1)[0][0]!r} twice.")
    if not multilabel:
        with warnings.catch_warnings():
            # Many classes, once each, are no regression target here.
            warnings.simplefilter("ignore", UserWarning)
            whole = np.empty(len(values), dtype=object)
            whole[:] = values
            mixed = any(isinstance(value, str) for value in values)
            known = Targets.infer(whole if mixed else np.asarray(values)).classes
        known = np.unique(np.asarray(known.tolist()))
        return Targets(False, known, known.astype(object), dtype=known.dtype.str)
    names = np.empty(len(values), dtype=object)
    names[:] = values
    return Targets(multilabel=True, classes=np.tile([0, 1], (len(values), 1)), label_names=names)


def targets_of(y: Any, rows: np.ndarray) -> Any:
    """The part of `y` that belongs to one task."""
    from sklabelemb.sklearn_internals import safe_indexing

    own = safe_indexing(y.tocsr() if sp.issparse(y) else y, rows)
    if getattr(own, "ndim", 0) == 1 and own.dtype == object:
        # Classes of several tasks in one array: each task may have its own type.
        values = own.tolist()
        if len({isinstance(value, str) for value in values}) == 1:
            return np.array(values)
    return own


def texts_of_labels(label_texts: Any, name: Any, targets: Targets) -> list[str] | None:
    """The texts of one task's labels.

    Parameters
    ----------
    label_texts : dict, sequence of str, "auto" or None
        As in :meth:`.Targets.texts_of_labels`, for every task; or a dict of such by task name, with
        "auto" for tasks that it leaves out.
    name : str or int
        The task.
    targets : Targets

    Raises
    ------
    ValueError
        When there is not one text per label.
    """
    if not isinstance(label_texts, Mapping):
        return targets.texts_of_labels(label_texts)
    own = label_texts.get(name)
    by_task = (isinstance(own, str) and own == "auto") or any(
        text is None or (hasattr(text, "__len__") and not isinstance(text, str))
        for text in label_texts.values()
    )
    return targets.texts_of_labels(label_texts.get(name, "auto") if by_task else label_texts)
