"""What each word was worth, found out by leaving it out."""

from __future__ import annotations

import torch
from torch import Tensor

from sklabelemb.mtle.network import MTLE

__all__ = ["occlusion"]


@torch.inference_mode()
def occlusion(network: MTLE, ids: Tensor, task: int, max_tokens: int = 1 << 14) -> Tensor:
    """By how much the logits of one text fall when a word is left out.

    Parameters
    ----------
    network : MTLE
        In evaluation mode.
    ids : int64 Tensor of shape (n,)
        The words of the text, without padding.
    task : int
    max_tokens : int, default=16384
        Words a batch.

    Returns
    -------
    Tensor of shape (n, C)
        Logits of the text minus logits of the text without the word.
    """
    n = len(ids)
    whole = network(ids.reshape(1, -1) if n else ids.new_zeros(1, 1), task)
    if n == 0:
        return whole[:0]
    if n == 1:
        return whole - network(torch.zeros_like(ids).reshape(1, 1), task)
    places = torch.arange(n - 1, device=ids.device)
    without = []
    for left_out in torch.arange(n, device=ids.device).split(max(1, max_tokens // n)):
        # The places of the words that are left: from the one left out on, each is the next one's.
        left = places + (places >= left_out.unsqueeze(1)).long()
        without.append(network(ids[left], task))
    return whole - torch.cat(without)
