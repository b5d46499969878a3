"""What each word was worth, found out by leaving it out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["occlusion"]


@torch.inference_mode()
def occlusion(
    scores: Callable[[Tensor, Tensor | None], Tensor],
    ids: Tensor,
    max_tokens: int = 1 << 14,
    max_texts: int | None = None,
) -> Tensor:
    """By how much the scores of one text fall when a word is left out.

    Parameters
    ----------
    scores : callable
        ``scores(ids, left_out)``: word ids of shape (b, s), padded with 0, to scores of shape
        (b, C); `left_out`, of shape (b,), says which word each text is without, and is None for
        the whole text.
    ids : int64 Tensor of shape (n,)
        The words of the text, without padding.
    max_tokens : int, default=16384
        Words a batch.
    max_texts : int, default=None
        Texts a batch.

    Returns
    -------
    Tensor of shape (n, C)
        Scores of the text minus scores of the text without the word.
    """
    n = len(ids)
    whole = scores(ids.reshape(1, -1) if n else ids.new_zeros(1, 1), None)
    if n == 0:
        return whole[:0]
    if n == 1:
        return whole - scores(torch.zeros_like(ids).reshape(1, 1), torch.zeros_like(ids))
    places = torch.arange(n - 1, device=ids.device)
    without = []
    size = max(1, min(max_tokens // n, max_texts or n))
    for left_out in torch.arange(n, device=ids.device).split(size):
        # The places of the words that are left: from the one left out on, each is the next one's.
        left = places + (places >= left_out.unsqueeze(1)).long()
        without.append(scores(ids[left], left_out))
    return whole - torch.cat(without)
