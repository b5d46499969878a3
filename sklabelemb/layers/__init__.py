"""Layers of torch that more than one network is made of."""

from sklabelemb.layers.recurrent import BidirectionalLSTM, lstm, reversed_rows

__all__ = ["BidirectionalLSTM", "lstm", "reversed_rows"]
