"""Does a fit take as long as in another checkout? Both in one process, in alternation.

``git worktree add ../before COMMIT`` and ``python benchmarks/two_checkouts.py ../before``. Seconds
of the processor, one thread, after a warm-up; the ratio is here over there, fit by fit.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parents[1]
FITS = {
    "LEAMClassifier": {},
    "MTLEClassifier": {},
    "SemanticUnitSeq2SeqClassifier": {"max_epochs": 1},
}


def package(checkout: Path) -> Any:
    """The package of a checkout, whatever other one has been imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "sklabelemb"]:
        del sys.modules[name]
    sys.path.insert(0, str(checkout))
    try:
        found = importlib.import_module("sklabelemb")
        # The public names are looked up when they are first used.
        classes = {name: getattr(found, name) for name in FITS}
        return classes, importlib.import_module("sklabelemb.datasets").load_folder
    finally:
        sys.path.pop(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--corpus", default="goemotions")
    parser.add_argument("--texts", type=int, default=6000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["LEAMClassifier", "MTLEClassifier"])
    parser.add_argument("--out", type=Path, default=HERE / "benchmarks" / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    there, _ = package(arguments.other.resolve())
    here, load_folder = package(HERE)
    bunch = load_folder(HERE.parent / "shared" / "data" / arguments.corpus, split="train")
    chosen = np.random.default_rng(0).permutation(len(bunch.data))[: arguments.texts]
    texts, y = [bunch.data[i] for i in chosen], bunch.target[chosen]
    rows = []
    for name in arguments.only:
        seconds: dict[str, list[float]] = {"here": [], "there": []}
        for repetition in range(arguments.repetitions + 1):
            for where, classes in (("here", here), ("there", there)):
                model = classes[name](device="cpu", random_state=0, **FITS[name])
                start = time.process_time()
                model.fit(texts, y)
                if repetition:
                    seconds[where].append(time.process_time() - start)
        ratios = np.divide(seconds["here"], seconds["there"])
        rows.append(
            {
                "classifier": name,
                "corpus": arguments.corpus,
                "texts": len(texts),
                "ratio": round(float(np.median(ratios)), 3),
                "ratios": ratios.round(3).tolist(),
                "seconds_here": np.round(seconds["here"], 1).tolist(),
                "seconds_there": np.round(seconds["there"], 1).tolist(),
            }
        )
        print(rows[-1], flush=True)
    (arguments.out / "two_checkouts.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
