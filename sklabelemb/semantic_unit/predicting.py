"""Predictions of a sequence classifier: beams, marginals, sequences and explanations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.special import logit
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.decision import decide, probabilities
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.semantic_unit.answers import LabelSequence, SequenceExplanation
from sklabelemb.semantic_unit.decoding import Beams, beam_search
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.text import TokenIds, check_documents, tokens_with_spans
from sklabelemb.training import LengthBuckets, TextDataset, TextNet
from sklabelemb.training.net import explained_memory_errors

__all__ = ["SequenceAnswers", "found_sequences"]

# Numbers that a batch may take while it is decoded, and texts that it has at most.
DECODING_ELEMENTS, LARGEST_BATCH = 1 << 24, 256
# So many numbers of hypotheses times labels, and of words times hidden units, live at once.
COPIES = 12


def found_sequences(
    net: TextNet, dataset: TextDataset, beam_size: int, min_labels: int, max_labels: int
) -> Iterator[tuple[np.ndarray, Beams]]:
    """Beams of all texts, batch by batch, with the indices of the batch's texts.

    The more labels, hypotheses and words there are, the fewer texts are decoded at once, so that
    memory stays the same.
    """
    network = net.module_
    network.eval()
    numbers = COPIES * beam_size * (network.n_labels + 1)
    batch_size = min(max(DECODING_ELEMENTS // numbers, 1), LARGEST_BATCH)
    tokens = max(DECODING_ELEMENTS // (COPIES * network.decoder.hidden_size), 1)
    for indices in LengthBuckets(dataset, batch_size, max_tokens=tokens).batches():
        ids = dataset.batch(indices)[0]["ids"].to(net.device)
        with explained_memory_errors(net.device):
            yield indices, beam_search(network, ids, beam_size, min_labels, max_labels)


class SequenceAnswers(LabelEmbeddingClassifier):
    """What a fitted sequence classifier answers; not for direct use."""

    beam_size: int
    decision: str

    # -- label sets ------------------------------------------------------------------------------

    def _found(self, token_ids: TokenIds) -> tuple[np.ndarray, np.ndarray]:
        """Logits of the marginals, and the labels of the best sequences, (n_samples, n_labels)."""
        data = self._dataset(token_ids)
        return self._found_by(self.net_, data, self.beam_size, self.min_labels_, self.max_labels_)

    @staticmethod
    def _found_by(
        net: TextNet, data: TextDataset, beam_size: int, min_labels: int, max_labels: int
    ) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(data), net.module_.n_labels)
        logits, best = np.empty(shape), np.empty(shape, dtype=bool)
        for indices, beams in found_sequences(net, data, beam_size, min_labels, max_labels):
            proba = beams.marginals().cpu().numpy()
            logits[indices] = logit(np.clip(proba, _SMALLEST, 1 - _SMALLEST))
            best[indices] = beams.members()[:, 0].cpu().numpy()
        return logits, best

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if not self.targets_.multilabel:
            return super()._logits(X)
        return self._found(self._encode(check_documents(X)))[0]

    def predict(self, X: Any) -> Any:
        """Predict the labels, in the form of the `y` that was fitted.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray, sparse matrix or DataFrame
            Multi-label: an indicator. ``decision="beam"``: the labels of the most probable
            sequence; "marginal": those whose probability reaches ``thresholds_``, and at least
            ``min_labels_``. Single-label: classes.
        """
        check_is_fitted(self)
        if not self.targets_.multilabel:
            return super().predict(X)
        logits, best = self._found(self._encode(check_documents(X)))
        decisions = self._decided(logits, best)
        return self.targets_.decode(decisions, index=getattr(X, "index", None))

    def _decided(self, logits: np.ndarray, best: np.ndarray) -> np.ndarray:
        if self.decision == "beam":
            return best
        return decide(probabilities(logits, multilabel=True), self.thresholds_, self.min_labels_)

    # -- sequences -------------------------------------------------------------------------------

    def predict_sequence(self, X: Any) -> list[LabelSequence]:
        """Predict labels in the order in which they are emitted.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of LabelSequence
            The most probable sequence of each text, with its probability, that of each label, and
            the other sequences of the beam. Single classes: a sequence of one; the alternatives are
            the other classes, at most ``beam_size - 1``.
        """
        check_is_fitted(self)
        return self._sequences(self._encode(check_documents(X)))

    def _sequences(self, token_ids: TokenIds) -> list[LabelSequence]:
        data = self._dataset(token_ids)
        if not self.targets_.multilabel:
            return self._classes_as_sequences(self.net_.predict_logits(data))
        sequences: list[Any] = [None] * len(data)
        for indices, beams in found_sequences(
            self.net_, data, self.beam_size, self.min_labels_, self.max_labels_
        ):
            labels = beams.labels.cpu().numpy()
            steps = beams.steps.double().exp().cpu().numpy()
            whole = beams.log_probs.double().exp().cpu().numpy()
            for row, index in enumerate(indices):
                found = [
                    self._sequence(labels[row, place], probability, steps[row, place])
                    for place, probability in enumerate(whole[row])
                    if probability > 0 or place == 0
                ]
                sequences[index] = _with_alternatives(found)
        return sequences

    def _sequence(self, labels: np.ndarray, probability: float, steps: np.ndarray) -> LabelSequence:
        n = int((labels >= 0).sum())
        names = tuple(self.label_names_[labels[:n]].tolist())
        return LabelSequence(names, float(probability), tuple(steps[:n].tolist()))

    def _classes_as_sequences(self, logits: np.ndarray) -> list[LabelSequence]:
        proba = probabilities(logits, multilabel=False)
        order = np.argsort(-proba, axis=1, kind="stable")[:, : self.beam_size]
        return [
            _with_alternatives([self._sequence(np.array([k]), row[k], row[[k]]) for k in best])
            for row, best in zip(proba, order, strict=True)
        ]

    # -- explanations ----------------------------------------------------------------------------

    def explain(self, X: Any) -> list[SequenceExplanation]:
        """What the decoder looked at for each label, and which words moved it.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of SequenceExplanation
            One a text, with the attention over words and over units for each emitted label, and
            contributions by occlusion: a text of n words is read n times. See
            :func:`.write_highlights` for a page of them.
        """
        check_is_fitted(self)
        documents = check_documents(X)
        token_ids = self._encode(documents)
        sequences = self._sequences(token_ids)
        if self.targets_.multilabel:
            logits, best = self._found(token_ids)
            predicted = self._decided(logits, best)
        else:
            logits = self._logits(documents)
            predicted = self._label_decisions(logits)
        proba = probabilities(logits, self.targets_.multilabel)
        return [
            self._explained(documents[i], token_ids.take([i]), sequences[i], proba[i], predicted[i])
            for i in range(len(documents))
        ]

    def _explained(
        self,
        document: str,
        token_ids: TokenIds,
        sequence: LabelSequence,
        proba: np.ndarray,
        predicted: np.ndarray,
    ) -> SequenceExplanation:
        network: SemanticUnitNetwork = self.net_.module_
        network.eval()
        ids = self._dataset(token_ids).batch(np.array([0]))[0]["ids"].to(self.net_.device)
        n_tokens = len(token_ids.ids)
        names = self.label_names_.tolist()
        emitted = [names.index(name) for name in sequence.labels]
        known = emitted if self.targets_.multilabel else []
        labels = torch.tensor([known], dtype=torch.int64, device=ids.device)
        reading = network.read(ids, labels)
        # The step of each label: where it was emitted, or most probable.
        steps = reading.log_probs[0, :, : len(names)].argmax(dim=0)
        steps[known] = torch.arange(len(known), device=ids.device)

        def log_odds(some: Tensor) -> Tensor:
            found = network.read(some, labels.expand(len(some), -1)).log_probs
            at_steps = found[:, steps, torch.arange(len(names), device=some.device)]
            # Both from float64, lest a probability close to 1 be 1.
            at_steps = at_steps.double()
            return at_steps - torch.log(-torch.expm1(at_steps.clamp_max(-_SMALLEST)))

        with explained_memory_errors(self.net_.device):
            contributions = occlusion(log_odds, ids[0, :n_tokens], OCCLUSION_TOKENS)
        over_words, over_units = (
            None if some is None else some[0].float().cpu().numpy()
            for some in (reading.word_attention, reading.unit_attention)
        )
        spans_of_units = network.unit_spans(n_tokens)
        tokens, spans = tokens_with_spans(document, self._tokenizer(), self.max_length)
        if over_words is not None:
            over_words = over_words[:, :n_tokens]
        return SequenceExplanation(
            text=document,
            tokens=tokens,
            spans=spans,
            label_names=names,
            proba=proba,
            predicted=predicted,
            attention=None if over_words is None else over_words[steps.cpu().numpy()].T,
            contributions=contributions.float().cpu().numpy(),
            sequence=sequence,
            word_attention=over_words,
            unit_attention=None if over_units is None else over_units[:, : len(spans_of_units)],
            unit_spans=spans_of_units,
        )


# As close to 0 and 1 as probabilities come: float64 tells 1 from what is this much less.
_SMALLEST = float(np.finfo(np.float64).eps)
# Words a batch while words are left out.
OCCLUSION_TOKENS = 1 << 13


def _with_alternatives(found: list[LabelSequence]) -> LabelSequence:
    best, *others = found
    return LabelSequence(best.labels, best.probability, best.label_probabilities, tuple(others))
