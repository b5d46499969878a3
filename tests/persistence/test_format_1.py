"""Folders of format version 1, written by commit 3c2f84a, load and answer as they did."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from sklabelemb import load, save
from sklabelemb.persistence.files import FORMAT_VERSION

from .format_1.write import CLASSES, LABELS, NAMED, TEXTS, UNSEEN

FOLDER = Path(__file__).parent / "format_1"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] != "_")


TEXTS_OF_LABELS = {"books": ["bad dull long", "good moving loved"], "music": ["loved", "dull"]}


def by_task(model):
    """For each task its name in ``answers.json``, and what a method is told."""
    tasks = getattr(model, "tasks_", {"default": None})
    return [(str(task), {} if task == "default" else {"task": task}) for task in tasks]


def answers_of(name):
    return json.loads((FOLDER / name / "answers.json").read_text(encoding="utf-8"))


def description_of(folder):
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def test_there_are_folders_of_all_kinds():
    classes = {description_of(FOLDER / name)["class"] for name in NAMES}
    assert len(classes) == 4
    assert len(NAMES) == 8
    assert {description_of(FOLDER / name)["format_version"] for name in NAMES} == {1}


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_it_did(name):
    model, wanted = load(FOLDER / name), answers_of(name)
    assert [task for task, _ in by_task(model)] == list(wanted)
    for task, how in by_task(model):
        predicted = np.asarray(model.predict(UNSEEN, **how))
        assert predicted.tolist() == wanted[task]["predict"]
        # They were computed on another machine, in float32.
        logits = model.decision_function(UNSEEN, **how)
        expected = np.array(wanted[task]["decision_function"])
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_are_those_of_the_file(name):
    model = load(FOLDER / name)
    stored = safetensors.torch.load_file(FOLDER / name / "weights.safetensors")
    state = model.net_.module_.state_dict()
    of_network = {key for key in stored if key.startswith("net_.weights.")}
    assert of_network == {f"net_.weights.{key}" for key in state}
    for key, value in state.items():
        assert torch.equal(value, stored[f"net_.weights.{key}"]), key
    others = {key: stored[key] for key in stored if key.startswith("wide_.")}
    assert bool(others) == any(task.linear is not None for task in model.model_.tasks.values())
    for key, value in others.items():
        part = model
        for step in key.split("."):
            part = getattr(part, step)
        np.testing.assert_array_equal(part, value.numpy(), err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_what_else_was_learnt_comes_back(name):
    model, old = load(FOLDER / name), description_of(FOLDER / name)
    learnt = old["learnt"]
    assert model.n_iter_ == learnt["n_iter_"]
    assert model.best_epoch_ == learnt["best_epoch_"]
    assert model.history_ == learnt["history_"]
    defaults = type(model)().get_params(deep=False)
    for parameter, value in model.get_params(deep=False).items():
        if parameter not in old["parameters"]:
            assert value == defaults[parameter], parameter  # it is new since
        # Whatever is plain JSON.
        elif not isinstance(old["parameters"][parameter], dict):
            assert value == old["parameters"][parameter], parameter
    for task, own in model.model_.tasks.items():
        names = own.label_names.tolist()
        assert own.label_texts == TEXTS_OF_LABELS.get(
            task, None if name == "mtle_labels" else names
        )
        assert own.trained == (task != "music")


@pytest.mark.parametrize("name", NAMES)
def test_saved_again_it_is_the_same(name, tmp_path):
    model = load(FOLDER / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(model, tmp_path / "model")
    assert description_of(tmp_path / "model")["format_version"] == FORMAT_VERSION
    again = load(tmp_path / "model")
    assert again.get_params() == model.get_params()
    for task, how in by_task(model):
        logits = model.decision_function(UNSEEN, **how)
        np.testing.assert_array_equal(again.decision_function(UNSEEN, **how), logits)
        assert again.model_.tasks[task].label_texts == model.model_.tasks[task].label_texts
    state = again.net_.module_.state_dict()
    for key, value in model.net_.module_.state_dict().items():
        assert torch.equal(state[key], value), key


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_trained_further(name, tmp_path):
    model = load(FOLDER / name)
    save(model, tmp_path / "model")
    y = CLASSES if name.endswith("classes") else LABELS if name == "mtle_labels" else NAMED
    how = {"task": "support"} if name == "mtle_tasks" else {}
    before = model.decision_function(UNSEEN, **how)
    # From its old folder and from its new one alike.
    both = [model, load(tmp_path / "model")]
    for one in both:
        one.partial_fit([*TEXTS[:-1], "an entirely new word"], y, **how)
    first, second = (one.decision_function(UNSEEN, **how) for one in both)
    np.testing.assert_array_equal(second, first)
    assert not np.array_equal(first, before)
