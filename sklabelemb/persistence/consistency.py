"""Check that the parts of a saved model are consistent."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklabelemb.learning.task import Task
from sklabelemb.linear import EncoderPath, Mixture, WidePath
from sklabelemb.targets import FRAMES, Targets
from sklabelemb.text import Vocabulary, WordPieces

__all__ = ["PARTS", "check_parts"]

PARTS: dict[str, Any] = {
    "tasks": dict,
    "options": dict,
    "module": dict,
    "weights": dict,
    "batch_size": int,
    "iterator_valid": dict,
    "history": list,
    "best_epoch": int,
    "encoder": dict | None,
}


def check_parts(parts: dict[str, Any], vocabulary: Vocabulary | WordPieces) -> None:
    """Check that the parts of a model are consistent; the network checks its own."""
    for name, kind in PARTS.items():
        if not isinstance(parts[name], kind):
            raise ValueError(f"{name} is a {type(parts[name]).__name__}")
    if strange := sorted(parts.keys() - PARTS.keys() - {"frozen"}):
        raise ValueError(f"{strange[0]!r} is not part of a model")
    if any(type(row) is not dict for row in parts["history"]):
        raise ValueError("history is not a list of dict")
    n_words = parts["module"].get("n_words", len(vocabulary))
    if n_words != len(vocabulary):
        raise ValueError(
            f"the vocabulary has {len(vocabulary)} words, the network's table {n_words}"
        )
    _check_tasks(parts["tasks"], vocabulary, parts["encoder"] is not None)


def _check_tasks(tasks: dict[Any, Any], vocabulary: Any, has_encoder: bool) -> None:
    if not tasks:
        raise ValueError("there are no tasks")
    for name, task in tasks.items():
        if not isinstance(task, Task) or task.name != name:
            raise ValueError(f"tasks[{name!r}] is not a task of that name")
        _check_targets(task.targets)
        _check_thresholds(task.targets, task.thresholds)
        if task.nearest_by not in ("logits", "scores"):
            raise ValueError(f"nearest_by is {task.nearest_by!r}")
        n_labels, words, texts = task.targets.n_labels, task.label_words, task.label_texts
        if (words and len(words) != n_labels) or (texts and len(texts) != n_labels):
            raise ValueError(f"task {name!r} has not one text for each of its labels")
        for some in words:
            if not isinstance(some, list) or not all(word in vocabulary for word in some):
                raise ValueError(f"task {name!r} has label words that the vocabulary does not have")
        _check_mixture(task.mixture, n_labels)
        if task.added is not None:
            _check_array("added", task.added, np.int64, (n_labels,))
        if task.linear is not None:
            _check_linear(task.linear, n_labels)
        if (task.encoded is None) != (not has_encoder):
            raise ValueError(f"task {name!r} and the model disagree about an encoder")
        if task.encoded is not None:
            _check_encoded(task.encoded, n_labels)
        _check_sequences(task)


def _check_sequences(task: Task) -> None:
    n_labels, order, most = task.targets.n_labels, task.label_order, task.max_labels
    if order is not None and sorted(order.tolist()) != list(range(n_labels)):
        raise ValueError(f"label_order is not an order of the {n_labels} labels")
    if most is not None and most < 1:
        raise ValueError(f"max_labels is {most!r}")


def _check_thresholds(targets: Targets, thresholds: np.ndarray | None) -> None:
    if (thresholds is not None) != targets.multilabel:
        raise ValueError("thresholds_ are for label sets, and only for those")
    if thresholds is not None:
        _check_array("thresholds_", thresholds, np.float64, (targets.n_labels,))
        if np.isnan(thresholds).any():
            raise ValueError("thresholds_ holds NaN")


def _check_mixture(mixture: Mixture, n_labels: int) -> None:
    parts = dict(vars(mixture))
    by_label = parts.pop("by_label")
    if by_label is not None:
        _check_array("by_label of the mixture", by_label, np.float64, (n_labels, len(parts)))
    known = [*parts.values(), 0.0 if by_label is None else by_label]
    if not all(np.all(np.isfinite(weights)) for weights in known):
        raise ValueError("the mixture is not finite")


def _check_linear(linear: WidePath, n_labels: int) -> None:
    n_features = linear.words.n_features + linear.characters.n_features
    _check_array("linear.weights", linear.weights, np.float32, (n_features, n_labels))
    _check_array("linear.bias", linear.bias, np.float32, (n_labels,))
    for name, part in (("words", linear.words), ("characters", linear.characters)):
        _check_array(f"linear.{name}.idf", part.idf, np.float32, (part.n_features,))
    _check_array("wide_.words.keys", linear.words.keys, np.int64, (linear.words.n_features,))


def _check_encoded(path: EncoderPath, n_labels: int) -> None:
    _check_array("encoded.weights", path.weights, np.float32, (len(path.weights), n_labels))
    _check_array("encoded.bias", path.bias, np.float32, (n_labels,))
    if not (np.isfinite(path.scale) and path.scale > 0):
        raise ValueError(f"encoded.scale is {path.scale!r}")
    if path.ngrams is not None:
        _check_linear(path.ngrams, n_labels)


def _check_targets(targets: Targets) -> None:
    n_labels = targets.n_labels
    if targets.container not in ("array", "csr_matrix", "csr_array", *FRAMES):
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
