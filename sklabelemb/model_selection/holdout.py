"""A part to hold out, with every label as frequent as in the rest."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from sklabelemb.model_selection.stratification import iterative_stratification

__all__ = ["stratified_holdout"]


def stratified_holdout(
    targets: sp.csr_matrix | np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut off a part of the samples in which every label is as frequent as in the rest.

    Iterative stratification for label sets; for single classes every n-th sample in order of their
    class, so that the part has the size asked for, however rare the classes are.

    Parameters
    ----------
    targets : csr_matrix of shape (n_samples, n_labels), or int codes of shape (n_samples,)
    fraction : float
        Share of the samples to cut off.
    seed : int

    Returns
    -------
    kept, cut : int ndarrays, sorted

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD.
    """
    random = np.random.default_rng(seed)
    n_cut = round(fraction * targets.shape[0])
    if not sp.issparse(targets):
        # Every n-th sample of the samples in order of their class: each class gives its share,
        # rounded up or down, and the shares add up, however rare the classes are.
        order = random.permutation(len(targets))
        rank = random.permutation(targets.max() + 1)
        order = order[np.argsort(rank[targets[order]], kind="stable")]
        chosen = ((np.arange(n_cut) + random.uniform()) * len(targets) / max(1, n_cut)).astype(int)
        cut = np.zeros(len(targets), dtype=bool)
        cut[order[chosen]] = True
        return np.flatnonzero(~cut), np.flatnonzero(cut)
    indicator = sp.csr_matrix(targets)
    n_samples = indicator.shape[0]
    order = np.arange(n_samples)
    shuffle = np.random.RandomState(seed)
    shuffle.shuffle(order)
    n_larger = math.ceil(fraction * n_samples)
    shares = np.array([n_samples - n_larger, n_larger]) / n_samples
    parts = iterative_stratification(indicator[order], shares, shuffle)
    kept, cut = np.sort(order[parts == 0]), np.sort(order[parts == 1])
    if len(cut) < n_cut:
        # Labels too rare to give a whole sample stay in the larger part; fill up from there.
        moved = random.choice(kept, size=n_cut - len(cut), replace=False)
        kept, cut = np.setdiff1d(kept, moved), np.concatenate([cut, moved])
    return np.sort(kept), np.sort(cut)
