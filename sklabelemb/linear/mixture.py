"""How the scores of a network and of linear models are mixed: a small regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from sklabelemb.targets import rearranged

__all__ = ["Mixture"]

# Learnt from so many held-out texts, a mixture lies halfway between what they say and what is taken
# where there are none.
TRUST = 20.0


@dataclass(frozen=True)
class Mixture:
    """``deep * network + wide * wide path + encoded * encoder path + offset``: calibrated logits.

    Attributes
    ----------
    deep, wide, offset, encoded : float, or ndarray of shape (n_labels,)
        Of all labels alike, or of each. The defaults are typical of what was learnt on the corpora
        of ``benchmarks/``; they serve where there is nothing to learn them from.
    """

    deep: Any = 0.6
    wide: Any = 2.0
    offset: Any = 0.4
    encoded: Any = 0.0

    def with_labels(self, order: np.ndarray, added: Mixture) -> Mixture:
        """The mixture with more labels, which are mixed otherwise.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        added : Mixture
            That of new ones.
        """
        n_before = int((order >= 0).sum())
        both = {
            name: rearranged(np.broadcast_to(value, n_before), order, getattr(added, name))
            for name, value in vars(self).items()
        }
        return Mixture(**both)

    def fitted(
        self,
        targets: sp.csr_matrix | np.ndarray,
        deep: np.ndarray | None,
        wide: np.ndarray | None = None,
        encoded: np.ndarray | None = None,
    ) -> Mixture:
        """Weights with the smallest log-loss on texts that no path was trained on.

        Logistic regression with a parameter a path and an offset over all pairs of text and label
        (multi-label), or multinomial regression (single-label, where an offset changes nothing).
        It is drawn to these weights, the more the fewer texts there are. A path that is None gets
        the weight 0.
        """
        names = ["deep", "wide", "encoded"]
        given = zip(names, (deep, wide, encoded), strict=True)
        paths = {name: np.asarray(p, np.float64) for name, p in given if p is not None}
        start = np.array([getattr(self, name) for name in paths])
        n_texts = targets.shape[0]
        # How much the loss curves by each weight, so that all are drawn alike.
        curvature = np.array([_spread(p, sp.issparse(targets)) for p in paths.values()])
        pull = TRUST / n_texts * np.maximum(curvature, 1e-9)
        if sp.issparse(targets):
            y = sp.csr_matrix(targets).toarray().ravel()
            features = np.column_stack([p.ravel() for p in paths.values()])
            start = np.append(start, self.offset)
            pull = np.append(pull, 0.0)

            def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
                z = features @ parameters[:-1] + parameters[-1]
                residual = expit(z) - y
                value = np.mean(np.logaddexp(0, z) - y * z)
                return value, np.append(features.T @ residual, residual.sum()) / len(y)

        else:
            rows = np.arange(n_texts)
            y = np.eye(next(iter(paths.values())).shape[1])[targets]

            def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
                z = sum(w * p for w, p in zip(parameters, paths.values(), strict=True))
                residual = softmax(z, axis=1) - y
                value = -np.mean(log_softmax(z, axis=1)[rows, targets])
                gradient = [(residual * path).sum() / n_texts for path in paths.values()]
                return value, np.array(gradient)

        def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = loss(parameters)
            away = parameters - start
            return value + (pull * away**2).sum() / 2, gradient + pull * away

        # No path may count against what it says.
        bounds = [(0, None)] * len(paths) + [(None, None)] * (len(start) - len(paths))
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        weights = dict.fromkeys(names, 0.0) | dict(zip(paths, found.tolist(), strict=False))
        return Mixture(**weights, offset=float(found[-1]) if sp.issparse(targets) else 0.0)

    def __call__(
        self,
        deep: np.ndarray,
        wide: np.ndarray | None = None,
        encoded: np.ndarray | None = None,
    ) -> np.ndarray:
        """Mixed logits, float32."""
        mixed = self.deep * deep + self.offset
        if wide is not None:
            mixed = mixed + self.wide * wide
        if encoded is not None:
            mixed = mixed + self.encoded * encoded
        return mixed.astype(np.float32)


def _spread(scores: np.ndarray, multilabel: bool) -> float:
    """A measure of the second derivative of the loss by the weight of a path."""
    if multilabel:
        p = expit(scores)
        return float(np.mean(p * (1 - p) * scores**2))
    p = softmax(scores, axis=1)
    return float(np.mean((p * scores**2).sum(axis=1) - (p * scores).sum(axis=1) ** 2))
