"""Folders of format versions 2 to 6 load and answer as they did; format_1/write.py wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklabelemb import SemanticUnitSeq2SeqClassifier, load, save
from sklabelemb.persistence.files import digest_of

from .format_1.write import LABELS, NAMED, TEXTS, UNSEEN
from .test_schema import ADDED

HERE = Path(__file__).parent
CASES = [
    (version, path.name)
    for version in (2, 3, 4, 5, 6)
    for path in sorted((HERE / f"format_{version}").iterdir())
    if (path / "model.json").is_file()
]


@pytest.mark.parametrize(("version", "name"), CASES)
def test_it_answers_as_it_did(version, name, tmp_path):
    folder = HERE / f"format_{version}" / name
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert description["format_version"] == version
    wanted = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    save(load(folder), tmp_path / "model")
    for model in (load(folder), load(tmp_path / "model")):
        for task, own in wanted.items():
            how = {} if task == "default" else {"task": task}
            predicted = np.asarray(model.predict(UNSEEN, **how))
            assert predicted.tolist() == own["predict"]
            # They were computed on another machine, in float32.
            logits = model.decision_function(UNSEEN, **how)
            expected = np.array(own["decision_function"])
            np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_names_count_from_now_on():
    model = load(HERE / "format_2" / "leam_labels")
    assert model.score(TEXTS, NAMED[["other", "refund", "delivery"]]) == model.score(TEXTS, NAMED)
    with pytest.raises(ValueError, match=r"Missing: 'other'\. New: 'others'"):
        model.score(TEXTS, NAMED.rename(columns={"other": "others"}))
    by_number = load(HERE / "format_2" / "mtle_labels")
    by_number.score(TEXTS, pd.DataFrame(LABELS, columns=["a", "b", "c"]))


def test_folders_without_later_options(tmp_path):
    """A folder that was written before an option came is one of its default."""
    small = {"embedding_dim": 6, "hidden_size": 6, "n_layers": 1, "max_epochs": 1}
    model = SemanticUnitSeq2SeqClassifier(**small, random_state=0).fit(TEXTS, NAMED)
    save(model, tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    options = ADDED["SemanticUnitNetwork"]
    for name in options:
        del description["model"]["options"][name]
    for name in (*options, "objective", "reward_weight"):
        del description["parameters"][name]
    description["digest"] = digest_of(description)
    path.write_text(json.dumps(description), encoding="utf-8")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(UNSEEN), model.predict_proba(UNSEEN))
    assert loaded.get_params() == model.get_params()


def test_a_hierarchy_of_before_is_refused(tmp_path):
    small = {"embedding_dim": 6, "hidden_size": 6, "n_layers": 1, "max_epochs": 1}
    model = SemanticUnitSeq2SeqClassifier(**small, hierarchical=2, random_state=0)
    save(model.fit(TEXTS, NAMED), tmp_path / "model")
    load(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["format_version"] = 5
    description["digest"] = digest_of(description)
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ValueError, match=r"format 5.*hierarchical=2.*Fit it again"):
        load(tmp_path / "model")
