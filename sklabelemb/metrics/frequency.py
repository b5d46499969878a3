"""F1 of rare and of frequent labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sklabelemb.metrics.checks import check_indicators, check_train
from sklabelemb.metrics.decisions import precision_recall_f1
from sklabelemb.optional import import_optional

__all__ = ["FrequencyGroups", "f1_by_label_frequency", "micro_f1_without_frequent_labels"]


@dataclass(frozen=True, eq=False, repr=False)
class FrequencyGroups:
    """F1 of groups of labels, from the rarest to the most frequent.

    Returned by :func:`f1_by_label_frequency`. Print it, draw it with :meth:`plot`, or use its
    arrays, which have one entry per group.

    Attributes
    ----------
    labels : list of ndarray of int
        Column numbers of the labels in each group, ascending.
    lowest_frequency, highest_frequency : ndarray of shape (n_groups,)
        Of the group's labels in training.
    n_labels : ndarray of int of shape (n_groups,)
        Size of each group.
    macro_f1 : ndarray of shape (n_groups,)
        Mean F1 of the group's labels.
    micro_f1 : ndarray of shape (n_groups,)
        F1 of all pairs of a sample and one of the group's labels.
    """

    labels: list[np.ndarray]
    lowest_frequency: np.ndarray
    highest_frequency: np.ndarray
    n_labels: np.ndarray
    macro_f1: np.ndarray
    micro_f1: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        header = ("training frequency", "labels", "macro-F1", "micro-F1")
        rows = [
            (frequency, str(n), f"{macro:.3f}", f"{micro:.3f}")
            for frequency, n, macro, micro in zip(
                self.ranges(), self.n_labels, self.macro_f1, self.micro_f1, strict=True
            )
        ]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in (header, *rows)
        )

    __repr__ = __str__

    def plot(self, ax: Any = None) -> Any:
        """Draw the groups as bars, the rarest labels on the left.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", extra="plot", purpose="The picture of F1 by label frequency"
        )
        if ax is None:
            _, ax = pyplot.subplots(figsize=(2 + 1.1 * len(self), 3.4), layout="constrained")
        places = np.arange(len(self))
        ax.bar(places - 0.2, self.macro_f1, width=0.38, color="#30415d", label="macro-F1")
        ax.bar(places + 0.2, self.micro_f1, width=0.38, color="#9db9d6", label="micro-F1")
        names = [
            f"{frequency}\n({n} label{'s' if n > 1 else ''})"
            for frequency, n in zip(self.ranges(), self.n_labels, strict=True)
        ]
        ax.set_xticks(places, names)
        ax.set(ylim=(0, 1), xlabel="frequency in training", ylabel="F1")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
        return ax

    def ranges(self) -> list[str]:
        """The lowest and highest frequency of each group, as text."""
        ends = zip(self.lowest_frequency, self.highest_frequency, strict=True)
        return [_number(a) if a == b else f"{_number(a)}–{_number(b)}" for a, b in ends]


def f1_by_label_frequency(
    y_true: Any,
    y_pred: Any,
    *,
    y_train: Any = None,
    frequencies: Any = None,
    n_groups: int = 4,
    edges: Sequence[float] | None = None,
) -> FrequencyGroups:
    """F1 of groups of labels that are about equally frequent in training.

    Parameters
    ----------
    y_true, y_pred : indicators of shape (n_samples, n_labels)
        Dense, CSR or DataFrames.
    y_train : indicator of shape (n_train_samples, n_labels), default=None
        Training labels, to count how frequent each label is.
    frequencies : array-like of shape (n_labels,), default=None
        These counts, or shares, instead of `y_train`. Give exactly one of the two.
    n_groups : int, default=4
        How many groups of equal size to make of the labels in the order of their frequency. Labels
        of the same frequency stay together, in the group of the middle one, so that the order of
        the columns does not matter. So groups may differ in size, and empty groups are left out.
    edges : sequence of float, ascending, default=None
        Limits of frequency instead of `n_groups`: ``edges=[10, 100]`` makes the groups of
        frequencies below 10, from 10 to below 100, and from 100. Groups without a label are left
        out.

    Returns
    -------
    FrequencyGroups
        From rare to frequent. F1 is 0 for a label that is neither true nor predicted.

    Raises
    ------
    ValueError
        When shapes differ, when not exactly one of `y_train` and `frequencies` is given, or when
        `n_groups` or `edges` are out of range.

    References
    ----------
    X. Zhang, Q.-W. Zhang, Z. Yan, R. Liu, Y. Cao. "Enhancing Label Correlation Feedback in
    Multi-Label Text Classification via Multi-Task Learning". Findings of ACL 2021, Figure 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import f1_by_label_frequency
    >>> y_true = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    >>> y_pred = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]])
    >>> print(f1_by_label_frequency(y_true, y_pred, frequencies=[90, 40, 5, 2], n_groups=2))
    training frequency  labels  macro-F1  micro-F1
                   2–5       2     0.000     0.000
                 40–90       2     1.000     1.000
    """
    truth, prediction = check_indicators(y_true, y_pred)
    frequency = _frequencies(y_train, frequencies, truth.shape[1])
    if edges is not None:
        limits = np.asarray(edges, dtype=np.float64)
        if limits.ndim != 1 or not len(limits) or not np.all(np.diff(limits) > 0):
            raise ValueError(f"edges must be numbers in ascending order, but got {edges!r}.")
        group = np.digitize(frequency, limits)
    else:
        if not isinstance(n_groups, Integral) or isinstance(n_groups, bool) or n_groups < 1:
            raise ValueError(
                f"n_groups must be a whole number of at least 1, but got {n_groups!r}."
            )
        # Ranks from 1, so that 2 rank - 1 is twice the place of the middle of equal frequencies.
        twice = (2 * rankdata(frequency) - 1).astype(np.int64)
        group = twice * int(n_groups) // (2 * len(frequency))
    labels = [np.flatnonzero(group == g) for g in np.unique(group)]
    f1 = precision_recall_f1(truth, prediction, average=None)[2]
    return FrequencyGroups(
        labels=labels,
        lowest_frequency=np.array([frequency[chosen].min() for chosen in labels]),
        highest_frequency=np.array([frequency[chosen].max() for chosen in labels]),
        n_labels=np.array([len(chosen) for chosen in labels]),
        macro_f1=np.array([f1[chosen].mean() for chosen in labels]),
        micro_f1=np.array(
            [
                precision_recall_f1(truth[:, chosen], prediction[:, chosen], average="micro")[2]
                for chosen in labels
            ]
        ),
    )


def micro_f1_without_frequent_labels(
    y_true: Any,
    y_pred: Any,
    *,
    k: int | Sequence[int],
    y_train: Any = None,
    frequencies: Any = None,
) -> Any:
    r"""Micro-F1 without the k most frequent labels.

    .. math:: F_1(k) = \frac{2 \sum_{l \in L_k} TP_l}{\sum_{l \in L_k} (P_l + T_l)}

    where :math:`TP_l`, :math:`P_l` and :math:`T_l` count true positives, predictions and true
    labels, and :math:`L_k` are the labels without the k most frequent in training. With k = 0 it is
    the plain micro-F1, which frequent labels dominate; how fast it falls with k shows how much of
    it was due to them.

    Parameters
    ----------
    y_true, y_pred : indicators of shape (n_samples, n_labels)
        Dense, CSR or DataFrames.
    k : int or sequence of int
        How many labels to remove, from 0 to ``n_labels - 1``.
    y_train : indicator of shape (n_train_samples, n_labels), default=None
        Training labels, to count how frequent each label is.
    frequencies : array-like of shape (n_labels,), default=None
        These counts, or shares, instead of `y_train`. Give exactly one of the two.

    Returns
    -------
    float, or ndarray of the length of `k`
        0 if nothing is true and nothing predicted. If k separates labels of the same frequency, the
        three counts are means over all orders of these labels, so that the order of the columns
        does not matter.

    Raises
    ------
    ValueError
        When shapes differ, when not exactly one of `y_train` and `frequencies` is given, or when k
        leaves no label.

    References
    ----------
    J. Lin, Q. Su, P. Yang, S. Ma, X. Sun. "Semantic-Unit-Based Dilated Convolution for Multi-Label
    Text Classification". EMNLP 2018, Figure 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import micro_f1_without_frequent_labels
    >>> y_true = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    >>> y_pred = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]])
    >>> frequencies = [90, 40, 5, 2]
    >>> micro_f1_without_frequent_labels(y_true, y_pred, k=[0, 1, 2], frequencies=frequencies)
    array([0.727, 0.4  , 0.   ])
    """
    truth, prediction = check_indicators(y_true, y_pred)
    n_labels = truth.shape[1]
    frequency = _frequencies(y_train, frequencies, n_labels)
    ks = np.asarray(k)
    if ks.ndim > 1 or ks.dtype.kind not in "iu":
        raise ValueError(f"k must be a whole number or a sequence of them, but got {k!r}.")
    if np.any((ks < 0) | (ks >= n_labels)):
        raise ValueError(
            f"k must be between 0 and {n_labels - 1}, so that at least one of the {n_labels} "
            f"labels remains, but got {k!r}."
        )
    hits = np.asarray(truth.multiply(prediction).sum(axis=0, dtype=np.float64)).ravel()
    total = np.asarray((truth + prediction).sum(axis=0, dtype=np.float64)).ravel()
    # Labels of the same frequency get the mean of their counts; then any order among them will do.
    _, group, size = np.unique(frequency, return_inverse=True, return_counts=True)
    hits, total = (np.bincount(group, weights=v)[group] / size[group] for v in (hits, total))
    rare_first = np.argsort(frequency, kind="stable")
    left = n_labels - 1 - ks
    left_hits, left_total = np.cumsum(hits[rare_first])[left], np.cumsum(total[rare_first])[left]
    f1 = 2 * left_hits / np.where(left_total > 0, left_total, 1)
    return f1 if ks.ndim else float(f1)


def _frequencies(y_train: Any, frequencies: Any, n_labels: int) -> np.ndarray:
    """How frequent each label is in training."""
    if (y_train is None) == (frequencies is None):
        raise ValueError(
            "Give either y_train, to count how frequent each label is in training, or frequencies, "
            f"but {'neither was' if y_train is None else 'both were'} given."
        )
    if y_train is not None:
        train = check_train(y_train, n_labels, "y_true")
        return np.asarray(train.sum(axis=0, dtype=np.int64)).ravel()
    frequency = np.asarray(frequencies)
    if frequency.shape != (n_labels,):
        raise ValueError(
            f"frequencies must have one value for each of the {n_labels} labels, but it has shape "
            f"{frequency.shape}."
        )
    if frequency.dtype.kind not in "biuf" or not np.all(np.isfinite(frequency) & (frequency >= 0)):
        raise ValueError("frequencies must be finite numbers, none of them negative.")
    return frequency


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3g}"
