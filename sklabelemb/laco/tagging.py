"""Labels tagged like the words of a sentence: the head of SeqTagBert (Zhang et al., 2021).

A bidirectional LSTM reads the states of the labels in their order, and a linear-chain conditional
random field (Lafferty et al., 2001; Huang et al., 2015) tags each of them as relevant or not.

Shapes: b documents of a batch, n labels, k hidden units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LabelTagger"]


class LabelTagger(nn.Module):
    r"""A BiLSTM-CRF over the states of the labels.

    With the emissions :math:`u` and the transitions :math:`A`, the labels :math:`y` of a document,
    each 0 or 1, have the probability

    .. math:: p(y) \propto \exp \Big(\sum_i u_i\, y_i + \sum_{i > 1} A_{y_{i-1}, y_i}\Big)

    Parameters
    ----------
    size : int
        Of the labels' states, k. The LSTM has half as many units in each direction.

    Notes
    -----
    With two tags only the difference of their emissions matters, so there is one a label.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, max(1, size // 2), batch_first=True, bidirectional=True)
        self.emission = nn.Linear(2 * self.lstm.hidden_size, 1)
        self.transitions = nn.Parameter(torch.zeros(2, 2))

    def forward(self, labels: Tensor, present: Tensor | None = None) -> Tensor:
        """Log-odds of the labels, float Tensor of shape (b, n).

        Parameters
        ----------
        labels : float Tensor of shape (b, n, k)
        present : Tensor of shape (b, n), or None
            With it, those of each label given the true tag of the label before. By the chain rule
            their binary cross-entropies sum to the negative log-likelihood of the whole sequence,
            so the loss of any other head trains the field. None: those of the marginals.
        """
        emissions = self.emission(self.lstm(labels)[0]).squeeze(2)
        behind = self._behind(emissions)
        if present is None:
            return self._ahead(emissions) + behind
        steps = self.transitions[:, 1] - self.transitions[:, 0]
        given = emissions + behind
        return torch.cat([given[:, :1], given[:, 1:] + steps[present[:, :-1].long()]], dim=1)

    def _ahead(self, emissions: Tensor) -> Tensor:
        """Log-odds of each tag by the labels up to it (the forward recursion)."""
        (a00, a01), (a10, a11) = self.transitions
        ahead = [emissions[:, 0]]
        for emission in emissions[:, 1:].unbind(dim=1):
            relevant = torch.logaddexp(a01, a11 + ahead[-1])
            ahead.append(emission + relevant - torch.logaddexp(a00, a10 + ahead[-1]))
        return torch.stack(ahead, dim=1)

    def _behind(self, emissions: Tensor) -> Tensor:
        """What the labels after each one add to its log-odds (the backward recursion)."""
        (a00, a01), (a10, a11) = self.transitions
        behind = [torch.zeros_like(emissions[:, 0])]
        for emission in emissions[:, 1:].flip(dims=[1]).unbind(dim=1):
            after = emission + behind[-1]
            relevant = torch.logaddexp(a10, a11 + after)
            behind.append(relevant - torch.logaddexp(a00, a01 + after))
        return torch.stack(behind[::-1], dim=1)
