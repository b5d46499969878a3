"""Predictions of a sequence classifier: beams, marginals, sequences and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from scipy.special import logit
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.decision import probabilities
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.semantic_unit.answers import LabelSequence, SequenceExplanation
from sklabelemb.semantic_unit.decoding import Beams, beam_search
from sklabelemb.semantic_unit.mixing import Evidence
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.text import TokenIds, check_documents, tokens_with_spans
from sklabelemb.training import LengthBuckets, TextDataset, TextNet
from sklabelemb.training.net import explained_memory_errors

__all__ = ["SequenceAnswers", "found_sequences", "scores_of_sequences", "sets_of_sequences"]

# Numbers that a batch may take while it is decoded, and texts that it has at most.
DECODING_ELEMENTS, LARGEST_BATCH = 1 << 24, 256
# So many numbers of hypotheses times labels, and of words times hidden units, live at once.
COPIES = 12
# Words a batch while words are left out, and numbers of texts times steps times labels.
OCCLUSION_TOKENS, OCCLUSION_ELEMENTS = 1 << 13, 1 << 22
# As close to 0 and 1 as probabilities come: float64 tells 1 from what is this much less.
SMALLEST = float(np.finfo(np.float64).eps)


def found_sequences(
    net: TextNet,
    dataset: TextDataset,
    beam_size: int,
    min_labels: int,
    max_labels: int,
    evidence: Evidence | None = None,
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
    scale = 1.0 if evidence is None else evidence.mixture.deep
    # Without their targets, which need not be put into order.
    texts = TextDataset(dataset.token_ids, n_words=dataset.n_words)
    for indices in LengthBuckets(texts, batch_size, max_tokens=tokens).batches():
        with explained_memory_errors(net.device):
            ids = texts.batch(indices)[0]["ids"].to(net.device)
            bias = None
            if evidence is not None:
                bias = evidence.bias(texts.token_ids.take(indices)).to(net.device)
            beams = beam_search(network, ids, beam_size, min_labels, max_labels, scale, bias)
        yield indices, beams


def scores_of_sequences(
    found: Iterable[tuple[np.ndarray, Beams]], n_samples: int, n_labels: int
) -> np.ndarray:
    """Logits of the marginals, float64 of shape (n_samples, n_labels)."""
    logits = np.empty((n_samples, n_labels))
    for indices, beams in found:
        logits[indices] = _logits_of_beams(beams)
    return logits


def sets_of_sequences(
    found: Iterable[tuple[np.ndarray, Beams]], n_samples: int, n_labels: int
) -> np.ndarray:
    """The labels of the best sequences, bool of shape (n_samples, n_labels)."""
    sets = np.empty((n_samples, n_labels), dtype=bool)
    for indices, beams in found:
        sets[indices] = _best_sets(beams)
    return sets


class SequenceAnswers(LabelEmbeddingClassifier):
    """What a fitted sequence classifier answers; not for direct use."""

    beam_size: int
    decision: str

    # -- label sets ------------------------------------------------------------------------------

    def _evidence(self) -> Evidence | None:
        if self.wide_ is None:
            return None
        return Evidence(self.wide_, self.mixture_, self.vocabulary_, self.targets_.multilabel)

    def _search(self, token_ids: TokenIds) -> Iterator[tuple[np.ndarray, Beams]]:
        # What decoding is told by parameters may have been set since the fit.
        self._validate_params()
        lengths = (self.min_labels_, self.max_labels_)
        data = self._dataset(token_ids)
        return found_sequences(self.net_, data, self.beam_size, *lengths, self._evidence())

    def _logits_of_ids(self, token_ids: TokenIds) -> np.ndarray:
        if not self.targets_.multilabel:
            return super()._logits_of_ids(token_ids)
        found = self._search(token_ids)
        return scores_of_sequences(found, len(token_ids), self.targets_.n_labels)

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
        if not self.targets_.multilabel or self.decision != "beam":
            self._validate_params()
            return super().predict(X)
        token_ids = self._encode(check_documents(X))
        found = self._search(token_ids)
        sets = sets_of_sequences(found, len(token_ids), self.targets_.n_labels)
        return self.targets_.decode(sets, index=getattr(X, "index", None))

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
        sequences: list[Any] = [None] * len(token_ids)
        for indices, some, *_ in self._answers(token_ids):
            for index, sequence in zip(indices, some, strict=True):
                sequences[index] = sequence
        return sequences

    def _answers(
        self, token_ids: TokenIds
    ) -> Iterator[tuple[np.ndarray, list[LabelSequence], list[list[int]], np.ndarray, np.ndarray]]:
        """Sequences, their columns, logits and decisions of some texts, with the texts' indices."""
        if not self.targets_.multilabel:
            logits = self._logits_of_ids(token_ids)
            nothing: list[list[int]] = [[]] * len(logits)
            sequences = self._classes_as_sequences(logits)
            decisions = self._label_decisions(logits)
            yield np.arange(len(logits)), sequences, nothing, logits, decisions
            return
        for indices, beams in self._search(token_ids):
            logits = _logits_of_beams(beams)
            decided = (
                _best_sets(beams) if self.decision == "beam" else self._label_decisions(logits)
            )
            columns = [[k for k in row if k >= 0] for row in beams.labels[:, 0].tolist()]
            yield indices, self._sequences_of(beams), columns, logits, decided

    def _sequences_of(self, beams: Beams) -> list[LabelSequence]:
        labels = beams.labels.cpu().numpy()
        steps = beams.steps.double().exp().cpu().numpy()
        whole = beams.log_probs.double().exp().cpu().numpy()
        return [
            _with_alternatives(
                [
                    self._sequence(labels[row, place], probability, steps[row, place])
                    for place, probability in enumerate(whole[row])
                    if probability > 0 or place == 0
                ]
            )
            for row in range(len(labels))
        ]

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
            contributions by occlusion: a text of n words is read n times, so the time grows with
            the square of its length. See :func:`.write_highlights` for a page of them.
        """
        check_is_fitted(self)
        documents = check_documents(X)
        token_ids = self._encode(documents)
        explanations: list[Any] = [None] * len(documents)
        for indices, sequences, emitted, logits, predicted in self._answers(token_ids):
            proba = probabilities(logits, self.targets_.multilabel)
            for row, index in enumerate(indices):
                explanations[index] = self._explained(
                    documents[index],
                    token_ids.take([index]),
                    sequences[row],
                    emitted[row],
                    proba[row],
                    predicted[row],
                )
        return explanations

    def _explained(
        self,
        document: str,
        token_ids: TokenIds,
        sequence: LabelSequence,
        emitted: list[int],
        proba: np.ndarray,
        predicted: np.ndarray,
    ) -> SequenceExplanation:
        network: SemanticUnitNetwork = self.net_.module_
        network.eval()
        ids = self._dataset(token_ids).batch(np.array([0]))[0]["ids"].to(self.net_.device)
        n_tokens = len(token_ids.ids)
        names = self.label_names_.tolist()
        labels = torch.tensor([emitted], dtype=torch.int64, device=ids.device)
        reading = network.read(ids, labels)
        scale, bias, shares = 1.0, torch.zeros(1), torch.zeros(n_tokens, 1)
        if (evidence := self._evidence()) is not None:
            scale = evidence.mixture.deep
            bias, shares = evidence.bias(token_ids), evidence.shares(token_ids)
        bias, shares = bias.to(ids.device), shares.to(ids.device)
        log_probs = network.log_probs(scale * reading.logits + bias, labels)
        # The step of each label: where it was emitted, or most probable.
        steps = log_probs[0, :, : len(names)].argmax(dim=0)
        steps[emitted] = torch.arange(len(emitted), device=ids.device)
        columns = torch.arange(len(names), device=ids.device)

        def log_odds(some: Tensor, left_out: Tensor | None) -> Tensor:
            known = labels.expand(len(some), -1)
            logits = scale * network.read(some, known).logits + bias
            if left_out is not None:
                logits = logits - shares[left_out].unsqueeze(1)
            return _log_odds(network.log_probs(logits, known)[:, steps, columns])

        with explained_memory_errors(self.net_.device):
            most = max(1, OCCLUSION_ELEMENTS // reading.logits[0].numel())
            contributions = occlusion(log_odds, ids[0, :n_tokens], OCCLUSION_TOKENS, most)
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


def _log_odds(log_probs: Tensor) -> Tensor:
    # In float64, lest a probability close to 1 be 1.
    log_probs = log_probs.double()
    return log_probs - torch.log(-torch.expm1(log_probs.clamp_max(-SMALLEST)))


def _logits_of_beams(beams: Beams) -> np.ndarray:
    proba = beams.marginals().cpu().numpy()
    return logit(np.clip(proba, SMALLEST, 1 - SMALLEST))


def _best_sets(beams: Beams) -> np.ndarray:
    return beams.members()[:, 0].cpu().numpy()


def _with_alternatives(found: list[LabelSequence]) -> LabelSequence:
    best, *others = found
    return LabelSequence(best.labels, best.probability, best.label_probabilities, tuple(others))
