"""What a document classifier knows: what its network is made with, and where it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from sklabelemb.learning import Budget, Model, Recipe, Task, TaskDatasets
from sklabelemb.learning.net import most_tokens
from sklabelemb.learning.weights import prior_logits
from sklabelemb.neural.network import BY_LABEL, WORD_STD, DocumentNetwork
from sklabelemb.neural.pooling import LabelSpecificPooling
from sklabelemb.neural.readout import DocumentReadout
from sklabelemb.text import UNKNOWN_ID, Vocabulary, vectors_of

__all__ = ["DocumentRecipe"]

# What ends a sentence, as the tokenizer gives it.
SENTENCE_ENDS = (".", "!", "?", "…", "。", "\uff01", "\uff1f")
# Without pretrained vectors, these networks learn more slowly than bags of words.
BUDGET = Budget(steps=3000, fewest_epochs=5, most_epochs=30, largest_batch=64)


@dataclass(frozen=True, kw_only=True)
class DocumentRecipe(Recipe):
    """The parameters of `DocumentClassifier`, and what follows from them."""

    encoder: str
    pooling: str
    embedding_dim: int
    hidden_size: int
    widths: Sequence[int]
    activation: str
    n_layers: int
    n_heads: int
    attention_size: int
    n_parts: int
    block_length: int
    hidden_layers: Sequence[int]
    description_penalty: float
    vectors: Any
    wide: bool
    dropout: float
    head_dropout: float
    max_grad_norm: float | None

    network: ClassVar[type[nn.Module]] = DocumentNetwork
    readout: ClassVar[type] = DocumentReadout

    def task(self, task: Task, encoded: Any, previous: Model[Self] | None, update: bool) -> Task:
        """What is settled about a task at first, and whether the parameters go together."""
        _sizes("hidden_layers", self.hidden_layers)
        if not _sizes("widths", self.widths):
            raise ValueError("widths is empty: give the filters one width at least.")
        if self.description_penalty:
            if self.pooling != "label_wise" or self.hidden_layers:
                raise ValueError(
                    f"description_penalty={self.description_penalty} draws each label's weights "
                    "to its description: it needs pooling='label_wise' and no hidden_layers."
                )
            if not task.label_texts:
                raise ValueError(
                    f"description_penalty={self.description_penalty} needs descriptions of the "
                    "labels: pass label_texts, one for each label."
                )
        return super().task(task, encoded, previous, update)

    def options(self, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the network."""
        [task] = tasks.values()
        ends = [i for i in map(vocabulary.id, SENTENCE_ENDS) if i != UNKNOWN_ID]
        return {
            "n_words": len(vocabulary),
            "n_labels": task.targets.n_labels,
            "embedding_dim": self.embedding_dim,
            "encoder": self.encoder,
            "pooling": self.pooling,
            "hidden_size": self.hidden_size,
            "widths": _sizes("widths", self.widths),
            "activation": self.activation,
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            "attention_size": self.attention_size,
            "n_parts": self.n_parts,
            "block_length": self.block_length,
            "hidden_layers": _sizes("hidden_layers", self.hidden_layers),
            "sentence_ends": ends if self.encoder == "han" else [],
            "label_words": self._label_words(task, vocabulary)
            if self.description_penalty
            else None,
            "description_penalty": self.description_penalty,
            "dropout": self.dropout,
            "head_dropout": self.head_dropout,
        }

    @torch.no_grad()
    def start(
        self,
        network: DocumentNetwork,
        tasks: Mapping[Any, Task],
        vocabulary: Vocabulary,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """Pretrained vectors, labels at the mean of their texts' words, prior frequencies."""
        if first or train is None:
            return  # later words start at random
        [task] = tasks.values()
        if self.vectors is not None:
            values, found = vectors_of(
                vocabulary, self.vectors, most_dimensions=self.embedding_dim, spread=WORD_STD
            )
            table = network.embedding.weight
            table[found, : values.shape[1]] = torch.from_numpy(values[found]).to(table)
            table[0] = 0
        if isinstance(network.pooling, LabelSpecificPooling):
            vectors = network.pooling.label_embedding
            self._start_labels(vectors, network.embedding.weight, task, vocabulary)
        targets = train.parts[0].targets
        prior = prior_logits(targets, task.targets.n_labels)
        network.output.bias.copy_(torch.from_numpy(prior))
        if network.descriptions is not None:
            shares = torch.from_numpy(_shares(targets, task.targets.n_labels))
            network.descriptions.label_share.copy_(shares)

    def _start_labels(
        self, vectors: torch.Tensor, table: torch.Tensor, task: Task, vocabulary: Vocabulary
    ) -> None:
        """The vectors that labels look for words by, where they have as many dimensions."""
        if vectors.shape[1] != table.shape[1]:
            return
        for label, ids in enumerate(self._label_words(task, vocabulary)):
            if ids:
                vectors[label] = table[torch.tensor(ids, device=table.device)].mean(dim=0)

    def _label_words(self, task: Task, vocabulary: Vocabulary) -> list[list[int]]:
        """Ids of the words of each label's text that the training texts have, too."""
        words = task.words_of_labels(self.settings.text_tokenizer)
        known = [[i for i in map(vocabulary.id, own) if i != UNKNOWN_ID] for own in words]
        return known or [[] for _ in range(task.targets.n_labels)]

    def net_arguments(
        self, tasks: Mapping[Any, Task], train: TaskDatasets | None, device: str
    ) -> dict[str, Any]:
        """Encoders keep states of each word, and weights of each label where labels attend."""
        [task] = tasks.values()
        states = self.embedding_dim + 8 * self.hidden_size * len(self.widths)
        by_label = task.targets.n_labels if self.pooling in BY_LABEL else 0
        return {
            **super().net_arguments(tasks, train, device),
            "iterator_valid__max_tokens": most_tokens(states + by_label),
        }

    def budget(self, tasks: Mapping[Any, Task]) -> Budget:
        """What "auto" stands for."""
        return BUDGET


def _sizes(name: str, values: Any) -> list[int]:
    """Sizes as a list of int; a ValueError if one is not."""
    sizes = np.asarray(values).tolist()
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 1 for size in sizes):
        raise ValueError(f"{name} must hold whole numbers of 1 or more, got {values!r}.")
    return sizes


def _shares(targets: Any, n_labels: int) -> np.ndarray:
    """Which share of the texts has each label."""
    if sp.issparse(targets):
        return np.asarray(targets.mean(axis=0)).ravel()
    return np.bincount(targets, minlength=n_labels) / max(1, len(targets))
