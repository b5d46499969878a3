"""MTLE, multi-task label embedding (Zhang et al., 2018)."""

from sklabelemb.mtle.classifier import MTLEClassifier
from sklabelemb.mtle.network import MTLE
from sklabelemb.mtle.tasks import Task

__all__ = ["MTLE", "MTLEClassifier", "Task"]
