"""The tables of the semantic-unit Seq2Seq paper, re-run on what there is.

Every run fits on train (the classifier holds out its own validation split), predicts test once, and
is appended to ``results/label_sequences.jsonl``; what the file has already is left out.

    python benchmarks/label_sequences.py --seeds 0 1 2
    python benchmarks/label_sequences.py --datasets aapd --variants hybrid words lp --seeds 0
    python benchmarks/label_sequences.py --on dev --datasets goemotions \\
        --out benchmarks/results/label_sequences_dev.jsonl --set dropout=0.5
    python benchmarks/label_sequences.py --paper --seeds 0 1 2 \\
        --out benchmarks/results/label_sequences_paper.jsonl

Variants: ``none`` (S2S), ``words`` (S2S+Attn), ``units``, ``additive`` and ``hybrid`` attention;
``hier5`` to ``hier20``; ``rare_first``, ``given`` and ``random`` label order (the others: most
frequent first); ``default``, which has a wide path beside the hybrid network, where all others have
none; and the linear baselines ``br``, ``cc`` and ``lp``. ``--paper`` takes the paper's
sizes and training, for a GPU; else the sizes are those that two cores can train (`SETTINGS`). The
paper's step size is halved after every epoch, so all epochs together are worth two. That is enough
for its corpus of 800,000 texts; on these corpora training practically ends after a few epochs,
unless ``--set schedule='"linear"'`` is added.
"""

from __future__ import annotations

import argparse
import ast
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from accuracy import VECTORS, load
from measure import HERE
from multi_task import Log
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score, hamming_loss, precision_score, recall_score

from sklabelemb import metrics
from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
from sklabelemb.semantic_unit import PAPER_SETTINGS, SemanticUnitSeq2SeqClassifier

DATASETS = ["reuters21578", "goemotions", "aapd"]
# What two cores can train; all else is the default.
SETTINGS: dict[str, dict[str, Any]] = {
    "reuters21578": {"max_length": 150, "mixed_precision": True},
    "goemotions": {"mixed_precision": True},
    "aapd": {"hidden_size": 256, "max_length": 150, "mixed_precision": True},
}
# The paper's models have no wide path; "default" has.
VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"attention": "none"},
    "words": {"attention": "words"},
    "units": {"attention": "units"},
    "additive": {"attention": "additive"},
    "hybrid": {},
    **{f"hier{k}": {"hierarchical": k} for k in (5, 10, 15, 20)},
    "rare_first": {"label_order": "rare_first"},
    "given": {"label_order": "given"},
    "random": {"label_order": "random"},
}
VARIANTS = {name: {"wide": False, **variant} for name, variant in VARIANTS.items()}
VARIANTS["default"] = {"wide": True}
BASELINES = {"br": BinaryRelevance, "cc": ClassifierChain, "lp": LabelPowerset}
# The label sets of aapd make 1,600 classes: with all word pairs they would take 8 GB.
FEWER_FEATURES = {"aapd": 50_000}
REMOVED = (0, 5, 10, 20, 40)


def figures(y: Any, predicted: Any, y_train: Any) -> dict[str, Any]:
    """What is asked of a prediction."""
    y, predicted, y_train = map(sp.csr_matrix, (y, predicted, y_train))
    removed = [k for k in REMOVED if k < y.shape[1]]
    without = metrics.micro_f1_without_frequent_labels(y, predicted, k=removed, y_train=y_train)
    seen = {tuple(row.indices) for row in y_train.sorted_indices()}
    covered = np.array([tuple(row.indices) in seen for row in y.sorted_indices()])
    return {
        "hamming_loss": hamming_loss(y, predicted),
        "precision": precision_score(y, predicted, average="micro", zero_division=0),
        "recall": recall_score(y, predicted, average="micro", zero_division=0),
        "micro_f1": f1_score(y, predicted, average="micro", zero_division=0),
        "macro_f1": f1_score(y, predicted, average="macro", zero_division=0),
        "subset_accuracy": accuracy_score(y, predicted),
        "cardinality": metrics.label_cardinality(predicted),
        "label_sets": metrics.n_label_sets(predicted),
        "unseen_label_sets": metrics.n_unseen_label_sets(predicted, y_train),
        # The documents whose label set occurs in training: what whole sets can be learnt from.
        "covered": {
            "documents": int(covered.sum()),
            "micro_f1": f1_score(y[covered], predicted[covered], average="micro", zero_division=0),
            "subset_accuracy": accuracy_score(y[covered], predicted[covered]),
        },
        "micro_f1_without": dict(zip(map(str, removed), np.ravel(without).tolist(), strict=True)),
    }


def run(data: tuple[Any, ...], variant: str, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Fit a variant and say what it predicts."""
    X, y, X_test, y_test, label_texts = data
    settings = {"label_texts": label_texts, "random_state": seed, **settings, **VARIANTS[variant]}
    model = SemanticUnitSeq2SeqClassifier(**settings)
    start = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    predicted = model.predict(X_test)
    done = time.process_time()
    proba = model.predict_proba(X_test)
    mixture = model.mixture_
    model.decision_ = "marginal"
    marginal = figures(y_test, model.predict(X_test), y)
    return {
        **figures(y_test, predicted, y),
        "average_precision": metrics.average_precision(y_test, proba, average="micro"),
        "marginal": {name: marginal[name] for name in ("micro_f1", "macro_f1", "subset_accuracy")},
        "fit_seconds": round(fitted - start, 1),
        "predict_seconds": round(done - fitted, 1),
        "mixture": [mixture.deep, mixture.wide, mixture.offset] if model.wide_ else None,
        "epochs": model.n_iter_,
        "best_epoch": model.best_epoch_,
        "valid_scores": [round(row["valid_score"], 4) for row in model.history_],
    }


def run_baseline(data: tuple[Any, ...], name: str, kind: str) -> dict[str, Any]:
    """TF-IDF and LinearSVC (C = 1) in one of the three ways to use it for label sets."""
    X, y, X_test, y_test, _ = data
    vectorizer = None
    if kind == "lp" and name in FEWER_FEATURES:
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=FEWER_FEATURES[name]
        )
    model = BASELINES[kind](vectorizer=vectorizer)
    start = time.process_time()
    model.fit(list(X), y)
    fitted = time.process_time()
    predicted = model.predict(list(X_test))
    return {
        **figures(y_test, predicted, y),
        "fit_seconds": round(fitted - start, 1),
        "predict_seconds": round(time.process_time() - fitted, 1),
    }


def main() -> None:
    """Make the runs that are missing."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*VARIANTS, *BASELINES]
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    options.add_argument("--variants", nargs="+", choices=every, default=every)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--on", choices=["dev", "test"], default="test")
    options.add_argument("--subset", type=int, help="at most this many training texts")
    options.add_argument("--no-vectors", action="store_true", help="start from random vectors")
    options.add_argument("--paper", action="store_true", help="the paper's sizes and training")
    options.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings"
    )
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--out", type=Path, default=HERE / "results" / "label_sequences.jsonl")
    chosen = options.parse_args()
    if (chosen.on == "dev") != chosen.out.stem.endswith("dev"):
        options.error("--out NAME_dev.jsonl is for --on dev, and for nothing else")
    torch.set_num_threads(chosen.threads)
    extra = {
        name: ast.literal_eval(value) for name, value in (pair.split("=", 1) for pair in chosen.set)
    }
    for name in chosen.datasets:
        data = load(name, chosen.on, chosen.subset)
        for variant in chosen.variants:
            baseline = variant in BASELINES
            settings: dict[str, Any] = {}
            if not baseline:
                settings = dict(PAPER_SETTINGS) if chosen.paper else dict(SETTINGS.get(name, {}))
                if not (chosen.paper or chosen.no_vectors):
                    settings |= {"vectors": "glove6b100d", "embedding_dim": 100}
                settings |= extra
            log = Log(chosen.out, settings | ({"subset": chosen.subset} if chosen.subset else {}))
            for seed in [0] if baseline else chosen.seeds:
                if (name, variant, seed) in log.done:
                    continue
                if baseline:
                    result = run_baseline(data, name, variant)
                else:
                    own = settings | ({"vectors": VECTORS} if "vectors" in settings else {})
                    result = run(data, variant, seed, own)
                log([name, variant, seed], on=chosen.on, **result)


if __name__ == "__main__":
    main()
