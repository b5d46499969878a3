import re
from collections import UserList

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sklabelemb.text import check_documents

TEXTS = ["a text", "", "ein Text"]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        UserList,
        np.array,
        lambda texts: np.array(texts, dtype=object),
        lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
        lambda texts: [np.str_(text) for text in texts],
        pd.Series,
        lambda texts: pd.Series(texts, dtype=object, index=[7, 8, 9]),
        lambda texts: pd.Series(texts, dtype="category"),
        pd.Index,
        pl.Series,
    ],
)
def test_every_legal_container_gives_a_list_of_plain_str(make):
    documents = check_documents(make(TEXTS))
    assert documents == TEXTS
    assert type(documents) is list
    assert {type(text) for text in documents} == {str}


def test_the_list_of_the_caller_is_not_handed_back():
    texts = list(TEXTS)
    check_documents(texts).append("more")
    assert texts == TEXTS


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("text", ValueError, "expected a collection of texts as X, got a single string; wrap it"),
        (np.array("text"), ValueError, "got a single string; wrap it in a list: [text]"),
        (np.array(3), TypeError, "got a value of type int"),
        (b"text", TypeError, 'got bytes; decode it first and wrap it in a list: [text.decode("ut'),
        ([["a"], ["b"]], TypeError, 'in row 0, not str; if it holds the words of a text, join'),
        (np.array([["a"], ["b"]]), ValueError, "(shape (2, 1)); pass one column, for instance X["),
        (pd.DataFrame({"t": ["a"]}), ValueError, '(shape (1, 1)); pass one column, for instance X'),
        (pl.DataFrame({"t": ["a"]}), ValueError, 'for instance X["text"]'),
        (np.ones((4, 3)), ValueError, "shape (4, 3)"),
        (np.ones(4), TypeError, "array of numbers (dtype float64); pass the texts themselves, not"),
        (pd.Series([1, 2]), TypeError, "array of numbers (dtype int64)"),
        (sparse.csr_matrix((3, 2)), TypeError, "sparse matrix of shape (3, 2)"),
        (["a", b"b"], TypeError, 'X holds bytes in row 1, not str; decode it first: text.decode('),
        (np.array([b"a"]), TypeError, "X holds bytes in row 0"),
        (["a", None], ValueError, "X has a missing value (None) in row 1; drop the row, or fill"),
        (["a", float("nan")], ValueError, "X has a missing value (nan) in row 1"),
        (["a", np.float64("nan")], ValueError, "in row 1"),
        (["a", "b", pd.NA], ValueError, "X has a missing value (<NA>) in row 2"),
        ([pd.NaT], ValueError, "X has a missing value (NaT) in row 0"),
        (pd.Series(["a", None]), ValueError, 'in row 1; drop the row, or fill it with an empty te'),
        (pl.Series(["a", None]), ValueError, 'X.fillna("") for pandas, [text or "" for text in X]'),
        (["a", 3], TypeError, "a value of type int in row 1, not str; convert it first: str(val"),
        ([np.ones(3)], TypeError, "in row 0, not str; pass raw texts, not vectorised features"),
        ((t for t in TEXTS), TypeError, "got generator: it can be read only once; turn it into a"),
        ({"a": "b"}, TypeError, "got dict: pass its values in a list: list(X.values())"),
        ({"a"}, TypeError, "got set: a set has no order"),
        (None, TypeError, "got NoneType: pass a list, a tuple"),
        ([], ValueError, "Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is requi"),
    ],
)  # fmt: skip
def test_every_trap_has_its_own_message(X, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_documents(X)


def test_name_and_minimum():
    assert check_documents([], ensure_min_samples=0) == []
    with pytest.raises(ValueError, match="label_texts has a missing value"):
        check_documents([None], name="label_texts")
    with pytest.raises(ValueError, match="minimum of 2"):
        check_documents(["a"], ensure_min_samples=2)
