"""Which parts of an encoder are not trained."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["layers_of", "lowest"]


def lowest(encoder: Any, n_layers: int) -> list[nn.Module]:
    """The embeddings of an encoder and its first layers; the whole encoder if it has no more.

    Parameters
    ----------
    encoder : transformers model
    n_layers : int
        0: nothing at all.

    Raises
    ------
    ValueError
        When the encoder does not have separate layers.
    """
    if not n_layers:
        return []
    below: list[nn.Module]
    if n_layers >= encoder.config.num_hidden_layers:
        below = [encoder]
    else:
        below = [encoder.embeddings, *layers_of(encoder)[:n_layers]]
    # ELECTRA widens the embeddings in a layer of its own.
    if isinstance(wider := getattr(encoder, "embeddings_project", None), nn.Module):
        below.append(wider)
    return below


def layers_of(encoder: Any) -> nn.ModuleList:
    """The layers of an encoder, in the order in which they are applied.

    Raises
    ------
    ValueError
        When the encoder does not have separate layers.
    """
    stack = getattr(encoder, "encoder", None) or getattr(encoder, "transformer", None)
    layers = getattr(stack, "layer", None)
    if not isinstance(layers, nn.ModuleList):
        raise ValueError(
            f"The layers of a {type(encoder).__name__} cannot be frozen one by one. Use "
            "freeze_layers=0 or 'all'."
        )
    return layers
