"""What does a large vocabulary cost a training step?

The same batches of real text, while the word table grows by rows that no text uses. "Row-wise" is
SparseAdam on the rows of the batch, "dense" is fused AdamW over the whole table; `fit` chooses
between them by SPARSE_FROM_ELEMENTS in ``sklabelemb/learning/optimizers.py``. The second part
checks that: smaller vocabularies (rarer words become unknown) at two dimensions, and where the two
cross. Its network is but a mean of word vectors, so that table and optimiser are what is timed.

    python benchmarks/vocabulary_cost.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import measure
import numpy as np
import torch

from sklabelemb.leam import LEAMClassifier
from sklabelemb.learning import LengthBuckets, TextDataset
from sklabelemb.learning.optimizers import SPARSE_FROM_ELEMENTS

Batch = tuple[dict[str, Any], dict[str, Any]]


BATCH_SIZE = 100


def with_vocabulary(batches: Sequence[Batch], n_words: int) -> list[Batch]:
    """The batches as a vocabulary of this many words would encode them."""
    return [
        ({"ids": torch.where(x["ids"] < n_words, x["ids"], 1)}, target) for x, target in batches
    ]


def crossing(sizes: Sequence[int], ratios: Sequence[float]) -> float | None:
    """Size at which row-wise over dense falls to one for good, between the sizes measured."""
    logs = np.log(sizes)
    for i in reversed(range(len(sizes) - 1)):
        if ratios[i] >= 1 > ratios[i + 1]:
            share = (ratios[i] - 1) / (ratios[i] - ratios[i + 1])
            return float(np.exp(logs[i] + share * (logs[i + 1] - logs[i])))
    return None


def main() -> None:
    parser = measure.parser(__doc__)
    parser.add_argument("--dataset", default="reuters21578")
    parser.add_argument("--batches", type=int, default=10, help="steps a run")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 50_000, 100_000, 400_000])
    parser.add_argument(
        "--small", type=int, nargs="*", default=[1000, 2000, 4000, 7000, 12_000, 20_000]
    )
    parser.add_argument("--dims", type=int, nargs="+", default=[100, 300])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    bunch = measure.corpus(arguments.dataset, arguments.data)
    smallest = min(arguments.sizes)
    targets, vocabulary, data = measure.encoded(bunch.data, bunch.target, max_features=smallest - 2)
    torch.manual_seed(0)
    batches = some_batches(data, arguments.batches)
    distinct = float(np.mean([len(torch.unique(x["ids"])) for x, _ in batches]))

    def tasks(sizes: Sequence[int], model: LEAMClassifier) -> dict[tuple[int, str], Any]:
        made = {}
        for size in sizes:
            texts = with_vocabulary(batches, size)
            for kind in ("row-wise", "dense"):
                torch.manual_seed(0)
                net = measure.training_net(
                    model,
                    targets,
                    vocabulary,
                    n_words=size,
                    sparse=kind == "row-wise",
                )
                made[size, kind] = lambda n=net, t=texts: [n.train_step(batch) for batch in t]
        return made

    def milliseconds(seconds: dict[Any, list[float]]) -> dict[Any, dict[str, float]]:
        return {k: measure.spread(v, 1e3 / len(batches)) for k, v in seconds.items()}

    seconds = measure.interleaved(
        tasks(arguments.sizes, LEAMClassifier(batch_size=BATCH_SIZE)), arguments.repetitions
    )
    large = milliseconds(seconds)
    reference = seconds[smallest, "row-wise"]
    entries, rows = [], []
    for size in arguments.sizes:
        over = measure.ratio(seconds[size, "row-wise"], reference)
        entries.append(
            {
                "words": size,
                "row_wise_ms": large[size, "row-wise"],
                "dense_ms": large[size, "dense"],
                f"row_wise_over_{smallest}": over,
            }
        )
        rows.append(
            [
                f"{size:,}",
                f"{large[size, 'row-wise']['median']:.1f}",
                f"{over['median']:.2f} ({over['q1']:.2f}–{over['q3']:.2f})",
                f"{large[size, 'dense']['median']:.1f}",
            ]
        )
    del seconds
    crossings, small_entries, small_rows = {}, [], []
    for dim in arguments.dims if arguments.small else []:
        model = LEAMClassifier(
            batch_size=BATCH_SIZE,
            embedding_dim=dim,
            compatibility="uniform",
            attention="shared",
            bag=False,
        )
        seconds = measure.interleaved(tasks(arguments.small, model), arguments.repetitions)
        small = milliseconds(seconds)
        ratios = []
        for size in arguments.small:
            over = measure.ratio(seconds[size, "row-wise"], seconds[size, "dense"])
            ratios.append(over["median"])
            small_entries.append(
                {
                    "words": size,
                    "dim": dim,
                    "row_wise_ms": small[size, "row-wise"],
                    "dense_ms": small[size, "dense"],
                    "row_wise_over_dense": over,
                }
            )
            small_rows.append(
                [
                    dim,
                    f"{size:,}",
                    f"{small[size, 'row-wise']['median']:.1f}",
                    f"{small[size, 'dense']['median']:.1f}",
                    f"{over['median']:.2f}",
                ]
            )
        where = crossing(arguments.small, ratios)
        crossings[dim] = None if where is None else round(where * dim)
    notes = [
        f"Milliseconds a training step (defaults, 300 dimensions), {bunch.name}, batches of "
        f"{BATCH_SIZE} texts with {distinct:.0f} distinct words on average; "
        f"medians of {arguments.repetitions} interleaved runs of {len(batches)} steps."
    ]
    if small_rows:
        notes.append(
            measure.table(
                ["dimensions", "words", "row-wise", "dense", "row-wise / dense"], small_rows
            )
        )
        found = "; ".join(
            f"{dim} dimensions: " + ("not in this range" if c is None else f"{c:,} elements")
            for dim, c in crossings.items()
        )
        notes.append(f"Where they cross: {found} (in force: {SPARSE_FROM_ELEMENTS:,}).")
    measure.report(
        "vocabulary_cost",
        "What does a large vocabulary cost a training step?",
        host,
        ["words", "row-wise, ms", f"over {smallest:,}", "dense, ms"],
        rows,
        {
            "corpus": bunch.name,
            "distinct_words_per_batch": distinct,
            "large": entries,
            "small": small_entries,
            "crossing_elements": crossings,
            "sparse_from_elements": SPARSE_FROM_ELEMENTS,
            "target": 1.5,
        },
        arguments,
        notes,
    )


def some_batches(data: TextDataset, n: int) -> list[Batch]:
    """The first batches of a shuffled epoch."""
    iterator = iter(LengthBuckets(data, BATCH_SIZE, shuffle=True))
    return [batch for batch, _ in zip(iterator, range(n), strict=False)]


if __name__ == "__main__":
    main()
