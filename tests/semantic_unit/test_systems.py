"""SGM and the other systems: their networks in the beam, their training, their presets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklabelemb import load, save
from sklabelemb.semantic_unit import PAPER_SETTINGS, PRESETS
from sklabelemb.semantic_unit.decoding import beam_search

from ..tolerances import close
from . import test_decoding as beams_of
from .test_classifier import CLASS_TEXTS, CLASSES, FRAME, TEXTS, UNSEEN, fitted, units
from .test_network import padded, random_network, texts_of

SYSTEMS = {
    "global": {"label_input": "global", "attention": "words"},
    "transformer": {"architecture": "transformer", "attention": "words", "n_heads": 2},
}
# Post-norm transformers learn by small steps.
LEARNT = {"max_epochs": 12}, {"max_epochs": 25, "learning_rate": 0.01}
SYSTEMS["both"] = {**SYSTEMS["transformer"], "label_input": "global", "n_layers": 2}


# -- the beam --------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_wide_beam_is_exhaustive_search(system):
    network = beams_of.random_network(3, 2, **SYSTEMS[system])
    texts = beams_of.texts_of(beams_of.LENGTHS, 2)
    width = beams_of.n_sequences(3)
    beams = beam_search(network, beams_of.padded(texts), width)
    beams_of.assert_valid(beams, 3)
    for row, text in enumerate(texts):
        exact = beams_of.literal_sequences(beams_of.log_probs_of(network, text), 3, 0, 3)
        wanted = sorted(((s, labels) for labels, s in exact.items()), key=lambda one: -one[0])
        beams_of.assert_same_list(beams_of.sequences(beams, row), wanted)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("beam_size", [1, 2, 4])
def test_a_narrow_beam_is_that_of_plain_python(system, beam_size):
    """What a hypothesis has read goes with it when the beam puts hypotheses in another order."""
    # Unsure of itself, and long sequences, so that hypotheses overtake one another.
    network = beams_of.random_network(5, 3, 2.0, **SYSTEMS[system])
    texts = beams_of.texts_of([5, 0, 1, 14], 3)
    beams = beam_search(network, beams_of.padded(texts), beam_size, 3)
    for row, text in enumerate(texts):
        log_probs = beams_of.log_probs_of(network, text)
        wanted = beams_of.literal_beam(log_probs, 5, beam_size, 3, 5)
        beams_of.assert_same_list(beams_of.sequences(beams, row), wanted)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_text_alone_and_in_any_batch(system):
    network = beams_of.random_network(5, 4, 4.0, **SYSTEMS[system])
    texts = beams_of.texts_of([5, 0, 1, 14, 30, 13, 0, 7], 4)
    together = beam_search(network, beams_of.padded(texts, extra=5), 3)
    for row, text in enumerate(texts):
        alone = beam_search(network, beams_of.padded([text]), 3)
        wanted = beams_of.sequences(alone, 0)
        beams_of.assert_same_list(beams_of.sequences(together, row), wanted)
        found = together.marginals()[row], alone.marginals()[0]
        close(*found, scale=1, dtype=np.float32)


# -- the classifier --------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
def test_it_learns_is_saved_and_explains(system, tmp_path):
    model = fitted(**SYSTEMS[system], **LEARNT["architecture" in SYSTEMS[system]])
    assert model.score(TEXTS, FRAME) > 0.6
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(UNSEEN), model.predict_proba(UNSEEN))
    [explanation] = loaded.explain(["the driver shouted and my order was late"])
    n_steps = len(explanation.sequence.labels) + 1
    assert explanation.word_attention.shape == (n_steps, 8)
    close(explanation.word_attention.sum(axis=1), np.ones(n_steps), dtype=np.float32)


@pytest.mark.parametrize("system", SYSTEMS)
def test_single_classes(system):
    how = LEARNT["architecture" in SYSTEMS[system]]
    model = fitted(target="classes", **SYSTEMS[system], **how)
    assert model.score(CLASS_TEXTS, CLASSES) > 0.8


@pytest.mark.parametrize("system", SYSTEMS)
def test_it_trains_in_bfloat16(system):
    model = units(**SYSTEMS[system], mixed_precision=True, max_epochs=2, learning_rate=0.01)
    losses = [row["train_loss"] for row in model.fit(TEXTS, FRAME).history_]
    assert losses[1] < losses[0]
    model.partial_fit(TEXTS, FRAME)
    assert np.isfinite(model.predict_proba(UNSEEN)).all()


def test_sgm_reads_the_label_alone_before_there_is_a_distribution():
    options = {"attention": "words", "n_layers": 1}
    network = random_network(**options, label_input="global")
    plain = random_network(**options)
    plain.load_state_dict(network.state_dict(), strict=False)
    ids, labels = padded(texts_of([5, 3])), torch.tensor([[1, 0], [2, 3]])
    found, other = network(ids, labels), plain(ids, labels)
    close(found[:, 0], other[:, 0])
    assert not torch.allclose(found[:, 1], other[:, 1])


def test_a_transformer_says_which_attention_it_has():
    with pytest.raises(ValueError, match=r"attention='hybrid' says\. Use attention='words'"):
        units(architecture="transformer").fit(TEXTS, FRAME)
    with pytest.raises(ValueError, match="hidden_size=16 must be even and a multiple of n_heads=3"):
        units(**SYSTEMS["transformer"] | {"n_heads": 3}).fit(TEXTS, FRAME)


def test_step_after_step_nothing_of_what_comes_later_is_seen():
    network = random_network(**SYSTEMS["transformer"], n_layers=2)
    ids, labels = padded(texts_of([5, 0, 9])), torch.tensor([[0, 1, 2], [3, 2, 0], [1, 0, 3]])
    whole = network(ids, labels)
    for n in range(4):
        close(network(ids, labels[:, :n]), whole[:, : n + 1])


# -- presets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_parameters_that_fit(name):
    """At their own options, with the sizes of a test."""
    small = {"embedding_dim": 8, "hidden_size": 16, "n_layers": 1, "max_epochs": 1}
    model = units(**{**PRESETS[name], **small}).fit(TEXTS, FRAME)
    assert model.predict(UNSEEN).shape == (len(UNSEEN), 4)
    own = {key for key, value in PRESETS[name].items() if PAPER_SETTINGS.get(key) != value}
    distinctive = {"SGM": "label_input", "Seq2Set": "objective", "OCD": "objective"}
    assert distinctive.get(name, "architecture") in own
