"""Promise 12: partial_fit and warm_start go on from what was learnt."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from .small import (
    CLASS_TEXTS,
    CLASSES,
    CODES,
    ENCODER,
    LABELS,
    TEXTS,
    UNSEEN,
    longer,
    outcome,
)


def test_partial_fit_learns_new_words(every_neural):
    model = every_neural().partial_fit(TEXTS, LABELS)
    words = len(model.vocabulary_)
    X = ["zebra unicorn"] * 20 + ["griffin chimera"] * 20
    y = np.repeat([[0, 1, 0], [1, 0, 0]], 20, axis=0)
    for _ in range(10):
        model.partial_fit(X, y)
    assert len(model.vocabulary_) == words + 4
    proba = model.predict_proba(["zebra unicorn", "griffin chimera"])
    assert proba[0, 1] > proba[1, 1]
    assert proba[1, 0] > proba[0, 0]


def test_partial_fit_with_classes(neural):
    first, second = CODES != 2, CODES == 2
    X = np.array(CLASS_TEXTS)
    model = neural(batch_size=16)
    model.partial_fit(X[first], CLASSES[first], classes=["rude", "late", "refund"])
    assert model.classes_.tolist() == ["late", "refund", "rude"]
    model.partial_fit(X[second], CLASSES[second])
    scores = [model.partial_fit(X, CLASSES).score(X, CLASSES) for _ in range(8)]
    assert max(scores) > 0.9
    with pytest.raises(ValueError, match="classes that this model does not know: 'broken'"):
        model.partial_fit(["a b", "c d"], ["broken", "late"])
    with pytest.raises(ValueError, match="Pass every class in `classes` at the first call"):
        neural().partial_fit(X[first], CLASSES[first]).partial_fit(X[second], CLASSES[second])


def test_partial_fit_refuses_other_classes_later(neural):
    model = neural().partial_fit(CLASS_TEXTS, CLASSES, classes=["late", "refund", "rude"])
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(CLASS_TEXTS, CLASSES, classes=["late", "refund"])


def test_partial_fit_with_one_class_in_a_batch(neural):
    model = neural().partial_fit(["late parcel"] * 4, ["late"] * 4, classes=["late", "rude"])
    assert model.predict_proba(["late parcel"]).shape == (1, 2)


def test_partial_fit_with_a_batch_that_lacks_labels(neural):
    model = neural().partial_fit(TEXTS, LABELS)
    lacking = LABELS.copy()
    lacking[:, 1] = 0
    model.partial_fit(TEXTS, lacking)  # no warning: the next batch may have them
    with pytest.raises(ValueError, match="y has 2 labels, but this model knows 3"):
        model.partial_fit(TEXTS, LABELS[:, :2])
    with pytest.raises(ValueError, match="fitted on a multi-label indicator"):
        model.partial_fit(TEXTS, CLASSES)


def test_partial_fit_goes_on_after_fit(every_neural):
    itself = longer(every_neural(validation_fraction=0)).fit(TEXTS, LABELS)
    before = itself.predict_proba(TEXTS)
    for model in (pickle.loads(pickle.dumps(itself)), itself):
        for _ in range(5):
            model.partial_fit(TEXTS, 1 - LABELS)
        after = model.predict_proba(TEXTS)
        change = after - before
        assert change[LABELS == 1].mean() < -0.005
        assert change[LABELS == 0].mean() > 0.005


def test_partial_fit_obeys_the_learning_rate_of_now(neural):
    # It is the network's; a linear model beside it has steps of its own.
    alone = {"wide": False} if "wide" in neural().get_params() else {}
    model = neural(**alone).partial_fit(TEXTS, LABELS)
    before = model.predict_proba(UNSEEN)
    model.set_params(learning_rate=1e-12).partial_fit(TEXTS, 1 - LABELS)
    np.testing.assert_allclose(model.predict_proba(UNSEEN), before, atol=1e-4)


def test_warm_start_continues(neural):
    settings = {"validation_fraction": 0, "max_epochs": 6, "batch_size": 16}
    model = neural(warm_start=True, **settings).fit(TEXTS, LABELS)
    cold = copy.deepcopy(model).set_params(warm_start=False)
    first = [row["train_loss"] for row in model.history_]
    model.fit(TEXTS, LABELS)
    second = [row["train_loss"] for row in model.history_]
    assert second[0] < first[0]
    # Dropout moves the loss of a single epoch.
    assert sum(second) < sum(first)
    cold.fit(TEXTS, LABELS)
    assert [row["train_loss"] for row in cold.history_] == pytest.approx(first)
    # new words are learnt, the known ones kept
    words = len(model.vocabulary_)
    model.fit([*TEXTS, "zebra", "zebra"], np.vstack([LABELS, LABELS[:2]]))
    assert len(model.vocabulary_) == words + 1


def test_warm_start_with_other_labels_or_another_shape(neural):
    model = neural(warm_start=True).fit(TEXTS, LABELS)
    before = outcome(model, "predict_proba", UNSEEN)
    with pytest.raises(ValueError, match="fitted on a multi-label indicator"):
        model.fit(TEXTS, CLASSES)
    shape = (
        {"encoder": {**ENCODER, "intermediate_size": 8}}
        if "encoder" in model.get_params() and isinstance(model.encoder, dict)
        else {"embedding_dim": 4}
    )
    usual = {name: getattr(model, name) for name in shape}
    model.set_params(**shape)
    with pytest.raises(ValueError, match=r"Cannot go on.*warm_start=False"):
        model.fit(TEXTS, LABELS)
    model.set_params(**usual)
    np.testing.assert_array_equal(outcome(model, "predict_proba", UNSEEN), before)
