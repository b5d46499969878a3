"""What LEAM knows: what its network is made with, and where it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from sklabelemb.encoders import TextEncoder, carried_encoder
from sklabelemb.leam.network import LEAM
from sklabelemb.leam.readout import LEAMReadout
from sklabelemb.learning import Model, Recipe, Task, TaskDatasets
from sklabelemb.learning.weights import prior_logits
from sklabelemb.linear import Mixture, is_joint
from sklabelemb.text import UNKNOWN_ID, Vocabulary, vectors_of

__all__ = ["LEAMRecipe"]

# Spread of the word vectors at the start; pretrained ones are scaled to it.
VECTOR_STD = 0.05
# With fewer texts than this, the network knows less than the linear model and hardly any rare
# label.
FEW_TEXTS = 2_000
FEW = Mixture(deep=0.15, wide=6.0)
# The scores of an encoder path are logits already; few texts teach the network little beside it.
JOINT = Mixture(deep=0.1, wide=0.0, offset=0.0, encoded=1.5)
SEPARATE = Mixture(deep=0.3, wide=1.0, offset=0.0, encoded=0.5)


@dataclass(frozen=True, kw_only=True)
class LEAMRecipe(Recipe):
    """The parameters of `LEAMClassifier`, and what follows from them."""

    window_size: int
    embedding_dim: int
    compatibility: str
    phrase_filter: str
    attention: str
    attention_scale: float | str
    head: str
    head_size: int
    bag: bool
    wide: bool
    label_penalty: float
    vectors: Any
    encoder: Any
    memory: Any
    dropout: float
    word_dropout: float
    head_dropout: float

    network: ClassVar[type[nn.Module]] = LEAM
    readout: ClassVar[type] = LEAMReadout
    label_rows: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "label_embedding": (0,),
        "filter_weight": (0, 1),
        "filter_bias": (0,),
        "output.weight": (0,),
        "output.bias": (0,),
        "bag.weight": (0,),
    }

    def frozen_encoder(self, previous: Model[Self] | None) -> TextEncoder | None:
        """The pretrained encoder that reads texts beside the network, or None."""
        return carried_encoder(self.encoder, previous)

    def first_mixture(self, n_texts: int, n_labels: int) -> Mixture:
        """How the paths are mixed where no held-out texts tell."""
        if self.encoder is None:
            return FEW if n_texts < FEW_TEXTS else Mixture()
        joint = is_joint(n_texts, n_labels) or not self.wide
        return JOINT if joint else SEPARATE

    def options(self, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the network."""
        [task] = tasks.values()
        return {
            "n_words": len(vocabulary),
            "n_labels": task.targets.n_labels,
            "embedding_dim": self.embedding_dim,
            "window_size": self.window_size,
            "compatibility": self.compatibility,
            "phrase_filter": self.phrase_filter,
            "attention": self.attention,
            "attention_scale": None if self.attention_scale == "learned" else self.attention_scale,
            "head": self.head,
            "head_size": self.head_size,
            "bag": self.bag,
            "label_penalty": self.label_penalty,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "head_dropout": self.head_dropout,
            "multilabel": task.multilabel,
        }

    @torch.no_grad()
    def start(
        self,
        network: LEAM,
        tasks: Mapping[Any, Task],
        vocabulary: Vocabulary,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """Pretrained vectors, labels at the mean of their texts' words, prior frequencies."""
        if first or train is None:
            return  # later words start at random
        [task] = tasks.values()
        label_words = task.words_of_labels(self.settings.text_tokenizer)
        known = vocabulary.extended(word for words in label_words for word in words)
        table = network.embedding.weight.new_empty(len(known), self.embedding_dim)
        nn.init.normal_(table, std=VECTOR_STD)
        if self.vectors is not None:
            values, found = vectors_of(
                known, self.vectors, most_dimensions=self.embedding_dim, spread=VECTOR_STD
            )
            table[found, : values.shape[1]] = torch.from_numpy(values[found]).to(table)
        table[0] = 0
        network.embedding.weight.copy_(table[: len(vocabulary)])
        if network.label_embedding is not None:
            for label, words in enumerate(label_words):
                if words:
                    rows = torch.tensor([known.id(word) for word in words], device=table.device)
                    network.label_embedding[label] = table[rows].mean(dim=0)
        prior = prior_logits(train.parts[0].targets, task.targets.n_labels)
        network.output.bias.copy_(torch.from_numpy(prior))

    @torch.no_grad()
    def start_labels(
        self, network: LEAM, task: Task, vocabulary: Vocabulary, new: np.ndarray, first: int
    ) -> None:
        """New labels at the mean of their texts' words, which speak for them."""
        old = np.setdiff1d(np.arange(task.targets.n_labels), new)
        network.output.bias[new] = network.output.bias[old].mean()
        network.output.weight[new] = 0.0
        if network.label_embedding is None:
            return
        means = self._means_of_words(network, task, vocabulary, new)
        if network.attention == "shared":
            # Attention takes the maximum over labels, so a label that occurs twice changes nothing.
            network.label_embedding[new] = network.label_embedding[old[0]].clone()
            if network.compatibility == "phrase":
                network.filter_bias[new] = network.filter_bias[old[0]].clone()
            if network.compatibility == "phrase" and network.phrase_filter == "full":
                network.filter_weight[new] = network.filter_weight[old[0]].clone()
        else:
            known = new[(means != 0).any(dim=1).cpu().numpy()]
            network.label_embedding[known] = means[(means != 0).any(dim=1)]
            if network.compatibility == "phrase":
                network.filter_bias[new] = network.filter_bias[old].mean()
        if network.head == "linear":
            length = network.output.weight[old].norm(dim=1).median()
            network.output.weight[new] = length * nn.functional.normalize(means, dim=1)

    def _means_of_words(
        self, network: LEAM, task: Task, vocabulary: Vocabulary, labels: np.ndarray
    ) -> torch.Tensor:
        """The mean vector of the words of each label's text; zero where none is known."""
        table = network.embedding.weight
        words = task.words_of_labels(self.settings.text_tokenizer)
        means = table.new_zeros(len(labels), table.shape[1])
        for row, label in enumerate(labels):
            ids = [i for i in map(vocabulary.id, words[label]) if i != UNKNOWN_ID]
            if ids:
                means[row] = table[torch.tensor(ids, device=table.device)].mean(dim=0)
        return means
