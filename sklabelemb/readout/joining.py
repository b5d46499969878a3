"""The answers of several tasks as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["joined"]


def joined(found: Mapping[Any, tuple[np.ndarray, np.ndarray]]) -> Any:
    """Join the predictions for the samples of each task.

    Parameters
    ----------
    found : dict of (ndarray, int64 ndarray)
        For each task the answers, one row per sample, and which samples these are.

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
    >>> joined({"a": (np.array(["x", "y"]), [0, 2]), "b": (np.array([7]), [1])})
    array(['x', 7, 'y'], dtype=object)
    """
    answers = {name: answer for name, (answer, _) in found.items()}
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
    for answer, rows in found.values():
        result[rows] = answer.tolist() if mixed else answer
    return result
