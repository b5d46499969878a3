"""Explanations of a fitted MTLE."""

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

__all__ = ["MTLEReadout"]


class MTLEReadout(Readout):
    """The answers of an MTLE."""

    def explain(self, documents: Sequence[str], task: Task) -> list[Explanation]:
        """Contributions of every word, exact or by occlusion."""
        settings = self.model.recipe.settings
        texts = self.encode(documents)
        logits = self.logits(texts, task)
        proba = probabilities(logits, task.multilabel)
        predicted = self.decisions(logits, task)
        explanations = []
        for row, document in enumerate(documents):
            tokens, spans = tokens_with_spans(
                document, settings.text_tokenizer, settings.max_length
            )
            contributions, meaning = self._contributions(texts.take([row]), task), None
            if task.encoded is not None:
                contributions = task.mixture.of_labels("deep") * contributions
                of_ngrams = task.encoded.contributions(texts.take([row]), self.model.vocabulary)
                contributions = contributions + task.mixture.of_labels("encoded") * of_ngrams
                meaning = (
                    task.mixture.of_labels("encoded") * task.encoded.meaning(texts.take([row]))[0]
                )
            explanations.append(
                Explanation(
                    text=document,
                    tokens=tokens,
                    spans=spans,
                    label_names=list(task.label_names),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=None,
                    contributions=contributions,
                    meaning=meaning,
                    network_weight=self.network_weight(task),
                )
            )
        return explanations

    def _contributions(self, text: TokenIds, task: Task) -> np.ndarray:
        """What each token added to each label's logit, shape (n_tokens, n_labels)."""
        number, net = self.model.number_of(task), self.model.net
        data = self.dataset(text, task)
        ids = data.batch(np.array([0]))[0]["ids"].to(net.device)
        network = net.module_
        network.eval()
        n_tokens = len(data.token_ids.ids)
        with torch.inference_mode(), explained_memory_errors(net.device):
            shares = network.shares(ids, number)
            found = (
                occlusion(lambda some, _: network(some, number), ids[0, :n_tokens])
                if shares is None
                else shares[0]
            )
        return found[:n_tokens].float().cpu().numpy()
