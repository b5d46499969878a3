"""The tree: labels below groups of labels, and a linear model for each edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklabelemb.sparse_rows import blocks_of_rows, concatenated, stacked, top_of_rows

__all__ = ["LabelTree", "Level"]

# Slope of the sigmoid from scores to probabilities.
SLOPE = 4.0
# Texts that are searched at a time.
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Level:
    """The models of one level of the tree, those of a common parent side by side.

    Attributes
    ----------
    bounds : int ndarray of shape (n_parents + 1,)
        The children of parent p are ``bounds[p]`` to ``bounds[p + 1] - 1``.
    weights : csr_matrix of float32, shape (n_children, n_features)
        The last column is the bias: that of an only child, which is always reached, is infinite.
    """

    bounds: np.ndarray
    weights: sp.csr_matrix


@dataclass(frozen=True, eq=False)
class LabelTree:
    """Linear models that lead from the root to the labels.

    Attributes
    ----------
    levels : list of Level
        From the root down; the children of the last are labels.
    labels : int ndarray of shape (n_labels,)
        The label of each child of the last level.
    beam_size : int
        How many groups of each level are searched further.
    n_candidates : int
        How many labels of each text are kept.
    """

    levels: list[Level]
    labels: np.ndarray
    beam_size: int = 10
    n_candidates: int = 100

    @property
    def n_weights(self) -> int:
        """How many weights are not zero."""
        return sum(level.weights.nnz for level in self.levels)

    def search(self, X: sp.csr_matrix) -> sp.csr_matrix:
        """Find likely labels of texts by beam search.

        Parameters
        ----------
        X : csr_matrix of shape (n_texts, n_features)

        Returns
        -------
        csr_matrix of float32, shape (n_texts, n_labels)
            Probabilities: the product of those along the path. Only labels that were found are
            stored.
        """
        found: sp.csr_matrix = concatenated([self._search(X[r]) for r in blocks_of_rows(X, BLOCK)])
        return found

    def _search(self, X: sp.csr_matrix) -> sp.csr_matrix:
        # The logarithms of probabilities are kept negative, so that what is stored is never zero.
        found = sp.csr_matrix(np.full((X.shape[0], 1), -1e-9, dtype=np.float32))
        for level in self.levels:
            is_last = level is self.levels[-1]
            found = top_of_rows(
                stacked(_descend(X, found, level), (X.shape[0], level.weights.shape[0])),
                self.n_candidates if is_last else self.beam_size,
            )
        probabilities = np.exp(found.data)
        columns = self.labels[found.indices]
        found = sp.csr_matrix((probabilities, columns, found.indptr), shape=found.shape)
        found.sort_indices()
        return found


def _descend(
    X: sp.csr_matrix, found: sp.csr_matrix, level: Level
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows, columns and log-probabilities of the children of what was found, parent by parent."""
    by_parent = found.tocsc()
    for parent in np.flatnonzero(np.diff(by_parent.indptr)):
        own = slice(by_parent.indptr[parent], by_parent.indptr[parent + 1])
        rows = by_parent.indices[own]
        children = np.arange(level.bounds[parent], level.bounds[parent + 1])
        weights = level.weights[children[0] : children[-1] + 1]
        scores = (X[rows] @ weights.T).toarray()
        logs = by_parent.data[own, np.newaxis] - np.logaddexp(0, -SLOPE * scores)
        yield (
            np.repeat(rows, len(children)),
            np.tile(children, len(rows)),
            logs.ravel().astype(np.float32),
        )
