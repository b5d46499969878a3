"""How much faster is the semantic-unit Seq2Seq than the way such a model was first written?

The opponent is a plain transcription of the method, in the manner of 2018: dense gradients and Adam
for the whole word table, texts batched as they come, a decoder that steps through the labels in
Python and projects all keys again at every step, and a beam search over Python lists, one document
after the other. It is given the package's weights, and before anything is timed, losses, gradients
and best sequences are compared. (For the losses it gets masks, which it goes without when it is
timed: it lets padding into the attention.)

Further rows say what a more careful writer of that time would have gained, so that no ratio rests on
an opponent made slow: packed sequences; the query projected instead of the keys; all hypotheses of a
document in one step of the decoder.

Training: steps (forward, loss, backward, clipping, update) over a pool of 50 batches, as
`LengthBuckets` draws them in a fit; the opponent gets the same texts in random order. A step's cost
is a constant and a share that grows with the words of the padded batch, so what is timed is, for
each way, the batch whose length is nearest to the mean over its pool. ``--whole-pool`` runs through
all batches instead, once.

Decoding: the same texts, the same weights, the same answers. Seconds are CPU seconds.

    python benchmarks/sequence_speed.py
    python benchmarks/sequence_speed.py --hidden 128 --repetitions 7
    python benchmarks/sequence_speed.py --hidden 128 --whole-pool
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

N_WORDS, N_LABELS, N_LAYERS = 50_000, 103, 2
BATCH, BATCHES = 64, 50
MEAN_LENGTH, SHORTEST, LONGEST = 80, 13, 500
MEAN_LABELS, MOST_LABELS = 3.2, 10
BEAM = 5
LEARNING_RATE, CLIP = 3e-4, 10.0
TOLERANCE = 1e-4
# Words and labels have as many dimensions as the decoder has units.
BATCH_SIZES = (1, 8, 64, 256)
GOALS = {"training": 1.5, "decoding": 10.0}


# -- the opponent ----------------------------------------------------------------------------------

PAD, BOS, EOS, UNKNOWN = range(4)
SPECIAL = 4
State = list[tuple[Tensor, Tensor]]


@dataclass
class Manner:
    """What a writer may have done one way or the other; the defaults are the plain way."""

    packed: bool = False
    project_query: bool = False
    masked: bool = False


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

    def __init__(self, hidden: int, manner: Manner) -> None:
        super().__init__()
        self.manner = manner
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
    state: State = field(repr=False)


@torch.no_grad()
def search_document(
    model: Transcription, states: Tensor, units: Tensor, state: State, together: bool
) -> tuple[list[Hypothesis], int]:
    """The best label sequences of one document, and in how many steps they were found.

    With `together`, the decoder takes a step for all open hypotheses at once.
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
                layers,  # type: ignore[arg-type]
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
