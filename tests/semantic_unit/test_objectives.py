"""Sequences that the network draws, and the losses over them, against plain loops in float64."""

from __future__ import annotations

import collections
import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklabelemb.semantic_unit.decoding import beam_search
from sklabelemb.semantic_unit.drawing import emissions
from sklabelemb.semantic_unit.objectives import CompletionLoss, DrawnSequences, SetF1Loss
from sklabelemb.text import TokenIds

from ..tolerances import close
from .literal import LiteralText, literal_sequences
from .test_classifier import FRAME, TEXTS, UNSEEN, units
from .test_network import LENGTHS, N_LABELS, padded, random_labels, random_network, texts_of

END = N_LABELS
ROOM = [0, 1, 2, 3, 4, 4, 4, 2]
KINDS = [
    {"attention": "words"},
    {"label_input": "global", "n_layers": 1},
    {"architecture": "transformer", "attention": "words", "n_heads": 2},
]


def draws(network, texts, most=None, greedy=False, seed=0):
    """Labels and log-probabilities of sequences that the network draws for some texts."""
    torch.manual_seed(seed)
    most = torch.tensor([N_LABELS] * len(texts) if most is None else most)
    return network._drawn(network.encode(padded(texts)), most, greedy)


def as_lists(labels):
    return [[label for label in row if label >= 0] for row in labels.tolist()]


def literal_f1(one, other):
    if not one and not other:
        return 1.0
    return 2 * len(set(one) & set(other)) / (len(one) + len(other))


# -- drawn sequences -------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("greedy", [False, True])
def test_drawn_log_probs_are_those_of_the_definition(options, greedy):
    texts = texts_of(LENGTHS, 1)
    lengths = set()
    for seed in range(4):
        network = random_network(seed, **options)
        labels, log_probs = draws(network, texts, ROOM, greedy, seed)
        for text, room, some, rows in zip(texts, ROOM, as_lists(labels), log_probs, strict=True):
            lengths.add(len(some))
            assert len(some) <= room
            assert len(set(some)) == len(some)
            wanted = torch.tensor(LiteralText(network, text).all_log_probs(some))
            if len(some) == room:
                # There is no room for another label.
                wanted[-1] = torch.tensor([-torch.inf] * N_LABELS + [0.0])
            torch.testing.assert_close(rows[: len(wanted)], wanted.double(), rtol=0, atol=1e-6)
            assert (rows[len(some) + 1 :] == -torch.inf).all()
            if greedy:
                assert [*some, END] == rows[: len(some) + 1].argmax(dim=1).tolist()
    assert len(lengths) >= 3


def test_greedy_sequences_are_a_beam_of_one():
    network, texts = random_network(5), texts_of(LENGTHS, 5)
    beams = beam_search(network, padded(texts), 1)
    assert as_lists(draws(network, texts, greedy=True)[0]) == as_lists(beams.labels[:, 0])


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_sequences_are_drawn_as_often_as_they_are_probable(options):
    network = random_network(6, **options)
    text, n = texts_of([5], 6)[0], 4000
    found = collections.Counter(map(tuple, as_lists(draws(network, [text] * n)[0])))
    exact = literal_sequences(LiteralText(network, text).log_probs, N_LABELS, 0, N_LABELS)
    assert sum(math.exp(score) for score in exact.values()) == pytest.approx(1)
    for labels, score in exact.items():
        p = math.exp(score)
        assert abs(found[labels] - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 1


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_gradients_are_those_of_the_sequence_as_if_it_were_known(options):
    network, texts = random_network(7, **options), texts_of(LENGTHS, 7)
    labels, log_probs = draws(network, texts)
    known = network.log_probs(network._decoded(network.encode(padded(texts)), labels)[0], labels)
    gradients = []
    for rows in (log_probs, known):
        network.zero_grad()
        some = emissions(labels, rows)
        some.masked_fill(some.isneginf(), 0).sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        close(one, other)


def test_emissions_by_hand():
    log_probs = torch.arange(2 * 3 * 4, dtype=torch.float64).reshape(2, 3, 4) - 30
    found = emissions(torch.tensor([[2, 0], [1, -1]]), log_probs).tolist()
    nothing = -math.inf
    assert found == [[-26.0, nothing, -28.0, -19.0], [nothing, -17.0, nothing, -11.0]]
    empty = emissions(torch.empty(2, 0, dtype=torch.int64), log_probs[:, :1])
    assert empty.tolist() == [[nothing] * 3 + [-27.0], [nothing] * 3 + [-15.0]]


# -- the losses ------------------------------------------------------------------------------------


def literal_completion(network, texts, drawn, wanted, room, sample_weight, class_weight):
    """Tsai and Lee (2020): after each prefix, all that is missing is equally good."""
    total, n_steps = 0.0, 0
    for i, (text, some, labels) in enumerate(zip(texts, drawn, wanted, strict=True)):
        rows = LiteralText(network, text).all_log_probs(some)
        n_steps += len(labels) + 1
        for at, row in enumerate(rows):
            missing = sorted(set(labels) - set(some[:at]))
            if at == room[i]:
                continue
            optimal = missing or [END]
            for label in optimal:
                total -= sample_weight[i] * class_weight[label] * row[label] / len(optimal)
    return total / n_steps


@pytest.mark.parametrize("weighted", [False, True])
def test_completion_against_loops(weighted):
    texts, wanted = texts_of(LENGTHS, 8), random_labels(len(LENGTHS), 8)
    random = np.random.default_rng(0)
    sample_weight = random.random(len(texts)) if weighted else np.ones(len(texts))
    class_weight = [*(random.random(N_LABELS) if weighted else np.ones(N_LABELS)), 1.0]
    loss = CompletionLoss(np.array(class_weight[:-1]) if weighted else None).double().train()
    target = {"y": padded(wanted, fill=-1), "sample_weight": torch.tensor(sample_weight)}
    for seed in range(3):
        network = random_network(seed)
        labels, log_probs = draws(network, texts, ROOM, seed=seed)
        found = loss(log_probs, target).item()
        drawn = as_lists(labels)
        by_hand = literal_completion(
            network, texts, drawn, wanted, ROOM, sample_weight, class_weight
        )
        # Weights of labels are kept in float32.
        assert found == pytest.approx(by_hand, rel=1e-6)
        # Some drew a label that the text does not have, and some ended before all were there.
        assert any(set(some) - set(labels) for some, labels in zip(drawn, wanted, strict=True))


def test_completion_does_not_know_an_order():
    network, texts = random_network(), texts_of([3, 4])
    _, log_probs = draws(network, texts)
    loss = CompletionLoss().train()
    for one, other in (([[0, 1, 2], [3, 1, -1]], [[2, 0, 1], [1, 3, -1]]),):
        assert loss(log_probs, {"y": torch.tensor(one)}) == loss(
            log_probs, {"y": torch.tensor(other)}
        )


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_set_f1_against_loops(share):
    """Yang et al. (2019): the likelihood, and the advantage times log P of what was drawn."""
    texts, wanted = texts_of(LENGTHS, 9), random_labels(len(LENGTHS), 9)
    network = random_network(9)
    random = np.random.default_rng(1)
    sample_weight, class_weight = random.random(len(texts)), random.random(N_LABELS)
    loss = SetF1Loss(class_weight, reward_weight=share).double().train()
    most = torch.full((len(texts),), N_LABELS)
    torch.manual_seed(3)
    log_probs = network(padded(texts), padded(wanted, fill=-1), most)
    assert log_probs.shape == (len(texts), 3, N_LABELS + 1)
    target = {"y": padded(wanted, fill=-1), "sample_weight": torch.tensor(sample_weight)}
    found = loss(log_probs, target).item()
    drawn = as_lists(draws(network, texts, seed=3)[0])
    greedy = as_lists(draws(network, texts, greedy=True)[0])
    total = 0.0
    for i, text in enumerate(texts):
        literal = LiteralText(network, text)

        def sequence(labels, weights, literal=literal):
            rows = literal.all_log_probs(labels)
            path = [*labels, END]
            return sum(weights[k] * row[k] for k, row in zip(path, rows, strict=True))

        likelihood = sequence(wanted[i], [*class_weight, 1.0])
        advantage = literal_f1(drawn[i], wanted[i]) - literal_f1(greedy[i], wanted[i])
        reward = advantage * sequence(drawn[i], [1.0] * (N_LABELS + 1))
        total -= sample_weight[i] * ((1 - share) * likelihood + share * reward)
    n_steps = sum(len(labels) + 1 for labels in wanted)
    assert found == pytest.approx(total / n_steps, rel=1e-6)
    assert drawn != greedy


@pytest.mark.parametrize("labels", [[0, 2], [1], []])
def test_the_expected_gradient_of_set_f1_is_that_of_the_expected_f1(labels):
    """Over all sequences, each as often as it is probable; the baseline drops out."""
    n_labels = 3
    network = random_network(10, n_labels=n_labels)
    every = [
        list(some)
        for length in range(n_labels + 1)
        for some in itertools.permutations(range(n_labels), length)
    ]
    text = texts_of([4], 10)[0]
    ids, known = padded([text]).expand(len(every), -1), padded(every, fill=-1)
    found = emissions(known, network(ids, known))
    log_p = found.masked_fill(found.isneginf(), 0).sum(dim=1)
    assert log_p.exp().sum().item() == pytest.approx(1)
    f1 = torch.tensor([literal_f1(some, labels) for some in every], dtype=torch.float64)
    target = {"y": padded([labels] * len(every), fill=-1)}
    # Each sequence counts once in the sum; as often as it is probable by its sample weight.
    target["sample_weight"] = log_p.detach().exp()
    greedy = found[[7]].detach().expand_as(found)
    together = torch.stack([found, found, greedy], dim=1)
    loss = SetF1Loss(reward_weight=1.0).train()(together, target) * len(every) * (len(labels) + 1)
    wanted = -(log_p.exp() * f1).sum()
    parameters = [p for p in network.parameters() if p.requires_grad]
    one = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    other = torch.autograd.grad(wanted, parameters, allow_unused=True)
    scale = max(some.abs().max().item() for some in other if some is not None)
    assert scale > 1e-3
    for a, b in zip(one, other, strict=True):
        if b is not None:
            # Rewards are computed in float32.
            close(a, b, scale=scale, dtype=np.float32)


def test_the_greedy_sequence_is_a_baseline_without_a_gradient():
    network, texts = random_network(11), texts_of(LENGTHS, 11)
    most = torch.full((len(texts),), N_LABELS)
    greedy = network(padded(texts), padded(random_labels(len(texts)), fill=-1), most)[:, 2]
    gradients = torch.autograd.grad(
        greedy.masked_fill(greedy.isneginf(), 0).sum(), network.parameters(), allow_unused=True
    )
    assert not any(some is not None and some.any() for some in gradients)


@pytest.mark.parametrize("kind", [CompletionLoss, SetF1Loss])
def test_held_out_texts_have_the_loss_of_their_own_sequences(kind):
    log_probs = torch.randn(3, 3, 5).log_softmax(dim=2)
    target = {"y": torch.tensor([[0, 1], [2, -1], [-1, -1]])}
    path = log_probs[0, 0, 0] + log_probs[0, 1, 1] + log_probs[0, 2, 4]
    path = path + log_probs[1, 0, 2] + log_probs[1, 1, 4] + log_probs[2, 0, 4]
    assert kind().eval()(log_probs, target).item() == pytest.approx(-path.item() / 6, rel=1e-5)


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_labels", [False, True])
def test_batches_say_how_many_labels_may_be_drawn(with_labels):
    targets = sp.csr_matrix(np.array([[1, 0, 1], [0, 0, 0]], dtype=np.float32))
    data = DrawnSequences(
        TokenIds(np.array([1, 2, 3]), np.array([0, 1, 3])),
        targets,
        order=np.array([2, 0, 1]),
        max_labels=2,
        with_labels=with_labels,
    )
    inputs, target = data.batch(np.array([1, 0]))
    assert target["y"].tolist() == [[-1, -1], [2, 0]]
    assert inputs["most"].tolist() == [2, 2]
    assert ("labels" in inputs) is with_labels


# -- the classifier --------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["completion", "set_f1"])
def test_it_learns(objective):
    model = units(objective=objective, max_epochs=14, attention="words").fit(TEXTS, FRAME)
    assert model.score(TEXTS, FRAME) > 0.6
    again = units(objective=objective, max_epochs=14, attention="words").fit(TEXTS, FRAME)
    np.testing.assert_array_equal(again.predict_proba(UNSEEN), model.predict_proba(UNSEEN))


def test_completion_gives_the_same_model_in_any_order():
    one, other = (
        units(objective="completion", label_order=order).fit(TEXTS, FRAME).predict_proba(UNSEEN)
        for order in ("given", "rare_first")
    )
    np.testing.assert_array_equal(one, other)


def test_reward_weight_zero_is_the_likelihood():
    """The gradient is the same; what is drawn takes random numbers, and the order of the texts."""
    one, other = (
        units(max_epochs=1, batch_size=90, validation_fraction=0.0, **own).fit(TEXTS, FRAME)
        for own in ({"objective": "set_f1", "reward_weight": 0.0}, {})
    )
    close(one.net_.history[:, "train_loss"], other.net_.history[:, "train_loss"])
    close(one.predict_proba(UNSEEN), other.predict_proba(UNSEEN), scale=1, dtype=np.float32)


def test_the_reward_goes_on_from_the_likelihood():
    model = units(warm_start=True, attention="words", max_epochs=8).fit(TEXTS, FRAME)
    before = model.net_.module_.output.weight.clone()
    model.set_params(objective="set_f1", reward_weight=1.0, learning_rate=1e-3, max_epochs=2)
    model.fit(TEXTS, FRAME)
    moved = (model.net_.module_.output.weight - before).abs().max().item()
    assert 0 < moved < 0.05


@pytest.mark.parametrize("objective", ["completion", "set_f1"])
def test_single_classes_are_trained_as_ever(objective):
    classes = FRAME.to_numpy().argmax(axis=1)
    one, other = (
        units(objective=name, max_epochs=1).fit(TEXTS, classes).predict_proba(UNSEEN)
        for name in (objective, "likelihood")
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("objective", ["completion", "set_f1"])
def test_weights_parts_and_bfloat16(objective):
    """What else a training may have: weights, a batch in parts, texts without a label."""
    weight = np.where(np.arange(len(TEXTS)) < 40, 0.0, 1.0)
    parameters = {"objective": objective, "class_weight": "balanced", "mixed_precision": True}
    model = units(**parameters, max_epochs=2, net_params={"accumulation_steps": 2})
    model.fit(TEXTS, FRAME, sample_weight=weight)
    assert np.isfinite(model.predict_proba(UNSEEN)).all()
    model.partial_fit(TEXTS, FRAME)
    assert all(np.isfinite(row["train_loss"]) for row in model.history_)


@pytest.mark.parametrize("value", ["f1", None])
def test_a_misspelt_objective_names_the_others(value):
    with pytest.raises(ValueError, match=r"'objective' parameter .* must be a str among"):
        units(objective=value).fit(TEXTS, FRAME)
