"""The steps of a fit where there are several tasks."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import logit
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length
from torch import nn

from sklabelemb.decision import tuned_thresholds, validation_score
from sklabelemb.fitting import FittingSteps
from sklabelemb.mtle.batches import TaskBatches, TaskDataset, TaskDatasets
from sklabelemb.mtle.label_words import have_vectors, task_texts, words_of_labels
from sklabelemb.mtle.network import MTLE, WORD_STD, CosineMatcher
from sklabelemb.mtle.tasks import (
    DEFAULT_TASK,
    Task,
    check_task_name,
    group_by_task,
    meant_task,
    targets_of,
)
from sklabelemb.mtle.training import TaskLoss, TaskScores
from sklabelemb.targets import Targets
from sklabelemb.text import (
    UNKNOWN_ID,
    TokenIds,
    Vocabulary,
    check_documents,
    vectors_of,
)
from sklabelemb.training import isolated_randomness
from sklabelemb.training.callbacks import ValidationScore
from sklabelemb.training.net import copy_weights
from sklabelemb.training.weights import class_weights, sample_weights

__all__ = ["TaskSteps"]

# In a mean of pretrained vectors, a word that is this share of all training tokens counts half of
# what a rare one does, before training changes that (the weights of Arora et al., 2017).
COMMON = 3e-3
# Beside words with pretrained vectors, those without one start small: their random vectors say
# nothing yet.
WITHOUT_VECTOR = 0.1


# max_epochs="auto": word vectors learn fast, and more steps than these made the texts of
# single-label tasks known by heart. Labels that few texts have take longer.
ENOUGH_STEPS, FEWEST_EPOCHS, ENOUGH_EPOCHS = 1000, 3, 8
ENOUGH_STEPS_FOR_SETS, MOST_EPOCHS = 4000, 30


class TaskSteps(FittingSteps):
    """`FittingSteps` over tasks; a mixin of `MTLEClassifier`, not for direct use.

    What the steps call targets is a dict of tasks here, and what they call encoded is a dict of
    encoded targets by the numbers of those tasks that there are samples of.
    """

    encoder: str
    embedding_dim: int
    hidden_size: int
    pooling: str
    matcher: str
    matcher_size: int
    label_texts: Any
    vectors: Any
    task_sampling: str
    dropout: float
    word_dropout: float

    _most_epochs = MOST_EPOCHS

    def _enough_epochs(self, n_batches: int, train: Any) -> int:
        sets = any(sp.issparse(part.targets) for part in train.parts)
        steps, most = (
            (ENOUGH_STEPS_FOR_SETS, MOST_EPOCHS) if sets else (ENOUGH_STEPS, ENOUGH_EPOCHS)
        )
        return min(max(math.ceil(steps / n_batches), FEWEST_EPOCHS), most)

    @property
    def _word_tables(self) -> tuple[str, ...]:  # type: ignore[override]
        tables = ("embedding", "label_embedding")
        return (*tables, "log_weight") if self.encoder == "mean" else tables

    # -- the door --------------------------------------------------------------------------------

    def _read(  # type: ignore[override]
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        previous: dict[str, Any] | None,
        *,
        classes: Any = None,
        task: Any = None,
        by_task: bool = False,
    ) -> tuple[list[str], dict[Any, Task], dict[int, Any], np.ndarray | None]:
        samples: dict[Any, tuple[list[str], Any]]
        if by_task:
            samples = {
                check_task_name(name): (
                    check_documents(texts, name=f"X of task {name!r}"),
                    y[name],
                )
                for name, texts in X.items()
            }
            weight = None
            if sample_weight:
                each = [np.full(len(X[name]), float(sample_weight.get(name, 1))) for name in X]
                weight = sample_weights(np.concatenate(each), sum(map(len, each)))
        else:
            documents = check_documents(X)
            if y is None:
                Targets.infer(y)
            check_consistent_length(documents, y)
            weight = sample_weights(sample_weight, len(documents))
            if task is None:
                task = meant_task(previous["tasks_"] if previous else {})
            groups = group_by_task(task, len(documents))
            if len(groups) == 1:
                samples = dict.fromkeys(groups, (documents, y))
            else:
                samples = {
                    name: ([documents[i] for i in rows], targets_of(y, rows))
                    for name, rows in groups.items()
                }
                if weight is not None:
                    weight = weight[np.concatenate(list(groups.values()))]
        if isinstance(classes, Mapping) and (unknown := set(classes) - set(samples)):
            raise ValueError(f"classes names tasks that there are no samples of: {unknown}.")
        tasks = dict(previous["tasks_"]) if previous else {}
        encoded: dict[int, Any] = {}
        start = 0
        for name, (documents, own) in samples.items():
            with _naming(name, samples):
                check_consistent_length(documents, own)
                stop = start + len(documents)
                if weight is not None and not weight[start:stop].any():
                    raise ValueError("sample_weight is zero for every sample of this task.")
                start = stop
                tasks[name], codes = self._task(name, own, tasks.get(name), classes)
            encoded[list(tasks).index(name)] = codes
        self._check_class_weight(tasks)
        for number, codes in self._counted(encoded, weight).items():
            name = list(tasks)[number]
            weights = self._weights_of_labels(tasks[name], codes)
            tasks[name] = replace(tasks[name], class_weight=weights)
        return [text for texts, _ in samples.values() for text in texts], tasks, encoded, weight

    def _task(self, name: Any, y: Any, known: Task | None, classes: Any) -> tuple[Task, Any]:
        """A task that samples are given of, and its encoded targets."""
        own = classes.get(name) if isinstance(classes, Mapping) else classes
        targets, encoded = self._encode_targets(
            y, {"targets_": known.targets} if known else None, own
        )
        if known is None:
            texts = task_texts(self.label_texts, name, targets)
            known = Task(name, targets, texts, [])
        if not known.trained:
            words = words_of_labels(name, targets, known.label_texts, self._tokenizer())
            known = replace(known, label_words=words)
        return known, encoded

    def _counted(self, encoded: Any, weight: np.ndarray | None) -> Any:
        if weight is None:
            return encoded
        ends = np.cumsum([codes.shape[0] for codes in encoded.values()])
        return {
            number: codes[np.flatnonzero(own)]
            for (number, codes), own in zip(
                encoded.items(), np.split(weight, ends[:-1]), strict=True
            )
        }

    def _first_decisions(  # type: ignore[override]
        self,
        targets: dict[Any, Task],
        encoded: Any,
        previous: dict[str, Any] | None,
        partial: bool,
    ) -> dict[str, Any]:
        tasks = dict(targets)
        for number, (name, task) in enumerate(targets.items()):
            if number not in encoded:
                continue
            with _naming(name, targets):
                thresholds = self._thresholds_at_first(task.targets, task.thresholds)
            fewest = task.min_labels if task.trained else None
            tasks[name] = replace(
                task,
                thresholds=thresholds,
                min_labels=self._fewest_labels(task.targets, encoded[number], fewest),
                trained=True,
            )
        return {"tasks_": tasks}

    def _thresholds_at_first(
        self, targets: Targets, previous: np.ndarray | None
    ) -> np.ndarray | None:
        if not targets.multilabel and np.ndim(self.threshold):
            return None  # one for each label of the tasks that have label sets
        return self._first_thresholds(targets, previous)

    def _check_class_weight(self, tasks: dict[Any, Task]) -> None:
        if isinstance(self.class_weight, Mapping):
            known = {name for task in tasks.values() for name in task.label_names}
            if unknown := set(self.class_weight) - known:
                raise ValueError(
                    f"class_weight names labels that y does not have: {sorted(map(repr, unknown))}."
                )

    def _weights_of_labels(self, task: Task, encoded: Any) -> np.ndarray | None:
        given = self.class_weight
        if isinstance(given, str) and task.class_weight is not None:
            return task.class_weight  # a batch of an update is no measure of the classes
        if isinstance(given, Mapping):
            given = {name: given[name] for name in task.label_names if name in given} or None
        return class_weights(given, task.targets, encoded)

    def _words_beside_texts(self, targets: dict[Any, Task]) -> list[str]:  # type: ignore[override]
        return [word for task in targets.values() for words in task.label_words for word in words]

    def _samples(
        self,
        token_ids: TokenIds,
        encoded: Any,
        weight: np.ndarray | None,
        vocabulary: Vocabulary,
        learnt: dict[str, Any],
    ) -> TaskDatasets:
        parts = []
        start = 0
        for number, codes in encoded.items():
            stop = start + codes.shape[0]
            own = np.arange(start, stop)
            part = TaskDataset(
                token_ids.take(own),
                codes,
                None if weight is None else weight[own],
                len(vocabulary),
                task=number,
            )
            if part.sample_weight is not None:
                part = part.subset(np.flatnonzero(part.sample_weight))
            if len(part):
                parts.append(part)
            start = stop
        return TaskDatasets(tuple(parts))

    def _hold_out(self, data: Any, seed: int) -> tuple[Any, Any]:
        halves = [
            FittingSteps._hold_out(self, part, seed) if self._is_chosen_by(part) else (part, None)
            for part in data.parts
        ]
        train = TaskDatasets(tuple(kept for kept, _ in halves))
        valid = tuple(cut for _, cut in halves if cut is not None)
        return train, TaskDatasets(valid) if valid else None

    def _is_chosen_by(self, part: TaskDataset) -> bool:
        """Whether anything would be chosen by held-out texts of a task."""
        has_thresholds = sp.issparse(part.targets) and isinstance(self.threshold, str)
        return self.patience is not None or has_thresholds

    # -- the network -----------------------------------------------------------------------------

    def _network_class(self) -> type[nn.Module]:
        return MTLE

    def _network_options(  # type: ignore[override]
        self, targets: dict[Any, Task], vocabulary: Vocabulary
    ) -> dict[str, Any]:
        return {
            "n_words": len(vocabulary),
            "label_words": [
                [[vocabulary[word] for word in words] for words in task.label_words]
                for task in targets.values()
            ],
            "embedding_dim": self.embedding_dim,
            "encoder": self.encoder,
            "hidden_size": self.hidden_size,
            "pooling": self.pooling,
            "matcher": self.matcher,
            "matcher_size": self.matcher_size,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "multilabel": [task.multilabel for task in targets.values()],
        }

    def _numbers_per_token(self, options: dict[str, Any], targets: Any) -> int:
        states = 10 * int(options["hidden_size"]) if options["encoder"] == "bilstm" else 0
        most = max(task.targets.n_labels for task in targets.values())
        return max(most, int(options["embedding_dim"]) + states)

    def _net_arguments(self, targets: Any, encoded: Any) -> dict[str, Any]:
        return {
            "criterion": TaskLoss,
            "criterion__multilabel": [task.multilabel for task in targets.values()],
            "criterion__class_weight": _loss_weights(targets),
            "iterator_train": TaskBatches,
            "iterator_train__sampling": self.task_sampling,
            "iterator_valid": TaskBatches,
        }

    def _has_same_loss(self, targets: Any, previous: dict[str, Any]) -> bool:
        now, before = _loss_weights(targets), _loss_weights(previous["tasks_"])
        return now.keys() == before.keys() and all(
            np.array_equal(now[number], before[number]) for number in now
        )

    def _encode_first(
        self,
        documents: list[str],
        previous: dict[str, Any] | None,
        further_words: Sequence[str] = (),
    ) -> tuple[Vocabulary, TokenIds]:
        vocabulary, token_ids = super()._encode_first(documents, previous, further_words)
        rare = token_ids.unknown_words
        if self.vectors is None or self.max_features is not None or not rare:
            return vocabulary, token_ids
        # A word may be too rare to be learnt here and still have a vector that says what it means.
        found = have_vectors(rare, self.vectors)
        larger = vocabulary.extended(word for word, has in zip(rare, found, strict=True) if has)
        unknown = tuple(word for word, has in zip(rare, found, strict=True) if not has)
        places = {word: len(larger) + i for i, word in enumerate(unknown)}
        ids = [*range(len(vocabulary)), *(places.get(word) or larger.id(word) for word in rare)]
        new_ids = np.array(ids, dtype=token_ids.ids.dtype)[token_ids.ids]
        return larger, TokenIds(new_ids, token_ids.offsets, unknown)

    @torch.no_grad()
    def _initialize_network(
        self, network: nn.Module, targets: Any, vocabulary: Vocabulary, train: Any
    ) -> None:
        network = cast(MTLE, network)
        self._start_words(network, vocabulary, 0, _counts(train, vocabulary))
        sets = [part.targets for part in train.parts if sp.issparse(part.targets)]
        if sets and isinstance(network.matcher, CosineMatcher):
            # Most labels are not those of a text; a softmax does not see what all scores have.
            shares = [(codes.nnz + 1) / (np.prod(codes.shape) + 2) for codes in sets]
            network.matcher.bias.fill_(float(np.mean(logit(shares))))
        # Nothing can be said of a word that nobody has seen.
        network.embedding.weight[UNKNOWN_ID] = 0
        if self.encoder == "mean":
            network.log_weight.weight[UNKNOWN_ID] = math.log(COMMON / (COMMON + 1))

    def _initialize_new_words(
        self, network: nn.Module, vocabulary: Vocabulary, train: Any, previous: dict[str, Any]
    ) -> None:
        first = len(previous["vocabulary_"])
        self._start_words(cast(MTLE, network), vocabulary, first, _counts(train, vocabulary))

    @torch.no_grad()
    def _start_words(
        self, network: MTLE, vocabulary: Vocabulary, first: int, counts: np.ndarray
    ) -> None:
        """Let the words from an id on start from their pretrained vectors, in both tables."""
        if self.vectors is None or first == len(vocabulary):
            return
        with warnings.catch_warnings():
            if first:  # That none of a few new words has a vector is nothing to be warned of.
                warnings.simplefilter("ignore", UserWarning)
            values, found = vectors_of(
                vocabulary, self.vectors, most_dimensions=self.embedding_dim, first=first
            )
        if not found.any() and not network.vector_scale:
            return
        own, width = counts[first:], values.shape[1]
        vectors = torch.from_numpy(values[found]).to(network.embedding.weight)
        if not network.vector_scale:
            # What all words have in common, by how often they occur, says nothing about a text.
            if own[found].any():
                mean = np.average(values[found], axis=0, weights=own[found])
                network.vector_mean[:width] = torch.from_numpy(mean)
            spread = float((vectors - network.vector_mean[:width]).std(correction=0))
            network.vector_scale.fill_(WORD_STD / spread if spread > 1e-9 else 1.0)
        vectors = (vectors - network.vector_mean[:width]) * network.vector_scale
        with_vector, without = (
            torch.from_numpy(first + np.flatnonzero(which)).to(vectors.device)
            for which in (found, ~found)
        )
        for table in (network.embedding, network.label_embedding):
            table.weight[with_vector, :width] = vectors
            table.weight[without] *= WITHOUT_VECTOR
        if self.encoder == "mean":
            share = torch.from_numpy(own / max(1, counts.sum())).to(vectors)
            network.log_weight.weight[first:, 0] = (COMMON / (COMMON + share)).log()

    @torch.no_grad()
    def _complete_network(self, learnt: dict[str, Any]) -> None:
        """Let words that no label was trained with mean in labels what they mean in texts."""
        network = cast(MTLE, learnt["net_"].module_)
        vocabulary = learnt["vocabulary_"]
        trained = {name: task for name, task in learnt["tasks_"].items() if task.trained}
        words = torch.ones(len(vocabulary), dtype=torch.bool)
        words[[vocabulary[word] for word in self._words_beside_texts(trained)]] = False
        words = words.to(network.embedding.weight.device)
        network.label_embedding.weight[words] = network.embedding.weight[words]

    # -- what is learnt from the validation split ------------------------------------------------

    def _validation_callback(self, learnt: dict[str, Any]) -> ValidationScore:
        return TaskScores(validation_score)

    def _learn_decisions(self, valid: Any, learnt: dict[str, Any]) -> dict[str, Any]:
        tasks = dict(learnt["tasks_"])
        names = list(tasks)
        for part in valid.parts:
            task = tasks[names[part.task]]
            if task.multilabel and isinstance(self.threshold, str):
                logits = learnt["net_"].predict_logits(TaskDatasets((part,)))
                tuned = tuned_thresholds(part.targets, logits, self.threshold_shrinkage)
                tasks[task.name] = replace(task, thresholds=tuned)
        return {"tasks_": tasks}

    # -- a task without samples ------------------------------------------------------------------

    def _with_task(self, task: Task, previous: dict[str, Any]) -> dict[str, Any]:
        """What changes when a task comes that has no samples."""
        tasks = {**previous["tasks_"], task.name: task}
        vocabulary = previous["vocabulary_"].extended(self._words_beside_texts({task.name: task}))
        now = self._network_options(tasks, vocabulary)
        options = dict(previous["_network_arguments"])
        # Whatever else has been set since the fit is none of a new task's business.
        options |= {name: now[name] for name in ("n_words", "label_words", "multilabel")}
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        device = str(previous["net_"].device)
        with isolated_randomness(seed, device):
            net = self._net_of_parts(
                self._parts_of_net(previous["net_"]), options, options, tasks, device
            )
            copy_weights(previous["net_"].module_, net.module_, self._word_tables)
            self._initialize_new_words(net.module_, vocabulary, None, previous)
        net.history = previous["net_"].history
        return {
            "tasks_": tasks,
            "vocabulary_": vocabulary,
            "net_": net,
            "_network_arguments": options,
        }


@contextlib.contextmanager
def _naming(name: Any, tasks: Mapping[Any, Any]) -> Iterator[None]:
    """Let an error say which task it is about; that of a plain fit has no name."""
    try:
        yield
    except ValueError as error:
        if name == DEFAULT_TASK and len(tasks) == 1:
            raise
        raise ValueError(f"Task {name!r}: {error}") from error


def _loss_weights(tasks: Mapping[Any, Task]) -> dict[int, np.ndarray]:
    """Weights of labels by the numbers of the tasks that have any."""
    return {
        number: task.class_weight
        for number, task in enumerate(tasks.values())
        if task.class_weight is not None
    }


def _counts(train: Any, vocabulary: Vocabulary) -> np.ndarray:
    """How often each id occurs in the training texts."""
    counts = np.zeros(len(vocabulary), dtype=np.int64)
    for part in train.parts if train is not None else ():
        ids = part.token_ids.ids
        known = np.where(ids < len(vocabulary), ids, UNKNOWN_ID)
        counts += np.bincount(known, minlength=len(vocabulary))
    return counts
