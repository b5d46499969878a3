"""The samples of several tasks, handed to the network one task at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sklabelemb.training import LengthBuckets, TextDataset

__all__ = ["TaskBatches", "TaskDataset", "TaskDatasets"]


@dataclass(frozen=True)
class TaskDataset(TextDataset):
    """Texts of one task; every batch says which.

    Attributes
    ----------
    task : int, default=0
        The task's number.
    """

    task: int = 0

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch as ``(inputs, target)``, with the task's number once a text in both."""
        inputs, target = super().batch(indices)
        task = torch.full((len(indices),), self.task)
        return {**inputs, "task": task}, {**target, "task": task}


@dataclass(frozen=True)
class TaskDatasets(Dataset):
    """The texts of several tasks.

    Attributes
    ----------
    parts : tuple of TaskDataset
    """

    parts: tuple[TaskDataset, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def targets(self) -> dict[int, Any]:
        """The encoded targets by the numbers of their tasks."""
        return {part.task: part.targets for part in self.parts}


class TaskBatches:
    """Batches of one task each, of texts of similar length; a skorch iterator.

    Each step of an epoch draws a task, then one of its batches that the epoch has not used yet. A
    task whose batches are used up is not drawn again, so an epoch goes through every sample once,
    however much the tasks differ in size.

    Parameters
    ----------
    dataset : TaskDatasets
    batch_size : int
        Texts a batch.
    shuffle : bool, default=False
        Training: an order drawn from torch's generator. Otherwise the tasks follow one another.
    max_tokens : int, default=None
        As in :class:`.LengthBuckets`.
    sampling : {"uniform", "proportional"}, default="proportional"
        "uniform": every task that has batches left is drawn with the same probability, so the small
        ones end early in the epoch; "proportional": by the number of batches left, which spreads
        every task over the whole epoch.
    """

    def __init__(
        self,
        dataset: TaskDatasets,
        batch_size: int,
        shuffle: bool = False,
        max_tokens: int | None = None,
        sampling: str = "proportional",
    ) -> None:
        self.buckets = [
            LengthBuckets(part, batch_size, shuffle, max_tokens) for part in dataset.parts
        ]
        self.shuffle = shuffle
        self.sampling = sampling
        starts = np.cumsum([0, *(len(part) for part in dataset.parts)])
        self.order = np.concatenate(
            [start + bucket.order for start, bucket in zip(starts, self.buckets, strict=False)]
        )

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self.buckets)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        if not self.shuffle:
            for bucket in self.buckets:
                yield from bucket
            return
        unused = [list(bucket.batches()) for bucket in self.buckets]
        # Taken from the end.
        for batches in unused:
            batches.reverse()
        while any(unused):
            left = torch.tensor([float(len(batches)) for batches in unused])
            task = 0
            if len(unused) > 1:
                weights = left if self.sampling == "proportional" else left.clamp(max=1)
                task = int(torch.multinomial(weights, 1))
            yield self.buckets[task].dataset.batch(unused[task].pop())
