"""scikit-learn's areas under curves, for labels some of which have no positive.

In a test set with many labels some do not occur. `roc_auc_score` and `average_precision_score`
then give nan or count a 0; here these labels are left out, and a warning says how many.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, roc_auc_score

from sklabelemb.metrics.checks import BLOCK, check_sample_weight, check_scores, finite
from sklabelemb.sparse_rows import values_at

__all__ = ["average_precision", "roc_auc"]


def roc_auc(
    y_true: Any, y_score: Any, *, average: str | None = "macro", sample_weight: Any = None
) -> Any:
    """ROC AUC, ignoring labels for which it is undefined.

    The probability that a positive is scored higher than a negative (half of it where they are
    equal), which needs one of each. What
    :func:`sklearn.metrics.roc_auc_score` computes, for all labels at once.

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
    return _averaged(
        "ROC AUC", roc_auc_score, _roc_areas, True, y_true, y_score, average, sample_weight
    )


def average_precision(
    y_true: Any, y_score: Any, *, average: str | None = "macro", sample_weight: Any = None
) -> Any:
    r"""Average precision, ignoring labels for which it is undefined.

    The precision at each threshold, weighted by what the recall gains there,
    :math:`\sum_t (R_t - R_{t-1}) P_t`, which needs a positive. What
    :func:`sklearn.metrics.average_precision_score` computes, for all labels at once.

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
        _average_precisions,
        False,
        y_true,
        y_score,
        average,
        sample_weight,
    )


def _averaged(
    name: str,
    measure: Callable,
    area: Callable[..., np.ndarray],
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
    columns = np.flatnonzero(defined)
    values[columns] = np.concatenate(
        [area(*counts) for counts in _by_label(truth, scores, weight, columns)]
    )
    return values if average is None else float(np.mean(values[defined]))


def _by_label(
    truth: sp.csr_matrix, scores: Any, weight: np.ndarray, columns: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Some labels at a time: where each begins, and weights of positives and of negatives.

    There is an entry for each different score of each label, the highest score first.
    """
    truth, n_samples = truth.tocsc()[:, columns], truth.shape[0]
    by_label = scores.tocsc()[:, columns] if sp.issparse(scores) else scores
    total, positives = weight.sum(), truth.T @ weight
    for first in range(0, len(columns), width := max(1, BLOCK // n_samples)):
        own = slice(first, first + width)
        y = sp.csr_matrix(truth[:, own].T)
        n_labels = y.shape[0]
        if sp.issparse(by_label):
            found = sp.csr_matrix(by_label[:, own].T)
            label = np.repeat(np.arange(n_labels), np.diff(found.indptr))
            score, sample = found.data, found.indices
            hit = values_at(y, found)
        else:
            score = by_label[:, columns[own]].T.ravel()
            label = np.repeat(np.arange(n_labels), n_samples)
            sample = np.tile(np.arange(n_samples), n_labels)
            hit = y.toarray().ravel()
        positive = weight[sample] * hit
        negative = weight[sample] - positive
        if sp.issparse(by_label):
            # All pairs that are not stored are tied at 0.
            rest = positives[own] - np.bincount(label, positive, n_labels)
            others = total - positives[own] - np.bincount(label, negative, n_labels)
            label = np.concatenate([label, np.arange(n_labels)])
            score = np.concatenate([score, np.zeros(n_labels)])
            positive = np.concatenate([positive, np.maximum(rest, 0)])
            negative = np.concatenate([negative, np.maximum(others, 0)])
        order = np.lexsort((-score, label))
        label, score = label[order], score[order]
        is_new = np.diff(label, prepend=-1) != 0
        is_new[1:] |= score[1:] != score[:-1]
        starts = np.flatnonzero(is_new)
        yield (
            np.flatnonzero(np.diff(label[starts], prepend=-1)),
            np.add.reduceat(positive[order], starts),
            np.add.reduceat(negative[order], starts),
        )


def _roc_areas(starts: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    above, _ = _running(starts, positive)
    pairs = negative * (above + positive / 2)
    sums = [np.add.reduceat(part, starts) for part in (pairs, positive, negative)]
    areas: np.ndarray = sums[0] / (sums[1] * sums[2])
    return areas


def _average_precisions(
    starts: np.ndarray, positive: np.ndarray, negative: np.ndarray
) -> np.ndarray:
    _, hits = _running(starts, positive)
    _, taken = _running(starts, positive + negative)
    gained = np.divide(positive * hits, taken, out=np.zeros_like(hits), where=taken > 0)
    precisions: np.ndarray = np.add.reduceat(gained, starts) / np.add.reduceat(positive, starts)
    return precisions


def _running(starts: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of what comes before each value of its label, and with the value."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    before_label = np.repeat(total[starts], np.diff(starts, append=len(values)))
    return total[:-1] - before_label, total[1:] - before_label


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
