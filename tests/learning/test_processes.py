"""Several processes that train one network: their shares of a batch add up to the whole."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklabelemb import LEAMClassifier, MTLEClassifier
from sklabelemb.learning import TextNet, isolated_randomness
from sklabelemb.learning.losses import TaskLoss
from sklabelemb.learning.processes import add_up, own_rows
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.semantic_unit.sequences import SequenceDataset, SequenceLoss

from ..tolerances import close
from .small import LABELS, TEXTS
from .test_accumulation import N_LABELS, N_WORDS, dataset, laco, leam, step


class Accelerator(SimpleNamespace):
    """One of several processes, whose sums are its own part."""

    def __init__(self, num_processes, process_index=0, **further):
        usual = {"distributed_type": "MULTI_CPU", "mixed_precision": "no"}
        usual |= {"gradient_accumulation_steps": 1, "summed": []}
        usual |= {"num_processes": num_processes, "process_index": process_index}
        usual |= {"optimizer_step_was_skipped": False}  # skorch's schedules ask for it
        super().__init__(**(usual | further))

    def reduce(self, tensor, reduction):
        assert reduction == "sum"
        self.summed.append(tensor)
        return tensor


def sequences(multilabel, tasks, steps=1, **kwargs):
    options = {"n_words": N_WORDS, "n_labels": N_LABELS, "embedding_dim": 6, "hidden_size": 8}
    options |= {"dropout": 0.0, "word_dropout": 0.0}
    with isolated_randomness(0):
        made = TextNet(
            SemanticUnitNetwork,
            **{f"module__{name}": value for name, value in options.items()},
            criterion=TaskLoss,
            criterion__losses=[(SequenceLoss, {})],
            callbacks__print_log=None,
            accumulation_steps=steps,
            **kwargs,
        ).initialize()
        made.module_.double()
        return made


def label_sequences(n=11):
    some = dataset(n, weight=True)
    return SequenceDataset(
        some.token_ids, some.targets, some.sample_weight, order=np.arange(N_LABELS)
    )


@pytest.mark.parametrize(("n", "steps"), [(2, 1), (2, 2), (3, 1), (13, 1)])
@pytest.mark.parametrize("make", [leam, laco, sequences])
def test_shares_add_up_to_the_whole(make, n, steps):
    tasks = "both" if make is laco else None
    data = label_sequences() if make is sequences else dataset(weight=True, tasks=tasks)
    with isolated_randomness(1):
        batch = data.batch(np.arange(len(data)))
    one, gradients = step(make(True, tasks), batch)
    found = [
        step(make(True, tasks, steps=steps, accelerator=Accelerator(n, index)), batch)
        for index in range(n)
    ]
    close(sum(share["loss"] for share, _ in found), one["loss"], dtype=np.float32)
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        total = sum(of_share[name] for _, of_share in found)
        close(total, gradient, scale=largest, dtype=np.float32, err_msg=name)
    # Every process asks for a sum as often as the others, or they would wait for one another.
    some = [Accelerator(n, index) for index in range(n)]
    for accelerator in some:
        make(True, tasks, steps=steps, accelerator=accelerator).train_step_single(batch)
    assert {tuple(part.shape for part in accelerator.summed) for accelerator in some} == {
        tuple(part.shape for part in some[0].summed)
    }


def test_sums_replace_gradients():
    network = torch.nn.Linear(2, 3)
    network(torch.ones(1, 2)).sum().backward()
    before = {name: p.grad.clone() for name, p in network.named_parameters()}
    doubled = SimpleNamespace(reduce=lambda tensor, reduction: 2 * tensor)
    assert float(add_up(doubled, network, torch.tensor(3.0))) == 6.0
    for name, p in network.named_parameters():
        assert torch.equal(p.grad, 2 * before[name])


def test_every_row_is_read_once():
    for n_texts in (1, 2, 5, 8):
        shares = [own_rows(Accelerator(3, index), n_texts) for index in range(3)]
        counted = torch.cat([rows for rows, factor in shares if factor])
        assert counted.tolist() == list(range(n_texts))
        assert all(len(rows) for rows, _ in shares)


def test_dropout_of_a_process_leaves_the_order_of_batches_alone():
    orders = []
    for index in range(2):
        batches = Batches()
        LEAMClassifier(
            embedding_dim=8,
            dropout=0.5,
            wide=False,
            max_epochs=2,
            batch_size=5,
            validation_fraction=0,
            random_state=0,
            net_params={"accelerator": Accelerator(2, index), "callbacks": [batches]},
        ).fit(TEXTS, LABELS)
        orders.append(batches.seen)
    assert orders[0] == orders[1]
    assert len({tuple(batch) for batch in orders[0]}) > 2


class Batches(Callback):
    def on_train_begin(self, net, **kwargs):
        self.seen = []

    def on_batch_begin(self, net, batch, **kwargs):
        self.seen.append([*batch[0]["ids"].shape, int(batch[0]["ids"].sum())])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"accelerator": "cuda"}, TypeError, r"give an object of the library accelerate"),
        ({"accelerator": Accelerator(2, distributed_type="FSDP")}, ValueError, "set to FSDP"),
        ({"accelerator": Accelerator(2, mixed_precision="bf16")}, ValueError, "would be ignored"),
        (
            {"accelerator": Accelerator(2, gradient_accumulation_steps=4)},
            ValueError,
            "accumulation_steps instead",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        MTLEClassifier(net_params=parameters).fit(TEXTS, LABELS)


def test_a_checkpoint_is_of_one_process(tmp_path):
    parameters = {"net_params": {"accelerator": Accelerator(2)}, "checkpoint": tmp_path / "fit"}
    with pytest.raises(ValueError, match="keeps a fit of one process"):
        LEAMClassifier(**parameters).fit(TEXTS, LABELS)


def test_processes_draw_the_same_batches():
    model = LEAMClassifier(net_params={"accelerator": Accelerator(2)}, random_state=None)
    with pytest.raises(ValueError, match="Set random_state to an integer"):
        model.fit(TEXTS, LABELS)


def test_sums_are_dense(monkeypatch):
    monkeypatch.setattr("sklabelemb.learning.build.sparse_pays", lambda *sizes: True)
    kind = {"embedding_dim": 8, "max_epochs": 1, "wide": False, "random_state": 0}
    for accelerator, sparse in [(None, True), (Accelerator(1), True), (Accelerator(2), False)]:
        model = LEAMClassifier(net_params={"accelerator": accelerator}, **kind).fit(TEXTS, LABELS)
        assert model.model_.options["sparse"] is sparse
