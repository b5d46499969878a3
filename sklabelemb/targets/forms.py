"""Supported forms of ``y``: frames, indicators and classes; anything else is refused."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = [
    "FRAMES",
    "as_classes",
    "as_indicator",
    "frame_kind",
    "indicator_dtype",
    "is_indicator",
    "n_dimensions",
    "warn_about_joined_labels",
]

# The libraries whose tables are taken, by the name that `frame_kind` gives.
FRAMES = ("pandas", "polars", "pyarrow")

_BINARIZE = (
    "Turn it into an indicator first: `from sklearn.preprocessing import MultiLabelBinarizer; "
    "binarizer = MultiLabelBinarizer(); y = binarizer.fit_transform(y)`, and pass "
    "label_names=binarizer.classes_ to the classifier, so that labels keep their names."
)
_PRINTED = re.compile(r"\s*(array|set|frozenset)?\s*[\[({].*[\])}]\s*", re.DOTALL)
_SEPARATORS = ("|", ";", ",", "\t", "\n", "__label__")


# -- forms -----------------------------------------------------------------------------------------


def frame_kind(y: Any) -> str | None:
    """Which library a table is of: "pandas", "polars" or "pyarrow"; None for anything else."""
    if hasattr(y, "column_names") and hasattr(y, "num_columns"):
        return "pyarrow"
    if not hasattr(y, "columns") or len(getattr(y, "shape", ())) != 2:
        return None
    return "pandas" if hasattr(y, "iloc") else "polars"


def is_indicator(y: Any, name: str = "y") -> bool:
    """Whether `y` has a column per label, rather than one class per sample."""
    return frame_kind(y) is not None or sp.issparse(y) or n_dimensions(y, name) == 2


def n_dimensions(y: Any, name: str = "y") -> int:
    """Dimensions of `y`, 1 or 2, refusing label lists, in whatever container, with advice."""
    rows = _rows(y)
    lists = rows is not None and any(_is_list(row) for row in rows)
    if rows is not None and lists:
        _refuse_label_lists(rows, name, nested=isinstance(y, (list, tuple, np.ndarray)))
    shape = np.shape(y) if rows is None or lists or hasattr(y, "shape") else (len(rows),)
    if len(shape) not in (1, 2):
        raise ValueError(
            f"{name} must be 1-D (one class per sample) or 2-D (a multi-label indicator), but has "
            f"shape {shape}."
        )
    return len(shape)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset, dict)) or (
        isinstance(value, np.ndarray) and value.ndim > 0
    )


def _rows(y: Any) -> list[Any] | None:
    """The elements of a container that may hold lists; None for one that cannot."""
    if isinstance(y, (list, tuple)):
        return list(y)
    if hasattr(y, "to_pylist") and frame_kind(y) is None:  # Arrow
        return list(y.to_pylist())
    if isinstance(y, np.ndarray):
        return list(y) if y.dtype == object else None
    if frame_kind(y) is not None or sp.issparse(y):
        return None
    if hasattr(y, "iloc"):  # a Series of pandas, of objects or of a type of Arrow
        kind = getattr(y.dtype, "kind", "O")
        return list(y.tolist()) if kind == "O" else None
    if hasattr(y, "to_list") and hasattr(y, "dtype"):  # a Series of polars
        return list(y.to_list())
    if hasattr(y, "__array__") or not hasattr(y, "__len__") or isinstance(y, (str, bytes)):
        return None
    return list(y)


def _refuse_label_lists(rows: list[Any], name: str, *, nested: bool) -> None:
    """Refuse lists of labels; rows of numbers, all as long, are an indicator."""
    lists = [row for row in rows if _is_list(row)]
    missing = [i for i, row in enumerate(rows) if _is_missing(row)]
    sized = [row for row in lists if not isinstance(row, (set, frozenset, dict))]
    lengths = {np.shape(row)[0] if np.ndim(row) else -1 for row in sized}
    of_text = any(isinstance(v, (str, bytes)) for row in sized for v in np.ravel(_objects(row)))
    if missing:
        raise ValueError(
            f"{name} is a list of label lists with a missing value in row {missing[0]}. Drop the "
            f"row, or give it an empty list if it has no label. {_BINARIZE}"
        )
    if len(sized) == len(rows) and len(lengths) == 1 and not of_text:
        if nested:
            return
        raise ValueError(
            f"{name} holds an array in every row, all of length {lengths.pop()}. If they are rows "
            f"of a 0/1 indicator, stack them: np.stack(y). If they are labels: {_BINARIZE}"
        )
    raise ValueError(f"{name} looks like a list of label lists. {_BINARIZE}")


def _objects(row: Any) -> np.ndarray:
    values = np.empty(len(row), dtype=object)
    values[:] = list(row)
    return values


def _is_missing(value: Any) -> bool:
    # pandas.NA is known by the name of its type: comparing it with itself gives NA again.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


# -- indicators ------------------------------------------------------------------------------------


def as_indicator(y: Any, name: str = "y") -> sp.csr_matrix:
    """Any 0/1 indicator as a canonical CSR matrix of float32.

    Parameters
    ----------
    y : array-like, scipy sparse, DataFrame or Arrow table, shape (n_samples, n_labels)
    name : str, default="y"
        What to call it in an error.

    Raises
    ------
    ValueError
        When it is not two-dimensional, or holds anything but 0 and 1.
    """
    if sp.issparse(y):
        indicator = sp.csr_matrix(y, dtype=np.float32, copy=True)
        indicator.sum_duplicates()
    else:
        array = _frame_array(y, name) if frame_kind(y) else np.asarray(y)
        if array.dtype.kind not in "biuf":
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError):
                raise ValueError(
                    f"A 2-D {name} must be a multi-label indicator of 0 and 1, but it holds values "
                    f"of type {array.dtype}. For label names, use "
                    "sklearn.preprocessing.MultiLabelBinarizer; for one class per sample, pass a "
                    "1-D y."
                ) from None
        indicator = sp.csr_matrix(array.astype(np.float32))
    indicator.eliminate_zeros()
    if not np.all(indicator.data == 1):
        entry = int(np.flatnonzero(indicator.data != 1)[0])
        bad = indicator.data[entry]
        row = int(np.searchsorted(indicator.indptr, entry, side="right")) - 1
        where = f"row {row}, column {int(indicator.indices[entry])}"
        if np.isnan(bad):
            raise ValueError(
                f"{name} contains NaN: every entry of a multi-label indicator is 0 or 1, not so "
                f"that in {where}."
            )
        raise ValueError(
            f"A multi-label indicator holds 0 and 1 only, but {name} contains {bad:g} (in {where}; "
            f"target type {_target_type(y)!r}). For lists of labels use "
            "sklearn.preprocessing.MultiLabelBinarizer; for one class per sample pass a 1-D y."
        )
    if indicator.shape[1] == 0:
        raise ValueError(f"{name} has no label: its second dimension is 0.")
    return indicator


def indicator_dtype(y: Any) -> str:
    """Dtype of predictions in the form of an indicator, as text.

    That of `y` where all its columns have one, or the nearest of NumPy's; int64 for objects,
    categories and columns of several types.
    """
    kind = frame_kind(y)
    if kind == "pandas":
        # Nullable dtypes of pandas have a `numpy_dtype`, sparse ones a `subtype`.
        dtypes = [getattr(t, "numpy_dtype", getattr(t, "subtype", t)) for t in y.dtypes]
    elif kind == "pyarrow":
        dtypes = [field.type.to_pandas_dtype() for field in y.schema]
    elif kind == "polars":
        dtypes = [y[name].to_numpy().dtype for name in y.columns]
    else:
        dtypes = [y.dtype if hasattr(y, "dtype") else np.asarray(y).dtype]
    found = {np.dtype(t) if isinstance(t, (np.dtype, type)) else np.dtype(object) for t in dtypes}
    dtype = found.pop() if len(found) == 1 else np.dtype(object)
    return dtype.str if dtype.kind in "biuf" else "int64"


def _frame_array(y: Any, name: str) -> np.ndarray:
    """The cells of a frame as numbers; columns may be of any type that holds 0 and 1."""
    kind = frame_kind(y)
    if kind == "pandas" and all(isinstance(t, np.dtype) and t.kind in "biuf" for t in y.dtypes):
        return np.asarray(y.to_numpy(dtype=np.float32))
    names = list(y.column_names if kind == "pyarrow" else y.columns)
    array = np.empty(y.shape, dtype=np.float32)
    for i, label in enumerate(names):
        if kind == "pandas":
            values = y.iloc[:, i].to_numpy(dtype=object)
        elif kind == "pyarrow":
            values = np.array(y.column(i).to_pylist(), dtype=object)
        else:
            values = np.array(y[label].to_list(), dtype=object)
        array[:, i] = _numbers(values, label, name)
    return array


def _numbers(values: np.ndarray, label: Any, name: str) -> np.ndarray:
    for row, value in enumerate(values):
        if _is_missing(value):
            raise ValueError(
                f"{name} contains NaN or a missing value in row {row}, column {label!r}: every "
                "entry of a multi-label indicator is 0 or 1. Fill it with 0, or drop the row."
            )
        if isinstance(value, (str, bytes)) or np.ndim(value) or not hasattr(value, "__float__"):
            raise ValueError(
                f"A 2-D {name} must be a multi-label indicator of 0 and 1, but it holds values of "
                f"type {type(value).__name__}: {value!r:.60} in row {row}, column {label!r}. For "
                "label names, use sklearn.preprocessing.MultiLabelBinarizer; for one class a "
                "sample, pass a 1-D y."
            )
    return values.astype(np.float32)


def _target_type(y: Any) -> str:
    from sklearn.utils.multiclass import type_of_target

    try:
        return str(type_of_target(y))
    except (ValueError, TypeError):
        return "unknown"


# -- classes ---------------------------------------------------------------------------------------


def as_classes(y: Any, name: str = "y") -> np.ndarray:
    """1-D classes as an array, missing values and regression targets refused."""
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    rows = None
    if hasattr(y, "iloc"):
        # pandas' nullable types become floats on their own, unless asked.
        values = np.asarray(y.to_numpy())
    elif isinstance(y, np.ndarray) or (hasattr(y, "__array__") and not hasattr(y, "to_pylist")):
        values = np.asarray(y)
    else:
        # NumPy would make text of numbers and of missing values among text.
        rows = _rows(y) or []
        values = np.empty(len(rows), dtype=object)
        values[:] = rows
    values = np.asarray(column_or_1d(values))
    if values.dtype.kind == "T":  # numpy's StringDType, which cannot be searched
        values = values.astype(object)
    if values.dtype == object:
        _check_objects(values, name)
        if rows is not None:
            values = np.asarray(rows)
    elif values.dtype.kind == "f" and np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise ValueError(f"{name} contains NaN in row {row}. Drop the row, or give it a class.")
    check_classification_targets(values)
    return values


def _check_objects(values: np.ndarray, name: str) -> None:
    """Refuse missing values, and text beside anything else."""
    kinds = set()
    for row, value in enumerate(values):
        if _is_missing(value) or (isinstance(value, np.generic) and value != value):
            raise ValueError(
                f"{name} contains a missing value in row {row}. Drop the row, or give it a class."
            )
        kinds.add("str" if isinstance(value, str) else type(value).__name__)
    if "str" in kinds and len(kinds) > 1:
        raise ValueError(
            f"{name} mixes classes of type {' and '.join(sorted(kinds))}, which cannot be sorted. "
            "Make them all text: [str(value) for value in y]."
        )


def warn_about_joined_labels(classes: np.ndarray) -> None:
    """Warn about classes that look like several labels in one text.

    Lists that were written as text (``"['a', 'b']"``), and labels with a sign between them
    (``"a|b"``) that also stand alone or in other company.
    """
    texts = [c for c in classes.tolist() if isinstance(c, str)]
    if len(texts) < 2:
        return
    printed = [text for text in texts if _PRINTED.fullmatch(text)]
    if 2 * len(printed) >= len(texts):
        _warn_joined(
            printed, "lists of labels that were written as text", "series.map(ast.literal_eval)"
        )
        return
    for separator in _SEPARATORS:
        joined, shares = [], 0
        parts = {text: {p.strip() for p in text.split(separator)} - {""} for text in texts}
        seen = Counter(part for own in parts.values() for part in own)
        for text, own in parts.items():
            if len(own) > 1:
                joined.append(text)
                shares += any(seen[part] > 1 for part in own)
        if joined and 2 * shares > len(joined):
            fix = f"series.str.split({separator!r})"
            _warn_joined(joined, f"several labels joined by {separator!r}", fix)
            return


def _warn_joined(examples: list[str], what: str, fix: str) -> None:
    shown = " and ".join(repr(text) for text in examples[:2])
    warnings.warn(
        f"{len(examples)} of the classes in y look like {what}, such as {shown}. Each combination "
        "counts as a class of its own. If they are label sets, make lists of them and then an "
        f"indicator: MultiLabelBinarizer().fit_transform({fix}).",
        UserWarning,
        stacklevel=2,
    )
