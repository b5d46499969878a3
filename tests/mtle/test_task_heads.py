"""An output layer for each task: the classifier with ``heads="task"``, and the presets."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch

from sklabelemb import load, save, serving
from sklabelemb.mtle import MTLE, PRESETS, MTLEClassifier, MultiTaskNetwork
from sklabelemb.mtle.task_network import ENCODERS, OF_TASKS

from ..tolerances import close
from .small import (
    ALL_KINDS,
    BOOK_OPINIONS,
    BOOKS,
    FILM_MOODS,
    FILMS,
    LETTER_TOPICS,
    LETTERS,
    MAIL_TOPICS,
    MAILS,
    UNSEEN,
    assert_same_scores,
    mtle,
    scores,
    vectors_for,
    weights_of,
)

TINY = {"embedding_dim": 8, "hidden_size": 6, "n_segments": 3, "segment_size": 4}


def small(**parameters):
    return mtle(**{"heads": "task", **TINY, "learning_rate": 0.03, **parameters})


@pytest.mark.parametrize("name", PRESETS)
def test_each_system_learns_all_kinds_of_tasks(name):
    model = small(**PRESETS[name] | TINY, max_epochs=15).fit_tasks(ALL_KINDS)
    assert isinstance(model.net_.module_, MultiTaskNetwork)
    assert model.score(BOOKS, BOOK_OPINIONS, task="books") > 0.9
    assert model.score(MAILS, MAIL_TOPICS, task="mail") > 0.7
    assert [len(head.output.bias) for head in model.net_.module_.heads] == [
        task.targets.n_labels for task in model.tasks_.values()
    ]


def test_presets_say_what_a_system_is():
    assert list(PRESETS) == ["MT-DNN", "MT-CNN", "MT-RNN", "DSM"]
    assert {preset["encoder"] for preset in PRESETS.values()} == set(OF_TASKS)
    assert {preset["heads"] for preset in PRESETS.values()} == {"task"}
    parameters = MTLEClassifier().get_params()
    assert all(set(preset) <= set(parameters) for preset in PRESETS.values())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_texts_of_labels_are_not_read(encoder):
    plain = small(encoder=encoder, max_epochs=1).fit_tasks(ALL_KINDS)
    texts = {"books": ["nothing", "of the kind"]}
    told = small(encoder=encoder, max_epochs=1, label_texts=texts).fit_tasks(ALL_KINDS)
    assert_same_scores(told, scores(plain))
    assert "kind" not in told.vocabulary_
    assert not any(task.label_words for task in told.tasks_.values())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_new_task_gets_a_head_and_leaves_the_others_alone(encoder):
    model = small(encoder=encoder, max_epochs=2).fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "mail": (MAILS, MAIL_TOPICS)}
    )
    before = weights_of(model)
    # So slow that nothing moves: what is there is what training would have started from.
    slow = copy.deepcopy(model).set_params(learning_rate=1e-30)
    slow.partial_fit(LETTERS, LETTER_TOPICS, task="letters")
    after = weights_of(slow)
    for name, old in before.items():
        new = after[name]
        assert torch.equal(new[: len(old)] if old.dim() else new, old), name
    assert {name.split(".")[1] for name in after.keys() - before.keys()} == {"2"}
    losses = []
    for _ in range(12):
        model.partial_fit(LETTERS, LETTER_TOPICS, task="letters")
        losses.append(model.history_[-1]["train_loss"])
    assert losses[-1] < losses[0]
    assert model.tasks_["letters"].trained
    after = weights_of(model)
    heads = [name for name in before if name.startswith("heads.")]
    assert heads
    assert all(torch.equal(after[name], before[name]) for name in heads)
    shared = "embedding.weight"
    assert not torch.equal(after[shared][: len(before[shared])], before[shared])


def test_moments_of_the_optimiser_stay_with_their_tasks():
    def moments(name):
        parameter = model.net_.module_.get_parameter(name)
        [state] = [p.state[parameter] for p in model.net_.optimizer_.parts if parameter in p.state]
        return state["exp_avg"].clone()

    model = small(encoder="dnn", max_epochs=2).fit(BOOKS, BOOK_OPINIONS, task="books")
    before = moments("heads.0.output.weight")
    model.partial_fit(LETTERS, LETTER_TOPICS, task="letters")
    assert torch.equal(moments("heads.0.output.weight"), before)
    new = moments("heads.1.output.weight")
    assert new.any()
    model.partial_fit(BOOKS, BOOK_OPINIONS, task="books")
    assert not torch.equal(moments("heads.0.output.weight"), before)
    assert torch.equal(moments("heads.1.output.weight"), new)


def test_warm_start_keeps_the_heads_of_tasks():
    model = small(encoder="cnn", warm_start=True).fit(BOOKS, BOOK_OPINIONS, task="books")
    head = weights_of(model)["heads.0.output.weight"]
    model.fit(LETTERS, LETTER_TOPICS, task="letters")
    assert list(model.tasks_) == ["books", "letters"]
    assert torch.equal(weights_of(model)["heads.0.output.weight"], head)
    model.set_params(encoder="dnn")
    with pytest.raises(ValueError, match="Cannot go on from the previous fit"):
        model.fit(LETTERS, LETTER_TOPICS, task="letters")
    model.set_params(encoder="bilstm", heads="label")
    with pytest.raises(ValueError, match="Cannot go on from the previous fit"):
        model.fit(LETTERS, LETTER_TOPICS, task="letters")


def test_heads_cannot_come_to_a_model_that_has_none():
    model = mtle().fit(BOOKS, BOOK_OPINIONS)
    assert type(model.net_.module_) is MTLE
    with pytest.raises(ValueError, match=r"had heads='label', with heads='task'\. Keep the former"):
        model.set_params(heads="task").partial_fit(BOOKS, BOOK_OPINIONS)


def test_what_has_no_sample_is_refused():
    model = small(encoder="mean").fit(BOOKS, BOOK_OPINIONS)
    before = scores(model)
    with pytest.raises(ValueError, match=r"each task has an output layer.*so a task cannot be"):
        model.add_task("films", ["good", "bad"])
    with pytest.raises(ValueError, match=r"so labels cannot be added.*to partial_fit"):
        model.add_labels(["fair"])
    # What was fitted counts, not a parameter set since.
    with pytest.raises(ValueError, match="fit with heads='label'"):
        model.set_params(heads="label").add_task("films", ["good", "bad"])
    assert_same_scores(model, before)
    with pytest.raises(ValueError, match="heads='task' reads no texts of labels"):
        small(encoder="mean").fit_labels(["good", "bad"])


@pytest.mark.parametrize("encoder", OF_TASKS)
def test_encoders_with_layers_of_tasks_need_heads_of_tasks(encoder):
    message = f"encoder='{encoder}' has layers that belong to a task.*Pass heads='task'"
    with pytest.raises(ValueError, match=message):
        mtle(encoder=encoder).fit(BOOKS, BOOK_OPINIONS)


def test_pretrained_encoders_need_texts_of_labels():
    class Encoder:
        def encode(self, texts):
            return np.ones((len(texts), 3))

    for encoder in ("owner/name", Encoder()):
        with pytest.raises(ValueError, match=r"A pretrained encoder.*pass heads='label'"):
            small(encoder=encoder).fit(BOOKS, BOOK_OPINIONS)


@pytest.mark.parametrize("change", [{"heads": "both"}, {"window_size": 0}, {"n_segments": 0}])
def test_parameters_are_validated(change):
    with pytest.raises(ValueError, match=f"The '{next(iter(change))}' parameter of MTLEClassifier"):
        mtle(**change).fit(BOOKS, BOOK_OPINIONS)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_saved_models_predict_the_same_and_go_on(encoder, tmp_path):
    model = small(encoder=encoder, max_epochs=2).fit_tasks(ALL_KINDS)
    model.partial_fit(FILMS, FILM_MOODS, task="films")
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert_same_scores(loaded, scores(model))
    with pytest.raises(ValueError, match="heads='task'"):
        loaded.add_task("x", ["a", "b"])
    loaded.partial_fit(FILMS, FILM_MOODS, task="another")
    assert list(loaded.tasks_) == [*model.tasks_, "another"]
    with pytest.raises(TypeError, match=r"MTLEClassifier.*output layer for each task"):
        serving.load(tmp_path / "model")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_explanations(encoder):
    model = small(encoder=encoder, max_epochs=4).fit_tasks(ALL_KINDS)
    text = "a good parcel and strange"
    explanation = model.explain([text], task="books")[0]
    assert explanation.contributions.shape == (5, 2)
    logits = model.decision_function([text], task="books")[0]
    if encoder == "mean":
        bias = weights_of(model)["heads.0.output.bias"].numpy()
        total = explanation.contributions.sum(axis=0) + bias
        close(total[1] - total[0], logits, scale=10, dtype=np.float32)
    else:
        without = model.decision_function(["a parcel and strange"], task="books")[0]
        lost = explanation.contributions[1, 1] - explanation.contributions[1, 0]
        close(lost, logits - without, scale=10, dtype=np.float32)


def test_words_start_from_vectors_in_the_one_table():
    vectors = vectors_for("good", "bad", "the")
    model = small(encoder="dnn", vectors=vectors, learning_rate=1e-30).fit(BOOKS, BOOK_OPINIONS)
    rows = weights_of(model)["embedding.weight"][
        [model.vocabulary_[word] for word in ("good", "bad", "the")], :6
    ].numpy()
    given = np.array([vectors[word] for word in ("good", "bad", "the")])
    scale = float(weights_of(model)["vector_scale"])
    close(np.diff(rows, axis=0), scale * np.diff(given, axis=0), scale=10, dtype=np.float32)


def test_labels_start_as_frequent_as_they_are():
    model = small(encoder="dnn", learning_rate=1e-30).fit(MAILS, MAIL_TOPICS)
    frequency = (MAIL_TOPICS.to_numpy().sum(axis=0) + 0.5) / (len(MAIL_TOPICS) + 1)
    bias = weights_of(model)["heads.0.output.bias"].numpy()
    close(bias, np.log(frequency / (1 - frequency)), dtype=np.float32)


def test_a_plain_fit_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(**PRESETS["DSM"] | TINY).fit(BOOKS, BOOK_OPINIONS)
    assert model.predict(UNSEEN).shape == (len(UNSEEN),)
