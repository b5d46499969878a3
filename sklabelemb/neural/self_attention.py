"""Encoders by self-attention: a transformer, and Bi-BloSAN."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sklabelemb.layers import TransformerLayers, linear
from sklabelemb.neural.pooling import SourceToTokenPooling, softmax_within
from sklabelemb.neural.states import Encoder, States, at_ends

__all__ = ["BlockSelfAttentionEncoder", "TransformerEncoder"]

# The c of equation (9) of Shen et al. (2018), that of their code.
SCALE = 5.0


class TransformerEncoder(TransformerLayers, Encoder):
    """The encoder of Vaswani et al. (2017), from a random start."""

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        mask = ids != 0
        lengths = mask.sum(dim=1)
        values = self.states(words, mask)
        return States(values, lengths, at_ends(values, lengths))


class BlockSelfAttentionEncoder(Encoder):
    """Bi-BloSAN without its pooling (Shen et al., 2018): attention in blocks, and among them.

    Each direction has its own layer over the words and its own `MaskedBlockAttention`; the states
    of both are concatenated. Where the vectors of words have another size than the states, that
    first layer changes it.

    Parameters
    ----------
    n_inputs : int
    hidden_size : int
        Of each direction.
    block_length : int
        r, the words of a block.
    """

    def __init__(self, n_inputs: int, hidden_size: int, block_length: int) -> None:
        super().__init__()
        self.size = 2 * hidden_size
        self.enter = nn.ModuleList(linear(n_inputs, hidden_size) for _ in range(2))
        self.ways = nn.ModuleList(
            MaskedBlockAttention(hidden_size, block_length, backward) for backward in (False, True)
        )

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        mask = ids != 0
        lengths = mask.sum(dim=1)
        values = torch.cat(
            [
                way(torch.relu(enter(words)), mask)
                for enter, way in zip(self.enter, self.ways, strict=True)
            ],
            dim=2,
        ).masked_fill(~mask.unsqueeze(2), 0)
        return States(values, lengths, at_ends(values, lengths))


class MaskedBlockAttention(nn.Module):
    r"""mBloSA, section 3.2 of Shen et al. (2018).

    Words attend to those before them (or after them) in their block (equation 15), blocks, summed
    up by source2token attention (16), to the blocks before (17); a gate mixes both (18), and the
    result is fused with the word itself (19 to 21).
    """

    def __init__(self, size: int, block_length: int, backward: bool) -> None:
        super().__init__()
        self.block_length = block_length
        self.backward = backward
        self.inner = MaskedSelfAttention(size)
        self.summary = SourceToTokenPooling(size)
        self.outer = MaskedSelfAttention(size)
        self.gate = linear(2 * size, size)
        self.fuse = linear(3 * size, size)
        self.fuse_gate = linear(3 * size, size)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """Values of the same shape (b, s, d)."""
        b, s, d = words.shape
        r = self.block_length
        n_blocks = -(-s // r)
        padding = n_blocks * r - s
        blocks = nn.functional.pad(words, (0, 0, 0, padding)).reshape(b * n_blocks, r, d)
        inside = nn.functional.pad(mask, (0, padding)).reshape(b * n_blocks, r)
        h = self.inner(blocks, inside, self.backward)
        v = self.summary.over(h, inside).reshape(b, n_blocks, d)
        o = self.outer(v, inside.any(dim=1).reshape(b, n_blocks), self.backward)
        gate = torch.sigmoid(self.gate(torch.cat([o, v], dim=2)))
        e = (gate * o + (1 - gate) * v).repeat_interleave(r, dim=1)[:, :s]
        every = torch.cat([words, h.reshape(b, n_blocks * r, d)[:, :s], e], dim=2)
        fused = torch.relu(self.fuse(every))
        share = torch.sigmoid(self.fuse_gate(every))
        return share * fused + (1 - share) * words


class MaskedSelfAttention(nn.Module):
    r"""Attention with a weight for each dimension, to what comes before, or after.

    .. math::
        f(x_i, x_j) = c \tanh([W_1 x_i + W_2 x_j + b] / c) + M_{ij}, \quad
        s_j = \sum_i \mathrm{softmax}_i(f(x_i, x_j)) \odot x_i

    Equations (9) to (14) of Shen et al. (2018): M forbids a word itself, so that the first (or
    last) one has nothing to attend to, and gets 0.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.source = nn.Linear(size, size, bias=False)
        self.target = linear(size, size)

    def forward(self, x: Tensor, mask: Tensor, backward: bool) -> Tensor:
        """Values of shape (n, r, d), for inputs of that shape and a mask of shape (n, r)."""
        pairs = self.source(x).unsqueeze(2) + self.target(x).unsqueeze(1)
        scores = SCALE * torch.tanh(pairs / SCALE)  # (n, i, j, d)
        i, j = torch.meshgrid(*2 * [torch.arange(x.shape[1], device=x.device)], indexing="ij")
        before = (i > j) if backward else (i < j)
        allowed = before & mask.unsqueeze(2) & mask.unsqueeze(1)
        weights = softmax_within(scores, allowed.unsqueeze(3))
        return torch.einsum("nijd,nid->njd", weights, x)
