"""An encoder that knows what words mean, and texts of words that it knows."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Words of one meaning; to the encoder below they are alike.
MEANINGS = {
    "delivery": ["parcel", "courier", "shipment", "doorstep", "postman", "depot"],
    "refund": ["money", "cash", "reimburse", "payment", "bank", "charge"],
    "staff": ["rude", "clerk", "manager", "polite", "shouted", "counter"],
}
TEXTS_OF = {"delivery": "courier", "refund": "reimburse", "staff": "clerk"}
NAMES = list(MEANINGS)


class Meanings:
    """An encoder that knows what words mean, though no training text has them."""

    def __init__(self, noise=0.3):
        self.noise = noise

    def encode(self, texts):
        rows = []
        for text in texts:
            words = text.split()
            row = [sum(word in own for word in words) for own in MEANINGS.values()]
            random = np.random.default_rng(len(text))
            rows.append(np.r_[row, self.noise * random.normal(size=5)])
        found = np.array(rows, dtype=np.float64)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def texts_about(labels, words, seed):
    """Texts with one word for each of their labels, out of those at the positions `words`."""
    random = np.random.default_rng(seed)
    return [
        " ".join(
            ["the", *random.permutation([MEANINGS[n][random.choice(words)] for n in own]), "was"]
        )
        for own in labels
    ]


CLASSES = np.array(NAMES)[np.arange(12) % 3]
TEXTS = texts_about([[name] for name in CLASSES], [0, 1], seed=0)
# None of these words is in a training text.
UNSEEN = np.array(NAMES)[np.arange(30) % 3]
UNSEEN_TEXTS = texts_about([[name] for name in UNSEEN], [2, 3, 4, 5], seed=1)
SETS = pd.DataFrame((np.random.default_rng(3).random((40, 3)) < 0.5).astype(int), columns=NAMES)
SET_TEXTS = texts_about([[n for n in NAMES if row[n]] for _, row in SETS.iterrows()], [0, 1], 4)
