"""Every sample of every task once an epoch, one task a batch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklabelemb.learning import LengthBuckets, TaskBatches, TaskDatasets, TextDataset
from sklabelemb.text import TokenIds

SAMPLINGS = ["uniform", "proportional"]


def texts(lengths, start=0):
    """Texts whose words tell which text they are of."""
    ids = np.repeat(np.arange(start, start + len(lengths)) + 2, lengths)
    return TokenIds(ids, np.concatenate([[0], np.cumsum(lengths)]))


def datasets(*sizes, seed=0, numbers=None, weights=False):
    """Tasks of this many texts; targets count the texts of all tasks."""
    random = np.random.default_rng(seed)
    parts = []
    start = 0
    for place, size in enumerate(sizes):
        own = np.arange(start, start + size)
        parts.append(
            TextDataset(
                texts(random.integers(1, 12, size), start),
                own,
                own.astype(np.float32) if weights else None,
                task=numbers[place] if numbers else place,
            )
        )
        start += size
    return TaskDatasets(tuple(parts))


def drawn(batches):
    """The tasks of an epoch's batches, in order."""
    return [int(target["task"][0]) for _, target in batches]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("max_tokens", [None, 20])
@pytest.mark.parametrize("sizes", [(900, 5), (1, 200, 1, 7), (3,), (1, 1), (8, 8, 8)])
def test_every_sample_comes_once(sizes, shuffle, sampling, max_tokens):
    data = datasets(*sizes)
    batches = TaskBatches(data, 8, shuffle, max_tokens, sampling=sampling)
    starts = np.cumsum([0, *sizes])
    for _ in range(2):
        seen = []
        n_batches = 0
        for inputs, target in batches:
            n_batches += 1
            tasks = set(target["task"].tolist())
            assert len(tasks) == 1
            assert len(target["y"]) == len(inputs["ids"]) == len(target["task"]) <= 8
            # Texts and targets belong together, and to the task.
            assert torch.equal(inputs["ids"][:, 0], target["y"] + 2)
            task = tasks.pop()
            assert ((starts[task] <= target["y"]) & (target["y"] < starts[task + 1])).all()
            seen += target["y"].tolist()
        assert sorted(seen) == list(range(sum(sizes)))
        if max_tokens is None or not shuffle:
            assert n_batches == len(batches)
        if max_tokens is None:
            assert n_batches == sum(-(-size // 8) for size in sizes)
    assert len(data) == sum(sizes)


def test_len_draws_no_random_number():
    batches = TaskBatches(datasets(50, 7), 4, True, 30)
    before = torch.get_rng_state()
    assert len(batches) > 0
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("max_tokens", [None, 20])
def test_without_shuffling_the_tasks_follow_one_another(max_tokens):
    data = datasets(13, 1, 30)
    found = list(TaskBatches(data, 4, False, max_tokens))
    expected = [b for part in data.parts for b in LengthBuckets(part, 4, False, max_tokens)]
    assert len(found) == len(expected)
    for (inputs, target), (wanted_inputs, wanted_target) in zip(found, expected, strict=True):
        for one, other in ((inputs, wanted_inputs), (target, wanted_target)):
            assert one.keys() == other.keys()
            assert all(torch.equal(one[key], other[key]) for key in one)


def test_order_tells_where_the_samples_are():
    batches = TaskBatches(datasets(13, 1, 30), 4)
    y = torch.cat([target["y"] for _, target in batches])
    assert y.tolist() == batches.order.tolist()
    # Shortest first, task by task.
    lengths = [len(ids[ids > 0]) for inputs, _ in batches for ids in inputs["ids"]]
    for start, stop in ((0, 13), (14, 44)):
        assert lengths[start:stop] == sorted(lengths[start:stop])
    # Predictions are put back by it.
    result = np.empty(44)
    result[batches.order] = y
    assert result.tolist() == list(range(44))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_seeds_repeat_and_epochs_differ(sampling):
    def epoch(batches, seed):
        torch.manual_seed(seed)
        return [target["y"].tolist() for _, target in batches]

    with torch.random.fork_rng(devices=[]):
        one, other = (
            TaskBatches(datasets(40, 9, 20), 4, True, sampling=sampling) for _ in range(2)
        )
        assert epoch(one, 0) == epoch(other, 0)
        assert epoch(one, 0) != epoch(one, 1)
        torch.manual_seed(0)
        first, second = ([t["y"].tolist() for _, t in one] for _ in range(2))
        assert first != second


def test_one_task_is_drawn_as_without_tasks():
    """A plain fit has the batches that `LengthBuckets` makes, in their order."""
    data = datasets(61)
    part = data.parts[0]
    plain = TextDataset(part.token_ids, part.targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = [target["y"].tolist() for _, target in TaskBatches(data, 4, True)]
        torch.manual_seed(3)
        # The first batch of an epoch is the first that was drawn.
        assert found == [target["y"].tolist() for _, target in LengthBuckets(plain, 4, True)]


def expected_shares(counts, sampling, steps):
    """The probability that each of the first steps is of each task, by going through all cases."""
    states = {tuple(counts): 1.0}
    shares = np.zeros((steps, len(counts)))
    for step in range(steps):
        following = {}
        for left, probability in states.items():
            weights = [n if sampling == "proportional" else min(n, 1) for n in left]
            for task, weight in enumerate(weights):
                if weight:
                    p = probability * weight / sum(weights)
                    shares[step, task] += p
                    rest = (*left[:task], left[task] - 1, *left[task + 1 :])
                    following[rest] = following.get(rest, 0.0) + p
        states = following
    return shares


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_how_tasks_are_drawn(sampling):
    counts, n_epochs = (2, 6, 4), 600
    batches = TaskBatches(datasets(*counts), 1, True, sampling=sampling)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tasks = np.array([drawn(batches) for _ in range(n_epochs)])
    expected = expected_shares(counts, sampling, 12)
    found = np.stack([(tasks == task).mean(axis=0) for task in range(3)], axis=1)
    # Five standard errors of a share.
    np.testing.assert_allclose(found, expected, atol=5 * 0.5 / n_epochs**0.5)
    if sampling == "proportional":
        # Spread over the whole epoch.
        np.testing.assert_allclose(expected, np.tile(np.array(counts) / 12, (12, 1)))
    else:
        np.testing.assert_allclose(expected[0], 1 / 3)
        assert expected[-1, 1] > 0.7


def test_small_tasks_end_early_if_all_are_drawn_alike():
    sizes = (150, 2)
    last = {}
    for sampling in SAMPLINGS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            batches = TaskBatches(datasets(*sizes), 1, True, sampling=sampling)
            ends = [max(i for i, task in enumerate(drawn(batches)) if task) for _ in range(20)]
        last[sampling] = np.mean(ends)
    assert last["uniform"] < 12
    assert last["proportional"] > 75


def test_tasks_keep_their_numbers():
    """Where only some tasks of a model have samples."""
    data = datasets(5, 6, numbers=[4, 1])
    assert set(data.targets) == {4, 1}
    np.testing.assert_array_equal(data.targets[1], np.arange(5, 11))
    with torch.random.fork_rng(devices=[]):
        assert sorted(drawn(TaskBatches(data, 3, True))) == [1, 1, 4, 4]


def test_weights_and_indicators_come_with_their_texts():
    data = datasets(5, 6, weights=True)
    for _, target in TaskBatches(data, 3):
        assert torch.equal(target["sample_weight"], target["y"].float())
    indicator = sp.csr_matrix(np.eye(4, dtype=np.float32))
    part = TextDataset(texts([1, 2, 3, 4]), indicator, task=2)
    _inputs, target = part.batch(np.array([3, 1]))
    assert target["y"].tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]
    assert target["task"].tolist() == [2, 2]
    subset = part.subset(np.array([1, 3]))
    assert type(subset) is TextDataset
    assert subset.task == 2
    assert subset.targets.toarray().tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
