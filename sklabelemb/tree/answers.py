"""Predictions of trees, with NumPy and SciPy alone, so that serving can use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logit

from sklabelemb.decision import decide
from sklabelemb.decision.rules import EPSILON
from sklabelemb.tree.features import with_constant
from sklabelemb.tree.forest import LabelForest

__all__ = ["decided", "dense_probabilities", "logits", "scores_of"]


def scores_of(forest: LabelForest, features: Any, multilabel: bool) -> sp.csr_matrix:
    """Probabilities of the candidates of each text; those of single classes sum to one."""
    found = forest.probabilities(with_constant(features))
    if not multilabel:
        total = np.asarray(found.sum(axis=1)).ravel()
        found.data /= np.repeat(np.where(total > 0, total, 1.0), np.diff(found.indptr))
    return found


def decided(
    scores: sp.csr_matrix, thresholds: Any, min_labels: int, nearest_by: str = "logits"
) -> sp.csr_matrix:
    """Which labels are predicted; without thresholds, the most probable class."""
    if thresholds is None:
        return decide(scores, 2.0, min_labels=1, margins=True)
    thresholds, margins = np.asarray(thresholds, dtype=np.float64), nearest_by == "scores"
    return decide(scores, thresholds, min_labels, margins=margins)


def dense_probabilities(scores: sp.csr_matrix, multilabel: bool) -> np.ndarray:
    """A dense array; labels that are not candidates are close to 0."""
    dense = scores.toarray()
    return np.maximum(dense, EPSILON) if multilabel else dense


def logits(scores: sp.csr_matrix, multilabel: bool) -> np.ndarray:
    """Logits of labels, or log-probabilities of classes; for two classes, their difference."""
    dense = np.clip(scores.toarray(), EPSILON, 1 - EPSILON)
    if multilabel:
        return np.asarray(logit(dense))
    logs = np.log(dense)
    return logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs
