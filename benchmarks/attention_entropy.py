"""Does the attention attend? Its entropy relative to uniform, with and without a learned scale.

python benchmarks/attention_entropy.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import load, scores

from sklabelemb.leam import LEAMClassifier

RESULTS = Path(__file__).resolve().parent / "results"
SETTINGS: dict[str, dict[str, Any]] = {
    "label-wise, learned scale": {},
    "label-wise, scale 1": {"attention_scale": 1.0},
    "shared, scale 1, r = 50": {"attention": "shared", "attention_scale": 1.0, "window_size": 50},
}


def relative_entropy(model: LEAMClassifier, texts: list[str]) -> float:
    """Mean entropy of the attention over the texts' labels, 1 being uniform."""
    ratios = []
    for explanation in model.explain(texts):
        n_tokens = len(explanation.tokens)
        if n_tokens > 3:
            beta = np.clip(explanation.attention, 1e-12, 1)
            ratios.append(-(beta * np.log(beta)).sum(axis=0).mean() / np.log(n_tokens))
    return float(np.mean(ratios))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["goemotions", "ohsumed"])
    parser.add_argument("--texts", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs, rows = [], []
    for name in arguments.datasets:
        X, y, X_eval, y_eval, label_texts = load(name, "dev", None)
        for setting, parameters in SETTINGS.items():
            model = LEAMClassifier(
                wide=False, label_texts=label_texts, random_state=0, **parameters
            ).fit(X, y)
            entropy = relative_entropy(model, list(X_eval[: arguments.texts]))
            figures = scores(y_eval, model.predict(X_eval))
            scale = float(model.net_.module_.log_scale.detach().exp())
            runs.append(
                {"dataset": name, "setting": setting, "entropy": entropy, "scale": scale, **figures}
            )
            f1 = f"{figures['micro_f1']:.3f} / {figures['macro_f1']:.3f}"
            rows.append([name, setting, f"{scale:.2f}", f"{entropy:.3f}", f1])
            print(*rows[-1], flush=True)
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [["dataset", "attention", "scale", "entropy / uniform", "micro / macro"], *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    (RESULTS / "attention_entropy.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / "attention_entropy.json").write_text(json.dumps(runs, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
