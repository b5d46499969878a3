"""Promise 2: the forms of y that are understood, and predictions in the form that y had."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from sklabelemb.meta import LabelwiseCalibrator, ThresholdTuner

from .small import (
    CLASS_TEXTS,
    CLASSES,
    CODES,
    EVERY,
    INDICATORS,
    LABELS,
    NAMES,
    TARGETS,
    TEXTS,
    UNSEEN,
    binary_relevance,
    dense,
    fitted,
    learnt,
    longer,
    shared_out,
)


@functools.cache
def predicted_with_columns(name, columns):
    """Predictions of a classifier that was fitted to a frame."""
    return EVERY[name]().fit(TEXTS, pd.DataFrame(LABELS, columns=columns)).predict(UNSEEN)


@shared_out("form", INDICATORS, thorough=["LEAM", "BinaryRelevance"])
def test_indicator_in_indicator_out(name, make, form):
    y = INDICATORS[form]
    model = make().fit(TEXTS, y)
    predicted = model.predict(UNSEEN)
    assert type(predicted) is type(y)
    if hasattr(y, "columns"):
        assert list(predicted.columns) == NAMES
        assert model.label_names_.tolist() == NAMES
        assert set(predicted.dtypes) == set(y.dtypes)
    else:
        assert predicted.dtype == y.dtype
        assert model.label_names_.tolist() == [0, 1, 2]
    # The names of columns may be texts to start from, so frames are compared among themselves.
    columns = tuple(NAMES) if hasattr(y, "columns") else range(3)
    np.testing.assert_array_equal(dense(predicted), predicted_with_columns(name, columns))
    np.testing.assert_array_equal(model.classes_, [[0, 1]] * 3)


@shared_out("form", [sp.csc_array, sp.coo_matrix, list, "lists", "objects"])
def test_other_indicators_come_back_in_the_nearest_form(name, make, form):
    if form == "lists":
        y = LABELS.tolist()
    elif form == "objects":
        y = LABELS.astype(object)
    else:
        y = form(LABELS)
    predicted = make().fit(TEXTS, y).predict(UNSEEN)
    if sp.issparse(y):
        assert predicted.format == "csr"
        assert isinstance(predicted, sp.sparray) == isinstance(y, sp.sparray)
    else:
        assert type(predicted) is np.ndarray
        assert predicted.dtype == np.int64
    np.testing.assert_array_equal(dense(predicted), fitted(name).predict(UNSEEN))


CLASS_FORMS = {
    "str_": CLASSES,
    "objects": CLASSES.astype(object),
    "list": CLASSES.tolist(),
    "tuple": tuple(CLASSES.tolist()),
    "pandas": pd.Series(CLASSES, index=range(60, 0, -1)),
    "categorical": pd.Series(CLASSES).astype("category"),
    "polars": pl.Series(CLASSES.tolist()),
    "int64": np.array([30, 10, 20])[CODES],
    "int8": np.array([3, 1, 2], dtype="int8")[CODES],
    "negative": np.array([-1, 0, 1])[CODES],
    "float": np.array([0.0, 1.0, 2.0])[CODES],
    "bool": CODES == 0,
    "datetime": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]")[CODES],
}


@shared_out("form", CLASS_FORMS, thorough=["LEAM", "BinaryRelevance"])
def test_classes_in_classes_out(make, form):
    y = CLASS_FORMS[form]
    model = longer(make()).fit(CLASS_TEXTS, y)
    predicted = model.predict(CLASS_TEXTS)
    expected = np.asarray(y)
    assert type(predicted) is np.ndarray
    assert predicted.shape == (60,)
    assert predicted.dtype == expected.dtype
    assert model.classes_.tolist() == sorted(set(expected.tolist()))
    assert model.label_names_.tolist() == model.classes_.tolist()
    assert np.mean(predicted == expected) > 0.9


LABEL_LISTS = {
    "ragged": [["late"], ["late", "refund"], []] * 20,
    "of one length": [["late", "refund"], ["rude", "late"], ["a", "b"]] * 20,
    "of one label": [["late"], ["refund"], ["rude"]] * 20,
    "tuples": [("late",), ("late", "rude"), ()] * 20,
    "sets": [{"late"}, {"late", "rude"}, set()] * 20,
    "numbers": [[0], [0, 2], []] * 20,
    "objects": np.array([["late"], ["late", "rude"], []] * 20, dtype=object),
    "pandas": pd.Series([["late"], ["late", "rude"], []] * 20),
}


@shared_out("kind", LABEL_LISTS, thorough=["LEAM", "BinaryRelevance"])
def test_label_lists_are_told_of_multilabelbinarizer(make, kind):
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        make().fit(TEXTS, LABEL_LISTS[kind])


BAD_TARGETS = {
    "NaN in an indicator": (
        np.where(np.arange(180).reshape(60, 3) == 5, np.nan, LABELS),
        "y contains NaN",
    ),
    "NaN among classes": (np.where(np.arange(60) == 5, np.nan, CODES), "NaN in row 5"),
    "None among classes": ([*CLASSES[:-1].tolist(), None], "missing value in row 59"),
    "one class": (["late"] * 60, "at least 2 classes.*only one class"),
    "numbers beyond 0 and 1": (LABELS * 2, "0 and 1 only, but y contains 2"),
    "continuous": (np.linspace(0, 1, 60), "Unknown label type: continuous"),
    "three dimensions": (np.zeros((60, 3, 2)), r"shape \(60, 3, 2\)"),
    "no label": (np.zeros((60, 0)), "no label"),
    "a column of names": (CLASSES[:, None], "1-D y"),
    "a column of a frame": (pd.DataFrame({"class": CLASSES}), "1-D y"),
    "all texts without labels": ([[]] * 60, "no label"),
}


@shared_out("bad", BAD_TARGETS, thorough=["LEAM", "BinaryRelevance"])
def test_bad_targets_are_refused_with_advice(make, bad):
    y, message = BAD_TARGETS[bad]
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, y)
    assert learnt(model) == []


def test_no_target_at_all(make):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        make().fit(TEXTS, None)


def test_texts_without_any_label(make):
    y = LABELS.copy()
    y[:30] = 0
    model = make().fit(TEXTS, y)
    assert (model.predict(TEXTS).sum(axis=1) == 0).any()


def test_a_label_without_positives_is_named(make):
    y = pd.DataFrame(LABELS, columns=NAMES).assign(refund=0)
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no positive.*\('refund'\)") as record:
        model = make().fit(TEXTS, y)
    assert len(record) == 1
    assert model.predict(TEXTS)["refund"].sum() == 0
    assert np.isfinite(model.predict_proba(TEXTS)).all()


def test_a_label_that_is_always_there(make):
    y = LABELS.copy()
    y[:, 1] = 1
    model = make().fit(TEXTS, y)
    assert model.predict(UNSEEN)[:, 1].mean() > 0.8
    assert np.isfinite(model.decision_function(UNSEEN)).all()


def test_one_label_in_a_column(name):
    model = longer(EVERY[name]()).fit(*TARGETS["one label"])
    assert model.classes_.tolist() == [[0, 1]]
    assert model.predict(UNSEEN).shape == (20, 1)
    assert model.predict_proba(UNSEEN).shape == (20, 1)
    assert model.decision_function(UNSEEN).shape == (20, 1)
    assert model.score(TEXTS, LABELS[:, :1]) > 0.8


def test_numpy_column_names_become_plain(make):
    y = pd.DataFrame(LABELS, columns=np.array([5, 7, 9], dtype="int32"))
    model = make().fit(TEXTS, y)
    assert model.label_names_.tolist() == [5, 7, 9]
    assert list(model.predict(UNSEEN).columns) == [5, 7, 9]


def assert_index_of(model, target):
    index = range(500, 500 - len(UNSEEN), -1)
    predicted = model.predict(pd.Series(UNSEEN, index=index))
    assert isinstance(predicted, pd.DataFrame)
    assert list(predicted.index) == list(index)
    assert list(predicted.columns) == list(target.columns)
    # What has no index gets one that counts.
    assert list(model.predict(UNSEEN).index) == list(range(len(UNSEEN)))


def test_the_index_of_a_series_comes_back(make):
    # The index of training has nothing to do with it.
    y = pd.DataFrame(LABELS, columns=NAMES, index=range(1000, 1060))
    assert_index_of(make().fit(pd.Series(TEXTS, index=y.index), y), y)


@pytest.mark.parametrize("meta", [ThresholdTuner, LabelwiseCalibrator])
def test_the_index_of_a_series_comes_back_from_meta_estimators(meta):
    y = pd.DataFrame(LABELS, columns=NAMES, index=range(1000, 1060))
    for X in (TEXTS, pd.Series(TEXTS, index=y.index)):
        assert_index_of(meta(binary_relevance(), cv=2).fit(X, y), y)
