"""Rescore candidates by the frequency of the label and the match of its text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.special import expit

from sklabelemb.sparse_rows import blocks_of_rows, concatenated, top_of_rows, values_at, values_of

__all__ = ["Rescoring"]

# For each text, this many labels whose own text matches best are candidates, too.
N_MATCHES = 20
# Labels per feature of their texts, so that a frequent word does not find all of them.
MOST_OF_A_FEATURE = 200
# Texts that are compared with label texts at a time.
BLOCK = 1024
# Log-odds of labels that the tree did not find, and lower bound of the others.
LOWEST = -12.0
# With this many texts, coefficients lie halfway between their optimum and their prior.
TRUST = 20.0


@dataclass(frozen=True, eq=False)
class Rescoring:
    """Logistic regression over candidates: calibrated probabilities.

    Its features are the log-odds of the tree and the cosine between a text and the label's own
    text, both alone and times the logarithm of the label's frequency, so that rare labels can rely
    on their text, and frequent ones on the tree.

    Attributes
    ----------
    frequency : ndarray of shape (n_labels,)
        Logarithm of one plus the number of training texts.
    label_features : csr_matrix of shape (n_labels, n_features), or None
        Of the labels' own texts, of length one.
    coefficients : ndarray of shape (7,)
        Before fitting, only the tree's log-odds count.
    """

    frequency: np.ndarray
    label_features: sp.csr_matrix | None
    coefficients: np.ndarray

    @classmethod
    def untrained(cls, targets: sp.csr_matrix, label_features: sp.csr_matrix | None) -> Rescoring:
        """The tree's own probabilities."""
        counts = np.asarray(targets.sum(axis=0), dtype=np.float64).ravel()
        return cls(np.log1p(counts), label_features, np.eye(7)[1])

    def fitted(self, X: sp.csr_matrix, found: sp.csr_matrix, targets: sp.csr_matrix) -> Rescoring:
        """Coefficients with the smallest log-loss on texts that the tree was not trained on.

        Parameters
        ----------
        X : csr_matrix of shape (n_texts, n_features)
        found : csr_matrix of shape (n_texts, n_labels)
            What :meth:`LabelTree.search` found.
        targets : csr_matrix of shape (n_texts, n_labels)
        """
        from scipy.optimize import minimize  # slow to load, and of no use where trees are served

        features, truth = [], []
        for rows in blocks_of_rows(X, BLOCK):
            places, values = self._candidates(X[rows], found[rows])
            features.append(values)
            truth.append(values_at(targets[rows], places))
        stacked, y = np.concatenate(features), np.concatenate(truth).astype(np.float64)
        first = self.coefficients
        p = expit(stacked @ first)
        curvature = (p * (1 - p)) @ stacked**2 + 1e-6
        pull = TRUST / X.shape[0] * curvature
        # In units with equal curvature of the loss along all of them.
        unit = 1 / np.sqrt(curvature)

        def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            z, away = stacked @ (scaled * unit), scaled * unit - first
            value = np.logaddexp(0, z).sum() - y @ z + (pull * away**2).sum() / 2
            return value, unit * (stacked.T @ (expit(z) - y) + pull * away)

        best = minimize(loss, first / unit, jac=True, method="L-BFGS-B")
        coefficients = best.x * unit
        return replace(self, coefficients=coefficients)

    def __call__(self, X: sp.csr_matrix, found: sp.csr_matrix) -> sp.csr_matrix:
        """Probabilities of the candidates.

        Parameters
        ----------
        X : csr_matrix of shape (n_texts, n_features)
        found : csr_matrix of shape (n_texts, n_labels)

        Returns
        -------
        csr_matrix of float64, shape (n_texts, n_labels)
            Strictly between 0 and 1 where stored.
        """
        blocks = []
        for rows in blocks_of_rows(X, BLOCK):
            places, values = self._candidates(X[rows], found[rows])
            eps = np.finfo(np.float64).eps
            places.data = np.clip(expit(values @ self.coefficients), eps, 1 - eps)
            blocks.append(places)
        scores: sp.csr_matrix = concatenated(blocks)
        return scores

    @cached_property
    def _index(self) -> sp.csr_matrix | None:
        """For each feature, the labels whose texts have most of it, (n_features, n_labels)."""
        if self.label_features is None:
            return None
        return top_of_rows(sp.csr_matrix(self.label_features.T), MOST_OF_A_FEATURE)

    def _cosines(self, X: sp.csr_matrix, places: sp.csr_matrix) -> np.ndarray:
        """Cosines of texts and the labels' own texts at some positions; 0 without label texts."""
        if self.label_features is None:
            return np.zeros(places.nnz)
        own = self.label_features[places.indices]
        row = np.repeat(np.arange(places.shape[0], dtype=np.int64), np.diff(places.indptr))
        place = np.repeat(np.arange(places.nnz), np.diff(own.indptr))
        shares = own.data * values_of(X, row[place], own.indices)
        return np.bincount(place, weights=shares, minlength=places.nnz)

    def _candidates(
        self, X: sp.csr_matrix, found: sp.csr_matrix
    ) -> tuple[sp.csr_matrix, np.ndarray]:
        """The candidates, as positions in a matrix, and their features."""
        places = found.astype(np.float64)
        places.data[:] = 1
        if self._index is not None:
            matches = top_of_rows(sp.csr_matrix(X @ self._index), N_MATCHES)
            places = sp.csr_matrix(places + (matches > 0))
        places.sort_indices()
        similar = self._cosines(X, places)
        p = values_at(found, places).astype(np.float64)
        with np.errstate(divide="ignore"):
            odds = np.clip(np.log(p) - np.log1p(-np.minimum(p, 1 - 1e-7)), LOWEST, -LOWEST)
        frequency = self.frequency[places.indices]
        columns = (
            np.ones(places.nnz),
            odds,
            frequency,
            odds * frequency,
            similar,
            similar * frequency,
            p == 0,
        )
        return places, np.column_stack(columns)
