"""Serving imports neither torch nor scikit-learn: a process that refuses them predicts alike."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sklabelemb import (
    BinaryRelevance,
    LabelTreeClassifier,
    LabelwiseCalibrator,
    LEAMClassifier,
    ThresholdTuner,
    save,
)

from ..tolerances import close

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "café 包裹 🙂"] * 10
UNSEEN = ["is my parcels late", "refunds 包裹 café", "", "qwertz"]
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 10)
NAMED = pd.DataFrame(LABELS, columns=["delivery", "refund", "thanks"])
SMALL = {"embedding_dim": 6, "max_epochs": 2, "device": "cpu", "random_state": 0}
# What is not there where a model is served; the last is what the finder itself is tried with.
REFUSED = [
    "torch",
    "sklearn",
    "skorch",
    "joblib",
    "pandas",
    "transformers",
    "safetensors",
    "tokenizers",
    "tqdm",
]
SCRIPT = """
import importlib.abc, json, sys

class Refusing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise ImportError(f"{{name}} is refused")

sys.meta_path.insert(0, Refusing())
try:
    import sklearn
except ImportError:
    pass
else:
    raise AssertionError("nothing was refused")
from sklabelemb import serving
found = {{}}
for folder in {folders}:
    model = serving.load(folder)
    found[folder] = {{
        "labels": model.predict_labels({texts}),
        "predict": model.predict({texts}).tolist(),
        "proba": model.predict_proba({texts}).tolist() if hasattr(model, "predict_proba") else None,
    }}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def models():
    leam = LEAMClassifier(**SMALL).fit(TEXTS, NAMED)
    tuner = ThresholdTuner(BinaryRelevance(), cv=2, random_state=0).fit(TEXTS, NAMED)
    return {
        "leam": leam,
        "classes": LEAMClassifier(**SMALL).fit(TEXTS, [str(row) for row in LABELS.argmax(axis=1)]),
        "tuner": tuner,
        "tree": LabelTreeClassifier(max_children=2, random_state=0).fit(TEXTS, NAMED),
        "isotonic": LabelwiseCalibrator(leam, cv="prefit", method="isotonic").fit(TEXTS, NAMED),
    }


def test_it_predicts_without_them(models, repository, tmp_path):
    folders = {name: str(tmp_path / name) for name in models}
    for name, model in models.items():
        save(model, folders[name], dtype="int8" if name == "leam" else "float32")
    script = SCRIPT.format(
        refused=set(REFUSED), folders=list(folders.values()), texts=ascii(UNSEEN)
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=repository, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for name, model in models.items():
        found = answers[folders[name]]
        assert [tuple(labels) for labels in found["labels"]] == model.predict_labels(UNSEEN)
        assert found["predict"] == np.asarray(model.predict(UNSEEN)).tolist()
        if name != "leam" and hasattr(model, "predict_proba"):
            close(found["proba"], model.predict_proba(UNSEEN), scale=5, dtype=np.float32)
