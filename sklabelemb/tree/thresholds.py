"""Initial thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklabelemb.learning.first_decisions import first_thresholds
from sklabelemb.targets import Targets

__all__ = ["thresholds_at_first"]


def thresholds_at_first(threshold: Any, targets: Targets) -> np.ndarray | None:
    """Thresholds as asked for, or 0.5; None for single classes.

    Raises
    ------
    ValueError
        When a dict names unknown labels, or `threshold` is invalid.
    """
    if isinstance(threshold, Mapping):
        known = {*targets.label_names.tolist()}
        if unknown := [name for name in threshold if name not in known]:
            raise ValueError(
                f"threshold names labels that y does not have: {sorted(map(repr, unknown))}. "
                f"Its labels are {targets.label_names[:10].tolist()}."
            )
    return first_thresholds(threshold, targets, None)
