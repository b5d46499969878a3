"""The decoder of Vaswani et al. (2017), one label after the other: Seq2Seq_T."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from sklabelemb.layers import INNER, MultiHeadAttention, positional_encoding

__all__ = ["TransformerDecoder"]


class TransformerDecoder(nn.Module):
    """Layers that attend to the labels so far, and then to the words of the text.

    Parameters
    ----------
    n_inputs : int
        Dimensions of a label's vector.
    size : int
        H; even, and a multiple of `n_heads`.
    n_layers, n_heads : int
    dropout : float
        On what each part of a layer adds, and on the shares of attention.
    """

    def __init__(
        self, n_inputs: int, size: int, n_layers: int, n_heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Identity() if n_inputs == size else nn.Linear(n_inputs, size)
        self.layers = nn.ModuleList(DecoderLayer(size, n_heads, dropout) for _ in range(n_layers))

    def start(self, like: Tensor) -> Tensor:
        """The state before the first label, for texts of shape (b, s, H)."""
        return like.new_empty(len(self.layers), len(like), 0, self.size)

    def keys_of(self, states: Tensor) -> Tensor:
        """Keys and values of the words for all layers, (b, s, H) to (b, s, 2 H n_layers)."""
        layers: Any = self.layers
        return torch.cat([layer.words.key_value(states) for layer in layers], dim=2)

    def forward(
        self, labels: Tensor, state: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of k hypotheses a text.

        Parameters
        ----------
        labels : Tensor of shape (b * k, n_inputs)
            Vectors of what was emitted last.
        state : Tensor of shape (n_layers, b * k, t, H)
            What entered each layer at the steps before.
        keys : Tensor of shape (b, s, 2 H n_layers)
        mask : bool Tensor of shape (b, s)
            True where there is a word.

        Returns
        -------
        values : Tensor of shape (b, k, H)
        weights : Tensor of shape (b, k, s)
            Attention over the words in the last layer, the mean over its heads.
        state : Tensor of shape (n_layers, b * k, t + 1, H)
        """
        n_before = state.shape[2]
        values = self.enter(labels) * math.sqrt(self.size)
        values = values + positional_encoding(n_before + 1, self.size)[-1].to(values)
        entered = []
        of_layers = keys.chunk(len(self.layers), dim=2)
        for layer, before, of_words in zip(self.layers, state, of_layers, strict=True):
            entered.append(torch.cat([before, values.unsqueeze(1)], dim=1))
            values, weights = layer(values, entered[-1], of_words, mask)
        return values.reshape(len(mask), -1, self.size), weights, torch.stack(entered)


class DecoderLayer(nn.Module):
    """One layer, which normalises after it adds (section 3.1)."""

    def __init__(self, size: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.labels = MultiHeadAttention(size, n_heads, dropout)
        self.words = MultiHeadAttention(size, n_heads, dropout)
        self.inner = nn.Sequential(
            nn.Linear(size, INNER * size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(INNER * size, size),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: Tensor, labels: Tensor, of_words: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Values of shape (n, H), and attention over the words, (b, k, s), of n = b k hypotheses.

        `labels` (n, t, H) is what each may attend to, itself at the end; `of_words` (b, s, 2 H).
        """
        first, second, third = self.norms
        found, _ = self.labels(values.unsqueeze(1), self.labels.key_value(labels))
        values = first(values + self.dropout(found.squeeze(1)))
        found, weights = self.words(values.reshape(len(mask), -1, values.shape[1]), of_words, mask)
        values = second(values + self.dropout(found.flatten(0, 1)))
        return third(values + self.dropout(self.inner(values))), weights
