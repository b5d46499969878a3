"""The wide path beside the decoder, against sums over texts, steps and labels written out."""

from __future__ import annotations

import copy
import functools
import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from sklabelemb import SemanticUnitSeq2SeqClassifier, load, save
from sklabelemb.learning import TextDataset, isolated_randomness
from sklabelemb.linear import Mixture
from sklabelemb.semantic_unit import mixing
from sklabelemb.semantic_unit.mixing import UNMIXED, Evidence, fitted_mixture
from sklabelemb.semantic_unit.readout import SequenceReadout
from sklabelemb.semantic_unit.sequences import SequenceDataset

from ..tolerances import close
from .literal import LiteralText

TINY = {
    "embedding_dim": 8,
    "hidden_size": 8,
    "n_layers": 1,
    "beam_size": 3,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "max_epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.03,
    "validation_fraction": 0.2,
    "device": "cpu",
    "random_state": 0,
}
NAMES = ["money", "staff", "time"]
SIGNS = {"money": ["refund", "cash"], "staff": ["rude", "angry"], "time": ["late", "slow"]}


def units(**parameters):
    return SemanticUnitSeq2SeqClassifier(**{**TINY, **parameters})


def write(n, seed, noise=0.2):
    """Texts about some of three topics, some of which name another topic than they are about."""
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < [0.6, 0.4, 0.5]).astype(int)
    texts = []
    for row in rows:
        words = list(random.choice(["the", "a", "parcel", "my", "was"], random.integers(1, 6)))
        shown = np.where(random.random(3) < noise, 1 - row, row)
        words += [random.choice(SIGNS[name]) for name in np.array(NAMES)[shown == 1]]
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, rows


TEXTS, ROWS = write(120, 0)
FRAME = pd.DataFrame(ROWS, columns=NAMES)
CLASSES = np.array(NAMES)[ROWS.argmax(axis=1)]
MORE, MORE_ROWS = write(80, 1)
UNSEEN = ["my parcel was late", "rude and slow", "", "xyzzy refunds", "the the cash was angry late"]


@functools.cache
def fitted(target="sets", **parameters):
    """A model that tests look at and do not change."""
    return units(**parameters).fit(TEXTS, FRAME if target == "sets" else CLASSES)


def encoded(model, texts):
    return SequenceReadout(model.model_).encode(texts)


def samples(model, texts, rows, order=None):
    """Texts and their sequences, as held-out texts are."""
    return SequenceDataset(
        encoded(model, texts), sp.csr_matrix(rows), n_words=len(model.vocabulary_), order=order
    )


def ids_of(model, text):
    words = model.vocabulary_.words
    return [words.index(t) + 2 if t in words else 1 for t in text.lower().split()]


def mixed(model, logits, scores):
    """The logits of one step from both paths, label by label."""
    mixture = model.mixture_
    rows = [mixture.deep * logits[k] + mixture.wide * scores[k] for k in range(len(scores))]
    return np.array([*rows, mixture.deep * logits[-1] + mixture.offset])


def all_log_probs(model, ids, scores, labels):
    """Log-probabilities of both paths at every step, by the literal network."""
    read, rows = LiteralText(model.net_.module_, ids), []
    state = read.start
    for place, label in enumerate([len(scores), *labels]):
        logits, state, _, _ = read.step(label, state)
        z = mixed(model, logits.numpy(), scores)
        z[list(labels[:place])] = -np.inf
        rows.append(z - np.log(np.exp(z - z.max()).sum()) - z.max())
    return np.array(rows)


def all_sequences(model, text, n_labels=3):
    """Every sequence of one text with its log-probability and those of its steps."""
    scores = model.wide_.scores(encoded(model, [text]), model.vocabulary_)[0].astype(float)
    found = {}
    for n in range(model.min_labels_, model.max_labels_ + 1):
        for labels in itertools.permutations(range(n_labels), n):
            rows = all_log_probs(model, ids_of(model, text), scores, labels)
            steps = [rows[at, label] for at, label in enumerate(labels)]
            found[labels] = (sum(steps) + rows[-1, -1], steps)
    return found


def log_odds(log_probs):
    p = np.exp(log_probs)
    return np.log(p) - np.log(1 - p)


# -- what the wide path says -----------------------------------------------------------------------


@pytest.mark.parametrize("ends", [True, False])
def test_evidence_by_hand(ends):
    model = fitted()
    mixture = Mixture(deep=0.7, wide=1.3, offset=-0.4)
    evidence = Evidence(model.wide_, mixture, model.vocabulary_, ends)
    token_ids = encoded(model, UNSEEN)
    scores = model.wide_.scores(token_ids, model.vocabulary_)
    contributions = model.wide_.contributions(token_ids, model.vocabulary_)
    bias, shares = evidence.bias(token_ids), evidence.shares(token_ids)
    assert bias.dtype == shares.dtype == torch.float32
    assert bias.shape == (len(UNSEEN), 3 + ends)
    assert shares.shape == (len(token_ids.ids), 3 + ends)
    for row in range(len(UNSEEN)):
        wanted = [1.3 * scores[row, k] for k in range(3)] + [-0.4] * ends
        close(bias[row], wanted, dtype=np.float32)
    for token in range(len(shares)):
        wanted = [1.3 * contributions[token, k] for k in range(3)] + [0.0] * ends
        close(shares[token], wanted, dtype=np.float32)
    # The words of a text and what no word has a part in are all there is.
    constant = [*(1.3 * model.wide_.bias), *[-0.4] * ends]
    for row, (start, stop) in enumerate(itertools.pairwise(token_ids.offsets)):
        together = shares[start:stop].double().sum(dim=0).numpy() + constant
        close(bias[row], together, dtype=np.float32)
    assert np.abs(contributions).max() > 0.1


# -- how the paths are mixed -----------------------------------------------------------------------


def literal_loss(model, wide, texts, sequences):
    """What was emitted, and what is far from `UNMIXED`, cost: a function of three numbers."""
    scores = wide.scores(encoded(model, texts), model.vocabulary_).astype(float)
    steps = []
    for text, own, labels in zip(texts, scores, sequences, strict=True):
        read = LiteralText(model.net_.module_, ids_of(model, text))
        state = read.start
        for place, label in enumerate([3, *labels]):
            logits, state, _, _ = read.step(label, state)
            emitted = labels[place] if place < len(labels) else 3
            steps.append((logits.tolist(), own, labels[:place], emitted))

    def loss(deep, weight, offset):
        total = 0.0
        for logits, own, before, emitted in steps:
            z = {k: deep * logits[k] + weight * own[k] for k in range(3) if k not in before}
            z[3] = deep * logits[3] + offset
            total -= z[emitted] - np.log(sum(np.exp(value) for value in z.values()))
        away = np.array([deep, weight, offset]) - [UNMIXED.deep, UNMIXED.wide, UNMIXED.offset]
        return (total + mixing.RIDGE * np.sum(away**2)) / len(steps)

    return loss


def in_order(rows, order):
    return [[k for k in order if row[k]] for row in rows.tolist()]


@pytest.mark.parametrize("label_order", ["frequency", "given"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_mixture_is_the_most_probable_one(label_order, seed):
    model = fitted(label_order=label_order)
    texts, rows = write(60, 10 + seed)
    order = model.label_order_
    data = samples(model, texts, rows, order)
    found = fitted_mixture(model.net_, data, model.wide_, model.vocabulary_)
    loss = literal_loss(model, model.wide_, texts, in_order(rows, order))
    numbers = np.array([found.deep, found.wide, found.offset])
    assert (numbers[:2] > 0.05).all()
    best = loss(*numbers)
    for place, step in itertools.product(range(3), (0.02, 0.2)):
        for sign in (-1, 1):
            other = numbers.copy()
            other[place] += sign * step
            assert loss(*other) > best
    # Nor is there a way down in any direction, as far as an optimiser can tell.
    slopes = [(loss(*(numbers + way)) - loss(*(numbers - way))) / 2e-4 for way in 1e-4 * np.eye(3)]
    np.testing.assert_allclose(slopes, 0, atol=1e-3)
    assert best < loss(UNMIXED.deep, UNMIXED.wide, UNMIXED.offset)
    # Better than either path alone.
    assert best < min(loss(1.0, 0.0, 0.0), loss(0.0, 1.0, 0.0))


def test_no_path_counts_against_what_it_says():
    model = fitted()
    data = samples(model, MORE, MORE_ROWS, model.label_order_)
    wrong = replace(model.wide_, weights=-model.wide_.weights)
    found = fitted_mixture(model.net_, data, wrong, model.vocabulary_)
    assert found.wide == 0
    assert found.deep > 0.3
    loss = literal_loss(model, wrong, MORE, in_order(MORE_ROWS, model.label_order_))
    best = loss(found.deep, 0.0, found.offset)
    assert loss(found.deep, 0.02, found.offset) > best
    # Beyond the bound it would be better.
    assert loss(found.deep, -0.02, found.offset) < best
    backwards = units().fit(TEXTS, FRAME)
    with torch.no_grad():
        for parameter in backwards.net_.module_.output.parameters():
            parameter *= -1
    found = fitted_mixture(backwards.net_, data, model.wide_, model.vocabulary_)
    assert found.deep == 0
    assert found.wide > 0.3


class NoiseNetwork(torch.nn.Module):
    """Says anything, whatever the text is."""

    n_labels = 3

    def forward(self, ids, labels):
        logits = 2 * torch.randn(len(ids), labels.shape[1] + 1, 4)
        for row, own in enumerate(labels.tolist()):
            for place, label in enumerate(own):
                if label >= 0:
                    logits[row, place + 1 :, label] = -torch.inf
        return logits.log_softmax(dim=2)


class NoiseWidePath:
    """The same, of the linear model."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def scores(self, texts, vocabulary):
        return self.random.normal(scale=2, size=(len(texts), 3)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_useless_hardly_counts(seed):
    model = fitted()
    texts, rows = write(400, 20 + seed)
    data = samples(model, texts, rows, model.label_order_)
    silent = copy.copy(model.net_)
    silent.module_ = NoiseNetwork()
    both = fitted_mixture(model.net_, data, model.wide_, model.vocabulary_)
    deep = fitted_mixture(model.net_, data, NoiseWidePath(seed), model.vocabulary_)
    with isolated_randomness(seed):
        wide = fitted_mixture(silent, data, model.wide_, model.vocabulary_)
    assert both.deep > 0.3
    assert both.wide > 0.15
    assert deep.deep > both.deep
    assert deep.wide < 0.06
    assert wide.wide > both.wide
    assert wide.deep < 0.06


def test_few_numbers_are_enough(monkeypatch):
    """Of many held-out texts some batches are looked at, which are drawn at random."""
    model = fitted()
    texts, rows = write(600, 50)
    data = samples(model, texts, rows, model.label_order_)
    steps = []
    original = mixing._steps

    def spy(*arguments):
        steps.append(original(*arguments))
        return steps[-1]

    monkeypatch.setattr(mixing, "_steps", spy)
    whole = fitted_mixture(model.net_, data, model.wide_, model.vocabulary_)
    monkeypatch.setattr(mixing, "MIXTURE_ELEMENTS", 4 * 300)
    with isolated_randomness(0):
        some = fitted_mixture(model.net_, data, model.wide_, model.vocabulary_)
    assert len(steps[0][0]) == rows.sum() + len(rows)
    assert 300 <= len(steps[1][0]) < len(steps[0][0])
    for one, other in zip(vars(some).values(), vars(whole).values(), strict=True):
        assert one == pytest.approx(other, abs=0.5)


@pytest.mark.parametrize("label_order", ["frequency", "random"])
def test_a_fit_leaves_the_global_generators_alone(label_order):
    torch.manual_seed(5)
    np.random.seed(5)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()
    model = units(label_order=label_order, max_epochs=1).fit(TEXTS, FRAME)
    assert model.mixture_ != UNMIXED
    assert torch.equal(torch.get_rng_state(), torch_before)
    for now, before in zip(np.random.get_state(), numpy_before, strict=True):
        np.testing.assert_array_equal(now, before)
    # So the same seed gives the same mixture, whatever is drawn in between.
    torch.rand(3)
    again = units(label_order=label_order, max_epochs=1).fit(TEXTS, FRAME)
    assert again.mixture_ == model.mixture_


# -- in the classifier -----------------------------------------------------------------------------


def test_sequences_of_both_paths_by_hand():
    model = fitted(beam_size=16)
    assert model.mixture_.wide > 0.1
    # As many as there are sequences: nothing is left out.
    proba = model.predict_proba(UNSEEN)
    decisions = model.predict(UNSEEN).to_numpy()
    order = model.label_names_.tolist()
    for row, (text, sequence) in enumerate(
        zip(UNSEEN, model.predict_sequence(UNSEEN), strict=True)
    ):
        wanted = all_sequences(model, text)
        assert np.exp([score for score, _ in wanted.values()]).sum() == pytest.approx(1)
        found = [sequence, *sequence.alternatives]
        assert len(found) == len(wanted) == 16
        for one in found:
            score, steps = wanted[tuple(order.index(name) for name in one.labels)]
            close(one.probability, np.exp(score), scale=1, dtype=np.float32)
            close(one.label_probabilities, np.exp(steps), scale=1, dtype=np.float32)
        best = max(wanted, key=lambda labels: wanted[labels][0])
        assert np.flatnonzero(decisions[row]).tolist() == sorted(best)
        for k in range(3):
            marginal = sum(np.exp(s) for labels, (s, _) in wanted.items() if k in labels)
            close(proba[row, k], marginal, scale=1, dtype=np.float32)


def test_explanations_of_both_paths_by_hand():
    model = fitted()
    for found in model.explain(UNSEEN):
        token_ids, ids = encoded(model, [found.text]), ids_of(model, found.text)
        codes = [NAMES.index(name) for name in found.sequence.labels]
        scores = model.wide_.scores(token_ids, model.vocabulary_)[0].astype(float)
        shares = model.wide_.contributions(token_ids, model.vocabulary_)
        whole = all_log_probs(model, ids, scores, codes)[:, :3]
        steps = [codes.index(k) if k in codes else int(whole[:, k].argmax()) for k in range(3)]
        assert found.contributions.shape == (len(ids), 3)
        for place in range(len(ids)):
            left = ids[:place] + ids[place + 1 :]
            less = all_log_probs(model, left, scores - shares[place], codes)[:, :3]
            for k in range(3):
                wanted = log_odds(whole[steps[k], k]) - log_odds(less[steps[k], k])
                assert found.contributions[place, k] == pytest.approx(wanted, abs=2e-3, rel=2e-3)


def test_a_word_that_the_network_cannot_tell_counts_by_its_letters():
    model = fitted()
    (found,) = model.explain(["xyzzy refunds"])
    assert ids_of(model, found.text) == [1, 1]
    money = found.contributions[:, NAMES.index("money")]
    assert money[1] > money[0] + 0.1


def test_single_classes_are_mixed_like_those_of_leam():
    model = fitted("classes")
    token_ids = encoded(model, UNSEEN)
    deep = model.net_.predict_logits(TextDataset(token_ids, n_words=len(model.vocabulary_)))
    wide = model.wide_.scores(token_ids, model.vocabulary_)
    mixture = model.mixture_
    assert mixture.offset == 0
    assert mixture.wide > 0
    mixed_logits = mixture.deep * deep + mixture.wide * wide
    close(model.decision_function(UNSEEN), mixed_logits, dtype=np.float32)
    proba = np.exp(mixed_logits) / np.exp(mixed_logits).sum(axis=1, keepdims=True)
    close(model.predict_proba(UNSEEN), proba, scale=1, dtype=np.float32)
    for row, sequence in zip(proba, model.predict_sequence(UNSEEN), strict=True):
        assert sequence.labels == (NAMES[row.argmax()],)
        close(sequence.probability, row.max(), scale=1, dtype=np.float32)
    (found,) = model.explain(["rude and slow"])
    shares = model.wide_.contributions(encoded(model, [found.text]), model.vocabulary_)
    ids, whole = ids_of(model, found.text), np.log(proba[1])
    for place in range(3):
        read = LiteralText(model.net_.module_, ids[:place] + ids[place + 1 :])
        z = mixture.deep * read.step(3, read.start)[0].numpy()
        z += mixture.wide * (wide[1] - shares[place])
        less = z - np.log(np.exp(z).sum())
        wanted = log_odds(whole) - log_odds(less)
        np.testing.assert_allclose(found.contributions[place], wanted, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("target", ["sets", "classes"])
def test_without_a_wide_path(target):
    model = fitted(target, wide=False)
    assert model.wide_ is None
    assert model.predict_proba(UNSEEN).shape == (5, 3)
    both = fitted(target)
    # Each path has its own loss: the network is the same.
    for name, value in both.net_.module_.state_dict().items():
        assert torch.equal(value, model.net_.module_.state_dict()[name]), name
    assert both.history_[-1]["train_loss"] == model.history_[-1]["train_loss"]
    assert np.abs(both.predict_proba(UNSEEN) - model.predict_proba(UNSEEN)).max() > 0.01


def test_without_held_out_texts_there_is_nothing_to_mix_by():
    model = units(validation_fraction=0, max_epochs=2).fit(TEXTS, FRAME)
    assert model.mixture_ == UNMIXED
    assert model.wide_ is not None
    classes = units(validation_fraction=0, max_epochs=2).fit(TEXTS, CLASSES)
    assert classes.mixture_ == UNMIXED
    text = UNSEEN[0]
    wanted = all_sequences(model, text)
    model.beam_size_ = 16
    (sequence,) = model.predict_sequence([text])
    codes = tuple(NAMES.index(name) for name in sequence.labels)
    close(sequence.probability, np.exp(wanted[codes][0]), scale=1, dtype=np.float32)


def test_updates_go_on_with_both_paths():
    model = units().fit(TEXTS, FRAME)
    wide, mixture = model.wide_, model.mixture_
    weights = model.net_.module_.output.weight.detach().clone()
    model.partial_fit([*MORE, "a newword"], np.vstack([MORE_ROWS, [[1, 0, 0]]]))
    assert model.mixture_ == mixture
    assert model.wide_.weights.shape == wide.weights.shape
    assert not np.array_equal(model.wide_.weights, wide.weights)
    assert not torch.equal(model.net_.module_.output.weight, weights)
    wanted = all_sequences(model, UNSEEN[0])
    (sequence,) = model.predict_sequence(UNSEEN[:1])
    codes = tuple(NAMES.index(name) for name in sequence.labels)
    close(sequence.probability, np.exp(wanted[codes][0]), scale=1, dtype=np.float32)
    # Without a fit, the n-grams are those of the first texts.
    first = units().partial_fit(TEXTS, FRAME)
    assert first.wide_.weights.any()
    assert first.predict(UNSEEN).shape == (5, 3)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_wide_path_may_be_given_up(method):
    """What is not trained any more is not asked either."""
    model = units(warm_start=True, max_epochs=2, label_order="random").fit(TEXTS, FRAME)
    model.set_params(wide=False)
    before = torch.get_rng_state()
    getattr(model, method)(TEXTS, FRAME)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.wide_ is None


def test_the_wide_path_may_come_later():
    model = units(warm_start=True, max_epochs=2, wide=False).fit(TEXTS, FRAME)
    assert (model.wide_, model.mixture_) == (None, UNMIXED)
    model.set_params(wide=True).fit(TEXTS, FRAME)
    assert model.wide_ is not None
    assert model.mixture_ != UNMIXED


def test_thresholds_are_tuned_on_both_paths():
    model = units(decision="marginal", threshold_shrinkage=5.0).fit(TEXTS, FRAME)
    alone = units(decision="marginal", threshold_shrinkage=5.0, wide=False).fit(TEXTS, FRAME)
    assert not np.array_equal(model.thresholds_, alone.thresholds_)
    wanted = model.predict_proba(UNSEEN) >= model.thresholds_
    np.testing.assert_array_equal(model.predict(UNSEEN).to_numpy(), wanted)


@pytest.mark.parametrize("target", ["sets", "classes"])
def test_a_saved_model_has_both_paths(tmp_path, target):
    model = fitted(target)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.mixture_ == model.mixture_
    np.testing.assert_array_equal(again.wide_.weights, model.wide_.weights)
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(
            getattr(again, method)(UNSEEN), getattr(model, method)(UNSEEN)
        )
    assert again.predict_sequence(UNSEEN) == model.predict_sequence(UNSEEN)
    for one, other in zip(again.explain(UNSEEN), model.explain(UNSEEN), strict=True):
        np.testing.assert_array_equal(one.contributions, other.contributions)


def test_rare_words_are_what_it_is_for(rare_words):
    (texts, rows), (unseen, truth) = rare_words(200, 0), rare_words(100, 1)
    scores = {}
    for wide in (True, False):
        predicted = units(wide=wide).fit(texts, rows).predict(unseen)
        scores[wide] = 2 * (predicted & truth).sum() / (predicted.sum() + truth.sum())
    assert scores[True] > scores[False] + 0.15


def test_wide_is_a_switch():
    with pytest.raises(ValueError, match=r"The 'wide' parameter of \w+ must be"):
        units(wide="yes").fit(TEXTS, FRAME)
