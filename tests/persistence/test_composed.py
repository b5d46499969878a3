"""Tuners, calibrators, baselines and pipelines to a folder and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from sklabelemb import (
    BinaryRelevance,
    ClassifierChain,
    LabelPowerset,
    LabelTreeClassifier,
    LabelwiseCalibrator,
    LEAMClassifier,
    MTLEClassifier,
    ThresholdTuner,
    load,
    save,
)
from sklabelemb.persistence.files import digest_of

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "thank you"] * 10
UNSEEN = ["is my parcels late", "refunds 包裹", "", "qwertz", "due due late"]
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 10)
NAMED = pd.DataFrame(LABELS, columns=["delivery", "refund", "thanks"])
CLASSES = np.array(["delivery", "refund", "thanks"])[LABELS.argmax(axis=1)]
LOGISTIC = LogisticRegression(C=10)
LEAM = {"embedding_dim": 4, "max_epochs": 1, "wide": False, "random_state": 0, "device": "cpu"}
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3))


def leam(**parameters):
    return LEAMClassifier(**{**LEAM, **parameters})


MODELS = {
    "relevance": lambda: BinaryRelevance().fit(TEXTS, NAMED),
    "relevance of probabilities": lambda: BinaryRelevance(
        vectorizer=make_union(CountVectorizer(), letters), classifier=LOGISTIC
    ).fit(TEXTS, sp.csr_matrix(LABELS)),
    "relevance of classes": lambda: BinaryRelevance().fit(TEXTS, CLASSES),
    "relevance with an empty label": lambda: BinaryRelevance().fit(TEXTS, LABELS[:, :2] * [1, 1]),
    "chain": lambda: ClassifierChain(order="random", random_state=0).fit(TEXTS, NAMED),
    "chain of classes": lambda: ClassifierChain().fit(TEXTS, CLASSES),
    "powerset": lambda: LabelPowerset(classifier=LOGISTIC).fit(TEXTS, NAMED),
    "tree": lambda: LabelTreeClassifier(max_children=2, random_state=0).fit(TEXTS, NAMED),
    "trees of classes": lambda: LabelTreeClassifier(n_trees=2, label_texts=None).fit(
        TEXTS, CLASSES
    ),
    "tree with sparse probabilities": lambda: LabelTreeClassifier(sparse_output=True).fit(
        TEXTS, sp.csr_array(LABELS)
    ),
    "tuner": lambda: ThresholdTuner(BinaryRelevance(), cv=2, random_state=0).fit(TEXTS, NAMED),
    "tuner around a network": lambda: ThresholdTuner(
        leam().fit(TEXTS, NAMED), cv="prefit", random_state=0
    ).fit(TEXTS, NAMED),
    "tuner that fits a network": lambda: ThresholdTuner(leam(), cv=0.3, random_state=0).fit(
        TEXTS, NAMED
    ),
    "tuner around a frozen one": lambda: ThresholdTuner(
        FrozenEstimator(leam().fit(TEXTS, NAMED)), cv=2, random_state=0
    ).fit(TEXTS, NAMED),
    "calibrators": lambda: LabelwiseCalibrator(
        ThresholdTuner(BinaryRelevance(), cv=2, random_state=0),
        method="isotonic",
        cv=2,
        random_state=0,
    ).fit(TEXTS, NAMED),
    "temperature": lambda: LabelwiseCalibrator(
        BinaryRelevance(classifier=LOGISTIC), method="temperature", cv=2, random_state=0
    ).fit(TEXTS, NAMED),
    "pipeline": lambda: Pipeline([("model", leam())]).fit(TEXTS, NAMED),
    "plain pipeline": lambda: make_pipeline(
        TfidfVectorizer(stop_words="english"), OneVsRestClassifier(LOGISTIC)
    ).fit(TEXTS, LABELS),
    "tuner around a pipeline": lambda: ThresholdTuner(
        make_pipeline(CountVectorizer(binary=True), OneVsRestClassifier(LOGISTIC)),
        cv=2,
        random_state=0,
    ).fit(TEXTS, NAMED),
}


def answers(model):
    found = {}
    for method in ("predict", "predict_proba", "decision_function", "predict_labels"):
        if hasattr(model, method):
            found[method] = getattr(model, method)(UNSEEN)
    return found


def assert_same(first, second):
    assert type(first) is type(second)
    assert repr(first) == repr(second)
    wanted, found = answers(first), answers(second)
    assert list(wanted) == list(found)
    for method, value in wanted.items():
        other = found[method]
        assert type(value) is type(other)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other)
        elif sp.issparse(value):
            assert (value != other).nnz == 0
        elif isinstance(value, list):
            assert value == other
        else:
            np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_come_back(name, tmp_path):
    model = MODELS[name]()
    save(model, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load(tmp_path / "model")
    assert_same(model, again)
    # It can be saved again, and fitted again.
    save(again, tmp_path / "again")
    assert_same(load(tmp_path / "again"), model)
    if "prefit" not in repr(again) and "Frozen" not in repr(again):
        y = CLASSES if "classes" in name else NAMED if "plain" not in name else LABELS
        assert_same(again.fit(TEXTS, y), clone(model).fit(TEXTS, y))


def test_another_process_predicts_alike(tmp_path):
    model = MODELS["tuner around a network"]()
    save(model, tmp_path / "model")
    code = "import sys; from sklabelemb import load; m = load(sys.argv[1]); "
    code += "print(m.predict_labels(['parcel late', 'refund', 'thank you']))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = model.predict_labels(["parcel late", "refund", "thank you"])
    assert done.stdout.strip() == repr(wanted)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (BinaryRelevance(classifier=RandomForestClassifier()), "a RandomForestClassifier"),
        (BinaryRelevance(vectorizer=TfidfVectorizer(tokenizer=str.split)), "method"),
        (ThresholdTuner(BinaryRelevance(), cv=2, objective=lambda a, b: 0.0), "function"),
    ],
)
def test_what_cannot_be_saved(model, what, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(TEXTS, NAMED)
    with pytest.raises(TypeError, match=rf"cannot be saved: estimator\.\S+ is .*{what}.*joblib"):
        save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_unfitted_is_not_saved(tmp_path):
    for model in (BinaryRelevance(), ThresholdTuner(leam()), Pipeline([("model", leam())])):
        with pytest.raises(NotFittedError):
            save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class MyRelevance(BinaryRelevance):
    pass


def test_a_class_of_ones_own_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"save\(\) writes fitted .* not a MyRelevance"):
        save(MyRelevance().fit(TEXTS, NAMED), tmp_path / "model")


def test_another_version_of_scikit_learn_is_told(tmp_path, monkeypatch):
    save(MODELS["relevance"](), tmp_path / "model")
    monkeypatch.setattr("sklearn.__version__", "9.9")
    with pytest.warns(InconsistentVersionWarning, match="BinaryRelevance"):
        load(tmp_path / "model")


def change(folder, edit, signed=False):
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    edit(description)
    if signed:
        description["digest"] = digest_of(description)
    path.write_text(json.dumps(description), encoding="utf-8")


def test_what_was_changed_is_not_loaded(tmp_path):
    folder = tmp_path / "model"
    save(MODELS["tuner around a network"](), folder)

    def lower(description):
        description["estimator"]["$estimator"][1]["min_labels_"] = 3

    change(folder, lower)
    with pytest.raises(ValueError, match=r"model\.json was changed: its digest"):
        load(folder)


def inside(description, *path):
    """The attributes of an estimator inside the one that was saved."""
    attributes = description["estimator"]["$estimator"][1]
    for name in path:
        attributes = (attributes[name][0] if name == "estimators_" else attributes[name])[
            "$estimator"
        ][1]
    return attributes


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("relevance", lambda d: inside(d, "vectorizer_").pop("ngram_range"), "'ngram_range'"),
        ("relevance", lambda d: inside(d, "vectorizer_").update(analyzer="x"), "'analyzer' param"),
        (
            "relevance",
            lambda d: inside(d, "vectorizer_")["vocabulary_"].update(late=None),
            "vocabulary of TfidfVectorizer does not number its words",
        ),
        (
            "relevance",
            lambda d: inside(d, "vectorizer_")["vocabulary_"].update(late=99),
            "vocabulary of TfidfVectorizer does not number its words",
        ),
        (
            "relevance",
            lambda d: inside(d, "estimators_", "classifier_").pop("intercept_"),
            "nothing in model.json speaks of|predict fails with AttributeError",
        ),
        (
            "relevance",
            lambda d: inside(d, "estimators_", "classifier_").update(n_features_in_=3),
            "predict fails with ValueError",
        ),
        (
            "tuner around a network",
            lambda d: inside(d).update(estimator_=[]),
            "the classifier inside is a list",
        ),
        ("tuner", lambda d: inside(d).pop("random_state"), "'random_state'"),
    ],
)
def test_what_was_changed_and_signed_is_not_loaded_if_it_cannot_predict(
    name, edit, message, tmp_path
):
    save(MODELS[name](), tmp_path / "model")
    change(tmp_path / "model", edit, signed=True)
    with pytest.raises(ValueError, match=rf"do not make a .*({message}).*They were changed"):
        load(tmp_path / "model")


def test_models_of_numbers_come_back(tmp_path):
    X = np.random.default_rng(0).random((40, 3))
    model = make_pipeline(LogisticRegression()).fit(X, CLASSES)
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict(X), model.predict(X))


def test_models_inside_are_not_swapped(tmp_path):
    for name, seed in (("one", 0), ("two", 1)):
        model = leam(random_state=seed).fit(TEXTS, NAMED)
        tuner = ThresholdTuner(model, cv="prefit", random_state=0).fit(TEXTS, NAMED)
        save(tuner, tmp_path / name)
    inner = tmp_path / "one" / "models"
    inner.rename(tmp_path / "aside")
    (tmp_path / "two" / "models").rename(inner)
    with pytest.raises(ValueError, match="was changed"):
        load(tmp_path / "one")


def test_a_model_in_the_place_of_another(tmp_path):
    save(MODELS["tuner around a network"](), tmp_path / "model")
    with pytest.raises(FileExistsError):
        save(MODELS["relevance"](), tmp_path / "model")
    save(MODELS["relevance"](), tmp_path / "model", overwrite=True)
    assert not (tmp_path / "model" / "models").exists()
    assert isinstance(load(tmp_path / "model"), BinaryRelevance)


def test_unfitted_models_inside_keep_their_parameters(tmp_path):
    model = ThresholdTuner(MTLEClassifier(encoder="mean", **{k: LEAM[k] for k in ("max_epochs",)}))
    model = model.set_params(cv=0.3, random_state=0).fit(TEXTS, NAMED)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.estimator.encoder == "mean"
    assert not hasattr(again.estimator, "model_")
    assert again.estimator_.model_ is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_of_two_saves_at_once_one_wins_whole(tmp_path):
    models = [leam(random_state=seed).fit(TEXTS, NAMED) for seed in (0, 1)]
    wanted = [model.decision_function(UNSEEN) for model in models]
    for _ in range(5):
        children = []
        for model in models:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    save(model, tmp_path / "model", overwrite=True)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
        found = load(tmp_path / "model").decision_function(UNSEEN)
        assert any(np.array_equal(found, scores) for scores in wanted)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_tree_keeps_to_be_fast_is_not_saved(tmp_path):
    model = MODELS["tree"]()
    model.predict(UNSEEN)
    assert "_index" in vars(model.forest_.rescoring)
    save(model, tmp_path / "model")
    assert "_index" not in (tmp_path / "model" / "model.json").read_text(encoding="utf-8")
    assert np.array_equal(load(tmp_path / "model").predict(UNSEEN), model.predict(UNSEEN))
