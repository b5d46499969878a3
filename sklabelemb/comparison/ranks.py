"""Several classifiers on several datasets: tests on their ranks."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy import stats

from sklabelemb.comparison.picture import CriticalDifferenceDisplay
from sklabelemb.comparison.results import read_results

__all__ = ["ClassifierComparison", "compare_classifiers"]

# With fewer datasets than this, only obvious differences become significant.
FEW_DATASETS = 5
# Differences that are equal on paper, 0.9 - 0.8 and 0.5 - 0.4, differ in binary by less than this
# share of the scores.
ROUNDING_DIGITS = 12
HEADS = ("classifier", "average rank", "wins", "group", "p against best")


@dataclass(frozen=True, eq=False, repr=False)
class ClassifierComparison:
    """Result of :func:`compare_classifiers`; print it for a table and the tests.

    Attributes
    ----------
    classifiers : tuple of str, length n_classifiers
        In the order of the results.
    datasets : tuple of str, length n_datasets
    scores, ranks : ndarray of shape (n_datasets, n_classifiers)
        Rank 1 is the best score of a dataset; equal scores share the mean of their ranks.
    average_ranks : ndarray of shape (n_classifiers,)
        Mean of the ranks over the datasets.
    test : {"friedman", "wilcoxon"}
        Which test the next two come from: Wilcoxon's if there are two classifiers.
    statistic, p_value : float
        Friedman's chi-square, corrected for ties; or the smaller sum of Wilcoxon's signed ranks.
    f_statistic, f_p_value : float or None
        Iman's and Davenport's F, which is less conservative; None for two classifiers.
    critical_difference : float or None
        Of average ranks, by Nemenyi's test at level `alpha`; None for two classifiers.
    pairwise_p_values : ndarray of shape (n_classifiers, n_classifiers)
        Nemenyi's test for each pair, which allows for the number of pairs; 1 on the diagonal. For
        two classifiers, Wilcoxon's p.
    groups : tuple of tuple of str
        The largest sets (of two or more, best classifier first) that do not differ significantly.
        They may overlap.
    alpha : float
        Level of significance.
    greater_is_better : bool
        Whether rank 1 is the greatest score.
    """

    classifiers: tuple[str, ...]
    datasets: tuple[str, ...]
    scores: np.ndarray
    ranks: np.ndarray
    average_ranks: np.ndarray
    test: str
    statistic: float
    p_value: float
    f_statistic: float | None
    f_p_value: float | None
    critical_difference: float | None
    pairwise_p_values: np.ndarray
    groups: tuple[tuple[str, ...], ...]
    alpha: float
    greater_is_better: bool

    def __str__(self) -> str:
        rows = self._cells()
        widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (HEADS, *rows)
        ]
        rule = "-" * sum(widths, 2 * (len(widths) - 1))
        return "\n".join([lines[0], rule, *lines[1:], rule, *self._findings()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Table, render_tables

        title = f"{len(self.classifiers)} classifiers on {len(self.datasets)} datasets"
        return render_tables(title, Table(HEADS, self._cells()), notes=self._findings())

    def _cells(self) -> list[tuple[str, ...]]:
        """The table as it is shown."""
        return [
            (name, f"{rank:.3f}", f"{wins:g}", letters, f"{p:.3g}")
            for name, rank, wins, letters, p in self._rows()
        ]

    def to_frame(self) -> Any:
        """The printed table as a pandas DataFrame.

        Returns
        -------
        DataFrame, one row per classifier, best first
            ``average_rank``; ``wins``, the number of datasets on which it is first, shared where
            several are; ``group``, where classifiers with a common letter do not differ
            significantly; ``p_value``, of the difference from the best classifier.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "A comparison as a DataFrame needs pandas, which is not installed. Install it "
                "with: pip install pandas"
            ) from error
        names, *columns = zip(*self._rows(), strict=True)
        heads = ("average_rank", "wins", "group", "p_value")
        return pd.DataFrame(
            dict(zip(heads, map(list, columns), strict=True)),
            index=pd.Index(names, name="classifier"),
        )

    def plot(self, ax: Any = None) -> CriticalDifferenceDisplay:
        """Draw the critical-difference diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure that is as large as the names need.

        Returns
        -------
        CriticalDifferenceDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        display = CriticalDifferenceDisplay(
            classifiers=self.classifiers,
            average_ranks=self.average_ranks,
            groups=self.groups,
            critical_difference=self.critical_difference,
        )
        return display.plot(ax=ax)

    def _rows(self) -> list[tuple[str, float, float, str, float]]:
        """Name, average rank, wins, group letters and p against the best, best first."""
        order = np.argsort(self.average_ranks, kind="stable")
        first = self.ranks == self.ranks.min(axis=1, keepdims=True)
        wins = (first / first.sum(axis=1, keepdims=True)).sum(axis=0)
        letters = _letters(self.groups, [self.classifiers[j] for j in order])
        return [
            (
                self.classifiers[j],
                float(self.average_ranks[j]),
                float(np.round(wins[j], 2)),
                letters[self.classifiers[j]],
                float(self.pairwise_p_values[j, order[0]]),
            )
            for j in order
        ]

    def _findings(self) -> list[str]:
        """The tests in sentences."""
        n_datasets, k = self.scores.shape
        better = "greater" if self.greater_is_better else "smaller"
        lines = [f"{k} classifiers, {n_datasets} datasets; {better} scores are better."]
        if self.test == "wilcoxon":
            lines.append(
                f"Two classifiers, hence Wilcoxon's signed-rank test: T = {self.statistic:g}, "
                f"p = {self.p_value:.3g}."
            )
            if 2.0 ** (1 - n_datasets) >= self.alpha:
                lines.append(
                    f"With {n_datasets} datasets its p cannot be below {2.0 ** (1 - n_datasets):g}:"
                    f" significance at {self.alpha:g} is out of reach."
                )
        else:
            lines += [
                f"Friedman: chi2({k - 1}) = {self.statistic:.3f}, p = {self.p_value:.3g}; "
                f"Iman-Davenport: F({k - 1}, {(k - 1) * (n_datasets - 1)}) = "
                f"{self.f_statistic:.3f}, p = {self.f_p_value:.3g}.",
                f"Nemenyi: average ranks differ at alpha = {self.alpha:g} if they are at least "
                f"{self.critical_difference:.3f} apart.",
            ]
            if self.f_p_value is not None and self.f_p_value >= self.alpha:
                lines.append(
                    "No difference is shown: the Iman-Davenport test does not reject equal ranks, "
                    "so the single pairs must not be read as findings."
                )
            elif len(self.groups) == 1 and len(self.groups[0]) == k:
                lines.append(
                    "The classifiers differ, but Nemenyi's test does not say which: no pair is "
                    "far enough apart."
                )
        if n_datasets < FEW_DATASETS:
            lines.append(
                f"{n_datasets} datasets are few: the test has little power, and no significance "
                "does not mean no difference."
            )
        return lines


def compare_classifiers(
    results: Any,
    *,
    alpha: float = 0.05,
    greater_is_better: bool = True,
    classifiers: Any = None,
    datasets: Any = None,
) -> ClassifierComparison:
    r"""Compare classifiers over several datasets (Friedman and Nemenyi tests).

    On each of :math:`N` datasets the :math:`k` classifiers are ranked, best first. If all were
    equally good, the average ranks :math:`R_j` would be about equal: Friedman's test [2]_, and the
    sharper F of Iman and Davenport [3]_. Two of them differ significantly by Nemenyi's test [4]_ if
    their average ranks are at least the critical difference apart:

    .. math::

        \chi^2_F &= \frac{12 N}{k (k + 1)} \Big(\sum_j R_j^2 - \frac{k (k + 1)^2}{4}\Big) \Big/ C \\
        F_F &= \frac{(N - 1) \chi^2_F}{N (k - 1) - \chi^2_F} \\
        CD &= q_\alpha \sqrt{\frac{k (k + 1)}{6 N}}

    :math:`C = 1 - \sum (t^3 - t) / (N k (k^2 - 1))` corrects for groups of :math:`t` equal scores
    (Demšar [1]_ leaves it out), and :math:`q_\alpha` is the quantile of the studentized range for
    :math:`k` groups, over :math:`\sqrt{2}`. For two classifiers Wilcoxon's signed-rank test takes
    the place of all this, as Demšar advises; the ranks of zero differences are split evenly.

    Parameters
    ----------
    results : DataFrame, mapping or array-like
        One score for each classifier on each dataset, a mean over folds or seeds if there are
        several: a DataFrame with one row per dataset and one column per classifier; a mapping
        ``{classifier: {dataset: score}}``, or ``{classifier: scores}`` with the datasets in the
        same order; or an array of shape (n_datasets, n_classifiers) with `classifiers`.
    alpha : float, default=0.05
        Level of significance.
    greater_is_better : bool, default=True
        False for losses, such as the Hamming loss.
    classifiers, datasets : sequence of str, default=None
        Names, for results that have none. Datasets without names are numbered from 1.

    Returns
    -------
    ClassifierComparison

    Raises
    ------
    ValueError
        When a score is missing (the message says which), is no finite number, or there are fewer
        than two classifiers or datasets.

    See Also
    --------
    paired_bootstrap : Two classifiers on the texts of one test set.

    Notes
    -----
    The samples of these tests are datasets. Do not pass folds or seeds of one dataset as datasets:
    they share their texts, so the tests would find spurious differences. Scores that are equal to
    the last bit are ties; scores rounded for a table have ties that the runs did not.

    References
    ----------
    .. [1] J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of
       Machine Learning Research 7, 2006, sections 3.1.3 and 3.2.2.
    .. [2] M. Friedman, "The Use of Ranks to Avoid the Assumption of Normality Implicit in the
       Analysis of Variance", Journal of the American Statistical Association 32, 1937.
    .. [3] R. L. Iman and J. M. Davenport, "Approximations of the Critical Region of the Friedman
       Statistic", Communications in Statistics 9, 1980.
    .. [4] P. B. Nemenyi, "Distribution-free Multiple Comparisons", PhD thesis, Princeton
       University, 1963.

    Examples
    --------
    >>> from sklabelemb.comparison import compare_classifiers
    >>> comparison = compare_classifiers(
    ...     {
    ...         "LEAM": [0.81, 0.77, 0.68, 0.90, 0.72, 0.85, 0.61, 0.79],
    ...         "linear": [0.80, 0.74, 0.69, 0.88, 0.70, 0.84, 0.58, 0.76],
    ...         "majority": [0.31, 0.22, 0.18, 0.40, 0.25, 0.33, 0.12, 0.28],
    ...     }
    ... )
    >>> print(comparison)
    classifier  average rank  wins  group  p against best
    -----------------------------------------------------
    LEAM               1.125     7      a               1
    linear             1.875     1     ab           0.291
    majority           3.000     0      b        0.000519
    -----------------------------------------------------
    3 classifiers, 8 datasets; greater scores are better.
    Friedman: chi2(2) = 14.250, p = 0.000805; Iman-Davenport: F(2, 14) = 57.000, p = 1.87e-07.
    Nemenyi: average ranks differ at alpha = 0.05 if they are at least 1.172 apart.
    """
    if not isinstance(alpha, Real) or not 0 < float(alpha) < 1:
        raise ValueError(f"alpha must lie between 0 and 1, both excluded, but got {alpha!r}.")
    alpha = float(alpha)
    names, rows, scores = read_results(results, classifiers, datasets)
    n_datasets, k = scores.shape
    ranks = stats.rankdata(-scores if greater_is_better else scores, axis=1)
    average_ranks = ranks.mean(axis=0)
    f_statistic = f_p_value = critical_difference = None
    if k == 2:
        statistic, p_value = _wilcoxon(scores)
        pairwise = np.array([[1.0, p_value], [p_value, 1.0]])
        close = pairwise > alpha
    else:
        statistic, p_value = _friedman(ranks)
        f_statistic, f_p_value = _iman_davenport(statistic, n_datasets, k)
        unit = np.sqrt(k * (k + 1) / (6 * n_datasets))
        quantile = stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
        critical_difference = float(quantile * unit)
        gaps = np.abs(average_ranks[:, None] - average_ranks)
        pairwise = stats.studentized_range.sf(np.sqrt(2) * gaps / unit, k, np.inf)
        close = gaps < critical_difference
    return ClassifierComparison(
        classifiers=names,
        datasets=rows,
        scores=scores,
        ranks=ranks,
        average_ranks=average_ranks,
        test="wilcoxon" if k == 2 else "friedman",
        statistic=statistic,
        p_value=p_value,
        f_statistic=f_statistic,
        f_p_value=f_p_value,
        critical_difference=critical_difference,
        pairwise_p_values=pairwise,
        groups=_groups(names, average_ranks, close),
        alpha=alpha,
        greater_is_better=bool(greater_is_better),
    )


def _wilcoxon(scores: np.ndarray) -> tuple[float, float]:
    scale = np.abs(scores).max() or 1.0
    differences = np.round((scores[:, 0] - scores[:, 1]) / scale, ROUNDING_DIGITS)
    test = stats.wilcoxon(differences, zero_method="zsplit")
    return float(test.statistic), float(test.pvalue)


def _friedman(ranks: np.ndarray) -> tuple[float, float]:
    if np.all(ranks == ranks[:, :1]):  # ties all over, where the correction would divide by 0
        return 0.0, 1.0
    test = stats.friedmanchisquare(*ranks.T)
    return float(test.statistic), float(test.pvalue)


def _iman_davenport(chi_square: float, n_datasets: int, k: int) -> tuple[float, float]:
    rest = n_datasets * (k - 1) - chi_square
    if rest < 1e-9 * n_datasets:  # every dataset gives the same ranks, up to rounding
        return float("inf"), 0.0
    f_statistic = (n_datasets - 1) * chi_square / rest
    p_value = stats.f.sf(f_statistic, k - 1, (k - 1) * (n_datasets - 1))
    return float(f_statistic), float(p_value)


def _groups(
    names: tuple[str, ...], average_ranks: np.ndarray, close: np.ndarray
) -> tuple[tuple[str, ...], ...]:
    """Maximal sets whose members are all close: stretches of the ranking, best first."""
    order = np.argsort(average_ranks, kind="stable")
    groups: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and close[order[start], order[stop]]:
            stop += 1
        if stop > reached and stop - start > 1:
            groups.append(tuple(names[j] for j in order[start:stop]))
        reached = max(reached, stop)
    return tuple(groups)


def _letters(groups: tuple[tuple[str, ...], ...], ranking: list[str]) -> dict[str, str]:
    """One letter per group, and one for each classifier without a group, starting with the best."""
    alone = [(name,) for name in ranking if not any(name in group for group in groups)]
    sets = sorted([*groups, *alone], key=lambda members: ranking.index(members[0]))
    return {
        name: "".join(_letter(i) for i, members in enumerate(sets) if name in members)
        for name in ranking
    }


def _letter(number: int) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return alphabet[number] if number < len(alphabet) else f"({number + 1})"
