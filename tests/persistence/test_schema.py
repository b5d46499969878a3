"""A saved folder is read by what it says; whoever changes that must raise the version."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json

import pytest

from sklabelemb.laco.recipe import LACORecipe
from sklabelemb.leam.recipe import LEAMRecipe
from sklabelemb.learning import Task
from sklabelemb.linear import CharacterTfidf, EncoderPath, Mixture, WidePath, WordTfidf
from sklabelemb.mtle.recipe import MTLERecipe, TaskHeadsRecipe
from sklabelemb.neural.recipe import DocumentRecipe
from sklabelemb.persistence.consistency import PARTS
from sklabelemb.persistence.files import FORMAT_VERSION
from sklabelemb.persistence.reduction import BY_LABEL, DTYPES, Reduction
from sklabelemb.semantic_unit.recipe import SemanticUnitRecipe
from sklabelemb.targets import Targets
from sklabelemb.text import Tokenizer

RECIPES = [LACORecipe, LEAMRecipe, MTLERecipe, SemanticUnitRecipe]
SAVED = [CharacterTfidf, EncoderPath, Mixture, Targets, Task, Tokenizer, WidePath, WordTfidf]

# The digest of each version that was ever released or written to disk.
DIGESTS = {
    2: "864441d1ff1961f3",
    3: "378e7fa375ef7e88",
    4: "31a86666eedc02f4",
    5: "8e1c87b3db2e7bc2",  # says in addition how tensors were made smaller
    6: "8e1c87b3db2e7bc2",  # the units of a hierarchy end where their words end
    7: "d860a972742c3d27",  # labels that miss their thresholds are ranked by logits
}
# Options that networks have got since, with the default that computes what was computed without
# them: a folder that does not name one means that. See `test_folders_without_later_options`, and
# for LACO `test_folders_from_before_the_heads`.
ADDED = {
    "LACO": {"similarity": "'cosine'", "head": "'linear'", "n_rounds": "2"},
    "SemanticUnitNetwork": {"label_input": "'emitted'", "architecture": "'lstm'", "n_heads": "4"},
}
# Networks that came after version 2 have their own: they change no folder that there was.
LATER = {
    DocumentRecipe: {6: "cf4436c114a9f2b4", 7: "cf4436c114a9f2b4"},
    TaskHeadsRecipe: {7: "e281a16ebd22cd53"},
}


def options_of(recipe):
    """Names and defaults of a network's options, without those that came later."""
    options = {
        name: repr(p.default) if p.default is not p.empty else None
        for name, p in inspect.signature(recipe.network).parameters.items()
    }
    added = ADDED.get(recipe.network.__name__, {})
    assert added.items() <= options.items()
    return [[name, default] for name, default in options.items() if name not in added]


def schema():
    """Everything that a folder takes for granted: fields, parts, and options of networks."""
    return {
        "parts": sorted(PARTS),
        "reduced": [[DTYPES, BY_LABEL], sorted(f.name for f in dataclasses.fields(Reduction))],
        "values": {cls.__name__: sorted(f.name for f in dataclasses.fields(cls)) for cls in SAVED},
        "networks": {recipe.network.__name__: options_of(recipe) for recipe in RECIPES},
    }


def digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def test_the_version_rises_with_the_schema():
    assert digest(schema()) == DIGESTS[FORMAT_VERSION], (
        "What a saved model consists of, or a default of a network, has changed. Raise "
        "FORMAT_VERSION in persistence/files.py, let load bring older folders up to date (see "
        "persistence/version_1.py), keep folders of the old version in the tests, and add "
        f"{digest(schema())!r} to DIGESTS for the new version."
    )


@pytest.mark.parametrize("recipe", LATER)
def test_the_version_rises_with_the_options_of_later_networks(recipe):
    assert digest(options_of(recipe)) == LATER[recipe][FORMAT_VERSION]


@pytest.mark.parametrize("change", ["part", "field", "option", "default"])
def test_every_kind_of_change_is_noticed(change):
    changed = schema()
    if change == "part":
        changed["parts"].append("more")
    elif change == "field":
        changed["values"]["Task"].append("more")
    elif change == "option":
        changed["networks"]["LEAM"].append(["more", "None"])
    else:
        option = next(pair for pair in changed["networks"]["MTLE"] if pair[0] == "dropout")
        option[1] = "0.9"
    assert digest(changed) != digest(schema())
