"""The shapes that ``y`` may have, and the way back.

`Targets` looks at ``y`` once, remembers its form, and from then on speaks two plain languages: a
CSR indicator (multi-label) or integer codes (single-label) for training, and the caller's own form
for predictions.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

__all__ = ["Targets", "as_indicator", "n_dimensions"]


@dataclass(frozen=True)
class Targets:
    """The form of a target: its labels or classes, and how predictions are handed back.

    Build it with :meth:`infer`; do not call the constructor.

    Attributes
    ----------
    multilabel : bool
        Whether a sample may carry several labels (indicator targets) or exactly one class.
    classes : ndarray
        Single-label: the sorted distinct classes, shape ``(n_classes,)``. Multi-label: one
        ``[0, 1]`` row per label, shape ``(n_labels, 2)``, so that scikit-learn's scorers never take
        two labels for a binary problem.
    label_names : ndarray of object
        Column names of a DataFrame, else the column numbers as integers (multi-label), or the
        classes themselves (single-label).
    container : {"array", "csr_matrix", "csr_array", "pandas", "polars"}
        What predictions are returned in.
    dtype : str
        NumPy dtype (as text) of multi-label predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.targets import Targets
    >>> targets = Targets.infer(np.array([[1, 0], [1, 1], [0, 1]]))
    >>> targets.multilabel, targets.n_labels
    (True, 2)
    >>> targets.decode(np.array([[True, False]]))
    array([[1, 0]])
    """

    multilabel: bool
    classes: np.ndarray
    label_names: np.ndarray
    container: str = "array"
    dtype: str = "int64"

    @property
    def n_labels(self) -> int:
        """Number of labels (multi-label) or classes (single-label)."""
        return len(self.classes)

    @classmethod
    def infer(cls, y: Any, *, classes: Any = None) -> Targets:
        """Find out what form `y` has.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            1-D classes of any dtype; or a 0/1 indicator: dense, CSR (any scipy sparse format is
            converted), or a DataFrame whose columns name the labels.
        classes : array-like of shape (n_classes,), default=None
            Single-label only: every class that will ever be seen, for :meth:`partial_fit`.

        Returns
        -------
        Targets

        Raises
        ------
        ValueError
            When `y` is none of these; the message says what it looks like and what to do.
        """
        if y is None:
            raise ValueError(
                "This classifier requires y to be passed, but the target y is None: give one class "
                "or one row of a label indicator for every text."
            )
        if _is_frame(y) or sp.issparse(y) or n_dimensions(y) == 2:
            if classes is not None and len(np.shape(classes)) == 1:
                n_columns = np.shape(y)[1]
                if len(classes) != n_columns:
                    raise ValueError(
                        f"classes names {len(classes)} labels, but y has {n_columns} columns."
                    )
            return cls._infer_indicator(y)
        return cls._infer_classes(y, classes)

    @classmethod
    def _infer_indicator(cls, y: Any) -> Targets:
        indicator = as_indicator(y)
        n_labels = indicator.shape[1]
        names: np.ndarray = np.arange(n_labels).astype(object)
        container, dtype = "array", "int64"
        if _is_frame(y):
            names = np.empty(n_labels, dtype=object)  # filled, lest tuples make a 2-D array
            names[:] = [_plain(name) for name in y.columns]
            container = "pandas" if hasattr(y, "iloc") else "polars"
            kinds = {np.dtype(t) for t in _frame_dtypes(y)}
            dtype = kinds.pop().str if len(kinds) == 1 else "int64"
        elif sp.issparse(y):
            container = "csr_array" if isinstance(y, sp.sparray) else "csr_matrix"
            dtype = y.dtype.str
        else:
            array = np.asarray(y)
            dtype = array.dtype.str if array.dtype.kind in "biuf" else "int64"
        return cls(
            multilabel=True,
            classes=np.tile(np.array([0, 1]), (n_labels, 1)),
            label_names=names,
            container=container,
            dtype=dtype,
        )

    @classmethod
    def _infer_classes(cls, y: Any, classes: Any) -> Targets:
        values = _as_classes(y)
        if len(values) == 0:
            raise ValueError("y is empty: a classifier needs at least one sample of each class.")
        known = np.unique(values) if classes is None else np.unique(np.asarray(classes))
        if len(known) < 2:
            raise ValueError(
                f"A classifier needs samples of at least 2 classes, but y holds only one class: "
                f"{_plain(known[0])!r}."
            )
        targets = cls(
            multilabel=False,
            classes=known,
            label_names=known.astype(object),
            dtype=known.dtype.str,
        )
        targets._codes(values)
        return targets

    def encode(self, y: Any) -> sp.csr_matrix | np.ndarray:
        """Turn `y` into what training works on.

        Parameters
        ----------
        y : the same kind of target as the one seen by :meth:`infer`

        Returns
        -------
        csr_matrix of float32, shape (n_samples, n_labels), or ndarray of int64, shape (n_samples,)

        Raises
        ------
        ValueError
            When `y` has another kind, another number of labels, or a class never seen.
        """
        two_dimensional = _is_frame(y) or sp.issparse(y) or n_dimensions(y) == 2
        if two_dimensional != self.multilabel:
            seen = "a multi-label indicator" if self.multilabel else "1-D classes"
            got = "a 2-D array" if two_dimensional else "a 1-D array"
            raise ValueError(f"This model was fitted on {seen}, but y is now {got}.")
        if not self.multilabel:
            return self._codes(_as_classes(y))
        indicator = as_indicator(y)
        if indicator.shape[1] != self.n_labels:
            raise ValueError(
                f"y has {indicator.shape[1]} labels, but this model knows {self.n_labels}."
            )
        return indicator

    def decode(self, decisions: np.ndarray, *, index: Any = None) -> Any:
        """Turn decisions into predictions in the caller's own form.

        Parameters
        ----------
        decisions : ndarray
            Multi-label: bool, shape ``(n_samples, n_labels)``. Single-label: class codes, shape
            ``(n_samples,)``.
        index : pandas.Index, default=None
            Row names of a pandas DataFrame; anything else counts as None.

        Returns
        -------
        ndarray, csr_matrix, csr_array or DataFrame
            Same container and dtype as the `y` that was fitted.
        """
        if not self.multilabel:
            return self.classes[decisions]
        predictions = decisions.astype(self.dtype)
        if self.container == "csr_matrix":
            return sp.csr_matrix(predictions)
        if self.container == "csr_array":
            return sp.csr_array(predictions)
        if self.container == "pandas":
            import pandas as pd

            # Lists have a method of that name.
            rows = index if isinstance(index, pd.Index) else None
            return pd.DataFrame(predictions, index=rows, columns=list(self.label_names))
        if self.container == "polars":
            import polars as pl

            return pl.DataFrame(predictions, schema=[str(name) for name in self.label_names])
        return predictions

    def texts_of_labels(self, label_texts: Any) -> list[str] | None:
        """The text of each label, in the order of the labels.

        Parameters
        ----------
        label_texts : dict, sequence of str, "auto" or None
            By label name; or in the order of the labels; "auto": the names themselves where they
            are strings; None: none.

        Returns
        -------
        list of str of length n_labels, or None

        Raises
        ------
        ValueError
            When there is not one text per label.
        """
        names = list(self.label_names)
        if label_texts is None:
            return None
        if isinstance(label_texts, str):
            return [str(n) for n in names] if all(isinstance(n, str) for n in names) else None
        if isinstance(label_texts, Mapping):
            missing = [name for name in names if name not in label_texts]
            if missing:
                raise ValueError(
                    f"label_texts has no text for {len(missing)} of {len(names)} labels, for "
                    f"instance {missing[0]!r}. Its keys must be the labels' names: the columns of "
                    "a DataFrame, the classes, or the column numbers of an array."
                )
            return [str(label_texts[name]) for name in names]
        texts = list(label_texts)
        if len(texts) != len(names) or not all(isinstance(t, str) for t in texts):
            raise ValueError(
                f"label_texts must hold one string for each of the {len(names)} labels, in the "
                f"order of y's columns (or of the sorted classes), but it has {len(texts)} entries."
            )
        return [str(text) for text in texts]

    def warn_about_empty_labels(self, indicator: sp.csr_matrix) -> None:
        """Warn once, by name, about labels without a single positive sample."""
        counts = np.asarray(indicator.sum(axis=0)).ravel()
        empty = self.label_names[counts == 0]
        if len(empty):
            shown = ", ".join(repr(name) for name in empty[:5])
            more = f", and {len(empty) - 5} more" if len(empty) > 5 else ""
            warnings.warn(
                f"{len(empty)} of {self.n_labels} labels have no positive sample in y "
                f"({shown}{more}); nothing can be learnt about them and they will hardly be "
                "predicted.",
                UserWarning,
                stacklevel=2,
            )

    def _codes(self, values: np.ndarray) -> np.ndarray:
        codes = np.searchsorted(self.classes, values)
        codes = np.minimum(codes, self.n_labels - 1)
        unknown = self.classes[codes] != values
        if np.any(unknown):
            shown = ", ".join(repr(v) for v in np.unique(values[unknown])[:5].tolist())
            raise ValueError(
                f"y holds classes that this model does not know: {shown}. Pass every class in "
                "`classes` at the first call of partial_fit, or fit anew."
            )
        return codes.astype(np.int64)


def _is_frame(y: Any) -> bool:
    return hasattr(y, "columns") and hasattr(y, "shape") and len(y.shape) == 2


def _frame_dtypes(y: Any) -> list[Any]:
    if hasattr(y, "iloc"):
        # Nullable dtypes of pandas have a `numpy_dtype`, sparse ones a `subtype`.
        return [getattr(t, "numpy_dtype", getattr(t, "subtype", t)) for t in y.dtypes]
    return [y[name].to_numpy().dtype for name in y.columns]


def _plain(name: Any) -> Any:
    return name.item() if isinstance(name, np.generic) else name


def n_dimensions(y: Any, name: str = "y") -> int:
    """Dimensions of `y`, 1 or 2, refusing a list of label lists with advice."""
    if isinstance(y, (list, tuple)) or (isinstance(y, np.ndarray) and y.dtype == object):
        rows = list(y)
        if any(isinstance(row, (set, frozenset, dict)) for row in rows) or (
            rows
            and any(isinstance(row, (list, tuple, np.ndarray)) for row in rows)
            and (
                len({np.size(row) if not isinstance(row, str) else -1 for row in rows}) > 1
                or any(isinstance(v, str) for row in rows for v in np.ravel(np.asarray(row)))
            )
        ):
            raise ValueError(
                f"{name} looks like a list of label lists. Turn it into an indicator first: "
                "`from sklearn.preprocessing import MultiLabelBinarizer; "
                "binarizer = MultiLabelBinarizer(); y = binarizer.fit_transform(y)`."
            )
    shape = np.shape(y)
    if len(shape) not in (1, 2):
        raise ValueError(
            f"{name} must be 1-D (one class a sample) or 2-D (a multi-label indicator), but has "
            f"shape {shape}."
        )
    return len(shape)


def as_indicator(y: Any, name: str = "y") -> sp.csr_matrix:
    """Any 0/1 indicator as a canonical CSR matrix of float32.

    Parameters
    ----------
    y : array-like, scipy sparse or DataFrame, shape (n_samples, n_labels)
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
        array = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
        if array.dtype.kind not in "biuf":
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError):
                raise ValueError(
                    f"A 2-D {name} must be a multi-label indicator of 0 and 1, but it holds values "
                    f"of type {array.dtype}. For label names, use "
                    "sklearn.preprocessing.MultiLabelBinarizer; for one class a sample, pass a 1-D "
                    "y."
                ) from None
        indicator = sp.csr_matrix(array.astype(np.float32))
    indicator.eliminate_zeros()
    if not np.all(indicator.data == 1):
        bad = indicator.data[indicator.data != 1][:1]
        if np.isnan(bad[0]):
            raise ValueError(
                f"{name} contains NaN: every entry of a multi-label indicator is 0 or 1."
            )
        raise ValueError(
            f"A multi-label indicator holds 0 and 1 only, but {name} contains {bad[0]:g} (target "
            f"type {_target_type(y)!r}). For lists of labels use "
            "sklearn.preprocessing.MultiLabelBinarizer; for one class a sample pass a 1-D y."
        )
    if indicator.shape[1] == 0:
        raise ValueError(f"{name} has no label: its second dimension is 0.")
    return indicator


def _target_type(y: Any) -> str:
    try:
        return str(type_of_target(y))
    except ValueError:
        return "unknown"


def _as_classes(y: Any) -> np.ndarray:
    """1-D classes as an array, missing values and regression targets refused."""
    # pandas' nullable types become floats on their own, unless asked.
    values = y.to_numpy() if hasattr(y, "iloc") else np.asarray(y)
    values = np.asarray(column_or_1d(values))
    if values.dtype.kind == "T":  # numpy's StringDType, which cannot be searched
        values = values.astype(object)
    if values.dtype == object:
        # pandas.NA is known by the name of its type: comparing it with itself gives NA again.
        missing = [
            i
            for i, v in enumerate(values)
            if v is None or type(v).__name__ in ("NAType", "NaTType") or v != v
        ]
        if missing:
            raise ValueError(
                f"y contains a missing value in row {missing[0]}. Drop the row, or give it a class."
            )
        kinds = sorted({type(v).__name__ for v in values})
        if "str" in kinds and len(kinds) > 1:
            raise ValueError(
                f"y mixes classes of type {' and '.join(kinds)}, which cannot be sorted. Make them "
                "all text: [str(value) for value in y]."
            )
    elif values.dtype.kind == "f" and np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise ValueError(f"y contains NaN in row {row}. Drop the row, or give it a class.")
    check_classification_targets(values)
    return values
