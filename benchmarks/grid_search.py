"""Does a grid search over the window profit from two processes, and what is the best window?

`GridSearchCV` over `window_size`, once in one process with all threads, once in one process a core.
Every scorer call also tells how many threads torch may use where it runs: more than its share of
the cores would mean that the processes fight. A search is many fits, so it is run once a setting.

    python benchmarks/grid_search.py
    python benchmarks/grid_search.py --subset 800 --epochs 2 --folds 2
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import matplotlib
import measure
import numpy as np
import torch
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, KFold

from sklabelemb.leam import LEAMClassifier

matplotlib.use("agg")
import matplotlib.pyplot as plt


def score(model: LEAMClassifier, X: Any, y: Any) -> dict[str, float]:
    """Both F1 scores, and the threads of the process that computes them."""
    prediction = model.predict(X)
    return {
        "micro_f1": f1_score(y, prediction, average="micro", zero_division=0),
        "macro_f1": f1_score(y, prediction, average="macro", zero_division=0),
        "threads": torch.get_num_threads(),
    }


def draw(path: Any, windows: list[int], figures: dict[str, dict[str, list[float]]]) -> None:
    """F1 against r, with one standard deviation over the folds."""
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    places = np.arange(len(windows))
    for shift, (name, label) in zip(
        (-0.04, 0.04), (("micro_f1", "micro-F1"), ("macro_f1", "macro-F1")), strict=True
    ):
        mean, deviation = figures[name]["mean"], figures[name]["std"]
        axes.errorbar(places + shift, mean, deviation, marker="o", capsize=3, label=label)
    axes.set_xticks(places, [str(w) for w in windows])
    axes.set_xlabel("window size r (phrases of 2r + 1 words)")
    axes.set_ylabel("F1, mean ± s.d. over folds")
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    parser = measure.parser(__doc__, repetitions=1)
    parser.add_argument("--dataset", default="reuters21578")
    parser.add_argument("--subset", type=int, default=3000, help="at most this many texts")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--windows", type=int, nargs="+", default=[0, 1, 2, 5, 10, 20])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    host = measure.machine(arguments.threads)
    bunch = measure.corpus(arguments.dataset, arguments.data, subset=arguments.subset)
    X, y = np.array(bunch.data, dtype=object), bunch.target
    y = y[:, np.asarray(y.sum(axis=0)).ravel() >= 2 * arguments.folds]
    # The wide path does not depend on the window.
    model = LEAMClassifier(
        wide=False, label_texts=None, max_epochs=arguments.epochs, random_state=0
    )
    folds = KFold(arguments.folds, shuffle=True, random_state=0)
    searches: dict[Any, GridSearchCV] = {}

    def search(jobs: int, name: Any = None, **parameters: Any) -> None:
        grid = {"window_size": arguments.windows}
        made = clone(model).set_params(**parameters)
        searches[name or jobs] = GridSearchCV(
            made, grid, scoring=score, refit=False, cv=folds, n_jobs=jobs, error_score="raise"
        ).fit(X, y)

    def search_with_memory() -> None:
        with tempfile.TemporaryDirectory() as folder:
            search(1, "memory", wide=True, memory=folder)

    start = time.perf_counter()
    seconds = measure.interleaved(
        {
            "1": lambda: search(1),
            str(arguments.jobs): lambda: search(arguments.jobs),
            "wide": lambda: search(1, "wide", wide=True),
            "memory": search_with_memory,
        },
        arguments.repetitions,
        warmup=0,
    )
    print(f"all searches: {time.perf_counter() - start:.0f} s", flush=True)

    def per_fold(jobs: Any, name: str) -> np.ndarray:
        results = searches[jobs].cv_results_
        return np.array([results[f"split{i}_test_{name}"] for i in range(arguments.folds)])

    curves = {
        name: {
            "mean": np.round(per_fold(1, name).mean(axis=0), 4).tolist(),
            "std": np.round(per_fold(1, name).std(axis=0, ddof=1), 4).tolist(),
        }
        for name in ("micro_f1", "macro_f1")
    }
    threads = {jobs: int(per_fold(jobs, "threads").max()) for jobs in (1, arguments.jobs)}
    allowed = max(1, host["cores"] // arguments.jobs)
    difference = float(np.abs(per_fold(1, "micro_f1") - per_fold(arguments.jobs, "micro_f1")).max())
    fits = arguments.folds * len(arguments.windows)
    over = measure.ratio(seconds["1"], seconds[str(arguments.jobs)])
    shared = measure.ratio(seconds["wide"], seconds["memory"])
    same = bool((per_fold("wide", "micro_f1") == per_fold("memory", "micro_f1")).all())
    arguments.results.mkdir(parents=True, exist_ok=True)
    draw(arguments.results / "grid_search.png", arguments.windows, curves)
    notes = [
        f"Seconds of {fits} fits; {arguments.jobs} processes are {over['median']:.2f} times as "
        "fast as one; largest difference of a micro-F1 between the two searches: "
        f"{difference:.4f}. "
        "With the linear path (wide=True) and one process the search took "
        f"{np.median(seconds['wide']):.0f} s, and {np.median(seconds['memory']):.0f} s with "
        f"memory=, {shared['median']:.2f} times as fast, with "
        f"{'the same' if same else 'OTHER'} scores. "
        f"{bunch.name}, {len(X):,} texts, {y.shape[1]} labels, {arguments.epochs} epochs, "
        f"{arguments.folds} folds.",
        measure.table(
            ["r", "micro-F1", "macro-F1"],
            [
                [
                    window,
                    *(
                        f"{curves[name]['mean'][i]:.3f} ± {curves[name]['std'][i]:.3f}"
                        for name in curves
                    ),
                ]
                for i, window in enumerate(arguments.windows)
            ],
        ),
    ]
    measure.report(
        "grid_search",
        "Does a grid search profit from two processes, and which window is best?",
        host,
        ["n_jobs", "seconds", "torch threads in a process"],
        [
            [jobs, f"{np.median(seconds[str(jobs)]):.1f}", threads[jobs]]
            for jobs in (1, arguments.jobs)
        ],
        {
            "corpus": bunch.name,
            "texts": len(X),
            "labels": int(y.shape[1]),
            "fits": fits,
            "seconds": {jobs: measure.spread(values) for jobs, values in seconds.items()},
            "speedup": over,
            "threads_per_process": threads,
            "threads_allowed": allowed,
            "largest_difference_micro_f1": difference,
            "windows": arguments.windows,
            **curves,
        },
        arguments,
        notes,
    )
    if threads[arguments.jobs] > allowed:
        raise SystemExit(f"{threads[arguments.jobs]} threads in a worker, {allowed} allowed")


if __name__ == "__main__":
    main()
