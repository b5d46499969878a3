"""Add labels without samples to a trained model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklabelemb.learning.build import make_net
from sklabelemb.learning.carry_over import copy_moments, copy_weights
from sklabelemb.learning.embedded import read_label_texts
from sklabelemb.learning.model import Model
from sklabelemb.learning.randomness import isolated_randomness
from sklabelemb.learning.task import Task, new_targets
from sklabelemb.linear import LabelTexts, Mixture
from sklabelemb.targets import as_names, rearranged, shown
from sklabelemb.text import UNKNOWN_ID

__all__ = ["KNOWN_BY_ENCODER", "grown", "with_labels"]

# The mixture of labels that only an encoder knows.
KNOWN_BY_ENCODER = Mixture(deep=0.0, wide=0.0, offset=0.0, encoded=1.0)


def with_labels(model: Model, name: Any, names: Any, label_texts: Any) -> Model:
    """The model with additional labels in one of its tasks.

    Scores of the existing labels stay the same.

    Parameters
    ----------
    model : Model
        It is not changed.
    name : str or int
        The task.
    names : sequence
        Names of the new labels, or the new classes.
    label_texts : dict, sequence of str, or "auto"
        By name, or in the order of `names`; "auto": the names themselves.

    Raises
    ------
    ValueError, TypeError
        When a label is known already, or has no text.
    """
    before, recipe = model.tasks[name], model.recipe
    names = as_names(names, "names")
    targets, order = before.targets.with_labels(names)
    texts = dict(zip(names, _texts_of_new_labels(names, label_texts), strict=True))
    known = before.label_texts or [""] * before.targets.n_labels
    calls, weight = before.added, before.class_weight
    if calls is None:
        calls = np.zeros(before.targets.n_labels, dtype=np.int64)
    task = replace(
        before,
        targets=targets,
        label_texts=[
            known[place] if place >= 0 else texts[own]
            for place, own in zip(order, targets.label_names.tolist(), strict=True)
        ],
        thresholds=_thresholds(before, targets.label_names, order, recipe.settings.threshold),
        class_weight=None if weight is None else rearranged(weight, order, 1.0),
        added=rearranged(calls, order, calls.max() + 1),
    )
    if before.label_words:
        words = task.words_of_labels(recipe.settings.text_tokenizer)
        own = [before.label_words[i] if i >= 0 else words[k] for k, i in enumerate(order)]
        task = replace(task, label_words=own)
    model = grown(model, {**model.tasks, name: task}, task, order)
    return model.with_task(_with_columns(model, task, order))


def grown(
    model: Model, tasks: Mapping[Any, Task], task: Task, order: np.ndarray | None = None
) -> Model:
    """The model with other tasks than before, one of which is new or has new labels.

    Rows of the network that belong to new labels start from their texts; all others, and the
    moments of the optimiser, stay.

    Parameters
    ----------
    model : Model
    tasks : dict of str or int to Task
        All tasks of the new model.
    task : Task
        The one that is new, or has new labels.
    order : int ndarray of shape (n_labels,), default=None
        Where each label of it stood before; -1 for new ones. None: the task is new.
    """
    recipe, before = model.recipe, model.net
    words = (word for words in task.label_words for word in words)
    vocabulary = model.vocabulary.extended(words) if task.label_words else model.vocabulary
    was = recipe.options(model.tasks, model.vocabulary)
    now = recipe.options(tasks, vocabulary)
    options = model.options | {key: value for key, value in now.items() if was[key] != value}
    random = check_random_state(recipe.settings.random_state)
    device = str(before.device)
    with isolated_randomness(int(random.randint(np.iinfo(np.int32).max)), device):
        net = make_net(recipe, options, tasks, device, None, before.batch_size)
        rows = {}
        if order is not None:
            rows = {weight: (axes, order) for weight, axes in recipe.label_rows.items()}
        copy_weights(before.module_, net.module_, recipe.word_tables, rows)
        copy_moments(before, net, rows)
        recipe.start(net.module_, tasks, vocabulary, None, first=len(model.vocabulary))
        if order is not None:
            new, first = np.flatnonzero(order < 0), len(model.vocabulary)
            recipe.start_labels(net.module_, task, vocabulary, new, first)
    net.history = before.history
    return replace(model, tasks=tasks, vocabulary=vocabulary, options=options, net=net)


def _texts_of_new_labels(names: list[Any], label_texts: Any) -> list[str]:
    """The texts of labels without samples, in the order of their names.

    Raises
    ------
    ValueError
        When a label has none.
    """
    if isinstance(label_texts, str) and label_texts != "auto":
        raise ValueError(
            f"label_texts must be a dict, a list with one text per label, or 'auto', got the text "
            f"{label_texts!r}."
        )
    if not isinstance(label_texts, str | Mapping | None) and len(label_texts) != len(names):
        raise ValueError(
            f"label_texts must hold one string for each of the {len(names)} labels, in their "
            f"order, but it has {len(label_texts)} entries."
        )
    texts = new_targets(names, multilabel=True).texts_of_labels(label_texts)
    if texts is None:
        raise ValueError(
            f"The labels {names[:5]} are not text, so say in label_texts what they mean: without "
            "a sample there is nothing else to know them by."
        )
    if empty := [name for name, text in zip(names, texts, strict=True) if not text.strip()]:
        raise ValueError(
            f"The labels {empty[:5]} have an empty text in label_texts: without a sample there is "
            "nothing else to know them by."
        )
    return texts


def _thresholds(
    task: Task, names: np.ndarray, order: np.ndarray, threshold: Any
) -> np.ndarray | None:
    if task.thresholds is None:
        return None
    thresholds = rearranged(task.thresholds, order, 0.5)
    for place in np.flatnonzero(order < 0):
        if isinstance(threshold, Mapping):
            thresholds[place] = threshold.get(names[place], 0.5)
        elif not isinstance(threshold, str) and not np.ndim(threshold):
            thresholds[place] = threshold
    return thresholds


def _with_columns(model: Model, task: Task, order: np.ndarray) -> Task:
    """The task with columns for new labels in its linear paths and in their mixture."""
    if task.linear is None and task.encoded is None:
        return task
    meanings = read_label_texts(task, model)
    assert meanings is not None
    _warn_about_unknown_words(model, task, meanings, order)
    linear, encoded = task.linear, task.encoded
    if encoded is not None:
        encoded = encoded.with_labels(order, meanings, task.multilabel, model.vocabulary)
    if linear is not None:
        linear = linear.with_labels(order, meanings.labels, meanings.token_ids, model.vocabulary)
    # Only an encoder knows words that no training text has.
    added = task.mixture if encoded is None else KNOWN_BY_ENCODER
    mixture = task.mixture.with_labels(order, added)
    return replace(task, linear=linear, encoded=encoded, mixture=mixture)


def _warn_about_unknown_words(
    model: Model, task: Task, meanings: LabelTexts, order: np.ndarray
) -> None:
    if model.encoder is not None:
        return
    ids = meanings.token_ids
    strange = [
        task.label_names[label]
        for row, label in enumerate(meanings.labels)
        if order[label] < 0
        and not ((ids.row(row) > UNKNOWN_ID) & (ids.row(row) < len(model.vocabulary))).any()
    ]
    if strange:
        warnings.warn(
            f"No word of the labels {shown(strange, 5)} is known from training: what the model "
            "says about them means nothing. Describe them in label_texts with more common words, "
            "or fit with a pretrained encoder.",
            UserWarning,
            stacklevel=6,
        )
