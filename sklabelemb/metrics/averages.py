"""scikit-learn's areas under curves, for labels some of which have no positive.

In a test set with many labels some do not occur. `roc_auc_score` and `average_precision_score`
then give nan or count a 0; here these labels are left out, and a warning says how many.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, roc_auc_score

from sklabelemb.metrics.checks import check_sample_weight, check_scores, finite, row_blocks

__all__ = ["average_precision", "roc_auc"]


def roc_auc(
    y_true: Any, y_score: Any, *, average: str | None = "macro", sample_weight: Any = None
) -> Any:
    """Area under the ROC curve, without the labels for which there is none.

    The probability that a positive is scored higher than a negative (half of it where they are
    equal), which needs one of each. Computed by :func:`sklearn.metrics.roc_auc_score`.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    average : {"macro", "micro"} or None, default="macro"
        "macro": mean over the labels that have a positive and a negative; every label counts the
        same. "micro": the area for all pairs of a sample and a label together, so that scores of
        different labels are compared. None: for each label, nan where it is undefined.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float, or ndarray of shape (n_labels,)
        nan when nothing is defined.

    Warns
    -----
    UndefinedMetricWarning
        When labels are left out, or nothing is defined.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or `average` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import roc_auc
    >>> y_true = np.array([[1, 0], [0, 1], [1, 1]])
    >>> y_score = np.array([[0.9, 0.2], [0.4, 0.1], [0.3, 0.6]])
    >>> roc_auc(y_true, y_score, average=None)
    array([0.5, 0.5])
    """
    return _averaged("ROC AUC", roc_auc_score, True, y_true, y_score, average, sample_weight)


def average_precision(
    y_true: Any, y_score: Any, *, average: str | None = "macro", sample_weight: Any = None
) -> Any:
    r"""Average precision, without the labels for which there is none.

    The precision at each threshold, weighted by what the recall gains there,
    :math:`\sum_t (R_t - R_{t-1}) P_t`, which needs a positive. Computed by
    :func:`sklearn.metrics.average_precision_score`.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    average : {"macro", "micro"} or None, default="macro"
        "macro": mean over the labels that have a positive; every label counts the same. "micro":
        for all pairs of a sample and a label together. None: for each label, nan where it is
        undefined.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float, or ndarray of shape (n_labels,)
        nan when nothing is defined.

    Warns
    -----
    UndefinedMetricWarning
        When labels are left out, or nothing is defined.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or `average` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import average_precision
    >>> y_true = np.array([[1, 0], [0, 1], [1, 1]])
    >>> y_score = np.array([[0.9, 0.2], [0.4, 0.1], [0.3, 0.6]])
    >>> average_precision(y_true, y_score, average=None).round(3)
    array([0.833, 0.833])
    """
    return _averaged(
        "Average precision",
        average_precision_score,
        False,
        y_true,
        y_score,
        average,
        sample_weight,
    )


def _averaged(
    name: str,
    measure: Callable,
    needs_negatives: bool,
    y_true: Any,
    y_score: Any,
    average: str | None,
    sample_weight: Any,
) -> Any:
    if average not in ("macro", "micro", None):
        raise ValueError(f"average must be 'macro', 'micro' or None, but got {average!r}.")
    scores: Any
    truth, scores = check_scores(y_true, y_score)
    weight = check_sample_weight(sample_weight, truth.shape[0])
    if not np.all(weight):
        # A label whose positives all have weight 0 has none.
        kept = weight > 0
        truth, scores, weight = truth[kept], scores[kept], weight[kept]
    wanted = "positive and negative samples" if needs_negatives else "a positive sample"
    if average == "micro":
        if not truth.nnz or (needs_negatives and truth.nnz == np.prod(truth.shape)):
            _warn(f"{name} is undefined: y_true must have {wanted}. The result is nan.")
            return float("nan")
        flat_truth, flat_scores, flat_weight = _pooled(truth, scores, weight)
        return float(measure(flat_truth, finite(flat_scores), sample_weight=flat_weight))

    n_samples, n_labels = truth.shape
    positives = np.asarray(truth.sum(axis=0)).ravel()
    defined = (positives > 0) & ~(needs_negatives & (positives == n_samples))
    values = np.full(n_labels, np.nan)
    if n_undefined := n_labels - np.count_nonzero(defined):
        shown = ", ".join(map(str, np.flatnonzero(~defined)[:5]))
        more = ", …" if n_undefined > 5 else ""
        if average is None:
            outcome = f"their {name} is nan"
        elif n_undefined < n_labels:
            outcome = f"{name} is the mean of the others"
        else:
            outcome = f"{name} is nan"
        _warn(
            f"{n_undefined} of {n_labels} labels do not have {wanted} in y_true (columns "
            f"{shown}{more}); {outcome}."
        )
        if n_undefined == n_labels:
            return values if average is None else float("nan")
    # The rows of the transposed are labels: sparse input is made dense some labels at a time.
    columns = slice(None) if n_undefined == 0 else np.flatnonzero(defined)
    by_label = scores.T.tocsr() if sp.issparse(scores) else scores.T
    values[defined] = np.concatenate(
        [
            measure(_as_columns(t), finite(_as_columns(s)), average=None, sample_weight=weight)
            for t, s in row_blocks(truth.T.tocsr()[columns], by_label[columns])
        ],
        axis=None,
    )
    return values if average is None else float(np.mean(values[defined]))


def _as_columns(block: np.ndarray) -> np.ndarray:
    """A block of labels by samples as scikit-learn wants it, one label as a 1-D array."""
    # In one piece: what scikit-learn does to take out one column copies anything else whole.
    return np.ascontiguousarray(block.T) if len(block) > 1 else block[0]


def _pooled(
    truth: sp.csr_matrix, scores: Any, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, score and weight of all pairs of a sample and a label.

    The pairs that a sparse matrix does not store are all tied at 0: two pairs, one positive and one
    negative, stand for them with their weight.
    """
    n_samples, n_labels = truth.shape
    if not sp.issparse(scores):
        return truth.toarray().ravel(), scores.ravel(), np.repeat(weight, n_labels)
    stored = scores.tocoo()
    flat_truth = np.isin(_places(stored), _places(truth.tocoo())).astype(np.float64)
    stored_positives = np.bincount(stored.row, weights=flat_truth, minlength=n_samples)
    positives = np.diff(truth.indptr) - stored_positives
    negatives = n_labels - np.diff(scores.indptr) - positives
    flat_truth = np.concatenate([flat_truth, [1, 0]])
    flat_scores = np.concatenate([stored.data, [0, 0]])
    flat_weight = np.concatenate([weight[stored.row], [positives @ weight, negatives @ weight]])
    some = flat_weight > 0
    return flat_truth[some], flat_scores[some], flat_weight[some]


def _places(matrix: sp.coo_matrix) -> np.ndarray:
    """One number for each place in a matrix."""
    return matrix.row.astype(np.int64) * matrix.shape[1] + matrix.col


def _warn(message: str) -> None:
    # To the caller of the public function.
    warnings.warn(message, UndefinedMetricWarning, stacklevel=4)
