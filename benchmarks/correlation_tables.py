"""The runs of label_correlation.py as tables for the documentation.

python benchmarks/correlation_tables.py      # results/label_correlation_SIZE.jsonl -> .rst
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from sequence_tables import mean
from tables import RESULTS, figure, read, table

from sklabelemb import LACOClassifier

Runs = dict[str, list[dict[str, Any]]]

ROWS = {
    "bert": "[CLS] (BERT classifier)",
    "bert_texts": "[CLS], head from label texts",
    "no_ca": "w/o cross attention",
    "no_je": "w/o joint embedding",
    "laco": "LACO",
    "plcp": "LACO + PLCP",
    "clcp": "LACO + CLCP",
    "both": "LACO + both",
    "wide": "LACO + wide path (the default)",
    "leam": "LEAM, GloVe",
    "br": "BinaryRelevance",
}
SHOWN = {
    "hamming_loss": 4,
    "precision": 3,
    "recall": 3,
    "micro_f1": 3,
    "macro_f1": 3,
    "subset_accuracy": 3,
}


def by_setting(runs: list[dict[str, Any]]) -> dict[str, Runs]:
    """Runs by dataset with how it was learnt, and variant; of two alike, the last."""
    last = {(*run["run"], str(run["settings"])): run for run in runs}
    found: dict[str, Runs] = defaultdict(lambda: defaultdict(list))
    for run in last.values():
        name, variant, _ = run["run"]
        found[f"{name}, {described(run['settings'])}"][variant].append(run)
    for name, variants in found.items():
        if len({str(run["settings"]) for own in variants.values() for run in own}) > 1:
            raise ValueError(f"{name}: runs with different settings make no table")
    return found


def described(settings: dict[str, Any]) -> str:
    """What was learnt from, how long, and with which encoder."""
    subset, epochs = settings.get("subset"), settings.get("max_epochs")
    texts = f"{subset:,} training texts" if subset else "all training texts"
    if asked := settings.get("test_subset"):
        texts += f" ({asked:,} of test)"
    longest = settings.get("max_length", LACOClassifier().max_length)
    parts = [texts, f"{longest} pieces"]
    if isinstance(epochs, int):
        parts.append(f"{epochs} epoch{'s' if epochs > 1 else ''}")
    parts.append(settings["encoder"])
    if frozen := settings.get("freeze_layers"):
        parts.append(f"freeze_layers={frozen}")
    return ", ".join(parts)


def ablation(name: str, runs: Runs) -> str:
    """Tables 3 and 4 of the paper."""
    rows = [[name, "HL", "P", "R", "micro-F1", "macro-F1", "subset acc.", "seeds"]]
    for variant, title in ROWS.items():
        own = runs.get(variant, [])
        retuned = [run["tuned_on_dev"] for run in own if "tuned_on_dev" in run]
        for what, some in (title, own), (f"{title}, thresholds tuned on dev", retuned):
            if some:
                cells = [figure([run[key] for run in some], n) for key, n in SHOWN.items()]
                cells[:3] = [cell.split(" ")[0] for cell in cells[:3]]
                rows.append([what, *cells, str(len(some))])
    return table(rows)


def analyses(name: str, runs: Runs) -> str:
    """Labels by frequency, companions of labels, and label sets."""
    first = next(iter(runs.values()))[0]
    groups = first["labels_by_frequency"]
    header = [f"{name}: macro-F1 of"]
    header += [f"{'rarest ' if i == 0 else ''}{size} labels" for i, size in enumerate(groups)]
    header[-1] = f"most frequent {groups[-1]} labels"
    sets = first["true_label_sets"]
    rows = [[*header, "conditional KL", f"label sets (truth: {sets})"]]
    for variant, title in ROWS.items():
        if own := runs.get(variant):
            cells = [
                mean(own, lambda run, i=i: run["macro_f1_by_frequency"][i])
                for i in range(len(groups))
            ]
            cells.append(f"{np.mean([run['conditional_kl'] for run in own]):.2f}")
            cells.append(f"{np.mean([run['label_sets'] for run in own]):.0f}")
            rows.append([title, *cells])
    return table(rows)


def tasks(name: str, runs: Runs) -> str:
    """What PLCP and CLCP change, by frequency of labels and in how these come together."""
    rows = [[name, "micro-F1", "macro-F1", "average precision"]]
    rows[0] += ["macro-F1 of rare labels", "of frequent ones", "conditional KL", "seeds"]
    for variant, title in ROWS.items():
        if own := runs.get(variant):
            keys = ("micro_f1", "macro_f1", "average_precision")
            cells = [figure([run[key] for run in own]) for key in keys]
            cells += [figure([run["macro_f1_by_frequency"][i] for run in own]) for i in (0, -1)]
            cells.append(figure([run["conditional_kl"] for run in own], 2))
            rows.append([title, *cells, str(len(own))])
    return table(rows)


def convergence(name: str, runs: Runs) -> str:
    """The validation score after each epoch, and what an epoch costs."""
    runs = {variant: own for variant, own in runs.items() if variant != "br"}
    most = max(len(run["valid_scores"]) for own in runs.values() for run in own)
    epochs = [f"epoch {i + 1}" for i in range(most)]
    rows = [[f"{name}: validation score", *epochs, "seconds an epoch"]]
    for variant, title in ROWS.items():
        if own := runs.get(variant):
            # Of the seeds that went on so long: training stops when the score does not rise.
            scores = [
                [run["valid_scores"][i] for run in own if i < run["epochs"]] for i in range(most)
            ]
            cells = [f"{np.mean(some):.3f}".lstrip("0") if some else "" for some in scores]
            seconds = np.mean([run["fit_seconds"] / run["epochs"] for run in own])
            rows.append([title, *cells, f"{seconds:.0f}"])
    return table(rows)


def main() -> None:
    """Write one file a table."""
    files = [path.name for path in sorted(RESULTS.glob("label_correlation_*.jsonl"), reverse=True)]
    files = [file for file in files if "_dev" not in file and "_tasks" not in file]
    found = by_setting([run for file in files for run in read(file)])
    of_tasks = by_setting(read("label_correlation_tasks.jsonl"))
    for kind, write, some in (
        ("ablation", ablation, found),
        ("analyses", analyses, found),
        ("convergence", convergence, found),
        ("tasks", tasks, of_tasks),
    ):
        text = "\n".join(write(name, runs) for name, runs in some.items())
        (RESULTS / f"label_correlation_{kind}.rst").write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
