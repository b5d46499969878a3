"""Broken input of all kinds ends in an error of our own: a share of what the benchmark tries."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_short_form_of_the_benchmark(repository):
    script = repository / "benchmarks" / "robustness.py"
    if not script.is_file():
        pytest.skip("no benchmarks beside the tests")
    done = subprocess.run(
        [sys.executable, str(script), "--short"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused") >= 3
