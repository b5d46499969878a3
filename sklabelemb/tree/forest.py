"""Trees together with what scores their candidates once more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import scipy.sparse as sp

from sklabelemb.tree.label_tree import LabelTree
from sklabelemb.tree.rescoring import Rescoring

__all__ = ["LabelForest"]


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
