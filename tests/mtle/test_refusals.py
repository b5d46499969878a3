"""What is refused, and by which words."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

from .small import (
    ALL_KINDS,
    BOOK_OPINIONS,
    BOOKS,
    DVD_OPINIONS,
    DVDS,
    MAIL_TOPICS,
    MAILS,
    UNSEEN,
    Interrupt,
    assert_same_scores,
    fitted,
    mtle,
    scores,
)

BAD_TASKS = {
    "too few": (["a"] * 39, ValueError, "one for each of the 40, but it has 39"),
    "too many": (np.array(["a"] * 41), ValueError, "one for each of the 40, but it has 41"),
    "None": ([*["a"] * 39, None], TypeError, r"task in row 39 is None \(type NoneType\).*integer"),
    "NaN": ([*["a"] * 39, np.nan], TypeError, r"task in row 39 is nan \(type float\)"),
    "NaN among numbers": (pd.Series([1] * 39 + [None]), TypeError, r"row 0 is 1.0 \(type float\)"),
    "pandas.NA": (pd.Series(["a"] * 39 + [pd.NA], dtype="string"), TypeError, "row 39"),
    "a polars null": (pl.Series(["a"] * 39 + [None]), TypeError, "row 39 is None"),
    "floats": (np.ones(40), TypeError, r"row 0 is 1.0 \(type float\)"),
    "bools": ([True, False] * 20, TypeError, r"row 0 is True \(type bool\)"),
    "one float": (1.5, (TypeError, ValueError), r"1\.5.*text or an integer"),
    "one bool": (True, (TypeError, ValueError), r"True.*text or an integer"),
    "a column": (np.array([["a"]] * 40), TypeError, r"row 0 is \['a'\]"),
    "bytes": (b"books", TypeError, r"b'books'.*text or an integer"),
}


@pytest.mark.parametrize("bad", BAD_TASKS)
def test_bad_tasks_are_refused(bad):
    task, error, message = BAD_TASKS[bad]
    model = mtle()
    with pytest.raises(error, match=message):
        model.fit(BOOKS, BOOK_OPINIONS, task=task)
    with pytest.raises(NotFittedError):
        model.predict(BOOKS)
    for method in ("predict", "predict_proba", "decision_function", "explain"):
        with pytest.raises(error, match=message):
            getattr(fitted(), method)(BOOKS, task=task)
    with pytest.raises(error, match=message):
        fitted().score(BOOKS, BOOK_OPINIONS, task=task)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (None, r"5 tasks: say which one is meant, by task='books'.*'books', 7, 'mail', 'letters'"),
        ("cinema", r"no task 'cinema'\. Its tasks are 'books', 7, .*partial_fit.*add_task"),
        ("7", "no task '7'"),
        (["books", "cinema"] * 8, "no task 'cinema'"),
    ],
)
def test_which_task(task, message):
    for method in ("predict", "predict_proba", "decision_function", "explain"):
        with pytest.raises(ValueError, match=message):
            getattr(fitted(), method)(UNSEEN, task=task)
    with pytest.raises(ValueError, match=message):
        fitted().score(UNSEEN, ["pos"] * 16, task=task)


def test_a_partial_fit_of_several_tasks_must_say_which():
    model = copy.deepcopy(fitted())
    with pytest.raises(ValueError, match="5 tasks: say which one is meant"):
        model.partial_fit(BOOKS, BOOK_OPINIONS)
    assert_same_scores(model, scores(fitted()))


BAD_MAPPINGS = {
    "a list": ([(BOOKS, BOOK_OPINIONS)], TypeError, r"dict of pairs.*got list"),
    "nothing": ({}, TypeError, "dict of pairs.*an empty one"),
    "no pair": ({"books": BOOKS}, TypeError, r"tasks\['books'\] must be a pair \(X, y\), got list"),
    "a triple": ({"books": (BOOKS, BOOK_OPINIONS, 1)}, TypeError, r"tasks\['books'\].*a pair"),
    "a name": ({1.5: (BOOKS, BOOK_OPINIONS)}, TypeError, "key of tasks is 1.5.*text or an integer"),
    "a bad text": (
        {"books": (BOOKS, BOOK_OPINIONS), "dvd": (["a", None], [0, 1])},
        ValueError,
        r"X of task 'dvd'.*missing value \(None\) in row 1",
    ),
    "lengths": (
        {"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, DVD_OPINIONS[:-1])},
        ValueError,
        r"Task 'dvd': .*inconsistent numbers of samples: \[24, 23\]",
    ),
    "no y": (
        {"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, None)},
        ValueError,
        "'dvd'.*y is None",
    ),
}


@pytest.mark.parametrize("bad", BAD_MAPPINGS)
def test_bad_mappings_are_refused(bad):
    tasks, error, message = BAD_MAPPINGS[bad]
    with pytest.raises(error, match=message):
        mtle().fit_tasks(tasks)


def test_no_y_for_several_tasks():
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        mtle().fit(BOOKS, None, task=["a", "b"] * 20)


def test_a_task_of_one_class_is_named():
    y = [*BOOK_OPINIONS[:20], *["pos"] * 20]
    message = "Task 'dvd': .*at least 2 classes.*only one class: 'pos'"
    with pytest.raises(ValueError, match=message):
        mtle().fit(BOOKS, y, task=["books"] * 20 + ["dvd"] * 20)
    with pytest.raises(ValueError, match=message):
        mtle().fit_tasks({"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, ["pos"] * 24)})


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"cinema": 1}, ValueError, "weights names the task 'cinema'"),
        ({"books": 0}, ValueError, r"weights\['books'\] must be a number above 0, got 0"),
        ({"books": -1.5}, ValueError, r"above 0, got -1\.5"),
        ({"books": np.nan}, ValueError, "above 0, got nan"),
        ({"books": np.inf}, ValueError, "above 0, got inf"),
        ({"books": "2"}, ValueError, "above 0, got '2'"),
        ([1, 2], TypeError, "weights must be a dict"),
    ],
)
def test_bad_weights_of_tasks(weights, error, message):
    tasks = {"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, DVD_OPINIONS)}
    with pytest.raises(error, match=message):
        mtle().fit_tasks(tasks, weights=weights)


def test_an_interrupted_fit_of_tasks_leaves_the_model_unfitted():
    model = mtle(net_params={"callbacks": [Interrupt(3)]})
    with pytest.raises(KeyboardInterrupt):
        model.fit_tasks(ALL_KINDS)
    with pytest.raises(NotFittedError):
        model.predict(UNSEEN, task="books")


def test_parameters_are_validated_by_every_way_in():
    tasks = {"books": (BOOKS, BOOK_OPINIONS)}
    for change in ({"encoder": "gru"}, {"task_sampling": "fair"}, {"pooling": "min"}):
        with pytest.raises(ValueError, match=next(iter(change))):
            mtle(**change).fit_tasks(tasks)
        with pytest.raises(ValueError, match=next(iter(change))):
            mtle(**change).partial_fit(BOOKS, BOOK_OPINIONS)
        # What was fitted goes by the parameters of its time.
        model = copy.deepcopy(fitted()).set_params(**change)
        model.add_task("x", ["a", "b"], ["good", "bad"])
        expected = copy.deepcopy(fitted()).add_task("x", ["a", "b"], ["good", "bad"])
        assert_same_scores(model, scores(expected))


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_classes_of_a_task_are_refused(missing):
    y = np.array(BOOK_OPINIONS, dtype=object)
    y[3] = missing
    task = np.repeat(["a", "b"], len(y) // 2)
    with pytest.raises(ValueError, match="Task 'a': y contains a missing value in row 3"):
        mtle().fit(BOOKS, y, task=task)


def test_thresholds_of_the_wrong_kind_are_refused():
    model = mtle().fit(BOOKS, BOOK_OPINIONS)
    with pytest.raises(ValueError, match="thresholds_ must hold one number for each of the 2"):
        model.thresholds_ = [0.5, 0.5]
    model = mtle().fit(MAILS, MAIL_TOPICS)
    with pytest.raises(ValueError, match=r"3 labels of a label set, got shape \(2,\)"):
        model.thresholds_ = [0.5, 0.5]


def test_what_no_one_can_mean_is_refused():
    with pytest.raises(ValueError, match="classes names tasks without samples"):
        mtle().partial_fit(BOOKS, BOOK_OPINIONS, classes={"bok": ["neg", "pos"]}, task="book")
    weight = np.repeat([1.0, 0.0], len(BOOKS))
    with pytest.raises(ValueError, match="Task 'b': sample_weight is zero for every sample"):
        mtle().fit(
            [*BOOKS, *BOOKS],
            [*BOOK_OPINIONS, *BOOK_OPINIONS],
            sample_weight=weight,
            task=np.repeat(["a", "b"], len(BOOKS)),
        )
    with pytest.raises(TypeError, match="classes is a set"):
        mtle().fit(BOOKS, BOOK_OPINIONS).add_task("x", {"good", "bad"})
