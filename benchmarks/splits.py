"""How long do stratified folds of label sets take, and how good are they?

Five shuffled folds by MultilabelStratifiedKFold, which works on the sparse indicator, and by the
same algorithm in iterative-stratification, which works on a dense one; KFold, which does not look
at the labels, is there for comparison. LD is the label distribution of Sechidis et al. (2011),
section 4: how far the odds of a label in a fold are from those in the whole, averaged over labels
and folds (labels that occur; smaller is better). A pair is missing when a fold has no sample of a
label that occurs. Only the labels are read, not the texts.

    OMP_NUM_THREADS=1 python benchmarks/splits.py
"""

from __future__ import annotations

import json
import lzma
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import iterstrat.ml_stratifiers
import measure
import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold

from sklabelemb.model_selection import MultilabelStratifiedKFold

FOLDS = 5


def read_labels(folder: Path) -> sp.csr_matrix:
    """The indicator of the training split, columns in the order of labels.json."""
    names = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    columns = {name: column for column, name in enumerate(names)}
    with lzma.open(folder / "train.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [sorted({columns[label] for label in json.loads(line)["labels"]}) for line in file]
    indices = np.concatenate([np.array(row, dtype=int) for row in rows])
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return sp.csr_matrix((np.ones(len(indices), np.int8), indices, indptr), (len(rows), len(names)))


def synthetic(n_samples: int = 45_000, n_labels: int = 400, per_text: int = 5) -> sp.csr_matrix:
    """Labels as skewed as those of real texts: the k-th is the rarer, the larger k."""
    random = np.random.default_rng(0)
    columns = (n_labels * random.uniform(size=n_samples * per_text) ** 3).astype(int)
    rows = np.repeat(np.arange(n_samples), per_text)
    y = sp.csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), (n_samples, n_labels))
    y.data[:] = 1
    return y


def label_deviation(y: sp.csr_matrix, tests: list[np.ndarray]) -> float:
    """LD of Sechidis et al. (2011) over the labels that occur, and not everywhere."""
    counts = np.asarray(y.sum(axis=0, dtype=float)).ravel()
    varied = (counts > 0) & (counts < y.shape[0])
    whole = (counts / (y.shape[0] - counts))[varied]
    found = [np.asarray(y[test].sum(axis=0, dtype=float)).ravel()[varied] for test in tests]
    odds = [f / (len(test) - f) for f, test in zip(found, tests, strict=True)]
    return float(np.mean(np.abs(np.array(odds) - whole)))


def missing_pairs(y: sp.csr_matrix, tests: list[np.ndarray]) -> int:
    """Pairs of a fold and a label that occurs, without a sample."""
    occurring = np.asarray(y.sum(axis=0, dtype=int)).ravel() > 0
    return sum(
        int(np.sum(np.asarray(y[test].sum(axis=0, dtype=int)).ravel()[occurring] == 0))
        for test in tests
    )


def limited(task: Callable[[], Any], seconds: int) -> Any:
    """What `task` returns, or None when it takes longer than `seconds`."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return task()
    except TimeoutError:
        return None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def figures(
    y: sp.csr_matrix, run: Callable[[], list[np.ndarray]], repetitions: int, limit: int
) -> dict[str, Any]:
    """Time and quality of one way to make folds; a run of more than ten seconds is not repeated."""
    seconds: list[float] = []
    tests: list[np.ndarray] | None = None
    while len(seconds) < repetitions and sum(seconds) < 10:
        start = time.perf_counter()
        tests = limited(run, limit)
        seconds.append(time.perf_counter() - start)
        if tests is None:
            return {"stopped_after_seconds": limit}
    assert tests is not None
    return {
        "seconds": measure.spread(seconds),
        "runs": len(seconds),
        "LD": label_deviation(y, tests),
        "missing_pairs": missing_pairs(y, tests),
        "fold_sizes": [len(test) for test in tests],
    }


def main() -> None:
    parser = measure.parser(__doc__, repetitions=3)
    parser.add_argument("--limit", type=int, default=300, help="seconds for one run")
    parser.set_defaults(threads=1)
    arguments = parser.parse_args()
    host = measure.machine(arguments.threads)
    corpora: dict[str, Callable[[], sp.csr_matrix]] = {
        name: lambda name=name: read_labels(arguments.data / name)
        for name in ("reuters21578", "aapd", "eurlex57k")
        if (arguments.data / name).is_dir()
    }

    def frequent() -> sp.csr_matrix:
        y = corpora["eurlex57k"]()
        counts = np.asarray(y.sum(axis=0, dtype=int)).ravel()
        return y[:, np.sort(np.argsort(-counts, kind="stable")[:400])].tocsr()

    cases = {**corpora, "synthetic": synthetic}
    if "eurlex57k" in corpora:
        cases["eurlex57k, its 400 most frequent labels"] = frequent
        cases["eurlex57k"] = cases.pop("eurlex57k")  # the longest comes last
    entries, rows = [], []
    for name, make in cases.items():
        y = make()
        length = range(y.shape[0])

        def sparse(y: sp.csr_matrix = y, length: range = length) -> list[np.ndarray]:
            splitter = MultilabelStratifiedKFold(FOLDS, shuffle=True, random_state=0)
            return [test for _, test in splitter.split(length, y)]

        def library(y: sp.csr_matrix = y, length: range = length) -> list[np.ndarray]:
            splitter = iterstrat.ml_stratifiers.MultilabelStratifiedKFold(
                FOLDS, shuffle=True, random_state=0
            )
            return [test for _, test in splitter.split(length, y.toarray())]

        def plain(length: range = length) -> list[np.ndarray]:
            return [t for _, t in KFold(FOLDS, shuffle=True, random_state=0).split(length)]

        entry: dict[str, Any] = {
            "labels_of": name,
            "samples": y.shape[0],
            "labels": y.shape[1],
            "labels_that_occur": len(np.unique(y.indices)),
            "labels_per_sample": round(y.nnz / y.shape[0], 3),
        }
        for way, run in {"sparse": sparse, "library": library, "KFold": plain}.items():
            entry[way] = result = figures(y, run, arguments.repetitions, arguments.limit)
            if "seconds" in result:
                sizes = result["fold_sizes"]
                cells = [
                    f"{result['seconds']['median']:.3g}",
                    f"{result['LD']:.2e}",
                    result["missing_pairs"],
                    f"{min(sizes)}–{max(sizes)}",
                ]
            else:
                cells = [f"stopped after {arguments.limit}", "–", "–", "–"]
            shape = f"{y.shape[0]:,} × {y.shape[1]:,}"
            rows.append([name, shape, way, *cells])
            print(*rows[-1], flush=True)
        entries.append(entry)
    measure.report(
        "splits",
        "How long do stratified folds of label sets take, and how good are they?",
        host,
        ["labels of", "samples × labels", "way", "seconds", "LD", "missing", "fold sizes"],
        rows,
        {"folds": FOLDS, "cases": entries},
        arguments,
        [
            f"{FOLDS} shuffled folds. sparse: MultilabelStratifiedKFold; library: "
            "iterative-stratification, the indicator made dense in that time; KFold: without a "
            f"look at the labels. Medians of {arguments.repetitions} runs, of one where it takes "
            "more than 10 seconds.",
            "LD: label distribution (Sechidis et al., 2011), smaller is better; missing: pairs of "
            "a fold and a label that occurs, without a sample.",
        ],
    )


if __name__ == "__main__":
    main()
