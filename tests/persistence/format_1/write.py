"""Writes the folders beside it; they were written with commit 3c2f84a, the last of format 1.

Those of ``format_2`` were written in the same way with commit b3a8384, the last of format 2, those
of ``format_3`` with commit e9d1c6f, the last of format 3, and those of ``format_4``, ``format_5``
and ``format_6`` with commits 89944ef, dccf579 and d0f6c69, which wrote these.

``python tests/persistence/format_1/write.py`` from the root of the checkout. Each folder has an
``answers.json`` beside the three files of a model: what it said on the machine that wrote it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from sklabelemb import (
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
    save,
)

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "café 包裹 🙂"] * 10
UNSEEN = ["is my parcels late", "refunds 包裹 café", "", "qwertz", "due due late"]
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 10)
NAMED = pd.DataFrame(LABELS, columns=["delivery", "refund", "other"])
CLASSES = np.array(["delivery", "refund", "other"])[LABELS.argmax(axis=1)]
COMMON = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}
COMMON |= {"validation_fraction": 0.3}
ENCODER = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 32}
OPINION = {"pro": "good moving loved", "con": "bad dull long"}


def models() -> dict[str, object]:
    """A fitted model of each kind."""
    small = {**COMMON, "embedding_dim": 6, "learning_rate": 0.05}
    units = {**small, "hidden_size": 6, "n_layers": 1, "beam_size": 2}
    tasks = MTLEClassifier(**small, hidden_size=4, label_texts={"books": OPINION})
    tasks.fit_tasks({"books": (TEXTS, ["pro", "con"] * 20), "support": (TEXTS, NAMED)})
    tasks.add_task("music", ["hit", "miss"], ["loved", "dull"])
    joint = {**COMMON, "encoder": ENCODER, "learning_rate": 0.05}
    return {
        "leam_labels": LEAMClassifier(**small).fit(TEXTS, NAMED),
        "leam_classes": LEAMClassifier(**small, wide=False, max_length=3).fit(TEXTS, CLASSES),
        "mtle_labels": MTLEClassifier(**small, encoder="mean", class_weight="balanced").fit(
            TEXTS, LABELS
        ),
        "mtle_tasks": tasks,
        "semantic_unit_labels": SemanticUnitSeq2SeqClassifier(**units).fit(TEXTS, NAMED),
        "semantic_unit_classes": SemanticUnitSeq2SeqClassifier(**units, wide=False).fit(
            TEXTS, CLASSES
        ),
        "laco_labels": LACOClassifier(**joint, max_length=4).fit(TEXTS, NAMED),
        "laco_classes": LACOClassifier(**joint, wide=False).fit(TEXTS, CLASSES),
    }


def answers(model: object) -> dict[str, object]:
    """Logits and predictions, by task."""
    tasks = getattr(model, "tasks_", {"default": None})
    found = {}
    for task in tasks:
        named = {} if task == "default" else {"task": task}
        found[str(task)] = {
            "decision_function": model.decision_function(UNSEEN, **named).tolist(),
            "predict": np.asarray(model.predict(UNSEEN, **named)).tolist(),
        }
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    here = Path(__file__).parent
    for name, model in models().items():
        save(model, here / name)
        (here / name / "answers.json").write_text(json.dumps(answers(model), indent=1) + "\n")
