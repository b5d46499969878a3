"""How accurate is LEAM with its defaults, against TF-IDF + LinearSVC?

The same parameters for every dataset. ``--split dev`` is what defaults are chosen on: the dev split
where the dataset has one, else 15 % of train. ``--split test`` is for the record: train is fitted
as it is (the classifier holds out its own validation part), and test is predicted once.

    python benchmarks/accuracy.py --split test --seeds 0 1 2
    python benchmarks/accuracy.py --split dev --datasets ohsumed --set wide=False
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score, hamming_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from sklabelemb.datasets import load_folder
from sklabelemb.decision import best_thresholds
from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.model_selection import stratified_holdout

ROOT = Path(__file__).resolve().parents[1]
MULTILABEL = ["reuters21578", "goemotions", "ohsumed", "aapd"]
SINGLE = ["ag_news_sub", "dbpedia_sub", "20newsgroups", "r8", "r52", "trec_coarse"]
VECTORS = ROOT.parent / "shared" / "vectors" / "glove6b100d_top100k_fp16.npz"


def load(name: str, split: str, subset: int | None) -> tuple[Any, ...]:
    """Training and evaluation texts and targets, and the labels' texts."""
    folder = load_folder(ROOT.parent / "shared" / "data" / name)
    train, y = folder.train, folder.train.target
    X = np.array(train.data, dtype=object)
    if split == "test":
        evaluation = (folder.test.data, folder.test.target)
    elif "dev" in folder:
        evaluation = (folder.dev.data, folder.dev.target)
    else:
        codes = y if y.ndim == 2 else np.unique(y, return_inverse=True)[1]
        kept, cut = stratified_holdout(sp.csr_matrix(codes) if y.ndim == 2 else codes, 0.15, 123)
        evaluation = (X[cut], y[cut])
        X, y = X[kept], y[kept]
    if subset and len(X) > subset:
        chosen = np.random.RandomState(7).permutation(len(X))[:subset]
        X, y = X[chosen], y[chosen]
    return X, y, *evaluation, list(train.label_texts)


def scores(y: Any, prediction: Any) -> dict[str, float]:
    """The figures of one run."""
    if np.ndim(y) == 1:
        return {
            "accuracy": accuracy_score(y, prediction),
            "macro_f1": f1_score(y, prediction, average="macro"),
        }
    return {
        "micro_f1": f1_score(y, prediction, average="micro", zero_division=0),
        "macro_f1": f1_score(y, prediction, average="macro", zero_division=0),
        "hamming_loss": hamming_loss(y, prediction),
        "subset_accuracy": accuracy_score(y, prediction),
    }


def run_leam(data: tuple[Any, ...], seed: int, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit and evaluate one LEAM."""
    X, y, X_eval, y_eval, label_texts = data
    settings = {"label_texts": label_texts, "random_state": seed, **parameters}
    model = LEAMClassifier(**settings)
    start = time.perf_counter()
    model.fit(X, y)
    fitted = time.perf_counter()
    prediction = model.predict(X_eval)
    done = time.perf_counter()
    mixture = model.mixture_
    return {
        **scores(y_eval, prediction),
        "fit_seconds": fitted - start,
        "predict_seconds": done - fitted,
        "epochs": model.n_iter_,
        "best_epoch": model.best_epoch_,
        "mixture": [mixture.deep, mixture.wide, mixture.offset],
    }


def run_linear(data: tuple[Any, ...], seed: int) -> dict[str, Any]:
    """TF-IDF + LinearSVC per label; C and one global threshold tuned on a tenth of train."""
    X, y, X_eval, y_eval, _ = data
    start = time.perf_counter()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    if np.ndim(y) == 1:
        features = vectorizer.fit_transform(X)
        model = LinearSVC(C=1.0, random_state=seed).fit(features, y)
        prediction = model.predict(vectorizer.transform(X_eval))
        return {**scores(y_eval, prediction), "seconds": time.perf_counter() - start}
    kept, cut = stratified_holdout(sp.csr_matrix(y), 0.1, seed)
    y = sp.csr_matrix(y)
    features = vectorizer.fit_transform(X[kept])
    held_out = vectorizer.transform(X[cut])
    best: tuple[float, Any, float] = (-1.0, None, 0.0)
    for C in (0.1, 0.3, 1.0, 3.0):
        model = OneVsRestClassifier(LinearSVC(C=C, random_state=seed)).fit(features, y[kept])
        margin = model.decision_function(held_out)
        threshold, f1 = best_thresholds(y[cut].toarray().reshape(-1, 1), margin.reshape(-1, 1))
        if f1[0] > best[0]:
            best = (float(f1[0]), model, float(threshold[0]))
    _, model, threshold = best
    prediction = model.decision_function(vectorizer.transform(X_eval)) >= threshold
    return {
        **scores(y_eval, sp.csr_matrix(prediction.astype(int))),
        "seconds": time.perf_counter() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=MULTILABEL + SINGLE)
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--model", choices=["leam", "linear", "paper"], default="leam")
    parser.add_argument("--glove", action="store_true", help="start from GloVe 100d")
    parser.add_argument("--subset", type=int, help="at most this many training texts")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="append one JSON line a run to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    parameters: dict[str, Any] = dict(PAPER_SETTINGS) if arguments.model == "paper" else {}
    for item in arguments.set:
        name, value = item.split("=", 1)
        try:
            parameters[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parameters[name] = value
    if arguments.glove:
        parameters["vectors"] = VECTORS
    for name in arguments.datasets:
        data = load(name, arguments.split, arguments.subset)
        for seed in arguments.seeds:
            if arguments.model == "linear":
                result = run_linear(data, seed)
            else:
                result = run_leam(data, seed, parameters)
            shown = {k: v if k != "vectors" else "glove6b100d" for k, v in parameters.items()}
            row = {
                "dataset": name,
                "split": arguments.split,
                "model": arguments.model,
                "seed": seed,
                "subset": arguments.subset,
                "parameters": shown,
                **result,
            }
            line = json.dumps(row, default=float)
            print(line, flush=True)
            if arguments.out:
                with arguments.out.open("a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
