"""Promise 15: a validation set of one's own, in the place of texts that fit holds out."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklabelemb import ThresholdTuner
from sklabelemb.linear import EncoderPath, WidePath

from .small import (
    BASELINES,
    CLASS_TEXTS,
    CLASSES,
    CLASSIFIERS,
    EVERY,
    LABELS,
    NAMES,
    TEXTS,
    UNSEEN,
    WordCounts,
    by_thresholds,
    leam,
    leam_and_encoder,
    learnt,
    outcome,
    same_predictions,
    shared_out,
    write,
)

# The package has a function of the name of the module.
FITTING = importlib.import_module("sklabelemb.learning.fit")

Y_VAL = (np.random.default_rng(5).random((24, 3)) < 0.4).astype(np.int64)
X_VAL = write(Y_VAL, seed=6)
CLASS_Y_VAL = np.array(["late", "refund", "rude"])[np.arange(24) % 3]
CLASS_X_VAL = write(np.eye(3, dtype=int)[np.arange(24) % 3], seed=7)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}


def scores(model):
    return [(row["train_loss"], row["valid_score"], row["valid_loss"]) for row in model.history_]


def without_wide(make):
    return {"wide": False} if "wide" in make().get_params() else {}


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_all_is_chosen_as_on_held_out_texts(neural, target, monkeypatch):
    # The same words as often, so that both fits have the same vocabulary: the order of words, and
    # which labels a text has, are others.
    X, y = (TEXTS, LABELS) if target == "labels" else (CLASS_TEXTS, CLASSES)
    X_val, y_val = [" ".join(reversed(text.split())) for text in X], y[::-1]
    settings = {"min_df": 1, "max_epochs": 4, "patience": 2, **without_wide(neural)}
    given = neural(**settings).fit(X, y, X_val=X_val, y_val=y_val)

    def halves(*args):
        return np.arange(60), np.arange(60, 120)

    monkeypatch.setattr(FITTING, "stratified_holdout", halves)
    held_out = neural(validation_fraction=0.5, **settings)
    held_out.fit(X + X_val, np.concatenate([y, y_val]))
    assert scores(given) == scores(held_out)
    assert given.best_epoch_ == held_out.best_epoch_
    assert np.array_equal(given.thresholds_, held_out.thresholds_)
    assert same_predictions(given, held_out)


def test_nothing_is_held_out_and_nothing_of_the_set_is_learnt(neural, monkeypatch):
    monkeypatch.setattr(FITTING, "MIN_VALIDATION_SAMPLES", 1)
    settings = {"patience": None, "threshold": 0.5}
    if "label_order" in neural().get_params():
        settings["label_order"] = "frequency"  # rather than drawn, for the loss of the set as well
    alone = neural(validation_fraction=0, **settings).fit(TEXTS, LABELS)
    X_val = [text + " zebra zebra" for text in X_VAL] * 2  # a word that train does not have
    model = neural(validation_fraction=0.3, **settings)
    model.fit(TEXTS, LABELS, X_val=X_val, y_val=np.vstack([Y_VAL, Y_VAL]))
    assert model.vocabulary_.words == alone.vocabulary_.words
    assert "valid_score" in model.history_[0]
    before = alone.net_.module_.state_dict()
    for name, weight in model.net_.module_.state_dict().items():
        assert np.array_equal(weight.numpy(), before[name].numpy()), name
    for one, other in [(model.wide_, alone.wide_), (model.encoder_path_, alone.encoder_path_)]:
        assert (one is None) == (other is None)
        if one is not None:
            assert np.array_equal(path_scores(one, model), path_scores(other, alone))


def path_scores(path, model):
    readout = model.model_.recipe.readout(model.model_)
    return path.scores(readout.encode(UNSEEN), model.vocabulary_)


def test_thresholds_and_mixture_come_from_the_set(neural):
    first = neural().fit(TEXTS, LABELS, **VALIDATION)
    again = neural().fit(TEXTS, LABELS, **VALIDATION)
    assert same_predictions(first, again)
    assert first.mixture_ == again.mixture_
    # Where nearly all texts have all labels, and where hardly any has one.
    all_labels = np.ones_like(Y_VAL)
    all_labels[:2] = 0
    settings = {
        "patience": None,
        "threshold": "tuned",
        "min_labels": 0,
        **by_thresholds(neural),
    }
    most = neural(**settings).fit(TEXTS, LABELS, X_val=X_VAL, y_val=all_labels)
    least = neural(**settings).fit(TEXTS, LABELS, X_val=X_VAL, y_val=1 - all_labels)
    assert most.predict(UNSEEN).sum() > least.predict(UNSEEN).sum()


def test_linear_paths_are_trained_once_without_the_set(monkeypatch):
    seen = []
    trained, fitted = WidePath.trained, EncoderPath.fit

    def spy(self, X, *args, **how):
        seen.append(("wide", X.shape[0]))
        return trained(self, X, *args, **how)

    def spy_of_encoder(texts, *args, **how):
        seen.append(("encoder", len(texts)))
        return fitted(texts, *args, **how)

    monkeypatch.setattr(WidePath, "trained", spy)
    monkeypatch.setattr(EncoderPath, "fit", spy_of_encoder)
    leam().fit(TEXTS, LABELS, **VALIDATION)
    leam_and_encoder(wide=False).fit(TEXTS, LABELS, **VALIDATION)
    assert seen == [("wide", 60), ("encoder", 60)]
    # n-grams and vectors as one model, which is otherwise settled by folds
    leam_and_encoder().fit(TEXTS, LABELS, **VALIDATION)
    assert seen[2:] == [("encoder", 60)]


def test_an_encoder_reads_the_set_once():
    read = []

    class Counting(WordCounts):
        def encode(self, texts):
            read.extend(texts)
            return super().encode(texts)

    leam_and_encoder(encoder=Counting(), max_epochs=3).fit(TEXTS, LABELS, **VALIDATION)
    assert {text: read.count(text) for text in TEXTS + X_VAL} == dict.fromkeys(TEXTS + X_VAL, 1)


FORMS = {
    "list": (list, np.asarray),
    "tuple": (tuple, sp.csr_array),
    "array": (np.array, sp.csr_matrix),
    "Series": (pd.Series, lambda y: pd.DataFrame(y, columns=NAMES)),
}


@shared_out("form", FORMS, names=CLASSIFIERS)
def test_forms_of_the_set(make, form):
    of_texts, of_labels = FORMS[form]
    expected = make().fit(TEXTS, LABELS, **VALIDATION)
    model = make().fit(TEXTS, LABELS, X_val=of_texts(X_VAL), y_val=of_labels(Y_VAL))
    assert same_predictions(model, expected)


@shared_out("form", [list, pd.Series, np.array], names=CLASSIFIERS)
def test_classes_of_the_set(make, form):
    expected = make().fit(CLASS_TEXTS, CLASSES, X_val=CLASS_X_VAL, y_val=CLASS_Y_VAL)
    model = make().fit(CLASS_TEXTS, CLASSES, X_val=CLASS_X_VAL, y_val=form(CLASS_Y_VAL))
    assert same_predictions(model, expected)
    # classes that the set lacks, and a single text
    assert make().fit(CLASS_TEXTS, CLASSES, X_val=["late"], y_val=["late"]).n_iter_ == 2


def test_labels_of_the_set_go_by_name(neural):
    y, y_val = pd.DataFrame(LABELS, columns=NAMES), pd.DataFrame(Y_VAL, columns=NAMES)
    expected = neural().fit(TEXTS, y, X_val=X_VAL, y_val=y_val)
    model = neural().fit(TEXTS, y, X_val=X_VAL, y_val=y_val[NAMES[::-1]])
    assert same_predictions(model, expected)
    named = neural(label_names=NAMES).fit(TEXTS, LABELS, X_val=X_VAL, y_val=y_val[NAMES[::-1]])
    assert scores(named) == scores(expected)


BAD_SETS = {
    "no labels": ({"X_val": X_VAL}, "lacks y_val. Pass both X_val and y_val, or neither"),
    "no texts": ({"y_val": Y_VAL}, "lacks X_val. Pass both X_val and y_val, or neither"),
    "lengths": ({"X_val": X_VAL[1:], "y_val": Y_VAL}, r"X_val and y_val: .*\[23, 24\]"),
    "one string": ({"X_val": "late", "y_val": Y_VAL}, "texts as X_val, got a single string"),
    "missing": ({"X_val": [None, "late"], "y_val": Y_VAL[:2]}, "X_val has a missing value"),
    "empty": ({"X_val": [], "y_val": Y_VAL[:0]}, "X_val must hold at least that many texts"),
    "names": (
        {"X_val": X_VAL, "y_val": pd.DataFrame(Y_VAL, columns=["delivery", "refund", "food"])},
        "The labels of y_val are not those of this model. Missing: 'staff'. New: 'food'",
    ),
    "columns": (
        {"X_val": X_VAL, "y_val": Y_VAL[:, :2]},
        r"There are 3 names of labels .*, but y_val has 2 columns",
    ),
    "classes": (
        {"X_val": X_VAL, "y_val": CLASS_Y_VAL},
        "fitted on a multi-label indicator, but y_val is a 1-D array",
    ),
    "values": ({"X_val": X_VAL, "y_val": 2 * Y_VAL}, "0 and 1 only, but y_val contains 2"),
    "label lists": ({"X_val": X_VAL, "y_val": [["late"]] * 24}, "MultiLabelBinarizer"),
}


@shared_out("bad", BAD_SETS, names=CLASSIFIERS)
def test_bad_sets(make, bad):
    given, message = BAD_SETS[bad]
    model = make(label_names=NAMES)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(TEXTS, LABELS, **given)
    assert learnt(model) == []


def test_classes_that_train_lacks(neural):
    model = neural()
    with pytest.raises(ValueError, match=r"y_val holds classes that .*: 'lost'.*without samples"):
        model.fit(CLASS_TEXTS, CLASSES, X_val=["a", "b"], y_val=["late", "lost"])
    with pytest.raises(ValueError, match="fitted on 1-D classes, but y_val is a 2-D array"):
        model.fit(CLASS_TEXTS, CLASSES, X_val=X_VAL, y_val=Y_VAL)
    assert learnt(model) == []


def test_warm_start_with_a_set(neural):
    model = neural(warm_start=True).fit(TEXTS, LABELS, **VALIDATION)
    words = model.vocabulary_.words
    model.fit(TEXTS, LABELS, X_val=["zebra", *X_VAL], y_val=np.vstack([LABELS[:1], Y_VAL]))
    assert model.vocabulary_.words == words
    before = outcome(model, "predict_proba", UNSEEN)
    with pytest.raises(ValueError, match="y_val has 2 labels, but this model knows 3"):
        model.fit(TEXTS, LABELS, X_val=X_VAL, y_val=Y_VAL[:, :2])
    assert np.array_equal(outcome(model, "predict_proba", UNSEEN), before)
    model.partial_fit(TEXTS, LABELS)
    with pytest.raises(TypeError, match="X_val"):
        model.partial_fit(TEXTS, LABELS, X_val=X_VAL, y_val=Y_VAL)


# The base class, and a signature of `fit` of its own.
@pytest.mark.parametrize("name", ["LEAM", "MTLE"])
def test_sets_are_routed(name):
    make = EVERY[name]
    # As many texts as there are in no fold and not in X: scikit-learn would cut them, too.
    cv = KFold(2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(X_val=True, y_val=True)
        result = cross_validate(
            model, TEXTS, LABELS, cv=cv, params=VALIDATION, return_estimator=True
        )
        search = GridSearchCV(model, {"max_epochs": [2]}, cv=cv).fit(TEXTS, LABELS, **VALIDATION)
        tuner = ThresholdTuner(model, cv=cv).fit(TEXTS, LABELS, **VALIDATION)
    expected = make().fit(TEXTS, LABELS, **VALIDATION)
    for estimator in (search.best_estimator_, tuner.estimator_):
        assert same_predictions(estimator, expected)
    for (kept, _), routed in zip(cv.split(TEXTS), result["estimator"], strict=True):
        by_hand = make().fit([TEXTS[i] for i in kept], LABELS[kept], **VALIDATION)
        assert same_predictions(routed, by_hand)


def shouted(texts):
    return [text.upper() for text in texts]


def test_sets_go_through_a_pipeline():
    steps = [FunctionTransformer(shouted), leam(lowercase=False)]
    plain = make_pipeline(*steps).fit(
        TEXTS,
        LABELS,
        leamclassifier__X_val=shouted(X_VAL),
        leamclassifier__y_val=Y_VAL,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [FunctionTransformer(shouted), leam(lowercase=False)]
        steps[-1].set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(*steps, transform_input=["X_val"])
        pipeline.fit(TEXTS, LABELS, **VALIDATION)
    expected = leam(lowercase=False).fit(shouted(TEXTS), LABELS, X_val=shouted(X_VAL), y_val=Y_VAL)
    assert same_predictions(plain[-1], expected)
    assert same_predictions(pipeline[-1], expected)
    untransformed = leam(lowercase=False).fit(shouted(TEXTS), LABELS, **VALIDATION)
    assert scores(untransformed) != scores(expected)


def test_who_needs_no_set_refuses_it():
    for make in BASELINES.values():
        with pytest.raises(TypeError, match="X_val"):
            make().fit(TEXTS, LABELS, **VALIDATION)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        ThresholdTuner(leam()).fit(TEXTS, LABELS, **VALIDATION)
