"""The field, side by side: every classifier on ten corpora, judged on their test splits.

Each system is fitted on train as it is, with its defaults, and predicts test once for each seed.
One line of JSON a run has the measures, the seconds of the processor (one thread) of ``fit`` and of
``predict``, the median time for one text alone, and the size of the saved folder. What an encoder
needs for a corpus is measured once (``vectors``) and added where a system uses it: with
``--memory`` the vectors are computed once a text. Runs that the file has are left out.

    python benchmarks/field.py --memory vectors --systems linear tuned letters leam --seeds 0 1 2
    python benchmarks/field.py --memory vectors
    python benchmarks/field.py --table

``linear`` is ``BinaryRelevance()`` (a LinearSVC for plain classes), ``tuned`` has its thresholds
tuned, and ``letters`` has letter groups beside the words (``char_wb``, 2 to 5), with C and
thresholds chosen on a held-out tenth. LACO and semantic units come from scripts of their own, with
the texts that the table says.
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
import scipy.sparse as sp
import torch
from few_texts import minilm
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score, hamming_loss
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from tables import RESULTS, figure, read, table

import sklabelemb
from sklabelemb import (
    BinaryRelevance,
    ClassifierChain,
    LabelPowerset,
    LabelTreeClassifier,
    LEAMClassifier,
    MTLEClassifier,
    ThresholdTuner,
)
from sklabelemb.datasets import load_folder
from sklabelemb.encoders import text_encoder, text_vectors
from sklabelemb.metrics import average_precision
from sklabelemb.model_selection import stratified_holdout

MULTILABEL = ["reuters21578", "goemotions", "ohsumed", "aapd"]
SINGLE = ["ag_news_sub", "dbpedia_sub", "20newsgroups", "r8", "r52", "trec_coarse"]
FILE = "field.jsonl"
NAMES = {
    "linear": "BinaryRelevance",
    "tuned": "ThresholdTuner(BinaryRelevance)",
    "letters": "LinearSVC with letter groups, tuned",
    "chain": "ClassifierChain",
    "powerset": "LabelPowerset",
    "tree": "LabelTreeClassifier",
    "leam": "LEAMClassifier",
    "leam+encoder": "LEAMClassifier(encoder=...)",
    "mtle": "MTLEClassifier",
    "mtle+encoder": "MTLEClassifier(encoder=...)",
}
PENALTIES = [0.1, 0.3, 1.0, 3.0]


def letters() -> Any:
    """TF-IDF of words, pairs of words and letter groups within words."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    groups = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=5)
    return make_union(words, groups)


class TunedLetters(BaseEstimator):
    """The linear model with letter groups; C and thresholds are chosen on a held-out tenth."""

    def fit(self, X: np.ndarray, y: Any) -> TunedLetters:
        """Choose C, then fit on all texts."""
        if not sp.issparse(y):
            cut = ShuffleSplit(1, test_size=0.1, random_state=0)
            search = GridSearchCV(LinearSVC(), {"C": PENALTIES}, cv=cut)
            self.model_ = make_pipeline(letters(), search).fit(X, y)
            return self
        kept, held_out = stratified_holdout(y, 0.1, 0)
        found = []
        for C in PENALTIES:
            model = BinaryRelevance(classifier=LinearSVC(C=C), vectorizer=letters())
            tuner = ThresholdTuner(model.fit(X[kept], y[kept]), cv="prefit")
            tuner.fit(X[held_out], y[held_out])
            score = f1_score(y[held_out], tuner.predict(X[held_out]), average="micro")
            found.append((score, C, tuner))
        _, C, self.model_ = max(found, key=lambda one: one[:2])
        self.model_.estimator_ = self.model_.estimator_.fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        """Labels."""
        return self.model_.predict(X)

    def decision_function(self, X: Any) -> Any:
        """Margins."""
        return self.model_.decision_function(X)


def estimator(system: str, corpus: dict[str, Any], seed: int, memory: Any) -> Any:
    """An unfitted system."""
    ours: dict[str, Any] = {"random_state": seed, "label_texts": corpus["label_texts"]}
    network = ours | {"device": "cpu"}
    if system.endswith("+encoder"):
        network |= {"encoder": minilm(), "memory": memory}
    plain = not corpus["multilabel"]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    made: dict[str, Callable[[], Any]] = {
        "linear": lambda: make_pipeline(words, LinearSVC()) if plain else BinaryRelevance(),
        "tuned": lambda: ThresholdTuner(BinaryRelevance()),
        "letters": TunedLetters,
        "chain": lambda: ClassifierChain(random_state=seed),
        "powerset": LabelPowerset,
        "tree": lambda: LabelTreeClassifier(**ours),
        "mtle": lambda: MTLEClassifier(**network),
        "mtle+encoder": lambda: MTLEClassifier(**network),
    }
    return made.get(system, lambda: LEAMClassifier(**network))()


def load(name: str, data: Path) -> dict[str, Any]:
    """Texts, targets and label texts of a corpus."""
    whole = load_folder(data / name)
    multilabel = np.ndim(whole.train.target) == 2
    target = sp.csr_matrix if multilabel else np.asarray
    return {
        "X": np.array(whole.train.data, dtype=object),
        "y": target(whole.train.target),
        "X_test": list(whole.test.data),
        "y_test": target(whole.test.target),
        "label_texts": list(whole.train.label_texts),
        "multilabel": multilabel,
    }


def judged(corpus: dict[str, Any], prediction: Any, scores: Any) -> dict[str, float]:
    """The measures of one run."""
    y = corpus["y_test"]
    if not corpus["multilabel"]:
        return {
            "accuracy": accuracy_score(y, prediction),
            "macro_f1": f1_score(y, prediction, average="macro"),
        }
    found = {
        f"{average}_f1": f1_score(y, prediction, average=average, zero_division=0)
        for average in ("micro", "macro")
    }
    found |= {"subset_accuracy": accuracy_score(y, prediction)}
    found |= {"hamming_loss": hamming_loss(y, prediction)}
    if scores is not None:
        found["average_precision"] = average_precision(y, scores)
    return found


def megabytes(model: Any, with_encoder: bool) -> float | None:
    """Size of the saved folder, without an encoder; None where a model is not ours to save."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "model")
        try:
            sklabelemb.save(model, target, store_encoder=not with_encoder)
        except TypeError:
            return None
        return sum(p.stat().st_size for p in target.rglob("*") if p.is_file()) / 1e6


def seconds_a_text(model: Any, texts: list[str]) -> float:
    """Median seconds of the processor for one text alone."""
    taken = []
    for text in texts[:60]:
        start = time.process_time()
        model.predict([text])
        taken.append(time.process_time() - start)
    return float(np.median(taken[10:]))


def run(system: str, corpus: dict[str, Any], seed: int, memory: Any) -> dict[str, Any]:
    """Fit and judge one system."""
    model = estimator(system, corpus, seed, memory)
    start = time.process_time()
    model.fit(corpus["X"], corpus["y"])
    fitted = time.process_time()
    prediction = model.predict(corpus["X_test"])
    done = time.process_time()
    scores = None
    if corpus["multilabel"] and hasattr(model, "decision_function"):
        scores = model.decision_function(corpus["X_test"])
    row = judged(corpus, prediction, scores)
    row |= {"fit_seconds": fitted - start, "predict_seconds": done - fitted}
    row |= {"milliseconds_alone": 1e3 * seconds_a_text(model, corpus["X_test"])}
    size = megabytes(model, system.endswith("+encoder"))
    return row if size is None else row | {"megabytes": size}


def embed(corpus: dict[str, Any], memory: Any) -> dict[str, Any]:
    """What the encoder takes for a corpus; the vectors stay in the memory."""
    encoder = text_encoder(minilm())
    row = {}
    for part, texts in (("train", corpus["X"]), ("test", corpus["X_test"])):
        start = time.process_time()
        text_vectors(encoder, list(texts), memory=memory)
        row[f"{part}_seconds"] = time.process_time() - start
    return row


def cells(system: str, runs: list[dict[str, Any]], corpora: list[str]) -> list[str]:
    """A line of the table of label sets."""
    line = [NAMES[system]]
    for name in corpora:
        own = [r for r in runs if r["run"][:2] == [name, system]]
        both = [f"{np.mean([r[k] for r in own]):.3f}" for k in ("micro_f1", "macro_f1") if own]
        line.append(" / ".join(both).replace("0.", ".") or "–")
    return line


def tables() -> dict[str, str]:
    """The tables that the documentation includes, by file name."""
    runs = [r for r in read(FILE) if r["run"][1] != "vectors"]
    embedding = {r["run"][0]: r for r in read(FILE) if r["run"][1] == "vectors"}

    def of(name: str, system: str, key: str) -> list[float]:
        return [r[key] for r in runs if r["run"][:2] == [name, system] and key in r]

    def mean(values: list[float], form: str) -> str:
        return format(float(np.mean(values)), form) if values else "–"

    def seconds(name: str, system: str) -> str:
        values = of(name, system, "fit_seconds")
        if "+" in system:
            values = [v + embedding[name]["train_seconds"] for v in values]
        return mean(values, ".0f")

    micro = [["", *MULTILABEL]]
    for measure_ in ("micro_f1", "macro_f1"):
        for system in ("tuned", "letters", "leam", "leam+encoder"):
            line = [
                figure(of(n, system, measure_)) if of(n, system, measure_) else "–"
                for n in MULTILABEL
            ]
            micro.append([f"{NAMES[system]}, {measure_.replace('_f1', '-F1')}", *line])
    single = [["accuracy", *SINGLE]]
    for system in ("linear", "letters", "leam", "leam+encoder"):
        line = [
            figure(of(n, system, "accuracy")) if of(n, system, "accuracy") else "–" for n in SINGLE
        ]
        single.append(["LinearSVC" if system == "linear" else NAMES[system], *line])
    times = [["seconds of fit", *MULTILABEL, *SINGLE]]
    for system in ("linear", "tuned", "letters", "leam", "leam+encoder"):
        times.append([NAMES[system], *(seconds(n, system) for n in MULTILABEL + SINGLE)])
    return {
        "field_label_sets": table(micro),
        "field_classes": table(single),
        "field_seconds": table(times),
    }


def main() -> None:
    """Run what is missing, or write the tables."""
    parser = measure.parser(__doc__ or "")
    parser.add_argument("--datasets", nargs="+", default=MULTILABEL + SINGLE)
    parser.add_argument("--systems", nargs="+", default=list(NAMES), choices=["vectors", *NAMES])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--memory", help="folder of the encoder's vectors")
    parser.add_argument("--table", action="store_true", help="write the tables alone")
    arguments = parser.parse_args()
    if arguments.table:
        for name, text in tables().items():
            (RESULTS / f"{name}.rst").write_text(text, encoding="utf-8")
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    host = measure.machine(1)
    path = arguments.results / FILE
    done = {tuple(json.loads(r)["run"]) for r in path.open()} if path.exists() else set()
    for name in arguments.datasets:
        corpus = load(name, arguments.data)
        for seed in arguments.seeds:
            for system in arguments.systems:
                key = (name, system, seed)
                label_sets = system in ("tuned", "chain", "powerset", "tree")
                if key in done or (label_sets and not corpus["multilabel"]):
                    continue
                if system == "vectors":
                    row = embed(corpus, arguments.memory)
                else:
                    row = run(system, corpus, seed, arguments.memory)
                row = {k: round(float(v), 5) for k, v in row.items()}
                line = json.dumps({"run": key, **row, "machine": host}, default=str)
                with path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
                print(*key, row, flush=True)


if __name__ == "__main__":
    main()
