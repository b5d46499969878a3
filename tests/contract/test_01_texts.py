"""Promise 1: any collection of texts comes in, and what is none is refused with advice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from ..tolerances import close
from .small import (
    BASELINES,
    CLASSES,
    LABELS,
    ODD_TEXTS,
    TARGETS,
    TEXTS,
    UNSEEN,
    answers,
    fitted,
    learnt,
    methods_of,
    outcome,
    shared_out,
)

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


@shared_out("form", TEXT_FORMS)
def test_every_form_of_texts(name, make, form):
    as_form = TEXT_FORMS[form]
    model = make().fit(as_form(TEXTS), LABELS)
    for method, expected in answers(name).items():
        got = outcome(model, method, as_form(UNSEEN))
        np.testing.assert_array_equal(got, expected, err_msg=method)
    assert model.score(as_form(TEXTS), LABELS) == fitted(name).score(TEXTS, LABELS)


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


@shared_out("bad", BAD_TEXTS, thorough=["LEAM", "BinaryRelevance"])
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


@pytest.mark.parametrize("target", TARGETS)
def test_empty_and_unknown_texts_have_finite_scores(every_name, target):
    model = fitted(every_name, target)
    for method in methods_of(model):
        result = outcome(model, method, ODD_TEXTS)
        assert len(result) == len(ODD_TEXTS)
        if result.dtype.kind == "f":
            assert np.isfinite(result).all(), method


@shared_out("target", TARGETS)
def test_empty_texts_may_be_trained_on(make, target):
    texts, y = TARGETS[target]
    texts = ["", "...", *texts[2:]]
    assert np.isfinite(make().fit(texts, y).predict_proba(ODD_TEXTS)).all()


def test_nothing_but_empty_texts(every_neural):
    model = every_neural().fit([""] * 60, LABELS)
    assert np.isfinite(model.predict_proba(ODD_TEXTS)).all()


def test_nothing_but_empty_texts_for_a_baseline():
    for make in BASELINES.values():
        with pytest.raises(ValueError, match="no word to learn from"):
            make().fit([""] * 60, LABELS)


def test_one_text_alone_and_among_others(every_name):
    model = fitted(every_name)
    for method in methods_of(model):
        together = answers(every_name)[method]
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
