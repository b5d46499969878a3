"""How the scores of a network and of a linear model are mixed: a small regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

__all__ = ["Mixture"]


@dataclass(frozen=True)
class Mixture:
    """``deep * network + wide * wide path + offset``: calibrated logits from two paths.

    Attributes
    ----------
    deep, wide, offset : float
        The defaults are typical of what was learnt on the corpora of ``benchmarks/``; they serve
        where there is nothing to learn them from.
    """

    deep: float = 0.6
    wide: float = 2.0
    offset: float = 0.4

    @classmethod
    def fit(
        cls, targets: sp.csr_matrix | np.ndarray, deep: np.ndarray, wide: np.ndarray
    ) -> Mixture:
        """Weights with the smallest log-loss on texts that neither path was trained on.

        Logistic regression with three parameters over all pairs of text and label (multi-label), or
        multinomial regression with two (single-label, where an offset changes nothing).
        """
        if sp.issparse(targets):
            y = sp.csr_matrix(targets).toarray().ravel()
            features = np.column_stack([deep.ravel(), wide.ravel()]).astype(np.float64)

            def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
                z = features @ parameters[:2] + parameters[2]
                residual = expit(z) - y
                loss = np.mean(np.logaddexp(0, z) - y * z)
                return loss, np.append(features.T @ residual, residual.sum()) / len(y)

            start = np.array([cls.deep, cls.wide, cls.offset])
        else:
            rows = np.arange(len(targets))
            y = np.eye(deep.shape[1])[targets]

            def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
                z = parameters[0] * deep + parameters[1] * wide
                residual = softmax(z, axis=1) - y
                loss = -np.mean(log_softmax(z, axis=1)[rows, targets])
                gradient = [(residual * path).sum() / len(rows) for path in (deep, wide)]
                return loss, np.array(gradient)

            start = np.array([cls.deep, cls.wide])
        # Neither path may count against what it says.
        bounds = [(0, None), (0, None), (None, None)][: len(start)]
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        offset = float(found[2]) if len(found) == 3 else 0.0
        return cls(float(found[0]), float(found[1]), offset)

    def __call__(self, deep: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """Mixed logits, float32."""
        return (self.deep * deep + self.wide * wide + self.offset).astype(np.float32)
