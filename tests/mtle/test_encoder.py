"""MTLE with a frozen encoder: labels by their texts, with samples and without any."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import MTLEClassifier, load, save

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

# Texts about two things that no task below was trained on.
MOODS = {"kind": "polite", "angry": "shouted"}


def mtle(**parameters):
    small = {"embedding_dim": 8, "max_epochs": 2, "device": "cpu", "random_state": 0}
    small |= {"encoder": Meanings(), "label_texts": TEXTS_OF, "dropout": 0.0}
    return MTLEClassifier(**{**small, **parameters})


def test_it_knows_words_that_no_training_text_has():
    assert mtle().fit(TEXTS, CLASSES).score(UNSEEN_TEXTS, UNSEEN) == 1.0
    assert mtle(encoder="mean").fit(TEXTS, CLASSES).score(UNSEEN_TEXTS, UNSEEN) < 0.6
    proba = mtle().fit(SET_TEXTS, SETS).predict_proba(UNSEEN_TEXTS)
    assert (proba.argmax(axis=1) == np.arange(30) % 3).all()


@pytest.mark.parametrize("multilabel", [False, True])
def test_labels_alone_make_a_model(multilabel):
    model = mtle().fit_labels(NAMES, TEXTS_OF, multilabel=multilabel)
    assert model.predict_labels(UNSEEN_TEXTS, top_k=1) == [(name,) for name in UNSEEN]
    proba = model.predict_proba(UNSEEN_TEXTS)
    own = proba[np.arange(30), [list(model.label_names_).index(name) for name in UNSEEN]]
    assert (own > 0.5).all()
    if multilabel:
        np.testing.assert_array_equal(model.predict(UNSEEN_TEXTS).sum(axis=1), 1)
    assert (model.n_iter_, model.best_epoch_) == (0, 0)
    same = mtle().fit_labels(NAMES, [TEXTS_OF[name] for name in NAMES], multilabel=multilabel)
    np.testing.assert_array_equal(same.predict_proba(UNSEEN_TEXTS), proba)


def test_scores_follow_the_similarity_to_the_label_texts():
    model = mtle(encoder=Meanings(1.0)).fit_labels(NAMES, TEXTS_OF)
    texts, labels = Meanings(1.0).encode(UNSEEN_TEXTS), Meanings(1.0).encode(TEXTS_OF.values())
    nearest = np.array(NAMES)[(texts @ labels.T).argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(UNSEEN_TEXTS), nearest)


def test_first_samples_come_later():
    model = mtle().fit_labels(NAMES, TEXTS_OF)
    model.partial_fit(TEXTS[:3], CLASSES[:3])
    assert model.encoder_path_.ngrams is not None
    assert model.score(UNSEEN_TEXTS, UNSEEN) == 1.0
    before = model.predict_proba(UNSEEN_TEXTS)
    model.partial_fit(TEXTS, CLASSES)
    assert not np.array_equal(model.predict_proba(UNSEEN_TEXTS), before)
    assert model.score(UNSEEN_TEXTS, UNSEEN) == 1.0


def test_a_task_without_a_sample_beside_one_with_samples():
    model = mtle().fit_tasks({"topics": (TEXTS, CLASSES)})
    before = model.predict_proba(UNSEEN_TEXTS, task="topics")
    model.add_task("moods", list(MOODS), MOODS)
    np.testing.assert_array_equal(model.predict_proba(UNSEEN_TEXTS, task="topics"), before)
    proba = model.predict_proba(["the shouted was", "the parcel was"], task="moods")
    assert proba.shape == (2, 2)
    assert np.isfinite(proba).all()


def test_labels_must_have_texts_and_an_encoder():
    with pytest.raises(ValueError, match=r"encoder='bilstm' knows no words before training"):
        MTLEClassifier().fit_labels(NAMES)
    with pytest.raises(ValueError, match=r"labels \['staff'\] .*have an empty text"):
        mtle().fit_labels(NAMES, {**TEXTS_OF, "staff": " "})
    with pytest.raises(
        ValueError, match=r"encoder='bilstn' is neither 'bilstm' nor 'mean', nor a folder"
    ):
        mtle(encoder="bilstn").fit(TEXTS, CLASSES)


@pytest.mark.parametrize(("before", "after"), [(Meanings(), "mean"), ("mean", Meanings())])
def test_an_update_keeps_the_encoder(before, after):
    model = mtle(encoder=before).fit(TEXTS, CLASSES)
    expected = model.predict_proba(UNSEEN_TEXTS)
    model.set_params(encoder=after)
    with pytest.raises(ValueError, match="encoder has changed since the previous fit"):
        model.partial_fit(TEXTS, CLASSES)
    np.testing.assert_array_equal(model.predict_proba(UNSEEN_TEXTS), expected)


def test_what_fails_leaves_no_model():
    model = mtle().fit_labels(NAMES, TEXTS_OF)
    with pytest.raises(ValueError, match="empty text"):
        model.fit_labels(NAMES, {**TEXTS_OF, "staff": " "})
    assert not hasattr(model, "model_")


def test_explanations_add_up():
    model = mtle(matcher="bilinear").fit(TEXTS, CLASSES)
    texts = [*UNSEEN_TEXTS[:4], *TEXTS[:4], ""]
    logits = model.decision_function(texts)
    rest = [
        logits[i] - explanation.contributions.sum(axis=0) - explanation.meaning
        for i, explanation in enumerate(model.explain(texts))
    ]
    close(np.array(rest), np.tile(rest[0], (len(texts), 1)), scale=np.abs(logits).max())


@pytest.mark.parametrize("sampled", [True, False])
def test_a_saved_model_is_the_same(tmp_path, sampled):
    model = mtle(encoder=write_encoder(tmp_path / "tiny"))
    model = model.fit(TEXTS, CLASSES) if sampled else model.fit_labels(NAMES, TEXTS_OF)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(
        again.predict_proba(UNSEEN_TEXTS), model.predict_proba(UNSEEN_TEXTS)
    )
    again.partial_fit(TEXTS, CLASSES)
