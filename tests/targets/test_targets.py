"""The forms that y may have, and the way back."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb.targets import Targets

ROWS = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


def same_form(got, wanted):
    """Assert equal values, container and dtype."""
    assert type(got) is type(wanted)
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    if sp.issparse(got):
        got, wanted = got.toarray(), wanted.toarray()
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_indicator_and_back(container, dtype):
    y = container(ROWS.astype(dtype))
    targets = Targets.infer(y)
    encoded = targets.encode(y)
    assert targets.multilabel
    assert sp.isspmatrix_csr(encoded)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded.toarray(), ROWS)
    np.testing.assert_array_equal(targets.classes, [[0, 1]] * 3)
    assert targets.label_names.tolist() == [0, 1, 2]
    same_form(targets.decode(ROWS == 1), y)


@pytest.mark.parametrize("form", ["csc", "coo", "lil"])
def test_any_sparse_format_comes_back_as_csr(form):
    y = sp.csr_matrix(ROWS).asformat(form)
    targets = Targets.infer(y)
    same_form(targets.decode(ROWS == 1), sp.csr_matrix(ROWS))


def test_list_of_rows_comes_back_as_an_array():
    targets = Targets.infer(ROWS.tolist())
    same_form(targets.decode(ROWS == 1), ROWS.astype(np.int64))


def test_encode_leaves_the_callers_matrix_alone():
    # Explicit zeros are dropped from the copy only.
    y = sp.csr_matrix((np.array([1, 0]), [0, 1], [0, 1, 2]), shape=(2, 2))
    assert Targets.infer(y).encode(y).nnz == 1
    assert y.nnz == 2


@pytest.mark.parametrize("dtype", ["bool", "int8", "float64"])
def test_pandas_frame_and_back(dtype):
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame(ROWS.astype(dtype), columns=["late", "refund", "rude"])
    targets = Targets.infer(y)
    assert targets.label_names.tolist() == ["late", "refund", "rude"]
    pd.testing.assert_frame_equal(targets.decode(ROWS == 1), y)


def test_pandas_frame_of_mixed_dtypes_gives_int64():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"late": np.array([1, 0], "int8"), "rude": np.array([0.0, 1.0])})
    decoded = Targets.infer(y).decode(np.array([[True, False]]))
    assert decoded.dtypes.tolist() == [np.dtype("int64")] * 2


def test_polars_frame_and_back():
    pl = pytest.importorskip("polars")
    y = pl.DataFrame(ROWS.astype("uint8"), schema=["late", "refund", "rude"])
    targets = Targets.infer(y)
    assert targets.label_names.tolist() == ["late", "refund", "rude"]
    decoded = targets.decode(ROWS == 1)
    assert decoded.equals(y)
    assert decoded.schema == y.schema


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, -1, 3, 7]),
        np.array(["b", "a", "c", "a"]),
        np.array(["b", "a", "c", "a"], dtype=object),
        np.array([True, False, True, True]),
        np.array([1.0, 0.0, 2.0, 1.0]),
    ],
    ids=lambda y: y.dtype.str,
)
def test_classes_and_back(y):
    targets = Targets.infer(y)
    codes = targets.encode(y)
    assert not targets.multilabel
    assert codes.dtype == np.int64
    assert targets.n_labels == len(set(y.tolist()))
    np.testing.assert_array_equal(targets.classes, np.unique(y))
    assert targets.label_names.tolist() == targets.classes.tolist()
    same_form(targets.decode(codes), y)


def test_classes_in_a_list_a_series_and_a_column():
    pd = pytest.importorskip("pandas")
    for y in (["b", "a", "b"], pd.Series(["b", "a", "b"])):
        targets = Targets.infer(y)
        assert targets.encode(y).tolist() == [1, 0, 1]
        assert targets.decode(np.array([1, 0])).tolist() == ["b", "a"]


def test_classes_named_beforehand():
    targets = Targets.infer(["b", "b"], classes=["c", "b", "a"])
    assert targets.classes.tolist() == ["a", "b", "c"]
    assert targets.encode(["c"]).tolist() == [2]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([["late"], ["late", "rude"]], "y looks like a list of label lists.*MultiLabelBinarizer"),
        ([["late"], ["rude"]], "y looks like a list of label lists.*MultiLabelBinarizer"),
        ([{"late"}, set()], "y looks like a list of label lists.*MultiLabelBinarizer"),
        (np.zeros((2, 2, 2)), r"1-D .* or 2-D .*has shape \(2, 2, 2\)"),
        (np.array([[1, 2], [0, 1]]), "0 and 1 only, but y contains 2"),
        (np.array([[1, -1], [0, 1]]), "0 and 1 only, but y contains -1"),
        (np.array([[0.5, 1.0], [0, 1]]), "0 and 1 only, but y contains 0.5"),
        (np.array([[np.nan, 1.0], [0, 1]]), "y contains NaN: every entry"),
        (sp.csr_matrix([[3, 0], [0, 1]]), "0 and 1 only, but y contains 3"),
        (np.array([["a", "b"], ["c", "d"]]), "2-D y must be a multi-label indicator"),
        (np.zeros((3, 0)), "y has no label: its second dimension is 0"),
        (["a", "a"], "at least 2 classes, but y holds only one class: .*'a'"),
        (np.array(["a", None], dtype=object), "missing value in row 1"),
        (np.array([0.0, 1.0, np.nan]), "NaN in row 2"),
        (np.array([0.1, 1.7]), "Unknown label type: continuous"),
    ],
)
def test_what_is_no_target(y, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Targets.infer(y)


def test_frame_of_label_names_is_refused():
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="holds values of type"):
        Targets.infer(pd.DataFrame({"first": ["late"], "second": ["rude"]}))


@pytest.mark.parametrize(
    ("fitted", "later", "message"),
    [
        (ROWS, np.array([0, 1, 0]), "fitted on a multi-label indicator, but y is a 1-D array"),
        (["a", "b"], ROWS, "fitted on 1-D classes, but y is a 2-D array"),
        (ROWS, ROWS[:, :2], "y has 2 labels, but this model knows 3"),
        (["a", "b"], ["a", "z", "y"], "classes that this model does not know: 'y', 'z'"),
    ],
)
def test_encode_refuses_another_target(fitted, later, message):
    targets = Targets.infer(fitted)
    with pytest.raises(ValueError, match=message):
        targets.encode(later)


def test_infer_refuses_a_class_that_was_not_named():
    with pytest.raises(ValueError, match="does not know: 'z'"):
        Targets.infer(["a", "z"], classes=["a", "b"])


def test_infer_refuses_a_wrong_number_of_named_labels():
    with pytest.raises(ValueError, match="classes names 2 labels, but y has 3 columns"):
        Targets.infer(ROWS, classes=["late", "rude"])


def test_warn_about_empty_labels_names_them():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame(np.zeros((2, 8), dtype=int), columns=list("abcdefgh"))
    y["b"] = 1
    targets = Targets.infer(y)
    with pytest.warns(UserWarning, match="have no positive sample") as caught:
        targets.warn_about_empty_labels(targets.encode(y))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith(
        "7 of 8 labels have no positive sample in y ('a', 'c', 'd', 'e', 'f',"
    )
    assert "and 2 more" in message


def test_no_warning_where_every_label_occurs():
    targets = Targets.infer(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        targets.warn_about_empty_labels(targets.encode(ROWS))
