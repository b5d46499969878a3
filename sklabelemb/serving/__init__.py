"""Predictions of saved models with NumPy and SciPy alone, without torch and scikit-learn."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.serving.loading import load
    from sklabelemb.serving.served import ServedClassifier

__all__ = ["ServedClassifier", "load"]

__getattr__ = resolver(__name__, {"ServedClassifier": "served", "load": "loading"})

__dir__ = public_names(__name__)
