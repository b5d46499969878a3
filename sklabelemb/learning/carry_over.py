"""Copy weights and moments of the optimiser from the net of a previous fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sklabelemb.learning.net import TextNet
from sklabelemb.learning.optimizers import RowAdam

__all__ = ["copy_moments", "copy_weights"]


# Which axes of a weight go by label, and where each label stood before; -1 for new ones.
LabelRows = Mapping[str, tuple[tuple[int, ...], np.ndarray]]


def copy_weights(
    old: nn.Module,
    new: nn.Module,
    tables: Sequence[str],
    labels: LabelRows | None = None,
    task_parts: Sequence[str] = (),
) -> None:
    """Copy every weight; a word table that has grown keeps its old rows in place.

    Parameters
    ----------
    old, new : nn.Module
    tables : sequence of str
        Attributes of the modules that are such tables.
    labels : dict of str to (axes, order), default=None
        Weights with a row per label, where there are more labels now; see :func:`placed`.
    task_parts : sequence of str, default=()
        Attributes that are a list with a module for each task; modules of new tasks stay as they
        are.
    """
    state = new.state_dict()
    of_new_tasks = tuple(
        f"{part}.{task}."
        for part in task_parts
        for task in range(len(getattr(old, part, ())), len(getattr(new, part)))
    )
    may_grow = [getattr(new, name).weight for name in tables]
    growing = {n for n, p in new.named_parameters() if any(p is table for table in may_grow)}
    different = sorted(state.keys() ^ old.state_dict().keys())
    if different := [name for name in different if not name.startswith(of_new_tasks)]:
        raise ValueError(
            f"Cannot go on from the previous fit: only one of the two networks has {different[0]}. "
            "Keep the parameters that shape the network, or fit anew with warm_start=False."
        )
    for name, value in old.state_dict().items():
        target = state[name]
        if target.shape == value.shape:
            target.copy_(value)
        elif name in (labels or {}):
            target.copy_(placed(value, target, *(labels or {})[name]))
        elif name in growing and target.shape[1:] == value.shape[1:] and len(target) > len(value):
            target[: len(value)] = value
        else:
            raise ValueError(
                f"Cannot go on from the previous fit: {name} had shape {tuple(value.shape)} and "
                f"now has {tuple(target.shape)}. Keep the parameters that shape the network, or "
                "fit anew with warm_start=False."
            )


def placed(
    value: torch.Tensor, target: torch.Tensor, axes: tuple[int, ...], order: np.ndarray
) -> torch.Tensor:
    """`target` with the values of the previous labels at their new places.

    Parameters
    ----------
    value, target : Tensor
        The former has fewer labels.
    axes : tuple of int
        Along which labels lie.
    order : int ndarray of shape (n_labels,)
        Where each label stood before; -1 for new ones.
    """
    now, before = np.flatnonzero(order >= 0), order[order >= 0]
    every = [torch.arange(size) for size in target.shape]
    here = [torch.from_numpy(now) if axis in axes else all_ for axis, all_ in enumerate(every)]
    there = [torch.from_numpy(before) if axis in axes else all_ for axis, all_ in enumerate(every)]
    result = target.clone()
    result[torch.meshgrid(*here, indexing="ij")] = value[torch.meshgrid(*there, indexing="ij")]
    return result


@torch.no_grad()
def copy_moments(old: TextNet, new: TextNet, labels: LabelRows | None = None) -> None:
    """Continue with the state of another net's optimiser.

    Parameters
    ----------
    old : TextNet
        A loaded net has no optimiser, so there is nothing to copy.
    new : TextNet
        With the same parameters, some of which may have more rows, and those of new tasks: these
        begin at zero.
    labels : dict of str to (axes, order), default=None
        As in :func:`copy_weights`.
    """
    before = getattr(old, "optimizer_", None)
    if before is None or type(before) is not type(new.optimizer_):
        return
    parameters = dict(old.module_.named_parameters())
    for name, parameter in new.module_.named_parameters():
        if name not in parameters:
            continue
        state = _part_of(before, parameters[name]).state.get(parameters[name])
        if not state:
            continue
        part = _part_of(new.optimizer_, parameter)
        part.state[parameter] = {
            key: _carried(key, value, parameters[name], parameter, part, (labels or {}).get(name))
            for key, value in state.items()
        }


def _part_of(optimizer: Any, parameter: torch.Tensor) -> Any:
    """The optimiser that has a parameter; `SplitAdam` has several."""
    for part in getattr(optimizer, "parts", [optimizer]):
        if any(p is parameter for group in part.param_groups for p in group["params"]):
            return part
    return optimizer


def _carried(
    key: str, value: Any, old: torch.Tensor, new: torch.Tensor, optimizer: Any, labels: Any
) -> Any:
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
    if labels is not None:
        return placed(value, grown, *labels)
    grown[: len(value)] = value
    return grown
