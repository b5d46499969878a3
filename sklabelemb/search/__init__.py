"""Automatic model selection within a time limit."""

from sklabelemb.lazy import public_names
from sklabelemb.search.halving import autotune
from sklabelemb.search.tried import AutotuneResult

__all__ = ["AutotuneResult", "autotune"]

__dir__ = public_names(__name__)
