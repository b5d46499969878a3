"""Tasks and weights are handed on by scikit-learn."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklabelemb.mtle import MTLEClassifier

from .small import (
    BOOK_OPINIONS,
    BOOKS,
    SEARCH_T,
    SEARCH_X,
    SEARCH_Y,
    UNSEEN,
    assert_same_scores,
    mtle,
    scores,
)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def spied(monkeypatch):
    """What `fit` and `score` were called with."""
    calls = []

    def spy(name):
        original = getattr(MTLEClassifier, name)

        @functools.wraps(original)
        def wrapped(self, X, y, sample_weight=None, task=None):
            calls.append((name, list(X), list(y), None if task is None else list(task)))
            return original(self, X, y, sample_weight=sample_weight, task=task)

        monkeypatch.setattr(MTLEClassifier, name, wrapped)

    spy("fit")
    spy("score")
    return calls


def test_grid_search_splits_the_tasks_with_the_samples(routing, spied):
    model = mtle(max_epochs=2).set_fit_request(task=True).set_score_request(task=True)
    search = GridSearchCV(model, {"learning_rate": [1e-6, 0.1]}, cv=KFold(3), error_score="raise")
    search.fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    assert search.best_params_ == {"learning_rate": 0.1}
    rows = {text: row for row, text in enumerate(SEARCH_X)}
    assert len(rows) == 60
    # Two candidates in three folds are fitted and scored, and the best one fitted to everything.
    assert sorted(name for name, *_ in spied) == ["fit"] * 7 + ["score"] * 6
    for _, X, y, task in spied:
        own = [rows[text] for text in X]
        assert task == SEARCH_T[own].tolist()
        assert y == SEARCH_Y[own].tolist()
    best = mtle(max_epochs=2, learning_rate=0.1).fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    assert_same_scores(search.best_estimator_, scores(best))
    for name in ("books", "dvd"):
        expected = best.predict(UNSEEN, task=name)
        np.testing.assert_array_equal(search.best_estimator_.predict(UNSEEN, task=name), expected)


def test_cross_validate_hands_the_tasks_on(routing, spied):
    model = mtle(max_epochs=4).set_fit_request(task=True).set_score_request(task=True)
    result = cross_validate(
        model,
        SEARCH_X,
        SEARCH_Y,
        cv=KFold(3, shuffle=True, random_state=0),
        params={"task": SEARCH_T},
        return_estimator=True,
        error_score="raise",
    )
    assert all(set(one.tasks_) == {"books", "dvd"} for one in result["estimator"])
    splits = KFold(3, shuffle=True, random_state=0).split(SEARCH_X)
    for (train, test), one, found in zip(
        splits, result["estimator"], result["test_score"], strict=True
    ):
        X, y, task = np.array(SEARCH_X), SEARCH_Y, SEARCH_T
        expected = mtle(max_epochs=4).fit(X[train], y[train], task=task[train])
        assert_same_scores(one, scores(expected))
        assert found == np.mean(expected.predict(X[test], task=task[test]) == y[test])


def test_a_pipeline_hands_the_tasks_on(routing):
    model = (
        mtle(max_epochs=3)
        .set_fit_request(task=True)
        .set_predict_request(task=True)
        .set_predict_proba_request(task=True)
        .set_decision_function_request(task=True)
        .set_score_request(task=True)
    )
    pipeline = make_pipeline(FunctionTransformer(), model)
    pipeline.fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    expected = mtle(max_epochs=3).fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    for method in ("predict", "predict_proba", "decision_function"):
        for task in ("dvd", np.array(["dvd", "books"] * 8)):
            np.testing.assert_array_equal(
                getattr(pipeline, method)(UNSEEN, task=task),
                getattr(expected, method)(UNSEEN, task=task),
            )
    assert pipeline.score(SEARCH_X, SEARCH_Y, task=SEARCH_T) == expected.score(
        SEARCH_X, SEARCH_Y, task=SEARCH_T
    )


def test_clone_keeps_the_requests(routing):
    model = mtle().set_fit_request(task=True, sample_weight=False).set_score_request(task=True)
    requests = clone(model.fit(BOOKS, BOOK_OPINIONS)).get_metadata_routing()
    asked = {name: how for name, how in requests.fit.requests.items() if how is not None}
    assert asked == {"task": True, "sample_weight": False}
    assert requests.score.requests == {"task": True, "sample_weight": None}
    assert requests.predict.requests == {"task": None}


def test_a_task_that_was_not_asked_for_is_refused(routing):
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="task"):
        cross_validate(mtle(), SEARCH_X, SEARCH_Y, params={"task": SEARCH_T})


def test_without_routing():
    search = GridSearchCV(mtle(max_epochs=2), {"learning_rate": [1e-6, 0.1]}, cv=2)
    search.fit(BOOKS, BOOK_OPINIONS)
    assert search.best_params_ == {"learning_rate": 0.1}
    assert set(search.predict(UNSEEN)) <= {"neg", "pos"}
    # One name for all samples needs no splitting.
    search.fit(BOOKS, BOOK_OPINIONS, task="books")
    assert list(search.best_estimator_.tasks_) == ["books"]


def test_weights_of_samples_follow_the_samples_of_their_task():
    weight = np.random.default_rng(0).random(60)
    weight[::7] = 0
    model = mtle().fit(SEARCH_X, SEARCH_Y, sample_weight=weight, task=SEARCH_T)
    order = np.argsort(SEARCH_T, kind="stable")
    expected = mtle().fit(
        np.array(SEARCH_X)[order],
        SEARCH_Y[order],
        sample_weight=weight[order],
        task=SEARCH_T[order],
    )
    assert_same_scores(model, scores(expected))
    unweighted = mtle().fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    assert not np.array_equal(scores(model)["dvd"], scores(unweighted)["dvd"])


def test_weight_zero_is_as_good_as_absent_in_each_task():
    weight = np.ones(60)
    weight[::5] = 0
    kept = weight > 0
    model = mtle().fit(SEARCH_X, SEARCH_Y, sample_weight=weight, task=SEARCH_T)
    expected = mtle(min_df=1).fit(np.array(SEARCH_X)[kept], SEARCH_Y[kept], task=SEARCH_T[kept])
    for name in ("books", "dvd"):
        np.testing.assert_array_equal(
            model.predict(SEARCH_X, task=name), expected.predict(SEARCH_X, task=name)
        )
