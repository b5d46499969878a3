"""Batches: every text once, similar lengths together, within the bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklabelemb.learning import LengthBuckets, TextDataset
from sklabelemb.learning.batches import BATCHES_PER_POOL
from sklabelemb.text import TokenIds


def dataset(lengths, targets=None, sample_weight=None):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(offsets[-1]) % 97 + 1
    return TextDataset(TokenIds(ids, offsets), targets, sample_weight)


@pytest.fixture
def lengths():
    return np.random.default_rng(0).integers(0, 40, size=1_013)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("max_tokens", [None, 50, 300])
@pytest.mark.parametrize("batch_size", [1, 7, 2_000])
def test_every_text_comes_once_and_within_the_bounds(lengths, shuffle, max_tokens, batch_size):
    iterator = LengthBuckets(dataset(lengths), batch_size, shuffle=shuffle, max_tokens=max_tokens)
    for _ in range(2):
        batches = list(iterator.batches())
        assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
        for batch in batches:
            assert 1 <= len(batch) <= batch_size
            if max_tokens is not None and len(batch) > 1:
                assert len(batch) * lengths[batch].max() <= max_tokens


def test_without_a_bound_batches_are_full(lengths):
    for shuffle in (False, True):
        sizes = [len(b) for b in LengthBuckets(dataset(lengths), 7, shuffle=shuffle).batches()]
        assert sizes.count(7) == len(lengths) // 7
        assert sum(size != 7 for size in sizes) == 1


def test_a_text_longer_than_the_bound_comes_alone():
    iterator = LengthBuckets(dataset([3, 100, 2]), 3, max_tokens=10)
    assert [sorted(batch) for batch in iterator.batches()] == [[0, 2], [1]]


def test_the_bound_does_not_make_batches_needlessly_small():
    # 64 texts of ten words: 32 fit at a time.
    sizes = [len(b) for b in LengthBuckets(dataset([10] * 64), 64, max_tokens=320).batches()]
    assert max(sizes) <= 32
    assert len(sizes) <= 3


def test_in_prediction_texts_come_shortest_first(lengths):
    iterator = LengthBuckets(dataset(lengths), 16)
    order = np.concatenate(list(iterator.batches()))
    assert np.array_equal(order, iterator.order)
    assert np.all(np.diff(lengths[order]) >= 0)


def test_in_training_pools_are_sorted_by_length():
    n = 2 * BATCHES_PER_POOL * 4
    lengths = np.random.default_rng(1).permutation(n)
    batches = list(LengthBuckets(dataset(lengths), 4, shuffle=True).batches())
    assert len(batches) == 2 * BATCHES_PER_POOL
    shortest = []
    for pool in (batches[:BATCHES_PER_POOL], batches[BATCHES_PER_POOL:]):
        # Within a pool no text of one batch lies between the texts of another.
        members = np.sort(np.concatenate([lengths[batch] for batch in pool]))
        cut = {tuple(row) for row in members.reshape(-1, 4)}
        assert {tuple(lengths[batch]) for batch in pool} == cut
        # But the batches come in random order, not shortest first.
        starts = [lengths[batch].min() for batch in pool]
        assert starts != sorted(starts)
        shortest.append(min(starts))
    # The pools are random samples, not the short and the long half.
    assert max(shortest) < n / 4


def test_epochs_differ_and_seeds_repeat(lengths):
    iterator = LengthBuckets(dataset(lengths), 8, shuffle=True)

    def epochs(seed):
        torch.manual_seed(seed)
        return [[batch.tolist() for batch in iterator.batches()] for _ in range(2)]

    with torch.random.fork_rng():
        first = epochs(0)
        assert first[0] != first[1]
        assert first == epochs(0)
        assert first != epochs(1)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("max_tokens", [None, 120])
def test_len_counts_the_batches_and_draws_no_random_number(lengths, shuffle, max_tokens):
    iterator = LengthBuckets(dataset(lengths), 9, shuffle=shuffle, max_tokens=max_tokens)
    state = torch.random.get_rng_state()
    length = len(iterator)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert length == sum(1 for _ in iterator.batches())
    torch.random.set_rng_state(state)


def test_len_at_the_edges():
    for n in (1, 8, 9, 8 * BATCHES_PER_POOL, 8 * BATCHES_PER_POOL + 1):
        iterator = LengthBuckets(dataset([2] * n), 8, shuffle=True)
        assert len(iterator) == sum(1 for _ in iterator.batches()) == -(-n // 8)


def test_a_batch_holds_texts_targets_and_weights():
    targets = sp.csr_matrix(np.eye(4, 3, dtype=np.float32))
    weight = np.array([1, 2, 3, 4], dtype=np.float32)
    data = dataset([2, 0, 3, 1], targets, weight)
    (inputs, target), *others = list(LengthBuckets(data, 3))
    assert len(others) == 1
    # Shortest first: texts 1, 3 and 0; padded to their own longest.
    assert inputs["ids"].tolist() == [[0, 0], [6, 0], [1, 2]]
    assert inputs["ids"].dtype == torch.int64
    assert target["y"].tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert target["y"].dtype == torch.float32
    assert target["sample_weight"].tolist() == [2, 4, 1]
    assert others[0][0]["ids"].tolist() == [[3, 4, 5]]


def test_codes_and_no_target():
    data = dataset([1, 2, 1], np.array([2, 0, 1]))
    assert data.batch(np.array([2, 0]))[1]["y"].tolist() == [1, 2]
    # Which task it is of is told with every text.
    assert data.batch(np.array([2, 0]))[1]["task"].tolist() == [0, 0]
    found = replace(dataset([1]), task=3).batch(np.array([0]))[1]
    assert {name: value.tolist() for name, value in found.items()} == {"task": [3]}
    part = data.subset(np.array([2, 0]))
    assert len(part) == 2
    assert part.targets.tolist() == [1, 2]
    assert part.token_ids.row(1).tolist() == [1]
    assert part.sample_weight is None


def test_words_that_the_network_does_not_know_are_unknown_to_it():
    data = TextDataset(TokenIds([4, 5, 6, 2], [0, 3, 4]), n_words=5)
    assert data.batch(np.array([0, 1]))[0]["ids"].tolist() == [[4, 1, 1], [2, 0, 0]]
    assert data.subset(np.array([0])).batch(np.array([0]))[0]["ids"].tolist() == [[4, 1, 1]]
    # The ids themselves stay as they are, for what knows more words than the network.
    assert data.token_ids.ids.tolist() == [4, 5, 6, 2]


def test_what_is_read_beside_each_text_counts(lengths):
    iterator = LengthBuckets(dataset(lengths), 2_000, max_tokens=300, tokens_beside=25)
    sizes = []
    for batch in iterator.batches():
        sizes.append(len(batch))
        assert len(batch) * (max(1, lengths[batch].max()) + 25) <= 300 or len(batch) == 1
    assert max(sizes) > 4
    assert sum(sizes) == len(lengths)


@pytest.mark.parametrize("shuffle", [False, True])
def test_what_the_network_does_not_read_makes_no_difference_to_batches(lengths, shuffle):
    """Batches of texts that are read up to a word are those of texts that end there."""
    most = 12
    whole = replace(dataset(lengths), max_length=most)
    cut = replace(whole, token_ids=whole.token_ids.truncated(most), max_length=None)
    np.testing.assert_array_equal(whole.lengths, np.minimum(lengths, most))
    assert whole.subset(np.arange(5)).max_length == most
    for max_tokens in (None, 60):
        found = []
        for data in (whole, cut):
            torch.manual_seed(0)
            buckets = LengthBuckets(data, 7, shuffle=shuffle, max_tokens=max_tokens)
            found.append([inputs["ids"] for inputs, _ in buckets])
        for one, other in zip(*found, strict=True):
            assert torch.equal(one, other)
