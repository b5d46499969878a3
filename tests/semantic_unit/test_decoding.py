"""The beam against exhaustive search, and against the same scheme for one text in plain Python."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from sklabelemb.semantic_unit import SemanticUnitNetwork, SemanticUnitSeq2SeqClassifier, decoding
from sklabelemb.semantic_unit.decoding import Beams, beam_search

from ..tolerances import close, tolerance
from .literal import LiteralText, literal_beam, literal_sequences

ATTENTIONS = ["hybrid", "additive", "units", "words", "none"]
N_WORDS = 12
LENGTHS = [5, 0, 1, 14]


def texts_of(lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(1, N_WORDS, (n,), generator=generator).tolist() for n in lengths]


def padded(texts, extra=0):
    width = max(1, *(len(text) for text in texts), 1) + extra
    return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])


def random_network(n_labels, seed=0, sharp=3.0, **options):
    """A network that is more or less sure of itself: `sharp` scales what it says."""
    torch.manual_seed(seed)
    sizes = {"embedding_dim": 6, "hidden_size": 8, "n_layers": 1, "dropout": 0.0}
    network = SemanticUnitNetwork(N_WORDS, n_labels, **{**sizes, **options}).eval()
    with torch.no_grad():
        for table in (network.embedding, network.label_embedding):
            table.weight *= 4
        network.output.weight *= sharp
        network.output.bias.normal_(std=0.3)
    return network


@functools.lru_cache(maxsize=8)
def literal_log_probs(network, text):
    """Of what follows some labels, in float64, remembered."""
    read = LiteralText(network, text)
    return functools.cache(read.log_probs)


def log_probs_of(network, text):
    return literal_log_probs(network, tuple(text))


def sequences(beams, row):
    """The finished hypotheses of one text, as (log-probability, labels) pairs."""
    found = zip(beams.log_probs[row].tolist(), beams.labels[row].tolist(), strict=True)
    return [
        (score, tuple(label for label in labels if label >= 0))
        for score, labels in found
        if score > -np.inf
    ]


def assert_same_list(found, wanted):
    """Same sequences, same scores; those of nearly equal scores in either order."""
    assert len(found) == len(wanted)
    scores = [score for score, _ in wanted]
    accuracy = {"n_terms": 100, "scale": np.abs([1.0, *scores]).max(), "dtype": np.float32}
    close([score for score, _ in found], scores, **accuracy)
    for (_, labels), (score, expected) in zip(found, wanted, strict=True):
        if sum(abs(score - other) < 2 * tolerance(**accuracy) for other in scores) == 1:
            assert labels == expected
    assert len({labels for _, labels in found}) == len(found)


def assert_valid(beams, n_labels, fewest=0, most=None):
    """No label twice, none that is no label, lengths as allowed, sorted, and padded alike."""
    most = n_labels if most is None else most
    for row in range(len(beams.labels)):
        found = sequences(beams, row)
        assert found
        scores = [score for score, _ in found]
        assert scores == sorted(scores, reverse=True)
        assert max(scores) <= 0
        for place, labels in enumerate(beams.labels[row].tolist()):
            n = sum(label >= 0 for label in labels)
            assert labels[n:] == [-1] * (len(labels) - n)
            assert not beams.steps[row, place, n:].any()
            if place < len(found):
                assert fewest <= n <= most
                assert len(set(labels[:n])) == n
                assert set(labels[:n]) <= set(range(n_labels))
            else:
                assert n == 0
        members = beams.members()[row]
        assert members.shape == (beams.labels.shape[1], n_labels)
        for place, (_, labels) in enumerate(found):
            assert members[place].nonzero().ravel().tolist() == sorted(labels)


def n_sequences(n_labels, fewest=0, most=None):
    most = n_labels if most is None else most
    return sum(
        len(list(itertools.permutations(range(n_labels), length)))
        for length in range(fewest, most + 1)
    )


# -- a beam that is wide enough finds everything ---------------------------------------------------


# The search does not know which attention there is: each takes its turn.
@pytest.mark.parametrize(
    ("attention", "n_labels"), list(zip(ATTENTIONS, [4, 3, 2, 3, 1], strict=True))
)
def test_a_wide_beam_is_exhaustive_search(attention, n_labels):
    for seed, sharp in enumerate((1.0, 10.0)):
        network = random_network(n_labels, seed, sharp, attention=attention)
        texts = texts_of(LENGTHS[: 4 if n_labels < 4 else 2], seed)
        width = n_sequences(n_labels)
        beams = beam_search(network, padded(texts), width)
        assert beams.labels.shape == (len(texts), width, n_labels)
        assert_valid(beams, n_labels)
        for row, text in enumerate(texts):
            exact = literal_sequences(log_probs_of(network, text), n_labels, 0, n_labels)
            wanted = sorted(((s, labels) for labels, s in exact.items()), key=lambda one: -one[0])
            found = sequences(beams, row)
            assert_same_list(found, wanted)
            assert np.exp([score for score, _ in found]).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("fewest", "most"), [(0, 1), (1, 1), (1, 2), (2, 3), (3, 3), (0, 3), (2, 9), (9, 9), (2, 2)]
)
def test_fewest_and_most_labels(fewest, most):
    network = random_network(3, 5)
    texts = texts_of(LENGTHS, 5)
    capped = min(most, 3)
    at_least = min(fewest, capped)
    width = n_sequences(3, at_least, capped)
    beams = beam_search(network, padded(texts), 40, fewest, most)
    assert_valid(beams, 3, at_least, capped)
    for row, text in enumerate(texts):
        exact = literal_sequences(log_probs_of(network, text), 3, at_least, capped)
        wanted = sorted(((s, labels) for labels, s in exact.items()), key=lambda one: -one[0])
        assert len(wanted) == width
        assert_same_list(sequences(beams, row), wanted)
    for beam_size in (1, 2, 5):
        assert_valid(
            beam_search(network, padded(texts), beam_size, fewest, most), 3, at_least, capped
        )


def test_more_hypotheses_than_sequences():
    network, ids = random_network(2, 1), padded(texts_of(LENGTHS, 1))
    enough, more = (beam_search(network, ids, beam_size) for beam_size in (5, 50))
    for row in range(len(ids)):
        assert_same_list(sequences(more, row), sequences(enough, row))
    torch.testing.assert_close(more.marginals(), enough.marginals())


def test_no_limit_is_as_many_as_there_are_labels():
    network, ids = random_network(4, 2), padded(texts_of(LENGTHS, 2))
    for some in (None, 4, 100):
        beams = beam_search(network, ids, 3, 0, some)
        assert torch.equal(beams.labels, beam_search(network, ids, 3).labels)


# -- what else is known of a text ------------------------------------------------------------------


def biased_log_probs(network, text, scale, bias):
    """Of what follows some labels, where both the network and a bias have a say."""

    @functools.cache
    def log_probs(labels):
        read = LiteralText(network, text)
        state = read.start
        for label in (network.n_labels, *labels):
            logits, state, _, _ = read.step(label, state)
        logits = scale * logits + bias.double()
        logits[list(labels)] = -torch.inf
        return (logits - logits.exp().sum().log()).tolist()

    return log_probs


@pytest.mark.parametrize(("seed", "scale"), [(0, 0.0), (1, 0.3), (2, 1.7), (3, 0.3), (4, 1.7)])
def test_scale_and_bias_in_an_exhaustive_search(seed, scale):
    network = random_network(3, seed, attention=ATTENTIONS[seed])
    texts = texts_of(LENGTHS, seed)
    bias = torch.randn(len(texts), 4, generator=torch.Generator().manual_seed(seed))
    for fewest, most in ((0, 3), (1, 2)):
        beams = beam_search(network, padded(texts), 20, fewest, most, scale, bias)
        assert_valid(beams, 3, fewest, most)
        for row, text in enumerate(texts):
            log_probs = biased_log_probs(network, text, scale, bias[row])
            exact = literal_sequences(log_probs, 3, fewest, most)
            wanted = sorted(((s, labels) for labels, s in exact.items()), key=lambda one: -one[0])
            found = sequences(beams, row)
            assert_same_list(found, wanted)
            for place, (_, labels) in enumerate(found):
                steps = [log_probs(labels[:at])[label] for at, label in enumerate(labels)]
                np.testing.assert_allclose(beams.steps[row, place, : len(labels)], steps, atol=2e-5)
            wanted = literal_marginals(log_probs, found, 3, 0.0)
            np.testing.assert_allclose(beams.marginals()[row], wanted, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_scale_and_bias_in_a_narrow_beam(beam_size, monkeypatch):
    """Each text keeps its own bias when others leave the batch."""
    network = random_network(5, 2, 4.0)
    texts = texts_of([5, 0, 1, 14, 30, 12, 7, 3], 2)
    bias = 2 * torch.randn(len(texts), 6, generator=torch.Generator().manual_seed(2))
    for leaving in (1, 10**6):
        monkeypatch.setattr(decoding, "LEAVING", leaving)
        beams = beam_search(network, padded(texts), beam_size, 0, None, 0.8, bias)
        assert_valid(beams, 5)
        for row, text in enumerate(texts):
            log_probs = biased_log_probs(network, text, 0.8, bias[row])
            assert_same_list(sequences(beams, row), literal_beam(log_probs, 5, beam_size, 0, 5))
    assert len({len(labels) for row in range(8) for _, labels in sequences(beams, row)}) >= 3


def test_no_scale_and_no_bias_change_nothing():
    network, ids = random_network(4, 1), padded(texts_of(LENGTHS, 1))
    plain = beam_search(network, ids, 3)
    zeros = beam_search(network, ids, 3, 0, None, 1.0, torch.zeros(len(ids), 5))
    assert torch.equal(plain.labels, zeros.labels)
    assert torch.equal(plain.log_probs, zeros.log_probs)


# -- a narrow one follows the scheme ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("attention", "beam_size"), list(zip(ATTENTIONS, [1, 2, 3, 5, 8], strict=True))
)
def test_every_beam_follows_the_scheme(attention, beam_size):
    n_labels = 5
    for seed, sharp in enumerate((1.0, 6.0)):
        network = random_network(n_labels, seed, sharp, attention=attention)
        texts = texts_of(LENGTHS, seed)
        for fewest, most in ((0, 5), (1, 3), (2, 5)):
            beams = beam_search(network, padded(texts), beam_size, fewest, most)
            assert_valid(beams, n_labels, fewest, most)
            for row, text in enumerate(texts):
                log_probs = log_probs_of(network, text)
                wanted = literal_beam(log_probs, n_labels, beam_size, fewest, most)
                assert_same_list(sequences(beams, row), wanted)


def test_a_beam_of_one_is_greedy():
    n_labels = 6
    lengths = set()
    for seed, sharp in itertools.product(range(4), (1.0, 8.0)):
        network = random_network(n_labels, seed, sharp)
        texts = texts_of([*LENGTHS, 3, 7, 20], seed)
        beams = beam_search(network, padded(texts), 1)
        assert beams.log_probs.shape == (len(texts), 1)
        for row, text in enumerate(texts):
            log_probs = log_probs_of(network, text)
            emitted, score = (), 0.0
            while True:
                rows = log_probs(emitted)
                best = int(np.argmax(rows))
                score += rows[best]
                if best == n_labels:
                    break
                emitted = (*emitted, best)
            assert_same_list(sequences(beams, row), [(score, emitted)])
            lengths.add(len(emitted))
    # Texts of a batch finished at different steps.
    assert len(lengths) >= 3


def test_a_wider_beam_finds_better_ones():
    network, ids = random_network(6, 3, 2.0), padded(texts_of([4, 6, 13, 2, 0, 9], 3))
    best = [beam_search(network, ids, size).log_probs[:, 0] for size in (1, 2, 5, 30, 400)]
    assert (best[-1] >= best[0] - 1e-5).all()
    assert (best[-1] > best[0] + 1e-3).any()


# -- what is said of the sequences -----------------------------------------------------------------


@pytest.mark.parametrize("beam_size", [1, 3, 7])
def test_steps_are_the_probabilities_at_the_steps(beam_size):
    network, texts = random_network(4, 4), texts_of(LENGTHS, 4)
    beams = beam_search(network, padded(texts), beam_size)
    for row, text in enumerate(texts):
        log_probs = log_probs_of(network, text)
        for place, (score, labels) in enumerate(sequences(beams, row)):
            steps = [log_probs(labels[:at])[label] for at, label in enumerate(labels)]
            found = beams.steps[row, place, : len(labels)].tolist()
            np.testing.assert_allclose(found, steps, atol=2e-5)
            assert sum(found) + log_probs(labels)[4] == pytest.approx(score, abs=5e-5)


def literal_marginals(log_probs, found, n_labels, unfound):
    """What the beam holds, and of what it does not, what the steps say."""
    found_probs = np.exp([score for score, _ in found])
    weights = found_probs / found_probs.sum()
    total = found_probs.sum() + unfound
    marginals = []
    for label in range(n_labels):
        held = sum(p for p, (_, labels) in zip(found_probs, found, strict=True) if label in labels)
        missed = []
        for _, labels in found:
            steps = [log_probs(labels[:at])[label] for at in range(len(labels) + 1)]
            missed.append(np.prod([1 - np.exp(step) for step in steps]))
        marginals.append((held + unfound * sum(weights * (1 - np.array(missed)))) / total)
    return marginals


@pytest.mark.parametrize(
    ("attention", "n_labels", "beam_size"),
    list(zip(ATTENTIONS, [6, 6, 6, 3, 1], [5, 3, 1, 2, 1], strict=True)),
)
def test_marginals_by_hand(attention, n_labels, beam_size):
    beside = 0
    for seed, most in enumerate((2, n_labels)):
        network = random_network(n_labels, seed, 4.0, attention=attention)
        texts = texts_of(LENGTHS, seed)
        beams = beam_search(network, padded(texts), beam_size, 0, most)
        marginals = beams.marginals()
        assert marginals.shape == (len(texts), n_labels)
        assert marginals.min() > 0
        assert marginals.max() <= 1 + 1e-12
        for row, text in enumerate(texts):
            log_probs, found = log_probs_of(network, text), sequences(beams, row)
            wanted = literal_marginals(log_probs, found, n_labels, float(beams.unfound[row]))
            np.testing.assert_allclose(marginals[row], wanted, rtol=2e-4, atol=1e-6)
        beside += int((~beams.members().any(dim=1)).sum())
    assert beside > 0 or n_labels < 6


@pytest.mark.parametrize("n_labels", [1, 2, 3, 4])
def test_marginals_of_an_exhaustive_beam_are_exact(n_labels):
    network, texts = random_network(n_labels, 6, 2.0), texts_of(LENGTHS[:2], 6)
    marginals = beam_search(network, padded(texts), n_sequences(n_labels)).marginals()
    for row, text in enumerate(texts):
        exact = literal_sequences(log_probs_of(network, text), n_labels, 0, n_labels)
        for label in range(n_labels):
            wanted = sum(np.exp(score) for labels, score in exact.items() if label in labels)
            assert marginals[row, label].item() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("fewest", "most"), [(0, 1), (1, 2), (2, 3)])
def test_marginals_know_which_lengths_are_allowed(fewest, most):
    network, texts = random_network(3, 6, 2.0), texts_of(LENGTHS, 6)
    beams = beam_search(network, padded(texts), n_sequences(3), fewest, most)
    narrow = beam_search(network, padded(texts), 2, fewest, most)
    for row, text in enumerate(texts):
        exact = literal_sequences(log_probs_of(network, text), 3, fewest, most)
        allowed = sum(np.exp(score) for score in exact.values())
        for label in range(3):
            wanted = sum(np.exp(score) for labels, score in exact.items() if label in labels)
            found = beams.marginals()[row, label].item()
            assert found == pytest.approx(wanted / allowed, abs=1e-5)
        assert beams.unfound[row] == pytest.approx(0, abs=1e-5)
        held = narrow.log_probs[row].exp().sum().item()
        # What is not found may have a forbidden length, unless it was seen that it has.
        assert allowed - 1e-5 <= held + narrow.unfound[row].item() <= 1 + 1e-5


def test_marginals_come_closer_with_the_beam():
    network, texts = random_network(4, 7, 2.0), texts_of([3, 5, 0, 14, 8, 2], 7)
    exact = beam_search(network, padded(texts), n_sequences(4)).marginals()
    errors = [
        (beam_search(network, padded(texts), size).marginals() - exact).abs().mean().item()
        for size in (1, 4, 30)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_marginals_weigh_sequences_by_hand():
    """Two sequences; a fifth of the probability was not found, and the steps say of what."""
    beams = Beams(
        labels=torch.tensor([[[0, 1], [0, -1], [-1, -1]]]),
        log_probs=torch.tensor([[0.6, 0.2, 0.0]]).log(),
        steps=torch.zeros(1, 3, 2),
        elsewhere=torch.tensor([[[0.9, 0.9, 0.1], [0.9, 0.9, 0.5], [0.0, 0.0, 0.0]]]),
        unfound=torch.tensor([0.2], dtype=torch.float64),
    )
    assert beams.members().tolist() == [[[True, True, False], [True, False, False], [False] * 3]]
    steps = 0.75 * 0.1 + 0.25 * 0.5
    wanted = [[0.8 + 0.2 * 0.9, 0.6 + 0.2 * 0.9, 0.2 * steps]]
    np.testing.assert_allclose(beams.marginals(), wanted, rtol=1e-6)


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attention", "beam_size"), list(zip(ATTENTIONS, [4, 1, 4, 1, 4], strict=True))
)
def test_a_text_alone_and_in_any_batch(attention, beam_size):
    steps = set()
    for seed in range(2):
        network = random_network(5, seed, 4.0, attention=attention)
        texts = texts_of([5, 0, 1, 14, 30, 13, 0, 7], seed)
        together = beam_search(network, padded(texts, extra=5), beam_size)
        backwards = beam_search(network, padded(texts).flip(0), beam_size)
        for row, text in enumerate(texts):
            alone = beam_search(network, padded([text]), beam_size)
            steps.add(alone.labels.shape[2])
            wanted = sequences(alone, 0)
            for batch, place in ((together, row), (backwards, len(texts) - 1 - row)):
                assert_same_list(sequences(batch, place), wanted)
                assert sequences(batch, place)[0][1] == wanted[0][1]
                found = batch.marginals()[place], alone.marginals()[0]
                close(*found, scale=1, dtype=np.float32)
    # Texts left their batch at different steps.
    assert len(steps) >= 2


def test_texts_that_are_alike_have_like_beams():
    network = random_network(4, 8)
    beams = beam_search(network, padded([[3, 4], [], [3, 4], []], extra=3), 5)
    for one, other in ((0, 2), (1, 3)):
        assert_same_list(sequences(beams, one), sequences(beams, other))


def test_a_network_that_is_sure():
    """Probabilities of 0 and 1 in float32 do no harm."""
    for n_labels, beam_size in itertools.product((1, 4), (1, 3, 80)):
        network = random_network(n_labels, 9, 1e4)
        beams = beam_search(network, padded(texts_of(LENGTHS, 9)), beam_size)
        marginals = beams.marginals()
        assert torch.isfinite(marginals).all()
        assert ((marginals >= 0) & (marginals <= 1 + 1e-12)).all()
        assert not torch.isnan(beams.log_probs).any()
        assert not torch.isnan(beams.elsewhere).any()
        assert torch.isfinite(beams.log_probs[:, 0]).all()


def test_decoding_needs_no_gradient_and_changes_nothing():
    network = random_network(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    beams = beam_search(network, padded(texts_of(LENGTHS)), 3)
    assert not beams.log_probs.requires_grad
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_texts_that_are_done_leave_the_batch(monkeypatch):
    """One step is taken for the texts that still have something to say, and for no other."""
    monkeypatch.setattr(decoding, "LEAVING", 100)
    network = random_network(6, 3, 8.0)
    texts = texts_of([4, 6, 13, 2, 0, 9, 3, 5], 3)
    sizes = []
    step = network.step

    def spy(labels, state, memory):
        sizes.append(len(labels))
        return step(labels, state, memory)

    network.step = spy
    beams = beam_search(network, padded(texts), 1)
    lengths = [len(labels) for row in range(len(texts)) for _, labels in sequences(beams, row)]
    wanted = [sum(length >= at for length in lengths) for at in range(max(lengths) + 1)]
    assert sizes == wanted
    assert len(set(sizes)) >= 3


@pytest.mark.parametrize("beam_size", [1, 4])
def test_when_texts_leave_makes_no_difference(beam_size, monkeypatch):
    network = random_network(5, 4, 4.0, n_layers=2)
    ids = padded(texts_of([5, 0, 1, 14, 30, 12, 13, 0, 3, 7, 9, 2], 4))
    found, sizes = [], []
    step = network.step

    def spy(labels, state, memory):
        sizes[-1].append(len(labels))
        return step(labels, state, memory)

    network.step = spy
    for leaving in (1, 4, 10**6):
        monkeypatch.setattr(decoding, "LEAVING", leaving)
        sizes.append([])
        found.append(beam_search(network, ids, beam_size))
    for beams in found[1:]:
        assert torch.equal(beams.labels, found[0].labels)
        for name in ("log_probs", "steps"):
            close(getattr(beams, name), getattr(found[0], name))
        close(beams.marginals(), found[0].marginals(), scale=1, dtype=np.float32)
    # 1: nobody leaves before all are done. 10**6: each at once.
    assert set(sizes[0]) == {len(ids)}
    assert len(set(sizes[2])) >= 3
    assert sum(sizes[0]) > sum(sizes[1]) >= sum(sizes[2])


# -- marginals say more than the best sequence -----------------------------------------------------


@functools.cache
def learnt():
    """A problem with noise: held-out texts, their labels, marginals and predictions."""
    random = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    y = (random.random((460, 6)) < 0.3).astype(int)
    texts = []
    for row in y:
        some = list(random.choice(words[18:], 5))
        for label in np.flatnonzero(row):
            # A label's own word says it most of the time, and others say it sometimes.
            shown = label if random.random() < 0.75 else random.integers(6)
            some += [words[3 * shown + random.integers(3)]]
        texts.append(" ".join(random.permutation(some).tolist()))
    model = SemanticUnitSeq2SeqClassifier(
        attention="words",
        embedding_dim=16,
        hidden_size=16,
        n_layers=1,
        max_epochs=15,
        learning_rate=0.02,
        batch_size=32,
        wide=False,
        random_state=0,
        device="cpu",
    ).fit(texts[:360], y[:360])
    return texts[360:], y[360:], model


@pytest.mark.parametrize("beam_size", [1, 5])
def test_marginals_rank_labels_better_than_predictions_do(beam_size):
    texts, y, model = learnt()
    model.beam_size = beam_size
    proba, predicted = model.predict_proba(texts), model.predict(texts)
    for average in ("micro", "macro"):
        better = average_precision_score(y, proba, average=average)
        worse = average_precision_score(y, predicted, average=average)
        assert better > worse + 0.02, average
    some = y.any(axis=1)
    better = label_ranking_average_precision_score(y[some], proba[some])
    worse = label_ranking_average_precision_score(y[some], predicted[some])
    assert better > worse + 0.02
