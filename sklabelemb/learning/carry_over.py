"""What a net takes over from the net of a previous fit: weights, and moments of its optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from sklabelemb.learning.net import TextNet
from sklabelemb.learning.optimizers import RowAdam

__all__ = ["copy_moments", "copy_weights"]


def copy_weights(old: nn.Module, new: nn.Module, tables: Sequence[str]) -> None:
    """Take over every weight; a table of words that has grown keeps its old rows at their places.

    Parameters
    ----------
    old, new : nn.Module
    tables : sequence of str
        Attributes of the modules that are such tables.
    """
    state = new.state_dict()
    may_grow = [getattr(new, name).weight for name in tables]
    growing = {n for n, p in new.named_parameters() if any(p is table for table in may_grow)}
    if different := sorted(state.keys() ^ old.state_dict().keys()):
        raise ValueError(
            f"Cannot go on from the previous fit: only one of the two networks has {different[0]}. "
            "Keep the parameters that shape the network, or fit anew with warm_start=False."
        )
    for name, value in old.state_dict().items():
        target = state[name]
        if target.shape == value.shape:
            target.copy_(value)
        elif name in growing and target.shape[1:] == value.shape[1:] and len(target) > len(value):
            target[: len(value)] = value
        else:
            raise ValueError(
                f"Cannot go on from the previous fit: {name} had shape {tuple(value.shape)} and "
                f"now has {tuple(target.shape)}. Keep the parameters that shape the network, or "
                "fit anew with warm_start=False."
            )


@torch.no_grad()
def copy_moments(old: TextNet, new: TextNet) -> None:
    """Let the optimiser of a net go on where that of another net was.

    Parameters
    ----------
    old : TextNet
        Without an optimiser, as after it was loaded, there is nothing to take over.
    new : TextNet
        With the same parameters, some of which may have more rows: these begin at zero.
    """
    before = getattr(old, "optimizer_", None)
    if before is None or type(before) is not type(new.optimizer_):
        return
    parameters = dict(old.module_.named_parameters())
    for name, parameter in new.module_.named_parameters():
        state = _part_of(before, parameters[name]).state.get(parameters[name])
        if not state:
            continue
        part = _part_of(new.optimizer_, parameter)
        part.state[parameter] = {
            key: _carried(key, value, parameters[name], parameter, part)
            for key, value in state.items()
        }


def _part_of(optimizer: Any, parameter: torch.Tensor) -> Any:
    """The optimiser that has a parameter; `SplitAdam` has several."""
    for part in getattr(optimizer, "parts", [optimizer]):
        if any(p is parameter for group in part.param_groups for p in group["params"]):
            return part
    return optimizer


def _carried(key: str, value: Any, old: torch.Tensor, new: torch.Tensor, optimizer: Any) -> Any:
    if key == "step":
        # A table may have grown to where sparse updates pay, which count in another type.
        if isinstance(optimizer, RowAdam):
            return int(value)
        if not isinstance(value, torch.Tensor):
            return torch.tensor(float(value), device=new.device)
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape != old.shape or value.shape == new.shape:
        return value.clone()
    grown = torch.zeros_like(new)
    grown[: len(value)] = value
    return grown
