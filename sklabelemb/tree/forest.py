"""Trees, and the rescoring of their candidates."""

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
        """Candidates of the trees, with averaged probabilities; see :meth:`LabelTree.search`."""
        first, *others = (tree.search(X) for tree in self.trees)
        return sp.csr_matrix(sum(others, first) / len(self.trees)) if others else first

    def probabilities(self, X: sp.csr_matrix) -> sp.csr_matrix:
        """Probabilities of the candidates of each text, as CSR."""
        return self.rescoring(X, self.found(X))

    def rescored_by(self, X: sp.csr_matrix, targets: sp.csr_matrix) -> LabelForest:
        """The same trees, with a rescoring fitted to held-out texts."""
        return replace(self, rescoring=self.rescoring.fitted(X, self.found(X), targets))

    def rescored_as(self, other: LabelForest) -> LabelForest:
        """The same trees, with the rescoring of others."""
        rescoring = replace(self.rescoring, coefficients=other.rescoring.coefficients)
        return replace(self, rescoring=rescoring)
