"""What LACO knows: its encoder, how text and labels share it, and where training starts."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from sklabelemb.encoders import (
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)
from sklabelemb.laco.network import LACO
from sklabelemb.laco.readout import LACOReadout
from sklabelemb.laco.samples import CooccurrenceDataset
from sklabelemb.laco.tagging import LabelTagger
from sklabelemb.learning import (
    Budget,
    LengthBuckets,
    Model,
    Recipe,
    Task,
    TaskDatasets,
    TextDataset,
)
from sklabelemb.learning.weights import prior_logits
from sklabelemb.learning.words import read_words
from sklabelemb.linear import Mixture
from sklabelemb.text import TokenIds, WordPieces

__all__ = ["LACORecipe"]

# The words of a fresh vocabulary that stand for the marks of a sequence; no text has them.
MARKS = ("\0[CLS]", "\0[SEP]")
# The largest batch is the paper's.
BUDGET = Budget(
    steps=2000,
    fewest_epochs=3,
    most_epochs=10,
    batches_an_epoch=60,
    smallest_batch=8,
    largest_batch=32,
)
FEWEST_POSITIONS = 8
# An encoder that was pretrained is ahead of a linear model where texts are few.
FEW_TEXTS = Mixture(deep=1.0, wide=0.5, offset=0.0)
# Tokens, labels included, that go through the encoder at a time while predicting; on a CPU more of
# them fall out of its cache (benchmarks/joint_speed.py).
PREDICTION_TOKENS = {"cpu": 1 << 11, "cuda": 1 << 16}
# Length of the vectors in the head that start from label texts.
HEAD_LENGTH = 1.0
# What the tokenizer of a pretrained encoder knows already.
OF_FRESH_ENCODERS = {
    "tokenizer": None,
    "lowercase": True,
    "mask_numbers": False,
    "max_features": None,
    "min_df": 2,
}


@dataclass(frozen=True, kw_only=True)
class LACORecipe(Recipe):
    """The parameters of `LACOClassifier`, and what follows from them."""

    encoder: Any
    joint_embedding: bool
    cross_attention: bool
    window_size: int
    similarity: str
    head: str
    n_rounds: int
    label_token_weight: float | None
    cooccurrence: str | None
    alpha: float
    gamma: float
    cooccurrence_weight: float
    freeze_layers: int | str
    dropout: float
    attention_dropout: float | None
    wide: bool
    accumulation_steps: int
    encoder_learning_rate: float | str
    max_grad_norm: float | None

    network: ClassVar[type[nn.Module]] = LACO
    readout: ClassVar[type] = LACOReadout
    label_rows: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "label_embedding.weight": (0,),
        "output.weight": (0,),
        "output.bias": (0,),
        "reasoning.feedback.weight": (0,),
    }

    # -- texts -----------------------------------------------------------------------------------

    @property
    def encoder_name(self) -> str | None:
        """Name or folder of the pretrained encoder; None for a fresh one."""
        return None if is_configuration(self.encoder) else os.fspath(self.encoder)

    def words(
        self, corpus: Any, previous: Model[Self] | None, trained_on: np.ndarray | None = None
    ) -> tuple[Any, TokenIds]:
        """The words of the texts, or the pieces of the pretrained encoder."""
        self._check_encoder(previous)
        settings, documents = self.settings, corpus.documents
        known = previous.vocabulary if previous else None
        vocabulary: Any
        if self.encoder_name is None:
            # The words are those that the encoder reads.
            vocabulary, token_ids = read_words(
                settings, documents, known, trained_on, MARKS, corpus.has_few_texts
            )
            if self.wide:
                token_ids = vocabulary.encode(documents, settings.text_tokenizer, keep_unknown=True)
        else:
            vocabulary = known or WordPieces(**pretrained_tokenizer(self.encoder))
            token_ids = vocabulary.encode(
                documents, max_length=None if self.wide else settings.max_length
            )
        [task] = corpus.tasks.values()
        self._warn_about_cuts(token_ids, task, vocabulary)
        return vocabulary, token_ids

    def _check_encoder(self, previous: Model[Self] | None) -> None:
        """Check that training can go on, and that nothing is set that the encoder has."""
        name = self.encoder_name
        if previous and isinstance(previous.vocabulary, WordPieces) == (name is None):
            raise ValueError(
                f"Cannot go on from the previous fit: encoder={self.encoder!r} is "
                f"{'fresh' if name is None else 'pretrained'}, and the one before was not. Keep "
                "the encoder, or fit anew with warm_start=False."
            )
        if name is None:
            return
        if previous and previous.recipe.encoder_name != name:
            raise ValueError(
                f"Cannot go on from the previous fit: it was of the encoder "
                f"{previous.recipe.encoder_name!r}, and encoder is {name!r} now. "
                "Keep the encoder, or fit anew with warm_start=False."
            )
        for parameter, usual in OF_FRESH_ENCODERS.items():
            if (value := getattr(self.settings, parameter)) != usual:
                raise ValueError(
                    f"{parameter}={value!r} is for fresh encoders. The encoder {self.encoder!r} "
                    f"brings its own tokenizer and vocabulary: leave {parameter} at {usual!r}."
                )

    def _warn_about_cuts(self, token_ids: TokenIds, task: Task, vocabulary: Any) -> None:
        room = self._room(task, vocabulary)
        n_cut = int((token_ids.lengths > room).sum())
        max_length = self.settings.max_length
        if not n_cut or (max_length is not None and max_length <= room):
            return
        why = "it has no positions for more"
        advice = ""
        if self.joint_embedding:
            why = f"the {task.targets.n_labels} labels share its positions with them"
            advice = ", and joint_embedding=False leaves all positions to the text"
        warnings.warn(
            f"The encoder reads {n_cut} of {len(token_ids)} texts only up to token {room}: "
            f"{why}. A smaller max_length makes the cut without this warning{advice}.",
            UserWarning,
            stacklevel=2,
        )

    def dataset(
        self, part: TextDataset, task: Task, vocabulary: Any, training: bool
    ) -> TextDataset:
        """The beginnings of the texts; in training, with the labels that the network is given."""
        room = self._room(task, vocabulary)
        part = replace(part, max_length=self.shortened(room))
        asked, tagged = self._asked(task), self._head(task) == "tagger"
        # What is held out is for scores; nothing is drawn for it.
        if not training or (asked is None and not tagged):
            return part
        return CooccurrenceDataset(**vars(part), tasks=asked, gamma=self.gamma, tagged=tagged)

    def shortened(self, room: int) -> int:
        """How many tokens of a text the encoder reads, if it has room for this many."""
        most = self.settings.max_length
        return room if most is None else min(room, most)

    def _asked(self, task: Task) -> str | None:
        """The tasks of co-occurrence; they ask about what the encoder makes of several labels."""
        return self.cooccurrence if task.multilabel and self.joint_embedding else None

    def _head(self, task: Task) -> str:
        """What makes logits; single classes are neither tagged nor reasoned with."""
        return self.head if task.multilabel else "linear"

    def _division(
        self, configuration: dict[str, Any], sizes: Sequence[int]
    ) -> tuple[int, list[int]]:
        """How many of the encoder's positions a text may take, and how many labels at a time.

        Labels that were added together are read together, apart from others. `sizes` are the
        numbers of labels in these groups, those of the fit first.
        """
        positions = longest_sequence(configuration)
        if positions < FEWEST_POSITIONS:
            raise ValueError(
                f"The encoder has {positions} positions (max_position_embeddings); text and labels "
                f"need at least {FEWEST_POSITIONS}."
            )
        if not self.joint_embedding:
            return positions - 2, [sum(sizes)]
        positions -= 3
        # A text keeps half of the positions, or what it is cut to anyway.
        most = max(positions // 2, positions - (self.settings.max_length or positions))
        blocks: list[int] = []
        for n_labels in sizes:
            n_blocks = math.ceil(n_labels / most)
            blocks.append(math.ceil(n_labels / n_blocks))
            # Labels that come later leave texts as long as they were.
            most = positions - self.shortened(positions - blocks[0])
        return positions - max(blocks), blocks

    def _room(self, task: Task, vocabulary: Any) -> int:
        """How many of the encoder's positions a text may take."""
        return self._division(self._configuration(vocabulary), _sizes(task))[0]

    def _blocks(self, configuration: dict[str, Any], task: Task) -> dict[str, Any]:
        """How many labels are read at a time, and which, as options of the network."""
        _, blocks = self._division(configuration, _sizes(task))
        of_label = None
        if task.added is not None and len(blocks) > 1:
            places = np.empty(len(task.added), dtype=np.int64)
            first = 0
            for call, block in enumerate(blocks):
                labels = np.flatnonzero(task.added == call)
                places[labels] = first + np.arange(len(labels)) // block
                first = places[labels[-1]] + 1
            of_label = places.tolist()
        return {"block_size": max(blocks), "block_of_label": of_label}

    def _configuration(self, vocabulary: Any) -> dict[str, Any]:
        if isinstance(vocabulary, WordPieces):
            return vocabulary.encoder
        return fresh_configuration(self.encoder, len(vocabulary))

    # -- the network -----------------------------------------------------------------------------

    def options(self, tasks: Mapping[Any, Task], vocabulary: Any) -> dict[str, Any]:
        """Keyword arguments of the network."""
        [task] = tasks.values()
        configuration = dict(self._configuration(vocabulary))
        if self.attention_dropout is not None:
            for name in ("attention_probs_dropout_prob", "attention_dropout"):
                if name in configuration:
                    configuration[name] = self.attention_dropout
        n_layers = int(configuration.get("num_hidden_layers", configuration.get("n_layers", 0)))
        frozen = n_layers if self.freeze_layers == "all" else int(self.freeze_layers)
        if frozen > n_layers:
            raise ValueError(
                f"freeze_layers={frozen}, but the encoder has {n_layers} layers. Use "
                "freeze_layers='all' to train none of it."
            )
        if self.head == "tagger" and not self.joint_embedding:
            raise ValueError(
                "head='tagger' decides from the labels' states, which have not seen the text with "
                "joint_embedding=False. Use joint_embedding=True, or head='linear'."
            )
        pretrained = isinstance(vocabulary, WordPieces)
        marks = (
            (vocabulary.cls_id, vocabulary.sep_id)
            if pretrained
            else (vocabulary[MARKS[0]], vocabulary[MARKS[1]])
        )
        return {
            "encoder": configuration,
            "n_labels": task.targets.n_labels,
            "cls_id": marks[0],
            "sep_id": marks[1],
            "id_shift": 1 if pretrained else 0,
            "joint_embedding": self.joint_embedding,
            "cross_attention": self.cross_attention,
            "window_size": self.window_size,
            "similarity": self.similarity,
            "head": self._head(task),
            "n_rounds": self.n_rounds,
            **self._blocks(configuration, task),
            "label_token_weight": self.label_token_weight,
            "cooccurrence": self._asked(task),
            "alpha": self.alpha,
            "cooccurrence_weight": self.cooccurrence_weight,
            "freeze_layers": frozen,
            # Vectors that do not start from texts must learn what they stand for.
            "freeze_labels": self._texts_start_all_labels(task, vocabulary),
            "dropout": self.dropout,
        }

    @torch.no_grad()
    def start(
        self,
        network: LACO,
        tasks: Mapping[Any, Task],
        vocabulary: Any,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """The encoder's weights, labels and head from label texts, prior frequencies."""
        if first or train is None:
            return  # later words start at random
        [task] = tasks.values()
        if isinstance(vocabulary, WordPieces):
            network.encoder.load_state_dict(
                {
                    name: value
                    for name, value in pretrained_weights(self.encoder).items()
                    if not name.startswith("pooler.")
                }
            )
        labels = np.arange(task.targets.n_labels)
        self._start_labels(network, task, vocabulary, labels)
        prior = torch.from_numpy(prior_logits(train.parts[0].targets, task.targets.n_labels))
        if isinstance(network.output, LabelTagger):
            # All labels have one constant, and nothing else that a text could start.
            network.output.emission.bias.fill_(prior.mean())
            return
        self._start_head(network.output, network, task, vocabulary, labels)
        network.output.bias.copy_(prior)

    @torch.no_grad()
    def start_labels(
        self, network: LACO, task: Task, vocabulary: Any, new: np.ndarray, first: int
    ) -> None:
        """New labels' tokens and head from their texts, as the trained encoder reads them."""
        head = network.output
        if isinstance(head, LabelTagger) or network.reasoning is not None:
            raise ValueError(
                f"With head={self.head!r} the score of a label depends on all labels, so new ones "
                "would change what is predicted for the others. Fit anew with all labels, or use "
                "head='linear'."
            )
        old = np.setdiff1d(np.arange(task.targets.n_labels), new)
        head.bias[new] = head.bias[old].mean()
        head.weight[new] = 0.0
        self._start_labels(network, task, vocabulary, new)
        self._start_head(head, network, task, vocabulary, new)
        length = head.weight[old].norm(dim=1).median()
        head.weight[new] *= length / HEAD_LENGTH

    def _start_labels(self, network: LACO, task: Task, vocabulary: Any, labels: np.ndarray) -> None:
        """The token of a label: the mean of the encoder's vectors of the pieces of its text."""
        table, words = network.label_embedding, network.embedding
        if table is None or table.embedding_dim != words.embedding_dim:
            return
        pieces = self._pieces_of_labels(task, vocabulary) or []
        for label in labels if pieces else []:
            if len(ids := pieces[label]):
                here = torch.from_numpy(ids.astype(np.int64)).to(words.weight.device)
                table.weight[label] = words.weight[here].mean(dim=0)

    def _pieces_of_labels(self, task: Task, vocabulary: Any) -> list[np.ndarray] | None:
        """Rows of the encoder's table for each label's text; None where the labels have none."""
        texts = task.label_texts
        if texts is None:
            return None
        if isinstance(vocabulary, WordPieces):
            pieces = vocabulary.encode(texts)
            return [pieces.row(label) - 1 for label in range(len(texts))]
        words = task.words_of_labels(self.settings.text_tokenizer)
        some = [[vocabulary.id(word) for word in own] for own in words]
        return [np.array([i for i in ids if i > 1], dtype=np.int32) for ids in some]

    def _texts_start_all_labels(self, task: Task, vocabulary: Any) -> bool:
        pieces = self._pieces_of_labels(task, vocabulary)
        return pieces is not None and all(len(ids) for ids in pieces)

    def _start_head(
        self, head: nn.Linear, network: LACO, task: Task, vocabulary: Any, labels: np.ndarray
    ) -> None:
        """What is looked for in a text: at first, what the encoder makes of label texts."""
        texts = task.label_texts
        if not texts or not isinstance(vocabulary, WordPieces):
            return
        token_ids = vocabulary.encode(texts, max_length=self.settings.max_length)
        room = longest_sequence(vocabulary.encoder) - 2
        data = TextDataset(token_ids.truncated(room), n_words=len(vocabulary))
        vectors = torch.zeros_like(head.weight)
        network.eval()
        for rows in LengthBuckets(data, batch_size=32).batches():
            vectors[rows] = network.text_vectors(data.batch(rows)[0]["ids"].to(vectors.device))
        network.train()
        # What all labels have in common tells none from another.
        vectors -= vectors.mean(dim=0)
        length = vectors.norm(dim=1, keepdim=True)
        usable = (token_ids.lengths > 0) & (length.squeeze(1).cpu().numpy() > 1e-6)
        some = np.intersect1d(usable.nonzero()[0], labels)
        head.weight[some] = HEAD_LENGTH * (vectors / length)[some]

    def net_arguments(
        self, tasks: Mapping[Any, Task], train: TaskDatasets | None, device: str
    ) -> dict[str, Any]:
        """Step sizes of encoder and heads, and labels that are read beside each text."""
        [task] = tasks.values()
        encoders = {"lr": self._encoder_rate()}
        undecayed = {"weight_decay": 0.0}
        return {
            **super().net_arguments(tasks, train, device),
            "accumulation_steps": self.accumulation_steps,
            "optimizer__param_groups": [
                ("encoder.*bias", encoders | undecayed),
                ("encoder.*[nN]orm*", encoders | undecayed),
                ("encoder.*", encoders),
                ("*bias", undecayed),
            ],
            "iterator_valid__batch_size": 256,
            "iterator_valid__max_tokens": PREDICTION_TOKENS[
                "cuda" if device.startswith("cuda") else "cpu"
            ],
            "iterator_valid__tokens_beside": task.targets.n_labels + 3
            if self.joint_embedding
            else 2,
        }

    def _encoder_rate(self) -> float:
        if isinstance(self.encoder_learning_rate, str):
            return self.settings.learning_rate if self.encoder_name is None else 1e-4
        return float(self.encoder_learning_rate)

    def first_mixture(self, n_texts: int, n_labels: int) -> Mixture:
        """How network and linear model are mixed where no held-out texts tell."""
        return FEW_TEXTS

    def budget(self, tasks: Mapping[Any, Task]) -> Budget:
        """What "auto" stands for."""
        return BUDGET


def _sizes(task: Task) -> list[int]:
    """How many labels came together, those of the fit first."""
    return [task.targets.n_labels] if task.added is None else np.bincount(task.added).tolist()
