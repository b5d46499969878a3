"""Add a task without samples: Zero Update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklabelemb.device import resolved_device
from sklabelemb.learning import Model, Task, isolated_randomness
from sklabelemb.learning.added_labels import KNOWN_BY_ENCODER, grown
from sklabelemb.learning.build import make_net
from sklabelemb.learning.embedded import read_label_texts
from sklabelemb.learning.first_decisions import first_thresholds
from sklabelemb.learning.task import DEFAULT_TASK, check_task_name, new_targets
from sklabelemb.linear import EncoderPath
from sklabelemb.mtle.label_words import texts_in_order, warn_about_labels
from sklabelemb.mtle.recipe import MTLERecipe, unknown_in_texts
from sklabelemb.text import Vocabulary

__all__ = ["with_new_task", "without_samples"]


def with_new_task(
    model: Model[MTLERecipe],
    name: Any,
    classes: Any,
    label_texts: Any,
    multilabel: bool,
    vectors: Any = None,
) -> Model[MTLERecipe]:
    """The model with another task, known by the texts of its labels; see `add_task`."""
    name = check_task_name(name)
    if name in model.tasks:
        raise ValueError(
            f"There is a task {name!r} already; further samples of it go to partial_fit(X, y, "
            f"task={name!r})."
        )
    if vectors is not None:
        model = replace(model, recipe=replace(model.recipe, vectors=vectors))
    task = _untrained(model.recipe, name, classes, label_texts, multilabel)
    n_known = len(model.vocabulary)
    model = grown(model, {**model.tasks, name: task}, task)
    if model.recipe.vectors is None:
        unknown_in_texts(model.net.module_, n_known)
    if model.encoder is not None:
        return _known_by_encoder(model, task)
    warn_about_labels(task, model.tasks.values(), model.vocabulary, model.recipe.vectors)
    return model


def without_samples(
    recipe: MTLERecipe, classes: Any, label_texts: Any, multilabel: bool
) -> Model[MTLERecipe]:
    """A model of one task, known only by the texts of its labels; see `fit_labels`."""
    encoder = recipe.frozen_encoder(None)
    device = resolved_device(recipe.settings.device)
    task = _untrained(recipe, DEFAULT_TASK, classes, label_texts, multilabel)
    tasks = {DEFAULT_TASK: task}
    words = dict.fromkeys(word for words in task.label_words for word in words)
    vocabulary = Vocabulary(words)
    random = check_random_state(recipe.settings.random_state)
    with isolated_randomness(int(random.randint(np.iinfo(np.int32).max)), device):
        options = recipe.options(tasks, vocabulary)
        net = make_net(recipe, options, tasks, device)
    return _known_by_encoder(Model(recipe, tasks, vocabulary, options, net, encoder=encoder), task)


def _untrained(
    recipe: MTLERecipe, name: Any, classes: Any, label_texts: Any, multilabel: bool
) -> Task:
    """A task without samples."""
    targets = new_targets(classes, multilabel)
    if isinstance(label_texts, str) and label_texts != "auto":
        raise ValueError(
            f"label_texts must be a dict, a list with one text per class, or 'auto', got the "
            f"text {label_texts!r}."
        )
    if not isinstance(label_texts, str | Mapping | None):
        label_texts = texts_in_order(label_texts, classes)
    texts = targets.texts_of_labels(label_texts)
    if texts is None:
        raise ValueError(
            f"The classes of task {name!r} are not text, so say in label_texts what they mean: "
            "without a sample there is nothing else to know them by."
        )
    settings = recipe.settings
    task = Task(name, targets, texts)
    return replace(
        task,
        label_words=task.words_of_labels(settings.text_tokenizer),
        thresholds=first_thresholds(settings.threshold, targets, None),
        min_labels=0 if settings.min_labels == "auto" else int(settings.min_labels),
    )


def _known_by_encoder(model: Model[MTLERecipe], task: Task) -> Model[MTLERecipe]:
    """The model with a new task whose labels the encoder knows by their texts."""
    texts = read_label_texts(task, model)
    n_read = 0 if texts is None else len(texts.labels)
    if texts is None or n_read < task.targets.n_labels:
        known = set() if texts is None else set(texts.labels.tolist())
        empty = [name for i, name in enumerate(task.label_names) if i not in known]
        raise ValueError(
            f"The labels {empty[:5]} of task {task.name!r} have an empty text in label_texts: "
            "without a sample there is nothing else to know them by."
        )
    path = EncoderPath.of_label_texts(texts, task.targets.n_labels, task.multilabel)
    return model.with_task(replace(task, encoded=path, mixture=KNOWN_BY_ENCODER))
