"""Saved models in fewer bytes: what is written, what comes back, and that they still decide."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner, load, save, serving
from sklabelemb.persistence.reduction import SCALE, Reduction, restored

random = np.random.default_rng(0)
# Enough words that tables are worth it.
WORDS = [f"w{i}" for i in range(1200)]
LABELS = (random.random((300, 3)) < 0.4).astype(int)
TEXTS = [
    " ".join([*random.choice(WORDS, 12), *(f"label{k}" for k in np.flatnonzero(row))])
    for row in LABELS
]
NAMED = pd.DataFrame(LABELS, columns=["delivery", "refund", "thanks"])
SMALL = {"embedding_dim": 24, "max_epochs": 3, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def leam():
    return LEAMClassifier(**SMALL).fit(TEXTS, NAMED)


def n_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def table(rows=300, columns=20):
    return random.normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_each_number_is_as_near_as_is_said(dtype):
    words, linear, idf = table(), table(), table(5000, 1)[:, 0] ** 2
    keys = np.sort(random.integers(0, 2**40, 5000))
    arrays = {"weights.embedding.weight": words, "tasks.a.linear.weights": linear}
    arrays |= {"tasks.a.linear.words.idf": idf, "keys": keys, "thresholds": random.random(6000)}
    written, notes = Reduction(dtype).reduced(arrays)
    found = restored(written, notes)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
    for exact in ("keys", "thresholds"):
        np.testing.assert_array_equal(found[exact], arrays[exact])
    half = np.finfo(np.float16).eps / 2
    steps = {
        "weights.embedding.weight": np.abs(words).max(axis=1, keepdims=True) / 127 / 2,
        "tasks.a.linear.weights": np.abs(linear).max(axis=0) / 127 / 2,
        "tasks.a.linear.words.idf": half * np.abs(idf) + 1e-7,
    }
    for name, step in steps.items():
        bound = {"float32": 0, "float16": half * np.abs(arrays[name]) + 1e-7, "int8": step}[dtype]
        assert np.all(np.abs(found[name] - arrays[name]) <= bound * 1.001)
        if dtype == "int8":
            assert np.abs(found[name] - arrays[name]).max() > 0


def test_prune_is_the_share_of_the_smallest():
    arrays = {"tasks.a.linear.weights": table(), "weights.embedding.weight": table()}
    arrays["estimator.estimators_[0].classifier_.coef_"] = table(1, 5000).astype(np.float64)
    written, notes = Reduction(prune=0.75).reduced(arrays)
    found = restored(written, notes)
    for name, array in arrays.items():
        gone = found[name] == 0
        if "embedding" in name:
            assert not gone.any()
            continue
        assert gone.sum() == int(0.75 * array.size)
        assert np.abs(array[gone]).max() < np.abs(array[~gone]).min()
        np.testing.assert_array_equal(found[name][~gone], array[~gone])


def test_what_is_small_or_not_to_be_rounded_stays():
    wide = np.full((100, 100), 1e6, dtype=np.float32)
    arrays = {"weights.head": table(3), "encoder.arrays.table": table(), "weights.large": wide}
    written, notes = Reduction("float16", prune=0.5).reduced(arrays)
    found = restored(written, notes)
    assert set(notes) == {"weights.large"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert Reduction().reduced(arrays) == (arrays, {})


def test_a_row_of_zeros_has_a_scale():
    arrays = {"weights.embedding.weight": table()}
    arrays["weights.embedding.weight"][7] = 0
    written, notes = Reduction("int8").reduced(arrays)
    assert written["weights.embedding.weight" + SCALE].shape == (300, 1)
    assert not restored(written, notes)["weights.embedding.weight"][7].any()


def test_steps_that_just_fit_a_byte():
    keys = np.arange(0, 5000 * 128, 128)
    written, notes = Reduction("int8").reduced({"keys": keys})
    np.testing.assert_array_equal(restored(written, notes)["keys"], keys)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"dtype": "float64"}, "dtype must be one of float32, float16, int8, but got 'float64'"),
        ({"prune": 1}, "prune must be a share of at least 0 and below 1, but got 1"),
        ({"prune": True}, "but got True"),
        ({"prune": "most"}, "but got 'most'"),
    ],
)
def test_what_is_no_reduction(leam, how, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        save(leam, tmp_path / "model", **how)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("how", [{"dtype": "float16"}, {"dtype": "int8", "prune": 0.5}])
def test_a_smaller_model_works_and_can_be_trained(leam, how, tmp_path):
    save(leam, tmp_path / "whole")
    save(leam, tmp_path / "small", **how)
    share = {"float16": 0.75, "int8": 0.5}[how["dtype"]]
    assert n_bytes(tmp_path / "small") < share * n_bytes(tmp_path / "whole")
    small = load(tmp_path / "small")
    weights = small.net_.module_.embedding.weight
    assert weights.dtype == torch.float32
    assert small.wide_.weights.dtype == np.float32
    assert np.mean(small.predict(TEXTS).to_numpy() == leam.predict(TEXTS).to_numpy()) > 0.99
    difference = small.predict_proba(TEXTS) - leam.predict_proba(TEXTS)
    assert 0 < np.abs(difference).max() < 0.1
    # As exactly as they are now.
    save(small, tmp_path / "again")
    proba = small.predict_proba(TEXTS)
    np.testing.assert_array_equal(load(tmp_path / "again").predict_proba(TEXTS), proba)
    served = serving.load(tmp_path / "small")
    np.testing.assert_allclose(served.predict_proba(TEXTS), proba, rtol=0, atol=1e-5)
    small.partial_fit(TEXTS[:50], NAMED[:50])


@pytest.mark.parametrize("cls", [BinaryRelevance, ThresholdTuner])
def test_baselines_and_models_inside_are_made_smaller(cls, leam, tmp_path):
    model = ThresholdTuner(leam, cv="prefit")
    if cls is BinaryRelevance:
        model = BinaryRelevance(vectorizer=TfidfVectorizer(ngram_range=(1, 2)))
    model.fit(TEXTS, NAMED)
    save(model, tmp_path / "whole")
    save(model, tmp_path / "small", dtype="int8", prune=0.3)
    assert n_bytes(tmp_path / "small") < 0.8 * n_bytes(tmp_path / "whole")
    small = load(tmp_path / "small")
    assert np.mean(small.predict(TEXTS).to_numpy() == model.predict(TEXTS).to_numpy()) > 0.99


def test_what_says_something_else_than_is_there(leam, tmp_path):
    from sklabelemb.persistence.files import digest_of

    path = tmp_path / "model" / "model.json"
    for change in ({"shape": [5, 24]}, {"as": "zipped"}, {"dtype": "nothing"}, {"shape": [10**9]}):
        save(leam, tmp_path / "model", dtype="int8", overwrite=True)
        description = json.loads(path.read_text())
        description["reduced"]["weights.embedding.weight"] |= change
        description["digest"] = digest_of(description)
        path.write_text(json.dumps(description))
        for read in (load, serving.load):
            with pytest.raises(ValueError, match=r"weights\.safetensors is damaged"):
                read(tmp_path / "model")
