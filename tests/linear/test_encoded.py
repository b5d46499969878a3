"""The encoder path: how much its n-grams count."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.linear import EncoderPath
from sklabelemb.text import Tokenizer, Vocabulary

WORDS = ["parcel", "courier", "refund", "money", "clerk", "manager", "doorstep", "bank", "depot"]


def path_of(n_texts, min_words=2):
    """A path that has learnt texts of random words."""
    random = np.random.default_rng(0)
    texts = [f"the {' '.join(random.choice(WORDS, min_words))} x{i}" for i in range(n_texts)]
    vocabulary, ids = Vocabulary.build(texts, Tokenizer())
    vectors = random.normal(size=(n_texts, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = ids.with_vectors(vectors)
    return EncoderPath.fit(ids, np.arange(n_texts) % 2, vocabulary, 2), ids, vocabulary


@pytest.mark.parametrize(("n_texts", "length"), [(2, 0.2), (4, 0.3), (16, 0.48), (96, 0.576)])
def test_n_grams_are_the_longer_the_more_texts_tell_what_they_mean(n_texts, length):
    path, ids, vocabulary = path_of(n_texts)
    vectors, ngrams = path._features(ids, vocabulary)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(ngrams.multiply(ngrams).sum(axis=1)), length, rtol=1e-4)


def test_later_texts_change_nothing_about_it():
    path, ids, vocabulary = path_of(4)
    later = path.updated(ids.take(np.arange(2)), np.array([0, 1]), vocabulary)
    assert later._length == path._length
