"""Does anything but an error of our own come of broken input? Seeded, bounded.

``python benchmarks/robustness.py`` (all of it, some ten minutes) or ``--short`` (what CI runs).

1. Texts of all kinds through tokenizer, vocabulary and ``predict``; files of all kinds through the
   loaders; targets of all kinds through ``fit``.
2. Saved folders of all kinds with bytes flipped, cut or swapped, JSON edited, files exchanged:
   ``load`` refuses them, or gives a model that predicts what the saved one does.
3. ``save`` killed at random moments: the old model loads, or the new one.
4. ``fit`` with skorch's ``Checkpoint`` killed at random moments: an older saved model still loads,
   and the next fit with the same folder of checkpoints gives what a first one does.

``--only "fit killed" --number 50`` runs one part, this many times.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from skorch.callbacks import Checkpoint

from sklabelemb import (
    BinaryRelevance,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
    ThresholdTuner,
    load,
    save,
)
from sklabelemb.datasets import load_table
from sklabelemb.text import Tokenizer

HERE = Path(__file__).resolve().parent
TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "thank you"] * 6
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 6)
TINY = {"embedding_dim": 4, "max_epochs": 1, "random_state": 0, "device": "cpu", "wide": False}
# What the package raises of itself; all else is a crash.
OURS = (ValueError, TypeError, FileNotFoundError, NotADirectoryError, IsADirectoryError)
PIECES = ["", " ", "a", "late", "İ", "ﬁ", "\u200d", "👍", "👨\u200d👩\u200d👧", "漢字", "\ud83d"]
PIECES += [
    "e\u0301",
    "\x00",
    "\x85",
    "\u2028",
    "1,234.5",
    "'",
    "don't",
    "-",
    "\ufeff",
    "\uffff",
    "\U0001d4b3",
]
PIECES += ["\n", "\t", '"', ";", "|", ",", "[", "]", "{", "}", "\\", "#", "\u0600", "\u202e"]


def some_text(rng: random.Random) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.choice([0, 1, 2, 5, 20, 200])))


def count(outcomes: collections.Counter, run: Any) -> Any:
    """Run something, and count what came of it; crashes are kept by their kind and first line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = run()
    except OURS as error:
        outcomes["refused"] += 1
        return error
    except Exception as error:  # a finding
        first = str(error).splitlines()[0][:100] if str(error) else ""
        outcomes[f"CRASH {type(error).__name__}: {first}"] += 1
        return error
    outcomes["fine"] += 1
    return result


# -- inputs ----------------------------------------------------------------------------------------


def texts_and_files(n: int, rng: random.Random) -> collections.Counter:
    outcomes: collections.Counter = collections.Counter()
    models = [
        BinaryRelevance().fit(TEXTS, LABELS),
        LEAMClassifier(**TINY).fit(TEXTS, LABELS),
        MTLEClassifier(**{k: v for k, v in TINY.items() if k != "wide"}).fit(TEXTS, LABELS),
        SemanticUnitSeq2SeqClassifier(**TINY, hidden_size=4, n_layers=1).fit(TEXTS, LABELS),
    ]
    tokenizer = Tokenizer()
    with tempfile.TemporaryDirectory() as parent:
        file = Path(parent, "table")
        for i in range(n):
            kind = i % 4
            if kind == 0:
                text = some_text(rng)
                words = count(outcomes, lambda text=text: tokenizer(text))
                assert all(isinstance(word, str) for word in words)
            elif kind == 1 and i % 40 == 1:
                model = models[(i // 40) % len(models)]
                some = [some_text(rng) for _ in range(5)]
                scores = count(outcomes, lambda m=model, s=some: m.decision_function(s))
                if isinstance(scores, np.ndarray) and not np.isfinite(scores).all():
                    outcomes["NOT FINITE"] += 1
            else:
                file.write_bytes(some_file(rng))
                count(outcomes, lambda: load_table(file, header=rng.choice(["infer", None])))
    return outcomes


def some_file(rng: random.Random) -> bytes:
    """A table that is broken in some way, or in none."""
    cells = [some_text(rng)[:40] for _ in range(8)]
    forms = ["a", "b;c", "['a']", "{'b'}", "[1, 0]", "", "a|b", "(", "[["]
    pairs = [(cell, rng.choice(forms)) for cell in cells[:4]]
    form = rng.randrange(5)
    if form == 0:
        lines = ["text,labels"] + [f"{cell},{label}" for cell, label in pairs]
    elif form == 1:
        lines = [json.dumps({"text": cell, "labels": label}) for cell, label in pairs]
    elif form == 2:
        lines = [f"__label__{label} {cell}" for cell, label in pairs]
    elif form == 3:
        lines = [json.dumps([{"text": cell, "labels": [label]} for cell, label in pairs])]
    else:
        lines = cells
    content = "\n".join(lines).encode(rng.choice(["utf-8", "utf-16"]), "surrogatepass")
    return damaged(content, rng) if rng.random() < 0.5 else content


def targets(n: int, rng: random.Random) -> collections.Counter:
    """Targets of all kinds through fit, predict and score."""
    outcomes: collections.Counter = collections.Counter()
    numbers = np.random.default_rng(rng.randrange(2**32))
    values = [0, 1, True, False, None, float("nan"), "a", "1", 2, -1, 0.5, [], ["a"], {"a"}, b"x"]
    for i in range(n):
        kind = i % 5
        y: Any
        if kind == 0:
            y = [rng.choice(values) for _ in TEXTS]
        elif kind == 1:
            y = [[rng.choice(values[:4] if i % 2 else values) for _ in "abc"] for _ in TEXTS]
        elif kind == 2:
            y = numbers.choice([0, 1, 2], p=[0.5, 0.49, 0.01], size=(len(TEXTS), rng.randrange(5)))
        elif kind == 3:
            y = sp.random(len(TEXTS), 3, density=0.4, format=rng.choice(["csr", "coo", "csc"]))
            y.data = numbers.choice([0.0, 1.0, np.nan], p=[0.3, 0.69, 0.01], size=len(y.data))
        else:
            y = np.array([rng.choice(["a", "b", "c"]) for _ in TEXTS], dtype=object)
            y[rng.randrange(len(y))] = rng.choice(values)
        model = LEAMClassifier(**TINY) if i % 10 == 0 else BinaryRelevance()

        def run(model: Any = model, y: Any = y) -> Any:
            scores = model.fit(TEXTS, y).decision_function(TEXTS)
            assert np.isfinite(scores).all()
            assert 0 <= model.score(TEXTS, y) <= 1

        count(outcomes, run)
    return outcomes


# -- saved folders ---------------------------------------------------------------------------------


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, doubled or swapped."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 3, 10])):
        if not data:
            break
        at, to = rng.randrange(len(data)), rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at : at + rng.choice([1, 2, 50])]
            case 3:
                data[at:at] = data[to : to + rng.choice([1, 8, 100])]
            case _:
                data[at], data[to] = data[to], data[at]
    return bytes(data)


def edited(content: bytes, rng: random.Random, signed: bool) -> bytes:
    """JSON with one value or key changed; `signed`: with the digest of what it says now."""
    from sklabelemb.persistence.files import digest_of

    description = json.loads(content)
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            nodes.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(description)
    node, key = rng.choice(nodes)
    match rng.randrange(4):
        case 0:
            node[key] = rng.choice([None, 0, -1, 1e9, "x", [], {}, True, "../../etc/passwd"])
        case 1:
            other, place = rng.choice(nodes)
            node[key] = json.loads(
                json.dumps(other.get(place) if isinstance(other, dict) else other[place])
            )
        case 2:
            if isinstance(node, dict):
                node[f"{key}_"] = node.pop(key)
            else:
                node.pop(key)
        case _:
            node[key] = {"$estimator": ["LinearSVC", {}]}
    if signed:
        description["digest"] = digest_of(description)
    return json.dumps(description).encode()


def folders(n: int, rng: random.Random) -> collections.Counter:
    outcomes: collections.Counter = collections.Counter()
    leam = LEAMClassifier(**{**TINY, "wide": True}, label_names=["a", "b", "c"]).fit(TEXTS, LABELS)
    models = {
        "leam": leam,
        "mtle": MTLEClassifier(**{k: v for k, v in TINY.items() if k != "wide"}).fit(TEXTS, LABELS),
        "relevance": BinaryRelevance().fit(TEXTS, LABELS),
        "tuner": ThresholdTuner(leam, cv="prefit", random_state=0).fit(TEXTS, LABELS),
    }
    with tempfile.TemporaryDirectory() as parent:
        for name, model in models.items():
            save(model, Path(parent, name))
        wanted = {name: model.predict(TEXTS) for name, model in models.items()}
        scores = {name: model.decision_function(TEXTS) for name, model in models.items()}
        names = list(models)
        for i in range(n):
            name = names[i % len(names)]
            folder = Path(parent, "changed")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(Path(parent, name), folder)
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            file = rng.choice(files)
            # With the digest set right a folder may say another thing; `load` must not crash.
            signed = False
            match rng.randrange(4):
                case 0:
                    other = Path(parent, rng.choice(names), file.name)
                    shutil.copy(other, file)
                case 1 if file.suffix == ".json":
                    signed = file.name == "model.json" and rng.random() < 0.5
                    file.write_bytes(edited(file.read_bytes(), rng, signed))
                case 2:
                    file.unlink()
                case _:
                    file.write_bytes(damaged(file.read_bytes(), rng))
            model = count(outcomes, lambda folder=folder: load(folder))
            if isinstance(model, Exception):
                continue

            def same(model: Any = model, name: str = name) -> bool:
                return np.array_equal(model.predict(TEXTS), wanted[name]) and np.array_equal(
                    model.decision_function(TEXTS), scores[name]
                )

            # Another whole model in its place is no damage.
            known = [other for other in names if type(models[other]) is type(model)]
            answers = [count(collections.Counter(), lambda o=o: same(name=o)) for o in known]
            broken = [a for a in answers if isinstance(a, Exception) and not isinstance(a, OURS)]
            if broken:
                outcomes[f"CRASH in predict: {type(broken[0]).__name__}: {broken[0]}"[:100]] += 1
            elif signed:
                outcomes["with the digest of what it says, loaded"] += 1
            elif not any(answer is True for answer in answers):
                outcomes["loaded, predicts otherwise"] += 1
    return outcomes


def kills(n: int, rng: random.Random) -> collections.Counter:
    """Kill ``save`` at random moments, in a process that is forked for it."""
    outcomes: collections.Counter = collections.Counter()
    old = LEAMClassifier(**TINY).fit(TEXTS, LABELS)
    new = LEAMClassifier(**{**TINY, "random_state": 1}).fit(TEXTS, LABELS)
    answers = {"old": old.decision_function(TEXTS), "new": new.decision_function(TEXTS)}
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "model")
        started = time.perf_counter()
        for _ in range(5):
            save(old, folder, overwrite=True)
        usual = (time.perf_counter() - started) / 5
        for _ in range(n):
            save(old, folder, overwrite=True)
            child = os.fork()
            if child == 0:
                save(new, folder, overwrite=True)
                os._exit(0)
            time.sleep(rng.random() * 3 * usual)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            model = count(collections.Counter(), lambda: load(folder))
            found = "NOTHING LOADS"
            if not isinstance(model, Exception):
                scores = model.decision_function(TEXTS)
                found = next((k for k, v in answers.items() if np.array_equal(v, scores)), "MIXED")
            outcomes[f"{found} model loads" if found in answers else found] += 1
        save(old, folder, overwrite=True)
        left = sorted(path.name for path in Path(parent).iterdir())
        outcomes["nothing is left behind"] += left == ["model"]
    return outcomes


def kills_of_fit(n: int, rng: random.Random) -> collections.Counter:
    """Kill ``fit`` at random moments, in a process that is forked for it, while it saves."""
    outcomes: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as parent:
        folder, checkpoints = Path(parent, "model"), Path(parent, "checkpoints")

        def fit() -> np.ndarray:
            callbacks = [Checkpoint(dirname=checkpoints, monitor=None)]
            settings = {**TINY, "max_epochs": 8, "net_params": {"callbacks": callbacks}}
            return LEAMClassifier(**settings).fit(TEXTS, LABELS).decision_function(TEXTS)

        old = LEAMClassifier(**TINY).fit(TEXTS, LABELS)
        save(old, folder)
        answer = old.decision_function(TEXTS)
        wanted = fit()
        started = time.perf_counter()
        fit()
        usual = time.perf_counter() - started
        for i in range(n):
            if i % 4 == 0:  # else a fit meets what an earlier one left
                shutil.rmtree(checkpoints, ignore_errors=True)
            child = os.fork()
            if child == 0:
                fit()
                os._exit(0)
            time.sleep(rng.random() * 1.2 * usual)
            os.kill(child, signal.SIGKILL)
            killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
            outcomes["killed" if killed else "done before it was killed"] += 1
            outcomes["killed with a checkpoint there"] += killed and any(checkpoints.glob("*.pt"))
            model = count(collections.Counter(), lambda: load(folder))
            same = not isinstance(model, Exception) and np.array_equal(
                model.decision_function(TEXTS), answer
            )
            outcomes["old model loads" if same else "NOTHING LOADS"] += 1
            if i % 10 == 9:
                found = count(collections.Counter(), fit)
                same = np.array_equal(found, wanted)
                outcomes["next fit is as the first" if same else "NOT as the first fit"] += 1
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundredth of it")
    parser.add_argument("--only", help="one part, by name")
    parser.add_argument("--number", type=int, help="how often, with --only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng = random.Random(arguments.seed)
    share = 0.01 if arguments.short else 1.0
    path = arguments.out / "robustness.json"
    found: dict[str, dict[str, int]] = {}
    for name, run, n in (
        ("texts and files", texts_and_files, 20_000),
        ("targets", targets, 2_000),
        ("saved folders", folders, 10_000),
        ("save killed", kills, 200),
        ("fit killed", kills_of_fit, 200),
    ):
        if arguments.only not in (None, name):
            continue
        found[name] = dict(run(arguments.number or max(10, int(n * share)), rng))
        print(name, found[name], flush=True)
    bad = {
        outcome: times
        for outcomes in found.values()
        for outcome, times in outcomes.items()
        if outcome.startswith(("CRASH", "NOT", "MIXED", "loaded"))
    }
    if not arguments.short:
        if arguments.only:
            found = json.loads(path.read_text(encoding="utf-8")) | found
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if bad:
        raise SystemExit(f"found: {bad}")


if __name__ == "__main__":
    main()
