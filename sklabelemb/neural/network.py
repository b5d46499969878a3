"""One torch module for many systems: a document encoder, a pooling, and a linear layer.

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``P`` dimensions of a word, ``t``
states of a text, ``d`` dimensions of a state, ``K`` labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.layers import Dropout, linear
from sklabelemb.neural.convolutional import ConvolutionEncoder, VeryDeepCNN, WordCNN
from sklabelemb.neural.descriptions import DescriptionPenalty
from sklabelemb.neural.pooling import (
    AttentionPooling,
    DynamicMaxPooling,
    KMaxPooling,
    LabelSpecificPooling,
    LabelWisePooling,
    LastPooling,
    MaxPooling,
    MeanPooling,
    Pooling,
    SourceToTokenPooling,
)
from sklabelemb.neural.recurrent_encoders import (
    ConvolutionalRecurrentEncoder,
    HierarchicalEncoder,
    RecurrentEncoder,
)
from sklabelemb.neural.self_attention import BlockSelfAttentionEncoder, TransformerEncoder
from sklabelemb.neural.states import Encoder, States, at_ends

__all__ = ["BY_LABEL", "ENCODERS", "POOLINGS", "DocumentNetwork", "Reading"]

ENCODERS = (
    "words",
    "cnn",
    "word_cnn",
    "vdcnn",
    "lstm",
    "bilstm",
    "gru",
    "bigru",
    "cnn_lstm",
    "han",
    "bi_blosan",
    "transformer",
)
# The poolings with a vector for each label.
BY_LABEL = ("label_wise", "label_specific")
POOLINGS = (
    "last",
    "mean",
    "max",
    "dynamic_max",
    "k_max",
    "attention",
    "source2token",
    *BY_LABEL,
)
# Standard deviation of the numbers of a word that has no pretrained vector.
WORD_STD = 0.1


@dataclass(frozen=True)
class Reading:
    """What the network saw in a batch of texts.

    Attributes
    ----------
    logits : Tensor of shape (b, K)
    attention : Tensor of shape (b, s, K), or None
        The share of each word, for each label; None without attention, or where a state is of no
        word.
    contributions : Tensor of shape (b, s, K), or None
        What the state of each word adds to each logit: ``logits = bias + contributions.sum(1)``.
        None where a logit is no such sum.
    """

    logits: Tensor
    attention: Tensor | None
    contributions: Tensor | None


class DocumentNetwork(nn.Module):
    """Logits of texts: words, an encoder over them, a pooling of its states, a linear layer.

    Parameters
    ----------
    n_words : int
        Rows of the word table, padding (row 0) included.
    n_labels : int
    embedding_dim : int, default=300
        P.
    encoder : str, default="cnn"
        One of ``ENCODERS``.
    pooling : str, default="max"
        One of ``POOLINGS``.
    hidden_size : int, default=100
        Filters of each width, units of each direction, or numbers of a state.
    widths : sequence of int, default=(3, 4, 5)
        Of the filters of "cnn" and "cnn_lstm".
    activation : {"relu", "tanh"}, default="relu"
        After these filters.
    n_layers : int, default=1
        Of recurrent encoders and of "transformer"; blocks a level of "vdcnn".
    n_heads : int, default=4
        Of "transformer".
    attention_size : int, default=100
        Hidden units of "attention", "label_specific" and of the words in "han".
    n_parts : int, default=8
        Parts of a text for "dynamic_max", largest values for "k_max".
    block_length : int, default=10
        Words of a block of "bi_blosan"; most words of a sentence of "han".
    hidden_layers : sequence of int, default=()
        Sizes of layers with rectifiers between pooling and output. With a vector for each label
        they are the same for all labels, and after "label_specific" the output is, too.
    sentence_ends : sequence of int, default=()
        Ids of the words that end a sentence, for "han".
    label_words : list of list of int, default=None
        Ids of the words of each label's description.
    description_penalty : float, default=0.0
        Weight of `DescriptionPenalty`.
    dropout : float, default=0.2
        On the dimensions of word vectors, the same ones wherever a word occurs in a batch.
    head_dropout : float, default=0.0
        On what pooling and hidden layers give.
    sparse : bool, default=False
        Whether the word table's gradient is sparse.

    Examples
    --------
    >>> import torch
    >>> network = DocumentNetwork(10, 3, embedding_dim=8, encoder="bigru", pooling="label_wise")
    >>> network(torch.tensor([[7, 8, 9], [9, 2, 0]])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_words: int,
        n_labels: int,
        *,
        embedding_dim: int = 300,
        encoder: str = "cnn",
        pooling: str = "max",
        hidden_size: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        activation: str = "relu",
        n_layers: int = 1,
        n_heads: int = 4,
        attention_size: int = 100,
        n_parts: int = 8,
        block_length: int = 10,
        hidden_layers: Sequence[int] = (),
        sentence_ends: Sequence[int] = (),
        label_words: Sequence[Sequence[int]] | None = None,
        description_penalty: float = 0.0,
        dropout: float = 0.2,
        head_dropout: float = 0.0,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.description_penalty = description_penalty
        self.embedding = nn.Embedding(n_words, embedding_dim, padding_idx=0, sparse=sparse)
        self.dropout = Dropout(dropout)
        self.encoder = _encoder(
            encoder,
            embedding_dim,
            hidden_size,
            widths=widths,
            activation=activation,
            n_layers=n_layers,
            n_heads=n_heads,
            attention_size=attention_size,
            block_length=block_length,
            sentence_ends=sentence_ends,
        )
        # Whether each word has a state of its own, or a share in one.
        self.by_word = encoder not in ("word_cnn", "vdcnn")
        directions = 2 if encoder in ("bilstm", "bigru", "han", "bi_blosan") else 1
        self.pooling = _pooling(
            pooling, self.encoder.size, n_labels, attention_size, n_parts, directions
        )
        sizes = [self.pooling.size, *hidden_layers]
        self.hidden = nn.ModuleList(linear(before, size) for before, size in pairwise(sizes))
        self.head_dropout = Dropout(head_dropout)
        n_rows = 1 if pooling == "label_specific" else n_labels
        self.output = Output(sizes[-1], n_rows, n_labels)
        self.descriptions = None
        if description_penalty:
            self.descriptions = DescriptionPenalty(
                embedding_dim, sizes[-1], max(widths), label_words or [[]] * n_labels
            )
        with torch.no_grad():
            nn.init.normal_(self.embedding.weight, std=WORD_STD)
            self.embedding.weight[0] = 0

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of a batch.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, s)
            Word ids, padded with 0 at the end.

        Returns
        -------
        Tensor of shape (b, K)
        """
        return self._head(self.pooling(self.states(ids)))

    def states(self, ids: Tensor) -> States:
        """What the encoder makes of texts."""
        distinct, positions = torch.unique(ids, return_inverse=True)
        words = F.embedding(positions, self.dropout(self.embedding(distinct)))
        states: States = self.encoder(words, ids)
        return states

    def auxiliary_loss(self) -> Tensor:
        """The penalty of DR-CAML, with its weight."""
        if self.descriptions is None:
            return self.output.bias.new_zeros(())
        return self.description_penalty * self.descriptions(self.embedding, self.output.weight)

    @torch.no_grad()
    def read(self, ids: Tensor) -> Reading:
        """Logits of a batch, with what led to them."""
        states = self.states(ids)
        logits = self._head(self.pooling(states))
        if not self.by_word:
            return Reading(logits, None, None)
        attention = self.pooling.attention(states)
        contributions = None
        if not len(self.hidden):
            contributions = self.pooling.shares(states, self.output.weight)
        if contributions is not None:
            contributions = _by_word(contributions, states)
        if attention is not None:
            attention = _by_word(attention, states).expand(-1, -1, logits.shape[1])
        return Reading(logits, attention, contributions)

    def _head(self, vectors: Tensor) -> Tensor:
        """Logits from a vector a text, (b, d), or one for each of its labels, (b, K, d)."""
        vectors = self.head_dropout(vectors)
        for layer in self.hidden:
            vectors = self.head_dropout(torch.relu(layer(vectors)))
        return self.output(vectors)


class Output(nn.Module):
    """The last layer: a row of weights for each label, or one for all of them, and biases."""

    def __init__(self, size: int, n_rows: int, n_labels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_rows, size))
        self.bias = nn.Parameter(torch.zeros(n_labels))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, vectors: Tensor) -> Tensor:
        """Logits (b, K) from vectors (b, d), or (b, K, d): the k-th from the k-th alone."""
        if vectors.dim() == 2:
            return F.linear(vectors, self.weight, self.bias)
        return (vectors * self.weight).sum(dim=2) + self.bias


class WordEncoder(Encoder):
    """No encoder: the word vectors themselves."""

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.size = n_inputs

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        lengths = (ids != 0).sum(dim=1)
        return States(words, lengths, at_ends(words, lengths))


def _by_word(of_states: Tensor, states: States) -> Tensor:
    """What states have, shared out among their words, (b, t, k) to (b, s, k)."""
    if states.state_of is None or states.word_share is None:
        return of_states
    place = states.state_of.unsqueeze(2).expand(-1, -1, of_states.shape[2])
    return of_states.gather(1, place) * states.word_share.unsqueeze(2)


def _encoder(
    name: str,
    n_inputs: int,
    size: int,
    *,
    widths: Sequence[int],
    activation: str,
    n_layers: int,
    n_heads: int,
    attention_size: int,
    block_length: int,
    sentence_ends: Sequence[int],
) -> Encoder:
    """The encoder of a name."""
    match name:
        case "words":
            return WordEncoder(n_inputs)
        case "cnn":
            return ConvolutionEncoder(n_inputs, size, widths, activation)
        case "word_cnn":
            return WordCNN(n_inputs, size)
        case "vdcnn":
            return VeryDeepCNN(n_inputs, size, n_layers)
        case "lstm" | "bilstm" | "gru" | "bigru":
            cell, both = name.removeprefix("bi"), name.startswith("bi")
            return RecurrentEncoder(n_inputs, size, cell, both, n_layers)
        case "cnn_lstm":
            return ConvolutionalRecurrentEncoder(n_inputs, size, widths, activation, n_layers)
        case "han":
            return HierarchicalEncoder(n_inputs, size, attention_size, sentence_ends, block_length)
        case "bi_blosan":
            return BlockSelfAttentionEncoder(n_inputs, size, block_length)
        case "transformer":
            return TransformerEncoder(n_inputs, size, n_layers, n_heads)
    raise ValueError(f"encoder={name!r} must be one of {', '.join(ENCODERS)}.")


def _pooling(
    name: str, size: int, n_labels: int, attention_size: int, n_parts: int, directions: int
) -> Pooling:
    """The pooling of a name."""
    match name:
        case "last":
            return LastPooling(size)
        case "mean":
            return MeanPooling(size)
        case "max":
            return MaxPooling(size)
        case "dynamic_max":
            return DynamicMaxPooling(size, n_parts)
        case "k_max":
            return KMaxPooling(size, n_parts)
        case "attention":
            return AttentionPooling(size, attention_size)
        case "source2token":
            return SourceToTokenPooling(size)
        case "label_wise":
            return LabelWisePooling(size, n_labels)
        case "label_specific":
            return LabelSpecificPooling(size, n_labels, attention_size, directions)
    raise ValueError(f"pooling={name!r} must be one of {', '.join(POOLINGS)}.")
