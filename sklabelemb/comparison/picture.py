"""The critical-difference diagram."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklabelemb.optional import import_optional

__all__ = ["CriticalDifferenceDisplay"]

# Lengths in inches, for a figure of our own; in rows of text, where they are heights.
AXIS_WIDTH = 4.0
MARGIN = 0.12
ROW_HEIGHT = 1.7  # times the size of the letters
TICK = 0.16
FIRST_BAR = 0.55
BAR_STEP = 0.45
BRACKET = -1.75  # where the bar of the critical difference lies, above the numbers of the axis
OVERHANG = 0.02  # of a bar over its first and last line, as a share of the axis, at most
SMALLEST_LETTERS = 5.0


class CriticalDifferenceDisplay:
    """Critical-difference diagram: average ranks, with a bar over classifiers that do not differ.

    The best classifier is at the left. :meth:`ClassifierComparison.plot
    <sklabelemb.comparison.ClassifierComparison.plot>` makes and draws it.

    Parameters
    ----------
    classifiers : sequence of str, length n_classifiers
    average_ranks : array-like of shape (n_classifiers,)
    groups : sequence of sequence of str
        Sets of classifiers that get a common bar.
    critical_difference : float or None, default=None
        Drawn as a bar above the axis; None: not drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    References
    ----------
    .. [1] J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of
       Machine Learning Research 7, 2006, section 3.2.4.

    Examples
    --------
    >>> from sklabelemb.comparison import CriticalDifferenceDisplay
    >>> display = CriticalDifferenceDisplay(
    ...     classifiers=["LEAM", "chain", "linear"],
    ...     average_ranks=[1.2, 1.9, 2.9],
    ...     groups=[("LEAM", "chain")],
    ...     critical_difference=0.96,
    ... )
    >>> from matplotlib.figure import Figure
    >>> ax = Figure(figsize=(6, 2)).add_subplot()
    >>> display.plot(ax=ax).ax_ is ax
    True
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        classifiers: Any,
        average_ranks: Any,
        groups: Any = (),
        critical_difference: float | None = None,
    ) -> None:
        self.classifiers = classifiers
        self.average_ranks = average_ranks
        self.groups = groups
        self.critical_difference = critical_difference

    def plot(self, ax: Any = None) -> CriticalDifferenceDisplay:
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; names that are too long for it get smaller letters. By default a new
            figure that is as large as the names need.

        Returns
        -------
        CriticalDifferenceDisplay
            This object, with `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When there is not one average rank for each of two or more classifiers.
        """
        ranks = np.asarray(self.average_ranks, dtype=np.float64)
        if ranks.shape != (len(self.classifiers),) or len(ranks) < 2:
            raise ValueError(
                "A picture needs two classifiers or more, and one average rank for each, but there "
                f"are {len(self.classifiers)} classifiers and average_ranks has shape "
                f"{ranks.shape}."
            )
        order = np.argsort(ranks, kind="stable")
        names = [str(self.classifiers[j]) for j in order]
        ranks = ranks[order]
        overhang = OVERHANG * (len(names) - 1)
        bars = _stack([_span(group, names, ranks, overhang) for group in self.groups], 2 * overhang)
        n_left = (len(names) + 1) // 2
        top_row = FIRST_BAR + BAR_STEP * (1 + max((level for *_, level in bars), default=-1)) + 0.55
        # Left: the best on top. Right: the last on top. So no line crosses another.
        rows = [
            top_row + i if i < n_left else top_row + len(names) - 1 - i for i in range(len(names))
        ]
        top = (BRACKET if self.critical_difference is not None else -1.0) - 0.9
        bottom = top_row + n_left - 0.4

        own = ax is None
        if own:
            pyplot = import_optional(
                "matplotlib.pyplot", extra="plot", purpose="The picture of a comparison"
            )
            _, ax = pyplot.subplots(layout="none")
        self.ax_, self.figure_ = ax, ax.figure
        texts = [
            ax.text(0, row, f"{name} ({rank:.2f})", va="center", parse_math=False)
            for name, rank, row in zip(names, ranks, rows, strict=True)
        ]
        # It stands beside the axis, over the names at the left.
        texts.insert(0, ax.text(0, 0, "average rank", va="center"))
        self._fit(texts, n_left + 1, height=bottom - top, own=own)
        ax.set_ylim(bottom, top)
        self._draw_axis(len(names), texts.pop(0))
        for i, (text, rank, row) in enumerate(zip(texts, ranks, rows, strict=True)):
            end = self._edges[0] if i < n_left else self._edges[1]
            ax.plot([rank, rank, end], [0, row, row], color="0.35", linewidth=0.9, zorder=1)
            text.set_x(end + (-1 if i < n_left else 1) * self._gap)
            text.set_horizontalalignment("right" if i < n_left else "left")
        for low, high, level in bars:
            height = FIRST_BAR + BAR_STEP * level
            ax.plot(
                [low, high],
                [height, height],
                color="black",
                linewidth=3.5,
                solid_capstyle="butt",
                zorder=3,
                gid="group",
            )
        return self

    def _fit(self, texts: list[Any], n_left: int, *, height: float, own: bool) -> None:
        """Make room for the names: a larger figure, or smaller letters where the axes are given."""
        ax, figure = self.ax_, self.figure_
        n_ranks = len(self.classifiers)
        widths = _widths(texts)
        left, right = max(widths[:n_left]), max(widths[n_left:])
        if own:
            letters = texts[0].get_fontsize() / 72
            width = left + right + AXIS_WIDTH + 4 * MARGIN
            figure.set_size_inches(width, height * ROW_HEIGHT * letters)
            ax.set_position((0, 0, 1, 1))
            axis_width = AXIS_WIDTH
        else:
            box = ax.get_window_extent()
            width = box.width / figure.dpi
            size = texts[0].get_fontsize()
            fitting = min(
                size,
                size * (0.6 * width - 4 * MARGIN) / (left + right),
                72 * box.height / figure.dpi / height / 1.2,
            )
            for text in texts:
                text.set_fontsize(max(SMALLEST_LETTERS, fitting))
            widths = _widths(texts)
            left, right = max(widths[:n_left]), max(widths[n_left:])
            axis_width = max(width - left - right - 4 * MARGIN, 0.2 * width)
        unit = (n_ranks - 1) / axis_width  # ranks in one inch
        self._gap = 0.5 * MARGIN * unit
        self._edges = 1 - MARGIN * unit, n_ranks + MARGIN * unit
        low, high = 1 - (left + 2 * MARGIN) * unit, n_ranks + (right + 2 * MARGIN) * unit
        if self.critical_difference is not None:
            high = max(high, 1 + self.critical_difference + MARGIN * unit)
        ax.set_xlim(low, high)

    def _draw_axis(self, n_ranks: int, title: Any) -> None:
        """The line of ranks with its numbers, and the length of the critical difference."""
        ax = self.ax_
        ax.set_axis_off()
        line = {"color": "black", "linewidth": 1.0, "zorder": 2}
        above = {"ha": "center", "va": "bottom", "fontsize": title.get_fontsize()}
        title.set(x=self._edges[0] - self._gap, horizontalalignment="right")
        ax.plot([1, n_ranks], [0, 0], **line)
        for rank in range(1, n_ranks + 1):
            ax.plot([rank, rank], [-2 * TICK, 0], **line)
            ax.text(rank, -2 * TICK - 0.1, str(rank), **above)
            if rank < n_ranks:
                ax.plot([rank + 0.5, rank + 0.5], [-TICK, 0], **line)
        if self.critical_difference is not None:
            end = 1 + self.critical_difference
            ax.plot([1, end], [BRACKET, BRACKET], gid="critical difference", **line)
            for x in (1, end):
                ax.plot([x, x], [BRACKET - TICK, BRACKET + TICK], **line)
            ax.text(
                (1 + end) / 2,
                BRACKET - 0.1,
                f"CD = {self.critical_difference:.2f}",
                **above,
            )


def _widths(texts: list[Any]) -> list[float]:
    """In inches."""
    return [text.get_window_extent().width / text.figure.dpi for text in texts]


def _span(group: Any, names: list[str], ranks: np.ndarray, overhang: float) -> tuple[float, float]:
    """From where to where a bar goes: a little over its members, but never to the next line."""
    members = [ranks[names.index(str(name))] for name in group]
    low, high = min(members), max(members)
    before = np.max(ranks[ranks < low], initial=-np.inf)
    after = np.min(ranks[ranks > high], initial=np.inf)
    return (
        float(low - min(overhang, 0.4 * (low - before))),
        float(high + min(overhang, 0.4 * (after - high))),
    )


def _stack(spans: list[tuple[float, float]], clearance: float) -> list[tuple[float, float, int]]:
    """A level for each bar, such that the bars of a level keep a distance of `clearance`."""
    ends: list[float] = []
    stacked = []
    for low, high in sorted(spans):
        level = next((i for i, end in enumerate(ends) if low > end + clearance), len(ends))
        if level == len(ends):
            ends.append(high)
        ends[level] = high
        stacked.append((low, high, level))
    return stacked
