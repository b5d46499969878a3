"""From the words of a text, or the states of an LSTM over them, to one vector.

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``P`` dimensions of a word, ``m`` of a
state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["pooled", "weighted_mean", "weights_in_text"]


def weighted_mean(ids: Tensor, positions: Tensor, words: Tensor, log_weight: Tensor) -> Tensor:
    """The mean of the word vectors of each text, shape (b, P); zero for an empty text.

    `words` and `log_weight` have a row for each distinct word, and `positions` says which.
    """
    weight = F.embedding(positions, log_weight.exp()).squeeze(2).masked_fill(ids == 0, 0)
    total = F.embedding_bag(positions, words, mode="sum", per_sample_weights=weight)
    return total / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)


def weights_in_text(ids: Tensor, log_weight: nn.Embedding) -> Tensor:
    """The share of each word in that mean, shape (b, s, 1); 0 at padding."""
    weight = log_weight(ids).exp().masked_fill((ids == 0).unsqueeze(2), 0)
    return weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)


def pooled(states: Tensor, lengths: Tensor, pooling: str) -> Tensor:
    """One vector per text of states (b, s, m), shape (b, m); zero for an empty text.

    States beyond a text's last word are ignored, so padding changes nothing and sequences need not
    be packed: on a CPU torch is many times faster with padded ones.
    """
    lengths = lengths.unsqueeze(1)
    if pooling == "last":
        last = (lengths - 1).clamp_min(0).unsqueeze(2).expand(-1, -1, states.shape[2])
        return states.gather(1, last).squeeze(1).masked_fill(lengths == 0, 0)
    beyond = (torch.arange(states.shape[1], device=states.device) >= lengths).unsqueeze(2)
    if pooling == "mean":
        return states.masked_fill(beyond, 0).sum(dim=1) / lengths.clamp_min(1)
    return states.masked_fill(beyond, -torch.inf).amax(dim=1).masked_fill(lengths == 0, 0)
