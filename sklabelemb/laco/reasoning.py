"""Iterative reasoning over label probabilities: ML-Reasoner (Wang et al., 2021).

Shapes: b documents of a batch, n labels, k hidden units.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Reasoning"]


class Reasoning(nn.Module):
    r"""Rounds in which the labels' probabilities are an input of the classifier.

    In round t the vector :math:`l_j` of each label is weighted by its previous probability
    :math:`z_{t-1,j}`, and attention sums them up:

    .. math:: \tilde l_j = z_{t-1,j}\, l_j, \qquad
              \alpha = \mathrm{softmax}_j \big(w^\top \tilde l_j\big), \qquad
              z_t = \sigma\Big(W_x x + b + W_l \sum_j \alpha_j\, \tilde l_j\Big)

    with :math:`z_0 = 0`, so that the first round has the text's vector :math:`x` alone. All rounds
    share their weights. The order of the labels has no meaning.

    Parameters
    ----------
    n_labels : int
    size : int
        Of the labels' vectors, k.
    n_rounds : int
        The paper's T, at least 2.

    Notes
    -----
    The paper scores a label by :math:`W_2 [x; \tilde l_j] + b_2`. What text and constant add is the
    same for all labels and leaves the softmax as it is, so it is not computed here.
    """

    def __init__(self, n_labels: int, size: int, n_rounds: int) -> None:
        super().__init__()
        self.n_rounds = n_rounds
        self.score = nn.Linear(size, 1, bias=False)
        self.feedback = nn.Linear(size, n_labels, bias=False)

    def forward(self, of_text: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (b, n) of the last round, and what each label weighed in it (b, n).

        Parameters
        ----------
        of_text : float Tensor of shape (b, n)
            Logits of the first round, :math:`W_x x + b`.
        labels : float Tensor of shape (b, n, k)
        """
        logits = of_text
        for _ in range(self.n_rounds - 1):
            weighed = logits.sigmoid().unsqueeze(2) * labels
            attention = self.score(weighed).softmax(dim=1)
            logits = of_text + self.feedback((attention * weighed).sum(dim=1))
        return logits, attention.squeeze(2)
