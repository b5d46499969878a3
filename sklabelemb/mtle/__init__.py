"""MTLE, multi-task label embedding (Zhang et al., 2018)."""

from sklabelemb.lazy import public_names
from sklabelemb.learning.task import Task
from sklabelemb.mtle.classifier import PAPER_SETTINGS, MTLEClassifier
from sklabelemb.mtle.network import MTLE

__all__ = ["MTLE", "PAPER_SETTINGS", "MTLEClassifier", "Task"]

__dir__ = public_names(__name__)
