"""The neural systems that the papers compare with, on published splits.

Every run fits on train (the classifier holds out a tenth of it, for the best epoch and the
thresholds), predicts test once, and is appended to ``results/comparison_systems.jsonl``; what the
file has already is left out.

    python benchmarks/comparison_systems.py --subset 3000
    python benchmarks/comparison_systems.py --full --seeds 0 1 2 --device cuda \\
        --out benchmarks/results/comparison_systems_full.jsonl

Systems are the names of ``sklabelemb.neural.PRESETS``, and beside them ``LEAM`` (without its linear
path) and ``br`` (TF-IDF and LinearSVC). ``--full`` takes the presets as they are, on all texts;
else they are cut down to what one core trains in minutes (`CUT`). All start from GloVe 100d, and
tune their thresholds.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from pathlib import Path
from typing import Any

import torch
from accuracy import VECTORS, load
from label_sequences import figures, run_baseline
from measure import HERE
from multi_task import Log

from sklabelemb import DocumentClassifier, LEAMClassifier, metrics
from sklabelemb.neural import PRESETS

DATASETS = ["reuters21578", "goemotions"]
# Small steps are for the hundreds of epochs that papers have.
CUT: dict[str, Any] = {"max_length": 150, "max_epochs": 15, "hidden_size": 100}
CUT |= {"learning_rate": 1e-3, "batch_size": 32, "patience": 4}
VECTORS_OF_ALL = {"vectors": "glove6b100d", "embedding_dim": 100}
LEAM = {"wide": False, **VECTORS_OF_ALL}


def settings_of(system: str, full: bool, extra: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a system."""
    if system == "LEAM":
        return {**LEAM, **({} if full else {"max_length": CUT["max_length"]}), **extra}
    cut = {} if full else CUT
    tuned = {"threshold": "tuned", "min_labels": "auto"}
    return {**PRESETS[system], **cut, **tuned, **VECTORS_OF_ALL, **extra}


def run(
    data: tuple[Any, ...], system: str, seed: int, settings: dict[str, Any], device: str
) -> dict[str, Any]:
    """Fit a system and say what it predicts."""
    X, y, X_test, y_test, label_texts = data
    own = {**settings, "vectors": VECTORS} if settings.get("vectors") else settings
    kind = LEAMClassifier if system == "LEAM" else DocumentClassifier
    model = kind(**own, label_texts=label_texts, random_state=seed, device=device)
    start = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    predicted = model.predict(X_test)
    done = time.process_time()
    proba = model.predict_proba(X_test)
    return {
        **figures(y_test, predicted, y),
        "average_precision": metrics.average_precision(y_test, proba, average="micro"),
        "fit_seconds": round(fitted - start, 1),
        "milliseconds_a_text": round(1000 * (done - fitted) / len(X_test), 2),
        "parameters": model.count_parameters(),
        "epochs": model.n_iter_,
        "best_epoch": model.best_epoch_,
    }


def main() -> None:
    """Make the runs that are missing."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*PRESETS, "LEAM", "br"]
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    options.add_argument("--systems", nargs="+", choices=every, default=every)
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--on", choices=["dev", "test"], default="test")
    options.add_argument("--subset", type=int, help="at most so many training texts")
    options.add_argument("--full", action="store_true", help="the presets as they are")
    options.add_argument("--device", default="cpu")
    options.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings"
    )
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--out", type=Path, default=HERE / "results" / "comparison_systems.jsonl")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    extra = {
        name: ast.literal_eval(value) for name, value in (pair.split("=", 1) for pair in chosen.set)
    }
    for name in chosen.datasets:
        data = load(name, chosen.on, chosen.subset)
        for system in chosen.systems:
            settings = {} if system == "br" else settings_of(system, chosen.full, extra)
            # As they come back from the file, where a tuple is a list.
            written = json.loads(json.dumps({**settings, "subset": chosen.subset}))
            log = Log(chosen.out, written)
            for seed in [0] if system == "br" else chosen.seeds:
                if (name, system, seed) in log.done:
                    continue
                result = (
                    run_baseline(data, name, "br")
                    if system == "br"
                    else run(data, system, seed, settings, chosen.device)
                )
                log([name, system, seed], on=chosen.on, **result)


if __name__ == "__main__":
    main()
