"""What folders of format version 3 say, in the words of version 4."""

from __future__ import annotations

from typing import Any

from sklabelemb.persistence.version_2 import with_each_task

__all__ = ["upgraded"]


def upgraded(description: dict[str, Any]) -> dict[str, Any]:
    """The description of a model that was written by format version 3, as version 4 has it.

    Models of version 3 had no frozen encoder beside the network, and no labels were added.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is not what version 3 wrote.
    """
    description = with_each_task(description, _with_new_fields)
    return description | {"model": description["model"] | {"encoder": None}}


def _with_new_fields(task: dict[str, Any]) -> dict[str, Any]:
    fields = task["$Task"]
    mixture = {**fields["mixture"]["$Mixture"], "encoded": 0.0, "by_label": None}
    new = {"mixture": {"$Mixture": mixture}, "encoded": None, "added": None}
    return {"$Task": {**fields, **new}}
