"""F1, precision and recall over the threshold: the curves, and what is marked on them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from sklabelemb.plotting import ThresholdDisplay

from .conftest import NAMES, Known, legend, nothing_is_cut


def test_curves_are_scikit_learns_measures(frame, scores):
    display = ThresholdDisplay.from_predictions(frame, scores)
    for at in (0, 60, 130, len(display.thresholds) - 1):
        predicted = scores >= display.thresholds[at]
        for curve, measure in (
            (display.precision, precision_score),
            (display.recall, recall_score),
            (display.f1, f1_score),
        ):
            value = measure(frame, predicted, average="micro", zero_division=np.nan)
            if measure is f1_score and not predicted.any():
                value = 0.0
            np.testing.assert_allclose(curve[0, at], value, equal_nan=True)


def test_a_single_curve_shows_three_measures_and_the_threshold_in_use(frame, scores, texts):
    display = ThresholdDisplay.from_estimator(Known(scores, np.full(3, 0.4)), texts, frame)
    assert display.chosen.tolist() == [0.4]
    named = {line.get_label(): line for line in display.ax_.lines}
    assert {"precision", "recall", "F1"} <= set(named)
    np.testing.assert_array_equal(named["F1"].get_ydata(), display.f1[0])
    [in_use] = [label for label in named if label.startswith("in use")]
    assert in_use == f"in use: F1 {display.f1_at(0.4):.2f} at 0.40"
    assert named[in_use].get_xdata() == [0.4, 0.4]
    assert display.ax_.get_xlabel() == "threshold (probability)"
    nothing_is_cut(display.figure_)


def test_thresholds_of_the_labels_are_marked(frame, scores, texts):
    own = np.array([0.5, 0.4, np.inf])
    model = Known(scores, own)
    pooled = ThresholdDisplay.from_estimator(model, texts, frame)
    [ticks] = [line for line in pooled.ax_.lines if line.get_marker() == "|"]
    assert ticks.get_xdata().tolist() == [0.5, 0.4]
    assert pooled.f1_with_label_thresholds == f1_score(frame, scores >= own, average="micro")
    display = ThresholdDisplay.from_estimator(model, texts, frame, labels=NAMES)
    dots = [line for line in display.ax_.lines if line.get_gid() == "chosen"]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, 0.4]
    assert legend(display.ax_) == NAMES


def test_labels_go_by_name(frame, scores, texts):
    turned = frame[NAMES[::-1]]
    model = Known(scores[:, ::-1], np.array([0.1, 0.2, 0.3]))
    display = ThresholdDisplay.from_estimator(model, texts, turned, labels=["delivery"])
    assert display.names == ["delivery"]
    assert display.chosen.tolist() == [0.3]
    np.testing.assert_allclose(
        display.f1_at(0.5), f1_score(frame.delivery, scores[:, 0] >= 0.5), atol=0.02
    )
    most = ThresholdDisplay.from_predictions(frame, scores, labels=2)
    assert most.names == ["delivery", "refund"]
    with pytest.raises(ValueError, match=r"no label 'money'.*'delivery', 'refund', 'account'"):
        ThresholdDisplay.from_predictions(frame, scores, labels=["money"])


def test_decision_values_have_their_own_axis(frame, scores):
    display = ThresholdDisplay.from_predictions(
        frame, 10 * scores - 5, score_name="decision value", thresholds=0.0
    )
    low, high = display.ax_.get_xlim()
    assert low < -2
    assert high > 2
    assert "decision value" in display.ax_.get_xlabel()


def test_without_matplotlib(frame, scores, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"thresholds needs matplotlib, .*sklabelemb\[plot\]"):
        ThresholdDisplay.from_predictions(frame, scores)
