"""Every classifier is held to one contract; a new one joins by adding its factory to the list.

The numbers in the section titles are those of the estimator contract in ``docs/architecture.rst``.
scikit-learn's own `check_estimator` runs almost nothing on estimators that take raw text, so most
of this file says again, on text, what it would have said on numbers.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import inspect
import io
import os
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
import torch
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.callback import ProgressBar
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from sklearn.utils.validation import check_is_fitted, has_fit_parameter
from skorch.callbacks import Callback, EarlyStopping

from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
from sklabelemb.laco import LACOClassifier
from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.learning import TextNet
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.semantic_unit import SemanticUnitSeq2SeqClassifier

# The package has a function of the name of the module.
from .tolerances import close

FITTING = importlib.import_module("sklabelemb.learning.fit")

# -- who is held to the contract -------------------------------------------------------------------

# Small enough that a fit takes a few hundredths of a second, large enough that it learns.
TINY = {
    "embedding_dim": 8,
    "max_epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.1,
    "device": "cpu",
    "random_state": 0,
}


def leam(**parameters):
    return LEAMClassifier(**{**TINY, **parameters})


def leam_of_the_paper(**parameters):
    fast = {"window_size": 1, "head_dropout": 0.0, **TINY, "learning_rate": 0.3}
    return LEAMClassifier(**{**PAPER_SETTINGS, **fast, **parameters})


def mtle(**parameters):
    slow = {"hidden_size": 16, "matcher": "bilinear", "learning_rate": 0.05, "max_epochs": 10}
    return MTLEClassifier(**{**TINY, "dropout": 0.0, **slow, **parameters})


def mtle_of_means(**parameters):
    fast = {"encoder": "mean", "matcher": "cosine", "matcher_size": 8}
    fast |= {"learning_rate": 0.05, "max_epochs": 6}
    return MTLEClassifier(**{**TINY, "dropout": 0.0, **fast, **parameters})


def semantic_units(**parameters):
    small = {"hidden_size": 16, "n_layers": 1, "beam_size": 2, "dropout": 0.0, "word_dropout": 0.0}
    small |= {"learning_rate": 0.03, "max_epochs": 10}
    return SemanticUnitSeq2SeqClassifier(**{**TINY, **small, **parameters})


def s2s_by_marginals(**parameters):
    other = {"attention": "none", "decision": "marginal", "directions": "sum", "wide": False}
    return semantic_units(**{**other, "label_order": "random", **parameters})


ENCODER = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 512}
ENCODER |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def laco(**parameters):
    fast = {name: value for name, value in TINY.items() if name != "embedding_dim"}
    fast |= {"encoder": ENCODER, "learning_rate": 0.03, "max_epochs": 8, "dropout": 0.0}
    fast |= {"cooccurrence": "clcp"}
    return LACOClassifier(**{**fast, **parameters})


def bert(**parameters):
    """What is left of LACO without both ablations."""
    plain = {"joint_embedding": False, "cross_attention": False, "cooccurrence": None}
    plain |= {"learning_rate": 0.008, "max_epochs": 12, "encoder": {**ENCODER, "hidden_size": 32}}
    plain |= {"wide": False}
    return laco(**{**plain, **parameters})


def binary_relevance(**parameters):
    return BinaryRelevance(**{"classifier": LogisticRegression(C=10), **parameters})


def classifier_chain(**parameters):
    return ClassifierChain(**{"classifier": LogisticRegression(C=10), **parameters})


def label_powerset(**parameters):
    return LabelPowerset(**{"classifier": LogisticRegression(C=10), **parameters})


NEURAL = {
    "LEAM": leam,
    "LEAM of the paper": leam_of_the_paper,
    "MTLE": mtle,
    "MTLE of means": mtle_of_means,
    "semantic units": semantic_units,
    "S2S by marginals": s2s_by_marginals,
    "LACO": laco,
    "BERT": bert,
}
BASELINES = {
    "BinaryRelevance": binary_relevance,
    "ClassifierChain": classifier_chain,
    "LabelPowerset": label_powerset,
}
ALL = NEURAL | BASELINES


@pytest.fixture(params=ALL)
def name(request):
    """Name of a classifier of the package."""
    return request.param


@pytest.fixture
def make(name):
    """Factory of a classifier of the package, baselines included."""
    return ALL[name]


@pytest.fixture(params=NEURAL)
def neural_name(request):
    """Name of a classifier that trains a network."""
    return request.param


@pytest.fixture
def neural(neural_name):
    """Factory of a classifier that trains a network."""
    return NEURAL[neural_name]


@pytest.fixture(scope="module", autouse=True)
def _short_wide_path():
    """Spare the wide path its hundreds of steps on these few texts; workers do not see this."""
    with pytest.MonkeyPatch.context() as patch:
        wide = importlib.import_module("sklabelemb.linear.path")
        patch.setattr(wide, "MIN_STEPS", 8)
        yield


@contextlib.contextmanager
def training_as_in_workers():
    """Undo `_short_wide_path`, where results are compared with those of worker processes."""
    wide = importlib.import_module("sklabelemb.linear.path")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "MIN_STEPS", 400)
        yield


# -- the texts -------------------------------------------------------------------------------------

WORDS = (
    ("late", "delayed", "waiting", "slow"),
    ("money", "refund", "cash", "paid"),
    ("rude", "impolite", "shouted", "angry"),
)
FILLERS = [
    "the",
    "a",
    "parcel",
    "i",
    "was",
    "and",
    "my",
    "order",
    "for",
    "today",
    "again",
    "please",
]
NAMES = ["delivery", "refund", "staff"]


def write(rows, seed=0):
    """One text for each row of an indicator: two words for each of its labels, and fillers."""
    random = np.random.default_rng(seed)
    texts = []
    for row in rows:
        words = list(random.choice(FILLERS, 4))
        for label in np.flatnonzero(row):
            words += list(random.choice(WORDS[label], 2))
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts


LABELS = (np.random.default_rng(1).random((60, 3)) < 0.4).astype(np.int64)
LABELS[:2] = 0  # some texts have no label at all
TEXTS = write(LABELS)
UNSEEN = write((np.random.default_rng(2).random((20, 3)) < 0.5).astype(int), seed=3)

# Every class of the single-label targets is one label's words.
CODES = np.arange(60) % 3
CLASSES = np.array(["late", "refund", "rude"])[CODES]
CLASS_TEXTS = write(np.eye(3, dtype=int)[CODES], seed=4)
BINARY = np.array(["no", "yes"])[LABELS[:, 0]]

TARGETS = {
    "labels": (TEXTS, LABELS),
    "two labels": (TEXTS, LABELS[:, :2]),
    "one label": (TEXTS, LABELS[:, :1]),
    "classes": (CLASS_TEXTS, CLASSES),
    "two classes": (TEXTS, BINARY),
}
METHODS = ["predict", "predict_proba", "decision_function", "transform", "explain"]
METHODS += ["predict_sequence"]


@functools.cache
def fitted(name, target="labels"):
    """A fitted classifier that tests look at and do not change."""
    return ALL[name]().fit(*TARGETS[target])


def dense(y):
    return y.toarray() if sp.issparse(y) else np.asarray(y)


def methods_of(model):
    return [method for method in METHODS if hasattr(model, method)]


def outcome(model, method, X):
    """What a method says about some texts, as an array."""
    result = getattr(model, method)(X)
    if method == "explain":
        return np.array([explanation.proba for explanation in result])
    if method == "predict_sequence":
        return np.array([sequence.probability for sequence in result])
    return dense(result)


def by_thresholds(make):
    """What makes a classifier decide label by label, where it could also decide otherwise."""
    return {"decision": "marginal"} if "decision" in make().get_params() else {}


def learnt(model):
    """Names of the attributes that only a fit sets."""
    return sorted(k for k in vars(model) if k.endswith("_"))


def same_predictions(first, second, X=UNSEEN):
    return all(
        np.array_equal(outcome(first, method, X), outcome(second, method, X))
        for method in methods_of(first)
    )


class Interrupt(Callback):
    """Raises in the middle of an epoch, after some batches of training."""

    def __init__(self, error, after=5):
        self.error = error
        self.after = after

    def on_train_begin(self, net, **kwargs):
        self.seen_ = 0

    def on_batch_end(self, net, training, **kwargs):
        self.seen_ += training
        if self.seen_ == self.after:
            raise self.error


# -- 1: texts in -----------------------------------------------------------------------------------

TEXT_FORMS = {
    "tuple": tuple,
    "array of objects": lambda texts: np.array(texts, dtype=object),
    "array of str_": np.array,
    "array of StringDType": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
    "list of str_": lambda texts: list(np.array(texts)),
    "pandas": pd.Series,
    "pandas of objects": lambda texts: pd.Series(texts, dtype=object),
    "pandas with an index": lambda texts: pd.Series(texts, index=range(500, 500 - len(texts), -1)),
    "pandas index": pd.Index,
    "polars": pl.Series,
}


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_every_form_of_texts(name, make, form):
    as_form = TEXT_FORMS[form]
    model = make().fit(as_form(TEXTS), LABELS)
    expected = fitted(name)
    for method in methods_of(model):
        got = outcome(model, method, as_form(UNSEEN))
        np.testing.assert_array_equal(got, outcome(expected, method, UNSEEN), err_msg=method)
    assert model.score(as_form(TEXTS), LABELS) == expected.score(TEXTS, LABELS)


BAD_TEXTS = {
    "a single string": ("late parcel", ValueError, r"single string; wrap it in a list: \[text\]"),
    "a 0-d array": (np.array("late parcel"), ValueError, r"single string"),
    "two dimensions": (np.array([["a"], ["b"]]), ValueError, r"2 dimensions.*X\[:, 0\]"),
    "a DataFrame": (pd.DataFrame({"text": ["a", "b"]}), ValueError, r'2 dimensions.*X\["text"\]'),
    "a polars DataFrame": (pl.DataFrame({"text": ["a", "b"]}), ValueError, r"2 dimensions"),
    "a sparse matrix": (sp.eye(2, format="csr"), TypeError, "sparse matrix.*vectorised features"),
    "numbers": (np.arange(3), TypeError, r"array of numbers.*astype\(str\)"),
    "bytes": (b"late parcel", TypeError, "bytes.*decode"),
    "bytes in a row": (["late", b"parcel"], TypeError, "bytes in row 1.*decode"),
    "None": (["late", "parcel", None], ValueError, r"missing value \(None\) in row 2"),
    "NaN": (["late", float("nan")], ValueError, r"missing value \(nan\) in row 1.*fillna"),
    "pandas.NA": (pd.Series(["late", pd.NA], dtype="string"), ValueError, "missing value.*row 1"),
    "a polars null": (pl.Series(["late", None]), ValueError, "missing value.*row 1"),
    "a number in a row": (["late", 7], TypeError, r"type int in row 1.*str\(value\)"),
    "lists of words": ([["late", "parcel"], ["money"]], TypeError, r'row 0.*" "\.join'),
    "a generator": ((text for text in "ab"), TypeError, r"generator.*list\(X\)"),
    "a set": ({"a", "b"}, TypeError, "a set has no order"),
    "a dict": ({"a": "b"}, TypeError, r"list\(X\.values\(\)\)"),
    "None as a whole": (None, TypeError, "NoneType"),
    "nothing": ([], ValueError, "minimum of 1"),
}


@pytest.mark.parametrize("bad", BAD_TEXTS)
def test_bad_texts_are_refused_with_advice(name, make, bad):
    X, error, message = BAD_TEXTS[bad]
    model = make()
    with pytest.raises(error, match=message):
        model.fit(X, LABELS)
    assert learnt(model) == []
    model = fitted(name)
    for method in methods_of(model):
        with pytest.raises(error, match=message):
            getattr(model, method)(X)


ODD_TEXTS = ["", "   ", "...", "zzz qqq xxx", "late", "money " * 300, "é 漢字 🙂"]


@pytest.mark.parametrize("target", TARGETS)
def test_empty_and_unknown_texts_have_finite_scores(name, target):
    model = fitted(name, target)
    for method in methods_of(model):
        result = outcome(model, method, ODD_TEXTS)
        assert len(result) == len(ODD_TEXTS)
        if result.dtype.kind == "f":
            assert np.isfinite(result).all(), method


@pytest.mark.parametrize("target", TARGETS)
def test_empty_texts_may_be_trained_on(make, target):
    texts, y = TARGETS[target]
    texts = ["", "...", *texts[2:]]
    assert np.isfinite(make().fit(texts, y).predict_proba(ODD_TEXTS)).all()


def test_nothing_but_empty_texts(neural):
    model = neural().fit([""] * 60, LABELS)
    assert np.isfinite(model.predict_proba(ODD_TEXTS)).all()


def test_nothing_but_empty_texts_for_a_baseline():
    for make in BASELINES.values():
        with pytest.raises(ValueError, match="no word to learn from"):
            make().fit([""] * 60, LABELS)


def test_one_text_alone_and_among_others(name):
    model = fitted(name)
    for method in methods_of(model):
        together = outcome(model, method, UNSEEN)
        for row in (0, 7):
            alone = outcome(model, method, [UNSEEN[row]])
            assert alone.shape == (1, *together.shape[1:])
            close(alone[0], together[row], scale=np.fmax(1, np.abs(together)), dtype=np.float32)


@pytest.mark.parametrize("wrong", [LABELS[:-1], np.vstack([LABELS, LABELS[:1]]), CLASSES[:-1]])
def test_texts_and_targets_of_different_lengths(make, wrong):
    model = make()
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[60, "):
        model.fit(TEXTS, wrong)
    assert learnt(model) == []


# -- 2: targets in, predictions out ----------------------------------------------------------------

INDICATORS = {
    "int64": LABELS,
    "int8": LABELS.astype("int8"),
    "bool": LABELS.astype(bool),
    "float32": LABELS.astype("float32"),
    "uint8": LABELS.astype("uint8"),
    "csr_matrix": sp.csr_matrix(LABELS),
    "csr_array": sp.csr_array(LABELS.astype(bool)),
    "pandas": pd.DataFrame(LABELS, columns=NAMES),
    "pandas of bool": pd.DataFrame(LABELS.astype(bool), columns=NAMES),
    "polars": pl.DataFrame(dict(zip(NAMES, LABELS.T, strict=True))),
}


@pytest.mark.parametrize("form", INDICATORS)
def test_indicator_in_indicator_out(make, form):
    y = INDICATORS[form]
    model = make().fit(TEXTS, y)
    predicted = model.predict(UNSEEN)
    assert type(predicted) is type(y)
    if hasattr(y, "columns"):
        assert list(predicted.columns) == NAMES
        assert model.label_names_.tolist() == NAMES
        assert set(predicted.dtypes) == set(y.dtypes)
    else:
        assert predicted.dtype == y.dtype
        assert model.label_names_.tolist() == [0, 1, 2]
    # The names of columns may be texts to start from, so frames are compared among themselves.
    columns = {"columns": NAMES} if hasattr(y, "columns") else {"columns": range(3)}
    same = make().fit(TEXTS, pd.DataFrame(LABELS, **columns))
    np.testing.assert_array_equal(dense(predicted), same.predict(UNSEEN))
    np.testing.assert_array_equal(model.classes_, [[0, 1]] * 3)


@pytest.mark.parametrize("form", [sp.csc_array, sp.coo_matrix, list, "lists", "objects"])
def test_other_indicators_come_back_in_the_nearest_form(name, make, form):
    if form == "lists":
        y = LABELS.tolist()
    elif form == "objects":
        y = LABELS.astype(object)
    else:
        y = form(LABELS)
    predicted = make().fit(TEXTS, y).predict(UNSEEN)
    if sp.issparse(y):
        assert predicted.format == "csr"
        assert isinstance(predicted, sp.sparray) == isinstance(y, sp.sparray)
    else:
        assert type(predicted) is np.ndarray
        assert predicted.dtype == np.int64
    np.testing.assert_array_equal(dense(predicted), fitted(name).predict(UNSEEN))


CLASS_FORMS = {
    "str_": CLASSES,
    "objects": CLASSES.astype(object),
    "list": CLASSES.tolist(),
    "tuple": tuple(CLASSES.tolist()),
    "pandas": pd.Series(CLASSES, index=range(60, 0, -1)),
    "categorical": pd.Series(CLASSES).astype("category"),
    "polars": pl.Series(CLASSES.tolist()),
    "int64": np.array([30, 10, 20])[CODES],
    "int8": np.array([3, 1, 2], dtype="int8")[CODES],
    "negative": np.array([-1, 0, 1])[CODES],
    "float": np.array([0.0, 1.0, 2.0])[CODES],
    "bool": CODES == 0,
    "datetime": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]")[CODES],
}


@pytest.mark.parametrize("form", CLASS_FORMS)
def test_classes_in_classes_out(make, form):
    y = CLASS_FORMS[form]
    model = make().fit(CLASS_TEXTS, y)
    predicted = model.predict(CLASS_TEXTS)
    expected = np.asarray(y)
    assert type(predicted) is np.ndarray
    assert predicted.shape == (60,)
    assert predicted.dtype == expected.dtype
    assert model.classes_.tolist() == sorted(set(expected.tolist()))
    assert model.label_names_.tolist() == model.classes_.tolist()
    assert np.mean(predicted == expected) > 0.9


LABEL_LISTS = {
    "ragged": [["late"], ["late", "refund"], []] * 20,
    "of one length": [["late", "refund"], ["rude", "late"], ["a", "b"]] * 20,
    "of one label": [["late"], ["refund"], ["rude"]] * 20,
    "tuples": [("late",), ("late", "rude"), ()] * 20,
    "sets": [{"late"}, {"late", "rude"}, set()] * 20,
    "numbers": [[0], [0, 2], []] * 20,
    "objects": np.array([["late"], ["late", "rude"], []] * 20, dtype=object),
    "pandas": pd.Series([["late"], ["late", "rude"], []] * 20),
}


@pytest.mark.parametrize("kind", LABEL_LISTS)
def test_label_lists_are_told_of_multilabelbinarizer(make, kind):
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        make().fit(TEXTS, LABEL_LISTS[kind])


BAD_TARGETS = {
    "NaN in an indicator": (
        np.where(np.arange(180).reshape(60, 3) == 5, np.nan, LABELS),
        "y contains NaN",
    ),
    "NaN among classes": (np.where(np.arange(60) == 5, np.nan, CODES), "NaN in row 5"),
    "None among classes": ([*CLASSES[:-1].tolist(), None], "missing value in row 59"),
    "one class": (["late"] * 60, "at least 2 classes.*only one class"),
    "numbers beyond 0 and 1": (LABELS * 2, "0 and 1 only, but y contains 2"),
    "continuous": (np.linspace(0, 1, 60), "Unknown label type: continuous"),
    "three dimensions": (np.zeros((60, 3, 2)), r"shape \(60, 3, 2\)"),
    "no label": (np.zeros((60, 0)), "no label"),
    "a column of names": (CLASSES[:, None], "1-D y"),
    "a column of a frame": (pd.DataFrame({"class": CLASSES}), "1-D y"),
    "all texts without labels": ([[]] * 60, "no label"),
}


@pytest.mark.parametrize("bad", BAD_TARGETS)
def test_bad_targets_are_refused_with_advice(make, bad):
    y, message = BAD_TARGETS[bad]
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, y)
    assert learnt(model) == []


def test_no_target_at_all(make):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        make().fit(TEXTS, None)


def test_texts_without_any_label(make):
    y = LABELS.copy()
    y[:30] = 0
    model = make().fit(TEXTS, y)
    assert (model.predict(TEXTS).sum(axis=1) == 0).any()


def test_a_label_without_positives_is_named(make):
    y = pd.DataFrame(LABELS, columns=NAMES).assign(refund=0)
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no positive.*\('refund'\)") as record:
        model = make().fit(TEXTS, y)
    assert len(record) == 1
    assert model.predict(TEXTS)["refund"].sum() == 0
    assert np.isfinite(model.predict_proba(TEXTS)).all()


def test_a_label_that_is_always_there(make):
    y = LABELS.copy()
    y[:, 1] = 1
    model = make().fit(TEXTS, y)
    assert model.predict(UNSEEN)[:, 1].mean() > 0.8
    assert np.isfinite(model.decision_function(UNSEEN)).all()


def test_one_label_in_a_column(name):
    model = fitted(name, "one label")
    assert model.classes_.tolist() == [[0, 1]]
    assert model.predict(UNSEEN).shape == (20, 1)
    assert model.predict_proba(UNSEEN).shape == (20, 1)
    assert model.decision_function(UNSEEN).shape == (20, 1)
    assert model.score(TEXTS, LABELS[:, :1]) > 0.8


def test_numpy_column_names_become_plain(make):
    y = pd.DataFrame(LABELS, columns=np.array([5, 7, 9], dtype="int32"))
    model = make().fit(TEXTS, y)
    assert model.label_names_.tolist() == [5, 7, 9]
    assert list(model.predict(UNSEEN).columns) == [5, 7, 9]


# -- 3: classes_ and scikit-learn's scorers --------------------------------------------------------


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


# -- 4: probabilities, scores, decisions -----------------------------------------------------------


@pytest.mark.parametrize("target", ["labels", "two labels", "one label"])
def test_probabilities_of_labels(name, target):
    model = fitted(name, target)
    proba = model.predict_proba([*UNSEEN, *ODD_TEXTS])
    assert type(proba) is np.ndarray
    assert proba.dtype.kind == "f"
    assert proba.shape == (27, model.classes_.shape[0])
    assert proba.min() > 0
    assert proba.max() < 1


def test_probabilities_of_sure_models_stay_inside(neural, monkeypatch):
    model = neural(validation_fraction=0).fit(TEXTS, LABELS)
    original = TextNet.predict_logits
    monkeypatch.setattr(TextNet, "predict_logits", lambda net, data: 1e3 * original(net, data))
    if hasattr(model, "predict_sequence"):  # decodes without predict_logits
        with torch.no_grad():
            model.net_.module_.output.weight *= 1e3
    proba = model.predict_proba([*TEXTS, "late " * 500])
    assert proba.min() > 0
    assert proba.max() < 1
    # 36 is the logit of the float64 next to 1.
    assert np.abs(model.decision_function([*TEXTS, "late " * 500])).max() > 36


@pytest.mark.parametrize("target", ["classes", "two classes"])
def test_probabilities_of_classes(name, target):
    model = fitted(name, target)
    proba = model.predict_proba([*UNSEEN, *ODD_TEXTS])
    assert type(proba) is np.ndarray
    assert proba.shape == (27, len(model.classes_))
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(
        model.predict([*UNSEEN, *ODD_TEXTS]), model.classes_[proba.argmax(axis=1)]
    )


@pytest.mark.parametrize("target", TARGETS)
def test_scores_are_the_logits_of_the_probabilities(neural_name, target):
    model = fitted(neural_name, target)
    scores, proba = model.decision_function(UNSEEN), model.predict_proba(UNSEEN)
    if target == "two classes":
        assert scores.shape == (20,)
        close(1 / (1 + np.exp(-scores)), proba[:, 1], dtype=np.float32)
    elif target == "classes":
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        close(shares, proba, dtype=np.float32)
    else:
        close(1 / (1 + np.exp(-scores)), proba, dtype=np.float32)


@pytest.mark.parametrize("target", TARGETS)
def test_scores_rise_with_probabilities(name, target):
    if name == "LabelPowerset" and target not in ("two classes", "classes"):
        pytest.skip("best set against sum over sets: two different orders, by design")
    if name == "BinaryRelevance" and target == "classes":
        pytest.skip("probabilities of one-vs-rest are scaled to sum to one, text by text")
    model = fitted(name, target)
    scores, proba = model.decision_function(UNSEEN), model.predict_proba(UNSEEN)
    if scores.ndim == 1:
        scores, proba = scores[:, None], proba[:, 1:]
    if target == "classes":
        scores, proba = scores.T, proba.T  # comparable within a text
    for column in range(scores.shape[1]):
        order = np.argsort(scores[:, column])
        assert (np.diff(proba[order, column]) >= -1e-9).all()
        assert np.ptp(proba[:, column]) > 0


@pytest.mark.parametrize("min_labels", [0, 1, 2])
def test_predictions_follow_thresholds_and_min_labels(neural, min_labels):
    settings = {"threshold": [0.2, 0.5, 0.9], "min_labels": min_labels, **by_thresholds(neural)}
    model = neural(**settings).fit(TEXTS, LABELS)
    assert model.thresholds_.tolist() == [0.2, 0.5, 0.9]
    X = [*UNSEEN, *ODD_TEXTS]
    proba = model.predict_proba(X)
    margin = proba - model.thresholds_
    expected = margin >= 0
    for row in range(len(X)):
        if expected[row].sum() < min_labels:
            expected[row] = np.argsort(np.argsort(-margin[row])) < min_labels
    np.testing.assert_array_equal(model.predict(X), expected)
    assert (expected.sum(axis=1) < 3).any()


def test_fitted_thresholds_decide(neural):
    model = neural(**by_thresholds(neural)).fit(TEXTS, LABELS)
    model.thresholds_ = np.array([0.0, 1.0, 1.0])
    model.min_labels_ = 0
    np.testing.assert_array_equal(model.predict(UNSEEN), np.tile([1, 0, 0], (20, 1)))


def test_thresholds_are_tuned_on_the_held_out_part(neural):
    model = neural(validation_fraction=0.3, threshold="tuned").fit(TEXTS, LABELS)
    assert model.thresholds_.shape == (3,)
    assert not np.array_equal(model.thresholds_, [0.5] * 3)


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (1.5, "threshold must lie between 0 and 1, but got 1.5"),
        (float("nan"), "threshold must lie between 0 and 1"),
        ([0.5, 0.5], r"one number per label; y has 3 labels, but threshold has shape \(2,\)"),
        ("tune", "among {'tuned'}. Got 'tune' instead"),
    ],
)
def test_bad_thresholds(neural, threshold, message):
    with pytest.raises(ValueError, match=message):
        neural(threshold=threshold).fit(TEXTS, LABELS)


# -- 5: parameters and reproducibility -------------------------------------------------------------


def parameters_of(model):
    return list(inspect.signature(type(model).__init__).parameters)[1:]


def test_the_constructor_only_assigns(make):
    kind = type(make())
    parameters = parameters_of(make())
    # Wrong values of every kind: whoever validates, converts or copies here is found out.
    sentinels = {name: object() for name in parameters}
    model = kind(**sentinels)
    assert vars(model) == sentinels
    assert all(vars(model)[name] is value for name, value in sentinels.items())
    for parameter in inspect.signature(kind.__init__).parameters.values():
        if parameter.name != "self":
            assert parameter.kind is parameter.KEYWORD_ONLY, parameter
            assert parameter.default is not parameter.empty
            mutable = (list, dict, set, np.ndarray)
            assert not isinstance(parameter.default, mutable)


def test_get_params_set_params_clone_and_repr(make):
    model = make()
    assert sorted(model.get_params(deep=False)) == sorted(parameters_of(model))
    assert set(type(model)._parameter_constraints) == set(parameters_of(model))
    twin = clone(model)
    assert twin is not model
    for name, value in model.get_params(deep=False).items():
        other = twin.get_params(deep=False)[name]
        assert other == value or isinstance(value, BaseEstimator), name
    assert repr(twin) == repr(model)
    assert repr(type(model)()) == f"{type(model).__name__}()"


def test_repr_shows_what_is_not_default(neural):
    assert "batch_size=16" in repr(neural())
    assert "lowercase=False" in repr(neural(lowercase=False))


def test_a_parameter_that_does_not_exist(make):
    with pytest.raises(
        ValueError, match=r"(?s)Invalid parameter 'windowsize'.*Valid parameters are"
    ):
        make().set_params(windowsize=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'windowsize'"):
        make(windowsize=3)


def test_every_parameter_is_validated_in_fit(make):
    for name in parameters_of(make()):
        model = make(**{name: object()})
        with pytest.raises(InvalidParameterError, match=rf"The '{name}' parameter of \w+ must be"):
            model.fit(TEXTS, LABELS)
        assert learnt(model) == []


def test_a_misspelt_value_names_the_allowed_ones(neural):
    model = neural()
    seen = 0
    for name, constraints in type(model)._parameter_constraints.items():
        for constraint in constraints:
            if isinstance(constraint, StrOptions) and str not in constraints:
                seen += 1
                with pytest.raises(InvalidParameterError, match=f"'{name}' parameter") as caught:
                    neural(**{name: "no such thing"}).fit(TEXTS, LABELS)
                for option in constraint.options:
                    assert repr(option) in str(caught.value)
    assert seen >= 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("embedding_dim", 0),
        ("embedding_dim", 2.5),
        ("max_epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", -1.0),
        ("warmup", 1.0),
        ("weight_decay", -0.1),
        ("validation_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("patience", 0),
        ("min_df", 0),
        ("min_df", 1.5),
        ("max_features", 0),
        ("max_length", 0),
        ("min_labels", -1),
        ("threshold_shrinkage", -1),
        ("random_state", "seed"),
        ("class_weight", "balance"),
        ("net_params", [("lr", 1)]),
    ],
)
def test_values_out_of_range(neural, parameter, value):
    if parameter not in neural().get_params():
        pytest.skip("has no such parameter")
    with pytest.raises(InvalidParameterError, match=rf"The '{parameter}' parameter of \w+ must be"):
        neural(**{parameter: value}).fit(TEXTS, LABELS)


def test_a_device_that_does_not_exist(neural):
    with pytest.raises(ValueError, match=r"device='gpu'.*'auto'.*'cpu'.*'cuda'"):
        neural(device="gpu").fit(TEXTS, LABELS)


def test_partial_fit_validates_too(neural):
    with pytest.raises(InvalidParameterError, match="'lowercase' parameter"):
        neural(lowercase="yes").partial_fit(TEXTS, LABELS)


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_same_seed_same_predictions_bit_for_bit(name, make, target):
    assert same_predictions(fitted(name, target), make().fit(*TARGETS[target]))


@pytest.mark.parametrize("validation_fraction", [0, 0.3])
def test_random_state_decides(neural, validation_fraction):
    def fit(random_state):
        return neural(random_state=random_state, validation_fraction=validation_fraction).fit(
            TEXTS, LABELS
        )

    first = fit(7)
    assert same_predictions(first, fit(7))
    assert same_predictions(first, fit(np.random.RandomState(7)))
    assert not same_predictions(first, fit(8))


def test_the_seed_holds_whatever_the_global_state_is(neural_name, neural):
    with torch.random.fork_rng():
        torch.manual_seed(12345)
        state = np.random.get_state()
        np.random.seed(12345)
        model = neural().fit(TEXTS, LABELS)
        np.random.set_state(state)
    assert same_predictions(fitted(neural_name), model)


def test_without_a_seed_every_fit_differs(neural):
    state = np.random.get_state()
    np.random.seed(3)
    try:
        first, second = (neural(random_state=None).fit(TEXTS, LABELS) for _ in range(2))
        np.random.seed(3)
        again = neural(random_state=None).fit(TEXTS, LABELS)
    finally:
        np.random.set_state(state)
    assert not same_predictions(first, second)
    # scikit-learn's None is numpy's global generator, so numpy.random.seed reaches it.
    assert same_predictions(first, again)


def global_states():
    name, keys, *rest = np.random.get_state()
    return name, keys.tobytes(), *rest, torch.get_rng_state().numpy().tobytes()


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_global_random_states_are_left_alone(make, target):
    X, y = TARGETS[target]
    before = global_states()
    model = make().fit(X, y)
    assert global_states() == before, "fit"
    if hasattr(model, "validation_fraction"):
        model.set_params(validation_fraction=0.3).fit(X, y)
        assert global_states() == before, "fit with a validation split"
    if hasattr(model, "partial_fit"):
        model.partial_fit(X, y)
        assert global_states() == before, "partial_fit"
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
        assert global_states() == before, method


def test_the_random_states_survive_an_interrupted_fit(neural):
    before = global_states()
    with pytest.raises(KeyboardInterrupt):
        neural(net_params={"callbacks": [Interrupt(KeyboardInterrupt())]}).fit(TEXTS, LABELS)
    assert global_states() == before


@pytest.mark.parametrize("form", ["int64", "float32", "csr_matrix", "pandas"])
def test_what_is_passed_in_is_not_modified(make, form):
    X, y, weight = np.array(TEXTS, dtype=object), INDICATORS[form], np.linspace(0, 1, 60)
    copies = X.copy(), y.copy(), weight.copy()
    X.flags.writeable = weight.flags.writeable = False
    if isinstance(y, np.ndarray):
        y = y.copy()
        y.flags.writeable = False
    model = make().fit(X, y, sample_weight=weight)
    for method in methods_of(model):
        getattr(model, method)(X)
    if hasattr(model, "partial_fit"):
        model.partial_fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(dense(y), dense(copies[1]))
    np.testing.assert_array_equal(weight, copies[2])


def test_fit_does_not_modify_parameters(neural):
    net_params = {"callbacks": [Interrupt(None, after=-1)], "optimizer": torch.optim.SGD}
    given = {"net_params": net_params, "label_texts": {0: "late", 1: "money", 2: "rude"}}
    model = neural(threshold=[0.5, 0.4, 0.3], class_weight={0: 2.0}, **given)
    before = {name: copy.copy(value) for name, value in model.get_params(deep=False).items()}
    identities = {name: id(value) for name, value in model.get_params(deep=False).items()}
    model.fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS)
    assert model.get_params(deep=False) == before
    assert {name: id(value) for name, value in model.get_params(deep=False).items()} == identities


# -- 6: among scikit-learn's own -------------------------------------------------------------------


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
    pipeline = make_pipeline(neural(), LogisticRegression()).fit(CLASS_TEXTS, CLASSES)
    assert pipeline.score(CLASS_TEXTS, CLASSES) > 0.8
    names = pipeline[:-1].get_feature_names_out()
    assert len(names) == 8
    assert len(set(names)) == 8


def grid_of(name):
    if name in BASELINES:
        return {"classifier__C": [0.01, 10]}
    if name in ("LACO", "BERT"):
        return {"dropout": [0.0, 0.5]}
    return {"window_size": [0, 2]} if name.startswith("LEAM") else {"embedding_dim": [4, 8]}


def test_grid_search_in_two_processes(name, make):
    container = {"LEAM": np.array, "BinaryRelevance": pd.Series}.get(name, list)
    # The wide path takes its full time in workers; see `test_fits_in_workers`.
    model = make()
    if "wide" in model.get_params():
        model.set_params(wide=False)
    with joblib.parallel_config(backend="loky"):
        alone, parallel = (
            GridSearchCV(model, grid_of(name), scoring="f1_micro", cv=KFold(2), n_jobs=n_jobs).fit(
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


def test_grid_search_over_sparse_targets_and_frames(make):
    for y in (sp.csr_matrix(LABELS), pd.DataFrame(LABELS, columns=NAMES)):
        search = GridSearchCV(
            make(), {}, scoring="f1_macro", cv=KFold(2, shuffle=True, random_state=0)
        )
        search.fit(pd.Series(TEXTS), y)
        assert search.best_score_ > 0.4
        assert type(search.predict(UNSEEN)) is type(y)


@pytest.mark.parametrize("target", ["labels", "two labels", "one label", "classes", "two classes"])
def test_cross_val_predict(make, target):
    X, y = TARGETS[target]
    cv = KFold(2)
    for method in ("predict_proba", "predict", "decision_function"):
        result = cross_val_predict(make(), X, y, cv=cv, method=method)
        # For scores, scikit-learn hands classes on as numbers: their names are lost on the way, and
        # with them the label texts that label_texts="auto" would have taken from them.
        encode = y.ndim == 1 and method != "predict"
        given = np.unique(y, return_inverse=True)[1] if encode else y
        expected = [
            getattr(make().fit([X[i] for i in kept], given[kept]), method)([X[i] for i in cut])
            for kept, cut in cv.split(X)
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


@pytest.mark.parametrize("container", [list, np.array, pd.Series])
def test_one_vs_rest(make, container):
    classes = OneVsRestClassifier(make()).fit(container(CLASS_TEXTS), CLASSES)
    assert classes.score(container(CLASS_TEXTS), CLASSES) > 0.9
    labels = OneVsRestClassifier(make()).fit(container(TEXTS), LABELS)
    assert len(labels.estimators_) == 3
    assert f1_score(LABELS, labels.predict(container(TEXTS)), average="micro") > 0.8
    assert labels.predict_proba(container(TEXTS)).shape == LABELS.shape


@pytest.mark.parametrize("container", [np.array, pd.Series, list])
def test_multi_output(make, container):
    y = np.column_stack([CLASSES, BINARY])
    model = MultiOutputClassifier(make()).fit(container(CLASS_TEXTS), y)
    X = container(CLASS_TEXTS)
    predicted = model.predict(X)
    assert predicted.shape == (60, 2)
    assert np.mean(predicted[:, 0] == CLASSES) > 0.9
    assert [proba.shape for proba in model.predict_proba(X)] == [(60, 3), (60, 2)]


def test_two_fits_at_once_in_threads(make):
    models = [make(), make(), make(), make()]
    targets = [LABELS, LABELS[:, ::-1], 1 - LABELS, LABELS]
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


@pytest.mark.parametrize("target", ["labels", "classes"])
@pytest.mark.parametrize(
    "way", [copy.deepcopy, copy.copy, through_a_file, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_predict_the_same(name, way, target):
    model = fitted(name, target)
    twin = way(model)
    assert same_predictions(model, twin)
    assert sorted(vars(twin)) == sorted(vars(model))


def test_a_copy_goes_its_own_way(neural):
    model = neural().fit(TEXTS, LABELS)
    before = model.predict_proba(UNSEEN)
    for way in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        twin = way(model)
        for _ in range(3):
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
    model.set_params(batch_size="auto", net_params=None)
    assert max(model.partial_fit(TEXTS, LABELS) and sizes.seen) == 3


def test_a_pickle_holds_no_training_state(neural):
    model = neural().fit(TEXTS, LABELS)
    rows = model.count_parameters()["total"]
    bare = neural(validation_fraction=0).fit(TEXTS, LABELS)
    assert abs(len(pickle.dumps(model)) - len(pickle.dumps(bare))) < 4 * rows + 2000
    twin = pickle.loads(pickle.dumps(model))
    assert not hasattr(twin.net_, "optimizer_")


def test_unfitted_models_pickle_too(make):
    twin = pickle.loads(pickle.dumps(make()))
    with pytest.raises(NotFittedError):
        twin.predict(TEXTS)


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


def test_threads_of_the_caller_are_left_alone(neural):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        neural().fit(TEXTS, LABELS).predict(UNSEEN)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# -- 7: sample_weight, tags, scikit-learn's checks -------------------------------------------------


def test_sample_weight_is_an_explicit_argument(make):
    model = make()
    assert has_fit_parameter(model, "sample_weight")
    parameter = inspect.signature(model.fit).parameters["sample_weight"]
    assert parameter.default is None
    if hasattr(model, "partial_fit"):
        assert "sample_weight" in inspect.signature(model.partial_fit).parameters
    with sklearn.config_context(enable_metadata_routing=True):
        request = model.set_fit_request(sample_weight=True).get_metadata_routing()
        assert request.fit.requests["sample_weight"] is True


def contradicted(target):
    """The texts twice; the second time with wrong targets of weight 0."""
    X, y = TARGETS[target]
    wrong = 1 - y if y.ndim == 2 else np.roll(y, 1)
    weight = np.repeat([1.0, 0.0], len(X))
    return X + X, np.concatenate([y, wrong]), weight, y


@pytest.mark.parametrize("validation_fraction", [0, 0.3])
@pytest.mark.parametrize("target", ["labels", "classes"])
def test_weight_zero_is_as_good_as_absent(neural, target, validation_fraction, request):
    X, y, weight, truth = contradicted(target)
    settings = {
        "max_epochs": 15,
        "validation_fraction": validation_fraction,
        "threshold": "tuned",
    }
    model = neural(**settings).fit(X, y, sample_weight=weight)
    assert np.mean(model.predict(X[:60]) == truth) > 0.9
    unweighted = neural(**settings).fit(X, y)
    assert np.mean(unweighted.predict(X[:60]) == truth) < 0.85


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_weight_zero_in_the_baselines(target):
    X, y, weight, truth = contradicted(target)
    for make in BASELINES.values():
        model = make().fit(X, y, sample_weight=weight)
        assert np.mean(model.predict(X[:60]) == truth) > 0.9


def test_only_the_ratios_of_weights_matter(neural_name, neural):
    weight = np.linspace(0.5, 2, 60)
    first = neural().fit(TEXTS, LABELS, sample_weight=weight)
    second = neural().fit(TEXTS, LABELS, sample_weight=1024 * weight)
    assert same_predictions(first, second)
    assert not same_predictions(first, fitted(neural_name))
    ones = neural().fit(TEXTS, LABELS, sample_weight=np.ones(60))
    close(ones.predict_proba(UNSEEN), fitted(neural_name).predict_proba(UNSEEN), dtype=np.float32)


BAD_WEIGHTS = {
    "negative": (np.r_[-1.0, np.ones(59)], "Negative values in data passed to `sample_weight`"),
    "NaN": (np.r_[np.nan, np.ones(59)], "sample_weight contains NaN"),
    "infinite": (np.r_[np.inf, np.ones(59)], "sample_weight contains infinity"),
    "too short": (np.ones(59), r"sample_weight.shape == \(59,\), expected \(60,\)"),
    "two dimensions": (np.ones((60, 2)), "must be 1D array or scalar"),
    "all zero": (np.zeros(60), "zero"),
}


@pytest.mark.parametrize("bad", BAD_WEIGHTS)
def test_bad_weights(make, bad):
    weight, message = BAD_WEIGHTS[bad]
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, LABELS, sample_weight=weight)
    assert learnt(model) == []
    if hasattr(model, "partial_fit"):
        with pytest.raises(ValueError, match=message):
            model.partial_fit(TEXTS, LABELS, sample_weight=weight)
        assert learnt(model) == []


@pytest.mark.parametrize("form", [list, pd.Series, lambda w: w.astype("float32")])
def test_forms_of_weights(make, form):
    weight = np.repeat([1.0, 2.0], 30)
    assert same_predictions(
        make().fit(TEXTS, LABELS, sample_weight=weight),
        make().fit(TEXTS, LABELS, sample_weight=form(weight)),
    )


def test_weights_are_routed_through_cross_validation(make):
    weight = np.where(np.arange(60) % 2, 3.0, 0.25)
    cv = KFold(2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        result = cross_validate(
            model, TEXTS, LABELS, cv=cv, params={"sample_weight": weight}, return_estimator=True
        )
        search = GridSearchCV(model, {}, cv=cv).fit(TEXTS, LABELS, sample_weight=weight)
    for (kept, _), routed in zip(cv.split(TEXTS), result["estimator"], strict=True):
        by_hand = make().fit([TEXTS[i] for i in kept], LABELS[kept], sample_weight=weight[kept])
        assert same_predictions(routed, by_hand)
    by_hand = make().fit(TEXTS, LABELS, sample_weight=weight)
    assert same_predictions(search.best_estimator_, by_hand)


def test_tags(make):
    tags = get_tags(make())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.string is True
    assert tags.input_tags.one_d_array is True
    assert tags.input_tags.two_d_array is False
    assert tags.input_tags.sparse is False
    assert tags.input_tags.allow_nan is False
    assert tags.classifier_tags.multi_label is True
    assert tags.classifier_tags.multi_class is True
    assert tags.target_tags.required is True


def checks_by_scikit_learn():
    # It says that it cannot make up data for texts, and yields the few checks that need none.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        return estimator_checks.parametrize_with_checks([factory() for factory in ALL.values()])


@checks_by_scikit_learn()
def test_the_checks_that_scikit_learn_itself_would_run(estimator, check):
    check(estimator)


def test_check_estimator(make):
    with pytest.warns(SkipTestWarning, match="requires input  of type"):
        results = estimator_checks.check_estimator(make())
    # The proof that passing it proves nothing.
    assert [result["check_name"] for result in results] == ["check_estimator_cloneable"]
    assert results[0]["status"] == "passed"


# Checks of scikit-learn that look at no data, or stop before they do.
CHECKS_WITHOUT_DATA = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_param_validation",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]

# Checks of scikit-learn that hand their numbers to `_enforce_estimator_tags_X` first: there the
# rows become texts, and the rest of the check is scikit-learn's own.
CHECKS_ON_WRITTEN_ROWS = [
    "check_all_zero_sample_weights_error",
    "check_classifiers_classes",
    "check_classifiers_multilabel_output_format_decision_function",
    "check_classifiers_multilabel_output_format_predict",
    "check_classifiers_multilabel_representation_invariance",
    "check_classifiers_regression_target",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_non_transformer_estimators_n_iter",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_requires_y_none",
    "check_sample_weights_list",
]


def rows_as_texts(estimator, X, kernel=None, X_test=None):
    """Stand-in for scikit-learn's `_enforce_estimator_tags_X`: a word for each rounded number."""

    def written(rows):
        texts = [
            " ".join(f"w{column}v{np.floor(float(v)):.0f}" for column, v in enumerate(row))
            for row in np.asarray(rows)
        ]
        return np.array(texts, dtype=object)

    return written(X) if X_test is None else (written(X), written(X_test))


@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA)
def test_checks_of_scikit_learn(make, check):
    model = make()
    if check == "check_param_validation" and "classifier" in model.get_params():
        pytest.skip("the check takes an object with a fit method for a wrong value")
    getattr(estimator_checks, check)(type(model).__name__, model)


@pytest.mark.parametrize("check", CHECKS_ON_WRITTEN_ROWS)
def test_checks_of_scikit_learn_on_text(make, check, monkeypatch):
    monkeypatch.setattr(estimator_checks, "_enforce_estimator_tags_X", rows_as_texts)
    model = make()
    with warnings.catch_warnings():
        # The checks' random labels include some without positives, and models that do not converge.
        warnings.filterwarnings("ignore", "1 of . labels have no positive", UserWarning)
        warnings.filterwarnings("ignore", ".*y_prob values do not sum", UserWarning)
        getattr(estimator_checks, check)(type(model).__name__, model)


# The following checks of scikit-learn slice or compute with the numbers themselves; they are said
# again here, on text.


def test_fit_again_gives_the_same(name, make):  # check_fit_idempotent, with our texts
    model = make().fit(TEXTS, LABELS)
    model.fit(TEXTS, LABELS)
    assert same_predictions(model, fitted(name))


def test_fit_forgets_what_was_before(name, make):
    model = make().fit(CLASS_TEXTS, CLASSES)
    model.fit(TEXTS, LABELS)
    assert same_predictions(model, fitted(name))
    assert learnt(model) == learnt(fitted(name))


def test_predicting_changes_nothing(name, make):  # check_dict_unchanged
    model = make().fit(TEXTS, LABELS)
    before = {key: id(value) for key, value in vars(model).items()}
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
    assert {key: id(value) for key, value in vars(model).items()} == before
    assert same_predictions(model, fitted(name))


def test_fit_adds_attributes_with_an_underscore_only(make):  # check_dont_overwrite_parameters
    model = make()
    parameters = set(vars(model))
    model.fit(TEXTS, LABELS)
    added = set(vars(model)) - parameters
    assert all(key.endswith("_") or key.startswith("_") for key in added)
    assert hasattr(model, "classes_")
    assert hasattr(model, "label_names_")
    # scikit-learn's callbacks leave nothing behind
    assert not any("callback" in key for key in added)


def test_order_of_the_texts_does_not_matter(name):  # check_methods_sample_order_invariance
    model = fitted(name)
    order = np.random.default_rng(0).permutation(len(UNSEEN))
    shuffled = [UNSEEN[i] for i in order]
    for method in methods_of(model):
        close(
            outcome(model, method, shuffled),
            outcome(model, method, UNSEEN)[order],
            dtype=np.float32,
        )


def test_batches_do_not_matter(name):  # check_methods_subset_invariance
    model = fitted(name)
    for method in methods_of(model):
        pieces = [outcome(model, method, [text]) for text in UNSEEN]
        close(np.concatenate(pieces), outcome(model, method, UNSEEN), dtype=np.float32)


def test_unfitted_models_say_so(make):  # check_estimators_unfitted, on text
    model = make()
    for method in [*methods_of(model), "count_parameters"]:
        if hasattr(model, method):
            with pytest.raises(NotFittedError, match="Call 'fit'"):
                getattr(model, method)(*([] if method == "count_parameters" else [TEXTS]))


def test_a_class_left_without_weight(make):  # check_classifiers_one_label_sample_weights, on text
    weight = (CLASSES == "late").astype(float)
    model = make()
    try:
        model.fit(CLASS_TEXTS, CLASSES, sample_weight=weight)
    except ValueError as error:
        assert "class" in str(error)  # noqa: PT017
        assert learnt(model) == []
    else:
        assert np.mean(model.predict(CLASS_TEXTS) == "late") > 0.9


def test_balanced_classes(neural_name, neural, request):  # check_class_weight_classifiers
    y = np.repeat([0, 1], [54, 6])
    texts = ["my parcel"] * 60  # nothing to tell the classes apart by

    def probability(class_weight):
        model = neural(max_epochs=20, validation_fraction=0, class_weight=class_weight)
        return model.fit(texts, y).predict_proba(["my parcel"])[0, 1]

    assert probability(None) < 0.3
    assert probability("balanced") == pytest.approx(0.5, abs=0.25)
    assert probability({0: 1, 1: 1000}) > 0.9
    with pytest.raises(ValueError, match="class_weight names labels that y does not have"):
        neural(class_weight={"nobody": 1.0}).fit(TEXTS, LABELS)


# -- 8: nothing leaks, and everything passes through to skorch -------------------------------------


@pytest.mark.parametrize("net_params", [None, {"callbacks": [Interrupt(None, after=-1)]}])
def test_a_clone_starts_afresh(make, net_params):
    more = {"net_params": net_params} if "net_params" in make().get_params() else {}
    first = make(**more).fit(TEXTS[:30], LABELS[:30])
    twin = clone(first)
    assert learnt(twin) == []
    with pytest.raises(NotFittedError):
        twin.predict(TEXTS)
    before = outcome(first, "predict_proba", UNSEEN)
    twin.fit(TEXTS[30:], LABELS[30:])
    assert same_predictions(twin, make(**more).fit(TEXTS[30:], LABELS[30:]))
    np.testing.assert_array_equal(outcome(first, "predict_proba", UNSEEN), before)


def test_parts_of_the_net_are_classes(neural):
    model = neural().fit(TEXTS, LABELS)
    for part in ("module", "criterion", "optimizer", "iterator_train", "iterator_valid"):
        assert isinstance(getattr(model.net_, part), type), part
    assert isinstance(model.net_, TextNet)


def test_net_params_reach_skorch(neural):
    class Count(Callback):
        batches = 0

        def on_batch_end(self, net, training, **kwargs):
            Count.batches += training

    model = neural(
        validation_fraction=0,
        net_params={
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": 0.9,
            "batch_size": 5,
            "callbacks": [Count()],
        },
    ).fit(TEXTS, LABELS)
    assert Count.batches == 12 * model.max_epochs
    assert type(model.net_.optimizer_) is torch.optim.SGD
    assert model.net_.optimizer_.defaults["momentum"] == 0.9
    assert model.net_.batch_size == 5


def test_unknown_net_params(neural):
    with pytest.raises((TypeError, ValueError), match=r"unexpected argument.*batchsize"):
        neural(net_params={"batchsize": 5}).fit(TEXTS, LABELS)


def test_skorch_early_stopping_ends_training_properly(neural, capsys):
    stopper = EarlyStopping(monitor="train_loss", patience=1, threshold=100.0, sink=lambda _: None)
    model = neural(max_epochs=8, net_params={"callbacks": [stopper]}).fit(TEXTS, LABELS)
    assert model.n_iter_ == 2
    check_is_fitted(model)


# -- 9: the validation split -----------------------------------------------------------------------


@pytest.mark.parametrize("target", ["labels", "classes"])
def test_the_validation_split_is_stratified(neural, target, monkeypatch):
    splits, trained = [], []
    original = FITTING.stratified_holdout

    def spy(targets, fraction, seed):
        splits.append((targets, fraction, *original(targets, fraction, seed)))
        return splits[-1][2:]

    def train_on(self, train, valid, *args, **kwargs):
        trained.append((train, valid))
        return original_train(self, train, valid, *args, **kwargs)

    original_train = TextNet.train_on
    monkeypatch.setattr(FITTING, "stratified_holdout", spy)
    monkeypatch.setattr(TextNet, "train_on", train_on)
    # Sorted: a plain tail would hold one kind of text only. The first label is rare.
    if target == "labels":
        y = np.repeat([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [16, 52, 52], axis=0)
    else:
        y = np.repeat(["a", "b", "c"], [16, 52, 52])
    X = write(np.repeat(np.eye(3, dtype=int), [16, 52, 52], axis=0))
    neural(validation_fraction=0.25, patience=4).fit(X, y)

    ((_, fraction, kept, cut),) = splits
    assert fraction == 0.25
    assert sorted([*kept, *cut]) == list(range(120))
    ((train, valid),) = trained
    assert (len(train), len(valid)) == (len(kept), len(cut))
    held_out = np.repeat([0, 1, 2], [16, 52, 52])[cut]
    np.testing.assert_allclose(np.bincount(held_out, minlength=3), [4, 13, 13], atol=1)
    (part,) = getattr(valid, "parts", (valid,))
    found = part.targets.toarray().argmax(axis=1) if target == "labels" else part.targets
    np.testing.assert_array_equal(found, held_out)


def test_without_a_validation_split(neural, monkeypatch):
    def fail(*args):
        raise AssertionError("nothing was to be held out")

    monkeypatch.setattr(FITTING, "stratified_holdout", fail)
    model = neural(validation_fraction=0, max_epochs=4).fit(TEXTS * 4, np.tile(LABELS, (4, 1)))
    assert model.n_iter_ == model.best_epoch_ == 4
    assert "valid_score" not in model.history_[0]
    assert model.thresholds_.tolist() == [0.5] * 3


def test_the_best_epoch_is_kept(neural):
    X, y = TEXTS * 3, np.tile(LABELS, (3, 1))
    model = neural(validation_fraction=0.2, patience=2, max_epochs=30).fit(X, y)
    scores = [row["valid_score"] for row in model.history_]
    assert model.n_iter_ == len(scores) < 30
    assert model.best_epoch_ == int(np.argmax(scores)) + 1 == model.n_iter_ - 2


def test_a_class_with_one_sample(neural):
    y = CLASSES.astype(object).copy()
    y[0] = "lonely"
    model = neural(validation_fraction=0.3).fit(CLASS_TEXTS, y)
    assert model.predict_proba(UNSEEN).shape == (20, 4)


# -- 10: when something goes wrong -----------------------------------------------------------------


def failures():
    return {
        "Ctrl-C": (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        "out of memory": (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            MemoryError,
            "smaller batch_size.*max_length.*device='cpu'",
        ),
        "a bug in a callback": (ZeroDivisionError("oh"), ZeroDivisionError, "oh"),
    }


@pytest.mark.parametrize("before", ["nothing", "a fit"])
@pytest.mark.parametrize("failure", failures())
def test_an_interrupted_fit_leaves_the_model_unfitted(neural, failure, before):
    raised, expected, message = failures()[failure]
    model = neural()
    if before == "a fit":
        model.fit(CLASS_TEXTS, CLASSES)
    model.set_params(net_params={"callbacks": [Interrupt(raised)]})
    with pytest.raises(expected, match=message):
        model.fit(TEXTS, LABELS)
    assert learnt(model) == []
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)
    # and it can be fitted afterwards as if nothing had happened
    model.set_params(net_params=None).fit(TEXTS, LABELS)
    assert same_predictions(model, neural().fit(TEXTS, LABELS))


@pytest.mark.parametrize("failure", failures())
def test_an_interrupted_warm_start_leaves_the_model_as_it_was(neural, failure):
    raised, expected, _ = failures()[failure]
    model = neural(warm_start=True).fit(TEXTS, LABELS)
    before = {method: outcome(model, method, UNSEEN) for method in methods_of(model)}
    attributes = {key: id(value) for key, value in vars(model).items() if key in learnt(model)}
    model.set_params(net_params={"callbacks": [Interrupt(raised)]})
    with pytest.raises(expected):
        model.fit(TEXTS, 1 - LABELS)
    assert {k: id(v) for k, v in vars(model).items() if k in learnt(model)} == attributes
    for method, value in before.items():
        np.testing.assert_array_equal(outcome(model, method, UNSEEN), value)


def test_an_interrupted_partial_fit_leaves_the_model_as_it_was(neural):
    model = neural().partial_fit(TEXTS, LABELS)
    before = outcome(model, "predict_proba", UNSEEN)
    net = model.net_
    for _ in range(2):
        model.set_params(net_params={"callbacks": [Interrupt(KeyboardInterrupt(), after=3)]})
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(TEXTS, 1 - LABELS)
        assert model.net_ is net
        np.testing.assert_array_equal(outcome(model, "predict_proba", UNSEEN), before)


def test_a_first_partial_fit_that_fails_leaves_the_model_unfitted(neural):
    model = neural(net_params={"callbacks": [Interrupt(KeyboardInterrupt(), after=2)]})
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(TEXTS, LABELS)
    assert learnt(model) == []


@pytest.mark.parametrize("before", ["nothing", "a fit"])
def test_a_diverging_fit(neural, before):
    model = neural()
    if before == "a fit":
        model.fit(TEXTS, LABELS)
    # So large that even a network of nothing but saturated gates is no longer finite.
    model.set_params(learning_rate=1e38)
    with pytest.raises(FloatingPointError, match=r"loss became (nan|inf).*Lower learning_rate"):
        model.fit(TEXTS, LABELS)
    assert learnt(model) == []


def test_a_fit_that_diverges_in_its_very_last_step(neural):
    # The loss is looked at before a step: the last step is followed by no loss.
    model = neural(learning_rate=1e38, max_epochs=1, batch_size=60, warmup=0, validation_fraction=0)
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        model.fit(TEXTS, LABELS)
    assert learnt(model) == []


def test_vectors_that_are_no_numbers(neural):
    if "vectors" not in neural().get_params():
        pytest.skip("takes no pretrained vectors")
    model = neural(vectors={"late": np.full(8, np.inf)})
    with pytest.raises((ValueError, FloatingPointError), match=r"infinite or not a number"):
        model.fit(TEXTS, LABELS)
    assert learnt(model) == []


def test_texts_that_are_all_alike(neural_name, neural, request):
    y = np.repeat([0, 1], [40, 20])
    model = neural(validation_fraction=0, max_epochs=10).fit(["my parcel"] * 60, y)
    assert model.predict_proba(["my parcel"])[0, 1] == pytest.approx(1 / 3, abs=0.2)


@pytest.mark.parametrize("size", [1e6, 1e30])
def test_one_huge_weight_does_not_poison_the_model(neural, size):
    weight = np.ones(60)
    weight[3] = size
    model = neural()
    try:
        model.fit(TEXTS, LABELS, sample_weight=weight)
    except FloatingPointError as error:
        assert "sample_weight" in str(error)  # noqa: PT017
        assert learnt(model) == []
    else:
        assert np.isfinite(model.decision_function(UNSEEN)).all()


def test_out_of_memory_while_validating(neural, monkeypatch):
    infer = TextNet.infer

    def fail(self, x, **kwargs):
        if not self.module_.training:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return infer(self, x, **kwargs)

    monkeypatch.setattr(TextNet, "infer", fail)
    model = neural(validation_fraction=0.3)
    with pytest.raises(MemoryError, match="smaller batch_size"):
        model.fit(TEXTS, LABELS)
    assert learnt(model) == []


def test_out_of_memory_while_predicting(neural, monkeypatch):
    model = neural().fit(TEXTS, LABELS)

    def fail(self, *args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(TextNet, "infer", fail)
    if hasattr(model, "predict_sequence"):  # decodes without infer
        monkeypatch.setattr(type(model.net_.module_), "encode", fail)
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(MemoryError, match=r"smaller|fewer"):
            getattr(model, method)(UNSEEN)


@pytest.mark.parametrize(
    ("X", "y"), [(TEXTS[:-1], LABELS), (["a", None], LABELS[:2]), (TEXTS, ["one"] * 60)]
)
def test_a_failing_fit_leaves_no_mixture(neural, X, y):
    model = neural().fit(CLASS_TEXTS, CLASSES)
    with pytest.raises((ValueError, TypeError)):
        model.fit(X, y)
    assert learnt(model) == []


def test_a_failing_fit_of_a_baseline_leaves_no_mixture():
    for make in BASELINES.values():
        model = make().fit(CLASS_TEXTS, CLASSES)
        before = {key: id(value) for key, value in vars(model).items()}
        with pytest.raises(ValueError, match="no word to learn from"):
            model.fit([""] * 60, LABELS)
        assert {key: id(value) for key, value in vars(model).items()} == before


# -- going on: partial_fit and warm_start ----------------------------------------------------------


def test_partial_fit_learns_new_words(neural):
    model = neural().partial_fit(TEXTS, LABELS)
    words = len(model.vocabulary_)
    X = ["zebra unicorn"] * 20 + ["griffin chimera"] * 20
    y = np.repeat([[0, 1, 0], [1, 0, 0]], 20, axis=0)
    for _ in range(10):
        model.partial_fit(X, y)
    assert len(model.vocabulary_) == words + 4
    proba = model.predict_proba(["zebra unicorn", "griffin chimera"])
    assert proba[0, 1] > proba[1, 1]
    assert proba[1, 0] > proba[0, 0]


def test_partial_fit_with_classes(neural):
    first, second = CODES != 2, CODES == 2
    X = np.array(CLASS_TEXTS)
    model = neural().partial_fit(X[first], CLASSES[first], classes=["rude", "late", "refund"])
    assert model.classes_.tolist() == ["late", "refund", "rude"]
    model.partial_fit(X[second], CLASSES[second])
    for _ in range(6):
        model.partial_fit(X, CLASSES)
    assert model.score(X, CLASSES) > 0.9
    with pytest.raises(ValueError, match="classes that this model does not know: 'broken'"):
        model.partial_fit(["a b", "c d"], ["broken", "late"])
    with pytest.raises(ValueError, match="Pass every class in `classes` at the first call"):
        neural().partial_fit(X[first], CLASSES[first]).partial_fit(X[second], CLASSES[second])


def test_partial_fit_refuses_other_classes_later(neural):
    model = neural().partial_fit(CLASS_TEXTS, CLASSES, classes=["late", "refund", "rude"])
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(CLASS_TEXTS, CLASSES, classes=["late", "refund"])


def test_partial_fit_with_one_class_in_a_batch(neural):
    model = neural().partial_fit(["late parcel"] * 4, ["late"] * 4, classes=["late", "rude"])
    assert model.predict_proba(["late parcel"]).shape == (1, 2)


def test_partial_fit_with_a_batch_that_lacks_labels(neural):
    model = neural().partial_fit(TEXTS, LABELS)
    lacking = LABELS.copy()
    lacking[:, 1] = 0
    model.partial_fit(TEXTS, lacking)  # no warning: the next batch may have them
    with pytest.raises(ValueError, match="y has 2 labels, but this model knows 3"):
        model.partial_fit(TEXTS, LABELS[:, :2])
    with pytest.raises(ValueError, match="fitted on a multi-label indicator"):
        model.partial_fit(TEXTS, CLASSES)


@pytest.mark.parametrize("way", [lambda m: m, lambda m: pickle.loads(pickle.dumps(m))])
def test_partial_fit_goes_on_after_fit(neural, way):
    model = way(neural(validation_fraction=0).fit(TEXTS, LABELS))
    before = model.predict_proba(TEXTS)
    for _ in range(5):
        model.partial_fit(TEXTS, 1 - LABELS)
    after = model.predict_proba(TEXTS)
    change = after - before
    assert change[LABELS == 1].mean() < -0.005
    assert change[LABELS == 0].mean() > 0.005


def test_partial_fit_obeys_the_learning_rate_of_now(neural):
    model = neural().partial_fit(TEXTS, LABELS)
    before = model.predict_proba(UNSEEN)
    model.set_params(learning_rate=1e-12).partial_fit(TEXTS, 1 - LABELS)
    np.testing.assert_allclose(model.predict_proba(UNSEEN), before, atol=1e-4)


def test_warm_start_continues(neural):
    model = neural(warm_start=True, validation_fraction=0).fit(TEXTS, LABELS)
    first = [row["train_loss"] for row in model.history_]
    model.fit(TEXTS, LABELS)
    second = [row["train_loss"] for row in model.history_]
    assert second[0] < first[0]
    assert second[-1] < first[-1]
    cold = neural(validation_fraction=0).fit(TEXTS, LABELS).fit(TEXTS, LABELS)
    assert [row["train_loss"] for row in cold.history_] == pytest.approx(first)
    # new words are learnt, the known ones kept
    words = len(model.vocabulary_)
    model.fit([*TEXTS, "zebra", "zebra"], np.vstack([LABELS, LABELS[:2]]))
    assert len(model.vocabulary_) == words + 1


def test_warm_start_with_other_labels_or_another_shape(neural):
    model = neural(warm_start=True).fit(TEXTS, LABELS)
    before = outcome(model, "predict_proba", UNSEEN)
    with pytest.raises(ValueError, match="fitted on a multi-label indicator"):
        model.fit(TEXTS, CLASSES)
    shape = (
        {"encoder": {**ENCODER, "intermediate_size": 8}}
        if "encoder" in model.get_params() and isinstance(model.encoder, dict)
        else {"embedding_dim": 4}
    )
    usual = {name: getattr(model, name) for name in shape}
    model.set_params(**shape)
    with pytest.raises(ValueError, match=r"Cannot go on.*warm_start=False"):
        model.fit(TEXTS, LABELS)
    model.set_params(**usual)
    np.testing.assert_array_equal(outcome(model, "predict_proba", UNSEEN), before)


# -- telling: callbacks and progress ---------------------------------------------------------------


class Record:
    """A callback of scikit-learn that writes down what it is told."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.told = []
        self.scores = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.told.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.told.append(("end", context.task_name))
        self.scores.append(fitted_estimator.predict_proba(X).shape == np.shape(y))
        epochs = self.told.count(("end", "epoch"))
        return self.stop_after is not None and epochs >= self.stop_after


def test_callbacks_are_told_of_every_epoch(neural):
    record = Record()
    model = neural(max_epochs=3).set_callbacks(record).fit(TEXTS, LABELS)
    epoch = [("begin", "epoch"), ("end", "epoch")]
    assert record.told == ["setup", ("begin", "fit"), *epoch * 3, ("end", "fit"), "teardown"]
    assert record.scores == [True] * 4
    # one that looks on does not change what is learnt
    assert same_predictions(model, neural(max_epochs=3).fit(TEXTS, LABELS))


def test_callbacks_stop_training(neural):
    record = Record(stop_after=2)
    model = neural(max_epochs=9).set_callbacks(record).fit(TEXTS, LABELS)
    assert model.n_iter_ == 2
    assert record.told.count(("end", "epoch")) == 2
    assert record.told[-2:] == [("end", "fit"), "teardown"]


def test_callbacks_are_told_the_end_of_an_epoch_that_ends_training(neural):
    record = Record()
    X, y = TEXTS * 3, np.tile(LABELS, (3, 1))
    model = neural(validation_fraction=0.2, patience=2, max_epochs=30).set_callbacks(record)
    model.fit(X, y)
    assert model.n_iter_ < 30
    assert record.told.count(("begin", "epoch")) == model.n_iter_
    assert record.told.count(("end", "epoch")) == model.n_iter_


def test_callbacks_are_torn_down_after_an_interrupt(neural):
    record = Record()
    model = neural(net_params={"callbacks": [Interrupt(KeyboardInterrupt())]})
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(record).fit(TEXTS, LABELS)
    assert record.told[-1] == "teardown"
    assert ("end", "fit") not in record.told
    assert learnt(model) == []


def test_progress_bar_of_scikit_learn(neural):
    pytest.importorskip("rich")
    neural().set_callbacks(ProgressBar()).fit(TEXTS, LABELS)


def test_silent_unless_asked(make, capfd):
    model = make().fit(TEXTS, LABELS)
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_the_error_stream(neural, capfd):
    model = neural(verbose=1, max_epochs=3).fit(TEXTS, LABELS)
    out, err = capfd.readouterr()
    assert out == ""
    assert type(model).__name__ in err
    assert "12/12" in err
    assert "train_loss" in err
    assert same_predictions(model, neural(max_epochs=3).fit(TEXTS, LABELS))


def test_progress_of_an_interrupted_fit_is_put_away(neural, capfd):
    from tqdm.auto import tqdm

    with pytest.raises(KeyboardInterrupt):
        neural(verbose=1, net_params={"callbacks": [Interrupt(KeyboardInterrupt())]}).fit(
            TEXTS, LABELS
        )
    assert not list(tqdm._instances)
    assert capfd.readouterr().out == ""
