"""How many times as long as the linear baseline does LEAM take?

Fit on the training texts of AAPD and predict its test texts: LEAMClassifier with its defaults,
against TF-IDF of words and word pairs with one LinearSVC a label (C = 1, nothing tuned).

    python benchmarks/linear_ratio.py --subset 8000
    python benchmarks/linear_ratio.py --repetitions 3
"""

from __future__ import annotations

import time
import warnings

import measure
import scipy.sparse as sp
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklabelemb.leam import LEAMClassifier


def main() -> None:
    parser = measure.parser(__doc__, repetitions=5)
    parser.add_argument("--dataset", default="aapd")
    parser.add_argument("--subset", type=int, help="at most so many training texts")
    parser.add_argument("--linear-jobs", type=int, help="n_jobs of OneVsRestClassifier")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    train = measure.corpus(arguments.dataset, arguments.data, subset=arguments.subset)
    test = measure.corpus(arguments.dataset, arguments.data, "test")
    X, y = train.data, train.target
    # A subset may lack a label; both say so.
    warnings.filterwarnings("ignore", category=UserWarning)
    parts: dict[str, list[tuple[float, float]]] = {"LEAM": [], "linear": []}
    epochs: list[int] = []

    def run(name: str, model: object) -> None:
        start = time.perf_counter()
        model.fit(X, sp.csr_matrix(y) if name == "linear" else y)  # type: ignore[attr-defined]
        fitted = time.perf_counter()
        model.predict(test.data)  # type: ignore[attr-defined]
        parts[name].append((fitted - start, time.perf_counter() - fitted))
        if isinstance(model, LEAMClassifier):
            epochs.append(model.n_iter_)

    def leam() -> None:
        run("LEAM", LEAMClassifier(label_texts=train.label_texts, random_state=0))

    def linear() -> None:
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        svm = OneVsRestClassifier(LinearSVC(C=1.0, random_state=0), n_jobs=arguments.linear_jobs)
        run("linear", make_pipeline(vectorizer, svm))

    # Minutes a run: nothing is left to warm up but the libraries, on a few texts.
    LEAMClassifier(max_epochs=1).fit(X[:200], y[:200])
    seconds = measure.interleaved({"LEAM": leam, "linear": linear}, arguments.repetitions, 0)
    over = measure.ratio(seconds["LEAM"], seconds["linear"])
    entries, rows = {}, []
    for name in seconds:
        fit, predict = zip(*parts[name], strict=True)
        entries[name] = {
            "fit_seconds": measure.spread(fit),
            "predict_seconds": measure.spread(predict),
            "seconds": measure.spread(seconds[name]),
        }
        rows.append([name, *(f"{entries[name][k]['median']:.2f}" for k in entries[name])])
    measure.report(
        "linear_ratio",
        "How many times as long as TF-IDF + LinearSVC does LEAM take?",
        host,
        ["model", "fit, s", "predict, s", "both, s"],
        rows,
        {
            "corpus": train.name,
            "train_texts": len(X),
            "test_texts": len(test.data),
            "epochs": epochs,
            "models": entries,
            "leam_over_linear": over,
        },
        arguments,
        [
            f"LEAM over linear: {over['median']:.1f} (quartiles {over['q1']:.1f}–{over['q3']:.1f})."
            f" {train.name}, {len(X):,} training and {len(test.data):,} test texts, "
            f"{y.shape[1]} labels; LEAM ran {epochs[-1]} epochs; medians of "
            f"{arguments.repetitions} interleaved runs."
        ],
    )


if __name__ == "__main__":
    main()
