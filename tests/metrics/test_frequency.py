"""F1 by frequency, against loops and scikit-learn's f1_score."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import f1_score

from sklabelemb.metrics import (
    FrequencyGroups,
    f1_by_label_frequency,
    micro_f1_without_frequent_labels,
)


def data(seed, n_labels=None, ties=True):
    random = np.random.RandomState(seed)
    n_labels = n_labels or random.randint(1, 8)
    y = (random.rand(15, n_labels) < 0.4).astype(int)
    pred = np.where(random.rand(15, n_labels) < 0.7, y, 1 - y)
    y[:, 0] = 0
    if seed % 2:
        pred[:, 0] = 0
    train = (random.rand(9 if ties else 200, n_labels) < random.rand(n_labels)).astype(int)
    return y, pred, train


def counts(y, pred, labels):
    hits = total = 0
    for truth, p in zip(y.tolist(), pred.tolist(), strict=True):
        for label in labels:
            hits += truth[label] and p[label]
            total += truth[label] + p[label]
    return hits, total


def f1(y, pred, labels):
    hits, total = counts(y, pred, labels)
    return 2 * hits / total if total else 0.0


def group_of(label, frequency, n_groups):
    """Where the middle of the labels as frequent as this one falls."""
    lower = sum(f < frequency[label] for f in frequency)
    equal = sum(f == frequency[label] for f in frequency)
    return (2 * lower + equal) * n_groups // (2 * len(frequency))


def check(result, y, pred, frequency, group):
    members = {}
    for label, g in enumerate(group):
        members.setdefault(g, []).append(label)
    assert isinstance(result, FrequencyGroups)
    assert [labels.tolist() for labels in result.labels] == [members[g] for g in sorted(members)]
    assert len(result) == len(members)
    for i, g in enumerate(sorted(members)):
        labels = members[g]
        assert result.n_labels[i] == len(labels)
        assert result.lowest_frequency[i] == min(frequency[label] for label in labels)
        assert result.highest_frequency[i] == max(frequency[label] for label in labels)
        assert result.micro_f1[i] == pytest.approx(f1(y, pred, labels))
        each = [f1(y, pred, [label]) for label in labels]
        assert result.macro_f1[i] == pytest.approx(sum(each) / len(each))


@pytest.mark.parametrize("seed", range(25))
def test_groups(seed):
    y, pred, train = data(seed)
    frequency = train.sum(axis=0).tolist()
    for n_groups in (1, 2, 4, 9):
        group = [group_of(label, frequency, n_groups) for label in range(len(frequency))]
        forms = [
            (y, pred, train),
            (sp.csr_matrix(y), sp.csr_array(pred), sp.csc_matrix(train)),
            (pd.DataFrame(y), pd.DataFrame(pred), pd.DataFrame(train)),
        ]
        # One form at a time: every three seeds take them all.
        truth, p, trained = forms[seed % 3]
        result = f1_by_label_frequency(truth, p, y_train=trained, n_groups=n_groups)
        check(result, y, pred, frequency, group)
        by_counts = f1_by_label_frequency(y, pred, frequencies=frequency, n_groups=n_groups)
        check(by_counts, y, pred, frequency, group)
    for edges in ([3], [0, 2, 5], [2.5, 100]):
        group = [sum(f >= edge for edge in edges) for f in frequency]
        check(f1_by_label_frequency(y, pred, y_train=train, edges=edges), y, pred, frequency, group)


@pytest.mark.parametrize("n_labels", [4, 7, 10])
@pytest.mark.parametrize("n_groups", [2, 3, 4])
def test_groups_without_ties_are_of_equal_size(n_labels, n_groups):
    y, pred, _ = data(0, n_labels)
    frequency = np.random.RandomState(0).permutation(n_labels) / 100
    result = f1_by_label_frequency(y, pred, frequencies=frequency, n_groups=n_groups)
    assert len(result) == n_groups
    assert np.ptp(result.n_labels) <= 1
    assert np.all(result.lowest_frequency[1:] > result.highest_frequency[:-1])


@pytest.mark.parametrize("seed", range(5))
def test_order_of_columns_does_not_matter(seed):
    y, pred, train = data(seed, n_labels=7)
    order = np.random.RandomState(seed).permutation(7)
    one = f1_by_label_frequency(y, pred, y_train=train, n_groups=3)
    other = f1_by_label_frequency(y[:, order], pred[:, order], y_train=train[:, order], n_groups=3)
    assert other.macro_f1 == pytest.approx(one.macro_f1)
    assert [set(order[labels]) for labels in other.labels] == [set(v) for v in one.labels]
    curve = micro_f1_without_frequent_labels(y, pred, k=range(7), y_train=train)
    assert micro_f1_without_frequent_labels(
        y[:, order], pred[:, order], k=range(7), y_train=train[:, order]
    ) == pytest.approx(curve)


@pytest.mark.parametrize("seed", range(20))
def test_without_frequent_labels(seed):
    """Over all orders of labels of the same frequency, the counts have this mean."""
    y, pred, train = data(seed)
    n_labels = y.shape[1]
    frequency = train.sum(axis=0)
    orders = [
        order
        for order in itertools.permutations(range(n_labels))
        if np.all(np.diff(frequency[list(order)]) <= 0)
    ]
    expected = []
    for k in range(n_labels):
        both = np.mean([counts(y, pred, order[k:]) for order in orders], axis=0)
        expected.append(2 * both[0] / both[1] if both[1] else 0.0)
    for truth, p, trained in (
        (y, pred, train),
        (sp.csr_matrix(y), sp.csr_array(pred), sp.csr_matrix(train)),
        (pd.DataFrame(y), pd.DataFrame(pred), pd.DataFrame(train)),
    ):
        ks = list(range(n_labels))
        curve = micro_f1_without_frequent_labels(truth, p, k=ks, y_train=trained)
        assert curve.dtype == np.float64
        assert curve == pytest.approx(expected)
    single = micro_f1_without_frequent_labels(y, pred, k=n_labels - 1, frequencies=frequency)
    assert isinstance(single, float)
    assert single == pytest.approx(expected[-1])


@pytest.mark.parametrize("n_labels", [2, 6])
def test_is_the_f1_of_scikit_learn(n_labels):
    y, pred, _ = data(3, n_labels)
    frequency = np.random.RandomState(1).permutation(n_labels)
    rare_first = np.argsort(frequency)
    for k in range(n_labels):
        assert micro_f1_without_frequent_labels(
            y, pred, k=k, frequencies=frequency
        ) == pytest.approx(
            f1_score(y, pred, labels=rare_first[: n_labels - k], average="micro", zero_division=0)
        )
    result = f1_by_label_frequency(y, pred, frequencies=frequency, n_groups=1)
    assert result.macro_f1[0] == pytest.approx(f1_score(y, pred, average="macro", zero_division=0))


def test_text_and_picture():
    y, pred, _ = data(2, n_labels=4)
    result = f1_by_label_frequency(y, pred, frequencies=[1_234_567, 8, 8, 0.125], edges=[1, 100])
    lines = str(result).splitlines()
    assert lines[0].split() == ["training", "frequency", "labels", "macro-F1", "micro-F1"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["0.125", "1"],
        ["8", "2"],
        ["1234567", "1"],
    ]
    assert lines[2].split()[2:] == [f"{result.macro_f1[1]:.3f}", f"{result.micro_f1[1]:.3f}"]
    assert len({len(line) for line in lines}) == 1
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    ax = result.plot()
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([*result.macro_f1, *result.micro_f1])
    names = [tick.get_text() for tick in ax.get_xticklabels()]
    assert names == ["0.125\n(1 label)", "8\n(2 labels)", "1234567\n(1 label)"]
    _, given = pyplot.subplots()
    assert result.plot(given) is given
    pyplot.close("all")


def test_refused():
    y, pred, train = data(0, n_labels=3)
    for function, options in (
        (f1_by_label_frequency, {}),
        (micro_f1_without_frequent_labels, {"k": 1}),
    ):
        with pytest.raises(ValueError, match=r"y_true has 15 samples .* y_pred has 2"):
            function(y, pred[:2], y_train=train, **options)
        with pytest.raises(ValueError, match=r"y_true has 3 labels .* y_pred has 2"):
            function(y, pred[:, :2], y_train=train, **options)
        with pytest.raises(ValueError, match=r"y_true has 3 labels .* y_train has 2"):
            function(y, pred, y_train=train[:, :2], **options)
        with pytest.raises(ValueError, match="but neither was given"):
            function(y, pred, **options)
        with pytest.raises(ValueError, match="but both were given"):
            function(y, pred, y_train=train, frequencies=[1, 2, 3], **options)
        with pytest.raises(ValueError, match=r"for each of the 3 labels, but it has shape \(2,\)"):
            function(y, pred, frequencies=[1, 2], **options)
        for frequencies in ([1, 2, -1], [1, 2, np.nan], ["a", "b", "c"]):
            with pytest.raises(ValueError, match="must be finite numbers, none of them negative"):
                function(y, pred, frequencies=frequencies, **options)
    for n_groups in (0, 1.5, True):
        with pytest.raises(ValueError, match="n_groups must be a whole number of at least 1"):
            f1_by_label_frequency(y, pred, y_train=train, n_groups=n_groups)
    for edges in ([3, 2], [], [[1, 2]], [1, 1]):
        with pytest.raises(ValueError, match="edges must be numbers in ascending order"):
            f1_by_label_frequency(y, pred, y_train=train, edges=edges)
    for k in (3, -1, [0, 3]):
        with pytest.raises(ValueError, match="k must be between 0 and 2, so that at least one"):
            micro_f1_without_frequent_labels(y, pred, k=k, y_train=train)
    for k in (1.0, True, "1"):
        with pytest.raises(ValueError, match="k must be a whole number or a sequence of them"):
            micro_f1_without_frequent_labels(y, pred, k=k, y_train=train)
