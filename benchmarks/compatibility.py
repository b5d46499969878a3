"""Equations (2) to (6) of LEAM: how much faster, and how much smaller, than written out?

The straightforward transcription takes the cosine of every occurrence with every label, runs
conv1d over a (texts, labels, words) array, and takes the maximum over the labels. Both sides start
from the vectors of the distinct words of a batch, so that the word table's gradient is in neither.
Outputs and gradients are compared before anything is timed.

    python benchmarks/compatibility.py
    python benchmarks/compatibility.py --uniform     # hardly a word occurs twice: the worst case
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import measure
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from sklabelemb.leam.network import LEAM

N_TEXTS, DIM, RADIUS, N_WORDS = 100, 300, 5, 20_000
TOLERANCE = 1e-5
TARGETS = {(135, 66): 5.0, (1000, 66): 18.0}


def straightforward(
    words: Tensor, positions: Tensor, mask: Tensor, labels: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """The paper's equations, line by line."""
    b, s = positions.shape
    vectors = F.embedding(positions, words)
    G = torch.einsum(  # (2)
        "kp,bsp->bks",
        F.normalize(labels, dim=-1, eps=1e-8),
        F.normalize(vectors, dim=-1, eps=1e-8),
    )
    u = F.conv1d(G.reshape(-1, 1, s), weight.view(1, 1, -1), padding=len(weight) // 2)
    u = torch.relu(u.view(b, -1, s) + bias[None, :, None])  # (3)
    m = u.amax(dim=1)  # (4)
    beta = torch.softmax(m.masked_fill(~mask, -torch.inf), dim=1)  # (5)
    return torch.einsum("bs,bsp->bp", beta, vectors)  # (6)


class Problem:
    """One batch, one set of parameters, and both ways of computing document vectors from them."""

    def __init__(self, n_labels: int, length: int, uniform: bool, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        torch.manual_seed(seed)
        share = np.ones(N_WORDS - 1) if uniform else 1 / np.arange(1, N_WORDS)
        ids = random.choice(N_WORDS - 1, size=(N_TEXTS, length), p=share / share.sum()) + 1
        # Batches are of similar length, yet not of one.
        lengths = random.integers(int(0.9 * length), length, size=N_TEXTS, endpoint=True)
        lengths[0] = length
        ids[np.arange(length) >= lengths[:, None]] = 0
        distinct, self.positions = torch.unique(torch.from_numpy(ids), return_inverse=True)
        self.mask = torch.from_numpy(ids != 0)
        self.n_distinct = len(distinct)
        self.network = LEAM(
            2,
            n_labels,
            embedding_dim=DIM,
            window_size=RADIUS,
            attention="shared",
            attention_scale=1.0,
            bag=False,
        )
        self.words = torch.randn(len(distinct), DIM)
        if distinct[0] == 0:
            self.words[0] = 0
        self.words.requires_grad_()
        with torch.no_grad():
            torch.nn.init.normal_(self.network.label_embedding)
            self.network.filter_weight.copy_(torch.rand(2 * RADIUS + 1))
            torch.nn.init.normal_(self.network.filter_bias, std=0.01)
        self.direction = torch.randn(N_TEXTS, DIM)

    @property
    def leaves(self) -> list[Tensor]:
        network = self.network
        return [self.words, network.label_embedding, network.filter_weight, network.filter_bias]

    def ours(self) -> Tensor:
        return self.network._shared_vectors(self.words, self.positions, self.mask)

    def theirs(self) -> Tensor:
        words, *rest = self.leaves
        return straightforward(words, self.positions, self.mask, *rest)

    def step(self, vectors: Callable[[], Tensor]) -> list[Tensor]:
        """Forward and backward; the document vectors and all gradients."""
        for leaf in self.leaves:
            leaf.grad = None
        z = vectors()
        z.backward(self.direction)
        if self.words.grad is not None and not self.words[0].any():
            self.words.grad[0] = 0  # of padding, which is never trained
        return [z.detach(), *(leaf.grad for leaf in self.leaves)]  # type: ignore[misc]

    def difference(self) -> float:
        """Largest difference of the two, relative to the largest value of each array."""
        pairs = zip(self.step(self.ours), self.step(self.theirs), strict=True)
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def peak_bytes(task: Callable[[], Any]) -> int:
    """Most bytes that torch held at a time beyond what it held before."""
    task()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = task()
    del result
    events = profiler.profiler.kineto_results.events()
    memory = [e for e in events if e.name() == "[memory]"]
    memory.sort(key=lambda e: e.start_ns())
    return int(np.cumsum([e.nbytes() for e in memory]).max())


def main() -> None:
    parser = measure.parser(__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 54, 135, 1000])
    parser.add_argument("--words", type=int, nargs="+", default=[66, 300])
    parser.add_argument("--memory-labels", type=int, nargs="*", default=[135, 1000, 4000])
    parser.add_argument("--uniform", action="store_true", help="word ids nearly all distinct")
    arguments: argparse.Namespace = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    rows, timing = [], []
    for length in arguments.words:
        for n_labels in arguments.labels:
            problem = Problem(n_labels, length, arguments.uniform)
            difference = problem.difference()
            if not difference < TOLERANCE:
                raise AssertionError(f"K={n_labels}, {length} words: differ by {difference:.1e}")
            seconds = measure.interleaved(
                {
                    "straightforward": lambda p=problem: p.step(p.theirs),
                    "sklabelemb": lambda p=problem: p.step(p.ours),
                },
                arguments.repetitions,
                warmup=2,
            )
            ours, theirs = seconds["sklabelemb"], seconds["straightforward"]
            speedup = measure.ratio(theirs, ours)
            entry = {
                "labels": n_labels,
                "words": length,
                "distinct_words": problem.n_distinct,
                "relative_difference": difference,
                "straightforward_ms": measure.spread(theirs, 1e3),
                "sklabelemb_ms": measure.spread(ours, 1e3),
                "speedup": speedup,
                "target": 1.0 if arguments.uniform else TARGETS.get((n_labels, length), 1.0),
            }
            timing.append(entry)
            rows.append(
                [
                    n_labels,
                    length,
                    f"{entry['straightforward_ms']['median']:.1f}",
                    f"{entry['sklabelemb_ms']['median']:.1f}",
                    f"{speedup['median']:.1f} ({speedup['q1']:.1f}–{speedup['q3']:.1f})",
                    f"{difference:.0e}",
                ]
            )
            print(*rows[-1], flush=True)
    memory = []
    for n_labels in arguments.memory_labels:
        problem = Problem(n_labels, arguments.words[0], arguments.uniform)
        ours = peak_bytes(lambda p=problem: p.step(p.ours))
        theirs = peak_bytes(lambda p=problem: p.step(p.theirs))
        scores = 4 * N_TEXTS * n_labels * arguments.words[0]
        memory.append(
            {
                "labels": n_labels,
                "words": arguments.words[0],
                "straightforward_bytes": theirs,
                "sklabelemb_bytes": ours,
                "one_score_array_bytes": scores,
            }
        )
    notes = [
        f"Milliseconds, forward and backward, {N_TEXTS} texts, {DIM} dimensions, r = {RADIUS}; "
        + (
            "words drawn uniformly"
            if arguments.uniform
            else f"words drawn from {N_WORDS:,} by Zipf's law"
        )
        + f"; median (quartiles) of {arguments.repetitions} interleaved runs."
    ]
    if memory:
        notes.append(
            measure.table(
                ["labels", "one (b, K, s) array, MB", "straightforward, MB", "sklabelemb, MB"],
                [
                    [
                        m["labels"],
                        *(
                            f"{m[key] / 1e6:.0f}"
                            for key in (
                                "one_score_array_bytes",
                                "straightforward_bytes",
                                "sklabelemb_bytes",
                            )
                        ),
                    ]
                    for m in memory
                ],
            )
        )
        notes.append(
            f"Peak of what torch allocates in one forward and backward pass, "
            f"{arguments.words[0]} words."
        )
    measure.report(
        "compatibility_uniform" if arguments.uniform else "compatibility",
        "How much faster and smaller is sklabelemb's equations (2) to (6) than conv1d written out?",
        host,
        ["labels", "words", "straightforward", "sklabelemb", "speed-up", "difference"],
        rows,
        {"timing": timing, "memory": memory},
        arguments,
        notes,
    )


if __name__ == "__main__":
    main()
