"""What the classifiers share: the way from raw texts and ``y`` to predictions in the form of ``y``.

A classifier adds its constructor and its network; the template methods to fill in are
`_network_class`, `_network_options` and, where it has something to start from,
`_initialize_network`.
"""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import nn

from sklabelemb.decision import (
    check_threshold,
    decide,
    probabilities,
    tuned_thresholds,
    validation_score,
)
from sklabelemb.model_selection import stratified_holdout
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, Tokenizer, Vocabulary, check_documents
from sklabelemb.training import SplitAdam, TextDataset, TextNet, isolated_randomness, sparse_pays
from sklabelemb.training.callbacks import (
    BestWeights,
    EpochProgress,
    ScikitLearnCallbacks,
    ValidationScore,
)
from sklabelemb.training.net import copy_weights, explained_memory_errors, snapshot
from sklabelemb.training.optimizers import warmup_then_decay
from sklabelemb.training.weights import class_weights, sample_weights
from sklabelemb.training.wide import Mixture, WidePath

__all__ = ["LabelEmbeddingClassifier"]

# With fewer validation samples than this, a score says more about them than about the model.
MIN_VALIDATION_SAMPLES = 10
# batch_size="auto": the paper's 100 texts, fewer where an epoch would have too few steps.
SMALLEST_BATCH, LARGEST_BATCH, BATCHES_AN_EPOCH = 16, 100, 40
# max_epochs="auto": an epoch of a large corpus has many steps, and the learning rate should be back
# at zero before the network begins to learn the texts by heart.
FEWEST_EPOCHS, MOST_EPOCHS, ENOUGH_STEPS = 5, 12, 2000
# Numbers that a network may keep per batch while predicting.
PREDICTION_ELEMENTS = 1 << 24


class LabelEmbeddingClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
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

    # -- what a classifier fills in ------------------------------------------------------------

    @abstractmethod
    def _network_class(self) -> type[nn.Module]:
        """The torch module; a class, so that a clone of the net never shares weights."""

    @abstractmethod
    def _network_options(self, targets: Targets, vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the module; plain JSON values, for they are saved with the model."""

    def _initialize_network(
        self, network: nn.Module, targets: Targets, vocabulary: Vocabulary, encoded: Any
    ) -> None:
        """Put in what training starts from: pretrained vectors, label texts, prior frequencies."""

    def _has_wide_path(self) -> bool:
        """Whether a linear model over n-grams is trained beside the network."""
        return False

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
        previous = self._learnt_attributes()
        self._forget()
        if self.warm_start and previous:
            try:
                learnt = self._train(X, y, sample_weight, previous=previous)
            except BaseException:
                self.__dict__.update(previous)
                raise
        else:
            learnt = self._train(X, y, sample_weight)
        self._forget()
        self.__dict__.update(learnt)
        return self

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
        previous = self._learnt_attributes()
        weights = snapshot(previous["net_"].module_) if previous else {}
        try:
            learnt = self._train(
                X, y, sample_weight, previous=previous, partial=True, classes=classes
            )
        except BaseException:
            # The network goes on learning in place, so what half an epoch did to it is undone.
            if previous:
                previous["net_"].module_.load_state_dict(weights)
            raise
        self._forget()
        self.__dict__.update(learnt)
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        previous: dict[str, Any] | None = None,
        partial: bool = False,
        classes: Any = None,
    ) -> dict[str, Any]:
        """Train, and return everything learnt; the estimator itself is not touched."""
        context = None
        if not partial:
            longest = MOST_EPOCHS if self.max_epochs == "auto" else self.max_epochs
            context = self._init_callback_context(max_subtasks=longest)
        documents = check_documents(X)
        check_consistent_length(documents, y)
        targets, encoded = self._encode_targets(y, previous, classes)
        weight = sample_weights(sample_weight, len(documents))
        thresholds = check_threshold(self.threshold, targets.n_labels)
        if context is not None:
            context.call_on_fit_task_begin(estimator=self, X=X, y=y)

        random = check_random_state(self.random_state)
        seed, split_seed = (int(random.randint(np.iinfo(np.int32).max)) for _ in range(2))
        device = self._resolve_device()
        vocabulary, token_ids = self._encode_first(documents, previous)
        data = TextDataset(token_ids, encoded, weight, len(vocabulary))
        if weight is not None:
            # What counts for nothing must not choose the epoch or the thresholds either.
            data = data.subset(np.flatnonzero(weight))
        train, valid = (data, None) if partial else self._hold_out(data, split_seed)

        with isolated_randomness(seed, device):
            net, options = self._prepared_net(
                targets, vocabulary, train.targets, device, previous, partial
            )
            learnt = {
                "net_": net,
                "vocabulary_": vocabulary,
                "targets_": targets,
                "classes_": targets.classes,
                "label_names_": targets.label_names,
                "thresholds_": self._first_thresholds(targets, thresholds, previous),
                "min_labels_": self._fewest_labels(targets, encoded, previous),
                "wide_": previous.get("wide_") if previous else None,
                "mixture_": previous.get("mixture_") if previous else Mixture(),
                "_network_arguments": options,
            }
            callbacks, epochs = self._callbacks(net, train, valid, context, X, y, learnt, partial)
            net.train_on(train, valid, epochs=epochs, callbacks=callbacks)

        learnt["history_"] = _without_batches(net.history)
        learnt["n_iter_"] = len(net.history)
        best = next((c for c in callbacks if isinstance(c, BestWeights)), None)
        learnt["best_epoch_"] = best.best_epoch_ if best else len(net.history)
        if self._has_wide_path():
            with isolated_randomness(seed, device):
                learnt["wide_"] = self._train_wide(train, learnt, partial)
                if valid is not None:
                    learnt |= self._learn_decisions(valid, learnt)
                    # How to decide is settled; what was held out for that may now be learnt too.
                    learnt["wide_"] = self._train_wide(data, learnt, partial)
        elif valid is not None:
            learnt |= self._learn_decisions(valid, learnt)
        if context is not None:
            context.call_on_fit_task_end(
                estimator=self, X=X, y=y, reconstruction_attributes=lambda: learnt
            )
        return learnt

    def _encode_targets(
        self, y: Any, previous: dict[str, Any] | None, classes: Any
    ) -> tuple[Targets, Any]:
        """The form of `y`, and `y` encoded; a model that goes on learning keeps its form."""
        targets = previous["targets_"] if previous else Targets.infer(y, classes=classes)
        named = None if classes is None or targets.multilabel else np.unique(np.asarray(classes))
        if named is not None and not np.array_equal(named, targets.classes):
            raise ValueError(
                f"classes={named.tolist()!r} differs from the classes of the first call, "
                f"{targets.classes.tolist()}: they must all be named there."
            )
        encoded = targets.encode(y)
        if targets.multilabel and not previous:
            targets.warn_about_empty_labels(encoded)
        return targets, encoded

    def _resolve_device(self) -> str:
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        try:
            torch.device(self.device)
        except RuntimeError:
            raise ValueError(
                f"device={self.device!r} is none that torch knows. Use device='auto', 'cpu' or "
                "'cuda' (or 'cuda:1' for the second GPU)."
            ) from None
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(
                f"device={self.device!r}, but torch sees no CUDA device here. Use device='auto' or "
                "'cpu'."
            )
        return str(self.device)

    def _encode_first(
        self, documents: list[str], previous: dict[str, Any] | None
    ) -> tuple[Vocabulary, TokenIds]:
        """Tokenise the training texts, once, and learn (or extend) the vocabulary."""
        vocabulary, token_ids = Vocabulary.build(
            documents,
            self._tokenizer(),
            max_features=self.max_features,
            min_df=self._min_df(len(documents)),
            max_length=self.max_length,
            keep_unknown=True,
        )
        if not previous:
            return vocabulary, token_ids
        known = previous["vocabulary_"].extended(vocabulary.words)
        spelling = [*vocabulary.words, *token_ids.unknown_words]
        # What is rare in these texts may be known from earlier ones.
        unknown = {word: len(known) + i for i, word in enumerate(_missing(spelling, known))}
        ids = [0, 1, *(unknown.get(word) or known.id(word) for word in spelling)]
        new_ids = np.array(ids, dtype=token_ids.ids.dtype)[token_ids.ids]
        return known, TokenIds(new_ids, token_ids.offsets, tuple(unknown))

    def _min_df(self, n_documents: int) -> int | float:
        # What prunes typing mistakes from a corpus would leave nothing of a handful of texts.
        return self.min_df if n_documents >= 100 or self.min_df != 2 else 1

    def _tokenizer(self) -> Any:
        if self.tokenizer is not None:
            return self.tokenizer
        return Tokenizer(lowercase=self.lowercase, mask_numbers=self.mask_numbers)

    def _hold_out(self, data: TextDataset, seed: int) -> tuple[TextDataset, TextDataset | None]:
        """Training data and, if there is enough for it, validation data."""
        if len(data) * self.validation_fraction < MIN_VALIDATION_SAMPLES:
            return data, None
        assert data.targets is not None
        kept, cut = stratified_holdout(data.targets, self.validation_fraction, seed)
        return data.subset(kept), data.subset(cut)

    def _prepared_net(
        self,
        targets: Targets,
        vocabulary: Vocabulary,
        encoded: Any,
        device: str,
        previous: dict[str, Any] | None,
        partial: bool,
    ) -> tuple[TextNet, dict[str, Any]]:
        """A net ready to train: anew, or from the weights of a previous fit."""
        options = self._network_options(targets, vocabulary)
        net_params = dict(self.net_params or {})
        own_optimizer = "optimizer" not in net_params
        sparse = own_optimizer and sparse_pays(
            len(vocabulary), int(options["embedding_dim"]), device
        )
        options["sparse"] = sparse
        if partial and previous and options == previous["_network_arguments"]:
            net = previous["net_"]
            if not hasattr(net, "optimizer_"):
                net.initialize_optimizer()
            # The schedule of fit has ended at zero, and learning_rate may have changed since.
            for group in net.optimizer_.param_groups:
                group["lr"] = net_params.get("lr", self.learning_rate)
            return net, options
        net = self._make_net(options, targets, device, encoded, net_params)
        network = net.module_
        if previous:
            copy_weights(previous["net_"].module_, network)
        else:
            self._initialize_network(network, targets, vocabulary, encoded)
        return net, options

    def _make_net(
        self,
        options: dict[str, Any],
        targets: Targets,
        device: str,
        encoded: Any = None,
        net_params: dict[str, Any] | None = None,
    ) -> TextNet:
        """An initialised skorch net with this module; everything in it is built from classes."""
        batch_size = self.batch_size
        if batch_size == "auto":
            n_samples = 0 if encoded is None else encoded.shape[0]
            batch_size = int(np.clip(n_samples // BATCHES_AN_EPOCH, SMALLEST_BATCH, LARGEST_BATCH))
        arguments: dict[str, Any] = {f"module__{name}": value for name, value in options.items()}
        arguments |= {
            "criterion__multilabel": targets.multilabel,
            "criterion__class_weight": class_weights(self.class_weight, targets, encoded),
            "optimizer": SplitAdam,
            "optimizer__weight_decay": self.weight_decay,
            "lr": self.learning_rate,
            "batch_size": batch_size,
            "iterator_valid__batch_size": max(batch_size, 256),
            "iterator_valid__max_tokens": max(2048, PREDICTION_ELEMENTS // targets.n_labels),
            "mixed_precision": self.mixed_precision,
            "device": device,
            "verbose": 0,
            "callbacks__print_log": None,
        }
        if options.get("sparse"):
            arguments["optimizer__param_groups"] = [("embedding.weight", {"sparse": True})]
        net_params = net_params or {}
        if "optimizer" in net_params:
            arguments.pop("optimizer__weight_decay")
        net = TextNet(self._network_class(), **(arguments | net_params))
        with explained_memory_errors(device):
            return net.initialize()

    def _first_thresholds(
        self,
        targets: Targets,
        thresholds: np.ndarray | None,
        previous: dict[str, Any] | None,
    ) -> np.ndarray | None:
        if not targets.multilabel:
            return None
        if thresholds is not None:
            return thresholds
        if previous:
            return np.array(previous["thresholds_"])
        return np.full(targets.n_labels, 0.5)

    def _fewest_labels(
        self, targets: Targets, encoded: Any, previous: dict[str, Any] | None
    ) -> int:
        """How many labels a prediction has at least."""
        if self.min_labels != "auto":
            return int(self.min_labels)
        fewest = int(encoded.sum(axis=1).min()) if targets.multilabel else 0
        return min(fewest, previous["min_labels_"]) if previous else fewest

    def _train_wide(
        self, data: TextDataset, learnt: dict[str, Any], partial: bool
    ) -> WidePath | None:
        """The linear model over n-grams: anew, or one epoch further if there is one already."""
        targets, vocabulary = learnt["targets_"], learnt["vocabulary_"]
        weights = class_weights(self.class_weight, targets, data.targets)
        if not partial:
            return WidePath.fit(data, vocabulary, targets.n_labels, weights)
        path = learnt["wide_"]
        return None if path is None else path.updated(data, vocabulary, weights)

    def _learn_decisions(self, valid: TextDataset, learnt: dict[str, Any]) -> dict[str, Any]:
        """What is learnt from the validation split: how to mix the paths, and thresholds."""
        decisions: dict[str, Any] = {}
        logits = learnt["net_"].predict_logits(valid)
        if learnt["wide_"] is not None:
            wide = learnt["wide_"].scores(valid.token_ids, learnt["vocabulary_"])
            decisions["mixture_"] = Mixture.fit(valid.targets, logits, wide)
            logits = decisions["mixture_"](logits, wide)
        if learnt["targets_"].multilabel and isinstance(self.threshold, str):
            decisions["thresholds_"] = tuned_thresholds(
                valid.targets, logits, self.threshold_shrinkage
            )
        return decisions

    def _callbacks(
        self,
        net: TextNet,
        train: TextDataset,
        valid: TextDataset | None,
        context: Any,
        X: Any,
        y: Any,
        learnt: dict[str, Any],
        partial: bool,
    ) -> tuple[list[Any], int]:
        """The callbacks of this run, and its number of epochs."""
        if partial:
            return [], 1
        n_batches = len(net.get_iterator(train, training=True))
        epochs = self.max_epochs
        if epochs == "auto":
            epochs = int(np.clip(math.ceil(ENOUGH_STEPS / n_batches), FEWEST_EPOCHS, MOST_EPOCHS))
        callbacks: list[Any] = [warmup_then_decay(n_batches * epochs, self.warmup)]
        if valid is not None:
            callbacks.append(ValidationScore(validation_score))
            if self.patience is not None:
                callbacks.append(BestWeights("valid_score", patience=self.patience))
        if self.verbose:
            callbacks.append(EpochProgress(n_batches * epochs, type(self).__name__))
        if context is not None:
            callbacks.append(ScikitLearnCallbacks(self, context, X, y, lambda: learnt))
        return callbacks, epochs

    # -- predicting ----------------------------------------------------------------------------

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        token_ids = self._encode(check_documents(X))
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
        """Number of trained parameters.

        Returns
        -------
        dict
            ``"embedding"`` (the word table), ``"compositional"`` (all the rest, what the tables of
            the papers count) and ``"total"``.
        """
        check_is_fitted(self)
        network = self.net_.module_
        total = sum(p.numel() for p in network.parameters())
        table = network.embedding.weight.numel()
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
        net = state["net_"]
        state["net_"] = {
            "module": net.get_params_for("module"),
            "weights": dict(net.module_.state_dict()),
            "class_weight": net.get_params_for("criterion").get("class_weight"),
            # The last bits of a logit depend on the batch that its text was in.
            "iterator_valid": net.get_params_for("iterator_valid"),
            "mixed_precision": net.mixed_precision,
        }
        # Both are part of targets_.
        del state["classes_"], state["label_names_"]
        return state

    def _restore(self, state: dict[str, Any], device: str) -> None:
        """Take up what :meth:`_fitted_state` gave, with the network on `device`."""
        parts, targets = state["net_"], state["targets_"]
        arguments = {
            **(self.net_params or {}),
            **{f"module__{name}": value for name, value in parts["module"].items()},
            **{f"iterator_valid__{name}": value for name, value in parts["iterator_valid"].items()},
            "criterion__class_weight": parts["class_weight"],
            "mixed_precision": parts["mixed_precision"],
            "device": device,
        }
        options = state["_network_arguments"]
        with isolated_randomness(0, device):
            net = self._make_net(options, targets, device, net_params=arguments)
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
        learnt = {"net_": net, "classes_": targets.classes, "label_names_": targets.label_names}
        self.__dict__.update(state | learnt)


def _missing(words: list[str], vocabulary: Vocabulary) -> list[str]:
    return [word for word in words if word not in vocabulary]


def _without_batches(history: Any) -> list[dict[str, Any]]:
    return [
        {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in row.items()
            if key != "batches"
        }
        for row in history
    ]
