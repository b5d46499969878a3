"""Calibrated probabilities around any multi-label classifier."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.svm import LinearSVC

from sklabelemb import BinaryRelevance, LabelwiseCalibrator, ThresholdTuner
from sklabelemb.datasets import load_support_requests

METHODS = ["sigmoid", "isotonic", "temperature"]


def samples(n, seed):
    """Features with an unhelpful copy of each, which makes naive Bayes far too sure of itself."""
    random = np.random.RandomState(seed)
    X = random.randn(n, 4)
    y = (X + 1.2 * random.randn(n, 4) > [0.0, 0.5, 1.0, 2.0]).astype(int)
    return np.tile(X, 6), y


X, Y = samples(600, 0)
X_NEW, Y_NEW = samples(4000, 1)
SURE = MultiOutputClassifier(BernoulliNB())


def loss(proba):
    return np.mean([log_loss(Y_NEW[:, label], proba[:, label]) for label in range(4)])


def plain(model):
    return np.column_stack([p[:, 1] for p in clone(model).fit(X, Y).predict_proba(X_NEW)])


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_become_better(method):
    calibrator = LabelwiseCalibrator(SURE, method=method, random_state=0).fit(X, Y)
    proba = calibrator.predict_proba(X_NEW)
    assert proba.shape == (4000, 4)
    assert proba.min() > 0
    assert proba.max() < 1
    before = plain(SURE)
    assert loss(proba) < loss(before) - 0.1
    for label in range(4):  # and the order of the samples stays
        order = np.argsort(before[:, label], kind="stable")
        assert np.all(np.diff(proba[order, label]) >= -1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_what_is_more_likely_than_not(method):
    calibrator = LabelwiseCalibrator(SURE, method=method, random_state=0).fit(X, Y)
    expected = (calibrator.predict_proba(X_NEW) >= 0.5).astype(int)
    assert np.array_equal(calibrator.predict(X_NEW), expected)
    if method == "temperature":
        assert np.array_equal(expected, SURE.fit(X, Y).predict(X_NEW))


def test_the_maps_are_fitted_to_scores_of_samples_that_were_held_out():
    """A tree that knows its training samples by heart would look perfect on them."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(random_state=0)
    proba = LabelwiseCalibrator(tree, cv=KFold(3)).fit(X, Y).predict_proba(X_NEW)
    assert proba.max() < 0.95
    assert loss(proba) < 0.75


def test_margins_become_probabilities():
    svm = OneVsRestClassifier(LinearSVC())
    calibrator = LabelwiseCalibrator(svm, random_state=0).fit(X, Y)
    ideal = MultiOutputClassifier(LogisticRegression())
    assert loss(calibrator.predict_proba(X_NEW)) < loss(plain(ideal)) + 0.02
    assert not hasattr(calibrator, "decision_function")


@pytest.mark.parametrize(
    "container",
    [sp.csr_matrix, sp.csr_array, lambda y: pd.DataFrame(y, columns=list("abcd"))],
)
def test_predictions_come_in_the_container_of_y(container):
    calibrator = LabelwiseCalibrator(OneVsRestClassifier(LinearSVC()), cv=3, random_state=0)
    expected = clone(calibrator).fit(X, Y).predict(X)
    predicted = calibrator.fit(X, container(Y)).predict(X)
    assert type(predicted) is type(container(Y))
    values = predicted.toarray() if sp.issparse(predicted) else np.asarray(predicted)
    assert np.array_equal(values, expected)


def test_one_label_one_split_prefit_and_weights():
    calibrator = LabelwiseCalibrator(SURE, cv=0.3, random_state=0).fit(X, Y[:, :1])
    assert calibrator.predict_proba(X).shape == (600, 1)
    fitted = clone(SURE).fit(X[:300], Y[:300])
    prefit = LabelwiseCalibrator(fitted, cv="prefit").fit(X[300:], Y[300:])
    assert prefit.estimator_ is fitted
    weight = np.arange(600) < 400
    weighted = LabelwiseCalibrator(SURE, cv=3, random_state=0).fit(X, Y, sample_weight=weight)
    unweighted = LabelwiseCalibrator(SURE, cv=3, random_state=0).fit(X, Y)
    assert not np.allclose(weighted.predict_proba(X), unweighted.predict_proba(X))


def test_the_contract_of_a_scikit_learn_estimator():
    calibrator = LabelwiseCalibrator(SURE, method="temperature", random_state=0, cv=2)
    with pytest.raises(NotFittedError):
        calibrator.predict_proba(X)
    assert clone(calibrator).fit(X, Y).classes_.shape == (4, 2)
    calibrator.fit(X, Y)
    copy = pickle.loads(pickle.dumps(calibrator))
    assert np.array_equal(copy.predict_proba(X), calibrator.predict_proba(X))
    assert np.array_equal(
        clone(calibrator).set_params(n_jobs=2).fit(X, Y).predict_proba(X),
        calibrator.predict_proba(X),
    )
    assert cross_val_score(calibrator, X, Y, scoring="f1_macro", cv=2).shape == (2,)


def test_raw_text_and_together_with_tuned_thresholds():
    texts, y = load_support_requests(return_X_y=True)
    calibrator = LabelwiseCalibrator(BinaryRelevance(), cv=2, random_state=0)
    tuner = ThresholdTuner(calibrator, cv=2, random_state=0).fit(texts[:200], y[:200])
    assert tuner.best_score_ > tuner.default_score_
    assert np.all((tuner.thresholds_ > 0) & (tuner.thresholds_ < 1))
    assert np.allclose(
        tuner.predict_proba(texts[:5]), tuner.estimator_.predict_proba(texts[:5]), atol=1e-12
    )


@pytest.mark.parametrize(
    ("arguments", "y", "message"),
    [
        ({"method": "platt"}, Y, "'method' parameter of LabelwiseCalibrator must be"),
        ({}, Y[:, 0], "CalibratedClassifierCV"),
        ({"cv": "fitted"}, Y, "'cv' parameter"),
        ({"refit": False, "cv": 3}, Y, "cv makes 3"),
    ],
)
def test_errors(arguments, y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        LabelwiseCalibrator(SURE, **arguments).fit(X, y)
