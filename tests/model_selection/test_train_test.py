"""Training and test data in one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.model_selection import train_test_split

from sklabelemb.model_selection import (
    MultilabelStratifiedShuffleSplit,
    multilabel_train_test_split,
)

TEXTS = [f"text {i}" for i in range(103)]
Y = (np.random.default_rng(0).uniform(size=(103, 4)) < [0.5, 0.3, 0.1, 0.05]).astype(int)


def test_the_parts_are_those_of_one_shuffled_split():
    splitter = MultilabelStratifiedShuffleSplit(1, test_size=0.25, random_state=3)
    train, test = next(splitter.split(TEXTS, Y))
    X_train, X_test, y_train, y_test = multilabel_train_test_split(TEXTS, Y, random_state=3)
    assert X_train == [TEXTS[i] for i in train]
    assert X_test == [TEXTS[i] for i in test]
    assert np.array_equal(y_train, Y[train])
    assert np.array_equal(y_test, Y[test])
    np.testing.assert_allclose(y_test.sum(axis=0), 26 / 103 * Y.sum(axis=0), atol=1)


@pytest.mark.parametrize(
    "array",
    [
        TEXTS,
        tuple(TEXTS),
        range(103),
        np.array(TEXTS),
        pd.Series(TEXTS, index=range(5, 108), name="text"),
        pl.Series("text", TEXTS),
        pd.DataFrame({"text": TEXTS}),
        pl.DataFrame({"text": TEXTS}),
        sp.csr_matrix(Y),
        sp.csr_array(Y),
        sp.csc_matrix(Y),
        sp.coo_array(Y),
    ],
    ids=lambda array: type(array).__name__,
)
def test_every_array_comes_back_as_from_scikit_learn(array):
    ours = multilabel_train_test_split(array, Y, test_size=10, train_size=20, random_state=0)
    theirs = train_test_split(array, Y, test_size=10, train_size=20, random_state=0)
    assert isinstance(ours, list)
    assert list(map(type, ours)) == list(map(type, theirs))
    assert [np.shape(part) for part in ours] == [np.shape(part) for part in theirs]


def test_several_arrays_stay_together():
    ids = np.arange(103)
    parts = multilabel_train_test_split(
        pd.Series(TEXTS), ids, sp.csr_array(Y), test_size=0.2, random_state=0
    )
    assert [part.shape[0] for part in parts] == [82, 21] * 3
    for texts, numbers, labels in (parts[::2], parts[1::2]):
        assert list(texts.index) == numbers.tolist()
        assert np.array_equal(labels.toarray(), Y[numbers])
    assert np.array_equal(np.sort(np.concatenate(parts[2:4])), ids)


def test_labels_that_are_not_the_last_array():
    expected = multilabel_train_test_split(TEXTS, Y, random_state=0)
    found = multilabel_train_test_split(Y, TEXTS, random_state=0, stratify=Y)
    assert found[2:] == expected[:2]
    assert (
        multilabel_train_test_split(TEXTS, stratify=sp.csr_matrix(Y), random_state=0)
        == (expected[:2])
    )
    assert np.array_equal(multilabel_train_test_split(Y, random_state=0)[0], expected[2])


@pytest.mark.parametrize(
    ("test_size", "train_size"),
    [(None, None), (0.3, None), (None, 0.3), (5, 0.5), (10, 20), (None, 100)],
)
def test_sizes_are_scikit_learns(test_size, train_size):
    sizes = {"test_size": test_size, "train_size": train_size}
    ours = multilabel_train_test_split(TEXTS, Y, **sizes)
    assert list(map(len, ours)) == list(map(len, train_test_split(TEXTS, Y, **sizes)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"test_size": 0},
        {"test_size": 1.0},
        {"test_size": 103},
        {"test_size": 0.7, "train_size": 0.7},
        {"test_size": 60, "train_size": 60},
        {"test_size": "half"},
        {"train_size": -0.5},
        {"random_state": "seed"},
    ],
)
def test_bad_arguments_give_scikit_learns_error(arguments):
    with pytest.raises(ValueError, match=r".") as expected:
        train_test_split(TEXTS, Y, **arguments)
    with pytest.raises(expected.type, match=r".") as found:
        multilabel_train_test_split(TEXTS, Y, **arguments)
    assert str(found.value).replace("multilabel_", "") == str(expected.value)


def test_no_array():
    with pytest.raises(ValueError, match="At least one array required as input"):
        multilabel_train_test_split()


def test_arrays_of_different_lengths():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multilabel_train_test_split(TEXTS[:90], Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multilabel_train_test_split(TEXTS, stratify=Y[:90])


@pytest.mark.parametrize("y", [Y[:, 0], TEXTS, None])
def test_labels_that_are_no_indicator(y):
    with pytest.raises(ValueError, match="must be a label indicator") as error:
        multilabel_train_test_split(TEXTS, y)
    assert str(error.value).startswith("y (the last array, as stratify is None) must be")
    assert "use sklearn.model_selection.train_test_split(..., stratify=y);" in str(error.value)
    with pytest.raises(ValueError, match=r"^stratify must be a label indicator .* shape \(103,\)"):
        multilabel_train_test_split(TEXTS, Y, stratify=Y[:, 0])


def test_randomness():
    def kept(random_state):
        return multilabel_train_test_split(TEXTS, Y, random_state=random_state)[0]

    before = np.random.get_state()[1].copy()
    assert kept(0) == kept(0) != kept(1)
    state = np.random.RandomState(0)
    assert kept(state) == kept(0) != kept(state)
    assert np.array_equal(np.random.get_state()[1], before)


def test_pytest_does_not_take_it_for_a_test():
    assert multilabel_train_test_split.__test__ is False
