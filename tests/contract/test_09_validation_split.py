"""Promise 9: what fit holds out."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from sklabelemb.learning import TextNet

from .small import CLASS_TEXTS, CLASSES, LABELS, TEXTS, UNSEEN, write

# The package has a function of the name of the module.
FITTING = importlib.import_module("sklabelemb.learning.fit")


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_the_validation_split_is_stratified(neural, target, monkeypatch):
    splits, trained = [], []
    original = FITTING.stratified_holdout

    def spy(targets, fraction, seed):
        splits.append((targets, fraction, *original(targets, fraction, seed)))
        return splits[-1][2:]

    def train_on(self, train, valid, *args, **kwargs):
        trained.append((train, valid))
        return original_train(self, train, valid, *args, **kwargs)

    original_train = TextNet.train_on
    monkeypatch.setattr(FITTING, "stratified_holdout", spy)
    monkeypatch.setattr(TextNet, "train_on", train_on)
    # Sorted: a plain tail would hold one kind of text only. The first label is rare.
    if target == "labels":
        y = np.repeat([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [16, 52, 52], axis=0)
    else:
        y = np.repeat(["a", "b", "c"], [16, 52, 52])
    X = write(np.repeat(np.eye(3, dtype=int), [16, 52, 52], axis=0))
    neural(validation_fraction=0.25, patience=4).fit(X, y)

    ((_, fraction, kept, cut),) = splits
    assert fraction == 0.25
    assert sorted([*kept, *cut]) == list(range(120))
    ((train, valid),) = trained
    assert (len(train), len(valid)) == (len(kept), len(cut))
    held_out = np.repeat([0, 1, 2], [16, 52, 52])[cut]
    np.testing.assert_allclose(np.bincount(held_out, minlength=3), [4, 13, 13], atol=1)
    (part,) = getattr(valid, "parts", (valid,))
    found = part.targets.toarray().argmax(axis=1) if target == "labels" else part.targets
    np.testing.assert_array_equal(found, held_out)


def test_without_a_validation_split(neural, monkeypatch):
    def fail(*args):
        raise AssertionError("nothing was to be held out")

    monkeypatch.setattr(FITTING, "stratified_holdout", fail)
    # With this many texts a tenth, the default, would be held out.
    model = neural(validation_fraction=0, max_epochs=3).fit(TEXTS * 2, np.tile(LABELS, (2, 1)))
    assert model.n_iter_ == model.best_epoch_ == 3
    assert "valid_score" not in model.history_[0]
    assert model.thresholds_.tolist() == [0.5] * 3


def test_the_best_epoch_is_kept(neural):
    X, y = TEXTS * 3, np.tile(LABELS, (3, 1))
    model = neural(validation_fraction=0.2, patience=2, max_epochs=30).fit(X, y)
    scores = [row["valid_score"] for row in model.history_]
    assert model.n_iter_ == len(scores) < 30
    assert model.best_epoch_ == int(np.argmax(scores)) + 1 == model.n_iter_ - 2


def test_a_class_with_one_sample(neural):
    y = CLASSES.astype(object).copy()
    y[0] = "lonely"
    model = neural(validation_fraction=0.3).fit(CLASS_TEXTS, y)
    assert model.predict_proba(UNSEEN).shape == (20, 4)
