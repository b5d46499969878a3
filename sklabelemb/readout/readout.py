"""Logits and explanations of a trained model, and tuning on held-out texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklabelemb.decision import validation_scores
from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.learning.callbacks import ValidationScore
from sklabelemb.learning.embedded import embedded
from sklabelemb.learning.model import Model
from sklabelemb.learning.task import Task
from sklabelemb.linear import Mixture
from sklabelemb.readout.from_logits import Decisions
from sklabelemb.text import TokenIds

__all__ = ["Readout"]


class Readout(Decisions):
    """Predictions of a model; methods that predict differently have a subclass.

    Parameters
    ----------
    model : Model
        All that it looks at.
    """

    def __init__(self, model: Model[Any]) -> None:
        self.model = model

    def encode(self, documents: Sequence[str]) -> TokenIds:
        """The texts as token ids; unknown words keep their letters."""
        settings = self.model.recipe.settings
        ids: TokenIds = self.model.vocabulary.encode(
            documents, settings.text_tokenizer, max_length=settings.max_length, keep_unknown=True
        )
        return embedded(self.model.recipe, ids, documents, self.model.encoder)

    def dataset(self, token_ids: TokenIds, task: Task) -> TextDataset:
        """The texts as the network reads them."""
        model = self.model
        part = TextDataset(token_ids, n_words=len(model.vocabulary), task=model.number_of(task))
        dataset: TextDataset = model.recipe.dataset(part, task, model.vocabulary, training=False)
        return dataset

    def logits(self, token_ids: TokenIds, task: Task) -> np.ndarray:
        """Logits of the task's labels, shape ``(n_texts, n_labels)``."""
        logits = self.model.net.predict_logits(self.dataset(token_ids, task))
        return self.mixed(logits, token_ids, task)

    def explain(self, documents: Sequence[str], task: Task) -> list[Any]:
        """Explanations of the predictions."""
        raise NotImplementedError(f"{type(self).__name__} explains nothing.")

    def validation_score(self) -> ValidationScore:
        """What scores the held-out texts after every epoch."""
        kinds = {task.multilabel for task in self.model.tasks.values()}
        measure = "score" if len(kinds) > 1 else "micro_f1" if True in kinds else "accuracy"
        return ValidationScore(validation_scores, measure)

    def unsettled(self, task: Task, shares: np.ndarray) -> Task:
        """The task with a default mixture, for lack of held-out texts.

        Parameters
        ----------
        task : Task
        shares : ndarray of shape (n_labels,)
            How frequent each label is.
        """
        if task.linear is None and task.encoded is None:
            return task
        return replace(task, mixture=task.mixture.at_shares(shares, task.multilabel))

    def with_decisions(self, valid: TaskDatasets) -> Model[Any]:
        """The model with mixture and thresholds tuned on held-out texts."""
        model = self.model
        tasks = list(model.tasks.values())
        for part in valid.parts:
            model = model.with_task(self.settled(part, tasks[part.task]))
        return model

    def settled(self, part: TextDataset, task: Task) -> Task:
        """The task with mixture and thresholds tuned on its held-out texts."""
        settings = self.model.recipe.settings
        tunes = task.multilabel and settings.tunes_thresholds
        linear = task.linear is not None or task.encoded is not None
        if not linear and not tunes:
            return task
        logits = self.model.net.predict_logits(part)
        if linear:
            scores = self.linear_scores(part.token_ids, task)
            mixture = task.mixture.fitted(part.targets, logits, *scores)
            mixture = mixture.fitted_by_label(part.targets, logits, *scores)
            task = replace(task, mixture=mixture)
            logits = mixture(logits, *scores)
        if tunes:
            thresholds = settings.tuned_thresholds(part.targets, logits)
            task = replace(task, thresholds=thresholds)
        return task

    def settled_by_folds(
        self, part: TextDataset, task: Task, scores: np.ndarray, held_out: bool
    ) -> Task:
        """The task tuned on all its texts, by cross-validated scores of the encoder path.

        Parameters
        ----------
        part : TextDataset
        task : Task
        scores : ndarray of shape (n_texts, n_labels)
            Of the encoder path, trained without the text that is scored.
        held_out : bool
            Whether its mixture with the network was tuned on held-out texts.
        """
        settings = self.model.recipe.settings
        alone = Mixture(deep=0.0, wide=0.0, offset=0.0, encoded=1.0)
        alone = alone.fitted(part.targets, None, None, scores)
        if not held_out:
            # The network's scores of its own training texts are too good to tune on.
            alone = replace(alone, encoded=max(alone.encoded, 0.1))
            task = replace(task, mixture=alone)
        if task.multilabel and settings.tunes_thresholds:
            logits = alone.encoded * scores + alone.offset
            thresholds = settings.tuned_thresholds(part.targets, logits)
            task = replace(task, thresholds=thresholds)
        return task
