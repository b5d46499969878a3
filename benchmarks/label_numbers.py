"""How time and memory of a label tree grow with the number of labels, from 1,000 to 100,000.

Texts are those of EURLEX57K, their first words. Up to its 4,271 labels, only the most frequent ones
count; for more, each label is split into several: a word that stands for the part is put before its
name and into the texts that have it. Each number of labels runs in a process of its own, with one
thread. Written to ``results/label_numbers.json``, ``label_numbers.rst`` and ``label_numbers.png``.

    python benchmarks/label_numbers.py
    python benchmarks/label_numbers.py --labels 1000 4000 --train 5000 --results /tmp
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from measure import machine, parser, report

from sklabelemb import LabelTreeClassifier
from sklabelemb.datasets import load_folder
from sklabelemb.metrics import precision_at_k

NUMBERS = (1_000, 3_000, 10_000, 30_000, 100_000)
N_WORDS = 100
N_TEST = 2_000


def corpus(data: Path, n_labels: int, n_train: int) -> dict[str, Any]:
    """Texts with so many labels, made of real ones; training texts first."""
    splits = load_folder(data / "eurlex57k")
    texts = [*splits.train.data[:n_train], *splits.test.data[:N_TEST]]
    y = sp.csr_matrix(sp.vstack([splits.train.target[:n_train], splits.test.target[:N_TEST]]))
    names = np.array([str(name) for name in splits.train.target_names])
    by_frequency = np.argsort(-np.asarray(y.sum(axis=0)).ravel(), kind="stable")
    y, names = y[:, by_frequency[:n_labels]].tocoo(), names[by_frequency[:n_labels]]
    n_parts = -(-n_labels // len(names))
    random = np.random.default_rng(0)
    # Parts of a label are as unlike in frequency as labels are.
    part = np.minimum(random.pareto(1.0, size=y.nnz) * n_parts / 8, n_parts - 1).astype(int)
    label = y.col + len(names) * part
    words: list[list[str]] = [text.split()[:N_WORDS] for text in texts]
    for row, number in zip(y.row, part, strict=True):
        if n_parts > 1:
            words[row].append(f"part{number}")
    kept = label < n_labels
    places = (y.row[kept], label[kept])
    indicator = sp.csr_matrix((np.ones(kept.sum(), dtype=np.int8), places), (len(texts), n_labels))
    shown = [f"part{k // len(names)} {names[k % len(names)]}" for k in range(n_labels)]
    return {"texts": [" ".join(some) for some in words], "y": indicator, "names": shown}


def measured(data: Path, n_labels: int, n_train: int) -> dict[str, Any]:
    """Costs and figures with so many labels."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    given = corpus(data, n_labels, n_train)
    X, y = given["texts"], given["y"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    tree = LabelTreeClassifier(
        label_names=given["names"], refit=False, sparse_output=True, random_state=0
    )
    start = time.process_time()
    tree.fit(X[:n_train], y[:n_train])
    fitted = time.process_time()
    proba = tree.predict_proba(X[n_train:])
    predicted = time.process_time()
    return {
        "labels": n_labels,
        "with a text": int((np.asarray(y[:n_train].sum(axis=0)).ravel() > 0).sum()),
        "fit": round(fitted - start, 1),
        "predict, ms a text": round(1000 * (predicted - fitted) / N_TEST, 3),
        "P@1": round(precision_at_k(y[n_train:], proba, k=1), 3),
        "peak GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "before GiB": round(before, 2),
    }


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Milliseconds a text against the number of labels, which is on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
    ax.plot([r["labels"] for r in rows], [r["predict, ms a text"] for r in rows], marker="o")
    ax.set(xscale="log", ylim=(0, None), xlabel="labels", ylabel="predict, ms a text")
    figure.savefig(file, dpi=150)


def main() -> None:
    """Measure every number of labels in a process of its own."""
    options = parser(__doc__)
    options.add_argument("--labels", nargs="+", type=int, default=list(NUMBERS))
    options.add_argument("--train", type=int, default=45_000, help="training texts")
    options.add_argument("--one", type=int, default=None, help="measure here, and print the result")
    given = options.parse_args()
    if given.one is not None:
        print(json.dumps(measured(given.data, given.one, given.train)))
        return
    rows = []
    for n_labels in given.labels:
        command = [sys.executable, __file__, "--one", str(n_labels), "--data", str(given.data)]
        command += ["--train", str(given.train)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    question = "How do time and memory of a label tree grow with the number of labels?"
    table = [list(row.values()) for row in rows]
    report("label_numbers", question, machine(1), list(rows[0]), table, {"rows": rows}, given)
    draw(rows, given.results / "label_numbers.png")


if __name__ == "__main__":
    main()
