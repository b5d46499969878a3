"""Loss and validation score over several tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sklabelemb.training.callbacks import ValidationScore
from sklabelemb.training.net import LabelLoss

__all__ = ["TaskLoss", "TaskScores"]


class TaskLoss(nn.Module):
    """The loss of the batch's task: :class:`.LabelLoss`, with what belongs to that task.

    Parameters
    ----------
    multilabel : sequence of bool
        For each task.
    class_weight : dict of int to ndarray, default=None
        Weights of the labels, by the numbers of the tasks that have any.
    """

    def __init__(
        self,
        multilabel: Sequence[bool],
        class_weight: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        weights = class_weight or {}
        self.losses = nn.ModuleList(
            LabelLoss(several, weights.get(task)) for task, several in enumerate(multilabel)
        )

    def forward(self, logits: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch, a scalar."""
        loss: torch.Tensor = self.losses[int(target["task"][0])](logits, target)
        return loss


class TaskScores(ValidationScore):
    """The mean over the tasks of their validation scores, recorded as ``valid_score``."""

    def on_epoch_end(self, net: Any, *, dataset_valid: Any = None, **kwargs: Any) -> None:
        if dataset_valid is None:
            return
        logits = iter(self._logits)
        scores = []
        for bucket in net.get_iterator(dataset_valid, training=False).buckets:
            own = torch.cat([next(logits) for _ in range(len(bucket))]).numpy()
            scores.append(self.score(bucket.dataset.targets[bucket.order], own))
        net.history.record("valid_score", float(np.mean(scores)))
