"""LEAM, the label-embedding attentive model (Wang et al., 2018)."""

from sklabelemb.lazy import public_names
from sklabelemb.leam.classifier import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.leam.network import LEAM

__all__ = ["LEAM", "PAPER_SETTINGS", "LEAMClassifier"]

__dir__ = public_names(__name__)
