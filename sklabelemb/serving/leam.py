"""LEAM in NumPy: the logits of `sklabelemb.leam.network`, of many texts without padding.

Shapes: ``n`` words of all texts, ``b`` texts, ``u`` distinct words, ``P`` dimensions, ``K`` labels.
Equation numbers are those of Wang et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from sklabelemb.serving.layers import relu, unit_rows
from sklabelemb.text import TokenIds

__all__ = ["LEAMNetwork"]


class LEAMNetwork:
    """The forward pass of a LEAM.

    Parameters
    ----------
    options : dict
        What the torch module was made with.
    weights : dict of str to float32 ndarray
        Its weights, by their names there.
    """

    def __init__(self, options: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
        self.compatibility: str = options["compatibility"]
        self.attention: str = options["attention"]
        self.mixes_labels = self.compatibility == "phrase" and options["phrase_filter"] == "full"
        self.weights = weights

    @property
    def numbers_per_word(self) -> int:
        """How many numbers a word of a text needs while logits are computed."""
        return len(self.weights["output.bias"]) + self.weights["embedding.weight"].shape[1]

    def __call__(self, texts: TokenIds, task: int = 0) -> np.ndarray:
        """Logits, float32 of shape (b, K)."""
        logits = np.empty((len(texts), len(self.weights["output.bias"])), dtype=np.float32)
        empty = texts.lengths == 0
        logits[empty] = self._of_empty_texts()
        if not empty.all():
            logits[~empty] = self._logits(texts.take(np.flatnonzero(~empty)))
        return logits

    def _of_empty_texts(self) -> np.ndarray:
        """What the head makes of z = 0."""
        size = self.weights["embedding.weight"].shape[1]
        return self._head(np.zeros((1, size), dtype=np.float32))[0]

    def _logits(self, texts: TokenIds) -> np.ndarray:
        distinct, positions = np.unique(texts.ids, return_inverse=True)
        words = self.weights["embedding.weight"][distinct]
        starts = texts.offsets[:-1]
        if self.attention == "shared":
            beta = self._softmax(self._shared_scores(words, positions, texts.offsets), texts)
            logits = self._head(np.add.reduceat(beta * words[positions], starts))
        else:
            beta = self._softmax(self._label_scores(words, positions, texts.offsets), texts)
            logits = self._label_wise(beta, words, positions, texts.offsets)
        if "bag.weight" in self.weights:
            # The bag path: the sum of the word vectors over the root of their number.
            total = np.add.reduceat(words[positions], starts)
            root = np.sqrt(texts.lengths.astype(np.float32))[:, None]
            logits = logits + (total / root) @ self.weights["bag.weight"].T
        return logits

    def _label_scores(
        self, words: np.ndarray, positions: np.ndarray, offsets: np.ndarray
    ) -> np.ndarray:
        """Equations (2) and (3), shape (n, K); the same for all words where they count alike."""
        if self.compatibility == "uniform":
            return np.zeros((len(positions), 1), dtype=np.float32)
        cosines = unit_rows(words) @ unit_rows(self.weights["label_embedding"]).T
        scores = cosines[positions]
        if self.compatibility == "phrase":
            scores = relu(self._phrases(scores, offsets) + self.weights["filter_bias"])
        return np.exp(self.weights["log_scale"]) * scores

    def _shared_scores(
        self, words: np.ndarray, positions: np.ndarray, offsets: np.ndarray
    ) -> np.ndarray:
        """Equation (4): the best of the labels' scores, shape (n, 1)."""
        return self._label_scores(words, positions, offsets).max(axis=1, keepdims=True)

    def _phrases(self, scores: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Equation (3) before bias and ReLU: what lies beyond the ends of a text counts as 0."""
        weight = self.weights["filter_weight"]
        span = weight.shape[-1]
        radius = span // 2
        lengths = np.diff(offsets)
        # Zeros between the texts, so that no phrase reaches from one into the next.
        gaps = radius * (1 + np.repeat(np.arange(len(lengths)), lengths))
        places = np.arange(len(scores)) + gaps
        size = len(scores) + radius * (len(lengths) + 1)
        spread = np.zeros((size, scores.shape[1]), dtype=np.float32)
        spread[places] = scores
        found = np.zeros_like(scores)
        for step in range(span):
            neighbours = spread[places + step - radius]
            # One filter for all labels, or one that mixes labels.
            own = weight[..., step]
            found += neighbours @ own.T if self.mixes_labels else own * neighbours
        return found

    @staticmethod
    def _softmax(scores: np.ndarray, texts: TokenIds) -> np.ndarray:
        """Equation (5): over the words of each text."""
        starts, lengths = texts.offsets[:-1], texts.lengths
        highest = np.repeat(np.maximum.reduceat(scores, starts), lengths, axis=0)
        scores = np.exp(scores - highest)
        return scores / np.repeat(np.add.reduceat(scores, starts), lengths, axis=0)

    def _label_wise(
        self, beta: np.ndarray, words: np.ndarray, positions: np.ndarray, offsets: np.ndarray
    ) -> np.ndarray:
        """Equations (6) and (7) with one attention per label."""
        if "hidden.weight" not in self.weights:
            # <a_k, sum_l beta_kl v_l> = sum_l beta_kl <a_k, v_l>, once per distinct word.
            values = (words @ self.weights["output.weight"].T)[positions]
            return np.add.reduceat(beta * values, offsets[:-1]) + self.weights["output.bias"]
        n_labels = len(self.weights["output.bias"])
        logits = np.empty((len(offsets) - 1, n_labels), dtype=np.float32)
        for row, (start, stop) in enumerate(pairwise(offsets)):
            z = beta[start:stop].T @ words[positions[start:stop]]
            logits[row] = (self._hidden(z) * self.weights["output.weight"]).sum(axis=1)
        return logits + self.weights["output.bias"]

    def _hidden(self, z: np.ndarray) -> np.ndarray:
        if "hidden.weight" not in self.weights:
            return z
        return relu(z @ self.weights["hidden.weight"].T + self.weights["hidden.bias"])

    def _head(self, z: np.ndarray) -> np.ndarray:
        """Equation (7)."""
        return self._hidden(z) @ self.weights["output.weight"].T + self.weights["output.bias"]
