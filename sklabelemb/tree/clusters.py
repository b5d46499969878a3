"""Cluster labels by spherical k-means, recursively, until groups are small."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from sklabelemb.tree.products import SparseProduct

__all__ = ["hierarchy", "label_vectors", "spherical_k_means"]

ROUNDS = 10
# Clusters have converged when this share of the vectors stays in place.
SETTLED = 0.99
# A cluster with a larger share of all vectors does not count as one.
LARGEST = 0.9
# Weight of a label's own text in its vector, beside the mean of its training texts.
TEXT_SHARE = 0.5


def label_vectors(
    X: sp.csr_matrix, targets: sp.csr_matrix, label_features: sp.csr_matrix | None
) -> sp.csr_matrix:
    """A vector of length one for each label: the mean of its texts, and its own text.

    Parameters
    ----------
    X : csr_matrix of shape (n_texts, n_features)
    targets : csr_matrix of shape (n_texts, n_labels)
    label_features : csr_matrix of shape (n_labels, n_features), or None
        The labels' own texts.

    Returns
    -------
    csr_matrix of float32, shape (n_labels, n_features)
        Zero for a label without a text of either kind.
    """
    vectors = normalize((targets.T @ X).tocsr())
    if label_features is not None:
        vectors = normalize(vectors + TEXT_SHARE * label_features)
    return sp.csr_matrix(vectors, dtype=np.float32)


def hierarchy(
    vectors: sp.csr_matrix, max_children: int, random: np.random.RandomState
) -> list[np.ndarray]:
    """Groups of labels, groups of groups and so on, none with too many members.

    Parameters
    ----------
    vectors : csr_matrix of shape (n_labels, n_features)
    max_children : int
        Largest group of labels, and largest number of groups per split. A split aims at groups of
        half this size, since clusters differ in size.
    random : RandomState

    Returns
    -------
    list of int ndarray of shape (n_labels,)
        For each level from above, in which of its groups each label is. Empty where all labels fit
        into one group. Groups are numbered so that those of a common group above are neighbours.
    """
    groups = np.zeros(vectors.shape[0], dtype=np.int64)
    levels: list[np.ndarray] = []
    while np.bincount(groups).max() > max_children:
        finer = np.empty_like(groups)
        n_groups = 0
        for group in range(groups.max() + 1):
            members = np.flatnonzero(groups == group)
            parts = np.zeros(len(members), dtype=np.int64)
            if len(members) > max_children:
                n_parts = min(max_children, math.ceil(2 * len(members) / max_children))
                parts = spherical_k_means(vectors[members], n_parts, random)
            finer[members] = n_groups + parts
            n_groups += parts.max() + 1
        groups = finer
        levels.append(groups)
    return levels


def spherical_k_means(
    vectors: sp.csr_matrix, n_clusters: int, random: np.random.RandomState
) -> np.ndarray:
    """Cluster vectors of length one by cosine.

    Parameters
    ----------
    vectors : csr_matrix of shape (n_vectors, n_features)
    n_clusters : int
        At least 2.
    random : RandomState
        Draws the first centres.

    Returns
    -------
    int ndarray of shape (n_vectors,)
        Numbers of clusters from 0 on, each of which occurs, at least two of them.

    References
    ----------
    I. S. Dhillon, D. S. Modha. "Concept Decompositions for Large Sparse Text Data Using
    Clustering". Machine Learning 42, 2001.
    """
    n_vectors = vectors.shape[0]
    centres = vectors[np.sort(random.permutation(n_vectors)[:n_clusters])].toarray()
    clusters = np.full(n_vectors, -1)
    by_turns = np.arange(n_vectors) % n_clusters
    product = SparseProduct(vectors)
    for _ in range(ROUNDS):
        before, similar = clusters, product @ np.ascontiguousarray(centres.T)
        # Vectors without any similar centre are distributed among all.
        clusters = np.where(similar.max(axis=1) > 0, similar.argmax(axis=1), by_turns)
        if np.mean(before == clusters) >= SETTLED:
            break
        ones = np.ones(n_vectors, dtype=np.float32)
        members = sp.csr_matrix((ones, (clusters, np.arange(n_vectors))), (n_clusters, n_vectors))
        centres = normalize((members @ vectors).toarray())
    _, numbered = np.unique(clusters, return_inverse=True)
    if np.bincount(numbered).max() > LARGEST * n_vectors:
        # Identical vectors have no clusters.
        return np.arange(n_vectors) * n_clusters // n_vectors
    return numbered
