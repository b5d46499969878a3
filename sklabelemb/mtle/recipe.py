"""What MTLE knows: the words of its labels, what its network is made with, and where it starts."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import logit
from torch import nn

from sklabelemb.encoders import TextEncoder, carried_encoder
from sklabelemb.learning import Budget, Model, Recipe, Task, TaskBatches, TaskDatasets, TextDataset
from sklabelemb.learning.net import most_tokens
from sklabelemb.learning.weights import prior_logits
from sklabelemb.learning.words import read_words, renumbered
from sklabelemb.linear import Mixture, is_joint
from sklabelemb.mtle.label_words import distinct_words, have_vectors
from sklabelemb.mtle.matchers import CosineMatcher
from sklabelemb.mtle.network import MTLE, WORD_STD
from sklabelemb.mtle.readout import MTLEReadout
from sklabelemb.mtle.task_network import ENCODERS, OF_TASKS, MultiTaskNetwork
from sklabelemb.text import UNKNOWN_ID, TokenIds, Vocabulary, vectors_of

__all__ = ["MTLERecipe", "TaskHeadsRecipe", "unknown_in_texts"]

# In a mean of pretrained vectors, a word that is this share of all training tokens counts half of
# what a rare one does, before training changes that (the weights of Arora et al., 2017).
COMMON = 3e-3
# Beside words with pretrained vectors, those without one start small: their random vectors say
# nothing yet.
WITHOUT_VECTOR = 0.1
# max_epochs="auto": word vectors learn fast, and more steps than this overfit single-label tasks.
# Rare labels take longer, and a few batches per epoch train nothing.
OF_CLASSES = Budget(steps=1000, fewest_epochs=3, most_epochs=8, fewest_steps=200)
OF_LABEL_SETS = Budget(steps=4000, fewest_epochs=3, most_epochs=30, fewest_steps=200)
# The scores of an encoder path are logits already; few texts teach the network little beside it.
JOINT = Mixture(deep=0.1, wide=0.0, offset=0.0, encoded=1.5)
SEPARATE = Mixture(deep=0.5, wide=0.0, offset=0.0, encoded=1.0)


@dataclass(frozen=True)
class NumberedDataset(TextDataset):
    """Texts of one task, whose number the network gets."""

    def batch(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch, with the task's number once per text among the inputs."""
        inputs, target = super().batch(indices)
        return {**inputs, "task": target["task"]}, target


@dataclass(frozen=True, kw_only=True)
class MTLERecipe(Recipe):
    """The parameters of `MTLEClassifier`, and what follows from them."""

    heads: str
    encoder: Any
    memory: Any
    embedding_dim: int
    hidden_size: int
    pooling: str
    matcher: str
    matcher_size: int
    window_size: int
    n_segments: int
    segment_size: int
    vectors: Any
    task_sampling: str
    dropout: float
    word_dropout: float

    network: ClassVar[type[nn.Module]] = MTLE
    readout: ClassVar[type] = MTLEReadout

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> MTLERecipe:
        """The recipe that the parameters of a classifier describe."""
        encoder = parameters["encoder"]
        if parameters["heads"] == "task":
            return super(MTLERecipe, TaskHeadsRecipe).of(parameters)
        if isinstance(encoder, str) and encoder in OF_TASKS:
            raise ValueError(
                f"encoder={encoder!r} has layers that belong to a task, but heads='label' knows "
                "tasks by the texts of their labels. Pass heads='task', or encoder='bilstm' or "
                "'mean'."
            )
        return super().of(parameters)

    @property
    def network_encoder(self) -> str:
        """How the network makes a vector of a text; beside a pretrained encoder, by the mean."""
        return "mean" if self.is_pretrained else str(self.encoder)

    @property
    def is_pretrained(self) -> bool:
        """Whether the encoder is not one of the network's own."""
        return not (isinstance(self.encoder, str) and self.encoder in ENCODERS)

    @property
    def joint(self) -> bool:
        """Whether an encoder path may have n-grams beside its vectors."""
        return True

    def frozen_encoder(self, previous: Model[Self] | None) -> TextEncoder | None:
        """The pretrained encoder that embeds texts and labels, or None."""
        if not self.is_pretrained:
            return carried_encoder(None, previous)
        name = self.encoder
        if isinstance(name, str) and name.isidentifier() and not os.path.isdir(name):
            raise ValueError(
                f"encoder={name!r} is neither 'bilstm' nor 'mean', nor a folder. A pretrained "
                "encoder is given by its folder, by its name on the Hub ('owner/name'), or as an "
                "object with encode(texts) or transform(texts)."
            )
        return carried_encoder(self.encoder, previous)

    def first_mixture(self, n_texts: int, n_labels: int) -> Mixture:
        """How the paths are mixed where no held-out texts tell."""
        if not self.is_pretrained:
            return Mixture()
        return JOINT if is_joint(n_texts, n_labels) else SEPARATE

    @property
    def word_tables(self) -> tuple[str, ...]:
        """The network's tables with a row per word."""
        return ("embedding", "label_embedding", *self._weight_tables)

    @property
    def _weight_tables(self) -> tuple[str, ...]:
        return ("log_weight",) if self.network_encoder == "mean" else ()

    def task(self, task: Task, encoded: Any, previous: Model[Self] | None, update: bool) -> Task:
        """What is settled about a task at first, among that the words of its labels."""
        if previous is not None and previous.recipe.heads != self.heads:
            raise ValueError(
                f"Cannot go on from the previous fit, which had heads={previous.recipe.heads!r}, "
                f"with heads={self.heads!r}. Keep the former, or fit anew with warm_start=False."
            )
        return super().task(self._known_by_words(task), encoded, previous, update)

    def _known_by_words(self, task: Task) -> Task:
        """The task with the words of its labels, settled when it is first trained."""
        if task.trained:
            return task
        return replace(task, label_words=distinct_words(task, self.settings.text_tokenizer))

    def words(
        self, corpus: Any, previous: Model[Self] | None, trained_on: np.ndarray | None = None
    ) -> tuple[Vocabulary, TokenIds]:
        """The words of texts and labels, and rare ones that have pretrained vectors."""
        of_labels = _words_of(corpus.tasks.values())
        known = previous.vocabulary if previous else None
        vocabulary, token_ids = read_words(
            self.settings, corpus.documents, known, trained_on, of_labels, corpus.has_few_texts
        )
        rare = token_ids.unknown_words
        if self.vectors is None or self.settings.max_features is not None or not rare:
            return vocabulary, token_ids
        # A word may be too rare to be trained here and still have a meaningful vector.
        found = have_vectors(rare, self.vectors)
        larger = vocabulary.extended(word for word, has in zip(rare, found, strict=True) if has)
        return renumbered(larger, vocabulary, token_ids)

    def options(self, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the network."""
        return {
            "n_words": len(vocabulary),
            "label_words": [
                [[vocabulary[word] for word in words] for words in task.label_words]
                for task in tasks.values()
            ],
            "embedding_dim": self.embedding_dim,
            "encoder": self.network_encoder,
            "hidden_size": self.hidden_size,
            "pooling": self.pooling,
            "matcher": self.matcher,
            "matcher_size": self.matcher_size,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "multilabel": [task.multilabel for task in tasks.values()],
        }

    @torch.no_grad()
    def start(
        self,
        network: Any,
        tasks: Mapping[Any, Task],
        vocabulary: Vocabulary,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """Pretrained vectors in both tables, and how many labels a text has."""
        self._start_words(network, vocabulary, first, _counts(train, vocabulary))
        if first or train is None:
            return
        self._start_bias(network, tasks, train)
        # Nothing is known about an unseen word.
        network.embedding.weight[UNKNOWN_ID] = 0
        if self.network_encoder == "mean":
            network.log_weight.weight[UNKNOWN_ID] = math.log(COMMON / (COMMON + 1))

    def _start_bias(self, network: Any, tasks: Mapping[Any, Task], train: TaskDatasets) -> None:
        """How many labels a text has."""
        sets: list[Any] = [part.targets for part in train.parts if sp.issparse(part.targets)]
        if sets and isinstance(network.matcher, CosineMatcher):
            # Most labels are absent from a text; a softmax ignores what all scores have in common.
            shares = [(codes.nnz + 1) / (np.prod(codes.shape) + 2) for codes in sets]
            network.matcher.bias.fill_(float(np.mean(logit(shares))))

    def start_labels(
        self, network: MTLE, task: Task, vocabulary: Vocabulary, new: np.ndarray, first: int
    ) -> None:
        """Words that only new labels have change nothing in how texts are read."""
        unknown_in_texts(network, first)

    @torch.no_grad()
    def finish(self, network: MTLE, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> None:
        """Let words that no label was trained with mean in labels what they mean in texts."""
        words = torch.ones(len(vocabulary), dtype=torch.bool)
        of_labels = _words_of(task for task in tasks.values() if task.trained)
        words[[vocabulary[word] for word in of_labels]] = False
        words = words.to(network.embedding.weight.device)
        network.label_embedding.weight[words] = network.embedding.weight[words]

    def dataset(
        self, part: TextDataset, task: Task, vocabulary: Any, training: bool
    ) -> NumberedDataset:
        """The texts, with the number of their task."""
        return NumberedDataset(**vars(part))

    def net_arguments(
        self, tasks: Mapping[Any, Task], train: TaskDatasets | None, device: str
    ) -> dict[str, Any]:
        """Batches are drawn by task; texts have states beside their words."""
        states = 0 if self.network_encoder in ("mean", "dnn") else 10 * self.hidden_size
        most = max((task.targets.n_labels for task in tasks.values()), default=1)
        return {
            **super().net_arguments(tasks, train, device),
            "iterator_train": TaskBatches,
            "iterator_train__sampling": self.task_sampling,
            "iterator_valid__max_tokens": most_tokens(max(most, self.embedding_dim + states)),
        }

    def budget(self, tasks: Mapping[Any, Task]) -> Budget:
        """What "auto" stands for: label sets take longer."""
        return OF_LABEL_SETS if any(task.multilabel for task in tasks.values()) else OF_CLASSES

    def holds_out(self, task: Task) -> bool:
        """Whether thresholds of a task, or the best epoch, are chosen by held-out texts."""
        tunes = task.multilabel and self.settings.tunes_thresholds
        return self.is_pretrained or self.settings.patience is not None or tunes

    @torch.no_grad()
    def _start_words(
        self, network: Any, vocabulary: Vocabulary, first: int, counts: np.ndarray
    ) -> None:
        """Let the words from an id on start from their pretrained vectors, in both tables."""
        if self.vectors is None or first == len(vocabulary):
            return
        with warnings.catch_warnings():
            if first:  # Few new words may well lack vectors: no warning.
                warnings.simplefilter("ignore", UserWarning)
            values, found = vectors_of(
                vocabulary, self.vectors, most_dimensions=self.embedding_dim, first=first
            )
        if not found.any() and not network.vector_scale:
            return
        own, width = counts[first:], values.shape[1]
        vectors = torch.from_numpy(values[found]).to(network.embedding.weight)
        if not network.vector_scale:
            # What all words have in common, weighted by frequency, says nothing about a text.
            if own[found].any():
                mean = np.average(values[found], axis=0, weights=own[found])
                network.vector_mean[:width] = torch.from_numpy(mean)
            spread = float((vectors - network.vector_mean[:width]).std(correction=0))
            network.vector_scale.fill_(WORD_STD / spread if spread > 1e-9 else 1.0)
        vectors = (vectors - network.vector_mean[:width]) * network.vector_scale
        with_vector, without = (
            torch.from_numpy(first + np.flatnonzero(which)).to(vectors.device)
            for which in (found, ~found)
        )
        for name in self.word_tables:
            if name in self._weight_tables:
                continue
            table = getattr(network, name).weight
            table[with_vector, :width] = vectors
            table[without] *= WITHOUT_VECTOR
        if self.network_encoder == "mean":
            share = torch.from_numpy(own / max(1, counts.sum())).to(vectors)
            network.log_weight.weight[first:, 0] = (COMMON / (COMMON + share)).log()


class TaskHeadsRecipe(MTLERecipe):
    """The same with an output layer for each task: nothing is known by texts of labels."""

    network: ClassVar[type[nn.Module]] = MultiTaskNetwork
    task_parts: ClassVar[tuple[str, ...]] = ("heads",)

    @property
    def word_tables(self) -> tuple[str, ...]:
        """The network's tables with a row per word."""
        return ("embedding", *self._weight_tables)

    def frozen_encoder(self, previous: Model[Self] | None) -> TextEncoder | None:
        """None; a pretrained encoder is refused, because it needs the texts of labels."""
        if self.is_pretrained:
            raise ValueError(
                f"encoder={self.encoder!r} is not one of {', '.join(ENCODERS)}. A pretrained "
                "encoder embeds the texts of labels, which heads='task' does not read: pass "
                "heads='label' with it."
            )
        return super().frozen_encoder(previous)

    def _known_by_words(self, task: Task) -> Task:
        """The task as it is: texts of labels are not read."""
        return task

    def options(self, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the network."""
        return {
            "n_words": len(vocabulary),
            "n_labels": [task.targets.n_labels for task in tasks.values()],
            "embedding_dim": self.embedding_dim,
            "encoder": self.encoder,
            "hidden_size": self.hidden_size,
            "pooling": self.pooling,
            "window_size": self.window_size,
            "n_segments": self.n_segments,
            "segment_size": self.segment_size,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
        }

    def _start_bias(self, network: Any, tasks: Mapping[Any, Task], train: TaskDatasets) -> None:
        """How frequent each label is."""
        sizes = [task.targets.n_labels for task in tasks.values()]
        for part in train.parts:
            prior = prior_logits(part.targets, sizes[part.task])
            network.heads[part.task].output.bias.copy_(torch.from_numpy(prior))

    def finish(self, network: Any, tasks: Mapping[Any, Task], vocabulary: Vocabulary) -> None:
        """Nothing follows from other weights."""


@torch.no_grad()
def unknown_in_texts(network: MTLE, first: int) -> None:
    """Let words from an id on be read in texts as the unknown words that they were."""
    tables = [network.embedding, getattr(network, "log_weight", None)]
    for table in tables:
        if table is not None:
            table.weight[first:] = table.weight[UNKNOWN_ID]


def _words_of(tasks: Iterable[Task]) -> list[str]:
    return [word for task in tasks for words in task.label_words for word in words]


def _counts(train: TaskDatasets | None, vocabulary: Vocabulary) -> np.ndarray:
    """How often each id occurs in the training texts."""
    counts = np.zeros(len(vocabulary), dtype=np.int64)
    for part in train.parts if train is not None else ():
        ids = part.token_ids.ids
        known = np.where(ids < len(vocabulary), ids, UNKNOWN_ID)
        counts += np.bincount(known, minlength=len(vocabulary))
    return counts
