"""A fit, step by step, from a corpus to a model; and the update of an existing model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklabelemb.device import resolved_device
from sklabelemb.learning.batches import TaskDatasets, TextDataset
from sklabelemb.learning.beside import BesidePaths
from sklabelemb.learning.build import net_for
from sklabelemb.learning.callbacks import BestWeights, GradientClipping
from sklabelemb.learning.corpus import Corpus
from sklabelemb.learning.embedded import embedded
from sklabelemb.learning.model import Model
from sklabelemb.learning.net import TextNet, watchers
from sklabelemb.learning.optimizers import halving, warmup_then_decay
from sklabelemb.learning.randomness import isolated_randomness
from sklabelemb.learning.recipe import Recipe
from sklabelemb.learning.training_state import Checkpoint
from sklabelemb.model_selection import stratified_holdout

__all__ = ["fit", "update"]

# With fewer validation samples than this, a score says more about them than about the model.
MIN_VALIDATION_SAMPLES = 10

Watch = Callable[[Model, int], list[Any]]


def fit(
    recipe: Recipe,
    corpus: Corpus,
    previous: Model | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Model:
    """Train a model.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    previous : Model, default=None
        A model from whose weights training begins; it is not changed.
    watch : callable, default=None
        ``watch(model, n_steps)`` gives callbacks that follow the training of the model.
    checkpoint : Checkpoint, default=None
        Where an interrupted fit resumes from, and where epochs are saved.

    Raises
    ------
    FloatingPointError
        When the loss is no longer a number.
    MemoryError
        When the GPU's memory is exhausted.
    """
    settings = recipe.settings
    seed, split_seed = _seeds(settings.random_state)
    if checkpoint is not None:
        seed, split_seed = checkpoint.seeds((seed, split_seed))
    device = resolved_device(settings.device)
    split = _split(recipe, corpus, split_seed)
    vocabulary, token_ids = recipe.words(corpus, previous, corpus.trained_on(split))
    encoder = recipe.frozen_encoder(previous)
    token_ids = embedded(recipe, token_ids, corpus.documents, encoder)
    data = corpus.parts(token_ids, len(vocabulary))
    halves = list(zip(data.parts, split.values(), strict=True))
    kept = [part.subset(kept) for part, (kept, _) in halves]
    cut = [part.subset(cut) for part, (_, cut) in halves if len(cut)]
    train = _as_read(kept, recipe, corpus, vocabulary, training=True)

    with isolated_randomness(seed, device):
        net, options = net_for(recipe, corpus.tasks, vocabulary, train, device, previous, False)
        model = Model(recipe, corpus.tasks, vocabulary, options, net, encoder=encoder)
        cut += _given_parts(corpus, model)
        valid = _as_read(cut, recipe, corpus, vocabulary, training=False) if cut else None
        n_batches = len(net.get_iterator(train, training=True))
        epochs = settings.max_epochs
        if isinstance(epochs, str):
            epochs = recipe.budget(corpus.trained).epochs(n_batches)
        best = None
        if valid is not None and settings.patience is not None:
            best = BestWeights("valid_score", patience=settings.patience)
        callbacks = [
            halving(n_batches)
            if recipe.schedule == "halving"
            else warmup_then_decay(n_batches * epochs, settings.warmup),
            *_clipping(recipe),
            *([] if valid is None else [recipe.readout(model).validation_score()]),
            *([] if best is None else [best]),
            *([] if watch is None else watch(model, n_batches * epochs)),
        ]
        if valid is None:
            _warn_about_watchers(net)
        net.train_on(train, valid, epochs, callbacks, recipe.readout(model), checkpoint)
        recipe.finish(net.module_, corpus.tasks, vocabulary)
    model = replace(model, best_epoch=best.best_epoch_ if best else len(net.history))

    with isolated_randomness(seed, device):
        beside = BesidePaths(model, data, seed)
        rows = [kept for kept, _ in split.values()]
        model = beside.trained(model, rows)
        if valid is not None:
            model = recipe.readout(model).with_decisions(valid)
            # The thresholds are settled, so the held-out texts may now be trained on, but never a
            # validation set.
            model = beside.trained_again(model, rows)
        return beside.settled_by_folds(model, valid is not None, split_seed, corpus.validated)


def update(recipe: Recipe, corpus: Corpus, previous: Model | None) -> Model:
    """Train a model for one more epoch, at a constant learning rate; nothing is held out.

    Parameters
    ----------
    recipe : Recipe
        The parameters as they are now.
    corpus : Corpus
    previous : Model or None
        It is not changed. None: start from an untrained model.
    """
    # Each manual epoch is a new one.
    done = len(previous.net.history) if previous else 0
    seed, _ = _seeds(recipe.settings.random_state, skipped=2 * done)
    device = resolved_device(recipe.settings.device)
    vocabulary, token_ids = recipe.words(corpus, previous)
    encoder = recipe.frozen_encoder(previous)
    token_ids = embedded(recipe, token_ids, corpus.documents, encoder)
    data = corpus.parts(token_ids, len(vocabulary))
    train = _as_read(data.parts, recipe, corpus, vocabulary, training=True)
    with isolated_randomness(seed, device):
        net, options = net_for(recipe, corpus.tasks, vocabulary, train, device, previous, True)
        model = Model(recipe, corpus.tasks, vocabulary, options, net, encoder=encoder)
        net.train_on(train, None, 1, _clipping(recipe), recipe.readout(model))
        recipe.finish(net.module_, corpus.tasks, vocabulary)
    model = replace(model, best_epoch=len(net.history))
    with isolated_randomness(seed, device):
        begun = [name for name, task in previous.tasks.items() if task.trained] if previous else []
        return BesidePaths(model, data, seed).updated(model, begun)


def _seeds(random_state: Any, skipped: int = 0) -> tuple[int, int]:
    """Seeds of the training and of the split."""
    random = check_random_state(random_state)
    if skipped:
        random.randint(np.iinfo(np.int32).max, size=skipped)
    first, second = (int(random.randint(np.iinfo(np.int32).max)) for _ in range(2))
    return first, second


def _split(recipe: Recipe, corpus: Corpus, seed: int) -> dict[Any, tuple[np.ndarray, np.ndarray]]:
    """For each task, which samples are trained on, and which are held out."""
    fraction = recipe.settings.validation_fraction
    split = {}
    for name, some in corpus.samples.items():
        counted = some.counted
        n_samples = counted.shape[0]
        kept, cut = np.arange(n_samples), np.empty(0, dtype=np.int64)
        holds_out = name not in corpus.validated and recipe.holds_out(corpus.tasks[name])
        if holds_out and n_samples * fraction >= MIN_VALIDATION_SAMPLES:
            kept, cut = stratified_holdout(counted, fraction, seed)
        if len(cut) < MIN_VALIDATION_SAMPLES:
            kept, cut = np.arange(n_samples), np.empty(0, dtype=np.int64)
        split[name] = kept, cut
    return split


def _given_parts(corpus: Corpus, model: Model) -> tuple[TextDataset, ...]:
    """The validation sets, read like texts at prediction time."""
    given = corpus.validation
    if given is None:
        return ()
    token_ids = model.recipe.readout(model).encode(given.documents)
    return given.parts(token_ids, len(model.vocabulary)).parts


def _as_read(
    parts: Iterable[TextDataset], recipe: Recipe, corpus: Corpus, vocabulary: Any, training: bool
) -> TaskDatasets:
    """The texts as the network reads them."""
    tasks = list(corpus.tasks.values())
    return TaskDatasets(
        tuple(recipe.dataset(part, tasks[part.task], vocabulary, training) for part in parts)
    )


def _warn_about_watchers(net: TextNet) -> None:
    for name, watched in watchers(net.callbacks_).items():
        warnings.warn(
            f"The callback {name} in net_params watches {watched!r}, but no texts are held out, so "
            "it does nothing. With validation_fraction=0.1 some are, from 100 texts on; or pass "
            "X_val and y_val to fit; or let it watch 'train_loss'.",
            UserWarning,
            stacklevel=3,
        )


def _clipping(recipe: Recipe) -> list[Any]:
    return [] if recipe.max_grad_norm is None else [GradientClipping(recipe.max_grad_norm)]
