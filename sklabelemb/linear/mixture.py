"""How the scores of a network and of linear models are mixed: a small regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, log_softmax, logit, softmax

from sklabelemb.targets import rearranged

__all__ = ["Mixture"]

# In the order in which a table has them.
WEIGHTS = ("deep", "wide", "offset", "encoded")

# Learnt from this many held-out texts, a mixture lies halfway between their optimum and the default
# without any.
TRUST = 20.0
# How much more informative than for the average label the texts must be for a label's own mixture
# to lie halfway between its optimum and the common one; still more, by a square, for labels with
# fewer positives than this.
OWN, ENOUGH = 10.0, 10.0


@dataclass(frozen=True, eq=False)
class Mixture:
    """``deep * network + wide * wide path + encoded * encoder path + offset``: calibrated logits.

    Attributes
    ----------
    deep, wide, offset, encoded : float
        What all labels have in common. The defaults are typical of the corpora of ``benchmarks/``,
        and used if there are no texts to fit them to.
    by_label : float64 ndarray of shape (n_labels, 4), or None
        The same four for each label, which take precedence.
    """

    deep: float = 0.3
    wide: float = 4.0
    offset: float = 0.4
    encoded: float = 0.0
    by_label: np.ndarray | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mixture):
            return NotImplemented
        if any(getattr(self, name) != getattr(other, name) for name in WEIGHTS):
            return False
        if self.by_label is None or other.by_label is None:
            return self.by_label is other.by_label
        return np.array_equal(self.by_label, other.by_label)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in WEIGHTS))

    def of_labels(self, name: str) -> Any:
        """A weight, by name: of each label if each has its own, else of all."""
        if self.by_label is None:
            return getattr(self, name)
        return self.by_label[:, WEIGHTS.index(name)]

    def with_labels(self, order: np.ndarray, added: Mixture) -> Mixture:
        """The mixture with additional labels.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        added : Mixture
            That of new ones.
        """
        n_before = int((order >= 0).sum())
        columns = [
            rearranged(
                np.broadcast_to(self.of_labels(name), n_before).astype(np.float64),
                order,
                getattr(added, name),
            )
            for name in WEIGHTS
        ]
        return replace(self, by_label=np.column_stack(columns))

    def at_shares(self, shares: np.ndarray, multilabel: bool) -> Mixture:
        """The mixture that gives an uninformative text the label frequencies as probabilities.

        Each path has learned the label frequencies by itself, so their sum counts them more than
        once: ``log(share)`` the network and the encoder path (the logit, for label sets), twice the
        share less 1 the wide path, whose squared hinge loss is least there. An offset for each
        label corrects this. The weights stay as they are.

        Parameters
        ----------
        shares : float ndarray of shape (n_labels,)
            Between 0 and 1, both excluded.
        multilabel : bool
        """
        learned = logit(shares) if multilabel else np.log(shares)
        by_label = np.tile([getattr(self, name) for name in WEIGHTS], (len(shares), 1))
        by_label[:, WEIGHTS.index("offset")] = (
            learned - (self.deep + self.encoded) * learned - self.wide * (2 * shares - 1)
        )
        return replace(self, by_label=by_label)

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
        It is shrunk towards these weights, the more the fewer texts there are. A path that is None
        gets the weight 0.
        """
        paths, truth, names, common = self._problem(targets, deep, wide, encoded)
        # Curvature of the loss by each weight, so that all are shrunk alike.
        p = truth.probabilities(_mixed(paths, common[:, None]))
        curvature = np.array([_spread(path, p, truth.multilabel) for path in paths])
        pull = TRUST / truth.n_texts * np.maximum(curvature, 1e-9)
        pull = np.append(pull, 0.0)[: len(names), None]
        found = _minimum(truth, paths, common[:, None], pull, 1 / truth.n_terms)
        weights = dict.fromkeys(WEIGHTS, 0.0)
        return Mixture(**weights | dict(zip(names, found[:, 0].tolist(), strict=True)))

    def fitted_by_label(
        self,
        targets: sp.csr_matrix | np.ndarray,
        deep: np.ndarray | None,
        wide: np.ndarray | None = None,
        encoded: np.ndarray | None = None,
    ) -> Mixture:
        """Weights of each label, shrunk towards the common ones.

        A rare label may trust an encoder, and a frequent one n-grams. A label moves away from the
        common weights if the texts are more informative for it than for others; less so with few
        texts.
        """
        paths, truth, names, common = self._problem(targets, deep, wide, encoded)
        start = np.repeat(common[:, None], truth.n_labels, axis=1)
        p = truth.probabilities(_mixed(paths, start))
        variance = p * (1 - p)
        curvature = [np.mean((variance * path**2).sum(axis=0)) for path in paths]
        if truth.multilabel:
            curvature.append(np.mean(variance.sum(axis=0)))
        few = max(1.0, ENOUGH * truth.n_labels / max(truth.n_positives, 1.0))
        strength = OWN * few**2
        pull = strength * np.maximum(curvature, 1e-9)[:, None]
        found = _minimum(truth, paths, start, pull, 1.0)
        by_label = np.zeros((truth.n_labels, len(WEIGHTS)))
        by_label[:, [WEIGHTS.index(name) for name in names]] = found.T
        return replace(self, by_label=by_label)

    def _problem(
        self,
        targets: sp.csr_matrix | np.ndarray,
        deep: np.ndarray | None,
        wide: np.ndarray | None,
        encoded: np.ndarray | None,
    ) -> tuple[list[np.ndarray], _Truth, list[str], np.ndarray]:
        """Scores of the available paths, the truth, and names and values of the weights."""
        scores = {"deep": deep, "wide": wide, "encoded": encoded}
        paths = {n: np.asarray(s, np.float64) for n, s in scores.items() if s is not None}
        truth = _Truth(targets, next(iter(paths.values())).shape[1])
        names = [*paths, *(["offset"] if truth.multilabel else [])]
        values = np.array([getattr(self, name) for name in names], dtype=np.float64)
        return list(paths.values()), truth, names, values

    def __call__(
        self,
        deep: np.ndarray,
        wide: np.ndarray | None = None,
        encoded: np.ndarray | None = None,
    ) -> np.ndarray:
        """Mixed logits, float32."""
        mixed = self.of_labels("deep") * deep + self.of_labels("offset")
        if wide is not None:
            mixed = mixed + self.of_labels("wide") * wide
        if encoded is not None:
            mixed = mixed + self.of_labels("encoded") * encoded
        return mixed.astype(np.float32)


class _Truth:
    """What scores are compared with: label sets, or single classes."""

    def __init__(self, targets: sp.csr_matrix | np.ndarray, n_labels: int) -> None:
        self.multilabel = sp.issparse(targets)
        self.n_texts, self.n_labels = targets.shape[0], n_labels
        self.y = sp.csr_matrix(targets).toarray() if self.multilabel else np.eye(n_labels)[targets]
        self.n_positives = float(self.y.sum())
        self.n_terms = self.y.size if self.multilabel else self.n_texts

    def probabilities(self, z: np.ndarray) -> np.ndarray:
        return np.asarray(expit(z) if self.multilabel else softmax(z, axis=1))

    def loss(self, z: np.ndarray) -> float:
        """Sum of the log-losses."""
        if self.multilabel:
            return float((np.logaddexp(0, z) - self.y * z).sum())
        return -float((self.y * log_softmax(z, axis=1)).sum())


def _mixed(paths: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Scores under weights of shape (n_paths, n_labels or 1), of which one more is an offset."""
    z = sum(weight * path for weight, path in zip(weights, paths, strict=False))
    return np.asarray(z + weights[-1] if len(weights) > len(paths) else z)


def _minimum(
    truth: _Truth, paths: list[np.ndarray], start: np.ndarray, pull: np.ndarray, scale: float
) -> np.ndarray:
    """Weights with the smallest loss times `scale`, shrunk towards `start`; of the same shape."""
    from scipy.optimize import minimize  # slow to load, and of no use where models are served

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(start.shape)
        z = _mixed(paths, weights)
        residual = truth.probabilities(z) - truth.y
        by_label = [(residual * path).sum(axis=0) for path in paths]
        if len(start) > len(paths):
            by_label.append(residual.sum(axis=0))
        gradient = np.array(by_label)
        if start.shape[1] == 1:
            gradient = gradient.sum(axis=1, keepdims=True)
        away = weights - start
        value = scale * truth.loss(z) + float((pull * away**2).sum()) / 2
        return value, (scale * gradient + pull * away).ravel()

    # No path may have a negative weight.
    free = np.repeat(np.arange(len(start)) >= len(paths), start.shape[1])
    bounds = [(None, None) if any_sign else (0, None) for any_sign in free]
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(found.reshape(start.shape))


def _spread(scores: np.ndarray, p: np.ndarray, multilabel: bool) -> float:
    """The second derivative of the mean loss by the weight of a path, at some probabilities."""
    if multilabel:
        return float(np.mean(p * (1 - p) * scores**2))
    return float(np.mean((p * scores**2).sum(axis=1) - (p * scores).sum(axis=1) ** 2))
