"""Predictions of baselines from those of their inner classifiers, without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.decision.predicted_labels import labels_by_score
from sklabelemb.targets import Targets

__all__ = [
    "constant_answer",
    "kept_inside",
    "named_labels",
    "relevance_decisions",
    "relevance_scores",
    "set_decisions",
    "set_scores",
]


def constant_answer(log_odds: float, n_samples: int, method: str) -> np.ndarray:
    """Prediction for a label that is always absent, or always present."""
    if method == "predict":
        return np.full(n_samples, int(log_odds > 0))
    if method == "decision_function":
        return np.full(n_samples, log_odds)
    positive = 1 / (1 + np.exp(-log_odds))
    return np.tile([1 - positive, positive], (n_samples, 1))


def relevance_decisions(
    estimators: Sequence[Any], features: Any, multilabel: bool, method: str
) -> np.ndarray:
    """Decisions of one binary classifier per label or class, the latter by scores of `method`."""
    if multilabel or len(estimators) == 1:
        decisions = np.column_stack([e.predict(features) for e in estimators])
        return decisions.astype(bool) if multilabel else decisions.ravel()
    return np.argmax(relevance_scores(estimators, features, multilabel, method), axis=1)


def relevance_scores(
    estimators: Sequence[Any], features: Any, multilabel: bool, method: str
) -> np.ndarray:
    """Scores of one binary classifier per label or class."""
    scores = [getattr(estimator, method)(features) for estimator in estimators]
    if method == "decision_function":
        binary = not multilabel and len(scores) == 1
        return np.asarray(scores[0]) if binary else np.column_stack(scores)
    if multilabel:
        return np.column_stack([score[:, 1] for score in scores])
    if len(scores) == 1:
        return np.asarray(scores[0])
    # Avoid a division by zero if all scores are 0.
    positive = np.column_stack([score[:, 1] for score in scores]) + np.finfo(np.float64).tiny
    return np.asarray(positive / positive.sum(axis=1, keepdims=True))


def set_decisions(
    classifier: Any, label_sets: sp.csr_matrix, features: Any, multilabel: bool
) -> np.ndarray:
    """Decisions of a classifier of whole label sets, which is None if there is only one set."""
    if classifier is None:
        codes = np.zeros(features.shape[0], dtype=np.int64)
    else:
        codes = classifier.predict(features)
    return np.asarray(label_sets[codes].toarray() if multilabel else codes)


def set_scores(
    classifier: Any, label_sets: sp.csr_matrix, features: Any, multilabel: bool, method: str
) -> np.ndarray:
    """Scores of the labels from those of whole label sets."""
    if classifier is not None:
        scores = getattr(classifier, method)(features)
    elif method == "predict_proba":
        scores = np.ones((features.shape[0], 1))
    else:
        scores = np.zeros((features.shape[0], 1))
    if not multilabel:
        return np.asarray(scores)
    if method == "predict_proba":
        return np.asarray(scores @ label_sets.astype(np.float64))
    if scores.ndim == 1:
        # Two sets: the score is that of the second against the first.
        scores = np.column_stack([np.zeros_like(scores), scores])
    return _label_scores(scores, label_sets)


def kept_inside(probabilities: np.ndarray, multilabel: bool) -> np.ndarray:
    """Probabilities of labels strictly between 0 and 1; those of classes as they are."""
    tiny = np.finfo(np.float64).eps
    return np.clip(probabilities, tiny, 1 - tiny) if multilabel else probabilities


def named_labels(
    targets: Targets,
    decisions: np.ndarray,
    scores: np.ndarray | None,
    top_k: int | None,
    with_scores: bool,
) -> list[tuple[Any, ...]]:
    """Names of the labels of each text, ordered by scores if there are any."""
    if not targets.multilabel:
        decisions = decisions[:, np.newaxis] == np.arange(targets.n_labels)
    if scores is None:
        scores = decisions.astype(float)
    elif scores.ndim == 1:  # of two classes
        scores = np.column_stack([-scores, scores])
    return labels_by_score(targets.label_names, scores, decisions, top_k, with_scores)


def _label_scores(scores: np.ndarray, label_sets: sp.csr_matrix) -> np.ndarray:
    """Best score with each label minus best score without it, from scores of the sets."""
    n_samples, n_sets = scores.shape
    n_labels = label_sets.shape[1]
    best_set = np.argmax(scores, axis=1)
    best = np.max(scores, axis=1)
    nothing = np.min(scores, axis=1) - 1
    by_label = label_sets.tocsc()
    label_scores = np.empty((n_samples, n_labels))
    for label in range(n_labels):
        holds = np.zeros(n_sets, dtype=bool)
        holds[by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]] = True
        # The best set determines one side of the difference; only the other has to be searched.
        chosen = holds[best_set]
        for rows, others, sign in ((chosen, ~holds, 1), (~chosen, holds, -1)):
            rows = np.flatnonzero(rows)
            others = np.flatnonzero(others)
            has_rival = len(others) > 0
            rival = scores[np.ix_(rows, others)].max(axis=1) if has_rival else nothing[rows]
            label_scores[rows, label] = sign * (best[rows] - rival)
    return label_scores
