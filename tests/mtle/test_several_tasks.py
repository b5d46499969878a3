"""Several tasks in one classifier: what they are, and in which forms they come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from sklabelemb import load, save

from .small import (
    ALL_KINDS,
    BOOK_OPINIONS,
    BOOKS,
    DVD_OPINIONS,
    DVDS,
    LETTER_TOPICS,
    LETTERS,
    MAIL_TOPICS,
    MAILS,
    OPINIONS,
    TOPICS,
    UNSEEN,
    assert_same_scores,
    fitted,
    mtle,
    scores,
    write,
)


@pytest.mark.parametrize("options", [{}, {"encoder": "bilstm", "max_epochs": 2}])
@pytest.mark.parametrize("mixed", [False, True])
def test_fit_and_fit_tasks_are_the_same(options, mixed):
    """Bit for bit, also where the samples of the tasks alternate."""
    X = np.array([*BOOKS[:24], *DVDS])
    y = np.array([*BOOK_OPINIONS[:24], *DVD_OPINIONS])
    names = np.repeat(["books", "dvd"], 24)
    # Tasks keep the order in which they first occur.
    order = np.arange(48).reshape(2, 24).T.ravel() if mixed else np.arange(48)
    one = mtle(**options).fit(X[order], y[order], task=names[order])
    tasks = {"books": (X[:24], y[:24]), "dvd": (X[24:], y[24:])}
    other = mtle(**options).fit_tasks(tasks)
    assert list(one.tasks_) == list(other.tasks_) == ["books", "dvd"]
    assert_same_scores(one, scores(other))
    for task in tasks:
        np.testing.assert_array_equal(one.predict(UNSEEN, task=task), other.predict(UNSEEN, task))
    expected = np.concatenate([other.predict(x, task=task) for task, (x, _) in tasks.items()])
    np.testing.assert_array_equal(one.predict(X[order], task=names[order]), expected[order])


def test_tasks_of_all_kinds():
    model = fitted()
    assert list(model.tasks_) == ["books", 7, "mail", "letters", "sparse"]
    for name, (X, y) in ALL_KINDS.items():
        predicted = model.predict(X, task=name)
        assert type(predicted) is type(y)
        assert predicted.shape == y.shape
        assert model.score(X, y, task=name) > 0.75
    assert model.predict(UNSEEN, task=7).dtype == int
    assert list(model.predict(UNSEEN, task="mail").columns) == list(TOPICS)
    for name, multilabel, n_labels in [
        ("books", False, 2),
        (7, False, 2),
        ("mail", True, 3),
        ("letters", False, 3),
        ("sparse", True, 3),
    ]:
        shape = (len(UNSEEN), n_labels)
        assert model.predict_proba(UNSEEN, task=name).shape == shape
        scored = model.decision_function(UNSEEN, task=name).shape
        assert scored == (shape[:1] if n_labels == 2 else shape)
        assert model.tasks_[name].multilabel == multilabel


def test_what_tasks_holds():
    tasks = fitted().tasks_
    for name, task in tasks.items():
        assert task.name == name
        assert task.trained
        assert (task.thresholds is None) != task.multilabel
    assert tasks["books"].classes.tolist() == ["neg", "pos"]
    assert tasks["books"].label_names.tolist() == ["neg", "pos"]
    assert tasks["books"].label_texts == ["neg", "pos"]
    assert tasks["books"].label_words == [["neg"], ["pos"]]
    assert tasks[7].classes.tolist() == [0, 1]
    assert tasks[7].label_texts is None
    assert tasks["mail"].label_names.tolist() == list(TOPICS)
    assert tasks["mail"].classes.tolist() == [[0, 1]] * 3
    assert tasks["mail"].thresholds.tolist() == [0.5] * 3
    assert tasks["sparse"].label_names.tolist() == [0, 1, 2]
    # A number is no text: each such label has a word that no text and no other label has.
    own = [word for name in (7, "sparse") for words in tasks[name].label_words for word in words]
    assert len(own) == len(set(own)) == 5
    assert all(word in fitted().vocabulary_ for word in own)


def test_a_model_of_several_tasks_has_no_classes_of_its_own():
    model = fitted()
    for name in ("classes_", "label_names_", "thresholds_", "min_labels_", "targets_"):
        assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=r"5 tasks: say which one.*See tasks_\[name\]"):
        model.classes_  # noqa: B018
    one = mtle().fit(BOOKS, BOOK_OPINIONS, task="books")
    assert one.classes_.tolist() == ["neg", "pos"]
    # One task needs no name, and neither does the task of a plain fit.
    np.testing.assert_array_equal(one.predict(UNSEEN), one.predict(UNSEEN, task="books"))
    plain = mtle().fit(BOOKS, BOOK_OPINIONS).add_task("x", ["a", "b"], ["good", "bad"])
    assert list(plain.tasks_) == ["default", "x"]
    assert plain.classes_.tolist() == ["neg", "pos"]
    assert set(plain.predict(UNSEEN)) <= {"neg", "pos"}


MIXED_Y = [1 if i % 4 == 2 else 0 if i % 2 == 0 else BOOK_OPINIONS[i // 2] for i in range(80)]


MIXED_X = [DVDS[i // 2 % 24] if i % 2 == 0 else BOOKS[i // 2] for i in range(80)]


MIXED_T = [7, "books"] * 40


@pytest.mark.parametrize(
    "form", [list, tuple, lambda y: np.array(y, dtype=object), lambda y: pd.Series(y, dtype=object)]
)
def test_classes_of_several_types_in_one_y(form):
    model = mtle().fit(MIXED_X, form(MIXED_Y), task=MIXED_T)
    expected = mtle().fit_tasks(
        {7: (MIXED_X[::2], MIXED_Y[::2]), "books": (MIXED_X[1::2], MIXED_Y[1::2])}
    )
    assert model.tasks_[7].classes.dtype.kind == "i"
    assert model.tasks_["books"].classes.tolist() == ["neg", "pos"]
    assert_same_scores(model, scores(expected))
    predicted = model.predict(MIXED_X, task=MIXED_T)
    assert predicted.dtype == object
    assert {type(value) for value in predicted[::2]} == {int}
    assert {type(value) for value in predicted[1::2]} == {str}
    right = np.mean([a == b for a, b in zip(predicted, MIXED_Y, strict=True)])
    assert model.score(MIXED_X, form(MIXED_Y), task=MIXED_T) == pytest.approx(right)


INDICATORS = {
    "array": lambda y: y.to_numpy(),
    "lists": lambda y: y.to_numpy().tolist(),
    "frame": lambda y: y.set_axis(range(100, 136), axis=0),
    "polars": lambda y: pl.DataFrame(y.to_dict("list")),
    "csr": lambda y: sp.csr_array(y.to_numpy()),
    "csc": lambda y: sp.csc_array(y.to_numpy()),
    "coo": lambda y: sp.coo_matrix(y.to_numpy()),
}


@pytest.mark.parametrize("form", INDICATORS)
def test_one_indicator_for_several_tasks(form):
    names = np.array(["a", "b", "c"] * 12)
    options = {"label_texts": list(TOPICS)}
    model = mtle(**options).fit(MAILS, INDICATORS[form](MAIL_TOPICS), task=names)
    X = np.array(MAILS)
    expected = mtle(**options).fit_tasks(
        {name: (X[names == name], MAIL_TOPICS[names == name]) for name in "abc"}
    )
    assert_same_scores(model, scores(expected))
    assert model.predict_proba(MAILS, task=names).shape == (36, 3)
    predicted = model.predict(MAILS, task=names)
    assert type(predicted) is np.ndarray
    whole = np.all(predicted == MAIL_TOPICS.to_numpy(), axis=1).mean()
    assert model.score(MAILS, INDICATORS[form](MAIL_TOPICS), task=names) == pytest.approx(whole)


TASK_FORMS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda names: np.array(names, dtype=object),
    "StringDType": lambda names: np.array(names, dtype=np.dtypes.StringDType()),
    "pandas": lambda names: pd.Series(names, index=range(500, 500 - len(names), -1)),
    "categorical": lambda names: pd.Series(names).astype("category"),
    "polars": pl.Series,
}


@pytest.mark.parametrize("form", TASK_FORMS)
def test_forms_of_task(form):
    names = ["books"] * 20 + ["dvd"] * 20
    expected = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS, task=names)
    model = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS, task=TASK_FORMS[form](names))
    assert [type(name) for name in model.tasks_] == [str, str]
    assert_same_scores(model, scores(expected))
    np.testing.assert_array_equal(
        model.predict_proba(BOOKS, task=TASK_FORMS[form](names)),
        expected.predict_proba(BOOKS, task=names),
    )


@pytest.mark.parametrize("form", [list, np.array, pd.Series, pl.Series])
def test_integers_name_tasks(form):
    names = [3] * 20 + [-1] * 20
    model = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS, task=form(names))
    assert list(model.tasks_) == [3, -1]
    assert [type(name) for name in model.tasks_] == [int, int]
    for name in (-1, np.int64(-1)):
        assert_same_scores(model, {name: model.decision_function(UNSEEN, task=-1)})


@pytest.mark.parametrize("name", ["books", np.str_("books"), 5, np.int8(5)])
def test_one_name_for_all(name):
    model = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS, task=name)
    plain = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS)
    assert type(next(iter(model.tasks_))) in (str, int)
    np.testing.assert_array_equal(model.decision_function(UNSEEN), plain.decision_function(UNSEEN))


def test_names_of_numpy_become_plain_in_fit_tasks_and_add_task(tmp_path):
    model = mtle(max_epochs=1).fit_tasks(
        {np.int64(3): (BOOKS, BOOK_OPINIONS), np.str_("x"): (DVDS, DVD_OPINIONS)},
        weights={3: 2.0},
    )
    model.add_task(np.int64(4), ["a", "b"], ["good", "bad"])
    assert [type(name) for name in model.tasks_] == [int, str, int]
    assert [type(task.name) for task in model.tasks_.values()] == [int, str, int]
    save(model, tmp_path / "model")
    assert_same_scores(load(tmp_path / "model"), scores(model))


@pytest.mark.parametrize("sampling", ["uniform", "proportional"])
def test_tasks_of_very_different_sizes_are_all_learnt(sampling):
    X, y = write(OPINIONS, 200, 6)
    model = mtle(task_sampling=sampling, max_epochs=12, batch_size=16).fit_tasks(
        {"many": (X, y), "few": (LETTERS[:6], LETTER_TOPICS[:6])}
    )
    assert model.score(X, y, task="many") > 0.95
    assert model.score(LETTERS[:6], LETTER_TOPICS[:6], task="few") == 1


def test_sampling_is_part_of_what_makes_a_model():
    tasks = {"books": (BOOKS, BOOK_OPINIONS), "letters": (LETTERS[:9], LETTER_TOPICS[:9])}
    one, other = (mtle(task_sampling=s).fit_tasks(tasks) for s in ("uniform", "proportional"))
    assert not np.array_equal(scores(one)["books"], scores(other)["books"])


def test_sparse_gradients_train_all_tasks(monkeypatch):
    monkeypatch.setattr("sklabelemb.learning.build.sparse_pays", lambda *args: True)
    model = mtle().fit_tasks(ALL_KINDS)
    assert model.net_.module_.embedding.sparse
    assert model.net_.module_.label_embedding.sparse
    for name, (X, y) in ALL_KINDS.items():
        assert model.score(X, y, task=name) > 0.7
    before = scores(model)
    model.add_task("new", ["a", "b"], ["good", "quaint bad"])
    assert_same_scores(model, before)
    model.partial_fit(BOOKS, BOOK_OPINIONS, task="books").partial_fit(
        ["quaint thing", "good"], ["b", "a"], task="new"
    )
    assert np.isfinite(scores(model)["new"]).all()
