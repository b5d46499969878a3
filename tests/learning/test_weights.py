"""Weights of classes and labels: which are taken, and which are refused by name."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from sklabelemb.learning.weights import class_weights
from sklabelemb.targets import Targets

from .small import CLASSES, CLASSIFIERS, LABELS, TEXTS, UNSEEN

FRAME = pd.DataFrame(LABELS, columns=["delivery", "refund", "staff"])


@pytest.fixture(params=CLASSIFIERS)
def make(request):
    """Factory of a small classifier."""
    return CLASSIFIERS[request.param]


@pytest.mark.parametrize("weight", [-1, -0.5, np.nan, np.inf, "2", None, [1.0], {"a": 1}, True, 1j])
@pytest.mark.parametrize("form", ["dict", "list"])
def test_weights_that_are_none(make, weight, form):
    class_weight = {"refund": weight} if form == "dict" else [1.0, weight, 1.0]
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=r"class_weight\['refund'\] is .*a finite number"):
            getattr(make(class_weight=class_weight), method)(TEXTS, FRAME)


TARGETS = {"labels": FRAME, "classes": CLASSES}


@functools.cache
def scores_with(name, target, weights):
    """What a classifier says that was fitted with weights by name."""
    class_weight = dict(weights) if weights else None
    model = CLASSIFIERS[name](class_weight=class_weight).fit(TEXTS, TARGETS[target])
    return model.decision_function(UNSEEN)


# One function reads them for all: one classifier takes every form.
@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(("leam", form) for form in (list, tuple, np.array, pd.Series)),
        ("mtle", tuple),
        ("semantic units", np.array),
        ("laco", pd.Series),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_weights_in_the_order_of_the_labels(name, form, target):
    names = list(FRAME.columns) if target == "labels" else sorted(set(CLASSES))
    weights = [1.0, 5.0, 0.5, 2.0][: len(names)]
    model = CLASSIFIERS[name](class_weight=form(weights)).fit(TEXTS, TARGETS[target])
    by_order = model.decision_function(UNSEEN)
    by_name = scores_with(name, target, tuple(zip(names, weights, strict=True)))
    np.testing.assert_array_equal(by_order, by_name)
    assert not np.array_equal(by_order, scores_with(name, target, ()))


def test_as_many_weights_as_labels(make):
    with pytest.raises(ValueError, match="class_weight has 2 weights for 3 labels"):
        make(class_weight=[1.0, 2.0]).fit(TEXTS, LABELS)


def test_labels_that_there_are_none_of(make):
    with pytest.raises(ValueError, match=r"labels that y does not have: .*'nobody'.*'delivery'"):
        make(class_weight={"nobody": 1.0}).fit(TEXTS, FRAME)


def test_balanced_labels_weigh_as_negatives_to_positives():
    rare = np.zeros((99, 3), dtype=int)
    rare[:9, 0] = 1
    rare[:49, 1] = 1
    targets = Targets.infer(rare)
    weights = class_weights("balanced", targets, targets.encode(rare))
    # One is added to either count, so that a label without positives has a weight, too.
    np.testing.assert_allclose(weights, [91 / 10, 51 / 50, 100 / 1])
    classes = Targets.infer(["a"] * 6 + ["b"] * 2)
    weights = class_weights("balanced", classes, classes.encode(["a"] * 6 + ["b"] * 2))
    np.testing.assert_allclose(weights, [8 / (2 * 6), 8 / (2 * 2)])
