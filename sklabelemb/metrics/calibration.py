"""Whether labels given a probability of p apply to a share p of the samples."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.stats import rankdata

from sklabelemb.metrics.checks import check_scores, row_blocks

__all__ = ["expected_calibration_error"]


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
    average: str | None = "macro",
) -> Any:
    r"""Mean distance between predicted probability and observed frequency, over bins.

    The probabilities of a label are put into bins, and in each bin their mean is compared with the
    share of samples that have the label:

    .. math:: ECE = \sum_b \frac{n_b}{n} \left| \frac{1}{n_b} \sum_{i \in b} y_i
        - \frac{1}{n_b} \sum_{i \in b} p_i \right|

    Each label is a binary problem, and p is the probability that it applies; the papers look at
    the probability of the predicted class instead. Labels without a positive count too: for them
    the error is their mean probability.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        Dense, CSR or a DataFrame.
    y_proba : array-like or scipy sparse of shape (n_samples, n_labels)
        Probabilities, from ``predict_proba``. What a sparse matrix does not store is 0.
    n_bins : int, default=15
        As in Guo et al. The more bins, the fewer samples in each, and the larger the error that
        chance alone makes.
    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform": bins of equal width; a probability on an edge belongs to the lower bin, as in
        :func:`sklearn.calibration.calibration_curve`. "quantile": bins of equal numbers of samples,
        which do not become empty where most probabilities are near 0, as with many labels; equal
        probabilities stay together, in the bin into which their mean rank falls, so that bins may
        then be unequal.
    average : {"macro", "micro"} or None, default="macro"
        "macro": mean over all labels. "micro": of all pairs of a sample and a label together; where
        most pairs are safe negatives it is close to 0. None: for each label.

    Returns
    -------
    float, or ndarray of shape (n_labels,)
        Between 0 (calibrated, as far as the bins can tell) and 1.

    Raises
    ------
    ValueError
        When shapes differ, a value is NaN or no probability, or a parameter has another value.

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht. "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning". AAAI 2015.

    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. "On Calibration of Modern Neural Networks". ICML
    2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import expected_calibration_error
    >>> y_true = np.array([[1, 0], [1, 0], [0, 0], [1, 1]])
    >>> y_proba = np.array([[0.75, 0.1], [0.75, 0.1], [0.75, 0.1], [0.75, 0.9]])
    >>> expected_calibration_error(y_true, y_proba, average=None).round(3)
    array([0. , 0.1])
    """
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
        raise ValueError(f"n_bins must be a whole number of at least 1, but got {n_bins!r}.")
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"strategy must be 'uniform' or 'quantile', but got {strategy!r}.")
    if average not in ("macro", "micro", None):
        raise ValueError(f"average must be 'macro', 'micro' or None, but got {average!r}.")
    scores: Any
    truth, scores = check_scores(y_true, y_proba, "y_proba")
    values = scores.data if sp.issparse(scores) else scores
    outside = values[(values < 0) | (values > 1)]
    if len(outside):
        raise ValueError(
            f"y_proba must hold probabilities, but it holds {outside[0]:g}, which is not between 0 "
            "and 1. Give what predict_proba returns, not the values of decision_function."
        )
    n_bins = int(n_bins)
    if average != "micro":
        by_label = scores.T.tocsr() if sp.issparse(scores) else scores.T
        errors = np.concatenate(
            [_errors(t, p, n_bins, strategy) for t, p in row_blocks(truth.T.tocsr(), by_label)]
        )
        return errors if average is None else float(np.mean(errors))
    if not sp.issparse(scores):
        flat = _errors(truth.toarray().reshape(1, -1), scores.reshape(1, -1), n_bins, strategy)
        return float(flat[0])
    stored = scores.tocoo()
    positive = np.isin(_places(stored), _places(truth.tocoo())).astype(np.float64)
    flat = _errors(
        positive[np.newaxis],
        stored.data[np.newaxis],
        n_bins,
        strategy,
        n_zeros=truth.shape[0] * truth.shape[1] - stored.nnz,
        positive_zeros=truth.nnz - positive.sum(),
    )
    return float(flat[0])


def _places(matrix: sp.coo_matrix) -> np.ndarray:
    """One number for each place in a matrix."""
    return matrix.row.astype(np.int64) * matrix.shape[1] + matrix.col


def _errors(
    truth: np.ndarray,
    probability: np.ndarray,
    n_bins: int,
    strategy: str,
    n_zeros: int = 0,
    positive_zeros: float = 0,
) -> np.ndarray:
    """Return the error of each row.

    `n_zeros` values of 0, of them `positive_zeros` true, belong to each row beside those given.
    """
    n_rows = len(truth)
    n = probability.shape[1] + n_zeros
    if strategy == "uniform":
        inner = np.linspace(0, 1, n_bins + 1)[1:-1]
        bins = np.searchsorted(inner, probability)
        zero_bin = np.zeros(n_rows, dtype=np.int64)
    else:
        # Ranks from 1, so that 2 rank - 1 is twice the place of the middle of equal values; for
        # all zeros together, those that are given and those that are not, it is their number.
        zero = probability == 0
        all_zeros = n_zeros + zero.sum(axis=1)
        twice = 2 * (n_zeros + rankdata(probability, axis=1)) - 1
        twice = np.where(zero, all_zeros[:, np.newaxis], twice).astype(np.int64)
        bins = twice * n_bins // (2 * n)
        zero_bin = all_zeros * n_bins // (2 * n)
    # n_b times the difference of two means is the difference of two sums.
    places = bins + n_bins * np.arange(n_rows)[:, np.newaxis]
    gaps: Any = np.bincount(
        places.ravel(), weights=(truth - probability).ravel(), minlength=n_rows * n_bins
    )
    gaps = gaps.astype(np.float64).reshape(n_rows, n_bins)
    gaps[np.arange(n_rows), zero_bin] += positive_zeros
    return np.abs(gaps).sum(axis=1) / n
