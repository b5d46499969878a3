"""Co-occurrence: three maps, their scales and their names."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.metrics import conditional_cooccurrence
from sklabelemb.plotting import LabelCooccurrenceDisplay

from .conftest import NAMES, Known, nothing_is_cut


def test_truth_prediction_and_difference(frame, scores, texts):
    display = LabelCooccurrenceDisplay.from_estimator(Known(scores), texts, frame)
    truth, prediction = (conditional_cooccurrence(y) for y in (frame, scores >= 0.5))
    np.testing.assert_allclose(display.difference, prediction - truth)
    titles = [ax.get_title() for ax in display.ax_]
    assert titles == ["truth", "prediction", "prediction minus truth"]
    shown = [np.asarray(ax.images[0].get_array()) for ax in display.ax_]
    away = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(shown[0][away], truth[away])
    np.testing.assert_allclose(shown[2][away], (prediction - truth)[away])
    # Truth and prediction have one scale, and the difference has 0 in the middle.
    assert display.ax_[0].images[0].get_clim() == display.ax_[1].images[0].get_clim()
    low, high = display.ax_[2].images[0].get_clim()
    assert low == -high
    assert [text.get_text() for text in display.ax_[0].get_yticklabels()] == NAMES
    nothing_is_cut(display.figure_)


def test_one_part_and_some_labels(frame, scores):
    display = LabelCooccurrenceDisplay.from_predictions(
        frame, scores >= 0.5, labels=["account", "refund"], part="difference"
    )
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["account", "refund"]
    whole = conditional_cooccurrence(frame)
    np.testing.assert_allclose(display.truth[0, 1], whole[2, 1])
    with pytest.raises(ValueError, match="part must be"):
        display.plot(part="both")
    with pytest.raises(ValueError, match="3 parts, so ax must hold 3 Axes"):
        display.plot(ax=display.ax_)
