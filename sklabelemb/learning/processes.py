"""Several processes that train one network: each reads its share of every batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

__all__ = ["add_up", "check_accelerator", "n_processes", "own_rows"]

# Ways of training that need more of a net than its gradients.
NOT_SHARED = ("DEEPSPEED", "FSDP", "MEGATRON_LM", "TP", "XLA")


def n_processes(accelerator: Any) -> int:
    """How many processes train together; 1 without an accelerator."""
    return 1 if accelerator is None else int(accelerator.num_processes)


def own_rows(accelerator: Any, n_texts: int) -> tuple[torch.Tensor, float]:
    """The rows of a batch that this process reads, and a factor of their loss.

    If a batch has fewer texts than there are processes, those without one read the first text with
    weight 0, so that all have a gradient for the same weights.
    """
    rows = torch.arange(n_texts)
    if n_processes(accelerator) > 1:
        own = rows.tensor_split(accelerator.num_processes)[accelerator.process_index]
        return (own, 1.0) if len(own) else (rows[:1], 0.0)
    return rows, 1.0


def add_up(accelerator: Any, network: nn.Module, loss: torch.Tensor) -> torch.Tensor:
    """Sum the gradients of a network over all processes; returns the sum of the losses."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    whole = accelerator.reduce(parameters_to_vector(gradients), reduction="sum")
    vector_to_parameters(whole, gradients)
    total: torch.Tensor = accelerator.reduce(loss, reduction="sum")
    return total


def check_accelerator(accelerator: Any) -> None:
    """Check that all settings of an accelerator take effect.

    Raises
    ------
    TypeError
        When it is no `accelerate.Accelerator`.
    ValueError
        When it is set to something that would be ignored; names what to use instead.
    """
    if accelerator is None:
        return
    if not hasattr(accelerator, "reduce") or not hasattr(accelerator, "num_processes"):
        raise TypeError(
            f"net_params['accelerator'] is {accelerator!r}; give an object of the library "
            "accelerate: net_params={'accelerator': accelerate.Accelerator()}."
        )
    kind = str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type))
    if kind in NOT_SHARED:
        raise ValueError(
            f"net_params['accelerator'] is set to {kind}, which splits up the network or compiles "
            "it. Each process keeps the whole network here: start them with torchrun, or configure "
            "accelerate for several GPUs or CPUs alone."
        )
    if accelerator.mixed_precision not in (None, "no"):
        raise ValueError(
            f"net_params['accelerator'] has mixed_precision={accelerator.mixed_precision!r}, which "
            "would be ignored. Use the parameter mixed_precision=True of the classifier instead."
        )
    if accelerator.gradient_accumulation_steps != 1:
        raise ValueError(
            "net_params['accelerator'] has gradient_accumulation_steps="
            f"{accelerator.gradient_accumulation_steps}, which would be ignored. Use "
            "accumulation_steps instead, of LACOClassifier or in net_params."
        )
