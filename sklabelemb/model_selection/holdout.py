"""Stratified hold-out."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklabelemb.model_selection.stratification import iterative_stratification, resized

__all__ = ["stratified_holdout"]


def stratified_holdout(
    targets: sp.csr_matrix | np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a part of the samples with the same label frequencies as the rest.

    Iterative stratification for label sets; for single classes every n-th sample in the order of
    classes, so the part has the requested size, however rare the classes are. The only sample of a
    label or class is never held out, so the remaining part has every label and class that occurs.

    Parameters
    ----------
    targets : csr_matrix of shape (n_samples, n_labels), or int codes of shape (n_samples,)
    fraction : float
        Share of the samples to hold out.
    seed : int

    Returns
    -------
    kept, cut : int ndarrays, sorted
        `cut` is smaller than requested only if labels would be lost otherwise.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.model_selection.holdout import stratified_holdout
    >>> stratified_holdout(np.array([0, 0, 0, 0, 1]), 0.4, seed=0)[0]
    array([1, 2, 4])
    """
    n_cut = round(fraction * targets.shape[0])
    n_samples = targets.shape[0]
    if sp.issparse(targets):
        indicator = sp.csr_matrix(targets)
        is_cut = _stratified(indicator, n_cut, seed)
    else:
        places = (np.arange(n_samples), targets)
        indicator = sp.csr_matrix((np.ones(n_samples), places))
        is_cut = _every_nth(targets, n_cut, np.random.default_rng(seed))
    is_cut = _without_losses(indicator, is_cut, np.random.default_rng(seed))
    return np.flatnonzero(~is_cut), np.flatnonzero(is_cut)


def _without_losses(
    indicator: sp.csr_matrix, is_cut: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Take back a sample of each label that has none left, and hold out others instead."""
    columns = indicator.tocsc()
    total = np.diff(columns.indptr)
    n_kept = total - columns.T @ is_cut
    back: list[int] = []
    for label in np.flatnonzero((total > 0) & (n_kept == 0)):
        samples = columns.indices[columns.indptr[label] : columns.indptr[label + 1]]
        if is_cut[samples].all():  # no label before this one has brought any of them back
            back.append(random.choice(samples))
            is_cut[back[-1]] = False
    for sample in back:
        n_kept[indicator[sample].indices] += 1
    for _ in back:
        # Of the samples that may go, one whose rarest label has most samples left.
        left = np.full(indicator.shape[0], np.inf)
        some = np.flatnonzero(np.diff(indicator.indptr))
        left[some] = np.minimum.reduceat(n_kept[indicator.indices], indicator.indptr[some])
        left[is_cut] = 0
        left[back] = 0
        if left.max() < 2:
            break
        sample = random.choice(np.flatnonzero(left == left.max()))
        is_cut[sample] = True
        n_kept[indicator[sample].indices] -= 1
    return is_cut


def _every_nth(codes: np.ndarray, n_cut: int, random: np.random.Generator) -> np.ndarray:
    # Each class gives its share, rounded up or down, and the shares add up.
    order = random.permutation(len(codes))
    rank = random.permutation(codes.max() + 1)
    order = order[np.argsort(rank[codes[order]], kind="stable")]
    chosen = ((np.arange(n_cut) + random.uniform()) * len(codes) / max(1, n_cut)).astype(int)
    is_cut = np.zeros(len(codes), dtype=bool)
    is_cut[order[chosen]] = True
    return is_cut


def _stratified(indicator: sp.csr_matrix, n_cut: int, seed: int) -> np.ndarray:
    n_samples = indicator.shape[0]
    shuffle = np.random.RandomState(seed)
    order = np.arange(n_samples)
    shuffle.shuffle(order)
    sizes = np.array([n_samples - n_cut, n_cut])
    shuffled = indicator[order]
    parts = iterative_stratification(shuffled, sizes / n_samples, shuffle)
    if n_cut:
        parts = resized(parts, shuffled, sizes, shuffle)
    is_cut = np.zeros(n_samples, dtype=bool)
    is_cut[order[parts == 1]] = True
    return is_cut
