"""Candidates scored by frequency and label text as well."""

import numpy as np
import scipy.sparse as sp

from sklabelemb.tree import rescoring
from sklabelemb.tree.rescoring import N_MATCHES, Rescoring

N_LABELS = 30


def case(n_texts=200, seed=0):
    """Texts that name one label each, of which a tree has no idea; the last labels are unseen."""
    random = np.random.default_rng(seed)
    named = random.integers(0, N_LABELS - 5, n_texts)
    X = sp.csr_matrix(np.eye(N_LABELS, dtype=np.float32)[named])
    found = sp.random(n_texts, N_LABELS, 0.3, format="csr", dtype=np.float32, random_state=seed)
    return X, found, sp.csr_matrix(X)


def test_before_anything_is_learnt_the_tree_is_believed():
    X, found, targets = case()
    scores = Rescoring.untrained(targets, None)(X, found)
    np.testing.assert_allclose(scores.toarray(), found.toarray(), rtol=1e-4, atol=1e-5)


def test_a_label_without_a_text_is_found_by_its_own():
    X, found, targets = case()
    label_features = sp.identity(N_LABELS, format="csr", dtype=np.float32)
    learnt = Rescoring.untrained(targets, label_features).fitted(X, found, targets)
    # Texts that name labels that no text had.
    unseen = sp.csr_matrix(np.eye(N_LABELS, dtype=np.float32)[-5:])
    scores = learnt(unseen, found[:5]).toarray()
    named = np.arange(N_LABELS - 5, N_LABELS)
    np.testing.assert_array_equal(scores.argmax(axis=1), named)
    blind = Rescoring.untrained(targets, None).fitted(X, found, targets)
    assert (blind(unseen, found[:5]).toarray().argmax(axis=1) != named).any()


def test_probabilities_are_calibrated():
    random = np.random.default_rng(0)
    found = sp.random(400, N_LABELS, 0.5, format="csr", dtype=np.float32, random_state=0)
    found.data = found.data.clip(0.05, 0.95)
    targets = found.copy()
    targets.data = (random.random(found.nnz) < found.data**2).astype(np.float32)
    targets.eliminate_zeros()
    X = sp.csr_matrix((400, 3), dtype=np.float32)
    scores = Rescoring.untrained(targets, None).fitted(X, found, targets)(X, found)
    assert abs(scores.data.mean() - targets.nnz / found.nnz) < 0.01
    assert found.data.mean() > targets.nnz / found.nnz + 0.1


def test_so_many_labels_join_by_their_texts():
    X = sp.csr_matrix(np.ones((1, 4), dtype=np.float32) / 2)
    label_features = sp.csr_matrix(np.random.default_rng(0).random((60, 4)), dtype=np.float32)
    empty = sp.csr_matrix((1, 60), dtype=np.float32)
    scores = Rescoring.untrained(empty, label_features)(X, empty)
    assert scores.nnz == N_MATCHES
    expected = np.argsort(-(label_features @ X.T).toarray()[:, 0])[:N_MATCHES]
    assert set(scores.indices) == set(expected)


def test_cosines_are_exact_and_a_frequent_word_finds_the_labels_that_have_most_of_it(monkeypatch):
    monkeypatch.setattr(rescoring, "MOST_OF_A_FEATURE", 3)
    # All labels have the first word, the last ones most of it; each has a word of its own.
    label_features = sp.csr_matrix(
        np.column_stack([np.linspace(0.1, 0.9, N_LABELS), np.eye(N_LABELS)]), dtype=np.float32
    )
    empty = sp.csr_matrix((2, N_LABELS), dtype=np.float32)
    X = np.zeros((2, N_LABELS + 1), dtype=np.float32)
    X[0, 0], X[1, [0, 5]] = 1, 0.5
    scorer = Rescoring.untrained(empty, label_features)
    places, features = scorer._candidates(sp.csr_matrix(X), empty)
    assert places[0].indices.tolist() == [N_LABELS - 3, N_LABELS - 2, N_LABELS - 1]
    assert places[1].indices.tolist() == [4, N_LABELS - 3, N_LABELS - 2, N_LABELS - 1]
    exact = (label_features @ X.T).T
    np.testing.assert_allclose(
        features[:, 4], np.concatenate([exact[i, places[i].indices] for i in range(2)]), rtol=1e-6
    )
