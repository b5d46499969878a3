"""Promise 6: pipelines, searches, meta-estimators, pickles, threads and processes."""

from __future__ import annotations

import copy
import io
import os
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone, is_classifier
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback

from ..tolerances import close
from .small import (
    BINARY,
    CLASS_TEXTS,
    CLASSES,
    LABELS,
    NAMES,
    TARGETS,
    TEXTS,
    UNSEEN,
    answers_as,
    binary_relevance,
    fitted,
    global_states,
    label_powerset,
    longer,
    same_predictions,
    shared_out,
    training_as_in_workers,
)


def test_in_a_pipeline_behind_a_cleaner(name, make):
    shout = [f"<b>{text.upper()}</b>" for text in TEXTS]

    def clean(texts):
        return [text.removeprefix("<b>").removesuffix("</b>").lower() for text in texts]

    pipeline = make_pipeline(FunctionTransformer(clean), make()).fit(shout, LABELS)
    np.testing.assert_array_equal(pipeline.predict_proba(shout), fitted(name).predict_proba(TEXTS))
    assert pipeline.score(shout, LABELS) == fitted(name).score(TEXTS, LABELS)
    np.testing.assert_array_equal(pipeline.classes_, [[0, 1]] * 3)
    assert is_classifier(pipeline)


def test_as_a_transformer_in_a_pipeline(neural):
    if not hasattr(neural(), "transform"):
        pytest.skip("gives no document vectors")
    classifier = neural().set_params(max_epochs=6)
    pipeline = make_pipeline(classifier, LogisticRegression()).fit(CLASS_TEXTS, CLASSES)
    assert pipeline.score(CLASS_TEXTS, CLASSES) > 0.8
    names = pipeline[:-1].get_feature_names_out()
    assert len(names) == 8
    assert len(set(names)) == 8


# One mechanism serves all: a network and a baseline are enough.
@pytest.mark.parametrize(
    ("name", "container", "grid"),
    [
        ("LEAM", np.array, {"window_size": [0, 2]}),
        ("BinaryRelevance", pd.Series, {"classifier__C": [0.01, 10]}),
    ],
)
def test_grid_search_in_two_processes(make, container, grid):
    # The wide path takes its full time in workers; see `test_fits_in_workers`.
    model = make()
    if "wide" in model.get_params():
        model.set_params(wide=False)
    with joblib.parallel_config(backend="loky"):
        alone, parallel = (
            GridSearchCV(model, grid, scoring="f1_micro", cv=KFold(2), n_jobs=n_jobs).fit(
                container(TEXTS), LABELS
            )
            for n_jobs in (1, 2)
        )
    by_hand = []
    for kept, cut in KFold(2).split(TEXTS):
        best = clone(model).set_params(**parallel.best_params_)
        best.fit([TEXTS[i] for i in kept], LABELS[kept])
        predicted = best.predict([TEXTS[i] for i in cut])
        by_hand.append(f1_score(LABELS[cut], predicted, average="micro"))
    assert parallel.best_score_ == pytest.approx(np.mean(by_hand))
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], parallel.cv_results_["mean_test_score"]
    )
    assert same_predictions(alone.best_estimator_, parallel.best_estimator_)


@shared_out(
    "form",
    [sp.csr_matrix, lambda y: pd.DataFrame(y, columns=NAMES)],
    names=["LEAM", "semantic units", "BinaryRelevance"],
)
def test_grid_search_over_sparse_targets_and_frames(make, form):
    y = form(LABELS)
    search = GridSearchCV(
        longer(make()), {}, scoring="f1_macro", cv=KFold(2, shuffle=True, random_state=0)
    )
    search.fit(pd.Series(TEXTS), y)
    assert search.best_score_ > 0.4
    assert type(search.predict(UNSEEN)) is type(y)


@shared_out(
    "target",
    ["labels", "two labels", "one label", "classes", "two classes"],
    thorough=["LEAM", "BinaryRelevance"],
)
def test_cross_val_predict(make, target):
    X, y = TARGETS[target]
    cv = KFold(2)
    folds = [([X[i] for i in kept], kept, [X[i] for i in cut]) for kept, cut in cv.split(X)]
    by_hand = {}
    for method in ("predict_proba", "predict", "decision_function"):
        result = cross_val_predict(make(), X, y, cv=cv, method=method)
        # For scores, scikit-learn hands classes on as numbers: their names are lost on the way, and
        # with them the label texts that label_texts="auto" would have taken from them.
        encode = y.ndim == 1 and method != "predict"
        given = np.unique(y, return_inverse=True)[1] if encode else y
        if encode not in by_hand:
            by_hand[encode] = [make().fit(texts, given[kept]) for texts, kept, _ in folds]
        expected = [
            getattr(model, method)(texts)
            for model, (_, _, texts) in zip(by_hand[encode], folds, strict=True)
        ]
        np.testing.assert_array_equal(result, np.concatenate(expected), err_msg=method)


def test_stacking_over_raw_text(make):
    stack = StackingClassifier(
        [("text", make()), ("other", binary_relevance())],
        final_estimator=LogisticRegression(),
        cv=StratifiedKFold(2),
    ).fit(CLASS_TEXTS, CLASSES)
    assert stack.score(CLASS_TEXTS, CLASSES) > 0.9
    assert stack.transform(CLASS_TEXTS).shape == (60, 6)
    assert stack.predict_proba(CLASS_TEXTS).shape == (60, 3)


def test_soft_voting_over_raw_text(make):
    votes = VotingClassifier([("text", make()), ("other", label_powerset())], voting="soft")
    votes.fit(CLASS_TEXTS, CLASSES)
    # The vote hands the classes on as numbers, see test_cross_val_predict.
    codes = np.unique(CLASSES, return_inverse=True)[1]
    models = make().fit(CLASS_TEXTS, codes), label_powerset().fit(CLASS_TEXTS, codes)
    expected = np.mean([model.predict_proba(UNSEEN) for model in models], axis=0)
    np.testing.assert_allclose(votes.predict_proba(UNSEEN), expected)
    assert votes.score(CLASS_TEXTS, CLASSES) > 0.9


@shared_out(
    ("target", "container"), [("classes", list), ("labels", np.array), ("classes", pd.Series)]
)
def test_one_vs_rest(make, target, container):
    texts, y = TARGETS[target]
    model = OneVsRestClassifier(longer(make())).fit(container(texts), y)
    assert len(model.estimators_) == 3
    assert f1_score(y, model.predict(container(texts)), average="micro") > 0.8
    assert model.predict_proba(container(texts)).shape == (60, 3)


@shared_out("container", [np.array, pd.Series, list], thorough=())
def test_multi_output(make, container):
    y = np.column_stack([CLASSES, BINARY])
    model = MultiOutputClassifier(longer(make())).fit(container(CLASS_TEXTS), y)
    X = container(CLASS_TEXTS)
    predicted = model.predict(X)
    assert predicted.shape == (60, 2)
    assert np.mean(predicted[:, 0] == CLASSES) > 0.9
    assert [proba.shape for proba in model.predict_proba(X)] == [(60, 3), (60, 2)]


# A network of its own, one with an encoder that fits share, and a baseline.
@pytest.mark.parametrize("name", ["LEAM", "LACO", "BinaryRelevance"], indirect=True)
def test_two_fits_at_once_in_threads(make):
    models = [make(), make()]
    targets = [LABELS, 1 - LABELS]
    alone = [clone(model).fit(TEXTS, y) for model, y in zip(models, targets, strict=True)]
    before = global_states()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        together = joblib.Parallel()(
            joblib.delayed(model.fit)(TEXTS, y) for model, y in zip(models, targets, strict=True)
        )
        predicted = joblib.Parallel()(
            joblib.delayed(model.predict_proba)(UNSEEN) for model in together * 3
        )
    assert global_states() == before
    for one, other in zip(alone, together, strict=True):
        assert same_predictions(one, other)
    for model, proba in zip(alone * 3, predicted, strict=True):
        np.testing.assert_array_equal(model.predict_proba(UNSEEN), proba)


def through_a_file(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def through_a_pickle(model):
    return pickle.loads(pickle.dumps(model))


WAYS = [copy.deepcopy, copy.copy, through_a_file]


def predicts_the_same(name, way, target):
    model = fitted(name, target)
    twin = way(model)
    assert sorted(vars(twin)) == sorted(vars(model))
    return answers_as(twin, name, target)


def test_pickles_predict_the_same(every_name):
    assert predicts_the_same(every_name, through_a_pickle, "labels")


@shared_out(
    ("way", "target"), [*((way, "labels") for way in WAYS), *((way, "classes") for way in WAYS[1:])]
)
def test_copies_predict_the_same(name, way, target):
    assert predicts_the_same(name, way, target)


def test_a_copy_goes_its_own_way(neural):
    model = neural().fit(TEXTS, LABELS)
    before = model.predict_proba(UNSEEN)
    for way in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        twin = way(model)
        twin.partial_fit(TEXTS, 1 - LABELS)
        assert not np.array_equal(twin.predict_proba(UNSEEN), before)
        np.testing.assert_array_equal(model.predict_proba(UNSEEN), before)


class Sizes(Callback):
    """Keeps how many texts each training batch of the last epoch had."""

    def on_epoch_begin(self, net, **kwargs):
        self.seen = []

    def on_batch_end(self, net, batch, training, **kwargs):
        if training:
            self.seen.append(len(batch[0]["ids"]))


# One mechanism serves all: once is enough.
@pytest.mark.parametrize("neural_name", ["LEAM", "MTLE"], indirect=True)
def test_an_update_is_made_as_the_parameters_are_now(neural):
    sizes = Sizes()
    model = neural(batch_size=2, net_params={"callbacks": [sizes]}).fit(TEXTS, LABELS)
    assert max(sizes.seen) <= 2
    for batch_size, precision in [(1, True), (len(TEXTS), False)]:
        model.set_params(batch_size=batch_size, mixed_precision=precision)
        model.partial_fit(TEXTS, LABELS)
        assert (max(sizes.seen), sum(sizes.seen)) == (batch_size, len(TEXTS))
        assert model.net_.mixed_precision is precision
    # What net_params says goes before, and "auto" stays with what there is.
    model.set_params(net_params={"callbacks": [sizes], "batch_size": 3}, batch_size=1)
    assert max(model.partial_fit(TEXTS, LABELS) and sizes.seen) == 3
    model.set_params(batch_size="auto", net_params={"callbacks": [sizes]})
    sizes.seen.clear()
    assert max(model.partial_fit(TEXTS, LABELS) and sizes.seen) == 3


def test_a_pickle_holds_no_training_state(neural_name, neural):
    model = fitted(neural_name)
    rows = model.count_parameters()["total"]
    bare = neural(validation_fraction=0).fit(TEXTS, LABELS)
    assert abs(len(pickle.dumps(model)) - len(pickle.dumps(bare))) < 4 * rows + 2000
    twin = pickle.loads(pickle.dumps(model))
    assert not hasattr(twin.net_, "optimizer_")


def test_unfitted_models_pickle_too(make):
    twin = pickle.loads(pickle.dumps(make()))
    with pytest.raises(NotFittedError):
        twin.predict(TEXTS)


# One mechanism serves all: once is enough.
@pytest.mark.parametrize("neural_name", ["LEAM"], indirect=True)
def test_fits_in_workers(neural, monkeypatch):
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    model = neural()

    def fit(texts, y):
        import torch

        proba = clone(model).fit(texts, y).predict_proba(texts)
        return os.getpid(), torch.get_num_threads(), proba

    with joblib.parallel_config(backend="loky", n_jobs=2):
        answers = joblib.Parallel()(joblib.delayed(fit)(TEXTS, LABELS) for _ in range(2))
    with training_as_in_workers():
        expected = clone(model).fit(TEXTS, LABELS).predict_proba(TEXTS)
    for process, threads, proba in answers:
        assert process != os.getpid()
        assert threads <= max(1, joblib.cpu_count() // 2)
        close(proba, expected, dtype=np.float32)


# One mechanism serves all: once is enough.
@pytest.mark.parametrize("neural_name", ["LEAM"], indirect=True)
def test_threads_of_the_caller_are_left_alone(neural):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        neural().fit(TEXTS, LABELS).predict(UNSEEN)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
