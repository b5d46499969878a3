"""Promise 8: nothing leaks from net to net, and net_params pass through to skorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback, EarlyStopping

from sklabelemb.learning import TextNet

from .small import ALL, LABELS, TEXTS, UNSEEN, Interrupt, learnt, outcome, same_predictions

CALLBACKS = {"net_params": {"callbacks": [Interrupt(None, after=-1)]}}


@pytest.mark.parametrize(("name", "more"), [*((name, {}) for name in ALL), ("LEAM", CALLBACKS)])
def test_a_clone_starts_afresh(make, more):
    first = make(**more).fit(TEXTS[:30], LABELS[:30])
    twin = clone(first)
    assert learnt(twin) == []
    with pytest.raises(NotFittedError):
        twin.predict(TEXTS)
    before = outcome(first, "predict_proba", UNSEEN)
    twin.fit(TEXTS[30:], LABELS[30:])
    assert same_predictions(twin, make(**more).fit(TEXTS[30:], LABELS[30:]))
    np.testing.assert_array_equal(outcome(first, "predict_proba", UNSEEN), before)


def test_parts_of_the_net_are_classes(neural):
    model = neural().fit(TEXTS, LABELS)
    for part in ("module", "criterion", "optimizer", "iterator_train", "iterator_valid"):
        assert isinstance(getattr(model.net_, part), type), part
    assert isinstance(model.net_, TextNet)


def test_net_params_reach_skorch(neural):
    class Count(Callback):
        batches = 0

        def on_batch_end(self, net, training, **kwargs):
            Count.batches += training

    model = neural(
        validation_fraction=0,
        net_params={
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": 0.9,
            "batch_size": 5,
            "callbacks": [Count()],
        },
    ).fit(TEXTS, LABELS)
    assert Count.batches == 12 * model.max_epochs
    assert type(model.net_.optimizer_) is torch.optim.SGD
    assert model.net_.optimizer_.defaults["momentum"] == 0.9
    assert model.net_.batch_size == 5


def test_unknown_net_params(neural):
    with pytest.raises((TypeError, ValueError), match=r"unexpected argument.*batchsize"):
        neural(net_params={"batchsize": 5}).fit(TEXTS, LABELS)


def test_skorch_early_stopping_ends_training_properly(neural, capsys):
    stopper = EarlyStopping(monitor="train_loss", patience=1, threshold=100.0, sink=lambda _: None)
    model = neural(max_epochs=8, net_params={"callbacks": [stopper]}).fit(TEXTS, LABELS)
    assert model.n_iter_ == 2
    check_is_fitted(model)
