"""What the classifiers share: the way from raw texts and ``y`` to predictions in the form of ``y``.

A classifier adds its constructor and its network, by the template methods of `FittingSteps`.
"""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklabelemb.decision import (
    decide,
    probabilities,
)
from sklabelemb.fitting import FittingSteps
from sklabelemb.text import TokenIds, check_documents
from sklabelemb.training import TextDataset, isolated_randomness
from sklabelemb.training.net import snapshot

__all__ = ["LabelEmbeddingClassifier"]


class LabelEmbeddingClassifier(FittingSteps, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Base of the classifiers over raw text with label embeddings; not for direct use."""

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
        "label_texts": [dict, "array-like", StrOptions({"auto"}), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "threshold": [Real, "array-like", StrOptions({"tuned"})],
        "threshold_shrinkage": [Interval(Real, 0, None, closed="both")],
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
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "net_params": [dict, None],
    }

    # -- fitting -------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
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
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Go on training for one epoch over a further batch of texts.

        New words get rows of their own; nothing is held out, thresholds stay as they are (0.5 at
        first, unless `threshold` says otherwise), and the learning rate is constant.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            At the first call with single-label `y`: every class that will ever come. Needless for
            an indicator, which shows its labels itself.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _fit(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> Any:
        previous = self._learnt_attributes()
        self._forget()
        if self.warm_start and previous:
            try:
                learnt = self._train(X, y, sample_weight, previous=previous, **how)
            except BaseException:
                self.__dict__.update(previous)
                raise
        else:
            learnt = self._train(X, y, sample_weight, **how)
        self._forget()
        self.__dict__.update(learnt)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> Any:
        previous = self._learnt_attributes()
        weights = snapshot(previous["net_"].module_) if previous else {}
        n_epochs = len(previous["net_"].history) if previous else 0
        try:
            learnt = self._train(X, y, sample_weight, previous=previous, partial=True, **how)
        except BaseException:
            # The network goes on learning in place, so what half an epoch did to it is undone.
            if previous:
                previous["net_"].module_.load_state_dict(weights)
                del previous["net_"].history[n_epochs:]
            raise
        self._forget()
        self.__dict__.update(learnt)
        return self

    # -- predicting ----------------------------------------------------------------------------

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._logits_of_ids(self._encode(check_documents(X)))

    def _logits_of_ids(self, token_ids: TokenIds) -> np.ndarray:
        logits = self.net_.predict_logits(self._dataset(token_ids))
        if self.wide_ is None:
            return logits
        return self.mixture_(logits, self.wide_.scores(token_ids, self.vocabulary_))

    def _encode(self, documents: list[str]) -> TokenIds:
        return self.vocabulary_.encode(
            documents, self._tokenizer(), max_length=self.max_length, keep_unknown=True
        )

    def _dataset(self, token_ids: TokenIds) -> TextDataset:
        return TextDataset(token_ids, n_words=len(self.vocabulary_))

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the labels.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples, n_labels), or (n_samples,) for two single classes
        """
        logits = self._logits(X)
        if not self.targets_.multilabel and logits.shape[1] == 2:
            return logits[:, 1] - logits[:, 0]
        return logits

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
        return probabilities(self._logits(X), self.targets_.multilabel)

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
        logits = self._logits(X)
        if not self.targets_.multilabel:
            return self.targets_.decode(logits.argmax(axis=1))
        return self.targets_.decode(self._label_decisions(logits), index=getattr(X, "index", None))

    def _label_decisions(self, logits: np.ndarray) -> np.ndarray:
        """Predicted labels as a bool array of shape (n_samples, n_labels)."""
        if not self.targets_.multilabel:
            return logits.argmax(axis=1)[:, None] == np.arange(logits.shape[1])
        return decide(probabilities(logits, multilabel=True), self.thresholds_, self.min_labels_)

    def count_parameters(self) -> dict[str, int]:
        """Number of parameters, frozen ones included.

        Returns
        -------
        dict
            ``"embedding"`` (what has a row a word), ``"compositional"`` (all the rest, what the
            tables of the papers count) and ``"total"``.
        """
        check_is_fitted(self)
        network = self.net_.module_
        total = sum(p.numel() for p in network.parameters())
        table = sum(getattr(network, name).weight.numel() for name in self._word_tables)
        return {"embedding": table, "compositional": total - table, "total": total}

    # -- scikit-learn's bookkeeping --------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return "net_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags

    def _learnt_attributes(self) -> dict[str, Any]:
        parameters = set(inspect.signature(type(self).__init__).parameters)
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in parameters
            and (name == "_network_arguments" or (name.endswith("_") and not name.startswith("_")))
        }

    def _forget(self) -> None:
        for name in self._learnt_attributes():
            del self.__dict__[name]

    # -- persistence -----------------------------------------------------------------------------

    def _fitted_state(self) -> dict[str, Any]:
        """What was learnt, by name, for `sklabelemb.save`; the net by the parts that rebuild it."""
        state = self._learnt_attributes()
        state["net_"] = self._parts_of_net(state["net_"])
        for name in self._derived(state):
            del state[name]
        return state

    def _derived(self, state: dict[str, Any]) -> dict[str, Any]:
        """What follows from the rest of what was learnt, and is not saved."""
        targets = state["targets_"]
        return {"classes_": targets.classes, "label_names_": targets.label_names}

    def _restore(self, state: dict[str, Any], device: str) -> None:
        """Take up what :meth:`_fitted_state` gave, with the network on `device`."""
        parts = state["net_"]
        with isolated_randomness(0, device):
            net = self._net_of_parts(
                parts, parts["module"], state["_network_arguments"], self._targets(state), device
            )
        expected, found = (
            {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
            for tensors in (net.module_.state_dict(), parts["weights"])
        )
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise ValueError(
                    f"the network expects {name} as {expected.get(name)}, not {found.get(name)}"
                )
        net.module_.load_state_dict(parts["weights"])
        net.history.extend({**row, "batches": []} for row in state["history_"])
        self.__dict__.update(state | {"net_": net} | self._derived(state))
