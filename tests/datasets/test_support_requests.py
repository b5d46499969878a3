"""The corpus that ships with the package."""

import sys

import numpy as np
import pytest

from sklabelemb.datasets import load_support_requests

LABELS = [
    "delivery",
    "refund",
    "returns",
    "complaint",
    "payment",
    "damaged_item",
    "wrong_item",
    "product_question",
    "order_change",
    "account",
    "warranty",
    "voucher",
]


def test_labels():
    bunch = load_support_requests()
    assert bunch.target_names == LABELS
    assert bunch.target.shape == (len(bunch.data), len(LABELS))
    assert bunch.target.dtype == np.int64
    n_labels = bunch.target.sum(axis=1)
    assert n_labels.min() >= 1
    assert n_labels.max() <= 4
    assert bunch.target.sum(axis=0).min() > 0 or len(bunch.data) < 12
    assert len(bunch.label_texts) == len(LABELS)
    assert all(text and "\n" not in text for text in bunch.label_texts)
    assert bunch.filename == "support_requests.jsonl"
    assert "A language model composed them" in bunch.DESCR


def test_texts_are_distinct_and_clean():
    data = load_support_requests().data
    assert all(isinstance(text, str) and text == text.strip() != "" for text in data)
    assert len(set(data)) == len(data)


def test_urgency():
    bunch = load_support_requests(target="urgency")
    assert np.unique(bunch.target).tolist() == bunch.target_names == ["high", "low", "normal"]
    assert len(bunch.label_texts) == 3
    assert bunch.label_texts[1] == "a question that can wait"
    np.testing.assert_array_equal(bunch.target, bunch.urgency)


def test_both():
    X, (labels, urgency) = load_support_requests(target="both", return_X_y=True)
    assert len(X) == len(labels) == len(urgency)
    np.testing.assert_array_equal(labels, load_support_requests().target)
    np.testing.assert_array_equal(urgency, load_support_requests().urgency)


def test_frame():
    pd = pytest.importorskip("pandas")
    bunch = load_support_requests(as_frame=True)
    plain = load_support_requests()
    assert isinstance(bunch.data, pd.Series)
    assert bunch.data.tolist() == plain.data
    assert isinstance(bunch.target, pd.DataFrame)
    assert bunch.target.columns.tolist() == LABELS
    np.testing.assert_array_equal(bunch.target, plain.target)
    assert bunch.frame.columns.tolist() == ["text", *LABELS, "urgency"]
    _, y = load_support_requests(as_frame=True, target="urgency", return_X_y=True)
    assert isinstance(y, pd.Series)
    assert y.name == "urgency"


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"as_frame=True needs pandas, .* pip install pandas"):
        load_support_requests(as_frame=True)


def test_misspelt_target():
    message = "target must be one of 'labels', 'urgency', 'both'; got 'label'"
    with pytest.raises(ValueError, match=message):
        load_support_requests(target="label")
