"""What do tuned thresholds and calibration gain over deciding at 0.5?

Each classifier is fitted to train (as it is; no dev), its thresholds and calibration maps are
learnt from scores of a 3-fold cross-validation on train, and test is predicted once: by a
probability of 0.5 (a decision value of 0), by the classifier's own rule, and by the thresholds that
`ThresholdTuner` finds for each objective. Of eurlex57k a part of train is taken (``--subset``), and
the labels that occur in it, and one attention for all labels: one for each would take hours.

    python benchmarks/thresholds.py --seeds 0 1 2 --out benchmarks/results/thresholds.jsonl
    python benchmarks/thresholds.py --datasets eurlex57k --subset 2000 --attention shared

Nothing is chosen on test. ``--cache`` keeps the scores, so that tuning can be looked at again
without fitting again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.metrics import f1_score, hamming_loss
from sklearn.utils import Bunch

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner
from sklabelemb.datasets import load_folder
from sklabelemb.decision import decide, label_scores, probabilities
from sklabelemb.decision.objectives import OBJECTIVES
from sklabelemb.meta.calibration_maps import fit_calibration_maps
from sklabelemb.meta.threshold_search import search_thresholds
from sklabelemb.metrics import expected_calibration_error

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DATASETS = ["reuters21578", "ohsumed", "goemotions", "aapd"]


def load(name: str, subset: int | None) -> Bunch:
    """Texts and CSR indicators of train and test, labels' texts; labels without positives cut."""
    folder = load_folder(DATA / name)
    X, y = list(folder.train.data), sp.csr_matrix(folder.train.target)
    if subset and len(X) > subset:
        chosen = np.random.RandomState(7).permutation(len(X))[:subset]
        X, y = [X[i] for i in chosen], y[chosen]
    known = np.flatnonzero(y.sum(axis=0).A1) if subset else np.arange(y.shape[1])
    return Bunch(
        X=X,
        y=y[:, known],
        X_test=list(folder.test.data),
        y_test=sp.csr_matrix(folder.test.target)[:, known],
        label_texts=[list(folder.train.label_texts)[i] for i in known],
    )


def scores(
    data: Bunch, model: str, seed: int, n_folds: int, attention: str | None
) -> dict[str, Any]:
    """Cross-validated scores of train, scores of test, and the classifier's own predictions."""
    if model == "leam":
        options = {"attention": attention} if attention else {}
        classifier = LEAMClassifier(label_texts=data.label_texts, random_state=seed, **options)
    else:
        classifier = BinaryRelevance()
    tuner = ThresholdTuner(classifier, cv=n_folds, random_state=seed)
    start = time.perf_counter()
    cross_fit = tuner._cross_fit(data.X, data.y, data.y.astype(np.float32), {}, {})
    seconds = time.perf_counter() - start
    fitted = cross_fit.estimator
    test = label_scores(fitted, data.X_test, data.y.shape[1], response_method=cross_fit.method)
    own = fitted.predict(data.X_test)
    return {
        "train": cross_fit.scores,
        "truth": cross_fit.truth,
        "test": test,
        "own": np.asarray(own.toarray() if sp.issparse(own) else own).astype(bool),
        "seconds": seconds,
    }


def measures(y: Any, decisions: np.ndarray) -> dict[str, float]:
    """The figures of one set of decisions."""
    prediction = sp.csr_matrix(decisions.astype(int))
    figures = {
        f"{average}_f1": f1_score(y, prediction, average=average, zero_division=0)
        for average in ("micro", "macro", "samples")
    }
    return {**figures, "hamming_loss": hamming_loss(y, prediction)}


def run(data: Bunch, found: dict[str, Any], seed: int) -> dict[str, Any]:
    """Tune and calibrate on the scores of train; judge on test."""
    y, test = data.y_test, found["test"]
    result: dict[str, Any] = {
        "thresholds": {
            "default": measures(y, decide(test, 0.0)),
            "own": measures(y, found["own"]),
        },
        "chosen": {},
        "seconds_tuning": {},
    }
    fewest = int(data.y.sum(axis=1).min())
    for name, objective in OBJECTIVES.items():
        start = time.perf_counter()
        search = search_thresholds(
            found["truth"],
            found["train"],
            objective(),
            min_labels=sorted({0, fewest}),
            random_state=seed,
        )
        result["seconds_tuning"][name] = time.perf_counter() - start
        decisions = decide(test, search.thresholds, search.best.min_labels)
        result["thresholds"][name] = measures(y, decisions)
        result["chosen"][name] = {
            **vars(search.best),
            "cv_score": search.scores[search.best],
            "cv_score_default": next(iter(search.scores.values())),
        }
    before = probabilities(test, multilabel=True)
    calibrated = {"before": before}
    for method in ("sigmoid", "isotonic", "temperature"):
        calibrated[method] = fit_calibration_maps(method, found["train"], found["truth"])(test)
    result["calibration"] = {name: calibration(y, p) for name, p in calibrated.items()}
    return result


def calibration(y: Any, proba: np.ndarray) -> dict[str, float]:
    """Calibration error, and Brier score, which a constant frequency would not make small."""
    return {
        "ece_macro": expected_calibration_error(y, proba, average="macro"),
        "ece_micro": expected_calibration_error(y, proba, average="micro"),
        "brier": float(np.mean((y.toarray() - proba) ** 2)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--models", nargs="+", default=["leam", "linear"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--subset", type=int, help="at most this many training texts")
    parser.add_argument("--attention", help="of LEAM, if not its default")
    parser.add_argument("--cache", type=Path, help="folder to keep scores in")
    parser.add_argument("--fit-only", action="store_true", help="only fill the cache")
    parser.add_argument("--out", type=Path, help="append one JSON line a run to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".* labels have no positive sample in y")
    for dataset in arguments.datasets:
        data = load(dataset, arguments.subset)
        for seed in arguments.seeds:
            for model in arguments.models:
                found = cached(data, dataset, model, seed, arguments)
                if arguments.fit_only:
                    continue
                row = {
                    "dataset": dataset,
                    "model": model,
                    "seed": seed,
                    "subset": arguments.subset,
                    "folds": arguments.folds,
                    "attention": arguments.attention,
                    "n_train": len(data.X),
                    "n_labels": data.y.shape[1],
                    "seconds_fitting": found["seconds"],
                    **run(data, found, seed),
                }
                line = json.dumps(row, default=float)
                print(line, flush=True)
                if arguments.out:
                    with arguments.out.open("a") as file:
                        file.write(line + "\n")


def cached(
    data: Bunch, dataset: str, model: str, seed: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Scores from the cache, or computed and put there."""
    if not arguments.cache:
        return scores(data, model, seed, arguments.folds, arguments.attention)
    name = f"{dataset}-{arguments.subset}-{model}-{seed}-{arguments.folds}.npz"
    path = arguments.cache / name
    if not path.exists():
        found = scores(data, model, seed, arguments.folds, arguments.attention)
        arguments.cache.mkdir(parents=True, exist_ok=True)
        dense = {**found, "truth": found["truth"].toarray().astype(np.uint8)}
        np.savez_compressed(path, **dense)
        print("kept", name, f"{found['seconds']:.0f} s", flush=True)
    with np.load(path) as kept:
        found = dict(kept)
    found["truth"] = sp.csr_matrix(found["truth"].astype(np.float32))
    found["seconds"] = float(found["seconds"])
    return found


if __name__ == "__main__":
    main()
