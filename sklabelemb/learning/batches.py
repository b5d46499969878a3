"""Texts as token ids, handed to the network in batches of one task and of similar length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import Dataset

from sklabelemb.text import UNKNOWN_ID, TokenIds

__all__ = ["LengthBuckets", "TaskBatches", "TaskDatasets", "TextDataset"]

# Texts are sorted by length within pools of this many batches: long enough that a batch holds texts
# of nearly one length, short enough that the order of an epoch stays random.
BATCHES_PER_POOL = 50


@dataclass(frozen=True)
class TextDataset(Dataset):
    """The texts of one task: token ids, with their encoded targets and sample weights.

    Attributes
    ----------
    token_ids : TokenIds of length n_samples
    targets : csr_matrix (n_samples, n_labels), int64 codes (n_samples,), or None
    sample_weight : float32 ndarray of shape (n_samples,), or None
    n_words : int or None
        Size of the vocabulary: ids from here on are unknown words to the network.
    max_length : int or None
        The network reads only this many tokens of each text; None: all.
    task : int
        Number of the task.
    """

    token_ids: TokenIds
    targets: sp.csr_matrix | np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    n_words: int | None = None
    max_length: int | None = None
    task: int = 0

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text that the network reads."""
        lengths = self.token_ids.lengths
        return lengths if self.max_length is None else np.minimum(lengths, self.max_length)

    def subset(self, indices: np.ndarray) -> Self:
        """The samples at `indices`, in that order."""
        return replace(
            self,
            token_ids=self.token_ids.take(indices),
            targets=None if self.targets is None else self.targets[indices],
            sample_weight=None if self.sample_weight is None else self.sample_weight[indices],
        )

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch, padded to its own longest text, as ``(inputs, target)`` dictionaries."""
        target = {"task": torch.full((len(indices),), self.task)}
        if self.targets is not None:
            target["y"] = self._encoded(self.targets[indices])
        if self.sample_weight is not None:
            target["sample_weight"] = torch.from_numpy(self.sample_weight[indices])
        ids = self.token_ids.padded(indices, max_length=self.max_length)
        if self.n_words is not None:
            ids[ids >= self.n_words] = UNKNOWN_ID
        return {"ids": torch.from_numpy(ids)}, target

    def _encoded(self, rows: Any) -> torch.Tensor:
        """Targets of a batch for the loss."""
        return torch.from_numpy(rows.toarray() if sp.issparse(rows) else rows)


class LengthBuckets:
    """Batches of texts of similar length; a skorch iterator.

    Parameters
    ----------
    dataset : TextDataset
    batch_size : int
        Texts per batch.
    shuffle : bool, default=False
        Training: a new order every time, drawn from torch's generator. Otherwise texts come sorted
        by length, shortest first; :attr:`order` tells which.
    max_tokens : int, default=None
        Upper bound on ``texts * longest text`` of a batch, so that a few very long texts do not
        decide how much memory is needed. None: no bound.
    tokens_beside : int, default=0
        Tokens that the network reads beside each text, counted in `max_tokens`.
    """

    def __init__(
        self,
        dataset: TextDataset,
        batch_size: int,
        shuffle: bool = False,
        max_tokens: int | None = None,
        tokens_beside: int = 0,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.max_tokens = max_tokens
        self.tokens_beside = tokens_beside
        self.order = np.argsort(dataset.lengths, kind="stable")

    def __iter__(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for indices in self.batches():
            yield self.dataset.batch(indices)

    def __len__(self) -> int:
        if self.max_tokens is None:
            return math.ceil(len(self.dataset) / self.batch_size)
        # Counting must not change the order that comes next.
        with torch.random.fork_rng(devices=[]):
            return sum(1 for _ in self.batches())

    def batches(self) -> Iterator[np.ndarray]:
        """Sample indices of every batch of one epoch."""
        if not self.shuffle:
            yield from self._cut(self.order)
            return
        lengths = self.dataset.lengths
        permutation = torch.randperm(len(self.dataset)).numpy()
        pool = self.batch_size * BATCHES_PER_POOL
        for start in range(0, len(permutation), pool):
            members = permutation[start : start + pool]
            members = members[np.argsort(lengths[members], kind="stable")]
            batches = list(self._cut(members))
            for position in torch.randperm(len(batches)).tolist():
                yield batches[position]

    def _cut(self, members: np.ndarray) -> Iterator[np.ndarray]:
        """Cut length-sorted members into batches within the bounds."""
        if self.max_tokens is None:
            for start in range(0, len(members), self.batch_size):
                yield members[start : start + self.batch_size]
            return
        lengths = np.maximum(self.dataset.lengths[members], 1) + self.tokens_beside
        start = 0
        while start < len(members):
            stop = min(start + self.batch_size, len(members))
            # Sorted by length, so the last text of a batch is its longest.
            while stop - start > 1 and (stop - start) * lengths[stop - 1] > self.max_tokens:
                stop -= max(1, (stop - start) // 8)
            yield members[start:stop]
            start = stop


@dataclass(frozen=True)
class TaskDatasets(Dataset):
    """The texts of several tasks.

    Attributes
    ----------
    parts : tuple of TextDataset
    """

    parts: tuple[TextDataset, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def targets(self) -> dict[int, Any]:
        """The encoded targets by the numbers of their tasks."""
        return {part.task: part.targets for part in self.parts}


class TaskBatches:
    """Batches of one task each, of texts of similar length; a skorch iterator.

    With `sampling`, each step of an epoch draws a task, then one of its batches that the epoch has
    not used yet. A task whose batches are used up is not drawn again, so an epoch goes through
    every sample once, however much the tasks differ in size.

    Parameters
    ----------
    dataset : TaskDatasets
    batch_size : int
        Texts per batch.
    shuffle : bool, default=False
        Training: an order drawn from torch's generator. Otherwise texts come by length.
    max_tokens, tokens_beside : int
        As in :class:`.LengthBuckets`.
    sampling : {"uniform", "proportional"} or None, default=None
        None: the tasks follow one another. "uniform": every task that has batches left is drawn
        with the same probability, so the small ones end early in the epoch; "proportional": by the
        number of batches left, which spreads every task over the whole epoch.
    """

    def __init__(
        self,
        dataset: TaskDatasets,
        batch_size: int,
        shuffle: bool = False,
        max_tokens: int | None = None,
        tokens_beside: int = 0,
        sampling: str | None = None,
    ) -> None:
        self.buckets = [
            LengthBuckets(part, batch_size, shuffle, max_tokens, tokens_beside)
            for part in dataset.parts
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
        if not self.shuffle or self.sampling is None:
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
