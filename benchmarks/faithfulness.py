"""Do the words that `explain` puts first carry the label?

Words are taken out of test texts in the order of an explanation, and the label that was likeliest
is asked for again (comprehensiveness and sufficiency of DeYoung et al., "ERASER", ACL 2020). The
orders:

- ``explain``: the contributions of the classifier's own ``explain``;
- ``attention``: its attention, where it has one;
- ``occlusion``: how far the probability falls when the word alone is left out. It asks the same
  question word by word, so it is about the best that an order of single words can reach;
- ``random``: chance, the mean of five orders.

    python benchmarks/faithfulness.py
    python benchmarks/faithfulness.py --corpora support --systems leam laco --test 20
    python benchmarks/faithfulness.py --table      # the tables of what was run before
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
import torch
from few_texts import minilm
from measure import machine, parser, table

from sklabelemb import (
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
)
from sklabelemb.datasets import load_folder, load_support_requests

CORPORA = ["support", "goemotions", "reuters21578"]
SYSTEMS = ["leam", "leam+encoder", "mtle", "mtle mean", "seq2seq", "laco", "laco cls"]
# Fewer words than this are all among the strongest five; more cost a prediction each.
SHORTEST, LONGEST = 10, 120
N_RANDOM = 5
FIRST = {"5": lambda n: min(5, n), "20 %": lambda n: max(1, round(0.2 * n))}
MEASURES = ["fall_5", "fall_20 %", "kept_5", "kept_20 %"]


def load(corpus: str, data: Path, n_train: int) -> tuple[list[str], Any, list[str], list[str]]:
    """Training texts and targets, test texts, and the names of the labels."""
    if corpus == "support":
        bunch = load_support_requests()
        return bunch.data[:500], bunch.target[:500], bunch.data[500:], bunch.target_names
    whole = load_folder(data / corpus)
    rows = np.random.default_rng(0).permutation(len(whole.train.data))[:n_train]
    y = sp.csr_matrix(whole.train.target)[rows]
    often = np.flatnonzero(np.asarray(y.sum(axis=0)).ravel() >= 5)
    names = [whole.train.target_names[k] for k in often]
    return [whole.train.data[i] for i in rows], y[:, often].toarray(), whole.test.data, names


def classifier(system: str, names: list[str], arguments: argparse.Namespace) -> Any:
    """One that is not fitted yet."""
    shared: dict[str, Any] = {"label_names": names, "random_state": 0, "device": "cpu"}
    encoder = arguments.encoder or minilm()
    laco = {"encoder": encoder, "freeze_layers": 4, "max_epochs": 3, "max_length": 160}
    makers: dict[str, Callable[[], Any]] = {
        "leam": lambda: LEAMClassifier(**shared),
        "leam+encoder": lambda: LEAMClassifier(encoder=encoder, memory=arguments.memory, **shared),
        "mtle": lambda: MTLEClassifier(**shared),
        "mtle mean": lambda: MTLEClassifier(encoder="mean", **shared),
        "seq2seq": lambda: SemanticUnitSeq2SeqClassifier(**shared),
        "laco": lambda: LACOClassifier(**laco, **shared),
        "laco cls": lambda: LACOClassifier(
            cross_attention=False, joint_embedding=False, wide=False, **laco, **shared
        ),
    }
    return makers[system]()


def fitted(system: str, corpus: str, arguments: argparse.Namespace) -> tuple[Any, list[str]]:
    """A model, and the texts that it is to explain; from ``--models`` if it was fitted before."""
    X, y, test, names = load(corpus, arguments.data, arguments.train)
    folder = arguments.models
    path = folder and folder / f"{corpus}-{system.replace(' ', '_')}.joblib"
    if path and path.exists():
        model = joblib.load(path)
    else:
        model = classifier(system, names, arguments).fit(X, y)
        if path:
            folder.mkdir(parents=True, exist_ok=True)
            joblib.dump(model, path)
    fitting = [text for text in test if SHORTEST <= len(text.split()) <= LONGEST]
    order = np.random.default_rng(1).permutation(len(fitting))[: arguments.test]
    return model, [fitting[i] for i in order]


def without(explanation: Any, gone: Any) -> str:
    """The text less the words at some places."""
    text, pieces, position = explanation.text, [], 0
    for i in sorted(gone):
        if explanation.spans[i] is None:
            continue
        start, stop = explanation.spans[i]
        pieces.append(text[position:start])
        position = max(position, stop)
    return " ".join(" ".join([*pieces, text[position:]]).split())


def probabilities(model: Any, texts: list[str], label: int) -> np.ndarray:
    """What a model gives one label in texts."""
    return np.asarray(model.predict_proba(texts))[:, label]


def orders(model: Any, explanation: Any, label: int, seed: int) -> dict[str, list[np.ndarray]]:
    """Places of words, the strongest first, by each way of explaining."""
    n = len(explanation.tokens)
    whole, *left = probabilities(
        model, [explanation.text, *(without(explanation, [i]) for i in range(n))], label
    )
    random = np.random.default_rng(seed)
    found = {
        "explain": [np.argsort(-explanation.contributions[:, label], kind="stable")],
        "occlusion": [np.argsort(np.array(left) - whole, kind="stable")],
        "random": [random.permutation(n) for _ in range(N_RANDOM)],
    }
    if explanation.attention is not None:
        found["attention"] = [np.argsort(-explanation.attention[:, label], kind="stable")]
    return found


def measured(model: Any, texts: list[str]) -> dict[str, Any]:
    """How far the probability of the likeliest label falls, and what is left of it; means."""
    start = time.process_time()
    explanations = model.explain(texts)
    seconds = (time.process_time() - start) / len(texts)
    sums: dict[str, dict[str, list[float]]] = {}
    whole = []
    for seed, explanation in enumerate(explanations):
        label = int(np.argmax(explanation.proba))
        n = len(explanation.tokens)
        whole.append(float(explanation.proba[label]))
        for way, some in orders(model, explanation, label, seed).items():
            asked = []
            for order in some:
                for first in FIRST.values():
                    k = first(n)
                    asked += [without(explanation, order[:k]), without(explanation, order[k:])]
            found = probabilities(model, asked, label).reshape(len(some), len(FIRST), 2)
            own = sums.setdefault(way, {name: [] for name in MEASURES})
            for i, size in enumerate(FIRST):
                own[f"fall_{size}"].append(float(whole[-1] - found[:, i, 0].mean()))
                own[f"kept_{size}"].append(float(found[:, i, 1].mean()))
    return {
        "texts": len(texts),
        "probability": round(float(np.mean(whole)), 4),
        "seconds_per_text": round(seconds, 3),
        "ways": {
            way: {name: round(float(np.mean(values)), 4) for name, values in own.items()}
            for way, own in sums.items()
        },
    }


def written(runs: dict[str, Any]) -> str:
    """The falls as a table: one row for each corpus and classifier."""
    rows = []
    for key, run in runs.items():
        corpus, system = key.split("/")
        ways = run["ways"]
        cells = [
            " / ".join(
                f"{ways[way][name]:.2f}".replace("-0.00", "0.00") if way in ways else "–"
                for way in ("explain", "attention", "occlusion", "random")
            )
            for name in ("fall_5", "fall_20 %", "kept_5")
        ]
        rows.append([corpus, system, f"{run['probability']:.2f}", *cells])
    header = ["corpus", "classifier", "p", "fall, top 5", "fall, top 20 %", "left with top 5 only"]
    return table(header, rows)


def main() -> None:
    """Run what is asked for, and write all that was ever run."""
    import json

    options = parser(__doc__ or "")
    options.add_argument("--corpora", nargs="+", default=CORPORA)
    options.add_argument("--systems", nargs="+", default=SYSTEMS)
    options.add_argument("--train", type=int, default=2000, help="training texts, at most")
    options.add_argument("--test", type=int, default=60, help="texts to explain")
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--memory", help="folder for the encoder's vectors")
    options.add_argument("--models", type=Path, help="folder where fitted models are kept")
    options.add_argument("--table", action="store_true", help="write the table and stop")
    arguments = options.parse_args()
    path = arguments.results / "faithfulness.json"
    content = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    if not arguments.table:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        content["machine"] = machine(1)
        content["words"] = [SHORTEST, LONGEST]
        for corpus in arguments.corpora:
            for system in arguments.systems:
                start = time.process_time()
                model, texts = fitted(system, corpus, arguments)
                found = measured(model, texts)
                content["runs"][f"{corpus}/{system}"] = {"train": arguments.train, **found}
                seconds = time.process_time() - start
                print(f"{corpus}/{system}: {seconds:.0f} s of processor time", flush=True)
                content["runs"] = {
                    key: content["runs"][key]
                    for key in (f"{c}/{s}" for c in CORPORA for s in SYSTEMS)
                    if key in content["runs"]
                }
                path.write_text(json.dumps(content, indent=1) + "\n")
    text = f".. Written by benchmarks/faithfulness.py.\n\n{written(content['runs'])}"
    (arguments.results / "faithfulness.rst").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
