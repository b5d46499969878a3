"""Gains of the highest scored labels of each sample; tied scores are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.metrics.checks import row_blocks
from sklabelemb.sparse_rows import values_at

__all__ = ["gain_of_top"]


def gain_of_top(
    gain: sp.csr_matrix, scores: Any, k: int, discounts: np.ndarray | None = None
) -> np.ndarray:
    """Gain of the k highest scored labels of each sample, mean over all orders of ties.

    With `discounts`, of shape (k,), a place counts as much as its discount.
    """
    worth = np.concatenate([[0.0], np.cumsum(np.ones(k) if discounts is None else discounts)])
    entries = _stored(gain, scores) if sp.issparse(scores) else _highest(gain, scores, k)
    row, score, number, gained = entries
    order = np.lexsort((-score, row))
    row, score = row[order], score[order]
    # Tied scores share their positions.
    is_new = np.diff(row, prepend=-1) != 0
    is_new[1:] |= score[1:] != score[:-1]
    starts = np.flatnonzero(is_new)
    number = np.add.reduceat(number[order], starts)
    gained = np.add.reduceat(gained[order], starts)
    row = row[starts]
    upto = np.cumsum(number)
    is_first = np.diff(row, prepend=-1) != 0
    upto -= np.repeat((upto - number)[is_first], np.diff(np.flatnonzero(is_first), append=len(row)))
    places = worth[np.minimum(upto, k)] - worth[np.minimum(upto - number, k)]
    found: np.ndarray = np.bincount(row, gained * places / number, minlength=gain.shape[0])
    return found


_Entries = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _stored(gain: sp.csr_matrix, scores: sp.csr_matrix) -> _Entries:
    """Row, score, number of labels and gain of all scores; one entry for those not stored."""
    n_samples, n_labels = scores.shape
    gained = values_at(gain, scores).astype(np.float64)
    lengths = np.diff(scores.indptr)
    row = np.repeat(np.arange(n_samples), lengths)
    total = np.asarray(gain.sum(axis=1), dtype=np.float64).ravel()
    some = np.flatnonzero(lengths < n_labels)
    rest = total - np.bincount(row, gained, minlength=n_samples)
    return (
        np.concatenate([row, some]),
        np.concatenate([scores.data, np.zeros(len(some))]),
        np.concatenate([np.ones(len(row), dtype=np.int64), n_labels - lengths[some]]),
        np.concatenate([gained, rest[some]]),
    )


def _highest(gain: sp.csr_matrix, scores: np.ndarray, k: int) -> _Entries:
    """Row, score, number of labels and gain of the scores that can be among the first k."""
    parts = []
    first = 0
    for g, s in row_blocks(gain, scores):
        lowest = np.partition(s, s.shape[1] - k, axis=1)[:, s.shape[1] - k, np.newaxis]
        row, column = np.nonzero(s >= lowest)
        ones = np.ones(len(row), dtype=np.int64)
        parts.append((first + row, s[row, column], ones, g[row, column].astype(np.float64)))
        first += len(s)
    row, score, number, gained = (np.concatenate(part) for part in zip(*parts, strict=True))
    return row, score, number, gained
