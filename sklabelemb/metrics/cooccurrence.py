"""Whether predictions combine labels as the truth does."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import kl_div
from sklearn.exceptions import UndefinedMetricWarning

from sklabelemb.metrics.checks import check_indicator, check_indicators, row_blocks

__all__ = ["conditional_cooccurrence", "cooccurrence_divergence"]


def conditional_cooccurrence(y: Any, *, smoothing: float = 0.0) -> np.ndarray:
    r"""How probable each label is, given another one.

    .. math:: p(b | a) = \frac{n_{ab} + s}{n_a + 2 s}

    where :math:`n_{ab}` samples have both labels, :math:`n_a` have a, and the smoothing s is added
    to the counts of a with and without b.

    Parameters
    ----------
    y : indicator of shape (n_samples, n_labels)
        Truth or predictions: dense, CSR or a DataFrame.
    smoothing : float, default=0.0
        0: the shares as counted. With 1 (Laplace's rule) a label seen once does not make the others
        certain or impossible.

    Returns
    -------
    ndarray of shape (n_labels, n_labels)
        In row a, column b: p(b | a). The diagonal is 1. The row of a label that no sample has is
        nan without smoothing, and 1/2 with it, save for the diagonal.

    Raises
    ------
    ValueError
        When `y` is no indicator, or `smoothing` is negative.

    Examples
    --------
    >>> from sklabelemb.metrics import conditional_cooccurrence
    >>> conditional_cooccurrence([[1, 1, 0], [1, 0, 0], [1, 1, 0]]).round(2)
    array([[1.  , 0.67, 0.  ],
           [1.  , 1.  , 0.  ],
           [ nan,  nan,  nan]])
    """
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ValueError(f"smoothing must be a finite number of at least 0, but got {smoothing!r}.")
    indicator = check_indicator(y, "y").astype(np.float64)
    together = (indicator.T @ indicator).toarray()
    alone = np.diag(together)[:, np.newaxis]
    if smoothing:
        conditional = (together + smoothing) / (alone + 2 * smoothing)
        np.fill_diagonal(conditional, 1.0)
        return conditional
    return np.divide(together, alone, out=np.full_like(together, np.nan), where=alone > 0)


def cooccurrence_divergence(
    y_true: Any,
    y_pred: Any,
    *,
    smoothing: float | None = None,
    average: str | None = "weighted",
) -> Any:
    r"""Kullback-Leibler divergence of the predicted co-occurrence of labels from the true one.

    Given a label a, the labels b that accompany it have a distribution, in the truth

    .. math:: p_a(b) = \frac{n_{ab} + s}{\sum_{b' \neq a} n_{ab'} + s (L - 1)}, \quad b \neq a

    where :math:`n_{ab}` samples have both, s is the smoothing and L the number of labels;
    :math:`q_a` is the same for the predictions. The divergence of the label is

    .. math:: KL_a = \sum_{b \neq a} p_a(b) \log \frac{p_a(b)}{q_a(b)}

    in nats. It is never negative, and 0 when the predictions have the same companions equally
    often. The result is the mean over the labels with a companion in the truth.

    The paper also compares p(b | a) of predictions and truth by this divergence, but does not say
    how conditional probabilities become a distribution, nor how it treats pairs that are never
    predicted. This definition is ours, and its values are not comparable with the paper's.

    Parameters
    ----------
    y_true, y_pred : indicators of shape (n_samples, n_labels)
        Dense, CSR or DataFrames.
    smoothing : float, default=None
        s, greater than 0, added to the count of each pair: without it the divergence is infinite as
        soon as one true pair is never predicted. None: ``1 / (n_labels - 1)``, a single
        co-occurrence in total, spread over the other labels. A fixed s, such as 1, would weigh as
        much as `n_labels` co-occurrences: with many labels, the distributions of rare ones would be
        almost uniform, and any prediction would look right.
    average : {"weighted", "macro"} or None, default="weighted"
        "weighted": mean weighted by :math:`n_a`, the number of samples with the label, because
        estimates for rare labels are mostly noise. "macro": plain mean. None: for each label, nan
        for those without a companion in the truth.

    Returns
    -------
    float, or ndarray of shape (n_labels,)
        nan with an `UndefinedMetricWarning` when no sample of the truth has two labels.

    Raises
    ------
    ValueError
        When shapes differ, or `smoothing` or `average` is something else.

    References
    ----------
    X. Zhang, Q.-W. Zhang, Z. Yan, R. Liu, Y. Cao. "Enhancing Label Correlation Feedback in
    Multi-Label Text Classification via Multi-Task Learning". Findings of ACL 2021, equation (8).

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import cooccurrence_divergence
    >>> y_true = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    >>> cooccurrence_divergence(y_true, y_true)
    0.0
    >>> y_pred = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])
    >>> round(cooccurrence_divergence(y_true, y_pred), 3)
    0.131
    """
    if average not in ("weighted", "macro", None):
        raise ValueError(f"average must be 'weighted', 'macro' or None, but got {average!r}.")
    if smoothing is not None and not (np.isfinite(smoothing) and smoothing > 0):
        raise ValueError(
            f"smoothing must be a finite number greater than 0, or None, but got {smoothing!r}: "
            "without it the divergence is infinite as soon as a pair of the truth is never "
            "predicted."
        )
    truth, prediction = check_indicators(y_true, y_pred)
    n_labels = truth.shape[1]
    true_pairs, predicted_pairs = _pairs(truth), _pairs(prediction)
    defined = np.diff(true_pairs.indptr) > 0
    divergence = np.full(n_labels, np.nan)
    if not defined.any():
        warnings.warn(
            "The divergence of co-occurrence is undefined, because no sample in y_true has two "
            "labels; the result is nan.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return divergence if average is None else float("nan")
    s = 1 / (n_labels - 1) if smoothing is None else smoothing
    own = sp.eye_array(n_labels, format="csr", dtype=bool)
    rows = np.flatnonzero(defined)
    divergence[rows] = np.concatenate(
        [
            # Its terms are p log(p / q) - p + q, none negative; the sums of p and q are both 1.
            kl_div(_distributions(p, diagonal, s), _distributions(q, diagonal, s)).sum(axis=1)
            for p, q, diagonal in row_blocks(true_pairs[rows], predicted_pairs[rows], own[rows])
        ]
    )
    if average is None:
        return divergence
    weight = np.asarray(truth.sum(axis=0, dtype=np.float64)).ravel()[rows]
    return float(np.average(divergence[rows], weights=weight if average == "weighted" else None))


def _pairs(indicator: sp.csr_matrix) -> sp.csr_array:
    """How often two different labels are together, as CSR without stored zeros."""
    counts = sp.csr_array(indicator, dtype=np.float64)
    together = sp.csr_array(counts.T @ counts)
    pairs = sp.csr_array(together - sp.diags_array(together.diagonal(), dtype=np.float64))
    pairs.eliminate_zeros()
    return pairs


def _distributions(pairs: np.ndarray, diagonal: np.ndarray, smoothing: float) -> np.ndarray:
    """Each row divided by its sum, after smoothing all but the label itself."""
    smoothed = np.where(diagonal, 0.0, pairs + smoothing)
    return smoothed / smoothed.sum(axis=1, keepdims=True)
