"""Training data with the labels that the network is given, drawn anew for every batch."""

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
    """Texts with label sets; the network is asked about their labels, too, or told of them.

    Attributes
    ----------
    tasks : str or None
        "plcp", "clcp" or "both".
    gamma : float
        Share of pairs that come together.
    tagged : bool
        Whether the network gets the true labels, to predict each tag after the true previous one.
    """

    tasks: str | None = "both"
    gamma: float = 0.5
    tagged: bool = False

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch; pairs and given labels are drawn from torch's generator."""
        inputs, target = super().batch(indices)
        if "y" not in target:
            return inputs, target
        present = target["y"] > 0
        if self.tagged:
            inputs["present"] = present.float()
        weight = target.get("sample_weight", torch.ones(len(present)))
        if self.tasks in ("plcp", "both"):
            pairs, together = draw_pairs(present, self.gamma)
            inputs |= {"pairs": pairs, "together": together, "document_weight": weight}
        if self.tasks in ("clcp", "both"):
            given = draw_given(present)
            inputs |= {"given": given, "present": present.float(), "document_weight": weight}
        return inputs, target
