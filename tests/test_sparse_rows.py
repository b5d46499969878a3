"""The largest values of rows, against a literal reading."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb.sparse_rows import blocks_of_rows, top_of_rows, values_of


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_of_equal_values_those_further_left_are_kept(k):
    random = np.random.default_rng(k)
    dense = random.integers(0, 4, size=(30, 6)).astype(float)
    top = top_of_rows(sp.csr_matrix(dense), k)
    for row, found in zip(dense, top.toarray(), strict=True):
        kept = [i for i in np.argsort(-row, kind="stable")[:k] if row[i]]
        np.testing.assert_array_equal(np.flatnonzero(found), sorted(kept))
        np.testing.assert_array_equal(found[kept], row[kept])


def test_values_of_places_that_are_not_stored_are_zero():
    matrix = sp.csr_matrix([[0, 3, 0], [5, 0, 0]])
    rows, columns = np.array([0, 1, 1, 0]), np.array([1, 2, 0, 0])
    assert values_of(matrix, rows, columns).tolist() == [3, 0, 5, 0]
    assert values_of(sp.csr_matrix((2, 3)), rows, columns).tolist() == [0] * 4


@pytest.mark.parametrize("n_rows", [0, 1, 4, 5])
def test_blocks_hold_each_row_once(n_rows):
    matrix = sp.csr_matrix(np.arange(n_rows).reshape(-1, 1))
    blocks = [matrix[rows].toarray().ravel() for rows in blocks_of_rows(matrix, 2)]
    assert np.concatenate(blocks).tolist() == list(range(n_rows))
