"""Labels without a sample are named once by a search, not once by each of its fits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from sklabelemb import BinaryRelevance, LabelTreeClassifier, LEAMClassifier, ThresholdTuner

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "hello"] * 6
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]] * 6)
LABELS[0, 2] = 1


def leam():
    return LEAMClassifier(embedding_dim=4, max_epochs=1, wide=False, random_state=0)


def said(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(w.message) for w in caught if "have no positive sample" in str(w.message)]


@pytest.mark.parametrize(
    "search",
    [
        lambda: GridSearchCV(leam(), {"learning_rate": [0.001, 0.01]}, cv=3).fit(TEXTS, LABELS),
        lambda: GridSearchCV(
            make_pipeline(BinaryRelevance()), {"binaryrelevance__label_names": [None]}, cv=4
        ).fit(TEXTS, LABELS),
        lambda: cross_validate(LabelTreeClassifier(), TEXTS, LABELS, cv=3),
        lambda: ThresholdTuner(leam(), cv=3, random_state=0).fit(TEXTS, LABELS),
        lambda: cross_validate(ThresholdTuner(BinaryRelevance(), cv=3), TEXTS, LABELS, cv=3),
    ],
    ids=["search", "pipeline", "cross-validation", "tuner", "tuners"],
)
def test_once_a_search(search):
    for _ in range(2):  # and once again in the next one
        (message,) = said(search)
        assert message.startswith("1 of 3 labels have no positive sample in y (2)")
        assert message.endswith("Further fits of the same search do not repeat this.")


def test_every_plain_fit_says_it():
    model = leam()
    y = LABELS * np.array([1, 1, 0])
    for _ in range(2):
        (message,) = said(lambda: model.fit(TEXTS, y))
        assert "same search" not in message


def test_clones_have_the_parameters_and_nothing_fitted():
    model = leam()
    assert vars(model) == vars(leam())
    twin = clone(clone(model))
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "model_")
    assert vars(model) == vars(leam())
