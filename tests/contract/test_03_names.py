"""Promise 3: labels are known by name, and classes_ is what scikit-learn's scorers expect."""

from __future__ import annotations

import copy
import functools
import itertools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from sklabelemb import LabelwiseCalibrator, ThresholdTuner
from sklabelemb.metrics import SCORERS

from .small import (
    CLASS_TEXTS,
    CLASSES,
    CLASSIFIERS,
    CODES,
    EVERY,
    LABELS,
    NAMES,
    TARGETS,
    TEXTS,
    UNSEEN,
    binary_relevance,
    by_thresholds,
    fitted,
    shared_out,
)


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


# -- columns go by name, wherever y comes in -------------------------------------------------------

FRAME = pd.DataFrame(LABELS, columns=NAMES)
# No two labels alike, or it would not matter which is which.
SWAPPED = FRAME[["staff", "delivery", "refund"]]
OTHER = FRAME.rename(columns={"staff": "people", "refund": "money"})
DIFFERENCE = r"The labels of y are not those of .*Missing: .*'staff'.*New: .*'money'"

FRAMES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": pa.Table.from_pandas,
}


@functools.cache
def named(name):
    """A classifier fitted to a frame; tests do not change it."""
    return EVERY[name]().fit(TEXTS, FRAME)


@shared_out("library", FRAMES)
def test_columns_in_another_order_score_the_same(make, library):
    library = FRAMES[library]
    model = make().fit(TEXTS, library(FRAME))
    assert model.label_names_.tolist() == NAMES
    assert model.score(TEXTS, library(SWAPPED)) == model.score(TEXTS, library(FRAME))
    assert model.score(TEXTS, LABELS) == model.score(TEXTS, FRAME)
    with pytest.raises(ValueError, match=DIFFERENCE):
        model.score(TEXTS, library(OTHER))


@pytest.mark.parametrize("scorer", ["f1_macro", "accuracy", "roc_auc_macro"])
def test_scorers_put_columns_in_order(name, scorer):
    model = named(name)
    right = SCORERS[scorer](model, TEXTS, FRAME)
    assert SCORERS[scorer](model, TEXTS, SWAPPED) == pytest.approx(right)
    assert SCORERS[scorer](Pipeline([("model", model)]), TEXTS, SWAPPED) == pytest.approx(right)
    with pytest.raises(ValueError, match="The labels of y_true are not those of the classifier"):
        SCORERS[scorer](model, TEXTS, OTHER)


@shared_out("library", FRAMES, names=CLASSIFIERS)
def test_updates_put_columns_in_order(make, library):
    library = FRAMES[library]
    model = make().partial_fit(TEXTS, FRAME)
    first, second = copy.deepcopy(model), copy.deepcopy(model)
    first.partial_fit(TEXTS, FRAME)
    second.partial_fit(TEXTS, library(SWAPPED))
    np.testing.assert_array_equal(first.predict_proba(UNSEEN), second.predict_proba(UNSEEN))
    with pytest.raises(ValueError, match=DIFFERENCE):
        second.partial_fit(TEXTS, library(OTHER))
    np.testing.assert_array_equal(first.predict_proba(UNSEEN), second.predict_proba(UNSEEN))


def test_a_warm_start_puts_columns_in_order(neural):
    model = neural(warm_start=True).fit(TEXTS, FRAME)
    first, second = copy.deepcopy(model), copy.deepcopy(model)
    first.fit(TEXTS, FRAME)
    second.fit(TEXTS, SWAPPED)
    np.testing.assert_array_equal(first.predict_proba(UNSEEN), second.predict_proba(UNSEEN))
    with pytest.raises(ValueError, match=DIFFERENCE):
        second.fit(TEXTS, OTHER)


def test_classes_name_the_columns_of_a_batch(neural):
    model = neural().partial_fit(TEXTS, LABELS, classes=NAMES)
    first, second = copy.deepcopy(model), copy.deepcopy(model)
    first.partial_fit(TEXTS, LABELS, classes=NAMES)
    second.partial_fit(TEXTS, SWAPPED.to_numpy(), classes=list(SWAPPED.columns))
    assert second.label_names_.tolist() == NAMES
    np.testing.assert_array_equal(first.predict_proba(UNSEEN), second.predict_proba(UNSEEN))
    with pytest.raises(ValueError, match=DIFFERENCE):
        second.partial_fit(TEXTS, LABELS, classes=list(OTHER.columns))
    # scikit-learn's learning_curve passes the values of an indicator.
    second.partial_fit(TEXTS, LABELS, classes=np.unique(LABELS))


@shared_out(
    ("meta", "prefit"),
    itertools.product([ThresholdTuner, LabelwiseCalibrator], [True, False]),
    thorough=["LEAM", "BinaryRelevance"],
)
def test_tuners_put_columns_in_order(name, meta, prefit):
    model = named(name)
    inside = model if prefit else FrozenEstimator(model)
    one, other = (
        meta(inside, cv="prefit" if prefit else 2, random_state=0).fit(TEXTS, y)
        for y in (FRAME, SWAPPED)
    )
    pd.testing.assert_frame_equal(one.predict(UNSEEN), other.predict(UNSEEN)[NAMES])
    np.testing.assert_allclose(
        pd.DataFrame(one.predict_proba(UNSEEN), columns=one.label_names_),
        pd.DataFrame(other.predict_proba(UNSEEN), columns=other.label_names_)[NAMES],
    )
    assert one.score(TEXTS, SWAPPED) == one.score(TEXTS, FRAME)
    with pytest.raises(ValueError, match=DIFFERENCE):
        meta(inside, cv="prefit" if prefit else 2).fit(TEXTS, OTHER)
    # An array has the names that the classifier knows.
    assert meta(inside, cv="prefit").fit(TEXTS, LABELS).label_names_.tolist() == NAMES


def test_a_name_comes_once(make):
    twice = FRAME.set_axis(["delivery", "refund", "delivery"], axis=1)
    with pytest.raises(ValueError, match=r"y has two columns called 'delivery'"):
        make().fit(TEXTS, twice)
    with pytest.raises(ValueError, match=r"label_names has two labels called 'a'"):
        make(label_names=["a", "b", "a"]).fit(TEXTS, LABELS)


def test_what_columns_are_called_comes_back(make):
    levels = pd.MultiIndex.from_tuples(
        [("post", "delivery"), ("money", "refund"), ("people", "staff")], names=["area", "label"]
    )
    columns = make().fit(TEXTS, FRAME.set_axis(levels, axis=1)).predict(UNSEEN).columns
    pd.testing.assert_index_equal(columns, levels)
    model = make().fit(TEXTS, FRAME.rename_axis(columns="topic"))
    assert model.predict(UNSEEN).columns.name == "topic"


# -- names for arrays ------------------------------------------------------------------------------


@shared_out(
    "form",
    [np.asarray, sp.csr_matrix, sp.csr_array, lambda y: y.tolist()],
    thorough=["LEAM", "BinaryRelevance"],
)
def test_names_for_arrays(name, make, form):
    names = np.array(NAMES, dtype=object)  # as MultiLabelBinarizer has them
    model = make(label_names=names).fit(TEXTS, form(LABELS))
    assert model.label_names_.tolist() == NAMES
    plain = named(name)
    np.testing.assert_array_equal(model.decision_function(UNSEEN), plain.decision_function(UNSEEN))
    assert model.score(TEXTS, SWAPPED) == model.score(TEXTS, LABELS)
    wanted = np.ndarray if isinstance(form(LABELS), list) else type(form(LABELS))
    assert type(model.predict(UNSEEN)) is wanted


def test_names_say_the_order_of_a_frame(make):
    model = make(label_names=list(SWAPPED.columns)).fit(TEXTS, FRAME)
    assert model.label_names_.tolist() == list(SWAPPED.columns)
    assert model.predict(TEXTS).columns.tolist() == list(SWAPPED.columns)
    other = make().fit(TEXTS, SWAPPED)
    np.testing.assert_array_equal(model.predict_proba(UNSEEN), other.predict_proba(UNSEEN))
    with pytest.raises(ValueError, match=r"The labels of y are not those of label_names"):
        make(label_names=["delivery", "refund", "people"]).fit(TEXTS, FRAME)


def test_names_of_classes(make):
    names = ["late parcels", "money back", "unfriendly staff"]
    codes = CODES + 0
    model = make(label_names=names).fit(CLASS_TEXTS, codes)
    assert model.label_names_.tolist() == names
    assert set(model.predict(CLASS_TEXTS)) <= {0, 1, 2}
    assert model.predict_labels(CLASS_TEXTS[:1]) == [(names[model.predict(CLASS_TEXTS[:1])[0]],)]
    with pytest.raises(ValueError, match=r"label_names has 2 names .* 3 classes"):
        make(label_names=names[:2]).fit(CLASS_TEXTS, CLASSES)
    # Those of the classes themselves, in whatever order.
    model = make(label_names=sorted(set(CLASSES))[::-1]).fit(CLASS_TEXTS, CLASSES)
    assert model.label_names_.tolist() == model.classes_.tolist()


@pytest.mark.parametrize("names", ["abc", {"a", "b", "c"}, 3])
def test_names_in_an_order(make, names):
    with pytest.raises((TypeError, ValueError), match="label_names"):
        make(label_names=names).fit(TEXTS, LABELS)


def test_as_many_names_as_columns(make):
    with pytest.raises(ValueError, match=r"label_names names 2 labels, but y has 3 columns"):
        make(label_names=["a", "b"]).fit(TEXTS, LABELS)


# -- names of predictions --------------------------------------------------------------------------


def test_predicted_labels_by_name(every):
    model = every(label_names=NAMES).fit(TEXTS, LABELS)
    found = model.predict_labels(UNSEEN)
    predicted = model.predict(UNSEEN)
    assert [set(labels) for labels in found] == [
        {NAMES[k] for k in np.flatnonzero(row)} for row in predicted
    ]
    scores = model.predict_proba(UNSEEN)
    for labels, row in zip(found, scores, strict=True):
        own = [row[NAMES.index(label)] for label in labels]
        assert own == sorted(own, reverse=True)
    pairs = model.predict_labels(UNSEEN, top_k=2, with_scores=True)
    for labels, row in zip(pairs, scores, strict=True):
        assert [score for _, score in labels] == pytest.approx(sorted(row, reverse=True)[:2])
        assert [row[NAMES.index(label)] for label, _ in labels] == pytest.approx(
            [score for _, score in labels]
        )
    assert all(len(labels) == 3 for labels in model.predict_labels(UNSEEN, top_k=9))
    for top_k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="top_k must be None or a whole number"):
            model.predict_labels(UNSEEN, top_k=top_k)


@pytest.mark.parametrize("target", ["classes", "two classes"])
def test_predicted_classes_by_name(name, target):
    model = fitted(name, target)
    texts = TARGETS[target][0][:10]
    predicted = model.predict(texts)
    assert model.predict_labels(texts) == [(label,) for label in predicted]
    best = model.predict_labels(texts, top_k=2)
    assert [labels[0] for labels in best] == predicted.tolist()
    assert all(len(set(labels)) == 2 for labels in best)


@pytest.mark.parametrize("meta", [ThresholdTuner, LabelwiseCalibrator])
def test_tuners_pass_on_what_the_classifier_can(name, meta):
    model = named(name)
    tuner = meta(model, cv="prefit", random_state=0).fit(TEXTS, SWAPPED)
    names = tuner.label_names_
    predicted = tuner.predict(UNSEEN).to_numpy()
    assert [set(labels) for labels in tuner.predict_labels(UNSEEN)] == [
        set(names[row == 1]) for row in predicted
    ]
    for method in ("explain", "transform", "count_parameters"):
        assert hasattr(tuner, method) == hasattr(model, method)
    if hasattr(model, "explain"):
        by_name = dict(zip(names, predicted.T, strict=True))
        for row, explanation in enumerate(tuner.explain(UNSEEN)):
            own = zip(explanation.label_names, explanation.predicted, strict=True)
            assert all(by_name[label][row] == decided for label, decided in own)
        assert tuner.count_parameters() == model.count_parameters()


def test_thresholds_copied_from_a_tuner_decide_alike(neural):
    fresh = neural(threshold=0.5, **by_thresholds(neural)).fit(TEXTS, FRAME)
    for fewest in (0, 1, 2):
        model = copy.deepcopy(fresh)
        if hasattr(model, "predict_sequence"):
            # The probabilities of sequences depend on how many labels are the fewest.
            model.min_labels_ = fewest
        tuner = ThresholdTuner(model, cv="prefit", min_labels=fewest, random_state=0)
        tuner.fit(TEXTS, SWAPPED)
        wanted = tuner.predict([*UNSEEN, "", "nothing known"])
        order = [tuner.label_names_.tolist().index(label) for label in NAMES]
        model.thresholds_ = tuner.thresholds_[order]
        model.min_labels_ = tuner.min_labels_
        pd.testing.assert_frame_equal(
            model.predict([*UNSEEN, "", "nothing known"]), wanted[NAMES], check_dtype=False
        )


def test_thresholds_by_name(neural):
    ways = by_thresholds(neural)
    model = neural(threshold={"staff": 0.9, "delivery": 0.1}, **ways).fit(TEXTS, FRAME)
    assert model.thresholds_.tolist() == [0.1, 0.5, 0.9]
    with pytest.raises(ValueError, match=r"threshold names labels that y does not have.*'people'"):
        neural(threshold={"people": 0.5}, **ways).fit(TEXTS, FRAME)
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1"):
        neural(threshold={"staff": 1.5}, **ways).fit(TEXTS, FRAME)


@pytest.mark.parametrize("meta", [ThresholdTuner, LabelwiseCalibrator])
def test_what_a_template_was_fitted_to_is_forgotten(meta):
    """A classifier that is cloned has no names, whatever it had learnt before."""
    template = binary_relevance().fit(TEXTS, FRAME)
    for inside in (template, OneVsRestClassifier(template)):
        tuner = meta(inside, cv=2, random_state=0).fit(TEXTS, LABELS[:, ::-1])
        assert tuner.label_names_.tolist() == [0, 1, 2]
        other = OTHER[OTHER.columns[::-1]]
        assert meta(inside, cv=2).fit(TEXTS, other).label_names_.tolist() == list(other.columns)
    fitted_to_others = OneVsRestClassifier(template).fit(TEXTS, LABELS)
    tuner = meta(fitted_to_others, cv="prefit").fit(TEXTS, OTHER)
    assert tuner.label_names_.tolist() == list(OTHER.columns)
