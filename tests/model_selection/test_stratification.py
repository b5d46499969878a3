"""Iterative stratification against the paper, written out, and against the library."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from iterstrat.ml_stratifiers import IterativeStratification

from sklabelemb.model_selection.stratification import iterative_stratification, resized


def random_labels(seed, max_samples=80, max_labels=12):
    """Labels from frequent to rare, with empty rows, and at times empty and full columns."""
    random = np.random.default_rng(seed)
    n_samples = random.integers(2, max_samples)
    n_labels = random.integers(1, max_labels)
    y = random.uniform(size=(n_samples, n_labels)) < random.uniform(size=n_labels) ** 2
    if seed % 3 == 0:
        y[:, random.integers(n_labels)] = seed % 2
    if seed % 5 == 0:
        y[random.uniform(size=n_samples) < 0.3] = False
    return y


def random_shares(seed):
    random = np.random.default_rng(seed)
    n_parts = random.integers(2, 7)
    return np.full(n_parts, 1 / n_parts) if seed % 2 else random.dirichlet(np.ones(n_parts))


def csr(y):
    return sp.csr_matrix(np.asarray(y, dtype=np.float32))


def literal_rule(y, shares, parts):
    """Algorithm 1 of the paper, step by step: whether `parts` could have come from it.

    Ties may be broken in any way, so it follows `parts` wherever it had the choice. Which of
    several rarest labels came first cannot be seen in `parts`; hence they must not tie in `y`.
    """
    y = [[int(v) for v in row] for row in y]
    n_samples, n_labels = len(y), len(y[0])
    room = [share * n_samples for share in shares]
    lacking = [
        [share * sum(y[i][label] for i in range(n_samples)) for share in shares]
        for label in range(n_labels)
    ]
    remaining = list(range(n_samples))
    ties = False
    while remaining:
        left = [sum(y[i][label] for i in remaining) for label in range(n_labels)]
        present = [count for count in left if count > 0]
        if not present:
            break
        rarest = [label for label in range(n_labels) if left[label] == min(present)]
        ties |= len(rarest) > 1
        for i in [i for i in remaining if y[i][rarest[0]]]:
            part = parts[i]
            most = max(lacking[rarest[0]])
            wanting = [p for p in range(len(shares)) if lacking[rarest[0]][p] > most - 1e-9]
            roomiest = max(room[p] for p in wanting)
            if part not in wanting or room[part] < roomiest - 1e-9:
                return False, ties
            for label in range(n_labels):
                lacking[label][part] -= y[i][label]
            room[part] -= 1
            remaining.remove(i)
    for i in remaining:
        if room[parts[i]] < max(room) - 1e-9:
            return False, ties
        room[parts[i]] -= 1
    return True, ties


def test_every_step_is_one_that_the_paper_allows():
    checked = refused = 0
    for seed in range(150):
        y, shares = random_labels(seed, max_labels=6), random_shares(seed)
        parts = iterative_stratification(csr(y), shares, np.random.RandomState(seed))
        allowed, ties = literal_rule(y, shares, parts)
        if not ties:
            assert allowed, seed
            checked += 1
            # And the rule does refuse others.
            others = np.random.default_rng(seed).permutation(parts)
            refused += not literal_rule(y, shares, others)[0]
    assert checked > 40
    assert refused > 0.8 * checked


@pytest.mark.parametrize("seed", range(200))
def test_the_same_parts_as_the_library(seed):
    y, shares = random_labels(seed), random_shares(seed)
    ours = iterative_stratification(csr(y), shares, np.random.RandomState(seed))
    theirs = IterativeStratification(y, shares, np.random.RandomState(seed))
    assert np.array_equal(ours, theirs)


def test_the_same_parts_as_the_library_on_many_labels():
    random = np.random.default_rng(0)
    y = np.zeros((3000, 300), dtype=bool)
    for _ in range(5):
        y[np.arange(3000), (300 * random.uniform(size=3000) ** 3).astype(int)] = True
    for shares in (np.full(5, 0.2), np.array([0.9, 0.1])):
        ours = iterative_stratification(csr(y), shares, np.random.RandomState(1))
        theirs = IterativeStratification(y, shares, np.random.RandomState(1))
        assert np.array_equal(ours, theirs)


def test_the_random_state_is_drawn_from_as_often_as_by_the_library():
    # Or the second of several repetitions would differ from the library's.
    y, random, reference = random_labels(4), np.random.RandomState(0), np.random.RandomState(0)
    iterative_stratification(csr(y), np.full(3, 1 / 3), random)
    IterativeStratification(y, np.full(3, 1 / 3), reference)
    assert random.randint(2**31) == reference.randint(2**31)


def test_the_indicator_is_left_as_it_was():
    y = csr(random_labels(7))
    before = y.copy()
    parts = iterative_stratification(y, np.full(3, 1 / 3), np.random.RandomState(0))
    sizes = np.array([len(parts) - 2, 1, 1])
    resized(parts, y, sizes, np.random.RandomState(0))
    assert (y != before).nnz == 0
    assert np.array_equal(y.indices, before.indices)


def chi_square(y, parts, sizes):
    total = 0.0
    for part, size in enumerate(sizes):
        for label in range(y.shape[1]):
            expected = size / len(y) * y[:, label].sum()
            if expected:
                total += (y[parts == part, label].sum() - expected) ** 2 / expected
    return total


@pytest.mark.parametrize("seed", range(40))
def test_as_few_samples_move_as_possible(seed):
    random = np.random.default_rng(seed)
    y, shares = random_labels(seed), random_shares(seed)
    parts = iterative_stratification(csr(y), shares, np.random.RandomState(seed))
    if len(y) < len(shares):
        y = np.tile(y, (4, 1))
        parts = np.tile(parts, 4)
    sizes = 1 + random.multinomial(len(y) - len(shares), shares)
    moved = resized(parts, csr(y), sizes, np.random.RandomState(seed))
    assert np.array_equal(np.bincount(moved, minlength=len(shares)), sizes)
    excess = np.bincount(parts, minlength=len(shares)) - sizes
    assert (moved != parts).sum() == excess[excess > 0].sum()


@pytest.mark.parametrize("seed", range(40))
def test_the_sample_that_moves_is_the_best_one(seed):
    y = np.vstack([random_labels(seed)] * 2)
    random = np.random.default_rng(seed)
    parts = np.concatenate([[0, 0, 1, 2], random.integers(3, size=len(y))])[: len(y)]
    sizes = np.bincount(parts, minlength=3) + np.array([-1, 0, 1])
    moved = resized(parts, csr(y), sizes, np.random.RandomState(seed))
    (sample,) = np.flatnonzero(moved != parts)
    assert (parts[sample], moved[sample]) == (0, 2)

    def after(i):
        trial = parts.copy()
        trial[i] = 2
        return chi_square(y, trial, sizes)

    best = min(after(i) for i in np.flatnonzero(parts == 0))
    assert after(sample) == pytest.approx(best)


def test_every_move_reckons_with_those_before():
    # All in one part: half of them must go, and with them half of the label's samples.
    y = np.repeat([[1, 0], [0, 0]], [10, 10], axis=0)
    parts = resized(np.zeros(20, int), csr(y), np.array([10, 10]), np.random.RandomState(0))
    assert y[parts == 0, 0].sum() == y[parts == 1, 0].sum() == 5
    thirds = resized(
        np.zeros(21, int), csr(np.ones((21, 1))), np.full(3, 7), np.random.RandomState(0)
    )
    assert np.bincount(thirds).tolist() == [7, 7, 7]


def test_equally_good_samples_move_at_random():
    y, parts = csr(np.zeros((40, 1))), np.zeros(40, dtype=int)
    sizes = np.array([30, 10])
    first, again, other = (
        np.flatnonzero(resized(parts, y, sizes, np.random.RandomState(s))) for s in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.max() > 20


def test_parts_of_the_right_size_stay():
    y = csr(random_labels(1))
    parts = np.arange(y.shape[0]) % 2
    random = np.random.RandomState(0)
    assert np.array_equal(resized(parts, y, np.bincount(parts), random), parts)
