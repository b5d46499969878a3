"""Do the classifiers still answer as before a change that should not matter? To the last bit.

``python benchmarks/same_predictions.py record before.npz`` with one commit, and with another, on
the same machine, ``compare`` for ``record``. Four classifiers and the baselines, on label sets and
on classes, after ``fit``, ``partial_fit`` and ``warm_start``, and what ``explain`` says. Exits with
1 where anything differs.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sklabelemb import (
    BinaryRelevance,
    ClassifierChain,
    LabelPowerset,
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
)
from sklabelemb.datasets import load_folder
from sklabelemb.leam import PAPER_SETTINGS as LEAM_PAPER

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
N_FURTHER = N_TEST = 60
COMMON = {"device": "cpu", "random_state": 0, "max_epochs": 3}
ENCODER = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 256}
SMALL = {"embedding_dim": 32, "hidden_size": 32}

CLASSIFIERS = {
    "leam": lambda: LEAMClassifier(**COMMON, embedding_dim=50),
    "leam, large table": lambda: LEAMClassifier(**COMMON, embedding_dim=300, min_df=1),
    "leam of the paper": lambda: LEAMClassifier(**{**LEAM_PAPER, **COMMON, "embedding_dim": 50}),
    "leam, shared": lambda: LEAMClassifier(
        **COMMON, embedding_dim=50, attention="shared", head="mlp", validation_fraction=0
    ),
    "mtle": lambda: MTLEClassifier(**COMMON, **SMALL),
    "mtle of means": lambda: MTLEClassifier(**COMMON, encoder="mean", patience=2),
    "semantic units": lambda: SemanticUnitSeq2SeqClassifier(**COMMON, **SMALL),
    "semantic units, marginals": lambda: SemanticUnitSeq2SeqClassifier(
        **COMMON, **SMALL, decision="marginal", wide=False, label_order="random", schedule="halving"
    ),
    "laco": lambda: LACOClassifier(**COMMON, encoder=ENCODER, max_length=64),
    "laco with tasks": lambda: LACOClassifier(
        **COMMON, encoder=ENCODER, max_length=64, wide=False, cooccurrence="both"
    ),
    "binary relevance": BinaryRelevance,
    "classifier chain": ClassifierChain,
    "label powerset": LabelPowerset,
}


def samples(corpus: str, n_train: int) -> tuple[list[str], np.ndarray]:
    """Texts and targets of the training part, in an order of their own."""
    bunch = load_folder(DATA / corpus, split="train")
    chosen = np.random.default_rng(0).permutation(len(bunch.data))
    chosen = chosen[: n_train + N_FURTHER + N_TEST]
    target = bunch.target[chosen]
    return [bunch.data[i] for i in chosen], target.toarray() if sp.issparse(target) else target


def said(model: object, texts: list[str]) -> dict[str, np.ndarray]:
    """All answers as arrays."""
    answers: dict[str, np.ndarray] = {}
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(model, method):
            answer = getattr(model, method)(texts)
            answers[method] = answer.toarray() if sp.issparse(answer) else np.asarray(answer)
    if hasattr(model, "explain"):
        found = model.explain(texts[:8])
        answers["explain"] = np.concatenate([e.contributions.ravel() for e in found])
    return answers


def recorded(names: list[str], corpora: list[str], n_train: int) -> dict[str, np.ndarray]:
    """Every answer of every classifier, by name."""
    answers: dict[str, np.ndarray] = {}
    for corpus in corpora:
        texts, y = samples(corpus, n_train)
        further = slice(n_train, n_train + N_FURTHER)
        test = texts[n_train + N_FURTHER :]
        for name in names:
            start = time.process_time()
            model = CLASSIFIERS[name]().fit(texts[:n_train], y[:n_train])
            steps = {"fit": model}
            for step, answer in said(steps["fit"], test).items():
                answers[f"{corpus}/{name}/fit/{step}"] = answer
            if hasattr(model, "partial_fit"):
                # Of texts that were seen before; with fewer than 100, rare words are new.
                model.partial_fit(texts[:N_FURTHER], y[:N_FURTHER])
                answers[f"{corpus}/{name}/seen texts/decision"] = model.decision_function(test)
                if not name.startswith("mtle") or y.ndim > 1:
                    model.partial_fit(texts[further], y[further])
                    answers[f"{corpus}/{name}/new texts/decision"] = model.decision_function(test)
                model.set_params(warm_start=True).fit(texts[: n_train // 2], y[: n_train // 2])
                answers[f"{corpus}/{name}/warm start/decision"] = model.decision_function(test)
            print(f"{corpus} {name}: {time.process_time() - start:.1f} s", file=sys.stderr)
    if any(name.startswith("mtle") for name in names):
        answers |= recorded_tasks(*(samples(corpus, n_train) for corpus in corpora[:2]))
    return answers


def recorded_tasks(first: Any, second: Any) -> dict[str, np.ndarray]:
    """Two tasks at once, a further one without samples, and its first samples."""
    model = MTLEClassifier(**COMMON, **SMALL).fit_tasks({"first": first, "second": second})
    model.add_task("length", ["short", "long"], {"short": "who is it", "long": "the shares of it"})
    texts = first[0]
    model.partial_fit(texts[:100], ["long"] * 50 + ["short"] * 50, task="length")
    names = ("first", "second", "length")
    return {f"tasks/{name}": model.decision_function(texts[-N_TEST:], name) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="+", default=list(CLASSIFIERS), choices=list(CLASSIFIERS))
    parser.add_argument("--corpora", nargs=2, default=["goemotions", "trec_coarse"])
    parser.add_argument("--texts", type=int, default=400, help="of which a fit is made")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit("needs the datasets of the folder 'shared' beside the checkout")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    now = recorded(arguments.only, arguments.corpora, arguments.texts)
    if arguments.what == "record":
        np.savez_compressed(arguments.file, **now)
        print(f"{len(now)} answers recorded")
        return
    before = np.load(arguments.file, allow_pickle=False)
    different = []
    for name, answer in now.items():
        if not np.array_equal(answer, before[name]):
            different.append(name)
            apart = "other kind"
            if answer.shape == before[name].shape and answer.dtype.kind == "f":
                apart = f"up to {np.abs(answer - before[name]).max():.2g} apart"
            print(f"DIFFERENT {name}: {apart}")
    print(f"{len(now) - len(different)} of {len(now)} answers are the same to the last bit")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
