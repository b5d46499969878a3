"""Objectives over sequences drawn from the network itself: Seq2Set and OCD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklabelemb.semantic_unit.sequences import SequenceDataset, SequenceLoss

__all__ = ["CompletionLoss", "DrawnSequences", "SetF1Loss"]


@dataclass(frozen=True)
class DrawnSequences(SequenceDataset):
    """Training texts whose label sequences the network draws itself.

    Attributes
    ----------
    max_labels : int
        Most labels that it may draw for a text.
    with_labels : bool
        Whether the network is given the labels of the text as well.
    """

    max_labels: int = 1
    with_labels: bool = False

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch; the labels, padded with -1, are the target."""
        inputs, target = super().batch(indices)
        inputs["most"] = torch.full((len(indices),), self.max_labels)
        if not self.with_labels:
            del inputs["labels"]
        return inputs, target


class CompletionLoss(SequenceLoss):
    r"""Optimal completion distillation for label sets (Tsai and Lee, 2020).

    The prefix :math:`\tilde y_{<t}` of each step is drawn from the network. Whether its labels are
    right or wrong, the best completion emits the missing labels of the text, in any order, and then
    the end. So the loss of a step is the cross-entropy with a uniform distribution over the missing
    labels :math:`Y \setminus \tilde y_{<t}`, or with the end where none is missing. No order of
    labels is needed, and training sees the mistakes that predicting makes.

    Parameters
    ----------
    class_weight : ndarray of shape (n_labels,), default=None
        Weight of each label where it is missing; the end weighs 1.

    Notes
    -----
    The sum over all steps over the number of steps of the true sequences; the paper's code divides
    by the steps that were drawn, and by the number of labels. That code has a temperature
    of 1e-7 for what is uniform here. In evaluation it is the `SequenceLoss`.
    """

    def forward(self, log_probs: Tensor, target: dict[str, Tensor]) -> Tensor:
        """Loss of a batch, a scalar; `log_probs` as `drawn_sequences` gives them."""
        if not self.training:
            return super().forward(log_probs, target)
        emitted = log_probs[..., :-1].isneginf()
        missing = _members(target["y"], emitted.shape[2]).unsqueeze(1) & ~emitted
        optimal = torch.cat([missing, ~missing.any(dim=2, keepdim=True)], dim=2)
        has_ended = log_probs[..., -1:].isneginf()
        log_probs = log_probs.masked_fill(~optimal | has_ended, 0)
        if self.class_weight is not None:
            log_probs = log_probs * self.class_weight
        steps = -log_probs.sum(dim=2) / optimal.sum(dim=2)
        return self.mean(steps.sum(dim=1), target)


class SetF1Loss(SequenceLoss):
    r"""Self-critical training on the F1 of the label set (Yang et al., 2019), and the likelihood.

    .. math::
        J = (1 - \lambda) J_{\mathrm{mle}} + \lambda J_{\mathrm{rl}}, \qquad
        \nabla J_{\mathrm{rl}} = -\big(r(y^s) - r(y^g)\big) \nabla \log P(y^s \mid x)

    :math:`y^s` is a sequence drawn from the network and :math:`y^g` the greedy one; the reward r is
    the F1 of a sequence's labels and the text's, whatever their order. A drawn sequence that beats
    the greedy one becomes more probable, one that falls behind less.

    Parameters
    ----------
    class_weight : ndarray of shape (n_labels,), default=None
        As in :class:`SequenceLoss`; of the likelihood only.
    reward_weight : float, default=0.5
        :math:`\lambda`.

    Notes
    -----
    Two empty sets have an F1 of 1. Both terms are sums over the texts, over the number of steps of
    the true sequences. In evaluation it is the `SequenceLoss`.
    """

    def __init__(self, class_weight: np.ndarray | None = None, reward_weight: float = 0.5) -> None:
        super().__init__(class_weight)
        self.reward_weight = reward_weight

    def forward(self, log_probs: Tensor, target: dict[str, Tensor]) -> Tensor:
        """Loss of a batch, a scalar.

        `log_probs` has the shape (b, 3, L + 1): what `emissions` gives of the text's labels in
        their order, of a sequence that was drawn, and of the greedy one.
        """
        if not self.training:
            return super().forward(log_probs, target)
        has = ~log_probs.isneginf()
        log_probs = log_probs.masked_fill(~has, 0)
        known, drawn, _ = log_probs.unbind(dim=1)
        if self.class_weight is not None:
            known = known * self.class_weight
        labels = _members(target["y"], has.shape[2] - 1)
        rewards = set_f1(has[:, 1:, :-1], labels.unsqueeze(1))
        advantage = rewards[:, 0] - rewards[:, 1]
        share = self.reward_weight
        losses = (share - 1) * known.sum(dim=1) - share * advantage * drawn.sum(dim=1)
        return self.mean(losses, target)


def set_f1(found: Tensor, wanted: Tensor) -> Tensor:
    """F1 of label sets, bool of shape (..., L); 1 for two empty ones.

    Examples
    --------
    >>> import torch
    >>> set_f1(torch.tensor([True, True, False]), torch.tensor([True, False, False])).item()
    0.6666666865348816
    """
    both = (found & wanted).sum(dim=-1)
    either = found.sum(dim=-1) + wanted.sum(dim=-1)
    return torch.where(either > 0, 2 * both / either.clamp_min(1), 1.0)


def _members(labels: Tensor, n_labels: int) -> Tensor:
    """Sequences padded with -1 as sets, bool of shape (b, n_labels)."""
    members = labels.new_zeros(len(labels), n_labels + 1, dtype=torch.bool)
    return members.scatter_(1, torch.where(labels >= 0, labels, n_labels), True)[:, :-1]
