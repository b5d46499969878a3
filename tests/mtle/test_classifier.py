"""Several tasks in one classifier: training, scikit-learn's routing, the updates, persistence."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback

from sklabelemb import load, save
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.mtle.network import WORD_STD

from ..tolerances import close

# Small enough that a fit takes a few hundredths of a second, large enough that it learns.
TINY = {
    "encoder": "mean",
    "embedding_dim": 8,
    "hidden_size": 6,
    "matcher_size": 8,
    "max_epochs": 6,
    "batch_size": 8,
    "learning_rate": 0.05,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "validation_fraction": 0,
    "device": "cpu",
    "random_state": 0,
}
FILLERS = [
    "the",
    "a",
    "parcel",
    "i",
    "was",
    "and",
    "my",
    "order",
    "for",
    "today",
    "again",
    "please",
]
OPINIONS = {"neg": ["bad", "awful", "poor", "dull"], "pos": ["good", "great", "lovely", "fine"]}
TOPICS = {
    "money": ["refund", "cash", "paid", "invoice"],
    "staff": ["rude", "shouted", "angry", "driver"],
    "time": ["late", "delayed", "waiting", "slow"],
}


def mtle(**parameters):
    return MTLEClassifier(**{**TINY, **parameters})


def write(classes, n, seed):
    """Texts of one to nine fillers and two words of each text's class, with the classes."""
    random = np.random.default_rng(seed)
    names = list(classes)
    y = np.array([names[i % len(names)] for i in range(n)])
    texts = []
    for name in y:
        words = [*random.choice(FILLERS, random.integers(1, 10)), *random.choice(classes[name], 2)]
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, y


def write_sets(n, seed):
    """Texts about several topics, with a frame of their labels."""
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < 0.5).astype(int)
    texts = []
    for row in rows:
        words = list(random.choice(FILLERS, random.integers(1, 6)))
        for topic in np.array(list(TOPICS))[row == 1]:
            words += random.choice(TOPICS[topic], 2).tolist()
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, pd.DataFrame(rows, columns=list(TOPICS))


BOOKS, BOOK_OPINIONS = write(OPINIONS, 40, 0)
DVDS, DVD_OPINIONS = write(OPINIONS, 24, 1)
LETTERS, LETTER_TOPICS = write(TOPICS, 30, 2)
MAILS, MAIL_TOPICS = write_sets(36, 3)
UNSEEN = [*write(OPINIONS, 6, 4)[0], *write(TOPICS, 6, 5)[0], "", "good", "xyzzy plugh", "a " * 50]
ALL_KINDS = {
    "books": (BOOKS, BOOK_OPINIONS),
    7: (DVDS, (DVD_OPINIONS == "pos").astype(int)),
    "mail": (MAILS, MAIL_TOPICS),
    "letters": (LETTERS, LETTER_TOPICS),
    "sparse": (MAILS, sp.csr_array(MAIL_TOPICS.to_numpy())),
}


@functools.cache
def fitted(encoder="mean"):
    """A model of tasks of all kinds that tests look at and do not change."""
    slow = {} if encoder == "mean" else {"max_epochs": 3}
    return mtle(encoder=encoder, **slow).fit_tasks(ALL_KINDS)


def scores(model, tasks=None, X=UNSEEN):
    """The logits of all tasks, a dict."""
    return {task: model.decision_function(X, task=task) for task in tasks or model.tasks_}


def assert_same_scores(model, expected, X=UNSEEN):
    for task, value in expected.items():
        np.testing.assert_array_equal(model.decision_function(X, task=task), value, err_msg=task)


def weights_of(model):
    return {k: v.detach().clone() for k, v in model.net_.module_.state_dict().items()}


def rows_of(model, *words, table="embedding"):
    ids = [model.vocabulary_[word] for word in words]
    return getattr(model.net_.module_, table).weight.detach()[ids].clone()


class Interrupt(Callback):
    """Raises in the middle of an epoch, after some batches of training."""

    def __init__(self, after):
        self.after = after

    def on_train_begin(self, net, **kwargs):
        self.seen_ = 0

    def on_batch_end(self, net, training, **kwargs):
        self.seen_ += training
        if self.seen_ == self.after:
            raise KeyboardInterrupt


# -- many tasks ------------------------------------------------------------------------------------


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
    ("label_texts", "message"),
    [
        ({"neg": "bad", "pos": "good"}, "Task 'letters': label_texts has no text for 3 of 3"),
        (["bad", "good"], "Task 'letters': label_texts must hold one string for each of the 3"),
        ({"letters": {"money": "cash"}}, "Task 'letters': label_texts has no text for 2 of 3"),
    ],
)
def test_label_texts_that_do_not_fit_name_the_task_once(label_texts, message):
    tasks = {"books": (BOOKS, BOOK_OPINIONS), "letters": (LETTERS, LETTER_TOPICS)}
    with pytest.raises(ValueError, match=f"^{message}"):
        mtle(label_texts=label_texts).fit_tasks(tasks)


@pytest.mark.parametrize(
    "texts", [["bad dull", "good fine"], {"neg": "bad dull", "pos": "good fine"}]
)
def test_label_texts_by_task(texts):
    tasks = {"books": (BOOKS, BOOK_OPINIONS), "letters": (LETTERS, LETTER_TOPICS), 3: ALL_KINDS[7]}
    model = mtle(max_epochs=1, label_texts={"books": texts, 3: None}).fit_tasks(tasks)
    assert model.tasks_["books"].label_words == [["bad", "dull"], ["good", "fine"]]
    assert model.tasks_["letters"].label_texts == list(TOPICS)
    assert model.tasks_[3].label_texts is None


def test_auto_may_be_said_of_each_task():
    tasks = {"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, DVD_OPINIONS)}
    model = mtle(max_epochs=1, label_texts={"books": "auto", "dvd": "auto"}).fit_tasks(tasks)
    assert model.tasks_["dvd"].label_texts == ["neg", "pos"]


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


@pytest.mark.parametrize("sampling", ["uniform", "proportional"])
def test_tasks_of_very_different_sizes_are_all_learnt(sampling):
    X, y = write(OPINIONS, 400, 6)
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


# -- scikit-learn ----------------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


SEARCH_X = [*BOOKS, *DVDS[:20]]
SEARCH_Y = np.array([*BOOK_OPINIONS, *DVD_OPINIONS[:20]])
SEARCH_T = np.array(["books", "books", "dvd"] * 20)


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
    assert requests.fit.requests == {"task": True, "sample_weight": False}
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


# -- Hot Update: partial_fit -----------------------------------------------------------------------

FILMS = ["a stale plot", "my quaint plot and the actors", "stale stale actors", "quaint"] * 4
FILM_MOODS = np.array(["dreary", "charming"] * 8)


def vectors_for(*words, seed=0):
    random = np.random.default_rng(seed)
    return {word: 3 * random.standard_normal(6) + 1 for word in words}


@pytest.mark.parametrize("options", [{}, {"encoder": "bilstm", "max_epochs": 2}])
def test_new_words_get_rows_and_old_rows_stay(options):
    vectors = vectors_for("good", "bad", "the", "quaint", "dreary", "unused")
    # So slow that no row moves: what is there afterwards is what training would have started from.
    model = mtle(vectors=vectors, **options).fit(BOOKS, BOOK_OPINIONS, task="books")
    before, n_words = weights_of(model), len(model.vocabulary_)
    # What the words of the first texts have in common is not in the new ones either.
    counts = [sum(text.split().count(word) for text in BOOKS) for word in ("good", "bad", "the")]
    common = np.average([vectors[w] for w in ("good", "bad", "the")], axis=0, weights=counts)
    close(before["vector_mean"], [*common, 0, 0], dtype=np.float32)
    scale = float(before["vector_scale"])
    assert scale > 0
    model.set_params(learning_rate=1e-30).partial_fit(FILMS, FILM_MOODS, task="films")
    after = weights_of(model)
    # stale, quaint, plot, actors; dreary, charming
    assert len(model.vocabulary_) == n_words + 6
    for table in ("embedding", "label_embedding"):
        old, new = before[f"{table}.weight"], after[f"{table}.weight"]
        assert torch.equal(new[:n_words], old)
        for word in ("quaint", "dreary"):
            row = new[model.vocabulary_[word]].numpy()
            expected = (vectors[word] - common) * scale
            close(row[:6], expected, dtype=np.float32)
            assert row[6:].all()
        strange = new[[model.vocabulary_[w] for w in ("stale", "plot", "actors", "charming")]]
        assert len(torch.unique(strange, dim=0)) == 4
        assert 0.03 * WORD_STD < strange.std() < 0.3 * WORD_STD
    assert torch.equal(
        after["embedding.weight"][n_words:], after["label_embedding.weight"][n_words:]
    )
    for name in before.keys() - {"embedding.weight", "label_embedding.weight"}:
        old, new = before[name], after[name]
        # Whatever else has a row a word has grown too.
        assert torch.equal(new[: len(old)] if old.dim() else new, old), name


@pytest.mark.parametrize("options", [{}, {"encoder": "bilstm", "max_epochs": 2}])
def test_rows_that_an_update_does_not_touch_stay(options):
    model = mtle(**options).fit(BOOKS, BOOK_OPINIONS, task="books")
    before, old_words = weights_of(model), model.vocabulary_.words
    # A copy has no optimiser, whose moments would move every row a little further.
    model = copy.deepcopy(model)
    model.partial_fit(FILMS, FILM_MOODS, task="films")
    after = weights_of(model)
    read = set(" ".join(FILMS).split())
    assert read & set(old_words)
    # What no label was trained with means in labels what it means in texts.
    names = {word for task in model.tasks_.values() for some in task.label_words for word in some}
    follow = (read - names) | {"dreary", "charming"}
    for table, touched in (("embedding", read), ("label_embedding", follow)):
        for i, word in enumerate(["", "", *old_words]):
            same = torch.equal(after[f"{table}.weight"][i], before[f"{table}.weight"][i])
            assert same == (word not in touched), (table, word)
    assert not torch.equal(after["matcher.text.weight"], before["matcher.text.weight"])


def test_new_words_without_vectors_are_no_reason_to_warn():
    vectors = vectors_for("good", "bad", "the")
    model = mtle(vectors=vectors).fit(BOOKS, BOOK_OPINIONS, task="books")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(["a typpo", "good"], ["neg", "pos"], task="books")
    assert "typpo" in model.vocabulary_


def test_vectors_are_scaled_to_the_spread_of_other_words():
    """Also where they have much in common, as published ones do."""
    random = np.random.default_rng(0)
    common = 5 * random.standard_normal(8)
    words = [*FILLERS, *OPINIONS["neg"], *OPINIONS["pos"]]
    vectors = {word: common + random.standard_normal(8) for word in words}
    model = mtle(vectors=vectors, learning_rate=1e-30, max_epochs=1).fit(BOOKS, BOOK_OPINIONS)
    rows = rows_of(model, *words)
    assert 0.7 * WORD_STD < rows.std() < 1.4 * WORD_STD


@pytest.mark.parametrize("vectors", [np.zeros((2, 4)), np.ones((2, 4)), np.zeros((2, 1))])
def test_vectors_without_any_spread(vectors):
    """They have no scale to speak of; at least nothing breaks."""
    given = dict(zip(["good", "bad"], vectors, strict=True))
    model = mtle(vectors=given).fit(BOOKS, BOOK_OPINIONS)
    assert np.isfinite(model.decision_function(UNSEEN)).all()


@pytest.mark.parametrize("options", [{}, {"encoder": "bilstm", "learning_rate": 0.02}])
def test_a_new_task_is_learnt_by_repeated_updates(options):
    model = mtle(**options).fit(BOOKS, BOOK_OPINIONS, task="books")
    losses = []
    for _ in range(8):
        model.partial_fit(LETTERS, LETTER_TOPICS, task="letters")
        losses.append(model.history_[-1]["train_loss"])
    assert losses[-1] < 0.5 * losses[0]
    assert model.score(LETTERS, LETTER_TOPICS, task="letters") > 0.9
    assert list(model.tasks_) == ["books", "letters"]
    assert model.tasks_["letters"].trained


def test_an_update_of_several_tasks_at_once():
    model = mtle().fit(BOOKS, BOOK_OPINIONS, task="books")
    X, y = [*DVDS, *LETTERS], np.array([*DVD_OPINIONS, *LETTER_TOPICS])
    names = ["books"] * 24 + ["letters"] * 30
    for _ in range(8):
        model.partial_fit(X, y, task=names)
    assert list(model.tasks_) == ["books", "letters"]
    assert model.score(X, y, task=names) > 0.9


@pytest.mark.parametrize("new", ["words", "task", "nothing"])
def test_an_update_that_fails_leaves_the_model_as_it_was(new):
    model = copy.deepcopy(fitted())
    before, tasks, words = scores(model), model.tasks_, model.vocabulary_.words
    interrupt = Interrupt(2)
    update = {
        "words": (FILMS * 3, np.tile(FILM_MOODS, 3), "films"),
        "task": (DVDS, DVD_OPINIONS, "dvd"),
        "nothing": (DVDS, DVD_OPINIONS, "books"),
    }[new]
    model.set_params(net_params={"callbacks": [interrupt]})
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(*update[:2], task=update[2])
    assert interrupt.seen_ == 2
    assert model.tasks_ is tasks
    assert model.vocabulary_.words == words
    assert_same_scores(model, before)


def test_the_history_has_no_half_epochs():
    model = mtle(max_epochs=2).fit(BOOKS, BOOK_OPINIONS)
    model.set_params(net_params={"callbacks": [Interrupt(2)]})
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(BOOKS, BOOK_OPINIONS)
    model.set_params(net_params=None)
    assert model.n_iter_ == 2
    model.partial_fit(BOOKS, BOOK_OPINIONS)
    assert model.n_iter_ == 3
    assert [row["epoch"] for row in model.history_] == [1, 2, 3]
    assert all("train_loss" in row for row in model.history_)


def test_updates_that_are_refused_change_nothing():
    model = copy.deepcopy(fitted())
    before = scores(model)
    for X, y, task, message in [
        (DVDS, ["fair"] * 24, "books", "classes that this model does not know: 'fair'"),
        (DVDS, ["pos"] * 24, "films", "only one class: 'pos'"),
        (MAILS, MAIL_TOPICS.iloc[:, :2], "mail", "y has 2 labels, but this model knows 3"),
        (DVDS, DVD_OPINIONS, "mail", "fitted on a multi-label indicator"),
        (MAILS, MAIL_TOPICS, "books", "fitted on 1-D classes"),
        (DVDS, DVD_OPINIONS[:-1], "films", "inconsistent numbers of samples"),
        ([None], ["pos"], "films", "missing value"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            model.partial_fit(X, y, task=task)
        assert list(model.tasks_) == list(ALL_KINDS)
        assert_same_scores(model, before)


def test_a_first_partial_fit_with_a_task_and_its_classes():
    model = mtle().partial_fit(
        LETTERS[:2], LETTER_TOPICS[:2], classes=["time", "staff", "money"], task="letters"
    )
    assert list(model.tasks_) == ["letters"]
    assert model.classes_.tolist() == ["money", "staff", "time"]
    assert model.n_iter_ == 1
    model.partial_fit(LETTERS, LETTER_TOPICS, task="letters")
    # The classes may be said again, but must be the same; those of new tasks come beside them.
    model.partial_fit(
        [*LETTERS[:3], "good"],
        [*LETTER_TOPICS[:3], "pos"],
        classes={"letters": list(TOPICS), "books": ["neg", "pos"]},
        task=["letters"] * 3 + ["books"],
    )
    assert model.tasks_["books"].classes.tolist() == ["neg", "pos"]
    with pytest.raises(ValueError, match=r"differs from the classes of the first call"):
        model.partial_fit(LETTERS, LETTER_TOPICS, classes=["time", "money"], task="letters")
    with pytest.raises(ValueError, match="only one class: 'pos'"):
        mtle().partial_fit(["good"], ["pos"], task="books")


def test_an_update_obeys_weights_of_samples():
    model = mtle().fit(SEARCH_X, SEARCH_Y, task=SEARCH_T)
    # Half of the samples are wrong, and count for nothing.
    X, names = np.array([*DVDS, *DVDS]), ["dvd", "books"] * 24
    y = np.array([*DVD_OPINIONS, *np.where(DVD_OPINIONS == "pos", "neg", "pos")])
    for _ in range(3):
        model.partial_fit(X, y, sample_weight=np.repeat([1, 0], 24), task=names)
    assert model.score(DVDS, DVD_OPINIONS, task="dvd") > 0.9
    assert model.score(DVDS, DVD_OPINIONS, task="books") > 0.9


# -- Zero Update: add_task -------------------------------------------------------------------------

DESCRIBED = {"neg": "bad awful poor", "pos": "good great lovely"}


@functools.cache
def described(encoder="mean"):
    """Opinions and topics, with label texts of several words; not to be changed."""
    slow = {} if encoder == "mean" else {"learning_rate": 0.03}
    texts = {"books": DESCRIBED, "letters": {name: " ".join(TOPICS[name][:2]) for name in TOPICS}}
    return mtle(encoder=encoder, label_texts=texts, max_epochs=12, **slow).fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "letters": (LETTERS, LETTER_TOPICS)}
    )


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
@pytest.mark.parametrize("batch_size", ["auto", 8])
def test_a_new_task_changes_nothing_for_the_old_ones(encoder, batch_size):
    model = mtle(encoder=encoder, batch_size=batch_size, max_epochs=2).fit_tasks(ALL_KINDS)
    X = [*UNSEEN, *MAILS]
    before = {task: model.predict_proba(X, task=task) for task in model.tasks_}
    tables, n_words = weights_of(model), len(model.vocabulary_)
    history = model.history_
    many = [f"w{i}" for i in range(300)]
    # More labels than all others, and many words.
    texts = [f"good {word} entirely new" for word in many]
    model.add_task("wide", many, texts, multilabel=True)
    model.add_task("sets", ["a", "b"], {"a": "cash", "b": "late"}, multilabel=True)
    for task, proba in before.items():
        np.testing.assert_array_equal(model.predict_proba(X, task=task), proba, err_msg=task)
        for text in X[:4]:
            alone = model.predict_proba([text], task=task)
            close(alone[0], proba[X.index(text)], scale=1, dtype=np.float32)
    for name, old in tables.items():
        new = weights_of(model)[name]
        assert torch.equal(new[:n_words] if new.dim() and len(new) != len(old) else new, old), name
    assert len(model.vocabulary_) == n_words + 302
    assert model.history_ == history
    assert list(model.tasks_)[5:] == ["wide", "sets"]
    assert not model.tasks_["wide"].trained
    assert model.predict_proba(X, task="wide").shape == (len(X), 300)


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
@pytest.mark.parametrize("form", ["list", "dict"])
def test_a_task_without_samples_is_answered_from_its_words(encoder, form):
    model = copy.deepcopy(described(encoder))
    # A list goes by the order in which the classes were given, though they will be sorted.
    classes, texts = ["up", "down"], ["good great", "awful"]
    model.add_task(
        "dvd", classes, texts if form == "list" else dict(zip(classes, texts, strict=True))
    )
    assert model.tasks_["dvd"].classes.tolist() == ["down", "up"]
    assert model.tasks_["dvd"].label_texts == ["awful", "good great"]
    truth = np.where(DVD_OPINIONS == "pos", "up", "down")
    assert model.score(DVDS, truth, task="dvd") > 0.7
    # Swapped texts swap the answers.
    model.add_task("swapped", classes, texts[::-1])
    close(
        model.predict_proba(DVDS, task="swapped"),
        model.predict_proba(DVDS, task="dvd")[:, ::-1],
        dtype=np.float32,
    )


def test_labels_of_two_tasks_may_be_mixed_in_a_third():
    model = copy.deepcopy(described())
    model.add_task(
        "sets",
        ["praise", "delay", "blame"],
        ["good great lovely", "late delayed", "bad awful poor"],
        multilabel=True,
    )
    task = model.tasks_["sets"]
    assert task.label_names.tolist() == ["praise", "delay", "blame"]
    assert task.classes.tolist() == [[0, 1]] * 3
    assert task.thresholds.tolist() == [0.5] * 3
    assert task.min_labels == 0
    proba = model.predict_proba([*DVDS, *LETTERS], task="sets")
    opinions, late = proba[:24, [2, 0]], LETTER_TOPICS == "time"
    assert np.mean(opinions.argmax(axis=1) == (DVD_OPINIONS == "pos")) > 0.9
    assert proba[24:][late, 1].mean() > proba[24:][~late, 1].mean() + 0.2
    predicted = model.predict(DVDS, task="sets")
    np.testing.assert_array_equal(predicted, (proba[:24] >= 0.5).astype(int))


def test_the_names_of_classes_are_their_texts_by_default():
    model = copy.deepcopy(described())
    model.add_task("dvd", ["good", "bad"])
    assert model.tasks_["dvd"].label_texts == ["bad", "good"]
    expected = copy.deepcopy(described()).add_task("dvd", ["good", "bad"], ["good", "bad"])
    assert_same_scores(model, scores(expected))
    truth = np.where(DVD_OPINIONS == "pos", "good", "bad")
    assert model.score(DVDS, truth, task="dvd") > 0.8
    model.add_task("sets", ["good", "bad"], multilabel=True)
    assert model.tasks_["sets"].label_texts == ["good", "bad"]


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, pl.Series])
def test_forms_of_classes_and_sentences_as_texts(form):
    sentences = ["It was a good, great and lovely parcel.", "Bad and awful, my order!"]
    model = copy.deepcopy(described()).add_task("dvd", form([5, 2]), sentences)
    task = model.tasks_["dvd"]
    assert task.classes.tolist() == [2, 5]
    assert task.label_texts == sentences[::-1]
    words = ["it", "was", "a", "good", ",", "great", "and", "lovely", "parcel", "."]
    assert task.label_words[1] == words
    truth = np.where(DVD_OPINIONS == "pos", 5, 2)
    assert model.score(DVDS, truth, task="dvd") > 0.85


def test_labels_without_a_known_word_are_named():
    model = copy.deepcopy(described())
    with pytest.warns(UserWarning, match="No word") as record:
        model.add_task("x", ["a", "b", "c"], ["good xyzzy", "plugh", "frobnicate gnusto"])
    assert len(record) == 1
    message = str(record[0].message)
    assert message.startswith("No word of labels 'b', 'c' is known, neither from training nor")
    assert "task 'x'" in message
    assert record[0].filename == __file__
    # The words have been seen once, which teaches nothing about them.
    with pytest.warns(UserWarning, match="No word of label 1 is known"):
        model.add_task("y", [0, 1], ["good", "plugh"])
    with pytest.warns(UserWarning, match=r"No word of labels .* and 2 more is known"):
        model.add_task("z", list("abcdefg"), [f"plugh{c}" for c in "abcdefg"])
    with pytest.warns(UserWarning, match="No word of label 'a' is known"):
        model.add_task("no words", ["a", "b"], ["", "good"])
    assert np.isfinite(model.decision_function(UNSEEN, task="no words")).all()


def test_a_word_of_a_trained_label_is_known_though_no_text_has_it():
    texts = {"neg": "thumbsdown", "pos": "thumbsup"}
    model = mtle(label_texts=texts, max_epochs=12).fit(BOOKS, BOOK_OPINIONS, task="books")
    assert "thumbsup" in model.vocabulary_
    model.add_task("dvd", ["down", "up"], ["thumbsdown", "thumbsup"])
    np.testing.assert_array_equal(
        model.decision_function(DVDS, task="dvd"), model.decision_function(DVDS, task="books")
    )
    # Once the task of unknown words is trained, they are known.
    with pytest.warns(UserWarning, match="No word of labels 'x', 'y' is known"):
        model.add_task("new", ["x", "y"], ["xyzzy", "plugh"])
    model.partial_fit(DVDS, np.where(DVD_OPINIONS == "pos", "x", "y"), task="new")
    model.add_task("newer", ["p", "q"], ["plugh", "xyzzy"])


def test_a_word_of_the_vectors_is_known():
    vectors = vectors_for("good", "bad", "the", "splendid", "dire")
    model = mtle(vectors=vectors).fit(BOOKS, BOOK_OPINIONS, task="books")
    model.add_task("dvd", ["up", "down"], ["splendid", "dire"])
    network = model.net_.module_
    expected = (vectors["splendid"] - network.vector_mean[:6].numpy()) * float(network.vector_scale)
    for table in ("embedding", "label_embedding"):
        row = rows_of(model, "splendid", table=table)[0, :6].numpy()
        close(row, expected, dtype=np.float32)
    with pytest.warns(UserWarning, match="No word") as record:
        model.add_task("x", ["up", "down"], ["splendid", "xyzzy"])
    assert [str(w.message)[:34] for w in record] == ["No word of label 'down' is known, "]
    # Vectors of the same direction, a synonym, give the same answers.
    vectors["superb"] = vectors["splendid"]
    model.set_params(vectors=vectors).add_task("y", ["up", "down"], ["superb", "dire"])
    proba = model.predict_proba(UNSEEN, task="y")
    np.testing.assert_allclose(proba, model.predict_proba(UNSEEN, task="dvd"), atol=0.2)


def test_a_full_stop_is_no_word():
    """A sentence of which nothing but the punctuation is known is not known."""
    model = mtle(max_epochs=1).fit([f"{text}, so." for text in BOOKS], BOOK_OPINIONS)
    with pytest.warns(UserWarning, match="No word of label 'b' is known"):
        model.add_task("x", ["a", "b"], ["Good.", "Xyzzy, plugh."])


def test_many_classes_are_no_regression():
    many = [f"w{i}" for i in range(50)]
    model = copy.deepcopy(described()).add_task("wide", many, [f"good {word}" for word in many])
    assert model.predict_proba(UNSEEN, task="wide").shape == (16, 50)


def test_labels_of_the_same_words_are_named():
    model = copy.deepcopy(described())
    with pytest.warns(UserWarning, match="same words") as record:
        model.add_task("x", ["a", "b", "c"], ["good lovely", "Lovely  good", "bad"])
    assert len(record) == 1
    assert str(record[0].message).startswith(
        "labels 'a', 'b' of task 'x' have the same words (good lovely) and cannot be told apart"
    )
    logits = model.decision_function(UNSEEN, task="x")
    close(logits[:, 0], logits[:, 1], scale=20)


def test_a_warning_that_is_an_error_leaves_the_model_as_it_was():
    model = copy.deepcopy(described())
    before, n_words = scores(model), len(model.vocabulary_)
    with pytest.raises(UserWarning, match="No word"):
        model.add_task("x", ["a", "b"], ["xyzzy", "plugh"])
    assert list(model.tasks_) == ["books", "letters"]
    assert len(model.vocabulary_) == n_words
    assert_same_scores(model, before)


BAD_ADDITIONS = {
    "taken": (("books", ["a", "b"], ["good", "bad"]), {}, ValueError, "is a task 'books' already"),
    "one class": (("x", ["a"], ["good"]), {}, ValueError, r"classes must list two.*got \['a'\]"),
    "no label": (("x", [], []), {"multilabel": True}, ValueError, "classes must list the labels"),
    "a text": (("x", "ab", ["good", "bad"]), {}, ValueError, "classes must list two.*got 'ab'"),
    "twice": (("x", ["a", "b", "a"], ["x", "y", "z"]), {}, ValueError, "classes names 'a' twice"),
    "few texts": (("x", ["a", "b"], ["good"]), {}, ValueError, "each of the 2 classes.*1 entries"),
    "numbers": (("x", ["a", "b"], [1, 2]), {}, ValueError, "one string for each of the 2 classes"),
    "no key": (("x", ["a", "b"], {"a": "good"}), {}, ValueError, "no text for 1 of 2 labels.*'b'"),
    "numbers only": (("x", [1, 2]), {}, ValueError, r"^The classes of task 'x' are not text.*say"),
    "None": (("x", ["a", "b"], None), {}, (TypeError, ValueError), "label_texts"),
    "other text": (("x", ["a", "b"], "good"), {}, (TypeError, ValueError), "label_texts.*'auto'"),
    "float name": (
        (1.5, ["a", "b"], ["x", "y"]),
        {},
        TypeError,
        "name is 1.5 .*text or an integer",
    ),
    "no name": ((None, ["a", "b"], ["x", "y"]), {}, TypeError, "name is None.*text or an integer"),
    "list name": ((["x"], ["a", "b"], ["x", "y"]), {}, TypeError, "name is .*text or an integer"),
    "mixed": (
        ("x", ["a", 1], ["good", "bad"]),
        {},
        ValueError,
        "mixes classes of type int and str",
    ),
}


@pytest.mark.parametrize("bad", BAD_ADDITIONS)
def test_bad_tasks_are_not_added(bad):
    arguments, options, error, message = BAD_ADDITIONS[bad]
    model = copy.deepcopy(described())
    before = scores(model)
    with pytest.raises(error, match=message):
        model.add_task(*arguments, **options)
    assert list(model.tasks_) == ["books", "letters"]
    assert_same_scores(model, before)


def test_a_task_is_added_to_fitted_models_only():
    with pytest.raises(NotFittedError):
        mtle().add_task("x", ["a", "b"], ["good", "bad"])


@pytest.mark.parametrize("multilabel", [False, True])
def test_an_added_task_may_be_trained(multilabel):
    model = copy.deepcopy(described())
    X, y = (MAILS, MAIL_TOPICS.to_numpy()) if multilabel else (LETTERS, LETTER_TOPICS)
    # Wrong on purpose, and two labels the same, which samples can tell apart.
    with pytest.warns(UserWarning, match="same words"):
        model.add_task("t", list(TOPICS), ["late", "late", "rude"], multilabel=multilabel)
    assert model.score(X, y, task="t") < 0.6
    for _ in range(15):
        model.partial_fit(X, y, task="t")
    assert model.tasks_["t"].trained
    assert list(model.tasks_) == ["books", "letters", "t"]
    assert model.score(X, y, task="t") > 0.9


def test_an_added_task_may_be_trained_without_new_words():
    model = copy.deepcopy(described()).add_task("dvd", ["up", "down"], ["good", "bad"])
    truth = np.where(DVD_OPINIONS == "pos", "down", "up")  # the other way round
    before = model.score(DVDS, truth, task="dvd")
    for _ in range(25):
        model.partial_fit(DVDS, truth, task="dvd")
    assert before < 0.5
    assert model.score(DVDS, truth, task="dvd") > 0.8


@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_thresholds_of_added_tasks(threshold):
    model = mtle(threshold=threshold).fit(BOOKS, BOOK_OPINIONS)
    model.add_task("x", ["a", "b"], ["good", "bad"], multilabel=True)
    assert model.tasks_["x"].thresholds.tolist() == [threshold] * 2
    expected = model.predict_proba(UNSEEN, task="x") >= threshold
    np.testing.assert_array_equal(model.predict(UNSEEN, task="x"), expected)


# -- Cold Update, and warm_start -------------------------------------------------------------------


@pytest.mark.parametrize("way", ["fit", "fit_tasks"])
def test_a_new_fit_forgets_everything(way):
    model = copy.deepcopy(described()).add_task("dvd", ["up", "down"], ["good", "bad"])
    expected = mtle().set_params(**model.get_params())
    model.set_params(label_texts="auto")
    expected.set_params(label_texts="auto")
    for one in (model, expected):
        if way == "fit":
            one.fit(MAILS, MAIL_TOPICS, task="mail")
        else:
            one.fit_tasks({"mail": (MAILS, MAIL_TOPICS)})
    assert list(model.tasks_) == ["mail"]
    assert model.vocabulary_ == expected.vocabulary_
    assert_same_scores(model, scores(expected))


@pytest.mark.parametrize("way", ["fit", "fit_tasks"])
def test_warm_start_keeps_the_other_tasks(way):
    model = copy.deepcopy(described()).set_params(warm_start=True)
    model.add_task("dvd", ["up", "down"], ["good", "bad"])
    model.set_params(label_texts="auto", max_epochs=15)
    if way == "fit":
        model.fit(
            [*MAILS, *LETTERS], [*LETTER_TOPICS, *LETTER_TOPICS[:6], *LETTER_TOPICS], task="t"
        )
        model.fit(LETTERS, LETTER_TOPICS, task="letters")
    else:
        model.fit_tasks({"mail": (MAILS, MAIL_TOPICS), "letters": (LETTERS, LETTER_TOPICS)})
        assert model.score(MAILS, MAIL_TOPICS, task="mail") > 0.9
    assert list(model.tasks_) == ["books", "letters", "dvd", "t" if way == "fit" else "mail"]
    assert model.tasks_["letters"].label_texts == ["refund cash", "rude shouted", "late delayed"]
    assert model.tasks_["dvd"].trained is False
    assert model.score(LETTERS, LETTER_TOPICS, task="letters") > 0.9
    assert model.score(BOOKS, BOOK_OPINIONS, task="books") > 0.7
    with pytest.raises(ValueError, match="4 tasks: say which one is meant"):
        model.fit(BOOKS, BOOK_OPINIONS)


# -- the matchers, and padding ---------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
def test_the_printed_matcher_has_one_answer_for_all_texts(encoder):
    model = mtle(matcher="concat", encoder=encoder, max_epochs=4)
    model.fit_tasks({"letters": (LETTERS, LETTER_TOPICS), "mail": (MAILS, MAIL_TOPICS)})
    X = [*LETTERS, *UNSEEN]
    assert len(set(model.predict(X, task="letters"))) == 1
    ranking = np.argsort(model.decision_function(X, task="mail"), axis=1)
    assert len(np.unique(ranking, axis=0)) == 1
    # The scores themselves do depend on the text.
    assert len(np.unique(model.decision_function(X, task="mail")[:, 0])) > 20


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
@pytest.mark.parametrize("matcher", ["cosine", "bilinear", "mlp"])
def test_the_other_matchers_learn_the_same_texts(encoder, matcher):
    model = mtle(matcher=matcher, encoder=encoder, max_epochs=12, learning_rate=0.03)
    model.fit_tasks({"letters": (LETTERS, LETTER_TOPICS), "mail": (MAILS, MAIL_TOPICS)})
    assert model.score(LETTERS, LETTER_TOPICS, task="letters") > 0.95
    assert np.mean(model.predict(MAILS, task="mail") == MAIL_TOPICS).mean() > 0.85


@pytest.mark.parametrize("random_state", [0, 1, 2])
@pytest.mark.parametrize("matcher", ["cosine", "bilinear"])
def test_an_unknown_word_does_not_decide(random_state, matcher):
    """Nor in a model that never saw one in training, whose vector for it is random."""
    model = mtle(max_epochs=15, random_state=random_state, matcher=matcher)
    model.fit(BOOKS, BOOK_OPINIONS)
    assert model.score(DVDS, DVD_OPINIONS) > 0.9
    assert model.score([f"{text} xyzzy" for text in DVDS], DVD_OPINIONS) > 0.8


def test_a_new_word_of_every_text_does_not_decide():
    model = mtle(max_epochs=20).fit(BOOKS, BOOK_OPINIONS)
    X = [f"{text} xyzzy" for text in DVDS]
    model.partial_fit(X, DVD_OPINIONS)
    assert model.score(X, DVD_OPINIONS) > 0.9


@pytest.mark.parametrize(
    ("encoder", "pooling"),
    [("mean", "max"), *itertools.product(["bilstm"], ["last", "max", "mean"])],
)
@pytest.mark.parametrize("matcher", ["cosine", "mlp"])
def test_a_text_alone_and_among_others(encoder, pooling, matcher):
    model = mtle(encoder=encoder, pooling=pooling, matcher=matcher, max_epochs=1)
    model.fit_tasks({"letters": (LETTERS, LETTER_TOPICS), "mail": (MAILS, MAIL_TOPICS)})
    for task in ("letters", "mail"):
        together = model.predict_proba(UNSEEN, task=task)
        logits = model.decision_function(UNSEEN, task=task)
        assert len(np.unique(together.round(5), axis=0)) > 8
        for row, text in enumerate(UNSEEN):
            for X, place in (([text], 0), (["late " * 70, text], 1), ([text, "", "rude"], 0)):
                proba = model.predict_proba(X, task=task)[place]
                close(proba, together[row], scale=1, dtype=np.float32)
                found = model.decision_function(X, task=task)[place]
                close(found, logits[row], scale=20)


# -- copies, and models that were saved ------------------------------------------------------------


def everything(encoder="mean"):
    """A model with tasks of all kinds, two of which were added."""
    model = copy.deepcopy(fitted(encoder))
    model.add_task("added", ["up", "down"], ["good", "bad"])
    model.add_task(-3, ["late", "rude"], ["late", "rude"], multilabel=True)
    return model


def dumped_with_joblib(model, path):
    joblib.dump(model, path / "model.joblib")
    return joblib.load(path / "model.joblib")


def saved_and_loaded(model, path):
    save(model, path / "model", overwrite=True)
    return load(path / "model")


COPIES = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "joblib": dumped_with_joblib,
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "saved": saved_and_loaded,
    "saved twice": lambda model, path: saved_and_loaded(saved_and_loaded(model, path), path),
}


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
@pytest.mark.parametrize("way", COPIES)
def test_copies_answer_alike(way, encoder, tmp_path):
    model = everything(encoder)
    other = COPIES[way](model, tmp_path)
    assert list(other.tasks_) == ["books", 7, "mail", "letters", "sparse", "added", -3]
    for (name, task), mine in zip(other.tasks_.items(), model.tasks_.values(), strict=True):
        assert type(name) is type(task.name)
        assert task.trained == mine.trained
        assert task.label_texts == mine.label_texts
        assert task.label_words == mine.label_words
        assert task.min_labels == mine.min_labels
    assert_same_scores(other, scores(model))
    for name in model.tasks_:
        mine, theirs = (one.predict(UNSEEN, task=name) for one in (model, other))
        assert type(mine) is type(theirs)
        if sp.issparse(mine):
            mine, theirs = mine.toarray(), theirs.toarray()
        np.testing.assert_array_equal(theirs, mine)
    assert model.explain(["good"], task="mail")[0].contributions.tolist() == (
        other.explain(["good"], task="mail")[0].contributions.tolist()
    )


@pytest.mark.parametrize("way", COPIES)
def test_copies_go_on_alike_and_apart(way, tmp_path):
    # What is loaded has another optimiser than the model that was saved, so both are copies.
    model = everything()
    before = scores(model)
    results = []
    for _ in range(2):
        other = COPIES[way](model, tmp_path)
        other.add_task("later", ["a", "b"], ["good", "late"])
        assert_same_scores(other, before)
        other.partial_fit(FILMS, FILM_MOODS, task="films")
        other.partial_fit(DVDS, np.where(DVD_OPINIONS == "pos", "up", "down"), task="added")
        other.partial_fit(MAILS, MAIL_TOPICS, task="mail")
        results.append(scores(other))
    assert list(results[0]) == [*model.tasks_, "later", "films"]
    for task, value in results[0].items():
        np.testing.assert_array_equal(results[1][task], value)
        assert task not in before or not np.array_equal(value, before[task])
    assert_same_scores(model, before)


def test_a_loaded_model_takes_up_training_where_it_was(tmp_path):
    model = everything()
    other = saved_and_loaded(model, tmp_path)
    # A model with a new task gets a new optimiser, loaded or not.
    for one in (model, other):
        one.partial_fit(FILMS, FILM_MOODS, task="films")
    assert_same_scores(other, scores(model))


def test_class_weights_of_tasks_survive_saving(tmp_path):
    model = mtle(class_weight={"pos": 3.0, "late": 2.0, "time": 5.0})
    y = MAIL_TOPICS.set_axis(["money", "staff", "late"], axis=1)
    model.fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "mail": (MAILS, y), "l": ALL_KINDS["letters"]}
    )
    other = saved_and_loaded(model, tmp_path)
    for one in (model, other):
        found = [loss.class_weight.tolist() for loss in one.net_.criterion_.losses]
        assert found == [[1, 3], [1, 1, 2], [1, 1, 5]]
    assert_same_scores(other, scores(model))


def without_tasks(parts):
    parts["tasks"] = {}


def with_a_strange_word(parts):
    text = json.dumps(parts["tasks"])
    assert '"good"' in text
    parts["tasks"] = json.loads(text.replace('"good"', '"good-for-nothing"'))


def with_another_name(parts):
    text = json.dumps(parts["tasks"])
    changed = text.replace('"added"', '"changed"', 1)
    assert changed != text
    parts["tasks"] = json.loads(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_tasks, "there are no tasks"),
        (with_a_strange_word, "task 'added' has label words that the vocabulary does not have"),
        (with_another_name, r"tasks\['\w+'\] is no task of that name"),
        (lambda parts: parts.pop("tasks"), "no entry"),
    ],
)
def test_damaged_tasks_are_refused(change, message, tmp_path):
    save(everything(), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text())
    change(description["model"])
    path.write_text(json.dumps(description))
    with pytest.raises(ValueError, match=f"do not make a MTLEClassifier: {message}"):
        load(tmp_path / "model")


# -- labels with and without texts -----------------------------------------------------------------


@pytest.mark.parametrize(
    "label_texts",
    [
        pytest.param(None, id="none"),
        pytest.param(["late", "late", "late"], id="all the same"),
        pytest.param(["late", "rude late", "late rude"], id="the same words"),
        pytest.param(["late", "late late", "late late late"], id="the same word again and again"),
        pytest.param([" ", "", "\t"], id="without a token"),
        pytest.param(["", "late", "late"], id="of all kinds"),
    ],
)
@pytest.mark.parametrize("target", ["classes", "labels"])
def test_labels_that_their_texts_do_not_tell_apart(label_texts, target):
    X, y = (LETTERS, LETTER_TOPICS) if target == "classes" else (MAILS, MAIL_TOPICS.to_numpy())
    model = mtle(label_texts=label_texts, max_epochs=60).fit(X, y)
    assert model.score(X, y) > 0.9
    assert len({tuple(sorted(words)) for words in model.tasks_["default"].label_words}) == 3


def test_labels_without_texts_of_several_tasks_do_not_share_words():
    model = mtle(max_epochs=12, label_texts=None).fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "reversed": (BOOKS, np.array(BOOK_OPINIONS)[::-1])}
    )
    words = [set(map(tuple, task.label_words)) for task in model.tasks_.values()]
    assert words[0].isdisjoint(words[1])


def test_labels_of_the_same_text_share_their_words_across_tasks():
    model = mtle().fit_tasks({"books": (BOOKS, BOOK_OPINIONS), "dvd": (DVDS, DVD_OPINIONS)})
    np.testing.assert_array_equal(
        model.decision_function(UNSEEN, task="books"), model.decision_function(UNSEEN, task="dvd")
    )


@pytest.mark.parametrize("min_labels", [0, 1, 2, "auto"])
def test_min_labels(min_labels):
    y = MAIL_TOPICS.to_numpy().copy()
    y[:, 0] |= y.sum(axis=1) == 0
    tasks = {"some": (MAILS, y), "none": (MAILS, MAIL_TOPICS), "books": (BOOKS, BOOK_OPINIONS)}
    model = mtle(min_labels=min_labels, threshold=0.99, max_epochs=2).fit_tasks(tasks)
    expected = {"some": 1, "none": 0} if min_labels == "auto" else dict.fromkeys(tasks, min_labels)
    for task, fewest in expected.items():
        assert model.tasks_[task].min_labels == fewest
        if task != "books":
            found = np.asarray(model.predict(UNSEEN, task=task)).sum(axis=1).min()
            assert found == fewest


def test_outputs_have_the_form_of_the_targets():
    X = pd.Series(UNSEEN, index=range(200, 216))
    model = fitted()
    predicted = model.predict(X, task="mail")
    assert list(predicted.index) == list(range(200, 216))
    np.testing.assert_array_equal(predicted, model.predict(UNSEEN, task=["mail"] * 16))
    polars = mtle(max_epochs=1).fit_tasks(
        {"a": (MAILS, pl.DataFrame(MAIL_TOPICS.to_dict("list"))), "b": (BOOKS, BOOK_OPINIONS)}
    )
    found = polars.predict(pl.Series(UNSEEN), task="a")
    assert isinstance(found, pl.DataFrame)
    assert found.columns == list(TOPICS)


# -- what was found by reading ---------------------------------------------------------------------


def test_rare_words_with_a_vector_get_a_row():
    vectors = vectors_for("good", "bad", "the", "once")
    texts = [*BOOKS, "once", "onlyhere"] + ["the"] * 100
    y = [*BOOK_OPINIONS, "pos", "neg"] + ["pos", "neg"] * 50
    model = mtle(vectors=vectors, min_df=2, max_epochs=1).fit(texts, y)
    assert "once" in model.vocabulary_
    assert "onlyhere" not in model.vocabulary_
    assert "once" not in mtle(min_df=2, max_epochs=1).fit(texts, y).vocabulary_
    capped = mtle(vectors=vectors, min_df=2, max_epochs=1, max_features=5).fit(texts, y)
    assert "once" not in capped.vocabulary_


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_classes_of_a_task_are_refused(missing):
    y = np.array(BOOK_OPINIONS, dtype=object)
    y[3] = missing
    task = np.repeat(["a", "b"], len(y) // 2)
    with pytest.raises(ValueError, match="Task 'a': y contains a missing value in row 3"):
        mtle().fit(BOOKS, y, task=task)


def test_parameters_set_after_the_fit_do_not_change_old_tasks_in_add_task():
    model = mtle(encoder="bilstm", pooling="max").fit(BOOKS, BOOK_OPINIONS, task="books")
    before = model.predict_proba(UNSEEN, task="books")
    model.set_params(pooling="last", dropout=0.5).add_task("new", ["good", "bad"])
    np.testing.assert_array_equal(model.predict_proba(UNSEEN, task="books"), before)


def test_another_matcher_cannot_go_on():
    model = mtle(matcher="cosine", warm_start=True).fit(BOOKS, BOOK_OPINIONS)
    model.set_params(matcher="bilinear")
    with pytest.raises(ValueError, match="Cannot go on from the previous fit: only one of the two"):
        model.partial_fit(BOOKS, BOOK_OPINIONS)
    with pytest.raises(ValueError, match="Cannot go on from the previous fit"):
        model.fit(BOOKS, BOOK_OPINIONS)


def test_the_history_goes_on_where_new_words_come():
    model = mtle(max_epochs=3).fit(BOOKS, BOOK_OPINIONS)
    model.partial_fit([*BOOKS, "word never seen"], [*BOOK_OPINIONS, "pos"])
    assert (len(model.history_), model.n_iter_) == (4, 4)


def test_thresholds_of_the_wrong_kind_are_refused():
    model = mtle().fit(BOOKS, BOOK_OPINIONS)
    with pytest.raises(ValueError, match="thresholds_ must hold one number for each of the 2"):
        model.thresholds_ = [0.5, 0.5]
    model = mtle().fit(MAILS, MAIL_TOPICS)
    with pytest.raises(ValueError, match=r"3 labels of a label set, got shape \(2,\)"):
        model.thresholds_ = [0.5, 0.5]


def test_what_no_one_can_mean_is_refused():
    with pytest.raises(ValueError, match="classes names tasks that there are no samples of"):
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


def test_label_sets_start_from_how_frequent_labels_are():
    model = mtle(learning_rate=1e-30, max_epochs=1, matcher="cosine").fit(MAILS, MAIL_TOPICS)
    share = (MAIL_TOPICS.to_numpy().sum() + 1) / (MAIL_TOPICS.size + 2)
    bias = model.net_.module_.matcher.bias.item()
    assert bias == pytest.approx(np.log(share / (1 - share)), abs=0.2)
