"""The tasks of co-occurrence: what they ask, and what the answers cost."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import chisquare

from sklabelemb.laco import LACOClassifier
from sklabelemb.laco.cooccurrence_tasks import (
    MOST_PAIRS,
    ConditionalCooccurrence,
    PairwiseCooccurrence,
    draw_given,
    draw_pairs,
)
from sklabelemb.laco.recipe import LACORecipe
from sklabelemb.laco.samples import CooccurrenceDataset
from sklabelemb.learning import Task, TextDataset
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, Vocabulary

from ..tolerances import close
from .literal import BERT, literal_conditional, literal_pairwise

# A fixed seed makes these tests certain; with another one they would fail once in ten thousand.
ALPHA = 1e-4


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def sets(*rows, n_labels=8):
    present = torch.zeros(len(rows), n_labels, dtype=torch.bool)
    for i, row in enumerate(rows):
        present[i, list(row)] = True
    return present


def real_pairs(pairs, together):
    """The pairs of each document with their answers, padding left out."""
    found = []
    for row, answers in zip(pairs.tolist(), together.tolist(), strict=True):
        kept = [(tuple(pair), y) for pair, y in zip(row, answers, strict=True) if pair[0] >= 0]
        # What is no pair is -1 twice, answers nothing, and stands at the end.
        assert all(pair == [-1, -1] for pair in row[len(kept) :])
        assert all(y == 0 for y in answers[len(kept) :])
        found.append(kept)
    return found


# -- pairs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.2, 0.5, 0.8])
def test_pairs_are_what_they_say(gamma):
    generator = np.random.default_rng(0)
    for _ in range(30):
        present = torch.from_numpy(generator.random((6, 9)) < generator.random((6, 1)))
        for row, pairs in zip(present, real_pairs(*draw_pairs(present, gamma)), strict=True):
            for (i, j), together in pairs:
                assert i != j
                assert bool(row[i] and row[j]) == bool(together)
                assert row[i] or row[j]
            # No pair is asked twice, in either order.
            assert len({frozenset(pair) for pair, _ in pairs}) == len(pairs)
            own = int(row.sum())
            n_together = sum(y for _, y in pairs)
            if own < 2 or own == len(row):
                assert pairs == []
            else:
                # No more than there are pairs of the other kind to match.
                matched = own * (len(row) - own) * gamma / (1 - gamma)
                most = min(MOST_PAIRS, math.comb(own, 2))
                assert min(most, math.floor(matched)) <= n_together <= min(most, math.ceil(matched))


def test_documents_with_none_one_or_all_labels_give_no_pairs():
    present = sets([], [3], range(8), [1, 2])
    none, one, everything, some = real_pairs(*draw_pairs(present, 0.5))
    assert none == one == everything == []
    assert len(some) == 2
    pairs, together = draw_pairs(sets([], [3], range(8)), 0.5)
    assert pairs.shape == (3, 0, 2)
    assert together.shape == (3, 0)


def test_half_of_the_pairs_come_together():
    for own in range(2, 8):
        [pairs] = real_pairs(*draw_pairs(sets(range(own), n_labels=20), 0.5))
        n_together = min(MOST_PAIRS, math.comb(own, 2))
        assert Counter(y for _, y in pairs) == {1.0: n_together, 0.0: n_together}


@pytest.mark.parametrize("gamma", [0.3, 0.7, 0.9])
def test_share_of_pairs_that_come_together_is_gamma_on_average(gamma):
    n_draws = 400
    present = sets(*[[0, 1, 2]] * n_draws, n_labels=20)
    counts = [Counter(y for _, y in pairs) for pairs in real_pairs(*draw_pairs(present, gamma))]
    assert all(count[1.0] == 3 for count in counts)
    wanted = 3 * (1 - gamma) / gamma
    apart = np.array([count[0.0] for count in counts])
    # Rounded up or down, with the probability that makes the expectation right.
    assert set(apart) <= {math.floor(wanted), math.ceil(wanted)}
    share = wanted - math.floor(wanted)
    sigma = math.sqrt(share * (1 - share) / n_draws)
    assert abs(apart.mean() - wanted) <= 4 * sigma + 1e-9


def test_pairs_are_drawn_evenly():
    # 7 labels make 21 pairs, of which 15 are drawn; 7 times 3 make 21 that do not come together.
    present = sets(*[range(7)] * 1500, n_labels=10)
    for kind in (1.0, 0.0):
        chosen, first = Counter(), Counter()
        for pairs in real_pairs(*draw_pairs(present, 0.5)):
            some = [pair for pair, y in pairs if y == kind]
            assert len(some) == 15
            chosen.update(frozenset(pair) for pair in some)
            first.update(min(pair) == pair[0] for pair in some)
        assert len(chosen) == 21
        # Draws without replacement vary less than the test supposes, never more.
        assert chisquare(list(chosen.values())).pvalue > ALPHA
        # Nor does the order of a pair tell its kind.
        assert chisquare([first[True], first[False]]).pvalue > ALPHA


# -- given labels ----------------------------------------------------------------------------------


def test_given_labels_are_a_proper_part_of_the_documents_own():
    generator = np.random.default_rng(1)
    for _ in range(50):
        present = torch.from_numpy(generator.random((6, 9)) < generator.random((6, 1)))
        given = draw_given(present)
        assert given.dtype == torch.bool
        assert not (given & ~present).any()
        n_own, s = present.sum(dim=1), given.sum(dim=1)
        assert (s[n_own < 2] == 0).all()
        assert ((s >= 1) & (s < n_own))[n_own >= 2].all()


def test_number_and_choice_of_given_labels_are_uniform():
    own = [1, 2, 5, 7]
    drawn = Counter(
        tuple(row.nonzero().squeeze(1).tolist()) for row in draw_given(sets(*[own] * 6000))
    )
    assert len(drawn) == 4 + 6 + 4
    sizes = Counter()
    for subset, times in drawn.items():
        assert set(subset) <= set(own)
        sizes[len(subset)] += times
    assert chisquare([sizes[s] for s in (1, 2, 3)]).pvalue > ALPHA
    for s in (1, 2, 3):
        assert chisquare([n for subset, n in drawn.items() if len(subset) == s]).pvalue > ALPHA


# -- losses ----------------------------------------------------------------------------------------


def head(kind, k=5):
    module = kind(k).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    weight, bias = module.output.weight.detach().numpy()[0], module.output.bias.item()
    return module, weight, bias


@pytest.mark.parametrize("gamma", [0.3, 0.5])
def test_loss_of_pairs_follows_the_equations(gamma):
    present = sets([1, 2, 4], [], [0, 3], [5], range(8), range(7))
    pairs, together = draw_pairs(present, gamma)
    labels = torch.randn(len(present), 8, 5).double()
    module, weight, bias = head(PairwiseCooccurrence)
    losses = module.loss(labels, pairs, together)
    for i, loss in enumerate(losses.tolist()):
        literal = literal_pairwise(
            weight, bias, labels[i].numpy(), pairs[i].tolist(), together[i].tolist()
        )
        # float32 within: what autocast made would not be fit for a loss.
        close(loss, literal or 0.0, dtype=np.float32)
        assert (literal is None) == (i in (1, 3, 4))


def test_loss_of_given_labels_follows_the_equations():
    present = sets([1, 2, 4], [], [0, 3], [5], range(8), range(7))
    given = draw_given(present)
    labels = torch.randn(len(present), 8, 5).double()
    module, weight, bias = head(ConditionalCooccurrence)
    losses = module.loss(labels, given, present.double())
    for i, loss in enumerate(losses.tolist()):
        literal = literal_conditional(
            weight, bias, labels[i].numpy(), given[i].tolist(), present[i].tolist()
        )
        close(loss, literal or 0.0, dtype=np.float32)
        assert (literal is None) == (i in (1, 3))


@pytest.mark.parametrize("kind", [PairwiseCooccurrence, ConditionalCooccurrence])
def test_losses_of_the_tasks_may_fall_to_zero(kind):
    """The released code had a ReLU before its sigmoid: no loss below ln 2 for what is apart."""
    present = sets([0, 1], [2, 3], n_labels=4)
    labels = torch.tensor([[[1.0], [1.0], [-1.0], [-1.0]], [[-1.0], [-1.0], [1.0], [1.0]]])
    module = kind(1)
    with torch.no_grad():
        module.output.weight.fill_(40.0)
        module.output.bias.fill_(-40.0)
        if kind is PairwiseCooccurrence:
            losses = module.loss(labels, *draw_pairs(present, 0.5))
        else:
            losses = module.loss(labels, draw_given(present), present.float())
    assert (losses < 1e-6).all()


# -- batches ---------------------------------------------------------------------------------------


def dataset(tasks="both", gamma=0.5, weight=None, rows=None):
    present = sets([1, 2, 4], [], [0, 3], [5], range(8), range(7)) if rows is None else rows
    token_ids = TokenIds(np.arange(1, 1 + len(present)), np.arange(len(present) + 1))
    targets = sp.csr_matrix(present.float().numpy())
    return CooccurrenceDataset(token_ids, targets, weight, tasks=tasks, gamma=gamma)


EVERYTHING = np.arange(6)


def test_batches_ask_what_the_tasks_ask():
    data = dataset()
    inputs, target = data.batch(EVERYTHING)
    present = target["y"] > 0
    assert inputs.keys() == {"ids", "pairs", "together", "given", "present", "document_weight"}
    assert torch.equal(inputs["present"] > 0, present)
    for (i, j), together in real_pairs(inputs["pairs"], inputs["together"])[0]:
        assert bool(present[0, i] and present[0, j]) == bool(together)
    assert not (inputs["given"] & ~present).any()
    only_pairs, _ = dataset("plcp").batch(EVERYTHING)
    assert only_pairs.keys() == {"ids", "pairs", "together", "document_weight"}
    only_given, _ = dataset("clcp").batch(EVERYTHING)
    assert only_given.keys() == {"ids", "given", "present", "document_weight"}


def test_documents_weigh_in_the_tasks_what_they_weigh_in_the_loss_of_the_labels():
    inputs, _ = dataset().batch(EVERYTHING)
    np.testing.assert_array_equal(inputs["document_weight"], np.ones(6))
    weight = np.array([0.5, 1.0, 2.0, 1.0, 3.0, 1.0], dtype=np.float32)
    inputs, _ = dataset(weight=weight).batch(EVERYTHING)
    np.testing.assert_array_equal(inputs["document_weight"], weight)


def test_gamma_of_the_dataset_is_that_of_the_draw():
    some = sets(*[[0, 1]] * 200)
    inputs, _ = dataset("plcp", gamma=0.25, rows=some).batch(np.arange(200))
    together = (inputs["together"] * (inputs["pairs"][..., 0] >= 0)).sum()
    assert together / (inputs["pairs"][..., 0] >= 0).sum() == pytest.approx(0.25)


def test_every_batch_is_drawn_anew_from_torchs_generator():
    rows = sets(*[range(7)] * 10, n_labels=12)
    data = dataset(rows=rows)
    torch.manual_seed(3)
    first, second = (data.batch(np.arange(10))[0] for _ in range(2))
    assert not torch.equal(first["pairs"], second["pairs"])
    assert not torch.equal(first["given"], second["given"])
    torch.manual_seed(3)
    again, _ = data.batch(np.arange(10))
    assert torch.equal(first["pairs"], again["pairs"])
    assert torch.equal(first["given"], again["given"])


def test_nothing_is_drawn_for_held_out_texts():
    given = dataset(weight=np.arange(6, dtype=np.float32))
    part = TextDataset(given.token_ids, given.targets, given.sample_weight)
    model = LACOClassifier(encoder={"model_type": "bert", **BERT}, cooccurrence="plcp", gamma=0.3)
    recipe = LACORecipe.of(model.get_params(deep=False))
    task = Task("default", Targets.infer(part.targets))
    words = Vocabulary([f"w{i}" for i in range(9)])
    asked = recipe.dataset(part, task, words, training=True)
    assert (type(asked), asked.tasks, asked.gamma) == (CooccurrenceDataset, "plcp", 0.3)
    data = recipe.dataset(part, task, words, training=False)
    assert type(data) is TextDataset
    state = torch.get_rng_state()
    inputs, target = data.batch(EVERYTHING)
    assert torch.equal(state, torch.get_rng_state())
    assert inputs.keys() == {"ids"}
    assert target["sample_weight"].tolist() == list(range(6))


def test_subsets_keep_the_tasks():
    part = dataset("plcp", gamma=0.3).subset(np.array([0, 2]))
    assert (type(part), part.tasks, part.gamma) == (CooccurrenceDataset, "plcp", 0.3)
    assert len(part) == 2
