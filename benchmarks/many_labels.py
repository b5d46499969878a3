"""A label tree at thousands of labels: EURLEX57K whole, figures, processor time, memory and size.

Every setting runs in a process of its own, so that its peak memory is its own, with one thread.
The rows of libmultilabel (``train_tree`` with ``-s 1 -c 1 -B 1``, sublinear TF-IDF of the same
words, a common threshold chosen on the development texts) were measured on another day and are
kept in ``ANCHOR``; seconds compare only by the seconds of the vectorizer, which are given for both.

    python benchmarks/many_labels.py --features words pairs
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from sklabelemb import LabelTreeClassifier, save
from sklabelemb.datasets import load_folder
from sklabelemb.metrics import multilabel_report, precision_at_k, r_precision_at_k

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
FEATURES = {
    "words": {"min_df": 3},
    "pairs": {"min_df": 5, "ngram_range": (1, 2)},
}
MEASURES = ("P@1", "P@5", "RP@5", "micro-F1", "macro-F1")
# Figures, then seconds of processor time, GiB at the peak, and MB of the model.
ANCHOR = {
    "words": dict(zip(MEASURES, (0.915, 0.686, 0.794, 0.736, 0.245), strict=True))
    | {"vectorize": 23, "fit": 181, "predict": 11, "peak_gib": 2.3, "model_mb": 430},
    "pairs": dict(zip(MEASURES, (0.917, 0.695, 0.803, 0.746, 0.246), strict=True))
    | {"vectorize": 62, "fit": 606, "predict": 43, "peak_gib": 6.4, "model_mb": 2900},
}


class Read:
    """A vectorizer that has seen the texts: so it is timed apart, and once."""

    def __init__(self, vectorizer, seen):
        self.vectorizer, self.seen = vectorizer, seen

    def fit_transform(self, texts, y=None):
        return self.seen["train"]

    def transform(self, texts):
        if len(texts) and texts[0].startswith("split:"):
            return self.seen[texts[0].removeprefix("split:")][: len(texts)]
        return self.vectorizer.transform(texts)

    def __sklearn_clone__(self):
        return self


def measured(
    folder: Path,
    features: str,
    threshold: str,
    with_texts: bool,
    n_trees: int,
    n_train: int | None,
) -> dict:
    """Figures of one setting."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    splits = load_folder(folder / "eurlex57k")
    seconds = {}

    def clocked(name, function):
        start = time.process_time()
        result = function()
        seconds[name] = round(time.process_time() - start, 1)
        return result

    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **FEATURES[features])
    train = splits.train.data[:n_train]

    def vectorize():
        return {"train": vectorizer.fit_transform(train)} | {
            name: vectorizer.transform(splits[name].data) for name in ("dev", "test")
        }

    seen = clocked("vectorize", vectorize)
    stand_in = {name: [f"split:{name}"] * seen[name].shape[0] for name in seen}
    tree = LabelTreeClassifier(
        vectorizer=Read(vectorizer, seen),
        label_names=splits.train.target_names,
        label_texts=splits.train.label_texts if with_texts else None,
        threshold=threshold,
        n_trees=n_trees,
        sparse_output=True,
        random_state=0,
    )
    clocked(
        "fit",
        lambda: tree.fit(
            stand_in["train"],
            splits.train.target[:n_train],
            X_val=stand_in["dev"],
            y_val=splits.dev.target,
        ),
    )
    proba = clocked("predict", lambda: tree.predict_proba(stand_in["test"]))
    predicted = tree.predict(stand_in["test"])
    truth = splits.test.target
    report = clocked("report", lambda: multilabel_report(truth, predicted, y_score=proba))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    tree.vectorizer_ = vectorizer
    tree.vectorizer = None
    with tempfile.TemporaryDirectory() as parent:
        save(tree, Path(parent, "model"))
        size = sum(file.stat().st_size for file in Path(parent, "model").iterdir())
    figures = (
        precision_at_k(truth, proba, k=1),
        precision_at_k(truth, proba, k=5),
        r_precision_at_k(truth, proba, k=5),
        report.averages["micro"]["f1"],
        report.averages["macro"]["f1"],
    )
    rounded = {name: round(value, 4) for name, value in zip(MEASURES, figures, strict=True)}
    sizes = {"peak_gib": round(peak, 2), "model_mb": round(size / 1e6)}
    settings = {"features": features, "threshold": threshold, "label_texts": with_texts}
    settings["n_trees"] = n_trees
    return {**settings, **rounded, **seconds, **sizes}


def main() -> None:
    """Measure every setting in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    options.add_argument("--results", type=Path, default=HERE / "results")
    options.add_argument("--features", nargs="+", choices=FEATURES, default=list(FEATURES))
    options.add_argument("--thresholds", nargs="+", default=["micro", "macro"])
    options.add_argument("--no-label-texts", action="store_true", help="leave out their names")
    options.add_argument("--trees", type=int, default=1)
    options.add_argument("--train", type=int, default=None, help="only so many training texts")
    options.add_argument("--one", action="store_true", help="measure here, and print the result")
    given = options.parse_args()
    with_texts = not given.no_label_texts
    if given.one:
        [features], [threshold] = given.features, given.thresholds
        print(
            json.dumps(
                measured(given.data, features, threshold, with_texts, given.trees, given.train)
            )
        )
        return
    rows = []
    for features in given.features:
        for threshold in given.thresholds:
            command = [sys.executable, __file__, "--one", "--data", str(given.data)]
            command += ["--trees", str(given.trees)]
            command += ["--features", features, "--thresholds", threshold]
            command += [] if with_texts else ["--no-label-texts"]
            command += [] if given.train is None else ["--train", str(given.train)]
            found = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(json.loads(found.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
            content = {"anchor": ANCHOR, "rows": rows}
            given.results.joinpath("many_labels.json").write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
