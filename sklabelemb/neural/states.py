"""What document encoders hand to poolings: states of texts of different lengths."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Encoder", "States", "at_ends", "within"]


@dataclass(frozen=True)
class States:
    """What an encoder made of a batch of texts.

    Attributes
    ----------
    values : Tensor of shape (b, t, d)
        States of each text, 0 beyond its last one.
    lengths : int64 Tensor of shape (b,)
        How many states each text has.
    final : Tensor of shape (b, d)
        The final state, of each direction if there are two. 0 for an empty text.
    word_share : Tensor of shape (b, s), or None
        Where several words make a state: the share of each word in its own. None: each word has a
        state, and they stand in the same order.
    state_of : int64 Tensor of shape (b, s), or None
        Which state that is.
    """

    values: Tensor
    lengths: Tensor
    final: Tensor
    word_share: Tensor | None = None
    state_of: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """Which places hold a state, bool of shape (b, t)."""
        return within(self.lengths, self.values.shape[1])


class Encoder(nn.Module):
    """From word vectors (b, s, P) and ids (b, s) to `States`.

    Attributes
    ----------
    size : int
        d, of a state.
    """

    size: int


def within(lengths: Tensor, size: int) -> Tensor:
    """Which of `size` places lie within each length, bool of shape (b, size)."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


def at_ends(values: Tensor, lengths: Tensor) -> Tensor:
    """The last row of each text, (b, t, d) to (b, d); 0 for an empty text."""
    last = (lengths - 1).clamp_min(0).reshape(-1, 1, 1).expand(-1, 1, values.shape[2])
    return values.gather(1, last).squeeze(1).masked_fill((lengths == 0).unsqueeze(1), 0)
