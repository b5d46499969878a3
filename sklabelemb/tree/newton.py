"""Linear models of many labels at once: squared hinge by Newton's method, in sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklabelemb.tree.products import SparseProduct

__all__ = ["squared_hinge"]

# Conjugate gradient steps of each Newton step: few while the set of active texts still changes.
CG_STEPS = (2, 4, 6, 8, 10, 10)
# Labels are solved in blocks of this many numbers per matrix (32 MiB of float32).
BLOCK = 8_000_000
LINE_SEARCH_STEPS = 4


def squared_hinge(
    X: sp.csr_matrix,
    targets: sp.csr_matrix,
    *,
    C: float = 1.0,
    sample_weight: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> np.ndarray:
    r"""Weights of one linear model per label, L2-regularised, with squared hinge loss.

    For each label with :math:`y_i = \pm 1`

    .. math:: \min_w \; \tfrac12 \|w\|^2 + C \sum_i s_i \max(0, 1 - y_i w^\top x_i)^2

    which is what :class:`sklearn.svm.LinearSVC` minimises. All labels are solved together, so they
    share each product of a sparse and a dense matrix. The loss is piecewise quadratic, hence a
    Newton step is a least-squares problem over the texts within the margin. It is solved by
    conjugate gradients with a diagonal preconditioner, and followed by an exact line search for
    each label. The number of steps is fixed, and nothing is random.

    Parameters
    ----------
    X : csr_matrix of float32, shape (n_texts, n_features)
        With a column of ones for a bias.
    targets : csr_matrix of shape (n_texts, n_labels)
    C : float, default=1.0
    sample_weight : float32 ndarray of shape (n_texts,), default=None
    start : float32 ndarray of shape (n_features, n_labels), default=None
        Weights to start from; None: zero.

    Returns
    -------
    float32 ndarray of shape (n_features, n_labels)

    References
    ----------
    S. S. Keerthi, D. DeCoste. "A Modified Finite Newton Method for Fast Solution of Large Scale
    Linear SVMs". JMLR 6, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> X = sp.csr_matrix(np.array([[1, 0, 1], [0, 1, 1]], dtype=np.float32))
    >>> squared_hinge(X, sp.csr_matrix([[1, 0], [0, 1]])).round(2)
    array([[ 0.67, -0.67],
           [-0.67,  0.67],
           [ 0.  ,  0.  ]], dtype=float32)
    """
    n_texts, n_features = X.shape
    n_labels = targets.shape[1]
    cost = np.full((n_texts, 1), 2 * C, dtype=np.float32)
    if sample_weight is not None:
        cost *= np.asarray(sample_weight, dtype=np.float32)[:, np.newaxis]
    forward, transposed = SparseProduct(X), X.T.tocsr()
    squares = sp.csr_matrix(
        (transposed.data**2, transposed.indices, transposed.indptr), X.shape[::-1]
    )
    back, squared = SparseProduct(transposed), SparseProduct(squares)
    width = max(1, BLOCK // max(n_texts, n_features))
    weights = np.empty((n_features, n_labels), dtype=np.float32)
    for first in range(0, n_labels, width):
        block = slice(first, first + width)
        sign = 2 * targets[:, block].toarray().astype(np.float32) - 1
        own = None if start is None else start[:, block]
        weights[:, block] = _block(forward, back, squared, sign, cost, own)
    return weights


def _block(
    X: SparseProduct,
    XT: SparseProduct,
    squares: SparseProduct,
    sign: np.ndarray,
    cost: np.ndarray,
    start: np.ndarray | None,
) -> np.ndarray:
    """Weights of some labels."""
    n_labels = sign.shape[1]
    if start is None:
        weights = np.zeros((X.shape[1], n_labels), dtype=np.float32)
        scores = np.zeros_like(sign)
    else:
        weights, scores = start.copy(), X @ start
    for n_steps in CG_STEPS:
        missing = np.maximum(1 - sign * scores, 0)
        curvature = cost * (missing > 0)
        missing *= sign
        missing *= cost
        gradient = weights - XT @ missing
        scale = 1 / (1 + squares @ curvature)
        step, change = _newton_step(X, XT, gradient, curvature, scale, n_steps)
        length = _best_length(weights, step, scores, change, sign, cost)
        weights += length * step
        scores += length * change
    return weights


def _newton_step(
    X: SparseProduct,
    XT: SparseProduct,
    gradient: np.ndarray,
    curvature: np.ndarray,
    scale: np.ndarray,
    n_steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The Newton step, by some steps of conjugate gradients, and its change of the scores."""
    residual = -gradient
    direction = scale * residual
    energy = _dot(residual, direction)
    step = np.zeros_like(gradient)
    change = np.zeros_like(curvature)
    for _ in range(n_steps):
        along = X @ direction
        bent = direction + XT @ (curvature * along)
        length = energy / np.maximum(_dot(direction, bent), 1e-30)
        step += length * direction
        change += length * along
        residual -= length * bent
        scaled = scale * residual
        before, energy = energy, _dot(residual, scaled)
        direction *= energy / np.maximum(before, 1e-30)
        direction += scaled
    return step, change


def _best_length(
    weights: np.ndarray,
    step: np.ndarray,
    scores: np.ndarray,
    change: np.ndarray,
    sign: np.ndarray,
    cost: np.ndarray,
) -> np.ndarray:
    """Exact line search for each label: the minimum of a piecewise quadratic."""
    forward = sign * change
    length = np.ones(step.shape[1], dtype=np.float32)
    linear, square = _dot(weights, step), _dot(step, step)
    for _ in range(LINE_SEARCH_STEPS):
        missing = 1 - sign * (scores + length * change)
        weighted = cost * (missing > 0) * forward
        slope = linear + length * square - _dot(weighted, missing)
        bend = square + _dot(weighted, forward)
        length = np.maximum(length - slope / np.maximum(bend, 1e-30), 0)
    return length


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Scalar product of each column, float32."""
    return np.einsum("ij,ij->j", first, second)
