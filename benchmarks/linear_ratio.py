"""How many times as long as a linear model with the same features does LEAM take to fit?

Three fits in alternation, in seconds of the processor, one thread: LEAMClassifier with its
defaults, which tunes its thresholds; TF-IDF of words, word pairs and letter groups with
one LinearSVC a label (C = 1, nothing tuned); and the same with a search over C and a threshold on a
held-out tenth, then fitted anew on all texts.

    python benchmarks/linear_ratio.py --datasets goemotions reuters21578 --subset 4000
    python benchmarks/linear_ratio.py
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import measure
import numpy as np
import scipy.sparse as sp
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from sklabelemb.decision import best_thresholds
from sklabelemb.leam import LEAMClassifier
from sklabelemb.model_selection import stratified_holdout

DATASETS = ["goemotions", "reuters21578", "ohsumed", "aapd", "20newsgroups"]
PENALTIES = [0.1, 0.3, 1.0, 3.0]


def linear_model(C: float) -> Any:
    """The features of LEAM's linear path, and a support vector machine for each label."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=5)
    return make_pipeline(make_union(words, letters), OneVsRestClassifier(LinearSVC(C=C)))


def searched(X: np.ndarray, y: Any) -> Any:
    """The linear model after a search over C and, for label sets, over the threshold."""
    codes = y if sp.issparse(y) else np.unique(y, return_inverse=True)[1]
    kept, cut = stratified_holdout(codes, 0.1, 0)
    scores = {}
    # The features are the same for each C: made once.
    features, machine = linear_model(1.0)[0], linear_model(1.0)[1]
    train, valid = features.fit_transform(X[kept]), features.transform(X[cut])
    for C in PENALTIES:
        machine.set_params(estimator__C=C).fit(train, y[kept])
        if sp.issparse(y):
            truth = y[cut].toarray().reshape(-1, 1)
            _, f1 = best_thresholds(truth, machine.decision_function(valid).reshape(-1, 1))
            scores[C] = f1[0]
        else:
            scores[C] = machine.score(valid, y[cut])
    return linear_model(max(scores, key=lambda C: scores[C])).fit(X, y)


def main() -> None:
    """Time the fits of each dataset, and write the table."""
    parser = measure.parser(__doc__ or "", repetitions=3)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--subset", type=int, help="at most this many training texts")
    arguments = parser.parse_args()
    arguments.threads = 1
    torch.set_num_threads(1)
    host = measure.machine(1)
    # A subset may lack a label; both say so.
    warnings.filterwarnings("ignore")
    rows, entries = [], []
    for name in arguments.datasets:
        train = measure.corpus(name, arguments.data, subset=arguments.subset)
        X, y = np.array(train.data, dtype=object), train.target
        y = sp.csr_matrix(y) if np.ndim(y) == 2 else np.asarray(y)
        fits = {
            "LEAM": lambda X=X, y=y: LEAMClassifier(random_state=0, device="cpu").fit(X, y),
            "linear": lambda X=X, y=y: linear_model(1.0).fit(X, y),
            "searched": lambda X=X, y=y: searched(X, y),
        }
        # Minutes a round: nothing is left to warm up but the libraries, on a few texts.
        LEAMClassifier(max_epochs=1, device="cpu").fit(X[:300], y[:300])
        seconds = measure.interleaved(fits, arguments.repetitions, 0, clock=time.process_time)
        over = {k: measure.ratio(seconds["LEAM"], seconds[k]) for k in ("linear", "searched")}
        entries.append(
            {
                "corpus": train.name,
                "train_texts": len(X),
                "seconds": {k: measure.spread(v) for k, v in seconds.items()},
                "leam_over_linear": over["linear"],
                "leam_over_searched": over["searched"],
            }
        )
        cells = [f"{np.median(seconds[k]):.1f}" for k in fits]
        cells += [f"{over[k]['median']:.2f}" for k in ("linear", "searched")]
        rows.append([train.name, f"{len(X):,}", *cells])
        print(*rows[-1], flush=True)
    measure.report(
        "linear_ratio",
        "How many times as long as a linear model with the same features does LEAM take to fit?",
        host,
        ["corpus", "texts", "LEAM, s", "linear, s", "searched, s", "over linear", "over searched"],
        rows,
        {"corpora": entries},
        arguments,
        [
            "Seconds of the processor, one thread; medians of "
            f"{arguments.repetitions} interleaved rounds."
        ],
    )


if __name__ == "__main__":
    main()
