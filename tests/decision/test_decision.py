"""From scores to decisions."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, logit
from sklearn.metrics import accuracy_score, f1_score

from sklabelemb.decision import (
    best_thresholds,
    check_threshold,
    decide,
    probabilities,
    tuned_thresholds,
    validation_score,
)

from ..tolerances import close

# -- probabilities -----------------------------------------------------------------------------


def test_multilabel_probabilities_are_strictly_inside():
    for dtype in (np.float32, np.float64):
        proba = probabilities(np.array([[1000, -1000, 0, 40, -40]], dtype=dtype), multilabel=True)
        assert proba.dtype == np.float64
        assert np.all((proba > 0) & (proba < 1))
        assert proba[0, 2] == 0.5
    logits = np.linspace(-20, 20, 41).reshape(1, -1)
    np.testing.assert_allclose(probabilities(logits, True), expit(logits), rtol=1e-12)


def test_single_label_probabilities_sum_to_one():
    logits = np.array([[1000.0, -1000, 0], [1, 2, 3], [-1e4, -1e4, -1e4]], dtype=np.float32)
    proba = probabilities(logits, multilabel=False)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(proba[1], np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())
    np.testing.assert_allclose(proba[2], 1 / 3)


# -- decide ------------------------------------------------------------------------------------

PROBA = np.array([[0.9, 0.2, 0.6], [0.3, 0.1, 0.05], [0.5, 0.5, 0.5]])


def test_a_label_is_predicted_from_its_threshold_on():
    expected = [[True, False, True], [False, False, False], [True, True, True]]
    assert decide(PROBA, 0.5).tolist() == expected
    own = decide(PROBA, np.array([0.3, 0.2, 0.7]))
    assert own.tolist() == [[True, True, False], [True, False, False], [True, True, False]]


def test_a_threshold_at_either_end():
    assert decide(PROBA, 0.0).all()
    certain = probabilities(np.array([[1e4, -1e4]]), multilabel=True)
    assert decide(certain, 0.0).all()


@pytest.mark.parametrize("margins", [False, True])
@pytest.mark.parametrize("min_labels", [0, 1, 2, 3, 4, 100])
def test_the_fewest_labels(min_labels, margins):
    random = np.random.default_rng(0)
    proba = random.uniform(size=(200, 4))
    thresholds = np.array([0.2, 0.9, 0.7, 0.95])
    decisions = decide(proba, thresholds, min_labels, margins=margins)
    plain = proba >= thresholds
    margin = proba - thresholds if margins else logit(proba) - logit(thresholds)
    for row in range(len(proba)):
        wanted = max(plain[row].sum(), min(min_labels, 4))
        top = np.argsort(-margin[row])[:wanted]
        assert set(np.flatnonzero(decisions[row])) == set(top)


def test_the_lowest_threshold_is_not_missed_by_least():
    # Of ten to one in both cases, the second label is three times nearer.
    proba, thresholds = np.array([[0.002, 0.1]]), np.array([0.02, 0.3])
    assert decide(proba, thresholds, 1).tolist() == [[False, True]]
    assert decide(sp.csr_matrix(proba), thresholds, 1).toarray().tolist() == [[False, True]]


@pytest.mark.parametrize("ends", [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
def test_the_fewest_labels_at_the_ends_of_the_scale(ends):
    proba = np.array([[0.0, 0.3], [0.0, 0.0]])
    assert (decide(proba, np.array(ends), 1).sum(axis=1) >= 1).all()


def test_the_fewest_labels_with_one_label():
    assert decide(np.array([[0.1], [0.9]]), 0.5, min_labels=2).tolist() == [[True], [True]]


def test_the_fewest_labels_among_equal_margins():
    assert decide(np.full((3, 4), 0.1), 0.5, min_labels=2).sum(axis=1).tolist() == [2, 2, 2]


# -- best thresholds ---------------------------------------------------------------------------


def f1_at(y, scores, threshold):
    taken = scores >= threshold
    total = taken.sum() + y.sum()
    return 2 * (taken * y).sum() / total if total else 0.0


def assert_best(y, scores):
    thresholds, f1 = best_thresholds(y, scores)
    for column in range(y.shape[1]):
        cuts = np.unique(scores[:, column])
        brute = max(f1_at(y[:, column], scores[:, column], cut) for cut in cuts)
        if y[:, column].sum() == 0:
            assert thresholds[column] == np.inf
            assert f1[column] == 0
            continue
        assert f1[column] == pytest.approx(brute, abs=1e-12)
        # The threshold does what its F1 claims.
        reached = f1_at(y[:, column], scores[:, column], thresholds[column])
        assert reached == pytest.approx(brute, abs=1e-12)
    return thresholds


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_values", [2, 5, 10**6], ids=["coarse", "ties", "continuous"])
@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_best_thresholds_against_all_cuts(n, n_values, dtype):
    random = np.random.default_rng(n)
    for _ in range(10):
        y = (random.uniform(size=(n, 6)) < random.uniform(0, 1, size=6)).astype(np.float32)
        scores = (random.integers(0, n_values, size=(n, 6)) / n_values - 0.5).astype(dtype)
        assert_best(y, scores)


def test_best_thresholds_lie_midway():
    y = np.array([[1, 1], [0, 0], [0, 0]])
    scores = np.array([[4.0, 1.0], [2.0, 1.0], [-6.0, 0.0]])
    # In the second column one cannot cut between the first two.
    assert assert_best(y, scores).tolist() == [3.0, 0.5]


def test_best_thresholds_of_a_column_of_positives_takes_all():
    thresholds, f1 = best_thresholds(np.ones((3, 1)), np.array([[0.3], [0.1], [0.2]]))
    assert f1 == 1
    assert thresholds < 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_best_thresholds_between_neighbouring_floats(dtype):
    # The middle of two neighbours is one of them, and must not be the lower.
    for start in (1.0, 1.0 + np.finfo(dtype).eps, -3.0, 1e-3):
        low = np.array(start, dtype=dtype)
        high = np.nextafter(low, np.array(np.inf, dtype=dtype))
        assert_best(np.array([[1], [0]]), np.array([[high], [low]], dtype=dtype))


# -- tuned thresholds --------------------------------------------------------------------------


@pytest.fixture
def tuning():
    random = np.random.default_rng(3)
    logits = random.normal(size=(300, 4)).astype(np.float32)
    # Labels of different frequency and different best cut; the last one never occurs.
    y = (logits + random.normal(scale=0.7, size=logits.shape) > [0.0, 1.0, 2.0, 99]).astype(
        np.float32
    )
    return sp.csr_matrix(y), logits


def test_full_shrinkage_gives_one_threshold(tuning):
    y, logits = tuning
    thresholds = tuned_thresholds(y, logits, measure="micro")
    assert len(set(thresholds)) == 1
    common = best_thresholds(y.toarray().reshape(-1, 1), logits.reshape(-1, 1))[0][0]
    assert thresholds[0] == pytest.approx(expit(common))
    assert np.array_equal(thresholds, tuned_thresholds(y, logits, np.inf, "micro"))


@pytest.mark.parametrize("sparse", [False, True])
def test_thresholds_of_rare_labels_are_lower_where_that_is_better(sparse):
    random = np.random.default_rng(0)
    base = np.array([0.0, -1.5, -3.0, -4.5])
    logits = (base + random.normal(size=(3000, 4))).astype(np.float32)
    # Calibrated probabilities: the rarer a label, the lower its best threshold.
    y = sp.csr_matrix((random.random(logits.shape) < expit(logits)).astype(np.float32))
    scores = sp.csr_matrix(expit(logits)) if sparse else logits

    truth = y.toarray().astype(int)

    def micro_f1(thresholds):
        decisions = decide(expit(logits.astype(np.float64)), thresholds).astype(int)
        return f1_score(truth, decisions, average="micro")

    def both(thresholds):
        decisions = decide(expit(logits.astype(np.float64)), thresholds).astype(int)
        return sum(
            f1_score(truth, decisions, average=a, zero_division=0) for a in ("micro", "macro")
        )

    thresholds = tuned_thresholds(y, scores)
    micro = tuned_thresholds(y, scores, measure="micro")
    assert (np.diff(thresholds) < 0).all()
    assert len(set(micro)) == 1
    assert both(thresholds) > both(micro) + 0.01
    assert micro_f1(thresholds) > micro_f1(micro) - 0.002
    # A straight line, in the logarithm of how often a label occurs.
    rarity = np.log(y.toarray().sum(axis=0) + 0.5)
    slopes = np.diff(logit(thresholds)) / np.diff(rarity)
    assert slopes == pytest.approx(np.full(3, slopes[0]), rel=1e-4)
    assert slopes[0] == pytest.approx(round(slopes[0], 1), abs=1e-4)


def test_no_shrinkage_gives_each_label_its_own(tuning):
    y, logits = tuning
    thresholds = tuned_thresholds(y, logits, 0)
    own = best_thresholds(y.toarray(), logits)[0]
    close(thresholds[:3], expit(own[:3]), dtype=np.float32)
    # A label without a positive keeps the common one.
    assert thresholds[3] == tuned_thresholds(y, logits)[0]
    # What it promises: the best F1 of each label.
    decisions = decide(probabilities(logits, True), thresholds)
    for k in range(3):
        best = best_thresholds(y.toarray(), logits)[1][k]
        assert f1_score(y.toarray()[:, k], decisions[:, k]) == pytest.approx(best)


@pytest.mark.parametrize("shrinkage", [1.0, 40.0, 1e6])
def test_shrinkage_in_between(tuning, shrinkage):
    y, logits = tuning
    common = logit(tuned_thresholds(y, logits))
    own = logit(tuned_thresholds(y, logits, 0))
    n = y.toarray().sum(axis=0)
    assert n[0] > 2 * n[2] > 0
    weight = n / (n + shrinkage)
    expected = (1 - weight) * common + weight * own
    close(logit(tuned_thresholds(y, logits, shrinkage)), expected, dtype=np.float32)


def test_shrinkage_of_n_goes_half_way(tuning):
    y, logits = tuning
    n = y.toarray().sum(axis=0)[1]
    ends = [logit(tuned_thresholds(y, logits, s)[1]) for s in (0, n, np.inf)]
    assert ends[1] == pytest.approx((ends[0] + ends[2]) / 2)


@pytest.mark.parametrize("shrinkage", [0, 40.0, np.inf])
def test_without_any_positive_thresholds_are_one_half(shrinkage):
    thresholds = tuned_thresholds(sp.csr_matrix((5, 3)), np.zeros((5, 3)), shrinkage)
    assert thresholds.tolist() == [0.5, 0.5, 0.5]


def test_for_macro_f1_rare_labels_count_as_much(tuning):
    y, logits = tuning
    dense = y.toarray().astype(int)[:, :3]

    def macro(thresholds):
        decisions = decide(probabilities(logits, True), thresholds)[:, :3]
        return f1_score(dense, decisions, average="macro", zero_division=0)

    own = tuned_thresholds(y, logits, 0, "macro")
    common = tuned_thresholds(y, logits, measure="macro")
    assert len(set(common)) == 1
    assert (
        macro(own) >= macro(common) >= macro(tuned_thresholds(y, logits, measure="micro")) - 1e-12
    )
    # A label without a positive keeps the common one.
    assert own[3] == common[3]


def test_where_scores_say_nothing_macro_f1_takes_the_common_threshold():
    random = np.random.default_rng(0)
    truth = np.zeros((1000, 2), dtype=np.float32)
    truth[:200, 0] = 1
    truth[500, 1] = 1
    logits = random.normal(size=(1000, 2)) + 4 * truth * [1, 0]
    logits[500, 1] = -5
    own = tuned_thresholds(sp.csr_matrix(truth), logits, 0, "macro")
    assert own[1] == tuned_thresholds(sp.csr_matrix(truth), logits, measure="macro")[1]


# -- validation --------------------------------------------------------------------------------


def test_validation_score_of_label_sets(tuning):
    y, logits = tuning
    dense = y.toarray().astype(int)
    cuts = np.unique(logits)
    micro = [f1_score(dense, logits >= cut, average="micro", zero_division=0) for cut in cuts[::7]]
    decisions = decide(probabilities(logits, True), tuned_thresholds(y, logits))
    best = f1_score(dense, decisions, average="micro", zero_division=0)
    assert best >= max(micro)
    macro = f1_score(dense, decisions, average="macro", zero_division=0)
    assert validation_score(y, logits) == pytest.approx(best + 0.25 * macro)


def test_validation_score_without_any_positive():
    assert validation_score(sp.csr_matrix((4, 2)), np.zeros((4, 2))) == 0


def test_validation_score_of_classes():
    logits = np.array([[2.0, 1, 0], [0, 1, 2], [0, 3, 2]])
    targets = np.array([0, 2, 2])
    expected = accuracy_score(targets, logits.argmax(axis=1))
    assert validation_score(targets, logits) == pytest.approx(expected)


# -- check_threshold ---------------------------------------------------------------------------


def test_legal_thresholds():
    assert check_threshold("tuned", 3) is None
    assert check_threshold(0.3, 3).tolist() == [0.3, 0.3, 0.3]
    assert check_threshold(0, 2).tolist() == [0, 0]
    assert check_threshold([0.0, 1.0], 2).tolist() == [0, 1]
    result = check_threshold(0.5, 2)
    result[0] = 0.9  # a writable array of its own, not a view of one number
    assert result.tolist() == [0.9, 0.5]
    given = np.array([0.1, 0.2])
    check_threshold(given, 2)[0] = 1
    assert given.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ([0.5, 0.5], "y has 3 labels, but threshold has shape (2,)."),
        ([[0.5, 0.5, 0.5]], "y has 3 labels, but threshold has shape (1, 3)."),
        (1.5, "threshold must lie between 0 and 1, but got 1.5."),
        (-0.1, "threshold must lie between 0 and 1, but got -0.1."),
        (float("nan"), "threshold must lie between 0 and 1, but got nan."),
        ([0.5, 2.0, 0.5], "threshold must lie between 0 and 1, but got [0.5, 2.0, 0.5]."),
    ],
)
def test_illegal_thresholds(threshold, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_threshold(threshold, 3)
