"""The critical-difference diagram: what it shows, where, and that nothing lies on anything else."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

from sklabelemb.comparison import CriticalDifferenceDisplay, compare_classifiers

LONG = "a rather long name of a classifier, number"


@pytest.fixture(autouse=True)
def _no_windows() -> Iterator[None]:
    """Figures stay in memory, and are closed."""
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(before)


def comparison(k: int, n: int = 12, seed: int = 0, long: bool = False) -> Any:
    rng = np.random.default_rng(seed)
    scores = rng.random((n, k)) + np.linspace(0, 1.2, k)
    names = [f"{LONG} {j}" if long else f"m{j}" for j in range(k)]
    return compare_classifiers(scores, classifiers=names)


def boxes(display: CriticalDifferenceDisplay) -> list[Any]:
    display.figure_.canvas.draw()
    return [text.get_window_extent() for text in display.ax_.texts]


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("k", [2, 3, 5, 8, 12])
def test_no_text_lies_on_another_or_outside(k: int, long: bool) -> None:
    for n in (3, 25):
        display = comparison(k, n, long=long).plot()
        extents = boxes(display)
        assert len(extents) == k + k + 1 + (k > 2)  # names, numbers, title, CD
        for one, other in itertools.combinations(extents, 2):
            assert not one.overlaps(other)
        figure = display.figure_.bbox
        for box in extents:
            assert figure.x0 <= box.x0 <= box.x1 <= figure.x1
            assert figure.y0 <= box.y0 <= box.y1 <= figure.y1


@pytest.mark.parametrize("k", [2, 3, 5, 8, 12])
def test_names_are_tied_to_their_ranks(k: int) -> None:
    result = comparison(k, seed=k)
    display = result.plot()
    by_label = {text.get_text(): text for text in display.ax_.texts}
    elbows = [line for line in display.ax_.lines if len(line.get_xdata()) == 3]
    assert len(elbows) == k
    order = np.argsort(result.average_ranks, kind="stable")
    for place, (line, j) in enumerate(zip(elbows, order, strict=True)):
        rank = result.average_ranks[j]
        text = by_label[f"{result.classifiers[j]} ({rank:.2f})"]
        x, y = line.get_xdata(), line.get_ydata()
        assert (x[0], x[1]) == (rank, rank)
        assert (y[0], y[1]) == (0, text.get_position()[1])
        left = place < (k + 1) // 2
        assert (x[2] < 1) == left
        assert (x[2] > k) == (not left)
        assert text.get_horizontalalignment() == ("right" if left else "left")
    # No line crosses another: on either side, the outer ranks have the upper rows.
    rows = [line.get_ydata()[1] for line in elbows]
    half = (k + 1) // 2
    assert rows[:half] == sorted(rows[:half])
    assert rows[half:] == sorted(rows[half:], reverse=True)


@pytest.mark.parametrize("k", [3, 6, 12])
@pytest.mark.parametrize("seed", range(8))
def test_bars_lie_over_their_groups(k: int, seed: int) -> None:
    result = comparison(k, seed=seed)
    display = result.plot()
    bars = [line for line in display.ax_.lines if line.get_gid() == "group"]
    # A bar covers the lines of its group and no other line.
    covered = {
        tuple(low < rank < high for rank in result.average_ranks)
        for low, high in (bar.get_xdata() for bar in bars)
    }
    assert covered == {
        tuple(name in group for name in result.classifiers) for group in result.groups
    }
    assert len(bars) == len(result.groups)
    for one, other in itertools.combinations(bars, 2):  # bars of one height do not touch
        if one.get_ydata()[0] == other.get_ydata()[0]:
            (a, b), (c, d) = one.get_xdata(), other.get_xdata()
            assert b < c or d < a
    elbows = [line for line in display.ax_.lines if len(line.get_xdata()) == 3]
    assert max((b.get_ydata()[0] for b in bars), default=0) < min(e.get_ydata()[1] for e in elbows)


def test_the_critical_difference_has_its_length() -> None:
    result = comparison(5)
    display = result.plot()
    (bar,) = [li for li in display.ax_.lines if li.get_gid() == "critical difference"]
    assert np.ptp(bar.get_xdata()) == pytest.approx(result.critical_difference)
    assert f"CD = {result.critical_difference:.2f}" in [t.get_text() for t in display.ax_.texts]
    low, high = display.ax_.get_xlim()
    assert low < 1 < 1 + result.critical_difference < high


def test_a_critical_difference_longer_than_the_axis_fits() -> None:
    result = compare_classifiers(
        np.random.default_rng(0).random((2, 3)), classifiers="abc", alpha=0.001
    )
    assert result.critical_difference > 3
    display = result.plot()
    assert display.ax_.get_xlim()[1] > 1 + result.critical_difference
    assert all(box.x1 <= display.figure_.bbox.x1 for box in boxes(display))


def test_two_classifiers_have_no_critical_difference() -> None:
    display = comparison(2).plot()
    assert not any("CD" in text.get_text() for text in display.ax_.texts)


def test_given_axes_are_used_and_names_get_smaller() -> None:
    import matplotlib.pyplot as plt

    figure, (one, other) = plt.subplots(2, 1, figsize=(7, 5))
    display = comparison(6, long=True).plot(ax=one)
    assert display.ax_ is one
    assert display.figure_ is figure
    assert figure.get_size_inches().tolist() == [7, 5]
    short = comparison(4).plot(ax=other)
    assert one.texts[0].get_fontsize() < other.texts[0].get_fontsize()
    for drawn in (display, short):
        for a, b in itertools.combinations(boxes(drawn), 2):
            assert not a.overlaps(b)


def test_names_are_no_formulas() -> None:
    display = CriticalDifferenceDisplay(["$x_1$ and $y", "b_c"], [1.2, 1.8]).plot()
    boxes(display)
    assert "$x_1$ and $y (1.20)" in [text.get_text() for text in display.ax_.texts]


def test_equal_ranks() -> None:
    display = compare_classifiers(np.ones((6, 5)), classifiers="abcde").plot()
    for one, other in itertools.combinations(boxes(display), 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize(("names", "ranks"), [(["a"], [1.0]), (["a", "b"], [1.0, 2.0, 3.0])])
def test_bad_ranks(names: list[str], ranks: list[float]) -> None:
    with pytest.raises(ValueError, match="two classifiers or more, and one average rank for each"):
        CriticalDifferenceDisplay(names, ranks).plot()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    result = comparison(3)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"The picture of a comparison needs matplotlib, .*plot"):
        result.plot()
