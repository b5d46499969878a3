"""Base class of the classifiers: from raw texts and ``y`` to predictions in the form of ``y``.

A classifier adds its parameters and names its :class:`.Recipe`. Everything learned is in
``model_``; all other fitted attributes are looked up there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sklabelemb.clones import KnowsItsOrigin, warning_once_for_clones
from sklabelemb.display import brief_html, brief_repr
from sklabelemb.learning import Corpus, Model, Recipe, Task, read_samples
from sklabelemb.learning.added_labels import with_labels
from sklabelemb.learning.callbacks import EpochProgress, ScikitLearnCallbacks
from sklabelemb.learning.fit import fit, update
from sklabelemb.learning.net_params import check_net_params
from sklabelemb.learning.task import meant_task, shown_tasks
from sklabelemb.persistence.checkpoints import opened_checkpoint
from sklabelemb.readout import Answers
from sklabelemb.sklearn_internals import HasMethods, Interval, RealNotInt, StrOptions, fit_context
from sklabelemb.targets import Targets

__all__ = ["ENCODERS", "MEMORY", "VECTORS", "LabelEmbeddingClassifier"]

# What pretrained word vectors may be given as.
VECTORS = [
    str,
    tuple,
    Mapping,
    HasMethods(["__fspath__"]),
    HasMethods(["get_vector"]),
    None,
]
# What a frozen encoder may be given as; `text_encoder` says what is wrong with anything else.
ENCODERS = [
    str,
    HasMethods(["__fspath__"]),
    HasMethods(["encode"]),
    HasMethods(["transform"]),
    HasMethods(["to_dict"]),
    Mapping,
    None,
]
MEMORY = [str, HasMethods(["__fspath__"]), HasMethods(["cache"]), None]


class LabelEmbeddingClassifier(
    KnowsItsOrigin, CallbackSupportMixin, ClassifierMixin, BaseEstimator
):
    """Base of the classifiers over raw text with label embeddings; not for direct use."""

    # What the method knows; made of the parameters at every fit.
    _recipe: ClassVar[type[Recipe]]

    _parameter_constraints: dict[str, Any] = {
        "tokenizer": [callable, None],
        "lowercase": ["boolean"],
        "mask_numbers": ["boolean"],
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "min_df": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="both"),
        ],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "label_names": ["array-like", None],
        "label_texts": [dict, "array-like", StrOptions({"auto"}), None],
        "class_weight": [dict, "array-like", StrOptions({"balanced"}), None],
        "threshold": [Real, dict, "array-like", StrOptions({"tuned", "micro", "macro"})],
        "threshold_shrinkage": [Interval(Real, 0, None, closed="both"), StrOptions({"auto"})],
        "min_labels": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "warmup": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "device": [str],
        "mixed_precision": ["boolean"],
        "warm_start": ["boolean"],
        "checkpoint": [str, HasMethods(["__fspath__"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "net_params": [dict, None],
    }

    # -- fitting -------------------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Any:
        """Fit the model to texts and their labels.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
            Raw texts.
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
            Classes; or a 0/1 label indicator: dense, sparse, or a DataFrame whose columns name the
            labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples' losses; only their ratios matter.
        X_val : list, array or Series of str, shape (n_val,), default=None
            Raw texts of a validation set, used to choose the best epoch (early stopping), the
            mixture and the thresholds, however few there are. Nothing of `X` is then held out, and
            `validation_fraction` is ignored. They are never trained on: words that `X` lacks stay
            unknown. None: a part of `X` is held out.
        y_val : like `y`, of n_val samples, default=None
            Their classes or labels. A DataFrame's columns go by name.

        Returns
        -------
        self : object
            The fitted estimator. If anything goes wrong, or is interrupted, the estimator is left
            unfitted (with ``warm_start``: as it was).

        Raises
        ------
        ValueError, TypeError
            When `X`, `y` or a parameter cannot be used; the message says where and what to do.
        FloatingPointError
            When the loss is no longer a number.
        MemoryError
            When the GPU's memory is exhausted.
        """
        return self._fit(read_samples, X, y, X, y, sample_weight, X_val=X_val, y_val=y_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for one epoch on a batch of new texts (incremental training).

        New words get vectors of their own; nothing is held out, thresholds stay as they are (0.5 at
        first, unless `threshold` says otherwise), and the learning rate is constant. Parameters
        take their current values, if they were changed since the last fit.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            For the first call with single-label `y`: every class that will ever occur. Not needed
            for an indicator, whose columns are the labels.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
            If anything goes wrong, or is interrupted, the estimator is left as it was.
        """
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _fit(self, read: Callable[..., Corpus], X: Any, y: Any, *given: Any, **how: Any) -> Any:
        """Train on the corpus that `read` makes of the arguments; `X` and `y` are for callbacks."""
        before = self.__dict__.pop("model_", None)
        previous = before if self.warm_start else None
        try:
            recipe = self._checked_recipe()
            with warning_once_for_clones(self):
                corpus = read(recipe, *given, **how, previous=previous)
            self.model_ = self._trained(recipe, corpus, previous, X, y)
        except BaseException:
            if previous is not None:
                self.model_ = previous
            raise
        return self

    def _checked_recipe(self) -> Recipe:
        check_net_params(self.net_params, self.checkpoint, self.random_state)
        return self._recipe.of(self.get_params(deep=False))

    def _trained(
        self, recipe: Recipe, corpus: Corpus, previous: Model[Any] | None, X: Any, y: Any
    ) -> Model[Any]:
        epochs = recipe.settings.max_epochs
        if isinstance(epochs, str):
            epochs = recipe.budget(corpus.trained).upper_bound
        context = self._init_callback_context(max_subtasks=epochs)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)

        def watch(model: Model[Any], n_steps: int) -> list[Any]:
            what = f"{type(self).__name__}: network"
            progress = [EpochProgress(n_steps, what)] if self.verbose else []
            so_far = {"model_": model}
            return [*progress, ScikitLearnCallbacks(self, context, X, y, lambda: so_far)]

        kept = self.checkpoint, type(self).__name__, recipe, corpus, previous
        with opened_checkpoint(*kept) as checkpoint:
            model = fit(recipe, corpus, previous, watch, checkpoint)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes=lambda: {"model_": model}
        )
        return model

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> Any:
        previous = self.__dict__.get("model_")
        recipe = self._checked_recipe()
        corpus = read_samples(recipe, X, y, sample_weight, **how, previous=previous, update=True)
        self.model_ = update(recipe, corpus, previous)
        return self

    def _add_labels(self, names: Any, label_texts: Any, task: Any = None) -> Any:
        check_is_fitted(self)
        model = self._fitted_model()
        name = meant_task(model.tasks) if task is None else task
        if name not in model.tasks:
            raise ValueError(f"There is no task {name!r}. {shown_tasks(model.tasks)}")
        self.model_ = with_labels(model, name, names, label_texts)
        return self

    # -- predicting ----------------------------------------------------------------------------

    def _answers(self) -> Answers:
        check_is_fitted(self)
        return Answers(self.model_.recipe.readout(self.model_))

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the labels.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples, n_labels), or (n_samples,) for two single classes
        """
        return self._answers().decision_function(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the labels.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Multi-label: each strictly between 0 and 1. Single-label: rows sum to one.
        """
        return self._answers().predict_proba(X)

    def predict(self, X: Any) -> Any:
        """Predict the labels, in the form of the `y` that was fitted.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray, sparse matrix or DataFrame
            Multi-label: an indicator, by ``thresholds_`` and ``min_labels_``; else classes.
        """
        return self._answers().predict(X)

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
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

        Returns
        -------
        list of tuple
            For each text its labels: ``("refund", "delivery")``, or ``(("refund", 0.93), ...)``.
        """
        return self._answers().predict_labels(X, top_k, with_scores)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; for multi-label targets subset accuracy (all labels of a text right).

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
            Columns of a DataFrame go by name.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        return self._answers().score(X, y, sample_weight)

    def count_parameters(self) -> dict[str, int]:
        """Number of parameters, frozen ones included.

        Returns
        -------
        dict
            ``"embedding"`` (the word tables), ``"compositional"`` (everything else, as counted in
            the papers' tables) and ``"total"``.
        """
        check_is_fitted(self)
        network = self.model_.net.module_
        total = sum(p.numel() for p in network.parameters())
        tables = self.model_.recipe.word_tables
        table = sum(getattr(network, name).weight.numel() for name in tables)
        return {"embedding": table, "compositional": total - table, "total": total}

    # -- fitted attributes -----------------------------------------------------------------------

    def _own_task(self) -> Task:
        """The task that is used if none is named."""
        model = self._fitted_model()
        try:
            task: Task = model.own_task
        except ValueError as error:
            raise AttributeError(f"{error} See tasks_[name].") from error
        return task

    def _fitted_model(self) -> Model[Any]:
        if "model_" not in self.__dict__:
            # An AttributeError, too, so that `hasattr` tells.
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit first.")
        model: Model[Any] = self.__dict__["model_"]
        return model

    @property
    def targets_(self) -> Targets:
        """The form of `y`."""
        return self._own_task().targets

    @property
    def classes_(self) -> np.ndarray:
        """Single-label: the classes. Multi-label: one ``[0, 1]`` per label."""
        return self._own_task().classes

    @property
    def label_names_(self) -> np.ndarray:
        """Names of the labels."""
        return self._own_task().label_names

    @property
    def thresholds_(self) -> np.ndarray | None:
        """Thresholds of the labels; None for single classes. May be set after the fit."""
        return self._own_task().thresholds

    @thresholds_.setter
    def thresholds_(self, value: Any) -> None:
        task = self._own_task()
        thresholds = np.asarray(value, dtype=np.float64)
        if not task.multilabel or thresholds.shape != (task.targets.n_labels,):
            raise ValueError(
                f"thresholds_ must hold one number for each of the {task.targets.n_labels} labels "
                f"of a label set, got shape {thresholds.shape}."
            )
        self.model_ = self.model_.with_task(replace(task, thresholds=thresholds))

    @property
    def min_labels_(self) -> int:
        """Smallest number of labels to predict per text; may be set after the fit."""
        return self._own_task().min_labels

    @min_labels_.setter
    def min_labels_(self, value: int) -> None:
        self.model_ = self.model_.with_task(replace(self._own_task(), min_labels=int(value)))

    @property
    def vocabulary_(self) -> Any:
        """The words that the model knows."""
        return self._fitted_model().vocabulary

    @property
    def net_(self) -> Any:
        """The fitted skorch net."""
        return self._fitted_model().net

    @property
    def wide_(self) -> Any:
        """The linear model beside the network, or None."""
        return self._own_task().linear

    @property
    def encoder_path_(self) -> Any:
        """The linear model over a frozen encoder's vectors, or None."""
        return self._own_task().encoded

    @property
    def mixture_(self) -> Any:
        """Weights of network and linear models."""
        return self._own_task().mixture

    @property
    def history_(self) -> list[dict[str, Any]]:
        """Losses, validation score and seconds of every epoch."""
        return self._fitted_model().history

    @property
    def n_iter_(self) -> int:
        """Epochs run."""
        return len(self._fitted_model().net.history)

    @property
    def best_epoch_(self) -> int:
        """The epoch whose weights were kept, counted from 1."""
        return self._fitted_model().best_epoch

    # -- scikit-learn's bookkeeping --------------------------------------------------------------

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return brief_repr(self, N_CHAR_MAX)

    _html_repr = brief_html

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags
