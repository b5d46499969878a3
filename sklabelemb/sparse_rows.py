"""Sparse matrices row by row: stacked, their largest values, and values at places of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["blocks_of_rows", "concatenated", "stacked", "top_of_rows", "values_at", "values_of"]


def blocks_of_rows(matrix: sp.csr_matrix, size: int) -> list[slice]:
    """Slices that cut a matrix into blocks of this many rows; at least one."""
    return [slice(start, start + size) for start in range(0, max(matrix.shape[0], 1), size)]


def concatenated(parts: Sequence[Any]) -> Any:
    """Arrays, or sparse matrices, one below the other."""
    if sp.issparse(parts[0]):
        return sp.csr_matrix(sp.vstack(parts, format="csr"))
    return np.concatenate(parts)


def stacked(
    pieces: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], shape: tuple[int, int]
) -> sp.csr_matrix:
    """A matrix of pieces, each with its rows, columns and values."""
    pieces = list(pieces)
    if not pieces:
        return sp.csr_matrix(shape, dtype=np.float32)
    rows, columns, values = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return sp.csr_matrix((values, (rows, columns)), shape=shape)


def top_of_rows(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """The k largest stored values of each row; among equal values, those further to the left.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> top_of_rows(sp.csr_matrix([[3.0, 1.0, 2.0], [0.0, 5.0, 0.0]]), 2).toarray()
    array([[3., 0., 2.],
           [0., 5., 0.]])
    """
    lengths = np.diff(matrix.indptr)
    if len(lengths) == 0 or lengths.max() <= k:
        return matrix
    matrix = matrix.sorted_indices()
    kept = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(lengths > k):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = matrix.data[own]
        lowest = np.partition(values, len(values) - k)[len(values) - k]
        top = values > lowest
        top[np.flatnonzero(values == lowest)[: k - np.count_nonzero(top)]] = True
        kept[own] = top
    indptr = np.concatenate([[0], np.cumsum(np.minimum(lengths, k))])
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def values_at(matrix: sp.csr_matrix, places: sp.csr_matrix) -> np.ndarray:
    """Values of a matrix where another one stores any, in the order in which that stores them.

    Parameters
    ----------
    matrix, places : csr_matrix of the same shape
        Both without duplicates.

    Returns
    -------
    ndarray of shape (places.nnz,)
        0 where `matrix` stores nothing.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> values_at(sp.csr_matrix([[3, 0, 2], [0, 5, 0]]), sp.csr_matrix([[0, 1, 1], [0, 1, 0]]))
    array([0, 2, 5])
    """
    rows = np.repeat(np.arange(places.shape[0], dtype=np.int64), np.diff(places.indptr))
    return values_of(matrix, rows, places.indices)


def values_of(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of a matrix, which has no duplicates, in some rows and columns; 0 if not stored."""
    matrix = matrix.sorted_indices()
    stored = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    own = stored * matrix.shape[1] + matrix.indices
    wanted = rows * matrix.shape[1] + columns
    if len(own) == 0:
        return np.zeros(len(wanted), dtype=matrix.dtype)
    found = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
    return np.where(own[found] == wanted, matrix.data[found], matrix.dtype.type(0))
