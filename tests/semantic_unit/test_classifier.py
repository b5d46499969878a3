"""SemanticUnitSeq2SeqClassifier: what it has beyond the contract of all classifiers."""

from __future__ import annotations

import copy
import functools
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

import sklabelemb
import sklabelemb.learning.optimizers
import sklabelemb.semantic_unit.readout as predicting
from sklabelemb import SemanticUnitSeq2SeqClassifier, load, save
from sklabelemb.decision import tuned_thresholds
from sklabelemb.inspection import write_highlights
from sklabelemb.learning import TextNet
from sklabelemb.learning.optimizers import SplitAdam
from sklabelemb.persistence.files import digest_of
from sklabelemb.semantic_unit import PAPER_SETTINGS, LabelSequence, SequenceExplanation
from sklabelemb.semantic_unit.decoding import beam_search
from sklabelemb.semantic_unit.network import WORD_STD
from sklabelemb.semantic_unit.sequences import SequenceScore

from ..tolerances import close
from .literal import LiteralText

TINY = {
    "embedding_dim": 8,
    "hidden_size": 16,
    "n_layers": 1,
    "beam_size": 3,
    "wide": False,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "max_epochs": 3,
    "batch_size": 30,
    "learning_rate": 0.06,
    "device": "cpu",
    "random_state": 0,
}
# Epochs after which these texts are learnt, for tests that ask about that.
ENOUGH = 12
TOPICS = {
    "money": ["refund", "cash", "paid", "invoice"],
    "staff": ["rude", "shouted", "angry", "driver"],
    "time": ["late", "delayed", "waiting", "slow"],
    "place": ["street", "door", "garden", "town"],
}
FILLERS = ["the", "a", "parcel", "i", "was", "and", "my", "order", "for", "today"]


def units(**parameters):
    return SemanticUnitSeq2SeqClassifier(**{**TINY, **parameters})


def write(rows, seed):
    """A text for each row: two words of each of its topics, and fillers."""
    random = np.random.default_rng(seed)
    texts = []
    for row in rows:
        words = list(random.choice(FILLERS, random.integers(1, 12)))
        for topic in np.array(list(TOPICS))[np.asarray(row) == 1]:
            words += random.choice(TOPICS[topic], 2).tolist()
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts


# "time" is the most frequent and "money" the rarest; "staff" and "place" are equally frequent.
ROWS = (np.random.default_rng(0).random((90, 4)) < [0.2, 0.3, 0.6, 0.3]).astype(int)
ROWS[:6] = 0
ROWS[6:12, [1, 3]] = [[0, 1]] * 6
while ROWS[:, 1].sum() != ROWS[:, 3].sum():
    few, many = sorted((1, 3), key=lambda column: ROWS[:, column].sum())
    ROWS[np.flatnonzero((ROWS[:, few] == 0) & (ROWS[:, many] == 1))[0], many] = 0
FRAME = pd.DataFrame(ROWS, columns=list(TOPICS))
TEXTS = write(ROWS, 1)
FREQUENCY = ["time", "staff", "place", "money"]
CODES = np.arange(60) % 4
CLASSES = np.array(list(TOPICS))[CODES]
CLASS_TEXTS = write(np.eye(4, dtype=int)[CODES], 2)
UNSEEN = [
    *write((np.random.default_rng(3).random((12, 4)) < 0.4).astype(int), 4),
    "",
    "xyzzy plugh",
    "late",
    "the " * 40,
    "a " * 11 + "late slow",
]


@functools.cache
def fitted(attention="hybrid", decision="beam", target="sets", **parameters):
    """A model that tests look at and do not change."""
    X, y = {"sets": (TEXTS, FRAME), "classes": (CLASS_TEXTS, CLASSES)}[target]
    return units(attention=attention, decision=decision, **parameters).fit(X, y)


def network_of(model):
    return model.net_.module_.eval()


def ids_of(model, text):
    """The ids of one text, made by hand."""
    words = model.vocabulary_.words
    return [words.index(t) + 2 if t in words else 1 for t in text.lower().split()]


def names_to_codes(model, names):
    known = model.label_names_.tolist()
    return [known.index(name) for name in names]


# -- label sets ------------------------------------------------------------------------------------


def test_it_learns_label_sets():
    for decision in ("beam", "marginal"):
        model = fitted(decision=decision, max_epochs=ENOUGH)
        assert (model.predict(TEXTS) == FRAME).to_numpy().mean() > 0.95
        assert model.score(TEXTS, FRAME) > 0.8


@pytest.mark.parametrize("decision", ["beam", "marginal"])
def test_texts_without_labels_are_legal_and_predicted(decision):
    model = fitted(decision=decision, max_epochs=ENOUGH)
    assert model.min_labels_ == 0
    predicted = model.predict(TEXTS).to_numpy()
    empty = ROWS.sum(axis=1) == 0
    assert empty.sum() >= 6
    assert (predicted[empty].sum(axis=1) == 0).mean() > 0.8
    ends = [sequence for sequence in model.predict_sequence(TEXTS) if not sequence.labels]
    assert ends
    assert all(sequence.label_probabilities == () for sequence in ends)
    assert all(0 < sequence.probability <= 1 for sequence in ends)


def test_every_text_gets_a_label_where_every_training_text_has_one():
    some = ROWS.sum(axis=1) > 0
    X = [text for text, kept in zip(TEXTS, some, strict=True) if kept]
    for decision in ("beam", "marginal"):
        model = units(decision=decision, max_epochs=1).fit(X, FRAME[some])
        assert model.min_labels_ == 1
        assert model.predict(["", "the the", "xyzzy"]).sum(axis=1).min() >= 1
        assert all(sequence.labels for sequence in model.predict_sequence(UNSEEN))


@pytest.mark.parametrize("attention", ["hybrid", "none"])
def test_the_beam_that_is_predicted_is_the_networks(attention):
    """The same as decoding each text alone, its ids looked up by hand."""
    model = fitted(attention)
    predicted, proba = model.predict(UNSEEN).to_numpy(), model.predict_proba(UNSEEN)
    for row, text in enumerate(UNSEEN):
        ids = torch.tensor([ids_of(model, text) or [0]])
        beams = beam_search(network_of(model), ids, 3, 0, model.max_labels_)
        best = [label for label in beams.labels[0, 0].tolist() if label >= 0]
        np.testing.assert_array_equal(np.flatnonzero(predicted[row]), sorted(best))
        close(proba[row], beams.marginals()[0], scale=1, dtype=np.float32)


@pytest.mark.parametrize("attention", ["hybrid", "additive", "units", "words", "none"])
def test_one_text_alone_and_in_any_batch(attention):
    model = fitted(attention)
    texts = UNSEEN
    labels, proba = model.predict(texts).to_numpy(), model.predict_proba(texts)
    backwards = model.predict_proba(texts[::-1])[::-1]
    close(backwards, proba, scale=1, dtype=np.float32)
    np.testing.assert_array_equal(model.predict(texts[::-1]).to_numpy()[::-1], labels)
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(model.predict([text]).to_numpy()[0], labels[row])
        close(model.predict_proba([text])[0], proba[row], scale=1, dtype=np.float32)


def test_small_batches_give_the_same(monkeypatch):
    model = fitted()
    whole = model.predict_proba(UNSEEN), model.predict_sequence(UNSEEN)
    sizes = []
    original = predicting.beam_search

    def spy(network, ids, *options):
        sizes.append(tuple(ids.shape))
        return original(network, ids, *options)

    monkeypatch.setattr(predicting, "beam_search", spy)
    monkeypatch.setattr(predicting, "LARGEST_BATCH", 2)
    close(model.predict_proba(UNSEEN), whole[0], scale=1, dtype=np.float32)
    assert max(texts for texts, _ in sizes) == 2
    assert sum(texts for texts, _ in sizes) == len(UNSEEN)
    sizes.clear()
    monkeypatch.setattr(predicting, "LARGEST_BATCH", 256)
    # So few numbers that no batch has more than 30 words.
    monkeypatch.setattr(predicting, "DECODING_ELEMENTS", 30 * 12 * 16)
    again = model.predict_sequence(UNSEEN)
    assert [sequence.labels for sequence in again] == [sequence.labels for sequence in whole[1]]
    assert all(texts * words <= 30 for texts, words in sizes if texts > 1)
    assert any(words > 30 for _, words in sizes)


def test_no_text_is_dropped():
    model = fitted(max_length=6)
    long = ["late slow waiting " + "the " * 600, "the " * 600, *TEXTS]
    assert len(model.predict(long)) == len(model.predict_proba(long)) == len(long)
    assert len(model.predict_sequence(long)) == len(long)
    # Words beyond max_length are not read, and the text is the one without them.
    cut = [" ".join(text.split()[:6]) for text in long]
    close(model.predict_proba(long), model.predict_proba(cut), scale=1, dtype=np.float32)
    whole = fitted()
    assert np.isfinite(whole.predict_proba(["late " * 3000, "the"])).all()


def test_thresholds_decide_by_marginals_only():
    beam, marginal = (copy.deepcopy(fitted(decision=way)) for way in ("beam", "marginal"))
    np.testing.assert_array_equal(beam.predict_proba(UNSEEN), marginal.predict_proba(UNSEEN))
    expected = (marginal.predict_proba(UNSEEN) >= marginal.thresholds_).astype(int)
    np.testing.assert_array_equal(marginal.predict(UNSEEN), expected)
    before = beam.predict(UNSEEN).to_numpy()
    for model in (beam, marginal):
        model.thresholds_ = np.full(4, 1.0)
    np.testing.assert_array_equal(beam.predict(UNSEEN), before)
    assert not marginal.predict(UNSEEN).to_numpy().any()
    # The decision may be changed after the fit.
    marginal.decision_ = "beam"
    np.testing.assert_array_equal(marginal.predict(UNSEEN), before)


def test_tuned_thresholds_are_those_of_the_held_out_texts(monkeypatch):
    seen = []

    def spy(targets, logits, *how):
        seen.append((targets, logits, tuned_thresholds(targets, logits, *how)))
        return seen[-1][2]

    monkeypatch.setattr("sklabelemb.learning.settings.tuned_thresholds", spy)
    parameters = {"validation_fraction": 0.2, "decision": "marginal"}
    model = units(threshold_shrinkage=10.0, **parameters).fit(TEXTS, FRAME)
    ((targets, logits, thresholds),) = seen
    np.testing.assert_array_equal(model.thresholds_, thresholds)
    assert targets.shape == logits.shape == (18, 4)
    # The logits are those of decision_function, for these texts.
    found = model.decision_function(TEXTS)
    rows = [np.abs(found - row).max(axis=1).argmin() for row in logits]
    close(found[rows], logits, dtype=np.float32)
    np.testing.assert_array_equal(ROWS[rows], targets.toarray())
    given = units(threshold=0.3, **parameters).fit(TEXTS, FRAME)
    assert given.thresholds_.tolist() == [0.3] * 4
    assert len(seen) == 1


def test_beam_size_may_be_changed_after_the_fit():
    model = units(beam_size=1).fit(TEXTS, FRAME)
    greedy = model.predict_sequence(UNSEEN)
    model.beam_size_ = 6
    wide = model.predict_sequence(UNSEEN)
    assert all(len(sequence.alternatives) == 0 for sequence in greedy)
    assert all(len(sequence.alternatives) == 5 for sequence in wide)
    assert all(
        best.probability >= one.probability - 1e-6 for one, best in zip(greedy, wide, strict=True)
    )


# -- single classes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attention", "y"),
    [("hybrid", CLASSES), ("units", CODES * 10 - 7), ("none", CLASSES)],
    ids=["hybrid", "units", "none"],
)
def test_single_classes(attention, y):
    model = units(attention=attention, max_epochs=ENOUGH).fit(CLASS_TEXTS, y)
    assert model.classes_.tolist() == sorted(set(y.tolist()))
    predicted = model.predict(CLASS_TEXTS)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.95
    proba = model.predict_proba(UNSEEN)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(UNSEEN), model.classes_[proba.argmax(axis=1)])
    assert model.thresholds_ is None
    assert model.label_order_ is None
    assert model.max_labels_ == 1
    # One step, and no end among its outputs.
    assert model.net_.module_.output.weight.shape == (4, 16)
    for text, row in zip(UNSEEN, model.decision_function(UNSEEN), strict=True):
        read = LiteralText(network_of(model), ids_of(model, text))
        logits = read.step(4, read.start)[0]
        close(row, logits, dtype=np.float32)


def test_classes_as_sequences_of_one():
    model = fitted(target="classes")
    proba = model.predict_proba(UNSEEN)
    for row, sequence in enumerate(model.predict_sequence(UNSEEN)):
        order = np.argsort(-proba[row], kind="stable")
        found = [sequence, *sequence.alternatives]
        assert [one.labels for one in found] == [(model.classes_[k],) for k in order[:3]]
        assert all(one.probability == one.label_probabilities[0] for one in found)
        np.testing.assert_allclose([one.probability for one in found], proba[row, order[:3]])
    np.testing.assert_array_equal(
        [sequence.labels[0] for sequence in model.predict_sequence(UNSEEN)], model.predict(UNSEEN)
    )


# -- sequences -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label_order", "names"),
    [("frequency", FREQUENCY), ("rare_first", ["money", "staff", "place", "time"])],
)
def test_labels_are_emitted_in_their_order(label_order, names):
    model = units(label_order=label_order, max_epochs=16).fit(TEXTS, FRAME)
    assert model.label_names_[model.label_order_].tolist() == names
    several = 0
    for sequence in model.predict_sequence(TEXTS):
        expected = [name for name in names if name in sequence.labels]
        several += len(expected) > 1 and list(sequence.labels) == expected
    assert several > 0.9 * (ROWS.sum(axis=1) > 1).sum()


def test_the_order_that_is_given_is_that_of_the_columns():
    for columns in (list(TOPICS), list(TOPICS)[::-1]):
        model = units(label_order="given", max_epochs=14).fit(TEXTS, FRAME[columns])
        assert model.label_order_.tolist() == [0, 1, 2, 3]
        found = [s.labels for s in model.predict_sequence(TEXTS) if len(s.labels) > 1]
        in_order = [list(labels) == [c for c in columns if c in labels] for labels in found]
        assert np.mean(in_order) > 0.9


def test_a_random_order_is_none():
    model = units(label_order="random", max_epochs=1).fit(TEXTS, FRAME)
    assert model.label_order_ is None
    assert model.predict(UNSEEN).shape == (len(UNSEEN), 4)


def test_a_random_order_leaves_the_global_generator_alone():
    """Held-out texts are decoded after training, outside the block that isolates randomness."""
    before = torch.get_rng_state()
    units(label_order="random", max_epochs=1, validation_fraction=0.2).fit(TEXTS, FRAME)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("attention", ["hybrid", "words"])
def test_sequences_by_hand(attention):
    model = fitted(attention)
    for text, sequence in zip(UNSEEN, model.predict_sequence(UNSEEN), strict=True):
        read = LiteralText(network_of(model), ids_of(model, text))
        found = [sequence, *sequence.alternatives]
        assert all(type(one) is LabelSequence for one in found)
        assert len(found) == 3
        probabilities = [one.probability for one in found]
        assert probabilities == sorted(probabilities, reverse=True)
        assert len({one.labels for one in found}) == len(found)
        for one in found:
            assert one is sequence or one.alternatives == ()
            codes = names_to_codes(model, one.labels)
            rows = np.exp(read.all_log_probs(codes))
            steps = [row[code] for row, code in zip(rows, codes, strict=False)]
            close(one.label_probabilities, steps, scale=1, dtype=np.float32)
            close(one.probability, np.prod(steps) * rows[-1][4], scale=1, dtype=np.float32)
            assert isinstance(one.probability, float)
            assert all(isinstance(p, float) for p in one.label_probabilities)
            assert all(type(name) is str for name in one.labels)


def test_sequences_are_the_predicted_sets():
    model = fitted()
    predicted = model.predict(UNSEEN)
    for (_, row), sequence in zip(
        predicted.iterrows(), model.predict_sequence(UNSEEN), strict=True
    ):
        assert set(sequence.labels) == set(row.index[row == 1])
        assert len(set(sequence.labels)) == len(sequence.labels)


def test_sequences_of_columns_without_names_have_numbers():
    model = units(max_epochs=1).fit(TEXTS, sp.csr_matrix(ROWS))
    for sequence in model.predict_sequence(TEXTS[:9]):
        assert all(type(name) is int and 0 <= name < 4 for name in sequence.labels)


# -- explanations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["sets", "classes"])
@pytest.mark.parametrize("attention", ["hybrid", "additive", "units", "words", "none"])
def test_explanations(attention, target):
    model = fitted(attention, target=target)
    names = model.label_names_.tolist()
    texts = UNSEEN[8:]
    explanations = model.explain(texts)
    proba, sequences = model.predict_proba(texts), model.predict_sequence(texts)
    predicted = model.predict(texts)
    for row, (text, found) in enumerate(zip(texts, explanations, strict=True)):
        assert type(found) is SequenceExplanation
        assert found.text == text
        assert found.tokens == text.split()
        assert [text[slice(*span)] for span in found.spans] == found.tokens
        assert found.label_names == names
        close(found.proba, proba[row], scale=1, dtype=np.float32)
        flags = predicted.iloc[row] if target == "sets" else np.array(names) == predicted[row]
        np.testing.assert_array_equal(found.predicted, np.asarray(flags, dtype=bool))
        assert found.sequence.labels == sequences[row].labels
        n, n_steps = len(found.tokens), len(found.sequence.labels) + (target == "sets")
        n_units = len(network_of(model).unit_spans(n))
        assert len(found.unit_spans) == n_units
        if attention in ("units", "none"):
            assert found.word_attention is None
            assert found.attention is None
        else:
            assert found.word_attention.shape == (n_steps, n)
            assert found.attention.shape == (n, 4)
        if attention in ("words", "none"):
            assert found.unit_attention is None
            assert found.unit_spans == []
            assert found.top_units(0) == []
        else:
            assert found.unit_attention.shape == (n_steps, n_units)
        for weights in (found.word_attention, found.unit_attention):
            if weights is not None and n:
                close(weights.sum(axis=1), 1, dtype=np.float32)
                assert (weights >= 0).all()
        assert found.contributions.shape == (n, 4)
        assert np.isfinite(found.contributions).all()


def test_attention_of_explanations_by_hand():
    model = fitted()
    for text, found in zip(UNSEEN, model.explain(UNSEEN), strict=True):
        read = LiteralText(network_of(model), ids_of(model, text))
        codes = names_to_codes(model, found.sequence.labels)
        state, over_words, over_units = read.start, [], []
        for label in [4, *codes]:
            _, state, words, units_ = read.step(label, state)
            over_words.append(words.numpy())
            over_units.append(units_.numpy())
        close(found.word_attention, over_words, scale=1, dtype=np.float32)
        close(found.unit_attention, over_units, scale=1, dtype=np.float32)
        # The attention of a label is that of its step: where it was emitted, or most probable.
        log_probs = np.array(read.all_log_probs(codes))[:, :4]
        for label in range(4):
            step = codes.index(label) if label in codes else int(log_probs[:, label].argmax())
            close(found.attention[:, label], over_words[step], scale=1, dtype=np.float32)


def test_top_units_are_phrases():
    model = fitted()
    text = " ".join(["the parcel", "was"] * 6 + ["late slow"])
    (found,) = model.explain([text])
    n_units = len(found.tokens) - 12
    assert found.unit_spans == [(at, at + 13) for at in range(n_units)]
    top = found.top_units(0, n=2)
    order = np.argsort(-found.unit_attention[0], kind="stable")[:2]
    close([share for _, share in top], found.unit_attention[0][order].tolist(), dtype=np.float32)
    assert [phrase for phrase, _ in top] == [
        " ".join(found.tokens[at : at + 13]) for at in order.tolist()
    ]
    assert len(found.top_units(0, n=100)) == n_units
    n_steps = len(found.unit_attention)
    for step in (-1, n_steps):
        with pytest.raises(ValueError, match=f"There is no step {step}.*steps 0 to {n_steps - 1}"):
            found.top_units(step)
    (short,) = model.explain(["late"])
    assert short.unit_spans == [(0, 1)]
    assert short.top_units(0) == [("late", pytest.approx(1.0))]


@pytest.mark.parametrize(("attention", "target"), [("hybrid", "sets"), ("none", "classes")])
def test_contributions_are_what_leaving_words_out_does(attention, target):
    model = fitted(attention, target=target)
    for found in model.explain([*UNSEEN[:3], "late", "late slow", "xyzzy"]):
        codes = names_to_codes(model, found.sequence.labels) if target == "sets" else []

        def odds(ids, codes=codes):
            read = LiteralText(network_of(model), ids)
            if target == "classes":
                return [read.step(4, read.start)[0].log_softmax(0).exp().tolist()]
            return np.exp(read.all_log_probs(codes))[:, :4]

        ids = ids_of(model, found.text)
        whole = np.array(odds(ids))
        steps = [codes.index(k) if k in codes else int(whole[:, k].argmax()) for k in range(4)]
        whole = whole[steps, range(4)]
        for place in range(len(ids)):
            less = np.array(odds(ids[:place] + ids[place + 1 :]))[steps, range(4)]
            expected = np.log(whole / (1 - whole)) - np.log(less / (1 - less))
            sure = (whole < 0.999) & (less < 0.999)
            np.testing.assert_allclose(
                found.contributions[place][sure], expected[sure], rtol=2e-3, atol=2e-3
            )


def test_the_words_of_a_topic_count_for_it():
    model = fitted("words", max_epochs=ENOUGH)
    (found,) = model.explain(["the parcel was late"])
    assert found.sequence.labels == ("time",)
    time = found.label_names.index("time")
    assert found.tokens[int(found.contributions[:, time].argmax())] == "late"


def test_flags_of_explanations_follow_the_decision():
    model = copy.deepcopy(fitted())
    for decision in ("beam", "marginal"):
        model.decision_ = decision
        model.thresholds_ = np.full(4, 1e-9)
        flags = np.array([found.predicted for found in model.explain(UNSEEN)])
        np.testing.assert_array_equal(flags, model.predict(UNSEEN))
        assert flags.all() == (decision == "marginal")


def test_explanations_of_nothing():
    for target in ("sets", "classes"):
        (found,) = fitted(target=target).explain([""])
        assert found.tokens == []
        assert found.unit_spans == []
        assert found.contributions.shape == (0, 4)
        assert found.attention.shape == (0, 4)
        n_steps = len(found.sequence.labels) + (target == "sets")
        assert found.word_attention.shape == (n_steps, 0)
        assert found.unit_attention.shape == (n_steps, 0)
        assert found.top_units(0) == []


def test_explanations_of_what_is_read_only():
    model = fitted(max_length=6)
    (found,) = model.explain(["the the the the the the late late"])
    assert found.tokens == ["the"] * 6
    assert found.contributions.shape == (6, 4)


def test_explaining_does_not_depend_on_how_many_texts_there_are(monkeypatch):
    model = fitted()
    texts = UNSEEN[8:]
    together = model.explain(texts)
    monkeypatch.setattr("sklabelemb.semantic_unit.readout.OCCLUSION_TOKENS", 20)
    for text, found in zip(texts, together, strict=True):
        (alone,) = model.explain([text])
        np.testing.assert_allclose(alone.contributions, found.contributions, atol=2e-3)
        close(alone.word_attention, found.word_attention, dtype=np.float32)


def test_explanations_can_be_highlighted(tmp_path):
    for attention in ("hybrid", "none"):
        path = tmp_path / f"{attention}.html"
        write_highlights(path, fitted(attention).explain(UNSEEN[:3]))
        assert UNSEEN[0].split()[0] in path.read_text()


# -- parameters ------------------------------------------------------------------------------------


def test_the_number_of_labels():
    most = int(ROWS.sum(axis=1).max())
    assert fitted().max_labels_ == most
    for max_labels in (1, 2):
        model = units(max_labels=max_labels, max_epochs=6).fit(TEXTS, FRAME)
        assert model.max_labels_ == max_labels
        found = model.predict(TEXTS).sum(axis=1)
        assert found.max() == max_labels
        assert max(len(s.labels) for s in model.predict_sequence(TEXTS)) == max_labels
    model = units(min_labels=2, max_labels=2, max_epochs=1).fit(TEXTS, FRAME)
    assert set(model.predict(UNSEEN).sum(axis=1)) == {2}
    assert {len(a.labels) for s in model.predict_sequence(UNSEEN) for a in s.alternatives} == {2}


def test_more_labels_than_there_are():
    model = units(min_labels=9, max_labels=12, max_epochs=1).fit(TEXTS, FRAME)
    assert (model.predict(UNSEEN).sum(axis=1) == 4).all()


def test_min_and_max_labels_that_contradict_each_other():
    with pytest.raises(
        ValueError, match=r"max_labels=1 is less than the fewest.*, 2 \(min_labels=2\)"
    ):
        units(min_labels=2, max_labels=1).fit(TEXTS, FRAME)
    two = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]] * 10)
    with pytest.raises(ValueError, match=r"max_labels=1 .*, 2 \(min_labels='auto'\)"):
        units(max_labels=1).fit(TEXTS[:30], two)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_size": 15}, "hidden_size=15 cannot be shared.*even number, or directions='sum'"),
        ({"hierarchical": 5, "attention": "words"}, "hierarchical=5 makes units, but.*'words'"),
        ({"hierarchical": 5, "attention": "none"}, "does not look at units.*hierarchical=None"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_that_do_not_go_together(parameters, message, method):
    model = units(**parameters)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(TEXTS, FRAME)
    assert not hasattr(model, "net_")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("hierarchical", 0),
        ("beam_size", 0),
        ("hidden_size", 0),
        ("n_layers", 0),
        ("max_labels", 0),
        ("dropout", 1.0),
        ("word_dropout", -0.1),
        ("max_grad_norm", 0),
        ("attention", "both"),
        ("label_order", "alphabet"),
        ("decision", "vote"),
        ("directions", "mean"),
        ("schedule", "cosine"),
    ],
)
def test_values_out_of_range(parameter, value):
    with pytest.raises(ValueError, match=rf"The '{parameter}' parameter of \w+ must be"):
        units(**{parameter: value}).fit(TEXTS, FRAME)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_size": 15, "directions": "sum"},
        {"hierarchical": 1},
        {"hierarchical": 5, "attention": "units"},
        {"hierarchical": 100, "attention": "additive"},
        {"n_layers": 3, "dropout": 0.2},
        {"beam_size": 500},
        {"max_grad_norm": None},
        {"weight_decay": 0.1},
        {"mixed_precision": True},
        {"mixed_precision": True, "directions": "sum", "hierarchical": 3},
    ],
    ids=str,
)
def test_odd_settings(parameters):
    model = units(**{"max_epochs": 1, **parameters}).fit(TEXTS, FRAME)
    assert model.predict(UNSEEN).shape == (len(UNSEEN), 4)
    proba = model.predict_proba(UNSEEN)
    assert ((proba > 0) & (proba < 1)).all()


@pytest.mark.parametrize("target", ["sets", "classes"])
def test_mixed_precision_is_for_training(target):
    X, y = {"sets": (TEXTS, FRAME), "classes": (CLASS_TEXTS, CLASSES)}[target]
    settings = {"max_epochs": 2, "learning_rate": 0.01, "n_layers": 2, "validation_fraction": 0.2}
    mixed = units(mixed_precision=True, **settings).fit(X, y)
    exact = units(**settings).fit(X, y)
    losses = [model.history_[0]["train_loss"] for model in (mixed, exact)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert all(p.dtype == torch.float32 for p in mixed.net_.module_.parameters())
    # With the same weights, in full precision: bit for bit.
    assert not np.array_equal(exact.predict_proba(UNSEEN), mixed.predict_proba(UNSEEN))
    exact.net_.module_.load_state_dict(mixed.net_.module_.state_dict())
    np.testing.assert_array_equal(exact.predict_proba(UNSEEN), mixed.predict_proba(UNSEEN))
    assert exact.predict_sequence(UNSEEN) == mixed.predict_sequence(UNSEEN)


def test_settings_of_the_paper():
    names = set(SemanticUnitSeq2SeqClassifier().get_params())
    assert set(PAPER_SETTINGS) <= names
    assert PAPER_SETTINGS["hidden_size"] == PAPER_SETTINGS["embedding_dim"] == 512
    rates = Rates()
    small = {"hidden_size": 8, "embedding_dim": 8, "max_epochs": 4, "net_params": rates.asked()}
    model = SemanticUnitSeq2SeqClassifier(**{**PAPER_SETTINGS, **small, "device": "cpu"})
    model.fit(TEXTS, FRAME)
    # 90 texts make two batches of 64; the rate is halved after each of the four epochs.
    wanted = [3e-4 * 0.5**epoch for epoch in range(4) for _ in range(2)]
    assert rates.seen == pytest.approx(wanted)
    assert model.net_.module_.encoder.directions == "sum"
    assert model.wide_ is None


def test_the_linear_schedule_ends_at_zero():
    rates = Rates()
    units(max_epochs=4, warmup=0.2, net_params=rates.asked()).fit(TEXTS, FRAME)
    assert max(rates.seen) == pytest.approx(TINY["learning_rate"])
    assert rates.seen.index(max(rates.seen)) < len(rates.seen) / 3
    assert 0 < rates.seen[-1] < max(rates.seen) / 5


class Rates(Callback):
    """Notes the learning rate of every batch."""

    def __init__(self):
        self.seen = []

    def asked(self):
        return {"callbacks": [("rates", self)]}

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            self.seen.append(net.optimizer_.param_groups[0]["lr"])


# -- training --------------------------------------------------------------------------------------


class Norms(Callback):
    """Notes how long the gradient of every step is, as the optimiser sees it."""

    def __init__(self):
        self.seen = []

    def on_batch_end(self, net, training, **kwargs):
        if training:
            parts = [p.grad for p in net.module_.parameters() if p.grad is not None]
            dense = [g.coalesce().values() if g.is_sparse else g for g in parts]
            self.seen.append(torch.stack([part.norm() for part in dense]).norm().item())
            self.sparse = any(g.is_sparse for g in parts)


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_are_clipped_in_a_fit(sparse, monkeypatch):
    if sparse:
        monkeypatch.setattr(sklabelemb.learning.optimizers, "SPARSE_FROM_ELEMENTS", 1)
    longest = {}
    for most in (None, 0.05):
        norms = Norms()
        model = units(max_grad_norm=most, max_epochs=2, net_params={"callbacks": [norms]})
        model.fit(TEXTS, FRAME)
        assert norms.sparse is sparse
        assert model.net_.module_.embedding.sparse is sparse
        longest[most] = max(norms.seen)
        assert np.isfinite(model.predict_proba(UNSEEN)).all()
    assert longest[None] > 0.1
    assert longest[0.05] <= 0.05 * (1 + 1e-5)


def test_sparse_tables_learn_as_well(monkeypatch):
    monkeypatch.setattr(sklabelemb.learning.optimizers, "SPARSE_FROM_ELEMENTS", 1)
    model = units(max_epochs=ENOUGH).fit(TEXTS, FRAME)
    assert model.net_.module_.embedding.sparse
    assert (model.predict(TEXTS) == FRAME).to_numpy().mean() > 0.95
    model.partial_fit([*TEXTS, "a new word"], pd.concat([FRAME, FRAME[:1]]))
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_proba(UNSEEN), model.predict_proba(UNSEEN))


def test_the_weights_of_the_flag_outlive_a_fit():
    """Padding would leak otherwise, into every text that is shorter than another of its batch."""
    for parameters in ({}, {"weight_decay": 2.0, "max_epochs": 8, "patience": None}):
        model = units(learning_rate=0.1, **parameters).fit(TEXTS, FRAME)
        network = network_of(model).double()
        short, long = torch.tensor([[2, 3]]), torch.tensor([[2, 3, *[0] * 30]])
        torch.testing.assert_close(network(short), network(long), rtol=0, atol=1e-9)


@pytest.mark.parametrize("learning_rate", [0.03, 1e-6])
def test_the_best_epoch_is_that_of_greedy_decoding(learning_rate, monkeypatch):
    """Also where predicting every label of every text would be better than what was found."""
    decoded, trained = [], []
    on_epoch_end, train_on = SequenceScore.on_epoch_end, TextNet.train_on

    def spy(self, net, *, dataset_valid=None, **kwargs):
        """What greedy decoding finds in each held-out text alone."""
        (part,) = dataset_valid.parts
        rows = np.zeros((len(dataset_valid), 4), dtype=bool)
        net.module_.eval()
        for row in range(len(rows)):
            ids = part.batch(np.array([row]))[0]["ids"]
            found = beam_search(net.module_, ids, 1, 0, int(ROWS.sum(axis=1).max()))
            rows[row] = found.members()[0, 0]
        decoded.append((dataset_valid, rows))
        return on_epoch_end(self, net, dataset_valid=dataset_valid, **kwargs)

    def see(self, train, valid, *args, **how):
        trained.append((train, valid))
        return train_on(self, train, valid, *args, **how)

    monkeypatch.setattr(SequenceScore, "on_epoch_end", spy)
    monkeypatch.setattr(TextNet, "train_on", see)
    settings = {"validation_fraction": 0.2, "max_epochs": 4, "patience": None}
    model = units(learning_rate=learning_rate, **settings).fit(TEXTS, FRAME)
    monkeypatch.undo()
    ((train, valid),) = trained
    assert (len(train), len(valid)) == (72, 18)
    assert len(decoded) == 4
    truth = valid.parts[0].targets.toarray().astype(bool)
    for row, (data, best) in zip(model.history_, decoded, strict=True):
        assert data is valid
        # Micro-F1 and a quarter of macro-F1 of what was found, and of nothing else.
        hits, total = (best & truth).sum(axis=0), best.sum(axis=0) + truth.sum(axis=0)
        micro = 2 * hits.sum() / max(total.sum(), 1)
        macro = np.mean(2 * hits / np.maximum(total, 1))
        assert row["valid_score"] == pytest.approx(micro + macro / 4, abs=1e-6)
        assert "valid_loss" in row


class Weights(Callback):
    """Keeps the weights of every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.kept = []

    def on_epoch_end(self, net, **kwargs):
        self.kept.append({k: v.clone() for k, v in net.module_.state_dict().items()})


def test_the_weights_of_the_best_epoch_are_kept():
    weights = Weights()
    settings = {"validation_fraction": 0.2, "max_epochs": 30, "patience": 2}
    model = units(**settings, net_params={"callbacks": [weights]}).fit(TEXTS, FRAME)
    scores = [row["valid_score"] for row in model.history_]
    assert model.best_epoch_ == 1 + int(np.argmax(scores))
    assert model.n_iter_ == model.best_epoch_ + 2 < 30
    kept = weights.kept[model.best_epoch_ - 1]
    for name, value in model.net_.module_.state_dict().items():
        assert torch.equal(value, kept[name]), name


def test_class_weights_reach_the_loss():
    model = units(max_epochs=1, class_weight={"money": 7.0}).fit(TEXTS, FRAME)
    assert model.net_.criterion_.losses[0].class_weight.tolist() == [7, 1, 1, 1, 1]
    balanced = units(max_epochs=1, class_weight="balanced").fit(TEXTS, FRAME)
    weights = balanced.net_.criterion_.losses[0].class_weight.tolist()
    assert weights[-1] == 1
    assert np.argsort(weights[:4])[-1] == 0
    classes = units(max_epochs=1, class_weight={"time": 3.0}).fit(CLASS_TEXTS, CLASSES)
    assert classes.net_.criterion_.losses[0].class_weight.tolist() == [1, 1, 1, 3]


def test_heavier_labels_come_up_more_often():
    noise = ["the parcel"] * 80
    y = pd.DataFrame({"rare": [1, 0, 0, 0] * 20, "other": [0, 1, 1, 0] * 20})
    settings = {"validation_fraction": 0, "max_epochs": 10}
    light, heavy = (
        units(class_weight=weight, **settings).fit(noise, y).predict_proba(["the parcel"])[0, 0]
        for weight in (None, {"rare": 20.0})
    )
    assert light == pytest.approx(0.25, abs=0.1)
    assert heavy > 0.6


def test_texts_of_weight_zero_are_left_out():
    """Also where orders and numbers of labels are counted."""
    wrong = np.zeros((60, 4), dtype=int)
    wrong[:, 0] = 1
    full = np.ones((5, 4), dtype=int)
    X = [*TEXTS, *["the parcel"] * 65]
    y = pd.DataFrame(np.vstack([ROWS, wrong, full]), columns=list(TOPICS))
    weight = np.repeat([1.0, 0.0], [90, 65])
    model = units(max_epochs=ENOUGH).fit(X, y, sample_weight=weight)
    assert (model.predict(TEXTS) == FRAME).to_numpy().mean() > 0.95
    names = model.label_names_
    assert names[model.label_order_].tolist() == names[fitted().label_order_].tolist() == FREQUENCY
    some = ROWS.sum(axis=1) <= 2
    model = units(max_epochs=1).fit(TEXTS, FRAME, sample_weight=some.astype(float))
    assert model.max_labels_ == 2


# -- going on --------------------------------------------------------------------------------------


def test_partial_fit_raises_the_number_of_labels_and_keeps_the_order():
    few = ROWS.sum(axis=1) <= 1
    X = [text for text, kept in zip(TEXTS, few, strict=True) if kept]
    model = units().partial_fit(X, FRAME[few])
    assert model.max_labels_ == 1
    order = model.label_order_.copy()
    assert model.predict(TEXTS).sum(axis=1).max() <= 1
    # Another frequency, which no longer counts.
    other = FRAME.copy()
    other["money"] = 1
    model.partial_fit([text + " refund" for text in TEXTS], other)
    assert model.max_labels_ == other.sum(axis=1).max()
    np.testing.assert_array_equal(model.label_order_, order)
    model.partial_fit(X, FRAME[few])
    assert model.max_labels_ == other.sum(axis=1).max()
    given = units(max_labels=2).partial_fit(X, FRAME[few]).partial_fit(TEXTS, other)
    assert given.max_labels_ == 2


def test_partial_fit_lowers_the_fewest_labels():
    some = ROWS.sum(axis=1) > 0
    model = units().partial_fit(
        [text for text, kept in zip(TEXTS, some, strict=True) if kept], FRAME[some]
    )
    assert model.min_labels_ == 1
    assert model.partial_fit(TEXTS, FRAME).min_labels_ == 0


def test_partial_fit_learns_new_words():
    model = units().partial_fit(TEXTS, FRAME)
    n_words = len(model.vocabulary_)
    y = FRAME.iloc[:2].copy()
    y.iloc[:] = [[1, 0, 0, 0], [0, 1, 0, 0]]
    y = pd.concat([y] * 20)
    before = model.net_.module_.embedding.weight.detach().clone()
    model.partial_fit(["zebra unicorn", "griffin chimera"] * 20, y)
    assert len(model.vocabulary_) == n_words + 4
    for _ in range(8):
        model.partial_fit(["zebra unicorn", "griffin chimera"] * 20, y)
    proba = model.predict_proba(["zebra unicorn", "griffin chimera"])
    assert proba[0, 0] > proba[1, 0]
    assert proba[1, 1] > proba[0, 1]
    assert len(model.net_.module_.embedding.weight) == len(before) + 4


def test_warm_start_goes_on():
    model = units(warm_start=True, validation_fraction=0).fit(TEXTS, FRAME)
    first, order = model.history_[-1]["train_loss"], model.label_order_.copy()
    model.fit([*TEXTS, "one newword"], pd.concat([FRAME, FRAME[:1]]))
    assert model.history_[-1]["train_loss"] < first
    np.testing.assert_array_equal(model.label_order_, order)
    model.set_params(hidden_size=8)
    with pytest.raises(ValueError, match="Cannot go on"):
        model.fit(TEXTS, FRAME)
    model.set_params(hidden_size=16, attention="none")
    with pytest.raises(ValueError, match="Cannot go on"):
        model.fit(TEXTS, FRAME)


def test_partial_fit_of_single_classes():
    model = units()
    for _ in range(15):
        model.partial_fit(CLASS_TEXTS, CLASSES, classes=list(TOPICS))
    assert model.score(CLASS_TEXTS, CLASSES) > 0.9
    assert model.max_labels_ == 1


# -- saving ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attention", "decision", "target"),
    [
        ("hybrid", "beam", "sets"),
        ("none", "marginal", "sets"),
        ("hybrid", "marginal", "classes"),
        ("none", "beam", "classes"),
    ],
)
def test_a_saved_model_is_the_same(tmp_path, target, decision, attention):
    model = fitted(attention, decision, target)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is SemanticUnitSeq2SeqClassifier
    assert again.get_params() == model.get_params()
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(
            getattr(again, method)(UNSEEN), getattr(model, method)(UNSEEN)
        )
    assert again.predict_sequence(UNSEEN) == model.predict_sequence(UNSEEN)
    np.testing.assert_array_equal(
        again.explain(UNSEEN[:1])[0].contributions, model.explain(UNSEEN[:1])[0].contributions
    )
    assert (again.min_labels_, again.max_labels_) == (model.min_labels_, model.max_labels_)
    np.testing.assert_array_equal(again.label_order_, model.label_order_)
    if target != "classes":
        np.testing.assert_array_equal(again.label_embeddings_, model.label_embeddings_)
    assert again.count_parameters() == model.count_parameters()


@pytest.mark.parametrize("label_order", ["frequency", "random"])
def test_a_saved_model_can_go_on(tmp_path, label_order):
    model = units(label_order=label_order, class_weight={"money": 2.0}, max_epochs=2)
    model.fit(TEXTS, FRAME)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.net_.criterion_.losses[0].class_weight.tolist() == [2, 1, 1, 1, 1]
    # What Adam remembers is not saved, and not copied either.
    model = copy.deepcopy(model)
    for one in (model, again):
        one.partial_fit([*TEXTS, "one newword"], pd.concat([FRAME, FRAME[:1]]))
    assert len(again.vocabulary_) == len(model.vocabulary_)
    assert (again.label_order_ is None) is (label_order == "random")
    assert type(again.net_.optimizer_) is SplitAdam
    np.testing.assert_allclose(again.predict_proba(UNSEEN), model.predict_proba(UNSEEN), atol=0.02)


@pytest.mark.parametrize("part", ["max_labels", "label_order"])
def test_a_saved_model_without_a_part_is_refused(tmp_path, part):
    save(fitted(), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text())
    del description["model"]["tasks"]["default"]["$Task"][part]
    description["digest"] = digest_of(description)
    path.write_text(json.dumps(description))
    with pytest.raises(
        ValueError, match="do not make a SemanticUnitSeq2SeqClassifier: Task has the fields"
    ):
        load(tmp_path / "model")


# -- vectors and label texts -----------------------------------------------------------------------


def test_pretrained_vectors():
    random = np.random.default_rng(0)
    words = ["late", "refund", "rude", "unseenword"]
    matrix = random.normal(scale=7.0, size=(4, 6)).astype(np.float32)
    model = units(vectors=(words, matrix), max_epochs=1, learning_rate=1e-12).fit(TEXTS, FRAME)
    table = model.net_.module_.embedding.weight.detach().numpy()
    known = [model.vocabulary_[word] for word in words[:3]]
    assert "unseenword" not in model.vocabulary_
    # As long as random vectors are, in the directions of the given ones.
    scale = WORD_STD / matrix[:3].std()
    close(table[known][:, :6], matrix[:3] * scale, dtype=np.float32)
    others = [i for i in range(2, len(table)) if i not in known]
    assert table[others].std() == pytest.approx(WORD_STD / 10, rel=0.15)
    assert table[known][:, 6:].std() < WORD_STD / 3
    assert not table[0].any()
    with pytest.raises(ValueError, match="vectors have 6 dimensions, but embedding_dim is 4"):
        units(vectors=(words, matrix), embedding_dim=4).fit(TEXTS, FRAME)


def test_vectors_of_words_that_come_later():
    matrix = np.eye(2, 8, dtype=np.float32)
    settings = {"vectors": (["late", "zebra"], matrix), "learning_rate": 1e-12}
    model = units(**settings).partial_fit(TEXTS, FRAME)
    assert "zebra" not in model.vocabulary_
    model.partial_fit([*TEXTS, "zebra", "nothing"], pd.concat([FRAME, FRAME[:2]]))
    row = model.net_.module_.embedding.weight[model.vocabulary_["zebra"]].detach().numpy()
    assert row[1] == pytest.approx(np.abs(row).max())
    assert np.abs(np.delete(row, 1)).max() < 1e-3


def test_label_vectors_start_from_label_texts():
    settings = {"max_epochs": 1, "learning_rate": 1e-12}
    texts = {"money": "refund cash", "time": "late", "staff": "xyzzy", "place": ""}
    model = units(label_texts=texts, **settings).fit(TEXTS, FRAME)
    words = model.net_.module_.embedding.weight.detach().numpy()

    def mean(*tokens):
        return words[[model.vocabulary_[token] for token in tokens]].mean(axis=0)

    vectors = dict(zip(model.label_names_, model.label_embeddings_, strict=True))
    close(vectors["money"], mean("refund", "cash"), dtype=np.float32)
    close(vectors["time"], mean("late"), dtype=np.float32)
    for name in ("staff", "place"):
        assert np.abs(words - vectors[name]).max(axis=1).min() > 1e-3
    assert model.label_embeddings_.shape == (4, 8)
    # "auto": the names of the columns; none of them is a word of the texts.
    auto = units(**settings).fit([*TEXTS, "money"], pd.concat([FRAME, FRAME[:1]]))
    money = auto.net_.module_.embedding.weight[auto.vocabulary_["money"]].detach().numpy()
    close(auto.label_embeddings_[0], money, dtype=np.float32)


def test_label_texts_start_from_vectors_of_words_that_no_text_has():
    vectors = (["money", "late"], np.eye(2, 8, dtype=np.float32))
    settings = {"max_epochs": 1, "learning_rate": 1e-12}
    model = units(vectors=vectors, **settings).fit(TEXTS, FRAME)
    assert "money" not in model.vocabulary_
    row = model.label_embeddings_[0]
    assert row[0] == pytest.approx(np.abs(row).max())
    assert np.abs(row[1:]).max() < 1e-3


def test_label_embeddings_are_a_copy():
    model = fitted()
    before = model.predict_proba(UNSEEN)
    model.label_embeddings_[:] = 0
    np.testing.assert_array_equal(model.predict_proba(UNSEEN), before)
    with pytest.raises(NotFittedError):
        _ = units().label_embeddings_


def test_the_public_names():
    assert sklabelemb.SemanticUnitSeq2SeqClassifier is SemanticUnitSeq2SeqClassifier
    assert "SemanticUnitSeq2SeqClassifier" in dir(sklabelemb)
