"""Label cardinality, density and number of distinct label sets."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.metrics.checks import check_indicator, check_train

__all__ = ["label_cardinality", "label_density", "n_label_sets", "n_unseen_label_sets"]


def label_cardinality(y: Any) -> float:
    """Label cardinality: mean number of labels per sample.

    Parameters
    ----------
    y : indicator of shape (n_samples, n_labels)
        Truth or predictions: dense, CSR or a DataFrame.

    Returns
    -------
    float
        Between 0 and `n_labels`.

    Raises
    ------
    ValueError
        When `y` is no indicator.

    References
    ----------
    G. Tsoumakas, I. Katakis. "Multi-Label Classification: An Overview". International Journal of
    Data Warehousing and Mining 3 (3), 2007.

    Examples
    --------
    >>> from sklabelemb.metrics import label_cardinality
    >>> label_cardinality([[1, 1, 0, 0], [0, 1, 0, 0]])
    1.5
    """
    indicator = check_indicator(y, "y")
    return float(indicator.nnz / indicator.shape[0])


def label_density(y: Any) -> float:
    """Label density: mean share of the labels that a sample has, the cardinality over `n_labels`.

    Parameters
    ----------
    y : indicator of shape (n_samples, n_labels)
        Truth or predictions: dense, CSR or a DataFrame.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        When `y` is no indicator.

    References
    ----------
    G. Tsoumakas, I. Katakis. "Multi-Label Classification: An Overview". International Journal of
    Data Warehousing and Mining 3 (3), 2007.

    Examples
    --------
    >>> from sklabelemb.metrics import label_density
    >>> label_density([[1, 1, 0, 0], [0, 1, 0, 0]])
    0.375
    """
    return label_cardinality(y) / np.shape(y)[1]


def n_label_sets(y: Any) -> int:
    """Number of different label sets, that is of distinct rows.

    Parameters
    ----------
    y : indicator of shape (n_samples, n_labels)
        Truth or predictions: dense, CSR or a DataFrame.

    Returns
    -------
    int
        The empty set counts as one too, where a sample has no label.

    Raises
    ------
    ValueError
        When `y` is no indicator.

    References
    ----------
    X. Zhang, Q.-W. Zhang, Z. Yan, R. Liu, Y. Cao. "Enhancing Label Correlation Feedback in
    Multi-Label Text Classification via Multi-Task Learning". Findings of ACL 2021 (which compares
    this number for predictions and truth).

    Examples
    --------
    >>> from sklabelemb.metrics import n_label_sets
    >>> n_label_sets([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    3
    """
    return len(_label_sets(check_indicator(y, "y")))


def n_unseen_label_sets(y_pred: Any, y_train: Any) -> int:
    """Number of different predicted label sets that no training sample has.

    A label powerset has none by construction; other classifiers may combine labels in new ways,
    rightly or wrongly.

    Parameters
    ----------
    y_pred : indicator of shape (n_samples, n_labels)
        Predictions (or the truth, to see how many new sets there were to find): dense, CSR or a
        DataFrame.
    y_train : indicator of shape (n_train_samples, n_labels)
        What was trained on.

    Returns
    -------
    int
        At most ``n_label_sets(y_pred)``. The empty set counts as one too.

    Raises
    ------
    ValueError
        When one is no indicator, or they differ in their number of labels.

    Examples
    --------
    >>> from sklabelemb.metrics import n_unseen_label_sets
    >>> n_unseen_label_sets([[1, 0], [1, 1], [1, 1]], y_train=[[1, 0], [0, 1]])
    1
    """
    prediction = check_indicator(y_pred, "y_pred")
    train = check_train(y_train, prediction.shape[1], "y_pred")
    return len(_label_sets(prediction) - _label_sets(train))


def _label_sets(indicator: sp.csr_matrix) -> set[bytes]:
    """Distinct rows, each as the bytes of its sorted column numbers."""
    columns = indicator.indices.astype(np.int64).tobytes()
    ends = (8 * indicator.indptr.astype(np.int64)).tolist()
    return {columns[a:b] for a, b in pairwise(ends)}
