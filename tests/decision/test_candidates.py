"""Decisions and thresholds of candidates, against those of dense scores."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit

from sklabelemb.decision import decide, tuned_thresholds
from sklabelemb.decision.objectives import MacroF1, MicroF1


def drawn(seed, n_samples=80, n_labels=6):
    random = np.random.default_rng(seed)
    y = (random.random((n_samples, n_labels)) < 0.3).astype(float)
    logits = random.normal(size=y.shape) + 1.5 * y
    return sp.csr_matrix(y), logits.round(1)


@pytest.mark.parametrize("min_labels", [0, 1, 3])
def test_decisions_of_a_full_matrix(min_labels):
    _, logits = drawn(0)
    logits += np.random.default_rng(1).random(logits.shape) / 100
    thresholds = np.linspace(-0.5, 1, 6)
    found = decide(sp.csr_matrix(logits), thresholds, min_labels, margins=True)
    np.testing.assert_array_equal(
        found.toarray(), decide(logits, thresholds, min_labels, margins=True)
    )


@pytest.mark.parametrize("measure", ["micro", "macro"])
@pytest.mark.parametrize("shrinkage", [np.inf, 10.0, 0.0])
@pytest.mark.parametrize("seed", range(5))
def test_thresholds_of_a_full_matrix(measure, shrinkage, seed):
    y, logits = drawn(seed)
    places = sp.csr_matrix(np.ones_like(logits))
    places.data = logits.ravel()
    tuned = tuned_thresholds(y, places, shrinkage, measure)
    expected = tuned_thresholds(y, logits, shrinkage, measure)
    np.testing.assert_allclose(expit(tuned), expected, rtol=1e-6)


def test_positives_without_a_score_are_missed():
    y = sp.csr_matrix(np.ones((4, 1)))
    scores = sp.csr_matrix([[0.9], [0.8], [0.0], [0.0]])
    [threshold] = tuned_thresholds(y, scores)
    assert 0 < threshold <= 0.8
    assert tuned_thresholds(y, sp.csr_matrix((4, 1))).tolist() == [0.5]


@pytest.mark.parametrize("objective", [MicroF1(), MacroF1()])
@pytest.mark.parametrize("seed", range(5))
def test_objectives_of_a_full_matrix(objective, seed):
    y, logits = drawn(seed)
    stored = sp.csr_matrix(np.ones_like(logits))
    stored.data = logits.ravel()
    common = objective.common(y, logits)
    assert objective.common(y, stored) == pytest.approx(common)
    decisions = decide(logits, common)
    assert objective.score(y, sp.csr_matrix(decisions)) == objective.score(y, decisions)
    own, wanted = objective.own(y, stored, common), objective.own(y, logits, common)
    # Where all are taken, or none, the ends differ: decisions do not.
    np.testing.assert_array_equal(decide(stored, own).toarray(), decide(logits, wanted))


def test_labels_that_are_not_worth_a_prediction_have_no_threshold_of_their_own():
    y = sp.csr_matrix(np.eye(100)[:, [0, 50]])
    scores = sp.csr_matrix(
        np.column_stack([np.linspace(0.9, 0.1, 100), np.linspace(0.9, 0.1, 100)])
    )
    own = MacroF1().own(y, scores, 0.5)
    assert 0.8 < own[0] < 0.9
    assert np.isinf(own[1])
