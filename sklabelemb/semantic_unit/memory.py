"""What the decoder knows of texts before the first label, and how it attends to it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["GlobalAttention", "Memory", "Reading"]


@dataclass(frozen=True)
class Memory:
    """What is known of a batch of texts before the first label.

    Attributes
    ----------
    states, units : Tensor of shape (b, s, H) and (b, m, H), or None where they are not attended to
    state_keys, unit_keys : Tensor of the same shapes
        What queries are compared with, computed once per text.
    state_mask, unit_mask : bool Tensor of shape (b, s) and (b, m)
        True where there is a word, or a unit.
    start : tuple of Tensors of shape (any, b, ...)
        Where the decoder starts; see :meth:`.SemanticUnitNetwork.step`.
    """

    states: Tensor | None
    state_keys: Tensor | None
    state_mask: Tensor | None
    units: Tensor | None
    unit_keys: Tensor | None
    unit_mask: Tensor | None
    start: tuple[Tensor, ...]

    def take(self, texts: Tensor) -> Memory:
        """The memory of some texts of the batch."""
        parts: dict[str, Any] = {
            field.name: None if (part := getattr(self, field.name)) is None else part[texts]
            for field in fields(self)
            if field.name != "start"
        }
        return Memory(**parts, start=tuple(part[:, texts] for part in self.start))


@dataclass(frozen=True)
class Reading:
    """The decoder's attention at each step.

    Attributes
    ----------
    logits : Tensor of shape (b, T + 1, L + 1)
        Of each label, and of the end, after the labels before; see
        :meth:`SemanticUnitNetwork.log_probs`. Single classes: shape (b, 1, L).
    word_attention : Tensor of shape (b, T + 1, s), or None
    unit_attention : Tensor of shape (b, T + 1, m), or None
        Each row sums to one.
    """

    logits: Tensor
    word_attention: Tensor | None
    unit_attention: Tensor | None


class GlobalAttention(nn.Module):
    """Look at a memory: bilinear scores, a softmax, and the query joined to what was found."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(size, size, bias=False)
        self.join = nn.Linear(2 * size, size)
        nn.init.xavier_uniform_(self.key.weight)
        nn.init.xavier_uniform_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Attended queries, shape (b, q, H), and the weights, shape (b, q, n)."""
        mask = mask.unsqueeze(1)
        scores = torch.bmm(queries, keys.transpose(1, 2))
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        # A text without words has nothing to look at: all weights 0.
        weights = torch.softmax(scores, dim=2) * mask
        found = torch.bmm(weights, values)
        return torch.tanh(self.join(torch.cat([found, queries], dim=2))), weights
