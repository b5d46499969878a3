"""The named metrics are scikit-learn's, on every resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, f1_score, hamming_loss

from sklabelemb.comparison.ratios import (
    CLASS_METRICS,
    INDICATOR_METRICS,
    class_ratio,
    indicator_ratio,
)

SHAPES = [(30, 5), (12, 40), (7, 2), (2, 3), (50, 1)]


def indicators(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two indicators with empty rows, empty columns and columns that are empty in one of them."""
    rng = np.random.default_rng(seed)
    truth, prediction = (rng.random((2, *shape)) < rng.choice([0.1, 0.5])).astype(int)
    truth[rng.integers(shape[0])] = 0
    prediction[rng.integers(shape[0])] = 0
    truth[:, rng.integers(shape[1])] = 0
    prediction[:, rng.integers(shape[1])] = 0
    return truth, prediction


def literal(metric: str, truth: np.ndarray, prediction: np.ndarray) -> float:
    """The metric from its definition, cell by cell."""
    n_samples, n_labels = truth.shape
    cells = [(i, j) for i in range(n_samples) for j in range(n_labels)]

    def f1(chosen: list[tuple[int, int]]) -> float:
        tp = sum(1 for c in chosen if truth[c] and prediction[c])
        fp = sum(1 for c in chosen if not truth[c] and prediction[c])
        fn = sum(1 for c in chosen if truth[c] and not prediction[c])
        return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0

    if metric == "micro_f1":
        return f1(cells)
    if metric == "macro_f1":
        return sum(f1([c for c in cells if c[1] == j]) for j in range(n_labels)) / n_labels
    if metric == "samples_f1":
        return sum(f1([c for c in cells if c[0] == i]) for i in range(n_samples)) / n_samples
    if metric == "hamming_loss":
        return sum(1 for c in cells if truth[c] != prediction[c]) / len(cells)
    return sum(1 for i in range(n_samples) if list(truth[i]) == list(prediction[i])) / n_samples


@pytest.mark.parametrize("metric", INDICATOR_METRICS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_an_indicator_metric_is_its_definition_on_the_rows_drawn(
    metric: str, shape: tuple[int, int], seed: int
) -> None:
    truth, prediction = indicators(seed, shape)
    rows = np.random.default_rng(seed).integers(shape[0], size=(6, shape[0]))
    counts = np.column_stack([np.bincount(r, minlength=shape[0]) for r in rows]).astype(float)
    ratio = indicator_ratio(metric, sp.csr_matrix(truth), sp.csr_matrix(prediction))
    expected = [literal(metric, truth[r], prediction[r]) for r in rows]
    np.testing.assert_allclose(ratio.score(counts), expected, rtol=0, atol=1e-13)


SCIKIT_LEARN: dict[str, Callable[..., float]] = {
    "micro_f1": lambda t, p: f1_score(t, p, average="micro", zero_division=0),
    "macro_f1": lambda t, p: f1_score(t, p, average="macro", zero_division=0),
    "samples_f1": lambda t, p: f1_score(t, p, average="samples", zero_division=0),
    "hamming_loss": hamming_loss,
    "subset_accuracy": accuracy_score,
    "accuracy": accuracy_score,
}


@pytest.mark.parametrize("metric", INDICATOR_METRICS)
@pytest.mark.parametrize("seed", range(10))
def test_an_indicator_metric_is_scikit_learns(metric: str, seed: int) -> None:
    # Two labels or more: a single column is a binary problem to scikit-learn.
    truth, prediction = indicators(seed, SHAPES[seed % 4])
    ratio = indicator_ratio(metric, sp.csr_matrix(truth), sp.csr_matrix(prediction))
    score = ratio.score(np.ones((len(truth), 1)))[0]
    assert score == pytest.approx(SCIKIT_LEARN[metric](truth, prediction), abs=1e-13)


@pytest.mark.parametrize("metric", CLASS_METRICS)
@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c", "d", "e"], [3, 5, 8]])
@pytest.mark.parametrize("seed", range(5))
def test_a_class_metric_is_scikit_learns_on_the_rows_drawn(
    metric: str, classes: list[object], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # Few texts, so that resamples lack classes; the last class is predicted only.
    truth = rng.choice(np.array(classes)[:-1], size=12)
    prediction = np.where(rng.random(12) < 0.5, truth, rng.choice(classes, size=12))
    rows = rng.integers(12, size=(8, 12))
    counts = np.column_stack([np.bincount(r, minlength=12) for r in rows]).astype(float)
    expected = [SCIKIT_LEARN[metric](truth[r], prediction[r]) for r in rows]
    scores = class_ratio(metric, truth, prediction).score(counts)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-13)


def test_nothing_true_and_nothing_predicted_scores_zero() -> None:
    nothing = sp.csr_matrix((4, 3))
    for metric in ("micro_f1", "macro_f1", "samples_f1"):
        assert indicator_ratio(metric, nothing, nothing).score(np.ones((4, 1))) == 0
