"""Scores of all kinds of classifiers, in one form."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklabelemb.decision import label_scores

random = np.random.RandomState(0)
X = random.randn(60, 5)


def indicator(n_labels):
    return (X[:, :n_labels] + 0.5 * random.randn(60, n_labels) > 0.3).astype(int)


CLASSIFIERS = {
    "one-vs-rest": OneVsRestClassifier(LogisticRegression()),
    "one-vs-rest of margins": OneVsRestClassifier(LinearSVC()),
    "multi-output": MultiOutputClassifier(LogisticRegression()),
    "chain": ClassifierChain(LogisticRegression(), random_state=0),
    "forest": RandomForestClassifier(n_estimators=20, random_state=0),
    "neighbours": KNeighborsClassifier(),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "network": MLPClassifier(max_iter=20, random_state=0),
    "ridge": RidgeClassifier(),
}


@pytest.mark.parametrize("n_labels", [2, 4])
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_zero_is_where_the_classifier_decides(name, n_labels):
    model = CLASSIFIERS[name].fit(X, indicator(n_labels))
    scores = label_scores(model, X, n_labels)
    assert scores.shape == (60, n_labels)
    assert scores.dtype == np.float64
    clear = np.abs(scores) > 1e-9  # a tie of neighbours or trees
    assert np.array_equal((scores > 0)[clear], model.predict(X).astype(bool)[clear])


def test_one_label():
    y = indicator(1)
    for model in (MultiOutputClassifier(LogisticRegression()), RandomForestClassifier(20)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forests want a 1-D y here
            scores = label_scores(model.fit(X, y), X, 1)
        assert scores.shape == (60, 1)
    binary = LogisticRegression().fit(X, y.ravel())
    for method in ("predict_proba", "decision_function"):
        scores = label_scores(binary, X, 1, response_method=method)
        assert np.allclose(scores[:, 0], binary.decision_function(X))


def test_a_label_that_was_never_seen_or_always():
    y = indicator(3)
    y[:, 0], y[:, 1] = 0, 1
    scores = label_scores(RandomForestClassifier(20, random_state=0).fit(X, y), X, 3)
    assert np.all(scores[:, 0] < -30)
    assert np.all(scores[:, 1] > 30)
    assert len(np.unique(scores[:, 2])) > 5


def test_probabilities_become_logits_and_zero_and_one_stay_finite():
    class Fixed:
        def predict_proba(self, X):
            return sp.csr_matrix(np.array([[0.0, 1.0, 0.25]]))

    scores = label_scores(Fixed(), None, 3)
    assert np.isfinite(scores).all()
    assert scores[0, 2] == pytest.approx(logit(0.25))


def test_errors():
    class Fixed:
        def __init__(self, answer):
            self.answer = np.asarray(answer)

        def decision_function(self, X):
            return self.answer

    with pytest.raises(ValueError, match=r"shape \(2, 2\), but y has 3 labels"):
        label_scores(Fixed(np.zeros((2, 2))), None, 3)
    with pytest.raises(ValueError, match="gave nan for sample 1 and label 0"):
        label_scores(Fixed([[0.0, 1.0], [np.nan, 0.0]]), None, 2)
    with pytest.raises(ValueError, match="gave inf for sample 0 and label 1"):
        label_scores(Fixed([[0.0, np.inf]]), None, 2)
    with pytest.raises(AttributeError, match="has no predict_proba and no decision_function"):
        label_scores(object(), None, 2)
    with pytest.raises(AttributeError, match="has no predict_proba:"):
        label_scores(Fixed(0), None, 2, response_method="predict_proba")
