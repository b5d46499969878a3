"""Training and test data in one call."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.utils import indexable

from sklabelemb.model_selection.splitters import MultilabelStratifiedShuffleSplit, check_label_sets
from sklabelemb.sklearn_internals import (
    Interval,
    RealNotInt,
    safe_indexing,
    validate_params,
    validate_shuffle_split,
)

__all__ = ["multilabel_train_test_split"]

_SIZE = [
    Interval(RealNotInt, 0, 1, closed="neither"),
    Interval(Integral, 1, None, closed="left"),
    None,
]


@validate_params(
    {"test_size": _SIZE, "train_size": _SIZE, "random_state": ["random_state"]},
    prefer_skip_nested_validation=True,
)
def multilabel_train_test_split(
    *arrays: Any,
    test_size: float | None = None,
    train_size: float | None = None,
    random_state: Any = None,
    stratify: Any = None,
) -> list[Any]:
    """Split multi-label data into stratified training and test sets.

    The counterpart of :func:`~sklearn.model_selection.train_test_split` with ``stratify=y``. (For
    label sets, that function treats every combination of labels as a class, and refuses
    combinations that occur once.)

    Parameters
    ----------
    *arrays : collections of length n_samples
        Lists, arrays, Series, DataFrames, sparse matrices; the label indicator is usually the last.
    test_size : float or int, default=None
        A share of the samples between 0 and 1, rounded up, or a number of them. None: what
        `train_size` leaves, or 0.25 if that is None too.
    train_size : float or int, default=None
        A share of the samples, rounded down, or a number of them. None: what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        An int gives the same split at every call; None uses NumPy's global state, as in
        scikit-learn.
    stratify : indicator of shape (n_samples, n_labels), default=None
        The labels to stratify by. None: the last of `arrays`.

    Returns
    -------
    list of length 2 * len(arrays)
        Training and test part of each array in turn, of the same type as the array (a sparse matrix
        comes back as CSR, a tuple as a list), in random order.

    Raises
    ------
    ValueError
        When there is no array, when lengths differ, when the sizes do not fit, or when `stratify`
        is not a label indicator.

    See Also
    --------
    MultilabelStratifiedShuffleSplit : Several such splits, as indices.
    sklearn.model_selection.train_test_split : For one class per sample.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.model_selection import multilabel_train_test_split
    >>> texts = ["a", "b", "c", "d", "e", "f", "g", "h"]
    >>> y = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]])
    >>> X_train, X_test, y_train, y_test = multilabel_train_test_split(texts, y, random_state=0)
    >>> len(X_train), y_train.sum(axis=0), len(X_test), y_test.sum(axis=0)
    (6, array([3, 3]), 2, array([1, 1]))
    """
    if not arrays:
        raise ValueError("At least one array required as input")
    labels = check_label_sets(
        arrays[-1] if stratify is None else stratify,
        "sklearn.model_selection.train_test_split(..., stratify=y)",
        "y (the last array, as stratify is None)" if stratify is None else "stratify",
    )
    *arrays, labels = indexable(*arrays, labels)
    n_train, n_test = validate_shuffle_split(
        labels.shape[0], test_size, train_size, default_test_size=0.25
    )
    splitter = MultilabelStratifiedShuffleSplit(
        n_splits=1, test_size=n_test, train_size=n_train, random_state=random_state
    )
    train, test = next(splitter.split(None, labels))
    return [safe_indexing(array, part) for array in arrays for part in (train, test)]


# pytest would collect it by its name otherwise.
multilabel_train_test_split.__test__ = False
