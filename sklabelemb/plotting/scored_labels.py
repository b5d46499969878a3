"""Truth, scores and names of labels from the input of a display."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.responses import label_answers, response_name
from sklabelemb.metrics.checks import check_indicator, check_scores
from sklabelemb.targets import column_names, names_of, positions
from sklabelemb.targets.names import as_names, shown

__all__ = ["chosen_labels", "label_names_for", "scores_of", "thresholds_of", "truth_and_scores"]


def truth_and_scores(
    y_true: Any, y_score: Any, label_names: Any
) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Truth as bool, scores as float64, each of shape (n_samples, n_labels), and the names."""
    scores: Any
    truth, scores = check_scores(y_true, y_score)
    names = label_names_for(y_true, truth.shape[1], label_names)
    return truth.toarray() > 0, scores.toarray() if sp.issparse(scores) else scores, names


def label_names_for(y: Any, n_labels: int, label_names: Any) -> list[Any]:
    """Names of the columns of a target: as given, its own, or numbers.

    Raises
    ------
    ValueError
        When there is not one name a label.
    """
    if label_names is None:
        return column_names(y) or list(range(n_labels))
    names = as_names(label_names)
    if len(names) != n_labels:
        raise ValueError(
            f"label_names must be a list with one name for each of the {n_labels} labels, in the "
            f"order of the columns of y_true, but it has {len(names)} names."
        )
    return names


def scores_of(
    estimator: Any, X: Any, y: Any, response_method: str = "auto"
) -> tuple[np.ndarray, list[Any], str]:
    """Scores of a fitted classifier in the order of the columns of `y`.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_labels)
    names : list
        Those of `y`, else those of the classifier, else numbers.
    method : {"predict_proba", "decision_function"}
    """
    n_labels = check_indicator(y, "y").shape[1]
    own = column_names(y)
    method = response_name(estimator, response_method)
    scores = label_answers(estimator, X, n_labels, method, own)
    return scores, own or names_of(estimator) or list(range(n_labels)), method


def thresholds_of(estimator: Any, names: list[Any], method: str) -> np.ndarray | None:
    """The thresholds of a classifier, in the order of `names`.

    A pipeline, a search or a frozen estimator has those of the classifier inside. None if there are
    none, or if they are for other scores.
    """
    steps = getattr(estimator, "steps", None)
    estimator = steps[-1][1] if steps else estimator
    estimator = getattr(estimator, "best_estimator_", estimator)
    thresholds = getattr(estimator, "thresholds_", None)
    # A classifier without a choice of scores has its thresholds as probabilities.
    if (
        thresholds is None
        or getattr(estimator, "response_method_", "predict_proba") != method
        or np.shape(thresholds) != (len(names),)
    ):
        return None
    values = np.asarray(thresholds, dtype=np.float64)
    known = names_of(estimator)
    if known is None or known == names or names == list(range(len(names))):
        return values
    order = positions(known, names)
    return values if order is None else values[order]


def chosen_labels(labels: Any, names: list[Any], truth: Any, most: int) -> list[int]:
    """Columns of the labels to draw.

    Parameters
    ----------
    labels : sequence of names, one name, int or None
        An int: that many of the most frequent. None: `most` of them.
    names : list
    truth : indicator of shape (n_samples, n_labels)
    most : int

    Raises
    ------
    ValueError
        For an unknown label; the message lists the labels.
    """
    if labels is None or (
        isinstance(labels, (int, np.integer)) and labels not in names and labels > 0
    ):
        frequency = np.asarray(truth.sum(axis=0)).ravel()
        n = most if labels is None else int(labels)
        return [int(k) for k in np.argsort(-frequency, kind="stable")[:n]]
    several = isinstance(labels, Iterable) and not isinstance(labels, (str, bytes))
    wanted = list(labels) if several else [labels]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise ValueError(
            f"labels={labels!r}: there is no label {shown(unknown) if unknown else 'in it'}. The "
            f"labels are {shown(names)}. Give some of them, or how many of the most frequent."
        )
    return [names.index(name) for name in wanted]
