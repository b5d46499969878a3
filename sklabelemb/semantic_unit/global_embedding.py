"""What SGM's decoder reads: the label it emitted, and how probable the others were."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["GlobalEmbedding"]


class GlobalEmbedding(nn.Module):
    r"""The global embedding of SGM (Yang et al., 2018).

    With :math:`e` the vector of the label that was emitted, and :math:`y_{t-1}` the distribution
    that it was taken from, the decoder reads

    .. math::
        \bar e = \sum_{k=1}^{L} y_{t-1}^{(k)} e_k, \qquad
        g = (1 - H) \odot e + H \odot \bar e, \qquad
        H = \sigma(W_1 e + W_2 \bar e + b)

    The paper prints H without the sigmoid and the bias; its code has both. The sum goes over the
    labels, the end having no vector.

    Parameters
    ----------
    size : int
        Dimensions of a label's vector.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * size, size)

    def forward(self, emitted: Tensor, logits: Tensor, vectors: Tensor) -> Tensor:
        """What is read, shape (n, P).

        Parameters
        ----------
        emitted : Tensor of shape (n, P)
            e, of each hypothesis.
        logits : Tensor of shape (n, L + 1)
            Those of the step before, -inf where nothing could be emitted; the last is the end.
        vectors : Tensor of shape (L, P)
            Of all labels.
        """
        shares = torch.softmax(logits, dim=1)[:, :-1].to(vectors.dtype)
        average = shares @ vectors
        gate = torch.sigmoid(self.gate(torch.cat([emitted, average], dim=1)))
        return (1 - gate) * emitted + gate * average
