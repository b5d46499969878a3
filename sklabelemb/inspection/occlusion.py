"""Occlusion: the effect of leaving out each word."""

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
    owners: Tensor | None = None,
) -> Tensor:
    """How much the scores of a text fall when a word is left out.

    Parameters
    ----------
    scores : callable
        ``scores(ids, left_out)``: word ids of shape (b, s), padded with 0, to scores of shape (b,
        C); `left_out`, of shape (b,), is the missing word of each text, or None for the whole text.
    ids : int64 Tensor of shape (n_tokens,)
        The words of the text, or the pieces that they are made of, without padding.
    max_tokens : int, default=16384
        Words per batch.
    max_texts : int, default=None
        Texts per batch.
    owners : int64 Tensor of shape (n_tokens,), default=None
        The word, from 0 to n - 1, that each piece belongs to; the pieces of a word are left out
        together. None: each token is a word.

    Returns
    -------
    Tensor of shape (n, C)
        Scores of the text minus scores of the text without the word.
    """
    n_tokens = len(ids)
    whole = scores(ids.reshape(1, -1) if n_tokens else ids.new_zeros(1, 1), None)
    if n_tokens == 0:
        return whole[:0]
    if owners is None:
        owners = torch.arange(n_tokens, device=ids.device)
    n = int(owners.max()) + 1
    without = []
    size = max(1, min(max_tokens // n_tokens, max_texts or n))
    for left_out in torch.arange(n, device=ids.device).split(size):
        gone = owners == left_out.unsqueeze(1)
        # The remaining words close up, followed by padding.
        order = gone.int().argsort(dim=1, stable=True)
        some = ids[order].masked_fill(gone.gather(1, order), 0)
        most = max(1, int((~gone).sum(dim=1).max()))
        without.append(scores(some[:, :most], left_out))
    return whole - torch.cat(without)
