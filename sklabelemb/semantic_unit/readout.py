"""What a fitted sequence model answers: beams, marginals, sequences and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import logit
from torch import Tensor

from sklabelemb.decision import decision_scores, probabilities
from sklabelemb.device import explained_memory_errors
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.learning import LengthBuckets, Task, TextDataset, TextNet
from sklabelemb.learning.callbacks import ValidationScore
from sklabelemb.readout import Readout
from sklabelemb.semantic_unit.decoding import Beams, beam_search
from sklabelemb.semantic_unit.label_sequence import (
    LabelSequence,
    LabelSequences,
    SequenceExplanation,
)
from sklabelemb.semantic_unit.mixing import Evidence, fitted_mixture
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.semantic_unit.sequences import SequenceDataset, SequenceScore
from sklabelemb.text import TokenIds, tokens_with_spans

__all__ = ["SequenceReadout", "found_sequences", "scores_of_sequences", "sets_of_sequences"]

# Numbers that a batch may take while it is decoded, and texts that it has at most.
DECODING_ELEMENTS, LARGEST_BATCH = 1 << 24, 256
# This many numbers of hypotheses times labels, and of words times hidden units, live at once.
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
    tokens = max(DECODING_ELEMENTS // (COPIES * network.hidden_size), 1)
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


class SequenceReadout(Readout):
    """The answers of a sequence model; single classes are a sequence of one."""

    # -- label sets ------------------------------------------------------------------------------

    def logits(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """Logits of the marginals; of single classes, those of the one step."""
        if not task.multilabel:
            return super().logits(token_ids, task)
        return scores_of_sequences(
            self._search(token_ids, task), len(token_ids), task.targets.n_labels
        )

    def predictions(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """The labels of the best sequences, or by thresholds on marginals."""
        if not task.multilabel or self.model.recipe.decision != "beam":
            return super().predictions(token_ids, task)
        found = self._search(token_ids, task)
        return sets_of_sequences(found, len(token_ids), task.targets.n_labels)

    def answers(self, token_ids: TokenIds, task: Task) -> tuple[np.ndarray, np.ndarray]:
        """Logits of the marginals, and the labels of the best sequences (or by thresholds)."""
        if not task.multilabel or self.model.recipe.decision != "beam":
            return super().answers(token_ids, task)
        logits = np.empty((len(token_ids), task.targets.n_labels))
        sets = np.empty(logits.shape, dtype=bool)
        for indices, beams in self._search(token_ids, task):
            logits[indices], sets[indices] = _logits_of_beams(beams), _best_sets(beams)
        return logits, sets

    def validation_score(self) -> ValidationScore:
        """What greedy decoding finds, scored after every epoch."""
        task = self.model.own_task
        if not task.multilabel:
            return super().validation_score()

        def decide(net: TextNet, data: TextDataset) -> np.ndarray:
            found = found_sequences(net, data, 1, task.min_labels, task.max_labels or 1)
            return sets_of_sequences(found, len(data), task.targets.n_labels)

        return SequenceScore(decision_scores, decide, "micro_f1")

    def unsettled(self, task: Task, shares: np.ndarray) -> Task:
        """The task as it is: what is emitted at a step is one label out of all, weighed alike."""
        return task

    def settled(self, part: TextDataset, task: Task) -> Task:
        """The task with what its held-out texts tell."""
        if not task.multilabel:
            task = super().settled(part, task)
            # What is emitted at a step is one label out of all, weighed alike.
            return replace(task, mixture=replace(task.mixture, by_label=None))
        recipe, net, vocabulary = self.model.recipe, self.model.net, self.model.vocabulary
        if task.linear is not None:
            assert isinstance(part, SequenceDataset)
            mixture = fitted_mixture(net, part, task.linear, vocabulary)
            task = replace(task, mixture=mixture)
        if not recipe.settings.tunes_thresholds:
            return task
        logits = scores_of_sequences(self._search_in(part, task), len(part), task.targets.n_labels)
        return replace(task, thresholds=recipe.settings.tuned_thresholds(part.targets, logits))

    def _evidence(self, task: Task) -> Evidence | None:
        if task.linear is None:
            return None
        return Evidence(task.linear, task.mixture, self.model.vocabulary, task.multilabel)

    def _search(self, token_ids: TokenIds, task: Task) -> Iterator[tuple[np.ndarray, Beams]]:
        return self._search_in(self.dataset(token_ids, task), task)

    def _search_in(self, data: TextDataset, task: Task) -> Iterator[tuple[np.ndarray, Beams]]:
        return found_sequences(
            self.model.net,
            data,
            self.model.recipe.beam_size,
            task.min_labels,
            task.max_labels or 1,
            self._evidence(task),
        )

    # -- sequences -------------------------------------------------------------------------------

    def sequences(self, documents: Sequence[str], task: Task) -> LabelSequences:
        """The most probable sequence of each text, with the others of the beam."""
        token_ids = self.encode(documents)
        sequences: list[Any] = [None] * len(token_ids)
        for indices, some, *_ in self._answers(token_ids, task):
            for index, sequence in zip(indices, some, strict=True):
                sequences[index] = sequence
        return LabelSequences(sequences)

    def _answers(
        self, token_ids: TokenIds, task: Task
    ) -> Iterator[tuple[np.ndarray, list[LabelSequence], list[list[int]], np.ndarray, np.ndarray]]:
        """Sequences, their columns, logits and decisions of some texts, with the texts' indices."""
        if not task.multilabel:
            logits = self.logits(token_ids, task)
            nothing: list[list[int]] = [[]] * len(logits)
            sequences = self._classes_as_sequences(logits, task)
            yield np.arange(len(logits)), sequences, nothing, logits, self.decisions(logits, task)
            return
        for indices, beams in self._search(token_ids, task):
            logits = _logits_of_beams(beams)
            by_beam = self.model.recipe.decision == "beam"
            decided = _best_sets(beams) if by_beam else self.decisions(logits, task)
            columns = [[k for k in row if k >= 0] for row in beams.labels[:, 0].tolist()]
            yield indices, _sequences_of(beams, task), columns, logits, decided

    def _classes_as_sequences(self, logits: np.ndarray, task: Task) -> list[LabelSequence]:
        proba = probabilities(logits, multilabel=False)
        beam_size = self.model.recipe.beam_size
        order = np.argsort(-proba, axis=1, kind="stable")[:, :beam_size]
        return [
            _with_alternatives([_sequence(np.array([k]), row[k], row[[k]], task) for k in best])
            for row, best in zip(proba, order, strict=True)
        ]

    # -- explanations ----------------------------------------------------------------------------

    def explain(self, documents: Sequence[str], task: Task) -> list[SequenceExplanation]:
        """Attention at every step, and contributions by occlusion."""
        token_ids = self.encode(documents)
        explanations: list[Any] = [None] * len(documents)
        for indices, sequences, emitted, logits, predicted in self._answers(token_ids, task):
            proba = probabilities(logits, task.multilabel)
            for row, index in enumerate(indices):
                explanations[index] = self._explained(
                    documents[index],
                    token_ids.take([index]),
                    task,
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
        task: Task,
        sequence: LabelSequence,
        emitted: list[int],
        proba: np.ndarray,
        predicted: np.ndarray,
    ) -> SequenceExplanation:
        net, settings = self.model.net, self.model.recipe.settings
        network: SemanticUnitNetwork = net.module_
        network.eval()
        ids = self.dataset(token_ids, task).batch(np.array([0]))[0]["ids"].to(net.device)
        n_tokens = len(token_ids.ids)
        names = task.label_names.tolist()
        labels = torch.tensor([emitted], dtype=torch.int64, device=ids.device)
        reading = network.read(ids, labels)
        scale, bias, shares = 1.0, torch.zeros(1), torch.zeros(n_tokens, 1)
        if (evidence := self._evidence(task)) is not None:
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

        with explained_memory_errors(net.device):
            most = max(1, OCCLUSION_ELEMENTS // reading.logits[0].numel())
            contributions = occlusion(log_odds, ids[0, :n_tokens], OCCLUSION_TOKENS, most)
        over_words, over_units = (
            None if some is None else some[0].float().cpu().numpy()
            for some in (reading.word_attention, reading.unit_attention)
        )
        spans_of_units = network.unit_spans(n_tokens)
        tokens, spans = tokens_with_spans(document, settings.text_tokenizer, settings.max_length)
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


def _sequences_of(beams: Beams, task: Task) -> list[LabelSequence]:
    labels = beams.labels.cpu().numpy()
    steps = beams.steps.double().exp().cpu().numpy()
    whole = beams.log_probs.double().exp().cpu().numpy()
    return [
        _with_alternatives(
            [
                _sequence(labels[row, place], probability, steps[row, place], task)
                for place, probability in enumerate(whole[row])
                if probability > 0 or place == 0
            ]
        )
        for row in range(len(labels))
    ]


def _sequence(
    labels: np.ndarray, probability: float, steps: np.ndarray, task: Task
) -> LabelSequence:
    n = int((labels >= 0).sum())
    names = tuple(task.label_names[labels[:n]].tolist())
    return LabelSequence(names, float(probability), tuple(steps[:n].tolist()))


def _log_odds(log_probs: Tensor) -> Tensor:
    # In float64, so that a probability close to 1 is not rounded to 1.
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
