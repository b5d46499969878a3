"""Promise 3: labels are known by name, and classes_ is what scikit-learn's scorers expect."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score

from .small import TARGETS, fitted


def test_scorers_are_right_with_two_labels(name):
    X, y = TARGETS["two labels"]
    model = fitted(name, "two labels")
    assert model.classes_.shape == (2, 2)
    y = y.copy()
    y[::7] = 1 - y[::7]  # a perfect score would hide a wrong one
    proba, scores = model.predict_proba(X), model.decision_function(X)

    predicted = model.predict(X)
    hits = (predicted * y).sum()
    assert get_scorer("f1_micro")(model, X, y) == pytest.approx(
        2 * hits / (predicted.sum() + y.sum())
    )
    assert get_scorer("accuracy")(model, X, y) == pytest.approx((predicted == y).all(1).mean())
    by_hand = {
        "roc_auc": np.mean([roc_auc_score(y[:, k], scores[:, k]) for k in (0, 1)]),
        "average_precision": np.mean(
            [average_precision_score(y[:, k], scores[:, k]) for k in (0, 1)]
        ),
    }
    for scorer, value in by_hand.items():
        assert get_scorer(scorer)(model, X, y) == pytest.approx(value), scorer
    # scikit-learn knows no log-loss for label sets: it takes the labels for exclusive classes, says
    # so, and adds up the logarithms of the labels that are there.
    with pytest.warns(UserWarning, match="do not sum to one"):
        score = get_scorer("neg_log_loss")(model, X, y)
    assert score == pytest.approx(np.mean((y * np.log(proba)).sum(axis=1)))


def test_scorers_are_right_with_two_classes(name):
    X, y = TARGETS["two classes"]
    model = fitted(name, "two classes")
    y = y.copy()
    y[::7] = np.where(y[::7] == "yes", "no", "yes")
    proba = model.predict_proba(X)
    assert model.classes_.tolist() == ["no", "yes"]
    codes = np.searchsorted(model.classes_, y)
    assert get_scorer("neg_log_loss")(model, X, y) == pytest.approx(
        np.mean(np.log(proba[np.arange(60), codes]))
    )
    assert get_scorer("roc_auc")(model, X, y) == pytest.approx(roc_auc_score(codes, proba[:, 1]))
