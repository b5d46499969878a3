"""What reaches skorch through `net_params`, and what is refused."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
import torch
from skorch.callbacks import BatchScoring, Checkpoint, EarlyStopping, EpochScoring

from sklabelemb.decision import decide

from .small import CLASSES, CLASSIFIERS, LABELS, TEXTS


@pytest.fixture(params=CLASSIFIERS)
def make(request):
    """Factory of a small classifier."""
    return CLASSIFIERS[request.param]


def fitted(make, callback, y=LABELS, **parameters):
    parameters = {
        "patience": 9,
        "validation_fraction": 0.2,
        "net_params": {"callbacks": [("mine", callback)]},
        **parameters,
    }
    return make(**parameters).fit(TEXTS, y)


def share_of_right(net, X, y):
    predicted = net.predict(X)
    assert predicted.shape == y.shape
    return float(np.mean(predicted == y))


KINDS = [EpochScoring, BatchScoring]
WAYS = list(product(KINDS, ["labels", "classes"], [False, True], [False, True]))
# One classifier takes them all; the others every kind with every target, and both of the rest.
SOME_WAYS = [
    (EpochScoring, "labels", True, False),
    (EpochScoring, "classes", False, True),
    (BatchScoring, "labels", False, True),
    (BatchScoring, "classes", True, False),
]


@pytest.mark.parametrize(
    ("name", "kind", "target", "on_train", "caching"),
    [
        *(("leam", *way) for way in WAYS),
        *((name, *way) for name in CLASSIFIERS if name != "leam" for way in SOME_WAYS),
    ],
)
def test_scoring_callbacks(name, kind, target, on_train, caching):
    make, y = CLASSIFIERS[name], {"labels": LABELS, "classes": CLASSES}[target]
    callback = kind(share_of_right, name="right", on_train=on_train, use_caching=caching)
    model = fitted(make, callback, y)
    scores = [row["right"] for row in model.history_]
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)
    assert max(scores) > 0


@pytest.mark.parametrize(
    ("scoring", "y"),
    [("f1_micro", LABELS), ("roc_auc", LABELS), ("accuracy", CLASSES), ("neg_log_loss", CLASSES)],
)
def test_scorers_of_scikit_learn(make, scoring, y):
    model = fitted(make, EpochScoring(scoring, name="mine", lower_is_better=False), y)
    assert np.isfinite([row["mine"] for row in model.history_]).all()


def test_what_is_scored_is_what_the_model_predicts():
    seen = []

    def keep(net, X, y):
        seen.append((net.predict_proba(X), net.predict(X)))
        return 0.0

    model = fitted(
        CLASSIFIERS["leam"], EpochScoring(keep, on_train=True), validation_fraction=0, patience=None
    )
    proba, decisions = seen[-1]
    np.testing.assert_array_equal(proba, model.predict_proba(TEXTS))
    np.testing.assert_array_equal(decisions, decide(proba, 0.5, model.min_labels_))


def test_early_stopping_watches_the_validation_score(make):
    stopper = EarlyStopping("valid_score", patience=1, threshold=10.0, lower_is_better=False)
    stopper.sink = lambda _: None
    assert fitted(make, stopper, max_epochs=5).n_iter_ == 2


@pytest.mark.parametrize("monitor", ["valid_score_best", "valid_loss_best"])
def test_checkpoints(make, monitor, tmp_path):
    model = fitted(make, Checkpoint(dirname=tmp_path, monitor=monitor, f_history=None))
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert saved.keys() == model.net_.module_.state_dict().keys()
    assert any(row[monitor] for row in model.history_)


WATCHERS = [
    EarlyStopping("valid_score", lower_is_better=False),
    EarlyStopping(),
    Checkpoint(monitor="valid_score_best"),
]


@pytest.mark.parametrize("callback", WATCHERS, ids=lambda c: type(c).__name__)
def test_without_held_out_texts_watchers_say_that_they_do_nothing(make, callback):
    with pytest.warns(UserWarning, match="mine in net_params watches 'valid_.*no texts are held"):
        model = fitted(make, callback, validation_fraction=0)
    assert model.n_iter_ == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(TEXTS, LABELS)


@pytest.mark.parametrize("kind", [EpochScoring, BatchScoring])
def test_without_held_out_texts_scores_are_of_nothing(make, kind):
    model = fitted(make, kind(share_of_right, name="right"), validation_fraction=0)
    assert not any("right" in row for row in model.history_)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("max_epochs", 3, "the parameter max_epochs"),
        ("train_split", None, "the parameter validation_fraction"),
        ("warm_start", True, "the parameter warm_start"),
        ("device", "cpu", "the parameter device"),
        ("compile", True, "mixed_precision=True"),
        ("module", torch.nn.Linear, "a classifier of your own"),
        ("dataset", None, "the texts themselves"),
        ("iterator_train__num_workers", 2, "Leave it out"),
        ("iterator_valid__pin_memory", True, "Leave it out"),
    ],
)
def test_what_would_be_ignored_is_refused(make, name, value, advice):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=f"net_params has '{name}'.*{advice}"):
            getattr(make(net_params={name: value}), method)(TEXTS, LABELS)


def test_a_loss_of_ones_own():
    class Squares(torch.nn.Module):
        def forward(self, logits, target):
            return (logits.sigmoid() - target["y"]).square().mean()

    model = CLASSIFIERS["leam"](net_params={"criterion": Squares}).fit(TEXTS, LABELS)
    assert type(model.net_.criterion_) is Squares


def test_several_tasks_have_no_common_predictions():
    model = CLASSIFIERS["mtle"](
        net_params={"callbacks": [EpochScoring(share_of_right)]}, validation_fraction=0.2
    )
    with pytest.raises(ValueError, match="score one task, and this model has 2"):
        model.fit_tasks({"a": (TEXTS, LABELS), "b": (TEXTS, LABELS)})
