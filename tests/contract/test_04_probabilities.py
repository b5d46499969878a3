"""Promise 4: probabilities, scores, and decisions that follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logit

from sklabelemb.learning import TextNet
from sklabelemb.linear import EncoderPath

from ..tolerances import close
from .small import LABELS, ODD_TEXTS, TARGETS, TEXTS, UNSEEN, by_thresholds, fitted


@pytest.mark.parametrize("target", ["labels", "two labels", "one label"])
def test_probabilities_of_labels(every_name, target):
    model = fitted(every_name, target)
    proba = model.predict_proba([*UNSEEN, *ODD_TEXTS])
    assert type(proba) is np.ndarray
    assert proba.dtype.kind == "f"
    assert proba.shape == (27, model.classes_.shape[0])
    assert proba.min() > 0
    assert proba.max() < 1


def test_probabilities_of_sure_models_stay_inside(every_neural, monkeypatch):
    model = every_neural(validation_fraction=0).fit(TEXTS, LABELS)
    original = TextNet.predict_logits
    monkeypatch.setattr(TextNet, "predict_logits", lambda net, data: 1e3 * original(net, data))
    scores = EncoderPath.scores
    monkeypatch.setattr(EncoderPath, "scores", lambda path, *texts: 1e3 * scores(path, *texts))
    if hasattr(model, "predict_sequence"):  # decodes without predict_logits
        with torch.no_grad():
            model.net_.module_.output.weight *= 1e3
    proba = model.predict_proba([*TEXTS, "late " * 500])
    assert proba.min() > 0
    assert proba.max() < 1
    # 36 is the logit of the float64 next to 1.
    assert np.abs(model.decision_function([*TEXTS, "late " * 500])).max() > 36


@pytest.mark.parametrize("target", ["classes", "two classes"])
def test_probabilities_of_classes(every_name, target):
    model = fitted(every_name, target)
    proba = model.predict_proba([*UNSEEN, *ODD_TEXTS])
    assert type(proba) is np.ndarray
    assert proba.shape == (27, len(model.classes_))
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(
        model.predict([*UNSEEN, *ODD_TEXTS]), model.classes_[proba.argmax(axis=1)]
    )


@pytest.mark.parametrize("target", TARGETS)
def test_scores_are_the_logits_of_the_probabilities(every_neural_name, target):
    model = fitted(every_neural_name, target)
    scores, proba = model.decision_function(UNSEEN), model.predict_proba(UNSEEN)
    if target == "two classes":
        assert scores.shape == (20,)
        close(1 / (1 + np.exp(-scores)), proba[:, 1], dtype=np.float32)
    elif target == "classes":
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        close(shares, proba, dtype=np.float32)
    else:
        close(1 / (1 + np.exp(-scores)), proba, dtype=np.float32)


@pytest.mark.parametrize("target", TARGETS)
def test_scores_rise_with_probabilities(every_name, target):
    if every_name == "LabelPowerset" and target not in ("two classes", "classes"):
        pytest.skip("best set against sum over sets: two different orders, by design")
    if every_name == "BinaryRelevance" and target == "classes":
        pytest.skip("probabilities of one-vs-rest are scaled to sum to one, text by text")
    model = fitted(every_name, target)
    scores, proba = model.decision_function(UNSEEN), model.predict_proba(UNSEEN)
    if scores.ndim == 1:
        scores, proba = scores[:, None], proba[:, 1:]
    if target == "classes":
        scores, proba = scores.T, proba.T  # comparable within a text
    for column in range(scores.shape[1]):
        order = np.argsort(scores[:, column])
        assert (np.diff(proba[order, column]) >= -1e-9).all()
        assert np.ptp(proba[:, column]) > 0


@pytest.mark.parametrize("min_labels", [0, 1, 2])
def test_predictions_follow_thresholds_and_min_labels(neural, min_labels):
    settings = {"threshold": [0.2, 0.5, 0.9], "min_labels": min_labels, **by_thresholds(neural)}
    model = neural(**settings).fit(TEXTS, LABELS)
    assert model.thresholds_.tolist() == [0.2, 0.5, 0.9]
    X = [*UNSEEN, *ODD_TEXTS]
    proba = model.predict_proba(X)
    margin = logit(proba) - logit(model.thresholds_)
    expected = proba >= model.thresholds_
    for row in range(len(X)):
        if expected[row].sum() < min_labels:
            expected[row] = np.argsort(np.argsort(-margin[row])) < min_labels
    np.testing.assert_array_equal(model.predict(X), expected)
    assert (expected.sum(axis=1) < 3).any()


def test_fitted_thresholds_decide(neural):
    model = neural(**by_thresholds(neural)).fit(TEXTS, LABELS)
    model.thresholds_ = np.array([0.0, 1.0, 1.0])
    model.min_labels_ = 0
    np.testing.assert_array_equal(model.predict(UNSEEN), np.tile([1, 0, 0], (20, 1)))


def test_thresholds_are_tuned_on_the_held_out_part(neural):
    model = neural(validation_fraction=0.3, threshold="tuned").fit(TEXTS, LABELS)
    assert model.thresholds_.shape == (3,)
    assert not np.array_equal(model.thresholds_, [0.5] * 3)


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (1.5, "threshold must lie between 0 and 1, but got 1.5"),
        (float("nan"), "threshold must lie between 0 and 1"),
        ([0.5, 0.5], r"one number per label; y has 3 labels, but threshold has shape \(2,\)"),
        ("tune", "(?=.*'tuned')(?=.*'macro').* Got 'tune' instead"),
    ],
)
def test_bad_thresholds(neural, threshold, message):
    with pytest.raises(ValueError, match=message):
        neural(threshold=threshold).fit(TEXTS, LABELS)
