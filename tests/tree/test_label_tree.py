"""Clusters of labels, the tree over them, and the beam search."""

import os

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from sklabelemb.tree import growth
from sklabelemb.tree.clusters import hierarchy, spherical_k_means
from sklabelemb.tree.growth import grown_tree
from sklabelemb.tree.label_tree import SLOPE


def vectors(n_vectors, n_features=30, seed=0):
    found = sp.random(n_vectors, n_features, 0.2, format="csr", dtype=np.float32, random_state=seed)
    return sp.csr_matrix(normalize(found))


@pytest.mark.parametrize("max_children", [2, 5, 40])
def test_no_group_is_too_large(max_children):
    levels = hierarchy(vectors(40), max_children, np.random.RandomState(0))
    assert (levels == []) == (max_children == 40)
    above = np.zeros(40, dtype=int)
    for groups in levels:
        # A group lies within one of those above, and groups are numbered in their order.
        parents = [np.unique(above[groups == g]) for g in range(groups.max() + 1)]
        assert all(len(own) == 1 for own in parents)
        assert np.all(np.diff(np.concatenate(parents)) >= 0)
        above = groups
    assert np.bincount(above).max() <= max_children


def test_vectors_that_are_alike_are_shared_out():
    same = sp.csr_matrix(np.ones((10, 2), dtype=np.float32) / np.sqrt(2))
    for alike in (same, 0 * same):
        clusters = spherical_k_means(alike, 3, np.random.RandomState(0))
        assert np.bincount(clusters).max() <= 4


def test_clusters_are_found():
    groups = np.repeat(np.arange(3), 5)
    centres = np.eye(3, 6, dtype=np.float32)
    noise = np.random.default_rng(0).random((15, 6)).astype(np.float32) / 10
    points = sp.csr_matrix(normalize(centres[groups] + noise))
    for seed in range(20):
        clusters = spherical_k_means(points, 3, np.random.RandomState(seed))
        if len(np.unique(clusters)) == 3 and all(
            len(np.unique(clusters[groups == g])) == 1 for g in range(3)
        ):
            return
    raise AssertionError("no start finds the clusters")


def grown(beam_size=10, n_candidates=100, **further):
    random = np.random.default_rng(0)
    X = sp.random(60, 20, 0.3, format="csr", dtype=np.float32, random_state=0)
    X = sp.csr_matrix(sp.hstack([X, np.ones((60, 1))]), dtype=np.float32)
    targets = sp.csr_matrix((random.random((60, 8)) < 0.3).astype(np.float32))
    groups = [np.array([0, 1, 0, 2, 1, 2, 0, 2])]
    search = {"beam_size": beam_size, "n_candidates": n_candidates}
    tree = grown_tree(X, targets, groups, **search, **further)
    return X, groups[0], tree


def test_a_wide_beam_finds_the_product_along_every_way():
    X, groups, tree = grown()
    found = tree.search(X).toarray()
    upper, lower = (
        1 / (1 + np.exp(-SLOPE * (X @ level.weights.T).toarray())) for level in tree.levels
    )
    expected = np.empty_like(found)
    expected[:, tree.labels] = upper[:, groups[tree.labels]] * lower
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_narrow_beam_finds_the_best_group_only():
    X, groups, tree = grown(beam_size=1, n_candidates=2)
    everything = grown()[2].search(X).toarray()
    first = (X @ tree.levels[0].weights.T).toarray().argmax(axis=1)
    for row, found in enumerate(tree.search(X)):
        assert set(groups[found.indices]) == {first[row]}
        inside = np.where(groups == first[row], everything[row], 0)
        assert set(found.indices) == set(np.argsort(-inside)[:2])


def test_small_weights_are_left_out():
    X, _, _ = grown()
    targets = sp.csr_matrix((np.arange(60)[:, None] % 3 == np.arange(3)).astype(np.float32))
    whole = grown_tree(X, targets, [])
    small = grown_tree(X, targets, [], min_weight=0.2)
    assert 0 < small.n_weights < whole.n_weights
    kept, weights = (tree.levels[0].weights.toarray() for tree in (small, whole))
    expected = np.where(np.abs(weights) < 0.2, 0, weights)
    expected[:, -1] = weights[:, -1]  # the bias stays, however small
    np.testing.assert_array_equal(kept, expected)


def test_jobs_share_the_matrix_under_any_backend(monkeypatch):
    processes = []

    def recorded(X, *given):
        processes.append(os.getpid())
        return fit_children(X, *given)

    fit_children = growth._fit_children
    monkeypatch.setattr(growth, "_fit_children", recorded)
    with joblib.parallel_config("loky"):
        grown(n_jobs=2)
    # Another process would have a list of its own.
    assert set(processes) == {os.getpid()}
