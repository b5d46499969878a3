"""How much each sample and each label counts in the loss, and how frequent the labels are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from sklabelemb.targets import Targets

__all__ = ["class_weights", "prior_logits", "sample_weights"]


def sample_weights(sample_weight: Any, n_samples: int) -> np.ndarray | None:
    """Validated weights of the samples, float32; None where none are given.

    The mean is one over those that have any weight: those of weight 0 might as well not be there.

    Raises
    ------
    ValueError
        For a wrong length, a negative weight, or nothing but zeros.
    """
    if sample_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, np.zeros((n_samples, 1)), ensure_non_negative=True)
    if weight.sum() == 0:
        raise ValueError("sample_weight is zero for every sample: nothing could be learnt.")
    return (weight / weight[weight > 0].mean()).astype(np.float32)


def class_weights(
    class_weight: Mapping[Any, float] | str | None, targets: Targets, encoded: Any
) -> np.ndarray | None:
    """Weight of each class (single-label), or of each label's positives (multi-label).

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        A dict goes by class or label name; what it leaves out weighs 1. "balanced": classes as in
        scikit-learn; labels by the ratio of negatives to positives.
    targets : Targets
    encoded : csr_matrix, int codes, or None
        The training targets; None where nothing will be trained.

    Raises
    ------
    ValueError
        When a dict names labels that do not exist.
    """
    if class_weight is None or encoded is None:
        return None
    if not targets.multilabel and isinstance(class_weight, str):
        # As in scikit-learn, but a class may be absent from a batch, or from what was not held out.
        counts = np.bincount(encoded, minlength=targets.n_labels)
        balanced = len(encoded) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return np.where(counts, balanced, 1.0)
    if not targets.multilabel:
        return compute_class_weight(
            class_weight, classes=targets.classes, y=targets.classes[encoded]
        )
    if isinstance(class_weight, str):
        positives = np.asarray(encoded.sum(axis=0)).ravel()
        return (encoded.shape[0] - positives + 1) / (positives + 1)
    unknown = set(class_weight) - set(targets.label_names)
    if unknown:
        raise ValueError(
            f"class_weight names labels that y does not have: {sorted(map(repr, unknown))}. "
            f"Its labels are {list(targets.label_names[:10])}."
        )
    return np.array([class_weight.get(name, 1.0) for name in targets.label_names])


def prior_logits(encoded: Any, n_labels: int) -> np.ndarray:
    """Logits that know nothing of a text but how frequent the labels are.

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
    >>> from sklabelemb.training.weights import prior_logits
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
