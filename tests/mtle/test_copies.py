"""Copies, and models that were saved."""

from __future__ import annotations

import copy
import json
import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb import load, save
from sklabelemb.persistence.files import digest_of

from .small import (
    ALL_KINDS,
    BOOK_OPINIONS,
    BOOKS,
    DVD_OPINIONS,
    DVDS,
    FILM_MOODS,
    FILMS,
    MAIL_TOPICS,
    MAILS,
    UNSEEN,
    assert_same_scores,
    fitted,
    mtle,
    scores,
)


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
    changed = text.replace('"name": "added"', '"name": "changed"', 1)
    assert changed != text
    parts["tasks"] = json.loads(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_tasks, "there are no tasks"),
        (with_a_strange_word, "task 'added' has label words that the vocabulary does not have"),
        (with_another_name, r"tasks\['\w+'\] is not a task of that name"),
        (lambda parts: parts.pop("tasks"), "no entry"),
    ],
)
def test_damaged_tasks_are_refused(change, message, tmp_path):
    save(everything(), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text())
    change(description["model"])
    description["digest"] = digest_of(description)
    path.write_text(json.dumps(description))
    with pytest.raises(ValueError, match=f"do not make a MTLEClassifier: {message}"):
        load(tmp_path / "model")
