"""Trees together with what scores their candidates once more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from sklabelemb.tree.clusters import hierarchy, label_vectors
from sklabelemb.tree.label_tree import LabelTree
from sklabelemb.tree.rescoring import Rescoring

__all__ = ["Growth", "LabelForest"]


@dataclass(frozen=True, eq=False)
class Growth:
    """How trees are grown; the parameters are those of the classifier.

    Attributes
    ----------
    seeds : int ndarray of shape (n_trees,)
        For the clusters of each tree.
    label_features : csr_matrix of shape (n_labels, n_features), or None
        Of the labels' own texts.
    """

    seeds: np.ndarray
    label_features: sp.csr_matrix | None
    C: float
    max_children: int
    beam_size: int
    n_candidates: int
    min_weight: float
    n_jobs: int | None

    def __call__(
        self,
        X: sp.csr_matrix,
        targets: sp.csr_matrix,
        rows: np.ndarray,
        sample_weight: np.ndarray | None,
    ) -> LabelForest:
        """Grow trees from the features of some texts and an indicator of their labels."""
        if len(rows) < X.shape[0]:
            X, targets = X[rows], targets[rows]
            sample_weight = None if sample_weight is None else sample_weight[rows]
        # Without the constant, which would make all labels alike.
        label_features = None if self.label_features is None else self.label_features[:, :-1]
        vectors = label_vectors(X[:, :-1], targets, label_features)
        trees = [
            LabelTree.fit(
                X,
                targets,
                hierarchy(vectors, self.max_children, np.random.RandomState(seed)),
                C=self.C,
                min_weight=self.min_weight,
                sample_weight=sample_weight,
                n_jobs=self.n_jobs,
                beam_size=self.beam_size,
                n_candidates=self.n_candidates,
            )
            for seed in self.seeds
        ]
        return LabelForest(trees, Rescoring.untrained(targets, self.label_features))


@dataclass(frozen=True, eq=False)
class LabelForest:
    """One tree or several, and the regression over their candidates.

    Attributes
    ----------
    trees : list of LabelTree
    rescoring : Rescoring
    """

    trees: list[LabelTree]
    rescoring: Rescoring

    def found(self, X: sp.csr_matrix) -> sp.csr_matrix:
        """What the trees find, their probabilities averaged; see :meth:`LabelTree.search`."""
        first, *others = (tree.search(X) for tree in self.trees)
        return sp.csr_matrix(sum(others, first) / len(self.trees)) if others else first

    def probabilities(self, X: sp.csr_matrix) -> sp.csr_matrix:
        """Probabilities of the candidates of each text, as CSR."""
        return self.rescoring(X, self.found(X))

    def rescored_by(self, X: sp.csr_matrix, targets: sp.csr_matrix) -> LabelForest:
        """The same trees, their candidates scored as held-out texts say."""
        return replace(self, rescoring=self.rescoring.fitted(X, self.found(X), targets))

    def rescored_as(self, other: LabelForest) -> LabelForest:
        """The same trees, their candidates scored as those of other trees."""
        rescoring = replace(self.rescoring, coefficients=other.rescoring.coefficients)
        return replace(self, rescoring=rescoring)
