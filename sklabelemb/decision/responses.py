"""Scores of any classifier, in one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logit

from sklabelemb.decision.rules import EPSILON
from sklabelemb.targets import names_of, positions

__all__ = ["label_answers", "label_scores", "response_name"]

METHODS = ("predict_proba", "decision_function")


def response_name(estimator: Any, response_method: str = "auto") -> str:
    """Which method of a classifier gives its scores.

    Parameters
    ----------
    estimator : classifier
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        "auto": ``predict_proba`` if it is there, else ``decision_function``, as in scikit-learn's
        `TunedThresholdClassifierCV`.

    Raises
    ------
    AttributeError
        When the classifier has no such method.
    """
    wanted = METHODS if response_method == "auto" else (response_method,)
    for name in wanted:
        if hasattr(estimator, name):
            return name
    raise AttributeError(
        f"{type(estimator).__name__} has no {' and no '.join(wanted)}: without scores there is "
        "nothing to put a threshold on. Use a classifier that has one of them."
    )


def label_scores(
    estimator: Any,
    X: Any,
    n_labels: int,
    *,
    response_method: str = "auto",
    label_names: Sequence[Any] | None = None,
    keep_sparse: bool = False,
) -> Any:
    """Score every label by a fitted multi-label classifier, as logits.

    scikit-learn's classifiers return several forms: an array with one column per label; a list with
    one array of shape (n_samples, 2) for each label, or (n_samples, 1) where only one value was
    seen; and for one label a 1-D array.

    Parameters
    ----------
    estimator : classifier
        Fitted to an indicator.
    X : array-like
        Input of the classifier.
    n_labels : int
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
    label_names : sequence of length n_labels, default=None
        The desired order of the labels, if the classifier knows their names. None: as they are.
    keep_sparse : bool, default=False
        Whether to return a sparse matrix of probabilities as it is, as CSR; missing entries are 0.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_labels)
        Decision values as they are, probabilities as ``log(p / (1 - p))``; in both, 0 is the
        classifier's own threshold.

    Raises
    ------
    ValueError
        When the scores do not have one column per label or are not finite, or the classifier has
        other labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, y = [[0], [1], [2], [3]], np.array([[0, 1], [0, 1], [1, 1], [1, 0]])
    >>> model = KNeighborsClassifier(n_neighbors=3).fit(X, y)
    >>> label_scores(model, [[1]], n_labels=2).round(2)
    array([[-0.69, 36.04]])
    """
    method = response_name(estimator, response_method)
    scores = label_answers(estimator, X, n_labels, method, label_names, keep_sparse)
    if sp.issparse(scores):
        return scores
    return logit(np.clip(scores, EPSILON, 1 - EPSILON)) if method == "predict_proba" else scores


def label_answers(
    estimator: Any,
    X: Any,
    n_labels: int,
    method: str,
    label_names: Sequence[Any] | None = None,
    keep_sparse: bool = False,
) -> Any:
    """Like :func:`label_scores`, but probabilities stay probabilities."""
    answer = getattr(estimator, method)(X)
    if sp.issparse(answer):
        # A missing decision value is not known to be low.
        keep = keep_sparse and method == "predict_proba"
        scores = sp.csr_matrix(answer, dtype=np.float64) if keep else answer.toarray()
    else:
        scores = _in_columns(answer, n_labels, estimator)
    if scores.ndim != 2 or scores.shape[1] != n_labels:
        raise ValueError(
            f"{type(estimator).__name__}.{method} gave an array of shape {scores.shape}, but y has "
            f"{n_labels} labels: one column a label is needed. Is it a multi-label classifier? "
            "Others work inside OneVsRestClassifier or MultiOutputClassifier."
        )
    values = scores.data if sp.issparse(scores) else scores
    if not np.all(np.isfinite(values)):
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        row, label = divmod(first, n_labels)
        if sp.issparse(scores):
            row = int(np.searchsorted(scores.indptr, first, side="right")) - 1
            label = int(scores.indices[first])
        raise ValueError(
            f"{type(estimator).__name__}.{method} gave {values.ravel()[first]} for sample {row} "
            f"and label {label}: scores must be finite."
        )
    known = None if label_names is None else names_of(estimator)
    if known is None or label_names is None:
        return scores
    positions(label_names, known, name="y", owner="the classifier")  # for its message
    order = positions(known, label_names)
    return scores if order is None else scores[:, order]


def _in_columns(answer: Any, n_labels: int, estimator: Any) -> np.ndarray:
    """Dense scores with one column per label, from any form."""
    scores = np.asarray(_stacked(answer, estimator) if isinstance(answer, list) else answer)
    scores = scores.astype(np.float64, copy=False)
    if n_labels == 1 and scores.ndim == 1:
        return scores[:, np.newaxis]
    if n_labels == 1 and scores.ndim == 2 and scores.shape[1] == 2:
        return scores[:, 1:]  # the two classes of a binary classifier
    return scores


def _stacked(answers: list[Any], estimator: Any) -> np.ndarray:
    """The column of the positive class of each label."""
    classes = getattr(estimator, "classes_", None)
    columns = []
    for label, answer in enumerate(answers):
        answer = np.asarray(answer, dtype=np.float64)
        if answer.ndim == 1:
            columns.append(answer)
        elif answer.shape[1] > 1:
            columns.append(answer[:, -1])
        else:
            only = 0 if classes is None else np.ravel(classes[label])[0]
            columns.append(answer[:, 0] if only == 1 else np.zeros(len(answer)))
    return np.column_stack(columns)
