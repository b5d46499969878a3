"""What is particular to the tree: sparse answers, label texts, ensembles, held-out texts."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb import LabelTreeClassifier

WORDS = [f"{letter}{number}word" for letter in "abcdefgh" for number in range(5)]


def corpus(n_texts=300, seed=0):
    """Texts of three labels each, of forty, with one word for each label and some others."""
    random = np.random.default_rng(seed)
    y = np.zeros((n_texts, len(WORDS)), dtype=np.int64)
    texts = []
    for row in y:
        row[random.choice(len(WORDS) - 2, 3, replace=False)] = 1
        words = [WORDS[k] for k in np.flatnonzero(row)] + list(random.choice(["the", "of"], 4))
        texts.append(" ".join(random.permutation(words)))
    return texts, sp.csr_matrix(y)


def small(**parameters):
    return LabelTreeClassifier(**{"max_children": 8, "random_state": 0, **parameters})


pytestmark = pytest.mark.filterwarnings("ignore:2 of 40 labels have no positive")


def test_sparse_and_dense_answers_agree():
    X, y = corpus()
    dense = small().fit(X, y)
    sparse = small(sparse_output=True).fit(X, y)
    unseen, truth = corpus(seed=1)
    proba = sparse.predict_proba(unseen)
    assert isinstance(proba, sp.csr_matrix)
    stored = proba.toarray()
    np.testing.assert_array_equal(
        dense.predict_proba(unseen), np.maximum(stored, np.finfo(float).eps)
    )
    assert isinstance(dense.predict(unseen), sp.csr_matrix)
    assert dense.score(unseen, truth) > 0.9


def test_an_ensemble_is_the_mean_of_its_trees():
    X, y = corpus()
    model = small(n_trees=3).fit(X, y)
    features = sp.csr_matrix(
        sp.hstack([model.vectorizer_.transform(X[:5]), np.ones((5, 1))]), dtype=np.float32
    )
    each = [tree.search(features).toarray() for tree in model.forest_.trees]
    assert len(each) == 3
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(model.forest_.found(features).toarray(), np.mean(each, axis=0))


def test_given_texts_are_tuned_on_and_nothing_is_held_out():
    X, y = corpus()
    X_val, y_val = corpus(60, seed=2)
    model = small().fit(X, y, X_val=X_val, y_val=y_val)
    again = small(validation_fraction=0.5, refit=False).fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(model.predict_proba(X[:9]), again.predict_proba(X[:9]))
    untuned = small(threshold=0.5, validation_fraction=0).fit(X, y)
    assert set(untuned.thresholds_) == {0.5}
    assert not np.array_equal(model.thresholds_, untuned.thresholds_)
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        small().fit(X, y, X_val=X_val)


def test_threads_find_the_same():
    X, y = corpus()
    one, two = small().fit(X, y), small(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X[:20]), two.predict_proba(X[:20]))


def test_thresholds_by_name():
    X, y = corpus()
    model = small(label_names=WORDS, threshold={WORDS[0]: 0.9}).fit(X, y)
    assert model.thresholds_[:2].tolist() == [0.9, 0.5]
    with pytest.raises(ValueError, match="labels that y does not have"):
        small(label_names=WORDS, threshold={"what": 0.9}).fit(X, y)
