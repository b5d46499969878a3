"""Promise 5: parameters, reproducible fits, and nothing global that is touched."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError, StrOptions

from .small import (
    INDICATORS,
    LABELS,
    TARGETS,
    TEXTS,
    UNSEEN,
    Interrupt,
    answers_as,
    dense,
    global_states,
    learnt,
    methods_of,
    parameters_of,
    same_predictions,
    shared_out,
)


def test_the_constructor_only_assigns(make):
    kind = type(make())
    parameters = parameters_of(make())
    # Wrong values of every kind: whoever validates, converts or copies here is found out.
    sentinels = {name: object() for name in parameters}
    model = kind(**sentinels)
    assert vars(model) == sentinels
    assert all(vars(model)[name] is value for name, value in sentinels.items())
    for parameter in inspect.signature(kind.__init__).parameters.values():
        if parameter.name != "self":
            assert parameter.kind is parameter.KEYWORD_ONLY, parameter
            assert parameter.default is not parameter.empty
            mutable = (list, dict, set, np.ndarray)
            assert not isinstance(parameter.default, mutable)


def test_get_params_set_params_clone_and_repr(make):
    model = make()
    assert sorted(model.get_params(deep=False)) == sorted(parameters_of(model))
    assert set(type(model)._parameter_constraints) == set(parameters_of(model))
    twin = clone(model)
    assert twin is not model
    for name, value in model.get_params(deep=False).items():
        other = twin.get_params(deep=False)[name]
        assert other == value or isinstance(value, BaseEstimator), name
    assert repr(twin) == repr(model)
    assert repr(type(model)()) == f"{type(model).__name__}()"


def test_repr_shows_what_is_not_default(neural):
    assert "random_state=0" in repr(neural())
    assert "lowercase=False" in repr(neural(lowercase=False))


def test_a_parameter_that_does_not_exist(make):
    with pytest.raises(
        ValueError, match=r"(?s)Invalid parameter 'windowsize'.*Valid parameters are"
    ):
        make().set_params(windowsize=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'windowsize'"):
        make(windowsize=3)


def test_every_parameter_is_validated_in_fit(make):
    for name in parameters_of(make()):
        model = make(**{name: object()})
        with pytest.raises(InvalidParameterError, match=rf"The '{name}' parameter of \w+ must be"):
            model.fit(TEXTS, LABELS)
        assert learnt(model) == []


def test_a_misspelt_value_names_the_allowed_ones(neural):
    model = neural()
    seen = 0
    for name, constraints in type(model)._parameter_constraints.items():
        for constraint in constraints:
            if isinstance(constraint, StrOptions) and str not in constraints:
                seen += 1
                with pytest.raises(InvalidParameterError, match=f"'{name}' parameter") as caught:
                    neural(**{name: "no such thing"}).fit(TEXTS, LABELS)
                for option in constraint.options:
                    assert repr(option) in str(caught.value)
    assert seen >= 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("embedding_dim", 0),
        ("embedding_dim", 2.5),
        ("max_epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", -1.0),
        ("warmup", 1.0),
        ("weight_decay", -0.1),
        ("validation_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("patience", 0),
        ("min_df", 0),
        ("min_df", 1.5),
        ("max_features", 0),
        ("max_length", 0),
        ("min_labels", -1),
        ("threshold_shrinkage", -1),
        ("random_state", "seed"),
        ("class_weight", "balance"),
        ("net_params", [("lr", 1)]),
    ],
)
def test_values_out_of_range(neural, parameter, value):
    if parameter not in neural().get_params():
        pytest.skip("has no such parameter")
    with pytest.raises(InvalidParameterError, match=rf"The '{parameter}' parameter of \w+ must be"):
        neural(**{parameter: value}).fit(TEXTS, LABELS)


def test_a_device_that_does_not_exist(neural):
    with pytest.raises(ValueError, match=r"device='gpu'.*'auto'.*'cpu'.*'cuda'"):
        neural(device="gpu").fit(TEXTS, LABELS)


def test_partial_fit_validates_too(neural):
    with pytest.raises(InvalidParameterError, match="'lowercase' parameter"):
        neural(lowercase="yes").partial_fit(TEXTS, LABELS)


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_same_seed_same_predictions_bit_for_bit(every_name, every, target):
    assert answers_as(every().fit(*TARGETS[target]), every_name, target)


def test_random_state_decides(neural):
    def fit(random_state):
        settings = {"validation_fraction": 0.3, "max_epochs": 1}
        return neural(random_state=random_state, **settings).fit(TEXTS, LABELS)

    first = fit(7)
    assert same_predictions(first, fit(7))
    assert same_predictions(first, fit(np.random.RandomState(7)))
    assert not same_predictions(first, fit(8))


def test_the_seed_holds_whatever_the_global_state_is(every_neural_name, every_neural):
    with torch.random.fork_rng():
        torch.manual_seed(12345)
        state = np.random.get_state()
        np.random.seed(12345)
        model = every_neural().fit(TEXTS, LABELS)
        np.random.set_state(state)
    assert answers_as(model, every_neural_name)


def test_without_a_seed_every_fit_differs(neural):
    state = np.random.get_state()
    np.random.seed(3)
    try:
        first, second = (neural(random_state=None).fit(TEXTS, LABELS) for _ in range(2))
        np.random.seed(3)
        again = neural(random_state=None).fit(TEXTS, LABELS)
    finally:
        np.random.set_state(state)
    assert not same_predictions(first, second)
    # scikit-learn's None is numpy's global generator, so numpy.random.seed reaches it.
    assert same_predictions(first, again)


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_global_random_states_are_left_alone(every, target):
    X, y = TARGETS[target]
    before = global_states()
    model = every()
    if hasattr(model, "max_epochs"):
        model.set_params(max_epochs=1)
    model.fit(X, y)
    assert global_states() == before, "fit"
    if hasattr(model, "validation_fraction"):
        model.set_params(validation_fraction=0.3).fit(X, y)
        assert global_states() == before, "fit with a validation split"
    if hasattr(model, "partial_fit"):
        model.partial_fit(X, y)
        assert global_states() == before, "partial_fit"
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
        assert global_states() == before, method


def test_the_random_states_survive_an_interrupted_fit(neural):
    before = global_states()
    with pytest.raises(KeyboardInterrupt):
        neural(net_params={"callbacks": [Interrupt(KeyboardInterrupt())]}).fit(TEXTS, LABELS)
    assert global_states() == before


@shared_out("form", ["int64", "float32", "csr_matrix", "pandas"])
def test_what_is_passed_in_is_not_modified(make, form):
    X, y, weight = np.array(TEXTS, dtype=object), INDICATORS[form], np.linspace(0, 1, 60)
    copies = X.copy(), y.copy(), weight.copy()
    X.flags.writeable = weight.flags.writeable = False
    if isinstance(y, np.ndarray):
        y = y.copy()
        y.flags.writeable = False
    model = make().fit(X, y, sample_weight=weight)
    for method in methods_of(model):
        getattr(model, method)(X)
    if hasattr(model, "partial_fit"):
        model.partial_fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(dense(y), dense(copies[1]))
    np.testing.assert_array_equal(weight, copies[2])


def test_fit_does_not_modify_parameters(neural):
    net_params = {"callbacks": [Interrupt(None, after=-1)], "optimizer": torch.optim.SGD}
    given = {"net_params": net_params, "label_texts": {0: "late", 1: "money", 2: "rude"}}
    model = neural(threshold=[0.5, 0.4, 0.3], class_weight={0: 2.0}, **given)
    before = {name: copy.copy(value) for name, value in model.get_params(deep=False).items()}
    identities = {name: id(value) for name, value in model.get_params(deep=False).items()}
    model.fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS)
    assert model.get_params(deep=False) == before
    assert {name: id(value) for name, value in model.get_params(deep=False).items()} == identities
