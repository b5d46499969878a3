"""Table 4 of the LEAM paper: what does LEAM cost beside SWEM?

Seconds of 1000 training steps with the paper's settings on ten classes of texts of 100 words (the
length of a Yahoo answer), cut from 20 Newsgroups, and a vocabulary of 50,000. The paper counts 65 s
for LEAM and 63 s for SWEM on its GPU, a ratio of 1.03. SWEM is LEAM with uniform attention; here
once otherwise equal, and once without the label penalty, for which it has no use. The paper's
optimiser walked through the whole word table at every step, as ``--dense`` does; by default only
the rows of the batch are updated, which makes everything faster and LEAM's share of it larger.

    python benchmarks/table4.py
    python benchmarks/table4.py --dense
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np
import torch

from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.learning import LengthBuckets

LENGTH, N_CLASSES = 100, 10
MODELS: dict[str, dict[str, Any]] = {
    "LEAM": {},
    "SWEM, otherwise equal": {"compatibility": "uniform"},
    "SWEM, no label penalty": {"compatibility": "uniform", "label_penalty": 0.0},
}


def main() -> None:
    parser = measure.parser(__doc__)
    parser.add_argument("--batches", type=int, default=20, help="steps a run")
    parser.add_argument("--vocabulary", type=int, default=50_000)
    parser.add_argument("--window-size", type=int, default=PAPER_SETTINGS["window_size"])
    parser.add_argument("--dense", action="store_true", help="update the whole word table")
    parser.add_argument("--profile", action="store_true", help="print where LEAM's time goes")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    texts, classes = [], []
    for split in ("train", "test"):
        bunch = measure.corpus("20newsgroups", arguments.data, split)
        texts += list(bunch.data)
        classes.append(np.asarray(bunch.target))
    # Pairs of neighbouring groups make ten classes; a label set counts as its first label.
    y = np.concatenate([c if c.ndim == 1 else c.argmax(axis=1) for c in classes])
    y = np.unique(y, return_inverse=True)[1] % N_CLASSES
    settings = {**PAPER_SETTINGS, "window_size": arguments.window_size, "random_state": 0}
    targets, vocabulary, data = measure.encoded(texts, y, arguments.vocabulary - 2, LENGTH)
    full = np.flatnonzero(data.token_ids.lengths == LENGTH)
    torch.manual_seed(0)
    buckets = LengthBuckets(data.subset(full), settings["batch_size"], shuffle=True)
    batches = [b for b, _ in zip(buckets, range(arguments.batches), strict=False)]
    tasks, nets = {}, {}
    for name, change in MODELS.items():
        model = LEAMClassifier(**{**settings, **change})
        torch.manual_seed(0)
        nets[name] = measure.training_net(
            model, targets, vocabulary, sparse=False if arguments.dense else None
        )
        tasks[name] = lambda n=nets[name]: [n.train_step(batch) for batch in batches]
    if arguments.profile:
        profile(tasks)
        return
    seconds = measure.interleaved(tasks, arguments.repetitions)
    some = np.random.default_rng(0).permutation(len(y))[:500]
    sample = ([texts[i] for i in some], y[some])
    rows, entries = [], []
    for name, change in MODELS.items():
        small = LEAMClassifier(**{**settings, **change, "max_epochs": 1})
        counts = small.fit(*sample).count_parameters()
        assert small.targets_.n_labels == targets.n_labels
        time = measure.spread(seconds[name], 1000 / len(batches))
        over = measure.ratio(seconds["LEAM"], seconds[name])
        entries.append(
            {
                "model": name,
                "seconds_per_1000": time,
                "leam_over_this": over,
                "compositional_parameters": counts["compositional"],
            }
        )
        rows.append(
            [
                name,
                f"{time['median']:.1f}",
                f"{over['median']:.2f} ({over['q1']:.2f}–{over['q3']:.2f})",
                f"{counts['compositional']:,}",
            ]
        )
    measure.report(
        "table4_dense" if arguments.dense else "table4",
        "What does LEAM cost beside SWEM (Table 4 of the paper)?",
        host,
        ["model", "seconds / 1000 steps", "LEAM / this", "parameters"],
        rows,
        {
            "corpus": bunch.name,
            "words": LENGTH,
            "classes": targets.n_labels,
            "vocabulary": len(vocabulary),
            "models": entries,
            "target": 1.1,
            "paper": {"LEAM": 65, "SWEM": 63},
        },
        arguments,
        [
            f"{bunch.name}, texts of {LENGTH} words, {targets.n_labels} classes, "
            f"{len(vocabulary):,} words, r = {arguments.window_size}, batches of "
            f"{settings['batch_size']}; medians (quartiles) of {arguments.repetitions} "
            f"interleaved runs of {len(batches)} steps; "
            + ("the whole word table" if arguments.dense else "the rows of the batch")
            + " updated at each step. Parameters without the word table. The "
            "paper: 65 s and 63 s."
        ],
    )


def profile(tasks: dict[str, Any]) -> None:
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    for name in ("SWEM, otherwise equal", "LEAM"):
        tasks[name]()
        with profiler(activities=[ProfilerActivity.CPU]) as run:
            tasks[name]()
        events = sorted(run.key_averages(), key=lambda e: -e.self_cpu_time_total)[:15]
        rows = [(e.key, e.count, f"{e.self_cpu_time_total / 1e3:.1f}") for e in events]
        print(name)
        print(measure.table(["operation", "calls", "own ms"], rows))


if __name__ == "__main__":
    main()
