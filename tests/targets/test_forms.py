"""Targets that people have: frames of all types, lists in all containers, text that hides lists."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score, f1_score

from sklabelemb import BinaryRelevance, ThresholdTuner
from sklabelemb.targets import Targets

ROWS = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 6)
TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "thank you"] * 6
FRAME = pd.DataFrame(ROWS, columns=["delivery", "refund"])
POLARS, ARROW = pl.from_pandas(FRAME), pa.Table.from_pandas(FRAME)


# -- frames ----------------------------------------------------------------------------------------

FRAMES = {
    "int64": (FRAME, "int64"),
    "bool": (FRAME.astype(bool), "bool"),
    "float32": (FRAME.astype("float32"), "float32"),
    "object": (FRAME.astype(object), "int64"),
    "object of bool": (FRAME.astype(bool).astype(object), "int64"),
    "category": (FRAME.astype("category"), "int64"),
    "category of bool": (FRAME.astype(bool).astype("category"), "int64"),
    "Int64": (FRAME.astype("Int64"), "int64"),
    "UInt8": (FRAME.astype("UInt8"), "uint8"),
    "boolean": (FRAME.astype("boolean"), "bool"),
    "Float32": (FRAME.astype("Float32"), "float32"),
    "int64[pyarrow]": (FRAME.astype("int64[pyarrow]"), "int64"),
    "bool[pyarrow]": (FRAME.astype("bool[pyarrow]"), "bool"),
    "double[pyarrow]": (FRAME.astype("double[pyarrow]"), "float64"),
    "sparse": (FRAME.astype(pd.SparseDtype("int8", 0)), "int8"),
    "bool beside int": (FRAME.astype({"delivery": bool}), "int64"),
    "category beside Int64": (FRAME.astype({"delivery": "category", "refund": "Int64"}), "int64"),
    "polars": (POLARS, "int64"),
    "polars of bool": (POLARS.cast(pl.Boolean), "bool"),
    "polars of objects": (POLARS.cast({"refund": pl.Boolean}), "int64"),
    "pyarrow": (ARROW, "int64"),
    "pyarrow of bool": (pa.Table.from_pandas(FRAME.astype(bool)), "bool"),
}


def cells(frame):
    if isinstance(frame, pa.Table):
        frame = frame.to_pandas()
    return np.asarray(frame.to_numpy(), dtype=float)


@pytest.mark.parametrize("name", FRAMES)
def test_predictions_are_what_metrics_take(name):
    y, dtype = FRAMES[name]
    truth = cells(y)
    model = BinaryRelevance().fit(TEXTS, y)
    predicted = model.predict(TEXTS)
    np.testing.assert_array_equal(Targets.infer(y).encode(y).toarray(), truth)
    assert cells(predicted).shape == truth.shape
    wanted = accuracy_score(truth, cells(predicted))
    assert model.score(TEXTS, y) == wanted
    assert accuracy_score(truth, np.asarray(cells(predicted))) == wanted
    if isinstance(predicted, pd.DataFrame):
        assert {str(t) for t in predicted.dtypes} == {dtype}
        assert f1_score(truth, predicted, average="micro") == f1_score(
            truth, cells(predicted), average="micro"
        )
    tuner = ThresholdTuner(BinaryRelevance(), cv=2, random_state=0).fit(TEXTS, y)
    assert 0 <= tuner.score(TEXTS, y) <= 1


@pytest.mark.parametrize(
    ("frame", "container"),
    [(FRAME, pd.DataFrame), (POLARS, pl.DataFrame), (ARROW, pa.Table)],
    ids=["pandas", "polars", "pyarrow"],
)
def test_frames_come_back_as_frames(frame, container):
    predicted = BinaryRelevance().fit(TEXTS, frame).predict(TEXTS)
    assert isinstance(predicted, container)
    names = predicted.column_names if container is pa.Table else list(predicted.columns)
    assert names == ["delivery", "refund"]


def holes(frame, hole):
    frame = frame.astype(object)
    frame.iloc[3, 1] = hole
    return frame


@pytest.mark.parametrize(
    "y",
    [
        holes(FRAME, None),
        holes(FRAME, np.nan),
        holes(FRAME, pd.NA),
        holes(FRAME, None).astype("Int64"),
        holes(FRAME, None).astype("category"),
        holes(FRAME, None).astype("boolean"),
        holes(FRAME, None).astype("int64[pyarrow]"),
        pl.DataFrame({"delivery": [1] * 24, "refund": [1, 0, 1, None] * 6}),
        pa.table({"delivery": [1] * 24, "refund": [1, 0, 1, None] * 6}),
    ],
)
def test_missing_cells_are_named(y):
    with pytest.raises(ValueError, match=r"missing value in row 3, column 'refund'.*Fill it"):
        BinaryRelevance().fit(TEXTS, y)


@pytest.mark.parametrize("cell", ["1", "yes", b"1", [1], 2, -1, 0.5])
def test_cells_that_are_not_zero_or_one(cell):
    y = FRAME.astype(object)
    y.at[2, "refund"] = cell
    with pytest.raises(ValueError, match=r"multi-label indicator .*0 and 1.*row 2"):
        BinaryRelevance().fit(TEXTS, y)


# -- lists of labels -------------------------------------------------------------------------------

LISTS = [["delivery"], ["refund", "delivery"], [], ["refund"]] * 6


class Column:
    """A column as ``datasets`` has it: a sequence in all but name."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index]


CONTAINERS = {
    "list of lists": LISTS,
    "tuple of tuples": tuple(map(tuple, LISTS)),
    "list of sets": [set(labels) for labels in LISTS],
    "list of arrays": [np.array(labels, dtype=object) for labels in LISTS],
    "list of dicts": [dict.fromkeys(labels, 1.0) for labels in LISTS],
    "Series of lists": pd.Series(LISTS),
    "Series of tuples": pd.Series([tuple(labels) for labels in LISTS]),
    "Series of sets": pd.Series([frozenset(labels) for labels in LISTS]),
    "Series of arrays": pd.Series([np.array(labels, dtype=object) for labels in LISTS]),
    "Series of arrays of one length": pd.Series([np.array(["a", "b"])] * 24),
    "Series of Arrow lists": pd.Series(LISTS, dtype=pd.ArrowDtype(pa.list_(pa.string()))),
    "array of lists": np.array([*LISTS, None], dtype=object)[:-1],
    "polars": pl.Series(LISTS, dtype=pl.List(pl.String)),
    "pyarrow": pa.array(LISTS),
    "chunked": pa.chunked_array([LISTS]),
    "datasets": Column(LISTS),
    "numbers": [[1], [2, 3], [], [1, 3]] * 6,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_label_lists_get_the_same_advice(name):
    message = r"^y looks like a list of label lists\. Turn it into an indicator first: .*"
    message += r"MultiLabelBinarizer\(\).*label_names=binarizer\.classes_"
    with pytest.raises(ValueError, match=message):
        BinaryRelevance().fit(TEXTS, CONTAINERS[name])


@pytest.mark.parametrize("hole", [None, float("nan"), pd.NA])
@pytest.mark.parametrize("container", [list, tuple, pd.Series, lambda y: np.array(y, dtype=object)])
def test_missing_lists_are_named(container, hole):
    y = container([*LISTS[:5], hole, *LISTS[6:]])
    with pytest.raises(ValueError, match=r"label lists with a missing value in row 5\."):
        BinaryRelevance().fit(TEXTS, y)


def test_rows_of_an_indicator_in_a_series():
    with pytest.raises(ValueError, match=r"an array in every row, all of length 2.*np\.stack"):
        BinaryRelevance().fit(TEXTS, pd.Series(list(ROWS)))
    # Lists of rows are as good as an array.
    BinaryRelevance().fit(TEXTS, ROWS.tolist())
    BinaryRelevance().fit(TEXTS, list(ROWS))


# -- classes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hole", [None, float("nan"), pd.NA, pd.NaT, np.float32("nan")])
@pytest.mark.parametrize(
    "container",
    [list, tuple, pd.Series, Column, lambda y: np.array(y, dtype=object)],
    ids=["list", "tuple", "Series", "Column", "array"],
)
@pytest.mark.parametrize("kind", [str, int])
def test_missing_classes_are_named(container, hole, kind):
    y = container([*([kind(1), kind(2)] * 3), hole, *([kind(1), kind(2)] * 2)])
    with pytest.raises(ValueError, match=r"y contains (a missing value|NaN) in row 6\. Drop"):
        Targets.infer(y)


@pytest.mark.parametrize("container", [list, tuple, Column, lambda y: np.array(y, dtype=object)])
@pytest.mark.parametrize("other", [1, 1.5, True, np.int64(3)])
def test_numbers_and_text_are_not_mixed(container, other):
    with pytest.raises(ValueError, match=r"y mixes classes of type .*which cannot be sorted"):
        Targets.infer(container(["a", other, "b"] * 4))


@pytest.mark.parametrize(
    "y",
    [
        pl.Series(["b", "a", "c"] * 4),
        pa.array(["b", "a", "c"] * 4),
        pa.chunked_array([["b", "a", "c"] * 2, ["b", "a", "c"] * 2]),
        Column(["b", "a", "c"] * 4),
        pd.Series(["b", "a", "c"] * 4, dtype="string[pyarrow]"),
        pd.Series(["b", "a", "c"] * 4, dtype="category"),
        [np.str_("b"), "a", "c"] * 4,
    ],
    ids=lambda y: type(y).__module__.split(".")[0],
)
def test_classes_in_all_containers(y):
    targets = Targets.infer(y)
    assert targets.classes.tolist() == ["a", "b", "c"]
    assert targets.encode(y).tolist() == [1, 0, 2] * 4


# -- text that hides lists -------------------------------------------------------------------------

JOINED = {
    "bar": (["a|b", "a", "b|c", "c"], r"joined by '\|', such as 'a\|b' and 'b\|c'.*str\.split"),
    "semicolon": (["a;b", "a", "b; c"], r"joined by ';', such as 'a;b' and 'b; c'"),
    "comma": (["a, b", "b, c", "a"], r"joined by ',', such as"),
    "line": (["a\nb", "b\nc", "a"], r"joined by '\\n'"),
    "fastText": (["__label__a __label__b", "__label__a", "__label__b"], "joined by '__label__'"),
    "list": (["['a', 'b']", "['a']", "[]"], r"written as text, such as .*ast\.literal_eval"),
    "tuple": (["('a', 'b')", "('a',)"], "written as text"),
    "set": (["{'a', 'b'}", "{'a'}"], "written as text"),
    "array": (["array(['a', 'b'], dtype=object)", "array(['a'])"], "written as text"),
    "JSON": (['["a", "b"]', '["a"]'], "written as text"),
    "NumPy": (["['a' 'b']", "['a']"], "written as text"),
}


@pytest.mark.parametrize("name", JOINED)
@pytest.mark.parametrize("container", [list, pd.Series, np.array])
def test_text_that_hides_lists_is_warned_about(name, container):
    classes, message = JOINED[name]
    with pytest.warns(UserWarning, match=message):
        BinaryRelevance().fit(
            [f"word{i % len(classes)} here" for i in range(24)],
            container([classes[i % len(classes)] for i in range(24)]),
        )


@pytest.mark.parametrize(
    "classes",
    [
        ["Sports, Outdoors", "Toys", "Home; Garden", "Either/or"],
        ["Arts, Crafts & Sewing", "Patio, Lawn & Garden", "Books"],
        ["rec.sport.hockey", "rec.sport.baseball", "comp.graphics"],
        ["[unknown]", "politics", "sports", "music"],
        ["a|b", "c", "d"],
        [1, 2, 3],
    ],
)
def test_names_with_signs_are_names(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Targets.infer(classes * 4)


# -- names -----------------------------------------------------------------------------------------


def test_an_error_lists_what_is_missing_and_what_is_new():
    known = [f"label {i}" for i in range(20)]
    targets = Targets.infer(np.eye(20, dtype=int), label_names=known)
    y = pd.DataFrame(np.eye(20, dtype=int), columns=[*known[2:], "x", "y"])
    message = "The labels of y are not those of this model. Missing: 'label 0', 'label 1'. New: 'x'"
    with pytest.raises(ValueError, match=re.escape(message)):
        targets.encode(y)
    fewer = pd.DataFrame(np.eye(20, dtype=int)[:, :19], columns=known[:19])
    with pytest.raises(ValueError, match=r"Missing: 'label 19'\. Rename"):
        targets.encode(fewer)
    other = pd.DataFrame(np.eye(20, dtype=int), columns=[f"other {i}" for i in range(20)])
    with pytest.raises(ValueError, match=r"'label 7' and 12 more\. New: 'other 0'"):
        targets.encode(other)


def test_numbers_as_names_fit_their_text():
    y = pd.DataFrame(ROWS, columns=[10, 5])
    targets = Targets.infer(y)
    turned = pl.DataFrame({"5": ROWS[:, 1], "10": ROWS[:, 0]})
    np.testing.assert_array_equal(targets.encode(turned).toarray(), ROWS)


def test_without_names_columns_count_by_position():
    targets = Targets.infer(ROWS)
    np.testing.assert_array_equal(
        targets.encode(FRAME[["refund", "delivery"]]).toarray(), FRAME[["refund", "delivery"]]
    )
    named = Targets.infer(FRAME)
    np.testing.assert_array_equal(named.encode(ROWS).toarray(), ROWS)
