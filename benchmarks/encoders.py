"""How fast does MTLE train: mean or BiLSTM, padded or packed, one thread or two?

Three questions, each a ratio between neighbouring runs in one process: an epoch of the mean encoder
against one of the BiLSTM, in the estimator's own training; a BiLSTM as two LSTMs over padded
batches, as here, against torch's packed sequences (forward and backward, the same texts); and the
former with two threads against one (which stalls where another program wants the same cores).

    python benchmarks/encoders.py
    python benchmarks/encoders.py --two-threads    # on a machine where nobody else computes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import corpus, interleaved, machine, parser, ratio, report, spread
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from sklabelemb.layers.recurrent import lstm, reversed_rows
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.mtle.text_vectors import pooled
from sklabelemb.text import Tokenizer, Vocabulary

CORPORA = {"trec_coarse": 2_000, "sst2": 2_000, "imdb": 200}
BATCH = 32


def epochs(data: Any, repetitions: int) -> dict[str, list[float]]:
    """Seconds of an epoch with each encoder, fit after fit; each fit's first epoch is a warm-up."""
    seconds: dict[str, list[float]] = {"mean": [], "bilstm": []}
    for _ in range(repetitions):
        for encoder, found in seconds.items():
            model = MTLEClassifier(encoder=encoder, random_state=0, max_epochs=3)
            found += [row["dur"] for row in model.fit(data.data, data.target).history_[1:]]
    return seconds


def lstm_steps(data: Any) -> dict[str, Callable[[], None]]:
    """Forward and backward through the BiLSTM, for some batches of the texts."""
    vocabulary, ids = Vocabulary.build(data.data, Tokenizer())
    order = np.argsort(ids.lengths)
    # Three batches: texts of the quartiles' lengths.
    picked = (len(order) * np.array([0.25, 0.5, 0.75])).astype(int)
    batches = [torch.from_numpy(ids.padded(order[i : i + BATCH])) for i in picked]
    torch.manual_seed(0)
    table = nn.Embedding(len(vocabulary), 100, padding_idx=0)
    forwards, backwards = lstm(100, 100), lstm(100, 100)
    both = nn.LSTM(100, 100, batch_first=True, bidirectional=True)

    def padded() -> None:
        for batch in batches:
            lengths = (batch != 0).sum(dim=1)
            there, _ = forwards(table(batch))
            back, _ = backwards(table(reversed_rows(batch, lengths)))
            total = pooled(there, lengths, "max").sum() + pooled(back, lengths, "max").sum()
            total.backward()

    def packed() -> None:
        for batch in batches:
            lengths = (batch != 0).sum(dim=1).clamp_min(1)
            sequence = pack_padded_sequence(
                table(batch), lengths, batch_first=True, enforce_sorted=False
            )
            states, _ = both(sequence)
            states.data.sum().backward()

    return {"padded": padded, "packed": packed}


def on_two_threads(task: Callable[[], None]) -> Callable[[], None]:
    """The same, with torch's pool of two threads."""

    def run() -> None:
        torch.set_num_threads(2)
        try:
            task()
        finally:
            torch.set_num_threads(1)

    return run


def main() -> None:
    """Measure, and write the table."""
    options = parser(__doc__ or "", repetitions=5)
    options.add_argument("--two-threads", action="store_true")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    host = machine(1)
    rows, figures = [], {}
    for name, subset in CORPORA.items():
        data = corpus(name, arguments.data, subset=subset)
        whole = epochs(data, arguments.repetitions)
        steps = lstm_steps(data)
        if arguments.two_threads:
            steps["two threads"] = on_two_threads(steps["padded"])
        parts = interleaved(steps, arguments.repetitions)
        ratios = {
            "BiLSTM / mean": ratio(whole["bilstm"], whole["mean"]),
            "packed / padded": ratio(parts["packed"], parts["padded"]),
        }
        if arguments.two_threads:
            ratios["1 thread / 2"] = ratio(parts["padded"], parts["two threads"])
        per_text = {k: spread(v, 1e3 / len(data.data)) for k, v in whole.items()}
        figures[name] = {"ratios": ratios, "ms_per_text": per_text}
        words = np.mean([len(Tokenizer()(text)) for text in data.data[:500]])
        rows.append(
            [
                name,
                round(float(words)),
                per_text["mean"]["median"],
                per_text["bilstm"]["median"],
                *(ratios[key]["median"] for key in ratios),
            ]
        )
    header = [
        "corpus",
        "words",
        "mean, ms/text",
        "BiLSTM, ms/text",
        *ratios,
    ]
    report(
        "encoders",
        "How fast does MTLE train?",
        host,
        header,
        rows,
        {"figures": figures},
        arguments,
        notes=[
            "Milliseconds of an epoch and text. Above 1, what is named second is faster.",
        ],
    )


if __name__ == "__main__":
    main()
