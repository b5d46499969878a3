"""Folders of format version 3, written by commit e9d1c6f, load and answer as they did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sklabelemb import load, save

from .format_1.write import UNSEEN

FOLDER = Path(__file__).parent / "format_3"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] != "_")


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_it_did(name, tmp_path):
    description = json.loads((FOLDER / name / "model.json").read_text(encoding="utf-8"))
    assert description["format_version"] == 3
    wanted = json.loads((FOLDER / name / "answers.json").read_text(encoding="utf-8"))
    save(load(FOLDER / name), tmp_path / "model")
    for model in (load(FOLDER / name), load(tmp_path / "model")):
        for task, own in wanted.items():
            how = {} if task == "default" else {"task": task}
            predicted = np.asarray(model.predict(UNSEEN, **how))
            assert predicted.tolist() == own["predict"]
            # They were computed on another machine, in float32.
            logits = model.decision_function(UNSEEN, **how)
            expected = np.array(own["decision_function"])
            np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
