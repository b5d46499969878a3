"""Several classifiers on one test set: figures, corrected p-values, and the picture."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest

from sklabelemb.comparison import DifferenceDisplay, compare_on_test, paired_bootstrap

random = np.random.default_rng(0)
Y = random.integers(2, size=(200, 4))


def wrong(share: float, seed: int) -> np.ndarray:
    flipped = np.random.default_rng(seed).random(Y.shape) < share
    return np.where(flipped, 1 - Y, Y)


PREDICTIONS = {"base": wrong(0.2, 1), "good": wrong(0.05, 2), "same": wrong(0.2, 3)}


@pytest.fixture(autouse=True)
def _no_windows() -> Iterator[None]:
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(before)


def test_each_is_compared_with_the_baseline_on_the_same_resamples():
    found = compare_on_test(PREDICTIONS, Y, n_resamples=200, random_state=3)
    assert list(found.differences) == ["good", "same"]
    alone = paired_bootstrap(
        Y, PREDICTIONS["good"], PREDICTIONS["base"], n_resamples=200, random_state=3
    )
    assert found.differences["good"] == alone
    assert found.scores == {
        "base": alone.score_b,
        "good": alone.score_a,
        "same": found.differences["same"].score_a,
    }
    other = compare_on_test(PREDICTIONS, Y, baseline="same", n_resamples=200)
    assert list(other.differences) == ["base", "good"]
    assert f"same  {found.scores['same']:.4f}  baseline" in str(other)


def test_p_values_are_corrected_for_their_number():
    found = compare_on_test(PREDICTIONS, Y, n_resamples=200)
    raw = {name: one.p_value for name, one in found.differences.items()}
    assert raw["good"] < raw["same"]
    assert found.p_values["good"] == pytest.approx(2 * raw["good"])
    assert found.p_values["same"] == pytest.approx(max(raw["same"], 2 * raw["good"]))


def test_the_picture_shows_intervals_and_what_they_mean():
    display = compare_on_test(PREDICTIONS, Y, n_resamples=200).plot()
    bars = [line for line in display.ax_.lines if len(line.get_xdata()) == 2][:2]
    for bar, low, high in zip(bars, display.low, display.high, strict=True):
        assert bar.get_xdata().tolist() == [low, high]
    better, unsure = (bar.get_color() for bar in bars)
    assert display.low[0] > 0 > display.low[1]
    assert better != unsure
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names[0].startswith("good  (0.9")
    assert "difference in micro-F1 from base" in display.ax_.get_xlabel()
    low, high = display.ax_.get_xlim()
    assert low == -high


def test_lower_may_be_better():
    display = DifferenceDisplay.from_predictions(
        PREDICTIONS, Y, metric="hamming_loss", n_resamples=200
    )
    assert display.high[0] < 0
    better = compare_on_test(PREDICTIONS, Y, n_resamples=200).plot().ax_.lines[0].get_color()
    assert display.ax_.lines[0].get_color() == better
    assert "lower is better" in display.ax_.get_title()


def test_what_is_refused():
    with pytest.raises(ValueError, match="two classifiers or more"):
        compare_on_test({"one": Y}, Y)
    with pytest.raises(ValueError, match="is not one of the classifiers"):
        compare_on_test(PREDICTIONS, Y, baseline="linear")
