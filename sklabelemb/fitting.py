"""The steps of a fit, in the order in which they are taken.

`FittingSteps` is the upper storey of every classifier: it reads the estimator's parameters, trains,
and returns what was learnt; it never sets anything on the estimator. The template methods at its
top are what a classifier fills in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length
from torch import nn

from sklabelemb.decision import check_threshold, tuned_thresholds, validation_score
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
from sklabelemb.training.net import copy_weights, explained_memory_errors
from sklabelemb.training.optimizers import warmup_then_decay
from sklabelemb.training.weights import class_weights, sample_weights
from sklabelemb.training.wide import Mixture, WidePath

__all__ = ["FittingSteps"]

# With fewer validation samples than this, a score says more about them than about the model.
MIN_VALIDATION_SAMPLES = 10
# batch_size="auto": the paper's 100 texts, fewer where an epoch would have too few steps.
SMALLEST_BATCH, LARGEST_BATCH, BATCHES_AN_EPOCH = 16, 100, 40
# max_epochs="auto": an epoch of a large corpus has many steps, and the learning rate should be back
# at zero before the network begins to learn the texts by heart.
FEWEST_EPOCHS, MOST_EPOCHS, ENOUGH_STEPS = 5, 12, 2000
# Numbers that a network may keep per batch while predicting.
PREDICTION_ELEMENTS = 1 << 24


class FittingSteps(ABC):
    """How the classifiers train; a mixin of `LabelEmbeddingClassifier`, not for direct use."""

    # The parameters that the steps read; the constructors of the classifiers set them.
    tokenizer: Callable[[str], Sequence[str]] | None
    lowercase: bool
    mask_numbers: bool
    max_features: int | None
    min_df: float
    max_length: int | None
    label_texts: Mapping[Any, str] | Sequence[str] | str | None
    class_weight: Mapping[Any, float] | str | None
    threshold: float | Sequence[float] | str
    threshold_shrinkage: float
    min_labels: int | str
    max_epochs: int | str
    batch_size: int | str
    learning_rate: float
    warmup: float
    weight_decay: float
    validation_fraction: float
    patience: int | None
    device: str
    mixed_precision: bool
    random_state: Any
    verbose: int | bool
    net_params: dict[str, Any] | None
    _init_callback_context: Callable[..., Any]

    # -- what a classifier fills in ------------------------------------------------------------

    @abstractmethod
    def _network_class(self) -> type[nn.Module]:
        """The torch module; a class, so that a clone of the net never shares weights."""

    @abstractmethod
    def _network_options(self, targets: Targets, vocabulary: Vocabulary) -> dict[str, Any]:
        """Keyword arguments of the module; plain JSON values, for they are saved with the model."""

    def _initialize_network(  # noqa: B027  (nothing to start from is a legal start)
        self, network: nn.Module, targets: Targets, vocabulary: Vocabulary, train: Any
    ) -> None:
        """Put in what training starts from: pretrained vectors, label texts, prior frequencies."""

    def _complete_network(  # noqa: B027  (training may have completed it)
        self, learnt: dict[str, Any]
    ) -> None:
        """Set weights that follow from others after training."""

    def _has_wide_path(self) -> bool:
        """Whether a linear model over n-grams is trained beside the network."""
        return False

    # The most epochs of max_epochs="auto".
    _most_epochs = MOST_EPOCHS

    def _enough_epochs(self, n_batches: int, train: Any) -> int:
        """The epochs of max_epochs="auto"."""
        return min(max(math.ceil(ENOUGH_STEPS / n_batches), FEWEST_EPOCHS), self._most_epochs)

    def _enough_texts(self, n_samples: int) -> int:
        """The texts a batch of batch_size="auto"."""
        return min(max(n_samples // BATCHES_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)

    # Names of the network's tables with a row a word, and whether the network has the option
    # ``sparse`` that gives these sparse gradients.
    _word_tables: tuple[str, ...] = ("embedding",)
    _may_have_sparse_gradients = True

    def _numbers_per_token(self, options: dict[str, Any], targets: Targets) -> int:
        """How many numbers the network keeps for each token of a batch while predicting."""
        return targets.n_labels

    # -- the steps -------------------------------------------------------------------------------

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        previous: dict[str, Any] | None = None,
        partial: bool = False,
        **how: Any,
    ) -> dict[str, Any]:
        """Train, and return everything learnt; the estimator itself is not touched."""
        context = None
        if not partial:
            longest = self._most_epochs if self.max_epochs == "auto" else self.max_epochs
            context = self._init_callback_context(max_subtasks=longest)
        documents, targets, encoded, weight = self._read(X, y, sample_weight, previous, **how)
        learnt = self._first_decisions(targets, self._counted(encoded, weight), previous, partial)
        if context is not None:
            context.call_on_fit_task_begin(estimator=self, X=X, y=y)

        random = check_random_state(self.random_state)
        if partial and previous:
            # An epoch by hand is another one than that before it.
            random.randint(np.iinfo(np.int32).max, size=2 * len(previous["net_"].history))
        seed, split_seed = (int(random.randint(np.iinfo(np.int32).max)) for _ in range(2))
        device = self._resolve_device()
        vocabulary, token_ids = self._encode_first(
            documents, previous, self._words_beside_texts(targets)
        )
        data = self._samples(token_ids, encoded, weight, vocabulary, learnt)
        train, valid = (data, None) if partial else self._hold_out(data, split_seed)

        with isolated_randomness(seed, device):
            net, options = self._prepared_net(targets, vocabulary, train, device, previous, partial)
            learnt |= {"net_": net, "vocabulary_": vocabulary, "_network_arguments": options}
            callbacks, epochs = self._callbacks(net, train, valid, context, X, y, learnt, partial)
            net.train_on(train, valid, epochs=epochs, callbacks=callbacks)
            self._complete_network(learnt)

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

    def _read(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        previous: dict[str, Any] | None,
        *,
        classes: Any = None,
    ) -> tuple[list[str], Targets, Any, np.ndarray | None]:
        """The door: texts, the form of `y`, `y` encoded, weights of the samples."""
        documents = check_documents(X)
        check_consistent_length(documents, y)
        targets, encoded = self._encode_targets(y, previous, classes)
        return documents, targets, encoded, sample_weights(sample_weight, len(documents))

    def _counted(self, encoded: Any, weight: np.ndarray | None) -> Any:
        """The targets of the texts that have any weight."""
        return encoded if weight is None else encoded[np.flatnonzero(weight)]

    def _first_decisions(
        self, targets: Targets, encoded: Any, previous: dict[str, Any] | None, partial: bool
    ) -> dict[str, Any]:
        """How to decide before anything has been learnt about it; checks `threshold`."""
        return {
            "targets_": targets,
            "classes_": targets.classes,
            "label_names_": targets.label_names,
            "thresholds_": self._first_thresholds(
                targets, previous["thresholds_"] if previous else None
            ),
            "min_labels_": self._fewest_labels(
                targets, encoded, previous["min_labels_"] if previous else None
            ),
            "wide_": previous.get("wide_")
            if previous and partial and self._has_wide_path()
            else None,
            "mixture_": previous.get("mixture_") if previous else Mixture(),
        }

    def _samples(
        self,
        token_ids: TokenIds,
        encoded: Any,
        weight: np.ndarray | None,
        vocabulary: Vocabulary,
        learnt: dict[str, Any],
    ) -> Any:
        """The training data."""
        data = TextDataset(token_ids, encoded, weight, len(vocabulary))
        # What counts for nothing must not choose the epoch or the thresholds either.
        return data if weight is None else data.subset(np.flatnonzero(weight))

    def _words_of_labels(self, targets: Targets) -> list[list[str]]:
        """The words of each label's text; nothing where the labels have none."""
        tokenizer = self._tokenizer()
        texts = targets.texts_of_labels(self.label_texts)
        return [list(tokenizer(text)) for text in texts] if texts else []

    def _words_beside_texts(self, targets: Targets) -> list[str]:
        """Words that get a row each, whether or not a text has them."""
        return []

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
        self,
        documents: list[str],
        previous: dict[str, Any] | None,
        further_words: Sequence[str] = (),
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
        if not previous and not further_words:
            return vocabulary, token_ids
        known = previous["vocabulary_"].including(vocabulary) if previous else vocabulary
        known = known.extended(further_words)
        spelling = [*vocabulary.words, *token_ids.unknown_words]
        # What is rare in these texts may be known from elsewhere.
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

    def _hold_out(self, data: Any, seed: int) -> tuple[Any, Any]:
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
        train: Any,
        device: str,
        previous: dict[str, Any] | None,
        partial: bool,
    ) -> tuple[TextNet, dict[str, Any]]:
        """A net ready to train: anew, or from the weights of a previous fit."""
        options = self._network_options(targets, vocabulary)
        net_params = dict(self.net_params or {})
        own_optimizer = "optimizer" not in net_params
        if self._may_have_sparse_gradients:
            dim = int(options["embedding_dim"])
            options["sparse"] = own_optimizer and sparse_pays(len(vocabulary), dim, device)
        if (
            previous
            and partial
            and options == previous["_network_arguments"]
            and self._has_same_loss(targets, previous)
        ):
            net = previous["net_"]
            if not hasattr(net, "optimizer_"):
                net.initialize_optimizer()
            # The schedule of fit has ended at zero, and learning_rate may have changed since.
            for group in net.optimizer_.param_groups:
                group["lr"] = self._learning_rate_of(group)
            for name, value in self._step_options().items():
                setattr(net, name, net_params.get(name, value))
            return net, options
        net = self._make_net(options, targets, device, train, net_params)
        network = net.module_
        if previous:
            copy_weights(previous["net_"].module_, network, self._word_tables)
            if partial:
                net.history.extend(previous["net_"].history)
            self._initialize_new_words(network, vocabulary, train, previous)
        else:
            self._initialize_network(network, targets, vocabulary, train)
        return net, options

    def _learning_rate_of(self, group: dict[str, Any]) -> float:
        """The learning rate, without a schedule, of a group of the optimiser's parameters."""
        return float((self.net_params or {}).get("lr", self.learning_rate))

    def _step_options(self) -> dict[str, Any]:
        """How a step is made, as far as it may change from one update to the next."""
        chosen = {"batch_size": self.batch_size, "mixed_precision": self.mixed_precision}
        return {name: value for name, value in chosen.items() if value != "auto"}

    def _has_same_loss(self, targets: Targets, previous: dict[str, Any]) -> bool:
        """Whether the loss of an update is that of the net as it is."""
        return True

    def _initialize_new_words(  # noqa: B027  (a random start is a start)
        self, network: nn.Module, vocabulary: Vocabulary, train: Any, previous: dict[str, Any]
    ) -> None:
        """Put in what words start from that an earlier fit did not know."""

    def _make_net(
        self,
        options: dict[str, Any],
        targets: Targets,
        device: str,
        train: Any = None,
        net_params: dict[str, Any] | None = None,
    ) -> TextNet:
        """An initialised skorch net with this module; everything in it is built from classes."""
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = self._enough_texts(0 if train is None else len(train))
        arguments: dict[str, Any] = {f"module__{name}": value for name, value in options.items()}
        most_tokens = PREDICTION_ELEMENTS // self._numbers_per_token(options, targets)
        arguments |= {
            "optimizer": SplitAdam,
            "optimizer__weight_decay": self.weight_decay,
            "lr": self.learning_rate,
            "batch_size": batch_size,
            "iterator_valid__batch_size": max(batch_size, 256),
            "iterator_valid__max_tokens": max(2048, most_tokens),
            "mixed_precision": self.mixed_precision,
            "device": device,
            "verbose": 0,
            "callbacks__print_log": None,
            **self._net_arguments(targets, None if train is None else train.targets),
        }
        if options.get("sparse"):
            arguments["optimizer__param_groups"] = [
                (f"{table}.weight", {"sparse": True}) for table in self._word_tables
            ]
        net_params = net_params or {}
        if "optimizer" in net_params:
            arguments.pop("optimizer__weight_decay")
        net = TextNet(self._network_class(), **(arguments | net_params))
        with explained_memory_errors(device):
            return net.initialize()

    def _net_arguments(self, targets: Targets, encoded: Any) -> dict[str, Any]:
        """Loss and iterators, where they are not the net's own, and their parameters."""
        return {
            "criterion__multilabel": targets.multilabel,
            "criterion__class_weight": class_weights(self.class_weight, targets, encoded),
        }

    def _parts_of_net(self, net: TextNet) -> dict[str, Any]:
        return {
            "module": net.get_params_for("module"),
            "weights": dict(net.module_.state_dict()),
            "class_weight": net.get_params_for("criterion").get("class_weight"),
            # The last bits of a logit depend on the batch that its text was in.
            "iterator_valid": net.get_params_for("iterator_valid"),
            "mixed_precision": net.mixed_precision,
        }

    def _net_of_parts(
        self,
        parts: dict[str, Any],
        module: dict[str, Any],
        options: dict[str, Any],
        targets: Any,
        device: str,
    ) -> TextNet:
        """A net that computes like the one that the parts were taken from; its weights are new."""
        arguments = {
            **(self.net_params or {}),
            **{f"module__{name}": value for name, value in module.items()},
            **{f"iterator_valid__{name}": value for name, value in parts["iterator_valid"].items()},
            "criterion__class_weight": parts["class_weight"],
            "mixed_precision": parts["mixed_precision"],
            "device": device,
        }
        return self._make_net(options, targets, device, net_params=arguments)

    def _targets(self, state: dict[str, Any]) -> Any:
        """What the network's outputs are, as the steps of a fit know it."""
        return state["targets_"]

    def _first_thresholds(self, targets: Targets, previous: np.ndarray | None) -> np.ndarray | None:
        thresholds = check_threshold(self.threshold, targets.n_labels)
        if not targets.multilabel:
            return None
        if thresholds is not None:
            return thresholds
        return np.full(targets.n_labels, 0.5) if previous is None else np.array(previous)

    def _fewest_labels(self, targets: Targets, encoded: Any, previous: int | None) -> int:
        """How many labels a prediction has at least."""
        if self.min_labels != "auto":
            return int(self.min_labels)
        fewest = int(encoded.sum(axis=1).min()) if targets.multilabel else 0
        return fewest if previous is None else min(fewest, previous)

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
            return self._gradient_callbacks(), 1
        n_batches = len(net.get_iterator(train, training=True))
        epochs = self.max_epochs
        if isinstance(epochs, str):
            epochs = self._enough_epochs(n_batches, train)
        callbacks: list[Any] = [self._schedule(n_batches, epochs), *self._gradient_callbacks()]
        if valid is not None:
            callbacks.append(self._validation_callback(learnt))
            if self.patience is not None:
                callbacks.append(BestWeights("valid_score", patience=self.patience))
        if self.verbose:
            callbacks.append(EpochProgress(n_batches * epochs, type(self).__name__))
        if context is not None:
            callbacks.append(ScikitLearnCallbacks(self, context, X, y, lambda: learnt))
        return callbacks, epochs

    def _schedule(self, n_batches: int, n_epochs: int) -> Any:
        """What happens to the learning rate of a fit."""
        return warmup_then_decay(n_batches * n_epochs, self.warmup)

    def _gradient_callbacks(self) -> list[Any]:
        """What happens to gradients."""
        return []

    def _validation_callback(self, learnt: dict[str, Any]) -> ValidationScore:
        """What scores the validation split after every epoch."""
        return ValidationScore(validation_score)


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
