"""What a method knows: its network, how it starts, what it reads and what it is trained by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
from torch import nn

from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.learning.first_decisions import fewest_labels, first_thresholds
from sklabelemb.learning.losses import LabelLoss, TaskLoss
from sklabelemb.learning.model import Model
from sklabelemb.learning.net import most_tokens
from sklabelemb.learning.settings import Budget, Settings
from sklabelemb.learning.task import Task
from sklabelemb.learning.weights import class_weights
from sklabelemb.learning.words import read_words
from sklabelemb.linear import Mixture
from sklabelemb.text import TokenIds

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What a method knows, made of the parameters of its classifier.

    A subclass is a frozen dataclass whose fields are the method's own parameters. It has no access
    to the estimator: it holds everything that training needs, and a :class:`.Model` holds what
    training found.

    Attributes
    ----------
    settings : Settings
    network : type of nn.Module
        The torch module; a class, so that a copy of a net never shares weights. Where it has an
        option ``sparse``, large word tables get sparse gradients.
    readout : type of :class:`.Readout`
        What makes answers of a model.
    wide : bool
        Whether a linear model over n-grams is trained beside the network.
    schedule : {"linear", "halving"}
        Schedule of the learning rate.
    max_grad_norm : float or None
        Largest norm of the gradient; None: no limit.
    label_rows : dict of str to tuple of int
        Weights of the network that have a row per label, and along which axes.
    task_parts : tuple of str
        Attributes of the network that are a list with a module for each task.
    """

    settings: Settings

    network: ClassVar[type[nn.Module]]
    readout: ClassVar[type]
    # Not annotated, so they are not fields: only some methods have these parameters.
    wide = False
    memory = None
    schedule = "linear"
    max_grad_norm = cast("float | None", None)
    label_rows: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    task_parts: ClassVar[tuple[str, ...]] = ()

    @property
    def joint(self) -> bool:
        """Whether an encoder path may have n-grams beside its vectors."""
        return self.wide

    @property
    def word_tables(self) -> tuple[str, ...]:
        """The network's tables with a row per word."""
        return ("embedding",)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """The recipe that the parameters of a classifier describe."""
        own = {f.name: parameters[f.name] for f in fields(cls) if f.name != "settings"}
        shared = {f.name: parameters[f.name] for f in fields(Settings)}
        return cls(settings=Settings(**shared), **own)

    def parameters(self) -> dict[str, Any]:
        """The parameters that :meth:`of` was given."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "settings"}
        return {f.name: getattr(self.settings, f.name) for f in fields(Settings)} | own

    def task(self, task: Task, encoded: Any, previous: Model[Self] | None, update: bool) -> Task:
        """The initial state of a task.

        Parameters
        ----------
        task : Task
            New, or as `previous` knows it.
        encoded : csr_matrix or int codes
            The targets of the task's texts, but for those without any weight.
        previous : Model, default=None
            The model that is trained further.
        update : bool
            Whether that model gets a further epoch, rather than a fit of its own.
        """
        settings, targets = self.settings, task.targets
        goes_on = update and task.trained
        mixture = self.first_mixture(encoded.shape[0], targets.n_labels)
        weight = class_weights(settings.class_weight, targets, encoded)
        kinds = (settings.class_weight, previous.recipe.settings.class_weight if previous else None)
        if goes_on and all(isinstance(kind, str) for kind in kinds):
            # A batch of an update does not show how frequent the classes are.
            weight = task.class_weight
        return replace(
            task,
            thresholds=first_thresholds(settings.threshold, targets, task.thresholds),
            min_labels=fewest_labels(
                settings.min_labels, targets, encoded, task.min_labels if task.trained else None
            ),
            class_weight=weight,
            linear=task.linear if goes_on and self.wide else None,
            encoded=task.encoded if goes_on else None,
            mixture=task.mixture if goes_on else mixture,
            trained=True,
        )

    def words(
        self, corpus: Any, previous: Model[Self] | None, trained_on: np.ndarray | None = None
    ) -> tuple[Any, TokenIds]:
        """The vocabulary, new or extended, and the token ids of all texts.

        Words that occur only in texts that are not trained on (a bool per text) are unknown.
        """
        known = previous.vocabulary if previous else None
        few = corpus.has_few_texts
        return read_words(self.settings, corpus.documents, known, trained_on, few_texts=few)

    def frozen_encoder(self, previous: Model[Self] | None) -> Any:
        """The pretrained encoder that reads texts beside the network, or None."""
        return None

    def first_mixture(self, n_texts: int, n_labels: int) -> Mixture:
        """How network and linear models are mixed where no held-out texts tell."""
        return Mixture()

    def options(self, tasks: Mapping[Any, Task], vocabulary: Any) -> dict[str, Any]:
        """Keyword arguments of the network; plain JSON values, because they are saved."""
        raise NotImplementedError

    def start(
        self,
        network: Any,
        tasks: Mapping[Any, Task],
        vocabulary: Any,
        train: TaskDatasets | None,
        first: int = 0,
    ) -> None:
        """Initialise the network from vectors, label texts and label frequencies.

        With `first` above 0 the network is trained already, and only its words from that id on are
        new.
        """

    def start_labels(
        self, network: Any, task: Task, vocabulary: Any, new: np.ndarray, first: int
    ) -> None:
        """Initialise the rows of new labels from their texts, in a trained network.

        Words from the id `first` on came with them.
        """

    def finish(self, network: Any, tasks: Mapping[Any, Task], vocabulary: Any) -> None:
        """Set weights that follow from others after training."""

    def dataset(self, part: TextDataset, task: Task, vocabulary: Any, training: bool) -> Any:
        """The texts of one task as the network wants them; `training`, where they train it."""
        return part

    def net_arguments(
        self, tasks: Mapping[Any, Task], train: TaskDatasets | None, device: str
    ) -> dict[str, Any]:
        """Arguments of the skorch net: loss, iterators, groups of parameters."""
        n_labels = max((task.targets.n_labels for task in tasks.values()), default=1)
        return {
            "criterion": TaskLoss,
            "criterion__losses": [
                (LabelLoss, {"multilabel": task.multilabel, "class_weight": task.class_weight})
                for task in tasks.values()
            ],
            "iterator_valid__max_tokens": most_tokens(n_labels),
        }

    def budget(self, tasks: Mapping[Any, Task]) -> Budget:
        """What "auto" stands for."""
        return Budget()

    def holds_out(self, task: Task) -> bool:
        """Whether anything is chosen by held-out texts of a task."""
        return True
