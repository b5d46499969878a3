"""Co-occurrence of labels: two auxiliary tasks (equations 6 and 7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ConditionalCooccurrence", "PairwiseCooccurrence", "draw_given", "draw_pairs"]

# Pairs of labels that come together, a document: enough for six labels.
MOST_PAIRS = 15


class PairwiseCooccurrence(nn.Module):
    """PLCP: whether two labels come together in the document.

    Parameters
    ----------
    size : int
        Of the labels' states, k.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output = nn.Linear(2 * size, 1)

    def forward(self, labels: Tensor, pairs: Tensor) -> Tensor:
        """Logits of IsCo-occur, float Tensor of shape (b, P).

        Parameters
        ----------
        labels : float Tensor of shape (b, n, k)
        pairs : int64 Tensor of shape (b, P, 2)
        """
        first, second = pairs.clamp_min(0).unbind(dim=2)
        rows = torch.arange(len(labels), device=labels.device).unsqueeze(1)
        both = torch.cat([labels[rows, first], labels[rows, second]], dim=2)
        return self.output(both).squeeze(2)

    def loss(self, labels: Tensor, pairs: Tensor, together: Tensor) -> Tensor:
        """Summed cross-entropy of each document's pairs, float Tensor of shape (b,).

        Parameters
        ----------
        labels : float Tensor of shape (b, n, k)
        pairs : int64 Tensor of shape (b, P, 2)
            Padded with -1; a document without pairs has loss 0.
        together : float Tensor of shape (b, P)
            1 for IsCo-occur.
        """
        real = pairs[..., 0] >= 0
        losses = F.binary_cross_entropy_with_logits(
            self(labels, pairs).float(), together, reduction="none"
        )
        return (losses * real).sum(dim=1)


class ConditionalCooccurrence(nn.Module):
    """CLCP: which labels the document has besides some that are given.

    Parameters
    ----------
    size : int
        Of the labels' states, k.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output = nn.Linear(2 * size, 1)

    def forward(self, labels: Tensor, given: Tensor) -> Tensor:
        """Logits, float Tensor of shape (b, n); those of given labels mean nothing.

        Parameters
        ----------
        labels : float Tensor of shape (b, n, k)
        given : bool Tensor of shape (b, n)
        """
        share = given / given.sum(dim=1, keepdim=True).clamp_min(1)
        mean = torch.einsum("bn,bnk->bk", share.to(labels.dtype), labels)
        # A linear function of [mean; label] is one of each: nothing of size (b, n, 2 k) is made.
        of_mean, of_label = self.output.weight.chunk(2, dim=1)
        scores = F.linear(labels, of_label) + F.linear(mean, of_mean, self.output.bias).unsqueeze(1)
        return scores.squeeze(2)

    def loss(self, labels: Tensor, given: Tensor, present: Tensor) -> Tensor:
        """Summed cross-entropy of each document's other labels, float Tensor of shape (b,).

        Parameters
        ----------
        labels : float Tensor of shape (b, n, k)
        given : bool Tensor of shape (b, n)
            A document of which none is given has loss 0.
        present : float Tensor of shape (b, n)
        """
        asked = ~given & given.any(dim=1, keepdim=True)
        losses = F.binary_cross_entropy_with_logits(
            self(labels, given).float(), present, reduction="none"
        )
        return (losses * asked).sum(dim=1)


def draw_pairs(present: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Pairs of labels for PLCP, drawn from torch's generator.

    Parameters
    ----------
    present : bool Tensor of shape (b, n)
    gamma : float
        Share of IsCo-occur among the pairs of a document (in expectation, where that is no whole
        number of pairs).

    Returns
    -------
    pairs : int64 Tensor of shape (b, P, 2)
        Padded with -1. Both labels of the document (IsCo-occur), at most 15 such pairs and no more
        than there are pairs of the other kind to match; or one of its labels and one other
        (NotCo-occur). None for a document with fewer than two labels, or with all.
    together : float Tensor of shape (b, P)
    """
    rows = []
    for row in present:
        own, other = row.nonzero().squeeze(1), (~row).nonzero().squeeze(1)
        if len(own) < 2 or len(other) == 0:
            rows.append((row.new_empty(0, 2, dtype=torch.long), 0))
            continue
        both = torch.combinations(own)
        # Where nearly all labels are present, there are too few pairs of the other kind for more.
        matched = len(own) * len(other) * gamma / (1 - gamma)
        most = min(MOST_PAIRS, int(matched + torch.rand(()).item()))
        both = both[torch.randperm(len(both))[:most]]
        wanted = len(both) * (1 - gamma) / gamma
        n_apart = int(wanted + torch.rand(()).item())
        apart = torch.cartesian_prod(own, other)
        apart = apart[torch.randperm(len(apart))[:n_apart]]
        drawn = torch.cat([both, apart])
        # Neither place may give away which kind of pair it is.
        swap = torch.rand(len(drawn)) < 0.5
        rows.append((torch.where(swap.unsqueeze(1), drawn.flip(1), drawn), len(both)))
    most = max(len(drawn) for drawn, _ in rows)
    pairs = torch.full((len(rows), most, 2), -1)
    together = torch.zeros(len(rows), most)
    for i, (drawn, n_both) in enumerate(rows):
        pairs[i, : len(drawn)] = drawn
        together[i, :n_both] = 1
    return pairs, together


def draw_given(present: Tensor) -> Tensor:
    """Labels that CLCP is given, drawn from torch's generator.

    Parameters
    ----------
    present : bool Tensor of shape (b, n)

    Returns
    -------
    bool Tensor of shape (b, n)
        Of a document with p labels, s of them, where s is drawn from 1, ..., p - 1; none of one
        with fewer than two.
    """
    n_own = present.sum(dim=1)
    s = (torch.rand(len(present)) * (n_own - 1)).long() + 1
    s = torch.where(n_own < 2, 0, s)
    # The s smallest of random numbers, one for each label that is there.
    order = torch.rand(present.shape).masked_fill(~present, 2.0).argsort(dim=1)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(present.shape[1]).expand_as(order)
    )
    return rank < s.unsqueeze(1)
