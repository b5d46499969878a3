"""SplitAdam is AdamW and SparseAdam, step by step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sklabelemb.learning.optimizers import SPARSE_FROM_ELEMENTS, SplitAdam, sparse_pays

from ..tolerances import close


class Small(nn.Module):
    def __init__(self, sparse=True):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = nn.Embedding(9, 3, sparse=sparse)
        self.linear = nn.Linear(3, 2)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator))

    def forward(self, step):
        ids = torch.tensor([[1, 4, 4], [step % 9, 2, 7]])
        return self.linear(self.table(ids).sum(dim=1)).square().mean()


def groups(model, sparse=True):
    return [
        {"params": [model.table.weight], "sparse": sparse},
        {"params": list(model.linear.parameters())},
    ]


def step(model, optimizers, number):
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = model(number)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_equals_adamw_and_sparse_adam(weight_decay):
    ours, theirs = Small(), Small()
    kwargs = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6}
    split = SplitAdam(groups(ours), weight_decay=weight_decay, **kwargs)
    parts = [
        torch.optim.AdamW(theirs.linear.parameters(), weight_decay=weight_decay, **kwargs),
        torch.optim.SparseAdam([theirs.table.weight], **kwargs),
    ]
    for number in range(12):
        step(ours, [split], number)
        step(theirs, parts, number)
        assert ours.table.weight.grad.is_sparse
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(a, b)


def test_without_sparse_groups_it_is_adamw():
    ours, theirs = Small(sparse=False), Small(sparse=False)
    split = SplitAdam([{"params": ours.parameters()}], lr=0.05, weight_decay=0.1)
    adamw = torch.optim.AdamW(theirs.parameters(), lr=0.05, weight_decay=0.1)
    for number in range(8):
        step(ours, [split], number)
        step(theirs, [adamw], number)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(a, b)


def test_a_plain_list_of_parameters_is_dense():
    model = Small(sparse=False)
    split = SplitAdam(model.parameters(), lr=0.1)
    before = model.linear.bias.detach().clone()
    step(model, [split], 0)
    assert not torch.equal(model.linear.bias, before)


def test_groups_may_have_their_own_learning_rate():
    model = Small()
    both = groups(model)
    both[0]["lr"], both[1]["lr"] = 0.0, 0.1
    split = SplitAdam(both)
    table, bias = model.table.weight.detach().clone(), model.linear.bias.detach().clone()
    step(model, [split], 0)
    assert torch.equal(model.table.weight, table)
    assert not torch.equal(model.linear.bias, bias)


def test_rows_outside_the_batch_stay_as_they_are():
    model = Small()
    split = SplitAdam(groups(model), lr=0.1, weight_decay=0.5)
    before = model.table.weight.detach().clone()
    step(model, [split], 5)
    changed = (model.table.weight.detach() != before).any(dim=1)
    assert changed.nonzero().ravel().tolist() == [1, 2, 4, 5, 7]


def test_a_schedule_reaches_both_parts():
    model = Small()
    split = SplitAdam(groups(model), lr=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(split, lambda step: 1.0 if step < 1 else 0.0)
    step(model, [split], 0)
    schedule.step()
    assert [group["lr"] for group in split.param_groups] == [0.0, 0.0]
    before = [p.detach().clone() for p in model.parameters()]
    step(model, [split], 1)
    for a, b in zip(model.parameters(), before, strict=True):
        assert torch.equal(a, b)


def test_state_dict_round_trip():
    kept = Small()
    split = SplitAdam(groups(kept), lr=0.05, weight_decay=0.1)
    for number in range(4):
        step(kept, [split], number)
    state = copy.deepcopy(split.state_dict())

    restored = Small()
    restored.load_state_dict(kept.state_dict())
    other = SplitAdam(groups(restored), lr=0.9)
    other.load_state_dict(state)
    schedule = torch.optim.lr_scheduler.LambdaLR(other, lambda step: 0.5**step)
    assert [group["lr"] for group in other.param_groups] == [0.05, 0.05]
    for number in range(4, 8):
        step(kept, [split], number)
        step(restored, [other], number)
        for a, b in zip(kept.parameters(), restored.parameters(), strict=True):
            assert torch.equal(a, b)
    # A schedule still reaches the parts after loading.
    schedule.step()
    assert {group["lr"] for part in other.parts for group in part.param_groups} == {0.025}


def test_a_closure_is_evaluated_once_with_gradient():
    model = Small()
    split = SplitAdam(groups(model), lr=0.1)
    calls = []

    def closure():
        calls.append(torch.is_grad_enabled())
        split.zero_grad()
        loss = model(0)
        loss.backward()
        return loss

    assert split.step(closure).item() > 0
    assert calls == [True]


def test_zero_grad_reaches_both_parts():
    model = Small()
    split = SplitAdam(groups(model))
    model(0).backward()
    split.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_when_sparse_tables_pay():
    assert sparse_pays(SPARSE_FROM_ELEMENTS, 1)
    assert not sparse_pays(SPARSE_FROM_ELEMENTS - 1, 1)
    assert not sparse_pays(SPARSE_FROM_ELEMENTS, 1, "cuda")
    assert sparse_pays(20 * SPARSE_FROM_ELEMENTS, 1, "cuda:1")
