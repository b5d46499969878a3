"""What every test may lean on."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
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


@pytest.fixture(autouse=True)
def _whole_float32(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a GPU compute products in float32, and not in TF32, where it is held to 1e-4."""
    if request.node.get_closest_marker("gpu") is None:
        yield
        return
    import torch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
        patch.setattr(torch.backends.cudnn, "allow_tf32", False)
        yield


@pytest.fixture(scope="module", autouse=True)
def _short_wide_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """Spare the linear path its hundreds of steps on the few texts of a test.

    Where it matters what it learns, the module says ``pytestmark = pytest.mark.whole_linear_path``.
    Worker processes train it whole in any case.
    """
    if request.node.get_closest_marker("whole_linear_path") is not None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        path = importlib.import_module("sklabelemb.linear.path")
        patch.setattr(path, "MIN_STEPS", 4)
        patch.setattr(path, "MOST_EPOCHS", 4)
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked ``gpu`` on a machine without a CUDA device."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture
def rare_words():
    """Function from a number and a seed to texts and indicator; what tells a label is rare.

    Each of three labels is told by one of fifty words of its own.
    """

    def draw(n, seed):
        random = np.random.default_rng(seed)
        rows = (random.random((n, 3)) < 0.4).astype(int)
        texts = []
        for row in rows:
            words = list(random.choice(["the", "a", "parcel", "my", "was"], 8))
            words += [
                f"{['money', 'staff', 'time'][k]}{'abcdefghij'[i % 10]}{'qrstu'[i // 10]}"
                for k in np.flatnonzero(row)
                for i in random.integers(50, size=1)
            ]
            texts.append(" ".join(random.permutation(words).tolist()))
        return texts, rows

    return draw
