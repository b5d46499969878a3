"""Predictions of a saved classifier with a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklabelemb.learning.task import Task, meant_task
from sklabelemb.readout.answers import Answers
from sklabelemb.readout.from_logits import Decisions
from sklabelemb.text import UNKNOWN_ID, TokenIds, Tokenizer, Vocabulary

__all__ = ["ServedClassifier", "ServedModel"]

# Numbers that a network keeps at a time.
MOST_NUMBERS = 1 << 23


@dataclass(frozen=True)
class ServedModel:
    """A fitted model with a network of arrays.

    Attributes
    ----------
    tasks : dict of str or int to Task
    vocabulary : Vocabulary
    tokenizer : Tokenizer
    max_length : int or None
        Only this many tokens of a text are read.
    network : LEAMNetwork or MTLENetwork
    encoder : object or None
        An object with ``encode(texts)``, if the model has an encoder path.
    """

    tasks: Mapping[Any, Task]
    vocabulary: Vocabulary
    tokenizer: Tokenizer
    max_length: int | None
    network: Any
    encoder: Any = None


class _ServedDecisions(Decisions):
    """From texts to decisions, with the network in NumPy."""

    def __init__(self, model: ServedModel) -> None:
        self.model = model

    def encode(self, documents: Sequence[str]) -> TokenIds:
        """The texts as token ids, and as the vectors of the encoder if there is one."""
        model = self.model
        texts: TokenIds = model.vocabulary.encode(
            documents, model.tokenizer, max_length=model.max_length, keep_unknown=True
        )
        if model.encoder is None:
            return texts
        vectors = np.asarray(model.encoder.encode(documents), dtype=np.float32)
        dim = next(len(t.encoded.weights) for t in model.tasks.values() if t.encoded is not None)
        if vectors.shape != (len(documents), dim):
            raise ValueError(
                f"encoder={type(model.encoder).__name__} gave an array of shape {vectors.shape} "
                f"for {len(documents)} texts; the model was fitted with vectors of {dim} "
                f"dimensions, so it must be ({len(documents)}, {dim})."
            )
        return texts.with_vectors(vectors)

    def logits(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """Logits of the task's labels, shape ``(n_texts, n_labels)``."""
        number = list(self.model.tasks).index(task.name)
        ids = token_ids.ids
        known = np.where(ids < len(self.model.vocabulary), ids, UNKNOWN_ID)
        texts = TokenIds(known, token_ids.offsets)
        most = max(1, MOST_NUMBERS // self.model.network.numbers_per_word)
        parts = [
            self.model.network(texts.take(some), number) for some in _portions(texts.offsets, most)
        ]
        return self.mixed(np.concatenate(parts), token_ids, task)


def _portions(offsets: np.ndarray, most: int) -> list[np.ndarray]:
    """Neighbouring texts of this many words together, or single texts that have more."""
    portions, start, n_texts = [], 0, len(offsets) - 1
    while start < n_texts:
        stop = int(np.searchsorted(offsets, offsets[start] + most, side="right")) - 1
        stop = min(max(stop, start + 1), n_texts)
        portions.append(np.arange(start, stop))
        start = stop
    return portions


class ServedClassifier:
    """A saved LEAMClassifier or MTLEClassifier that predicts without torch and scikit-learn.

    Returned by :func:`sklabelemb.serving.load`. It predicts like the saved classifier, and cannot
    be trained.

    Attributes
    ----------
    label_names_ : ndarray of object, shape (n_labels,)
        Names of the labels, in the order of the columns of all predictions.
    classes_ : ndarray
        Single-label: the classes. Multi-label: one ``[0, 1]`` per label.
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
    min_labels_ : int
        Fewest labels of a prediction.
    tasks_ : dict of str or int to Task
        Labels and thresholds of each task.
    """

    def __init__(self, model: ServedModel, name: str) -> None:
        self.model = model
        self.name = name
        self._answers = Answers(_ServedDecisions(model))

    def __repr__(self) -> str:
        labels = ", ".join(str(task.targets.n_labels) for task in self.model.tasks.values())
        return f"<{self.name} of {labels} labels, served without torch>"

    def predict(self, X: Any, task: Any = None) -> Any:
        """Predict the labels.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.
        task : str, int, or array-like of these, default=None
            For a model of several tasks: the task of all texts or of each.

        Returns
        -------
        ndarray, csr_matrix or csr_array
            Like those of the classifier, but an array instead of a DataFrame: ``label_names_`` has
            the names of the columns.
        """
        return self._answers.predict(X, task)

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Probabilities of labels or classes, shape (n_samples, n_labels)."""
        return self._answers.predict_proba(X, task)

    def decision_function(self, X: Any, task: Any = None) -> np.ndarray:
        """Logits, shape (n_samples, n_labels); (n_samples,) for two single classes."""
        return self._answers.decision_function(X, task)

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False, task: Any = None
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
        top_k : int, default=None
            Return this many labels with the highest scores, predicted or not. None: those that
            :meth:`predict` predicts, which may be none.
        with_scores : bool, default=False
            Whether each name comes in a pair with its probability.
        task : str, int, or array-like of these, default=None

        Returns
        -------
        list of tuple
        """
        return self._answers.predict_labels(X, top_k, with_scores, task)

    @property
    def targets_(self) -> Any:
        """The form of the `y` that was fitted."""
        return self._task.targets

    @property
    def label_names_(self) -> np.ndarray:
        """Names of the labels."""
        return self._task.label_names

    @property
    def classes_(self) -> np.ndarray:
        """Single-label: the classes. Multi-label: one ``[0, 1]`` per label."""
        return self._task.classes

    @property
    def thresholds_(self) -> np.ndarray | None:
        """Thresholds of the labels; None for single classes."""
        return self._task.thresholds

    @property
    def min_labels_(self) -> int:
        """Fewest labels of a prediction."""
        return self._task.min_labels

    @property
    def tasks_(self) -> dict[Any, Task]:
        """Labels and thresholds of each task."""
        return dict(self.model.tasks)

    @property
    def _task(self) -> Task:
        return self.model.tasks[meant_task(self.model.tasks)]
