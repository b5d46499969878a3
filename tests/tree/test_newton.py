"""The linear models of a node, against scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.svm import LinearSVC

from sklabelemb.tree import newton
from sklabelemb.tree.newton import squared_hinge


def problem(n_texts=80, n_features=12, n_labels=3, seed=0):
    random = np.random.default_rng(seed)
    X = sp.random(n_texts, n_features, 0.4, format="csr", dtype=np.float32, random_state=seed)
    X = sp.csr_matrix(sp.hstack([X, np.ones((n_texts, 1))]), dtype=np.float32)
    scores = X @ random.normal(size=(n_features + 1, n_labels)) + random.normal(
        size=(n_texts, n_labels)
    )
    return X, sp.csr_matrix((scores > 0.5).astype(np.float32))


def objective(X, targets, weights, C, sample_weight):
    sign = 2 * targets.toarray() - 1
    missing = np.maximum(1 - sign * (X @ weights), 0) ** 2
    return (weights**2).sum(axis=0) / 2 + C * (sample_weight[:, None] * missing).sum(axis=0)


@pytest.mark.parametrize("C", [0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_that_of_liblinear(C, weighted):
    X, targets = problem()
    weight = np.linspace(0.2, 3, 80).astype(np.float32) if weighted else np.ones(80)
    found = squared_hinge(X, targets, C=C, sample_weight=weight if weighted else None)
    expected = np.column_stack(
        [
            LinearSVC(C=C, tol=1e-8, max_iter=100_000, fit_intercept=False, random_state=0)
            .fit(X, column, sample_weight=weight)
            .coef_[0]
            for column in targets.toarray().T
        ]
    )
    best = objective(X, targets, expected, C, weight)
    reached = objective(X, targets, found, C, weight)
    assert np.all(reached < 1.001 * best)


def test_blocks_of_labels_change_nothing(monkeypatch):
    X, targets = problem()
    expected = squared_hinge(X, targets)
    monkeypatch.setattr(newton, "BLOCK", 80)
    np.testing.assert_allclose(squared_hinge(X, targets), expected, rtol=1e-4, atol=1e-5)


def test_further_steps_go_on_from_the_start(monkeypatch):
    X, targets = problem()
    start = squared_hinge(X, targets)
    monkeypatch.setattr(newton, "CG_STEPS", (4,))
    once = squared_hinge(X, targets)
    again = squared_hinge(X, targets, start=start)
    ones = np.ones(80)
    assert np.all(objective(X, targets, again, 1.0, ones) < objective(X, targets, once, 1.0, ones))
