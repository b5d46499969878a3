"""Splits that keep the labels' frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb.model_selection import stratified_holdout


def assert_partition(kept, cut, n):
    assert np.array_equal(np.sort(np.concatenate([kept, cut])), np.arange(n))
    assert np.all(np.diff(kept) > 0)
    assert np.all(np.diff(cut) > 0)
    assert kept.dtype.kind == cut.dtype.kind == "i"


@pytest.fixture
def skewed():
    """800 samples, 12 labels from frequent to rare, some samples without any."""
    random = np.random.default_rng(0)
    frequency = 0.5 * 0.65 ** np.arange(12)
    y = (random.uniform(size=(800, 12)) < frequency).astype(np.float32)
    # Labels depend on each other.
    y[:, 1] = np.maximum(y[:, 1], y[:, 0] * (random.uniform(size=800) < 0.5))
    return sp.csr_matrix(y)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_label_sets_keep_their_frequencies(skewed, fraction):
    kept, cut = stratified_holdout(skewed, fraction, seed=1)
    n = skewed.shape[0]
    assert_partition(kept, cut, n)
    assert len(cut) == pytest.approx(fraction * n, abs=0.02 * n)
    counts = skewed.toarray().sum(axis=0)
    found = skewed.toarray()[cut].sum(axis=0)
    # Within two samples of what each label should have: a plain random split misses by more.
    np.testing.assert_allclose(found, fraction * counts, rtol=0.03, atol=2)


def test_stratified_is_closer_than_random(skewed):
    def distance(cut):
        y = skewed.toarray()
        return np.abs(y[cut].mean(axis=0) / y.mean(axis=0) - 1).mean()

    ours = [distance(stratified_holdout(skewed, 0.1, seed)[1]) for seed in range(3)]
    random = np.random.default_rng(0)
    plain = [distance(random.permutation(800)[:80]) for _ in range(20)]
    assert max(ours) < 0.5 * np.mean(plain)


def test_classes_keep_their_frequencies():
    random = np.random.default_rng(0)
    codes = random.choice(4, p=[0.6, 0.3, 0.08, 0.02], size=500)
    kept, cut = stratified_holdout(codes, 0.2, seed=0)
    assert_partition(kept, cut, 500)
    np.testing.assert_allclose(
        np.bincount(codes[cut], minlength=4), 0.2 * np.bincount(codes, minlength=4), atol=2
    )


def test_a_class_with_one_sample_is_no_trouble():
    codes = np.array([0] * 60 + [1] * 39 + [2])
    kept, cut = stratified_holdout(codes, 0.1, seed=0)
    assert_partition(kept, cut, 100)
    assert 6 <= len(cut) <= 14


@pytest.mark.parametrize("size", [2, 4, 5])
def test_many_rare_classes_still_give_the_share_that_was_asked_for(size):
    codes = np.random.default_rng(0).permutation(np.repeat(np.arange(200 // size), size))
    kept, cut = stratified_holdout(codes, 0.1, seed=0)
    assert_partition(kept, cut, 200)
    assert len(cut) == pytest.approx(20, abs=2)


def test_many_rare_labels_still_give_the_share_that_was_asked_for():
    random = np.random.default_rng(0)
    y = np.zeros((400, 300), dtype=np.float32)
    for labels in (random.integers(0, 300, size=400) for _ in range(2)):
        y[np.arange(400), labels] = 1
    kept, cut = stratified_holdout(sp.csr_matrix(y), 0.1, seed=0)
    assert_partition(kept, cut, 400)
    assert len(cut) == pytest.approx(40, abs=4)


def test_a_class_that_does_not_occur():
    # Codes 1 and 5 of six classes; the others come only to partial_fit.
    codes = np.array([1, 5] * 50)
    kept, cut = stratified_holdout(codes, 0.2, seed=0)
    assert_partition(kept, cut, 100)
    assert np.bincount(codes[cut])[[1, 5]].tolist() == [10, 10]


def test_two_classes():
    codes = np.array([0] * 90 + [1] * 10)
    kept, cut = stratified_holdout(codes, 0.2, seed=0)
    assert_partition(kept, cut, 100)
    assert np.bincount(codes[cut]).tolist() == [18, 2]


def test_one_label():
    y = sp.csr_matrix((np.arange(100) < 20).astype(np.float32).reshape(-1, 1))
    kept, cut = stratified_holdout(y, 0.2, seed=0)
    assert_partition(kept, cut, 100)
    assert len(cut) == 20
    assert y.toarray()[cut].sum() == 4


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("n_labels", [1, 3])
def test_labels_that_are_always_the_same(value, n_labels):
    y = sp.csr_matrix(np.full((60, n_labels), value, dtype=np.float32))
    kept, cut = stratified_holdout(y, 0.2, seed=0)
    assert_partition(kept, cut, 60)
    assert len(cut) == 12


def test_one_label_that_varies_among_constant_ones():
    y = np.zeros((100, 3), dtype=np.float32)
    y[:, 1] = 1
    y[:20, 2] = 1
    kept, cut = stratified_holdout(sp.csr_matrix(y), 0.2, seed=0)
    assert_partition(kept, cut, 100)
    assert y[cut, 2].sum() == 4


def test_samples_without_labels_are_split_too():
    y = np.zeros((200, 4), dtype=np.float32)
    y[:40, :2] = 1
    y[30:60, 3] = 1
    kept, cut = stratified_holdout(sp.csr_matrix(y), 0.25, seed=0)
    assert_partition(kept, cut, 200)
    assert len(cut) == pytest.approx(50, abs=2)
    bare = ~y.any(axis=1)
    assert bare[cut].sum() == pytest.approx(35, abs=3)


def test_the_seed_decides(skewed):
    first, again, other = (stratified_holdout(skewed, 0.2, seed) for seed in (4, 4, 5))
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_the_global_random_state_is_left_alone(skewed):
    before = np.random.get_state()[1].copy()
    stratified_holdout(skewed, 0.2, seed=0)
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    "as_targets", [lambda codes: codes, lambda codes: sp.csr_matrix(one_hot(codes))]
)
@pytest.mark.parametrize("seed", range(20))
def test_what_occurs_occurs_in_what_is_kept(as_targets, seed):
    codes = np.concatenate([np.repeat(np.arange(3), 40), np.arange(3, 13), np.repeat([13, 14], 2)])
    targets = as_targets(codes)
    kept, cut = stratified_holdout(targets, 0.3, seed)
    assert_partition(kept, cut, len(codes))
    assert len(cut) == round(0.3 * len(codes))
    assert set(codes[kept]) == set(codes)


def test_labels_that_only_come_with_others_are_kept_too():
    random = np.random.default_rng(0)
    indicator = (random.random((100, 6)) < 0.5).astype(np.float32)
    rare = np.zeros((100, 30), dtype=np.float32)
    rare[random.permutation(100)[:30], np.arange(30)] = 1
    targets = sp.csr_matrix(np.hstack([indicator, rare]))
    for seed in range(20):
        kept, cut = stratified_holdout(targets, 0.4, seed)
        assert len(cut) == 40
        assert targets[kept].sum(axis=0).min() > 0


def test_where_every_sample_is_the_only_one_of_its_class_none_is_cut_off():
    kept, cut = stratified_holdout(np.arange(50), 0.2, seed=0)
    assert (len(kept), len(cut)) == (50, 0)


def one_hot(codes):
    return np.eye(codes.max() + 1, dtype=np.float32)[codes]
