"""Small classifiers of all four kinds, and texts that they can learn."""

from __future__ import annotations

import functools

import numpy as np

from sklabelemb import (
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
)

TINY = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}
ENCODER = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 64}
SIZES = {"embedding_dim": 8, "hidden_size": 8}

# The wide path takes hundreds of steps, however few the texts are.
ALONE = {**TINY, "wide": False}

CLASSIFIERS = {
    "leam": lambda **p: LEAMClassifier(**{**ALONE, "embedding_dim": 8, **p}),
    "mtle": lambda **p: MTLEClassifier(**{**TINY, **SIZES, **p}),
    "semantic units": lambda **p: SemanticUnitSeq2SeqClassifier(**{**ALONE, **SIZES, **p}),
    "laco": lambda **p: LACOClassifier(**{**ALONE, "encoder": ENCODER, **p}),
}

WORDS = (("late", "delayed", "slow"), ("money", "refund", "cash"), ("rude", "angry", "shouted"))


def write(n, seed=0):
    """Texts and their label sets; each label has words of its own."""
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < 0.4).astype(np.int64)
    texts = [
        " ".join(["the parcel", *(random.choice(WORDS[k]) for k in np.flatnonzero(row))])
        for row in rows
    ]
    return texts, rows


TEXTS, LABELS = write(60)
UNSEEN, _ = write(20, seed=1)
CLASSES = np.array(["none", "late", "money", "rude"])[
    np.where(LABELS.any(axis=1), LABELS.argmax(axis=1) + 1, 0)
]


@functools.cache
def fitted(name):
    """A fitted classifier that tests look at or copy, and do not change.

    A copy has not the moments of the optimiser: tests of those fit one of their own.
    """
    return CLASSIFIERS[name]().fit(TEXTS, LABELS)
