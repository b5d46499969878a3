"""Areas under curves, with and without labels for which there is none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, roc_auc_score

from sklabelemb.metrics import average_precision, checks, roc_auc

MEASURES = {roc_auc: roc_auc_score, average_precision: average_precision_score}
pytestmark = pytest.mark.filterwarnings(
    # Most of the random data has such labels; the warning has a test of its own.
    r"ignore:\d+ of \d+ labels do not have:sklearn.exceptions.UndefinedMetricWarning"
)


def data(seed, n_labels=None):
    random = np.random.RandomState(seed)
    n_samples, n_labels = random.randint(5, 15), n_labels or random.randint(1, 6)
    y = random.randint(0, 2, size=(n_samples, n_labels))
    y[:2, 0] = [0, 1]
    if n_labels > 2:
        y[:, 1], y[:, 2] = 0, 1
    scores = random.randint(-2, 3, size=y.shape) / 2
    weight = random.randint(0, 4, size=n_samples)
    weight[:2] += 1
    return y, scores, weight


def literal(measure, truth, scores, weight):
    """For one list of pairs, by the definition; nan where there is none."""
    positive = [(s, w) for t, s, w in zip(truth, scores, weight, strict=True) if t and w]
    negative = [(s, w) for t, s, w in zip(truth, scores, weight, strict=True) if not t and w]
    if not positive or (measure is roc_auc and not negative):
        return math.nan
    if measure is roc_auc:
        won = sum(
            w * v * (1.0 if s > r else 0.5 if s == r else 0.0)
            for s, w in positive
            for r, v in negative
        )
        return won / sum(w for _, w in positive) / sum(v for _, v in negative)
    everything = sum(w for _, w in positive)
    total = before = 0.0
    for threshold in sorted({s for s, _ in positive + negative}, reverse=True):
        found = sum(w for s, w in positive if s >= threshold)
        taken = found + sum(w for s, w in negative if s >= threshold)
        total += (found - before) / everything * found / taken
        before = found
    return total


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("measure", MEASURES)
def test_against_the_definition(measure, seed):
    y, scores, weight = data(seed)
    for w in (None, weight):
        each = np.ones(len(y)) if w is None else w
        labels = [literal(measure, y[:, j], scores[:, j], each) for j in range(y.shape[1])]
        by_label = measure(y, scores, average=None, sample_weight=w)
        assert by_label == pytest.approx(labels, nan_ok=True)
        macro = measure(y, scores, sample_weight=w)
        assert isinstance(macro, float)
        assert macro == pytest.approx(np.nanmean(labels))
        pooled = literal(measure, y.ravel(), scores.ravel(), np.repeat(each, y.shape[1]))
        assert measure(y, scores, average="micro", sample_weight=w) == pytest.approx(pooled)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("average", ["macro", "micro", None])
@pytest.mark.parametrize("measure", MEASURES)
def test_containers_blocks_and_weights(measure, average, seed, monkeypatch):
    y, scores, weight = data(seed)
    value = measure(y, scores, average=average, sample_weight=weight)
    stored_zeros = sp.csr_array(np.where(scores == 0, 7, scores))
    stored_zeros.data[stored_zeros.data == 7] = 0
    repeated = np.repeat(np.arange(len(y)), weight)
    assert measure(y[repeated], scores[repeated], average=average) == pytest.approx(
        value, nan_ok=True
    )
    forms = [
        (sp.csr_matrix(y), scores),
        (sp.csr_array(y), sp.csr_array(scores)),
        (y, sp.csc_matrix(scores)),
        (y.astype(bool), stored_zeros),
        (pd.DataFrame(y), pd.DataFrame(scores)),
        (y.tolist(), scores.tolist()),
    ]
    for block in (checks.BLOCK, 2 * len(y), 1):
        monkeypatch.setattr(checks, "BLOCK", block)
        # Two forms at a time, one of them plain: ten seeds take them all.
        for truth, s in ((y, scores), forms[seed % 6]):
            assert measure(truth, s, average=average, sample_weight=weight) == pytest.approx(
                value, nan_ok=True
            )


@pytest.mark.parametrize("average", ["macro", "micro", None])
@pytest.mark.parametrize("measure", MEASURES)
def test_is_that_of_scikit_learn(measure, average):
    random = np.random.RandomState(0)
    y = random.randint(0, 2, size=(60, 4))
    scores = random.randn(60, 4).round(1)
    weight = random.rand(60)
    expected = MEASURES[measure](y, scores, average=average, sample_weight=weight)
    for s in (scores, sp.csr_array(scores)):
        value = measure(y, s, average=average, sample_weight=weight)
        assert value == pytest.approx(expected)
    one = MEASURES[measure](y[:, 0], scores[:, 0])
    assert measure(y[:, :1], scores[:, :1], average=average) == pytest.approx(one)


@pytest.mark.parametrize("average", ["macro", "micro", None])
@pytest.mark.parametrize("measure", MEASURES)
def test_infinite_scores_keep_their_place(measure, average):
    y, scores, _ = data(4, n_labels=4)
    infinite = np.where(scores == -1, -np.inf, np.where(scores == 1, np.inf, scores))
    expected = measure(y, scores, average=average)
    assert measure(y, infinite, average=average) == pytest.approx(expected, nan_ok=True)
    given = sp.csr_array(infinite)
    assert measure(y, given, average=average) == pytest.approx(expected, nan_ok=True)
    assert np.isinf(given.data).any()  # what was given is as it was


def test_nothing_stored():
    y = np.array([[1, 0], [0, 1], [1, 0]])
    for average in ("macro", "micro"):
        assert roc_auc(y, sp.csr_array(y.shape), average=average) == pytest.approx(0.5)
    assert average_precision(y, sp.csr_array(y.shape), average="micro") == pytest.approx(0.5)


def test_labels_left_out():
    y = np.zeros((4, 8), dtype=int)
    y[0, 0] = y[1, 7] = 1
    y[:, 1] = 1
    scores = np.random.RandomState(0).rand(4, 8)
    with pytest.warns(
        UndefinedMetricWarning,
        match=r"^6 of 8 labels do not have positive and negative samples in y_true \(columns "
        r"1, 2, 3, 4, 5, …\); ROC AUC is the mean of the others\.$",
    ) as caught:
        roc_auc(y, scores)
    assert caught[0].filename == __file__
    with pytest.warns(
        UndefinedMetricWarning,
        match=r"^5 of 8 labels do not have a positive sample in y_true \(columns 2, 3, 4, 5, 6\); "
        r"their Average precision is nan\.$",
    ):
        values = average_precision(y, scores, average=None)
    assert np.flatnonzero(np.isnan(values)).tolist() == [2, 3, 4, 5, 6]
    assert values[1] == 1.0  # without a negative it is defined


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_left(measure):
    y, scores = np.zeros((3, 2), dtype=int), np.random.RandomState(0).rand(3, 2)
    with pytest.warns(UndefinedMetricWarning, match=r"2 of 2 labels .* is nan\.$"):
        assert math.isnan(measure(y, scores))
    with pytest.warns(UndefinedMetricWarning, match="is undefined: y_true must have") as caught:
        assert math.isnan(measure(y, scores, average="micro"))
    assert caught[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="2 of 2 labels"):
        assert np.isnan(measure(y, scores, average=None)).tolist() == [True, True]
    y[0] = 1
    with pytest.warns(UndefinedMetricWarning, match="2 of 2 labels"):
        assert math.isnan(measure(y, scores, sample_weight=[0, 1, 1]))


def test_only_positives():
    y, scores = np.ones((3, 2), dtype=int), np.random.RandomState(0).rand(3, 2)
    for average in ("micro", "macro"):
        with pytest.warns(UndefinedMetricWarning, match="positive and negative samples"):
            assert math.isnan(roc_auc(y, scores, average=average))
        assert average_precision(y, scores, average=average) == 1.0


@pytest.mark.parametrize("measure", MEASURES)
def test_refused(measure):
    y = np.eye(3, dtype=int)
    scores = np.random.RandomState(0).rand(3, 3)
    with pytest.raises(ValueError, match="average must be 'macro', 'micro' or None, but got 'sam"):
        measure(y, scores, average="samples")
    with pytest.raises(ValueError, match=r"y_true has 3 samples .* y_score has 2"):
        measure(y, scores[:2])
    with pytest.raises(ValueError, match=r"y_true has 3 labels .* y_score has 2"):
        measure(y, scores[:, :2])
    with pytest.raises(ValueError, match="must be a label indicator of shape"):
        measure([0, 1, 1], scores)
    with pytest.raises(ValueError, match="for each of the 3 samples"):
        measure(y, scores, sample_weight=[1])
    with pytest.raises(ValueError, match="is a list of 2 arrays, as predict_proba"):
        measure(y, [scores, scores])
    scores[2, 0] = np.nan
    with pytest.raises(ValueError, match="1 NaN, the first in row 2"):
        measure(y, scores)
