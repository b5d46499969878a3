"""What folders of format version 2 say, in the words of version 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["upgraded", "with_each_task"]


def upgraded(description: dict[str, Any]) -> dict[str, Any]:
    """The description of a model that was written by format version 2, as version 3 has it.

    Targets of version 2 did not record whether the labels were named, nor the names of column
    levels of a DataFrame.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is not what version 2 wrote.
    """
    return with_each_task(description, _with_new_fields)


def with_each_task(
    description: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """The description with every task of the model changed."""
    model = description["model"]
    tasks = model["tasks"]
    if "$dict" in tasks:
        tasks = {"$dict": [[name, change(task)] for name, task in tasks["$dict"]]}
    else:
        tasks = {name: change(task) for name, task in tasks.items()}
    return description | {"model": model | {"tasks": tasks}}


def _with_new_fields(task: dict[str, Any]) -> dict[str, Any]:
    fields = task["$Task"]
    targets = fields["targets"]["$Targets"]
    names = targets["label_names"]["$array"]["values"]
    by_number = names == list(range(len(names)))
    is_frame = targets["container"] in ("pandas", "polars")
    named = is_frame or not (targets["multilabel"] and by_number)
    new = {**targets, "named": named, "levels": {"$tuple": []}}
    return {"$Task": {**fields, "targets": {"$Targets": new}}}
