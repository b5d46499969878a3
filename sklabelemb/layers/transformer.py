"""The transformer of Vaswani et al. (2017): encoder layers, attention, positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["INNER", "MultiHeadAttention", "TransformerLayers", "positional_encoding"]

# How much wider the inner layer is than a state (section 3.3).
INNER = 4


class TransformerLayers(nn.Module):
    """The encoder's layers, from a random start.

    Word vectors of another size than the states go through a linear layer; sines and cosines of
    the place are added, and each layer normalises after it adds, as in the paper.

    Parameters
    ----------
    n_inputs : int
        Dimensions of the word vectors.
    size : int
        Of a state; even, and a multiple of `n_heads`.
    n_layers, n_heads : int
    dropout : float, default=0.1
        In every layer, as in section 5.4.
    """

    def __init__(
        self, n_inputs: int, size: int, n_layers: int, n_heads: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if size % n_heads or size % 2:
            raise ValueError(
                f"hidden_size={size} must be even and a multiple of n_heads={n_heads}, for the "
                "heads of a transformer share it."
            )
        self.size = size
        self.enter = nn.Identity() if n_inputs == size else nn.Linear(n_inputs, size)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(size, n_heads, INNER * size, dropout, batch_first=True)
            for _ in range(n_layers)
        )

    def states(self, words: Tensor, mask: Tensor) -> Tensor:
        """States of texts, 0 beyond their ends.

        Parameters
        ----------
        words : Tensor of shape (b, s, n_inputs)
        mask : bool Tensor of shape (b, s)
            True where there is a word; words come first.

        Returns
        -------
        Tensor of shape (b, s, size)
        """
        # A softmax over nothing is NaN: an empty text attends to its padding, and is zeroed later.
        hidden = ~mask
        hidden[:, 0] = False
        values = self.enter(words)
        values = values * math.sqrt(self.size) + positional_encoding(values.shape[1], self.size).to(
            values
        )
        for layer in self.layers:
            values = layer(values, src_key_padding_mask=hidden)
        return values.masked_fill(~mask.unsqueeze(2), 0)


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention in several heads (section 3.2).

    Keys and values are computed separately, so they can be reused for many queries.
    """

    def __init__(self, size: int, n_heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.join = nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.query, self.key_value, self.join):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, queries: Tensor, keys_values: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attend to a memory.

        Parameters
        ----------
        queries : Tensor of shape (b, q, H)
        keys_values : Tensor of shape (b, n, 2 H)
            What `key_value` made of the memory.
        mask : bool Tensor of shape (b, n), default=None
            True where the memory holds something.

        Returns
        -------
        found : Tensor of shape (b, q, H)
        weights : Tensor of shape (b, q, n)
            The mean over the heads; 0 where there is nothing to attend to.
        """
        keys, values = keys_values.chunk(2, dim=2)
        q, k, v = (self._heads(part) for part in (self.query(queries), keys, values))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        if mask is not None:
            mask = mask.unsqueeze(1).unsqueeze(2)
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=3)
        if mask is not None:
            weights = weights * mask
        found = (self.dropout(weights) @ v).transpose(1, 2).flatten(2)
        return self.join(found), weights.mean(dim=1)

    def _heads(self, part: Tensor) -> Tensor:
        """(b, n, H) to (b, heads, n, H / heads)."""
        return part.unflatten(2, (self.n_heads, -1)).transpose(1, 2)


def positional_encoding(length: int, size: int) -> Tensor:
    """Sines and cosines of the places, shape (length, size), section 3.5 of the paper."""
    rates = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
