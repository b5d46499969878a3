"""Dropout of elements and of words, at little cost on a processor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Dropout", "drop_words"]

# Probabilities are rounded to this many steps: a mask takes two random bytes per element.
STEPS = 1 << 16


class Dropout(nn.Module):
    """What `torch.nn.Dropout` computes, with masks from NumPy's generator on a processor.

    On a CPU torch takes some 20 ns per element to draw a mask, more than a batch's products with a
    label matrix cost. The generator is seeded by torch's: a run is as reproducible as with torch's.

    Parameters
    ----------
    p : float
        Probability of a zero, to the nearest of 65,536 steps on a processor.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """`x` with some elements zero and the others enlarged, in training; else `x`."""
        if not self.training or not self.p:
            return x
        if x.device.type != "cpu" or self.p == 1:
            return F.dropout(x, self.p)
        return x * kept(x.numel(), self.p).view(x.shape) * (1 / (1 - self.p))

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


def kept(n: int, p: float) -> Tensor:
    """A uint8 Tensor of shape ``(n,)``, 0 with probability `p` and 1 elsewhere."""
    seed = int(torch.randint(torch.iinfo(torch.int64).max, ()))
    raw = np.random.SFC64(seed).random_raw(-(-n // 4)).view(np.uint16)
    return torch.from_numpy((raw[:n] >= round(p * STEPS)).view(np.uint8))


def drop_words(ids: Tensor, p: float, leave_one: bool = False) -> Tensor:
    """Texts without some of their words; the remaining words close up.

    Parameters
    ----------
    ids : int64 Tensor of shape (b, s)
        Word ids, padded with 0.
    p : float
        Probability that a word is left out.
    leave_one : bool, default=False
        A text that would lose all of its words loses none.

    Returns
    -------
    Tensor of shape (b, longest)
        Padded with 0 to the longest of what is left, at least one place wide.
    """
    words = ids != 0
    left = words & (torch.rand(ids.shape, device=ids.device) >= p)
    if leave_one:
        left = torch.where(left.any(dim=1, keepdim=True), left, words)
    place = left.cumsum(dim=1)
    longest = max(1, int(place.max())) if place.numel() else 1
    shorter = ids.new_zeros(len(ids), longest)
    text, _ = left.nonzero(as_tuple=True)
    shorter[text, place[left] - 1] = ids[left]
    return shorter
