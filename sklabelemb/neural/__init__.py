"""Document encoders and poolings: the systems that label embeddings are compared with."""

from sklabelemb.lazy import public_names
from sklabelemb.neural.classifier import DocumentClassifier
from sklabelemb.neural.network import DocumentNetwork
from sklabelemb.neural.presets import PRESETS

__all__ = ["PRESETS", "DocumentClassifier", "DocumentNetwork"]

__dir__ = public_names(__name__)
