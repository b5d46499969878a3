"""The tables of the MTLE paper, re-run on what there is: one task or several, and updates.

Every run fits on train and dev together, with the default settings, and predicts test once. The
baseline of Table 3 has the same settings, which were chosen for MTLE. Seconds are those of the
processor. Runs are appended to ``results/multi_task.jsonl`` as they end; what the file has
already is left out.

    python benchmarks/multi_task.py --seeds 0 1 2
    python benchmarks/multi_task.py --cases domains --seeds 0
    python benchmarks/multi_task.py --cases systems
    python benchmarks/multi_task.py --cases paper --seeds 0
    python benchmarks/multi_task.py --on dev --cases short --alone single \\
        --out benchmarks/results/multi_task_dev.jsonl --set matcher='"bilinear"'

Cases: ``films`` (SST-1, SST-2, IMDB), ``domains`` (books, dvd, electronics, kitchen), ``topics``
(IMDB, r52, trec_coarse), ``unseen`` (20newsgroups without every fourth group, and dbpedia_sub;
then these five groups, of which nothing was seen), and ``systems`` (Table 5: the four domains with
MT-DNN, MT-CNN, MT-RNN and DSM). In the others the last task is the new one of Table 4.
Only when asked for: ``paper``, the four domains with MTLE as its paper has it (`PAPER_SETTINGS`,
with the 100 dimensions of these vectors); ``--set`` goes before them.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import DATA, HERE, machine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from torch import nn

from sklabelemb.datasets import load_folder
from sklabelemb.model_selection import stratified_holdout
from sklabelemb.mtle import MTLE, PAPER_SETTINGS, PRESETS, MTLEClassifier
from sklabelemb.mtle.recipe import MTLERecipe
from sklabelemb.text import Tokenizer, load_vectors

VECTORS = DATA.parent / "vectors" / "glove6b100d_top100k_fp16.npz"
DOMAINS = ["books", "dvd", "electronics", "kitchen"]
CASES = {
    "films": ["sst1", "sst2", "imdb"],
    "domains": DOMAINS,
    "topics": ["r52", "trec_coarse", "imdb"],
}
# Quick to train: for choosing settings, with --on dev.
SHORT = ["sst2", "trec_coarse"]
# A Hot Update trains in three goes with these learning rates: three passes over the new task, or,
# where one pass makes this many steps already, a third of it each.
HOT_RATES = (2e-3, 1e-3, 3e-4)
HOT_STEPS = 250
UNSEEN_ENCODERS = ("mean", "bilstm")
# What is predicted: "test", or "dev" while settings are chosen.
ON = "test"


# -- data --------------------------------------------------------------------------------------


def parts(name: str) -> dict[str, Any]:
    """Texts and classes of train (with dev) and test, and the labels' texts by class.

    With ``--on dev``, test is the dev split, or a tenth of train where there is none.
    """
    domain = name if name in DOMAINS else None
    folder = load_folder(DATA / ("multi_domain_sentiment" if domain else name))
    found: dict[str, tuple[list[str], np.ndarray]] = {}
    for split in ("train", "dev", "test"):
        if split in folder:
            rows = folder[split]
            keep = np.full(len(rows.data), True)
            if domain:
                keep = np.asarray(rows.extra["domain"]) == domain
            texts = [text for text, kept in zip(rows.data, keep, strict=True) if kept]
            found[split] = (texts, np.asarray(rows.target)[keep])
    X, y = found["train"]
    test = found["test"]
    if ON == "test" and "dev" in found:
        X, y = X + found["dev"][0], np.concatenate([y, found["dev"][1]])
    elif ON == "dev" and "dev" in found:
        test = found["dev"]
    elif ON == "dev":
        kept, cut = stratified_holdout(np.unique(y, return_inverse=True)[1], 0.1, 123)
        X, test = [X[i] for i in kept], ([X[i] for i in cut], y[cut])
        y = y[kept]
    label_texts = dict(zip(folder.train.target_names, folder.train.label_texts, strict=True))
    return {"X": X, "y": y, "test": test, "label_texts": label_texts}


def newsgroups(groups: Sequence[str]) -> dict[str, Any]:
    """Some of the newsgroups."""
    whole = parts("20newsgroups")

    def some(X: list[str], y: np.ndarray) -> tuple[list[str], np.ndarray]:
        kept = np.flatnonzero(np.isin(y, groups))
        return [X[i] for i in kept], y[kept]

    X, y = some(whole["X"], whole["y"])
    label_texts = {name: whole["label_texts"][name] for name in groups}
    return {"X": X, "y": y, "test": some(*whole["test"]), "label_texts": label_texts}


# -- what is compared --------------------------------------------------------------------------


class SoftmaxBiLSTM(MTLE):
    """The baseline of the paper's Table 3: the same text encoder below a softmax of its own."""

    def __init__(self, n_words: int, label_words: Any, **options: Any) -> None:
        super().__init__(n_words, label_words, **options)
        size = 2 * options["hidden_size"]
        self.output = nn.Linear(size, len(label_words[0]))
        nn.init.xavier_uniform_(self.output.weight)

    def forward(self, ids: torch.Tensor, task: Any = 0) -> torch.Tensor:
        """Logits of a batch."""
        return self.output(self.text_vectors(ids))


class SoftmaxRecipe(MTLERecipe):
    """MTLE's recipe with another network."""

    network = SoftmaxBiLSTM


class SingleTaskBiLSTM(MTLEClassifier):
    """MTLEClassifier with the softmax in the place of label encoder and matcher."""

    _recipe = SoftmaxRecipe


def classifier(
    tasks: dict[str, Any], seed: int, cls: type = MTLEClassifier, **settings: Any
) -> Any:
    """The default settings with GloVe vectors."""
    label_texts = {name: task["label_texts"] for name, task in tasks.items()}
    return cls(label_texts=label_texts, vectors=VECTORS, random_state=seed, **settings)


def fit(model: Any, tasks: dict[str, Any]) -> float:
    """Fit several tasks; seconds."""
    start = time.process_time()
    model.fit_tasks({name: (task["X"], task["y"]) for name, task in tasks.items()})
    return time.process_time() - start


def accuracies(model: Any, tasks: dict[str, Any]) -> dict[str, float]:
    """Accuracy on test of each task that the model has."""
    return {
        name: model.score(*task["test"], task=name)
        for name, task in tasks.items()
        if name in model.tasks_
    }


def cosine_baseline(task: dict[str, Any]) -> float:
    """Accuracy of the nearest label by the cosine of averaged GloVe vectors."""
    tokenizer = Tokenizer()
    X, y = task["test"]
    names = sorted(task["label_texts"])
    texts = [[*tokenizer(text)] for text in [*X, *(task["label_texts"][name] for name in names)]]
    words = sorted({word for text in texts for word in text})
    vectors, found = load_vectors(VECTORS, words)
    number = {word: i for i, word in enumerate(words) if found[i]}
    means = np.array(
        [
            np.mean([vectors[number[w]] for w in text if w in number] or [vectors[0] * 0], axis=0)
            for text in texts
        ]
    )
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    nearest = (means[: len(X)] @ means[len(X) :].T).argmax(axis=1)
    return float(np.mean(np.asarray(names)[nearest] == y))


# -- the runs ----------------------------------------------------------------------------------


class Log:
    """Runs that were made already, and a file to append to."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self.settings = settings
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        records = [json.loads(line) for line in lines]
        self.done = {tuple(r["run"]) for r in records if r["settings"] == settings}

    def __call__(self, run: list[Any], **figures: Any) -> None:
        """Write one run."""
        record = {
            "run": run,
            **figures,
            "settings": self.settings,
            "machine": machine(torch.get_num_threads()),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(run, figures, flush=True)


ALONE: dict[str, type[MTLEClassifier]] = {"single": MTLEClassifier, "bilstm": SingleTaskBiLSTM}


def table_3(names: list[str], seed: int, log: Log, settings: dict[str, Any]) -> None:
    """Each task alone, with a softmax and with label embeddings; linear for comparison."""
    for name in names:
        own = {name: parts(name)}
        for kind, cls in ALONE.items():
            if (kind, name, seed) not in log.done:
                encoder = {"encoder": "bilstm"} if kind == "bilstm" else {}
                model = classifier(own, seed, cls, **{**settings, **encoder})
                seconds = fit(model, own)
                figures = accuracies(model, own)
                log([kind, name, seed], accuracy=figures, seconds=seconds, epochs=model.n_iter_)
                log.done.add((kind, name, seed))
        if ("linear", name, 0) not in log.done:
            linear = make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LinearSVC()
            )
            X, y = own[name]["test"]
            score = linear.fit(own[name]["X"], own[name]["y"]).score(X, y)
            log(["linear", name, 0], accuracy={name: score})
            log.done.add(("linear", name, 0))


def table_4(case: str, seed: int, log: Log, settings: dict[str, Any]) -> None:
    """Cold Update (which is Table 3's multi-task column), Before, Hot and Zero Update."""
    tasks = {name: parts(name) for name in CASES[case]}
    if ("cold", case, seed) not in log.done:
        model = classifier(tasks, seed, **settings)
        seconds = fit(model, tasks)
        log(
            ["cold", case, seed],
            accuracy=accuracies(model, tasks),
            seconds=seconds,
            epochs=model.n_iter_,
        )
    if ("zero", case, seed) not in log.done:
        updates(case, tasks, seed, log, settings)


def updates(
    case: str, tasks: dict[str, Any], seed: int, log: Log, settings: dict[str, Any]
) -> None:
    """Before, Hot and Zero Update: the last task comes later."""
    *old, new = tasks
    before = {name: tasks[name] for name in old}
    model = classifier(tasks, seed, **settings)
    seconds = fit(model, before)
    log(
        ["before", case, seed],
        accuracy=accuracies(model, tasks),
        seconds=seconds,
        epochs=model.n_iter_,
    )
    texts = tasks[new]["label_texts"]
    start = time.process_time()
    model.add_task(new, classes=list(texts), label_texts=list(texts.values()))
    added = time.process_time() - start
    zero = accuracies(model, tasks)
    start = time.process_time()
    X, y = tasks[new]["X"], tasks[new]["y"]
    order = np.random.RandomState(seed).permutation(len(X))
    goes = [order] * 3 if len(X) / 32 < HOT_STEPS else np.array_split(order, 3)
    for rate, some in zip(HOT_RATES, goes, strict=True):
        model.set_params(learning_rate=rate)
        model.partial_fit([X[i] for i in some], y[some], task=new)
    seconds = time.process_time() - start
    log(
        ["hot", case, seed],
        accuracy=accuracies(model, tasks),
        seconds=seconds,
        samples=sum(map(len, goes)),
    )
    log(["zero", case, seed], accuracy=zero, seconds=added)


def table_5(seed: int, log: Log, settings: dict[str, Any]) -> None:
    """The multi-task systems of the literature over the four domains, trained as MTLE is."""
    tasks = {name: parts(name) for name in DOMAINS}
    for name, preset in PRESETS.items():
        if (name, "domains", seed) not in log.done:
            model = classifier(tasks, seed, **{**settings, **preset})
            seconds = fit(model, tasks)
            log(
                [name, "domains", seed],
                accuracy=accuracies(model, tasks),
                seconds=seconds,
                epochs=model.n_iter_,
            )


def as_printed(seed: int, log: Log, settings: dict[str, Any]) -> None:
    """The four domains together, with the settings of the paper."""
    if ("paper", "domains", seed) not in log.done:
        tasks = {name: parts(name) for name in DOMAINS}
        model = classifier(tasks, seed, **{**PAPER_SETTINGS, "embedding_dim": 100, **settings})
        seconds = fit(model, tasks)
        log(
            ["paper", "domains", seed],
            accuracy=accuracies(model, tasks),
            seconds=seconds,
            epochs=model.n_iter_,
            best_epoch=model.best_epoch_,
            valid_scores=[round(row["valid_score"], 4) for row in model.history_],
        )


def unseen(seed: int, log: Log, settings: dict[str, Any]) -> None:
    """Labels of which nothing was seen: every fourth of the newsgroups."""
    every = sorted(parts("20newsgroups")["label_texts"])
    groups = every[::4]
    if ON == "dev":  # other five; those of the test are not even looked at
        every = [name for name in every if name not in groups]
        groups = every[::3]
    new = newsgroups(groups)
    seen = newsgroups([name for name in every if name not in groups])
    tasks = {"20newsgroups": seen, "dbpedia_sub": parts("dbpedia_sub")}
    y = new["test"][1]
    if ("constant", "unseen", 0) not in log.done:
        best = max(Counter(y).values()) / len(y)
        log(["constant", "unseen", 0], accuracy={"five groups": best})
        log(["cosine", "unseen", 0], accuracy={"five groups": cosine_baseline(new)})
        log.done.add(("constant", "unseen", 0))
    for encoder in UNSEEN_ENCODERS:
        if (f"zero {encoder}", "unseen", seed) in log.done:
            continue
        model = classifier(tasks, seed, **{**settings, "encoder": encoder})
        seconds = fit(model, tasks)
        model.add_task("five groups", classes=groups, label_texts=new["label_texts"])
        figures = accuracies(model, {**tasks, "five groups": new})
        X, truth = new["test"]
        assert figures["five groups"] == accuracy_score(truth, model.predict(X, "five groups"))
        log(
            [f"zero {encoder}", "unseen", seed],
            accuracy=figures,
            seconds=seconds,
            epochs=model.n_iter_,
        )


def pairs(seed: int, log: Log, settings: dict[str, Any]) -> None:
    """Figure 4: every two of the four domains together."""
    for pair in combinations(DOMAINS, 2):
        if ("pair", "+".join(pair), seed) not in log.done:
            tasks = {name: parts(name) for name in pair}
            model = classifier(tasks, seed, **settings)
            seconds = fit(model, tasks)
            figures = accuracies(model, tasks)
            log(
                ["pair", "+".join(pair), seed],
                accuracy=figures,
                seconds=seconds,
                epochs=model.n_iter_,
            )


def main() -> None:
    """Make the runs that are missing."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*CASES, "pairs", "systems", "unseen"]
    options.add_argument("--cases", nargs="+", choices=[*every, "paper", "short"], default=every)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="other settings of the classifier",
    )
    options.add_argument("--out", type=Path, default=HERE / "results" / "multi_task.jsonl")
    options.add_argument("--alone", nargs="*", choices=ALONE, default=list(ALONE))
    options.add_argument("--on", choices=["dev", "test"], default="test")
    chosen = options.parse_args()
    global ON
    ON = chosen.on
    assert (ON == "dev") == chosen.out.stem.endswith("dev"), "--out NAME_dev.jsonl is for --on dev"
    for kind in set(ALONE) - set(chosen.alone):
        del ALONE[kind]
    torch.set_num_threads(1)
    settings = {
        name: ast.literal_eval(value) for name, value in (pair.split("=", 1) for pair in chosen.set)
    }
    log = Log(chosen.out, settings)
    for seed in chosen.seeds:
        for case in chosen.cases:
            if case in CASES:
                table_4(case, seed, log, settings)
                table_3(CASES[case], seed, log, settings)
            elif case == "short":
                table_3(SHORT, seed, log, settings)
            elif case == "pairs":
                pairs(seed, log, settings)
            elif case == "systems":
                table_5(seed, log, settings)
            elif case == "paper":
                as_printed(seed, log, settings)
            else:
                unseen(seed, log, settings)


if __name__ == "__main__":
    main()
