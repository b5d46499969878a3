"""Thresholds around any multi-label classifier."""

from __future__ import annotations

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold as IterstratKFold
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, fbeta_score, hamming_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner
from sklabelemb.datasets import load_support_requests
from sklabelemb.decision.objectives import OBJECTIVES
from sklabelemb.meta import base, cross_fit
from sklabelemb.meta.threshold_search import search_thresholds
from sklabelemb.model_selection import MultilabelStratifiedKFold

random = np.random.RandomState(0)
X = random.randn(300, 6)
# From frequent to rare: what is cut at 0.5 misses the rare ones.
Y = (X[:, :5] + 0.7 * random.randn(300, 5) > [0.0, 0.6, 1.2, 1.8, 2.4]).astype(int)
LOGISTIC = OneVsRestClassifier(LogisticRegression(C=0.1))
AVERAGE = {"micro_f1": "micro", "macro_f1": "macro", "samples_f1": "samples"}
CLASSIFIERS = {
    "probabilities": LOGISTIC,
    "margins": OneVsRestClassifier(LinearSVC(C=0.01)),
    "list of probabilities": MultiOutputClassifier(LogisticRegression(C=0.1)),
    "forest": RandomForestClassifier(n_estimators=20, random_state=0),
}


@pytest.mark.parametrize("objective", AVERAGE)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_objective_gains_and_never_loses(classifier, objective):
    tuner = ThresholdTuner(CLASSIFIERS[classifier], objective=objective, random_state=0).fit(X, Y)
    assert tuner.best_score_ >= tuner.default_score_
    assert tuner.best_score_ == max(tuner.cv_results_["score"])
    fresh = np.random.RandomState(1)
    X_new = fresh.randn(3000, 6)
    y_new = (X_new[:, :5] + 0.7 * fresh.randn(3000, 5) > [0.0, 0.6, 1.2, 1.8, 2.4]).astype(int)
    plain = clone(CLASSIFIERS[classifier]).fit(X, Y).predict(X_new)
    options = {"average": AVERAGE[objective], "zero_division": 0}
    tuned = f1_score(y_new, tuner.predict(X_new), **options)
    assert tuned > f1_score(y_new, plain, **options) + 0.005


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("objective", AVERAGE)
def test_noise_is_not_made_worse_on_its_own_objective(objective, seed):
    """Where scores say nothing, the reported scores must still not fall below no tuning."""
    fresh = np.random.RandomState(seed)
    y = (fresh.rand(40, 4) < [0.5, 0.3, 0.1, 0.05]).astype(int)
    y[0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label may be missing from a fold
        tuner = ThresholdTuner(LOGISTIC, objective=objective, random_state=seed, cv=3)
        tuner.fit(fresh.randn(40, 3), y)
    assert tuner.best_score_ >= tuner.default_score_


def test_the_default_score_is_that_of_cross_validation():
    folds = list(MultilabelStratifiedKFold(4, shuffle=True, random_state=3).split(X, Y))
    tuner = ThresholdTuner(LOGISTIC, objective="macro_f1", cv=folds, min_labels=0).fit(X, Y)
    predicted = cross_val_predict(LOGISTIC, X, Y, cv=folds)
    expected = f1_score(Y, predicted, average="macro", zero_division=0)
    assert tuner.default_score_ == pytest.approx(expected, abs=1e-12)


def test_the_common_threshold_is_the_best_on_cross_validated_scores():
    few, y = X[:100], Y[:100, :4]
    folds = list(KFold(5).split(few))
    tuner = ThresholdTuner(LOGISTIC, per_label=False, min_labels=0, cv=folds, random_state=0).fit(
        few, y
    )
    proba = cross_val_predict(LOGISTIC, few, y, cv=folds, method="predict_proba")
    assert tuner.strategy_ == "common"
    assert len(set(tuner.thresholds_)) == 1

    def micro(threshold):
        return f1_score(y, proba >= threshold, average="micro")

    best = max(micro(t) for t in np.unique(proba))
    assert micro(tuner.thresholds_[0]) == pytest.approx(best, abs=1e-12)


def test_predict_follows_the_thresholds():
    tuner = ThresholdTuner(LOGISTIC, min_labels=0, random_state=0).fit(X, Y)
    expected = (tuner.predict_proba(X) >= tuner.thresholds_).astype(int)
    assert np.array_equal(tuner.predict(X), expected)
    tuner.thresholds_ = np.array([0.9, 0.1, 0.5, 0.5, 0.0])  # a user may set her own
    expected = (tuner.predict_proba(X) >= tuner.thresholds_).astype(int)
    assert np.array_equal(tuner.predict(X), expected)


def test_thresholds_of_decision_values():
    tuner = ThresholdTuner(OneVsRestClassifier(LinearSVC()), min_labels=0, random_state=0)
    tuner.fit(X, Y)
    expected = (tuner.decision_function(X) >= tuner.thresholds_).astype(int)
    assert np.array_equal(tuner.predict(X), expected)
    assert not hasattr(tuner, "predict_proba")
    forced = ThresholdTuner(
        LOGISTIC, response_method="decision_function", min_labels=0, random_state=0
    ).fit(X, Y)
    assert np.array_equal(
        forced.predict(X), (forced.decision_function(X) >= forced.thresholds_).astype(int)
    )


def test_rare_labels_are_drawn_to_the_common_threshold():
    far, near, none = (
        ThresholdTuner(LOGISTIC, per_label=True, shrinkage=s, random_state=0, min_labels=0)
        .fit(X, Y)
        .thresholds_
        for s in (0, 30, 1e9)
    )
    assert np.ptp(none) < 1e-6
    assert np.ptp(near) < np.ptp(far)
    share = np.abs(near - none) / np.abs(far - none)
    assert share[-1] < share[0]  # the rarest goes least of its way


def test_min_labels():
    y = Y.copy()
    y[:, 0] |= ~y.any(axis=1)
    auto = ThresholdTuner(LOGISTIC, random_state=0).fit(X, y)
    assert set(auto.cv_results_["min_labels"]) == {0, 1}
    two = ThresholdTuner(LOGISTIC, min_labels=2, random_state=0).fit(X, y)
    assert two.min_labels_ == 2
    assert two.predict(X).sum(axis=1).min() == 2
    none = ThresholdTuner(LOGISTIC, min_labels=0, random_state=0).fit(X, y)
    assert set(none.cv_results_["min_labels"]) == {0}


def test_a_function_as_objective():
    def f2(y_true, y_pred):
        return fbeta_score(y_true, y_pred, beta=2, average="macro", zero_division=0)

    few, y = X[:100], Y[:100, :4]
    tuner = ThresholdTuner(LOGISTIC, objective=f2, random_state=0).fit(few, y)
    assert set(tuner.cv_results_["strategy"]) == {"default", "common"}
    assert tuner.best_score_ > tuner.default_score_ + 0.1
    two = {"per_label": True, "cv": 2}
    own = ThresholdTuner(LOGISTIC, objective=f2, random_state=0, **two).fit(few[:40], y[:40, :3])
    assert "per_label" in own.cv_results_["strategy"]
    sparse = ThresholdTuner(LOGISTIC, objective=f2, random_state=0).fit(few, sp.csr_matrix(y))
    assert np.allclose(sparse.thresholds_, tuner.thresholds_)


@pytest.mark.parametrize(
    "container",
    [np.asarray, sp.csr_matrix, sp.csr_array, lambda y: pd.DataFrame(y, columns=list("abcde"))],
)
def test_predictions_come_in_the_container_of_y(container):
    y = container(Y)
    tuner = ThresholdTuner(LOGISTIC, random_state=0, cv=3).fit(X, y)
    predicted = tuner.predict(X)
    assert type(predicted) is type(y)
    dense = ThresholdTuner(LOGISTIC, random_state=0, cv=3).fit(X, Y).predict(X)
    values = predicted.toarray() if sp.issparse(predicted) else np.asarray(predicted)
    assert np.array_equal(values, dense)
    if isinstance(y, pd.DataFrame):
        assert list(predicted.columns) == list("abcde")
    assert tuner.classes_.shape == (5, 2)


@pytest.mark.parametrize("n_labels", [1, 2])
def test_one_and_two_labels(n_labels):
    model = MultiOutputClassifier(LogisticRegression(C=0.01))
    tuner = ThresholdTuner(model, random_state=0).fit(X, Y[:, 2 : 2 + n_labels])
    assert tuner.predict(X).shape == (300, n_labels)
    assert tuner.predict_proba(X).shape == (300, n_labels)
    assert tuner.best_score_ > tuner.default_score_


def test_raw_text_and_the_classifiers_of_this_package():
    texts, y = load_support_requests(return_X_y=True)
    texts, y = texts[:100], y[:100]
    leam = LEAMClassifier(embedding_dim=8, max_epochs=2, random_state=0)
    for model in (
        BinaryRelevance(),
        leam,
        make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())),
    ):
        tuner = ThresholdTuner(model, cv=2, random_state=0).fit(texts, y)
        assert tuner.best_score_ >= tuner.default_score_
        assert tuner.predict(texts[:3]).shape == (3, y.shape[1])
        assert tuner.predict(pd.Series(texts[:3])).shape == (3, y.shape[1])


def test_one_split_and_prefit():
    held_out = ThresholdTuner(LOGISTIC, cv=0.3, random_state=0).fit(X, Y)
    assert np.allclose(held_out.predict_proba(X), clone(LOGISTIC).fit(X, Y).predict_proba(X))
    kept = ThresholdTuner(LOGISTIC, cv=0.3, refit=False, random_state=0).fit(X, Y)
    assert np.array_equal(kept.thresholds_, held_out.thresholds_)
    assert not np.allclose(kept.predict_proba(X), held_out.predict_proba(X))
    fitted = clone(LOGISTIC).fit(X[:150], Y[:150])
    prefit = ThresholdTuner(fitted, cv="prefit", random_state=0).fit(X[150:], Y[150:])
    assert prefit.estimator_ is fitted
    with pytest.raises(NotFittedError, match='cv="prefit" the classifier must be fitted already'):
        ThresholdTuner(LOGISTIC, cv="prefit").fit(X, Y)
    with pytest.raises(ValueError, match=r"refit=False keeps the one classifier .* cv makes 5"):
        ThresholdTuner(LOGISTIC, refit=False).fit(X, Y)


def test_sample_weight_reaches_every_fit():
    weight = np.where(np.arange(300) < 150, 1.0, 0.0)
    model = MultiOutputClassifier(LogisticRegression())
    tuner = ThresholdTuner(model, cv=2, random_state=0).fit(X, Y, sample_weight=weight)
    half = clone(model).fit(X[:150], Y[:150])
    assert np.allclose(
        tuner.predict_proba(X), np.column_stack([p[:, 1] for p in half.predict_proba(X)]), atol=1e-3
    )


def test_the_contract_of_a_scikit_learn_estimator():
    tuner = ThresholdTuner(LOGISTIC, objective="samples_f1", random_state=0)
    assert clone(tuner).get_params()["objective"] == "samples_f1"
    assert "samples_f1" in repr(tuner)
    with pytest.raises(NotFittedError):
        tuner.predict(X)
    assert tuner.fit(X, Y) is tuner
    check_is_fitted(tuner)
    again = ThresholdTuner(LOGISTIC, objective="samples_f1", random_state=0).fit(X, Y)
    assert np.array_equal(tuner.thresholds_, again.thresholds_)
    parallel = ThresholdTuner(LOGISTIC, objective="samples_f1", random_state=0, n_jobs=2).fit(X, Y)
    assert np.array_equal(tuner.thresholds_, parallel.thresholds_)
    copy = pickle.loads(pickle.dumps(tuner))
    assert np.array_equal(copy.predict(X), tuner.predict(X))
    assert tuner.n_features_in_ == 6
    assert not hasattr(LOGISTIC, "estimators_")  # the one passed in stays as it was
    search = GridSearchCV(
        ThresholdTuner(LOGISTIC, random_state=0, cv=2),
        {"estimator__estimator__C": [0.01, 1.0], "objective": ["micro_f1", "macro_f1"]},
        scoring="f1_macro",
        cv=2,
    ).fit(X, Y)
    assert search.best_params_["objective"] == "macro_f1"


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    ThresholdTuner(LOGISTIC, random_state=0, cv=2).fit(X, Y)
    assert np.array_equal(np.random.get_state()[1], before)


def test_a_failed_fit_leaves_nothing():
    tuner = ThresholdTuner(LOGISTIC, objective=lambda y_true, y_pred: np.nan)
    with pytest.raises(ValueError, match="objective gave NaN"):
        tuner.fit(X, Y)
    with pytest.raises(NotFittedError):
        tuner.predict(X)


@pytest.mark.parametrize(
    ("arguments", "y", "message"),
    [
        ({}, Y[:, 0], "y is 1-D: one class per sample"),
        ({}, Y[:-1], "inconsistent numbers of samples"),
        ({"objective": "f1"}, Y, "'objective' parameter of ThresholdTuner must be"),
        ({"objective": make_scorer(f1_score)}, Y, "objective is a scorer"),
        ({"shrinkage": -1}, Y, "'shrinkage' parameter"),
        ({"per_label": "yes"}, Y, "'per_label' parameter"),
        ({"cv": 1}, Y, None),
        ({"cv": 1.5}, Y, "'cv' parameter"),
        ({"min_labels": -1}, Y, "'min_labels' parameter"),
        ({"estimator": None}, Y, "'estimator' parameter"),
    ],
)
def test_errors(arguments, y, message):
    with pytest.raises(ValueError, match=message and re.escape(message)):
        ThresholdTuner(**{"estimator": LOGISTIC, **arguments}).fit(X, y)


def test_a_label_that_the_scores_say_nothing_about_is_not_given_to_all():
    """F1 of a hopeless label is highest when every sample gets it; that is not worth it."""
    fresh = np.random.RandomState(0)
    features = fresh.randn(2000, 2)
    y = np.column_stack([features[:, 0] > 0, np.arange(2000) % 1000 == 0]).astype(int)
    tuner = ThresholdTuner(
        LOGISTIC, objective="macro_f1", per_label=True, shrinkage=0, random_state=0, min_labels=0
    ).fit(features, y)
    assert tuner.predict(features)[:, 1].sum() < 100


class Passing(DummyClassifier):
    """Its scores are X."""

    def fit(self, X, y):
        self.n_outputs_ = y.shape[1]
        return self

    def __sklearn_is_fitted__(self):
        return True


class PassingScores(Passing):
    predict_proba = property()  # so that hasattr says no

    def decision_function(self, X):
        return X


class PassingProbabilities(Passing):
    def predict_proba(self, X):
        return X


def test_a_label_may_be_best_never_predicted():
    fresh = np.random.RandomState(0)

    def draw():
        y = (fresh.rand(1000, 23) < [0.3] * 3 + [0.01] * 20).astype(int)
        scores = fresh.randn(1000, 23)
        scores[:, :3] = 0.5 * scores[:, :3] - 2 + 2 * y[:, :3]
        return scores, y

    scores, y = draw()
    tuner = ThresholdTuner(PassingScores(), cv="prefit", random_state=0).fit(scores, y)
    scores, y = draw()
    assert f1_score(y, tuner.predict(scores), average="micro") > 0.7


def test_without_tuning_it_decides_as_the_classifier_does():
    """Half of the votes are not enough for scikit-learn's classifiers."""
    for model in (KNeighborsClassifier(2), RandomForestClassifier(4, random_state=0)):
        folds = list(KFold(3).split(X))
        tuner = ThresholdTuner(model, cv=folds, min_labels=0, random_state=0).fit(X, Y)
        expected = f1_score(Y, cross_val_predict(model, X, Y, cv=folds), average="micro")
        assert tuner.default_score_ == pytest.approx(expected, abs=1e-12)
    constant = ThresholdTuner(model, objective=lambda a, b: 0.0, min_labels=0, random_state=0)
    constant.fit(X, Y)
    assert constant.strategy_ == "default"
    assert np.array_equal(constant.predict(X), constant.estimator_.predict(X))


def test_never_is_also_for_a_probability_of_one():
    proba = np.array([[1, 0.2]] * 6 + [[0.3, 0.1]] * 6)
    y = np.zeros((12, 2), dtype=int)
    y[0, 0] = y[7, 1] = 1

    def accuracy(y_true, y_pred):
        return -hamming_loss(y_true, y_pred)

    tuner = ThresholdTuner(
        PassingProbabilities(), cv="prefit", objective=accuracy, per_label=False, min_labels=0
    ).fit(proba, y)
    assert accuracy(y, tuner.predict(proba)) == pytest.approx(-2 / 24)
    if tuner.strategy_ == "common":
        assert np.isinf(tuner.thresholds_).all()


@pytest.mark.parametrize("objective", AVERAGE)
def test_copies_of_a_sample_do_not_judge_their_own_thresholds(objective):
    """With all copies in one part, ten times the same scores say what one time says."""
    fresh = np.random.RandomState(0)
    scores, y = fresh.randn(60, 10), sp.csr_matrix((fresh.rand(60, 10) < 0.2).astype(float))
    options = {"shrinkages": (0.0,), "random_state": 0}
    once = search_thresholds(y, scores, OBJECTIVES[objective](), **options)
    often = search_thresholds(
        sp.vstack([y] * 10, format="csr"),
        np.tile(scores, (10, 1)),
        OBJECTIVES[objective](),
        samples=np.tile(np.arange(60), 10),
        **options,
    )
    assert often.scores == pytest.approx(once.scores)
    assert np.allclose(often.thresholds, once.thresholds)


def test_test_sets_may_overlap():
    folds = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    tuner = ThresholdTuner(LOGISTIC, cv=folds, random_state=0).fit(X, Y)
    assert tuner.best_score_ > tuner.default_score_


def test_splitters_get_y_as_it_is():
    tuner = ThresholdTuner(LOGISTIC, cv=IterstratKFold(3), random_state=0).fit(X, Y)
    assert tuner.best_score_ > tuner.default_score_
    with pytest.raises(ValueError, match="multilabel-indicator"):
        ThresholdTuner(LOGISTIC, cv=StratifiedKFold(3)).fit(X, Y)
    splits = (split for split in KFold(3).split(X))
    tuner = ThresholdTuner(LOGISTIC, cv=splits).fit(X, Y)
    with pytest.raises(ValueError, match="used up after one fit"):
        tuner.fit(X, Y)


def test_metadata_routing():
    weight = np.where(np.arange(300) < 150, 1.0, 1e-9)
    groups = np.arange(300) // 10
    with sklearn.config_context(enable_metadata_routing=True):
        inner = MultiOutputClassifier(LogisticRegression().set_fit_request(sample_weight=True))
        tuner = ThresholdTuner(inner, cv=GroupKFold(3).set_split_request(groups=True))
        tuner.fit(X, Y, sample_weight=weight, groups=groups)
        unweighted = clone(tuner).fit(X, Y, groups=groups)
        assert not np.allclose(tuner.predict_proba(X), unweighted.predict_proba(X))
        scores = cross_validate(tuner, X, Y, cv=3, params={"groups": groups}, error_score="raise")
    assert scores["test_score"].shape == (3,)
    with pytest.raises(ValueError, match="only supported if"):
        ThresholdTuner(inner).fit(X, Y, groups=groups)
    with pytest.raises(ValueError, match="enable scikit-learn's metadata routing"):
        ThresholdTuner(LOGISTIC).fit(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match="nothing is fitted with sample_weight"):
        ThresholdTuner(clone(LOGISTIC).fit(X, Y), cv="prefit").fit(X, Y, sample_weight=weight)


def test_a_second_fit_forgets_the_names_of_the_features():
    tuner = ThresholdTuner(LOGISTIC, cv=2, random_state=0)
    tuner.fit(pd.DataFrame(X, columns=list("abcdef")), Y)
    assert list(tuner.feature_names_in_) == list("abcdef")
    assert not hasattr(tuner.fit(X, Y), "feature_names_in_")


def test_prefit_inside_a_search_needs_a_frozen_classifier():
    fitted = clone(LOGISTIC).fit(X, Y)
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(ThresholdTuner(fitted, cv="prefit")).fit(X, Y)
    frozen = ThresholdTuner(FrozenEstimator(fitted), cv="prefit", random_state=0)
    assert clone(frozen).fit(X, Y).best_score_ > 0


def test_score_is_subset_accuracy():
    y = pd.DataFrame(Y).astype("Int64")
    tuner = ThresholdTuner(LOGISTIC, cv=2, random_state=0).fit(X, y)
    assert tuner.score(X, y) == accuracy_score(Y, tuner.predict(X).to_numpy().astype(int))


def test_one_label_makes_no_noise():
    ThresholdTuner(KNeighborsClassifier(), cv=2, random_state=0).fit(X, Y[:, :1])


@pytest.mark.parametrize(
    ("arguments", "n_fits"), [({"cv": 3}, 4), ({"cv": 0.3, "refit": False}, 1)]
)
def test_classifiers_of_folds_do_not_come_back(arguments, n_fits, monkeypatch):
    # From another process each would be sent with all its weights.
    kept = []

    def recorded(*given):
        found = cross_fit.fit_and_score(*given)
        kept.append(found[0])
        return found

    monkeypatch.setattr(base, "fit_and_score", recorded)
    X, y = load_support_requests(return_X_y=True)
    tuner = ThresholdTuner(BinaryRelevance(), random_state=0, **arguments).fit(X[:90], y[:90])
    assert kept == [None] * (n_fits - 1) + [tuner.estimator_]
