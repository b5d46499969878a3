"""The answers of several tasks as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklabelemb.decision import decide, probabilities
from sklabelemb.mtle.tasks import Task

__all__ = ["decided", "joined"]


def decided(logits: np.ndarray, task: Task) -> np.ndarray:
    """Predicted labels as a bool array of shape (n_samples, n_labels)."""
    if not task.multilabel:
        return logits.argmax(axis=1)[:, None] == np.arange(logits.shape[1])
    assert task.thresholds is not None
    return decide(probabilities(logits, multilabel=True), task.thresholds, task.min_labels)


def joined(answers: Mapping[Any, np.ndarray], groups: Mapping[Any, np.ndarray]) -> Any:
    """Put together what was found for the samples of each task.

    Parameters
    ----------
    answers : dict of ndarray
        For each task, one row per sample of its group.
    groups : dict of int64 ndarray
        For each task, which samples these are; together all of them.

    Returns
    -------
    ndarray
        In the order of the samples. Classes of different kinds are kept as objects.

    Raises
    ------
    ValueError
        When the tasks have different numbers of labels.

    Examples
    --------
    >>> import numpy as np
    >>> answers = {"a": np.array(["x", "y"]), "b": np.array([7])}
    >>> joined(answers, {"a": np.array([0, 2]), "b": np.array([1])})
    array(['x', 7, 'y'], dtype=object)
    """
    if len(answers) == 1:
        return next(iter(answers.values()))
    arrays = list(answers.values())
    shapes = {name: answer.shape[1:] for name, answer in answers.items()}
    if len(set(shapes.values())) > 1:
        if () in shapes.values():
            wide = ", ".join(repr(name) for name, shape in shapes.items() if shape)
            raise ValueError(
                f"Some of the tasks answer with one value a text, classes for instance, and others "
                f"with several ({wide}), which make no array together. Ask for one task at a time."
            )
        shown = ", ".join(f"{name!r}: {shape[0]}" for name, shape in shapes.items())
        raise ValueError(
            f"The tasks have different numbers of labels ({shown}), which make no array. Ask for "
            "one task at a time."
        )
    kinds = {array.dtype.kind for array in arrays}
    mixed = len(kinds) > 1 and not kinds <= set("iuf")
    dtype = np.dtype(object) if mixed else np.result_type(*arrays)
    result = np.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), dtype=dtype)
    for name, rows in groups.items():
        answer = answers[name]
        result[rows] = answer.tolist() if mixed else answer
    return result
