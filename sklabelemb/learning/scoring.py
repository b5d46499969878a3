"""What skorch's scoring callbacks see: targets as arrays, and predictions of the method."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.dataset import Dataset

from sklabelemb.decision import probabilities
from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.text import TokenIds

__all__ = ["ScoredNet", "is_scoring"]


def is_scoring(callback: Any) -> bool:
    """Whether a callback computes scores from targets and predictions."""
    return isinstance(callback, BatchScoring | EpochScoring)


class ScoredNet(ClassifierMixin, BaseEstimator):
    """A net in training that predicts labels, as scikit-learn's scorers want it.

    Parameters
    ----------
    net : TextNet
    readout : Readout
        Of the model that is being trained.
    """

    # skorch would put batches together by itself; they are dictionaries, and sorted by length.
    use_caching = False

    def __init__(self, net: Any, readout: Any) -> None:
        self.net = net
        self.readout = readout

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["net"], name)

    @property
    def _task(self) -> Any:
        tasks = self.readout.model.tasks
        if len(tasks) > 1:
            raise ValueError(
                f"skorch's scoring callbacks score one task, and this model has {len(tasks)}: "
                f"{list(tasks)}. Watch 'valid_score', which is their mean, or 'valid_loss'."
            )
        return next(iter(tasks.values()))

    @property
    def classes_(self) -> np.ndarray:
        """Classes as scorers see them: numbers, or one ``[0, 1]`` per label."""
        classes: np.ndarray = self._task.classes
        return classes if self._task.multilabel else np.arange(len(classes))

    def predict(self, X: Any) -> np.ndarray:
        """Numbers of classes, or an indicator."""
        found: np.ndarray = self.readout.predictions(_token_ids(X), self._task)
        return found.astype(np.int64) if self._task.multilabel else found.argmax(axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the labels."""
        logits: np.ndarray = self.readout.logits(_token_ids(X), self._task)
        return logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the labels."""
        return probabilities(self.decision_function(X), self._task.multilabel)

    def arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Arguments of a callback's method, with the targets as arrays."""
        arguments = dict(arguments)
        for name in ("dataset_train", "dataset_valid"):
            if isinstance(data := arguments.get(name), TaskDatasets):
                arguments[name] = Dataset(data, _array(self._only(data).targets), length=len(data))
        if "batch" in arguments:
            inputs, target = arguments["batch"]
            arguments["batch"] = (inputs, self._array_of_batch(inputs, target))
        return arguments

    def _only(self, data: TaskDatasets) -> TextDataset:
        assert self._task
        return data.parts[0]

    def _array_of_batch(self, inputs: dict[str, Any], target: dict[str, Any]) -> np.ndarray:
        y: np.ndarray = target["y"].cpu().numpy().astype(np.int64)
        if "labels" not in inputs:
            return y
        # Sequences of labels, padded with -1.
        indicator = np.zeros((len(y), self._task.targets.n_labels), dtype=np.int64)
        rows, places = np.nonzero(y >= 0)
        indicator[rows, y[rows, places]] = 1
        return indicator


def _array(targets: Any) -> np.ndarray:
    return np.asarray(targets.toarray() if sp.issparse(targets) else targets).astype(np.int64)


def _token_ids(X: Any) -> TokenIds:
    if isinstance(X, TaskDatasets):
        return X.parts[0].token_ids
    ids = X["ids"].cpu().numpy()
    return TokenIds(ids[ids != 0], np.concatenate([[0], np.cumsum((ids != 0).sum(axis=1))]))
