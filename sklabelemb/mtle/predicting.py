"""What a classifier of several tasks answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.decision import probabilities
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.mtle.answers import decided, joined
from sklabelemb.mtle.batches import TaskDataset, TaskDatasets
from sklabelemb.mtle.tasks import Task, group_by_task, meant_task, shown_tasks, targets_of
from sklabelemb.targets import Targets
from sklabelemb.text import check_documents, tokens_with_spans
from sklabelemb.training.net import explained_memory_errors

__all__ = ["TaskAnswers"]


class TaskAnswers(LabelEmbeddingClassifier):
    """Predictions, scores and explanations by task; base of `MTLEClassifier`."""

    tasks_: dict[Any, Task]

    def _by_task(self, documents: list[str], task: Any, answer: Callable[..., Any]) -> Any:
        groups = self._groups(task, len(documents))
        return joined(
            {
                name: answer([documents[i] for i in rows], self.tasks_[name])
                for name, rows in groups.items()
            },
            groups,
        )

    def _groups(self, task: Any, n_samples: int) -> dict[Any, np.ndarray]:
        """Which samples belong to which task; every task is known."""
        groups = group_by_task(meant_task(self.tasks_) if task is None else task, n_samples)
        for name in groups:
            if name not in self.tasks_:
                raise ValueError(
                    f"This model has no task {name!r}. {shown_tasks(self.tasks_)} Add it with "
                    "partial_fit(X, y, task=...) or add_task(...)."
                )
        return groups

    def _logits_of(self, documents: list[str], task: Task) -> np.ndarray:
        number = list(self.tasks_).index(task.name)
        data = TaskDataset(self._encode(documents), n_words=len(self.vocabulary_), task=number)
        logits: np.ndarray = self.net_.predict_logits(TaskDatasets((data,)))
        return logits

    def decision_function(self, X: Any, task: Any = None) -> np.ndarray:
        """Logits of the labels; comparable within a task only.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            The task, or each sample's own. May be left out where the model has one task, or one of
            a plain fit.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), or (n_samples,) for two single classes
        """
        check_is_fitted(self)

        def answer(documents: list[str], task: Task) -> np.ndarray:
            logits = self._logits_of(documents, task)
            two_classes = not task.multilabel and logits.shape[1] == 2
            return logits[:, 1] - logits[:, 0] if two_classes else logits

        return np.asarray(self._by_task(check_documents(X), task, answer))

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Probabilities of the labels of the task.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`. Several tasks at once must have equally many labels.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Multi-label: each strictly between 0 and 1. Single-label: rows sum to one.
        """
        check_is_fitted(self)

        def answer(documents: list[str], task: Task) -> np.ndarray:
            return probabilities(self._logits_of(documents, task), task.multilabel)

        return np.asarray(self._by_task(check_documents(X), task, answer))

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
            Multi-label: an indicator, by the task's thresholds; else classes. Several tasks at
            once: an array, of objects where classes are of different kinds.
        """
        check_is_fitted(self)
        documents = check_documents(X)
        groups = self._groups(task, len(documents))
        index = getattr(X, "index", None)

        def answer(documents: list[str], task: Task) -> Any:
            decisions = decided(self._logits_of(documents, task), task)
            if not task.multilabel:
                return task.targets.decode(decisions.argmax(axis=1))
            if len(groups) > 1:
                return decisions.astype(task.targets.dtype)
            return task.targets.decode(decisions, index=index)

        return self._by_task(documents, task, answer)

    def score(self, X: Any, y: Any, sample_weight: Any = None, task: Any = None) -> float:
        """Accuracy; for label sets the share of texts whose whole set is right.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`. Several tasks at once: the accuracy over all samples.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        documents = check_documents(X)
        check_consistent_length(documents, y, sample_weight)
        groups = self._groups(task, len(documents))
        if len(groups) == 1:
            return float(accuracy_score(y, self.predict(X, task), sample_weight=sample_weight))
        weights = np.ones(len(documents)) if sample_weight is None else np.asarray(sample_weight)
        right = 0.0
        for name, rows in groups.items():
            if not weights[rows].any():
                continue
            predicted = self.predict([documents[i] for i in rows], name)
            right += weights[rows].sum() * accuracy_score(
                targets_of(y, rows), predicted, sample_weight=weights[rows]
            )
        return float(right / weights.sum())

    def explain(self, X: Any, task: Any = None) -> list[Explanation]:
        """Which words moved the score of each label of the task.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`decision_function`.

        Returns
        -------
        list of Explanation
            One a text. With ``encoder="mean"`` and a cosine or bilinear matcher the account is
            exact: the contributions of a text's words and a constant of the label sum to the
            label's logit (for the cosine, given the length of the whole text's vector). Otherwise
            it is occlusion: a word's contribution is by how much the logit falls when the word is
            left out. The contributions need not sum to anything, and a text of n words is read n
            times.
        """
        check_is_fitted(self)
        documents = check_documents(X)
        explanations: list[Any] = [None] * len(documents)
        for name, rows in self._groups(task, len(documents)).items():
            own = self.tasks_[name]
            texts = [documents[i] for i in rows]
            logits = self._logits_of(texts, own)
            proba = probabilities(logits, own.multilabel)
            predicted = decided(logits, own)
            for place, row in enumerate(rows):
                tokens, spans = tokens_with_spans(
                    documents[row], self._tokenizer(), self.max_length
                )
                explanations[row] = Explanation(
                    text=documents[row],
                    tokens=tokens,
                    spans=spans,
                    label_names=list(own.label_names),
                    proba=proba[place],
                    predicted=predicted[place],
                    attention=None,
                    contributions=self._contributions(documents[row], own),
                )
        return explanations

    def _contributions(self, document: str, task: Task) -> np.ndarray:
        """What each token added to each label's logit, shape (n_tokens, n_labels)."""
        number = list(self.tasks_).index(task.name)
        data = TaskDataset(self._encode([document]), n_words=len(self.vocabulary_))
        ids = data.batch(np.array([0]))[0]["ids"].to(self.net_.device)
        network = self.net_.module_
        network.eval()
        n_tokens = len(data.token_ids.ids)
        with torch.inference_mode(), explained_memory_errors(self.net_.device):
            shares = network.shares(ids, number)
            found = (
                occlusion(lambda some, _: network(some, number), ids[0, :n_tokens])
                if shares is None
                else shares[0]
            )
        return found[:n_tokens].float().cpu().numpy()

    # -- the task that is meant when none is named -----------------------------------------------

    @property
    def _own_task(self) -> Task:
        try:
            return self.tasks_[meant_task(self.tasks_)]
        except ValueError as error:
            raise AttributeError(f"{error} See tasks_[name].") from error

    @property
    def targets_(self) -> Targets:
        """The form of `y`."""
        return self._own_task.targets

    @property
    def classes_(self) -> np.ndarray:
        """Single-label: the classes. Multi-label: one ``[0, 1]`` per label."""
        return self._own_task.classes

    @property
    def label_names_(self) -> np.ndarray:
        """Names of the labels."""
        return self._own_task.label_names

    @property
    def thresholds_(self) -> np.ndarray | None:
        """Thresholds of the labels; None for single classes."""
        return self._own_task.thresholds

    @thresholds_.setter
    def thresholds_(self, value: Any) -> None:
        thresholds = np.asarray(value, dtype=np.float64)
        n_labels = self._own_task.targets.n_labels
        if not self._own_task.multilabel or thresholds.shape != (n_labels,):
            raise ValueError(
                f"thresholds_ must hold one number for each of the {n_labels} labels of a label "
                f"set, got shape {thresholds.shape}."
            )
        self._change_own_task(thresholds=thresholds)

    @property
    def min_labels_(self) -> int:
        """Fewest labels of a prediction."""
        return self._own_task.min_labels

    @min_labels_.setter
    def min_labels_(self, value: int) -> None:
        self._change_own_task(min_labels=int(value))

    def _change_own_task(self, **changes: Any) -> None:
        changed = replace(self._own_task, **changes)
        self.tasks_ = {**self.tasks_, changed.name: changed}
