"""Axes, colours and shortened names for all displays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.optional import import_optional

__all__ = ["DARK", "PALE", "RUST", "SERIES", "TEAL", "axes_for", "bare", "column_labels", "short"]

DARK, PALE, RUST, TEAL = "#30415d", "#9db9d6", "#b3472e", "#1d6f5c"
# Colours that can be distinguished with any kind of colour vision (after Okabe and Ito).
SERIES = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00"),
    *("#56b4e9", "#444444", "#e69f00", "#7b3fa0", "#7fbf3f"),
)


def axes_for(ax: Any, what: str, width: float, height: float, n: int = 1) -> Any:
    """The axes to draw on: those given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of them, or None
    what : str
        What is drawn, for the message if matplotlib is missing.
    width, height : float
        Of a new figure, in inches.
    n : int, default=1
        Number of axes, side by side.

    Returns
    -------
    matplotlib Axes, or an ndarray of them for ``n > 1``

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        When the number of given axes is not `n`.
    """
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose=f"The picture of {what}")
    if ax is None:
        return pyplot.subplots(1, n, figsize=(width, height), layout="constrained")[1]
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) != n:
        raise ValueError(
            f"The picture of {what} has {n} part{'s' if n > 1 else ''}, so ax must hold {n} Axes, "
            f"but it holds {len(given)}."
        )
    return given if n > 1 else given[0]


def bare(ax: Any) -> None:
    """Remove the top and right spines."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def short(name: Any, most: int = 28) -> str:
    """A name that fits beside an axis, with dollar signs escaped."""
    text = " ".join(str(name).split()).replace("$", r"\$")
    return text if len(text) <= most else text[: most - 1] + "…"


def column_labels(ax: Any, names: Sequence[Any], most: int = 28) -> None:
    """Write names below columns, rotated if they would overlap."""
    shown = [short(name, most) for name in names]
    ax.set_xticks(np.arange(len(shown)), shown, rotation=90 if len(shown) > 8 else 40)
    if len(shown) <= 8:
        for text in ax.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
