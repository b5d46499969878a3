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
    others = ~torch.eye(n, dtype=torch.bool, device=ids.device)
    texts = ids.expand(n, n)[others].reshape(n, n - 1)
    without = [network(some, task) for some in texts.split(max(1, max_tokens // n))]
    return whole - torch.cat(without)
