"""Names beside points, placed so that they do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["without_overlap"]

# Candidate offsets of a name from its point, in points: the nearest free one is used.
DISTANCES = (7, 14, 22, 32, 44, 58, 74, 95, 120, 150)
DIRECTIONS = 16
# The cost of overlapping another name, or of leaving the axes, in overlapped points.
ON_A_NAME, OUTSIDE = 5, 10


def without_overlap(
    ax: Any, names: Sequence[str], places: np.ndarray, colours: Sequence[Any]
) -> list[Any]:
    """Write names beside points, without covering other names or points.

    Parameters
    ----------
    ax : matplotlib Axes
        Its limits must be set.
    names : sequence of str, length n
    places : ndarray of shape (n, 2)
        In the units of the data.
    colours : sequence, length n

    Returns
    -------
    list of matplotlib Annotation
    """
    figure = ax.figure
    figure.draw_without_rendering()
    points = ax.transData.transform(places)
    frame = ax.get_window_extent()
    scale = figure.dpi / 72
    taken: list[tuple[float, float, float, float]] = []
    star = 5 * scale
    stars = [(x - star, y - star, x + star, y + star) for x, y in points]
    written = []
    for i, name in enumerate(names):
        text = ax.annotate(
            name,
            places[i],
            fontsize=8.5,
            fontweight="bold",
            color="#111111",
            ha="center",
            va="center",
            zorder=5,
            bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": colours[i], "alpha": 0.85},
            xytext=(0, 0),
            textcoords="offset points",
        )
        box = text.get_window_extent()
        half = np.array([box.width, box.height]) / 2 + 3 * scale
        best, fewest = (0.0, 0.0), np.inf
        for shift in _shifts(half / scale):
            middle = points[i] + np.array(shift) * scale
            own = (*(middle - half), *(middle + half))
            outside = (
                own[0] < frame.x0 or own[1] < frame.y0 or own[2] > frame.x1 or own[3] > frame.y1
            )
            crossed = OUTSIDE * outside + sum(_overlap(own, star) for star in stars)
            crossed += ON_A_NAME * sum(_overlap(own, name) for name in taken)
            if crossed < fewest:
                best, fewest, chosen = shift, crossed, own
            if not crossed:
                break
        text.set_position(best)
        taken.append(chosen)
        far = np.abs(np.array(best)).max() > half.max() / scale + DISTANCES[1]
        if far:
            ax.annotate(
                "",
                places[i],
                xytext=best,
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": colours[i], "lw": 0.8},
                zorder=4,
            )
        written.append(text)
    return written


def _shifts(half: np.ndarray) -> list[tuple[float, float]]:
    """Candidate positions of a name's centre around its point, the nearest first."""
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    return [
        (
            float(np.cos(angle) * (half[0] + distance)),
            float(np.sin(angle) * (half[1] + distance)),
        )
        for distance in DISTANCES
        for angle in angles
    ]


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
