"""Whether the parts of a saved model fit together."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklabelemb.mtle.tasks import Task
from sklabelemb.targets import Targets
from sklabelemb.text import Vocabulary, WordPieces
from sklabelemb.training.wide import Mixture, WidePath

__all__ = ["check_learnt"]

# What every model has learnt; a classifier may have more.
_LEARNT: dict[str, tuple[type, ...]] = {
    "history_": (list,),
    "n_iter_": (int,),
    "best_epoch_": (int,),
    "net_": (dict,),
    "_network_arguments": (dict,),
}
# What a model of one task has besides, and a model of several.
_OF_ONE_TASK: dict[str, tuple[type, ...]] = {
    "targets_": (Targets,),
    "thresholds_": (np.ndarray, type(None)),
    "min_labels_": (int,),
    "wide_": (WidePath, type(None)),
    "mixture_": (Mixture,),
}
_OF_TASKS: dict[str, tuple[type, ...]] = {"tasks_": (dict,)}


def check_learnt(learnt: dict[str, Any], vocabulary: Vocabulary | WordPieces) -> None:
    """Check that the parts fit together; the network checks its own."""
    expected = _LEARNT | (_OF_TASKS if "tasks_" in learnt else _OF_ONE_TASK)
    for name, types in expected.items():
        if not isinstance(learnt[name], types):
            raise ValueError(f"{name} is a {type(learnt[name]).__name__}")
    if strange := [n for n in learnt.keys() - expected if n[:1] == "_" or n[-1:] != "_"]:
        raise ValueError(f"{strange[0]!r} is nothing that a model learns")
    if any(type(row) is not dict for row in learnt["history_"]):
        raise ValueError("history_ is no list of dict")
    n_words = learnt["net_"]["module"].get("n_words", len(vocabulary))
    if n_words != len(vocabulary):
        raise ValueError(
            f"the vocabulary has {len(vocabulary)} words, the network's table {n_words}"
        )
    if "tasks_" in learnt:
        _check_tasks(learnt["tasks_"], vocabulary)
        return
    _check_targets(learnt["targets_"])
    _check_thresholds(learnt["targets_"], learnt["thresholds_"])
    if not np.all(np.isfinite(list(vars(learnt["mixture_"]).values()))):
        raise ValueError("mixture_ is not finite")
    if (wide := learnt["wide_"]) is not None:
        _check_wide(wide, learnt["targets_"].n_labels)


def _check_tasks(tasks: dict[Any, Any], vocabulary: Any) -> None:
    if not tasks:
        raise ValueError("tasks_ is empty")
    for name, task in tasks.items():
        if not isinstance(task, Task) or task.name != name:
            raise ValueError(f"tasks_[{name!r}] is no task of that name")
        _check_targets(task.targets)
        _check_thresholds(task.targets, task.thresholds)
        words, texts = task.label_words, task.label_texts
        if len(words) != task.targets.n_labels or (texts and len(texts) != len(words)):
            raise ValueError(f"task {name!r} has not one text for each of its labels")
        for some in words:
            if not isinstance(some, list) or not all(word in vocabulary for word in some):
                raise ValueError(f"task {name!r} has label words that the vocabulary does not have")


def _check_thresholds(targets: Targets, thresholds: np.ndarray | None) -> None:
    if (thresholds is not None) != targets.multilabel:
        raise ValueError("thresholds_ are for label sets, and only for those")
    if thresholds is not None:
        _check_array("thresholds_", thresholds, np.float64, (targets.n_labels,))
        if np.isnan(thresholds).any():
            raise ValueError("thresholds_ holds NaN")


def _check_wide(wide: WidePath, n_labels: int) -> None:
    n_features = wide.words.n_features + wide.characters.n_features
    _check_array("wide_.weights", wide.weights, np.float32, (n_features, n_labels))
    _check_array("wide_.bias", wide.bias, np.float32, (n_labels,))
    for name, part in (("words", wide.words), ("characters", wide.characters)):
        _check_array(f"wide_.{name}.idf", part.idf, np.float32, (part.n_features,))
    _check_array("wide_.words.keys", wide.words.keys, np.int64, (wide.words.n_features,))


def _check_targets(targets: Targets) -> None:
    n_labels = targets.n_labels
    if targets.container not in ("array", "csr_matrix", "csr_array", "pandas", "polars"):
        raise ValueError(f"targets_.container is {targets.container!r}")
    if targets.label_names.shape != (n_labels,) or targets.label_names.dtype != object:
        raise ValueError(f"there are not {n_labels} label names")
    if targets.classes.shape != ((n_labels, 2) if targets.multilabel else (n_labels,)):
        raise ValueError(f"classes_ has the shape {targets.classes.shape}")
    if targets.multilabel and np.dtype(targets.dtype).kind not in "biuf":
        raise ValueError(f"targets_.dtype is {targets.dtype!r}")


def _check_array(name: str, array: np.ndarray, dtype: Any, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"{name} has dtype {array.dtype} and shape {array.shape} instead of "
            f"{np.dtype(dtype)} and {shape}"
        )
