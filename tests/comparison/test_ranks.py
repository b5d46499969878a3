"""Friedman, Iman and Davenport, Nemenyi and Wilcoxon against loops, tables and Demšar's paper."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sklabelemb.comparison import ClassifierComparison, compare_classifiers

# Area under the ROC curve of C4.5 and three variants on 14 datasets: table 6 of Demšar (2006). On
# "voting" the paper ranks the last two 2 and 3, which their three printed digits hide.
DEMSAR = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast cancer": (0.599, 0.591, 0.590, 0.569),
    "breast cancer wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver disorders": (0.661, 0.668, 0.609, 0.685),
    "lung cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.9751, 0.975),
    "wine": (0.957, 0.978, 0.946, 0.970),
}
VARIANTS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


def demsar(**options: Any) -> ClassifierComparison:
    return compare_classifiers(
        pd.DataFrame.from_dict(DEMSAR, orient="index", columns=VARIANTS), **options
    )


def tables(seed: int, n: int, k: int, ties: bool = True, spread: float = 1.0) -> np.ndarray:
    """Scores on a coarse grid (so that there are ties) or not."""
    rng = np.random.default_rng(seed)
    scores = rng.random((n, k)) + spread * np.linspace(0, 1, k)
    return np.round(scores, 1) if ties else scores


def compare(scores: np.ndarray, **options: Any) -> ClassifierComparison:
    return compare_classifiers(
        scores, classifiers=[f"c{j}" for j in range(scores.shape[1])], **options
    )


def literal_ranks(scores: np.ndarray) -> np.ndarray:
    """Rank: how many are better, and half of the others that are equal, and one."""
    ranks = np.empty(scores.shape)
    for i, row in enumerate(scores):
        for j, score in enumerate(row):
            better = sum(1 for other in row if other > score)
            equal = sum(1 for other in row if other == score)
            ranks[i, j] = 1 + better + (equal - 1) / 2
    return ranks


def test_demsars_example() -> None:
    comparison = demsar()
    np.testing.assert_allclose(comparison.average_ranks, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    # The paper does not correct chi-square for ties: take the correction out again.
    n, k = 14, 4
    uncorrected = comparison.statistic * _tie_correction(comparison.ranks)
    assert uncorrected == pytest.approx(9.28, abs=0.005)
    assert (n - 1) * uncorrected / (n * (k - 1) - uncorrected) == pytest.approx(3.69, abs=0.005)
    assert comparison.critical_difference == pytest.approx(1.25, abs=0.005)
    assert demsar(alpha=0.1).critical_difference == pytest.approx(1.12, abs=0.005)


def test_demsars_conclusions() -> None:
    """At 5 % Nemenyi's test is not sharp enough; at 10 % C4.5+m+cf and C4.5+m beat C4.5."""
    at_five, at_ten = demsar(), demsar(alpha=0.1)
    assert at_five.p_value < 0.05
    assert at_five.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)
    assert "Nemenyi's test does not say which" in str(at_five)
    assert at_ten.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


def test_demsars_wilcoxon_example() -> None:
    """C4.5 against C4.5+m: rank sums 93 and 12, significant at 5 %."""
    comparison = compare_classifiers(
        {name: [row[j] for row in DEMSAR.values()] for j, name in enumerate(VARIANTS[:2])}
    )
    assert (comparison.test, comparison.statistic) == ("wilcoxon", 12)
    z = (12 - 14 * 15 / 4) / np.sqrt(14 * 15 * 29 / 24)
    assert z == pytest.approx(-2.54, abs=0.005)
    assert comparison.p_value == pytest.approx(2 * stats.norm.cdf(z), abs=0.003)
    assert comparison.p_value < 0.05
    assert comparison.groups == ()


@pytest.mark.parametrize(
    ("alpha", "published"),
    [
        (0.05, {3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}),
        (0.10, {3: 2.052, 4: 2.291, 5: 2.459, 6: 2.589, 7: 2.693, 8: 2.780, 9: 2.855, 10: 2.920}),
    ],
)
def test_critical_values_are_the_published_table(alpha: float, published: dict[int, float]) -> None:
    for k, q in published.items():
        comparison = compare(tables(0, 9, k), alpha=alpha)
        expected = q * np.sqrt(k * (k + 1) / (6 * 9))
        # The table is rounded up and down by a digit in places.
        assert comparison.critical_difference == pytest.approx(expected, rel=0.001 / q)


@pytest.mark.parametrize("greater_is_better", [True, False])
@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("seed", range(2))
def test_ranks_are_counted(k: int, seed: int, greater_is_better: bool) -> None:
    scores = tables(seed, 11, k)
    comparison = compare(scores, greater_is_better=greater_is_better)
    expected = literal_ranks(scores if greater_is_better else -scores)
    np.testing.assert_array_equal(comparison.ranks, expected)
    np.testing.assert_allclose(comparison.average_ranks, [sum(c) / 11 for c in expected.T])
    assert comparison.average_ranks.sum() == pytest.approx(k * (k + 1) / 2)


def _tie_correction(ranks: np.ndarray) -> float:
    n, k = ranks.shape
    ties = 0
    for row in ranks:
        for value in set(row):
            t = list(row).count(value)
            ties += t**3 - t
    return 1 - ties / (n * k * (k**2 - 1))


@pytest.mark.parametrize(("n", "k"), [(5, 3), (12, 4), (30, 9)])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_friedman_is_the_formula_and_f_is_the_analysis_of_variance_of_ranks(
    n: int, k: int, ties: bool, seed: int
) -> None:
    comparison = compare(tables(seed, n, k, ties, spread=0.5))
    mean = [sum(column) / n for column in comparison.ranks.T]
    plain = 12 * n / (k * (k + 1)) * (sum(r * r for r in mean) - k * (k + 1) ** 2 / 4)
    chi_square = plain / _tie_correction(comparison.ranks)
    assert comparison.statistic == pytest.approx(chi_square)
    assert comparison.p_value == pytest.approx(stats.chi2.sf(chi_square, k - 1))

    # Two-way layout, datasets as blocks (their means are all equal): F = MS(columns) / MS(rest).
    grand = (k + 1) / 2
    columns = n * sum((m - grand) ** 2 for m in mean)
    total = sum((r - grand) ** 2 for row in comparison.ranks for r in row)
    f = (columns / (k - 1)) / ((total - columns) / ((n - 1) * (k - 1)))
    assert comparison.f_statistic == pytest.approx(f)
    assert comparison.f_p_value == pytest.approx(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


@pytest.mark.parametrize("seed", range(4))
def test_pairs_and_groups_against_loops(seed: int) -> None:
    k, n = 3 + 2 * seed, 10
    comparison = compare(tables(seed, n, k, spread=0.8))
    mean, names = comparison.average_ranks, comparison.classifiers
    unit = np.sqrt(k * (k + 1) / (6 * n))
    for i, j in itertools.product(range(k), repeat=2):
        z = abs(mean[i] - mean[j]) / unit
        p = 1.0 if z == 0 else 1 - stats.studentized_range.cdf(z * np.sqrt(2), k, np.inf)
        assert comparison.pairwise_p_values[i, j] == pytest.approx(p, abs=1e-9)
        # p and the critical difference are the same decision.
        apart = abs(mean[i] - mean[j]) >= comparison.critical_difference
        assert apart == (comparison.pairwise_p_values[i, j] <= 0.05)
    np.testing.assert_array_equal(comparison.pairwise_p_values, comparison.pairwise_p_values.T)

    # Of all subsets of two or more: those without a significant pair, and in no larger such one.
    fine = [
        set(subset)
        for size in range(2, k + 1)
        for subset in itertools.combinations(range(k), size)
        if all(comparison.pairwise_p_values[i, j] > 0.05 for i in subset for j in subset)
    ]
    maximal = [s for s in fine if not any(s < other for other in fine)]
    assert {frozenset(g) for g in comparison.groups} == {
        frozenset(names[i] for i in s) for s in maximal
    }
    assert len(comparison.groups) == len(maximal)
    for group in comparison.groups:  # best first
        ranks = [mean[names.index(name)] for name in group]
        assert ranks == sorted(ranks)


def test_nemenyi_is_the_range_of_normals() -> None:
    """The p of the widest pair, by simulating equal classifiers on very many datasets."""
    comparison = compare(tables(1, 10, 4, spread=0.5))
    gap = np.ptp(comparison.average_ranks)
    rng = np.random.default_rng(0)
    ranks = rng.permuted(np.tile(np.arange(1.0, 5.0), (200 * 4000, 1)), axis=1)
    average = ranks.reshape(4000, 200, 4).mean(axis=1)
    ranges = np.ptp(average, axis=1) * np.sqrt(200 / 10)
    assert comparison.pairwise_p_values.min() == pytest.approx(np.mean(ranges >= gap), abs=0.03)


@pytest.mark.parametrize("n", [5, 6, 9])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_two_classifiers_are_compared_by_wilcoxons_test(n: int, ties: bool, seed: int) -> None:
    scores = tables(seed, n, 2, ties, spread=0.4)
    comparison = compare(scores)
    assert comparison.test == "wilcoxon"
    assert comparison.critical_difference is None
    assert comparison.f_statistic is None
    # All signs of the ranked differences, zeros split evenly between the sums.
    d = np.round(scores[:, 0] - scores[:, 1], 9)
    size = stats.rankdata(np.abs(d))
    zero = size[d == 0].sum() / 2
    observed = min(size[d > 0].sum(), size[d < 0].sum()) + zero
    assert comparison.statistic == observed
    sums = [
        zero + sum(r for r, sign in zip(size[d != 0], signs, strict=True) if sign)
        for signs in itertools.product([0, 1], repeat=int(np.count_nonzero(d)))
    ]
    p = min(1.0, 2 * np.mean([s <= observed for s in sums]))
    assert comparison.p_value == pytest.approx(p)
    np.testing.assert_array_equal(comparison.pairwise_p_values[[0, 1], [1, 0]], comparison.p_value)
    together = {frozenset(g) for g in comparison.groups}
    assert together == ({frozenset({"c0", "c1"})} if p > 0.05 else set())


def test_equal_differences_are_equal_ranks() -> None:
    """0.9 - 0.8, 0.8 - 0.7 and 0.4 - 0.3 differ in binary; they must not as ranks."""
    a = np.array([0.9, 0.8, 0.4, 0.6, 0.5, 0.2])
    b = np.array([0.8, 0.7, 0.3, 0.7, 0.7, 0.5])
    assert len(set(np.abs(a - b)[:4])) > 1
    comparison = compare(np.column_stack([a, b]))
    # Differences +1 +1 +1 -1 -2 -3: the first four share rank 2.5.
    assert comparison.statistic == 7.5
    assert compare(1e-6 * np.column_stack([a, b])).statistic == 7.5


@pytest.mark.parametrize("k", [2, 3, 6])
def test_ties_all_over(k: int) -> None:
    comparison = compare(np.full((6, k), 0.5))
    assert comparison.p_value == 1
    np.testing.assert_array_equal(comparison.pairwise_p_values, np.ones((k, k)))
    assert len(comparison.groups) == 1
    if k > 2:
        assert (comparison.statistic, comparison.f_statistic, comparison.f_p_value) == (0, 0, 1)
        assert "No difference is shown" in str(comparison)
    np.testing.assert_array_equal(compare(np.zeros((6, k))).p_value, 1)


@pytest.mark.parametrize(("n", "k"), [(2, 3), (7, 3), (10, 12), (33, 5)])
def test_the_same_ranks_everywhere(n: int, k: int) -> None:
    comparison = compare(np.tile(np.arange(k), (n, 1)))
    assert comparison.statistic == pytest.approx(n * (k - 1))
    assert (comparison.f_statistic, comparison.f_p_value) == (np.inf, 0)
    assert "= inf, p = 0." in str(comparison)


def test_false_alarms_under_equality() -> None:
    """Of 400 tables of equal classifiers, the tests at 10 % reject about that many or fewer."""
    rejected, pairs = 0, 0
    for seed in range(400):
        scores = np.random.default_rng(seed).random((15, 5))
        comparison = compare(scores, alpha=0.1)
        rejected += comparison.f_p_value < 0.1
        pairs += comparison.pairwise_p_values.min() < 0.1
    # Three standard deviations of a share of 0.1 out of 400 are 0.045.
    assert rejected / 400 == pytest.approx(0.1, abs=0.045)
    assert 0.04 < pairs / 400 < 0.145


def test_the_table() -> None:
    comparison = demsar(alpha=0.1)
    lines = str(comparison).splitlines()
    assert lines[0].split("  ")[0] == "classifier"
    assert lines[1] == lines[6] == "-" * len(lines[0])
    assert [line.split()[1] for line in lines[2:6]] == ["1.964", "2.000", "2.893", "3.143"]
    assert [line.split()[0] for line in lines[2:6]] == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert [line.split()[3] for line in lines[2:6]] == ["a", "a", "ab", "b"]
    assert "4 classifiers, 14 datasets; greater scores are better." in lines
    assert any(line.startswith("Friedman: chi2(3) = ") for line in lines)
    assert "if they are at least 1.118 apart." in lines[-1]
    assert all(line == line.rstrip() and len(line) <= 100 for line in lines)


def test_to_frame() -> None:
    comparison = demsar(alpha=0.1)
    frame = comparison.to_frame()
    assert list(frame.index) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert frame.index.name == "classifier"
    assert list(frame.columns) == ["average_rank", "wins", "group", "p_value"]
    assert list(frame["group"]) == ["a", "a", "ab", "b"]
    assert frame["wins"].sum() == pytest.approx(14, abs=0.02)
    # C4.5 is first on breast cancer and iris, and one of four on mushroom.
    assert frame.loc["C4.5", "wins"] == 2.25
    assert frame.loc["C4.5", "p_value"] == comparison.pairwise_p_values[0, 3]
    assert frame.loc["C4.5+m+cf", "p_value"] == 1


def test_to_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare(tables(0, 6, 3))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas, .* pip install pandas"):
        comparison.to_frame()


def test_letters_are_shared_by_those_that_do_not_differ() -> None:
    for seed in range(5):
        comparison = compare(tables(seed, 12, 9, spread=1.2))
        letters = comparison.to_frame()["group"]
        for (i, one), (j, other) in itertools.combinations(enumerate(comparison.classifiers), 2):
            common = set(letters[one]) & set(letters[other])
            assert bool(common) == (comparison.pairwise_p_values[i, j] > 0.05)


def test_what_the_text_warns_of() -> None:
    clear = np.tile(np.arange(4.0), (4, 1))
    assert "4 datasets are few: the test has little power" in str(compare(clear))
    assert "few" not in str(compare(np.tile(np.arange(4.0), (5, 1))))
    two = str(compare(tables(0, 5, 2)))
    assert "Two classifiers, hence Wilcoxon's signed-rank test: T = " in two
    assert "With 5 datasets its p cannot be below 0.0625: significance at 0.05 is out" in two
    assert "out of reach" not in str(compare(tables(0, 6, 2)))
    assert "Friedman" not in two
    assert "smaller scores are better" in str(compare(clear, greater_is_better=False))
    equal = str(compare(np.random.default_rng(0).random((10, 4))))
    assert "the Iman-Davenport test does not reject equal ranks" in equal
    assert "No difference" not in str(compare(np.tile(np.arange(4.0), (9, 1))))


@pytest.mark.parametrize("alpha", [0, 1, 5, "0.05", -0.1, float("nan")])
def test_bad_alpha(alpha: Any) -> None:
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1, both excluded, but got"):
        compare(tables(0, 6, 3), alpha=alpha)


def test_bad_results_are_refused() -> None:
    with pytest.raises(ValueError, match="but results lacks: 'b' on 'y'"):
        compare_classifiers({"a": {"x": 1, "y": 1}, "b": {"x": 1}})
