"""What a fit decides from the data when a parameter says "auto", and what it trains on."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import LEAMClassifier
from sklabelemb.leam.recipe import FEW
from sklabelemb.learning.settings import Budget
from sklabelemb.linear import WidePath

from .small import CLASSIFIERS, LABELS, TEXTS

WORDS = ["parcel", "refund", "broken", "late", "voucher", "invoice"]
RANDOM = np.random.RandomState(0)
Y = (RANDOM.rand(200, 6) < 0.3).astype(int)
Y[:, :2] = 1
X = [" ".join(word for word, has in zip(WORDS, row, strict=True) if has) for row in Y]
SMALL = {"embedding_dim": 4, "random_state": 0, "device": "cpu"}


def test_predictions_have_as_many_labels_as_every_training_text():
    model = LEAMClassifier(max_epochs=1, threshold=1.0, **SMALL).fit(X, Y)
    assert model.min_labels_ == 2
    assert (model.predict(X).sum(axis=1) == 2).all()


def test_fewer_labels_later_lower_the_bound_for_good():
    model = LEAMClassifier(**SMALL).partial_fit(X, Y)
    fewer = Y.copy()
    fewer[0] = 0
    assert model.min_labels_ == 2
    assert model.partial_fit(X, fewer).min_labels_ == 0
    assert model.partial_fit(X, Y).min_labels_ == 0


@pytest.mark.parametrize(("copies", "expected"), [(1, 16), (10, 45), (30, 100)])
def test_batch_size_follows_the_number_of_texts(copies, expected):
    # A tenth is held out: 180, 1800 and 5400 texts are left to train on, for 40 batches an epoch.
    model = LEAMClassifier(max_epochs=1, wide=False, **SMALL)
    assert model.fit(X * copies, np.tile(Y, (copies, 1))).net_.batch_size == expected


@pytest.mark.parametrize(("n_batches", "expected"), [(2, 12), (200, 10), (401, 5)])
def test_two_thousand_steps_within_bounds(n_batches, expected):
    assert Budget().epochs(n_batches) == expected


def test_a_large_corpus_needs_fewer_epochs():
    assert [Budget().epochs(n) for n in (2000, 3000, 5000, 9000)] == [5, 4, 2, 2]


def test_few_batches_an_epoch_make_more_epochs():
    budget = Budget(steps=1000, fewest_epochs=3, most_epochs=8, fewest_steps=200)
    assert [budget.epochs(n) for n in (2, 50, 400)] == [100, 8, 3]
    assert budget.upper_bound == 200


@pytest.mark.parametrize(("batch_size", "expected"), [(100, 12), ("auto", 12)])
def test_epochs_follow_the_number_of_batches(batch_size, expected):
    # 2 batches of 100, or 13 of 16.
    model = LEAMClassifier(batch_size=batch_size, validation_fraction=0, wide=False, **SMALL)
    assert model.fit(X, Y).n_iter_ == expected


def test_the_wide_path_is_trained_again_with_the_held_out_texts(monkeypatch):
    seen = []
    original = WidePath.trained

    def spy(self, X, *args, again=False, **how):
        seen.append((X.shape[0], again))
        return original(self, X, *args, again=again, **how)

    monkeypatch.setattr(WidePath, "trained", spy)
    LEAMClassifier(max_epochs=1, **SMALL).fit(X, Y)
    assert seen == [(180, False), (200, True)]


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(
    ("threshold", "shrinkage", "expected"),
    [
        ("tuned", "auto", (400.0, "tuned")),
        ("micro", "auto", (400.0, "micro")),
        ("macro", "auto", (5.0, "macro")),
        ("macro", 30.0, (30.0, "macro")),
    ],
)
def test_thresholds_are_tuned_for_the_measure_that_is_asked_for(
    monkeypatch, name, threshold, shrinkage, expected
):
    asked = []

    def spy(targets, logits, *how):
        asked.append(how)
        return np.full(logits.shape[1], 0.25)

    monkeypatch.setattr("sklabelemb.learning.settings.tuned_thresholds", spy)
    model = CLASSIFIERS[name](
        threshold=threshold, threshold_shrinkage=shrinkage, validation_fraction=0.3, max_epochs=1
    ).fit(TEXTS, LABELS)
    assert asked == [expected]
    assert model.thresholds_.tolist() == [0.25] * 3


def test_held_out_texts_say_how_each_label_is_mixed():
    model = LEAMClassifier(max_epochs=2, validation_fraction=0.3, **SMALL).fit(X, Y)
    assert model.mixture_.by_label.shape == (6, 4)
    alone = LEAMClassifier(max_epochs=2, validation_fraction=0, **SMALL).fit(X, Y)
    # Nothing tells the labels apart but how frequent they are.
    for weight in ("deep", "wide"):
        assert set(alone.mixture_.of_labels(weight)) == {getattr(FEW, weight)}
