"""Stochastic gradient descent on squared hinge loss, for all labels at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import scipy.sparse as sp

from sklabelemb.linear.features import FeaturesOnDemand, sample_of
from sklabelemb.progress import progress_bar

__all__ = ["descend", "stable_rates"]

BATCH_SIZE = 100
# Texts whose features are gathered at once.
POOL = 50 * BATCH_SIZE
# Adam's, for the bias: its step size at first, and how fast its moments forget.
BIAS_RATE, FIRST, SECOND = 0.005, 0.9, 0.999


def descend(
    X: sp.csr_matrix | FeaturesOnDemand,
    targets: sp.csr_matrix | np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    *,
    epochs: int,
    learning_rate: float,
    class_weight: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    seed: int = 0,
    verbose: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias after some epochs of steps whose size falls to zero.

    A step's cost depends on the n-grams of its texts, not on the number of features.

    Parameters
    ----------
    X : csr_matrix or FeaturesOnDemand, shape (n_texts, n_features), float32
    targets : csr_matrix of shape (n_texts, n_labels), or int codes of shape (n_texts,)
    weights : float32 ndarray of shape (n_features, n_labels)
    bias : float32 ndarray of shape (n_labels,)
        Where the descent starts; both are copied.
    epochs : int
    learning_rate : float
        Size of the first step; reduced where that would be unstable.
    class_weight : ndarray of shape (n_labels,), default=None
        Of each class, or of each label's positives.
    sample_weight : float32 ndarray of shape (n_texts,), default=None
    seed : int, default=0
        The order of the texts.
    verbose : bool, default=False
        Whether to show a progress bar.
    """
    weights, bias = weights.copy(), bias.copy()
    n_labels = len(bias)
    ones = np.ones(n_labels) if class_weight is None else class_weight
    multilabel = sp.issparse(targets)
    rates = stable_rates(sample_of(X), ones, multilabel).clip(max=learning_rate).astype(np.float32)
    n_steps = epochs * -(-X.shape[0] // BATCH_SIZE)
    first, second = np.zeros_like(bias), np.zeros_like(bias)
    random = np.random.RandomState(seed)
    slots = np.empty(X.shape[1], dtype=np.int32)
    step = 0
    with progress_bar("Linear path", n_steps, "batch", verbose) as progress:
        for rows, batch in chain.from_iterable(_batches(X, random) for _ in range(epochs)):
            columns, batch = _compact(batch, slots)
            own = weights[columns]
            present = _present(targets, rows, n_labels)
            sign = 2 * present - 1
            # Of the squared hinge, by the scores.
            gradient = 1 - (batch @ own + bias) * sign
            np.maximum(gradient, 0, out=gradient)
            gradient *= sign
            gradient *= np.float32(-2 / len(rows))
            gradient *= _weights_of(ones, present, multilabel)
            if sample_weight is not None:
                gradient *= sample_weight[rows, None]
            left = np.float32(1 - step / n_steps)
            step += 1
            by_bias = gradient.sum(axis=0)
            gradient *= rates * left
            # Each column occurs once, so no update is lost.
            own -= batch.T @ gradient
            weights[columns] = own
            first += (1 - FIRST) * (by_bias - first)
            second += (1 - SECOND) * (by_bias**2 - second)
            size = BIAS_RATE * left / (1 - FIRST**step)
            bias -= size * first / (np.sqrt(second / (1 - SECOND**step)) + 1e-8)
            progress.update()
    return weights, bias


def _batches(
    X: sp.csr_matrix | FeaturesOnDemand, random: np.random.RandomState
) -> Iterator[tuple[np.ndarray, sp.csr_matrix]]:
    """The rows of each batch of an epoch, in an order of their own, and what they hold."""
    order = random.permutation(X.shape[0])
    for pool in range(0, len(order), POOL):
        members = order[pool : pool + POOL]
        some = X[members]
        shuffled = some.read() if isinstance(some, FeaturesOnDemand) else some
        for start in range(0, len(members), BATCH_SIZE):
            stop = min(start + BATCH_SIZE, len(members))
            low, high = shuffled.indptr[start], shuffled.indptr[stop]
            parts = (
                shuffled.data[low:high],
                shuffled.indices[low:high],
                shuffled.indptr[start : stop + 1] - low,
            )
            yield members[start:stop], sp.csr_matrix(parts, shape=(stop - start, X.shape[1]))


def _compact(batch: sp.csr_matrix, slots: np.ndarray) -> tuple[np.ndarray, sp.csr_matrix]:
    """The distinct columns of a batch, and the batch restricted to them.

    `slots` has a place for each column; what it holds does not matter.
    """
    indices = batch.indices
    places = np.arange(len(indices), dtype=np.int32)
    slots[indices] = places
    # Of several positions of a column, the last one is kept.
    columns = indices[slots[indices] == places]
    slots[columns] = np.arange(len(columns), dtype=np.int32)
    compact = sp.csr_matrix(
        (batch.data, slots[indices], batch.indptr), shape=(batch.shape[0], len(columns))
    )
    return columns, compact


def _present(targets: sp.csr_matrix | np.ndarray, rows: np.ndarray, n_labels: int) -> np.ndarray:
    """1 for the labels that a text carries, 0 for the others, float32."""
    if sp.issparse(targets):
        return np.asarray(targets[rows].toarray(), dtype=np.float32)
    present = np.zeros((len(rows), n_labels), dtype=np.float32)
    present[np.arange(len(rows)), targets[rows]] = 1
    return present


def _weights_of(weight: np.ndarray, present: np.ndarray, multilabel: bool) -> np.ndarray:
    """Weight of every text and label in the loss, float32."""
    # Of a single class: that of the text's own class, for all of its scores.
    weights = np.where(present > 0, weight, 1.0) if multilabel else (present @ weight)[:, None]
    return np.asarray(weights, dtype=np.float32)


def stable_rates(X: sp.csr_matrix, weights: np.ndarray, multilabel: bool) -> np.ndarray:
    """Largest stable step size of each label, which matters for similar texts or large weights.

    Gradient descent on squared hinge is stable while the step is below the inverse of the largest
    eigenvalue of ``X.T X / n``, which is small unless the texts share most of their words; and a
    single text of large weight must not overshoot. The weight of a label's positives counts for
    that label alone; that of a class, for all scores of its texts.
    """
    direction = np.asarray(X.mean(axis=0)).ravel()
    largest = 0.0
    for _ in range(5):
        direction /= max(float(np.linalg.norm(direction)), 1e-12)
        direction = X.T @ (X @ direction) / X.shape[0]
        largest = float(np.linalg.norm(direction))
    stable = 0.7 / max(largest, 1e-12)
    # Negatives weigh 1.
    weights = np.maximum(weights, 1.0) if multilabel else np.full(len(weights), weights.max())
    # Weighted positives of a rare label are alike, but they are never all of the texts.
    crowding = np.clip(weights, 1.0, 5.0)
    rates: np.ndarray = np.minimum(stable / crowding, BATCH_SIZE / (2 * weights))
    return rates
