"""What a fit found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from sklabelemb.learning.net import TextNet
from sklabelemb.learning.task import Task, meant_task

__all__ = ["Model"]

R = TypeVar("R")


@dataclass(frozen=True)
class Model(Generic[R]):
    """Everything that a fit has learned; predictions, updates and saved folders use nothing else.

    Attributes
    ----------
    recipe : Recipe
        The parameters at the time of the fit.
    tasks : dict of str or int to Task
        Labels, thresholds and the linear path of every task. A plain ``fit(X, y)`` has one, called
        "default".
    vocabulary : Vocabulary or WordPieces
    options : dict
        What the network was made with.
    net : TextNet
        With the trained network, and the history of its training.
    best_epoch : int
        The epoch whose weights were kept, counted from 1.
    encoder : TextEncoder or None
        The frozen encoder that reads texts beside the network.
    """

    recipe: R
    tasks: Mapping[Any, Task]
    vocabulary: Any
    options: dict[str, Any]
    net: TextNet
    best_epoch: int = 0
    encoder: Any = None

    @property
    def own_task(self) -> Task:
        """The task that is used if none is named.

        Raises
        ------
        ValueError
            When there are several, and none is called "default".
        """
        return self.tasks[meant_task(self.tasks)]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Losses, validation score and seconds of every epoch, as plain numbers."""
        return [
            {
                key: value.item() if isinstance(value, np.generic) else value
                for key, value in row.items()
                if key != "batches"
            }
            for row in self.net.history
        ]

    def number_of(self, task: Task) -> int:
        """The number by which the network knows a task."""
        return list(self.tasks).index(task.name)

    def with_task(self, task: Task) -> Model[R]:
        """The same model with a task changed, or added."""
        return replace(self, tasks={**self.tasks, task.name: task})
