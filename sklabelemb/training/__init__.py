"""Training: the skorch net, length-bucketed batches, optimisers and callbacks."""

from sklabelemb.training.batches import LengthBuckets, TextDataset
from sklabelemb.training.net import LabelLoss, TextNet, isolated_randomness
from sklabelemb.training.optimizers import SplitAdam, sparse_pays

__all__ = [
    "LabelLoss",
    "LengthBuckets",
    "SplitAdam",
    "TextDataset",
    "TextNet",
    "isolated_randomness",
    "sparse_pays",
]
