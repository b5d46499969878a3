"""Reduce the size of weights: half floats or int8, pruning, compression."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["SCALE", "Reduction", "restored"]

DTYPES = ("float32", "float16", "int8")
# Reducing smaller arrays than this does not pay.
FEWEST = 1024
# Linear models have one column per label and scale; all other tables, one row.
BY_LABEL = ("linear.weights", "ngrams.weights", "encoded.weights")
OF_NGRAMS = ("linear.weights", "ngrams.weights", "coef_")
# Every number matters on its own here, so int8 with a single scale is too coarse.
VECTORS = ("idf", "idf_")
# Shorter rows are not worth a scale.
SHORTEST_ROW = 16
LARGEST_HALF = float(np.finfo(np.float16).max)
# Suffix of the names of scales.
SCALE = "#scale"
# A frozen encoder is recognised by its exact weights.
EXACT = "encoder."


@dataclass(frozen=True)
class Reduction:
    """How the arrays of a model are reduced.

    Parameters
    ----------
    dtype : {"float32", "float16", "int8"}, default="float32"
        Type of the stored weight tables. "int8": integers from -127 to 127 times a scale, one for
        each word's vector, or for each label's weights in a linear model.
    prune : float, default=0.0
        Share of the weights of each linear model over n-grams that become 0, those with the
        smallest absolute values.
    """

    dtype: str = "float32"
    prune: float = 0.0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, but got {self.dtype!r}.")
        is_number = isinstance(self.prune, Real) and not isinstance(self.prune, bool)
        if not is_number or not 0 <= self.prune < 1:
            raise ValueError(
                f"prune must be a share of at least 0 and below 1, but got {self.prune!r}."
            )

    def reduced(
        self, arrays: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays to write, and how the reduced ones were written.

        Parameters
        ----------
        arrays : dict of str to ndarray

        Returns
        -------
        dict of str to ndarray
        dict of str to dict
            The information for :func:`restored`, as JSON.
        """
        if self == Reduction():
            return dict(arrays), {}
        written, notes = {}, {}
        for name, array in arrays.items():
            if name.startswith(EXACT) or array.size < FEWEST:
                written[name] = array
                continue
            parts, note = self._written(name, array)
            written |= {name + ending: part for ending, part in parts.items()}
            if note is not None:
                notes[name] = note
        return written, notes

    def _written(
        self, name: str, array: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
        note = {"dtype": array.dtype.str, "shape": list(array.shape)}
        if array.dtype.kind in "iu" and array.ndim == 1:
            whole = array.astype(np.int64)
            steps = np.diff(whole, prepend=whole.dtype.type(0))
            steps = steps.astype(np.min_scalar_type(-int(np.abs(steps).max()) - 1))
            return {"": _deflated(steps)}, note | {"as": "steps", "of": steps.dtype.str}
        if not _is_table(name, array):
            return {"": array}, None
        if self.prune and name.endswith(OF_NGRAMS):
            array = _pruned(array, self.prune)
        is_vector = name.endswith(VECTORS) or array.ndim < 2 or array.shape[-1] < SHORTEST_ROW
        if self.dtype == "int8" and not (is_vector and not name.endswith(BY_LABEL)):
            axis = 0 if name.endswith(BY_LABEL) else -1
            scale = np.abs(array).max(axis=axis, keepdims=True).astype(np.float32) / np.float32(127)
            whole = np.rint(array / np.where(scale > 0, scale, 1)).astype(np.int8)
            return {"": _deflated(whole), SCALE: scale}, note | {"as": "scaled"}
        fits = not np.abs(array).max() > LARGEST_HALF
        kind = np.dtype(np.float16 if self.dtype != "float32" and fits else array.dtype)
        return {"": _deflated(array.astype(kind))}, note | {"as": "floats", "of": kind.str}


def restored(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The original arrays, as exactly as they were written by :meth:`Reduction.reduced`.

    Raises
    ------
    ValueError, LookupError, TypeError
        When they were not written by it.
    """
    whole = dict(arrays)
    for name, note in notes.items():
        shape, dtype = tuple(note["shape"]), np.dtype(note["dtype"])
        packed = whole.pop(name)
        if note["as"] == "scaled":
            scale = whole.pop(name + SCALE)
            array = _inflated(packed, np.dtype(np.int8), shape) * scale
        elif note["as"] == "steps":
            array = np.cumsum(_inflated(packed, np.dtype(note["of"]), shape), dtype=np.int64)
        elif note["as"] == "floats":
            array = _inflated(packed, np.dtype(note["of"]), shape)
        else:
            raise ValueError(f"{name} was written as {note['as']!r}, which is not known here")
        whole[name] = array.astype(dtype)
    return whole


def _is_table(name: str, array: np.ndarray) -> bool:
    """Whether an array holds weights, which may be rounded."""
    if array.dtype.kind != "f":
        return False
    return name.endswith((*VECTORS, "coef_")) or (array.dtype == np.float32 and array.ndim > 1)


def _pruned(array: np.ndarray, share: float) -> np.ndarray:
    size = np.abs(array)
    n_gone = int(share * array.size)
    if not n_gone:
        return array
    return np.where(size > np.partition(size, n_gone - 1, axis=None)[n_gone - 1], array, 0)


def _deflated(array: np.ndarray) -> np.ndarray:
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return np.frombuffer(zlib.compress(little.tobytes()), np.uint8)


def _inflated(packed: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    expected = math.prod(shape) * dtype.itemsize
    inflater = zlib.decompressobj()
    try:
        # Limited to the declared size, because a malicious file could inflate to any amount.
        content = inflater.decompress(packed.tobytes(), max_length=expected + 1)
    except zlib.error as error:
        raise ValueError(f"an array cannot be inflated: {error}") from error
    if len(content) != expected:
        raise ValueError(f"an array of shape {shape} does not have {expected} bytes")
    return np.frombuffer(content, dtype).reshape(shape)
