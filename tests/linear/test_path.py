"""The linear path beside the network, and the mixture of the two."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, log_softmax
from sklearn.linear_model import LogisticRegression

import sklabelemb.linear.mixture as mixing
import sklabelemb.linear.path as wide
from sklabelemb.learning import isolated_randomness
from sklabelemb.linear import Mixture, WidePath, descent
from sklabelemb.text import Tokenizer, Vocabulary

from ..tolerances import close

TEXTS = ["late parcel", "refund my money", "late parcel and refund", "a question"] * 30
TARGETS = sp.csr_matrix(np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 30, dtype=np.float32))


def fitted(targets=TARGETS, weight=None) -> tuple[WidePath, Vocabulary]:
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), keep_unknown=True)
    n_labels = targets.shape[1] if sp.issparse(targets) else int(targets.max()) + 1
    with isolated_randomness(0):
        path = WidePath.fit(ids, targets, vocabulary, n_labels, None, weight)
    return path, vocabulary


def encode(vocabulary: Vocabulary, texts: list[str]):
    return vocabulary.encode(texts, Tokenizer(), keep_unknown=True)


def test_it_learns_and_generalises_over_letters(monkeypatch):
    monkeypatch.setattr(wide, "MIN_STEPS", 40)
    path, vocabulary = fitted()
    scores = path.scores(encode(vocabulary, ["parcels lately", "refunds", "question"]), vocabulary)
    np.testing.assert_array_equal(scores > 0, [[True, False], [False, True], [False, False]])


def test_single_label_codes():
    codes = np.array([0, 1, 2, 2] * 30)
    path, vocabulary = fitted(codes)
    scores = path.scores(encode(vocabulary, TEXTS[:4]), vocabulary)
    np.testing.assert_array_equal(scores.argmax(axis=1), codes[:4])


def test_contributions_and_bias_sum_to_the_scores():
    path, vocabulary = fitted()
    ids = encode(vocabulary, ["late late parcel unseen", "", "refund my late money"])
    shares = path.contributions(ids, vocabulary)
    total = np.stack([part.sum(axis=0) for part in np.split(shares, ids.offsets[1:-1])])
    close(total + path.bias, path.scores(ids, vocabulary), dtype=np.float32)


@pytest.mark.parametrize("n_tokens", [1, 3, 7])
def test_features_are_made_of_some_texts_at_a_time(n_tokens, monkeypatch):
    path, vocabulary = fitted()
    ids = encode(vocabulary, ["late late parcel unseen", "", "refund my late money", "", "parcel"])
    whole = path.features(ids, vocabulary)
    asked = []
    alone = WidePath._features
    monkeypatch.setattr(wide, "TOKENS_A_BLOCK", n_tokens)
    monkeypatch.setattr(
        WidePath, "_features", lambda self, texts, v: asked.append(texts) or alone(self, texts, v)
    )
    found = path.features(ids, vocabulary)
    assert all(len(some) == 1 or len(some.ids) <= n_tokens for some in asked)
    assert sum(map(len, asked)) == len(ids)
    assert len(asked) > 1
    np.testing.assert_array_equal(found.toarray(), whole.toarray())


def test_weight_zero_leaves_samples_out():
    flipped = sp.csr_matrix(np.vstack([TARGETS.toarray()[:60], 1 - TARGETS.toarray()[60:]]))
    weight = np.r_[np.full(60, 2.0), np.zeros(60)].astype(np.float32)
    path, vocabulary = fitted(flipped, weight)
    scores = path.scores(encode(vocabulary, TEXTS[:4]), vocabulary)
    np.testing.assert_array_equal(scores > 0, TARGETS[:4].toarray() > 0)


def plain_descent(X, targets, n_labels, epochs, seed, sample_weight):
    """The same steps, written out text by text and without sparse matrices."""
    X = X.toarray().astype(np.float64)
    truth = targets.toarray() if sp.issparse(targets) else np.eye(n_labels)[targets]
    weights, bias = np.zeros((X.shape[1], n_labels)), np.full(n_labels, -1.0)
    moments = np.zeros((2, n_labels))
    rates = descent.stable_rates(sp.csr_matrix(X), np.ones(n_labels), True).clip(max=10.0)
    random = np.random.RandomState(seed)
    n_steps, step = epochs * -(-len(X) // 100), 0
    for _ in range(epochs):
        order = random.permutation(len(X))
        for start in range(0, len(X), 100):
            rows = order[start : start + 100]
            gradient = np.zeros((len(rows), n_labels))
            for i, row in enumerate(rows):
                sign = 2 * truth[row] - 1
                short = np.maximum(0, 1 - sign * (X[row] @ weights + bias))
                gradient[i] = -2 * short * sign * sample_weight[row] / len(rows)
            left = 1 - step / n_steps
            step += 1
            weights = weights - left * rates * (X[rows].T @ gradient)
            total = gradient.sum(axis=0)
            moments = np.array([0.9, 0.999])[:, None] * moments
            moments += np.array([0.1 * total, 0.001 * total**2])
            mean, square = moments[0] / (1 - 0.9**step), moments[1] / (1 - 0.999**step)
            bias = bias - 0.005 * left * mean / (np.sqrt(square) + 1e-8)
    return weights, bias


@pytest.mark.parametrize("targets", [TARGETS, np.array([0, 1, 2, 2] * 30)], ids=["sets", "classes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_are_those_of_plain_descent(targets, weighted):
    n_labels = 2 if sp.issparse(targets) else 3
    random = np.random.RandomState(0)
    X = sp.random(120, 40, density=0.2, random_state=random, format="csr", dtype=np.float32)
    weight = np.linspace(0.5, 1.5, 120).astype(np.float32) if weighted else None
    start = np.zeros((40, n_labels), np.float32), np.full(n_labels, -1.0, np.float32)
    found = descent.descend(
        X, targets, *start, epochs=3, learning_rate=10.0, sample_weight=weight, seed=7
    )
    weight = np.ones(120) if weight is None else weight
    expected = plain_descent(X, targets, n_labels, 3, 7, weight)
    for one, other in zip(found, expected, strict=True):
        close(one, other, scale=np.abs(expected[0]).max(), dtype=np.float32)
    assert np.abs(expected[0]).max() > 0.1
    assert (start[0] == 0).all()


def test_a_second_training_goes_on_from_the_first(monkeypatch):
    monkeypatch.setattr(wide, "MIN_STEPS", 40)
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), keep_unknown=True)
    start = WidePath.untrained(ids, TARGETS, vocabulary, 2)
    X = start.features(ids, vocabulary)
    # Of the first half, which has the words of the second label only.
    first = np.flatnonzero(TARGETS[:, 0].toarray().ravel() == 0)
    path = start.trained(X[first], TARGETS[first])
    again = path.trained(X, TARGETS, again=True)
    scores = again.scores(encode(vocabulary, TEXTS[:4]), vocabulary)
    np.testing.assert_array_equal(scores > 0, TARGETS[:4].toarray() > 0)
    assert (path.scores(encode(vocabulary, TEXTS[:4]), vocabulary)[:, 0] < 0).all()


@pytest.mark.parametrize(
    ("n_texts", "first", "again"),
    [
        (120, (200, 10.0), (4, 10.0)),
        (5_000, (8, 10.0), (4, 10.0)),
        (20_000, (4, 10.0), (2, 7.5)),
        (100_000, (2, 4.0), (1, 3.0)),
    ],
)
def test_a_training_is_so_long(n_texts, first, again, monkeypatch):
    monkeypatch.setattr(wide, "MIN_STEPS", 400)
    monkeypatch.setattr(wide, "MOST_EPOCHS", 8)
    asked = []

    def spy(X, targets, weights, bias, *, epochs, learning_rate, **how):
        asked.append(((epochs, learning_rate), bias.copy()))
        return weights, bias + 7

    monkeypatch.setattr(wide, "descend", spy)
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), keep_unknown=True)
    start = WidePath.untrained(ids, TARGETS, vocabulary, 2)
    X = sp.csr_matrix((n_texts, 5), dtype=np.float32)
    start.trained(X, TARGETS).trained(X, TARGETS, again=True)
    assert [how for how, _ in asked] == [first, again]
    # From -1, and then from where the first has ended.
    assert [bias.tolist() for _, bias in asked] == [[-1, -1], [6, 6]]


def trained(ids, vocabulary, targets, class_weight=None):
    with isolated_randomness(0):
        return WidePath.fit(ids, targets, vocabulary, targets.shape[1], class_weight)


def test_a_heavy_label_changes_nothing_for_the_others(monkeypatch):
    monkeypatch.setattr(wide, "MIN_STEPS", 40)
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), keep_unknown=True)
    plain = trained(ids, vocabulary, TARGETS)
    heavy = trained(ids, vocabulary, TARGETS, np.array([1e4, 1.0]))
    np.testing.assert_allclose(heavy.weights[:, 1], plain.weights[:, 1], rtol=1e-4, atol=1e-6)
    assert heavy.bias[1] == pytest.approx(plain.bias[1], rel=1e-4)
    # The heavy label's own weights are others, and have come to rest.
    assert np.abs(heavy.weights[:, 0] - plain.weights[:, 0]).max() > 1e-3
    scores = heavy.scores(ids, vocabulary)
    assert (scores[TARGETS[:, [0]].toarray().ravel() > 0, 0] > 0).all()
    assert np.abs(scores).max() < 200


@pytest.mark.parametrize("class_weight", [None, np.array([1e4, 1.0])])
def test_steps_are_small_enough_where_texts_are_alike(class_weight, monkeypatch):
    monkeypatch.setattr(wide, "MIN_STEPS", 40)
    texts = ["the very same text"] * 119 + ["another"]
    vocabulary, ids = Vocabulary.build(texts, Tokenizer(), keep_unknown=True)
    # Steps of the full size would jump from one side of the margin to the other, further each time.
    path = trained(ids, vocabulary, TARGETS, class_weight)
    most = 2 if class_weight is None else 200
    assert np.abs(path.weights).max() < most
    assert np.abs(path.scores(ids, vocabulary)).max() < most


@pytest.mark.parametrize("multilabel", [True, False])
def test_the_largest_steps(multilabel):
    """The limits of the step size: by the largest eigenvalue, and by the weights."""
    random = np.random.RandomState(0)
    X = sp.random(60, 20, density=0.3, random_state=random, format="csr", dtype=np.float32)
    largest = np.linalg.eigvalsh((X.T @ X / 60).toarray()).max()
    weights = np.array([0.1, 1.0, 3.0, 1e6])
    rates = descent.stable_rates(X, weights, multilabel)
    if multilabel:
        crowding, heaviest = np.array([1, 1, 3, 5]), np.array([1, 1, 3, 1e6])
    else:
        # The weight of a class counts for all scores of its texts.
        crowding, heaviest = np.full(4, 5), np.full(4, 1e6)
    expected = np.minimum(0.7 / largest / crowding, 100 / (2 * heaviest))
    np.testing.assert_allclose(rates, expected, rtol=0.02)


@pytest.mark.parametrize("seed", [0, 1])
def test_mixture_is_logistic_regression(seed, monkeypatch):
    monkeypatch.setattr(mixing, "TRUST", 0.0)
    random = np.random.RandomState(seed)
    deep, wide = random.randn(2, 200, 5)
    y = (random.rand(200, 5) < expit(0.5 * deep + 2 * wide - 1)).astype(float)
    mixture = Mixture().fitted(sp.csr_matrix(y), deep, wide)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.column_stack([deep.ravel(), wide.ravel()]), y.ravel()
    )
    np.testing.assert_allclose([mixture.deep, mixture.wide], reference.coef_[0], atol=1e-2)
    np.testing.assert_allclose(mixture.offset, reference.intercept_[0], atol=1e-2)


def test_single_label_mixture_lowers_the_loss():
    random = np.random.RandomState(0)
    deep, wide = random.randn(2, 400, 4)
    true = (deep + 3 * wide + random.gumbel(size=deep.shape)).argmax(axis=1)
    mixture = Mixture().fitted(true, deep, wide)

    def loss(logits):
        return -log_softmax(logits, axis=1)[np.arange(400), true].mean()

    assert mixture.offset == 0
    assert mixture.wide > 2 * mixture.deep > 0
    assert loss(mixture(deep, wide)) < min(loss(deep), loss(wide), loss(deep + wide))


def test_no_path_counts_against_itself():
    random = np.random.RandomState(0)
    y = random.rand(300, 3) < 0.5
    misleading = np.where(y, -1.0, 1.0) + 0.1 * random.randn(300, 3)
    mixture = Mixture().fitted(sp.csr_matrix(y.astype(float)), misleading, random.randn(300, 3))
    assert mixture.deep == 0


@pytest.mark.parametrize("multilabel", [False, True])
def test_few_texts_hardly_move_the_mixture(multilabel):
    random = np.random.RandomState(0)
    scores = random.randn(3, 2000, 4)
    strength = np.array([0.3, 0.0, 2.0])
    true = np.tensordot(strength, scores, axes=1)
    y = random.rand(2000, 4) < expit(true)
    if not multilabel:
        y = (true + random.gumbel(size=true.shape)).argmax(axis=1)
    usual = Mixture(deep=1.0, wide=1.0, offset=0.0, encoded=1.0)
    away = []
    for n in (3, 50, 2000):
        targets = sp.csr_matrix(y[:n].astype(float)) if multilabel else y[:n]
        mixture = usual.fitted(targets, *scores[:, :n])
        away.append(abs(mixture.deep - 0.3) + mixture.wide + abs(mixture.encoded - 2.0))
    assert away[0] > away[1] > away[2]
    assert away[0] > 1.8  # of 2.7 at the start
    assert away[2] < 0.3
