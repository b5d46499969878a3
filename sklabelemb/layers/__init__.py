"""Layers of torch that more than one network is made of."""

from sklabelemb.layers.convolution import Convolution
from sklabelemb.layers.dropout import Dropout, drop_words
from sklabelemb.layers.linear import linear
from sklabelemb.layers.recurrent import BidirectionalLSTM, lstm, reversed_rows
from sklabelemb.layers.transformer import (
    INNER,
    MultiHeadAttention,
    TransformerLayers,
    positional_encoding,
)
from sklabelemb.lazy import public_names

__all__ = [
    "INNER",
    "BidirectionalLSTM",
    "Convolution",
    "Dropout",
    "MultiHeadAttention",
    "TransformerLayers",
    "drop_words",
    "linear",
    "lstm",
    "positional_encoding",
    "reversed_rows",
]

__dir__ = public_names(__name__)
