"""Scorers: the right figure for any classifier, any number of labels, any container."""

from __future__ import annotations

import functools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    ndcg_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from sklabelemb import BinaryRelevance, LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.metrics import SCORERS

random = np.random.RandomState(0)
X = random.randn(200, 6)
Y = (X + random.randn(200, 6) > 0.3).astype(int)

PREDICTION = {
    "precision": precision_score,
    "recall": recall_score,
    "f1": f1_score,
}
CLASSIFIERS = {
    "one-vs-rest": OneVsRestClassifier(LogisticRegression()),
    "margins": OneVsRestClassifier(LinearSVC()),
    "multi-output": MultiOutputClassifier(LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=20, random_state=0),
}


def expected(name, model, X, y):
    """The figure, from the definition, with labels enough for scikit-learn to be right."""
    measure, _, average = name.rpartition("_")
    if measure in PREDICTION:
        return PREDICTION[measure](y, model.predict(X), average=average, zero_division=0)
    if name == "neg_hamming_loss":
        return -hamming_loss(y, model.predict(X))
    if name == "accuracy":
        return accuracy_score(y, model.predict(X))
    if hasattr(model, "predict_proba"):
        scores = model.predict_proba(X)
        if isinstance(scores, list):
            scores = np.column_stack([s[:, 1] for s in scores])
    else:
        scores = model.decision_function(X)
    k = min(int(name[-1]), y.shape[1]) if name[-1].isdigit() else None
    if name.startswith("precision_at"):
        hits = []
        for truth, score in zip(y, scores, strict=True):
            kth = np.sort(score)[-k]
            sure = truth[score > kth].sum()
            # Tied labels share the places that are left.
            left = k - (score > kth).sum()
            hits.append(sure + left * truth[score == kth].mean())
        return np.mean(hits) / k
    if name.startswith("ndcg"):
        some = y.any(axis=1)
        return ndcg_score(y[some], scores[some], k=k)
    return roc_auc_score(y, scores, average=average)


@functools.cache
def fitted(classifier, n_labels):
    """A classifier that tests look at and do not change."""
    return clone(CLASSIFIERS[classifier]).fit(X[:100], Y[:100, :n_labels])


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("n_labels", [2, 6])
def test_figures(name, classifier, n_labels):
    model = fitted(classifier, n_labels)
    held_out, truth = X[100:], Y[100:, :n_labels]
    if name == "ndcg_at_5" and n_labels == 2:
        # scikit-learn refuses nothing here, yet the rows without labels must be left out
        assert truth.any(axis=1).sum() > 10
    value = SCORERS[name](model, held_out, truth)
    assert isinstance(value, float)
    assert value == pytest.approx(expected(name, model, held_out, truth), abs=1e-9)
    for container in (sp.csr_matrix, sp.csr_array, pd.DataFrame):
        assert SCORERS[name](model, held_out, container(truth)) == pytest.approx(value, abs=1e-12)


def test_one_label_is_not_taken_for_classes():
    y = Y[:, :1]
    model = MultiOutputClassifier(LogisticRegression()).fit(X[:100], y[:100])
    truth, predicted = y[100:, 0], model.predict(X[100:])[:, 0]
    scores = model.predict_proba(X[100:])[0][:, 1]
    for average in ("micro", "macro"):
        for measure, function in PREDICTION.items():
            assert SCORERS[f"{measure}_{average}"](model, X[100:], y[100:]) == pytest.approx(
                function(truth, predicted)
            )
        assert SCORERS[f"roc_auc_{average}"](model, X[100:], y[100:]) == pytest.approx(
            roc_auc_score(truth, scores)
        )
    assert SCORERS["neg_hamming_loss"](model, X[100:], y[100:]) == -hamming_loss(truth, predicted)
    assert SCORERS["accuracy"](model, X[100:], y[100:]) == accuracy_score(truth, predicted)
    for k in (1, 3, 5):  # the only label there is
        assert SCORERS[f"precision_at_{k}"](model, X[100:], y[100:]) == pytest.approx(truth.mean())
    assert SCORERS["ndcg_at_5"](model, X[100:], y[100:]) == pytest.approx(1.0)
    binary = LogisticRegression().fit(X[:100], y[:100, 0])  # predicts a 1-D array
    assert SCORERS["f1_micro"](binary, X[100:], y[100:]) == pytest.approx(
        f1_score(truth, binary.predict(X[100:]))
    )


def test_labels_absent_from_a_fold():
    y = Y.copy()
    y[:, 5] = np.arange(200) == 3  # in the first of two folds only
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
        result = cross_validate(
            OneVsRestClassifier(LogisticRegression()), X, y, scoring=SCORERS, cv=KFold(2)
        )
    for name in SCORERS:
        assert np.isfinite(result[f"test_{name}"]).all(), name
    model = OneVsRestClassifier(LogisticRegression()).fit(X[:100], y[:100])
    with_it = SCORERS["roc_auc_macro"](model, X[100:], y[100:])
    without = roc_auc_score(y[100:, :5], model.predict_proba(X[100:])[:, :5])
    assert with_it == pytest.approx(without)


def test_as_the_scoring_of_a_search():
    search = GridSearchCV(
        OneVsRestClassifier(LogisticRegression()),
        {"estimator__C": [0.001, 1.0]},
        scoring=SCORERS,
        refit="f1_micro",
        cv=2,
        error_score="raise",
    ).fit(X, Y)
    assert search.best_params_ == {"estimator__C": 1.0}
    assert set(SCORERS) == {
        key.removeprefix("mean_test_") for key in search.cv_results_ if "mean_test" in key
    }
    alone = GridSearchCV(
        OneVsRestClassifier(LogisticRegression()),
        {"estimator__C": [0.001, 1.0]},
        scoring=SCORERS["precision_at_1"],
        cv=2,
        n_jobs=2,
    ).fit(X, Y)
    assert np.array_equal(
        alone.cv_results_["mean_test_score"], search.cv_results_["mean_test_precision_at_1"]
    )


class Counting(ClassifierMixin, BaseEstimator):
    """Counts how often it is asked."""

    calls = 0

    def fit(self, X, y):
        self.model_ = MultiOutputClassifier(LogisticRegression()).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        Counting.calls += 1
        return self.model_.predict(X)

    def predict_proba(self, X):
        Counting.calls += 1
        return self.model_.predict_proba(X)


def test_a_classifier_is_asked_once_for_all_figures():
    Counting.calls = 0
    cross_validate(Counting(), X, Y, scoring=SCORERS, cv=3, error_score="raise")
    assert Counting.calls == 2 * 3  # labels and scores, for each fold


def test_beside_scorers_of_scikit_learn():
    """Answers are kept for the other scorers: ours must not be mistaken for theirs."""
    y = Y[:, :2]
    mixed = {
        "ours": SCORERS["roc_auc_macro"],
        "theirs": "roc_auc",
        "precision": SCORERS["precision_at_1"],
        "predicted": "f1_macro",
    }
    model = MultiOutputClassifier(LogisticRegression())
    together = cross_validate(model, X, y, scoring=mixed, cv=2, error_score="raise")
    for name, scorer in mixed.items():
        alone = cross_validate(model, X, y, scoring=scorer, cv=2, error_score="raise")
        assert np.array_equal(together[f"test_{name}"], alone["test_score"])


def test_sample_weight():
    model = OneVsRestClassifier(LogisticRegression()).fit(X, Y)
    weight = np.arange(200) % 3
    for name, scorer in SCORERS.items():
        repeated = np.repeat(np.arange(200), weight)
        assert scorer(model, X, Y, sample_weight=weight) == pytest.approx(
            scorer(model, X[repeated], Y[repeated]), abs=1e-9
        ), name
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = pickle.loads(pickle.dumps(SCORERS["f1_micro"])).set_score_request(
            sample_weight=True
        )
        result = cross_validate(
            MultiOutputClassifier(LogisticRegression().set_fit_request(sample_weight=False)),
            X,
            Y,
            scoring=scorer,
            cv=2,
            params={"sample_weight": weight},
        )
    assert result["test_score"].shape == (2,)


def test_raw_text():
    texts, y = load_support_requests(return_X_y=True)
    texts, y = texts[:150], y[:150]
    leam = LEAMClassifier(embedding_dim=8, max_epochs=2, random_state=0)
    for model in (BinaryRelevance(), leam):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* labels have no positive sample")
            result = cross_validate(model, texts, y, scoring=SCORERS, cv=2, error_score="raise")
        assert all(np.isfinite(result[f"test_{name}"]).all() for name in SCORERS)


def test_classes_are_refused():
    model = LogisticRegression().fit(X, Y[:, 0])
    for name in ("f1_micro", "precision_at_1"):
        with pytest.raises(ValueError, match="scikit-learn's own metrics"):
            SCORERS[name](model, X, Y[:, 0])


def test_they_can_be_pickled_and_read():
    assert pickle.loads(pickle.dumps(SCORERS)).keys() == SCORERS.keys()
    assert "precision" in repr(SCORERS["precision_at_3"])


def test_both_spellings_are_understood():
    for name, scorer in SCORERS.items():
        first, _, last = name.rpartition("_")
        if last in ("micro", "macro", "samples"):
            assert SCORERS[f"{last}_{first}"] is scorer
    assert "micro_f1" not in list(SCORERS)
    with pytest.raises(KeyError, match="'micro_f2' is no scorer; there are neg_hamming_loss"):
        SCORERS["micro_f2"]
