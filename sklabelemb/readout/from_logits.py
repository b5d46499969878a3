"""From a network's logits to decisions: linear models are mixed in, thresholds are applied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.decision import decide, probabilities
from sklabelemb.learning.task import Task
from sklabelemb.text import TokenIds

__all__ = ["Decisions"]


class Decisions(ABC):
    """Decisions from a network's logits, whatever library computes these.

    Attributes
    ----------
    model : Model or ServedModel
        With the tasks and the vocabulary.
    """

    model: Any

    @abstractmethod
    def encode(self, documents: Sequence[str]) -> TokenIds:
        """The texts as token ids; unknown words keep their letters."""

    @abstractmethod
    def logits(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """Logits of the task's labels, shape ``(n_texts, n_labels)``."""

    def mixed(self, logits: np.ndarray, token_ids: TokenIds, task: Task) -> np.ndarray:
        """The network's logits of some texts, mixed with the scores of the linear models."""
        if task.linear is None and task.encoded is None:
            return logits
        return task.mixture(logits, *self.linear_scores(token_ids, task))

    def linear_paths(self, task: Task) -> list[tuple[Any, Any]]:
        """The linear models beside the network, each with its weight in the mixture."""
        mixture = task.mixture
        wide, encoded = mixture.of_labels("wide"), mixture.of_labels("encoded")
        paths = [(task.linear, wide), (task.encoded, encoded)]
        return [(path, weight) for path, weight in paths if path is not None]

    def network_weight(self, task: Task) -> np.ndarray | None:
        """The network's weight in the logit of each label; None where it is alone."""
        if task.linear is None and task.encoded is None:
            return None
        weight = task.mixture.of_labels("deep")
        return np.array(np.broadcast_to(weight, task.targets.n_labels), dtype=np.float64)

    def linear_scores(
        self, token_ids: TokenIds, task: Task
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Scores of the wide path and of the encoder path; None for a missing one."""
        wide, encoded = (
            None if path is None else path.scores(token_ids, self.model.vocabulary)
            for path in (task.linear, task.encoded)
        )
        return wide, encoded

    def decisions(self, logits: np.ndarray, task: Task) -> np.ndarray:
        """Predicted labels, bool of shape ``(n_texts, n_labels)``."""
        if not task.multilabel:
            decided: np.ndarray = logits.argmax(axis=1)[:, None] == np.arange(logits.shape[1])
            return decided
        assert task.thresholds is not None
        proba, margins = probabilities(logits, multilabel=True), task.nearest_by == "scores"
        return decide(proba, task.thresholds, task.min_labels, margins=margins)

    def predictions(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """Predicted labels of texts, bool of shape ``(n_texts, n_labels)``."""
        return self.decisions(self.logits(token_ids, task), task)

    def answers(self, token_ids: TokenIds, task: Task) -> tuple[np.ndarray, np.ndarray]:
        """Logits and predictions of texts, found at once."""
        logits = self.logits(token_ids, task)
        return logits, self.decisions(logits, task)
