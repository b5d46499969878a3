"""What does `LEAMClassifier.fit` cost beyond the bare torch loop?

Both train the same module on the same batches (length buckets) with the same optimiser, schedule
and random numbers, and must end with the same weights, bit for bit. Nothing is held out and there
is no wide path, so all that `fit` adds is scikit-learn's and skorch's bookkeeping. Tokenising and
the vocabulary are timed apart.

    python benchmarks/fit_overhead.py
    python benchmarks/fit_overhead.py --subset 2000 --epochs 1
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import measure
import numpy as np
import torch

from sklabelemb.leam import LEAMClassifier
from sklabelemb.leam.network import LEAM
from sklabelemb.leam.recipe import LEAMRecipe
from sklabelemb.learning import LengthBuckets, TaskDatasets, TextDataset, TextNet
from sklabelemb.learning.losses import LabelLoss
from sklabelemb.learning.optimizers import SplitAdam

Snapshot = tuple[LEAM, TextDataset, torch.Tensor]


BATCH_SIZE = 100


def bare_loop(model: LEAMClassifier, network: LEAM, data: TextDataset, state: torch.Tensor) -> None:
    """Train as one would without scikit-learn and skorch."""
    criterion = LabelLoss(multilabel=True)
    table = network.embedding.weight
    groups: list[dict[str, Any]] = [{"params": list(network.parameters())}]
    if network.embedding.sparse:
        others = [p for p in network.parameters() if p is not table]
        groups = [{"params": [table], "sparse": True}, {"params": others}]
    optimizer = SplitAdam(groups, lr=model.learning_rate, weight_decay=model.weight_decay)
    buckets = LengthBuckets(data, BATCH_SIZE, shuffle=True)
    n_steps = len(buckets) * model.max_epochs
    warmup = max(1, round(model.warmup * n_steps))
    step = 0
    torch.set_rng_state(state)
    for _ in range(model.max_epochs):
        network.train()
        for inputs, target in buckets:
            rate = min((step + 1) / warmup, max(0.0, (n_steps - step) / max(1, n_steps - warmup)))
            for group in optimizer.param_groups:
                group["lr"] = model.learning_rate * rate
            optimizer.zero_grad()
            loss = criterion(network(**inputs), target)
            loss.backward()
            optimizer.step()
            step += 1


def main() -> None:
    parser = measure.parser(__doc__, repetitions=5)
    parser.add_argument("--dataset", default="reuters21578")
    parser.add_argument("--subset", type=int, help="at most this many texts")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    bunch = measure.corpus(arguments.dataset, arguments.data, subset=arguments.subset)
    X, y = bunch.data, bunch.target

    # Without a validation fraction nothing is held out.
    model = LEAMClassifier(
        wide=False,
        validation_fraction=0.0,
        patience=None,
        label_texts=bunch.label_texts,
        max_epochs=arguments.epochs,
        batch_size=BATCH_SIZE,
        random_state=0,
    )
    parts: dict[str, list[float]] = {"fit": [], "tokenising": [], "training": [], "bare": []}
    snapshot: list[Snapshot] = []
    final: dict[str, dict[str, torch.Tensor]] = {}

    @contextlib.contextmanager
    def timed(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        parts[name].append(time.perf_counter() - start)

    def train_on(net: TextNet, train: TaskDatasets, *args: Any, **kwargs: Any) -> None:
        if not snapshot:
            [data] = train.parts
            snapshot.append((copy.deepcopy(net.module_), data, torch.get_rng_state()))
        with timed("training"):
            original_train_on(net, train, *args, **kwargs)

    def words(recipe: LEAMRecipe, *args: Any) -> Any:
        with timed("tokenising"):
            return original_words(recipe, *args)

    original_train_on, original_words = TextNet.train_on, LEAMRecipe.words

    def ours() -> None:
        with (
            mock.patch.object(TextNet, "train_on", train_on),
            mock.patch.object(LEAMRecipe, "words", words),
            timed("fit"),
        ):
            model.fit(X, y)
        final["fit"] = model.net_.module_.state_dict()

    def theirs() -> None:
        start, data, state = snapshot[0]
        network = copy.deepcopy(start)
        with timed("bare"):
            bare_loop(model, network, data, state)
        final["bare"] = network.state_dict()

    measure.interleaved({"fit": ours, "bare": theirs}, arguments.repetitions)
    for name, value in final["bare"].items():
        if not torch.equal(value, final["fit"][name]):
            raise AssertionError(f"{name} differs: the two loops do not do the same")
    # The first run of each was the warm-up.
    fit, tokenising, training, loop = (np.array(parts[name][1:]) for name in parts)
    overhead = measure.ratio(training, loop)
    whole = measure.ratio(fit - tokenising, loop)
    steps = len(LengthBuckets(snapshot[0][1], BATCH_SIZE)) * arguments.epochs
    figures = {
        "corpus": bunch.name,
        "texts": len(X),
        "steps": steps,
        "seconds": {
            "bare_loop": measure.spread(loop),
            "training_in_fit": measure.spread(training),
            "tokenising_and_vocabulary": measure.spread(tokenising),
            "rest_of_fit": measure.spread(fit - tokenising - training),
            "fit": measure.spread(fit),
        },
        "training_over_bare": overhead,
        "fit_without_tokenising_over_bare": whole,
        "target": 1.10,
    }
    rows = [
        [label, f"{figures['seconds'][key]['median']:.2f}"]
        for key, label in (
            ("bare_loop", "bare torch loop"),
            ("training_in_fit", "the same training inside fit"),
            ("tokenising_and_vocabulary", "tokenising and vocabulary"),
            ("rest_of_fit", "the rest of fit"),
            ("fit", "fit in all"),
        )
    ]
    measure.report(
        "fit_overhead",
        "What does LEAMClassifier.fit cost beyond the bare torch loop?",
        host,
        ["part", "seconds"],
        rows,
        figures,
        arguments,
        [
            f"Training inside fit over bare loop: {overhead['median']:.3f} (quartiles "
            f"{overhead['q1']:.3f}–{overhead['q3']:.3f}); all of fit but the tokenising over bare "
            f"loop: {whole['median']:.3f}. {bunch.name}, {len(X)} texts, {arguments.epochs} "
            f"epochs of {steps // arguments.epochs} steps; medians of {arguments.repetitions} "
            "interleaved runs; both end with the same weights, bit for bit."
        ],
    )


if __name__ == "__main__":
    main()
