"""Cross-validated scores of a classifier."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import DataConversionWarning

from sklabelemb.decision import label_scores
from sklabelemb.sklearn_internals import check_method_params, safe_indexing

__all__ = ["CrossFit", "Scored", "fit_and_score"]


@dataclass(frozen=True)
class CrossFit:
    """A classifier fitted to all samples, and cross-validated scores.

    Attributes
    ----------
    estimator : classifier
    method : {"predict_proba", "decision_function"}
        What gave the scores.
    scores : ndarray, or csr_matrix of probabilities, shape (n_scores, n_labels)
        Logits or decision values, see :func:`sklabelemb.decision.label_scores`.
    truth : csr_matrix of shape (n_scores, n_labels)
    samples : int ndarray of shape (n_scores,)
        Which sample each row belongs to; test sets may overlap.
    """

    estimator: Any
    method: str
    scores: Any
    truth: sp.csr_matrix
    samples: np.ndarray


@dataclass(frozen=True)
class Scored:
    """How many labels are scored, and in which order, where they have names."""

    n_labels: int
    label_names: list[Any] | None
    keep_sparse: bool = False

    def by(self, estimator: Any, X: Any, method: str) -> Any:
        """Scores of the labels by a fitted classifier, in this order."""
        return label_scores(
            estimator,
            X,
            self.n_labels,
            response_method=method,
            label_names=self.label_names,
            keep_sparse=self.keep_sparse,
        )


def fit_and_score(
    estimator: Any,
    X: Any,
    y: Any,
    fit_params: dict[str, Any],
    split: tuple[np.ndarray, np.ndarray],
    scored: Scored,
    response_method: str,
    keep: bool,
) -> tuple[Any, np.ndarray | None]:
    """Fit to one part and score the other, if there is one; `keep` gives the classifier back."""
    train, test = split
    params = check_method_params(X, fit_params, indices=train)
    with warnings.catch_warnings():
        if scored.n_labels == 1:
            # An indicator with one column stays an indicator.
            warnings.simplefilter("ignore", DataConversionWarning)
        estimator.fit(safe_indexing(X, train), safe_indexing(y, train), **params)
    kept = estimator if keep else None
    if not len(test):
        return kept, None
    held_out = safe_indexing(X, test)
    return kept, scored.by(estimator, held_out, response_method)
