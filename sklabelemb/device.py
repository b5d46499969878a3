"""Where to compute, and what to do when its memory is exhausted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["explained_memory_errors", "resolved_device"]


def resolved_device(device: str) -> str:
    """The device to compute on.

    Raises
    ------
    ValueError
        When torch does not know it, or does not have it.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.device(device)
    except RuntimeError:
        raise ValueError(
            f"device={device!r} is not known to torch. Use device='auto', 'cpu' or "
            "'cuda' (or 'cuda:1' for the second GPU)."
        ) from None
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r}, but torch sees no CUDA device here. Use device='auto' or 'cpu'."
        )
    n_devices = torch.cuda.device_count()
    if device.startswith("cuda") and (torch.device(device).index or 0) >= n_devices:
        last = f" to 'cuda:{n_devices - 1}'" if n_devices > 1 else ""
        raise ValueError(
            f"device={device!r}, but torch sees {n_devices} CUDA device{'s' * (n_devices > 1)} "
            f"here. Use device='auto', or 'cuda:0'{last}."
        )
    return device


@contextlib.contextmanager
def explained_memory_errors(device: Any) -> Iterator[None]:
    """Turn torch's error for exhausted GPU memory into one that says what to change."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"The memory of {device} is exhausted. Use a smaller batch_size or max_length, "
            "mixed_precision=True, accumulation_steps or freeze_layers where the classifier has "
            "them, or device='cpu'."
        ) from error
