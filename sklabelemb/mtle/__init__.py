"""MTLE, multi-task label embedding (Zhang et al., 2018)."""

from sklabelemb.lazy import public_names
from sklabelemb.learning.task import Task
from sklabelemb.mtle.classifier import MTLEClassifier
from sklabelemb.mtle.network import MTLE
from sklabelemb.mtle.presets import PAPER_SETTINGS, PRESETS
from sklabelemb.mtle.task_network import MultiTaskNetwork

__all__ = ["MTLE", "PAPER_SETTINGS", "PRESETS", "MTLEClassifier", "MultiTaskNetwork", "Task"]

__dir__ = public_names(__name__)
