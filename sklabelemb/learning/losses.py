"""Losses of label sets and of single classes, by task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["LabelLoss", "TaskLoss"]


class LabelLoss(nn.Module):
    """Binary cross-entropy for label sets, cross-entropy for single classes.

    Parameters
    ----------
    multilabel : bool
    class_weight : ndarray of shape (n_labels,), default=None
        Single-label: weight of each class. Multi-label: weight of each label's positives.

    Notes
    -----
    The mean over samples (weighted by ``sample_weight``, whose mean over the training set is one)
    and, for label sets, over labels.
    """

    class_weight: torch.Tensor | None

    def __init__(self, multilabel: bool, class_weight: np.ndarray | None = None) -> None:
        super().__init__()
        self.multilabel = multilabel
        weight = None if class_weight is None else torch.as_tensor(class_weight).float()
        self.register_buffer("class_weight", weight)

    def forward(self, logits: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch, a scalar."""
        y = target["y"]
        if self.multilabel:
            losses = F.binary_cross_entropy_with_logits(
                logits, y.to(logits.dtype), pos_weight=self.class_weight, reduction="none"
            ).mean(dim=1)
        else:
            losses = F.cross_entropy(logits, y, weight=self.class_weight, reduction="none")
        if "sample_weight" in target:
            losses = losses * target["sample_weight"]
        return losses.mean()

    def size(self, target: dict[str, torch.Tensor]) -> int:
        """How many texts the loss is a mean over."""
        return len(target["y"])


class TaskLoss(nn.Module):
    """The loss of the batch's task.

    Parameters
    ----------
    losses : sequence of (type of nn.Module, dict)
        For each task the class of its loss, and the arguments.
    """

    def __init__(self, losses: Sequence[tuple[type[nn.Module], dict[str, Any]]]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(kind(**arguments) for kind, arguments in losses)

    def forward(self, logits: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch, a scalar."""
        loss: torch.Tensor = self.losses[int(target["task"][0])](logits, target)
        return loss

    def size(self, target: dict[str, torch.Tensor]) -> int:
        """How many terms the loss of a batch is a mean over."""
        kind: Any = self.losses[int(target["task"][0])]
        return int(kind.size(target))
