"""Parameters that are set after a fit: what later fits, updates and answers make of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback

from sklabelemb.leam import LEAMClassifier
from sklabelemb.learning.callbacks import GradientClipping
from sklabelemb.learning.weights import sample_weights

from .test_classifier import CLASS_TEXTS, CLASSES, FRAME, TEXTS, UNSEEN, fitted, units


@pytest.mark.parametrize(
    ("name", "value"),
    [("decision", "Beam"), ("decision", None), *(("beam_size", n) for n in (0, -1, 2.5, "5"))],
)
def test_what_decoding_is_told_is_checked(name, value):
    model = copy.deepcopy(fitted())
    before = getattr(model, f"{name}_")
    with pytest.raises(ValueError, match=f"^{name}_ must be "):
        setattr(model, f"{name}_", value)
    assert getattr(model, f"{name}_") == before
    with pytest.raises(InvalidParameterError, match=name):
        units(**{name: value}).fit(TEXTS, FRAME)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_sequence", "explain"])
def test_parameters_of_decoding_wait_for_the_next_fit(method):
    model = copy.deepcopy(fitted())
    before = getattr(model, method)(UNSEEN)
    model.set_params(decision="marginal", beam_size=1)
    assert (model.decision_, model.beam_size_) == (fitted().decision_, fitted().beam_size_)
    after = getattr(model, method)(UNSEEN)
    if method == "predict_sequence":
        assert after == before
    elif method == "explain":
        for one, other in zip(after, before, strict=True):
            np.testing.assert_array_equal(one.contributions, other.contributions)
            assert one.sequence == other.sequence
    else:
        np.testing.assert_array_equal(after, before)
    model.set_params(max_epochs=1).fit(TEXTS, FRAME)
    assert (model.decision_, model.beam_size_) == ("marginal", 1)


def test_a_fit_takes_the_order_and_the_lengths_that_are_asked_for():
    model = units(max_epochs=1, warm_start=True, label_order="given", max_labels=3)
    model.fit(TEXTS, FRAME)
    assert model.max_labels_ == 3
    model.set_params(label_order="frequency", max_labels="auto")
    few = FRAME.to_numpy().sum(axis=1) <= 2
    X, y = [text for text, short in zip(TEXTS, few, strict=True) if short], FRAME[few]
    model.fit(X, y)
    assert model.max_labels_ == 2
    counts = y.to_numpy().sum(axis=0)[model.label_order_]
    assert (np.diff(counts) <= 0).all()
    # An update keeps the order, and lets the sets grow.
    order = model.label_order_.copy()
    model.set_params(label_order="rare_first").partial_fit(TEXTS, FRAME)
    np.testing.assert_array_equal(model.label_order_, order)
    assert model.max_labels_ == FRAME.to_numpy().sum(axis=1).max() > 2


def test_lengths_are_never_more_than_there_are_labels():
    model = units(max_epochs=1, min_labels=9, max_labels=99).fit(TEXTS, FRAME)
    assert (model.min_labels_, model.max_labels_) == (4, 4)
    assert (model.predict(UNSEEN).to_numpy() == 1).all()


class Norms(Callback):
    """The norm of all gradients, after whatever else was done to them."""

    def __init__(self):
        self.seen = []

    def on_batch_end(self, net, training, **kwargs):
        if training:
            own = [p.grad.flatten() for p in net.module_.parameters() if p.grad is not None]
            self.seen.append(torch.cat(own).norm().item())


@pytest.mark.parametrize("limit", [1e-3, None])
def test_an_update_clips_gradients_as_a_fit_does(limit):
    norms = Norms()
    model = units(max_epochs=1, max_grad_norm=limit, net_params={"callbacks": [("norms", norms)]})
    model.partial_fit(TEXTS, FRAME)
    seen = next(c for name, c in model.net_.callbacks_ if name == "norms").seen
    assert seen
    assert (max(seen) <= 1.001e-3) is (limit is not None)
    assert not any(isinstance(c, GradientClipping) for _, c in model.net_.callbacks_)


def test_single_classes_read_no_label():
    model = fitted(target="classes")
    assert not hasattr(model, "label_embeddings_")
    with pytest.raises(AttributeError, match="one step"):
        _ = model.label_embeddings_


@pytest.mark.parametrize("make", [units, LEAMClassifier])
@pytest.mark.parametrize("text", ["", "xyzzy"])
def test_a_text_without_a_known_word_is_explained(make, text):
    tiny = {"embedding_dim": 8, "max_epochs": 1, "wide": True, "device": "cpu", "random_state": 0}
    model = make(**tiny).fit(TEXTS, FRAME)
    (explanation,) = model.explain([text])
    assert explanation.contributions.shape == (len(text.split()), 4)
    assert np.isfinite(explanation.contributions).all()


@pytest.mark.parametrize("make", [units, LEAMClassifier])
def test_balanced_classes_may_be_missing_from_an_update(make):
    model = make(embedding_dim=8, max_epochs=1, class_weight="balanced", device="cpu")
    names = np.unique(CLASSES)
    present = names[0] != CLASSES
    X = [text for text, kept in zip(CLASS_TEXTS, present, strict=True) if kept]
    model.partial_fit(X, CLASSES[present], classes=names)
    assert model.predict_proba(X).shape == (len(X), 4)


def test_weight_zero_is_absence():
    weights = sample_weights([2.0, 0.0, 2.0, 0.0], 4)
    np.testing.assert_array_equal(weights, [1, 0, 1, 0])


@pytest.mark.parametrize("step", [-1, 9])
def test_a_step_that_there_is_not(step):
    (explanation,) = fitted().explain(["late slow"])
    with pytest.raises(ValueError, match=rf"There is no step {step}.*has the steps 0 to"):
        explanation.top_units(step)
    assert explanation.top_units(0)
