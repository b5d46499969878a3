"""The best of the package's classifiers within a time."""

from sklabelemb.search.halving import autotune
from sklabelemb.search.tried import AutotuneResult

__all__ = ["AutotuneResult", "autotune"]
