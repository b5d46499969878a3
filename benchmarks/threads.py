"""How many torch threads should a LEAM be trained with?

Milliseconds of a training step on typical batches: short comments, newswire, abstracts; with the
defaults, and with the paper's settings. The thread numbers take turns in one process.

    python benchmarks/threads.py
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np
import torch

from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.learning import LengthBuckets

SETTINGS: dict[str, dict[str, Any]] = {"defaults": {}, "paper": PAPER_SETTINGS}


BATCH_SIZE = 100


def main() -> None:
    parser = measure.parser(__doc__)
    parser.add_argument("--datasets", nargs="+", default=["goemotions", "reuters21578", "aapd"])
    parser.add_argument("--numbers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, default=10, help="steps a run")
    parser.add_argument("--subset", type=int, default=8000, help="texts for the vocabulary")
    arguments = parser.parse_args()
    host = measure.machine(max(arguments.numbers))
    entries, rows = [], []
    for dataset in arguments.datasets:
        bunch = measure.corpus(dataset, arguments.data, subset=arguments.subset)
        targets, vocabulary, data = measure.encoded(bunch.data, bunch.target)
        torch.manual_seed(0)
        buckets = LengthBuckets(data, BATCH_SIZE, shuffle=True)
        batches = [b for b, _ in zip(buckets, range(arguments.batches), strict=False)]
        length = float(np.mean([x["ids"].shape[1] for x, _ in batches]))
        for name, parameters in SETTINGS.items():

            def run(number: int, net: Any, steps: list[Any] = batches) -> None:
                torch.set_num_threads(number)
                for batch in steps:
                    net.train_step(batch)

            torch.manual_seed(0)
            net = measure.training_net(
                LEAMClassifier(**{"batch_size": BATCH_SIZE, **parameters}), targets, vocabulary
            )
            seconds = measure.interleaved(
                {str(n): lambda n=n, net=net: run(n, net) for n in arguments.numbers},
                arguments.repetitions,
            )
            first = str(arguments.numbers[0])
            gains = {n: measure.ratio(seconds[first], seconds[n]) for n in seconds}
            milliseconds = {n: measure.spread(v, 1e3 / len(batches)) for n, v in seconds.items()}
            entries.append(
                {
                    "corpus": bunch.name,
                    "settings": name,
                    "labels": targets.n_labels,
                    "words": length,
                    "vocabulary": len(vocabulary),
                    "milliseconds": milliseconds,
                    f"speedup_over_{first}": gains,
                }
            )
            last = str(arguments.numbers[-1])
            rows.append(
                [
                    bunch.name,
                    name,
                    targets.n_labels,
                    f"{length:.0f}",
                    *(f"{milliseconds[n]['median']:.1f}" for n in seconds),
                    f"{gains[last]['median']:.2f} "
                    f"({gains[last]['q1']:.2f}–{gains[last]['q3']:.2f})",
                ]
            )
            print(*rows[-1], flush=True)
    measure.report(
        "threads",
        "How many torch threads should a LEAM be trained with?",
        host,
        [
            "corpus",
            "settings",
            "labels",
            "words",
            *(f"{n} thread{'s' * (n > 1)}" for n in arguments.numbers),
            "speed-up",
        ],
        rows,
        {"runs": entries},
        arguments,
        [
            f"Milliseconds a training step, batches of {BATCH_SIZE} texts padded "
            f"to these numbers of words; medians of {arguments.repetitions} interleaved runs of "
            f"{arguments.batches} steps."
        ],
    )


if __name__ == "__main__":
    main()
