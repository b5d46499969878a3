"""Promise 7: weights of samples and labels, and the tags."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from ..tolerances import close
from .small import (
    BASELINES,
    CLASS_TEXTS,
    CLASSES,
    CLASSIFIERS,
    EVERY,
    LABELS,
    TARGETS,
    TEXTS,
    UNSEEN,
    answers,
    answers_as,
    learnt,
    same_predictions,
    shared_out,
)


def test_sample_weight_is_an_explicit_argument(make):
    model = make()
    assert has_fit_parameter(model, "sample_weight")
    parameter = inspect.signature(model.fit).parameters["sample_weight"]
    assert parameter.default is None
    if hasattr(model, "partial_fit"):
        assert "sample_weight" in inspect.signature(model.partial_fit).parameters
    with sklearn.config_context(enable_metadata_routing=True):
        request = model.set_fit_request(sample_weight=True).get_metadata_routing()
        assert request.fit.requests["sample_weight"] is True


def contradicted(target):
    """The texts twice; the second time with wrong targets of weight 0."""
    X, y = TARGETS[target]
    wrong = 1 - y if y.ndim == 2 else np.roll(y, 1)
    weight = np.repeat([1.0, 0.0], len(X))
    return X + X, np.concatenate([y, wrong]), weight, y


@shared_out(
    ("target", "validation_fraction"),
    [("labels", 0), ("classes", 0.3), ("labels", 0.3), ("classes", 0)],
    names=CLASSIFIERS,
)
def test_weight_zero_is_as_good_as_absent(make, target, validation_fraction, request):
    X, y, weight, truth = contradicted(target)
    settings = {
        "max_epochs": 15,
        "validation_fraction": validation_fraction,
        "threshold": "tuned",
    }
    model = make(**settings).fit(X, y, sample_weight=weight)
    assert np.mean(model.predict(X[:60]) == truth) > 0.9
    unweighted = make(**settings).fit(X, y)
    assert np.mean(unweighted.predict(X[:60]) == truth) < 0.85


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_weight_zero_in_the_baselines(target):
    X, y, weight, truth = contradicted(target)
    for make in BASELINES.values():
        model = make().fit(X, y, sample_weight=weight)
        assert np.mean(model.predict(X[:60]) == truth) > 0.9


def test_only_the_ratios_of_weights_matter(neural_name, neural):
    weight = np.linspace(0.5, 2, 60)
    first = neural().fit(TEXTS, LABELS, sample_weight=weight)
    second = neural().fit(TEXTS, LABELS, sample_weight=1024 * weight)
    assert same_predictions(first, second)
    assert not answers_as(first, neural_name)
    ones = neural().fit(TEXTS, LABELS, sample_weight=np.ones(60))
    close(ones.predict_proba(UNSEEN), answers(neural_name)["predict_proba"], dtype=np.float32)


BAD_WEIGHTS = {
    "negative": (np.r_[-1.0, np.ones(59)], "Negative values in data passed to `sample_weight`"),
    "NaN": (np.r_[np.nan, np.ones(59)], "sample_weight contains NaN"),
    "infinite": (np.r_[np.inf, np.ones(59)], "sample_weight contains infinity"),
    "too short": (np.ones(59), r"sample_weight.shape == \(59,\), expected \(60,\)"),
    "two dimensions": (np.ones((60, 2)), "must be 1D array or scalar"),
    "all zero": (np.zeros(60), "zero"),
}


@shared_out("bad", BAD_WEIGHTS, thorough=["LEAM", "BinaryRelevance"])
def test_bad_weights(make, bad):
    weight, message = BAD_WEIGHTS[bad]
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, LABELS, sample_weight=weight)
    assert learnt(model) == []
    if hasattr(model, "partial_fit"):
        with pytest.raises(ValueError, match=message):
            model.partial_fit(TEXTS, LABELS, sample_weight=weight)
        assert learnt(model) == []


@functools.cache
def weighted(name):
    """A classifier for which later texts weigh more; tests do not change it."""
    return EVERY[name]().fit(TEXTS, LABELS, sample_weight=np.repeat([1.0, 2.0], 30))


@shared_out("form", [list, pd.Series, lambda w: w.astype("float32")])
def test_forms_of_weights(name, make, form):
    weight = np.repeat([1.0, 2.0], 30)
    model = make().fit(TEXTS, LABELS, sample_weight=form(weight))
    assert same_predictions(weighted(name), model)


# The base class of networks, that of baselines, and a signature of `fit` of its own.
@pytest.mark.parametrize("name", ["LEAM", "BinaryRelevance", "MTLE"])
def test_weights_are_routed_through_cross_validation(make):
    weight = np.where(np.arange(60) % 2, 3.0, 0.25)
    cv = KFold(2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        result = cross_validate(
            model, TEXTS, LABELS, cv=cv, params={"sample_weight": weight}, return_estimator=True
        )
        search = GridSearchCV(model, {}, cv=cv).fit(TEXTS, LABELS, sample_weight=weight)
    for (kept, _), routed in zip(cv.split(TEXTS), result["estimator"], strict=True):
        by_hand = make().fit([TEXTS[i] for i in kept], LABELS[kept], sample_weight=weight[kept])
        assert same_predictions(routed, by_hand)
    by_hand = make().fit(TEXTS, LABELS, sample_weight=weight)
    assert same_predictions(search.best_estimator_, by_hand)


def test_tags(make):
    tags = get_tags(make())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.string is True
    assert tags.input_tags.one_d_array is True
    assert tags.input_tags.two_d_array is False
    assert tags.input_tags.sparse is False
    assert tags.input_tags.allow_nan is False
    assert tags.classifier_tags.multi_label is True
    assert tags.classifier_tags.multi_class is True
    assert tags.target_tags.required is True


def test_a_class_left_without_weight(make):  # check_classifiers_one_label_sample_weights, on text
    weight = (CLASSES == "late").astype(float)
    model = make()
    try:
        model.fit(CLASS_TEXTS, CLASSES, sample_weight=weight)
    except ValueError as error:
        assert "class" in str(error)  # noqa: PT017
        assert learnt(model) == []
    else:
        assert np.mean(model.predict(CLASS_TEXTS) == "late") > 0.9


def test_balanced_classes(neural_name, neural, request):  # check_class_weight_classifiers
    y = np.repeat([0, 1], [54, 6])
    texts = ["my parcel"] * 60  # nothing to tell the classes apart by

    def probability(class_weight):
        model = neural(max_epochs=20, validation_fraction=0, class_weight=class_weight)
        return model.fit(texts, y).predict_proba(["my parcel"])[0, 1]

    assert probability(None) < 0.3
    assert probability("balanced") == pytest.approx(0.5, abs=0.25)
    assert probability({0: 1, 1: 1000}) > 0.9
    with pytest.raises(ValueError, match="class_weight names labels that y does not have"):
        neural(class_weight={"nobody": 1.0}).fit(TEXTS, LABELS)
