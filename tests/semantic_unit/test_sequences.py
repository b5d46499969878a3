"""Label sets as sequences: their order, their batches, their loss, their score."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklabelemb.learning import LengthBuckets, TaskDatasets, isolated_randomness
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.semantic_unit.sequences import (
    SequenceDataset,
    SequenceLoss,
    SequenceScore,
    order_of_labels,
    weights_of_labels,
)
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds

# Labels 1 and 3 are equally frequent, and so are 0 and 4; label 2 is never there.
Y = sp.csr_matrix(
    np.array(
        [
            [1, 1, 0, 1, 1],
            [0, 1, 0, 0, 0],
            [0, 0, 0, 0, 0],
            [0, 1, 0, 1, 0],
            [1, 0, 0, 1, 1],
            [0, 0, 0, 0, 0],
        ],
        dtype=np.float32,
    )
)
LENGTHS = [4, 2, 0, 7, 1, 3]


def dataset(order=None, targets=Y, sample_weight=None):
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    ids = np.arange(offsets[-1]) % 9 + 1
    return SequenceDataset(TokenIds(ids, offsets), targets, sample_weight, order=order)


# -- the order of labels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label_order", "expected"),
    [
        ("frequency", [1, 3, 0, 4, 2]),
        ("rare_first", [2, 0, 4, 1, 3]),
        ("given", [0, 1, 2, 3, 4]),
        ("random", None),
    ],
)
@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csr_array])
def test_order_of_labels(label_order, expected, form):
    order = order_of_labels(label_order, form(Y))
    assert order is None if expected is None else order.tolist() == expected


@pytest.mark.parametrize("dtype", ["int8", "bool", "float32", "uint8"])
def test_the_order_of_many_labels_by_counting(dtype):
    random = np.random.default_rng(0)
    # More than 255 texts of a label: a sum in the type of the indicator would overflow.
    y = random.random((600, 30)) < random.choice([0.1, 0.5, 0.9], 30)
    counts = [sum(row[label] for row in y.tolist()) for label in range(30)]
    indicator = sp.csr_matrix(y.astype(dtype))
    by_hand = sorted(range(30), key=lambda label: (-counts[label], label))
    assert order_of_labels("frequency", indicator).tolist() == by_hand
    by_hand = sorted(range(30), key=lambda label: (counts[label], label))
    assert order_of_labels("rare_first", indicator).tolist() == by_hand


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[1, 3, 0, 4, 2], [2, 0, 4, 1, 3], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5], [4, 1], [2], [2, 5], [3, 3, 0], [5, 4, 2]])
def test_batches_hold_the_labels_in_their_order(order, rows):
    inputs, target = dataset(np.array(order)).batch(np.array(rows))
    sets = [[label for label in order if Y[row, label]] for row in rows]
    longest = max(len(labels) for labels in sets)
    wanted = [labels + [-1] * (longest - len(labels)) for labels in sets]
    assert target["y"].dtype == torch.int64
    assert target["y"].shape == (len(rows), longest)
    assert target["y"].tolist() == wanted
    # What the network reads, and what the loss looks at, is the same.
    assert inputs["labels"] is target["y"]
    assert inputs["ids"].shape == (len(rows), max(1, *(LENGTHS[row] for row in rows), 1))


def test_an_order_of_its_own_after_a_subset():
    data = dataset(np.array([4, 3, 2, 1, 0]), sample_weight=np.arange(6, dtype=np.float32))
    part = data.subset(np.array([4, 0]))
    assert type(part) is SequenceDataset
    inputs, target = part.batch(np.array([1, 0]))
    assert inputs["labels"].tolist() == [[4, 3, 1, 0], [4, 3, 0, -1]]
    assert target["sample_weight"].tolist() == [0, 4]


def test_texts_without_targets_are_plain_texts():
    inputs, target = dataset(targets=None).batch(np.array([0, 3]))
    assert set(inputs) == {"ids"}
    assert set(target) == {"task"}


def test_a_random_order_is_another_one_each_time_and_can_be_repeated():
    data, rows = dataset(), np.arange(6)

    def several(seed):
        with isolated_randomness(seed):
            return [data.batch(rows)[1]["y"].tolist() for _ in range(40)]

    first = several(0)
    assert first == several(0)
    assert first != several(1)
    for row in rows:
        wanted = set(Y[row].indices.tolist())
        found = {tuple(label for label in batch[row] if label >= 0) for batch in first}
        assert all(set(labels) == wanted and len(labels) == len(wanted) for labels in found)
        # Padding is at the end.
        assert all(batch[row] == sorted(batch[row], key=lambda label: label < 0) for batch in first)
        # Every order of two and three labels comes up.
        if len(wanted) in (2, 3):
            assert found == set(itertools.permutations(wanted))
        assert (len(found) > 1) is (len(wanted) > 1)


def test_buckets_give_each_text_its_own_labels():
    order = np.array([1, 3, 0, 4, 2])
    buckets = LengthBuckets(dataset(order), batch_size=4)
    rows = iter(buckets.order)
    for inputs, target in buckets:
        for labels in target["y"].tolist():
            row = next(rows)
            wanted = [label for label in order if Y[row, label]]
            assert labels == wanted + [-1] * (len(labels) - len(wanted))
        assert inputs["labels"].tolist() == target["y"].tolist()


# -- the loss --------------------------------------------------------------------------------------


def literal_loss(log_probs, labels, sample_weight, class_weight):
    """Step by step: each label, and then the end."""
    total, steps = 0.0, 0
    end = log_probs.shape[2] - 1
    for row, sequence in enumerate(labels.tolist()):
        emitted = [label for label in sequence if label >= 0]
        for step, label in enumerate([*emitted, end]):
            weight = 1.0 if class_weight is None or label == end else class_weight[label]
            factor = 1.0 if sample_weight is None else sample_weight[row]
            total -= factor * weight * log_probs[row, step, label].item()
            steps += 1
    return total / steps


SEQUENCES = torch.tensor([[2, 0, 1], [1, -1, -1], [-1, -1, -1], [0, 3, -1]])


@pytest.mark.parametrize("class_weight", [None, [1.0, 5.0, 0.5, 2.0]])
@pytest.mark.parametrize("sample_weight", [None, [0.5, 1.5, 3.0, 0.0]])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [2], [3, 1], [0]])
def test_the_loss_by_hand(class_weight, sample_weight, rows):
    generator = torch.Generator().manual_seed(0)
    labels = SEQUENCES[rows]
    labels = labels[:, : max(0, int((labels >= 0).sum(dim=1).max()))]
    logits = torch.randn(len(rows), labels.shape[1] + 1, 5, generator=generator)
    target = {"y": labels}
    if sample_weight is not None:
        target["sample_weight"] = torch.tensor(sample_weight)[rows]
    log_probs = logits.log_softmax(2).requires_grad_()
    weights = None if class_weight is None else np.array(class_weight)
    loss = SequenceLoss(weights)(log_probs, target)
    factor = None if sample_weight is None else [sample_weight[row] for row in rows]
    assert loss.shape == ()
    assert loss.item() == pytest.approx(literal_loss(log_probs, labels, factor, class_weight))
    loss.backward()
    # Only what was emitted, and the end, is looked at.
    n_looked_at = int((log_probs.grad != 0).sum())
    weighed = [1.0] * len(rows) if factor is None else factor
    lengths = (labels >= 0).sum(dim=1) + 1
    assert n_looked_at == sum(int(n) for n, w in zip(lengths, weighed, strict=True) if w)


def test_the_loss_of_a_network_is_finite_where_labels_are_masked():
    """-inf of emitted labels is never picked, and gives no gradient that is no number."""
    torch.manual_seed(0)
    network = SemanticUnitNetwork(9, 4, embedding_dim=4, hidden_size=4)
    labels = SEQUENCES
    log_probs = network(torch.tensor([[3, 4], [5, 0], [0, 0], [6, 7]]), labels)
    assert (log_probs == -torch.inf).any()
    loss = SequenceLoss()(log_probs, {"y": labels})
    loss.backward()
    assert torch.isfinite(loss)
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name


def test_the_loss_does_not_depend_on_padding():
    generator = torch.Generator().manual_seed(1)
    log_probs = torch.randn(4, 6, 5, generator=generator).log_softmax(2)
    wide = torch.nn.functional.pad(SEQUENCES, (0, 2), value=-1)
    loss = SequenceLoss()
    assert loss(log_probs, {"y": wide}).item() == pytest.approx(
        loss(log_probs[:, :4], {"y": SEQUENCES}).item()
    )


def test_weights_of_the_loss_move_with_it():
    loss = SequenceLoss(np.array([1.0, 2.0]))
    assert loss.class_weight.tolist() == [1.0, 2.0, 1.0]
    assert loss.class_weight.dtype == torch.float32
    assert [name for name, _ in loss.named_buffers()] == ["class_weight"]
    assert SequenceLoss().class_weight is None


def test_balanced_labels_weigh_the_same_where_they_are_emitted():
    targets = Targets.infer(Y)
    weights = weights_of_labels("balanced", targets, Y)
    # 2, 3, 0, 3 and 2 texts have them: 10 labels are emitted, of four kinds.
    np.testing.assert_allclose(weights[[0, 1, 3, 4]], [10 / 8, 10 / 12, 10 / 12, 10 / 8])
    assert np.isfinite(weights).all()
    counts = Y.toarray().sum(axis=0)
    assert (weights * counts).sum() == pytest.approx(counts.sum())
    assert len(set((weights * counts)[[0, 1, 3, 4]].round(9))) == 1
    assert weights_of_labels(None, targets, Y) is None
    np.testing.assert_array_equal(weights_of_labels({3: 7.0}, targets, Y), [1, 1, 1, 7, 1])


# -- the score -------------------------------------------------------------------------------------


class History(list):
    """What of skorch's history is used here."""

    def record(self, key, value):
        self[-1][key] = value


class Net:
    def __init__(self):
        self.history = History([{}])


def test_the_score_is_recorded_after_every_epoch():
    calls = []

    def decide(net, data):
        calls.append(("decide", net, data))
        return "decisions"

    def score(targets, decisions):
        calls.append(("score", targets, decisions))
        return 0.25

    net, valid = Net(), dataset(np.arange(5))
    callback = SequenceScore(score, decide)
    callback.on_epoch_begin(net)
    callback.on_batch_end(net, training=False, y_pred=None)
    callback.on_epoch_end(net, dataset_valid=TaskDatasets((valid,)))
    assert net.history == [{"valid_score": 0.25, "valid_score_best": True}]
    (_, *decided), (_, truth, decisions) = calls
    assert decided == [net, valid]
    np.testing.assert_array_equal(truth, Y.toarray())
    assert decisions == "decisions"
    # Nothing held out, nothing to score.
    net = Net()
    callback.on_epoch_end(net, dataset_valid=None)
    assert net.history == [{}]
