"""Validation sets of one's own, for each task."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.decision import tuned_thresholds, validation_score
from sklabelemb.targets import Targets

from ..tolerances import close
from .small import (
    BOOK_OPINIONS,
    BOOKS,
    DVD_OPINIONS,
    DVDS,
    MAIL_TOPICS,
    MAILS,
    OPINIONS,
    TOPICS,
    assert_same_scores,
    mtle,
    scores,
    write,
    write_sets,
)

TASKS = {"mail": (MAILS, MAIL_TOPICS), "books": (BOOKS, BOOK_OPINIONS)}
MAIL_VAL = write_sets(21, 13)
BOOKS_VAL = write(OPINIONS, 11, 14)
BOTH = {"mail": MAIL_VAL, "books": BOOKS_VAL}


def test_each_task_is_validated_by_its_own_set():
    options = {"validation_fraction": 0.4, "threshold_shrinkage": 2.0}
    model = mtle(max_epochs=15, patience=2, **options).fit_tasks(TASKS, tasks_val=BOTH)
    found = [row["valid_score"] for row in model.history_]
    assert model.best_epoch_ == np.argmax(found) + 1
    X, y = MAIL_VAL
    y = Targets.infer(y).encode(y)
    logits = model.decision_function(X, task="mail")
    expected = tuned_thresholds(y, logits, 2.0)
    close(model.tasks_["mail"].thresholds, expected, dtype=np.float32)
    right = model.score(*BOOKS_VAL, task="books")
    close(max(found), (validation_score(y, logits) + right) / 2, dtype=np.float32)


def test_nothing_of_a_task_with_a_set_is_held_out():
    options = {"validation_fraction": 0.4, "threshold": "tuned", "patience": None}
    alone = mtle(**{**options, "validation_fraction": 0}).fit_tasks(TASKS)
    given = mtle(**options).fit_tasks(TASKS, tasks_val=BOTH)
    assert_same_scores(given, scores(alone))
    assert (given.tasks_["mail"].thresholds != alone.tasks_["mail"].thresholds).any()


def test_of_a_task_without_a_set_a_part_is_held_out_as_usual():
    options = {"validation_fraction": 0.4, "max_epochs": 3, "threshold_shrinkage": 0.0}
    both = {"mail": TASKS["mail"], "sets": (MAILS, MAIL_TOPICS)}
    usual = mtle(**options).fit_tasks(both)
    model = mtle(**options).fit_tasks(both, tasks_val={"mail": MAIL_VAL})
    whole = mtle(**{**options, "validation_fraction": 0}).fit_tasks(both)
    assert whole.tasks_["sets"].thresholds.tolist() == [0.5] * 3
    assert model.tasks_["sets"].thresholds.tolist() != [0.5] * 3
    assert usual.tasks_["mail"].thresholds.tolist() != model.tasks_["mail"].thresholds.tolist()


def test_fit_and_fit_tasks_are_the_same():
    X, y = [*BOOKS, *DVDS], np.array([*BOOK_OPINIONS, *DVD_OPINIONS])
    task = np.repeat(["books", "dvd"], [40, 24])
    own = write(OPINIONS, 10, 15)
    X_val, y_val = [*BOOKS_VAL[0], *own[0]], np.array([*BOOKS_VAL[1], *own[1]])
    task_val = np.repeat(["books", "dvd"], [11, 10])
    order = np.random.default_rng(0).permutation(21)
    one = mtle(patience=2).fit(
        X,
        y,
        task=task,
        X_val=np.array(X_val)[order],
        y_val=y_val[order],
        task_val=task_val[order],
    )
    other = mtle(patience=2).fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, DVD_OPINIONS)},
        tasks_val={"books": BOOKS_VAL, "dvd": own},
    )
    assert_same_scores(one, scores(other))
    found, expected = (model.history_[0]["valid_score"] for model in (one, other))
    assert found == pytest.approx(expected)
    # One name for all, and none where there is but one task.
    some = mtle().fit(X, y, task=task, X_val=own[0], y_val=own[1], task_val="dvd")
    assert "valid_score" in some.history_[0]
    single = [
        mtle().fit(BOOKS, BOOK_OPINIONS, task="books", X_val=own[0], y_val=own[1], task_val=name)
        for name in (None, "books")
    ]
    assert single[0].history_[0]["valid_score"] == single[1].history_[0]["valid_score"]


def test_labels_of_each_set_go_by_name():
    X, y = MAIL_VAL
    other = {"mail": (X, y[list(TOPICS)[::-1]]), "books": BOOKS_VAL}
    expected = mtle().fit_tasks(TASKS, tasks_val=BOTH)
    model = mtle().fit_tasks(TASKS, tasks_val=other)
    assert model.tasks_["mail"].thresholds.tolist() == expected.tasks_["mail"].thresholds.tolist()


BAD_SETS = {
    "unknown task": ({"food": BOOKS_VAL}, r"tasks_val names the task 'food'.*'mail', 'books'"),
    "no pair": ({"books": BOOKS_VAL[0]}, r"tasks_val\['books'\] must be a pair \(X, y\)"),
    "none": ({}, "tasks_val must be a dict of pairs by name"),
    "list": ([BOOKS_VAL], "tasks_val must be a dict of pairs by name"),
    "classes": ({"books": (["a"], ["so"])}, "Task 'books': y_val holds classes.*'so'"),
    "lengths": ({"books": (BOOKS_VAL[0], ["pos"])}, r"Task 'books': X_val and y_val: .*\[11, 1\]"),
    "names": (
        {"mail": (MAIL_VAL[0], MAIL_VAL[1].rename(columns={"time": "hours"}))},
        "Task 'mail': The labels of y_val are not .*Missing: 'time'. New: 'hours'",
    ),
    "no labels": ({"books": (BOOKS_VAL[0], None)}, "Task 'books': y_val"),
    "missing": ({"books": (["a", None], ["pos", "neg"])}, "X_val of task 'books' has a missing"),
}


@pytest.mark.parametrize("bad", BAD_SETS)
def test_bad_sets(bad):
    tasks_val, message = BAD_SETS[bad]
    model = mtle()
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit_tasks(TASKS, tasks_val=tasks_val)
    assert not hasattr(model, "model_")


def test_bad_tasks_of_a_set():
    X, y, task = [*BOOKS, *BOOKS], [*BOOK_OPINIONS] * 2, ["books"] * 40 + ["dvd"] * 40
    X_val, y_val = BOOKS_VAL
    with pytest.raises(ValueError, match=r"task_val must say .*'books', 'dvd'"):
        mtle().fit(X, y, task=task, X_val=X_val, y_val=y_val)
    with pytest.raises(ValueError, match="task_val names the task 'food'"):
        mtle().fit(X, y, task=task, X_val=X_val, y_val=y_val, task_val="food")
    with pytest.raises(ValueError, match="task_val must be one name for all samples, or one for"):
        mtle().fit(X, y, task=task, X_val=X_val, y_val=y_val, task_val=["dvd"])
    with pytest.raises(ValueError, match="lacks X_val and y_val"):
        mtle().fit(X, y, task=task, task_val="dvd")
