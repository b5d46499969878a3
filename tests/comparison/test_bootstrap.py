"""The paired bootstrap against loops, scikit-learn's metrics, scipy, and simulated truth."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    label_ranking_average_precision_score,
    roc_auc_score,
)

from sklabelemb.comparison import PairedBootstrap, bootstrap, paired_bootstrap

CALLABLES: dict[str, Callable[..., float]] = {
    "micro_f1": functools.partial(f1_score, average="micro", zero_division=0),
    "macro_f1": functools.partial(f1_score, average="macro", zero_division=0),
    "samples_f1": functools.partial(f1_score, average="samples", zero_division=0),
    "hamming_loss": hamming_loss,
    "subset_accuracy": accuracy_score,
    "accuracy": accuracy_score,
}


def predictions(
    seed: int, n_samples: int = 60, n_labels: int = 6, errors: tuple[float, float] = (0.1, 0.2)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth, and two predictions with this many errors."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n_samples, n_labels)) < 0.3).astype(int)
    a, b = (np.where(rng.random(truth.shape) < share, 1 - truth, truth) for share in errors)
    return truth, a, b


def assert_same(first: PairedBootstrap, second: PairedBootstrap) -> None:
    np.testing.assert_allclose(first.differences, second.differences, rtol=0, atol=1e-12)
    for name in ("score_a", "score_b", "difference", "low", "high"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), abs=1e-12)
    assert first.p_value == second.p_value


@pytest.mark.parametrize("metric", CALLABLES)
@pytest.mark.parametrize("seed", range(2))
def test_a_name_gives_what_scikit_learns_metric_gives(metric: str, seed: int) -> None:
    # 9 texts: resamples lack labels, and many differences are tied with the observed one.
    targets = predictions(seed, n_samples=9 + 20 * seed, errors=(0.2, 0.25))
    named = paired_bootstrap(*targets, metric=metric, n_resamples=40, random_state=seed)
    called = paired_bootstrap(*targets, metric=CALLABLES[metric], n_resamples=40, random_state=seed)
    assert_same(named, called)


@pytest.mark.parametrize("metric", ["accuracy", "micro_f1", "macro_f1"])
@pytest.mark.parametrize("seed", range(2))
def test_a_name_gives_what_scikit_learns_metric_gives_for_classes(metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice(["sport", "trade", "weather", "law"], size=15, p=[0.6, 0.2, 0.15, 0.05])
    a, b = (np.where(rng.random(15) < 0.7, truth, rng.permutation(truth)) for _ in range(2))
    named = paired_bootstrap(truth, a, b, metric=metric, n_resamples=40, random_state=seed)
    called = paired_bootstrap(
        truth, a, b, metric=CALLABLES[metric], n_resamples=40, random_state=seed
    )
    assert_same(named, called)


@pytest.mark.parametrize("seed", range(4))
def test_against_the_definition_in_loops(seed: int) -> None:
    truth, a, b = predictions(seed, n_samples=25, errors=(0.2, 0.25))
    result = paired_bootstrap(
        truth, a, b, metric="hamming_loss", n_resamples=80, confidence_level=0.8, random_state=seed
    )
    random = np.random.RandomState(seed)

    def wrong(prediction: np.ndarray, rows: Any) -> int:
        return sum(int(truth[i, j] != prediction[i, j]) for i in rows for j in range(6))

    observed = wrong(a, range(25)) - wrong(b, range(25))
    drawn = []
    for _ in range(80):
        rows = random.randint(25, size=25)
        drawn.append(wrong(a, rows) - wrong(b, rows))
    # Whole numbers of errors: the ties are exact here.
    extreme = sum(1 for d in drawn if abs(d - observed) >= abs(observed))
    assert result.p_value == (1 + extreme) / 81
    assert result.difference == pytest.approx(observed / 150, abs=1e-12)
    np.testing.assert_allclose(result.differences, np.array(drawn) / 150, atol=1e-12)
    # Percentiles 10 and 90, interpolated between order statistics 7.9 and 71.1 (from 0).
    ordered = sorted(drawn)
    low = ordered[7] + 0.9 * (ordered[8] - ordered[7])
    high = ordered[71] + 0.1 * (ordered[72] - ordered[71])
    assert (result.low, result.high) == pytest.approx((low / 150, high / 150), abs=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = predictions(0)
    for metric in ("macro_f1", "micro_f1"):
        whole = paired_bootstrap(*targets, metric=metric, n_resamples=50, random_state=1)
        for block in (1, 7 * 60, 49 * 60):
            monkeypatch.setattr(bootstrap, "BLOCK", block)
            parts = paired_bootstrap(*targets, metric=metric, n_resamples=50, random_state=1)
            assert_same(whole, parts)
        monkeypatch.undo()


def test_blocks_bound_what_is_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []
    score = bootstrap.RatioOfSums.score

    def watched(self: Any, counts: np.ndarray) -> np.ndarray:
        widths.append(counts.shape[1] * max(counts.shape[0], self.n_columns))
        return score(self, counts)

    monkeypatch.setattr(bootstrap.RatioOfSums, "score", watched)
    rng = np.random.default_rng(0)
    targets = [sp.csr_matrix(rng.random((300, 4000)) < 0.002) for _ in range(3)]
    paired_bootstrap(*targets, metric="macro_f1", n_resamples=2000, random_state=0)
    assert max(widths) <= bootstrap.BLOCK


@pytest.mark.parametrize(
    "form",
    [
        sp.csr_matrix,
        sp.csr_array,
        sp.coo_array,
        pd.DataFrame,
        pl.DataFrame,
        np.ndarray.tolist,
        lambda y: y.astype(bool),
    ],
)
def test_any_form_of_indicator(form: Callable[[np.ndarray], Any]) -> None:
    targets = predictions(2)
    plain = paired_bootstrap(*targets, n_resamples=20, random_state=0)
    assert_same(plain, paired_bootstrap(*map(form, targets), n_resamples=20, random_state=0))
    called = paired_bootstrap(
        *map(form, targets),
        metric=lambda t, p: f1_score(_array(t), _array(p), average="micro"),
        n_resamples=20,
        random_state=0,
    )
    assert_same(plain, called)


def _array(y: Any) -> np.ndarray:
    return y.toarray() if sp.issparse(y) else np.asarray(y)


def test_classes_in_a_series_and_in_a_list() -> None:
    truth, a, b = ["x", "y", "z", "x", "y"] * 4, ["x", "y"] * 10, ["z", "z", "x", "y"] * 5
    plain = paired_bootstrap(truth, a, b, metric="macro_f1", n_resamples=30, random_state=0)
    series = (pd.Series(y, index=range(5, 25)) for y in (truth, a, b))
    assert_same(plain, paired_bootstrap(*series, metric="macro_f1", n_resamples=30, random_state=0))


@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1", "hamming_loss", "samples_f1"])
def test_identical_predictions_do_not_differ(metric: str) -> None:
    truth, a, _ = predictions(0)
    result = paired_bootstrap(truth, a, a.copy(), metric=metric, random_state=0)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_a_clear_difference_has_the_smallest_p() -> None:
    truth, a, b = predictions(0, n_samples=300, errors=(0.02, 0.4))
    result = paired_bootstrap(truth, a, b, n_resamples=499, random_state=0)
    assert result.p_value == 1 / 500
    assert result.low > 0


def test_a_loss_is_better_when_it_is_lower() -> None:
    truth, a, b = predictions(0, n_samples=300, errors=(0.02, 0.4))
    result = paired_bootstrap(truth, a, b, metric="hamming_loss", random_state=0)
    assert result.high < 0
    assert "hamming_loss on 300 texts, lower is better" in str(result)


@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1"])
def test_exchanging_a_and_b_changes_the_sign(metric: str) -> None:
    truth, a, b = predictions(3)
    one = paired_bootstrap(truth, a, b, metric=metric, random_state=0)
    other = paired_bootstrap(truth, b, a, metric=metric, random_state=0)
    assert one.p_value == other.p_value
    np.testing.assert_allclose(one.differences, -other.differences, atol=1e-15)
    assert one.low == pytest.approx(-other.high, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_is_scipys(seed: int) -> None:
    truth, a, b = predictions(seed, n_samples=400)

    def difference(t: np.ndarray, p: np.ndarray, q: np.ndarray, axis: int) -> np.ndarray:
        def f1(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
            return 2 * hits.sum(axis=axis) / total.sum(axis=axis)

        return f1(t, p) - f1(q, p)

    # scipy resamples tuples of numbers a text: hits of A, labels, hits of B; both predict the
    # same number of labels, so one total serves both.
    rng = np.random.default_rng(seed)
    b = np.where(rng.random((400, 1)) < 0.5, a, rng.permuted(a, axis=1))
    total = (truth + a).sum(axis=1)
    hits_a, hits_b = (truth * a).sum(axis=1), (truth * b).sum(axis=1)
    theirs = stats.bootstrap(
        (hits_a, total, hits_b),
        difference,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=9999,
        rng=np.random.default_rng(seed),
    )
    ours = paired_bootstrap(truth, a, b, n_resamples=9999, random_state=seed)
    error = theirs.standard_error
    assert error > 0
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.1 * error)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.1 * error)
    assert ours.differences.std(ddof=1) == pytest.approx(error, rel=0.05)


def test_coverage_and_false_alarms_on_simulated_data() -> None:
    """Over 200 simulated test sets: the 90 % interval holds the truth, p < 0.1 is rare."""
    covered, alarms = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = np.zeros(200, dtype=int)
        hard = rng.random(200) < 0.3  # texts on which both tend to fail: correlated, as in life
        a, b = ((rng.random(200) < np.where(hard, 0.6, 0.1)).astype(int) for _ in range(2))
        c = (rng.random(200) < np.where(hard, 0.9, 0.15)).astype(int)
        options = {"metric": "accuracy", "n_resamples": 300, "random_state": seed}
        alarms.append(paired_bootstrap(truth, a, b, **options).p_value < 0.1)
        result = paired_bootstrap(truth, a, c, confidence_level=0.9, **options)
        expected = 0.3 * (0.9 - 0.6) + 0.7 * (0.15 - 0.1)
        covered.append(result.low <= expected <= result.high)
    # Binomial with n = 200: three standard deviations are 0.064.
    assert np.mean(covered) == pytest.approx(0.9, abs=0.064)
    assert np.mean(alarms) == pytest.approx(0.1, abs=0.064)


def test_p_agrees_with_the_sign_test_of_mcnemar() -> None:
    """For accuracy the bootstrap asks what McNemar's test asks: the texts where one is right."""
    truth = np.zeros(400, dtype=int)
    a, b = np.zeros(400, dtype=int), np.zeros(400, dtype=int)
    a[:30], b[30:80] = 1, 1  # 30 errors of A alone, 50 of B alone
    result = paired_bootstrap(truth, a, b, metric="accuracy", n_resamples=20000, random_state=0)
    # Normal approximation of the same statistic, with the variance of the data.
    d = b - a
    z = d.mean() / (d.std() / np.sqrt(400))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(z), abs=0.01)
    assert result.p_value == pytest.approx(stats.binomtest(30, 80).pvalue, abs=0.015)


def test_a_callable_may_take_scores() -> None:
    truth, _, _ = predictions(0)
    rng = np.random.default_rng(0)
    good, bad = truth + rng.random(truth.shape), rng.random(truth.shape)
    result = paired_bootstrap(
        truth,
        good,
        bad,
        metric=label_ranking_average_precision_score,
        n_resamples=50,
        random_state=0,
    )
    assert result.metric == "label_ranking_average_precision_score"
    assert result.score_a == label_ranking_average_precision_score(truth, good)
    assert result.low > 0


def test_random_state() -> None:
    targets = predictions(0)
    first = paired_bootstrap(*targets, n_resamples=30, random_state=5)
    assert_same(first, paired_bootstrap(*targets, n_resamples=30, random_state=5))
    assert_same(
        first,
        paired_bootstrap(*targets, n_resamples=30, random_state=np.random.RandomState(5)),
    )
    other = paired_bootstrap(*targets, n_resamples=30, random_state=6)
    assert not np.array_equal(first.differences, other.differences)
    state = np.random.get_state()[1].copy()
    paired_bootstrap(*targets, n_resamples=30, random_state=5)
    np.testing.assert_array_equal(state, np.random.get_state()[1])


def test_inputs_stay_as_they_are() -> None:
    targets = predictions(0)
    sparse = [sp.csr_matrix(y) for y in targets]
    paired_bootstrap(*sparse, metric="macro_f1", n_resamples=5)
    for before, after in zip(targets, sparse, strict=True):
        np.testing.assert_array_equal(before, after.toarray())


def test_what_it_prints() -> None:
    truth, a, b = predictions(0, n_samples=300)
    result = paired_bootstrap(truth, a, b, metric="subset_accuracy", random_state=0)
    lines = str(result).splitlines()
    assert lines[0] == "subset_accuracy on 300 texts"
    assert lines[1] == f"  A {result.score_a:.4f}, B {result.score_b:.4f}"
    assert f"95 % interval [{result.low:+.4f}, {result.high:+.4f}]" in lines[2]
    assert lines[3] == "  paired bootstrap, two-sided, 2000 resamples"
    assert "differences" not in repr(result)
    assert result == paired_bootstrap(truth, a, b, metric="subset_accuracy", random_state=0)


TRUTH, A, B = predictions(0, n_samples=10, n_labels=3)
CLASSES = np.array(["x", "y"] * 5)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        ((TRUTH, A, B), {"metric": "f1"}, "metric='f1' is not known for label indicators; give"),
        ((TRUTH, A, B), {"metric": None}, "metric=None is not known for label indicators; give"),
        (
            (CLASSES, CLASSES, CLASSES),
            {"metric": "samples_f1"},
            "metric='samples_f1' is not known for 1-D classes; give one of accuracy, micro_f1, mac",
        ),
        ((TRUTH, A, CLASSES), {}, r"\(1-D\), but y_true is 2-D, y_pred_a is 2-D, y_pred_b is 1-D"),
        ((TRUTH, A[:9], B), {}, "y_true has 10 samples .* but y_pred_a has 9"),
        ((TRUTH, A, B[:, :2]), {}, "y_true has 3 labels .* but y_pred_b has 2"),
        ((TRUTH, A, B + 1), {}, "holds 0 and 1 only, but y_pred_b contains 2"),
        ((CLASSES, CLASSES[:9], CLASSES), {}, "inconsistent numbers of samples"),
        ((CLASSES, CLASSES, np.arange(10)), {}, "Mix of label input types"),
        (
            (CLASSES, np.array(["x", None] * 5, dtype=object), CLASSES),
            {},
            "y_pred_a contains a missing value in row 1. Drop the row from all three",
        ),
        ((np.array([0.0, np.nan]),) * 3, {}, "y_true contains a missing value in row 1"),
        ((pd.Series([1, None], dtype="Int64"),) * 3, {}, "y_true contains a missing value in row"),
        ((TRUTH[:1], A[:1], B[:1]), {}, "but their number is 1; give at least two"),
        ((TRUTH[:1], A[:1], B[:1]), {"metric": hamming_loss}, "but their number is 1; give at"),
        ((TRUTH, A, B), {"n_resamples": 0}, "n_resamples must be a whole number of at least 1"),
        ((TRUTH, A, B), {"n_resamples": 10.0}, r"n_resamples .* but got 10\.0"),
        ((TRUTH, A, B), {"n_resamples": True}, "n_resamples .* but got True"),
        ((TRUTH, A, B), {"confidence_level": 95}, r"\(0\.95 for 95 %\), but got 95"),
        ((TRUTH, A, B), {"confidence_level": 1.0}, r"both excluded .* but got 1\.0"),
        (
            (TRUTH, A, B),
            {"metric": functools.partial(f1_score, average=None, zero_division=0)},
            "metric must return one number, but f1_score returned ndarray",
        ),
        (
            (TRUTH, A, B),
            {"metric": lambda t, p: float("nan")},
            "returned nan on all texts",
        ),
        ((TRUTH, A[:9], B), {"metric": hamming_loss}, "inconsistent numbers of samples"),
    ],
)
def test_bad_input(targets: tuple[Any, Any, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(*targets, **options)


def test_a_callable_that_fails_on_a_resample_is_told_so() -> None:
    truth = np.array([0, 0, 0, 1])

    def auc(t: np.ndarray, p: np.ndarray) -> float:
        return roc_auc_score(t, p) if len(np.unique(t)) == 2 else float("nan")

    with pytest.raises(ValueError, match=r"metric auc returned nan on resample \d+ of 100\. A res"):
        paired_bootstrap(
            truth, np.arange(4), np.arange(4), metric=auc, n_resamples=100, random_state=0
        )
