"""Explanations and document vectors of a fitted LEAM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sklabelemb.decision import probabilities
from sklabelemb.device import explained_memory_errors
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.leam.network import Reading
from sklabelemb.learning import LengthBuckets, Task
from sklabelemb.readout import Readout
from sklabelemb.text import TokenIds, tokens_with_spans

__all__ = ["LEAMReadout"]

# Numbers per batch and dimension that an explanation may keep.
READING_ELEMENTS = 1 << 20


class LEAMReadout(Readout):
    """The answers of a LEAM."""

    def vectors(self, documents: Sequence[str], task: Task) -> np.ndarray:
        """Document vectors z of equation (6), float32 of shape ``(n_texts, embedding_dim)``."""
        dim = int(self.model.net.module_.embedding.embedding_dim)
        result = np.empty((len(documents), dim), dtype=np.float32)
        for indices, reading in self._readings(self.encode(documents), task):
            result[indices] = reading.vectors.float().cpu().numpy()
        return result

    def explain(self, documents: Sequence[str], task: Task) -> list[Explanation]:
        """Attention and contributions of every word, all paths together."""
        vocabulary, settings = self.model.vocabulary, self.model.recipe.settings
        explanations: list[Any] = [None] * len(documents)
        token_ids = self.encode(documents)
        for indices, reading in self._readings(token_ids, task):
            logits = reading.logits.float().cpu().numpy()
            attention = reading.attention.float().cpu().numpy()
            contributions = reading.contributions.float().cpu().numpy()
            some = token_ids.take(indices)
            logits = self.mixed(logits, some, task)
            if task.linear is not None or task.encoded is not None:
                contributions = task.mixture.of_labels("deep") * contributions
            for path, weight in self.linear_paths(task):
                of_words = np.split(path.contributions(some, vocabulary), some.offsets[1:-1])
                for row, shares in enumerate(of_words):
                    contributions[row, : len(shares)] += weight * shares
            meaning = None
            if task.encoded is not None:
                meaning = task.mixture.of_labels("encoded") * task.encoded.meaning(some)
            proba = probabilities(logits, task.multilabel)
            predicted = self.decisions(logits, task)
            for row, index in enumerate(indices):
                tokens, spans = tokens_with_spans(
                    documents[index], settings.text_tokenizer, settings.max_length
                )
                explanations[index] = Explanation(
                    text=documents[index],
                    tokens=tokens,
                    spans=spans,
                    label_names=list(task.label_names),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=attention[row, : len(tokens)],
                    contributions=contributions[row, : len(tokens)],
                    meaning=None if meaning is None else meaning[row],
                    network_weight=self.network_weight(task),
                )
        return explanations

    def _readings(self, token_ids: TokenIds, task: Task) -> Iterator[tuple[np.ndarray, Reading]]:
        """The network's readings, batch by batch, with the indices of the batch's texts."""
        data = self.dataset(token_ids, task)
        # Everything is kept per word, label and dimension here, so batches are small.
        tokens = max(64, READING_ELEMENTS // task.targets.n_labels)
        net = self.model.net
        network = net.module_
        network.eval()
        for indices in LengthBuckets(data, batch_size=32, max_tokens=tokens).batches():
            ids = data.batch(indices)[0]["ids"].to(net.device)
            with explained_memory_errors(net.device):
                yield indices, network.read(ids)
