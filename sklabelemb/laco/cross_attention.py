"""Words weighed by the labels: equations 2 to 4 of Zhang et al. (2021).

Shapes: b documents of a batch, m tokens of a document, n labels, k hidden units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CrossAttention"]

# Of the softplus that stands for the ReLU of equation 3, which has no gradient once it is 0 for all
# words: training ended there.
SHARPNESS = 5.0


class CrossAttention(nn.Module):
    """How much each word has to do with any label (equations 2 to 4).

    Parameters
    ----------
    window_size : int
        The paper's r: the block of a word is itself and r neighbours on each side.
    similarity : {"cosine", "dot"}, default="cosine"
        Of the states of a word and a label. "dot" is equation 2 as printed, "cosine" that of the
        released code: products of states of length 15 or so are too large for the tanh of
        equation 4, which is then 1 for all words.
    """

    def __init__(self, window_size: int, similarity: str = "cosine") -> None:
        super().__init__()
        self.similarity = similarity
        width = 2 * window_size + 1
        # One kernel for all labels, so that their order does not matter; at first, a mean.
        self.kernel = nn.Parameter(torch.full((width,), 1 / width))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, words: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """Cross attention, float Tensor of shape (b, n, m): positive, and 0 for what is no word.

        Parameters
        ----------
        words : float Tensor of shape (b, m, k)
        labels : float Tensor of shape (b, n, k)
        mask : bool Tensor of shape (b, m)
            False for padding and special tokens.
        """
        scores = self.scores(words, labels, mask)
        return F.softplus(scores, beta=SHARPNESS) * mask.unsqueeze(1)

    def scores(self, words: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """What the softplus is taken of, float Tensor of shape (b, n, m)."""
        if self.similarity == "cosine":
            words, labels = F.normalize(words, dim=2), F.normalize(labels, dim=2)
        M = labels @ words.transpose(1, 2)
        M = M * mask.unsqueeze(1)
        # A convolution along the words, as a product with a band: less memory and time than conv1d.
        m, width = M.shape[2], len(self.kernel)
        place = torch.arange(m, device=M.device)
        tap = place.unsqueeze(1) - place + width // 2
        band = self.kernel[tap.clamp(0, width - 1)] * ((tap >= 0) & (tap < width))
        return M @ band.to(M.dtype) + self.bias

    def omega(self, scores: Tensor, mask: Tensor) -> Tensor:
        """The weight of each word, float Tensor of shape (b, m).

        The softplus rises with its argument, so the maximum over the labels may come first.
        """
        return torch.tanh(F.softplus(scores.amax(dim=1), beta=SHARPNESS)) * mask
