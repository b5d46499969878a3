"""Precision against recall: curves, order of labels, and the decisions on them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from sklabelemb.plotting import PrecisionRecallByLabelDisplay

from .conftest import NAMES, Known, legend, nothing_is_cut


def test_curves_and_decisions(frame, scores, texts):
    own = np.array([0.5, 0.4, 0.6])
    display = PrecisionRecallByLabelDisplay.from_estimator(Known(scores, own), texts, frame)
    assert display.names == NAMES  # the most frequent first
    ap = average_precision_score(frame, scores, average=None)
    np.testing.assert_allclose(display.average_precision, ap)
    predicted = scores >= own
    np.testing.assert_allclose(
        display.decisions,
        np.column_stack(
            [
                recall_score(frame, predicted, average=None),
                precision_score(frame, predicted, average=None),
            ]
        ),
    )
    dots = [line for line in display.ax_.lines if line.get_gid() == "decision"]
    for dot, decision in zip(dots, display.decisions, strict=True):
        np.testing.assert_array_equal(np.ravel(dot.get_data()), decision)
    assert legend(display.ax_)[0] == f"delivery  ({ap[0]:.2f}, n = {frame.delivery.sum()})"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("recall", "precision")
    nothing_is_cut(display.figure_)


def test_lines_of_equal_f1(frame, scores):
    display = PrecisionRecallByLabelDisplay.from_predictions(frame, scores)
    equal = [line for line in display.ax_.lines if line.get_gid() == "equal F1"]
    for line, f1 in zip(equal, (0.2, 0.4, 0.6, 0.8), strict=True):
        recall, precision = line.get_data()
        np.testing.assert_allclose(2 * precision * recall / (precision + recall), f1)


def test_labels_without_positives_are_left_out(frame, scores):
    frame["refund"] = 0
    display = PrecisionRecallByLabelDisplay.from_predictions(frame, scores)
    assert display.names == ["delivery", "account"]
    with pytest.raises(ValueError, match="None of the labels has a positive text"):
        PrecisionRecallByLabelDisplay.from_predictions(frame, scores, labels="refund")
