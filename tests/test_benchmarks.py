"""The benchmarks still fit the package; what they measure is no business of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")

FOLDER = Path(__file__).parent.parent / "benchmarks"

CALLS = """
import argparse, importlib, sys
from pathlib import Path
import numpy as np

for path in sorted(Path(sys.argv[1]).glob("*.py")):
    importlib.import_module(path.stem)
    print(path.stem)

import correlation_tables, joint_speed, label_correlation

tiny = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1}
tiny |= {"num_attention_heads": 2, "intermediate_size": 24}
arguments = argparse.Namespace(paper=False, batch=2, device="cpu")
net = joint_speed.make_net(arguments, 3, tiny, cooccurrence="clcp")
joint_speed.train(net, [joint_speed.whole(joint_speed.some_texts(2, 5, 3))])

X = ["my parcel is late", "my refund is due", "parcel late, refund due", "nothing is"] * 15
y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 15)
settings = {"encoder": tiny, "max_epochs": 1, "device": "cpu", "learning_rate": 0.01}
runs = []
for variant in ["bert", "clcp", "wide", "br"]:
    made = label_correlation.run((X, y, X, y, ["late", "due"]), variant, 0, settings, (X, y))
    runs.append({"run": ["support", variant, 0], "settings": {"encoder": "tiny"}, **made})
[(name, found)] = correlation_tables.by_setting(runs).items()
for write in ("ablation", "analyses", "convergence"):
    assert getattr(correlation_tables, write)(name, found)
"""


@pytest.mark.slow
def test_the_scripts_can_be_imported_and_those_of_laco_run():
    if not FOLDER.is_dir():
        pytest.skip("no benchmarks beside the tests")
    environment = os.environ | {"PYTHONPATH": str(FOLDER), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CALLS, str(FOLDER)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert {"accuracy", "joint_speed", "label_correlation"} <= set(done.stdout.split())
