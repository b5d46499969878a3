"""Metrics as ratios of sums over texts, so that thousands of resamples are scored at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

__all__ = [
    "CLASS_METRICS",
    "INDICATOR_METRICS",
    "RatioOfSums",
    "class_ratio",
    "indicator_ratio",
]

INDICATOR_METRICS = (
    "micro_f1",
    "macro_f1",
    "samples_f1",
    "hamming_loss",
    "subset_accuracy",
    "accuracy",
)
CLASS_METRICS = ("accuracy", "micro_f1", "macro_f1")


@dataclass(frozen=True)
class RatioOfSums:
    r"""A metric that depends only on sums over the texts of a sample.

    .. math:: s(w) = \frac{1}{C} \sum_{c=1}^{C} \frac{\sum_i w_i a_{ci}}{\sum_i w_i b_{ci}}

    where :math:`w_i` is how often text :math:`i` was drawn, and a ratio with denominator 0 is 0.

    Attributes
    ----------
    numerator, denominator : csr_matrix of shape (n_columns, n_samples)
        :math:`a` and :math:`b`. A column is a label for the macro average, else there is only one.
    skip_empty : bool
        Whether the mean leaves out the columns whose denominator is 0.
    """

    numerator: sp.csr_matrix
    denominator: sp.csr_matrix
    skip_empty: bool = False

    @property
    def n_columns(self) -> int:
        """Number of ratios that the mean is taken of."""
        return int(self.numerator.shape[0])

    def score(self, counts: np.ndarray) -> np.ndarray:
        """Score many resamples.

        Parameters
        ----------
        counts : ndarray of float64, shape (n_samples, n_resamples)
            How often each text was drawn.

        Returns
        -------
        ndarray of shape (n_resamples,)
        """
        above, below = self.numerator @ counts, self.denominator @ counts
        filled = below > 0
        ratios = np.divide(above, below, out=np.zeros_like(above), where=filled)
        if self.skip_empty:
            return ratios.sum(axis=0) / np.maximum(filled.sum(axis=0), 1)
        return ratios.mean(axis=0)


def indicator_ratio(metric: str, truth: sp.csr_matrix, prediction: sp.csr_matrix) -> RatioOfSums:
    """One of the `INDICATOR_METRICS`, as scikit-learn defines it with ``zero_division=0``.

    Parameters
    ----------
    metric : str
    truth, prediction : csr_matrix of 0 and 1, shape (n_samples, n_labels)
    """
    # F1 = 2 TP / (2 TP + FP + FN), and the denominator is (true labels) + (predicted labels).
    truth, prediction = truth.astype(np.float64), prediction.astype(np.float64)
    twice_hit = 2 * truth.multiply(prediction)
    assigned = truth + prediction
    if metric == "macro_f1":
        return RatioOfSums(sp.csr_matrix(twice_hit.T), sp.csr_matrix(assigned.T))

    twice_hits, n_assigned = _row_sums(twice_hit), _row_sums(assigned)
    errors = n_assigned - twice_hits
    if metric == "micro_f1":
        return _one_ratio(twice_hits, n_assigned)
    if metric == "samples_f1":
        return _text_mean(twice_hits / np.maximum(n_assigned, 1))
    if metric == "hamming_loss":
        return _text_mean(errors / truth.shape[1])
    return _text_mean((errors == 0).astype(np.float64))


def class_ratio(metric: str, truth: np.ndarray, prediction: np.ndarray) -> RatioOfSums:
    """One of the `CLASS_METRICS`, as scikit-learn defines it with ``zero_division=0``.

    The macro average runs over the classes that are true or predicted somewhere in the resample.

    Parameters
    ----------
    metric : str
    truth, prediction : ndarray of shape (n_samples,)
    """
    if metric != "macro_f1":
        return _text_mean((truth == prediction).astype(np.float64))
    classes = np.unique(np.concatenate([truth, prediction]))
    ratio = indicator_ratio("macro_f1", _one_hot(truth, classes), _one_hot(prediction, classes))
    return RatioOfSums(ratio.numerator, ratio.denominator, skip_empty=True)


def _one_ratio(numerator: np.ndarray, denominator: np.ndarray) -> RatioOfSums:
    return RatioOfSums(sp.csr_matrix(numerator[None, :]), sp.csr_matrix(denominator[None, :]))


def _text_mean(values: np.ndarray) -> RatioOfSums:
    """The mean of what each text scores."""
    return _one_ratio(values, np.ones(len(values)))


def _row_sums(matrix: sp.csr_matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def _one_hot(values: np.ndarray, classes: np.ndarray) -> sp.csr_matrix:
    rows, columns = np.arange(len(values)), np.searchsorted(classes, values)
    shape = (len(values), len(classes))
    return sp.csr_matrix((np.ones(len(values)), (rows, columns)), shape=shape)
