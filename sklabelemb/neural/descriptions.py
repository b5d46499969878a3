"""The regulariser of DR-CAML, which pulls a label's weights towards its description."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklabelemb.layers import Convolution, linear

__all__ = ["DescriptionPenalty"]


class DescriptionPenalty(nn.Module):
    r"""How far the weights of labels are from vectors of their descriptions.

    .. math::
        z_l = W \max_i \tanh(\mathrm{conv}(x_l))_i + b, \qquad
        \sum_l \rho_l \frac{1}{d} \lVert z_l - \beta_l \rVert^2

    Section 2.4 of Mullenbach et al. (2018). As in their code the norm is a mean over dimensions.
    The paper adds up, text by text, the labels that the text has; here each label counts by its
    share :math:`\rho_l` of the training texts, which is the same on average over an epoch. Words of
    descriptions have the vectors that they have in texts, where the released code has a table of
    their own.

    Parameters
    ----------
    n_inputs : int
        Dimensions of a word vector.
    size : int
        d, of a label's weights.
    width : int
        Of the filters.
    label_words : list of list of int
        Ids of the words of each label's description; empty for labels without a penalty.
    """

    words: Tensor
    label_share: Tensor

    def __init__(
        self, n_inputs: int, size: int, width: int, label_words: Sequence[Sequence[int]]
    ) -> None:
        super().__init__()
        self.convolution = Convolution(n_inputs, size, width)
        self.project = linear(size, size)
        longest = max(1, *(len(words) for words in label_words))
        padded = [list(words) + [0] * (longest - len(words)) for words in label_words]
        # Not part of the weights: the options of a network have them.
        self.register_buffer("words", torch.tensor(padded), persistent=False)
        self.register_buffer("label_share", torch.full((len(label_words),), 1 / len(label_words)))

    def vectors(self, table: nn.Embedding) -> Tensor:
        """The vector of each label's description, shape (K, d)."""
        phrases = torch.tanh(self.convolution(table(self.words)))
        phrases = phrases.masked_fill((self.words == 0).unsqueeze(2), -1)
        return self.project(phrases.amax(dim=1))

    def forward(self, table: nn.Embedding, weight: Tensor) -> Tensor:
        """The penalty, a scalar, for weights of shape (K, d)."""
        distance = (self.vectors(table) - weight).square().mean(dim=1)
        described = (self.words != 0).any(dim=1)
        return (self.label_share * distance)[described].sum()
