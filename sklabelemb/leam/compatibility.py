"""Equations (2) to (5) of LEAM, exact and fast.

Three observations make them cheap. A batch repeats its words, so cosines are taken once per
distinct word. The phrase filter is a band: its product with a block of the text is a small dense
matrix product. And equation (4) keeps one label per word, so the winner can be found without
gradient, a block of labels at a time, and only its score is recomputed with gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "at_positions",
    "band_products",
    "best_label_scores",
    "cosines",
    "filter_phrases",
    "filter_rows",
    "masked_softmax",
    "unit_rows",
]

# Elements of one block of scores while the best label is sought: about what a core's cache holds.
BLOCK_ELEMENTS = 1 << 20
# Up to this span a filter is a sum of shifted rows on a processor; a longer one is a band.
FEW_SHIFTS = 11
# Up to here the scores of all labels are smaller than the word vectors, and are simply kept.
FEW_LABELS = 64


def unit_rows(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Rows of `x` scaled to length one; a zero row stays zero, with a finite gradient."""
    return F.normalize(x, dim=-1, eps=eps)


class _Cosines(torch.autograd.Function):
    """``unit_rows(words) @ labels.T`` without ever writing the unit rows down."""

    @staticmethod
    def forward(ctx: Any, words: Tensor, labels: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(words, dim=1, keepdim=True)
        inverse = torch.where(norms > 1e-8, 1 / norms, 0)
        cosines = (words @ labels.T).mul_(inverse)
        ctx.save_for_backward(words, labels, inverse, cosines)
        return cosines

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        words, labels, inverse, cosines = ctx.saved_tensors
        scaled = grads[0] * inverse
        along = (scaled * cosines).sum(dim=1, keepdim=True) * inverse
        return (scaled @ labels).addcmul_(words, along, value=-1), scaled.T @ words


def cosines(words: Tensor, labels: Tensor) -> Tensor:
    """Equation (2) for the distinct words of a batch.

    Parameters
    ----------
    words : Tensor of shape (u, P)
        A zero row has cosine 0 with every label, and gradient 0.
    labels : Tensor of shape (K, P)

    Returns
    -------
    Tensor of shape (u, K)
    """
    return _Cosines.apply(words, unit_rows(labels))


def at_positions(table: Tensor, positions: Tensor) -> Tensor:
    """Rows of `table` where the words stand, shape ``(b, s, d)`` from positions ``(b, s)``.

    Laid out in memory with words first, so that a block of the phrase filter is one matrix product
    over all texts.
    """
    return F.embedding(positions.T.contiguous(), table).transpose(0, 1)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Equation (5): softmax over the words of a text, zero at padding, all zero for an empty text.

    Parameters
    ----------
    scores : Tensor of shape (b, s) or (b, s, K)
    mask : bool Tensor of shape (b, s)
        True at real words.
    """
    # An empty text would give 0/0: let it attend to padding, then blank the padding out.
    legal = mask | ~mask.any(dim=1, keepdim=True)
    if scores.dim() == 2:
        return torch.softmax(scores.masked_fill(~legal, -torch.inf), dim=1) * mask
    words_first = scores.transpose(0, 1).masked_fill(~legal.T.unsqueeze(-1), -torch.inf)
    return (torch.softmax(words_first, dim=0) * mask.T.unsqueeze(-1)).transpose(0, 1)


class _BandedFilter(torch.autograd.Function):
    """``out[l] = sum_j weight[j] x[l + j - r]``, zero beyond the ends, as banded products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return filter_rows(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        grad = grads[0].contiguous()
        x, weight = ctx.saved_tensors
        grad_x = filter_rows(grad, weight.flip(0)) if ctx.needs_input_grad[0] else None
        grad_weight = band_products(grad, x, len(weight)) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight


def filter_phrases(x: Tensor, weight: Tensor) -> Tensor:
    """Equation (3) before bias and ReLU, with one filter shared by all labels.

    Parameters
    ----------
    x : Tensor of shape (b, s, d)
        Scores of d labels, or d-dimensional words: the filter commutes with the product.
    weight : Tensor of shape (2r + 1,)

    Returns
    -------
    Tensor of shape (b, s, d)
    """
    n_texts, n_words, dim = x.shape
    rows = x.transpose(0, 1).reshape(n_words, n_texts * dim)
    # Autocast gives scores in half precision, and does not convert in a custom backward pass.
    filtered = _BandedFilter.apply(rows, weight.to(x.dtype))
    return filtered.view(n_words, n_texts, dim).transpose(0, 1)


def _block_length(n_words: int, radius: int) -> int:
    # A block of B words needs B + 2r columns: large enough that the margin does not dominate, small
    # enough that the band fills the block.
    return min(n_words, max(32, 2 * radius))


def _band(weight: Tensor, block: int) -> Tensor:
    """The (B, B + 2r) matrix that filters one block."""
    span = len(weight)
    band = weight.new_zeros(block, block + span)
    band[:, :span] = weight
    # Rows one element shorter shift each row's weights one column to the right.
    return band.view(-1)[: block * (block + span - 1)].view(block, block + span - 1)


def filter_rows(x: Tensor, weight: Tensor) -> Tensor:
    """Filter the rows of a matrix of shape (s, n), block by block."""
    radius = len(weight) // 2
    block = _block_length(len(x), radius)
    if _shifts_pay(x, block, len(weight)):
        return _shifted_sum(x, weight.tolist())
    out = torch.empty_like(x)
    band = _band(weight, block)
    for start, stop, left, right in _blocks(len(x), block, radius):
        first = left - (start - radius)
        piece = band[: stop - start, first : first + right - left]
        out[start:stop] = piece @ x[left:right]
    return out


def _shifts_pay(x: Tensor, block: int, span: int) -> bool:
    # One block is one product, which costs fewer calls.
    return len(x) > block and span <= FEW_SHIFTS and x.device.type == "cpu"


def _shifted_sum(x: Tensor, weight: list[float]) -> Tensor:
    radius = len(weight) // 2
    out = x * weight[radius]
    for shift in range(-radius, radius + 1):
        if shift:
            to, of = _overlap(len(x), shift)
            out[to].add_(x[of], alpha=weight[shift + radius])
    return out


def _overlap(n_words: int, shift: int) -> tuple[slice, slice]:
    """The words that have one `shift` words after them, and those."""
    reached = max(0, n_words - abs(shift))
    first = max(0, -shift)
    return slice(first, first + reached), slice(max(0, shift), max(0, shift) + reached)


def band_products(grad: Tensor, x: Tensor, span: int) -> Tensor:
    """``products[j] = sum over l of <grad[l], x[l + j - r]>``."""
    radius = span // 2
    block = _block_length(len(x), radius)
    if _shifts_pay(x, block, span):
        pairs = [_overlap(len(x), shift) for shift in range(-radius, radius + 1)]
        return torch.stack([torch.dot(grad[to].view(-1), x[of].view(-1)) for to, of in pairs])
    total = grad.new_zeros(block, block + span - 1)
    for start, stop, left, right in _blocks(len(x), block, radius):
        first = left - (start - radius)
        total[: stop - start, first : first + right - left] += grad[start:stop] @ x[left:right].T
    # The reverse of what `_band` does: each row's part of the band to the left edge.
    flat = F.pad(total.view(-1), (0, block))
    return flat.view(block, block + span)[:, :span].sum(dim=0)


def _blocks(n_words: int, block: int, radius: int) -> Iterator[tuple[int, int, int, int]]:
    """Bounds of each block of words, and of the words that its phrases reach."""
    for start in range(0, n_words, block):
        stop = min(start + block, n_words)
        yield start, stop, max(0, start - radius), min(n_words, stop + radius)


def best_label_scores(
    words: Tensor,
    positions: Tensor,
    labels: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
) -> Tensor:
    """Equations (2) to (4): every word's best compatibility over the labels.

    Memory is O(b s (P + block)), never O(b K s), and the gradient costs what one label costs.

    Parameters
    ----------
    words : Tensor of shape (u, P)
        Vectors of the distinct words of the batch; padding is a zero row.
    positions : int64 Tensor of shape (b, s)
        Row of `words` at each position.
    labels : Tensor of shape (K, P)
    weight : Tensor of shape (2r + 1,) or None
        The phrase filter; None skips equation (3).
    bias : Tensor of shape (K,) or None

    Returns
    -------
    Tensor of shape (b, s)
        ``m_l``.
    """
    if len(labels) <= FEW_LABELS:
        scores = at_positions(cosines(words, labels), positions)
        if weight is not None:
            scores = filter_phrases(scores, weight)
        if bias is not None:
            scores = scores + bias
        best = scores.max(dim=-1).values
        return best if weight is None else torch.relu(best)
    words, labels = unit_rows(words), unit_rows(labels)
    winner = _best_labels(
        words.detach(),
        positions,
        labels.detach(),
        None if weight is None else weight.detach(),
        None if bias is None else bias.detach(),
    )
    phrases = at_positions(words, positions)
    if weight is not None:
        phrases = filter_phrases(phrases, weight)
    scores = (phrases * at_positions(labels, winner)).sum(dim=-1)
    if bias is not None:
        scores = scores + bias[winner]
    return scores if weight is None else torch.relu(scores)


@torch.no_grad()
def _best_labels(
    words: Tensor, positions: Tensor, labels: Tensor, weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    """Index of the best label of every word, found a block of labels at a time."""
    n_labels = len(labels)
    block = max(16, BLOCK_ELEMENTS // max(1, positions.numel()))
    best, winner = None, None
    for start in range(0, n_labels, block):
        some = labels[start : start + block]
        scores = at_positions(words @ some.T, positions)
        if weight is not None:
            scores = filter_phrases(scores, weight)
        if bias is not None:
            scores = scores + bias[start : start + block]
        value, index = scores.max(dim=-1)
        if best is None or winner is None:
            best, winner = value, index
        else:
            better = value > best
            best = torch.where(better, value, best)
            winner = torch.where(better, index + start, winner)
    assert winner is not None
    return winner
