"""Counting label sets, against Python sets."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sklabelemb.metrics import label_cardinality, label_density, n_label_sets, n_unseen_label_sets


def containers(y):
    stored_zeros = sp.csr_array(np.where(y == 0, 7, y))
    stored_zeros.data[stored_zeros.data == 7] = 0
    unsorted = sp.csr_matrix(y)
    unsorted.indices = np.concatenate(
        [np.sort(unsorted.indices[a:b])[::-1] for a, b in itertools.pairwise(unsorted.indptr)]
        or [unsorted.indices]
    ).astype(unsorted.indices.dtype)
    unsorted.has_sorted_indices = False
    return [
        y,
        y.tolist(),
        y.astype(bool),
        sp.csr_matrix(y),
        sp.csc_array(y),
        stored_zeros,
        unsorted,
        pd.DataFrame(y),
    ]


def sets(y):
    return {frozenset(j for j, value in enumerate(row) if value) for row in y.tolist()}


@pytest.mark.parametrize("n_labels", [1, 2, 5])
@pytest.mark.parametrize("seed", range(8))
def test_against_python_sets(seed, n_labels):
    random = np.random.RandomState(seed)
    y = (random.rand(random.randint(1, 25), n_labels) < random.rand()).astype(int)
    train = (random.rand(random.randint(1, 8), n_labels) < random.rand()).astype(int)
    sizes = [sum(row) for row in y.tolist()]
    for given in containers(y):
        assert label_cardinality(given) == pytest.approx(sum(sizes) / len(sizes))
        assert label_density(given) == pytest.approx(sum(sizes) / len(sizes) / n_labels)
        assert n_label_sets(given) == len(sets(y))
        for trained in containers(train):
            assert n_unseen_label_sets(given, trained) == len(sets(y) - sets(train))
    assert n_unseen_label_sets(y, y) == 0
    assert isinstance(label_cardinality(y), float)
    assert isinstance(label_density(y), float)
    assert type(n_label_sets(y)) is int


def test_wide_and_empty():
    wide = sp.csr_array((3, 10**7))
    assert n_label_sets(wide) == 1
    assert label_cardinality(wide) == label_density(wide) == 0.0
    y = sp.csr_array(([1, 1, 1], ([0, 1, 2], [9_999_999, 255, 256])), shape=(4, 10**7))
    assert n_label_sets(y) == 4  # the empty one too
    assert n_unseen_label_sets(y, wide) == 3


def test_refused():
    with pytest.raises(ValueError, match=r"y_pred has 2 labels .* y_train has 3"):
        n_unseen_label_sets(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="y_train must be a label indicator"):
        n_unseen_label_sets(np.eye(2), [0, 1])
    for function in (label_cardinality, label_density, n_label_sets):
        with pytest.raises(ValueError, match="y must be a label indicator"):
            function([0, 1, 1])
        with pytest.raises(ValueError, match="y has no sample"):
            function(np.zeros((0, 3)))
