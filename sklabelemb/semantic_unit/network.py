"""Labels as a sequence, phrases as units: the network of Lin et al. (2018).

Shapes: ``b`` texts, ``s`` words in the longest text of the batch, ``m`` semantic units, ``H`` the
hidden size, ``L`` labels, ``T`` labels of the largest set, ``k`` hypotheses of a beam.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.layers import BidirectionalLSTM, TransformerLayers, drop_words, lstm
from sklabelemb.semantic_unit.drawing import drawn_sequences, emissions
from sklabelemb.semantic_unit.global_embedding import GlobalEmbedding
from sklabelemb.semantic_unit.memory import GlobalAttention, Memory, Reading
from sklabelemb.semantic_unit.transformer_decoder import TransformerDecoder

__all__ = ["SemanticUnitNetwork"]

# What a decoder goes on from: the hypotheses lie along dimension 1 of each part.
State = tuple[Tensor, ...]
ATTENTIONS = ("hybrid", "additive", "units", "words", "none")
# Dilations of the three convolutions, and how many words a unit spans with kernels of 3.
DILATIONS = (1, 2, 3)
UNIT_SPAN = 1 + 2 * sum(DILATIONS)
# Up to this many hypotheses a step of the decoder was faster on a CPU cell by cell.
FEW_ROWS = 128
# Spread of the word vectors at the start.
WORD_STD = 0.4


class SemanticUnitNetwork(nn.Module):
    """Encoder, semantic units, and a decoder that emits labels one after the other.

    The encoder's states are condensed into units, each of which spans a phrase, by three dilated
    convolutions, or by an LSTM over every k-th state. The decoder looks at the units, and from
    there at the words.

    Parameters
    ----------
    n_words : int
        Rows of the word table, padding (row 0) included.
    n_labels : int
    embedding_dim : int, default=128
        Dimensions of the vectors of words and of labels.
    hidden_size : int, default=256
        H.
    n_layers : int, default=2
        Of encoder and decoder.
    directions : {"concat", "sum"}, default="concat"
        How the encoder's directions are joined. "concat": each has ``hidden_size / 2`` units; "sum"
        (the released code): each has ``hidden_size``.
    attention : {"hybrid", "additive", "units", "words", "none"}, default="hybrid"
        "hybrid": the decoder's output attends to the units, the result to the words, and both are
        added (the paper's model). "additive": the output attends to each on its own, and both are
        added. "units" and "words": to one of them ("words" is S2S+Attn). "none": S2S.
    hierarchical : int or None, default=None
        k: units are the states of an LSTM over the encoder's states at the ends of k words
        each (Hier-k).
    label_input : {"emitted", "global"}, default="emitted"
        What the decoder reads after a label: its vector, or SGM's `GlobalEmbedding`.
    architecture : {"lstm", "transformer"}, default="lstm"
        Of encoder and decoder. A transformer's decoder looks at the words in each of its layers, so
        its `attention` is "words".
    n_heads : int, default=4
        Heads of a transformer's attention.
    dropout : float, default=0.3
        On word vectors, between layers, and on what the output layer sees.
    word_dropout : float, default=0.1
        Probability with which a word is left out of a training text.
    multilabel : bool, default=True
        False: a single step, no end.
    sparse : bool, default=False
        Whether the word table's gradient is sparse.

    References
    ----------
    .. [1] Lin, J., Su, Q., Yang, P., Ma, S., & Sun, X. (2018). Semantic-Unit-Based Dilated
       Convolution for Multi-Label Text Classification. Proceedings of EMNLP 2018.
    .. [2] Yang, P., Sun, X., Li, W., Ma, S., Wu, W., & Wang, H. (2018). SGM: Sequence Generation
       Model for Multi-Label Classification. Proceedings of COLING 2018.

    Examples
    --------
    Two texts; the first label of the second text is known to be label 1:

    >>> import torch
    >>> network = SemanticUnitNetwork(10, 3, embedding_dim=8, hidden_size=16)
    >>> ids = torch.tensor([[7, 8, 9], [9, 2, 0]])
    >>> log_probs = network(ids, torch.tensor([[-1], [1]]))
    >>> log_probs.shape
    torch.Size([2, 2, 4])
    >>> log_probs[1, 1, 1].item()
    -inf
    """

    def __init__(
        self,
        n_words: int,
        n_labels: int,
        *,
        embedding_dim: int = 128,
        hidden_size: int = 256,
        n_layers: int = 2,
        directions: str = "concat",
        attention: str = "hybrid",
        hierarchical: int | None = None,
        label_input: str = "emitted",
        architecture: str = "lstm",
        n_heads: int = 4,
        dropout: float = 0.3,
        word_dropout: float = 0.1,
        multilabel: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        if attention not in ATTENTIONS:
            raise ValueError(f"attention={attention!r} must be one of {', '.join(ATTENTIONS)}.")
        if architecture == "transformer" and attention != "words":
            raise ValueError(
                "architecture='transformer' looks at the words in each layer, not as "
                f"attention={attention!r} says. Use attention='words', or architecture='lstm'."
            )
        self.n_labels = n_labels
        self.hidden_size = hidden_size
        self.attention = attention
        self.architecture = architecture
        self.hierarchical = hierarchical
        self.word_dropout = word_dropout
        self.multilabel = multilabel
        self.embedding = nn.Embedding(n_words, embedding_dim, padding_idx=0, sparse=sparse)
        # The last row is what the decoder reads before the first label.
        self.label_embedding = nn.Embedding(n_labels + 1, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.encoder: Any
        self.decoder: Any
        sizes = embedding_dim, hidden_size, n_layers
        if architecture == "transformer":
            self.encoder = TransformerLayers(*sizes, n_heads, dropout)
            self.decoder = TransformerDecoder(*sizes, n_heads, dropout)
        else:
            self.encoder = BidirectionalLSTM(*sizes, directions, dropout)
            self.decoder = lstm(*sizes, dropout=dropout if n_layers > 1 else 0.0)
        if self._has_units():
            if hierarchical is None:
                self.convolutions = nn.ModuleList(
                    _convolution(hidden_size, dilation) for dilation in DILATIONS
                )
            else:
                self.hierarchy = lstm(hidden_size, hidden_size)
            self.unit_attention = GlobalAttention(hidden_size)
        if self._has_words() and architecture == "lstm":
            self.word_attention = GlobalAttention(hidden_size)
        # The last output, of label sets, is the end.
        self.output = nn.Linear(hidden_size, n_labels + 1 if multilabel else n_labels)
        # A single class is the first step, and nothing is read after it.
        self.global_embedding = None
        if label_input == "global" and multilabel:
            self.global_embedding = GlobalEmbedding(embedding_dim)
        with torch.no_grad():
            for table in (self.embedding, self.label_embedding):
                nn.init.normal_(table.weight, std=WORD_STD)
            self.embedding.weight[0] = 0
            nn.init.xavier_uniform_(self.output.weight)
            self.output.bias.zero_()

    def forward(
        self, ids: Tensor, labels: Tensor | None = None, most: Tensor | None = None
    ) -> Tensor:
        """Log-probabilities of the labels after those that are known, or that were drawn.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, s)
            Word ids, padded with 0 at the end.
        labels : int64 Tensor of shape (b, T), default=None
            The labels of each text in their order, padded with -1. None: no label is known.
        most : int64 Tensor of shape (b,), default=None
            Follow sequences drawn from the network, with at most this many labels.

        Returns
        -------
        Tensor of shape (b, T + 1, L + 1), or (b, L) for single classes
            At step t, of what follows the first t labels; the last column is the end. A label that
            was emitted before has -inf. Single classes: logits. With `most`, of the sequence that
            was drawn, as :func:`~sklabelemb.semantic_unit.drawing.drawn_sequences` has it. With
            `labels` as well, shape (b, 3, L + 1): the
            :func:`~sklabelemb.semantic_unit.drawing.emissions` of the labels, of a sequence that
            was drawn, and of the greedy one.
        """
        memory = self.encode(ids)
        if most is not None and labels is None:
            return self._drawn(memory, most)[1]
        if labels is None:
            labels = ids.new_empty(len(ids), 0)
        logits, _, _ = self._decoded(memory, labels)
        if not self.multilabel:
            return logits.squeeze(1)
        log_probs = self.log_probs(logits, labels)
        if most is None:
            return log_probs
        drawn = self._drawn(memory, most)
        with torch.no_grad():
            greedy = self._drawn(memory, most, greedy=True)
        return torch.stack([emissions(*s) for s in ((labels, log_probs), drawn, greedy)], dim=1)

    def encode(self, ids: Tensor) -> Memory:
        """Read texts; shape (b, s) to a memory of everything that decoding needs."""
        if self.training and self.word_dropout:
            ids = drop_words(ids, self.word_dropout, leave_one=True)
        lengths = (ids != 0).sum(dim=1)
        distinct, positions = torch.unique(ids, return_inverse=True)
        words = F.embedding(positions, self.dropout(self.embedding(distinct)))
        if self.architecture == "transformer":
            return self._read_by_transformer(words, ids != 0)
        states, start = self.encoder(words, lengths)
        states = self.dropout(states)
        parts: dict[str, Any] = {field.name: None for field in fields(Memory)}
        if self._has_words():
            parts["states"] = states
            parts["state_keys"] = self.word_attention.key(states)
            parts["state_mask"] = ids != 0
        if self._has_units():
            units, n_units = self._units(states, lengths)
            parts["units"] = units
            parts["unit_keys"] = self.unit_attention.key(units)
            places = torch.arange(units.shape[1], device=ids.device)
            parts["unit_mask"] = places < n_units.unsqueeze(1)
        return Memory(**(parts | {"start": self._start(start)}))

    def _read_by_transformer(self, words: Tensor, mask: Tensor) -> Memory:
        states = self.encoder.states(words, mask)
        start = self._start((self.decoder.start(states),))
        return Memory(states, self.decoder.keys_of(states), mask, None, None, None, start)

    def _start(self, state: State) -> State:
        """Where the decoder starts, with the logits of no step before the first."""
        if self.global_embedding is None:
            return state
        n_texts = state[0].shape[1]
        return (*state, state[0].new_zeros(1, n_texts, self.n_labels + 1))

    def step(self, labels: Tensor, state: State, memory: Memory) -> tuple[Tensor, State]:
        """One step of the decoder, for several hypotheses a text.

        Parameters
        ----------
        labels : int64 Tensor of shape (b, k)
            What each hypothesis emitted last; ``n_labels`` at the start.
        state : tuple of Tensors
            State and cell, of shape (n_layers, b * k, H); of a transformer what entered its layers
            at the t steps before, of shape (n_layers, b * k, t, H). With ``label_input="global"``
            also the logits of the step before, of shape (1, b * k, L + 1), -inf for emitted labels.
        memory : Memory

        Returns
        -------
        logits : Tensor of shape (b, k, L + 1)
            Nothing is masked yet.
        state : tuple of Tensors
        """
        logits, _, _, state = self._step(labels, state, memory)
        return logits, state

    def _step(
        self, labels: Tensor, state: State, memory: Memory
    ) -> tuple[Tensor, Tensor | None, Tensor | None, State]:
        """Logits, the attention over words and units, and the state after a step."""
        emitted = labels.flatten()
        inputs = self.label_embedding(emitted)
        if self.global_embedding is None:
            return self._after(self.dropout(inputs), labels.shape, state, memory)
        before = state[-1][0]
        mixed = self.global_embedding(inputs, before, self.label_embedding.weight[:-1])
        # Before the first label there is no distribution.
        is_first = (emitted == self.n_labels).unsqueeze(1)
        inputs = self.dropout(torch.where(is_first, inputs, mixed))
        logits, over_words, over_units, state = self._after(
            inputs, labels.shape, state[:-1], memory
        )
        gone = before.isneginf().scatter(1, emitted.unsqueeze(1), True)
        gone[:, self.n_labels] = False
        masked = logits.reshape(gone.shape).masked_fill(gone, -torch.inf)
        return logits, over_words, over_units, (*state, masked.unsqueeze(0))

    def _after(
        self, inputs: Tensor, shape: torch.Size, state: State, memory: Memory
    ) -> tuple[Tensor, Tensor | None, Tensor | None, State]:
        """The same, after `inputs` (b * k, P) were read by hypotheses of the shape (b, k)."""
        if self.architecture == "transformer":
            values, over_words, entered = self.decoder(
                inputs, *state, memory.state_keys, memory.state_mask
            )
            return self.output(values), over_words, None, (entered,)
        queries, state = self._decoder_step(inputs, state)
        return *self._attended(queries.reshape(*shape, -1), memory), state

    def _decoder_step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of the decoder's LSTM; dropout between its layers is for training only."""
        if len(inputs) > FEW_ROWS or self.training or inputs.is_cuda:
            outputs, state = self.decoder(inputs.unsqueeze(1), state)
            return outputs.squeeze(1), state
        # For few rows, what torch prepares for a sequence takes longer than the step itself.
        cells = []
        for layer, weights in enumerate(self.decoder.all_weights):
            inputs, cell = torch.lstm_cell(inputs, (state[0][layer], state[1][layer]), *weights)
            cells.append((inputs, cell))
        states, memories = (torch.stack(parts) for parts in zip(*cells, strict=True))
        return inputs, (states, memories)

    @torch.no_grad()
    def read(self, ids: Tensor, labels: Tensor) -> Reading:
        """Logits of known sequences, with the decoder's attention."""
        return Reading(*self._decoded(self.encode(ids), labels))

    def log_probs(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Softmax over what has not been emitted yet.

        Parameters
        ----------
        logits : Tensor of shape (b, T + 1, L + 1); single classes: (b, 1, L)
        labels : int64 Tensor of shape (b, T)
            What was emitted, padded with -1.

        Returns
        -------
        Tensor of the shape of `logits`
            -inf for labels that were emitted before.
        """
        # A softmax in bfloat16 would round probabilities to two digits.
        logits = logits.float() if logits.dtype == torch.bfloat16 else logits
        if not self.multilabel:
            return logits.log_softmax(dim=2)
        emitted = torch.zeros_like(logits, dtype=torch.bool)
        # The end is column n_labels: what is no label is put there, and taken out again.
        column = torch.where(labels >= 0, labels, self.n_labels)
        emitted[:, 1:].scatter_(2, column.unsqueeze(2), True)
        emitted = emitted.cumsum(dim=1, dtype=torch.int16) > 0
        emitted[..., self.n_labels] = False
        return logits.masked_fill(emitted, -torch.inf).log_softmax(dim=2)

    def unit_spans(self, n_words: int) -> list[tuple[int, int]]:
        """Which words each unit of a text of `n_words` words was made of: from, and up to.

        With ``hierarchical=k``, k words each, the last ones perhaps fewer; a unit knows what came
        before those as well.
        """
        if not self._has_units() or n_words == 0:
            return []
        if self.hierarchical is not None:
            k = self.hierarchical
            return [(at, min(at + k, n_words)) for at in range(0, n_words, k)]
        n_units = max(1, n_words - UNIT_SPAN + 1)
        return [(first, min(first + UNIT_SPAN, n_words)) for first in range(n_units)]

    def _has_units(self) -> bool:
        return self.attention in ("hybrid", "additive", "units")

    def _has_words(self) -> bool:
        return self.attention in ("hybrid", "additive", "words")

    def _units(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The semantic units g, shape (b, m, H), and how many of them each text has."""
        if self.hierarchical is not None:
            k = self.hierarchical
            n_units = (lengths + k - 1) // k
            # Where each k words end; the last ones may be fewer.
            ends = torch.arange(k, states.shape[1] + k, k, device=states.device)
            ends = torch.minimum(ends, lengths.clamp_min(1).unsqueeze(1)) - 1
            states = states.gather(1, ends.unsqueeze(2).expand(-1, -1, states.shape[2]))
            return self.hierarchy(states)[0], n_units
        # A text shorter than a unit is one unit, of its words and of zeros.
        units = F.pad(states, (0, 0, 0, max(0, UNIT_SPAN - states.shape[1]))).transpose(1, 2)
        for layer in self.convolutions:
            units = torch.relu(layer(units))
        n_units = (lengths - UNIT_SPAN + 1).clamp_min(1).masked_fill(lengths == 0, 0)
        return units.transpose(1, 2), n_units

    def _drawn(self, memory: Memory, most: Tensor, greedy: bool = False) -> tuple[Tensor, Tensor]:
        def step(labels: Tensor, state: State) -> tuple[Tensor, State]:
            return self.step(labels, state, memory)

        return drawn_sequences(step, memory.start, self.n_labels, most, greedy)

    def _decoded(
        self, memory: Memory, labels: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Logits of all steps, the labels being known, and the attention over words and units."""
        begin = labels.new_full((len(labels), 1), self.n_labels)
        # Steps after the end of a sequence are computed but never read.
        emitted = torch.cat([begin, labels.clamp_min(0)], dim=1)
        if self.architecture == "lstm" and self.global_embedding is None:
            inputs = self.dropout(self.label_embedding(emitted))
            return self._attended(self.decoder(inputs, memory.start)[0], memory)
        # Each step of SGM reads what the one before has said; those of a transformer are few.
        steps, state = [], memory.start
        for last in emitted.split(1, dim=1):
            *step, state = self._step(last, state, memory)
            steps.append(step)
        logits, over_words, over_units = (
            None if parts[0] is None else torch.cat(parts, dim=1)
            for parts in zip(*steps, strict=True)
        )
        assert logits is not None
        return logits, over_words, over_units

    def _attended(
        self, queries: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Logits for queries s_t of shape (b, q, H), and the attention over words and units."""
        queries = self.dropout(queries)
        over_words = over_units = None
        output, from_units = queries, queries
        if self._has_units():
            from_units, over_units = self.unit_attention(
                queries, memory.unit_keys, memory.units, memory.unit_mask
            )
            output = from_units
        if self._has_words():
            from_words, over_words = self.word_attention(
                from_units if self.attention == "hybrid" else queries,
                memory.state_keys,
                memory.states,
                memory.state_mask,
            )
            output = from_words + from_units if self._has_units() else from_words
        return self.output(self.dropout(output)), over_words, over_units


def _convolution(size: int, dilation: int) -> nn.Conv1d:
    layer = nn.Conv1d(size, size, 3, dilation=dilation)
    nn.init.xavier_uniform_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
