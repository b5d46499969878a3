"""Co-occurrence of labels, against counting and scipy's entropy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import entropy
from sklearn.exceptions import UndefinedMetricWarning

from sklabelemb.metrics import checks, conditional_cooccurrence, cooccurrence_divergence


def data(seed, n_labels=None):
    random = np.random.RandomState(seed)
    n_labels = n_labels or random.randint(2, 7)
    y = (random.rand(20, n_labels) < 0.35).astype(int)
    pred = np.where(random.rand(20, n_labels) < 0.8, y, 1 - y)
    y[0], y[1, :2] = 0, 1
    if n_labels > 2:
        y[:, 2] = 0
        pred[:, -1] = 0
    return y, pred


def count(y, a, b):
    return sum(1 for row in y.tolist() if row[a] and row[b])


def divergences(y, pred, s):
    n_labels = y.shape[1]
    values = []
    for a in range(n_labels):
        others = [b for b in range(n_labels) if b != a]
        if not any(count(y, a, b) for b in others):
            values.append(math.nan)
            continue
        # scipy divides by the sums
        p, q = ([count(z, a, b) + s for b in others] for z in (y, pred))
        values.append(float(entropy(p, q)))
    return np.array(values)


@pytest.mark.parametrize("seed", range(15))
def test_conditional(seed):
    y, _ = data(seed)
    n_labels = y.shape[1]
    for s in (0.0, 0.5, 1.0):
        expected = np.full((n_labels, n_labels), np.nan)
        for a in range(n_labels):
            n_a = count(y, a, a)
            for b in range(n_labels):
                if n_a + s:
                    expected[a, b] = 1 if a == b else (count(y, a, b) + s) / (n_a + 2 * s)
        for given in (y, sp.csr_matrix(y), sp.csr_array(y), pd.DataFrame(y), y.tolist()):
            result = conditional_cooccurrence(given, smoothing=s)
            assert result.dtype == np.float64
            assert result == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", range(20))
def test_divergence(seed, monkeypatch):
    y, pred = data(seed)
    n_labels = y.shape[1]
    n_a = y.sum(axis=0)
    forms = [
        (y, pred),
        (sp.csr_matrix(y), sp.csr_array(pred)),
        (pd.DataFrame(y), pd.DataFrame(pred)),
    ]
    # One form at a time: every three seeds take them all.
    truth, p = forms[seed % 3]
    for smoothing in (None, 0.1, 1.0):
        s = 1 / (n_labels - 1) if smoothing is None else smoothing
        expected = divergences(y, pred, s)
        some = ~np.isnan(expected)
        averages = {
            "weighted": np.average(expected[some], weights=n_a[some]),
            "macro": expected[some].mean(),
            None: expected,
        }
        for block in (checks.BLOCK, 1):
            monkeypatch.setattr(checks, "BLOCK", block)
            for average, value in averages.items():
                result = cooccurrence_divergence(truth, p, smoothing=smoothing, average=average)
                assert result == pytest.approx(value, abs=1e-12, nan_ok=True)
                assert np.all(np.nan_to_num(result) >= 0)
        monkeypatch.undo()


@pytest.mark.parametrize("seed", range(5))
def test_zero_for_equal_and_positive_for_others(seed):
    y, pred = data(seed, n_labels=5)
    for smoothing in (None, 1e-3, 1.0):
        assert cooccurrence_divergence(y, y, smoothing=smoothing) == 0.0
        assert cooccurrence_divergence(y, y[::-1], smoothing=smoothing) == 0.0
        assert cooccurrence_divergence(y, pred, smoothing=smoothing) > 0
    assert isinstance(cooccurrence_divergence(y, pred), float)
    order = np.random.RandomState(seed).permutation(5)
    assert cooccurrence_divergence(y[:, order], pred[:, order]) == pytest.approx(
        cooccurrence_divergence(y, pred)
    )


def test_predictions_without_pairs():
    y = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    # q is even: 1/2 each. p of label 0 is (2.5, 1.5) / 4.
    p = np.array([2.5, 1.5]) / 4
    value = cooccurrence_divergence(y, np.zeros_like(y), average=None)[0]
    assert value == pytest.approx(np.sum(p * np.log(2 * p)))


def test_two_labels_have_one_companion_each():
    y, pred = data(0, n_labels=2)
    assert cooccurrence_divergence(y, pred) == 0.0


@pytest.mark.parametrize("n_labels", [1, 3])
def test_undefined(n_labels):
    y = np.eye(n_labels, dtype=int)
    for average in ("weighted", "macro"):
        with pytest.warns(UndefinedMetricWarning, match="no sample in y_true has two") as caught:
            assert math.isnan(cooccurrence_divergence(y, np.ones_like(y), average=average))
        assert caught[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="no sample in y_true has two"):
        assert np.isnan(cooccurrence_divergence(y, y, average=None)).all()


def test_refused():
    y = np.array([[1, 1, 0], [0, 1, 1]])
    with pytest.raises(ValueError, match=r"y_true has 2 samples .* y_pred has 1"):
        cooccurrence_divergence(y, y[:1])
    with pytest.raises(ValueError, match=r"y_true has 3 labels .* y_pred has 2"):
        cooccurrence_divergence(y, y[:, :2])
    with pytest.raises(ValueError, match="average must be 'weighted', 'macro' or None"):
        cooccurrence_divergence(y, y, average="micro")
    for smoothing in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"smoothing must be .* infinite as soon as"):
            cooccurrence_divergence(y, y, smoothing=smoothing)
    with pytest.raises(ValueError, match="smoothing must be a finite number of at least 0"):
        conditional_cooccurrence(y, smoothing=-0.5)
    with pytest.raises(ValueError, match="y must be a label indicator"):
        conditional_cooccurrence([0, 1])
