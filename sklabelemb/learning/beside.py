"""The linear models beside a network, trained on the same texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.learning.embedded import read_label_texts
from sklabelemb.learning.folds import cross_fitted_scores
from sklabelemb.learning.model import Model
from sklabelemb.learning.task import Task
from sklabelemb.linear import MANY_TOKENS, EncoderPath, KeptPaths, LabelTexts, WidePath, is_joint
from sklabelemb.text import TokenIds

__all__ = ["BesidePaths"]


class BesidePaths:
    """Trains the linear models of a fit: first without the texts that are held out, then with all.

    Parameters
    ----------
    model : Model
        With a network that is trained already.
    data : TaskDatasets
        All texts.
    seed : int
        Seed for the order of the texts.
    """

    def __init__(self, model: Model, data: TaskDatasets, seed: int) -> None:
        tasks = list(model.tasks.values())
        self.parts = [_Part(model, tasks[part.task], part, seed) for part in data.parts]

    def trained(self, model: Model, rows: Sequence[np.ndarray]) -> Model:
        """The model with linear models of some texts of each task."""
        for part, own in zip(self.parts, rows, strict=True):
            model = self._with_new_paths(model, part, own)
        return model

    @staticmethod
    def _with_new_paths(model: Model, part: _Part, own: np.ndarray) -> Model:
        task = part.of(model)
        encoded, linear = part.encoder_path(own), None
        if part.is_wide:
            linear = part.wide_path(own)
        task = replace(task, linear=linear, encoded=encoded)
        if len(own) == len(part.data):
            task = model.recipe.readout(model).unsettled(task, part.shares)
        return model.with_task(task)

    def trained_again(self, model: Model, rows: Sequence[np.ndarray]) -> Model:
        """The model with linear models of all texts, if these rows were only a part."""
        for part, own in zip(self.parts, rows, strict=True):
            if len(own) == len(part.data):
                continue
            task, every = part.of(model), np.arange(len(part.data))
            encoded, linear = part.encoder_path(every), task.linear
            if linear is not None:
                linear = part.wide_path_again(linear, own)
            model = model.with_task(replace(task, linear=linear, encoded=encoded))
        return model

    def updated(self, model: Model, begun: Collection[Any]) -> Model:
        """The model with linear models trained on these texts as well.

        Those of tasks that were not `begun` before choose their n-grams from these texts, and learn
        them as in a fit.
        """
        for part in self.parts:
            task, every = part.of(model), np.arange(len(part.data))
            if task.name not in begun:
                model = self._with_new_paths(model, part, every)
                continue
            targets, class_weight, weight = part.targets(every)
            given = (part.data.token_ids, targets, model.vocabulary, class_weight, weight)
            linear, encoded = task.linear, task.encoded
            if encoded is not None:
                encoded = encoded.updated(*given)
            elif model.encoder is not None:
                encoded = part.encoder_path(every)
            if linear is not None:
                linear = linear.updated(*given, part.seed, task.later_labels)
            model = model.with_task(replace(task, linear=linear, encoded=encoded))
        return model

    def settled_by_folds(
        self, model: Model, held_out: bool, seed: int, settled: Collection[Any] = ()
    ) -> Model:
        """Tune an encoder path on all texts by cross-validation: the held-out ones are too few.

        It is fast enough to be trained once per fold. Tasks that are `settled` by a validation set
        stay as they are.
        """
        for part in self.parts:
            task = part.of(model)
            if task.encoded is None or task.encoded.ngrams is None or task.name in settled:
                continue
            scores = cross_fitted_scores(part.data, task, model.vocabulary, part.meanings, seed)
            readout = model.recipe.readout(model)
            model = model.with_task(readout.settled_by_folds(part.data, task, scores, held_out))
        return model


@dataclass(frozen=True)
class _Part:
    """The texts of one task, and what is made of them once."""

    model: Model
    task: Task
    data: TextDataset
    seed: int

    def of(self, model: Model) -> Task:
        """The task as a model has it now."""
        return model.tasks[self.task.name]

    @property
    def is_verbose(self) -> bool:
        """Whether progress is shown."""
        return bool(self.model.recipe.settings.verbose)

    @property
    def is_joint(self) -> bool:
        """Whether an encoder path has the n-grams as well."""
        recipe, n_labels = self.model.recipe, self.task.targets.n_labels
        return self.model.encoder is not None and (
            recipe.joint and is_joint(len(self.data), n_labels)
        )

    @property
    def is_wide(self) -> bool:
        """Whether there is a linear model of the n-grams alone."""
        return self.model.recipe.wide and not self.is_joint

    @cached_property
    def kept(self) -> KeptPaths:
        """Wide paths cached by another fit."""
        targets, *weights = self.targets(np.arange(len(self.data)))
        words, n_labels = self.model.vocabulary.words, self.task.targets.n_labels
        memory = self.model.recipe.memory
        labels = None if self.known_by_text is None else self.known_by_text.labels
        return KeptPaths(memory, self.texts, targets, words, n_labels, labels, *weights)

    def wide_path(self, rows: np.ndarray) -> WidePath:
        """The linear model of the n-grams of some texts."""

        def train() -> WidePath:
            start, X = self.features
            own = self.with_label_texts(rows)
            given = self.targets_with_label_texts(rows)
            return start.trained(X[own], *given, self.seed, verbose=self.is_verbose)

        return self.kept.get(train, rows, self.seed)

    def wide_path_again(self, path: WidePath, rows: np.ndarray) -> WidePath:
        """The linear model of these rows, trained further with all texts."""

        def train() -> WidePath:
            _, X = self.features
            given = self.targets_with_label_texts(np.arange(len(self.data)))
            seed, verbose = self.seed + 1, self.is_verbose
            return path.trained(X, *given, seed, again=True, verbose=verbose)

        return self.kept.get(train, rows, self.seed, "again")

    @cached_property
    def features(self) -> tuple[WidePath, Any]:
        """A linear model as training begins, and the features of all texts.

        The texts of the labels follow them.
        """
        vocabulary, n_labels = self.model.vocabulary, self.task.targets.n_labels
        targets, *_ = self.targets_with_label_texts(np.arange(len(self.data)))
        start = WidePath.untrained(self.texts, targets, vocabulary, n_labels)
        X = start.features_or_later(self.texts, vocabulary)
        if (known := self.known_by_text) is not None:
            start = start.begun(known.labels, known.token_ids, vocabulary)
        return start, X

    @cached_property
    def meanings(self) -> LabelTexts | None:
        """The texts of the labels, read as other texts are."""
        return read_label_texts(self.task, self.model)

    @cached_property
    def known_by_text(self) -> LabelTexts | None:
        """The texts of labels that are samples of them: of label sets all, of classes those seen.

        A class without a sample does not compete with the others, as in scikit-learn.
        """
        targets, *_ = self.targets(np.arange(len(self.data)))
        if self.meanings is None or sp.issparse(targets):
            return self.meanings
        seen = np.flatnonzero(np.isin(self.meanings.labels, targets))
        return LabelTexts(self.meanings.labels[seen], self.meanings.token_ids.take(seen))

    @cached_property
    def texts(self) -> TokenIds:
        """The texts that the linear model of the n-grams learns: those of the labels are last."""
        own = self.data.token_ids
        if not self.learns_label_texts:
            return own
        assert self.known_by_text is not None
        return own.followed_by(self.known_by_text.token_ids, len(self.model.vocabulary))

    @property
    def learns_label_texts(self) -> bool:
        """Whether the text of a label is an additional sample of it; only when texts are few."""
        return self.known_by_text is not None and len(self.data.token_ids.ids) < MANY_TOKENS

    def with_label_texts(self, rows: np.ndarray) -> np.ndarray:
        """Positions of some texts, and of all label texts that are trained on."""
        return np.concatenate([rows, np.arange(len(self.data), len(self.texts))])

    def targets_with_label_texts(
        self, rows: np.ndarray
    ) -> tuple[Any, np.ndarray | None, np.ndarray | None]:
        """Like :meth:`targets`; the text of a label weighs as much as the average text."""
        targets, class_weight, weight = self.targets(rows)
        if not self.learns_label_texts:
            return targets, class_weight, weight
        assert self.known_by_text is not None
        labels = self.known_by_text.labels
        if sp.issparse(targets):
            own = sp.identity(targets.shape[1], dtype=targets.dtype, format="csr")[labels]
            targets = sp.vstack([targets, own], format="csr")
        else:
            targets = np.concatenate([targets, labels])
        if weight is not None:
            weight = np.append(weight, np.full(len(labels), weight.mean(), dtype=weight.dtype))
        return targets, class_weight, weight

    def targets(self, rows: np.ndarray) -> tuple[Any, np.ndarray | None, np.ndarray | None]:
        """Targets of some texts, weights of the labels, and weights of these texts."""
        data = self.data
        assert data.targets is not None
        weight = None if data.sample_weight is None else data.sample_weight[rows]
        return data.targets[rows], self.task.class_weight, weight

    @property
    def shares(self) -> np.ndarray:
        """How frequent each label is, as the losses weigh texts and labels; never 0 or 1."""
        targets, class_weight, weight = self.targets(np.arange(len(self.data)))
        n_labels = self.task.targets.n_labels
        weight = np.ones(len(self.data)) if weight is None else weight.astype(np.float64)
        of_label = np.ones(n_labels) if class_weight is None else class_weight
        if sp.issparse(targets):
            positives = targets.T @ weight
            weighted = of_label * positives
            return (weighted + 0.5) / (weighted + weight.sum() - positives + 1.0)
        counts = of_label * np.bincount(targets, weight, minlength=n_labels) + 0.5
        return np.asarray(counts / counts.sum())

    def encoder_path(self, rows: np.ndarray) -> EncoderPath | None:
        """The linear model over an encoder's vectors of some texts, if there is an encoder."""
        if self.model.encoder is None:
            return None
        targets, class_weight, weight = self.targets(rows)
        return EncoderPath.fit(
            self.data.token_ids.take(rows),
            targets,
            self.model.vocabulary,
            self.task.targets.n_labels,
            class_weight,
            weight,
            label_texts=self.meanings,
            joint=self.is_joint,
        )
