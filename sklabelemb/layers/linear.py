"""Linear layers at their start."""

from __future__ import annotations

from torch import nn

__all__ = ["linear"]


def linear(n_inputs: int, n_outputs: int, bias: bool = True) -> nn.Linear:
    """A linear layer at its start: Glorot's weights, no biases."""
    layer = nn.Linear(n_inputs, n_outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
