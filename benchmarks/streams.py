"""Texts that memory does not hold: time a text and peak memory of a fit, by the number of texts.

Texts of about a hundred words with the labels of reuters21578, ohsumed or aapd are made of the
sentences of real ones that share a label, written as JSON lines, and read by ``stream_table``. Each
fit runs in a process of its own, one thread; its peak is that of the resident memory.

    python benchmarks/streams.py
    python benchmarks/streams.py --systems leam --sizes 100000
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
from sklearn.metrics import f1_score

from sklabelemb import LabelTreeClassifier, LEAMClassifier
from sklabelemb.datasets import load_folder, stream_table

SYSTEMS = ["leam", "tree"]
SIZES = [100_000, 1_000_000]
WORDS = 100


def write(path: Path, name: str, data: Path, n_texts: int) -> None:
    """Recombine the sentences of a dataset's training texts, label set by label set."""
    train = load_folder(data / name).train
    names = list(train.target_names)
    sets = [tuple(np.flatnonzero(row)) for row in np.asarray(_dense(train.target))]
    by_set: dict[tuple[int, ...], list[str]] = {}
    for text, own in zip(train.data, sets, strict=True):
        by_set.setdefault(own, []).extend(re.split(r"(?<=[.!?])\s+", text))
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for i in random.integers(len(sets), size=n_texts).tolist():
            sentences, words = by_set[sets[i]], 0
            chosen: list[str] = []
            while words < WORDS:
                chosen.append(sentences[random.integers(len(sentences))])
                words += len(chosen[-1].split()) or WORDS
            row = {"text": " ".join(chosen), "labels": [str(names[k]) for k in sets[i]]}
            file.write(json.dumps(row) + "\n")


def _dense(target: Any) -> Any:
    return target.toarray() if hasattr(target, "toarray") else target


def peak() -> float:
    """Largest resident memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def fit(system: str, path: Path, data: Path, name: str) -> dict[str, Any]:
    """Read and fit, in this process."""
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    table = stream_table(path)
    read = time.process_time()
    made = {"leam": LEAMClassifier, "tree": LabelTreeClassifier}[system](random_state=0)
    model = made.fit(table.data, table.target)
    done = time.process_time()
    test = load_folder(data / name).test
    order = [list(test.target_names).index(label) for label in table.target_names]
    truth = np.asarray(_dense(test.target))[:, order]
    texts = [" ".join(text.split()[:WORDS]) for text in test.data]
    n_words = sum(len(text.split()) for text in table.data[:1000]) / 1000
    return {
        "texts": len(table.data),
        "words": n_words,
        "read_seconds": read - start,
        "fit_seconds": done - read,
        "peak_gib": peak(),
        "micro_f1": f1_score(truth, model.predict(texts), average="micro", zero_division=0),
    }


def main() -> None:
    """Make the files, fit in processes of their own, and write the table."""
    parser = measure.parser(__doc__ or "", repetitions=1)
    parser.add_argument("--dataset", default="ohsumed")
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--only", nargs=2, metavar=("SYSTEM", "FILE"), help="what a process runs")
    arguments = parser.parse_args()
    arguments.threads = 1
    if arguments.only:
        system, path = arguments.only
        print(json.dumps(fit(system, Path(path), arguments.data, arguments.dataset)))
        return
    host = measure.machine(1)
    found, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            path = Path(folder, f"{size}.jsonl")
            write(path, arguments.dataset, arguments.data, size)
            for system in arguments.systems:
                command = [sys.executable, __file__, "--dataset", arguments.dataset]
                command += ["--data", str(arguments.data), "--only", system, str(path)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                run = {"system": system, **json.loads(done.stdout.splitlines()[-1])}
                found.append(run)
                rows.append(
                    [
                        system,
                        f"{size:,}",
                        f"{1e6 * run['read_seconds'] / size:.0f}",
                        f"{1e6 * run['fit_seconds'] / size:.0f}",
                        f"{run['peak_gib']:.2f}",
                        f"{run['micro_f1']:.3f}".lstrip("0"),
                    ]
                )
                print(*rows[-1], flush=True)
            path.unlink()
    measure.report(
        "streams",
        "What do a text's time and the memory of a fit depend on?",
        host,
        ["classifier", "texts", "read, µs a text", "fit, µs a text", "peak, GiB", "micro-F1"],
        rows,
        {"runs": found, "dataset": arguments.dataset},
        arguments,
        [
            "Seconds of the processor, one thread. Micro-F1 on the first hundred words of the test "
            "texts, to see that something was learnt."
        ],
    )


if __name__ == "__main__":
    main()
