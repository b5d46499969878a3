"""Explanations of a fitted document classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sklabelemb.decision import probabilities
from sklabelemb.device import explained_memory_errors
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.learning import Task
from sklabelemb.readout import Readout
from sklabelemb.text import TokenIds, tokens_with_spans

__all__ = ["DocumentReadout"]


class DocumentReadout(Readout):
    """The answers of a document classifier."""

    def explain(self, documents: Sequence[str], task: Task) -> list[Explanation]:
        """Attention and contributions of every word, the linear path included."""
        settings = self.model.recipe.settings
        texts = self.encode(documents)
        logits = self.logits(texts, task)
        proba = probabilities(logits, task.multilabel)
        predicted = self.decisions(logits, task)
        explanations = []
        for row, document in enumerate(documents):
            text = texts.take([row])
            tokens, spans = tokens_with_spans(
                document, settings.text_tokenizer, settings.max_length
            )
            attention, contributions = self._of_words(text, task)
            if task.linear is not None:
                contributions = task.mixture.of_labels("deep") * contributions
                of_ngrams = task.linear.contributions(text, self.model.vocabulary)
                contributions += task.mixture.of_labels("wide") * of_ngrams
            explanations.append(
                Explanation(
                    text=document,
                    tokens=tokens,
                    spans=spans,
                    label_names=list(task.label_names),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=attention,
                    contributions=contributions,
                    network_weight=self.network_weight(task),
                )
            )
        return explanations

    def _of_words(self, text: TokenIds, task: Task) -> tuple[np.ndarray | None, np.ndarray]:
        """Attention (None without) and contributions of a text's words, (n_tokens, n_labels)."""
        net = self.model.net
        ids = self.dataset(text, task).batch(np.array([0]))[0]["ids"].to(net.device)
        network = net.module_
        network.eval()
        n_tokens = len(text.ids)
        with torch.inference_mode(), explained_memory_errors(net.device):
            reading = network.read(ids)
            contributions = reading.contributions
            found = (
                occlusion(lambda some, _: network(some), ids[0, :n_tokens])
                if contributions is None
                else contributions[0, :n_tokens]
            )
        attention = reading.attention
        if attention is not None:
            attention = attention[0, :n_tokens].float().cpu().numpy()
        return attention, found.float().cpu().numpy()
