"""What the semantic-unit model knows: sequences of labels, its network, and where it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import nn

from sklabelemb.learning import Budget, Model, Recipe, Task, TaskDatasets, TextDataset
from sklabelemb.learning.losses import TaskLoss
from sklabelemb.learning.net import most_tokens
from sklabelemb.linear import Mixture
from sklabelemb.semantic_unit.mixing import UNMIXED
from sklabelemb.semantic_unit.network import WORD_STD, SemanticUnitNetwork
from sklabelemb.semantic_unit.objectives import CompletionLoss, DrawnSequences, SetF1Loss
from sklabelemb.semantic_unit.readout import SequenceReadout
from sklabelemb.semantic_unit.sequences import (
    SequenceDataset,
    SequenceLoss,
    order_of_labels,
    weights_of_labels,
)
from sklabelemb.text import Vocabulary, vectors_of

__all__ = ["SemanticUnitRecipe"]

# An LSTM needs many steps, and on a CPU small batches cost little more per text than large ones.
BUDGET = Budget(
    steps=2000,
    fewest_epochs=4,
    most_epochs=30,
    batches_an_epoch=200,
    smallest_batch=16,
    largest_batch=64,
)
# Numbers of texts times steps times labels in a batch of the validation loss.
VALIDATION_ELEMENTS = 1 << 22
# Beside words with pretrained vectors, those without one start small: their random vectors say
# nothing yet.
WITHOUT_VECTOR = 0.1


@dataclass(frozen=True, kw_only=True)
class SemanticUnitRecipe(Recipe):
    """The parameters of `SemanticUnitSeq2SeqClassifier`, and what follows from them."""

    attention: str
    hierarchical: int | None
    label_input: str
    architecture: str
    n_heads: int
    label_order: str
    objective: str
    reward_weight: float
    beam_size: int
    decision: str
    embedding_dim: int
    hidden_size: int
    n_layers: int
    directions: str
    wide: bool
    vectors: Any
    dropout: float
    word_dropout: float
    max_labels: int | str
    schedule: str
    max_grad_norm: float | None

    network: ClassVar[type[nn.Module]] = SemanticUnitNetwork
    readout: ClassVar[type] = SequenceReadout

    def task(self, task: Task, encoded: Any, previous: Model[Self] | None, update: bool) -> Task:
        """What is settled about a task at first, among that lengths and order of sequences."""
        before = task
        task = super().task(task, encoded, previous, update)
        if not task.multilabel:
            return replace(task, max_labels=1)
        goes_on = update and before.trained
        weight = task.class_weight
        if self.settings.class_weight is not None and weight is not before.class_weight:
            # What a label weighs where it is emitted.
            weight = weights_of_labels(self.settings.class_weight, task.targets, encoded)
        fewest = min(task.min_labels, task.targets.n_labels)
        most: int | str = self.max_labels
        if isinstance(most, str):
            known = before.max_labels if goes_on else None
            most = max(1, fewest, int(encoded.sum(axis=1).max()), known or 1)
        if most < fewest:
            raise ValueError(
                f"max_labels={most} is less than the fewest labels to predict, {fewest} "
                f"(min_labels={self.settings.min_labels!r})."
            )
        return replace(
            task,
            min_labels=fewest,
            class_weight=weight,
            max_labels=min(int(most), task.targets.n_labels),
            label_order=before.label_order
            if goes_on
            else order_of_labels(self.label_order, encoded),
        )

    def first_mixture(self, n_texts: int, n_labels: int) -> Mixture:
        """How decoder and linear model are mixed where no held-out texts tell."""
        return UNMIXED

    def options(self, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the network."""
        if self.architecture == "lstm" and self.directions == "concat" and self.hidden_size % 2:
            raise ValueError(
                f"hidden_size={self.hidden_size} cannot be shared by the two directions of the "
                "encoder: give an even number, or directions='sum'."
            )
        if self.hierarchical is not None and self.attention in ("words", "none"):
            raise ValueError(
                f"hierarchical={self.hierarchical} makes units, but attention={self.attention!r} "
                "does not look at units. Use attention='hybrid', 'additive' or 'units', or "
                "hierarchical=None."
            )
        [task] = tasks.values()
        return {
            "n_words": len(vocabulary),
            "n_labels": task.targets.n_labels,
            "embedding_dim": self.embedding_dim,
            "hidden_size": self.hidden_size,
            "n_layers": self.n_layers,
            "directions": self.directions,
            "attention": self.attention,
            "hierarchical": self.hierarchical,
            "label_input": self.label_input,
            "architecture": self.architecture,
            "n_heads": self.n_heads,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "multilabel": task.multilabel,
        }

    @torch.no_grad()
    def start(
        self,
        network: SemanticUnitNetwork,
        tasks: Mapping[Any, Task],
        vocabulary: Vocabulary,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """Pretrained vectors, and labels at the mean of their texts' words."""
        if first:
            if first < len(vocabulary):
                self._take_vectors(network.embedding.weight[first:], vocabulary, first)
            return
        [task] = tasks.values()
        label_words = task.words_of_labels(self.settings.text_tokenizer)
        known = vocabulary.extended(word for words in label_words for word in words)
        table = network.embedding.weight.new_empty(len(known), self.embedding_dim)
        nn.init.normal_(table, std=WORD_STD)
        self._take_vectors(table, known)
        table[0] = 0
        network.embedding.weight.copy_(table[: len(vocabulary)])
        for label, words in enumerate(label_words):
            if words:
                rows = torch.tensor([known.id(word) for word in words], device=table.device)
                network.label_embedding.weight[label] = table[rows].mean(dim=0)

    def _take_vectors(self, table: torch.Tensor, vocabulary: Vocabulary, first: int = 0) -> None:
        """Let the words from an id on, the rows of `table`, start from pretrained vectors."""
        if self.vectors is None:
            return
        values, found = vectors_of(
            vocabulary,
            self.vectors,
            most_dimensions=self.embedding_dim,
            first=first,
            spread=WORD_STD,
        )
        table *= WITHOUT_VECTOR
        table[found, : values.shape[1]] = torch.from_numpy(values[found]).to(table)

    def dataset(
        self, part: TextDataset, task: Task, vocabulary: Any, training: bool
    ) -> TextDataset:
        """Label sets as sequences in the order of the task."""
        if not task.multilabel:
            return part
        if not training or self.objective == "likelihood":
            return SequenceDataset(**vars(part), order=task.label_order)
        return DrawnSequences(
            **vars(part),
            order=task.label_order,
            max_labels=task.max_labels or 1,
            with_labels=self.objective == "set_f1",
        )

    def net_arguments(
        self, tasks: Mapping[Any, Task], train: TaskDatasets | None, device: str
    ) -> dict[str, Any]:
        """The loss of sequences, and small batches for it."""
        [task] = tasks.values()
        arguments = super().net_arguments(tasks, train, device)
        arguments["iterator_valid__max_tokens"] = most_tokens(16 * self.hidden_size)
        if not task.multilabel:
            return arguments
        arguments["criterion"] = TaskLoss
        arguments["criterion__losses"] = [self._loss(task.class_weight)]
        if train is not None:
            # The validation loss takes a number for each text, step and label.
            targets: Any = train.parts[0].targets
            steps = int(targets.sum(axis=1).max()) + 1
            most = VALIDATION_ELEMENTS // (steps * (task.targets.n_labels + 1))
            arguments["iterator_valid__batch_size"] = min(max(most, 1), 256)
        return arguments

    def _loss(self, class_weight: Any) -> tuple[type[SequenceLoss], dict[str, Any]]:
        weights = {"class_weight": class_weight}
        if self.objective == "set_f1":
            return SetF1Loss, {**weights, "reward_weight": self.reward_weight}
        return (CompletionLoss if self.objective == "completion" else SequenceLoss), weights

    def budget(self, tasks: Mapping[Any, Task]) -> Budget:
        """What "auto" stands for."""
        return BUDGET
