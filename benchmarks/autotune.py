"""What autotune tries and finds on a sample of goemotions, within some minutes.

python benchmarks/autotune.py [--minutes 4] [--texts 6000]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sklabelemb import autotune
from sklabelemb.datasets import load_folder
from sklabelemb.metrics import SCORERS

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=str(SHARED / "goemotions"))
    parser.add_argument("--texts", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--encoder")
    options = parser.parse_args()
    train, test = (load_folder(options.data, split=name) for name in ("train", "test"))
    found = autotune(
        train.data[: options.texts],
        train.target[: options.texts],
        label_names=train.target_names,
        minutes=options.minutes,
        encoder=options.encoder,
        verbose=True,
    )
    print(found)
    print(f"On test: {SCORERS['f1_micro'](found.estimator, test.data, test.target):.3f}")


if __name__ == "__main__":
    main()
