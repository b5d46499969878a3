"""What folders of format version 1 say, in the words of version 2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklabelemb.learning.task import DEFAULT_TASK, texts_of_labels

__all__ = ["upgraded", "with_label_texts"]

# What a task of version 1 did not have; a model of one task had it elsewhere.
_NEW_IN_TASKS: dict[str, Any] = {
    "max_labels": None,
    "label_order": None,
    "linear": None,
    "mixture": {"$Mixture": {"deep": 0.6, "wide": 2.0, "offset": 0.4}},
}


def upgraded(description: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """The description of a model that was written by format version 1, as version 2 has it.

    Parameters
    ----------
    description : dict
    tensors : dict
        Loses what was kept twice.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is not what version 1 wrote.
    """
    learnt = description["learnt"]
    net = learnt["net_"]
    if "tasks_" in learnt:
        tasks = _with_new_fields(learnt["tasks_"])
        for name in [name for name in tensors if name.startswith("net_.class_weight")]:
            del tensors[name]  # the tasks have it, too
    else:
        task = {
            "name": "default",
            "targets": learnt["targets_"],
            # See `with_label_texts`.
            "label_texts": None,
            "label_words": [],
            "thresholds": learnt["thresholds_"],
            "min_labels": learnt["min_labels_"],
            "trained": True,
            "class_weight": net["class_weight"],
            "max_labels": learnt.get("max_labels_"),
            "label_order": learnt.get("label_order_"),
            "linear": learnt["wide_"],
            "mixture": learnt["mixture_"],
        }
        tasks = {"default": {"$Task": task}}
    model = {
        "tasks": tasks,
        "options": learnt["_network_arguments"],
        "module": net["module"],
        "weights": net["weights"],
        "batch_size": 128 if (size := description["parameters"]["batch_size"]) == "auto" else size,
        "iterator_valid": net["iterator_valid"],
        "history": learnt["history_"],
        "best_epoch": learnt["best_epoch_"],
    }
    if "frozen" in net:
        model["frozen"] = net["frozen"]
    fitted = {}
    if learnt.get("encoder_name_") is not None:
        fitted["encoder"] = learnt["encoder_name_"]
    rest = {name: value for name, value in description.items() if name != "learnt"}
    return rest | {"model": model, "fitted_parameters": fitted}


def with_label_texts(parts: dict[str, Any], label_texts: Any) -> None:
    """Put in the texts of the labels of a plain fit, which version 1 kept as a parameter only."""
    task = parts["tasks"].get(DEFAULT_TASK)
    if task is not None and task.label_texts is None:
        texts = texts_of_labels(label_texts, DEFAULT_TASK, task.targets)
        parts["tasks"][DEFAULT_TASK] = replace(task, label_texts=texts)


def _with_new_fields(tasks: dict[str, Any]) -> dict[str, Any]:
    if "$dict" in tasks:
        return {"$dict": [[name, _with_new_field(task)] for name, task in tasks["$dict"]]}
    return {name: _with_new_field(task) for name, task in tasks.items()}


def _with_new_field(task: dict[str, Any]) -> dict[str, Any]:
    return {"$Task": {**task["$Task"], **_NEW_IN_TASKS}}
