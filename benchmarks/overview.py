"""Every classifier on four corpora: the table of the page "Which classifier?".

python benchmarks/overview.py      # results/*.jsonl -> results/overview.rst

Nothing is measured here: the figures are those of the other scripts. A
dash means that no script has measured it.
"""

from __future__ import annotations

import json
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


def thresholds(model: str, rule: str) -> Row:
    """Runs of thresholds.py: ``rule`` is what the thresholds were tuned for."""

    def of(corpus: str) -> Runs:
        runs = [
            r for r in read("thresholds.jsonl") if (r["dataset"], r["model"]) == (corpus, model)
        ]
        return [r["thresholds"][rule] | {"seconds": r["seconds_fitting"]} for r in runs]

    return of


def leam(corpus: str) -> Runs:
    """Runs of accuracy.py."""
    return [r for r in read("accuracy_test.jsonl") if r["dataset"] == corpus]


def named(variant: str, *files: str) -> Row:
    """Runs of label_sequences.py and label_correlation.py."""

    def of(corpus: str) -> Runs:
        runs = [r for name in files for r in read(name) if r["on"] == "test"]
        return [r for r in runs if r["run"][:2] == [corpus, variant]]

    return of


def linear(corpus: str) -> Runs:
    """BinaryRelevance as it comes; one file has its seconds, the other all four corpora."""
    timed = named("br", "label_sequences.jsonl")(corpus)
    return timed or [
        {k: r[k] for k in ("micro_f1", "macro_f1")} for r in thresholds("linear", "own")(corpus)
    ]


def nothing(corpus: str) -> Runs:
    """Not measured on these corpora."""
    return []


ROWS: list[tuple[str, Row, str]] = [
    ("BinaryRelevance", linear, ""),
    ("ThresholdTuner(BinaryRelevance)", thresholds("linear", "micro_f1"), ""),
    ("ClassifierChain", named("cc", "label_sequences.jsonl"), ""),
    ("LabelPowerset", named("lp", "label_sequences.jsonl"), ""),
    ("LEAMClassifier", leam, ""),
    ("ThresholdTuner(LEAMClassifier)", thresholds("leam", "micro_f1"), ""),
    ("LEAMClassifier(encoder=...)", nothing, "extra ``hf`` or ``static``"),
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
    ("MTLEClassifier", nothing, ""),
    ("LabelTreeClassifier", nothing, ""),
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
    sizes = json.loads((RESULTS / "saved_size.json").read_text(encoding="utf-8"))["datasets"]
    size = sizes["goemotions"]["float32"]["megabytes"] if name == "LEAMClassifier" else None
    return [
        name if "(" in name else f":class:`~sklabelemb.{name}`",
        *(f1(row(c)) + (marks[c] if row(c) else "") for c in CORPORA),
        "–" if seconds is None else f"{seconds:.0f}" + marks["goemotions"],
        "–" if milliseconds is None else f"{milliseconds:.2g}",
        "–" if size is None else f"{size:.0f}",
        needs,
    ]


def main() -> None:
    """Write the table."""
    head = ["classifier", *CORPORA, "fit, s", "predict, ms per text", "MB", "needs"]
    text = table([head, *(cells(*row) for row in ROWS)])
    (RESULTS / "overview.rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
