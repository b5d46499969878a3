"""Poolings: from the states of a text to one vector, or to one for each label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sklabelemb.layers import linear
from sklabelemb.neural.states import States

__all__ = [
    "AttentionPooling",
    "DynamicMaxPooling",
    "KMaxPooling",
    "LabelSpecificPooling",
    "LabelWisePooling",
    "LastPooling",
    "MaxPooling",
    "MeanPooling",
    "Pooling",
    "SourceToTokenPooling",
]


class Pooling(nn.Module):
    """From states to vectors.

    Parameters
    ----------
    size : int
        d, of a state.

    Attributes
    ----------
    size : int
        Of a vector that comes out.
    by_label : bool
        Whether there is one for each label, shape (b, K, size); else (b, size).
    """

    by_label = False

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def attention(self, states: States) -> Tensor | None:
        """Which share each state has, shape (b, t, K) or (b, t, 1); None without attention."""
        return None

    def shares(self, states: States, weight: Tensor) -> Tensor | None:
        """What each state adds to the product of the vector with each label's `weight`.

        Shape (b, t, K), for `weight` of shape (K, size). None where this is no sum over states.
        """
        attention = self.attention(states)
        return None if attention is None else attention * (states.values @ weight.T)


class LastPooling(Pooling):
    """The final state."""

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, d)."""
        return states.final


class MeanPooling(Pooling):
    """The mean of the states: NBOW, SWEM-aver (Shen et al., 2018)."""

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, d)."""
        return states.values.sum(dim=1) / states.lengths.clamp_min(1).unsqueeze(1)

    def shares(self, states: States, weight: Tensor) -> Tensor:
        """What each state adds."""
        means = states.values / states.lengths.clamp_min(1).reshape(-1, 1, 1)
        return means @ weight.T


class MaxPooling(Pooling):
    """The largest value of each dimension over time: Kim (2014)."""

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, d); 0 for an empty text."""
        values = states.values.masked_fill(~states.mask.unsqueeze(2), -torch.inf)
        return values.amax(dim=1).masked_fill((states.lengths == 0).unsqueeze(1), 0)

    def shares(self, states: States, weight: Tensor) -> Tensor:
        """What each state adds by the dimensions in which it is the largest."""
        values = states.values.masked_fill(~states.mask.unsqueeze(2), -torch.inf)
        winner = torch.zeros_like(states.values)
        winner.scatter_(1, values.argmax(dim=1, keepdim=True), 1.0)
        return (winner * states.values) @ weight.T


class DynamicMaxPooling(Pooling):
    """The largest values of each of `n_chunks` parts of the text: XML-CNN (Liu et al., 2017).

    The parts are equal ones of the text itself; the paper's are those of a text that was padded or
    cut to a fixed length. A text with fewer states than parts leaves some parts at 0.
    """

    def __init__(self, size: int, n_chunks: int) -> None:
        super().__init__(size * n_chunks)
        self.n_chunks = n_chunks

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, n_chunks d)."""
        b, t, d = states.values.shape
        places = torch.arange(t, device=states.lengths.device)
        chunk = places * self.n_chunks // states.lengths.clamp_min(1).unsqueeze(1)
        chunk = torch.where(states.mask, chunk, self.n_chunks).unsqueeze(2).expand(b, t, d)
        parts = states.values.new_zeros(b, self.n_chunks + 1, d)
        parts = parts.scatter_reduce(1, chunk, states.values, "amax", include_self=False)
        return parts[:, : self.n_chunks].flatten(1)


class KMaxPooling(Pooling):
    """The `k` largest values of each dimension, in the order of the text (VDCNN)."""

    def __init__(self, size: int, k: int) -> None:
        super().__init__(size * k)
        self.k = k

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, k d); 0 where a text has fewer states."""
        values = states.values.masked_fill(~states.mask.unsqueeze(2), -torch.inf)
        missing = self.k - values.shape[1]
        if missing > 0:
            values = nn.functional.pad(values, (0, 0, 0, missing), value=-torch.inf)
        # Of equal values the first ones: which a `topk` takes depends on the padding.
        places = values.sort(dim=1, descending=True, stable=True).indices[:, : self.k]
        places = places.sort(dim=1).values
        largest = values.gather(1, places)
        return largest.masked_fill(largest.isneginf(), 0).flatten(1)


class AttentionPooling(Pooling):
    r"""One weight for each state, by a learned context vector.

    .. math::
        u_i = \tanh(W h_i + b), \quad \alpha_i = \mathrm{softmax}_i(u_i^\top u), \quad
        s = \sum_i \alpha_i h_i

    Equations (5) to (7), and (8) to (10), of Yang et al. (2016).
    """

    def __init__(self, size: int, attention_size: int) -> None:
        super().__init__(size)
        self.project = linear(size, attention_size)
        self.context = nn.Parameter(torch.empty(attention_size))
        nn.init.normal_(self.context, std=attention_size**-0.5)

    def weights(self, states: States) -> Tensor:
        """The weights, shape (b, t)."""
        scores = torch.tanh(self.project(states.values)) @ self.context
        return softmax_within(scores, states.mask)

    def attention(self, states: States) -> Tensor:
        """The weights, shape (b, t, 1)."""
        return self.weights(states).unsqueeze(2)

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, d)."""
        return torch.einsum("bt,btd->bd", self.weights(states), states.values)


class SourceToTokenPooling(Pooling):
    r"""One weight for each state and each of its dimensions: Bi-BloSAN.

    .. math::
        f(x_i) = W^\top \sigma(W_1 x_i + b_1) + b, \quad
        s = \sum_i \mathrm{softmax}_i(f(x_i)) \odot x_i

    Equations (7) and (8) of Shen et al. (2018), with a rectifier for :math:`\sigma`.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.first = linear(size, size)
        self.second = linear(size, size)

    def weights(self, values: Tensor, mask: Tensor) -> Tensor:
        """The weights, shape (b, t, d)."""
        return softmax_within(self.second(torch.relu(self.first(values))), mask.unsqueeze(2))

    def over(self, values: Tensor, mask: Tensor) -> Tensor:
        """Vectors (b, d) of values (b, t, d) where the mask (b, t) has some, else 0."""
        return (self.weights(values, mask) * values).sum(dim=1)

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, d)."""
        return self.over(states.values, states.mask)

    def attention(self, states: States) -> Tensor:
        """The mean of the dimensions' weights, shape (b, t, 1)."""
        return self.weights(states.values, states.mask).mean(dim=2, keepdim=True)

    def shares(self, states: States, weight: Tensor) -> Tensor:
        """What each state adds."""
        return (self.weights(states.values, states.mask) * states.values) @ weight.T


class LabelWisePooling(Pooling):
    r"""One weight for each state and label: CAML, BiGRU-LWAN.

    .. math::
        \alpha_l = \mathrm{softmax}(H^\top u_l), \quad v_l = \sum_i \alpha_{l,i} h_i

    Equations (2) to (4) of Mullenbach et al. (2018); Chalkidis et al. (2019) over a BiGRU.
    """

    by_label = True

    def __init__(self, size: int, n_labels: int) -> None:
        super().__init__(size)
        self.queries = nn.Parameter(torch.empty(n_labels, size))
        nn.init.xavier_uniform_(self.queries)

    def attention(self, states: States) -> Tensor:
        """The weights, shape (b, t, K)."""
        return softmax_within(states.values @ self.queries.T, states.mask.unsqueeze(2))

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, K, d)."""
        return torch.einsum("btk,btd->bkd", self.attention(states), states.values)


class LabelSpecificPooling(Pooling):
    r"""Attention of label texts fused with self-attention: LSAN.

    With :math:`H` the states, :math:`C` vectors of the labels that start from their texts, and
    halves for the directions of a BiLSTM:

    .. math::
        A^{(s)} = \mathrm{softmax}(W_2 \tanh(W_1 H)), \quad M^{(s)} = A^{(s)} H^\top, \quad
        M^{(l)} = [C \overrightarrow{H} \overrightarrow{H}^\top,
                   C \overleftarrow{H} \overleftarrow{H}^\top]

    .. math::
        \alpha = \sigma(M^{(s)} W_3), \quad \beta = \sigma(M^{(l)} W_4), \quad
        M = \frac{\alpha}{\alpha + \beta} M^{(s)} + \frac{\beta}{\alpha + \beta} M^{(l)}

    Sections 3.2 to 3.4 of Xiao et al. (2019). There is no softmax over label texts' attention, so
    it grows with the text. The released code has biases in the projections, as here.
    """

    by_label = True

    def __init__(self, size: int, n_labels: int, attention_size: int, directions: int) -> None:
        super().__init__(size)
        self.directions = directions
        self.first = linear(size, attention_size)
        self.second = linear(attention_size, n_labels)
        self.label_embedding = nn.Parameter(torch.empty(n_labels, size // directions))
        self.learnt_weight = linear(size, 1)
        self.text_weight = linear(size, 1)
        nn.init.normal_(self.label_embedding, std=0.05)

    def attention(self, states: States) -> Tensor:
        """The weights of self-attention, shape (b, t, K)."""
        scores = self.second(torch.tanh(self.first(states.values)))
        return softmax_within(scores, states.mask.unsqueeze(2))

    def forward(self, states: States) -> Tensor:
        """Vectors of shape (b, K, d)."""
        learned = torch.einsum("btk,btd->bkd", self.attention(states), states.values)
        of_texts = torch.cat(
            [
                torch.einsum("btk,btd->bkd", way @ self.label_embedding.T, way)
                for way in states.values.chunk(self.directions, dim=2)
            ],
            dim=2,
        )
        alpha = torch.sigmoid(self.learnt_weight(learned))
        beta = torch.sigmoid(self.text_weight(of_texts))
        return (alpha * learned + beta * of_texts) / (alpha + beta)

    def shares(self, states: States, weight: Tensor) -> None:
        """The fusion is no sum over states."""
        return


def softmax_within(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the places of each text (axis 1); all 0 for an empty one."""
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=1)
    return weights.masked_fill(~mask, 0)
