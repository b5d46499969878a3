"""Decisions as names of labels, the most probable first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.sparse_rows import values_at

__all__ = ["check_top_k", "labels_by_score"]


def labels_by_score(
    label_names: Sequence[Any] | np.ndarray,
    scores: np.ndarray | sp.csr_matrix,
    decisions: np.ndarray | sp.csr_matrix,
    top_k: int | None = None,
    with_scores: bool = False,
) -> list[tuple[Any, ...]]:
    """The labels of each sample by name, ordered by score.

    Parameters
    ----------
    label_names : sequence of length n_labels
    scores : ndarray or csr_matrix of shape (n_samples, n_labels)
        Labels without a stored score are never among the highest ones.
    decisions : bool ndarray or csr_matrix of shape (n_samples, n_labels)
        Which labels are predicted; as sparse as the scores are.
    top_k : int, default=None
        Return this many labels with the highest scores, predicted or not. None: the predicted
        ones.
    with_scores : bool, default=False
        Whether each name comes in a pair with its score.

    Returns
    -------
    list of tuple

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[0.2, 0.9, 0.6]])
    >>> labels_by_score(["delivery", "refund", "staff"], scores, scores > 0.5)
    [('refund', 'staff')]
    >>> labels_by_score(["delivery", "refund", "staff"], scores, scores > 0.5, 1, True)
    [(('refund', 0.9),)]
    """
    names = list(label_names)
    found: list[tuple[Any, ...]] = []
    for columns, values, decided in _rows(scores, decisions):
        if top_k is None:
            columns, values = columns[decided], values[decided]
        order = np.argsort(-values, kind="stable")[:top_k]
        columns, values = columns[order], values[order]
        if with_scores:
            found.append(tuple((names[k], float(v)) for k, v in zip(columns, values, strict=True)))
        else:
            found.append(tuple(names[k] for k in columns))
    return found


def _rows(
    scores: np.ndarray | sp.csr_matrix, decisions: np.ndarray | sp.csr_matrix
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Columns with a score for each sample, the scores, and whether they are predicted."""
    if not sp.issparse(scores):
        columns = np.arange(scores.shape[1])
        for row, decided in zip(scores, decisions, strict=True):
            yield columns, row, np.asarray(decided, dtype=bool)
        return
    found = sp.csr_matrix(scores)
    decided = values_at(sp.csr_matrix(decisions), found) > 0
    for first, last in pairwise(found.indptr):
        own = slice(first, last)
        yield found.indices[own], found.data[own], decided[own]


def check_top_k(top_k: Any) -> None:
    """Refuse a `top_k` that is no whole number above 0, nor None."""
    is_number = isinstance(top_k, Integral) and not isinstance(top_k, bool)
    if top_k is not None and not (is_number and top_k > 0):
        raise ValueError(f"top_k must be None or a whole number of at least 1, but got {top_k!r}.")
