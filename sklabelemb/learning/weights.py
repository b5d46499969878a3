"""How much each sample and each label counts in the loss, and how frequent the labels are."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.learning.task import Task
from sklabelemb.sklearn_internals import check_sample_weight
from sklabelemb.targets import Targets

__all__ = ["check_class_weight", "class_weights", "prior_logits", "sample_weights"]


def sample_weights(sample_weight: Any, n_samples: int) -> np.ndarray | None:
    """Validated weights of the samples, float32; None where none are given.

    The mean over nonzero weights is one; samples of weight 0 are ignored.

    Raises
    ------
    ValueError
        For a wrong length, a negative weight, or nothing but zeros.
    """
    if sample_weight is None:
        return None
    weight = check_sample_weight(sample_weight, np.zeros((n_samples, 1)), ensure_non_negative=True)
    if weight.sum() == 0:
        raise ValueError("sample_weight is zero for every sample: nothing could be learned.")
    return (weight / weight[weight > 0].mean()).astype(np.float32)


def check_class_weight(class_weight: Any, tasks: Mapping[Any, Task]) -> None:
    """Check that a dict of weights, or a sequence, has finite numbers for labels that exist.

    Raises
    ------
    ValueError
        Names the label whose weight cannot be used, or that no task has.
    """
    if class_weight is None or isinstance(class_weight, str):
        return
    if isinstance(class_weight, Mapping):
        known = [name for task in tasks.values() for name in task.label_names]
        classes = [c for t in tasks.values() if not t.multilabel for c in t.classes.tolist()]
        if unknown := [name for name in class_weight if name not in {*known, *classes}]:
            raise ValueError(
                f"class_weight names labels that y does not have: {sorted(map(repr, unknown))}. "
                f"Its labels are {known[:10]}."
            )
        for name, weight in class_weight.items():
            _check_weight(name, weight)
        return
    for task in tasks.values():
        weights = list(class_weight)
        if len(weights) != task.targets.n_labels:
            raise ValueError(
                f"class_weight has {len(weights)} weights for {task.targets.n_labels} labels. Give "
                "one for each, in the order of y's columns (or of the sorted classes), or a dict "
                "by name."
            )
        for name, weight in zip(task.label_names, weights, strict=True):
            _check_weight(name, weight)


def _check_weight(name: Any, weight: Any) -> None:
    is_number = isinstance(weight, Real) and not isinstance(weight, bool | np.bool_)
    if not is_number or not 0 <= float(weight) < float("inf"):
        raise ValueError(
            f"class_weight[{name!r}] is {weight!r}, but the weight of a label is a finite number "
            "of at least 0."
        )


def class_weights(class_weight: Any, targets: Targets, encoded: Any) -> np.ndarray | None:
    """Weight of each class (single-label), or of each label's positives (multi-label).

    Parameters
    ----------
    class_weight : dict, sequence of float, "balanced" or None
        As accepted by :func:`check_class_weight`. A dict by class or label name; labels that it
        leaves out weigh 1, and labels of other tasks are ignored. "balanced": classes as in
        scikit-learn; labels by the ratio of negatives to positives.
    targets : Targets
    encoded : csr_matrix or int codes
        The training targets.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, Mapping):
        own = targets.values_by_name(class_weight, 1.0)
        return np.array(own, dtype=np.float64)
    if not isinstance(class_weight, str):
        return np.array(list(class_weight), dtype=np.float64)
    if targets.multilabel:
        positives = np.asarray(encoded.sum(axis=0)).ravel()
        return (encoded.shape[0] - positives + 1) / (positives + 1)
    # As in scikit-learn, but a class may be absent from a batch, or from what was not held out.
    counts = np.bincount(encoded, minlength=targets.n_labels)
    balanced = len(encoded) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts, balanced, 1.0)


def prior_logits(encoded: Any, n_labels: int) -> np.ndarray:
    """Logits from the label frequencies alone, whatever the text.

    Parameters
    ----------
    encoded : csr_matrix of shape (n_samples, n_labels), or codes of shape (n_samples,)
    n_labels : int

    Returns
    -------
    ndarray of shape (n_labels,)

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from sklabelemb.learning.weights import prior_logits
    >>> prior_logits(sp.csr_matrix([[1, 0], [1, 0], [0, 0]]), 2).round(2)
    array([ 0.51, -1.95])
    >>> prior_logits(np.array([0, 0, 1]), 2).round(2)
    array([-0.47, -0.98])
    """
    if sp.issparse(encoded):
        frequency = (np.asarray(encoded.sum(axis=0)).ravel() + 0.5) / (encoded.shape[0] + 1)
        return np.log(frequency / (1 - frequency))
    counts = np.bincount(encoded, minlength=n_labels)
    return np.log((counts + 0.5) / (len(encoded) + 1))
