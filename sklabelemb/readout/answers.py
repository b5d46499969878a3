"""Predictions of a fitted classifier for raw texts, of one task or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sklabelemb.decision import probabilities
from sklabelemb.decision.predicted_labels import check_top_k, labels_by_score
from sklabelemb.learning.task import Task, group_by_task, meant_task, shown_tasks, targets_of
from sklabelemb.readout.joining import joined
from sklabelemb.text import check_documents

if TYPE_CHECKING:
    from sklabelemb.inspection.explanation import Explanations

__all__ = ["Answers"]


class Answers:
    """Predictions of a model, in the form that the caller gets.

    Each method takes raw texts and a task, for all of them or for each. None: the only task, or
    "default".

    Parameters
    ----------
    readout : Decisions
        That of a fitted model, which it knows.
    """

    def __init__(self, readout: Any) -> None:
        self.readout = readout
        self.model = readout.model

    def decision_function(self, X: Any, task: Any = None) -> np.ndarray:
        """Logits; of two single classes, their difference."""

        def answer(documents: Sequence[str], own: Task) -> np.ndarray:
            logits = self.readout.logits(self.readout.encode(documents), own)
            two_classes = not own.multilabel and logits.shape[1] == 2
            return np.asarray(logits[:, 1] - logits[:, 0] if two_classes else logits)

        return np.asarray(joined(self._by_task(X, task, answer)))

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Probabilities of labels or classes."""

        def answer(documents: Sequence[str], own: Task) -> np.ndarray:
            logits = self.readout.logits(self.readout.encode(documents), own)
            return probabilities(logits, own.multilabel)

        return np.asarray(joined(self._by_task(X, task, answer)))

    def predict(self, X: Any, task: Any = None) -> Any:
        """Predictions in the form of the `y` that was fitted; of several tasks, an array."""

        def answer(documents: Sequence[str], own: Task) -> np.ndarray:
            decisions = self.readout.predictions(self.readout.encode(documents), own)
            return np.asarray(decisions if own.multilabel else decisions.argmax(axis=1))

        found = self._by_task(X, task, answer)
        targets = {name: self.model.tasks[name].targets for name in found}
        if len(found) == 1:
            [(name, (decisions, _))] = found.items()
            return targets[name].decode(decisions, index=getattr(X, "index", None))
        return joined(
            {
                name: (replace(targets[name], container="array").decode(decisions), rows)
                for name, (decisions, rows) in found.items()
            }
        )

    def predict_labels(
        self, X: Any, top_k: int | None, with_scores: bool, task: Any = None
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first."""
        check_top_k(top_k)

        def answer(documents: Sequence[str], own: Task) -> list[tuple[Any, ...]]:
            logits, decisions = self.readout.answers(self.readout.encode(documents), own)
            scores = probabilities(logits, own.multilabel)
            return labels_by_score(own.label_names, scores, decisions, top_k, with_scores)

        return _in_order(self._by_task(X, task, answer))

    def explain(self, X: Any, task: Any = None) -> Explanations:
        """Explanations of the predictions."""
        from sklabelemb.inspection.explanation import Explanations

        return Explanations(_in_order(self._by_task(X, task, self.readout.explain)))

    def score(self, X: Any, y: Any, sample_weight: Any = None, task: Any = None) -> float:
        """Share of the texts whose class, or whole label set, is predicted."""
        from sklearn.utils.validation import check_consistent_length

        documents = check_documents(X)
        check_consistent_length(documents, y, sample_weight)
        groups = self._groups(task, len(documents))
        if len(groups) == 1:
            [name] = groups
            return self._accuracy(X, y, name, sample_weight)
        weights = np.ones(len(documents)) if sample_weight is None else np.asarray(sample_weight)
        right = 0.0
        for name, rows in groups.items():
            if weights[rows].any():
                own = [documents[i] for i in rows]
                share = self._accuracy(own, targets_of(y, rows), name, weights[rows])
                right += weights[rows].sum() * share
        return float(right / weights.sum())

    def _accuracy(self, X: Any, y: Any, name: Any, sample_weight: Any) -> float:
        targets = self.model.tasks[name].targets
        return targets.accuracy(y, self.predict(X, name), sample_weight)

    def _by_task(
        self, X: Any, task: Any, answer: Callable[[Sequence[str], Task], Any]
    ) -> dict[Any, tuple[Any, np.ndarray]]:
        """The predictions for each task, and the positions of its texts."""
        documents = check_documents(X)
        groups = self._groups(task, len(documents))
        if len(groups) == 1:
            [(name, rows)] = groups.items()
            return {name: (answer(documents, self.model.tasks[name]), rows)}
        return {
            name: (answer([documents[i] for i in rows], self.model.tasks[name]), rows)
            for name, rows in groups.items()
        }

    def _groups(self, task: Any, n_samples: int) -> dict[Any, np.ndarray]:
        """Which samples belong to which task; every task is known."""
        tasks = self.model.tasks
        groups = group_by_task(meant_task(tasks) if task is None else task, n_samples)
        for name in groups:
            if name not in tasks:
                raise ValueError(
                    f"This model has no task {name!r}. {shown_tasks(tasks)} Add it with "
                    "partial_fit(X, y, task=...) or add_task(...)."
                )
        return groups


def _in_order(found: dict[Any, tuple[Any, np.ndarray]]) -> list[Any]:
    """The answers to the texts of all tasks in one list."""
    answers: list[Any] = [None] * sum(len(rows) for _, rows in found.values())
    for some, rows in found.values():
        for row, answer in zip(rows, some, strict=True):
            answers[row] = answer
    return answers
