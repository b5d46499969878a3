"""Learning curves: what a history holds, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.plotting import LearningDisplay

from .conftest import legend, nothing_is_cut

HISTORY = [
    {"epoch": i, "train_loss": 1 / i, "valid_loss": 1.2 / i, "valid_score": 1 - 0.5 / i}
    for i in range(1, 6)
]


def test_losses_and_score():
    display = LearningDisplay.from_history(HISTORY, best_epoch=4)
    lines = {line.get_label(): line for line in display.ax_.lines}
    np.testing.assert_allclose(lines["training loss"].get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert lines["weights kept: epoch 4"].get_xdata() == [4, 4]
    [score] = display.score_ax_.lines
    assert score.get_ydata()[-1] == 0.9
    assert display.ax_.get_xlabel() == "epoch"
    assert len(legend(display.ax_)) == 4
    nothing_is_cut(display.figure_)


def test_without_held_out_texts():
    display = LearningDisplay.from_history([{"epoch": 1, "train_loss": 0.5}])
    assert display.score_ax_ is None
    assert legend(display.ax_) == ["training loss"]


def test_what_is_refused():
    with pytest.raises(ValueError, match="no epoch"):
        LearningDisplay.from_history([])
    with pytest.raises(ValueError, match="object has no history_"):
        LearningDisplay.from_estimator(object())


def test_micro_f1_is_shown_where_the_history_has_it():
    rows = [{**row, "valid_score": 1.2, "valid_micro_f1": 0.1 * row["epoch"]} for row in HISTORY]
    display = LearningDisplay.from_history(rows)
    assert display.score_name == "micro-F1 of held-out texts"
    [score] = display.score_ax_.lines
    assert score.get_ydata()[0] == 0.1
    # an older model has the score alone, which may be above 1
    older = LearningDisplay.from_history([{**row, "valid_score": 1.2} for row in HISTORY])
    assert older.score_name == "validation score"
    assert older.score_ax_.get_ylim()[1] > 1.2
