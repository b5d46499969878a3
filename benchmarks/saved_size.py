"""How large is a saved LEAM, and does a smaller one decide as the whole one does?

Fits a LEAM with its defaults to each dataset, saves it with each `dtype` and `prune`, and compares
the decisions on the test texts, of ``sklabelemb.load`` and of ``sklabelemb.serving.load``. Written
to ``results/saved_size.json`` and ``saved_size.rst``.

``--fitted FOLDER`` keeps the whole models there, and takes those that are there already.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from measure import machine, parser, report
from sklearn.metrics import f1_score

from sklabelemb import LEAMClassifier, load, save, serving
from sklabelemb.datasets import load_folder

WAYS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float16": {"dtype": "float16"},
    "float16, prune 0.9": {"dtype": "float16", "prune": 0.9},
    "int8": {"dtype": "int8"},
    "int8, prune 0.8": {"dtype": "int8", "prune": 0.8},
    "int8, prune 0.9": {"dtype": "int8", "prune": 0.9},
    "int8, prune 0.95": {"dtype": "int8", "prune": 0.95},
}


def fitted(name: str, data: Path, kept: Path) -> Any:
    """The model of a dataset, fitted or read."""
    if not (kept / name).is_dir():
        train = load_folder(data / name, split="train")
        save(LEAMClassifier(random_state=0).fit(train.data, train.target), kept / name)
    return load(kept / name)


def figures(model: Any, folder: Path, test: Any, whole: Any) -> dict[str, Any]:
    """Size of a saved model, and how its decisions differ from those of the whole one."""
    start = time.process_time()
    served = serving.load(folder)
    seconds = time.process_time() - start
    small = load(folder)
    decisions = small.predict(test.data)
    truth = test.target
    f1 = f1_score(truth, decisions, average="micro")
    proba = small.predict_proba(test.data)
    return {
        "megabytes": round(sum(p.stat().st_size for p in folder.iterdir()) / 1e6, 2),
        "other_decisions": float(f"{abs(decisions - whole).sum() / np.prod(whole.shape):.3g}"),
        "micro_f1": round(float(f1), 5),
        "micro_f1_of_the_whole": round(float(f1_score(truth, whole, average="micro")), 5),
        "seconds_to_load_for_serving": round(seconds, 3),
        "other_decisions_when_served": int(abs(served.predict(test.data) - decisions).sum()),
        "largest_difference_when_served": float(
            f"{np.abs(served.predict_proba(test.data) - proba).max():.2g}"
        ),
    }


def main() -> None:
    options = parser(__doc__, repetitions=1)
    options.add_argument("--datasets", nargs="+", default=["reuters21578", "goemotions"])
    options.add_argument("--fitted", type=Path, help="folder of the whole models")
    arguments = options.parse_args()
    host = machine(1)
    found: dict[str, Any] = {}
    rows = []
    with TemporaryDirectory() as parent:
        for name in arguments.datasets:
            model = fitted(name, arguments.data, arguments.fitted or Path(parent))
            test = load_folder(arguments.data / name, split="test")
            whole = model.predict(test.data)
            found[name] = {}
            for way, how in WAYS.items():
                folder = Path(parent, f"{name} {way}")
                save(model, folder, **how)
                own = found[name][way] = figures(model, folder, test, whole)
                gain = own["micro_f1"] - own["micro_f1_of_the_whole"]
                rows.append(
                    [
                        name,
                        way,
                        f"{own['megabytes']:.1f}",
                        f"{1e5 * own['other_decisions']:.1f}",
                        f"{gain:+.4f}",
                        own["other_decisions_when_served"],
                        f"{own['largest_difference_when_served']:.0e}",
                    ]
                )
    report(
        "saved_size",
        "How large is a saved LEAM, and does a smaller one decide as the whole one does?",
        host,
        ["dataset", "saved as", "MB", "¹", "micro-F1", "²", "³"],
        rows,
        {"datasets": found},
        arguments,
        [
            "¹ Other decisions than the whole model's, of 100,000 pairs of text and label; of "
            "micro-F1 the difference.",
            "² Other decisions when served in NumPy, of all; ³ the largest difference of a "
            "probability.",
        ],
    )


if __name__ == "__main__":
    main()
