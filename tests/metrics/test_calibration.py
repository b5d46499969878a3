"""Calibration errors, against loops and scikit-learn's calibration curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.calibration import calibration_curve

from sklabelemb.metrics import checks, expected_calibration_error


def data(seed, n_labels=None):
    """Probabilities many of which are equal, 0, or on the edge of a bin; one label is empty."""
    random = np.random.RandomState(seed)
    n_samples, n_labels = random.randint(1, 25), n_labels or random.randint(1, 6)
    y = random.randint(0, 2, size=(n_samples, n_labels))
    y[:, random.randint(n_labels)] *= random.randint(2)
    proba = random.choice([0, 0.1, 0.2, 0.25, 1 / 3, 0.5, 0.6, 0.9, 1], size=y.shape)
    return y, np.where(random.rand(*y.shape) < 0.3, random.rand(*y.shape), proba)


def literal(truth, proba, n_bins, strategy):
    """For one list of pairs."""
    truth, proba = list(truth), list(proba)
    n = len(proba)
    bins = {}
    for y, p in zip(truth, proba, strict=True):
        if strategy == "uniform":
            # As in scikit-learn: above the left edge, up to the right one.
            inner = np.linspace(0, 1, n_bins + 1)[1:-1]
            place = sum(1 for edge in inner if p > edge)
        else:
            lower, equal = sum(q < p for q in proba), sum(q == p for q in proba)
            place = (2 * lower + equal) * n_bins // (2 * n)
        bins.setdefault(place, []).append((y, p))
    return sum(
        len(inside) / n * abs(np.mean([y for y, _ in inside]) - np.mean([p for _, p in inside]))
        for inside in bins.values()
    )


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("seed", range(25))
def test_against_loops(seed, strategy, monkeypatch):
    y, proba = data(seed)
    # Some of the zeros are stored, the others are not.
    some = (proba == 0) & (np.arange(len(y)) % 2 == 0)[:, np.newaxis]
    stored_zeros = sp.csr_array(np.where(some, 7, proba))
    stored_zeros.data[stored_zeros.data == 7] = 0
    forms = [
        (y, proba),
        (sp.csr_matrix(y), proba),
        (sp.csr_array(y), sp.csr_array(proba)),
        (y, sp.csc_matrix(proba)),
        (y.astype(bool), stored_zeros),
        (pd.DataFrame(y), pd.DataFrame(proba)),
        (y.tolist(), proba.tolist()),
    ]
    # Two forms at a time, one of them plain: a few seeds take them all.
    forms = [forms[0], forms[1 + seed % 6]]
    for n_bins in (1, 2, 5, 15):
        labels = [literal(y[:, j], proba[:, j], n_bins, strategy) for j in range(y.shape[1])]
        expected = {
            None: np.array(labels),
            "macro": np.mean(labels),
            "micro": literal(y.ravel(), proba.ravel(), n_bins, strategy),
        }
        for average, value in expected.items():
            options = {"n_bins": n_bins, "strategy": strategy, "average": average}
            for block in (checks.BLOCK, 1):
                monkeypatch.setattr(checks, "BLOCK", block)
                for truth, p in forms:
                    result = expected_calibration_error(truth, p, **options)
                    assert result == pytest.approx(value, abs=1e-12)
            monkeypatch.undo()


@pytest.mark.parametrize("n_bins", [2, 5, 10, 15])
def test_against_the_calibration_curve(n_bins):
    random = np.random.RandomState(0)
    proba = np.round(random.rand(400), 2)
    proba[:3] = [0, 1, 0.5]
    y = (random.rand(400) < proba**2).astype(int)
    observed, predicted = calibration_curve(y, proba, n_bins=n_bins)
    edges = np.linspace(0, 1, n_bins + 1)
    size = np.bincount(np.searchsorted(edges[1:-1], proba), minlength=n_bins)
    expected = np.sum(size[size > 0] / 400 * np.abs(observed - predicted))
    result = expected_calibration_error(y[:, np.newaxis], proba[:, np.newaxis], n_bins=n_bins)
    assert result == pytest.approx(expected)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_order_does_not_matter(strategy):
    y, proba = data(2, n_labels=4)
    options = {"n_bins": 3, "strategy": strategy}
    random = np.random.RandomState(0)
    rows, columns = random.permutation(len(y)), random.permutation(4)
    for average in ("macro", "micro"):
        assert expected_calibration_error(
            y[rows][:, columns], proba[rows][:, columns], average=average, **options
        ) == pytest.approx(expected_calibration_error(y, proba, average=average, **options))


def test_quantile_bins_are_of_equal_size():
    # Two bins of two samples: |1/2 - 0.15| and |1 - 0.35|, half each.
    y = np.array([[1], [0], [1], [1]])
    proba = np.array([[0.1], [0.2], [0.3], [0.4]])
    result = expected_calibration_error(y, proba, n_bins=2, strategy="quantile")
    assert result == pytest.approx((0.35 + 0.65) / 2)


def test_zeros_share_a_bin_whether_stored_or_not():
    y = np.array([[1, 0, 0, 0], [0, 1, 0, 1]])
    proba = np.array([[0, 0, 0, 0], [0, 0, 0.5, 0.75]])
    stored_zeros = sp.csr_array(np.array([[7, 7, 7, 7], [0, 0, 0.5, 0.75]]))
    stored_zeros.data[stored_zeros.data == 7] = 0
    assert stored_zeros.nnz == 6
    expected = literal(y.ravel(), proba.ravel(), 2, "quantile")
    for given in (proba, sp.csr_array(proba), stored_zeros):
        assert expected_calibration_error(
            y, given, n_bins=2, strategy="quantile", average="micro"
        ) == pytest.approx(expected)


def test_its_ends():
    y = np.array([[1, 0], [0, 0], [1, 0]])
    for average in ("macro", "micro"):
        assert expected_calibration_error(y, y.astype(float), average=average) == 0.0
        assert expected_calibration_error(y, 1.0 - y, average=average) == 1.0
    assert isinstance(expected_calibration_error(y, y), float)
    # A label without positives has its mean probability for an error.
    proba = np.array([[0.1], [0.4], [0.7]])
    assert expected_calibration_error(y[:, 1:], proba) == pytest.approx(0.4)
    assert expected_calibration_error(y, sp.csr_array(y.shape), average=None) == pytest.approx(
        [2 / 3, 0]
    )


def test_refused():
    y, proba = np.eye(3, dtype=int), np.random.RandomState(0).rand(3, 3)
    with pytest.raises(ValueError, match=r"y_true has 3 samples .* has 2"):
        expected_calibration_error(y, proba[:2])
    with pytest.raises(ValueError, match=r"y_true has 3 labels .* has 2"):
        expected_calibration_error(y, proba[:, :2])
    with pytest.raises(ValueError, match="average must be 'macro', 'micro' or None"):
        expected_calibration_error(y, proba, average="samples")
    with pytest.raises(ValueError, match="strategy must be 'uniform' or 'quantile', but got 'k'"):
        expected_calibration_error(y, proba, strategy="k")
    for n_bins in (0, 1.5, True):
        with pytest.raises(ValueError, match="n_bins must be a whole number of at least 1"):
            expected_calibration_error(y, proba, n_bins=n_bins)
    for bad in (-0.25, 1.5):
        proba[1, 2] = bad
        for given in (proba, sp.csr_array(proba)):
            with pytest.raises(ValueError, match=f"{bad}.* predict_proba"):
                expected_calibration_error(y, given)
    proba[1, 2] = np.nan
    with pytest.raises(ValueError, match="1 NaN, the first in row 1"):
        expected_calibration_error(y, proba)
