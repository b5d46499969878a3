"""A label tree at thousands of labels: EURLEX57K whole, figures, processor time, memory and size.

`LabelTreeClassifier`, with thresholds for micro-F1 and for macro-F1, and, with ``--witness``, the
label tree of LibMultiLabel (``train_tree`` with ``-s 1 -c 1 -B 1``) on the same features, its
threshold chosen on the development texts, too. Each runs in a process of its own, so that its peak
memory is its own, with one thread; features are made once, sublinear TF-IDF. Written to
``results/many_labels.json`` and ``many_labels.rst``.

    python -m venv ../witness && ../witness/bin/pip install libmultilabel==0.10.0
    python benchmarks/many_labels.py --witness ../witness/bin/python
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
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from measure import machine, report
from sklearn.feature_extraction.text import TfidfVectorizer

from sklabelemb import LabelTreeClassifier, save
from sklabelemb.datasets import load_folder
from sklabelemb.decision import decide, tuned_thresholds
from sklabelemb.learning.settings import SHRINKAGES
from sklabelemb.metrics import multilabel_report, precision_at_k, r_precision_at_k

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
FEATURES: dict[str, dict[str, Any]] = {
    "words": {"min_df": 3},
    "words and pairs": {"min_df": 5, "ngram_range": (1, 2)},
}
SPLITS = ("train", "dev", "test")
FIGURES = ("P@1", "P@5", "RP@5", "micro-F1", "macro-F1")
COSTS = ("fit", "predict", "peak_gib", "model_mb")


class Prepared:
    """A vectorizer whose features lie in a folder; a text is the name of its split."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fit_transform(self, texts: list[str], y: Any = None) -> sp.csr_matrix:
        """Features of the training texts."""
        return self.transform(texts)

    def transform(self, texts: list[str]) -> sp.csr_matrix:
        """Features of a split, or of the texts of labels."""
        name = texts[0] if texts[0] in SPLITS else "labels"
        return sp.load_npz(self.folder / f"{name}.npz")

    def __sklearn_clone__(self) -> Prepared:
        return self


def prepare(folder: Path, data: Path, features: str, n_train: int | None) -> float:
    """Write features and targets of all splits; seconds of the vectorizer."""
    splits = load_folder(data / "eurlex57k")
    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **FEATURES[features])
    start = time.process_time()
    found = {"train": vectorizer.fit_transform(splits.train.data[:n_train])}
    found |= {name: vectorizer.transform(splits[name].data) for name in ("dev", "test")}
    seconds = time.process_time() - start
    names = [str(name) for name in splits.train.target_names]
    found["labels"] = vectorizer.transform(splits.train.label_texts)
    for name, X in found.items():
        sp.save_npz(folder / f"{name}.npz", X, compressed=False)
    for name in SPLITS:
        y = sp.csr_matrix(splits[name].target, dtype=np.int8)
        sp.save_npz(folder / f"y_{name}.npz", y[:n_train] if name == "train" else y)
    folder.joinpath("label_names.json").write_text(json.dumps(names))
    return seconds


def measured(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Fit a tree to what was prepared, and write down its probabilities."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    names = json.loads(folder.joinpath("label_names.json").read_text())
    y = {name: sp.load_npz(folder / f"y_{name}.npz") for name in SPLITS}
    stand_in = {name: [name] * target.shape[0] for name, target in y.items()}
    tree = LabelTreeClassifier(
        vectorizer=Prepared(folder),
        label_names=names,
        label_texts=names,
        sparse_output=True,
        random_state=0,
        **options,
    )
    start = time.process_time()
    tree.fit(stand_in["train"], y["train"], X_val=stand_in["dev"], y_val=y["dev"])
    fitted = time.process_time()
    proba = tree.predict_proba(stand_in["test"])
    predicted = time.process_time()
    sp.save_npz(folder / "scores_dev.npz", tree.predict_proba(stand_in["dev"]))
    sp.save_npz(folder / "scores_test.npz", proba)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    tree.vectorizer = tree.vectorizer_ = TfidfVectorizer().fit(["words are saved apart"])
    with tempfile.TemporaryDirectory() as parent:
        save(tree, Path(parent, "model"))
        size = sum(file.stat().st_size for file in Path(parent, "model").iterdir())
    return {
        "fit": round(fitted - start, 1),
        "predict": round(predicted - fitted, 1),
        "peak_gib": round(peak, 2),
        "model_mb": round(size / 1e6),
    }


def figures(truth: sp.csr_matrix, predicted: sp.csr_matrix, proba: sp.csr_matrix) -> dict[str, Any]:
    """Figures of the test texts, and the seconds of the report."""
    start = time.process_time()
    found = multilabel_report(truth, predicted, y_score=proba)
    seconds = time.process_time() - start
    values = (
        precision_at_k(truth, proba, k=1),
        precision_at_k(truth, proba, k=5),
        r_precision_at_k(truth, proba, k=5),
        found.averages["micro"]["f1"],
        found.averages["macro"]["f1"],
    )
    rounded = {name: round(float(value), 4) for name, value in zip(FIGURES, values, strict=True)}
    return rounded | {"report": round(seconds, 1)}


def rows_of(folder: Path, system: str, shrinkages: dict[str, float]) -> list[dict[str, Any]]:
    """Rows of one system, decided in some ways by thresholds that development texts tell."""
    y = {name: sp.load_npz(folder / f"y_{name}.npz") for name in ("dev", "test")}
    dev, test = (sp.load_npz(folder / f"scores_{name}.npz") for name in ("dev", "test"))
    rows = []
    for measure, shrinkage in shrinkages.items():
        thresholds = tuned_thresholds(y["dev"], dev, shrinkage, measure)
        found = figures(y["test"], decide(test, thresholds), test)
        rows.append({"system": system, "threshold": measure, **found})
    return rows


def of_witness(python: str, folder: Path) -> list[dict[str, Any]]:
    """The row of LibMultiLabel's tree, decided as its users would: by a common threshold."""
    script = HERE / "many_labels_witness.py"
    subprocess.run([python, str(script), str(folder)], check=True)
    costs = json.loads(folder.joinpath("costs.json").read_text())
    rows = rows_of(folder, "LibMultiLabel, train_tree", {"micro": np.inf})
    return [{**row, **costs} for row in rows]


def of_tree(folder: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of `LabelTreeClassifier`, as its ``threshold="micro"`` and "macro" decide."""
    command = [sys.executable, __file__, "--prepared", str(folder), "--options"]
    done = subprocess.run(
        [*command, json.dumps(options)], check=True, capture_output=True, text=True
    )
    costs = json.loads(done.stdout.splitlines()[-1])
    rows = rows_of(folder, "LabelTreeClassifier", SHRINKAGES)
    return [{**options, **row, **costs} for row in rows]


def main() -> None:
    """Measure every setting in a process of its own."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    asked.add_argument("--results", type=Path, default=HERE / "results")
    asked.add_argument("--features", nargs="+", choices=FEATURES, default=list(FEATURES))
    asked.add_argument("--options", type=json.loads, default={}, help="of the tree, as JSON")
    asked.add_argument("--witness", help="Python of an environment with libmultilabel")
    asked.add_argument("--train", type=int, default=None, help="only this many training texts")
    asked.add_argument("--prepared", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.prepared is not None:
        print(json.dumps(measured(given.prepared, given.options)))
        return
    rows = []
    for features in given.features:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            seconds = prepare(folder, given.data, features, given.train)
            found = of_tree(folder, given.options)
            if given.witness:
                found += of_witness(given.witness, folder)
        for row in found:
            rows.append({"features": features, "vectorize": round(seconds, 1), **row})
            print(rows[-1], flush=True)
    header = ["features", "system", "threshold", *FIGURES, "vectorize", *COSTS]
    table = [[row[name] for name in header] for row in rows]
    given.witness = given.prepared = None
    notes = ["Seconds of processor time; peak in GiB, size of the model in MB."]
    question = "What does a label tree reach on EURLEX57K, and what does it cost?"
    report("many_labels", question, machine(1), header, table, {"rows": rows}, given, notes)


if __name__ == "__main__":
    main()
