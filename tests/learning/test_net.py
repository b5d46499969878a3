"""TextNet, its loss, its callbacks and its care for torch's random state."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from sklabelemb.leam.network import LEAM
from sklabelemb.learning import TaskDatasets, TextDataset, TextNet, isolated_randomness
from sklabelemb.learning.callbacks import (
    BestWeights,
    EpochProgress,
    GradientClipping,
    StopTraining,
    ValidationScore,
)
from sklabelemb.learning.losses import LabelLoss, TaskLoss
from sklabelemb.learning.optimizers import SplitAdam, halving
from sklabelemb.text import TokenIds

from ..tolerances import close

N_WORDS = 20


def dataset(n=60, seed=0, multilabel=True, weight=False):
    """Texts whose first word decides the label."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 9, size=n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = random.integers(5, N_WORDS, size=offsets[-1])
    codes = random.integers(0, 3, size=n)
    ids[offsets[:-1]] = codes + 2
    targets = codes.astype(np.int64)
    if multilabel:
        targets = sp.csr_matrix(np.eye(3, dtype=np.float32)[codes])
    sample_weight = random.uniform(0.5, 1.5, size=n).astype(np.float32) if weight else None
    return TextDataset(TokenIds(ids, offsets), targets, sample_weight)


def make_net(multilabel=True, module=LEAM, **kwargs):
    arguments = {
        "module__n_words": N_WORDS,
        "module__n_labels": 3,
        "module__embedding_dim": 6,
        "module__dropout": 0.2,
        "module__word_dropout": 0.1,
        "criterion": TaskLoss,
        "criterion__losses": [(LabelLoss, {"multilabel": multilabel})],
        "optimizer": SplitAdam,
        "lr": 0.02,
        "batch_size": 8,
        "verbose": 0,
        "callbacks__print_log": None,
        **kwargs,
    }
    with isolated_randomness(0):
        return TextNet(module, **arguments).initialize()


def of_one_task(data):
    return TaskDatasets((data,))


def train(net, epochs=3, callbacks=(), valid=True, data=None):
    with isolated_randomness(1, net.device):
        net.train_on(
            of_one_task(data or dataset()),
            of_one_task(dataset(25, seed=1)) if valid else None,
            epochs,
            list(callbacks),
        )
    return net


class At(Callback):
    """Does something at one event; counts the calls of every event."""

    def __init__(self, event, action):
        self.event = event
        self.action = action
        self.closed = False

    def close(self):
        self.closed = True

    def notify(self, event, net, **kwargs):
        if event == self.event:
            self.action(net)

    def on_train_begin(self, net, **kwargs):
        self.notify("train_begin", net)

    def on_epoch_end(self, net, **kwargs):
        self.notify("epoch_end", net)

    def on_batch_end(self, net, **kwargs):
        self.notify("batch_end", net)


class Events(Callback):
    def __init__(self):
        self.seen = []

    def on_train_begin(self, net, **kwargs):
        self.seen.append("train_begin")

    def on_epoch_end(self, net, **kwargs):
        self.seen.append("epoch_end")

    def on_train_end(self, net, **kwargs):
        self.seen.append("train_end")


def interrupt(net):
    raise KeyboardInterrupt


def stop(net):
    raise StopTraining


# -- training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("multilabel", [True, False])
def test_training_learns_and_the_history_tells(multilabel):
    net = make_net(multilabel)
    data = dataset(multilabel=multilabel, weight=True)
    net.train_on(of_one_task(data), of_one_task(dataset(25, 1, multilabel)), 12, [])
    losses = net.history[:, "train_loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert len(net.history[:, "valid_loss"]) == 12
    assert net.history[0, "train_batch_count"] == 8
    assert net.history[0, "valid_batch_count"] == 4


@pytest.mark.parametrize("event", ["train_begin", "epoch_end", "batch_end"])
def test_ctrl_c_reaches_the_caller(event):
    net = make_net()
    standing = net.callbacks_
    callback = At(event, interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(net, callbacks=[callback])
    assert net.callbacks_ is standing
    assert callback.closed


def test_ctrl_c_within_the_network_reaches_the_caller():
    class Interrupted(LEAM):
        def forward(self, ids):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_net(module=Interrupted))


def test_ctrl_c_reaches_the_caller_past_an_early_stopping():
    net = make_net(callbacks=[EarlyStopping(patience=1_000), At("batch_end", interrupt)])
    with pytest.raises(KeyboardInterrupt):
        train(net)


@pytest.mark.parametrize("event", ["epoch_end", "batch_end"])
def test_a_callback_may_stop_training_properly(event):
    net = make_net()
    events = Events()
    train(net, epochs=5, callbacks=[events, At(event, stop)])
    assert events.seen[0] == "train_begin"
    assert events.seen[-1] == "train_end"
    assert len(net.history) == 1


def test_every_callback_hears_of_the_last_epoch():
    # The one that stops comes first; the others must not miss the epoch it stops in.
    net = make_net()
    events = Events()
    train(net, epochs=5, callbacks=[At("epoch_end", stop), events])
    assert events.seen == ["train_begin", "epoch_end", "train_end"]


def test_skorchs_early_stopping_stops_without_a_ctrl_c():
    # A loss that does not fall counts as no improvement, so this stops after two epochs.
    net = make_net(lr=0.0, callbacks=[EarlyStopping("valid_loss", patience=1)])
    train(net, epochs=9)
    assert len(net.history) == 2


def test_skorchs_early_stopping_may_watch_the_validation_score():
    early = EarlyStopping("valid_score", lower_is_better=False, patience=1)
    net = make_net(lr=0.0, callbacks=[early])
    train(net, epochs=9, callbacks=[ValidationScore(lambda y, logits: 0.5)])
    assert net.history[:, "valid_score"] == [0.5, 0.5]


def test_callbacks_of_a_run_serve_this_run_only():
    net = make_net()
    events = Events()
    train(net, epochs=1, callbacks=[events])
    seen = list(events.seen)
    train(net, epochs=1)
    assert events.seen == seen


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_training_with_advice(value):
    class Broken(LEAM):
        def auxiliary_loss(self):
            return super().auxiliary_loss() + value

    with pytest.raises(
        FloatingPointError, match=rf"became {value}.*Lower learning_rate \(now 0.02"
    ):
        train(make_net(module=Broken))


def test_an_exhausted_gpu_ends_training_with_advice():
    class Greedy(LEAM):
        def forward(self, ids):
            raise torch.OutOfMemoryError

    with pytest.raises(MemoryError, match="smaller batch_size or max_length") as caught:
        train(make_net(module=Greedy))
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)


def test_the_auxiliary_loss_counts_in_training_only():
    class Penalised(LEAM):
        def auxiliary_loss(self):
            return super().auxiliary_loss() + 100.0

    net = train(make_net(module=Penalised), epochs=1)
    assert net.history[0, "train_loss"] > 100
    assert net.history[0, "valid_loss"] < 10


def test_learning_rate_schedules_work_by_the_batch():
    seen = []
    schedule = LRScheduler(
        policy=torch.optim.lr_scheduler.LambdaLR,
        lr_lambda=lambda step: 0.5**step,
        step_every="batch",
    ).initialize()
    record = At("batch_end", lambda net: seen.append(net.optimizer_.param_groups[0]["lr"]))
    net = make_net(**{"lr": 1.0})
    train(net, epochs=1, callbacks=[record, schedule], valid=False)
    assert seen == [0.5**i for i in range(8)]


def test_halving_the_learning_rate_after_every_epoch():
    rates = []

    class Rates(Callback):
        def on_batch_begin(self, net, training, **kwargs):
            if training:
                rates.append({group["lr"] for group in net.optimizer_.param_groups})

    train(make_net(), epochs=4, callbacks=[halving(8), Rates()])
    # 60 texts in batches of 8.
    assert rates == [{0.02 * 0.5**epoch} for epoch in range(4) for _ in range(8)]


class Gradients(nn.Module):
    """Two tables and two weights, of which one gets no gradient."""

    def __init__(self, sparse):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = nn.Embedding(9, 3, sparse=sparse)
        self.other = nn.Embedding(4, 3, sparse=sparse)
        self.linear = nn.Linear(3, 2)
        self.unused = nn.Linear(2, 2)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def backward(self, size=1.0):
        rows = self.table(torch.tensor([[1, 4, 4], [8, 2, 4]])) + self.other(
            torch.tensor([[3], [3]])
        )
        (size * self.linear(rows).square().mean()).backward()
        return self


def gradients(module):
    return {
        name: p.grad.to_dense() if p.grad.is_sparse else p.grad
        for name, p in module.named_parameters()
        if p.grad is not None
    }


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 10.0])
def test_gradients_are_clipped_as_torch_does(sparse, size, max_norm):
    ours, theirs = (Gradients(kind).backward(size) for kind in (sparse, False))
    assert ours.table.weight.grad.is_sparse is sparse
    GradientClipping(max_norm).on_grad_computed(None, named_parameters=ours.named_parameters())
    before = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
    wanted, found = gradients(theirs), gradients(ours)
    assert found.keys() == wanted.keys()
    assert ours.unused.weight.grad is None
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-5, atol=0)
    norm = torch.stack([gradient.norm() for gradient in found.values()]).norm().item()
    assert norm == pytest.approx(min(before.item(), max_norm), rel=1e-3)


def test_clipping_nothing_is_harmless():
    module = Gradients(True)
    GradientClipping(1.0).on_grad_computed(None, named_parameters=module.named_parameters())
    GradientClipping(1.0).on_grad_computed(None, named_parameters=iter([]))
    assert gradients(module) == {}


@pytest.mark.parametrize("sparse", [False, True])
def test_clipping_in_a_run(sparse):
    seen = []

    class Norms(Callback):
        def on_batch_end(self, net, training, **kwargs):
            if training:
                found = gradients(net.module_).values()
                seen.append(torch.stack([gradient.norm() for gradient in found]).norm().item())

    kwargs = {"module__sparse": True} if sparse else {}
    if sparse:
        kwargs["optimizer__param_groups"] = [("embedding.weight", {"sparse": True})]
    train(make_net(**kwargs), callbacks=[Norms()])
    free, seen = max(seen), []
    train(make_net(**kwargs), callbacks=[GradientClipping(free / 20), Norms()])
    assert max(seen) <= free / 20 * (1 + 1e-4)


def test_the_word_table_may_be_trained_sparsely():
    data = dataset()

    def trained(sparse):
        groups = [("embedding.weight", {"sparse": True})] if sparse else []
        net = make_net(module__sparse=sparse, module__dropout=0.0, optimizer__param_groups=groups)
        first = net.module_.embedding.weight.detach().clone()
        train(net, epochs=1, valid=False, data=data)
        assert net.module_.embedding.weight.grad.is_sparse == sparse
        return net.module_.embedding.weight.detach(), first

    after, before = trained(True)
    assert torch.all(after[0] == 0)
    # The word 1 does not occur.
    assert torch.equal(after[1], before[1])
    assert torch.all((after[2:] != before[2:]).any(dim=1))


# -- predicting --------------------------------------------------------------------------------


def test_logits_come_in_the_order_of_the_texts():
    net = train(make_net(), epochs=1)
    data = dataset(41, seed=2)
    logits = net.predict_logits(data)
    assert logits.shape == (41, 3)
    assert logits.dtype == np.float32
    net.module_.eval()
    for row in (0, 1, 17, 40):
        ids = torch.from_numpy(data.token_ids.padded([row]))
        with torch.no_grad():
            alone = net.module_(ids)[0].numpy()
        close(logits[row], alone)


def test_prediction_turns_dropout_off_and_tokens_may_be_bounded():
    net = train(make_net(iterator_valid__max_tokens=10), epochs=1)
    data = dataset(30, seed=2)
    net.module_.train()
    first = net.predict_logits(data)
    assert np.array_equal(first, net.predict_logits(data))
    net.iterator_valid__max_tokens = None
    close(net.predict_logits(data), first)


@pytest.mark.parametrize("multilabel", [True, False])
def test_mixed_precision_is_for_training_on_cpus_too(multilabel):
    data = dataset(multilabel=multilabel)
    nets = {}
    for mixed in (False, True):
        net = make_net(
            multilabel,
            mixed_precision=mixed,
            module__dropout=0.0,
            module__word_dropout=0.0,
            device="cpu",
        )
        nets[mixed] = train(net, epochs=8, valid=False, data=data)
    losses = {mixed: np.array(net.history[:, "train_loss"]) for mixed, net in nets.items()}
    # Little, but something: bfloat16 has three digits.
    assert losses[True][0] != losses[False][0]
    np.testing.assert_allclose(losses[True], losses[False], rtol=0.02, atol=0.01)
    assert losses[True][-1] < 0.8 * losses[True][0]
    exact, mixed = nets[False], nets[True]
    assert all(p.dtype == torch.float32 for p in mixed.module_.parameters())
    exact.module_.load_state_dict(mixed.module_.state_dict())
    np.testing.assert_array_equal(exact.predict_logits(data), mixed.predict_logits(data))


def test_the_validation_loss_is_computed_in_full_precision():
    seen = []

    class Spy(Callback):
        def on_batch_end(self, net, batch=None, training=None, **kwargs):
            seen.append((training, net.infer(batch[0]["ids"])))
            with torch.no_grad():
                seen[-1] = (*seen[-1], net.module_(batch[0]["ids"]))

    net = make_net(
        mixed_precision=True, module__dropout=0.0, module__word_dropout=0.0, device="cpu"
    )
    train(net, epochs=1, callbacks=[Spy()])
    assert {training for training, _, _ in seen} == {True, False}
    for training, inferred, exact in seen:
        assert inferred.dtype == torch.float32
        assert torch.equal(inferred, exact) is not training


def test_a_net_without_targets_predicts():
    net = train(make_net(), epochs=1)
    data = dataset(9)
    bare = TextDataset(data.token_ids)
    assert np.array_equal(net.predict_logits(bare), net.predict_logits(data))


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_a_pickled_net_predicts_the_same_without_the_optimizer(how):
    net = train(make_net(), epochs=2)
    if how == "pickle":
        dump = pickle.dumps(net)
        # Two moments and a gradient a weight would be three times as much again.
        restored = pickle.loads(dump)
    else:
        restored = copy.deepcopy(net)
    assert not hasattr(restored, "optimizer_")
    assert hasattr(net, "optimizer_")
    data = dataset(12, seed=3)
    assert np.array_equal(restored.predict_logits(data), net.predict_logits(data))
    assert restored.history[:, "train_loss"] == net.history[:, "train_loss"]
    # It can go on learning with a fresh optimiser, and the original is not touched.
    before = net.predict_logits(data)
    restored.initialize_optimizer()
    train(restored, epochs=1)
    assert not np.array_equal(restored.predict_logits(data), before)
    assert np.array_equal(net.predict_logits(data), before)


def test_the_pickle_is_not_much_larger_than_the_weights():
    net = train(make_net(module__n_words=20_000), epochs=1)
    weights = sum(p.numel() * 4 for p in net.module_.parameters())
    for p in net.module_.parameters():
        p.grad = None
    assert len(pickle.dumps(net)) < 1.2 * weights


# -- callbacks ---------------------------------------------------------------------------------


def test_validation_score_sees_every_text_with_its_own_targets():
    seen = []

    def score(targets, logits):
        seen.append((targets, logits))
        return float(len(seen))

    valid = dataset(25, seed=1)
    net = make_net()
    net.train_on(of_one_task(dataset()), of_one_task(valid), 2, [ValidationScore(score)])
    assert net.history[:, "valid_score"] == [1.0, 2.0]
    order = np.argsort(valid.token_ids.lengths, kind="stable")
    targets, logits = seen[1]
    assert np.array_equal(targets.toarray(), valid.targets.toarray()[order])
    close(logits, net.predict_logits(valid)[order])


class Scripted(Callback):
    """Puts given scores into the history, and remembers the weights of each epoch."""

    def __init__(self, scores):
        self.scores = scores
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        net.history.record("valid_score", self.scores[len(self.weights)])
        self.weights.append({k: v.clone() for k, v in net.module_.state_dict().items()})


@pytest.mark.parametrize(
    ("scores", "lower", "patience", "n_epochs", "best"),
    [
        ([1, 3, 2, 2.5, 9], False, 2, 4, 2),
        ([1, 3, 2, 4, 3, 3], False, 2, 6, 4),
        ([5, 3, 4, 6, 1], True, 2, 4, 2),
        ([2, 2, 2], False, 1, 2, 1),
        ([1, 2, 3], False, 1, 3, 3),
        ([float("nan"), 1, 0, 0, 0], False, 2, 4, 2),
    ],
)
def test_best_weights(scores, lower, patience, n_epochs, best):
    script = Scripted(scores)
    keeper = BestWeights("valid_score", lower_is_better=lower, patience=patience)
    net = make_net()
    train(net, epochs=len(scores), callbacks=[script, keeper])
    assert len(net.history) == n_epochs
    assert keeper.best_epoch_ == best
    state = net.module_.state_dict()
    for name, value in script.weights[best - 1].items():
        assert torch.equal(state[name], value)
    if best < n_epochs:
        assert not torch.equal(state["embedding.weight"], script.weights[-1]["embedding.weight"])


def test_a_progress_bar_is_put_away_also_when_interrupted(capsys):
    bar = EpochProgress(16, "training")
    with pytest.raises(KeyboardInterrupt):
        train(make_net(), callbacks=[bar, At("epoch_end", interrupt)])
    assert bar._bar.disable
    assert "8/16" in capsys.readouterr().err


# -- random state ------------------------------------------------------------------------------


def test_randomness_is_isolated():
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    with isolated_randomness(1):
        inside = torch.rand(3)
        with isolated_randomness(2):
            nested = torch.rand(3)
        after = torch.rand(3)
    assert torch.equal(torch.random.get_rng_state(), state)
    with isolated_randomness(1):
        assert torch.equal(torch.rand(3), inside)
        assert torch.equal(torch.rand(3), after)
    assert not torch.equal(nested, inside)


def test_randomness_is_restored_after_an_error():
    state = torch.random.get_rng_state()

    def interrupted():
        with isolated_randomness(1):
            torch.rand(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_two_threads_take_turns():
    def draw(seed):
        with isolated_randomness(seed):
            return torch.stack([torch.rand(50) for _ in range(40)])

    expected = {seed: draw(seed) for seed in range(4)}
    state = torch.random.get_rng_state()
    found = {}
    barrier = threading.Barrier(4)

    def work(seed):
        barrier.wait()
        found[seed] = [draw(seed) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.equal(torch.random.get_rng_state(), state)
    for seed, draws in found.items():
        assert all(torch.equal(drawn, expected[seed]) for drawn in draws)


def test_a_fit_on_the_cpu_does_not_seed_the_gpus(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: seeded.append(seed))
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: seeded.append(seed))
    with isolated_randomness(3, "cpu"):
        assert torch.initial_seed() == 3
    assert seeded == []


def test_training_is_reproducible_and_leaves_the_global_state_alone():
    state = torch.random.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()
    one, two = (train(make_net(), epochs=2) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    data = dataset(10, seed=7)
    assert np.array_equal(one.predict_logits(data), two.predict_logits(data))


# -- loss --------------------------------------------------------------------------------------

LOGITS = np.array([[0.3, -1.2, 2.0], [-0.4, 0.9, 0.1]])


def loss(multilabel, y, class_weight=None, sample_weight=None):
    target = {"y": torch.tensor(y)}
    if sample_weight is not None:
        target["sample_weight"] = torch.tensor(sample_weight)
    module = LabelLoss(multilabel, None if class_weight is None else np.array(class_weight))
    return module(torch.tensor(LOGITS, dtype=torch.float32), target).item()


@pytest.mark.parametrize("class_weight", [None, [1.0, 5.0, 0.5]])
@pytest.mark.parametrize("sample_weight", [None, [0.5, 1.5]])
def test_multilabel_loss_by_hand(class_weight, sample_weight):
    y = np.array([[1, 0, 1], [0, 1, 0]], dtype=np.float32)
    positive = np.ones(3) if class_weight is None else np.array(class_weight)
    p = 1 / (1 + np.exp(-LOGITS))
    losses = -(positive * y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=1)
    expected = np.mean(losses * (np.ones(2) if sample_weight is None else sample_weight))
    close(loss(True, y, class_weight, sample_weight), expected, dtype=np.float32)


@pytest.mark.parametrize("class_weight", [None, [1.0, 5.0, 0.5]])
@pytest.mark.parametrize("sample_weight", [None, [0.5, 1.5]])
def test_single_label_loss_by_hand(class_weight, sample_weight):
    y = np.array([2, 1])
    weight = np.ones(3) if class_weight is None else np.array(class_weight)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    losses = -weight[y] * np.log(p[[0, 1], y])
    expected = np.mean(losses * (np.ones(2) if sample_weight is None else sample_weight))
    close(loss(False, y, class_weight, sample_weight), expected, dtype=np.float32)


def test_loss_weights_move_with_the_module():
    module = LabelLoss(True, np.array([1.0, 2.0]))
    assert isinstance(module, nn.Module)
    assert dict(module.named_buffers())["class_weight"].dtype == torch.float32


# -- GPU ---------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("attention", ["shared", "label_wise"])
@pytest.mark.parametrize("phrase_filter", ["shared", "full"])
def test_mixed_precision_trains_on_cuda(attention, phrase_filter):
    net = make_net(
        device="cuda",
        mixed_precision=True,
        module__attention=attention,
        module__phrase_filter=phrase_filter,
    )
    train(net, epochs=12)
    losses = net.history[:, "train_loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]
    assert np.isfinite(net.predict_logits(dataset(10))).all()


@pytest.mark.gpu
def test_sparse_table_trains_on_cuda():
    net = make_net(
        device="cuda",
        module__sparse=True,
        optimizer__param_groups=[("embedding.weight", {"sparse": True})],
    )
    train(net, epochs=12)
    assert net.module_.embedding.weight.grad.is_sparse
    assert torch.all(net.module_.embedding.weight[0] == 0)
    losses = net.history[:, "train_loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.gpu
def test_randomness_of_the_gpu_is_isolated():
    cpu, gpu = torch.random.get_rng_state(), torch.cuda.get_rng_state()
    draws = []
    for _ in range(2):
        with isolated_randomness(1, "cuda"):
            draws.append(torch.rand(3, device="cuda").cpu())
    with isolated_randomness(1, "cpu"):
        torch.rand(3)
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(torch.random.get_rng_state(), cpu)
    assert torch.equal(torch.cuda.get_rng_state(), gpu)


@pytest.mark.gpu
def test_a_net_trained_on_cuda_loads_without_cuda(tmp_path):
    net = train(make_net(device="cuda"), epochs=1)
    data = dataset(10, seed=7)
    with open(tmp_path / "net.pkl", "wb") as file:
        pickle.dump((net, data), file)
    program = (
        "import pickle, sys, warnings, numpy as np\n"
        "warnings.simplefilter('ignore')\n"
        "net, data = pickle.load(open(sys.argv[1], 'rb'))\n"
        "assert next(net.module_.parameters()).device.type == 'cpu'\n"
        "np.save(sys.argv[2], net.predict_logits(data))\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, tmp_path / "net.pkl", tmp_path / "logits.npy"],
        check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    logits = np.load(tmp_path / "logits.npy")
    close(logits, net.predict_logits(data), scale=1)
