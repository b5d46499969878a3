"""What the speed benchmarks share: interleaved timing, real text, and the files a script leaves."""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils import Bunch

import sklabelemb
from sklabelemb.datasets import load_folder, load_support_requests
from sklabelemb.leam import LEAMClassifier
from sklabelemb.leam.recipe import LEAMRecipe
from sklabelemb.learning import Task, TextDataset, TextNet
from sklabelemb.learning.build import make_net
from sklabelemb.learning.optimizers import sparse_pays
from sklabelemb.targets import Targets
from sklabelemb.text import Tokenizer, Vocabulary

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"


def parser(doc: str, repetitions: int = 7) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--repetitions", type=int, default=repetitions)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    options.add_argument("--results", type=Path, default=HERE / "results")
    return options


# -- timing ------------------------------------------------------------------------------------


def interleaved(
    tasks: dict[Any, Callable[[], Any]],
    repetitions: int,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Any, list[float]]:
    """Seconds of every task in every round; a round runs each task once, one after the other.

    Whatever slows the machine down for a while then slows all tasks down alike. With
    ``clock=time.process_time`` they are seconds of the processor: on a busy machine fairer still,
    for one thread.
    """
    for _ in range(warmup):
        for task in tasks.values():
            task()
    seconds: dict[Any, list[float]] = {name: [] for name in tasks}
    for _ in range(repetitions):
        for name, task in tasks.items():
            gc.collect()
            start = clock()
            task()
            seconds[name].append(clock() - start)
    return seconds


def spread(values: Sequence[float], factor: float = 1.0) -> dict[str, float]:
    """Median, minimum and quartiles, to four significant digits."""
    array = np.asarray(values, dtype=float) * factor
    figures = {
        "median": np.median(array),
        "min": array.min(),
        "q1": np.quantile(array, 0.25),
        "q3": np.quantile(array, 0.75),
    }
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> dict[str, float]:
    """Spread of the ratios, each of two neighbouring runs."""
    return spread(np.divide(numerator, denominator))


# -- text and training steps ---------------------------------------------------------------------


def corpus(name: str, data: Path, split: str = "train", subset: int | None = None) -> Bunch:
    """A dataset, or where it is not at hand, the corpus that ships with the package, repeated.

    With `subset`, at most this many texts of it, drawn at random.
    """
    if (data / name).is_dir():
        bunch = load_folder(data / name, split=split)
        bunch.name = name
    else:
        bunch = _shipped()
    if subset and len(bunch.data) > subset:
        chosen = np.random.default_rng(0).permutation(len(bunch.data))[:subset]
        bunch.data = [bunch.data[i] for i in chosen]
        bunch.target = bunch.target[chosen]
    return bunch


def _shipped() -> Bunch:
    bunch = load_support_requests()
    times = -(-8000 // len(bunch.data))
    bunch.data = list(bunch.data) * times
    bunch.target = np.tile(bunch.target, (times, 1))
    bunch.name = f"support_requests x {times}"
    return bunch


def encoded(
    texts: Sequence[str], y: Any, max_features: int | None = None, max_length: int | None = None
) -> tuple[Targets, Vocabulary, TextDataset]:
    """Texts and targets as `LEAMClassifier.fit` hands them to its net."""
    vocabulary, ids = Vocabulary.build(
        list(texts), Tokenizer(), max_features=max_features, max_length=max_length
    )
    targets = Targets.infer(y)
    return targets, vocabulary, TextDataset(ids, targets.encode(y))


def training_net(
    model: LEAMClassifier,
    targets: Targets,
    vocabulary: Vocabulary,
    n_words: int | None = None,
    sparse: bool | None = None,
) -> TextNet:
    """The net that `model.fit` would train, also with another number of words or optimiser."""
    if n_words is None:
        n_words = len(vocabulary)
    recipe = LEAMRecipe.of(model.get_params(deep=False))
    tasks = {"default": Task("default", targets)}
    # The options ask the vocabulary for nothing but its size.
    options = recipe.options(tasks, range(n_words))  # type: ignore[arg-type]
    options["sparse"] = sparse_pays(n_words, model.embedding_dim) if sparse is None else sparse
    net = make_net(recipe, options, tasks, "cpu")
    net.notify("on_train_begin", X=None, y=None)
    net.module_.train()
    return net


# -- results -------------------------------------------------------------------------------------


def machine(threads: int) -> dict[str, Any]:
    """What the figures depend on, and nothing that names the machine."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads,
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "sklabelemb": sklabelemb.__version__,
        "date": datetime.date.today().isoformat(),
    }


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A simple reST table."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    return "\n".join([rule, lines[0].rstrip(), rule, *(x.rstrip() for x in lines[1:]), rule, ""])


def report(
    name: str,
    question: str,
    host: dict[str, Any],
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    figures: dict[str, Any],
    arguments: argparse.Namespace,
    notes: Sequence[str] = (),
) -> None:
    """Write ``NAME.json`` and ``NAME.rst``, and print the table."""
    folder: Path = arguments.results
    folder.mkdir(parents=True, exist_ok=True)
    settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
    content = {"question": question, "machine": host, "settings": settings, **figures}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    where = (
        f"{host['processor']}, {host['cores']} cores, {host['threads']} threads, "
        f"torch {host['torch']}, {host['date']}."
    )
    script = Path(sys.argv[0]).name
    text = "\n".join([f".. Written by benchmarks/{script}.", "", table(header, rows)])
    text += "\n" + "\n".join([*(f"{note}\n" for note in notes), where, ""])
    (folder / f"{name}.rst").write_text(text)
    print(f"{question}\n\n{text}", flush=True)
