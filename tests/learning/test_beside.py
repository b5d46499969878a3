"""The linear models beside a network, where nothing tells how to mix them."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import LEAMClassifier
from sklabelemb.learning import beside
from sklabelemb.linear import path as wide_path

from ..encoders.meanings import Meanings

TEXT = "the same text"
TWO, THREE = np.array([0, 1, 1] * 20), np.array([0, 1, 1, 2, 2, 2] * 10)
SETS = np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]] * 10)


def probabilities_of_a_constant_text(y, **parameters):
    model = LEAMClassifier(
        validation_fraction=0, learning_rate=0.01, random_state=0, device="cpu", **parameters
    )
    return model.fit([TEXT] * 60, y).predict_proba([TEXT])[0]


@pytest.mark.parametrize("encoder", [None, Meanings(noise=1.0)])
@pytest.mark.parametrize("y", [TWO, THREE, SETS], ids=["two", "three", "sets"])
def test_the_frequency_of_a_label_counts_once(encoder, y):
    # With n-grams, an encoder path would need no other; without, there are two paths as well.
    parameters = {} if encoder is None else {"encoder": encoder, "wide": False}
    found = probabilities_of_a_constant_text(y, **parameters)
    expected = y.mean(axis=0) if y.ndim == 2 else np.bincount(y) / len(y)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_weights_of_samples_and_classes_change_frequencies():
    weight = np.where(TWO == 0, 4.0, 1.0)
    model = LEAMClassifier(validation_fraction=0, learning_rate=0.01, random_state=0, device="cpu")
    model.fit([TEXT] * 60, TWO, sample_weight=weight)
    np.testing.assert_allclose(model.predict_proba([TEXT])[0], [2 / 3, 1 / 3], atol=0.05)
    balanced = probabilities_of_a_constant_text(TWO, class_weight="balanced")
    np.testing.assert_allclose(balanced, [0.5, 0.5], atol=0.05)


SPOKEN = ["about copper and its price", "about rubber and its price", "what a day"]
WORDS = ["the mine opened", "the tree grew", "the shop closed"] * 12
NAMED = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]] * 12)


def named(y=NAMED, sample_weight=None, **parameters):
    """A model of labels of which only the names say what the spoken texts are about."""
    names = ["copper", "rubber", "tin"][: y.shape[1]]
    given = {"label_names": names, "validation_fraction": 0, "max_epochs": 2} | parameters
    model = LEAMClassifier(random_state=0, device="cpu", **given)
    return model.fit(WORDS, y, sample_weight=sample_weight)


def test_a_label_is_found_by_words_that_only_its_text_has():
    proba = named(NAMED[:, :2]).predict_proba(SPOKEN)
    assert proba[0, 0] > 1.5 * proba[2, 0]
    assert proba[1, 1] > 1.5 * proba[2, 1]
    unnamed = named(NAMED[:, :2], label_texts=None).predict_proba(SPOKEN)
    np.testing.assert_allclose(unnamed[0, 0], unnamed[2, 0], rtol=0.2)


@pytest.mark.filterwarnings("ignore:1 of 3 labels")
def test_a_label_that_never_occurs_is_known_by_its_text():
    proba = named().predict_proba(["tin, the price of tin", "what a day"])
    assert proba[0, 2] > 2 * proba[1, 2]


def test_a_class_that_never_occurs_does_not_compete():
    model = LEAMClassifier(random_state=0, device="cpu", label_texts=["copper", "tin", "rubber"])
    model.partial_fit(["mine", "tree"] * 20, ["copper", "rubber"] * 20, ["copper", "rubber", "tin"])
    weights = model.model_.own_task.linear.weights
    assert weights[:, 1].max() > 0.1
    assert weights[:, 2].max() <= 0


def test_the_text_of_a_label_weighs_as_the_average_text(monkeypatch):
    given = []
    descend = wide_path.descend

    def watched(*args, sample_weight, **kwargs):
        given.append(sample_weight)
        return descend(*args, sample_weight=sample_weight, **kwargs)

    monkeypatch.setattr(wide_path, "descend", watched)
    named(NAMED[:, :2], sample_weight=[0.0] * 12 + [2.0] * 12 + [4.0] * 12)
    [weight] = given
    # Texts without weight are as good as absent, and so they do not lower the average.
    assert len(weight) == 26
    np.testing.assert_allclose(weight[24:] / weight[0], [1.5, 1.5], rtol=1e-6)


def test_a_memory_keeps_linear_models_by_the_texts_of_labels(tmp_path):
    first = named(NAMED[:, :2], memory=tmp_path).predict_proba(SPOKEN)
    other = {"copper": "metal of mines", "rubber": "what trees give"}
    second = named(NAMED[:, :2], memory=tmp_path, label_texts=other).predict_proba(SPOKEN)
    assert abs(second - first).max() > 1e-2


@pytest.mark.parametrize("many", [False, True])
def test_weights_start_at_the_texts_of_labels(many, monkeypatch):
    """Features on demand have no room for label texts; there it is the start alone."""
    if many:
        monkeypatch.setattr(beside, "MANY_TOKENS", 50)
        monkeypatch.setattr(wide_path, "MANY_TOKENS", 50)
    starts, sizes = [], []
    trained = wide_path.WidePath.trained

    def watched(self, X, *args, **kwargs):
        starts.append(self)
        sizes.append(X.shape[0])
        return trained(self, X, *args, **kwargs)

    monkeypatch.setattr(wide_path.WidePath, "trained", watched)
    model = named(NAMED[:, :2], label_texts={"copper": "the mine", "rubber": "the tree"})
    [start] = starts
    assert sizes == [36 if many else 38]
    np.testing.assert_allclose(np.linalg.norm(start.weights, axis=0), [2.0, 2.0], rtol=1e-5)
    scores = start.scores(model.vocabulary_.encode(WORDS[:2], str.split), model.vocabulary_)
    assert (scores.argmax(axis=1) == [0, 1]).all()
