"""The analyses that the papers make of label sets, on real predictions.

Who pays for the average (F1 of rare and of frequent labels, LACO's figure 2 and SU4MLC's figure 3),
which labels are combined (LACO's equation 8 and its table of label sets), how well labels are
ranked, and whether two models differ on the test set (paired bootstrap). LEAM and the linear model,
with thresholds tuned for micro-F1, from the scores that ``thresholds.py --cache`` keeps.

    python benchmarks/thresholds.py --seeds 0 --cache FOLDER --fit-only
    python benchmarks/label_analysis.py --cache FOLDER      # -> results/label_analysis.rst
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from thresholds import DATASETS, cached, load

from sklabelemb import metrics
from sklabelemb.comparison import paired_bootstrap
from sklabelemb.decision import decide
from sklabelemb.decision.objectives import MicroF1
from sklabelemb.meta.threshold_search import search_thresholds

RESULTS = Path(__file__).resolve().parent / "results"


def predictions(data: Any, found: dict[str, Any], seed: int) -> sp.csr_matrix:
    """Test predictions by thresholds tuned for micro-F1."""
    fewest = int(data.y.sum(axis=1).min())
    search = search_thresholds(
        found["truth"],
        found["train"],
        MicroF1(),
        min_labels=sorted({0, fewest}),
        random_state=seed,
    )
    decisions = decide(found["test"], search.thresholds, search.best.min_labels)
    return sp.csr_matrix(decisions.astype(int))


def analysis(data: Any, predicted: sp.csr_matrix, scores: np.ndarray) -> str:
    """Every analysis of one model."""
    y, train = data.y_test, data.y
    n_labels = y.shape[1]
    removed = [k for k in (0, 5, 10, 20, 40) if k < n_labels]
    without = metrics.micro_f1_without_frequent_labels(y, predicted, k=removed, y_train=train)
    propensities = metrics.label_propensities(train)
    cardinalities = [metrics.label_cardinality(indicator) for indicator in (y, predicted)]
    divergence = metrics.cooccurrence_divergence(y, predicted)
    figures = {
        "label cardinality, true / predicted": " / ".join(f"{c:.3f}" for c in cardinalities),
        "label sets, true / predicted / unseen": (
            f"{metrics.n_label_sets(y)} / {metrics.n_label_sets(predicted)} / "
            f"{metrics.n_unseen_label_sets(predicted, train)}"
        ),
        "KL(truth || prediction) of co-occurrence": f"{divergence:.3f}",
        "micro-F1 without the k most frequent labels": "  ".join(
            f"k={k}: {value:.3f}" for k, value in zip(removed, without, strict=True)
        ),
        "P@1, P@3, P@5": "  ".join(
            f"{metrics.precision_at_k(y, scores, k=k):.3f}" for k in (1, 3, 5)
        ),
        "R@5, RP@5, nDCG@5, PSP@5": "  ".join(
            f"{value:.3f}"
            for value in (
                metrics.recall_at_k(y, scores, k=5),
                metrics.r_precision_at_k(y, scores, k=5),
                metrics.ndcg_at_k(y, scores, k=5),
                metrics.propensity_scored_precision_at_k(y, scores, propensities=propensities, k=5),
            )
        ),
    }
    width = max(map(len, figures))
    lines = [f"{name.ljust(width)}  {value}" for name, value in figures.items()]
    groups = metrics.f1_by_label_frequency(y, predicted, y_train=train)
    return "\n".join([*lines, "", str(groups)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="folder that scores are kept in")
    arguments = parser.parse_args()
    arguments.subset, arguments.folds, arguments.attention = None, 3, None
    parts = []
    for dataset in arguments.datasets:
        data = load(dataset, None)
        by_model = {}
        for model in ("leam", "linear"):
            found = cached(data, dataset, model, arguments.seed, arguments)
            by_model[model] = predictions(data, found, arguments.seed)
            parts.append(
                f"{dataset}, {model}\n\n{analysis(data, by_model[model], found['test'])}\n"
            )
        difference = paired_bootstrap(
            data.y_test, by_model["leam"], by_model["linear"], random_state=arguments.seed
        )
        parts.append(f"{dataset}: A = LEAM, B = linear\n\n{difference}\n")
    text = "\n".join(parts)
    print(text)
    indented = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    (RESULTS / "label_analysis.rst").write_text(f".. code-block:: text\n\n{indented}\n", "utf-8")


if __name__ == "__main__":
    main()
