"""The features of texts: in memory, or made batch by batch where they would not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.text import TokenIds, Vocabulary, WordPieces

__all__ = ["MANY_TOKENS", "FeaturesOnDemand", "sample_of"]

# From this many tokens on, more than a gigabyte of features, they are made whenever they are read.
MANY_TOKENS = 1 << 23
# Statistics of features that are not in memory are taken from this many texts.
SAMPLE = 5_000


@dataclass(frozen=True, eq=False)
class FeaturesOnDemand:
    """The features of some texts, made of their token ids each time they are asked for.

    Attributes
    ----------
    path : WidePath
        It knows the features.
    texts : TokenIds
    vocabulary : Vocabulary or WordPieces
    rows : int ndarray of shape (n_texts,)
        Which of the texts are meant.
    """

    path: Any
    texts: TokenIds
    vocabulary: Vocabulary | WordPieces
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of texts and of features."""
        return len(self.rows), self.path.n_features

    def __getitem__(self, rows: np.ndarray) -> FeaturesOnDemand:
        """The features of some of the texts, still lazily."""
        return replace(self, rows=self.rows[rows])

    def read(self) -> sp.csr_matrix:
        """Make them."""
        X: sp.csr_matrix = self.path.features(self.texts.take(self.rows), self.vocabulary)
        return X


def sample_of(X: sp.csr_matrix | FeaturesOnDemand) -> sp.csr_matrix:
    """Features to compute statistics from: all, if in memory, or those of some texts."""
    if not isinstance(X, FeaturesOnDemand):
        return X
    rows = np.random.RandomState(0).permutation(len(X.rows))[:SAMPLE]
    return X[np.sort(rows)].read()
