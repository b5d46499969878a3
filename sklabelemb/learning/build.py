"""The net of a fit: made anew, or from that of a previous fit."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from typing import Any

from sklabelemb.device import explained_memory_errors
from sklabelemb.learning.batches import TaskDatasets
from sklabelemb.learning.carry_over import copy_moments, copy_weights
from sklabelemb.learning.model import Model
from sklabelemb.learning.net import TextNet
from sklabelemb.learning.optimizers import SplitAdam, sparse_pays
from sklabelemb.learning.processes import n_processes
from sklabelemb.learning.randomness import isolated_randomness
from sklabelemb.learning.recipe import Recipe
from sklabelemb.learning.task import Task

__all__ = ["make_net", "net_for"]


def net_for(
    recipe: Recipe,
    tasks: Mapping[Any, Task],
    vocabulary: Any,
    train: TaskDatasets,
    device: str,
    previous: Model | None,
    update: bool,
) -> tuple[TextNet, dict[str, Any]]:
    """A net ready to train, and the options of its network.

    Only this function decides what carries over from a previous fit: all weights, with additional
    rows for new words. An update (one more epoch) also carries over the history and the moments of
    the optimiser. Everything else follows the current parameters.
    """
    options = recipe.options(tasks, vocabulary)
    if "sparse" in inspect.signature(recipe.network).parameters:
        net_params = recipe.settings.net_params or {}
        # What processes add up is dense.
        alone = n_processes(net_params.get("accelerator")) == 1
        dim = int(options["embedding_dim"])
        pays = sparse_pays(len(vocabulary), dim, device)
        options["sparse"] = pays and alone and "optimizer" not in net_params
    if previous is None:
        net = make_net(recipe, options, tasks, device, train)
        recipe.start(net.module_, tasks, vocabulary, train)
        return net, options
    same = update and options == previous.options
    # Weights that are replaced anyway should draw no random numbers.
    with isolated_randomness(0, device) if same else contextlib.nullcontext():
        usual = previous.net.batch_size if update else None
        net = make_net(recipe, options, tasks, device, train, usual)
    copy_weights(
        previous.net.module_, net.module_, recipe.word_tables, task_parts=recipe.task_parts
    )
    if update:
        net.history.extend(previous.net.history)
        copy_moments(previous.net, net)
    recipe.start(net.module_, tasks, vocabulary, train, first=len(previous.vocabulary))
    return net, options


def make_net(
    recipe: Recipe,
    options: Mapping[str, Any],
    tasks: Mapping[Any, Task],
    device: str,
    train: TaskDatasets | None = None,
    usual_batch_size: int | None = None,
    **further: Any,
) -> TextNet:
    """An initialised skorch net; everything in it is built from classes, never from instances.

    Parameters
    ----------
    recipe, options, tasks, device
    train : TaskDatasets, default=None
        What it will be trained on.
    usual_batch_size : int, default=None
        What ``batch_size="auto"`` means if `train` is only a part of the corpus.
    **further
        Arguments of the net that go before all others.
    """
    settings = recipe.settings
    batch_size = settings.batch_size
    if isinstance(batch_size, str):
        n_samples = 0 if train is None else len(train)
        batch_size = usual_batch_size or recipe.budget(tasks).batch_size(n_samples)
    arguments: dict[str, Any] = {
        **{f"module__{name}": value for name, value in options.items()},
        "optimizer": SplitAdam,
        "optimizer__weight_decay": settings.weight_decay,
        "lr": settings.learning_rate,
        "batch_size": batch_size,
        "iterator_valid__batch_size": max(batch_size, 256),
        "mixed_precision": settings.mixed_precision,
        "device": device,
        "verbose": 0,
        "callbacks__print_log": None,
        **recipe.net_arguments(tasks, train, device),
    }
    if options.get("sparse"):
        arguments["optimizer__param_groups"] = [
            (f"{table}.weight", {"sparse": True}) for table in recipe.word_tables
        ]
    net_params = dict(settings.net_params or {})
    if "optimizer" in net_params:
        arguments.pop("optimizer__weight_decay")
    if "criterion" in net_params:
        arguments.pop("criterion__losses")
    net = TextNet(recipe.network, **(arguments | net_params | further))
    with explained_memory_errors(device):
        return net.initialize()
