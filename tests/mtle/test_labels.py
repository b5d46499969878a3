"""Labels with texts and without, words, and answers."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest

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
    fitted,
    mtle,
    vectors_for,
)


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
    pace = {"max_epochs": 60} if target == "labels" else {"max_epochs": 25, "learning_rate": 0.1}
    model = mtle(label_texts=label_texts, **pace).fit(X, y)
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
        for row in (0, 5, 9, 12, 13, 14, 15):
            text = UNSEEN[row]
            for X, place in (([text], 0), (["late " * 70, text], 1), ([text, "", "rude"], 0)):
                proba = model.predict_proba(X, task=task)[place]
                close(proba, together[row], scale=1, dtype=np.float32)
                found = model.decision_function(X, task=task)[place]
                close(found, logits[row], scale=20)


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


def test_label_sets_start_from_how_frequent_labels_are():
    model = mtle(learning_rate=1e-30, max_epochs=1, matcher="cosine").fit(MAILS, MAIL_TOPICS)
    share = (MAIL_TOPICS.to_numpy().sum() + 1) / (MAIL_TOPICS.size + 2)
    bias = model.net_.module_.matcher.bias.item()
    assert bias == pytest.approx(np.log(share / (1 - share)), abs=0.2)
