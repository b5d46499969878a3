"""Check that a loaded model can predict."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

__all__ = ["check_prediction"]

_METHODS = ("predict", "predict_proba", "decision_function", "predict_labels")


def check_prediction(estimator: Any) -> None:
    """Let a loaded model predict the labels of one text.

    Parameters
    ----------
    estimator : estimator
        A classifier of texts; or of features, if it has ``n_features_in_``.

    Raises
    ------
    ValueError
        When it fails; the message says how.
    """
    X = _sample(estimator)
    if X is None:
        return
    tasks = list(estimator.model_.tasks) if hasattr(estimator, "model_") else []
    told = [{"task": name} for name in tasks] if len(tasks) > 1 else [{}]
    for name in _METHODS:
        try:
            method: Any = getattr(estimator, name, None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for task in told if method is not None else ():
                    method(X, **task)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"{name} fails with {type(error).__name__}: {error}") from error


def _sample(estimator: Any) -> Any:
    """A text, or zeros for a classifier of features; None if unknown."""
    first = _reader(estimator)
    if hasattr(first, "model_"):
        return [" ".join(["?", *getattr(first.vocabulary_, "words", ())[:3]])]
    vectorizer = getattr(first, "vectorizer_", first)
    if hasattr(vectorizer, "analyzer"):
        words = list(getattr(vectorizer, "vocabulary_", ()))[:3]
        return [" ".join(["?", *map(str, words)])] if vectorizer.input == "content" else None
    n_features = getattr(estimator, "n_features_in_", None)
    return np.zeros((1, n_features)) if type(n_features) is int else None


def _reader(estimator: Any) -> Any:
    """The part of an estimator that sees the texts."""
    while True:
        if parts := getattr(estimator, "steps", getattr(estimator, "transformer_list", None)):
            estimator = parts[0][1]
        elif hasattr(estimator, "estimator_"):
            estimator = estimator.estimator_
            if not hasattr(estimator, "predict"):
                raise ValueError(f"the classifier inside is a {type(estimator).__name__}")
        else:
            return estimator
