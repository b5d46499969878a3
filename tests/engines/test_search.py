"""Searches, tuned thresholds and folds on the workers of Dask and Ray: the scores of loky."""

from __future__ import annotations

import importlib
import runpy
from pathlib import Path

import numpy as np
import pytest

from sklabelemb.datasets import load_support_requests

from ..laco.literal import write_encoder
from .needed import needs

# The engines warn of much that is theirs.
pytestmark = pytest.mark.filterwarnings("default")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "engines" / "search.py"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Function from an engine to all scores."""
    data = load_support_requests()
    folder = write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")
    example = runpy.run_path(str(EXAMPLE))

    def run(engine):
        memory = tmp_path_factory.mktemp(engine)
        with example["workers"](engine):
            return example["results"](data.data[:120], data.target[:120], str(folder), str(memory))

    return run


@pytest.fixture(scope="module")
def expected(found):
    return found("loky")


@pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=needs(name)) for name in ("dask", "ray")]
)
def test_scores_are_those_of_loky(engine, found, expected):
    try:
        assert found(engine) == expected
    finally:
        if engine == "ray":
            importlib.import_module("ray").shutdown()
    # They would tell one fit from another.
    assert len(set(expected["search"])) == 2
    assert np.isfinite(np.concatenate(list(expected.values()))).all()
