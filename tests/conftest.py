"""What every test may lean on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real datasets and vectors beside the checkout; skips where there is none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the datasets of the folder 'shared' beside the checkout")
    return folder


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Keep torch to one thread: the nets of the tests are too small to gain from more.

    Asked before every test, since torch may be imported late; it costs nothing where it is not.
    So a test that changes the number of threads does not change it for the next one.
    """
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked ``gpu`` on a machine without a CUDA device."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
