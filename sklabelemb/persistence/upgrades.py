"""Upgrade the descriptions of older formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklabelemb.persistence import version_1, version_2, version_3, version_6

__all__ = ["check_units", "up_to_date"]


def up_to_date(description: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """The description of a classifier with a network in the current format.

    Version 5 added how tensors were reduced to version 4; version 6 has the same fields.

    Parameters
    ----------
    description : dict
    tensors : dict
        Loses what version 1 kept twice.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is not what its version wrote.
    """
    version = description["format_version"]
    if version < 2:
        description = version_1.upgraded(description, tensors)
    if version < 3:
        description = version_2.upgraded(description)
    if version < 4:
        description = version_3.upgraded(description)
    if version < 7:
        description = version_6.upgraded(description)
    return description


def check_units(folder: Path, version: int, recipe: Any) -> None:
    """Check that a semantic-unit model computes its units as it did when it was fitted.

    Raises
    ------
    ValueError
        When it has a hierarchy from before version 6, which took the states of other words.
    """
    hierarchical = getattr(recipe, "hierarchical", None)
    if version < 6 and hierarchical is not None:
        raise ValueError(
            f"{folder} was written by an older sklabelemb (format {version}), in which the units "
            f"of hierarchical={hierarchical} were the states where their words begin. Now they are "
            "those where the words end, so this model would answer otherwise. Fit it again."
        )
