"""Splits that keep the labels' frequencies."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

__all__ = ["stratified_holdout"]


def stratified_holdout(
    targets: sp.csr_matrix | np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut off a part of the samples in which every label is as frequent as in the rest.

    Iterative stratification for label sets; single classes are label sets of one, so a class with a
    single sample is no trouble either.

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
    if sp.issparse(targets):
        indicator = sp.csr_matrix(targets).toarray().astype(np.uint8)
    else:
        indicator = (targets[:, None] == np.arange(targets.max() + 1)).astype(np.uint8)
    # A column that is always the same cannot be stratified, and costs as much as the others.
    varied = indicator.any(axis=0) & ~indicator.all(axis=0)
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    indicator = indicator[:, varied] if varied.sum() > 1 else indicator
    if indicator.shape[1] == 1:
        # The library wants two columns at least.
        indicator = np.hstack([indicator, 1 - indicator])
    kept, cut = next(splitter.split(np.zeros((len(indicator), 1)), indicator))
    return np.sort(kept), np.sort(cut)
