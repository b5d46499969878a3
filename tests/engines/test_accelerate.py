"""One network trained in two processes: what one process learns with the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklabelemb import load

from .needed import needs

pytestmark = needs("accelerate")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def launched(script, n_processes, folder):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={n_processes}", str(script), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What processes found, by number of processes and index."""
    folder = tmp_path_factory.mktemp("processes")
    for n_processes in (1, 2):
        launched(HERE / "several_processes.py", n_processes, folder)
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


@pytest.mark.parametrize("name", ["laco", "accumulated", "sequences", "leam"])
def test_two_processes_find_what_one_finds(name, found):
    one, two = found["1-0"][name], found["2-0"][name]
    for key in ("train_loss", "valid_loss", "proba"):
        np.testing.assert_allclose(two[key], one[key], rtol=1e-3, atol=1e-4)
    assert one["train_loss"][0] > one["train_loss"][1]


def test_all_processes_end_with_one_model(found):
    assert sorted(found) == ["1-0", "2-0", "2-1"]
    assert found["2-0"] == found["2-1"]


def test_the_example(tmp_path):
    launched(ROOT / "examples" / "engines" / "train_processes.py", 2, tmp_path)
    [labels] = load(tmp_path / "model").predict_labels(["my parcel is late"], top_k=2)
    assert len(labels) == 2
