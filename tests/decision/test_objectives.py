"""The searches against trying every threshold there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import f1_score, fbeta_score

from sklabelemb.decision.objectives import (
    OBJECTIVES,
    CallableObjective,
    MacroF1,
    MicroF1,
    SamplesF1,
)

AVERAGE = {"micro_f1": "micro", "macro_f1": "macro", "samples_f1": "samples"}
# As scikit-learn's scorers are called.
AVERAGE |= {f"f1_{average}": average for average in AVERAGE.values()}


def random_case(seed, n_samples=8, n_labels=3, ties=True):
    random = np.random.RandomState(seed)
    y = sp.csr_matrix((random.rand(n_samples, n_labels) < 0.35).astype(np.float32))
    scores = random.randn(n_samples, n_labels) + y.toarray()
    return y, np.round(scores, 0 if ties else 6)


def every_cut(scores):
    """All thresholds that decide differently, for one column or for all."""
    values = np.unique(scores)
    return [values[0] - 1, *((values[:-1] + values[1:]) / 2), values[-1] + 1]


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("seed", range(5))
def test_the_score_is_that_of_scikit_learn(name, seed):
    y, scores = random_case(seed, n_samples=30, n_labels=6)
    decisions = scores > 0.5
    expected = f1_score(y, decisions.astype(int), average=AVERAGE[name], zero_division=0)
    assert OBJECTIVES[name]().score(y, decisions) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_no_common_threshold_is_better(name, ties, seed):
    y, scores = random_case(seed, ties=ties)
    objective = OBJECTIVES[name]()
    found = objective.score(y, scores >= objective.common(y, scores))
    best = max(objective.score(y, scores >= t) for t in every_cut(scores))
    assert found == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("name", ["micro_f1", "macro_f1"])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_no_thresholds_of_their_own_are_better(name, ties, seed):
    y, scores = random_case(seed, n_samples=6, ties=ties)
    objective = OBJECTIVES[name]()
    own = objective.own(y, scores, objective.common(y, scores))
    found = objective.score(y, scores >= own)
    cuts = [every_cut(column) for column in scores.T]
    best = max(objective.score(y, scores >= np.array(t)) for t in itertools.product(*cuts))
    assert found == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_no_single_label_can_improve_the_samples_f1(ties, seed):
    y, scores = random_case(seed, n_samples=20, n_labels=5, ties=ties)
    objective = SamplesF1()
    common = objective.common(y, scores)
    own = objective.own(y, scores, common)
    found = objective.score(y, scores >= own)
    assert found >= objective.score(y, scores >= common) - 1e-12
    for label in np.flatnonzero(y.sum(axis=0).A1):
        for cut in every_cut(scores[:, label]):
            other = own.copy()
            other[label] = cut
            assert objective.score(y, scores >= other) <= found + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_sorting_only_the_highest_scores_gives_the_same_threshold(seed):
    random = np.random.RandomState(seed)
    y = sp.random(400, 60, density=0.01, random_state=random, format="csr")
    y.data[:] = 1
    signal = random.choice([0, 0.5, 3])  # without any, the shortcut must not be taken
    scores = random.randn(400, 60) + signal * y.toarray()
    objective = MicroF1()
    found = objective.score(y, scores >= objective.common(y, scores))
    ranked = np.sort(scores.ravel())[::-1]
    truth = y.toarray().ravel()[np.argsort(-scores.ravel(), kind="stable")]
    f1 = 2 * np.cumsum(truth) / (np.arange(1, len(ranked) + 1) + y.nnz)
    assert found == pytest.approx(f1.max(), abs=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_labels_without_positives(name):
    y, scores = random_case(0, n_samples=20, n_labels=4)
    y = y.tolil()
    y[:, 2] = 0
    y = sp.csr_matrix(y)
    objective = OBJECTIVES[name]()
    common = objective.common(y, scores)
    own = objective.own(y, scores, common)
    assert np.isinf(own[2])
    assert np.isfinite(own[[0, 1, 3]]).all()
    empty = sp.csr_matrix(y.shape)
    assert objective.common(empty, scores) == np.inf
    assert np.isinf(objective.own(empty, scores, 0.0)).all()


def test_a_hopeless_label_has_no_threshold_of_its_own_for_macro_f1():
    """Its F1 would be best if every sample got it: 2 / 1001, for 999 wrong labels."""
    y = np.zeros((1000, 2))
    y[:500, 0] = y[999, 1] = 1
    scores = np.column_stack([np.arange(1000.0)[::-1], np.arange(1000.0)[::-1]])
    own = MacroF1().own(sp.csr_matrix(y), scores, 0.0)
    assert own[0] == 499.5
    assert np.isinf(own[1])


@pytest.mark.parametrize("dense", [True, False])
def test_a_function_is_tried_at_candidates(dense):
    random = np.random.RandomState(0)
    y = sp.csr_matrix((random.rand(200, 3) < [0.5, 0.2, 0.05]).astype(np.float32))
    scores = random.randn(200, 3) + 2 * y.toarray() + [0, 1, -1]

    def f2(y_true, y_pred):
        assert sp.issparse(y_true) != dense
        assert sp.issparse(y_pred) != dense
        return fbeta_score(y_true, y_pred, beta=2, average="macro", zero_division=0)

    objective = CallableObjective(f2, dense)
    common = objective.common(y, scores)
    at_common = objective.score(y, scores >= common)
    best = max(objective.score(y, scores >= t) for t in np.quantile(scores, np.arange(0, 1, 0.01)))
    assert at_common > best - 0.01
    own = objective.own(y, scores, common)
    # Each label is shifted by another constant, which only thresholds of their own can make good.
    assert objective.score(y, scores >= own) > at_common + 0.05


@pytest.mark.parametrize(
    ("value", "message"), [("high", "one number"), (np.nan, "NaN"), (np.ones(2), "one number")]
)
def test_a_function_that_gives_no_number(value, message):
    y, scores = random_case(0)
    with pytest.raises(ValueError, match=message):
        CallableObjective(lambda y_true, y_pred: value, dense=True).score(y, scores > 0)
