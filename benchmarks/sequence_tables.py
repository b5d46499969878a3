"""The runs of label_sequences.py as tables for the documentation.

python benchmarks/sequence_tables.py      # results/label_sequences*.jsonl -> .rst
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from tables import RESULTS, figure, read, table

Runs = dict[str, list[dict[str, Any]]]

ABLATION = {
    "none": "S2S",
    "words": "S2S+Attn",
    "units": "units only",
    "additive": "additive",
    "hybrid": "hybrid",
    "default": "hybrid and wide path (default)",
    "hier5": "Hier-5",
    "hier10": "Hier-10",
    "hier15": "Hier-15",
    "hier20": "Hier-20",
    "br": "BinaryRelevance",
    "cc": "ClassifierChain",
    "lp": "LabelPowerset",
}
# Micro-F1 on RCV1-V2, from the paper's tables 2, 3 and 4.
PAPER = {
    "none": ".866",
    "words": ".868",
    "units": ".880",
    "additive": ".879",
    "hybrid": ".882",
    "hier5": ".878–.879",
    "br": ".858",
    "cc": ".857",
    "lp": ".858",
}
ORDERS = {
    "hybrid": "most frequent first",
    "rare_first": "rarest first",
    "given": "order of columns",
    "random": "random",
}
SHOWN = {
    "hamming_loss": 4,
    "precision": 3,
    "recall": 3,
    "micro_f1": 3,
    "macro_f1": 3,
    "subset_accuracy": 3,
}


def by_dataset(runs: list[dict[str, Any]]) -> dict[str, Runs]:
    """Runs by dataset and variant; of runs that were made twice, the last."""
    last = {(*run["run"], str(run["settings"])): run for run in runs}
    found: dict[str, Runs] = defaultdict(lambda: defaultdict(list))
    for run in last.values():
        found[run["run"][0]][run["run"][1]].append(run)
    for name, variants in found.items():
        for variant, own in variants.items():
            if len({str(run["settings"]) for run in own}) > 1:
                raise ValueError(f"{name}, {variant}: runs with different settings make no mean")
    return found


def mean(runs: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> str:
    """The mean over the seeds."""
    return f"{np.mean([value(run) for run in runs]):.3f}".removeprefix("0")


def ablation(name: str, runs: Runs) -> str:
    """Table 2 to 4 of the paper."""
    header = [
        name,
        "HL",
        "P",
        "R",
        "micro-F1",
        "macro-F1",
        "subset acc.",
        "seeds",
        "paper: RCV1-V2",
    ]
    rows = [header]
    for variant, title in ABLATION.items():
        if own := runs.get(variant):
            cells = [figure([run[key] for run in own], digits) for key, digits in SHOWN.items()]
            # Ranges where claims are made.
            cells[:3] = [cell.split(" ")[0] for cell in cells[:3]]
            rows.append([title, *cells, str(len(own)), PAPER.get(variant, "")])
    return table(rows)


def orders(found: dict[str, Runs]) -> str:
    """In which order labels are emitted."""
    rows = [["label order", *(f"{n}: micro-F1, subset accuracy" for n in found), "seeds"]]
    for variant, title in ORDERS.items():
        row = [title]
        for runs in found.values():
            own = runs.get(variant, [])
            pair = [figure([r[key] for r in own]) for key in ("micro_f1", "subset_accuracy") if own]
            row.append(", ".join(pair) or "–")
        counts = [str(len(runs.get(variant, []))) for runs in found.values()]
        if any(cell != "–" for cell in row[1:]):
            rows.append([*row, " / ".join(counts)])
    return table(rows)


def without_frequent(found: dict[str, Runs]) -> str:
    """Figure 3 of the paper."""
    tables = []
    for name, runs in found.items():
        removed = list(next(iter(runs.values()))[0]["micro_f1_without"])
        rows = [[f"{name}: labels removed", *removed]]
        for variant in ("none", "words", "hybrid", "default", "br", "cc", "lp"):
            if own := runs.get(variant):
                cells = [mean(own, lambda run, k=k: run["micro_f1_without"][k]) for k in removed]
                rows.append([ABLATION[variant], *cells])
        tables.append(table(rows))
    return "\n".join(tables)


def label_sets(found: dict[str, Runs]) -> str:
    """How many label sets are predicted, and how many of them no training text has."""
    rows = [["", *(f"{n}: sets / unseen / labels a text" for n in found)]]
    for variant in ("none", "words", "hybrid", "default", "br", "cc", "lp"):
        row = [ABLATION[variant]]
        for runs in found.values():
            own = runs.get(variant, [])
            keys = ("label_sets", "unseen_label_sets")
            cells = [f"{np.mean([run[key] for run in own]):.0f}" for key in keys if own]
            cells += [f"{np.mean([run['cardinality'] for run in own]):.2f}"] if own else []
            row.append(" / ".join(cells) or "–")
        rows.append(row)
    return table(rows)


def covered(runs: list[dict[str, Any]]) -> str:
    """All of aapd's test, and the part whose label sets occur in training."""
    own = [run for run in runs if run["run"][0] == "aapd" and "covered" in run]
    n = own[0]["covered"]["documents"]
    rows = [["aapd", "micro-F1", "subset acc.", f"micro-F1 of {n}", f"subset acc. of {n}"]]
    for run in sorted(own, key=lambda run: list(ABLATION).index(run["run"][1])):
        title = ABLATION[run["run"][1]]
        if epochs := run["settings"].get("max_epochs"):
            title += f", {epochs} epochs"
        cells = [run[key] for key in ("micro_f1", "subset_accuracy")]
        cells += [run["covered"][key] for key in ("micro_f1", "subset_accuracy")]
        rows.append([title, *(figure([cell]) for cell in cells)])
    return table(rows)


def main() -> None:
    """Write one file a table."""
    runs = read("label_sequences.jsonl")
    found = by_dataset(runs)
    sampled = read("label_sequences_hier.jsonl")
    size = sampled[0]["settings"]["subset"]
    [(name, of_sample)] = by_dataset(sampled).items()
    texts = {
        "hier": ablation(f"{name}, {size:,} training texts", of_sample),
        "ablation": "\n".join(ablation(name, runs) for name, runs in found.items()),
        "orders": orders(found),
        "without_frequent": without_frequent(found),
        "label_sets": label_sets(found),
        "covered": covered([*runs, *read("label_sequences_epochs.jsonl")]),
    }
    for name, text in texts.items():
        (RESULTS / f"label_sequences_{name}.rst").write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
