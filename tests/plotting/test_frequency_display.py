"""F1 of rare and frequent labels: bars of several classifiers."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.metrics import f1_by_label_frequency
from sklabelemb.plotting import F1ByFrequencyDisplay

from .conftest import Known, legend, nothing_is_cut


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_bars_are_the_groups_f1(frame, scores, texts, average):
    models = {"one": Known(scores), "other": Known(1 - scores)}
    display = F1ByFrequencyDisplay.from_estimator(
        models, texts, frame, y_train=frame, n_groups=3, average=average
    )
    bars = np.array([[bar.get_height() for bar in group] for group in display.ax_.containers])
    for row, model in zip(bars, models.values(), strict=True):
        groups = f1_by_label_frequency(frame, model.predict(texts), y_train=frame, n_groups=3)
        np.testing.assert_allclose(row, getattr(groups, f"{average}_f1"))
    assert legend(display.ax_) == ["one", "other"]
    assert display.ax_.get_ylabel() == f"{average}-F1"
    [*ticks] = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks[-1] == f"{frame.delivery.sum()}\n(1 label)"
    nothing_is_cut(display.figure_)


def test_what_is_refused(frame, scores):
    with pytest.raises(ValueError, match="average must be"):
        F1ByFrequencyDisplay.from_predictions(frame, frame, y_train=frame, average="samples")
    with pytest.raises(ValueError, match="nothing to draw"):
        F1ByFrequencyDisplay.from_predictions(frame, {}, y_train=frame)
