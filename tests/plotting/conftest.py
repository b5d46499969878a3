"""What the tests of pictures share: figures in memory, and a classifier that knows its answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

NAMES = ["delivery", "refund", "account"]


class Known:
    """A classifier that answers with rows of scores; a text is the number of its row."""

    def __init__(self, scores: np.ndarray, thresholds: Any = None) -> None:
        self.scores = scores
        if thresholds is not None:
            self.thresholds_ = thresholds

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.scores[[int(text) for text in X]]

    def predict(self, X: Any) -> np.ndarray:
        return (self.predict_proba(X) >= 0.5).astype(int)


@pytest.fixture(autouse=True)
def _no_windows() -> Iterator[None]:
    """Figures stay in memory, and are closed."""
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(before)


@pytest.fixture
def frame() -> pd.DataFrame:
    """120 texts with three labels, the first the most frequent."""
    random = np.random.default_rng(0)
    return pd.DataFrame(random.random((120, 3)) < [0.5, 0.3, 0.1], columns=NAMES).astype(int)


@pytest.fixture
def scores(frame: pd.DataFrame) -> np.ndarray:
    """Probabilities that know something."""
    random = np.random.default_rng(1)
    return np.clip(0.25 + 0.4 * frame.to_numpy() + random.normal(0, 0.15, frame.shape), 0.01, 0.99)


@pytest.fixture
def texts(frame: pd.DataFrame) -> list[str]:
    return [str(row) for row in range(len(frame))]


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def nothing_is_cut(figure: Any) -> None:
    """All words of a figure lie inside it."""
    figure.canvas.draw()
    box = figure.bbox
    for ax in figure.axes:
        shown = [ax.title, ax.xaxis.label, ax.yaxis.label]
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            # Ticks beyond the limits are there, and not drawn.
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
            shown += [text for at, text in ticks if min(limits) <= at <= max(limits)]
        if ax.get_legend():
            shown += ax.get_legend().get_texts()
        for text in shown:
            if text.get_text() and text.get_visible():
                own = text.get_window_extent()
                cut = min(own.x0 - box.x0, box.x1 - own.x1, own.y0 - box.y0, box.y1 - own.y1)
                assert cut >= -1, text.get_text()
