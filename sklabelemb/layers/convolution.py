"""Convolution over the words of texts."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Convolution"]


class Convolution(nn.Conv1d):
    """A convolution over the words of texts, of shape (b, t, c), that keeps their number."""

    def __init__(self, n_inputs: int, n_filters: int, width: int, bias: bool = True) -> None:
        super().__init__(n_inputs, n_filters, width, bias=bias)
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Convolve; of an even width, one more word after the state's own than before it."""
        width = self.kernel_size[0]
        left = (width - 1) // 2
        padded = F.pad(inputs.transpose(1, 2), (left, width - 1 - left))
        return super().forward(padded).transpose(1, 2)
