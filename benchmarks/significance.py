"""Which of the rules in ``thresholds.jsonl`` are better than which, over all datasets?

Friedman's test and Nemenyi's distances on the mean over seeds of micro-F1 and of macro-F1, each
rule tuned for the measure in question. With five datasets only large differences can be shown.

    python benchmarks/significance.py      # results/thresholds.jsonl -> significance.{rst,png}
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot
from tables import grouped, read

from sklabelemb.comparison import compare_classifiers

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    groups = grouped(read("thresholds.jsonl"))
    figure, axes = pyplot.subplots(2, 1, figsize=(8, 4.6), layout="constrained")
    texts = []
    for measure, ax in zip(("micro_f1", "macro_f1"), axes, strict=True):
        rules = {
            "linear at 0": ("linear", "default"),
            "linear, tuned": ("linear", measure),
            "LEAM at 0.5": ("leam", "default"),
            "LEAM, own rule": ("leam", "own"),
            "LEAM, tuned": ("leam", measure),
        }
        datasets = sorted({dataset for dataset, _ in groups})
        scores = {
            name: {
                dataset: float(
                    np.mean([run["thresholds"][rule][measure] for run in groups[dataset, model]])
                )
                for dataset in datasets
            }
            for name, (model, rule) in rules.items()
        }
        comparison = compare_classifiers(scores)
        title = measure.replace("_f1", "-F1")
        texts.append(f"{title}\n\n{comparison}")
        comparison.plot(ax)
        ax.set_title(title, loc="left", fontsize="medium")
    text = "\n\n".join(texts)
    print(text)
    indented = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    (RESULTS / "significance.rst").write_text(f".. code-block:: text\n\n{indented}\n", "utf-8")
    figure.savefig(RESULTS / "significance.png", dpi=110)


if __name__ == "__main__":
    main()
