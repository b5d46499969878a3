"""MTLE with the mean encoder in NumPy: the logits of `sklabelemb.mtle.network`.

Shapes: ``b`` texts, ``C`` labels of the task, ``P`` dimensions of texts, labels and words, ``k`` of
the matcher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from sklabelemb.serving.layers import relu, unit_rows
from sklabelemb.text import TokenIds

__all__ = ["MTLENetwork"]

# Numbers that the MLP matcher keeps at a time.
BLOCK = 1 << 22


class MTLENetwork:
    """The forward pass of an MTLE whose texts are means of word vectors.

    Parameters
    ----------
    options : dict
        What the torch module was made with.
    weights : dict of str to float32 ndarray
        Its weights, by their names there.
    """

    def __init__(self, options: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
        self.matcher: str = options["matcher"]
        self.label_words: list[list[list[int]]] = options["label_words"]
        multilabel = options["multilabel"]
        n_tasks = len(self.label_words)
        self.multilabel = [multilabel] * n_tasks if isinstance(multilabel, bool) else multilabel
        self.weights = weights

    @property
    def numbers_per_word(self) -> int:
        """How many numbers a word of a text needs while logits are computed."""
        return int(self.weights["embedding.weight"].shape[1])

    def __call__(self, texts: TokenIds, task: int = 0) -> np.ndarray:
        """Logits, float32 of shape (b, C)."""
        match: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
            "mlp": self._mlp,
            "bilinear": self._bilinear,
            "cosine": self._cosine,
            "concat": self._concat,
        }
        scores = match[self.matcher](self.text_vectors(texts), self.label_vectors(task))
        if self.matcher == "concat" and not self.multilabel[task]:
            return expit(scores)
        return scores

    def text_vectors(self, texts: TokenIds) -> np.ndarray:
        """X of each text, the weighted mean of its word vectors, shape (b, P)."""
        size = self.weights["embedding.weight"].shape[1]
        vectors = np.zeros((len(texts), size), dtype=np.float32)
        some = np.flatnonzero(texts.lengths)
        if len(some):
            own = texts.take(some)
            weight = np.exp(self.weights["log_weight.weight"][own.ids])
            weighted = weight * self.weights["embedding.weight"][own.ids]
            starts = own.offsets[:-1]
            total = np.maximum(np.add.reduceat(weight, starts), np.float32(1e-6))
            vectors[some] = np.add.reduceat(weighted, starts) / total
        return vectors

    def label_vectors(self, task: int) -> np.ndarray:
        """Y of each label of a task, the mean of its words' vectors, shape (C, P)."""
        table = self.weights["label_embedding.weight"]
        labels = self.label_words[task]
        vectors = np.zeros((len(labels), table.shape[1]), dtype=np.float32)
        for label, words in enumerate(labels):
            if words:
                vectors[label] = table[words].mean(axis=0)
        return vectors

    def _weight(self, name: str) -> np.ndarray:
        return self.weights[f"matcher.{name}"]

    def _concat(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        on_text, on_label = np.split(self._weight("neuron.weight")[0], [X.shape[1]])
        return (X @ on_text)[:, None] + self._weight("neuron.bias") + Y @ on_label

    def _bilinear(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        prior = Y @ self._weight("prior.weight")[0] + self._weight("prior.bias")
        return X @ self._weight("product.weight").T @ Y.T + prior

    def _cosine(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        text = unit_rows(X @ self._weight("text.weight").T, 1e-6)
        label = unit_rows(Y @ self._weight("label.weight").T, 1e-6)
        return np.exp(self._weight("log_scale")) * (text @ label.T) + self._weight("bias")

    def _mlp(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        X, Y = X @ self._weight("text.weight").T, Y @ self._weight("label.weight").T
        on_text, on_label, on_product = np.split(self._weight("hidden.weight"), 3, axis=1)
        from_text = X @ on_text.T + self._weight("hidden.bias")
        from_label = Y @ on_label.T
        output, bias = self._weight("output.weight")[0], self._weight("output.bias")
        scores = np.empty((len(X), len(Y)), dtype=np.float32)
        rows = max(1, BLOCK // max(1, Y.size))
        for start in range(0, len(X), rows):
            some = slice(start, start + rows)
            on_pair = (X[some, None] * Y) @ on_product.T
            hidden = relu(on_pair + from_text[some, None] + from_label)
            scores[some] = hidden @ output + bias
        return scores
