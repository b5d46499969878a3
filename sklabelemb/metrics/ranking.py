"""Ranking metrics: precision, recall and nDCG at k.

Tied scores are averaged over all orders of the tied labels, as in scikit-learn's `ndcg_score`. So
the order of the columns never matters, and a constant score is as good as chance.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning

from sklabelemb.metrics.checks import (
    check_indicator,
    check_k,
    check_sample_weight,
    check_scores,
)
from sklabelemb.metrics.top_places import gain_of_top

__all__ = [
    "label_propensities",
    "ndcg_at_k",
    "precision_at_k",
    "propensity_scored_precision_at_k",
    "r_precision_at_k",
    "recall_at_k",
]


def precision_at_k(y_true: Any, y_score: Any, *, k: int = 5, sample_weight: Any = None) -> float:
    r"""Precision at k: share of the k highest scored labels that are true, mean over samples.

    For sample i with labels :math:`Y_i` and :math:`R_i^k`, the k labels of highest score,

    .. math:: P@k = \frac{1}{n} \sum_i \frac{|Y_i \cap R_i^k|}{k}

    A sample with fewer than k labels cannot reach 1, and one without any counts 0; see
    :func:`r_precision_at_k` for a measure that can always reach 1.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely: probabilities or decision values. What a sparse matrix does not
        store is 0.
    k : int, default=5
        How many labels to look at, at most `n_labels`. With 1, 3 and 5 results are usually
        reported.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        Between 0 and 1. Tied scores share their places.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or k is larger than the number of labels.

    References
    ----------
    F. McSherry, M. Najork. "Computing Information Retrieval Performance Measures Efficiently in
    the Presence of Tied Scores". ECIR 2008 (for the ties).

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import precision_at_k
    >>> y_true = np.array([[1, 1, 0, 0], [0, 0, 1, 0]])
    >>> y_score = np.array([[0.9, 0.2, 0.5, 0.1], [0.1, 0.3, 0.8, 0.2]])
    >>> precision_at_k(y_true, y_score, k=1)
    1.0
    >>> precision_at_k(y_true, y_score, k=2)
    0.5
    """
    hits, _, weight, k = _hits(y_true, y_score, k, sample_weight)
    return float(np.average(hits, weights=weight) / k)


def recall_at_k(y_true: Any, y_score: Any, *, k: int = 5, sample_weight: Any = None) -> float:
    r"""Recall at k: share of the true labels among the k highest scored ones, mean over samples.

    .. math:: R@k = \frac{1}{n} \sum_i \frac{|Y_i \cap R_i^k|}{|Y_i|}

    over the samples that have a label; for the others it is undefined, and they are left out.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    k : int, default=5
        How many labels to look at, at most `n_labels`.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        Between 0 and 1; nan with an `UndefinedMetricWarning` when no sample has a label. Tied
        scores share their places.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or k is larger than the number of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import recall_at_k
    >>> y_true = np.array([[1, 1, 0, 0], [0, 0, 1, 0]])
    >>> y_score = np.array([[0.9, 0.2, 0.5, 0.1], [0.1, 0.3, 0.8, 0.2]])
    >>> recall_at_k(y_true, y_score, k=1)
    0.75
    """
    hits, n_true, weight, k = _hits(y_true, y_score, k, sample_weight)
    return _mean_of_labelled("Recall at k", hits, n_true, n_true, weight)


def r_precision_at_k(y_true: Any, y_score: Any, *, k: int = 5, sample_weight: Any = None) -> float:
    r"""R-precision at k: share of the possible hits among the k highest scored labels.

    .. math:: RP@k = \frac{1}{n} \sum_i \frac{|Y_i \cap R_i^k|}{\min(k, |Y_i|)}

    over the samples that have a label; for the others it is undefined, and they are left out. It
    is the precision at k of samples with k labels or more and the recall at k of the others, so
    that a perfect ranking has 1 however many labels a sample carries.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    k : int, default=5
        How many labels to look at, at most `n_labels`; 5 in the paper, near the mean number of
        labels of its documents.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        Between 0 and 1; nan with an `UndefinedMetricWarning` when no sample has a label. Tied
        scores share their places.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or k is larger than the number of labels.

    References
    ----------
    I. Chalkidis, M. Fergadiotis, P. Malakasiotis, I. Androutsopoulos. "Large-Scale Multi-Label
    Text Classification on EU Legislation". ACL 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import r_precision_at_k
    >>> y_true = np.array([[1, 1, 0, 0], [0, 0, 1, 0]])
    >>> y_score = np.array([[0.9, 0.2, 0.5, 0.1], [0.1, 0.3, 0.8, 0.2]])
    >>> r_precision_at_k(y_true, y_score, k=2)
    0.75
    """
    hits, n_true, weight, k = _hits(y_true, y_score, k, sample_weight)
    return _mean_of_labelled("R-precision at k", hits, np.minimum(k, n_true), n_true, weight)


def ndcg_at_k(y_true: Any, y_score: Any, *, k: int = 5, sample_weight: Any = None) -> float:
    r"""Normalised discounted cumulative gain of the k highest scored labels, mean over samples.

    .. math::

        nDCG@k = \frac{1}{n} \sum_i
        \frac{\sum_{r=1}^k y_{i, \pi_i(r)} / \log_2(r + 1)}
        {\sum_{r=1}^{\min(k, |Y_i|)} 1 / \log_2(r + 1)}

    where :math:`\pi_i(r)` is the label with the r-th highest score. It is
    :func:`sklearn.metrics.ndcg_score`, with two differences: samples without a label, for which it
    is undefined, are left out instead of counting 0, and sparse matrices are understood.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    k : int, default=5
        How many labels to look at, at most `n_labels`.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        Between 0 and 1; nan with an `UndefinedMetricWarning` when no sample has a label. Tied
        scores share their places. With a single label there is nothing to rank: 1.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or k is larger than the number of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import ndcg_at_k
    >>> y_true = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    >>> y_score = np.array([[0.7, 0.2, 0.9, 0.1], [0.1, 0.3, 0.8, 0.2], [0.1, 0.2, 0.3, 0.4]])
    >>> round(ndcg_at_k(y_true, y_score, k=2), 3)  # the mean of 1 / log2(3) and 1
    0.815
    """
    truth, scores = check_scores(y_true, y_score)
    k = check_k(k, truth.shape[1])
    weight = check_sample_weight(sample_weight, truth.shape[0])
    rows = (np.diff(truth.indptr) > 0) & (weight > 0)
    if not rows.any():
        return _undefined("nDCG at k")
    truth, scores, weight = truth[rows], scores[rows], weight[rows]
    discounts = 1 / np.log2(np.arange(k) + 2)
    best = np.cumsum(discounts)[np.minimum(np.diff(truth.indptr), k) - 1]
    values = gain_of_top(truth, scores, k, discounts) / best
    return float(np.average(values, weights=weight))


def label_propensities(y_train: Any, *, a: float = 0.55, b: float = 1.5) -> np.ndarray:
    r"""Propensities of labels: how probably a true label was assigned, by its frequency.

    .. math:: p_l = \frac{1}{1 + C e^{-A \log(N_l + B)}}, \quad C = (\log N - 1) (B + 1)^A

    for a label with :math:`N_l` of the N training samples. The model assumes that rarer labels are
    overlooked more often.

    Parameters
    ----------
    y_train : indicator of shape (n_train_samples, n_labels)
        What was trained on: dense, CSR or a DataFrame.
    a, b : float, default=0.55, 1.5
        A and B of the model, both greater than 0. The defaults are those that the paper's authors
        use for most datasets; they take 0.5 and 0.4 for Wikipedia, 0.6 and 2.6 for Amazon.

    Returns
    -------
    ndarray of shape (n_labels,)
        Greater than 0, less than 1.

    Raises
    ------
    ValueError
        With fewer than 3 samples, because :math:`\log N < 1` makes C negative and the result is not
        a probability. When `a` or `b` is not greater than 0.

    References
    ----------
    H. Jain, Y. Prabhu, M. Varma. "Extreme Multi-label Loss Functions for Recommendation, Tagging,
    Ranking & Other Missing Label Applications". KDD 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import label_propensities
    >>> y_train = np.zeros((1000, 3))
    >>> y_train[:500, 0] = y_train[:10, 1] = y_train[:1, 2] = 1
    >>> label_propensities(y_train).round(2)
    array([0.76, 0.28, 0.14])
    """
    counts = np.asarray(check_indicator(y_train, "y_train").sum(axis=0, dtype=np.float64)).ravel()
    n_samples = np.shape(y_train)[0]
    for name, value in (("a", a), ("b", b)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a finite number greater than 0, but got {value!r}.")
    if n_samples < 3:
        raise ValueError(
            f"y_train has {n_samples} sample{'s' * (n_samples > 1)}, but the model of propensities "
            "needs at least 3: with fewer its C is negative."
        )
    c = (np.log(n_samples) - 1) * (b + 1) ** a
    return 1 / (1 + c * (counts + b) ** -a)


def propensity_scored_precision_at_k(
    y_true: Any,
    y_score: Any,
    *,
    propensities: Any,
    k: int = 5,
    normalize: bool = True,
    sample_weight: Any = None,
) -> float:
    r"""Propensity-scored precision at k, in which hits on rare labels count more.

    .. math:: PSP@k = \frac{1}{n} \sum_i \frac{1}{k} \sum_{l \in R_i^k} \frac{y_{il}}{p_l}

    with the k highest scored labels :math:`R_i^k` and the propensities :math:`p_l`. If labels are
    missing from the truth as the propensities say, its expected value is the precision at k on the
    complete truth. Divided by the highest value that any scores could attain on `y_true`
    (`normalize`) it lies between 0 and 1; so it is reported in the extreme classification
    repository.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0.
    propensities : array-like of shape (n_labels,)
        From :func:`label_propensities` of the training data, never of `y_true`.
    k : int, default=5
        How many labels to look at, at most `n_labels`.
    normalize : bool, default=True
        Whether to divide by the highest value attainable: that of the true labels ranked by
        :math:`1 / p_l`. Both are means over the samples before one is divided by the other.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        Samples without a label count 0 (in both means). nan with an `UndefinedMetricWarning` when
        `normalize` and no sample has a label. Tied scores share their places.

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, k is larger than the number of labels, or there is not
        one propensity a label, greater than 0 and at most 1.

    References
    ----------
    H. Jain, Y. Prabhu, M. Varma. "Extreme Multi-label Loss Functions for Recommendation, Tagging,
    Ranking & Other Missing Label Applications". KDD 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import propensity_scored_precision_at_k
    >>> y_true = np.array([[1, 1, 0], [1, 0, 1]])
    >>> y_score = np.array([[0.9, 0.5, 0.1], [0.3, 0.2, 0.6]])
    >>> propensities = [0.5, 0.25, 0.25]
    >>> # (1 / 0.5 + 1 / 0.25) of (1 / 0.25 + 1 / 0.25)
    >>> propensity_scored_precision_at_k(y_true, y_score, propensities=propensities, k=1)
    0.75
    """
    truth, scores = check_scores(y_true, y_score)
    k = check_k(k, truth.shape[1])
    weight = check_sample_weight(sample_weight, truth.shape[0])
    probability = np.asarray(propensities, dtype=np.float64)
    if probability.shape != (truth.shape[1],):
        raise ValueError(
            f"propensities must have one value for each of the {truth.shape[1]} labels, but it has "
            f"shape {probability.shape}."
        )
    if not np.all((probability > 0) & (probability <= 1)):
        raise ValueError(
            "propensities must be greater than 0 and at most 1, as label_propensities(y_train) "
            "gives them."
        )
    gain = sp.csr_matrix(truth.multiply(1 / probability), dtype=np.float64)
    mean = np.average(gain_of_top(gain, scores, k), weights=weight)
    if not normalize:
        return float(mean / k)
    best = np.average(gain_of_top(gain, gain, k), weights=weight)
    if best == 0:
        return _undefined("Normalised propensity-scored precision at k")
    return float(mean / best)


def _hits(
    y_true: Any, y_score: Any, k: int, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Hits among the first k labels and true labels of each sample; its weight; k."""
    truth, scores = check_scores(y_true, y_score)
    k = check_k(k, truth.shape[1])
    weight = check_sample_weight(sample_weight, truth.shape[0])
    return gain_of_top(truth, scores, k), np.diff(truth.indptr), weight, k


def _mean_of_labelled(
    name: str, hits: np.ndarray, places: np.ndarray, n_true: np.ndarray, weight: np.ndarray
) -> float:
    """Mean of hits / places over the samples that have labels."""
    rows = (n_true > 0) & (weight > 0)
    if not rows.any():
        return _undefined(name, stacklevel=4)
    return float(np.average(hits[rows] / places[rows], weights=weight[rows]))


def _undefined(name: str, stacklevel: int = 3) -> float:
    warnings.warn(
        f"{name} is undefined, because no sample in y_true (with a weight greater than 0) has a "
        "label; the result is nan.",
        UndefinedMetricWarning,
        stacklevel=stacklevel,
    )
    return float("nan")
