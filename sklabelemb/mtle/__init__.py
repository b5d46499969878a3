"""MTLE, multi-task label embedding (Zhang et al., 2018)."""

from sklabelemb.learning.task import Task
from sklabelemb.mtle.classifier import PAPER_SETTINGS, MTLEClassifier
from sklabelemb.mtle.network import MTLE

__all__ = ["MTLE", "PAPER_SETTINGS", "MTLEClassifier", "Task"]
