"""Checks of `net_params`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from sklabelemb.learning.batches import TaskBatches
from sklabelemb.learning.processes import check_accelerator, n_processes

__all__ = ["check_net_params"]

# What would be ignored or overruled, and what to use instead.
_INSTEAD = {
    "max_epochs": "the parameter max_epochs",
    "train_split": "the parameter validation_fraction",
    "warm_start": "the parameter warm_start",
    "device": "the parameter device",
    "module": "a classifier of your own: see 'Adding a classifier' in the documentation",
    "dataset": "the texts themselves as X",
    "compile": "mixed_precision=True, which makes training faster; batches of texts of all lengths "
    "would be compiled again and again",
    "predict_nonlinearity": "predict_proba of the classifier",
    "use_caching": "nothing: scoring callbacks predict by themselves",
}


def check_net_params(
    net_params: Mapping[str, Any] | None, checkpoint: Any = None, random_state: Any = 0
) -> None:
    """Check that everything in `net_params` has an effect.

    Raises
    ------
    ValueError, TypeError
        Names what would be ignored or cannot work, also beside `checkpoint` and `random_state`,
        and what to use instead.
    """
    accelerator = (net_params or {}).get("accelerator")
    check_accelerator(accelerator)
    if (n := n_processes(accelerator)) > 1 and checkpoint is not None:
        raise ValueError(
            f"checkpoint keeps a fit of one process, and net_params has an accelerator of {n}. "
            "Leave checkpoint out, or train in one process."
        )
    if n > 1 and random_state is None:
        raise ValueError(
            f"net_params has an accelerator of {n} processes, and random_state is None: each would "
            "draw other batches. Set random_state to an integer, the same in all of them."
        )
    options = inspect.signature(TaskBatches).parameters
    for name in net_params or {}:
        if name in _INSTEAD:
            raise ValueError(
                f"net_params has {name!r}, which is not for skorch to decide here. Use "
                f"{_INSTEAD[name]} instead."
            )
        for iterator in ("iterator_train__", "iterator_valid__"):
            if name.startswith(iterator) and name.removeprefix(iterator) not in options:
                raise ValueError(
                    f"net_params has {name!r}, but batches of texts know no such option: they are "
                    "made in the process that trains, sorted by length. Leave it out."
                )
