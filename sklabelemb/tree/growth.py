"""How trees are grown: groups of labels, and a linear model for each of their children."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from sklabelemb.progress import progress_bar
from sklabelemb.tree.clusters import hierarchy, label_vectors
from sklabelemb.tree.features import first_rows
from sklabelemb.tree.forest import LabelForest
from sklabelemb.tree.label_tree import LabelTree, Level
from sklabelemb.tree.newton import squared_hinge
from sklabelemb.tree.rescoring import Rescoring

__all__ = ["Growth", "grown_tree"]

# Bias of a label without a positive.
ABSENT = -1.0


@dataclass(frozen=True, eq=False)
class Growth:
    """How trees are grown; the parameters are those of the classifier.

    Attributes
    ----------
    seeds : int ndarray of shape (n_trees,)
        For the clusters of each tree.
    label_features : csr_matrix of shape (n_labels, n_features), or None
        Of the labels' own texts.
    """

    seeds: np.ndarray
    label_features: sp.csr_matrix | None
    C: float
    max_children: int
    beam_size: int
    n_candidates: int
    min_weight: float
    n_jobs: int | None
    verbose: int | bool = 0

    def __call__(
        self,
        X: sp.csr_matrix,
        targets: sp.csr_matrix,
        n_texts: int,
        sample_weight: np.ndarray | None,
    ) -> LabelForest:
        """Grow trees from the features of the first texts and an indicator of their labels."""
        X, targets = first_rows(X, n_texts), first_rows(targets, n_texts)
        sample_weight = None if sample_weight is None else sample_weight[:n_texts]
        # Without the constant, which would make all labels alike.
        label_features = None if self.label_features is None else self.label_features[:, :-1]
        vectors = label_vectors(X[:, :-1], targets, label_features)
        trees = [
            grown_tree(
                X,
                targets,
                hierarchy(vectors, self.max_children, np.random.RandomState(seed)),
                C=self.C,
                min_weight=self.min_weight,
                sample_weight=sample_weight,
                n_jobs=self.n_jobs,
                verbose=self.verbose,
                beam_size=self.beam_size,
                n_candidates=self.n_candidates,
            )
            for seed in self.seeds
        ]
        return LabelForest(trees, Rescoring.untrained(targets, self.label_features))


def grown_tree(
    X: sp.csr_matrix,
    targets: sp.csr_matrix,
    groups: list[np.ndarray],
    *,
    C: float = 1.0,
    min_weight: float = 0.0,
    sample_weight: np.ndarray | None = None,
    n_jobs: int | None = None,
    verbose: int | bool = 0,
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
        Weight of the loss against the regularisation.
    min_weight : float, default=0.0
        Smaller weights are left out.
    sample_weight : ndarray of shape (n_texts,), default=None
    n_jobs : int, default=None
        Threads; None: those of torch.
    verbose : int or bool, default=0
        Whether to show a progress bar.
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
    n_nodes = 1 + sum(int(group.max()) + 1 for group in groups)
    bar = progress_bar("LabelTreeClassifier: nodes", n_nodes, "node", verbose)
    with bar as progress:
        for below in [*groups, place]:
            n_children = below.max() + 1
            parents = np.zeros(n_children, dtype=np.int64)
            parents[below] = above
            bounds = np.searchsorted(parents, np.arange(above.max() + 2))
            present = _of_groups(targets, below, n_children)
            weights = _fit_level(
                X, present, reached, bounds, C, min_weight, sample_weight, n_jobs, progress
            )
            levels.append(Level(bounds, weights))
            above, reached = below, present
    return LabelTree(levels, labels, **search)


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
    progress: Any,
) -> sp.csr_matrix:
    """Weights of all children of a level."""
    by_parent, by_child = reached.tocsc(), present.tocsc()

    def job(parent: int) -> sp.csr_matrix:
        children = by_child[:, bounds[parent] : bounds[parent + 1]].tocsr()
        # Labels below an only child are below its parent too, except at the root.
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
    # All jobs read one matrix: no backend of the caller must copy it to each of them.
    found = []
    for weights in Parallel(n_jobs=n_jobs, require="sharedmem", return_as="generator")(jobs):
        found.append(weights)
        progress.update()
    return sp.csr_matrix(sp.vstack(found, format="csr", dtype=np.float32))


def _always(n_features: int) -> sp.csr_matrix:
    """Weights of an only child, which is always reached."""
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
