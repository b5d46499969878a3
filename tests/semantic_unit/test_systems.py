"""SGM and the other systems: their networks in the beam, their training, their presets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklabelemb import load, save
from sklabelemb.semantic_unit.decoding import beam_search

from ..tolerances import close
from . import test_decoding as beams_of
from .test_classifier import CLASS_TEXTS, CLASSES, FRAME, TEXTS, UNSEEN, fitted
from .test_network import padded, random_network, texts_of

SYSTEMS = {"global": {"label_input": "global", "attention": "words"}}


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
    network = beams_of.random_network(5, 3, 6.0, **SYSTEMS[system])
    texts = beams_of.texts_of([5, 0, 1, 14, 3, 8], 3)
    beams = beam_search(network, beams_of.padded(texts), beam_size)
    for row, text in enumerate(texts):
        log_probs = beams_of.log_probs_of(network, text)
        wanted = beams_of.literal_beam(log_probs, 5, beam_size, 0, 5)
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
    model = fitted(**{"max_epochs": 12, **SYSTEMS[system]})
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
    model = fitted(target="classes", **{"max_epochs": 12, **SYSTEMS[system]})
    assert model.score(CLASS_TEXTS, CLASSES) > 0.8


def test_sgm_reads_the_label_alone_before_there_is_a_distribution():
    options = {"attention": "words", "n_layers": 1}
    network = random_network(**options, label_input="global")
    plain = random_network(**options)
    plain.load_state_dict(network.state_dict(), strict=False)
    ids, labels = padded(texts_of([5, 3])), torch.tensor([[1, 0], [2, 3]])
    found, other = network(ids, labels), plain(ids, labels)
    close(found[:, 0], other[:, 0])
    assert not torch.allclose(found[:, 1], other[:, 1])
