"""Prediction methods of a classifier of several tasks: each takes the argument `task`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sklabelemb.inspection.explanation import Explanations
from sklabelemb.readout import Answers

__all__ = ["AnswersByTask"]


class AnswersByTask:
    """The methods of :class:`.LabelEmbeddingClassifier` that answer, with the argument `task`."""

    _answers: Callable[[], Answers]

    def decision_function(self, X: Any, task: Any = None) -> np.ndarray:
        """Logits of the labels; comparable within a task only.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            The task, or the task of each sample. Optional if the model has a single task, or one
            from a plain ``fit(X, y)``.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), or (n_samples,) for two single classes
        """
        return self._answers().decision_function(X, task)

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Probabilities of the labels of the task.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`. If several tasks are given, they must have the same
            number of labels.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Multi-label: each strictly between 0 and 1. Single-label: rows sum to one.
        """
        return self._answers().predict_proba(X, task)

    def predict(self, X: Any, task: Any = None) -> Any:
        """Predict the labels, in the form of the task's `y`.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`.

        Returns
        -------
        ndarray, sparse matrix or DataFrame
            Multi-label: an indicator, by the task's thresholds; else classes. With several tasks:
            an array, of dtype object if their classes have different types.
        """
        return self._answers().predict(X, task)

    def predict_labels(
        self,
        X: Any,
        top_k: int | None = None,
        with_scores: bool = False,
        task: Any = None,
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        top_k : int, default=None
            Return this many labels with the highest scores, predicted or not. None: those that
            :meth:`predict` predicts, which may be none.
        with_scores : bool, default=False
            Whether each name comes in a pair with its probability.
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`.

        Returns
        -------
        list of tuple
            For each text its labels: ``("refund", "delivery")``, or ``(("refund", 0.93), ...)``.
        """
        return self._answers().predict_labels(X, top_k, with_scores, task)

    def score(self, X: Any, y: Any, sample_weight: Any = None, task: Any = None) -> float:
        """Accuracy; for multi-label targets subset accuracy (all labels of a text right).

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`. With several tasks: the accuracy over all samples.

        Returns
        -------
        float
        """
        return self._answers().score(X, y, sample_weight, task)

    def explain(self, X: Any, task: Any = None) -> Explanations:
        """Explain predictions: what each word contributed to each label of the task.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`.

        Returns
        -------
        Explanations
            One per text. With ``encoder="mean"`` and a cosine or bilinear matcher, or
            ``heads="task"``, contributions are exact: those of a text's words plus one constant per
            label sum to the label's logit (for the cosine, given the length of the whole text's
            vector). Otherwise they come from occlusion: a word's contribution is how much the logit
            falls without it. These need not sum to the logit, and a text of n words is read n
            times.
        """
        return self._answers().explain(X, task)
