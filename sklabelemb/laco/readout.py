"""What a fitted LACO saw in texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from sklabelemb.decision import probabilities
from sklabelemb.device import explained_memory_errors
from sklabelemb.encoders import longest_sequence
from sklabelemb.inspection.joint_explanation import JointExplanation
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.laco.network import LabelReading
from sklabelemb.learning import LengthBuckets, Task, TextDataset
from sklabelemb.readout import Readout
from sklabelemb.text import TokenIds, WordPieces, tokens_with_spans

__all__ = ["LACOReadout"]

# Numbers that an explanation may keep at a time.
READING_ELEMENTS = 1 << 24
# Tokens, labels included, that are read at a time to see what is lost without each.
OCCLUSION_TOKENS = 1 << 11


class LACOReadout(Readout):
    """The answers of a LACO."""

    def encode(self, documents: Sequence[str]) -> TokenIds:
        """The texts as token ids: whole, if a wide path reads them, or their beginnings."""
        model = self.model
        settings = model.recipe.settings
        # A wide path reads a text whole, of which the encoder reads the beginning.
        whole = model.recipe.wide
        ids: TokenIds = model.vocabulary.encode(
            documents,
            settings.text_tokenizer,
            max_length=None if whole else settings.max_length,
            keep_unknown=True,
        )
        return ids

    def dataset(self, token_ids: TokenIds, task: Task) -> TextDataset:
        """The texts as the encoder reads them."""
        model = self.model
        options = model.options
        room = longest_sequence(options["encoder"]) - 2
        if options["joint_embedding"]:
            room -= options["block_size"] + 1
        most = model.recipe.shortened(room)
        return TextDataset(token_ids, n_words=len(model.vocabulary), max_length=most)

    def explain(self, documents: Sequence[str], task: Task) -> list[JointExplanation]:
        """Attention and contributions of every word, and attention among the labels."""
        vocabulary = self.model.vocabulary
        token_ids = self.encode(documents)
        data = self.dataset(token_ids, task)
        shown = token_ids.lengths if task.linear is not None else data.lengths
        explanations: list[Any] = [None] * len(documents)
        for indices, reading in self._readings(data, task):
            logits = reading.logits.float().cpu().numpy()
            if task.linear is not None:
                logits = task.mixture(
                    logits, task.linear.scores(token_ids.take(indices), vocabulary)
                )
            proba = probabilities(logits, task.multilabel)
            predicted = self.decisions(logits, task)
            for row, index in enumerate(indices):
                ids = token_ids.row(index)[: shown[index]]
                tokens, spans, owners = self._words(documents[index], len(ids))
                read = ids[: data.max_length]
                contributions = self._losses(read, owners, len(tokens), task)
                if task.linear is not None:
                    contributions = task.mixture.of_labels("deep") * contributions
                    shares = task.linear.contributions(token_ids.take([index]), vocabulary)
                    shares = _added(shares, owners, len(tokens))
                    contributions = contributions + task.mixture.of_labels("wide") * shares
                attention = None
                if reading.attention is not None:
                    attention = reading.attention[row, : len(read)].float().cpu().numpy()
                explanations[index] = JointExplanation(
                    text=documents[index],
                    tokens=tokens,
                    spans=spans,
                    label_names=list(task.label_names),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=None
                    if attention is None
                    else _shares(_means(attention, owners, len(tokens))),
                    contributions=contributions,
                    affinity=None
                    if reading.affinity is None
                    else reading.affinity[row].float().cpu().numpy(),
                    network_weight=self.network_weight(task),
                )
        return explanations

    def _words(
        self, text: str, n_tokens: int
    ) -> tuple[list[str], list[tuple[int, int] | None], list[int]]:
        """Words to show, where they stand, and the word that each token belongs to."""
        vocabulary = self.model.vocabulary
        if isinstance(vocabulary, WordPieces):
            words, places, owners = vocabulary.words_of(text, n_tokens)
            return words, list(places), owners
        tokenizer = self.model.recipe.settings.text_tokenizer
        tokens, spans = tokens_with_spans(text, tokenizer, n_tokens)
        return tokens, spans, list(range(len(tokens)))

    def _losses(
        self, ids: np.ndarray, owners: Sequence[int], n_words: int, task: Task
    ) -> np.ndarray:
        """What the network's logits lose without each word, shape (n_words, n_labels).

        Zero for words that the encoder does not read. The states of words have seen the whole text,
        so neither their attention nor their shares in a logit measure what a word contributed.
        """
        net = self.model.net
        beside = net.get_params_for("iterator_valid")["tokens_beside"]
        data = self.dataset(TokenIds(ids, np.array([0, len(ids)])), task)
        tokens = data.batch(np.array([0]))[0]["ids"].to(net.device)[0, : len(ids)]
        with explained_memory_errors(net.device):
            losses = occlusion(
                lambda some, left_out: net.module_(some),
                tokens,
                OCCLUSION_TOKENS,
                max_texts=max(1, OCCLUSION_TOKENS // (len(ids) + beside)),
                owners=torch.tensor(owners[: len(ids)], dtype=torch.int64, device=tokens.device),
            )
        found = np.zeros((n_words, losses.shape[1]), dtype=np.float32)
        found[: len(losses)] = losses.float().cpu().numpy()
        return found

    def _readings(self, data: TextDataset, task: Task) -> Iterator[tuple[np.ndarray, LabelReading]]:
        """The network's readings, batch by batch, with the indices of the batch's texts."""
        net = self.model.net
        network = net.module_
        network.eval()
        shown = network.showing_encoder()
        config = network.encoder.config
        heads = config.num_attention_heads * config.num_hidden_layers
        # Explanations keep the encoder's attention weights, which grow with the square.
        longest = int(data.lengths.max(initial=0)) + task.targets.n_labels
        size = max(1, min(32, READING_ELEMENTS // (heads * longest * longest)))
        for indices in LengthBuckets(data, batch_size=size).batches():
            ids = data.batch(indices)[0]["ids"].to(net.device)
            with explained_memory_errors(net.device):
                yield indices, network.read(ids, shown)


def _means(values: np.ndarray, owners: Sequence[int], n_words: int) -> np.ndarray:
    """Values of pieces, averaged by the word that they belong to; words beyond them get 0."""
    read = np.asarray(owners[: len(values)], dtype=np.int64)
    sizes = np.bincount(read, minlength=n_words)[:, None]
    return _added(values, read, n_words) / np.maximum(sizes, 1)


def _shares(attention: np.ndarray) -> np.ndarray:
    """Attention of words, each label's column scaled to the sum one."""
    return attention / np.maximum(attention.sum(axis=0, keepdims=True), 1e-12)


def _added(values: np.ndarray, owners: Sequence[int] | np.ndarray, n_words: int) -> np.ndarray:
    """Values of pieces, added up by the word that they belong to."""
    sums = np.zeros((n_words, *values.shape[1:]), dtype=values.dtype)
    np.add.at(sums, np.asarray(owners, dtype=np.int64), values)
    return sums
