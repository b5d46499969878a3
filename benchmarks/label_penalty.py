"""Does LEAM's label penalty put related labels closer together, and what does it cost?

Related are emotions of one group (Demszky et al., 2020, after Ekman: anger, fear, sadness,
surprise) and newsgroups whose names begin alike (comp, rec, sci, talk). Of each label all others
are ranked by the cosine of their vectors; the figure is the median rank of those that are related
to it: 1 is the nearest, and half the number of labels is chance.

    python benchmarks/label_penalty.py      # -> results/label_penalty.jsonl and .rst
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import torch
from accuracy import VECTORS, load, scores
from measure import DATA
from multi_task import Log
from tables import RESULTS, figure, read, table

from sklabelemb.datasets import load_folder
from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier

EKMAN = {
    "anger": ["anger", "annoyance", "disapproval"],
    "fear": ["fear", "nervousness"],
    "sadness": ["sadness", "disappointment", "embarrassment", "grief", "remorse"],
    "surprise": ["surprise", "realization", "confusion", "curiosity"],
}
# Words and labels start from GloVe, as in the paper: else few texts give labels hardly any places.
GLOVE = {"vectors": VECTORS, "embedding_dim": 100}
SETTINGS: dict[str, dict[str, Any]] = {"defaults": GLOVE, "paper": PAPER_SETTINGS | GLOVE}
# At most so many training texts.
SIZES = {"goemotions": 10_000, "20newsgroups": 3_000}
PENALTIES = (0.0, 1.0)


def groups_of(dataset: str, names: Sequence[str]) -> list[list[str]]:
    """Labels that are related."""
    if dataset == "goemotions":
        return list(EKMAN.values())
    groups = defaultdict(list)
    for name in names:
        groups[name.split(".")[0]].append(name)
    return list(groups.values())


def ranks(vectors: np.ndarray, names: Sequence[str], groups: list[list[str]]) -> list[int]:
    """Rank of each related label among the neighbours of a label, from both sides."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    rank = (-cosines).argsort(axis=1).argsort(axis=1) + 1
    place = {name: i for i, name in enumerate(names)}
    pairs = [pair for group in groups for pair in permutations(group, 2)]
    return [int(rank[place[one], place[other]]) for one, other in pairs]


def run(data: tuple[Any, ...], names: list[str], groups: Any, own: dict[str, Any]) -> Any:
    """Fit one LEAM: ranks of related labels, and accuracy."""
    X, y, X_test, y_test, label_texts = data
    texts = dict(zip(names, label_texts, strict=True))
    known = names if np.ndim(y) == 2 else None
    model = LEAMClassifier(label_texts=texts, label_names=known, **own).fit(X, y)
    found = ranks(model.label_embeddings_, [str(name) for name in model.label_names_], groups)
    return {
        "median_rank": float(np.median(found)),
        "mean_rank": float(np.mean(found)),
        "pairs": len(found) // 2,
        "labels": len(names),
        **scores(y_test, model.predict(X_test)),
    }


def main() -> None:
    """Make the runs that are missing, and the table of all."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", nargs="+", choices=SIZES, default=list(SIZES))
    options.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    chosen = options.parse_args()
    torch.set_num_threads(1)
    for dataset in chosen.datasets:
        data = load(dataset, "test", SIZES[dataset])
        names = list(load_folder(DATA / dataset).train.target_names)
        log = Log(RESULTS / "label_penalty.jsonl", {"texts": len(data[0])})
        for setting, penalty, seed in product(chosen.settings, PENALTIES, chosen.seeds):
            if (dataset, setting, penalty, seed) not in log.done:
                own = {**SETTINGS[setting], "label_penalty": penalty, "random_state": seed}
                made = run(data, names, groups_of(dataset, names), own)
                log([dataset, setting, penalty, seed], **made)
    text = rendered(read("label_penalty.jsonl"))
    (RESULTS / "label_penalty.rst").write_text(text, encoding="utf-8")
    print(text)


def rendered(runs: list[dict[str, Any]]) -> str:
    """A row for each dataset and setting, with and without."""
    rows = [["corpus, texts", "settings", "``label_penalty``", "median rank", "by chance"]]
    rows[0] += ["micro-F1 or accuracy", "macro-F1", "seeds"]
    groups = defaultdict(list)
    for run in runs:
        groups[tuple(run["run"][:3])].append(run)
    for (dataset, setting, penalty), own in groups.items():
        first = "micro_f1" if "micro_f1" in own[0] else "accuracy"
        places = [run["median_rank"] for run in own]
        rows.append(
            [
                f"{dataset}, {own[0]['settings']['texts']:,}",
                {"defaults": "defaults", "paper": "``PAPER_SETTINGS``"}[setting],
                f"{penalty:g}",
                f"{np.mean(places):.1f} ({min(places):g}–{max(places):g})",
                f"{own[0]['labels'] / 2:g}",
                figure([run[first] for run in own]),
                figure([run["macro_f1"] for run in own]),
                str(len(own)),
            ]
        )
    return table(rows)


if __name__ == "__main__":
    main()
