"""`DocumentClassifier`: presets, what its parameters ask for, and explanations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklabelemb import DocumentClassifier, load, save, serving
from sklabelemb.neural import PRESETS
from sklabelemb.neural.network import ENCODERS, POOLINGS

from ..tolerances import close

TEXTS = ["my parcel is late. really!", "my refund is due", "parcel late, refund due"] * 10
LABELS = np.array([[1, 0], [0, 1], [1, 1]] * 10)
SMALL = {"embedding_dim": 8, "hidden_size": 8, "hidden_layers": (), "max_epochs": 2}
SMALL |= {"device": "cpu", "random_state": 0}
MEANINGS = ["late parcel", "refund due unheard"]
NEW = ["is my parcel late", "", "unheard. of! words"]


def fitted(**parameters):
    model = DocumentClassifier(**{**SMALL, "label_texts": MEANINGS, **parameters})
    return model.fit(TEXTS, LABELS)


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_fits_and_comes_back_from_disk(name, tmp_path):
    model = fitted(**PRESETS[name] | SMALL)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(NEW), model.predict_proba(NEW))
    assert again.get_params() == model.get_params() | {"device": again.device}


def test_presets_use_every_encoder_but_one_and_every_pooling():
    assert set(ENCODERS) - {system["encoder"] for system in PRESETS.values()} == {"gru"}
    assert set(POOLINGS) == {system["pooling"] for system in PRESETS.values()}
    assert not any(system["wide"] for system in PRESETS.values())


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "max"},
        {"encoder": "bigru", "pooling": "label_wise"},
        {"encoder": "han", "pooling": "attention"},
        {"encoder": "words", "pooling": "mean"},
    ],
)
def test_contributions_and_a_constant_make_the_logit(options, wide):
    model = fitted(**options, wide=wide, validation_fraction=0)
    logits = model.decision_function(NEW)
    explanations = model.explain(NEW)
    # A text without words has the constant alone.
    for logit, explanation in zip(logits, explanations, strict=True):
        found = explanation.contributions.sum(axis=0) + logits[1]
        close(found, logit, scale=10, dtype=np.float32)
        if explanation.attention is not None and explanation.tokens:
            close(explanation.attention.sum(axis=0), np.ones(2), dtype=np.float32)


def test_elsewhere_contributions_are_what_a_word_is_missed_by():
    model = fitted(pooling="dynamic_max", encoder="lstm", validation_fraction=0)
    [explanation] = model.explain(["my parcel late"])
    without = model.decision_function(["my late"])
    expected = model.decision_function(["my parcel late"]) - without
    close(explanation.contributions[1], expected[0], scale=10, dtype=np.float32)
    assert explanation.attention is None


def test_descriptions_are_drawn_near():
    settings = {"pooling": "label_wise", "max_epochs": 8, "learning_rate": 0.02}

    def distance(penalty):
        model = fitted(**settings, description_penalty=penalty or 1e-9)
        network = model.net_.module_
        shares = LABELS[: len(LABELS)].mean(axis=0)
        assert abs(network.descriptions.label_share.numpy() - shares).max() < 0.1
        vectors = network.descriptions.vectors(network.embedding)
        return float((vectors - network.output.weight).detach().square().mean())

    assert distance(10.0) < distance(0.0) / 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pooling": "max"}, "needs pooling='label_wise' and no hidden_layers"),
        ({"hidden_layers": (4,)}, "needs pooling='label_wise' and no hidden_layers"),
        ({"label_texts": None}, "needs descriptions of the labels: pass label_texts"),
    ],
)
def test_a_penalty_without_descriptions_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        fitted(**{"pooling": "label_wise", "description_penalty": 1.0, **parameters})


@pytest.mark.parametrize("name", ["encoder", "pooling"])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DocumentClassifier must be"):
        fitted(**{name: "sum"})


@pytest.mark.parametrize("name", ["widths", "hidden_layers"])
@pytest.mark.parametrize("value", [[0], [2.5], ["3"], [True], [[2]]])
def test_sizes_are_whole_numbers(name, value):
    with pytest.raises(ValueError, match=rf"{name} must hold whole numbers of 1 or more, got "):
        fitted(**{name: value})


def test_filters_need_a_width():
    with pytest.raises(ValueError, match=r"widths is empty: give the filters one width at least"):
        fitted(widths=[])


def test_labels_of_lsan_start_from_their_texts():
    model = fitted(
        encoder="bilstm", pooling="label_specific", learning_rate=1e-12, validation_fraction=0
    )
    network, vocabulary = model.net_.module_, model.vocabulary_
    table = network.embedding.weight.detach()
    expected = table[torch.tensor([vocabulary["late"], vocabulary["parcel"]])].mean(dim=0)
    close(network.pooling.label_embedding[0], expected)


def test_vectors_start_the_words():
    vectors = {word: np.arange(8.0) * k for k, word in enumerate(["late", "parcel", "due"], 1)}
    model = fitted(vectors=vectors, learning_rate=1e-12)
    late, due = (
        model.net_.module_.embedding.weight[model.vocabulary_[word]].detach().numpy()
        for word in ("late", "due")
    )
    close(due, 3 * late)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_it_trains_in_mixed_precision(encoder):
    poolings = ["dynamic_max", "label_specific"] if encoder == "cnn" else ["attention"]
    for pooling in poolings:
        model = fitted(encoder=encoder, pooling=pooling, mixed_precision=True, max_epochs=1)
        assert np.isfinite(model.decision_function(NEW)).all()


def test_it_is_not_served_without_torch(tmp_path):
    save(fitted(), tmp_path / "model")
    message = "A DocumentClassifier is not served .*: an encoder of convolutions"
    with pytest.raises(TypeError, match=message):
        serving.load(tmp_path / "model")
