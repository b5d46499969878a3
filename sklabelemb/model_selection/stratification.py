"""Iterative stratification of label sets that are stored as a sparse matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

__all__ = ["iterative_stratification", "resized"]

# The splitters extend those of iterstrat.ml_stratifiers, whose results are the measure, but do not
# take its assignment: it makes y dense and sums all its columns once for every label. With 45,000
# texts and 4,271 labels it was stopped after five minutes (benchmarks/splits.py). What follows is
# the same algorithm with the same draws, and the tests hold it to the same folds, number for
# number. To choose between the two by size would change nothing but the time, and where the library
# takes less, on a hundred samples, it is a matter of milliseconds.


def iterative_stratification(
    y: sp.csr_matrix, shares: np.ndarray, random: np.random.RandomState
) -> np.ndarray:
    """Assign samples so that every part gets its share of every label.

    The label with the fewest remaining samples is assigned first, while there is still a choice.
    Each of its samples goes to the part that lacks most samples of that label; among several such
    parts, to the one that lacks most samples in total; if still tied, to a random one. Samples
    without labels come last.

    Parameters
    ----------
    y : csr_matrix of shape (n_samples, n_labels)
        Canonical, storing only ones.
    shares : ndarray of shape (n_parts,)
        The share of each part; they add up to one.
    random : RandomState

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The part of each sample. The sizes of the parts are only close to their shares: see
        :func:`resized`.

    Notes
    -----
    Time grows with ``n_samples * n_parts + nnz``, and with the square of the number of labels for
    finding the rarest: two passes over one array for each label, 20 ms in all for 4,000 labels. A
    heap would be faster, but would draw differently from the reference implementation.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1, 0], [1, 0], [1, 1], [1, 1]])
    >>> iterative_stratification(y, np.array([0.5, 0.5]), np.random.RandomState(0))
    array([1, 0, 0, 1])
    """
    n_samples = y.shape[0]
    columns = y.tocsc()
    counts = np.diff(columns.indptr)
    lacking = np.outer(counts, shares)
    room = (shares * n_samples).tolist()
    parts = np.full(n_samples, -1)
    done = n_samples + 1
    left = np.where(counts > 0, counts, done)
    while (fewest := left.min(initial=done)) < done:
        rarest = np.flatnonzero(left == fewest)
        label = rarest[random.randint(len(rarest))] if len(rarest) > 1 else rarest[0]
        samples = columns.indices[columns.indptr[label] : columns.indptr[label + 1]]
        samples = np.sort(samples[parts[samples] < 0])
        chosen = _deal_out(len(samples), lacking[label].tolist(), 1, room, random)
        parts[samples] = chosen
        rows = y[samples]
        # One by one, so that equal shares stay equal to the last bit, and ties are ties.
        np.subtract.at(lacking, (rows.indices, np.repeat(chosen, np.diff(rows.indptr))), 1)
        np.subtract.at(left, rows.indices, 1)
        left[left == 0] = done
    samples = np.flatnonzero(parts < 0)
    parts[samples] = _deal_out(len(samples), [0.0] * len(room), 0, room, random)
    return parts


def _deal_out(
    n: int, lacking: list[float], step: int, room: list[float], random: np.random.RandomState
) -> list[int]:
    """Parts for `n` samples of one label; takes them off `lacking` (by `step`) and `room`."""
    chosen = []
    for _ in range(n):
        most = max(lacking)
        best = [part for part, value in enumerate(lacking) if value == most]
        if len(best) > 1:
            most = max(room[part] for part in best)
            best = [part for part in best if room[part] == most]
        part = best[random.randint(len(best))] if len(best) > 1 else best[0]
        lacking[part] -= step
        room[part] -= 1
        chosen.append(part)
    return chosen


def resized(
    parts: np.ndarray, y: sp.csr_matrix, sizes: np.ndarray, random: np.random.RandomState
) -> np.ndarray:
    """Move as few samples as possible to give every part its size.

    Parameters
    ----------
    parts : ndarray of int, shape (n_samples,)
        The part of each sample.
    y : csr_matrix of shape (n_samples, n_labels)
    sizes : ndarray of int, shape (n_parts,)
        How many samples each part is to have, at least one; they add up to n_samples.
    random : RandomState
        Decides between samples that are equally good to move.

    Returns
    -------
    ndarray of int, shape (n_samples,)

    Notes
    -----
    The sample to move is the one that lowers Pearson's chi-square most, or raises it least: with
    :math:`o` samples of a label in a part and :math:`e` expected there, the sum of
    :math:`(o - e)^2 / e` over labels and parts. Dividing by :math:`e` protects the rare labels.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> y = sp.csr_matrix([[1], [0], [0], [1]])
    >>> resized(np.array([0, 0, 0, 1]), y, np.array([2, 2]), np.random.RandomState(0))
    array([0, 1, 0, 1])
    """
    parts = parts.copy()
    surplus = np.bincount(parts, minlength=len(sizes)) - sizes
    if not surplus.any():
        return parts
    n_samples = y.shape[0]
    membership = sp.csr_matrix(
        (np.ones(n_samples), (parts, np.arange(n_samples))), shape=(len(sizes), n_samples)
    )
    found = (membership @ y).toarray()
    # A label that does not occur stands in no row: what it would be divided by is of no matter.
    expected = np.outer(sizes / n_samples, np.maximum(found.sum(axis=0), 1))
    while surplus.any():
        giver, taker = surplus.argmax(), surplus.argmin()
        over = found - expected
        cost = y @ (
            (1 - 2 * over[giver]) / expected[giver] + (1 + 2 * over[taker]) / expected[taker]
        )
        candidates = np.flatnonzero(parts == giver)
        cost = cost[candidates]
        candidates = candidates[cost <= cost.min() + 1e-9]
        sample = candidates[random.randint(len(candidates))]
        labels = y.indices[y.indptr[sample] : y.indptr[sample + 1]]
        found[giver, labels] -= 1
        found[taker, labels] += 1
        surplus[giver] -= 1
        surplus[taker] += 1
        parts[sample] = taker
    return parts
