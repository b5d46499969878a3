"""Zero Update: add_task."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.exceptions import NotFittedError

from ..tolerances import close
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
    TOPICS,
    UNSEEN,
    assert_same_scores,
    described,
    mtle,
    rows_of,
    scores,
    vectors_for,
    weights_of,
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


def test_parameters_set_after_the_fit_do_not_change_old_tasks_in_add_task():
    model = mtle(encoder="bilstm", pooling="max").fit(BOOKS, BOOK_OPINIONS, task="books")
    before = model.predict_proba(UNSEEN, task="books")
    model.set_params(pooling="last", dropout=0.5).add_task("new", ["good", "bad"])
    np.testing.assert_array_equal(model.predict_proba(UNSEEN, task="books"), before)


@pytest.mark.parametrize(
    ("labels", "means"), [(["👍", "👎"], True), (["🎉", "💤"], False), (["...", "!?"], False)]
)
def test_emoji_are_words(labels, means):
    texts = ["good 👍 ...", "bad 👎 !?"] * 20
    model = mtle().fit_tasks({"t": (texts, ["p", "n"] * 20)})
    if means:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.add_task("e", labels)
    else:
        with pytest.warns(UserWarning, match=r"No word of labels .* is known"):
            model.add_task("e", labels)
