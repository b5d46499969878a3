"""What a task has of its own below its output layer, in the multi-task systems of the literature.

Each layer takes word vectors, lengths, and what all tasks share of the text, and gives the vector
of each text. Everything beyond the end of a text is ignored.

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``P`` dimensions of a word, ``m`` of a
layer's states, ``K`` segments of a memory, ``S`` dimensions of a segment.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sklabelemb.layers import Convolution, linear
from sklabelemb.mtle.text_vectors import pooled

__all__ = ["ExternalMemory", "GatedLSTM", "HiddenLayer", "MemoryLSTM", "WordFilters"]


class HiddenLayer(nn.Module):
    r"""The task-specific layer of MT-DNN, over the layer that is shared.

    .. math:: l_3 = \tanh(W_2 l_2)

    Equation (2) of Liu et al. (2015).

    Parameters
    ----------
    n_inputs, size : int
        P and m.
    """

    def __init__(self, n_inputs: int, size: int) -> None:
        super().__init__()
        self.hidden = linear(n_inputs, size, bias=False)

    def forward(self, words: Tensor, lengths: Tensor, shared: Tensor) -> Tensor:
        """Vectors (b, m) of texts, from the shared layer (b, P)."""
        return torch.tanh(self.hidden(shared))


class WordFilters(nn.Module):
    r"""MT-CNN: filters over word vectors, their largest values, and a hidden layer.

    .. math::
        o_i = \sum_j L_j x_{i+j} + b, \qquad X = \tanh(H \max_i o_i + h)

    Sections 3.3 and 3.4 of Collobert and Weston (2008). The sum is zero-padded at both ends, so
    that a text may be shorter than a filter is wide.

    Parameters
    ----------
    n_inputs, size : int
        P, and m of both layers.
    window_size : int
        How many words the filters see.
    """

    def __init__(self, n_inputs: int, size: int, window_size: int) -> None:
        super().__init__()
        self.filters = Convolution(n_inputs, size, window_size)
        self.hidden = linear(size, size)

    def forward(self, words: Tensor, lengths: Tensor, shared: Any) -> Tensor:
        """Vectors (b, m) of texts, from word vectors (b, s, P)."""
        return torch.tanh(self.hidden(pooled(self.filters(words), lengths, "max")))


class GatedLSTM(nn.Module):
    r"""MT-RNN: an LSTM that takes from a layer shared by all tasks as much as its gates let in.

    .. math::
        \tilde c_t &= \tanh(W_c x_t + g \circ U_c h_{t-1} + g^{s} \circ U^{s}_c h^{s}_t), \\
        g &= \sigma(W_g x_t + U_g h_{t-1}), \qquad g^{s} = \sigma(W_g x_t + U^{s}_g h^{s}_t)

    The rest is that of any LSTM. :math:`h^{s}_t` are the states of a BiLSTM, which is shared: the
    shared-layer architecture, Model-III of Liu et al. (2016). As with torch's LSTM there are biases
    and no peepholes.

    Parameters
    ----------
    n_inputs, size, shared_size : int
        P, m, and of a state of the shared layer.
    pooling : {"last", "max", "mean"}
        What of the states is the text's vector; "last" in the paper.
    """

    def __init__(self, n_inputs: int, size: int, shared_size: int, pooling: str) -> None:
        super().__init__()
        self.size = size
        self.pooling = pooling
        # Gates of input, forgetting and output; g; the candidate.
        self.on_words = by_gates(n_inputs, size, 5)
        self.on_states = by_gates(size, size, 5, bias=False)
        self.shared_gate = linear(shared_size, size, bias=False)
        self.shared_candidate = linear(shared_size, size, bias=False)

    def forward(self, words: Tensor, lengths: Tensor, shared: Tensor) -> Tensor:
        """Vectors (b, m) of texts, from word vectors (b, s, P) and shared states."""
        m = self.size
        on_words = self.on_words(words)
        let_in = torch.sigmoid(on_words[:, :, 3 * m : 4 * m] + self.shared_gate(shared))
        from_shared = let_in * self.shared_candidate(shared)
        state = cell = words.new_zeros(len(words), m)
        states = []
        for here, of_shared in zip(on_words.unbind(1), from_shared.unbind(1), strict=True):
            before = self.on_states(state)
            gates = torch.sigmoid(here[:, : 4 * m] + before[:, : 4 * m])
            enters, stays, leaves, gate = gates.chunk(4, dim=1)
            candidate = torch.tanh(here[:, 4 * m :] + gate * before[:, 4 * m :] + of_shared)
            cell = stays * cell + enters * candidate
            state = leaves * torch.tanh(cell)
            states.append(state)
        return pooled(torch.stack(states, dim=1), lengths, self.pooling)


class ExternalMemory(nn.Module):
    r"""A memory that an LSTM reads before, and writes after each word.

    With a key :math:`k`, a vector :math:`e` that erases and :math:`a` that adds, all of the state
    :math:`h`, and the memory's segments :math:`M_1, \dots, M_K`:

    .. math::
        [k_t ; e_t ; a_t] &= [\tanh ; \sigma ; \tanh](W_m h_t + b_m) \\
        \alpha_t &= \mathrm{softmax}_i\big(v^\top \tanh(W_a [M_{t-1,i} ; k_{t-1}])\big), \qquad
        r_t = \alpha_t^\top M_{t-1} \\
        M_t &= M_{t-1} \circ (1 - \alpha_t e_t^\top) + \alpha_t a_t^\top

    What is read goes to the LSTM through a fusion gate:

    .. math:: \sigma(W_r r_t + W_c c_t) \circ (W_f r_t)

    Section 3 of Liu et al. (2016). :math:`M_0`, with which each text begins, is a weight.

    Parameters
    ----------
    state_size : int
        m.
    n_segments, segment_size : int
        K and S.
    """

    def __init__(self, state_size: int, n_segments: int, segment_size: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.empty(n_segments, segment_size))
        nn.init.normal_(self.start, std=segment_size**-0.5)
        self.emit = linear(state_size, 3 * segment_size)
        self.align_segment = linear(segment_size, segment_size, bias=False)
        self.align_key = linear(segment_size, segment_size, bias=False)
        self.align = linear(segment_size, 1, bias=False)
        self.fuse = linear(segment_size, state_size, bias=False)
        self.gate_read = linear(segment_size, state_size, bias=False)
        self.gate_cell = linear(state_size, state_size, bias=False)

    def emitted(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Key, and what is erased and added, each (b, S), of a state (b, m)."""
        key, erased, added = self.emit(state).chunk(3, dim=1)
        return torch.tanh(key), torch.sigmoid(erased), torch.tanh(added)

    def attention(self, segments: Tensor, key: Tensor) -> Tensor:
        """Shares (b, K, 1) of segments (b, K, S)."""
        hidden = torch.tanh(self.align_segment(segments) + self.align_key(key).unsqueeze(1))
        return torch.softmax(self.align(hidden), dim=1)

    def fused(self, read: Tensor, cell: Tensor) -> Tensor:
        """What reaches the LSTM (b, m) of what was read (b, S)."""
        return torch.sigmoid(self.gate_read(read) + self.gate_cell(cell)) * self.fuse(read)


class MemoryLSTM(nn.Module):
    r"""DSM: an LSTM with a memory of its own, and one that is shared by all tasks.

    .. math:: h_t = o_t \circ \tanh(c_t + f_t + f^{s}_t)

    where :math:`f_t` and :math:`f^{s}_t` are what the fusion gates of both memories let through
    (:class:`ExternalMemory`), and gates and cell those of any LSTM. It is the second of the two
    architectures of Liu et al. (2016), with local and global memory. As far as the global memory is
    concerned, all weights are shared, also those that read and write.

    Parameters
    ----------
    n_inputs, size : int
        P and m.
    n_segments, segment_size : int
        K and S of the local memory.
    pooling : {"last", "max", "mean"}
        What of the states is the text's vector; "last" in the paper.
    """

    def __init__(
        self, n_inputs: int, size: int, n_segments: int, segment_size: int, pooling: str
    ) -> None:
        super().__init__()
        self.size = size
        self.pooling = pooling
        # Gates of input, forgetting and output; the candidate.
        self.on_words = by_gates(n_inputs, size, 4)
        self.on_states = by_gates(size, size, 4, bias=False)
        self.memory = ExternalMemory(size, n_segments, segment_size)

    def forward(self, words: Tensor, lengths: Tensor, shared: ExternalMemory) -> Tensor:
        """Vectors (b, m) of texts, from word vectors (b, s, P) and the shared memory."""
        b, m = len(words), self.size
        memories = (self.memory, shared)
        state = cell = words.new_zeros(b, m)
        segments = [memory.start.expand(b, -1, -1) for memory in memories]
        keys = [memory.emitted(state)[0] for memory in memories]
        states = []
        for here in self.on_words(words).unbind(1):
            sums = here + self.on_states(state)
            enters, stays, leaves = torch.sigmoid(sums[:, : 3 * m]).chunk(3, dim=1)
            cell = stays * cell + enters * torch.tanh(sums[:, 3 * m :])
            fused = cell
            shares = []
            for memory, held, key in zip(memories, segments, keys, strict=True):
                share = memory.attention(held, key)
                shares.append(share)
                fused = fused + memory.fused((share * held).sum(dim=1), cell)
            state = leaves * torch.tanh(fused)
            states.append(state)
            for i, (memory, share) in enumerate(zip(memories, shares, strict=True)):
                keys[i], erased, added = memory.emitted(state)
                change = added.unsqueeze(1) - segments[i] * erased.unsqueeze(1)
                segments[i] = segments[i] + share * change
        return pooled(torch.stack(states, dim=1), lengths, self.pooling)


@torch.no_grad()
def by_gates(n_inputs: int, size: int, n_gates: int, bias: bool = True) -> nn.Linear:
    """A linear layer for several gates: Glorot's weights for each, and forgetting little."""
    layer = nn.Linear(n_inputs, n_gates * size, bias=bias)
    for gate in layer.weight.chunk(n_gates):
        nn.init.xavier_uniform_(gate)
    if bias:
        layer.bias.zero_()
        layer.bias[size : 2 * size] = 1
    return layer
