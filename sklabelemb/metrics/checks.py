"""Validation of indicators and scores in any form."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from sklabelemb.targets import as_indicator, column_names, is_indicator, positions

__all__ = [
    "check_indicator",
    "check_indicators",
    "check_k",
    "check_sample_weight",
    "check_scores",
    "check_train",
    "finite",
    "row_blocks",
]

# Rows are made dense this many numbers at a time (32 MiB of float64).
BLOCK = 4_000_000


def check_indicator(y: Any, name: str) -> sp.csr_matrix:
    """A multi-label indicator as CSR, float32 of 0 and 1.

    Parameters
    ----------
    y : array-like, scipy sparse or DataFrame of 0 and 1, shape (n_samples, n_labels)
    name : str
        What to call it in an error.

    Returns
    -------
    csr_matrix of shape (n_samples, n_labels)

    Raises
    ------
    ValueError
        When it has another shape or other values, or no sample.
    """
    if not is_indicator(y, name):
        raise ValueError(
            f"{name} must be a label indicator of shape (n_samples, n_labels), but it has shape "
            f"{np.shape(y)}. For lists of labels use sklearn.preprocessing.MultiLabelBinarizer; "
            "for one class per sample, scikit-learn's own metrics are the ones to use."
        )
    if np.shape(y)[0] == 0:
        raise ValueError(f"{name} has no sample: its first dimension is 0.")
    return as_indicator(y, name)


def check_indicators(
    y_true: Any, y_pred: Any, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Two indicators of the same shape, as CSR; columns with names in the order of the first.

    Raises
    ------
    ValueError
        When they are not indicators, or have different lengths, widths or names of columns.
    """
    truth, prediction = check_indicator(y_true, names[0]), check_indicator(y_pred, names[1])
    return truth, _in_order(prediction, y_pred, y_true, names[::-1])


def check_scores(
    y_true: Any, y_score: Any, name: str = "y_score"
) -> tuple[sp.csr_matrix, np.ndarray | sp.csr_matrix]:
    """An indicator as CSR, and scores for it, float64.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
    y_score : array-like or scipy sparse of shape (n_samples, n_labels)
        Larger means more likely. What a sparse matrix does not store is 0. Columns with names go
        by name, if those of `y_true` have names, too.
    name : str, default="y_score"
        What to call the scores in an error.

    Returns
    -------
    truth : csr_matrix
    scores : ndarray, or csr_matrix if `y_score` was sparse

    Raises
    ------
    ValueError
        When the shapes differ, or a score is NaN.
    """
    truth = check_indicator(y_true, "y_true")
    scores: Any
    if sp.issparse(y_score):
        scores = sp.csr_matrix(y_score, dtype=np.float64, copy=True)
        scores.sum_duplicates()
        values = scores.data
    else:
        if isinstance(y_score, list) and len(y_score) and np.ndim(y_score[0]) == 2:
            raise ValueError(
                f"{name} is a list of {len(y_score)} arrays, as predict_proba of some classifiers "
                "gives (one array of shape (n_samples, 2) for each label). Stack the second "
                "columns: np.column_stack([p[:, 1] for p in y_score])."
            )
        try:
            scores = values = np.asarray(y_score, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} must hold numbers, one row per sample and one column per label."
            ) from None
        if scores.ndim != 2:
            raise ValueError(
                f"{name} must have one row per sample and one column per label, but it has shape "
                f"{scores.shape}."
            )
    scores = _in_order(scores, y_score, y_true, (name, "y_true"))
    values = scores.data if sp.issparse(scores) else scores
    if bad := int(np.count_nonzero(np.isnan(values))):
        rows = (
            np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))[np.isnan(values)]
            if sp.issparse(scores)
            else np.flatnonzero(np.isnan(scores).any(axis=1))
        )
        raise ValueError(
            f"{name} contains {bad} NaN, the first in row {int(rows[0])}: a score that is not a "
            "number cannot be ranked. Look for NaN or infinite values in the model that gave it."
        )
    return truth, scores


def _in_order(matrix: Any, given: Any, wanted: Any, names: tuple[str, str]) -> Any:
    """A matrix made of `given`, its columns in the order of those of `wanted`, by name."""
    columns, order = column_names(given, names[0]), column_names(wanted, names[1])
    if columns is not None and order is not None:
        places = positions(columns, order, name=names[0], owner=names[1])
        matrix = matrix if places is None else matrix[:, places]
    _check_same_shape(np.shape(wanted), matrix.shape, names[::-1])
    return matrix


def check_k(k: Any, n_labels: int) -> int:
    """`k`, a number of labels to look at.

    Raises
    ------
    ValueError
        When it is not a whole number from 1 to `n_labels`.
    """
    if not isinstance(k, Integral) or isinstance(k, bool) or int(k) < 1:
        raise ValueError(f"k must be a whole number of at least 1, but got {k!r}.")
    if int(k) > n_labels:
        raise ValueError(
            f"k={k} is more than the {n_labels} labels there are; give a k of at most {n_labels}."
        )
    return int(k)


def check_sample_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """`sample_weight` as float64, ones for None.

    Raises
    ------
    ValueError
        When there is not one weight a sample, or one is negative or not finite, or all are 0.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n_samples} samples, but it has "
            f"shape {weight.shape}."
        )
    if not np.all(np.isfinite(weight)) or np.any(weight < 0) or not np.any(weight):
        raise ValueError("sample_weight must be finite and not negative, and not 0 throughout.")
    return weight


def check_train(y_train: Any, n_labels: int, other: str) -> sp.csr_matrix:
    """`y_train` as CSR, with as many labels as another indicator.

    Raises
    ------
    ValueError
        When it is no indicator, or has another number of labels.
    """
    train = check_indicator(y_train, "y_train")
    if train.shape[1] != n_labels:
        raise ValueError(
            f"{other} has {n_labels} labels (columns), but y_train has {train.shape[1]}; they must "
            "be the same labels, in the same order."
        )
    return train


def finite(scores: np.ndarray) -> np.ndarray:
    """Scores in the same order without infinite ones, which scikit-learn refuses."""
    known = np.isfinite(scores)
    if known.all():
        return scores
    highest = scores.max(where=known, initial=0)
    lowest = scores.min(where=known, initial=0)
    return np.clip(scores, np.nextafter(lowest, -np.inf), np.nextafter(highest, np.inf))


def row_blocks(*matrices: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """The same rows of several matrices, made dense, one block of rows after the other.

    Nothing dense of the size samples × labels is made of a sparse matrix.

    Parameters
    ----------
    *matrices : ndarray or csr_matrix, all of shape (n_samples, n_labels)

    Yields
    ------
    tuple of ndarray
    """
    n_samples, n_labels = matrices[0].shape
    for rows in gen_batches(n_samples, max(1, BLOCK // n_labels)):
        yield tuple(m[rows].toarray() if sp.issparse(m) else m[rows] for m in matrices)


def _check_same_shape(
    first: tuple[int, int], second: tuple[int, int], names: tuple[str, str]
) -> None:
    for axis, what in enumerate(("samples (rows)", "labels (columns)")):
        if first[axis] != second[axis]:
            raise ValueError(
                f"{names[0]} has {first[axis]} {what}, but {names[1]} has {second[axis]}; they "
                "must be the same samples and labels, in the same order."
            )
