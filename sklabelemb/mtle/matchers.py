"""How a text and a label are matched: four functions of two vectors.

Shapes: ``b`` texts, ``C`` labels, ``P`` dimensions of a label's vector, ``d`` of a text's, ``k`` of
the matcher.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from sklabelemb.layers import linear

__all__ = ["BilinearMatcher", "ConcatMatcher", "CosineMatcher", "MLPMatcher"]

# The MLP matcher keeps k numbers per text and label. Beyond this many it goes through the labels
# in blocks and computes each block again in the backward pass.
MATCH_BLOCK_ELEMENTS = 1 << 24
# Inverse temperature of the cosines at the start: with 1, a softmax over cosines is almost flat.
FIRST_SCALE = 20.0


class ConcatMatcher(nn.Module):
    r"""The printed matcher: one linear neuron over text and label, for study only.

    .. math:: s_j = w^\top [X ; Y_j] + b = w_x^\top X + w_y^\top Y_j + b,
        \qquad \hat y = \mathrm{softmax}(\sigma(s_1), \dots, \sigma(s_C))

    It cannot classify. The text adds the same number :math:`w_x^\top X` to the score of every
    label, and the sigmoid is increasing, so the label that wins is the one with the largest
    :math:`w_y^\top Y_j`, whatever the text says. Moreover the softmax sees numbers between 0 and
    1 only, so no label can have more than :math:`e / (e + C - 1)`: 0.73 of two, 0.06 of 46.

    Parameters
    ----------
    text_size, label_size : int
        d and P.
    """

    def __init__(self, text_size: int, label_size: int) -> None:
        super().__init__()
        self.neuron = linear(text_size + label_size, 1)

    def forward(self, X: Tensor, Y: Tensor) -> Tensor:
        """Scores :math:`s_j` without the sigmoid, shape (b, C)."""
        text, label = self.neuron.weight.split([X.shape[1], Y.shape[1]], dim=1)
        return F.linear(X, text, self.neuron.bias) + F.linear(Y, label).T


class MLPMatcher(nn.Module):
    r"""A hidden layer over text, label, and the product of the two.

    .. math::
        X' = A X, \quad Y'_j = B Y_j, \quad
        s_j = w^\top \mathrm{ReLU}(H [X' ; Y'_j ; X' \circ Y'_j] + h) + b

    The printed neuron with a hidden layer before it, and with a product, without which the layer
    would first have to learn to compare.

    Parameters
    ----------
    text_size, label_size : int
        d and P.
    size : int
        k, of both projections and of the hidden layer.
    """

    def __init__(self, text_size: int, label_size: int, size: int) -> None:
        super().__init__()
        self.text = linear(text_size, size, bias=False)
        self.label = linear(label_size, size, bias=False)
        self.hidden = linear(3 * size, size)
        self.output = linear(size, 1)

    def forward(self, X: Tensor, Y: Tensor) -> Tensor:
        """Scores :math:`s_j`, shape (b, C)."""
        X, Y = self.text(X), self.label(Y)
        # H [X'; Y'; X' * Y'] is a sum of three products, and only the last one needs the pair.
        on_text, on_label, on_product = self.hidden.weight.chunk(3, dim=1)
        from_text = F.linear(X, on_text, self.hidden.bias)
        from_label = F.linear(Y, on_label)
        block = max(1, MATCH_BLOCK_ELEMENTS // max(1, 2 * X.numel()))
        if len(Y) <= block:
            return self._scores(X, Y, from_text, from_label, on_product)
        return torch.cat(
            [
                checkpoint(self._scores, X, y, from_text, h, on_product, use_reentrant=False)
                for y, h in zip(Y.split(block), from_label.split(block), strict=True)
            ],
            dim=1,
        )

    def _scores(
        self, X: Tensor, Y: Tensor, from_text: Tensor, from_label: Tensor, on_product: Tensor
    ) -> Tensor:
        hidden = F.linear(X.unsqueeze(1) * Y, on_product) + from_text.unsqueeze(1) + from_label
        return self.output(torch.relu(hidden)).squeeze(-1)


class BilinearMatcher(nn.Module):
    r"""An inner product of text and label, and how likely the label is before any text is read.

    .. math:: s_j = X^\top W Y_j + v^\top Y_j + b

    Parameters
    ----------
    text_size, label_size : int
        d and P.
    """

    def __init__(self, text_size: int, label_size: int) -> None:
        super().__init__()
        self.product = linear(text_size, label_size, bias=False)
        self.prior = linear(label_size, 1)

    def forward(self, X: Tensor, Y: Tensor) -> Tensor:
        """Scores :math:`s_j`, shape (b, C)."""
        return F.linear(self.product(X), Y) + self.prior(Y).T

    def shares(self, parts: Tensor, Y: Tensor) -> Tensor:
        """What each part of a text's vector adds to the scores; see :meth:`MTLE.shares`."""
        return F.linear(self.product(parts), Y)


class CosineMatcher(nn.Module):
    r"""The cosine of text and label in a common space.

    .. math:: s_j = e^{t} \cos(A X, B Y_j) + b

    The scale :math:`e^t` starts at 20. The cosine with a zero vector is 0. Where texts and labels
    have vectors of one size (the mean encoder), A = B is orthogonal at the start, so that training
    begins with the cosines of the vectors themselves.

    Parameters
    ----------
    text_size, label_size : int
        d and P.
    size : int
        k, of the common space.
    """

    def __init__(self, text_size: int, label_size: int, size: int) -> None:
        super().__init__()
        self.text = linear(text_size, size, bias=False)
        self.label = linear(label_size, size, bias=False)
        if text_size == label_size:
            nn.init.orthogonal_(self.text.weight)
            with torch.no_grad():
                self.label.weight.copy_(self.text.weight)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, X: Tensor, Y: Tensor) -> Tensor:
        """Scores :math:`s_j`, shape (b, C)."""
        # A larger eps than torch's own keeps the gradient at a zero vector within float32.
        text, label = (F.normalize(v, dim=1, eps=1e-6) for v in (self.text(X), self.label(Y)))
        return self.log_scale.exp() * F.linear(text, label) + self.bias

    def shares(self, parts: Tensor, Y: Tensor) -> Tensor:
        """What each part of a text's vector adds to the scores; see :meth:`MTLE.shares`."""
        parts = self.text(parts)
        length = parts.sum(dim=1, keepdim=True).norm(dim=2, keepdim=True).clamp_min(1e-6)
        label = F.normalize(self.label(Y), dim=1, eps=1e-6)
        return self.log_scale.exp() * F.linear(parts / length, label)
