"""add_labels: new labels from their texts, beside those that were learnt."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from sklabelemb import (
    LabelwiseCalibrator,
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
    ThresholdTuner,
    load,
    save,
)
from sklabelemb.text import Tokenizer

from ..encoders.meanings import MEANINGS, Meanings, texts_about
from ..tolerances import close
from .small import ENCODER

TINY = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}
OLD = ["refund", "staff"]
TEXTS_OF = {"refund": "reimburse", "staff": "clerk", "delivery": "courier"}
ROWS = pd.DataFrame((np.random.default_rng(3).random((60, 2)) < 0.5).astype(int), columns=OLD)
TEXTS = texts_about([[n for n in OLD if row[n]] for _, row in ROWS.iterrows()], [0, 1, 2, 3], 4)
CLASSES = np.array(OLD)[np.arange(60) % 2]
CLASS_TEXTS = texts_about([[name] for name in CLASSES], [0, 1, 2, 3], 5)
ABOUT = np.array(["delivery", *OLD])[np.arange(60) % 3]
ASKED = texts_about([[name] for name in ABOUT], [0, 1, 2, 3], 6)

SMALL = {"embedding_dim": 8, "label_texts": {name: TEXTS_OF[name] for name in OLD}}
KINDS = {
    "LEAM": lambda **p: LEAMClassifier(**{**TINY, **SMALL, **p}),
    "LEAM, shared attention": lambda **p: LEAMClassifier(
        **{**TINY, **SMALL, "attention": "shared", "wide": False, **p}
    ),
    "LEAM, one filter for all": lambda **p: LEAMClassifier(
        **{**TINY, **SMALL, "phrase_filter": "full", "head": "mlp", "head_size": 8, **p}
    ),
    "LEAM, shared, one filter": lambda **p: LEAMClassifier(
        **{**TINY, **SMALL, "attention": "shared", "phrase_filter": "full", **p}
    ),
    "LEAM, cosines": lambda **p: LEAMClassifier(
        **{**TINY, **SMALL, "attention": "shared", "compatibility": "linear", **p}
    ),
    "SWEM": lambda **p: LEAMClassifier(**{**TINY, **SMALL, "compatibility": "uniform", **p}),
    "LEAM and an encoder": lambda **p: LEAMClassifier(
        **{**TINY, **SMALL, "encoder": Meanings(), **p}
    ),
    "MTLE": lambda **p: MTLEClassifier(**{**TINY, **SMALL, "encoder": "mean", **p}),
    "MTLE and an encoder": lambda **p: MTLEClassifier(
        **{**TINY, **SMALL, "encoder": Meanings(), **p}
    ),
    "LACO": lambda **p: LACOClassifier(
        **{**TINY, "label_texts": SMALL["label_texts"], "encoder": ENCODER, **p}
    ),
    "LACO without cross attention": lambda **p: LACOClassifier(
        **{**TINY, "encoder": ENCODER, "cross_attention": False, "wide": False, **p}
    ),
    "BERT": lambda **p: LACOClassifier(
        **{**TINY, "encoder": ENCODER, "cross_attention": False, "joint_embedding": False, **p}
    ),
}
KNOWS = ["LEAM and an encoder", "MTLE and an encoder"]


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def added(model, **more):
    """The model with one more label, whose words it may not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.add_labels(["delivery"], {"delivery": "courier"}, **more)


def test_scores_of_the_labels_before_stay(kind):
    model = kind().fit(TEXTS, ROWS)
    before = model.decision_function(ASKED)
    assert added(model) is model
    assert list(model.label_names_) == [*OLD, "delivery"]
    assert model.classes_.shape == (3, 2)
    after = model.decision_function(ASKED)
    assert after.shape == (60, 3)
    close(after[:, :2], before)
    assert list(model.predict(ASKED).columns) == [*OLD, "delivery"]


def test_new_classes_come_in_order(kind):
    model = kind().fit(CLASS_TEXTS, CLASSES)
    before = model.decision_function(ASKED)
    added(model)
    assert model.classes_.tolist() == ["delivery", "refund", "staff"]
    after = model.decision_function(ASKED)
    # Of two classes the answer is the difference.
    close(after[:, 2] - after[:, 1], before)
    assert set(model.predict(ASKED)) <= {"delivery", "refund", "staff"}


@pytest.mark.parametrize("name", KNOWS)
def test_an_encoder_knows_new_labels_without_a_sample(name):
    model = added(KINDS[name]().fit(CLASS_TEXTS, CLASSES))
    assert model.score(ASKED, ABOUT) > 0.9
    sets = added(KINDS[name]().fit(TEXTS, ROWS))
    ranked = sets.predict_proba(ASKED)[:, 2]
    assert ranked[ABOUT == "delivery"].min() > ranked[ABOUT != "delivery"].max()
    assert (sets.predict(ASKED)["delivery"] == (ABOUT == "delivery")).mean() > 0.9
    # The network has not seen a word of it, and is not asked.
    (told,) = sets.explain(ASKED[:1])
    assert told.network_weight[2] == 0
    assert sets.mixture_.by_label[2].tolist() == [0.0, 0.0, 0.0, 1.0]


def test_without_an_encoder_the_words_of_the_text_speak():
    words = MEANINGS["delivery"]
    mentioned = [f"{text} {words[i % 2]}" for i, text in enumerate(TEXTS)]
    model = KINDS["LEAM"](min_df=1).fit([*TEXTS, *mentioned], pd.concat([ROWS, ROWS]))
    model.add_labels(["delivery"], [f"{words[0]} {words[1]}"])
    own = model.predict_proba(["the parcel was", "the courier was", "the money was"])[:, 2]
    assert own[:2].min() > own[2] + 0.1


def test_samples_may_follow(kind):
    model = added(kind(learning_rate=0.02).fit(TEXTS, ROWS))
    y = pd.DataFrame({"delivery": ABOUT == "delivery"} | {n: n == ABOUT for n in OLD}).astype(int)
    for _ in range(8):
        model.partial_fit(ASKED, y)
    scores = model.decision_function(ASKED)[:, 2]
    assert scores[ABOUT == "delivery"].mean() > scores[ABOUT != "delivery"].mean()
    again = kind(warm_start=True).fit(TEXTS, ROWS)
    added(again).fit(ASKED, y)
    assert again.predict_proba(ASKED).shape == (60, 3)


def test_a_second_call_and_a_saved_model(kind, tmp_path):
    model = added(kind().fit(CLASS_TEXTS, CLASSES))
    before = model.decision_function(ASKED)
    model.add_labels(["again", "zeal"], ["money and cash", "polite manager"])
    assert model.classes_.tolist() == ["again", "delivery", "refund", "staff", "zeal"]
    close(model.decision_function(ASKED)[:, 1:4], before)
    after = model.predict_proba(ASKED)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(ASKED), after)
    with warnings.catch_warnings():
        # The encoder is none that is saved.
        warnings.simplefilter("ignore", UserWarning)
        save(model, tmp_path / "model")
    given = {} if model.model_.encoder is None else {"encoder": Meanings()}
    loaded = load(tmp_path / "model", **given)
    np.testing.assert_array_equal(loaded.predict_proba(ASKED), after)
    loaded.partial_fit(CLASS_TEXTS, CLASSES)


def test_explanations_have_the_new_label(kind):
    model = added(kind().fit(TEXTS, ROWS))
    for explanation in model.explain(ASKED[:3]):
        assert explanation.label_names == [*OLD, "delivery"]
        assert explanation.contributions.shape == (len(explanation.tokens), 3)
    counts = model.count_parameters()
    assert counts["total"] == sum(p.numel() for p in model.net_.module_.parameters())


def test_a_copy_or_a_failure_leaves_the_model(kind):
    model = kind().fit(TEXTS, ROWS)
    before = model.predict_proba(ASKED)
    added(copy.copy(model))
    with pytest.raises(ValueError, match="has the labels 'refund' already"):
        model.add_labels(["delivery", "refund"], ["a", "b"])
    with pytest.raises(ValueError, match=r"\['delivery'\] have an empty text"):
        model.add_labels(["delivery"], [" "])
    assert list(model.label_names_) == OLD
    np.testing.assert_array_equal(model.predict_proba(ASKED), before)


@pytest.mark.parametrize(
    ("names", "texts", "error", "message"),
    [
        ([], "auto", ValueError, "names is empty"),
        (["a", "a"], "auto", ValueError, "names has two labels called 'a'"),
        ("delivery", "auto", TypeError, "must list the names"),
        (["a", "b"], ["one"], ValueError, "one string for each of the 2 labels"),
        (["a"], "its text", ValueError, "got the text 'its text'"),
        (["a"], {"b": "text"}, ValueError, "has no text for 1 of 1 labels: 'a'"),
        ([7], "auto", ValueError, r"The labels \[7\] are not text"),
        (["a"], None, ValueError, "say in label_texts what they mean"),
        (["a"], [3], ValueError, "one string"),
    ],
)
def test_what_cannot_be_added_is_refused(fitted_leam, names, texts, error, message):
    with pytest.raises(error, match=message):
        fitted_leam.add_labels(names, texts)


@pytest.fixture(scope="module")
def fitted_leam():
    return KINDS["LEAM"]().fit(TEXTS, ROWS)


def test_classes_keep_their_type():
    model = KINDS["LEAM"](label_texts=["reimburse", "clerk"]).fit(
        CLASS_TEXTS, np.arange(60) % 2 * 5
    )
    with pytest.raises(TypeError, match="The classes are of type int, such as 0"):
        model.add_labels(["delivery"])
    model.add_labels([3], ["money"])
    assert model.classes_.tolist() == [0, 3, 5]
    assert model.classes_.dtype.kind == "i"


def test_an_unfitted_model_has_nothing_to_add_to():
    with pytest.raises(NotFittedError):
        LEAMClassifier().add_labels(["a"])
    assert not hasattr(SemanticUnitSeq2SeqClassifier, "add_labels")


def test_words_that_nobody_knows_are_warned_of(fitted_leam):
    with pytest.warns(UserWarning, match="No word of the labels 'x' is known from training"):
        copy.copy(fitted_leam).add_labels(["x"], ["qqq zzz"])


def test_thresholds_and_weights_of_new_labels():
    model = KINDS["LEAM"](threshold={"refund": 0.3, "staff": 0.2}, class_weight="balanced")
    model.fit(TEXTS, ROWS)
    added(model)
    np.testing.assert_array_equal(model.thresholds_, [0.3, 0.2, 0.5])
    assert model.model_.own_task.class_weight[2] == 1.0
    model = added(KINDS["LEAM"](threshold=0.7).fit(TEXTS, ROWS))
    np.testing.assert_array_equal(model.thresholds_, [0.7] * 3)


def test_arrays_go_by_position_afterwards():
    model = KINDS["LEAM"](label_names=["staff", "refund"]).fit(TEXTS, ROWS.to_numpy()[:, ::-1])
    added(model)
    assert list(model.label_names_) == ["staff", "refund", "delivery"]
    y = np.column_stack([n == ABOUT for n in model.label_names_]).astype(int)
    model.partial_fit(ASKED, y)
    frame = pd.DataFrame(y, columns=model.label_names_)[["delivery", "refund", "staff"]]
    assert model.score(ASKED, frame) == model.score(ASKED, y)


def test_tasks_are_named():
    model = KINDS["MTLE and an encoder"](label_texts=TEXTS_OF)
    model.fit_tasks({"one": (CLASS_TEXTS, CLASSES), "two": (CLASS_TEXTS, CLASSES)})
    before = model.decision_function(ASKED, task="one")
    model.add_labels(["delivery"], ["courier"], task="two")
    np.testing.assert_array_equal(model.decision_function(ASKED, task="one"), before)
    assert model.predict_proba(ASKED, task="two").shape == (60, 3)
    with pytest.raises(ValueError, match="There is no task 'three'"):
        model.add_labels(["b"], ["text"], task="three")
    with pytest.raises(ValueError, match="say which one is meant"):
        model.add_labels(["b"], ["text"])


def test_labels_join_a_task_of_label_texts_alone():
    model = MTLEClassifier(encoder=Meanings(), **TINY).fit_labels(OLD, TEXTS_OF)
    before = model.decision_function(ASKED)
    model.add_labels(["delivery"], TEXTS_OF)
    after = model.decision_function(ASKED)
    close(after[:, 2] - after[:, 1], before)
    assert model.score(ASKED, ABOUT) > 0.9


@pytest.mark.parametrize("cv", [3, "prefit"])
@pytest.mark.parametrize(
    "make",
    [
        ThresholdTuner,
        LabelwiseCalibrator,
        lambda model, **p: LabelwiseCalibrator(model, method="isotonic", **p),
        lambda model, **p: LabelwiseCalibrator(model, method="temperature", **p),
        lambda model, **p: ThresholdTuner(model, response_method="decision_function", **p),
    ],
)
def test_tuners_pass_it_on(make, cv, tmp_path):
    inner = KINDS["LEAM and an encoder"]()
    if cv == "prefit":
        inner.fit(TEXTS, ROWS)
    tuner = make(inner, cv=cv).fit(TEXTS, ROWS)
    before = tuner.predict_proba(ASKED)
    assert tuner.add_labels(["delivery"], ["courier"]) is tuner
    after = tuner.predict_proba(ASKED)
    close(after[:, :2], before, dtype=np.float32)
    own = tuner.estimator_.predict_proba(ASKED)[:, 2]
    close(after[:, 2], own, dtype=np.float32)
    assert list(tuner.predict(ASKED).columns) == [*OLD, "delivery"]
    assert (tuner.predict(ASKED)["delivery"] == (after[:, 2] > 0.5)).all()
    if hasattr(tuner, "thresholds_"):
        by_probability = tuner.response_method_ == "predict_proba"
        assert tuner.thresholds_[2] == (0.5 if by_probability else 0.0)
    if cv == "prefit":
        assert list(inner.label_names_) == OLD
    assert tuner.explain(ASKED[:1])[0].label_names == [*OLD, "delivery"]


def test_who_cannot_add_labels_has_no_such_method():
    tuner = ThresholdTuner(SemanticUnitSeq2SeqClassifier())
    assert not hasattr(tuner, "add_labels")
    assert not hasattr(ThresholdTuner(FrozenEstimator(tuner)), "add_labels")


def test_many_labels_are_read_by_laco_in_blocks_of_their_own():
    model = KINDS["LACO"](encoder={**ENCODER, "max_position_embeddings": 20}, max_length=8)
    model.fit(TEXTS, ROWS)
    before = model.decision_function(ASKED)
    names = [f"label{i}" for i in range(12)]
    model.add_labels(names, [f"money {i}" for i in range(12)])
    assert model.model_.options["block_size"] == 6
    assert model.model_.options["block_of_label"] == [0] * 2 + [1] * 6 + [2] * 6
    close(model.decision_function(ASKED)[:, :2], before)
    assert model.explain(ASKED[:1])[0].affinity.shape == (14, 14)


def test_new_labels_leave_texts_as_long_as_they_were():
    encoder = {**ENCODER, "max_position_embeddings": 20}
    model = KINDS["LACO"](encoder=encoder, max_length=None, wide=False).fit(TEXTS, ROWS)
    # They fill the positions that two labels leave.
    long = [" ".join([text] * 5) for text in ASKED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        before = model.decision_function(long)
        model.add_labels(["a", "b", "c"], ["money", "clerk", "cash"])
        close(model.decision_function(long)[:, :2], before)
    assert model.model_.options["block_of_label"] == [0, 0, 1, 1, 2]


def test_moments_of_the_optimiser_go_with_their_labels():
    model = KINDS["LEAM"]().fit(CLASS_TEXTS, CLASSES)
    net = model.net_

    def moments(net):
        (part,) = [
            part
            for part in net.optimizer_.parts
            if any(p is net.module_.output.weight for g in part.param_groups for p in g["params"])
        ]
        return part.state[net.module_.output.weight]["exp_avg"].clone()

    before = moments(net)
    assert before.abs().max() > 0
    added(model)  # "delivery" comes first
    after = moments(model.net_)
    np.testing.assert_array_equal(after[1:], before)
    assert not after[0].any()


def test_later_labels_learn_more_of_an_update_than_labels_of_the_fit():
    y = pd.DataFrame({name: name == ABOUT for name in [*OLD, "delivery"]}).astype(int)
    model = added(KINDS["LEAM"]().fit(TEXTS, ROWS))
    before = model.wide_
    after = model.partial_fit(ASKED, y).wide_
    moved = np.abs(after.weights - before.weights).mean(axis=0)
    assert moved[2] > 3 * moved[:2].max()
    texts = model.vocabulary_.encode(ASKED, Tokenizer(), keep_unknown=True)
    of_new = after.scores(texts, model.vocabulary_)[:, 2]
    assert of_new[ABOUT == "delivery"].min() > of_new[ABOUT != "delivery"].max()


def test_names_may_come_from_anything_that_has_an_order():
    texts = ["courier", "parcel"]
    found = []
    for names in (["x", "y"], ("x", "y"), np.array(["x", "y"]), pd.Index(["x", "y"]), iter("xy")):
        model = KINDS["LEAM and an encoder"]().fit(TEXTS[:20], ROWS[:20])
        found.append(model.add_labels(names, texts).predict_proba(ASKED[:5]))
        assert list(model.label_names_) == [*OLD, "x", "y"]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
