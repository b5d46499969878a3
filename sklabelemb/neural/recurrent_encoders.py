"""Recurrent encoders: LSTM and GRU, over a convolution, and by sentence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklabelemb.layers import lstm, reversed_rows
from sklabelemb.neural.convolutional import ConvolutionEncoder
from sklabelemb.neural.pooling import AttentionPooling
from sklabelemb.neural.states import Encoder, States, at_ends, within

__all__ = ["ConvolutionalRecurrentEncoder", "HierarchicalEncoder", "RecurrentEncoder"]


class RecurrentEncoder(Encoder):
    """LSTM or GRU, in one direction or both, of one or more layers.

    Parameters
    ----------
    n_inputs : int
    hidden_size : int
        Of each direction.
    cell : {"lstm", "gru"}
    bidirectional : bool
    n_layers : int, default=1
    """

    def __init__(
        self, n_inputs: int, hidden_size: int, cell: str, bidirectional: bool, n_layers: int = 1
    ) -> None:
        super().__init__()
        self.size = hidden_size * (1 + bidirectional)
        self.forwards = nn.ModuleList()
        self.backwards = nn.ModuleList()
        make = lstm if cell == "lstm" else gru
        for layer in range(n_layers):
            width = self.size if layer else n_inputs
            self.forwards.append(make(width, hidden_size))
            if bidirectional:
                self.backwards.append(make(width, hidden_size))

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        return self.over(words, (ids != 0).sum(dim=1))

    def over(self, values: Tensor, lengths: Tensor) -> States:
        """States of sequences of shape (b, t, d)."""
        beyond = ~within(lengths, values.shape[1]).unsqueeze(2)
        final = [values.new_zeros(len(values), 0)]
        for layer, forwards in enumerate(self.forwards):
            ways = [forwards(values)[0]]
            final = [at_ends(ways[0], lengths)]
            if len(self.backwards):
                mirrored = self.backwards[layer](reversed_rows(values, lengths))[0]
                ways.append(reversed_rows(mirrored, lengths))
                final.append(at_ends(mirrored, lengths))
            values = torch.cat(ways, dim=2).masked_fill(beyond, 0)
        return States(values, lengths, torch.cat(final, dim=1))


class ConvolutionalRecurrentEncoder(Encoder):
    """Convolutions, over whose states an LSTM goes: C-LSTM (Zhou et al., 2015)."""

    def __init__(
        self,
        n_inputs: int,
        hidden_size: int,
        widths: Sequence[int],
        activation: str,
        n_layers: int = 1,
    ) -> None:
        super().__init__()
        self.phrases = ConvolutionEncoder(n_inputs, hidden_size, widths, activation)
        self.recurrent = RecurrentEncoder(self.phrases.size, hidden_size, "lstm", False, n_layers)
        self.size = self.recurrent.size

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of texts, from word vectors (b, s, P) and ids (b, s)."""
        phrases = self.phrases(words, ids)
        return self.recurrent.over(phrases.values, phrases.lengths)


class HierarchicalEncoder(Encoder):
    """A GRU over the words of each sentence, and one over the sentences: HAN (Yang et al., 2016).

    Equations (1) to (7) of the paper make a vector of each sentence by attention, (8) the states of
    sentences; the attention over these is a pooling.

    Parameters
    ----------
    n_inputs, hidden_size : int
    attention_size : int
    sentence_ends : sequence of int
        Ids of the words that end a sentence.
    sentence_length : int
        A sentence is cut after this many words.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_size: int,
        attention_size: int,
        sentence_ends: Sequence[int],
        sentence_length: int,
    ) -> None:
        super().__init__()
        self.words = RecurrentEncoder(n_inputs, hidden_size, "gru", True)
        self.word_attention = AttentionPooling(self.words.size, attention_size)
        self.sentences = RecurrentEncoder(self.words.size, hidden_size, "gru", True)
        self.size = self.sentences.size
        self.sentence_ends = list(sentence_ends)
        self.sentence_length = sentence_length

    def forward(self, words: Tensor, ids: Tensor) -> States:
        """States of the sentences of texts, from word vectors (b, s, P) and ids (b, s)."""
        mask = ids != 0
        number, place = sentences(ids, self.sentence_ends, self.sentence_length)
        counts = torch.where(mask, number + 1, 0).amax(dim=1)
        first = counts.cumsum(0) - counts
        row = (number + first.unsqueeze(1))[mask]
        place = place[mask]
        n_sentences = int(counts.sum())
        longest = int(place.max()) + 1 if len(place) else 1
        apart = words.new_zeros(max(1, n_sentences), longest, words.shape[2])
        apart[row, place] = words[mask]
        lengths = torch.bincount(row, minlength=len(apart))
        read = self.words.over(apart, lengths)
        weights = self.word_attention.weights(read)
        vectors = torch.einsum("ns,nsd->nd", weights, read.values)
        most = max(1, int(counts.max())) if len(counts) else 1
        together = vectors.new_zeros(len(ids), most, vectors.shape[1])
        together[within(counts, most)] = vectors[:n_sentences]
        states = self.sentences.over(together, counts)
        share = weights.new_zeros(ids.shape)
        share[mask] = weights[row, place]
        return States(states.values, counts, states.final, share, torch.where(mask, number, 0))


def sentences(ids: Tensor, ends: Sequence[int], most: int) -> tuple[Tensor, Tensor]:
    """In which sentence of its text each word is, and at which place, both of shape (b, s).

    A sentence ends with the last of a row of marks such as ``.``, ``!`` and ``?``, or after `most`
    words.

    Examples
    --------
    >>> import torch
    >>> number, place = sentences(torch.tensor([[5, 9, 9, 6, 7, 8, 9]]), ends=[9], most=3)
    >>> number.tolist(), place.tolist()
    ([[0, 0, 0, 1, 1, 1, 2]], [[0, 1, 2, 0, 1, 2, 0]])
    """
    places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    marks = torch.isin(ids, ids.new_tensor(list(ends)))
    begins = torch.ones_like(marks)
    begins[:, 1:] = marks[:, :-1] & ~marks[:, 1:]
    place = places - torch.where(begins, places, 0).cummax(dim=1).values
    begins |= place % most == 0
    return begins.cumsum(dim=1) - 1, place % most


@torch.no_grad()
def gru(input_size: int, hidden_size: int) -> nn.GRU:
    """A GRU at its start: Glorot's weights gate by gate, no biases."""
    layer = nn.GRU(input_size, hidden_size, batch_first=True)
    for name, parameter in layer.named_parameters():
        if "weight" in name:
            for gate in parameter.chunk(3):
                nn.init.xavier_uniform_(gate)
        else:
            parameter.zero_()
    return layer
