"""Reliability: bins, errors, and several classifiers on the same axes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from sklabelemb.metrics import expected_calibration_error
from sklabelemb.plotting import ReliabilityDisplay

from .conftest import Known, legend, nothing_is_cut


def test_the_curve_is_scikit_learns(frame, scores, texts):
    display = ReliabilityDisplay.from_estimator(Known(scores), texts, frame)
    observed, predicted = calibration_curve(frame.to_numpy().ravel(), scores.ravel(), n_bins=10)
    np.testing.assert_allclose(display.observed[0], observed)
    np.testing.assert_allclose(display.predicted[0], predicted)
    assert display.counts[0].sum() == scores.size
    error = expected_calibration_error(frame, scores, n_bins=10, average="micro")
    np.testing.assert_allclose(display.errors, [error])
    assert legend(display.ax_) == ["calibrated", f"all labels  (error {error:.3f})"]
    nothing_is_cut(display.figure_)


def test_labels_and_a_second_display_on_the_same_axes(frame, scores):
    first = ReliabilityDisplay.from_predictions(frame, scores, labels=["refund", "account"])
    errors = expected_calibration_error(frame, scores, n_bins=10, average=None)
    np.testing.assert_allclose(first.errors, errors[[1, 2]])
    second = ReliabilityDisplay.from_predictions(frame, scores**2, name="squared", ax=first.ax_)
    assert second.ax_ is first.ax_
    curves = [line for line in second.ax_.lines if line.get_gid() == "reliability"]
    assert len({line.get_color() for line in curves}) == 3
    assert [text.split("  ")[0] for text in legend(second.ax_)] == [
        "calibrated",
        "refund",
        "account",
        "squared",
    ]


def test_what_is_refused(frame, scores):
    with pytest.raises(ValueError, match="must hold probabilities"):
        ReliabilityDisplay.from_predictions(frame, 3 * scores)
    with pytest.raises(ValueError, match="n_bins"):
        ReliabilityDisplay.from_predictions(frame, scores, n_bins=0)
