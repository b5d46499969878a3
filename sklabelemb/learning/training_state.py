"""The state of training after an epoch: taken out of a net, and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from sklabelemb.learning.batches import TaskDatasets

__all__ = ["Checkpoint", "resume", "training_state", "without_optimizer"]


class Checkpoint(Protocol):
    """Where a fit is saved, and resumed from."""

    def seeds(self, drawn: tuple[int, int]) -> tuple[int, int]:
        """The seeds of the fit: `drawn`, if it starts now."""

    def resumed(self, net: Any, train: TaskDatasets) -> int | None:
        """Restore a net; returns the number of finished epochs, None if training has ended."""

    def write(self, net: Any) -> None:
        """Save the state of a net after an epoch."""

    def finish(self, net: Any) -> None:
        """Save the net when training has ended."""


def training_state(net: Any) -> dict[str, Any]:
    """What the next epoch depends on, as plain values and tensors.

    Parameters
    ----------
    net : TextNet
        In training, between two epochs.

    Returns
    -------
    dict
        Weights, moments of the optimiser, what its callbacks found (attributes that end with an
        underscore), history, and the state of torch's generators. Nothing draws from NumPy's.
    """
    return {
        "module": dict(net.module_.state_dict()),
        "criterion": dict(net.criterion_.state_dict()),
        "optimizer": _plain(net.optimizer_.state_dict()),
        "callbacks": [_found(callback) for _, callback in net.callbacks_],
        # The records of batches belong to the epoch in progress.
        "history": [{**row, "batches": []} for row in net.history],
        "random": _random_states(net.device),
    }


def without_optimizer(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a training that has ended."""
    return {name: value for name, value in state.items() if name not in ("optimizer", "random")}


def resume(net: Any, state: Mapping[str, Any]) -> None:
    """Restore the state of another net at the beginning of training.

    Parameters
    ----------
    net : TextNet
        Made with the same parameters; its callbacks know already that training begins.
    state : dict
        As :func:`training_state` or :func:`without_optimizer` gave it.
    """
    net.module_.load_state_dict(state["module"])
    net.criterion_.load_state_dict(state["criterion"])
    net.history.clear()
    net.history.extend(state["history"])
    if "optimizer" in state:
        net.optimizer_.load_state_dict(state["optimizer"])
    for (_, callback), found in zip(net.callbacks_, state["callbacks"], strict=True):
        for name, value in found["values"].items():
            setattr(callback, name, value)
        for name, value in found["states"].items():
            getattr(callback, name).load_state_dict(value)
    for kind, value in state.get("random", {}).items():
        if kind == "cpu":
            torch.set_rng_state(value)
        else:
            torch.cuda.set_rng_state(value, net.device)


def _random_states(device: Any) -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _found(callback: Any) -> dict[str, dict[str, Any]]:
    """What a callback found: plain values, and the states of objects such as schedules."""
    own = {name: value for name, value in vars(callback).items() if name.endswith("_")}
    objects = {name: value for name, value in own.items() if _has_state(value)}
    values = {name: value for name, value in own.items() if _is_plain(value)}
    return {
        "values": _plain(values),
        "states": {name: _plain(value.state_dict()) for name, value in objects.items()},
    }


def _has_state(value: Any) -> bool:
    both = ("state_dict", "load_state_dict")
    return not isinstance(value, type) and all(callable(getattr(value, name, 0)) for name in both)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(v) for pair in value.items() for v in pair)
    if isinstance(value, list | tuple):
        return all(_is_plain(v) for v in value)
    return value is None or isinstance(
        value, bool | int | float | str | np.generic | np.ndarray | torch.Tensor
    )


def _plain(value: Any) -> Any:
    """The same in plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_plain(v) for v in value)
    return value
