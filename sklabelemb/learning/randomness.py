"""Seed a fit without touching the caller's random state."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

__all__ = ["isolated_randomness"]

_RANDOMNESS = threading.RLock()


@contextlib.contextmanager
def isolated_randomness(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block, and leave its global state as it was.

    torch's layers draw from one generator per process, so fits in several threads take turns here:
    each stays reproducible, and none disturbs the caller's generator.
    """
    devices = [torch.device(device)] if device.startswith("cuda") else []
    with _RANDOMNESS, torch.random.fork_rng(devices=devices):
        if devices or device == "cpu":
            # torch.manual_seed would seed every GPU, but fork_rng restores only the listed ones.
            torch.default_generator.manual_seed(seed)
            for cuda in devices:
                with torch.cuda.device(cuda):
                    torch.cuda.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        yield
