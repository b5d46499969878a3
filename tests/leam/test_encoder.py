"""LEAM with a frozen encoder: what it gains, explains, keeps and carries over."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sklabelemb import LEAMClassifier, load, save
from sklabelemb.encoders import frozen
from sklabelemb.learning import Task, TextDataset, folds
from sklabelemb.learning.folds import cross_fitted_scores
from sklabelemb.linear import EncoderPath, LabelTexts, encoded
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, Tokenizer, Vocabulary

from ..encoders.meanings import (
    CLASSES,
    NAMES,
    SET_TEXTS,
    SETS,
    TEXTS,
    TEXTS_OF,
    UNSEEN,
    UNSEEN_TEXTS,
    Meanings,
)
from ..laco.literal import write_encoder
from ..tolerances import close


def leam(**parameters):
    small = {"embedding_dim": 8, "max_epochs": 2, "device": "cpu", "random_state": 0}
    small |= {"encoder": Meanings(), "label_texts": TEXTS_OF}
    return LEAMClassifier(**{**small, **parameters})


def test_it_knows_words_that_no_training_text_has():
    with_encoder = leam().fit(TEXTS, CLASSES)
    without = leam(encoder=None).fit(TEXTS, CLASSES)
    assert with_encoder.score(UNSEEN_TEXTS, UNSEEN) == 1.0
    assert without.score(UNSEEN_TEXTS, UNSEEN) < 0.6
    assert with_encoder.wide_ is None
    assert with_encoder.encoder_path_.ngrams is not None


@pytest.mark.parametrize("multilabel", [False, True])
def test_label_texts_tell_what_one_text_cannot(multilabel):
    """The only text of each label has more of chance in it than of its meaning."""
    random = np.random.default_rng(0)

    def read(vectors):
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = TokenIds(np.full(len(vectors), 2), np.arange(len(vectors) + 1))
        return ids.with_vectors(vectors.astype(np.float32))

    meanings = random.normal(size=(6, 32))
    texts = read(meanings + 2.0 * random.normal(size=(6, 32)))
    y = sp.csr_matrix(np.eye(6)) if multilabel else np.arange(6)
    unseen = read(np.tile(meanings, (30, 1)) + 2.0 * random.normal(size=(180, 32)))
    right = []
    for label_texts in (None, LabelTexts(np.arange(6), read(meanings))):
        path = EncoderPath.fit(texts, y, None, 6, label_texts=label_texts, joint=False)
        found = path.scores(unseen, None).argmax(axis=1)
        right.append(np.mean(found == np.tile(np.arange(6), 30)))
    assert right[1] > right[0] + 0.15


def test_label_sets():
    model = leam().fit(SET_TEXTS, SETS)
    proba = model.predict_proba(UNSEEN_TEXTS)
    assert (proba.argmax(axis=1) == np.arange(30) % 3).all()
    assert model.predict_labels(UNSEEN_TEXTS[:3], top_k=1) == [(name,) for name in UNSEEN[:3]]


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("target", ["classes", "labels"])
def test_explanations_add_up(target, wide):
    X, y = (TEXTS, CLASSES) if target == "classes" else (SET_TEXTS, SETS)
    model = leam(wide=wide, head_dropout=0.0).fit(X, y)
    texts = [*UNSEEN_TEXTS[:4], *X[:4], ""]
    logits = model.decision_function(texts)
    rest = [
        logits[i] - explanation.contributions.sum(axis=0) - explanation.meaning
        for i, explanation in enumerate(model.explain(texts))
    ]
    # One constant per label, the same for every text.
    size = np.abs(logits).max()
    close(np.array(rest), np.tile(rest[0], (len(texts), 1)), scale=size, dtype=np.float32)
    assert leam(encoder=None).fit(X, y).explain(texts[:1])[0].meaning is None


def test_with_many_texts_the_paths_are_mixed_by_their_scores(monkeypatch):
    X, y = TEXTS * 20, np.tile(CLASSES, 20)
    # More than there are without those that are held out.
    monkeypatch.setattr(encoded, "MOST_JOINT", 230)
    model = leam().fit(X, y)
    assert model.encoder_path_.ngrams is None
    assert model.mixture_.wide > 0
    assert model.wide_ is not None
    assert model.encoder_path_.ngrams is None
    assert model.mixture_.encoded > 0
    assert model.score(UNSEEN_TEXTS, UNSEEN) == 1.0


def test_the_path_is_logistic_regression():
    """Without label texts and n-grams it is what scikit-learn computes."""
    random = np.random.default_rng(0)
    ids = TokenIds(np.full(90, 2), np.arange(91))
    vectors = random.normal(size=(90, 4)).astype(np.float32)
    vectors /= np.sqrt((vectors**2).sum(axis=1).mean())
    for codes in (random.integers(3, size=90), sp.csr_matrix(random.integers(2, size=(90, 3)))):
        multilabel = sp.issparse(codes)
        weight = random.random(90).astype(np.float32)
        path = EncoderPath.fit(
            ids.with_vectors(vectors), codes, None, 3, sample_weight=weight, joint=False
        )
        C = encoded.C_OF_LABEL_SETS if multilabel else encoded.C_OF_CLASSES
        for label in range(3 if multilabel else 1):
            y = codes.toarray()[:, label] if multilabel else codes
            reference = LogisticRegression(C=C, tol=1e-8, max_iter=1000).fit(vectors, y, weight)
            own = [label] if multilabel else slice(None)
            np.testing.assert_allclose(path.weights.T[own], reference.coef_, atol=5e-3)


def read(vectors):
    """Texts of one word each, with these vectors."""
    ids = TokenIds(np.full(len(vectors), 2), np.arange(len(vectors) + 1))
    return ids.with_vectors(np.asarray(vectors, dtype=np.float32))


def test_weights_are_drawn_to_the_label_texts(monkeypatch):
    """Where nothing may move, a label's text is as far ahead for its own label as was settled."""
    monkeypatch.setattr(encoded, "C_OF_CLASSES", 1e-9)
    random = np.random.default_rng(0)
    own = read(random.normal(size=(4, 16)) / 4)
    path = EncoderPath.fit(
        read(random.normal(size=(8, 16)) / 4),
        np.arange(8) % 4,
        None,
        4,
        label_texts=LabelTexts(np.arange(4), own),
        joint=False,
    )
    scores = path.meaning(own)
    others = (scores.sum(axis=0) - scores.diagonal()) / 3
    assert np.mean(scores.diagonal() - others) == pytest.approx(encoded.PRIOR, rel=1e-4)


@pytest.mark.parametrize("multilabel", [False, True])
def test_label_texts_are_samples_too(multilabel, monkeypatch):
    monkeypatch.setattr(encoded, "PRIOR", 0.0)
    meanings = np.eye(3, 8)
    y = np.zeros(5, dtype=np.int64)  # no text has the labels 1 and 2
    path = EncoderPath.fit(
        read(np.random.default_rng(0).normal(size=(5, 8)) / 3),
        sp.csr_matrix(np.eye(3)[y]) if multilabel else y,
        None,
        3,
        label_texts=LabelTexts(np.arange(3), read(meanings)),
        joint=False,
    )
    scores = path.meaning(read(meanings))
    np.testing.assert_array_equal(scores[1:, 1:].argmax(axis=1), [0, 1])


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_length_of_the_vectors_does_not_matter(multilabel):
    random = np.random.default_rng(0)
    vectors, meanings = random.normal(size=(12, 6)), random.normal(size=(3, 6))
    y = np.arange(12) % 3
    found = []
    for length in (1.0, 20.0):
        path = EncoderPath.fit(
            read(length * vectors),
            sp.csr_matrix(np.eye(3)[y]) if multilabel else y,
            None,
            3,
            label_texts=LabelTexts(np.arange(3), read(length * meanings)),
            joint=False,
        )
        found.append(path.scores(read(length * vectors), None))
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_n_grams_beside_vectors_are_one_logistic_regression():
    texts = [*TEXTS, *UNSEEN_TEXTS]
    y = np.concatenate([CLASSES, UNSEEN])
    codes = np.unique(y, return_inverse=True)[1]
    vocabulary, ids = Vocabulary.build(texts, Tokenizer())
    ids = ids.with_vectors(Meanings(1.0).encode(texts).astype(np.float32))
    path = EncoderPath.fit(ids, codes, vocabulary, 3)
    length = 0.6 * len(texts) / (len(texts) + 4)
    both = np.hstack([ids.vectors, length * path.ngrams.features(ids, vocabulary).toarray()])
    reference = LogisticRegression(C=encoded.C_OF_CLASSES, tol=1e-8, max_iter=2000).fit(both, codes)
    expected = reference.predict_log_proba(both)
    np.testing.assert_allclose(
        log_softmax(path.scores(ids, vocabulary), axis=1), expected, atol=0.02
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_few_and_many_dimensions_give_one_model(multilabel):
    """The space that the texts span, and the space of the vectors: the same minimum."""
    random = np.random.default_rng(0)
    n, dim = 40, 12
    vectors = random.normal(size=(n + 3, dim)).astype(np.float32)
    codes = random.integers(3, size=n)
    y = sp.csr_matrix(np.eye(3)[codes]) if multilabel else codes
    ids = TokenIds(np.full(n, 2), np.arange(n + 1)).with_vectors(vectors[:n])
    own = TokenIds(np.full(3, 2), np.arange(4)).with_vectors(vectors[n:])
    label_texts = LabelTexts(np.arange(3), own)
    found = []
    for further in (0, 60):
        # Dimensions in which all vectors are zero change nothing but which way is taken.
        wider = np.pad(vectors, ((0, 0), (0, further)))
        path = EncoderPath.fit(
            ids.with_vectors(wider[:n]),
            y,
            None,
            3,
            label_texts=LabelTexts(np.arange(3), own.with_vectors(wider[n:])),
            joint=False,
        )
        found.append(path.scores(ids.with_vectors(wider[:n]), None))
    assert label_texts.token_ids.vectors.shape == (3, dim)
    np.testing.assert_allclose(found[0], found[1], atol=5e-3)


def test_weights_count():
    weights = np.where(CLASSES == "refund", 50.0, 1.0)
    heavy = leam().fit(TEXTS, CLASSES, sample_weight=weights)
    by_class = leam(class_weight={"refund": 50.0}).fit(TEXTS, CLASSES)
    usual = leam().fit(TEXTS, CLASSES)
    column = NAMES.index("refund")
    mean = [m.predict_proba(UNSEEN_TEXTS)[:, column].mean() for m in (usual, heavy, by_class)]
    assert mean[0] + 0.01 < min(mean[1:])


def test_updates_go_on_from_what_was_learnt():
    model = leam().fit(TEXTS, CLASSES)
    before = model.encoder_path_
    model.partial_fit(UNSEEN_TEXTS, UNSEEN)
    assert model.encoder_path_.weights is not before.weights
    assert model.score(UNSEEN_TEXTS, UNSEEN) == 1.0
    assert model.score(TEXTS, CLASSES) == 1.0
    model.set_params(encoder=Meanings(0.9))
    with pytest.raises(ValueError, match="encoder has changed since the previous fit"):
        model.partial_fit(UNSEEN_TEXTS, UNSEEN)
    from_scratch = leam().partial_fit(TEXTS, CLASSES)
    assert from_scratch.score(UNSEEN_TEXTS, UNSEEN) == 1.0


def test_embedding_shows_a_bar_if_asked(monkeypatch, capsys):
    monkeypatch.setattr(frozen, "TEXTS_OF_A_BAR", 5)
    for verbose in (0, 1):
        leam(verbose=verbose, net_params=None).fit(TEXTS, CLASSES)
        assert ("Embedding" in capsys.readouterr().err) == bool(verbose)


def test_a_large_update_comes_in_portions(monkeypatch):
    model = leam().fit(TEXTS, CLASSES)
    monkeypatch.setattr(encoded, "MOST_JOINT", 7)
    model.partial_fit(UNSEEN_TEXTS * 2, np.tile(UNSEEN, 2), sample_weight=np.ones(60))
    assert model.encoder_path_.ngrams is not None
    assert model.score(UNSEEN_TEXTS, UNSEEN) == 1.0
    assert model.score(TEXTS, CLASSES) == 1.0


def test_with_many_labels_the_paths_are_apart(monkeypatch):
    monkeypatch.setattr(encoded, "MOST_MOVES", 30)
    model = leam().fit(TEXTS, CLASSES)  # 12 texts, 3 classes
    assert model.encoder_path_.ngrams is None
    assert model.wide_ is not None
    assert model.mixture_.wide > 0


def test_each_text_is_embedded_once_in_a_search(tmp_path):
    asked = []

    class Counting(Meanings):
        def encode(self, texts):
            asked.extend(texts)
            return super().encode(texts)

        def __deepcopy__(self, memo):
            return self

    model = leam(encoder=Counting(), memory=tmp_path)
    GridSearchCV(model, {"window_size": [1, 2]}, cv=2).fit(TEXTS * 2, np.tile(CLASSES, 2))
    embedded = [text for text in asked if not text.startswith("A short text, by which")]
    assert len(embedded) == len(set(embedded))


# -- saving ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.mark.parametrize("store_encoder", [True, False])
@pytest.mark.parametrize("target", ["classes", "labels"])
def test_a_saved_model_is_the_same(folder, tmp_path, target, store_encoder, monkeypatch):
    X, y = (TEXTS, CLASSES) if target == "classes" else (SET_TEXTS, SETS)
    model = leam(encoder=folder).fit(X, y)
    save(model, tmp_path / "model", store_encoder=store_encoder)
    if store_encoder:  # Nothing is looked for where the encoder was.
        monkeypatch.setattr("sklabelemb.encoders.frozen._read", None)
    again = load(tmp_path / "model")
    texts = [*UNSEEN_TEXTS, ""]
    np.testing.assert_array_equal(again.predict_proba(texts), model.predict_proba(texts))
    np.testing.assert_array_equal(again.explain(texts)[0].meaning, model.explain(texts)[0].meaning)
    again.partial_fit(X, y)
    clone(again)


def test_an_encoder_that_is_elsewhere_must_be_the_same(folder, tmp_path):
    save(leam(encoder=folder).fit(TEXTS, CLASSES), tmp_path / "model", store_encoder=False)
    other = write_encoder(tmp_path / "other", seed=1)
    with pytest.raises(OSError, match="is not the one that the model was trained with"):
        load(tmp_path / "model", encoder=other)


def test_objects_are_handed_back(tmp_path):
    model = leam().fit(TEXTS, CLASSES)
    with pytest.warns(UserWarning, match="Meanings, is an object of another library"):
        save(model, tmp_path / "model")
    with pytest.raises(OSError, match=r"saved without its encoder.*Meanings.*encoder=\.\.\."):
        load(tmp_path / "model")
    with pytest.raises(OSError, match="is not the one"):
        load(tmp_path / "model", encoder=Meanings(0.9))
    again = load(tmp_path / "model", encoder=Meanings())
    np.testing.assert_array_equal(
        again.predict_proba(UNSEEN_TEXTS), model.predict_proba(UNSEEN_TEXTS)
    )


# -- what all texts settle, where few are held out -------------------------------------------------


def test_few_texts_settle_mixture_and_thresholds_by_folds():
    model = leam().fit(SET_TEXTS, SETS)
    assert (model.mixture_.deep, model.mixture_.wide) == (0.0, 0.0)
    assert model.mixture_.encoded > 0
    (told,) = model.explain(SET_TEXTS[:1])
    np.testing.assert_array_equal(told.network_weight, [0, 0, 0])
    assert "The network has no say in this label" in told._repr_html_()
    assert (model.thresholds_ != 0.5).all()
    np.testing.assert_array_equal(leam(threshold=0.3).fit(SET_TEXTS, SETS).thresholds_, 0.3)
    # Where some are held out, they tell what the network is worth.
    assert leam(validation_fraction=0.5).fit(SET_TEXTS, SETS).mixture_.deep > 0


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_text_is_scored_by_a_path_that_has_not_seen_it(multilabel, monkeypatch):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(20, 6)).astype(np.float32)
    ids = TokenIds(np.full(20, 2), np.arange(21)).with_vectors(vectors)
    fold_of = np.arange(20) % 5
    monkeypatch.setattr(folds, "_folds", lambda targets, seed: fold_of)
    y = random.integers(2, size=(20, 3)) if multilabel else random.integers(3, size=20)
    other = y.copy()
    other[0] = 1 - other[0] if multilabel else (other[0] + 1) % 3
    targets = Targets.infer(y, classes=None)
    vocabulary = Vocabulary(["word"])
    task = Task("default", targets)
    found = [
        cross_fitted_scores(
            TextDataset(ids, sp.csr_matrix(some) if multilabel else some), task, vocabulary, None, 0
        )
        for some in (y, other)
    ]
    changed = (found[0] != found[1]).any(axis=1)
    np.testing.assert_array_equal(changed, fold_of != fold_of[0])
