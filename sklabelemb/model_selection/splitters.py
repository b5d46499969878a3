"""scikit-learn's splitters, for label sets.

They are those of the package ``iterative-stratification``, whose classes they extend, with another
assignment of samples to parts: one that reads a sparse `y`, takes seconds where there are thousands
of labels, and makes the sizes exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from iterstrat import ml_stratifiers as library
from sklearn.utils import check_random_state

from sklabelemb.model_selection.stratification import iterative_stratification, resized
from sklabelemb.sklearn_internals import validate_shuffle_split
from sklabelemb.targets import as_indicator

__all__ = [
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "check_label_sets",
]


class MultilabelStratifiedKFold(library.MultilabelStratifiedKFold):
    """Stratified k-fold cross-validation for multi-label data.

    The counterpart of :class:`~sklearn.model_selection.StratifiedKFold` for label sets: iterative
    stratification (Sechidis et al., 2011), which assigns the rarest labels first, while there is
    still a choice.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to shuffle the samples before assigning them. The indices of a fold are sorted in
        either case.
    random_state : int, RandomState instance or None, default=None
        With ``shuffle=True``: the order of the samples, and which of several equally good folds a
        sample goes to. An int gives the same folds at every call; None uses NumPy's global state,
        as in scikit-learn. With ``shuffle=False`` it must be None, and the folds of a `y` are the
        same at every call.

    See Also
    --------
    RepeatedMultilabelStratifiedKFold : Repeats it with different folds.
    MultilabelStratifiedShuffleSplit : Test sets of any size, drawn anew for each split.
    sklearn.model_selection.StratifiedKFold : For one class per sample.

    Notes
    -----
    The folds are a partition, and their sizes differ by at most one. The algorithm alone only
    approximates this (1 % off on Reuters-21578); afterwards as few samples as needed are moved,
    those that disturb the label frequencies least.

    A label with fewer samples than there are folds is missing in some of them, without an error;
    this is common with many labels. Metrics averaged over labels then need a choice, such as
    ``zero_division``.

    With ``shuffle=True``, the folds are those of ``iterstrat.ml_stratifiers`` for the same
    `random_state`, apart from the samples moved for the sizes.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.model_selection import MultilabelStratifiedKFold
    >>> X = ["a", "b", "c", "d", "e", "f", "g", "h"]
    >>> y = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1]])
    >>> folds = MultilabelStratifiedKFold(n_splits=2, shuffle=True, random_state=0)
    >>> folds
    MultilabelStratifiedKFold(n_splits=2, random_state=0, shuffle=True)
    >>> for train, test in folds.split(X, y):
    ...     print(test, y[test].sum(axis=0))
    [0 2 5 7] [3 2]
    [1 3 4 6] [3 2]
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)

    def split(self, X: Any, y: Any, groups: None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the indices of each training and test set.

        Parameters
        ----------
        X : collection of length n_samples, or None
            Texts in any form, or features; only the length matters.
        y : array-like, scipy sparse or DataFrame of 0 and 1, shape (n_samples, n_labels)
            Which sample has which label.
        groups : None
            Not supported.

        Yields
        ------
        train, test : int ndarrays, sorted

        Raises
        ------
        ValueError
            When `y` is not a label indicator or as long as `X`, when there are fewer samples than
            folds, or when `groups` are passed.
        """
        _refuse_groups(self, groups)
        y = check_label_sets(y, "sklearn.model_selection.StratifiedKFold")
        # The library's own would make y dense.
        return super(library.MultilabelStratifiedKFold, self).split(_sized(X, y), y)

    def _make_test_folds(self, X: Any, y: sp.csr_matrix) -> np.ndarray:
        # Without shuffling, the folds are to be the same every time, so the ties must be too.
        random = check_random_state(self.random_state if self.shuffle else 0)
        n_samples = y.shape[0]
        order = np.arange(n_samples)
        if self.shuffle:
            random.shuffle(order)
            y = y[order]
        parts = iterative_stratification(y, np.full(self.n_splits, 1 / self.n_splits), random)
        # Where one sample more is needed, in the folds that are the largest already.
        sizes = np.full(self.n_splits, n_samples // self.n_splits)
        largest = np.argsort(-np.bincount(parts, minlength=self.n_splits), kind="stable")
        sizes[largest[: n_samples % self.n_splits]] += 1
        folds = np.empty(n_samples, dtype=int)
        folds[order] = resized(parts, y, sizes, random)
        return folds


class RepeatedMultilabelStratifiedKFold(library.RepeatedMultilabelStratifiedKFold):
    """Repeated stratified k-fold cross-validation for multi-label data.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_repeats : int, default=10
        How many times to make folds.
    random_state : int, RandomState instance or None, default=None
        An int gives the same splits at every call; None uses NumPy's global state, as in
        scikit-learn.

    See Also
    --------
    MultilabelStratifiedKFold : The splitter that is repeated.
    sklearn.model_selection.RepeatedStratifiedKFold : For one class per sample.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.model_selection import RepeatedMultilabelStratifiedKFold
    >>> y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    >>> folds = RepeatedMultilabelStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)
    >>> folds.get_n_splits()
    6
    >>> [y[test].sum(axis=0).tolist() for _, test in folds.split(["a", "b", "c", "d"], y)]
    [[1, 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1]]
    """

    def __init__(self, *, n_splits: int = 5, n_repeats: int = 10, random_state: Any = None) -> None:
        super().__init__(n_splits=n_splits, n_repeats=n_repeats, random_state=random_state)
        self.cv = MultilabelStratifiedKFold

    def split(self, X: Any, y: Any, groups: None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the indices of each training and test set.

        Parameters
        ----------
        X : collection of length n_samples, or None
            Texts in any form, or features; only the length matters.
        y : array-like, scipy sparse or DataFrame of 0 and 1, shape (n_samples, n_labels)
            Which sample has which label.
        groups : None
            Not supported.

        Yields
        ------
        train, test : int ndarrays, sorted

        Raises
        ------
        ValueError
            When `y` is not a label indicator or as long as `X`, when there are fewer samples than
            folds, or when `groups` are passed.
        """
        _refuse_groups(self, groups)
        y = check_label_sets(y, "sklearn.model_selection.RepeatedStratifiedKFold")
        return super().split(_sized(X, y), y)


class MultilabelStratifiedShuffleSplit(library.MultilabelStratifiedShuffleSplit):
    """Stratified random splits for multi-label data.

    The counterpart of :class:`~sklearn.model_selection.StratifiedShuffleSplit` for label sets. Each
    split is drawn independently, so the test sets of several splits overlap.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=None
        A share of the samples between 0 and 1, rounded up, or a number of them. None: what
        `train_size` leaves, or 0.1 if that is None too.
    train_size : float or int, default=None
        A share of the samples, rounded down, or a number of them. None: what `test_size` leaves.
        Where both leave something, that is stratified as well.
    random_state : int, RandomState instance or None, default=None
        An int gives the same splits at every call; None uses NumPy's global state, as in
        scikit-learn.

    See Also
    --------
    multilabel_train_test_split : One such split, applied to the data at once.
    MultilabelStratifiedKFold : Test sets that do not overlap.
    sklearn.model_selection.StratifiedShuffleSplit : For one class per sample.

    Notes
    -----
    The sizes are exactly as requested. The algorithm alone makes the smaller part too small if many
    labels are rare; afterwards as few samples as needed are moved, those that disturb the label
    frequencies least. A label with few samples may have none in the smaller part: a tenth of four
    is closer to zero than to one.

    References
    ----------
    Sechidis, K., Tsoumakas, G. and Vlahavas, I. (2011). On the Stratification of Multi-Label Data.
    ECML PKDD. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.model_selection import MultilabelStratifiedShuffleSplit
    >>> X = ["a", "b", "c", "d", "e", "f", "g", "h"]
    >>> y = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]])
    >>> splits = MultilabelStratifiedShuffleSplit(n_splits=2, test_size=0.25, random_state=0)
    >>> for train, test in splits.split(X, y):
    ...     print(len(train), y[train].sum(axis=0), len(test), y[test].sum(axis=0))
    6 [3 3] 2 [1 1]
    6 [3 3] 2 [1 1]
    """

    def __init__(
        self,
        n_splits: int = 10,
        *,
        test_size: float | None = None,
        train_size: float | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            n_splits=n_splits,
            test_size=test_size,
            train_size=train_size,
            random_state=random_state,
        )

    def split(self, X: Any, y: Any, groups: None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the indices of each training and test set.

        Parameters
        ----------
        X : collection of length n_samples, or None
            Texts in any form, or features; only the length matters.
        y : array-like, scipy sparse or DataFrame of 0 and 1, shape (n_samples, n_labels)
            Which sample has which label.
        groups : None
            Not supported.

        Yields
        ------
        train, test : int ndarrays, in random order

        Raises
        ------
        ValueError
            When `y` is not a label indicator or as long as `X`, when the sizes do not fit, or when
            `groups` are passed.
        """
        _refuse_groups(self, groups)
        y = check_label_sets(y, "sklearn.model_selection.StratifiedShuffleSplit")
        return super(library.MultilabelStratifiedShuffleSplit, self).split(_sized(X, y), y)

    def _iter_indices(
        self, X: Any, y: sp.csr_matrix, groups: None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        n_samples = y.shape[0]
        n_train, n_test = validate_shuffle_split(
            n_samples, self.test_size, self.train_size, default_test_size=self._default_test_size
        )
        sizes = np.array([n_train, n_test, n_samples - n_train - n_test])
        sizes = sizes[sizes > 0]
        random = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            order = np.arange(n_samples)
            random.shuffle(order)
            shuffled = y[order]
            parts = iterative_stratification(shuffled, sizes / n_samples, random)
            parts = resized(parts, shuffled, sizes, random)
            # Already in random order, which models that learn sample by sample rely on.
            yield order[parts == 0], order[parts == 1]


def check_label_sets(y: Any, for_classes: str, name: str = "y") -> sp.csr_matrix:
    """The label indicator to stratify by, as canonical CSR.

    Parameters
    ----------
    y : array-like, scipy sparse or DataFrame of 0 and 1, shape (n_samples, n_labels)
    for_classes : str
        What to advise where `y` holds one class per sample.
    name : str, default="y"
        What to call it in an error.

    Raises
    ------
    ValueError
        When it has another shape or other values.
    """
    try:
        shape = str(np.shape(y))
    except ValueError:  # numpy refuses lists of different lengths
        shape = "rows of different lengths"
    else:
        if len(np.shape(y)) == 2:
            return as_indicator(y, name)
        shape = "None" if y is None else f"of shape {shape}"
    raise ValueError(
        f"{name} must be a label indicator of shape (n_samples, n_labels) to stratify by, but it "
        f"is {shape}. For one class per sample use {for_classes}; lists of labels become an "
        "indicator with sklearn.preprocessing.MultiLabelBinarizer."
    )


def _sized(X: Any, y: sp.csr_matrix) -> Any:
    """`X`, or something as long as `y` where there is none."""
    return np.empty(y.shape[0]) if X is None else X


def _refuse_groups(splitter: Any, groups: Any) -> None:
    """Raise a ValueError when there are groups."""
    if groups is not None:
        raise ValueError(
            f"{type(splitter).__name__} does not keep groups together: it looks at the labels "
            "only, so samples of one group would land in training and test. Use "
            "sklearn.model_selection.GroupKFold or GroupShuffleSplit, or pass groups=None."
        )
