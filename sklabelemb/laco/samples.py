"""Training data with what the tasks of co-occurrence ask, drawn anew for every batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sklabelemb.laco.cooccurrence_tasks import draw_given, draw_pairs
from sklabelemb.learning.batches import TextDataset

__all__ = ["CooccurrenceDataset"]


@dataclass(frozen=True)
class CooccurrenceDataset(TextDataset):
    """Texts with label sets; the network is asked about their labels, too.

    Attributes
    ----------
    tasks : str
        "plcp", "clcp" or "both".
    gamma : float
        Share of pairs that come together.
    """

    tasks: str = "both"
    gamma: float = 0.5

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch; pairs and given labels are drawn from torch's generator.

        A document's part in the loss of a task is such that the mean over the batch is the mean
        over the documents that the task asks about.
        """
        inputs, target = super().batch(indices)
        if "y" not in target:
            return inputs, target
        present = target["y"] > 0
        weight = target.get("sample_weight", torch.ones(len(present)))
        if self.tasks in ("plcp", "both"):
            pairs, together = draw_pairs(present, self.gamma)
            asked = (pairs[..., 0] >= 0).any(dim=1)
            inputs |= {"pairs": pairs, "together": together}
            inputs["pair_weight"] = weight * asked * len(asked) / asked.sum().clamp_min(1)
        if self.tasks in ("clcp", "both"):
            given = draw_given(present)
            asked = given.any(dim=1)
            inputs |= {"given": given, "present": present.float()}
            inputs["given_weight"] = weight * asked * len(asked) / asked.sum().clamp_min(1)
        return inputs, target
