"""Measures at k, against loops over all orders of tied labels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import ndcg_score

from sklabelemb.metrics import (
    checks,
    label_propensities,
    ndcg_at_k,
    precision_at_k,
    propensity_scored_precision_at_k,
    r_precision_at_k,
    recall_at_k,
)

MEASURES = [precision_at_k, recall_at_k, r_precision_at_k, ndcg_at_k]
LABELLED = [recall_at_k, r_precision_at_k, ndcg_at_k]
PROPENSITIES = np.array([0.9, 0.2, 0.5, 0.7, 0.1, 0.4])


def data(seed, n_labels=None):
    """Few different scores, so that many are tied; samples without labels among the others."""
    random = np.random.RandomState(seed)
    n_samples, n_labels = random.randint(4, 9), n_labels or random.randint(1, 6)
    y = random.randint(0, 2, size=(n_samples, n_labels))
    y[0], y[1] = 0, 1
    if n_labels > 1:
        y[:, random.randint(n_labels)] *= random.randint(2)  # perhaps a label without positives
    scores = random.randint(-1, 3, size=(n_samples, n_labels)) / 2
    return y, scores, random.randint(0, 4, size=n_samples) + (np.arange(n_samples) == 1)


def rankings(row):
    """All orders of the labels by descending score."""
    return [
        order
        for order in itertools.permutations(range(len(row)))
        if all(row[a] >= row[b] for a, b in itertools.pairwise(order))
    ]


def of_sample(measure, truth, row, k):
    """The value for one sample, the mean over all orders of ties; None if undefined."""
    values = []
    n_true = sum(truth)
    for order in rankings(row):
        hits = sum(truth[label] for label in order[:k])
        if measure is precision_at_k:
            values.append(hits / k)
        elif n_true == 0:
            return None
        elif measure is recall_at_k:
            values.append(hits / n_true)
        elif measure is r_precision_at_k:
            values.append(hits / min(k, n_true))
        else:
            gain = sum(truth[label] / math.log2(r + 2) for r, label in enumerate(order[:k]))
            values.append(gain / sum(1 / math.log2(r + 2) for r in range(min(k, n_true))))
    return sum(values) / len(values)


def literal(measure, y, scores, k, weight):
    total = weights = 0.0
    for truth, row, w in zip(y.tolist(), scores.tolist(), weight, strict=True):
        value = of_sample(measure, truth, row, k)
        if value is not None:
            total, weights = total + w * value, weights + w
    return total / weights


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("measure", MEASURES)
def test_against_all_orders(measure, seed):
    y, scores, weight = data(seed)
    for k in range(1, y.shape[1] + 1):
        plain = literal(measure, y, scores, k, np.ones(len(y)))
        weighted = literal(measure, y, scores, k, weight)
        assert measure(y, scores, k=k) == pytest.approx(plain, abs=1e-12)
        assert measure(y, scores, k=k, sample_weight=weight) == pytest.approx(weighted, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("measure", MEASURES)
def test_containers_blocks_and_weights(measure, seed, monkeypatch):
    y, scores, weight = data(seed)
    k = min(2, y.shape[1])
    value = measure(y, scores, k=k)
    assert isinstance(value, float)
    explicit = sp.csr_array(np.where(scores == 0, 7, scores))
    explicit.data[explicit.data == 7] = 0  # zeros that are stored
    for truth, s in (
        (sp.csr_matrix(y), scores),
        (sp.csr_array(y), sp.csr_array(scores)),
        (sp.coo_array(y), sp.csc_matrix(scores)),
        (y.astype(bool), explicit),
        (pd.DataFrame(y), pd.DataFrame(scores)),
        (y.tolist(), scores.tolist()),
    ):
        assert measure(truth, s, k=k) == pytest.approx(value, abs=1e-12)
    weighted = measure(y, scores, k=k, sample_weight=weight)
    repeated = np.repeat(np.arange(len(y)), weight)
    assert measure(y[repeated], scores[repeated], k=k) == pytest.approx(weighted, abs=1e-12)
    monkeypatch.setattr(checks, "BLOCK", 2 * y.shape[1])
    assert measure(y, sp.csr_array(scores), k=k, sample_weight=weight) == pytest.approx(
        weighted, abs=1e-12
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_columns_and_monotone_scores(measure):
    random = np.random.RandomState(0)
    y, scores, _ = data(3, n_labels=5)
    value = measure(y, scores, k=3)
    order = random.permutation(5)
    assert measure(y[:, order], scores[:, order], k=3) == pytest.approx(value, abs=1e-12)
    assert measure(y, np.exp(scores), k=3) == pytest.approx(value, abs=1e-12)
    infinite = np.where(scores == -0.5, -np.inf, np.where(scores == 1, np.inf, scores))
    assert measure(y, infinite, k=3) == pytest.approx(value, abs=1e-12)


def test_what_chance_earns():
    y = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 1, 0]])
    constant = np.full(y.shape, 0.3)
    assert precision_at_k(y, constant, k=2) == pytest.approx(y.mean())
    assert recall_at_k(y, constant, k=2) == pytest.approx(2 / 5)
    assert precision_at_k(y, sp.csr_array(y.shape), k=2) == pytest.approx(y.mean())


def test_samples_without_labels():
    y = np.array([[1, 0, 1], [0, 0, 0]])
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert precision_at_k(y, scores, k=1) == 0.5
    for measure in LABELLED:
        assert measure(y, scores, k=1) == pytest.approx(measure(y[:1], scores[:1], k=1))
    # scikit-learn counts them as 0
    assert ndcg_at_k(y, scores, k=2) == pytest.approx(2 * ndcg_score(y, scores, k=2))


@pytest.mark.parametrize("measure", LABELLED)
def test_no_sample_with_a_label(measure):
    y, scores = np.array([[0, 0], [1, 0]]), np.array([[0.1, 0.2], [0.3, 0.4]])
    with pytest.warns(
        UndefinedMetricWarning, match=r"no sample in y_true .* has a label"
    ) as caught:
        assert math.isnan(measure(y[:1], scores[:1], k=1))
    assert caught[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="the result is nan"):
        assert math.isnan(measure(y, scores, k=1, sample_weight=[1, 0]))
    assert precision_at_k(y[:1], scores[:1], k=1) == 0.0


@pytest.mark.parametrize("n_labels", [2, 7])
def test_ndcg_is_that_of_scikit_learn(n_labels):
    random = np.random.RandomState(0)
    y = random.randint(0, 2, size=(50, n_labels))
    y[:, 0] = 1
    scores = random.randn(50, n_labels).round(1)
    weight = random.rand(50)
    for k in (1, 2, n_labels):
        assert ndcg_at_k(y, scores, k=k, sample_weight=weight) == pytest.approx(
            ndcg_score(y, scores, k=k, sample_weight=weight)
        )


def test_propensities():
    random = np.random.RandomState(0)
    y = (random.rand(40, 7) < [0, 0.02, 0.1, 0.3, 0.5, 0.9, 1]).astype(int)
    for a, b in ((0.55, 1.5), (0.5, 0.4), (0.6, 2.6)):
        c = (math.log(40) - 1) * (b + 1) ** a
        expected = [1 / (1 + c * math.exp(-a * math.log(sum(col) + b))) for col in y.T.tolist()]
        result = label_propensities(y, a=a, b=b)
        assert result == pytest.approx(expected)
        assert np.all(np.diff(result[np.argsort(y.sum(axis=0), kind="stable")]) >= 0)
        assert label_propensities(sp.csr_array(y), a=a, b=b) == pytest.approx(expected)
        assert label_propensities(pd.DataFrame(y), a=a, b=b) == pytest.approx(expected)
    assert np.all((label_propensities(y[:3]) > 0) & (label_propensities(y[:3]) < 1))


def test_propensities_refused():
    with pytest.raises(ValueError, match=r"y_train has 2 samples, but .* needs at least 3"):
        label_propensities([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="y_train has 1 sample, but"):
        label_propensities([[1, 0]])
    with pytest.raises(ValueError, match="b must be a finite number greater than 0, but got 0"):
        label_propensities(np.eye(4), b=0)
    with pytest.raises(ValueError, match="a must be a finite number greater than 0, but got -1"):
        label_propensities(np.eye(4), a=-1)
    with pytest.raises(ValueError, match=r"y_train must be a label indicator"):
        label_propensities([0, 1, 1])


def literal_psp(y, scores, p, k, weight, normalize):
    earned = best = 0.0
    for truth, row, w in zip(y.tolist(), scores.tolist(), weight, strict=True):
        orders = rankings(row)
        for order in orders:
            earned += w * sum(truth[label] / p[label] for label in order[:k]) / len(orders)
        worth = sorted((t / q for t, q in zip(truth, p, strict=True)), reverse=True)
        best += w * sum(worth[:k])
    return earned / best if normalize else earned / k / sum(weight)


@pytest.mark.parametrize("seed", range(15))
def test_propensity_scored_precision(seed, monkeypatch):
    y, scores, weight = data(seed)
    n_labels = y.shape[1]
    p = PROPENSITIES[:n_labels]
    for k in range(1, n_labels + 1):
        for normalize in (True, False):
            options = {"propensities": p, "k": k, "normalize": normalize}
            for w in (None, weight):
                expected = literal_psp(
                    y, scores, p, k, np.ones(len(y)) if w is None else w, normalize
                )
                for truth, s in (
                    (y, scores),
                    (sp.csr_matrix(y), sp.csr_array(scores)),
                    (pd.DataFrame(y), pd.DataFrame(scores)),
                ):
                    assert propensity_scored_precision_at_k(
                        truth, s, sample_weight=w, **options
                    ) == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(checks, "BLOCK", n_labels)
    assert propensity_scored_precision_at_k(
        y, sp.csr_array(scores), propensities=p, k=1
    ) == pytest.approx(literal_psp(y, scores, p, 1, np.ones(len(y)), True), abs=1e-12)


def test_propensity_scored_precision_at_its_ends():
    y, scores, _ = data(1, n_labels=5)
    p = PROPENSITIES[:5]
    # The best ranking has 1; with equal propensities and no normalisation it is the precision.
    assert propensity_scored_precision_at_k(y, y / p, propensities=p, k=2) == pytest.approx(1.0)
    assert propensity_scored_precision_at_k(
        y, scores, propensities=np.ones(5), k=3, normalize=False
    ) == pytest.approx(precision_at_k(y, scores, k=3))
    empty = np.zeros_like(y)
    with pytest.warns(UndefinedMetricWarning, match="propensity-scored precision at k is undef"):
        assert math.isnan(propensity_scored_precision_at_k(empty, scores, propensities=p))
    assert propensity_scored_precision_at_k(empty, scores, propensities=p, normalize=False) == 0


@pytest.mark.parametrize(
    ("propensities", "message"),
    [
        ([0.5, 0.5], r"one value for each of the 3 labels, but it has shape \(2,\)"),
        ([0.5, 0.0, 0.5], "must be greater than 0 and at most 1"),
        ([0.5, 1.5, 0.5], "must be greater than 0 and at most 1"),
        ([0.5, np.nan, 0.5], "must be greater than 0 and at most 1"),
    ],
)
def test_bad_propensities(propensities, message):
    with pytest.raises(ValueError, match=message):
        propensity_scored_precision_at_k(np.eye(3), np.eye(3), propensities=propensities, k=1)


def _psp(y_true, y_score, **options):
    return propensity_scored_precision_at_k(y_true, y_score, propensities=np.ones(3), **options)


@pytest.mark.parametrize("measure", [*MEASURES, _psp])
def test_refused(measure):
    y = np.eye(3, dtype=int)
    scores = np.random.RandomState(0).rand(3, 3)
    with pytest.raises(ValueError, match=r"y_true has 3 samples .* y_score has 2"):
        measure(y, scores[:2], k=1)
    with pytest.raises(ValueError, match=r"y_true has 3 labels .* y_score has 2"):
        measure(y, scores[:, :2], k=1)
    with pytest.raises(ValueError, match="k=5 is more than the 3 labels"):
        measure(y, scores)
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
            measure(y, scores, k=k)
    scores[1, 2] = np.nan
    for s in (scores, sp.csr_array(scores)):
        with pytest.raises(ValueError, match="1 NaN, the first in row 1"):
            measure(y, s, k=1)
    with pytest.raises(ValueError, match="for each of the 3 samples"):
        measure(y, np.eye(3), k=1, sample_weight=[1, 2])
    with pytest.raises(ValueError, match="sample_weight must be finite and not negative"):
        measure(y, np.eye(3), k=1, sample_weight=[0, 0, 0])
