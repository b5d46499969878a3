"""The splitters: sizes, proportions, and scikit-learn's manners."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from iterstrat import ml_stratifiers as library
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    BaseCrossValidator,
    BaseShuffleSplit,
    GridSearchCV,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklabelemb.model_selection import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    RepeatedMultilabelStratifiedKFold,
)


def skewed(seed, n_samples=400, n_labels=15):
    """Labels from frequent to rare that depend on each other; some samples have none."""
    random = np.random.default_rng(seed)
    y = random.uniform(size=(n_samples, n_labels)) < 0.5 * 0.75 ** np.arange(n_labels)
    y[:, 1] |= y[:, 0] & (random.uniform(size=n_samples) < 0.5)
    y[:, -1] = False
    y[random.choice(n_samples, 3, replace=False), -1] = True
    return y.astype(int)


def label_deviation(y, tests):
    """Label distribution, LD, of Sechidis et al. (2011), section 4, as it stands there."""
    total = 0.0
    for label in range(y.shape[1]):
        whole = y[:, label].sum() / (len(y) - y[:, label].sum())
        for test in tests:
            positive = y[test, label].sum()
            total += abs(positive / (len(test) - positive) - whole) / len(tests)
    return total / y.shape[1]


def missing_pairs(y, tests):
    """Pairs of fold and label without a positive sample."""
    return sum(not y[test, label].any() for test in tests for label in range(y.shape[1]))


def test_sets(splitter, y):
    return [test for _, test in splitter.split(np.zeros((len(y), 1)), y)]


test_sets.__test__ = False

SPLITTERS = [
    MultilabelStratifiedKFold(n_splits=3),
    MultilabelStratifiedKFold(n_splits=3, shuffle=True, random_state=0),
    RepeatedMultilabelStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    MultilabelStratifiedShuffleSplit(n_splits=3, test_size=0.3, random_state=0),
]
every_splitter = pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda s: type(s).__name__)

Y = skewed(0, n_samples=90, n_labels=5)


def same(first, second):
    return all(
        np.array_equal(a, b)
        for pair in zip(first, second, strict=True)
        for a, b in zip(*pair, strict=True)
    )


# -- proportions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ours",
    [
        MultilabelStratifiedKFold,
        RepeatedMultilabelStratifiedKFold,
        MultilabelStratifiedShuffleSplit,
    ],
)
def test_the_splitters_are_those_of_the_library(ours):
    theirs = getattr(library, ours.__name__)
    assert isinstance(ours(random_state=None), theirs)
    assert not isinstance(theirs(random_state=None), ours)


def test_repeated_folds_are_ours_which_take_sparse_label_sets():
    y = sp.csr_matrix(skewed(0))
    folds = RepeatedMultilabelStratifiedKFold(n_splits=4, n_repeats=2, random_state=0)
    assert [len(test) for _, test in folds.split(None, y)] == [100] * 8


def test_the_folds_are_the_librarys_but_for_the_samples_that_gave_the_sizes():
    moved_at_all = 0
    for seed in range(30):
        n_samples = 400 + seed % 5
        y = skewed(seed, n_samples=n_samples)
        ours = test_sets(MultilabelStratifiedKFold(5, shuffle=True, random_state=seed), y)
        theirs = test_sets(library.MultilabelStratifiedKFold(5, shuffle=True, random_state=seed), y)
        # The fewest moves give the sizes in the order that the folds have already.
        sizes = sorted(len(part) for part in np.array_split(np.arange(n_samples), 5))
        excess = np.sort([len(test) for test in theirs]) - sizes
        moved = sum(len(np.setdiff1d(a, b)) for a, b in zip(ours, theirs, strict=True))
        assert moved == excess[excess > 0].sum()
        moved_at_all += moved
    assert moved_at_all > 0


def test_the_parts_are_the_librarys_but_for_the_samples_that_gave_the_sizes():
    for seed in range(30):
        y = skewed(seed)
        ours = test_sets(MultilabelStratifiedShuffleSplit(1, random_state=seed), y)[0]
        theirs = test_sets(
            library.MultilabelStratifiedShuffleSplit(1, test_size=0.1, random_state=seed), y
        )[0]
        assert len(np.setxor1d(ours, theirs)) == abs(len(theirs) - 40)


@pytest.mark.parametrize("n_labels", [2, 15, 60])
@pytest.mark.parametrize(
    ("ours", "theirs", "plain", "arguments"),
    [
        (
            MultilabelStratifiedKFold,
            library.MultilabelStratifiedKFold,
            KFold,
            {"n_splits": 5, "shuffle": True},
        ),
        (
            MultilabelStratifiedShuffleSplit,
            library.MultilabelStratifiedShuffleSplit,
            ShuffleSplit,
            {"n_splits": 2, "test_size": 0.2},
        ),
    ],
)
def test_quality_against_the_library_and_plain_splits(ours, theirs, plain, arguments, n_labels):
    figures = []
    for seed in range(30):
        y = skewed(seed, n_samples=300, n_labels=n_labels)
        row = []
        for splitter in (ours, theirs, plain):
            tests = test_sets(splitter(**arguments, random_state=seed), y)
            row.append((label_deviation(y, tests), missing_pairs(y, tests)))
        figures.append(row)
    # The library's parts have the wrong sizes; to have the right ones must not cost quality.
    ours, theirs, plain = np.mean(figures, axis=0)
    assert ours[0] <= 1.03 * theirs[0]
    assert ours[1] <= 1.01 * theirs[1]
    assert ours[0] < 0.4 * plain[0]
    assert ours[1] < plain[1]


def test_a_rare_label_is_spread_as_far_as_it_goes():
    for seed in range(20):
        y = skewed(seed)
        tests = test_sets(MultilabelStratifiedKFold(5, shuffle=True, random_state=seed), y)
        # Three positives over five folds: three folds have one.
        assert sorted(y[test, -1].sum() for test in tests) == [0, 0, 1, 1, 1]


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_folds_are_a_partition_into_equal_sizes(seed):
    random = np.random.default_rng(seed)
    n_splits = int(random.integers(2, 8))
    y = skewed(seed, n_samples=int(random.integers(n_splits, 200)), n_labels=6)
    splitter = MultilabelStratifiedKFold(n_splits, shuffle=True, random_state=seed)
    tests = []
    for train, test in splitter.split(range(len(y)), y):
        assert train.dtype == test.dtype == np.intp
        assert np.array_equal(np.union1d(train, test), np.arange(len(y)))
        assert not np.intersect1d(train, test).size
        assert np.all(np.diff(test) > 0)
        assert np.all(np.diff(train) > 0)
        tests.append(test)
    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(len(y)))
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("test_size", "train_size"),
    [
        (None, None),
        (0.25, None),
        (None, 0.6),
        (7, None),
        (None, 33),
        (0.2, 0.3),
        (10, 20),
        (0.11, 41),
        (1, 1),
    ],
)
def test_sizes_are_scikit_learns(test_size, train_size):
    y = skewed(3, n_samples=131, n_labels=8)
    arguments = {"test_size": test_size, "train_size": train_size, "random_state": 0}
    ours = MultilabelStratifiedShuffleSplit(4, **arguments).split(y, y)
    theirs = ShuffleSplit(4, **arguments).split(y)
    for (train, test), (train_, test_) in zip(ours, theirs, strict=True):
        assert (len(train), len(test)) == (len(train_), len(test_))
        assert not np.intersect1d(train, test).size
        assert len(np.unique(train)) == len(train)
        assert len(np.unique(test)) == len(test)
        assert train.dtype == test.dtype == np.intp


@pytest.mark.parametrize(
    ("test_size", "train_size"),
    [
        (0, None),
        (1.0, None),
        (200, None),
        (0.6, 0.6),
        (60, 60),
        ("a", None),
        (None, -1),
        (0.999, None),
    ],
)
def test_sizes_that_do_not_fit_give_scikit_learns_error(test_size, train_size):
    arguments = {"test_size": test_size, "train_size": train_size}
    with pytest.raises(ValueError, match=r".") as expected:
        next(ShuffleSplit(**arguments).split(Y))
    with pytest.raises(ValueError, match=r".") as found:
        next(MultilabelStratifiedShuffleSplit(**arguments).split(Y, Y))
    assert str(found.value) == str(expected.value)


def test_what_neither_part_takes_is_stratified_too():
    y = skewed(1, n_samples=1000, n_labels=8)
    splitter = MultilabelStratifiedShuffleSplit(1, test_size=0.2, train_size=0.3, random_state=0)
    train, test = next(splitter.split(y, y))
    counts = y.sum(axis=0)
    np.testing.assert_allclose(y[train].sum(axis=0), 0.3 * counts, atol=2)
    np.testing.assert_allclose(y[test].sum(axis=0), 0.2 * counts, atol=2)


def test_many_labels_that_occur_once():
    y = np.eye(100, dtype=int)
    for train, test in MultilabelStratifiedShuffleSplit(3, random_state=0).split(y, y):
        assert (len(train), len(test)) == (90, 10)
    tests = test_sets(MultilabelStratifiedKFold(7, shuffle=True, random_state=0), y)
    assert sorted(map(len, tests)) == [14] * 5 + [15] * 2


def test_training_and_test_sets_of_shuffled_splits_come_shuffled():
    train, test = next(SPLITTERS[-1].split(Y, Y))
    assert np.any(np.diff(train) < 0)
    assert np.any(np.diff(test) < 0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_more_folds_than_samples(shuffle):
    with pytest.raises(ValueError, match="n_splits=5 greater than the number of samples"):
        next(MultilabelStratifiedKFold(5, shuffle=shuffle).split(Y[:4], Y[:4]))
    with pytest.raises(ValueError, match="n_splits=5 greater than the number of samples"):
        next(RepeatedMultilabelStratifiedKFold().split(Y[:4], Y[:4]))


def test_as_many_folds_as_samples():
    tests = test_sets(MultilabelStratifiedKFold(6), Y[:6])
    assert sorted(map(list, tests)) == [[i] for i in range(6)]


# -- labels of every kind --------------------------------------------------------------------------


@every_splitter
@pytest.mark.parametrize(
    "column", [np.zeros(60, int), np.ones(60, int), (np.arange(60) < 12).astype(int)]
)
def test_one_label(splitter, column):
    for train, test in splitter.split(np.zeros(60), column[:, None]):
        share = len(test) / 60
        assert abs(column[test].sum() - share * column.sum()) < 1
        assert len(train) + len(test) == 60


@every_splitter
def test_constant_columns_and_empty_rows(splitter):
    y = np.hstack([Y, np.zeros((90, 2), int), np.ones((90, 1), int)])
    y[:20] = 0
    for _, test in splitter.split(y, y):
        share = len(test) / 90
        assert abs((test < 20).sum() - share * 20) <= 3
        assert np.all(np.abs(y[test].sum(axis=0) - share * y.sum(axis=0)) <= 2)


@every_splitter
def test_rows_without_any_label(splitter):
    y = np.zeros((30, 3), int)
    assert [len(test) for test in test_sets(splitter, y)] == [
        9 if isinstance(splitter, MultilabelStratifiedShuffleSplit) else 10
    ] * splitter.get_n_splits()


@every_splitter
@pytest.mark.parametrize(
    "form",
    [
        sp.csr_matrix,
        sp.csr_array,
        sp.csc_matrix,
        sp.coo_array,
        pd.DataFrame,
        pl.DataFrame,
        np.ndarray.tolist,
        lambda y: y.astype(bool),
        lambda y: y.astype(np.float32),
        lambda y: pd.DataFrame(y, index=np.arange(len(y))[::-1]),
    ],
)
def test_every_form_of_y_gives_the_same_splits(splitter, form):
    assert same(splitter.split(Y, form(Y)), splitter.split(Y, Y))


def test_an_indicator_that_stores_zeros_and_unsorted_columns():
    messy = sp.csr_matrix(
        (np.array([1, 0, 1, 1, 1, 1]), np.array([2, 0, 1, 1, 0, 2]), np.array([0, 3, 4, 6])),
        shape=(3, 3),
    )
    splitter = MultilabelStratifiedKFold(3)
    assert same(splitter.split(messy, messy), splitter.split(messy, messy.toarray()))
    assert messy.nnz == 6


TEXTS = [f"text {i}" for i in range(90)]


@every_splitter
@pytest.mark.parametrize(
    "X",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS, index=range(5, 95)),
        pl.Series(TEXTS),
        pd.DataFrame({"text": TEXTS}),
        sp.csr_matrix((90, 4)),
        sp.coo_array((90, 4)),
        range(90),
        None,
    ],
    ids=lambda X: type(X).__name__,
)
def test_only_the_length_of_x_matters(splitter, X):
    assert same(splitter.split(X, Y), splitter.split(np.zeros((90, 2)), Y))


@every_splitter
def test_x_and_y_of_different_lengths(splitter):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(splitter.split(TEXTS[:80], Y))


@every_splitter
@pytest.mark.parametrize(
    ("y", "found"),
    [
        ([0, 1, 1, 0], r"it is of shape \(4,\)"),
        (np.array(["a", "b", "a", "b"]), r"it is of shape \(4,\)"),
        ([["a"], ["a", "b"], [], ["b"]], "it is rows of different lengths"),
        ([{"a"}, {"b"}], r"it is of shape \(2,\)"),
        (np.zeros((4, 2, 2)), r"it is of shape \(4, 2, 2\)"),
        (None, "it is None"),
    ],
)
def test_what_is_no_indicator_is_refused_with_advice(splitter, y, found):
    # At once, not when the first split is asked for.
    with pytest.raises(ValueError, match=found) as error:
        splitter.split(TEXTS[:4], y)
    named = {
        "MultilabelStratifiedKFold": StratifiedKFold,
        "RepeatedMultilabelStratifiedKFold": RepeatedStratifiedKFold,
        "MultilabelStratifiedShuffleSplit": StratifiedShuffleSplit,
    }[type(splitter).__name__]
    assert f"use sklearn.model_selection.{named.__name__};" in str(error.value)
    assert "sklearn.preprocessing.MultiLabelBinarizer" in str(error.value)


@every_splitter
@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[0, 2], [1, 0]], "holds 0 and 1 only, but y contains 2"),
        ([[0, np.nan], [1, 0]], "y contains NaN"),
        ([["a", "b"], ["b", "c"]], "MultiLabelBinarizer"),
        (np.zeros((4, 0)), "y has no label"),
    ],
)
def test_indicators_that_hold_something_else(splitter, y, message):
    with pytest.raises(ValueError, match=message):
        splitter.split(TEXTS[:4], y)


@every_splitter
def test_groups_are_refused(splitter):
    with pytest.raises(ValueError, match="does not keep groups together") as error:
        splitter.split(TEXTS, Y, groups=np.arange(90) // 3)
    assert type(splitter).__name__ in str(error.value)
    assert "sklearn.model_selection.GroupKFold or GroupShuffleSplit" in str(error.value)


# -- randomness ------------------------------------------------------------------------------------


@every_splitter
def test_the_same_seed_gives_the_same_splits_at_every_call(splitter):
    assert same(splitter.split(Y, Y), splitter.split(Y, Y))
    assert same(splitter.split(Y, Y), copy.deepcopy(splitter).split(Y, Y))


@every_splitter
def test_the_global_random_state_is_left_alone(splitter):
    before = np.random.get_state()
    list(splitter.split(Y, Y))
    after = np.random.get_state()
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize(
    "make",
    [
        lambda s: MultilabelStratifiedKFold(3, shuffle=True, random_state=s),
        lambda s: RepeatedMultilabelStratifiedKFold(n_splits=3, n_repeats=2, random_state=s),
        lambda s: MultilabelStratifiedShuffleSplit(3, random_state=s),
    ],
)
def test_random_states_of_every_kind(make):
    assert not same(make(0).split(Y, Y), make(1).split(Y, Y))
    # A RandomState goes on from call to call, and starts where the int starts.
    splitter = make(np.random.RandomState(0))
    first = list(splitter.split(Y, Y))
    assert same(first, make(0).split(Y, Y))
    assert not same(first, splitter.split(Y, Y))
    # None is NumPy's global state.
    before = np.random.get_state()
    try:
        np.random.seed(0)
        assert same(make(None).split(Y, Y), first)
    finally:
        np.random.set_state(before)


def test_folds_that_are_not_shuffled_are_always_the_same():
    assert same(MultilabelStratifiedKFold(4).split(Y, Y), MultilabelStratifiedKFold(4).split(Y, Y))


def test_repetitions_are_the_folds_of_one_random_state():
    repeated = RepeatedMultilabelStratifiedKFold(n_splits=3, n_repeats=2, random_state=5)
    once = MultilabelStratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(5))
    expected = [*once.split(Y, Y), *once.split(Y, Y)]
    assert same(repeated.split(Y, Y), expected)
    assert not same(expected[:3], expected[3:])


# -- scikit-learn's manners ------------------------------------------------------------------------


def test_constructors_refuse_what_scikit_learns_refuse():
    for arguments in (
        {"n_splits": 1},
        {"n_splits": 2.5},
        {"shuffle": 1},
        {"random_state": 0},
    ):
        with pytest.raises((ValueError, TypeError), match=r".") as expected:
            StratifiedKFold(**arguments)
        with pytest.raises(expected.type, match=r".") as found:
            MultilabelStratifiedKFold(**arguments)
        assert str(found.value) == str(expected.value)
    for arguments in ({"n_repeats": 0}, {"n_repeats": 1.5}):
        with pytest.raises(ValueError, match="Number of repetitions"):
            RepeatedMultilabelStratifiedKFold(**arguments)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MultilabelStratifiedKFold(), StratifiedKFold()),
        (MultilabelStratifiedKFold(3, shuffle=True), StratifiedKFold(3, shuffle=True)),
        (MultilabelStratifiedShuffleSplit(), StratifiedShuffleSplit()),
        (
            MultilabelStratifiedShuffleSplit(2, test_size=0.5),
            StratifiedShuffleSplit(2, test_size=0.5),
        ),
        (RepeatedMultilabelStratifiedKFold(), RepeatedStratifiedKFold()),
        (
            RepeatedMultilabelStratifiedKFold(n_splits=2, random_state=1),
            RepeatedStratifiedKFold(n_splits=2, random_state=1),
        ),
    ],
)
def test_defaults_and_repr_are_those_of_the_namesake(ours, theirs):
    assert "".join(repr(ours).split()) == "Multilabel".join(
        ["", "".join(repr(theirs).split())]
    ).replace("MultilabelRepeated", "RepeatedMultilabel")
    assert ours.get_n_splits() == theirs.get_n_splits()
    assert ours.get_n_splits(TEXTS, Y, None) == theirs.get_n_splits()
    assert vars(ours).keys() == vars(theirs).keys()


@every_splitter
def test_the_number_of_splits_is_the_one_announced(splitter):
    assert len(list(splitter.split(Y, Y))) == splitter.get_n_splits()


@every_splitter
def test_copies(splitter):
    for other in (clone(splitter, safe=False), pickle.loads(pickle.dumps(splitter))):
        assert repr(other) == repr(splitter)
        assert same(other.split(Y, Y), splitter.split(Y, Y))


@every_splitter
def test_check_cv_passes_it_on(splitter):
    assert check_cv(splitter, Y, classifier=True) is splitter


def test_base_classes():
    assert isinstance(SPLITTERS[0], BaseCrossValidator)
    assert isinstance(SPLITTERS[-1], BaseShuffleSplit)


@every_splitter
@pytest.mark.parametrize("routing", [False, True])
def test_metadata_routing(splitter, routing):
    with config_context(enable_metadata_routing=routing):
        requests = splitter.get_metadata_routing().split.requests
        assert requests == StratifiedKFold().get_metadata_routing().split.requests
        result = cross_validate(DummyClassifier(), np.zeros((90, 1)), Y, cv=splitter)
    assert len(result["test_score"]) == splitter.get_n_splits()


def test_groups_in_cross_validation_are_refused():
    with pytest.raises(ValueError, match="does not keep groups together"):
        cross_val_score(
            DummyClassifier(), np.zeros((90, 1)), Y, groups=np.arange(90), cv=SPLITTERS[0]
        )


def text_and_labels():
    random = np.random.default_rng(0)
    words = np.array(["apple", "bread", "cheese", "date", "egg"])
    texts = [" ".join([*random.permutation(words[row.astype(bool)]), "and"]) for row in Y]
    return texts, Y


@every_splitter
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_grid_search_on_raw_text(splitter, form):
    texts, y = text_and_labels()
    model = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    search = GridSearchCV(
        model,
        {"onevsrestclassifier__estimator__C": [0.001, 100]},
        cv=splitter,
        scoring="f1_micro",
        error_score="raise",
    ).fit(texts, form(y))
    assert search.n_splits_ == splitter.get_n_splits()
    assert search.best_params_["onevsrestclassifier__estimator__C"] == 100
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("splitter", SPLITTERS[:2])
def test_cross_val_predict(splitter):
    texts, y = text_and_labels()
    model = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression(C=100)))
    assert np.mean(cross_val_predict(model, texts, y, cv=splitter) == y) > 0.95
