"""Encoders by convolution: Kim's and CAML's, the word CNNs of Zhang et al., and VDCNN.

All convolutions are padded with zeros to keep the length: state i is that of a phrase around word
i, a text may be shorter than a filter, and the other texts of a batch have no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.layers import Convolution
from sklabelemb.neural.states import Encoder, States, at_ends, within

__all__ = ["ConvolutionEncoder", "VeryDeepCNN", "WordCNN"]

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
# Widths of the six layers of Zhang et al. (2015), Table 1, and after which of them texts become a
# third as long.
WORD_CNN_WIDTHS = (7, 7, 3, 3, 3, 3)
WORD_CNN_POOLED = (0, 1, 5)
# Of VDCNN: levels, each with half the length and twice the channels of the one before.
LEVELS = 4
MOMENTUM = 0.1
EPSILON = 1e-5


class ConvolutionEncoder(Encoder):
    r"""Filters of several widths side by side.

    .. math:: c_i = f(w \cdot x_{i:i+h-1} + b)

    Equation (2) of Kim (2014), with :math:`f` the rectifier; CAML (Mullenbach et al., 2018,
    equation (1)) has one width and the hyperbolic tangent.
    """

    def __init__(
        self, n_inputs: int, n_filters: int, widths: Sequence[int], activation: str
    ) -> None:
        super().__init__()
        self.size = n_filters * len(widths)
        self.activation = activation
        self.filters = nn.ModuleList(Convolution(n_inputs, n_filters, width) for width in widths)

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        mask = ids != 0
        lengths = mask.sum(dim=1)
        activation = ACTIVATIONS[self.activation]
        values = torch.cat([activation(some(words)) for some in self.filters], dim=2)
        values = values.masked_fill(~mask.unsqueeze(2), 0)
        return States(values, lengths, at_ends(values, lengths))


class WordCNN(Encoder):
    """Six layers, the word CNN of Zhang et al. (2015): small with 256 filters, large with 1024.

    Rectifiers everywhere; after the layers 1, 2 and 6 the largest of each three states is kept.
    """

    def __init__(self, n_inputs: int, n_filters: int) -> None:
        super().__init__()
        self.size = n_filters
        sizes = [n_inputs] + [n_filters] * len(WORD_CNN_WIDTHS)
        self.layers = nn.ModuleList(
            Convolution(before, n_filters, width)
            for before, width in zip(sizes, WORD_CNN_WIDTHS, strict=False)
        )

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, one for 27 words."""
        values, lengths = words, (ids != 0).sum(dim=1)
        for number, layer in enumerate(self.layers):
            values = _within(torch.relu(layer(values)), lengths)
            if number in WORD_CNN_POOLED:
                # Nothing is below 0, so that zeros beyond the end change no maximum.
                values = F.max_pool1d(values.transpose(1, 2), 3, ceil_mode=True).transpose(1, 2)
                lengths = (lengths + 2) // 3
        return States(values, lengths, at_ends(values, lengths))


class VeryDeepCNN(Encoder):
    """VDCNN (Conneau et al., 2017) over words: four levels of blocks with shortcuts.

    A first convolution of width 3; then, at each level, `n_blocks` blocks of two convolutions of
    width 3 with batch normalisation and rectifier (their Figure 2), around which the input is
    added. Between levels, channels double and the largest of three states, two apart, halves the
    length. One block per level gives the paper's depth of 9, two give 17.

    The paper reads characters, and does not mention padding; here padding affects neither
    convolutions nor the means of batch normalisation.
    """

    def __init__(self, n_inputs: int, n_filters: int, n_blocks: int) -> None:
        super().__init__()
        self.size = n_filters << (LEVELS - 1)
        self.first = Convolution(n_inputs, n_filters, 3)
        channels = [n_filters << level for level in range(LEVELS)]
        self.levels = nn.ModuleList(
            nn.ModuleList(
                ConvolutionBlock(channels[max(0, level - 1)] if not block else own, own)
                for block in range(n_blocks)
            )
            for level, own in enumerate(channels)
        )

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, one for eight words."""
        lengths = (ids != 0).sum(dim=1)
        values = _within(self.first(words), lengths)
        for number, level in enumerate(self.levels):
            if number:
                # Nothing is below 0: each block ends with a rectifier.
                values = F.max_pool1d(values.transpose(1, 2), 3, 2, padding=1).transpose(1, 2)
                lengths = (lengths + 1) // 2
                values = _within(values, lengths)
            for block in cast(nn.ModuleList, level):
                values = block(values, lengths)
        return States(values, lengths, at_ends(values, lengths))


class ConvolutionBlock(nn.Module):
    """Two convolutions, and what came in beside them."""

    def __init__(self, n_inputs: int, n_filters: int) -> None:
        super().__init__()
        self.first = Convolution(n_inputs, n_filters, 3, bias=False)
        self.second = Convolution(n_filters, n_filters, 3, bias=False)
        self.first_norm = MaskedBatchNorm(n_filters)
        self.second_norm = MaskedBatchNorm(n_filters)
        same = n_inputs == n_filters
        self.shortcut = nn.Identity() if same else Convolution(n_inputs, n_filters, 1, bias=False)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Values of the same length."""
        inner = _within(torch.relu(self.first_norm(self.first(values), lengths)), lengths)
        inner = self.second_norm(self.second(inner), lengths)
        return _within(torch.relu(inner + self.shortcut(values)), lengths)


class MaskedBatchNorm(nn.Module):
    """Batch normalisation of channels over all states of a batch that are within their texts."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Normalised values of shape (b, t, c); what lies beyond a text's end is arbitrary."""
        mean, variance = self.running_mean, self.running_var
        inside = values[within(lengths, values.shape[1])] if self.training else values[:0]
        if len(inside):
            mean, variance = inside.mean(dim=0), inside.var(dim=0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean), MOMENTUM)
                self.running_var.lerp_(variance.to(self.running_var), MOMENTUM)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return (values - mean) * scale + self.bias


def _within(values: Tensor, lengths: Tensor) -> Tensor:
    """Values with zeros beyond each text's end."""
    return values.masked_fill(~within(lengths, values.shape[1]).unsqueeze(2), 0)
