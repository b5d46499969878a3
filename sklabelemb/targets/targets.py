"""Encode ``y`` for training, and decode predictions into the caller's form.

`Targets` inspects ``y`` once and remembers its form. Training then uses a CSR indicator
(multi-label) or integer codes (single-label), and predictions come back in the caller's form.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.clones import first_of_clones
from sklabelemb.targets.forms import (
    as_classes,
    as_indicator,
    frame_kind,
    indicator_dtype,
    is_indicator,
    warn_about_joined_labels,
)
from sklabelemb.targets.names import (
    are_values,
    as_names,
    column_names,
    names_of_classes,
    plain,
    positions,
    rearranged,
    shown,
)

__all__ = ["Targets"]

# Marks missing keys of a dict.
_NOTHING = object()


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
        Multi-label: the names that were given, by a DataFrame's columns or as `label_names`, else
        the column numbers as integers. Single-label: the classes, or the names given to them.
    container : {"array", "csr_matrix", "csr_array", "pandas", "polars", "pyarrow"}
        What predictions are returned in.
    dtype : str
        NumPy dtype (as text) of multi-label predictions.
    named : bool
        Whether the labels were named. If so, named columns are reordered to match.
    levels : tuple
        Names of the levels of a DataFrame's columns, None for a level without a name; empty for
        one level without a name.

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
    named: bool = False
    levels: tuple = ()

    @property
    def n_labels(self) -> int:
        """Number of labels (multi-label) or classes (single-label)."""
        return len(self.classes)

    @classmethod
    def infer(cls, y: Any, *, classes: Any = None, label_names: Any = None) -> Targets:
        """Find out what form `y` has.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            1-D classes of any dtype; or a 0/1 indicator: dense, CSR (any scipy sparse format is
            converted), or a DataFrame or Arrow table whose columns name the labels.
        classes : array-like of shape (n_classes,), default=None
            Single-label: every class that will ever be seen. Multi-label: names of the labels.
        label_names : array-like of shape (n_labels,), default=None
            Multi-label: names of the columns, in their order; for a DataFrame, in which the columns
            stand by name, the order that the labels should have. Single-label: names for the
            classes, see :func:`names_of_classes`.

        Returns
        -------
        Targets

        Raises
        ------
        ValueError
            When `y` has another form; the message says what it looks like and what to do.
        """
        if y is None:
            raise ValueError(
                "This classifier requires y to be passed, but the target y is None: give one class "
                "or one row of a label indicator for every text."
            )
        if not is_indicator(y):
            return cls._infer_classes(y, classes, label_names)
        if classes is not None and len(np.shape(classes)) == 1 and not are_values(classes):
            own = as_names(classes, "classes")
            if label_names is not None:
                positions(own, as_names(label_names), name="classes", owner="label_names")
            return cls._infer_indicator(y, own, "classes")
        names = None if label_names is None else as_names(label_names)
        return cls._infer_indicator(y, names, "label_names")

    @classmethod
    def _infer_indicator(cls, y: Any, names: list[Any] | None, owner: str) -> Targets:
        n_labels = as_indicator(y).shape[1]
        columns = column_names(y)
        if names is not None and columns is not None:
            positions(columns, names, owner=owner)
        elif names is not None and len(names) != n_labels:
            raise ValueError(
                f"{owner} names {len(names)} labels, but y has {n_labels} columns. It must name "
                f"every column of y, in its order; it begins with {shown(names, 3)}."
            )
        given = columns if names is None else names
        label_names = np.empty(
            n_labels, dtype=object
        )  # filled, so that tuples do not make a 2-D array
        label_names[:] = range(n_labels) if given is None else given
        container = frame_kind(y) or "array"
        if sp.issparse(y):
            container = "csr_array" if isinstance(y, sp.sparray) else "csr_matrix"
        levels: tuple = ()
        if container == "pandas":
            levels = tuple(plain(name) for name in y.columns.names)
        return cls(
            multilabel=True,
            classes=np.tile(np.array([0, 1]), (n_labels, 1)),
            label_names=label_names,
            container=container,
            dtype=indicator_dtype(y),
            named=given is not None,
            levels=() if levels == (None,) else levels,
        )

    @classmethod
    def _infer_classes(cls, y: Any, classes: Any, label_names: Any) -> Targets:
        values = as_classes(y)
        if len(values) == 0:
            raise ValueError("y is empty: a classifier needs at least one sample of each class.")
        known = np.unique(values if classes is None else as_classes(classes, "classes"))
        if len(known) < 2:
            raise ValueError(
                f"A classifier needs samples of at least 2 classes, but y holds only one class: "
                f"{plain(known[0])!r}."
            )
        warn_about_joined_labels(known)
        targets = cls(
            multilabel=False,
            classes=known,
            label_names=names_of_classes(known, label_names),
            dtype=known.dtype.str,
            named=True,
        )
        targets._codes(values)
        return targets

    def encode(
        self, y: Any, *, label_names: Any = None, name: str = "y"
    ) -> sp.csr_matrix | np.ndarray:
        """Turn `y` into what training works on, its columns in the order of the labels.

        Parameters
        ----------
        y : the same kind of target as the one seen by :meth:`infer`
        label_names : array-like of shape (n_labels,), default=None
            Names of the columns of a `y` that has none itself.
        name : str, default="y"
            What to call it in an error.

        Returns
        -------
        csr_matrix of float32, shape (n_samples, n_labels), or ndarray of int64, shape (n_samples,)

        Raises
        ------
        ValueError
            When `y` has another kind, other labels, or a class never seen.
        """
        two_dimensional = is_indicator(y, name)
        if two_dimensional != self.multilabel:
            seen = "a multi-label indicator" if self.multilabel else "1-D classes"
            got = "a 2-D array" if two_dimensional else "a 1-D array"
            raise ValueError(f"This model is fitted on {seen}, but {name} is {got}.")
        if not self.multilabel:
            return self._codes(as_classes(y, name), name)
        columns = column_names(y, name)
        if columns is None and label_names is not None:
            columns = as_names(label_names)
            if len(columns) != np.shape(y)[1]:
                raise ValueError(
                    f"There are {len(columns)} names of labels ({shown(columns, 3)}), but {name} "
                    f"has {np.shape(y)[1]} columns."
                )
        indicator = as_indicator(y, name)
        if self.named and columns is not None:
            order = positions(columns, list(self.label_names), name=name)
            return indicator if order is None else indicator[:, order]
        if indicator.shape[1] != self.n_labels:
            raise ValueError(
                f"{name} has {indicator.shape[1]} labels, but this model knows {self.n_labels}."
            )
        return indicator

    def decode(self, decisions: np.ndarray | sp.csr_matrix, *, index: Any = None) -> Any:
        """Turn decisions into predictions in the caller's own form.

        Parameters
        ----------
        decisions : ndarray or csr_matrix
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
        predictions: Any = decisions.astype(self.dtype)
        if self.container == "csr_matrix":
            return sp.csr_matrix(predictions)
        if self.container == "csr_array":
            return sp.csr_array(predictions)
        if sp.issparse(predictions):
            predictions = predictions.toarray()
        names = list(self.label_names)
        if self.container == "pandas":
            import pandas as pd

            # Lists have a method of that name.
            rows = index if isinstance(index, pd.Index) else None
            if len(self.levels) > 1:
                columns = pd.MultiIndex.from_tuples(names, names=self.levels)
            else:
                columns = pd.Index(names, tupleize_cols=False, name=(*self.levels, None)[0])
            return pd.DataFrame(predictions, index=rows, columns=columns)
        if self.container == "polars":
            import polars as pl

            return pl.DataFrame(predictions, schema=[str(name) for name in names])
        if self.container == "pyarrow":
            import pyarrow as pa

            return pa.table({str(name): predictions[:, k] for k, name in enumerate(names)})
        return predictions

    def renamed(self, names: Sequence[Any]) -> Targets:
        """The same labels under other names."""
        label_names = np.empty(self.n_labels, dtype=object)
        label_names[:] = list(names)
        return replace(self, label_names=label_names, named=True)

    def with_labels(self, names: Any) -> tuple[Targets, np.ndarray]:
        """The same form with more labels.

        Parameters
        ----------
        names : sequence
            Names of new labels, which are appended to the existing ones; or new classes, which take
            their place in sorted order.

        Returns
        -------
        Targets
        order : int64 ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.

        Raises
        ------
        ValueError, TypeError
            When there are none, or one is known already, duplicated, or of another type.
        """
        new = as_names(names, "names")
        if not new:
            raise ValueError("names is empty: give the name of at least one new label.")
        known = set(self.label_names.tolist())
        known |= set() if self.multilabel else set(self.classes.tolist())
        if there := [name for name in new if name in known]:
            raise ValueError(
                f"This model has the labels {shown(there)} already; further samples of them go to "
                "partial_fit."
            )
        before = np.arange(self.n_labels)
        if not self.multilabel:
            return self._with_classes(new)
        if len(self.levels) > 1 and not all(
            isinstance(name, tuple) and len(name) == len(self.levels) for name in new
        ):
            raise ValueError(
                f"Columns of y have names of {len(self.levels)} levels, such as "
                f"{self.label_names[0]!r}, so those of new labels must be tuples like these."
            )
        order = np.concatenate([before, np.full(len(new), -1)])
        label_names = rearranged(self.label_names, order, None)
        for place, name in zip(np.flatnonzero(order < 0), new, strict=True):
            label_names[place] = name
        classes = np.tile(np.array([0, 1]), (len(order), 1))
        return replace(self, classes=classes, label_names=label_names), order

    def _with_classes(self, new: list[Any]) -> tuple[Targets, np.ndarray]:
        values = np.empty(len(new), dtype=object)
        values[:] = new
        if self.classes.dtype != object:
            values = np.asarray(new)
            if values.dtype.kind != self.classes.dtype.kind:
                raise TypeError(
                    f"The classes are of type {type(self.classes.tolist()[0]).__name__}, such as "
                    f"{self.classes.tolist()[0]!r}, and new ones must be, too, not {new[0]!r}."
                )
        classes = np.unique(np.concatenate([self.classes, values]))
        order = np.full(len(classes), -1)
        order[np.searchsorted(classes, self.classes)] = np.arange(self.n_labels)
        label_names = classes.astype(object)
        old = order >= 0
        label_names[old] = self.label_names[order[old]]
        targets = replace(self, classes=classes, label_names=label_names, dtype=classes.dtype.str)
        return targets, order

    def accuracy(self, y: Any, predicted: Any, sample_weight: Any = None) -> float:
        """Share of the samples whose class, or whole label set, is predicted.

        Parameters
        ----------
        y : the same kind of target as the one seen by :meth:`infer`
            Columns go by name, where they have one.
        predicted : what :meth:`decode` gave
        sample_weight : array-like of shape (n_samples,), default=None
        """
        from sklearn.metrics import accuracy_score

        if not self.multilabel:
            if is_indicator(y):
                self.encode(y)  # which says what is wrong
            return float(accuracy_score(as_classes(y), predicted, sample_weight=sample_weight))
        truth, found = self.encode(y), as_indicator(predicted)
        right = np.asarray(abs(truth - found).sum(axis=1)).ravel() == 0
        return float(np.average(right, weights=sample_weight))

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
            return [str(text) for text in self.by_name(label_texts, "label_texts")]
        texts = list(label_texts)
        if len(texts) != len(names) or not all(isinstance(t, str) for t in texts):
            raise ValueError(
                f"label_texts must hold one string for each of the {len(names)} labels, in the "
                f"order of y's columns (or of the sorted classes), but it has {len(texts)} entries."
            )
        return [str(text) for text in texts]

    def by_name(self, values: Mapping[Any, Any], what: str) -> list[Any]:
        """The values of a dict, in the order of the labels.

        Keys are the names of the labels, or the classes where these have other names.

        Raises
        ------
        ValueError
            When a label has no value; the message names it, and the keys that are not labels.
        """
        found = self.values_by_name(values, _NOTHING)
        names = self.label_names.tolist()
        missing = [n for n, value in zip(names, found, strict=True) if value is _NOTHING]
        if missing:
            others = [key for key in values if key not in set(names)]
            hint = f" No label is called {shown(others, 5)}." if others else ""
            raise ValueError(
                f"{what} has no text for {len(missing)} of {len(names)} labels: "
                f"{shown(missing, 5)}.{hint} Its keys must be the labels' names: the columns of a "
                "DataFrame, the label_names, the classes, or the column numbers of an array."
            )
        return found

    def values_by_name(self, values: Mapping[Any, Any], default: Any) -> list[Any]:
        """Like :meth:`by_name`, with a default for missing keys."""
        names = self.label_names.tolist()
        keys = names if self.multilabel else self.classes.tolist()
        return [
            values.get(name, values.get(key, default))
            for name, key in zip(names, keys, strict=True)
        ]

    def warn_about_empty_labels(self, indicator: sp.csr_matrix) -> None:
        """Warn by name about labels without a single positive sample.

        Only the first fit of a search or a cross-validation warns.
        """
        counts = np.asarray(indicator.sum(axis=0)).ravel()
        empty = self.label_names[counts == 0]
        if not len(empty):
            return
        speaks, is_clone = first_of_clones(tuple(map(str, self.label_names)))
        if speaks:
            shown = ", ".join(repr(name) for name in empty[:5])
            more = f", and {len(empty) - 5} more" if len(empty) > 5 else ""
            once = " Further fits of the same search do not repeat this." if is_clone else ""
            warnings.warn(
                f"{len(empty)} of {self.n_labels} labels have no positive sample in y "
                f"({shown}{more}): only label texts say anything about them, and without these "
                f"they will hardly be predicted.{once}",
                UserWarning,
                stacklevel=2,
            )

    def _codes(self, values: np.ndarray, name: str = "y") -> np.ndarray:
        codes = np.searchsorted(self.classes, values)
        codes = np.minimum(codes, self.n_labels - 1)
        unknown = self.classes[codes] != values
        if np.any(unknown):
            shown = ", ".join(repr(v) for v in np.unique(values[unknown])[:5].tolist())
            advice = (
                "Pass every class in `classes` at the first call of partial_fit, or fit anew."
                if name == "y"
                else f"Classes without samples in y cannot be learned: leave them out of {name}."
            )
            raise ValueError(
                f"{name} holds classes that this model does not know: {shown}. {advice}"
            )
        return codes.astype(np.int64)
