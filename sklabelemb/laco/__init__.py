"""LACO: a transformer reads document and labels together, and learns which labels come together."""

from sklabelemb.laco.classifier import LACOClassifier
from sklabelemb.laco.network import LACO
from sklabelemb.laco.presets import PAPER_SETTINGS, PRESETS
from sklabelemb.lazy import public_names

__all__ = ["LACO", "PAPER_SETTINGS", "PRESETS", "LACOClassifier"]

__dir__ = public_names(__name__)
