"""Predictions of scikit-learn's linear and naive Bayes classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logsumexp, softmax

from sklabelemb.baselines.answers import constant_answer

__all__ = ["METHODS", "ChainClassifier", "LinearClassifier", "NaiveBayes", "OneLabelClassifier"]

# The score methods of the supported classifiers.
METHODS = {
    "LinearSVC": ("decision_function",),
    "RidgeClassifier": ("decision_function",),
    "LogisticRegression": ("decision_function", "predict_proba"),
    "MultinomialNB": ("predict_proba",),
    "ComplementNB": ("predict_proba",),
}


class LinearClassifier:
    """One linear function per class, or one alone for two classes.

    Parameters
    ----------
    attributes : dict of str to object
        Those of the fitted classifier.
    """

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.classes: np.ndarray = attributes["classes_"]
        self.weights: np.ndarray = np.atleast_2d(attributes["coef_"])
        self.bias: Any = attributes["intercept_"]

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, of shape (n_samples, n_classes), or (n_samples,) for two classes."""
        scores = np.asarray(X @ self.weights.T + self.bias)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Classes."""
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes[codes])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, those of logistic regression."""
        scores = self.decision_function(X)
        if scores.ndim > 1:
            return np.asarray(softmax(scores, axis=1))
        positive = expit(scores)
        return np.column_stack([1 - positive, positive])


class NaiveBayes:
    """Naive Bayes over counts, multinomial or complement.

    Parameters
    ----------
    attributes : dict of str to object
        Those of the fitted classifier.
    complement : bool
        Whether it is complement naive Bayes, which ignores class frequencies.
    """

    def __init__(self, attributes: Mapping[str, Any], complement: bool) -> None:
        self.classes: np.ndarray = attributes["classes_"]
        self.weights: np.ndarray = attributes["feature_log_prob_"]
        has_prior = not complement or len(self.classes) == 1
        self.bias: Any = attributes["class_log_prior_"] if has_prior else 0.0

    def predict(self, X: Any) -> np.ndarray:
        """Classes."""
        return np.asarray(self.classes[self._log_likelihood(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes."""
        joint = self._log_likelihood(X)
        return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))

    def _log_likelihood(self, X: Any) -> np.ndarray:
        return np.asarray(X @ self.weights.T + self.bias)


class OneLabelClassifier:
    """A :class:`.LabelClassifier`: the classifier of one label, or a constant.

    Parameters
    ----------
    classifier : object or None
    log_odds : float
    """

    def __init__(self, classifier: Any, log_odds: float) -> None:
        self.classifier = classifier
        self.log_odds = log_odds

    def predict(self, X: Any) -> np.ndarray:
        """0 or 1 for every row of features."""
        return self._answer(X, "predict")

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of the label, of shape (n_samples,)."""
        return self._answer(X, "decision_function")

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of 0 and of 1, of shape (n_samples, 2)."""
        return self._answer(X, "predict_proba")

    def _answer(self, X: Any, method: str) -> np.ndarray:
        if self.classifier is None:
            return constant_answer(self.log_odds, X.shape[0], method)
        return np.asarray(getattr(self.classifier, method)(X))


class ChainClassifier:
    """scikit-learn's ClassifierChain: each label sees the predictions for those before it.

    Parameters
    ----------
    estimators : sequence of OneLabelClassifier
        In the order of the chain.
    order : ndarray of shape (n_labels,)
        The label of each estimator.
    method : str
        The method whose output later labels see.
    """

    def __init__(self, estimators: Sequence[Any], order: np.ndarray, method: str) -> None:
        self.estimators = estimators
        self.order = order
        self.method = method

    def predict(self, X: Any) -> np.ndarray:
        """Decisions, of shape (n_samples, n_labels)."""
        return self._answers(X, "predict")

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, of shape (n_samples, n_labels)."""
        return self._answers(X, "decision_function")

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the labels, of shape (n_samples, n_labels)."""
        return self._answers(X, "predict_proba")

    def _answers(self, X: Any, method: str) -> np.ndarray:
        seen, found = np.zeros((2, X.shape[0], len(self.estimators)))
        for place, estimator in enumerate(self.estimators):
            features = sp.hstack((X, sp.csr_matrix(seen[:, :place])), format="csr")
            seen[:, place] = _positive(getattr(estimator, self.method)(features))
            found[:, place] = _positive(getattr(estimator, method)(features))
        return np.asarray(found[:, np.argsort(self.order)])


def _positive(answer: np.ndarray) -> np.ndarray:
    return answer[:, 1] if answer.ndim > 1 else answer
