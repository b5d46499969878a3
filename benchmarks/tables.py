"""Turn what the scripts wrote as JSON lines into the tables of the documentation.

python benchmarks/tables.py      # results/*.jsonl -> results/*.rst
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"


def read(name: str) -> list[dict[str, Any]]:
    """The runs in a file of JSON lines."""
    lines = (RESULTS / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def figure(values: list[float], digits: int = 3) -> str:
    """Mean and, for several seeds, the range."""
    text = f"{np.mean(values):.{digits}f}".lstrip("0")
    if len(values) > 1:
        text += f" ({min(values):.{digits}f}–{max(values):.{digits}f})".replace("0.", ".")
    return text


def table(rows: list[list[str]]) -> str:
    """A reST list-table with the first row as its header."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def ablation_table(runs: list[dict[str, Any]]) -> str:
    """Dev figures of the defaults with one thing changed."""
    datasets = sorted({run["dataset"] for run in runs})
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for run in runs:
        changes = ", ".join(f"``{k}={v!r}``" for k, v in run["parameters"].items())
        name = {"paper": "``**PAPER_SETTINGS``", "linear": "TF-IDF + LinearSVC, tuned"}.get(
            run["model"], changes or "defaults"
        )
        cells[name][run["dataset"]] = f"{run['micro_f1']:.3f} / {run['macro_f1']:.3f}".replace(
            "0.", "."
        )
    rows = [["changed", *(f"{name}, micro / macro" for name in datasets)]]
    rows += [[name, *(row.get(d, "") for d in datasets)] for name, row in cells.items()]
    return table(rows)


def threshold_table(runs: list[dict[str, Any]]) -> str:
    """F1 by the threshold of 0.5, by the classifier's own rule, and by tuned thresholds."""
    rows = [
        [
            "dataset",
            "model",
            "at 0.5, micro / macro",
            "its own rule",
            "tuned for micro-F1",
            "tuned for macro-F1",
        ]
    ]
    for (dataset, model), group in grouped(runs).items():
        cells = [dataset, {"leam": "LEAM", "linear": "linear"}[model]]
        for rule in ("default", "own", "micro_f1", "macro_f1"):
            if rule == "own" and model == "linear":
                cells.append("the same")
                continue
            values = [
                np.mean([run["thresholds"][rule][name] for run in group])
                for name in ("micro_f1", "macro_f1")
            ]
            cells.append(" / ".join(f"{value:.3f}".lstrip("0") for value in values))
        rows.append(cells)
    return table(rows)


def calibration_table(runs: list[dict[str, Any]]) -> str:
    """Calibration error before and after."""
    methods = ("before", "sigmoid", "isotonic", "temperature")
    rows = [["dataset", "model", *methods]]
    for (dataset, model), group in grouped(runs).items():
        cells = [dataset, {"leam": "LEAM", "linear": "linear"}[model]]
        for method in methods:
            error, brier = (
                np.mean([run["calibration"][method][name] for run in group])
                for name in ("ece_macro", "brier")
            )
            cells.append(f"{error:.4f} / {brier:.4f}".replace("0.", "."))
        rows.append(cells)
    return table(rows)


# Zhang et al. (2018), Tables 3 and 4: single BiLSTM and MTLE; Cold, Hot and Zero Update.
PAPER_3 = {
    "films": {"sst1": (46.2, 49.8), "sst2": (86.1, 88.4), "imdb": (88.9, 91.3)},
    "domains": {
        "books": (78.3, 84.5),
        "dvd": (79.8, 85.2),
        "electronics": (81.5, 87.3),
        "kitchen": (82.3, 86.9),
    },
    "topics": {"r52": (84.2, 85.5), "trec_coarse": (92.7, 93.2), "imdb": (89.0, 90.9)},
}
PAPER_4 = {
    "films": (91.2, 91.4, 90.9),
    "domains": (86.9, 87.1, 86.7),
    "topics": (91.0, 91.1, 74.2),
}
# Table 5, of the multi-task systems; MT-RNN has no figures over the domains.
PAPER_5 = {
    "MT-DNN": ("MT-DNN", (79.7, 80.5, 82.5, 82.8)),
    "MT-CNN": ("MT-CNN", (80.2, 81.0, 83.4, 83.0)),
    "MT-RNN": ("MT-RNN", None),
    "DSM": ("DSM", (82.8, 83.0, 85.5, 84.0)),
    "cold": ("MTLE", (84.5, 85.2, 87.3, 86.9)),
}


def percent(values: list[float]) -> str:
    """Mean in per cent, and for several seeds the range; a dash where nothing was run."""
    if not values:
        return "–"
    text = f"{100 * np.mean(values):.1f}"
    if len(values) > 1:
        text += f" ({100 * min(values):.1f}–{100 * max(values):.1f})"
    return text


def by_place(
    runs: list[dict[str, Any]], settings: dict[str, Any]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The runs with some settings, by what was run and where; the last of several counts."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in {tuple(run["run"]): run for run in runs if run["settings"] == settings}.values():
        found[run["run"][0], run["run"][1]].append(run)
    return found


def multi_task_tables(runs: list[dict[str, Any]]) -> str:
    """Tables 3 to 5 of the MTLE paper, its Figure 4, and labels never seen."""
    found, of_means = by_place(runs, {}), by_place(runs, {"encoder": "mean"})

    def of(kind: str, where: str, task: str, found: Any = found) -> list[float]:
        return [run["accuracy"][task] for run in found[kind, where]]

    alone = [
        "task",
        "linear",
        "BiLSTM",
        "alone",
        "together",
        "seeds",
        "paper: BiLSTM",
        "paper: MTLE",
    ]
    later = ["new task", "Cold", "Hot", "Zero", "Hot / Cold, seconds", "seeds", "paper"]
    three, four = [alone], [later]
    for case, tasks in PAPER_3.items():
        means: list[list[float]] = [[], [], [], []]
        for task, paper in tasks.items():
            columns = [
                of("linear", task, task),
                of("bilstm", task, task),
                of("single", task, task),
                of("cold", case, task),
            ]
            for total, column in zip(means, columns, strict=True):
                total.append(float(np.mean(column)) if column else np.nan)
            name = {"r52": "r52 (RN)", "trec_coarse": "trec_coarse (QC)"}.get(task, task)
            row = [f"{case}: {name}", *map(percent, columns), str(len(columns[3]))]
            three.append(row + [f"{value:.1f}" for value in paper])
        papers = [np.mean([pair[i] for pair in tasks.values()]) for i in (0, 1)]
        three.append(
            [
                f"*{case}: mean*",
                *(percent([] if np.isnan(column).any() else [np.mean(column)]) for column in means),
                "",
                *(f"{value:.1f}" for value in papers),
            ]
        )
        new = list(tasks)[-1]
        updates = [of(kind, case, new) for kind in ("cold", "hot", "zero")]
        seconds = [
            "–"
            if not found[kind, case]
            else f"{np.mean([r['seconds'] for r in found[kind, case]]):.0f}"
            for kind in ("hot", "cold")
        ]
        figures = " / ".join(map(str, PAPER_4[case]))
        four.append(
            [
                f"{case}: {new}",
                *map(percent, updates),
                " / ".join(seconds),
                str(len(updates[1])),
                figures,
            ]
        )
    unseen = [["labels never seen: five newsgroups", "accuracy, per cent"]]
    for kind, name in (
        ("constant", "best constant guess"),
        ("cosine", "cosine of averaged GloVe vectors"),
        ("zero mean", "Zero Update, mean encoder"),
        ("zero bilstm", "Zero Update, BiLSTM"),
    ):
        if found[kind, "unseen"]:
            unseen.append([name, percent(of(kind, "unseen", "five groups"))])
    domains = list(PAPER_3["domains"])
    systems = [["system, all domains together", *domains, "mean", "seconds", "seeds", "paper"]]
    made = {kind: (name, found[kind, "domains"], paper) for kind, (name, paper) in PAPER_5.items()}
    as_printed = [run for run in runs if run["run"][0] == "paper"]
    made["paper"] = ("MTLE, ``PAPER_SETTINGS``", as_printed, PAPER_5["cold"][1])
    for name, own, paper in made.values():
        if own:
            columns = [[run["accuracy"][task] for run in own] for task in domains]
            of_seeds = np.mean(columns, axis=0).tolist()
            seconds = f"{np.mean([run['seconds'] for run in own]):.0f}"
            printed = "–" if paper is None else " / ".join(map(str, paper))
            row = [name, *map(percent, [*columns, of_seeds]), seconds, str(len(own)), printed]
            systems.append(row)
    pairs = [["mean encoder: gain in points, together with", *domains]]
    for other in domains:
        row = [other]
        for task in domains:
            pair = "+".join(sorted((task, other)))
            gain = ""
            if task != other and of_means["pair", pair]:
                single = of("single", task, task, of_means)
                points = np.mean(of("pair", pair, task, of_means)) - np.mean(single)
                gain = f"{100 * points:+.1f}"
            row.append(gain)
        pairs.append(row)
    means = [["mean encoder, domains", "alone", "together", "Hot", "Zero"]]
    for task in domains:
        row = [of("single", task, task, of_means), of("cold", "domains", task, of_means)]
        if task == domains[-1]:
            row += [of(kind, "domains", task, of_means) for kind in ("hot", "zero")]
        means.append([task, *map(percent, row), *[""] * (4 - len(row))])
    return "\n".join(map(table, (three, four, systems, unseen, means, pairs)))


def multi_task_dev_table(runs: list[dict[str, Any]]) -> str:
    """Dev accuracy by settings."""
    cells: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run["run"][0] == "single":
            settings = {"encoder": "bilstm", "matcher": "cosine", **run["settings"]}
            name = ", ".join(f"``{k}={v!r}``" for k, v in settings.items())
            for task, accuracy in run["accuracy"].items():
                cells[name][task].append(accuracy)
    tasks = sorted({task for row in cells.values() for task in row})
    rows = [[name, *(percent(row[task]) for task in tasks)] for name, row in cells.items()]
    return table([["settings", *tasks], *rows])


def grouped(runs: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Runs by dataset and model."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        groups[run["dataset"], run["model"]].append(run)
    return groups


def main() -> None:
    for source, name, make in (
        ("ablation_dev", "ablation_dev", ablation_table),
        ("thresholds", "thresholds", threshold_table),
        ("thresholds", "calibration", calibration_table),
        ("multi_task", "multi_task", multi_task_tables),
        ("multi_task_dev", "multi_task_dev", multi_task_dev_table),
    ):
        if (RESULTS / f"{source}.jsonl").exists():
            text = make(read(f"{source}.jsonl"))
            (RESULTS / f"{name}.rst").write_text(text, encoding="utf-8")
            print(text)


if __name__ == "__main__":
    main()
