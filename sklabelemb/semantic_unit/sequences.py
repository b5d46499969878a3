"""Label sets as sequences: their order, their batches, their loss and their validation score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional as F

from sklabelemb.learning.batches import TextDataset
from sklabelemb.learning.callbacks import ValidationScore
from sklabelemb.learning.weights import class_weights
from sklabelemb.targets import Targets

__all__ = [
    "SequenceDataset",
    "SequenceLoss",
    "SequenceScore",
    "order_of_labels",
    "weights_of_labels",
]

# What cross-entropy does not look at.
IGNORED = -100


def order_of_labels(label_order: str, indicator: sp.csr_matrix) -> np.ndarray | None:
    """The labels in the order in which they are emitted.

    Parameters
    ----------
    label_order : {"frequency", "rare_first", "given", "random"}
    indicator : csr_matrix of shape (n_samples, n_labels)

    Returns
    -------
    int64 ndarray of shape (n_labels,), or None for "random"
        Labels that are equally frequent keep the order of their columns.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> order_of_labels("frequency", sp.csr_matrix([[0, 1, 1], [0, 0, 1]]))
    array([2, 1, 0])
    """
    if label_order == "random":
        return None
    if label_order == "given":
        return np.arange(indicator.shape[1])
    counts = np.asarray(indicator.sum(axis=0)).ravel()
    return np.argsort(-counts if label_order == "frequency" else counts, kind="stable")


def weights_of_labels(
    class_weight: Any, targets: Targets, indicator: sp.csr_matrix
) -> np.ndarray | None:
    """Weight of each label where it is emitted.

    Parameters
    ----------
    class_weight : dict, sequence of float, "balanced" or None
        A dict goes by label name; what it leaves out weighs 1. "balanced": all labels weigh the
        same in the sum over the training texts, and a label where it is emitted weighs 1 on the
        average.
    targets : Targets
    indicator : csr_matrix of shape (n_samples, n_labels)

    Returns
    -------
    ndarray of shape (n_labels,), or None
    """
    if not isinstance(class_weight, str):
        return class_weights(class_weight, targets, indicator)
    counts = np.asarray(indicator.sum(axis=0)).ravel()
    present = np.count_nonzero(counts)
    return np.where(counts, counts.sum() / np.maximum(present * counts, 1), 1.0)


@dataclass(frozen=True)
class SequenceDataset(TextDataset):
    """Texts with label sets; the network is given the labels of a training text in order.

    Attributes
    ----------
    order : int64 ndarray of shape (n_labels,), or None
        The labels as they are emitted. None: in another random order each time, drawn from torch's
        generator.
    """

    order: np.ndarray | None = None

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch; the labels, padded with -1, are both an input and the target."""
        inputs, target = super().batch(indices)
        if "y" in target:
            inputs["labels"] = target["y"]
        return inputs, target

    def _encoded(self, rows: Any) -> torch.Tensor:
        texts, labels = rows.nonzero()
        if self.order is None:
            rank = torch.rand(len(labels)).numpy()
        else:
            rank = np.argsort(self.order)[labels]
        labels = labels[np.lexsort((rank, texts))]
        counts = np.bincount(texts, minlength=rows.shape[0])
        sequences = np.full((len(counts), counts.max(initial=0)), -1, dtype=np.int64)
        sequences[np.arange(sequences.shape[1]) < counts[:, None]] = labels
        return torch.from_numpy(sequences)


class SequenceLoss(nn.Module):
    """Cross-entropy of each label, and of the end, after the labels before it.

    Parameters
    ----------
    class_weight : ndarray of shape (n_labels,), default=None
        Weight of each label where it is emitted; the end weighs 1.

    Notes
    -----
    The sum over all steps, each weighted by its text's ``sample_weight``, over the number of steps.
    """

    class_weight: torch.Tensor | None

    def __init__(self, class_weight: np.ndarray | None = None) -> None:
        super().__init__()
        weight = None
        if class_weight is not None:
            weight = torch.as_tensor(np.append(class_weight, 1.0)).float()
        self.register_buffer("class_weight", weight)

    def forward(self, log_probs: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch, a scalar."""
        labels = target["y"]
        lengths = (labels >= 0).sum(dim=1)
        steps = F.pad(labels.masked_fill(labels < 0, IGNORED), (0, 1), value=IGNORED)
        steps = steps.scatter(1, lengths.unsqueeze(1), log_probs.shape[2] - 1)
        losses = F.nll_loss(
            log_probs.transpose(1, 2),
            steps,
            weight=self.class_weight,
            ignore_index=IGNORED,
            reduction="none",
        ).sum(dim=1)
        return self.mean(losses, target)

    def mean(self, losses: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """The losses of texts, shape (b,), over the number of steps."""
        if "sample_weight" in target:
            losses = losses * target["sample_weight"]
        return losses.sum() / ((target["y"] >= 0).sum(dim=1) + 1).sum()

    def size(self, target: dict[str, torch.Tensor]) -> int:
        """How many steps the loss is a mean over: all labels, and an end for each text."""
        return int((target["y"] >= 0).sum()) + len(target["y"])


class SequenceScore(ValidationScore):
    """Score of the label sets that greedy decoding finds, recorded as ``valid_score``.

    Parameters
    ----------
    score : callable
        ``score(y, decisions) -> float`` of two dense indicators, larger is better.
    decide : callable
        ``decide(net, dataset) -> bool ndarray`` of shape (n_samples, n_labels).
    measure : str, default="score"
        As in :class:`.ValidationScore`.
    """

    def __init__(
        self,
        score: Callable[[Any, np.ndarray], Any],
        decide: Callable[[Any, SequenceDataset], np.ndarray],
        measure: str = "score",
    ) -> None:
        super().__init__(score, measure)
        self.decide = decide

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        # What follows true labels is no prediction; keeping it would take much memory.
        return

    def on_epoch_end(self, net: Any, *, dataset_valid: Any = None, **kwargs: Any) -> None:
        if dataset_valid is not None:
            scores = [
                self.score(part.targets.toarray(), self.decide(net, part))
                for part in dataset_valid.parts
            ]
            self.record(net, scores)
