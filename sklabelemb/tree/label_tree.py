"""The tree: labels below groups of labels, and a linear model for each way down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from sklabelemb.sparse_rows import stacked, top_of_rows
from sklabelemb.tree.newton import squared_hinge

__all__ = ["LabelTree", "Level"]

# How steep the sigmoid is that makes a probability of a score.
SLOPE = 4.0
# Texts that are searched at a time.
BLOCK = 4096
# Bias of a label without a positive, which is that of one that is never there.
ABSENT = -1.0


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
        Which label each child of the last level is.
    beam_size : int
        How many groups of each level are searched further.
    n_candidates : int
        How many labels of each text are kept.
    """

    levels: list[Level]
    labels: np.ndarray
    beam_size: int = 10
    n_candidates: int = 100

    @classmethod
    def fit(
        cls,
        X: sp.csr_matrix,
        targets: sp.csr_matrix,
        groups: list[np.ndarray],
        *,
        C: float = 1.0,
        min_weight: float = 0.0,
        sample_weight: np.ndarray | None = None,
        n_jobs: int | None = None,
        **search: int,
    ) -> LabelTree:
        """Train the models of a tree, each on the texts that have a label below its parent.

        Parameters
        ----------
        X : csr_matrix of float32, shape (n_texts, n_features)
            The last column is 1 throughout.
        targets : csr_matrix of shape (n_texts, n_labels)
        groups : list of int ndarray of shape (n_labels,)
            See :func:`sklabelemb.tree.clusters.hierarchy`.
        C : float, default=1.0
            Of the loss, beside the regularisation.
        min_weight : float, default=0.0
            Smaller weights are left out.
        sample_weight : ndarray of shape (n_texts,), default=None
        n_jobs : int, default=None
            Threads; None: those of torch.
        **search : dict
            `beam_size` and `n_candidates`.
        """
        n_labels = targets.shape[1]
        labels = np.lexsort(groups[::-1]) if groups else np.arange(n_labels)
        # Every label is a group of its own in the end, numbered in the order of the tree.
        place = np.empty(n_labels, dtype=np.int64)
        place[labels] = np.arange(n_labels)
        above = np.zeros(n_labels, dtype=np.int64)
        reached = sp.csr_matrix(np.ones((X.shape[0], 1), dtype=np.float32))
        levels = []
        for below in [*groups, place]:
            n_children = below.max() + 1
            parents = np.zeros(n_children, dtype=np.int64)
            parents[below] = above
            bounds = np.searchsorted(parents, np.arange(above.max() + 2))
            present = _of_groups(targets, below, n_children)
            weights = _fit_level(X, present, reached, bounds, C, min_weight, sample_weight, n_jobs)
            levels.append(Level(bounds, weights))
            above, reached = below, present
        return cls(levels, labels, **search)

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
            Probabilities: the product of those along the way down. What is not stored was not
            found.
        """
        blocks = [self._search(X[rows]) for rows in gen_batches(X.shape[0], BLOCK)]
        return sp.csr_matrix(sp.vstack(blocks, format="csr"))

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


def _of_groups(targets: sp.csr_matrix, groups: np.ndarray, n_groups: int) -> sp.csr_matrix:
    """Which groups each text has a label of."""
    membership = sp.csr_matrix(
        (np.ones(len(groups), dtype=np.float32), (np.arange(len(groups)), groups)),
        shape=(len(groups), n_groups),
    )
    present = sp.csr_matrix(targets @ membership, dtype=np.float32)
    present.data[:] = 1
    return present


def _fit_level(
    X: sp.csr_matrix,
    present: sp.csr_matrix,
    reached: sp.csr_matrix,
    bounds: np.ndarray,
    C: float,
    min_weight: float,
    sample_weight: np.ndarray | None,
    n_jobs: int | None,
) -> sp.csr_matrix:
    """Weights of all children of a level."""
    by_parent, by_child = reached.tocsc(), present.tocsc()

    def job(parent: int) -> sp.csr_matrix:
        children = by_child[:, bounds[parent] : bounds[parent + 1]].tocsr()
        # What is below an only child is below its parent, but for the root.
        if children.shape[1] == 1 and len(bounds) > 2:
            return _always(X.shape[1])
        rows = by_parent.indices[by_parent.indptr[parent] : by_parent.indptr[parent + 1]]
        weight = None if sample_weight is None else sample_weight[rows]
        # All texts reach the root, which need not copy them.
        own = X if len(rows) == X.shape[0] else X[rows]
        one_thread = nullcontext() if n_jobs in (None, 1) else threadpool_limits(1)
        with one_thread:
            return _fit_children(own, children[rows], C, min_weight, weight)

    jobs = (delayed(job)(parent) for parent in range(len(bounds) - 1))
    found = Parallel(n_jobs=n_jobs, prefer="threads")(jobs)
    return sp.csr_matrix(sp.vstack(found, format="csr", dtype=np.float32))


def _always(n_features: int) -> sp.csr_matrix:
    """Weights of a child that is always reached."""
    place = ([0], [n_features - 1])
    return sp.csr_matrix((np.array([np.inf], dtype=np.float32), place), shape=(1, n_features))


def _fit_children(
    X: sp.csr_matrix,
    present: sp.csr_matrix,
    C: float,
    min_weight: float,
    sample_weight: np.ndarray | None,
) -> sp.csr_matrix:
    """Weights of the children of one parent, in the columns that its texts have anything in."""
    n_children, n_features = present.shape[1], X.shape[1]
    occurs = np.bincount(X.indices, minlength=n_features) > 0
    occurs[-1] = True
    used = np.flatnonzero(occurs).astype(np.int32)
    weights = np.zeros((len(used), n_children), dtype=np.float32)
    weights[-1] = ABSENT
    varied = np.flatnonzero(present.getnnz(axis=0))
    if len(varied):
        place = np.cumsum(occurs, dtype=np.int32) - 1
        parts = (X.data, place[X.indices], X.indptr)
        compact = sp.csr_matrix(parts, shape=(X.shape[0], len(used)))
        found = squared_hinge(compact, present[:, varied], C=C, sample_weight=sample_weight)
        found[:-1][np.abs(found[:-1]) < min_weight] = 0
        weights[:, varied] = found
    own = sp.csr_matrix(weights.T)
    return sp.csr_matrix((own.data, used[own.indices], own.indptr), (n_children, n_features))
