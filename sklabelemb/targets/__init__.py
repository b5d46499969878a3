"""The forms of ``y``, labels by name, and the way back."""

from sklabelemb.lazy import public_names
from sklabelemb.targets.forms import FRAMES, as_indicator, is_indicator, n_dimensions
from sklabelemb.targets.names import (
    are_values,
    as_names,
    column_names,
    names_of,
    positions,
    rearranged,
    shown,
)
from sklabelemb.targets.targets import Targets

__all__ = [
    "FRAMES",
    "Targets",
    "are_values",
    "as_indicator",
    "as_names",
    "column_names",
    "is_indicator",
    "n_dimensions",
    "names_of",
    "positions",
    "rearranged",
    "shown",
]

__dir__ = public_names(__name__)
