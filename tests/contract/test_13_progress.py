"""Promise 13: callbacks and progress."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.callback import ProgressBar

from .small import LABELS, TEXTS, UNSEEN, Interrupt, learnt, methods_of, same_predictions


class Record:
    """A callback of scikit-learn that writes down what it is told."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.told = []
        self.scores = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.told.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.told.append(("end", context.task_name))
        self.scores.append(fitted_estimator.predict_proba(X).shape == np.shape(y))
        epochs = self.told.count(("end", "epoch"))
        return self.stop_after is not None and epochs >= self.stop_after


def test_callbacks_are_told_of_every_epoch(neural):
    record = Record()
    model = neural(max_epochs=3).set_callbacks(record).fit(TEXTS, LABELS)
    epoch = [("begin", "epoch"), ("end", "epoch")]
    assert record.told == ["setup", ("begin", "fit"), *epoch * 3, ("end", "fit"), "teardown"]
    assert record.scores == [True] * 4
    # one that looks on does not change what is learnt
    assert same_predictions(model, neural(max_epochs=3).fit(TEXTS, LABELS))


def test_callbacks_stop_training(neural):
    record = Record(stop_after=2)
    model = neural(max_epochs=9).set_callbacks(record).fit(TEXTS, LABELS)
    assert model.n_iter_ == 2
    assert record.told.count(("end", "epoch")) == 2
    assert record.told[-2:] == [("end", "fit"), "teardown"]


def test_callbacks_are_told_the_end_of_an_epoch_that_ends_training(neural):
    record = Record()
    X, y = TEXTS * 2, np.tile(LABELS, (2, 1))
    model = neural(validation_fraction=0.2, patience=1, max_epochs=30).set_callbacks(record)
    model.fit(X, y)
    assert model.n_iter_ < 30
    assert record.told.count(("begin", "epoch")) == model.n_iter_
    assert record.told.count(("end", "epoch")) == model.n_iter_


def test_callbacks_are_torn_down_after_an_interrupt(neural):
    record = Record()
    model = neural(net_params={"callbacks": [Interrupt(KeyboardInterrupt())]})
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(record).fit(TEXTS, LABELS)
    assert record.told[-1] == "teardown"
    assert ("end", "fit") not in record.told
    assert learnt(model) == []


def test_progress_bar_of_scikit_learn(neural):
    pytest.importorskip("rich")
    neural().set_callbacks(ProgressBar()).fit(TEXTS, LABELS)


def test_silent_unless_asked(make, capfd):
    model = make().fit(TEXTS, LABELS)
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_the_error_stream(neural, capfd, monkeypatch):
    # Wide enough for a whole line, in whatever window the tests run.
    monkeypatch.setenv("COLUMNS", "200")
    model = neural(verbose=1, max_epochs=3).fit(TEXTS, LABELS)
    out, err = capfd.readouterr()
    assert out == ""
    assert type(model).__name__ in err
    assert "6/6" in err
    assert "train_loss" in err
    assert same_predictions(model, neural(max_epochs=3).fit(TEXTS, LABELS))


def test_progress_of_an_interrupted_fit_is_put_away(neural, capfd):
    from tqdm.auto import tqdm

    with pytest.raises(KeyboardInterrupt):
        neural(verbose=1, net_params={"callbacks": [Interrupt(KeyboardInterrupt())]}).fit(
            TEXTS, LABELS
        )
    assert not list(tqdm._instances)
    assert capfd.readouterr().out == ""
