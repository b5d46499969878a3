"""How much faster is the semantic-unit Seq2Seq than a plain transcription of the method?

The opponent is written as such models were first written, in 2018: dense gradients and Adam
for the whole word table, texts batched as they come, a decoder that steps through the labels in
Python and projects all keys anew at every step, and a beam search over Python lists, one document
after the other. It has the package's weights. Before anything is timed, losses, gradients and best
sequences are compared; for the losses it is given masks and packed sequences, since as it is timed
it lets padding into states and attention.

No ratio should rest on an opponent made slow. So further rows say what a careful writer of that
time would have gained: packed sequences; the query projected instead of the keys, and then texts
of similar length in a batch; one step of the decoder for all hypotheses of a document.

Training: forward, loss, backward, clipping, update. Ours draws its batches from a pool of 3,200
texts as a fit does, the opponent takes the same texts in random order. What a step costs is a
constant and a share that grows with the length of the padded batch; so what is timed is, for each
side, batches of its mean length (two, a standard deviation shorter and longer, up to hidden size
128). ``--whole-pool`` goes through all of them instead, once, to see whether that is right (hidden
size 128: 3 minutes).

Decoding: the same texts, the same answers, the texts having been read. Seconds are CPU seconds.

    python benchmarks/sequence_speed.py
    python benchmarks/sequence_speed.py --hidden 128 --repetitions 7
    python benchmarks/sequence_speed.py --hidden 128 --whole-pool --parts training
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import measure
import numpy as np
import scipy.sparse as sp
import torch
from compatibility import peak_bytes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklabelemb.learning import LengthBuckets
from sklabelemb.learning.callbacks import GradientClipping
from sklabelemb.learning.optimizers import SplitAdam
from sklabelemb.semantic_unit.decoding import Beams, beam_search
from sklabelemb.semantic_unit.network import Memory, SemanticUnitNetwork
from sklabelemb.semantic_unit.readout import found_sequences
from sklabelemb.semantic_unit.sequences import SequenceDataset, SequenceLoss
from sklabelemb.text import TokenIds

# Word vectors and label vectors have as many dimensions as the decoder has units.
N_WORDS, N_LABELS, N_LAYERS = 50_000, 103, 2
BATCH, POOL, BEAM = 64, 3200, 5
# No text is shorter than a unit: the transcription could not read a batch of such texts.
SHORTEST, LONGEST = 13, 500
MEAN_LENGTH, MEAN_LABELS = 80, 3.2
FEWEST_LABELS, MOST_LABELS = 1, 8
LEARNING_RATE, CLIP = 3e-4, 10.0
# Above this hidden size a round has one batch, and fewer documents for the opponent; of the
# opponents in training, the plainest and the fastest take part.
SMALL = 128
# Texts a batch while decoding, and how many texts are decoded in a run.
DECODED = {1: 16, 8: 64, 64: 64, 256: 256}
# Relative; of losses and gradients in float64 (in float32 a rectifier may be on one side of zero
# here and on the other there), and of sequences' log-probabilities in float32.
EXACT, TOLERANCE = 1e-9, 1e-4
GOALS = {"training": 1.5, "decoding": 10.0}

Batch = tuple[dict[str, Any], dict[str, Any]]

# -- the opponent ----------------------------------------------------------------------------------

PAD, BOS, EOS, UNKNOWN = range(4)
SPECIAL = 4
State = list[tuple[Tensor, Tensor]]


@dataclass
class Manner:
    """What can be done one way or the other; the defaults are the plain way."""

    packed: bool = False
    project_query: bool = False
    masked: bool = False

    def set(self, **how: bool) -> None:
        vars(self).update(how)


class Attention(nn.Module):
    """One query a text, shape (b, H), and what it finds in a memory of shape (b, n, H)."""

    def __init__(self, size: int, manner: Manner) -> None:
        super().__init__()
        self.manner = manner
        self.key = nn.Linear(size, size, bias=False)
        self.join = nn.Linear(2 * size, size)

    def forward(self, query: Tensor, memory: Tensor, valid: Tensor) -> Tensor:
        if self.manner.project_query:
            scores = torch.bmm(memory, (query @ self.key.weight).unsqueeze(2)).squeeze(2)
        else:
            scores = torch.bmm(self.key(memory), query.unsqueeze(2)).squeeze(2)
        if self.manner.masked:
            beyond = torch.arange(memory.shape[1]) >= valid.unsqueeze(1)
            scores = scores.masked_fill(beyond, -torch.inf)
        weights = torch.softmax(scores, dim=1)
        found = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
        return torch.tanh(self.join(torch.cat([found, query], dim=1)))


class Transcription(nn.Module):
    """The method as it is described, line by line."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.manner = manner = Manner()
        self.embedding = nn.Embedding(N_WORDS, hidden, padding_idx=PAD)
        self.label_embedding = nn.Embedding(N_LABELS + SPECIAL, hidden)
        self.encoder = nn.LSTM(hidden, hidden, N_LAYERS, batch_first=True, bidirectional=True)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(hidden, hidden, 3, dilation=dilation) for dilation in (1, 2, 3)
        )
        self.cells = nn.ModuleList(nn.LSTMCell(hidden, hidden) for _ in range(N_LAYERS))
        self.unit_attention = Attention(hidden, manner)
        self.word_attention = Attention(hidden, manner)
        self.output = nn.Linear(hidden, N_LABELS + SPECIAL)

    def encode(self, ids: Tensor) -> tuple[Tensor, Tensor, State, Tensor]:
        """States, units, where the decoder starts, and the lengths of the texts."""
        lengths = (ids != PAD).sum(dim=1)
        vectors = self.embedding(ids)
        if self.manner.packed:
            packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
            packed, (h, c) = self.encoder(packed)
            states, _ = pad_packed_sequence(packed, batch_first=True)
        else:
            states, (h, c) = self.encoder(vectors)
        forwards, backwards = states.chunk(2, dim=2)
        states = forwards + backwards
        start = [(h[2 * i] + h[2 * i + 1], c[2 * i] + c[2 * i + 1]) for i in range(N_LAYERS)]
        units = states.transpose(1, 2)
        for convolution in self.convolutions:
            units = torch.relu(convolution(units))
        return states, units.transpose(1, 2), start, lengths

    def step(
        self, last: Tensor, state: State, states: Tensor, units: Tensor, lengths: Tensor
    ) -> tuple[Tensor, State]:
        """Logits after one more label of each text."""
        x = self.label_embedding(last)
        new_state = []
        for cell, (h, c) in zip(self.cells, state, strict=True):
            h, c = cell(x, (h, c))
            new_state.append((h, c))
            x = h
        from_units = self.unit_attention(x, units, lengths - 12)
        from_words = self.word_attention(from_units, states, lengths)
        return self.output(from_units + from_words), new_state

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of label sequences padded with -1, a mean over labels and ends."""
        states, units, state, lengths = self.encode(ids)
        rows = [[BOS, *(y + SPECIAL for y in row if y >= 0), EOS] for row in labels.tolist()]
        longest = max(map(len, rows))
        sequence = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
        logits = []
        for t in range(longest - 1):
            scores, state = self.step(sequence[:, t], state, states, units, lengths)
            if self.manner.masked:
                gone = torch.zeros_like(scores, dtype=torch.bool)
                gone.scatter_(1, sequence[:, : t + 1], True)
                gone[:, :SPECIAL] = True
                gone[:, EOS] = False
                scores = scores.masked_fill(gone, -torch.inf)
            logits.append(scores)
        return F.cross_entropy(
            torch.stack(logits, dim=1).flatten(0, 1),
            sequence[:, 1:].flatten(),
            ignore_index=PAD,
        )


@dataclass
class Hypothesis:
    """A label sequence that the beam search has come to."""

    labels: list[int]
    score: float
    state: State


@torch.no_grad()
def search_document(
    model: Transcription, states: Tensor, units: Tensor, state: State, together: bool
) -> tuple[list[Hypothesis], int]:
    """The best label sequences of one document, and in how many steps they were found.

    By the scheme of `beam_search`. With `together`, the decoder takes a step for all open
    hypotheses at once.
    """
    n = states.shape[1]
    alive = [Hypothesis([], 0.0, state)]
    finished: list[Hypothesis] = []
    for n_steps in range(1, MOST_LABELS + 2):
        candidates = []
        for hypotheses in [alive] if together else [[one] for one in alive]:
            width = len(hypotheses)
            last = torch.tensor([h.labels[-1] if h.labels else BOS for h in hypotheses])
            layers = [
                tuple(torch.cat([h.state[i][j] for h in hypotheses]) for j in range(2))
                for i in range(N_LAYERS)
            ]
            logits, layers = model.step(
                last,
                layers,
                states.expand(width, -1, -1),
                units.expand(width, -1, -1),
                torch.full((width,), n),
            )
            for i, hypothesis in enumerate(hypotheses):
                row = logits[i]
                row[[PAD, BOS, UNKNOWN, *hypothesis.labels]] = -torch.inf
                log_probs = torch.log_softmax(row, dim=0)
                own = [(h[i : i + 1], c[i : i + 1]) for h, c in layers]
                best, which = log_probs.topk(BEAM + 1)
                found = dict(zip(which.tolist(), best.tolist(), strict=True))
                found[EOS] = log_probs[EOS].item()
                for label, value in found.items():
                    candidates.append((hypothesis.score + value, hypothesis.labels, label, own))
        if n_steps <= FEWEST_LABELS:
            candidates = [candidate for candidate in candidates if candidate[2] != EOS]
        if n_steps > MOST_LABELS:
            candidates = [candidate for candidate in candidates if candidate[2] == EOS]
        candidates.sort(key=lambda candidate: candidate[0], reverse=True)
        for score, labels, label, own in candidates[:BEAM]:
            if label == EOS:
                finished.append(Hypothesis(labels, score, own))
        finished.sort(key=lambda hypothesis: hypothesis.score, reverse=True)
        finished = finished[:BEAM]
        alive = [
            Hypothesis([*labels, label], score, own)
            for score, labels, label, own in candidates
            if label != EOS
        ][:BEAM]
        if not alive or (len(finished) == BEAM and finished[-1].score >= alive[0].score):
            break
    return finished, n_steps


# -- the same weights, the same texts -------------------------------------------------------------


def as_transcribed(
    network: SemanticUnitNetwork, get: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """Weights (or what `get` makes of them) under the names that the transcription gives them."""

    def with_special(values: Tensor, last: int) -> Tensor:
        """Rows of labels after those of special symbols, of which our last row is one."""
        rows = values.new_zeros(N_LABELS + SPECIAL, *values.shape[1:])
        rows[SPECIAL:], rows[last] = values[:N_LABELS], values[N_LABELS]
        return rows

    state = {
        "embedding.weight": get(network.embedding.weight),
        "label_embedding.weight": with_special(get(network.label_embedding.weight), BOS),
        "output.weight": with_special(get(network.output.weight), EOS),
        "output.bias": with_special(get(network.output.bias), EOS),
    }
    for module in ("convolutions", "unit_attention", "word_attention"):
        for name, parameter in getattr(network, module).named_parameters():
            state[f"{module}.{name}"] = get(parameter)
    for layer in range(N_LAYERS):
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            state[f"cells.{layer}.{kind}"] = get(getattr(network.decoder, f"{kind}_l{layer}"))
            ways = (network.encoder.forwards[layer], network.encoder.backwards[layer])
            for way, suffix in zip(ways, ("", "_reverse"), strict=True):
                values = get(getattr(way, f"{kind}_l0"))
                # The last input of ours says where padding is.
                values = values[:, :-1] if kind == "weight_ih" else values
                state[f"encoder.{kind}_l{layer}{suffix}"] = values
    return state


def both(hidden: int) -> tuple[SemanticUnitNetwork, Transcription]:
    """Network and transcription with the same weights."""
    torch.manual_seed(0)
    network = SemanticUnitNetwork(
        N_WORDS,
        N_LABELS,
        embedding_dim=hidden,
        hidden_size=hidden,
        n_layers=N_LAYERS,
        directions="sum",
        attention="hybrid",
        dropout=0.0,
        word_dropout=0.0,
        sparse=True,
    )
    model = Transcription(hidden)
    copy_weights(network, model)
    return network, model


def copy_weights(network: SemanticUnitNetwork, model: Transcription) -> None:
    model.load_state_dict(as_transcribed(network, lambda parameter: parameter.detach()))


def some_data(n_texts: int, seed: int = 0) -> SequenceDataset:
    """Words by Zipf's law, lengths by a gamma distribution, some labels per text."""
    random = np.random.default_rng(seed)
    lengths = random.gamma(4, MEAN_LENGTH / 4, n_texts).round().astype(int)
    offsets = np.append(0, lengths.clip(SHORTEST, LONGEST).cumsum())
    # 0 is padding and 1 the unknown word.
    words, labels = 1 / np.arange(1, N_WORDS - 1), 1 / np.arange(1, N_LABELS + 1)
    ids = random.choice(N_WORDS - 2, size=offsets[-1], p=words / words.sum()) + 2
    indicator = np.zeros((n_texts, N_LABELS), dtype=np.float32)
    counts = (1 + random.poisson(MEAN_LABELS - 1, n_texts)).clip(FEWEST_LABELS, MOST_LABELS)
    for row, n in zip(indicator, counts, strict=True):
        row[random.choice(N_LABELS, size=n, replace=False, p=labels / labels.sum())] = 1
    return SequenceDataset(
        TokenIds(ids, offsets), sp.csr_matrix(indicator), order=np.arange(N_LABELS)
    )


class Trainer:
    """Training steps of ours, or of the opponent."""

    def __init__(self, module: SemanticUnitNetwork | Transcription) -> None:
        self.module = module
        self.clipping = GradientClipping(CLIP)
        self.loss = SequenceLoss()
        self.optimizer: torch.optim.Optimizer
        if isinstance(module, Transcription):
            self.optimizer = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
            return
        named = dict(module.named_parameters())
        table = named.pop("embedding.weight")
        groups = [{"params": [*named.values()]}, {"params": [table], "sparse": True}]
        self.optimizer = SplitAdam(groups, lr=LEARNING_RATE)

    def backward(self, batch: Batch) -> float:
        """Loss of a batch, and the gradients."""
        inputs, target = batch
        self.optimizer.zero_grad()
        if isinstance(self.module, Transcription):
            loss = self.module.loss(inputs["ids"], inputs["labels"])
        else:
            loss = self.loss(self.module(**inputs), target)
        loss.backward()
        return loss.item()

    def step(self, batch: Batch) -> None:
        self.backward(batch)
        if isinstance(self.module, Transcription):
            nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
        else:
            self.clipping.on_grad_computed(None, self.module.named_parameters())
        self.optimizer.step()


def compare_losses(network: SemanticUnitNetwork, model: Transcription, batch: Batch) -> float:
    """Largest difference of loss and gradients, relative to the largest number of each array."""
    ours, theirs = Trainer(network.double()), Trainer(model.double())
    worst = 0.0
    for project_query in (False, True):
        model.manner.set(packed=True, masked=True, project_query=project_query)
        a, b = ours.backward(batch), theirs.backward(batch)
        worst = max(worst, abs(a - b) / b)
        expected = {name: parameter.grad for name, parameter in model.named_parameters()}
        for name, gradient in as_transcribed(network, _dense_gradient).items():
            reference = expected[name]
            assert reference is not None
            worst = max(worst, float((gradient - reference).abs().max() / reference.abs().max()))
    for trainer in (ours, theirs):
        trainer.optimizer.zero_grad()
        trainer.module.float()
    return worst


def _dense_gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad


# -- measuring ------------------------------------------------------------------------------------


def nearest(
    batches: Sequence[np.ndarray], lengths: np.ndarray, n: int, deviations: float = 0.0
) -> list[np.ndarray]:
    """The `n` batches whose padded lengths are nearest to the mean, or so far away from it."""
    padded = np.array([lengths[batch].max() for batch in batches])
    wanted = padded.mean() + deviations * padded.std()
    return [batches[i] for i in np.argsort(abs(padded - wanted), kind="stable")[:n]]


def typical(batches: Sequence[np.ndarray], lengths: np.ndarray, n: int) -> list[np.ndarray]:
    """Two batches, a standard deviation shorter and longer than the mean; or one; or all."""
    if n >= len(batches):
        return list(batches)
    where = {1: [0.0], 2: [-1.0, 1.0]}[n]
    return [nearest(batches, lengths, 1, deviations)[0] for deviations in where]


OPPONENTS = {
    "plain": Manner(),
    "packed": Manner(packed=True),
    "queries projected": Manner(project_query=True),
    "and texts by length": Manner(project_query=True),
}


def training(hidden: int, arguments: argparse.Namespace) -> tuple[list[list[Any]], dict[str, Any]]:
    """Training steps of both sides."""
    network, model = both(hidden)
    data = some_data(POOL)
    lengths = data.token_ids.lengths
    few = np.argsort(lengths)[: POOL // 2 : POOL // 16]
    difference = compare_losses(network, model, data.batch(few))
    if not difference < EXACT:
        raise AssertionError(
            f"hidden size {hidden}: losses or gradients differ by {difference:.1e}"
        )

    bucketed = list(LengthBuckets(data, BATCH, shuffle=True).batches())
    in_order = np.split(np.random.default_rng(1).permutation(POOL), POOL // BATCH)
    n = POOL // BATCH if arguments.whole_pool else 2 if hidden <= SMALL else 1
    opponents = list(OPPONENTS)
    if (hidden > SMALL or arguments.whole_pool) and not arguments.all_opponents:
        opponents = [opponents[0], opponents[-1]]
    chosen = {"ours": typical(bucketed, lengths, n)}
    chosen |= dict.fromkeys(opponents, typical(in_order, lengths, n))
    chosen["and texts by length"] = chosen["ours"]
    batches = {name: [data.batch(rows) for rows in some] for name, some in chosen.items()}
    ours, theirs = Trainer(network), Trainer(model)

    def step(name: str, number: int) -> None:
        if name == "ours":
            ours.step(batches[name][number])
            return
        model.manner.set(**vars(OPPONENTS[name]))
        theirs.step(batches[name][number])

    # Warm-up: the optimisers make their moments.
    for trainer in (ours, theirs):
        trainer.step(data.batch(few))
    seconds: dict[str, list[float]] = {name: [] for name in batches}
    for _ in range(1 if arguments.whole_pool else arguments.repetitions):
        by_batch = [
            measure.interleaved(
                {name: partial(step, name, number) for name in batches},
                1,
                warmup=0,
                clock=time.process_time,
            )
            for number in range(n)
        ]
        for name, taken in seconds.items():
            taken.append(sum(times[name][0] for times in by_batch))
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {"difference": difference, "batches": n}
    for name, taken in seconds.items():
        length = float(np.mean([x["ids"].shape[1] for x, _ in batches[name]]))
        ratio = measure.ratio(taken, seconds["ours"])
        milliseconds = measure.spread(taken, 1e3 / n)
        figures[name] = {"padded_length": length, "ms": milliseconds, "ratio": ratio}
        shown = "" if name == "ours" else _quartiles(ratio)
        rows.append([hidden, name, f"{length:.0f}", f"{milliseconds['median']:.0f}", shown])
    return rows, figures


def _quartiles(ratio: dict[str, float]) -> str:
    return "{median:.2f} ({q1:.2f}–{q3:.2f})".format(**ratio)


class Decoding:
    """Texts, and both ways of decoding them with the same weights.

    Of a pool of texts, batched by length as the classifier batches them, those are decoded whose
    lengths are nearest to the mean.
    """

    def __init__(self, hidden: int) -> None:
        self.network, self.model = both(hidden)
        self.network.eval()
        self.data = some_data(POOL, seed=1)
        self.batches = {
            size: nearest(
                list(LengthBuckets(self.data, size).batches()),
                self.data.token_ids.lengths,
                n // size,
            )
            for size, n in DECODED.items()
        }
        self.make_decided(self.batches[BATCH][0])
        copy_weights(self.network, self.model)
        self.model.manner.set(packed=True, masked=False)
        self.memories = {
            size: [self.read(rows) for rows in batches] for size, batches in self.batches.items()
        }
        rows = np.unique(np.concatenate([b for some in self.batches.values() for b in some]))
        self.documents = dict(zip(rows.tolist(), self.read_documents(rows), strict=True))

    def ids(self, rows: np.ndarray) -> Tensor:
        return self.data.batch(rows)[0]["ids"]

    @torch.inference_mode()
    def read(self, rows: np.ndarray) -> Memory:
        return self.network.encode(self.ids(rows))

    def search(self, memory: Memory, rows: np.ndarray) -> Beams:
        """Our beam search for texts that have been read."""
        self.network.encode = lambda _: memory
        try:
            return self.whole(rows)
        finally:
            del self.network.encode

    def whole(self, rows: np.ndarray) -> Beams:
        return beam_search(self.network, self.ids(rows), BEAM, FEWEST_LABELS, MOST_LABELS)

    @torch.no_grad()
    def make_decided(self, rows: np.ndarray) -> None:
        """Weights that are sure of themselves, as trained ones are, and end where texts do.

        Labels and end of a network at its start are about equally probable, and the beam would go
        on to the longest sequences. So the logits are spread, and the end is made as probable as it
        has to be for best sequences of the wanted mean length.
        """
        memory = self.read(rows)
        self.network.output.weight.mul_(20)
        low, high = -50.0, 50.0
        for _ in range(12):
            middle = (low + high) / 2
            self.network.output.bias[N_LABELS] = middle
            found = (self.search(memory, rows).labels[:, 0] >= 0).sum(dim=1).float().mean()
            low, high = (middle, high) if found > MEAN_LABELS else (low, middle)

    def ours(self, size: int) -> list[Beams]:
        pairs = zip(self.memories[size], self.batches[size], strict=True)
        return [self.search(memory, rows) for memory, rows in pairs]

    @torch.no_grad()
    def read_documents(self, rows: np.ndarray) -> list[tuple[Tensor, Tensor, State]]:
        """What the opponent makes of texts, in batches of 64: each document on its own."""
        documents = []
        for start in range(0, len(rows), BATCH):
            states, units, state, lengths = self.model.encode(self.ids(rows[start : start + BATCH]))
            for i, n in enumerate(lengths.tolist()):
                own = [(h[i : i + 1], c[i : i + 1]) for h, c in state]
                documents.append((states[i : i + 1, :n], units[i : i + 1, : n - 12], own))
        return documents

    def theirs(
        self, rows: Sequence[int], together: bool, project_query: bool
    ) -> list[tuple[list[Hypothesis], int]]:
        self.model.manner.set(project_query=project_query)
        return [
            search_document(self.model, *self.documents[row], together=together) for row in rows
        ]

    def compare(self) -> tuple[float, dict[int, int]]:
        """Largest relative difference of a best log-probability; how many steps a text takes."""
        rows = list(self.documents)
        answers = dict(zip(rows, self.theirs(rows, together=True, project_query=True), strict=True))
        worst = 0.0
        for size, batches in self.batches.items():
            for texts, beams in zip(batches, self.ours(size), strict=True):
                found = zip(
                    texts.tolist(), beams.labels.tolist(), beams.log_probs.tolist(), strict=True
                )
                for row, labels, scores in found:
                    best = [label for label in labels[0] if label >= 0]
                    reference = answers[row][0][0]
                    worst = max(worst, abs(reference.score - scores[0]) / abs(scores[0]))
                    tie = scores[0] - scores[1] < TOLERANCE * abs(scores[0])
                    expected = [label - SPECIAL for label in reference.labels]
                    if best != expected and not tie:
                        raise AssertionError(f"text {row}: {best}, but {expected}")
        return worst, {row: steps for row, (_, steps) in answers.items()}


SEARCHES = {
    "plain": {"together": False, "project_query": False},
    "queries projected": {"together": False, "project_query": True},
    "and hypotheses together": {"together": True, "project_query": True},
}


def decoding(hidden: int, arguments: argparse.Namespace) -> tuple[list[list[Any]], dict[str, Any]]:
    """Beam searches of both sides, for texts that have been read, and the whole way."""
    work = Decoding(hidden)
    difference, steps = work.compare()
    if not difference < TOLERANCE:
        raise AssertionError(f"hidden size {hidden}: best sequences differ by {difference:.1e}")
    batch = work.batches[BATCH][0]
    documents = batch[: BATCH if hidden <= SMALL else BATCH // 4].tolist()
    tasks: dict[Any, Callable[[], Any]] = {size: partial(work.ours, size) for size in DECODED}
    for name, how in SEARCHES.items():
        tasks[name] = partial(work.theirs, documents, **how)
    tasks["whole"] = partial(work.whole, batch)
    tasks["reading"] = partial(work.read_documents, batch)
    seconds = measure.interleaved(tasks, arguments.repetitions, warmup=0, clock=time.process_time)

    def per_step(taken: list[float], rows: Sequence[int]) -> np.ndarray:
        return np.divide(taken, sum(steps[row] for row in rows))

    ours = {
        size: per_step(seconds[size], np.concatenate(batches).tolist())
        for size, batches in work.batches.items()
    }
    theirs = {name: per_step(seconds[name], documents) for name in SEARCHES}
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {
        "difference": difference,
        "steps_per_text": measure.spread(list(steps.values())),
        "theirs_ms": {name: measure.spread(taken, 1e3) for name, taken in theirs.items()},
    }
    for size, taken in ours.items():
        ratios = {name: measure.ratio(other, taken) for name, other in theirs.items()}
        figures[str(size)] = {"ms": measure.spread(taken, 1e3), "ratios": ratios}
        rows.append(
            [hidden, size, f"{np.median(taken) * 1e3:.3f}", *map(_quartiles, ratios.values())]
        )
    whole, reading = (np.divide(seconds[name], BATCH) for name in ("whole", "reading"))
    mean_steps = np.mean([steps[row] for row in batch.tolist()])
    figures["whole"] = {
        "ms_per_text": measure.spread(whole, 1e3),
        "their_reading_ms_per_text": measure.spread(reading, 1e3),
        "ratios": {
            name: measure.ratio(reading + taken * mean_steps, whole)
            for name, taken in theirs.items()
        },
    }
    return rows, figures


def memory(numbers: Sequence[int]) -> list[dict[str, int]]:
    """Most bytes that torch holds while this many texts are decoded, hidden size 128."""
    network, _ = both(128)
    net: Any = SimpleNamespace(module_=network.eval(), device="cpu")
    found = []
    for n in numbers:
        data = some_data(n, seed=2)

        def as_the_classifier(data: SequenceDataset = data) -> None:
            for _ in found_sequences(net, data, BEAM, FEWEST_LABELS, MOST_LABELS):
                pass

        def in_one_batch(data: SequenceDataset = data) -> None:
            beam_search(
                network,
                data.batch(np.arange(len(data)))[0]["ids"],
                BEAM,
                FEWEST_LABELS,
                MOST_LABELS,
            )

        found.append(
            {
                "texts": n,
                "adapted_bytes": peak_bytes(as_the_classifier),
                "one_batch_bytes": peak_bytes(in_one_batch),
            }
        )
    return found


def main() -> None:
    options = measure.parser(__doc__ or "", repetitions=5)
    options.set_defaults(threads=1)
    options.add_argument("--hidden", type=int, nargs="+", default=[128, 512])
    options.add_argument(
        "--parts",
        nargs="+",
        choices=("training", "decoding", "memory"),
        default=["training", "decoding", "memory"],
    )
    options.add_argument("--whole-pool", action="store_true", help="all batches, once")
    options.add_argument("--all-opponents", action="store_true", help="in training, at all sizes")
    options.add_argument("--memory-texts", type=int, nargs="+", default=[32, 128, 512])
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    figures: dict[str, Any] = {"goals": GOALS, "training": {}, "decoding": {}, "memory": []}
    tables: dict[str, list[list[Any]]] = {"training": [], "decoding": []}
    for hidden in arguments.hidden:
        for part, task in (("training", training), ("decoding", decoding)):
            if part in arguments.parts:
                rows, figures[part][hidden] = task(hidden, arguments)
                tables[part] += rows
                for row in rows:
                    print(*row, sep="  ", flush=True)
    if "memory" in arguments.parts:
        figures["memory"] = memory(arguments.memory_texts)
    notes = []
    rounds = (
        "sums over all batches of the pool, once"
        if arguments.whole_pool
        else f"median (quartiles) of {arguments.repetitions} interleaved rounds"
    )
    if tables["training"]:
        notes.append(
            f"A training step, milliseconds (CPU time): batches of {BATCH} texts of {MEAN_LENGTH} "
            f"words on average, {N_WORDS:,} words, {N_LABELS} labels. Length: words that the batch "
            f"is padded to, as it is over the whole pool on average. Ratios: {rounds}."
        )
    if tables["decoding"]:
        notes.append(
            measure.table(
                ["hidden", "batch", "ours, ms", *(f"ratio: {name}" for name in SEARCHES)],
                tables["decoding"],
            )
        )
        theirs = "; ".join(
            f"hidden size {hidden}: "
            + ", ".join(f"{v['median']:.2f} ms {k}" for k, v in f["theirs_ms"].items())
            for hidden, f in figures["decoding"].items()
        )
        notes.append(
            f"Beam search with {BEAM} hypotheses, milliseconds (CPU time) per document and step, "
            f"texts having been read. The opponent: {theirs}."
        )
        whole = "; ".join(
            f"hidden size {hidden}: {f['whole']['ms_per_text']['median']:.1f} ms a text, ratios "
            + ", ".join(f"{v['median']:.1f}" for v in f["whole"]["ratios"].values())
            for hidden, f in figures["decoding"].items()
        )
        notes.append(f"With reading, {BATCH} texts a batch: {whole}.")
    if figures["memory"]:
        notes.append(
            measure.table(
                ["texts", "as the classifier decodes, MB", "all in one batch, MB"],
                [
                    [
                        m["texts"],
                        f"{m['adapted_bytes'] / 1e6:.0f}",
                        f"{m['one_batch_bytes'] / 1e6:.0f}",
                    ]
                    for m in figures["memory"]
                ],
            )
        )
        notes.append("Peak of what torch allocates while texts are decoded, hidden size 128.")
    measure.report(
        "sequence_speed_pool" if arguments.whole_pool else "sequence_speed",
        "How much faster is the semantic-unit Seq2Seq than a plain transcription of the method?",
        host,
        ["hidden", "side", "length", "ms", "ratio to ours"],
        tables["training"],
        figures,
        arguments,
        notes,
    )


if __name__ == "__main__":
    main()
