"""A part to hold out, with every label as frequent as in the rest."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

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
    indicator = sp.csr_matrix(targets).toarray().astype(np.uint8)
    # A column that is always the same cannot be stratified, and costs as much as the others.
    varied = indicator.any(axis=0) & ~indicator.all(axis=0)
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    indicator = indicator[:, varied] if varied.sum() > 1 else indicator
    if indicator.shape[1] == 1:
        # The library wants two columns at least.
        indicator = np.hstack([indicator, 1 - indicator])
    kept, cut = next(splitter.split(np.zeros((len(indicator), 1)), indicator))
    if len(cut) < n_cut:
        # Labels too rare to give a whole sample stay in the larger part; fill up from there.
        moved = random.choice(kept, size=n_cut - len(cut), replace=False)
        kept, cut = np.setdiff1d(kept, moved), np.concatenate([cut, moved])
    return np.sort(kept), np.sort(cut)
