"""The report against scikit-learn's functions, and its three forms."""

from __future__ import annotations

import re
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from matplotlib import pyplot
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    hamming_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from sklabelemb.metrics import multilabel_report, n_label_sets
from sklabelemb.metrics.decisions import hamming

matplotlib.use("Agg")

random = np.random.RandomState(0)
Y = (random.rand(80, 5) < [0.6, 0.4, 0.3, 0.2, 0.1]).astype(int)
SCORES = random.randn(80, 5) + 2 * Y - 1
PROBA = 1 / (1 + np.exp(-SCORES))
PREDICTED = (SCORES >= 0).astype(int)
NAMES = ["delivery", "refund", "returns", "payment", "account"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def test_the_figures_are_those_of_scikit_learn():
    report = multilabel_report(Y, PREDICTED)
    functions = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    for name, function in functions.items():
        expected = function(Y, PREDICTED, average=None, zero_division=0)
        assert np.allclose(report.labels[name], expected)
        for average, values in report.averages.items():
            expected = function(Y, PREDICTED, average=average, zero_division=0)
            assert values[name] == pytest.approx(expected)
    assert np.array_equal(report.labels["support"], Y.sum(axis=0))
    assert np.array_equal(report.labels["predicted"], PREDICTED.sum(axis=0))
    assert report.summary["hamming_loss"] == pytest.approx(hamming_loss(Y, PREDICTED))
    assert report.summary["subset_accuracy"] == pytest.approx(accuracy_score(Y, PREDICTED))
    assert report.summary["predicted_label_sets"] == n_label_sets(PREDICTED)
    assert "roc_auc" not in report.labels


def test_scores_bring_measures_of_ranking_and_probabilities_those_of_calibration():
    by_scores = multilabel_report(Y, SCORES)
    assert np.allclose(by_scores.labels["f1"], multilabel_report(Y, PREDICTED).labels["f1"])
    assert np.allclose(by_scores.labels["roc_auc"], roc_auc_score(Y, SCORES, average=None))
    assert by_scores.summary["average_precision_macro"] == pytest.approx(
        average_precision_score(Y, SCORES)
    )
    assert "calibration_error" not in by_scores.labels
    by_proba = multilabel_report(Y, PROBA)
    assert np.allclose(by_proba.labels["f1"], by_scores.labels["f1"])
    assert by_proba.labels["calibration_error"].shape == (5,)
    lower = multilabel_report(Y, PROBA, threshold=0.2)
    assert lower.averages["micro"]["recall"] > by_proba.averages["micro"]["recall"]
    both = multilabel_report(Y, PREDICTED[:, ::1], y_score=PROBA)
    assert both.summary == by_proba.summary


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, pd.DataFrame])
def test_containers(container):
    expected = multilabel_report(Y, PREDICTED, y_score=PROBA, y_train=Y[:40])
    report = multilabel_report(
        container(Y), container(PREDICTED), y_score=PROBA, y_train=container(Y[:40])
    )
    assert report.summary == expected.summary
    assert report.averages == expected.averages
    sparse_scores = multilabel_report(Y, sp.csr_matrix(PROBA))
    assert sparse_scores.summary == pytest.approx(multilabel_report(Y, PROBA).summary)


def test_names_of_the_labels():
    assert multilabel_report(Y, PREDICTED).label_names == ["0", "1", "2", "3", "4"]
    assert multilabel_report(pd.DataFrame(Y, columns=NAMES), PREDICTED).label_names == NAMES
    assert multilabel_report(Y, PREDICTED, label_names=NAMES).label_names == NAMES


def test_one_label_and_labels_that_are_never_true():
    one = multilabel_report(Y[:, :1], PREDICTED[:, :1], y_score=PROBA[:, :1])
    assert one.averages["micro"]["f1"] == pytest.approx(f1_score(Y[:, 0], PREDICTED[:, 0]))
    assert "precision_at_1" in one.summary
    assert "precision_at_3" not in one.summary
    truth = Y.copy()
    truth[:, 4] = 0
    report = multilabel_report(truth, PREDICTED, y_score=PROBA)
    assert np.isnan(report.labels["roc_auc"][4])
    assert "–" in str(report)


def test_text():
    text = str(multilabel_report(Y, PREDICTED, y_score=PROBA, label_names=NAMES, y_train=Y[:9]))
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[2:7]] == NAMES  # frequent labels first
    assert re.search(r"^macro average +0\.\d{3} +0\.\d{3} +0\.\d{3}$", text, re.MULTILINE)
    assert re.search(r"^predicted label sets not in training +\d+$", text, re.MULTILINE)
    assert all(line == line.rstrip() for line in lines)
    short = multilabel_report(Y, PREDICTED, label_names=NAMES).to_text(max_labels=2, digits=1)
    assert "(3 labels with fewer samples)" in short
    assert "returns" not in short
    long = multilabel_report(Y, PREDICTED, label_names=["x" * 300, *NAMES[1:]]).to_text()
    assert max(map(len, long.splitlines())) < 120


def test_frequent_labels_come_first_wherever_their_columns_are():
    turned = [3, 0, 4, 1, 2]
    names = [NAMES[i] for i in turned]
    report = multilabel_report(Y[:, turned], PREDICTED[:, turned], label_names=names)
    assert [line.split()[0] for line in str(report).splitlines()[2:7]] == NAMES
    assert list(report.to_frame().index) == names
    with pytest.raises(ValueError, match="max_labels must be None or at least 0, but got -1"):
        report.to_text(max_labels=-1)


def test_columns_go_by_name():
    truth = pd.DataFrame(Y, columns=NAMES)
    predicted = pd.DataFrame(PREDICTED, columns=NAMES)
    assert hamming(truth, predicted[NAMES[::-1]]) == hamming_loss(Y, PREDICTED)
    assert hamming(truth, predicted) == hamming_loss(Y, PREDICTED)


def test_frame(monkeypatch):
    report = multilabel_report(Y, PREDICTED, y_score=SCORES, label_names=NAMES)
    frame = report.to_frame()
    assert list(frame.index) == NAMES
    assert list(frame.columns) == list(report.labels)
    assert frame.loc["refund", "f1"] == report.labels["f1"][1]

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        report.to_frame()


def test_picture():
    report = multilabel_report(Y, PREDICTED, label_names=NAMES)
    ax = report.plot()
    assert [label.get_text().split()[0] for label in ax.get_yticklabels()] == NAMES
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(report.labels["f1"].tolist())
    _, given = pyplot.subplots()
    assert report.plot(given, max_labels=2) is given
    assert "3 more" in given.get_title()
    assert len(given.patches) == 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((Y, PREDICTED[:-1]), {}, "y_true has 80 samples (rows), but y_pred_or_score has 79"),
        ((Y, PROBA[:, :3]), {}, "y_true has 5 labels (columns), but y_pred_or_score has 3"),
        ((Y, np.where(PROBA > 0.9, np.nan, PROBA)), {}, "NaN, the first in row"),
        ((Y, PREDICTED), {"label_names": NAMES[:2]}, "one name for each of the 5 labels"),
        ((Y, PREDICTED), {"label_names": "abcde"}, "one name for each of the 5 labels"),
        ((Y, PROBA), {"y_score": PROBA}, "y_score was given beside scores"),
        ((Y[:, 0], PREDICTED[:, 0]), {}, "scikit-learn's own metrics"),
        ((Y, PREDICTED), {"label_names": set(NAMES)}, "must be a list with one name"),
        ((Y, PREDICTED), {"threshold": 0.3}, "holds predictions already"),
        ((Y, PREDICTED), {"y_train": Y[:, :2]}, "labels"),
    ],
)
def test_errors(arguments, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        multilabel_report(*arguments, **options)
