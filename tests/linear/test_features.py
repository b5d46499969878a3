"""Features that are made whenever they are read: the same model in less memory."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import LEAMClassifier
from sklabelemb.linear import descent, features, path
from sklabelemb.text import Tokenizer, Vocabulary, token_ids

pytestmark = pytest.mark.whole_linear_path

TEXTS = [f"{kind} {i % 13} of order {i % 5}" for i in range(90) for kind in ("parcel", "refund")]
Y = np.tile([[1, 0], [0, 1]], (90, 1))


def fitted():
    return LEAMClassifier(max_epochs=1, random_state=0).fit(TEXTS, Y)


def test_features_on_demand_train_the_same_weights(monkeypatch):
    expected = fitted().wide_
    monkeypatch.setattr(path, "MANY_TOKENS", 10)
    monkeypatch.setattr(descent, "POOL", 200)
    made = []
    read = features.FeaturesOnDemand.read
    monkeypatch.setattr(
        features.FeaturesOnDemand, "read", lambda self: made.append(self.shape[0]) or read(self)
    )
    found = fitted().wide_
    assert max(made) <= 180
    assert len(made) > 4
    np.testing.assert_array_equal(found.weights, expected.weights)
    np.testing.assert_array_equal(found.bias, expected.bias)


def test_small_pools_change_nothing(monkeypatch):
    expected = fitted().wide_
    monkeypatch.setattr(descent, "POOL", 100)
    np.testing.assert_array_equal(fitted().wide_.weights, expected.weights)


@pytest.mark.parametrize("n_tokens", [1, 7, 100])
def test_blocks_of_tokens_change_nothing(monkeypatch, n_tokens):
    whole = Vocabulary.build(TEXTS, Tokenizer(), min_df=3, keep_unknown=True)
    expected = fitted()
    monkeypatch.setattr(token_ids, "TOKENS_A_BLOCK", n_tokens)
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), min_df=3, keep_unknown=True)
    assert vocabulary.words == whole[0].words
    np.testing.assert_array_equal(vocabulary.document_frequency, whole[0].document_frequency)
    np.testing.assert_array_equal(ids.ids, whole[1].ids)
    found = fitted()
    np.testing.assert_array_equal(found.wide_.words.keys, expected.wide_.words.keys)
    np.testing.assert_array_equal(found.wide_.words.idf, expected.wide_.words.idf)
    assert found.wide_.characters.groups == expected.wide_.characters.groups
    np.testing.assert_array_equal(found.predict_proba(TEXTS), expected.predict_proba(TEXTS))


def test_what_is_measured_on_some_texts(monkeypatch):
    monkeypatch.setattr(features, "SAMPLE", 50)
    monkeypatch.setattr(path, "MANY_TOKENS", 10)
    assert np.isfinite(fitted().wide_.weights).all()
