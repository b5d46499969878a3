"""Promise 11: nothing that was fitted reads a parameter."""

from __future__ import annotations

import contextlib
import copy
import warnings
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import pytest

from sklabelemb import load, save
from sklabelemb.mtle import MTLEClassifier

from .small import BASELINES, UNSEEN, fitted, methods_of, outcome, parameters_of

X = [*UNSEEN[:3], "", "12 days LATE and unheard of"]

# Legal values that would make a difference, where the rule in `another` finds none.
OTHERS = {
    "label_names": ["late", "money", "staff"],
    "tokenizer": list,
    "max_features": 1,
    "max_length": 1,
    "label_texts": ["money", "rude", "late"],
    "class_weight": [9.0, 0.1, 3.0],
    "threshold": 0.01,
    "min_labels": 3,
    "max_labels": 1,
    "hierarchical": 2,
    "batch_size": 1,
    "patience": None,
    "device": "auto",
    "random_state": 77,
    "net_params": {"batch_size": 1, "lr": 9.0},
    "checkpoint": "a folder that nothing is written to",
    "vectors": {"late": np.ones(8), "unheard": np.ones(8)},
    "max_grad_norm": 1e-9,
    "vectorizer": None,
    "classifier": None,
    "order": [2, 1, 0],
    "n_jobs": 2,
    "widths": (2,),
    "hidden_layers": (3,),
}


def another(model, parameter):
    """A legal value of a parameter that is not the present one."""
    if parameter in OTHERS:
        return OTHERS[parameter]
    value = getattr(model, parameter)
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {**value, "hidden_size": 4}
    options = set()
    for constraint in type(model)._parameter_constraints[parameter]:
        options |= getattr(constraint, "options", set())
    if options := sorted(options - {value, "auto"}):
        return options[0]
    if parameter in ("encoder", "memory"):
        return "mean"  # a name that nothing is read from
    if isinstance(value, Real):
        return value + 1 if isinstance(value, Integral) else value / 2 + 0.01
    return 0.3


def changes(model):
    """What the parameters are set to: each one to something legal, all to that, all to nonsense."""
    legal = {name: another(model, name) for name in parameters_of(model)}
    yield from ({name: value} for name, value in legal.items())
    yield legal
    yield {name: object() for name in legal}


def answers(model):
    """All that a fitted model has to say."""
    found = {method: outcome(model, method, X) for method in methods_of(model)}
    if hasattr(model, "explain"):
        for row, explanation in enumerate(model.explain(X)):
            found["tokens", row] = np.array(explanation.tokens)
            found["contributions", row] = explanation.contributions
    if hasattr(model, "count_parameters"):
        found["parameters"] = np.array(list(model.count_parameters().values()))
    return found


def assert_same(found, expected, message):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=f"{key} with {message}")


class ParameterRead(AssertionError):
    """A parameter was looked at."""


@contextlib.contextmanager
def unreadable_parameters(model):
    """Reading a parameter is an error meanwhile."""
    parameters = set(parameters_of(model))

    def read(self, name):
        if name in parameters:
            raise ParameterRead(name)
        return object.__getattribute__(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model), "__getattribute__", read, raising=False)
        yield


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_answers_read_no_parameter(every_neural_name, target):
    model = fitted(every_neural_name, target)
    expected = answers(model)
    with unreadable_parameters(model):
        assert_same(answers(model), expected, "parameters that cannot be read")


def test_answers_are_the_same_whatever_parameters_are_set_to(neural_name):
    model = copy.deepcopy(fitted(neural_name))
    expected, usual = answers(model), model.get_params(deep=False)
    learnt = model.model_
    for change in changes(model):
        model.set_params(**change)
        if len(change) > 1:
            assert_same(answers(model), expected, change)
        np.testing.assert_array_equal(model.predict(X), expected["predict"], str(change))
        assert model.model_ is learnt
        model.set_params(**usual)


def test_what_is_saved_is_what_was_fitted(neural_name, tmp_path):
    model = copy.deepcopy(fitted(neural_name))
    expected, usual, recipe = answers(model), model.get_params(deep=False), model.model_.recipe
    # What is set to a thing that JSON cannot carry comes back as its default.
    lost = {name: object() for name in parameters_of(model)}
    legal = {name: another(model, name) for name in parameters_of(model)}
    for change in (legal, lost):
        model.set_params(**change)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "These parameters cannot be saved as JSON", UserWarning
            )
            save(model, tmp_path / "model", overwrite=True)
        model.set_params(**usual)
        again = load(tmp_path / "model", device="cpu")
        assert_same(answers(again), expected, change)
        settings = replace(again.model_.recipe.settings, device=recipe.settings.device)
        assert replace(again.model_.recipe, settings=settings) == recipe


def with_new_task(model):
    model.add_task("later", ["praise", "blame"], ["money cash refund", "late slow unheard"])
    return {task: model.decision_function(X, task=task) for task in model.tasks_}


@pytest.mark.parametrize("name", ["MTLE", "MTLE of means"])
def test_a_new_task_is_added_as_the_fit_would_have_it(name):
    model = fitted(name)
    assert isinstance(model, MTLEClassifier)
    expected = with_new_task(copy.deepcopy(model))
    for change in changes(model):
        other = copy.deepcopy(model).set_params(**change)
        found = with_new_task(other)
        assert list(found) == ["default", "later"]
        assert_same(found, expected, change)
        assert other.model_.recipe == model.model_.recipe
    other = copy.deepcopy(model)
    with unreadable_parameters(model):
        assert_same(with_new_task(other), expected, "parameters that cannot be read")


@pytest.mark.parametrize("name", BASELINES)
def test_predictions_of_baselines(name):
    for target in ("labels", "classes"):
        model = copy.deepcopy(fitted(name, target))
        expected, usual = model.predict(X), model.get_params(deep=False)
        for change in changes(model):
            # Not set_params, which would set parameters of the inner classifier.
            for parameter, value in change.items():
                setattr(model, parameter, value)
            np.testing.assert_array_equal(model.predict(X), expected, err_msg=str(change))
            for parameter, value in usual.items():
                setattr(model, parameter, value)
