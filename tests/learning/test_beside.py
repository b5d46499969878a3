"""The linear models beside a network, where nothing tells how to mix them."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import LEAMClassifier

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
