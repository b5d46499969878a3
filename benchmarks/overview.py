"""Every classifier on four corpora: the table of the page "Which classifier?".

python benchmarks/overview.py      # results/*.jsonl -> results/overview.rst

Nothing is measured here: the figures are those of the other scripts. A
dash means that no script has measured it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tables import RESULTS, read, table

CORPORA = ["reuters21578", "ohsumed", "goemotions", "aapd"]
TEST_TEXTS = {"goemotions": 5427}
# Corpora of which LACO was trained on a part (label_correlation_small.jsonl).
PARTS = {"reuters21578", "goemotions"}

Runs = list[dict[str, Any]]
Row = Callable[[str], Runs]


def field(system: str) -> Row:
    """Runs of field.py; what an encoder took for the training texts counts in ``fit``."""

    def of(corpus: str) -> Runs:
        everything = [r for r in read("field.jsonl") if r["run"][0] == corpus]
        runs = [r for r in everything if r["run"][1] == system]
        if not system.endswith("+encoder"):
            return runs
        [vectors] = [r for r in everything if r["run"][1] == "vectors"] or [{}]
        more = {"fit_seconds": "train_seconds", "predict_seconds": "test_seconds"}
        return [r | {k: r[k] + vectors.get(v, 0.0) for k, v in more.items()} for r in runs]

    return of


def named(variant: str, *files: str) -> Row:
    """Runs of label_sequences.py and label_correlation.py."""

    def of(corpus: str) -> Runs:
        runs = [r for name in files for r in read(name) if r["on"] == "test"]
        return [r for r in runs if r["run"][:2] == [corpus, variant]]

    return of


ROWS: list[tuple[str, Row, str]] = [
    ("BinaryRelevance", field("linear"), ""),
    ("ThresholdTuner(BinaryRelevance)", field("tuned"), ""),
    ("LinearSVC with letter groups, tuned", field("letters"), ""),
    ("ClassifierChain", field("chain"), ""),
    ("LabelPowerset", field("powerset"), ""),
    ("LabelTreeClassifier", field("tree"), ""),
    ("LEAMClassifier", field("leam"), ""),
    ("LEAMClassifier(encoder=...)", field("leam+encoder"), "extra ``hf`` or ``static``"),
    ("MTLEClassifier", field("mtle"), ""),
    (
        "SemanticUnitSeq2SeqClassifier",
        named("default", "label_sequences.jsonl"),
        "GloVe vectors in these runs",
    ),
    (
        "LACOClassifier",
        named("wide", "label_correlation_small.jsonl", "label_correlation_full.jsonl"),
        "extra ``hf``; a GPU for large corpora",
    ),
]


def mean(runs: Runs, *names: str) -> float | None:
    """The mean over the runs of the first of these entries that they have."""
    found = [next(r[name] for name in names if name in r) for r in runs if set(names) & set(r)]
    return float(np.mean(found)) if found else None


def f1(runs: Runs) -> str:
    """Micro- and macro-F1."""
    if not runs:
        return "–"
    return f"{mean(runs, 'micro_f1'):.3f} / {mean(runs, 'macro_f1'):.3f}".replace("0.", ".")


def cells(name: str, row: Row, needs: str) -> list[str]:
    """A line of the table."""
    marks = {c: " ¹" if name == "LACOClassifier" and c in PARTS else "" for c in CORPORA}
    runs = row("goemotions")
    seconds, predicting = mean(runs, "fit_seconds", "seconds"), mean(runs, "predict_seconds")
    milliseconds = None if predicting is None else 1e3 * predicting / TEST_TEXTS["goemotions"]
    subset, precision = mean(runs, "subset_accuracy"), mean(runs, "average_precision")
    size = mean(runs, "megabytes")
    return [
        f":class:`~sklabelemb.{name}`" if name.isidentifier() else name,
        *(f1(row(c)) + (marks[c] if row(c) else "") for c in CORPORA),
        *("–" if v is None else f"{v:.3f}".lstrip("0") for v in (subset, precision)),
        "–" if seconds is None else f"{seconds:.0f}" + marks["goemotions"],
        "–" if milliseconds is None else f"{milliseconds:.2g}",
        "–" if size is None else f"{size:.0f}",
        needs,
    ]


def main() -> None:
    """Write the table."""
    head = ["classifier", *CORPORA, "subset accuracy", "average precision"]
    head += ["fit, s", "predict, ms per text", "MB", "needs"]
    text = table([head, *(cells(*row) for row in ROWS)])
    (RESULTS / "overview.rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
