"""What folders of format version 6 say, in the words of version 7."""

from __future__ import annotations

from typing import Any

from sklabelemb.persistence.version_2 import with_each_task

__all__ = ["upgraded"]


def upgraded(description: dict[str, Any]) -> dict[str, Any]:
    """The description of a model that was written by format version 4 to 6, as version 7 has it.

    If too few labels reached their thresholds, those with the nearest probabilities were added; now
    it is those with the nearest logits.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is not what these versions wrote.
    """
    return with_each_task(description, _nearest_by_probabilities)


def _nearest_by_probabilities(task: dict[str, Any]) -> dict[str, Any]:
    return {"$Task": {**task["$Task"], "nearest_by": "scores"}}
