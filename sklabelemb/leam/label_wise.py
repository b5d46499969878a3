"""Equations (3) and (5) to (7) with one attention per label, as a single step of autograd.

A text's attention does not depend on other texts, so the texts of a batch are read a few at a time
and their scores stay in the cache from the cosines to the logits, and again in the backward pass.
What each position adds to its word is summed at the end, in the order of the words.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sklabelemb.leam.compatibility import band_products, filter_rows

__all__ = ["label_wise_scores"]

# Scores (positions times labels) of the texts that are read together.
BLOCK_ELEMENTS = 1 << 18
# Scores so far below a text's largest count for nothing; the exponentials of still smaller ones
# would leave the range in which a processor is fast.
SMALLEST = -40.0


def label_wise_scores(
    cosines: Tensor,
    values: Tensor,
    positions: Tensor,
    mask: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    scale: Tensor,
) -> Tensor:
    """What each label reads in each text, shape ``(b, K)``.

    Parameters
    ----------
    cosines : Tensor of shape (u, K)
        Equation (2), for the distinct words of the batch.
    values : Tensor of shape (u, K)
        What each word would add to each logit as the only word of the text.
    positions : int64 Tensor of shape (b, s)
        Row of `cosines` and `values` at each position.
    mask : bool Tensor of shape (b, s)
        True at real words.
    weight : Tensor of shape (2r + 1,) or None
        The phrase filter of equation (3); None skips it, and its ReLU.
    bias : Tensor of shape (K,) or None
    scale : Tensor, a scalar
        Factor before the softmax of equation (5).

    Returns
    -------
    Tensor of shape (b, K)
        ``sum over l of beta_lk values_lk``; 0 for a text without words.
    """
    # Autocast gives products in half precision, and does not convert in a custom backward pass.
    cosines, values = cosines.to(scale.dtype), values.to(scale.dtype)
    with torch.autocast(cosines.device.type, enabled=False):
        scores: Tensor = _LabelWise.apply(cosines, values, positions, mask, weight, bias, scale)
    return scores


class _LabelWise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        cosines: Tensor,
        values: Tensor,
        positions: Tensor,
        mask: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        scale: Tensor,
    ) -> Tensor:
        n_texts, n_words = positions.shape
        scores = cosines.new_empty(n_texts, cosines.shape[1])
        kept = []
        for start, stop in _blocks(n_texts, n_words * cosines.shape[1]):
            rows = positions[start:stop].T.contiguous()
            matches = F.embedding(rows, cosines)
            if weight is not None and bias is not None:
                matches = filter_rows(matches.flatten(1), weight).view_as(matches)
                matches += bias
                matches.relu_()
            attention = _attention(matches, mask[start:stop].T.unsqueeze(-1), scale)
            torch.sum(F.embedding(rows, values).mul_(attention), 0, out=scores[start:stop])
            kept += [matches, attention]
        ctx.has_filter = weight is not None
        filter_parts = [] if weight is None else [weight, bias]
        ctx.save_for_backward(cosines, values, positions, scale, scores, *filter_parts, *kept)
        return scores

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cosines, values, positions, scale, scores, *kept = ctx.saved_tensors
        weight = kept.pop(0) if ctx.has_filter else None
        bias = kept.pop(0) if ctx.has_filter else None
        n_texts, n_words = positions.shape
        n_labels = cosines.shape[1]
        by_weight = None if weight is None else torch.zeros_like(weight)
        by_bias = None if bias is None else torch.zeros_like(bias)
        by_scale = torch.zeros_like(scale)
        of_cosines, of_values, order = [], [], []
        blocks = _blocks(n_texts, n_words * n_labels)
        for (start, stop), matches, attention in zip(blocks, kept[::2], kept[1::2], strict=True):
            rows = positions[start:stop].T.contiguous()
            order.append(rows.view(-1))
            by_score = grads[0][start:stop]
            of_value = attention * by_score
            of_values.append(of_value.view(-1, n_labels))
            # The softmax's gradient; the scores are the means that it is taken from.
            slope = F.embedding(rows, values).sub_(scores[start:stop]).mul_(of_value)
            by_scale += torch.dot(slope.view(-1), matches.view(-1))
            slope *= scale
            if weight is not None and by_weight is not None and by_bias is not None:
                slope *= matches > 0
                by_bias += slope.sum((0, 1))
                flat = slope.flatten(1)
                by_weight += band_products(flat, F.embedding(rows, cosines).flatten(1), len(weight))
                slope = filter_rows(flat, weight.flip(0))
            of_cosines.append(slope.view(-1, n_labels))
        by_word = _Words(torch.cat(order), len(cosines))
        return (
            by_word.sums(torch.cat(of_cosines)),
            by_word.sums(torch.cat(of_values)),
            None,
            None,
            by_weight,
            by_bias,
            by_scale,
        )


def _attention(matches: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
    """Equation (5) along the words, which come first; all zero for a text without words."""
    scores = matches * scale
    scores += torch.zeros_like(mask, dtype=scores.dtype).masked_fill_(~mask, -torch.inf)
    # An empty text has no largest score, and no sum to divide by.
    scores -= scores.amax(0).clamp_min_(torch.finfo(scores.dtype).min)
    scores.clamp_min_(SMALLEST).exp_()
    scores *= mask
    scores /= scores.sum(0).clamp_min_(torch.finfo(scores.dtype).tiny)
    return scores


def _blocks(n_texts: int, elements: int) -> list[tuple[int, int]]:
    """Bounds of the texts that are read together, of this many `elements` each."""
    step = max(1, BLOCK_ELEMENTS // max(1, elements))
    return [(start, min(start + step, n_texts)) for start in range(0, n_texts, step)]


class _Words:
    """The positions of each word, for sums over them."""

    def __init__(self, rows: Tensor, n_words: int) -> None:
        self.order = torch.argsort(rows)
        counts = torch.bincount(rows, minlength=n_words)
        self.starts = F.pad(counts.cumsum(0)[:-1], (1, 0))

    def sums(self, of_positions: Tensor) -> Tensor:
        """The sum over the positions of each word."""
        return F.embedding_bag(self.order, of_positions, self.starts, mode="sum")
