"""Updates and warm starts: what carries over, what counts as it is now, what a failure leaves."""

from __future__ import annotations

import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from .small import CLASSES, CLASSIFIERS, LABELS, TEXTS, UNSEEN, fitted

SEEN = TEXTS[:40], LABELS[:40]
NEW = [f"{text} quite unheard of" for text in TEXTS[:40]], LABELS[:40]
BATCHES = {"known words": SEEN, "new words": NEW}


@pytest.fixture(params=CLASSIFIERS)
def name(request):
    """Name of a small classifier."""
    return request.param


@pytest.fixture
def make(name):
    """Factory of a small classifier."""
    return CLASSIFIERS[name]


@pytest.fixture(params=BATCHES)
def words(request):
    """Name of a batch to update with."""
    return request.param


@pytest.fixture
def batch(words):
    """Texts and label sets to update with."""
    return BATCHES[words]


@functools.cache
def scores_after_an_update(name, words):
    """Of a copy of the fitted classifier, with the parameters that it was fitted with."""
    return copy.deepcopy(fitted(name)).partial_fit(*BATCHES[words]).decision_function(UNSEEN)


class Batches(Callback):
    """Counts the texts of every batch."""

    sizes: list[int] = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        Batches.sizes.append(len(batch[0]["ids"]))


CHANGES = {
    "class_weight": [20.0, 1.0, 1.0],
    "learning_rate": 0.2,
    "batch_size": 7,
    "mixed_precision": True,
}


@pytest.mark.parametrize("parameter", [None, *CHANGES])
def test_an_update_takes_parameters_as_they_are_now(name, parameter, words):
    model = copy.deepcopy(fitted(name))
    if parameter is not None:
        model.set_params(**{parameter: CHANGES[parameter]})
    found = model.partial_fit(*BATCHES[words]).decision_function(UNSEEN)
    # Where nothing is changed, copies learn the same: so what differs comes of the change.
    same = np.array_equal(found, scores_after_an_update(name, words))
    assert same is (parameter is None)


def test_an_update_decays_weights_as_asked_for_now(name, batch):
    model = copy.deepcopy(fitted(name))
    model.set_params(weight_decay=0.5, learning_rate=1e-9).partial_fit(*batch)
    decays = {group["weight_decay"] for group in model.net_.optimizer_.param_groups}
    assert 0.5 in decays


def test_an_update_has_the_callbacks_and_options_of_now(name, batch):
    model = copy.deepcopy(fitted(name))
    Batches.sizes.clear()
    model.set_params(net_params={"callbacks": [Batches()], "batch_size": 11}).partial_fit(*batch)
    assert Batches.sizes
    assert max(Batches.sizes) == 11


def test_accumulation_counts_in_an_update():
    model = copy.deepcopy(fitted("laco"))
    model.set_params(accumulation_steps=4).partial_fit(*NEW)
    assert model.net_.accumulation_steps == 4


def moments(model):
    """First moments by the names of their parameters."""
    names = {p: name for name, p in model.net_.module_.named_parameters()}
    return {
        names[p]: state["exp_avg"]
        for part in model.net_.optimizer_.parts
        for p, state in part.state.items()
        if "exp_avg" in state
    }


def test_moments_survive_new_words(make, monkeypatch):
    model = make().fit(TEXTS, LABELS)
    before = {name: value.clone() for name, value in moments(model).items()}
    found = {}

    class Look(Callback):
        def on_train_begin(self, net, **kwargs):
            names = {p: name for name, p in net.module_.named_parameters()}
            for part in net.optimizer_.parts:
                for p, state in part.state.items():
                    found[names[p]] = state["exp_avg"].clone()

    model.set_params(net_params={"callbacks": [Look()]}).partial_fit(*NEW)
    assert found.keys() == before.keys()
    grown = 0
    for name, value in before.items():
        torch.testing.assert_close(found[name][: len(value)] if value.dim() else found[name], value)
        if value.dim() and len(found[name]) > len(value):
            grown += 1
            assert not found[name][len(value) :].any()
    assert grown


@pytest.mark.parametrize("rows", [1, 10**9], ids=["sparse before", "dense before"])
def test_moments_survive_a_change_of_the_kind_of_update(rows, monkeypatch):
    model = CLASSIFIERS["leam"]()
    monkeypatch.setattr("sklabelemb.learning.optimizers.SPARSE_FROM_ELEMENTS", rows)
    model.fit(TEXTS, LABELS)
    monkeypatch.setattr("sklabelemb.learning.optimizers.SPARSE_FROM_ELEMENTS", 10**9 + 1 - rows)
    model.partial_fit(*NEW)
    steps = {float(s["step"]) for part in model.net_.optimizer_.parts for s in part.state.values()}
    n_steps = 2 * -(-len(TEXTS) // 16) + -(-40 // 16)
    assert steps == {float(n_steps)}


def test_an_update_leaves_the_model_before_it_alone(name):
    model = copy.deepcopy(fitted(name))
    before, expected = model.model_, model.decision_function(UNSEEN)
    rows = len(before.history)
    model.partial_fit(*NEW)
    assert not np.array_equal(model.decision_function(UNSEEN), expected)
    model.model_ = before
    np.testing.assert_array_equal(model.decision_function(UNSEEN), expected)
    assert len(before.history) == rows


class Fail(Callback):
    """Fails in the second batch of an update."""

    seen = 0

    def on_batch_end(self, net, training, **kwargs):
        Fail.seen += training
        if Fail.seen == 2:
            raise RuntimeError("no more")


def test_an_update_that_fails_restores_all(make, batch):
    model = make().fit(TEXTS, LABELS)
    twin = copy.deepcopy(model)
    twin.model_.net.initialize_optimizer()
    expected, kept = model.decision_function(UNSEEN), moments(model)
    kept = {name: value.clone() for name, value in kept.items()}
    n_epochs = model.n_iter_
    Fail.seen = 0
    model.set_params(net_params={"callbacks": [Fail()]})
    with pytest.raises(RuntimeError, match="no more"):
        model.partial_fit(*batch)
    np.testing.assert_array_equal(model.decision_function(UNSEEN), expected)
    assert model.n_iter_ == n_epochs
    assert kept.keys() == moments(model).keys()
    for name, value in moments(model).items():
        assert torch.equal(value, kept[name])
    # And the next update is that of a model to which nothing has happened.
    model.set_params(net_params=None).partial_fit(*batch)
    assert model.n_iter_ == n_epochs + 1


def diverge(model):
    for _ in range(5):
        model.partial_fit(*SEEN)


def test_a_diverging_update_names_its_own_learning_rate(name):
    model = copy.deepcopy(fitted(name))
    model.set_params(learning_rate=1e30)
    if "encoder_learning_rate" in model.get_params():
        model.set_params(encoder_learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"learning_rate \(now 1e\+30\)"):
        diverge(model)


def test_balanced_weights_are_not_those_of_a_batch(make):
    model = make(class_weight="balanced").fit(TEXTS, CLASSES)
    weights = model.model_.own_task.class_weight
    some = np.isin(CLASSES, ["late", "none"])
    X = [text for text, chosen in zip(TEXTS, some, strict=True) if chosen]
    model.partial_fit(X, CLASSES[some])
    np.testing.assert_array_equal(model.model_.own_task.class_weight, weights)
    model.partial_fit([f"{text} unheard" for text in X], CLASSES[some])
    np.testing.assert_array_equal(model.model_.own_task.class_weight, weights)


@pytest.mark.parametrize("later", [None, {"late": 9.0}, "balanced"])
def test_a_warm_start_weighs_the_classes_as_asked_for_now(make, later):
    short = {"max_epochs": 1}
    model = make(class_weight={"late": 3.0}, warm_start=True, **short).fit(TEXTS, CLASSES)
    model.set_params(class_weight=later).fit(TEXTS, CLASSES)
    anew = make(class_weight=later, **short).fit(TEXTS, CLASSES)
    found, expected = model.model_.own_task.class_weight, anew.model_.own_task.class_weight
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(found, expected)


def test_a_loaded_optimiser_is_none_and_begins_anew(name):
    model = pickle.loads(pickle.dumps(fitted(name)))
    assert not hasattr(model.net_, "optimizer_")
    model.partial_fit(*NEW)
    assert model.n_iter_ == 3


class Order(Callback):
    """Keeps which texts each batch of an update had."""

    seen: list[list[int]] = []

    def on_train_begin(self, net, **kwargs):
        Order.seen.append([])

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training:
            # Padded or not, the sums tell batches of these texts apart.
            Order.seen[-1].append(int(batch[0]["ids"].sum()))


def test_updates_draw_their_batches_anew(make):
    model = make(batch_size=4, net_params={"callbacks": [Order()]})
    twin = copy.deepcopy(model)
    batch = TEXTS[:32], LABELS[:32]
    for one in (model, twin):
        one.partial_fit(*batch)
    Order.seen.clear()
    for _ in range(3):
        model.partial_fit(*batch)
    orders = [tuple(order) for order in Order.seen]
    assert len(set(orders)) == 3
    Order.seen.clear()
    for _ in range(3):
        twin.partial_fit(*batch)
    assert [tuple(order) for order in Order.seen] == orders


@pytest.mark.parametrize("name", ["leam", "semantic units", "laco"])
@pytest.mark.parametrize("y", [LABELS, CLASSES], ids=["labels", "classes"])
def test_a_model_that_begins_with_an_update_has_a_wide_path(name, y):
    make = CLASSIFIERS[name]
    whole = make(wide=True, validation_fraction=0.0).fit(TEXTS, y)
    model = make(wide=True).partial_fit(TEXTS, y)
    # Its first texts are all that it knows.
    np.testing.assert_array_equal(model.wide_.weights, whole.wide_.weights)
    assert model.mixture_ == whole.mixture_
    features, weights = model.wide_.words, model.wide_.weights
    model.partial_fit([f"{text} quite unheard of" for text in TEXTS], y)
    assert model.wide_.words is features
    assert not np.array_equal(model.wide_.weights, weights)
    assert make(wide=False).partial_fit(TEXTS, y).wide_ is None


def test_the_parameter_may_not_bring_a_wide_path_later():
    """Texts that come late would choose n-grams, and the mixture is settled."""
    model = CLASSIFIERS["leam"](wide=False).fit(TEXTS, LABELS)
    assert model.set_params(wide=True).partial_fit(*NEW).wide_ is None
