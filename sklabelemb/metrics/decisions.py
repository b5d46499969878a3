"""scikit-learn's metrics of decisions, correct for a single label too.

An indicator with a single column is for scikit-learn a column of classes, and its micro-averages
count the negatives then. Private to this package: with more than one label, call
scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, hamming_loss, precision_recall_fscore_support

from sklabelemb.metrics.checks import check_indicators

__all__ = ["hamming", "precision_recall_f1", "subset_accuracy"]


def precision_recall_f1(
    y_true: Any, y_pred: Any, *, average: str | None, sample_weight: Any = None
) -> tuple[Any, Any, Any]:
    """Precision, recall and F1; what is undefined counts 0.

    Parameters
    ----------
    y_true, y_pred : indicators of shape (n_samples, n_labels)
    average : {"micro", "macro", "weighted", "samples"} or None
        None: for each label.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    precision, recall, f1 : float, or ndarrays of shape (n_labels,)
    """
    truth, prediction = check_indicators(y_true, y_pred)
    labels = None
    if truth.shape[1] == 1:
        # With an empty column beside it, which is then left out, it is taken for an indicator.
        empty = sp.csr_matrix(truth.shape, dtype=truth.dtype)
        truth = sp.hstack([truth, empty], format="csr")
        prediction = sp.hstack([prediction, empty], format="csr")
        labels = [0]
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth,
        prediction,
        labels=labels,
        average=average,
        sample_weight=sample_weight,
        zero_division=0,
    )
    return precision, recall, f1


def hamming(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Share of the pairs of a sample and a label that are decided wrongly."""
    return float(hamming_loss(*_classes_if_one(y_true, y_pred), sample_weight=sample_weight))


def subset_accuracy(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Share of the samples whose label set is predicted exactly."""
    return float(accuracy_score(*_classes_if_one(y_true, y_pred), sample_weight=sample_weight))


def _classes_if_one(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    truth, prediction = check_indicators(y_true, y_pred)
    if truth.shape[1] == 1:
        return np.ravel(truth.toarray()), np.ravel(prediction.toarray())
    return truth, prediction
