"""Hot and Cold Update: partial_fit, and fits that go on or forget."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch

from sklabelemb.mtle.network import WORD_STD

from ..tolerances import close
from .small import (
    ALL_KINDS,
    BOOK_OPINIONS,
    BOOKS,
    DVD_OPINIONS,
    DVDS,
    FILLERS,
    FILM_MOODS,
    FILMS,
    LETTER_TOPICS,
    LETTERS,
    MAIL_TOPICS,
    MAILS,
    OPINIONS,
    SEARCH_T,
    SEARCH_X,
    SEARCH_Y,
    TOPICS,
    UNSEEN,
    Interrupt,
    assert_same_scores,
    described,
    fitted,
    mtle,
    rows_of,
    scores,
    vectors_for,
    weights_of,
)


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
        (MAILS, MAIL_TOPICS.iloc[:, :2], "mail", "The labels of y are not those of this model"),
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
