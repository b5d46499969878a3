"""Products of a sparse matrix and a dense one, as fast as embedding bags."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn.functional import embedding_bag

__all__ = ["SparseProduct"]


class SparseProduct:
    """Multiplies dense float32 matrices by a sparse one from the left.

    A row of the product is a weighted sum of rows of the dense matrix: an embedding bag, for which
    torch has vectorised code. It takes a third of the time of SciPy's product.

    Parameters
    ----------
    X : csr_matrix of float32
    """

    def __init__(self, X: sp.csr_matrix) -> None:
        self.shape = X.shape
        self.indices = torch.from_numpy(X.indices)
        self.offsets = torch.from_numpy(X.indptr[:-1])
        self.values = torch.from_numpy(X.data)

    def __matmul__(self, dense: np.ndarray) -> np.ndarray:
        result: np.ndarray = embedding_bag(
            self.indices,
            torch.from_numpy(dense),
            self.offsets,
            mode="sum",
            per_sample_weights=self.values,
        ).numpy()
        return result
