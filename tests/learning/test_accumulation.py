"""A batch in parts: the same gradient as in one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback
from torch import nn

from sklabelemb import LACOClassifier
from sklabelemb.encoders import fresh_configuration
from sklabelemb.laco.network import LACO
from sklabelemb.laco.samples import CooccurrenceDataset
from sklabelemb.leam.network import LEAM
from sklabelemb.learning import TextDataset, TextNet, isolated_randomness
from sklabelemb.learning.losses import LabelLoss, TaskLoss
from sklabelemb.learning.optimizers import SplitAdam
from sklabelemb.text import TokenIds

from ..tolerances import close

N_WORDS, N_LABELS = 20, 4
BERT = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
BERT |= {"intermediate_size": 8, "max_position_embeddings": 40}
BERT |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def dataset(n=11, multilabel=True, weight=False, tasks=None, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 9, size=n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = random.integers(2, N_WORDS, size=offsets[-1])
    targets = random.integers(0, N_LABELS, size=n)
    if multilabel:
        targets = sp.csr_matrix((random.random((n, N_LABELS)) < 0.5).astype(np.float32))
    sample_weight = random.uniform(0.2, 2.0, size=n).astype(np.float32) if weight else None
    if tasks is None:
        return TextDataset(TokenIds(ids, offsets), targets, sample_weight)
    return CooccurrenceDataset(TokenIds(ids, offsets), targets, sample_weight, tasks=tasks)


def laco(multilabel, tasks, **kwargs):
    options = {"encoder": fresh_configuration(BERT, N_WORDS), "n_labels": N_LABELS}
    options |= {"cls_id": 18, "sep_id": 19, "dropout": 0.0, "window_size": 1}
    options |= {"cooccurrence": tasks, "cooccurrence_weight": 2.0}
    return net(LACO, multilabel, options, **kwargs)


def leam(multilabel, tasks, **kwargs):
    options = {"n_words": N_WORDS, "n_labels": N_LABELS, "embedding_dim": 6, "dropout": 0.0}
    return net(LEAM, multilabel, options | {"word_dropout": 0.0, "label_penalty": 0.0}, **kwargs)


def net(module, multilabel, options, steps=1, **kwargs):
    with isolated_randomness(0):
        made = TextNet(
            module,
            **{f"module__{name}": value for name, value in options.items()},
            criterion=TaskLoss,
            criterion__losses=[(LabelLoss, {"multilabel": multilabel})],
            optimizer=SplitAdam,
            lr=0.01,
            batch_size=11,
            verbose=0,
            callbacks__print_log=None,
            accumulation_steps=steps,
            **kwargs,
        ).initialize()
        made.module_.double()
        return made


def step(some, batch):
    """Loss, outputs and gradients of one step."""
    some.module_.zero_grad()
    found = some.train_step_single(batch)
    return found, {name: p.grad.clone() for name, p in some.module_.named_parameters()}


@pytest.mark.parametrize("steps", [2, 3, 11, 50])
@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize(
    ("make", "multilabel", "tasks"),
    [
        (leam, True, None),
        (leam, False, None),
        (laco, True, None),
        (laco, False, None),
        (laco, True, "plcp"),
        (laco, True, "clcp"),
        (laco, True, "both"),
    ],
)
def test_gradient_of_the_parts_is_that_of_the_whole(make, multilabel, tasks, weight, steps):
    data = dataset(multilabel=multilabel, weight=weight, tasks=tasks)
    # What the tasks ask is drawn with the batch, once for all of its parts.
    with isolated_randomness(1):
        batch = data.batch(np.arange(len(data)))
    whole, parts = make(multilabel, tasks), make(multilabel, tasks, steps=steps)
    one, gradients = step(whole, batch)
    other, of_parts = step(parts, batch)
    # Samples and questions are weighed in float32.
    close(other["loss"], one["loss"], dtype=np.float32)
    close(other["y_pred"], one["y_pred"])
    assert not other["loss"].requires_grad
    # Of some parameters it is zero but for rounding, like the bias of a key.
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        close(of_parts[name], gradient, scale=largest, dtype=np.float32, err_msg=name)
    assert sum(float(gradient.abs().max()) > 1e-4 for gradient in gradients.values()) > 3


def test_each_part_goes_through_the_network_by_itself():
    sizes = []

    class Counted(LEAM):
        def forward(self, ids, **inputs):
            sizes.append(len(ids))
            return super().forward(ids, **inputs)

    options = {"n_words": N_WORDS, "n_labels": N_LABELS, "embedding_dim": 6}
    some = net(Counted, True, options, steps=4)
    some.train_step_single(dataset().batch(np.arange(11)))
    assert sizes == [3, 3, 3, 2]


def test_a_part_that_is_no_number_stops_training():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Linear(1, N_LABELS)

        def forward(self, ids):
            logits = self.output(ids[:, :1].to(self.output.weight.dtype))
            return logits + torch.where(ids[:, :1] == 5, torch.nan, 0.0)

    some = net(Broken, True, {}, steps=3)
    ids = TokenIds(np.array([2, 3, 4, 5]), np.arange(5))
    targets = sp.csr_matrix(np.ones((4, N_LABELS), dtype=np.float32))
    with pytest.raises(FloatingPointError, match="Training diverged: the loss became nan"):
        some.train_step_single(TextDataset(ids, targets).batch(np.arange(4)))


# -- as a parameter --------------------------------------------------------------------------------

TEXTS = ["my parcel is late", "my refund is due today", "parcel late, refund due"] * 7
LABELS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0]] * 7)


class Steps(Callback):
    """Counts the steps of the optimiser; keeps their gradients, and the losses that are told."""

    def on_train_begin(self, net, **kwargs):
        self.gradients, self.losses = [], []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.gradients.append(
            torch.cat([p.grad.flatten() for _, p in named_parameters if p.grad is not None])
        )

    def on_batch_end(self, net, training, loss=None, **kwargs):
        self.losses.append(float(loss.detach()))


def fitted(steps, y=LABELS, **parameters):
    seen = Steps()
    model = LACOClassifier(
        encoder=BERT,
        max_epochs=2,
        batch_size=8,
        accumulation_steps=steps,
        device="cpu",
        random_state=0,
        net_params={"callbacks": [seen]},
        **{"dropout": 0.0, "max_grad_norm": None, **parameters},
    )
    return model.fit(TEXTS, y, sample_weight=np.linspace(0.5, 1.5, len(TEXTS))), seen


@pytest.mark.parametrize("y", [LABELS, LABELS.argmax(axis=1)], ids=["labels", "classes"])
@pytest.mark.parametrize("steps", [3, 100])
def test_a_fit_in_parts_takes_the_steps_of_a_fit(y, steps):
    (one, of_one), (other, of_other) = fitted(1, y), fitted(steps, y)
    assert len(of_one.gradients) == len(of_other.gradients) == 6
    torch.testing.assert_close(of_other.gradients[0], of_one.gradients[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(of_other.losses, of_one.losses, rtol=1e-3)
    for a, b in zip(one.history_, other.history_, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-3)


def test_a_fit_in_parts_is_reproducible():
    one, other = (fitted(3, dropout=0.3)[0].decision_function(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("steps", [0, -1, 1.5, "auto"])
def test_accumulation_steps_is_a_number_of_parts(steps):
    with pytest.raises(ValueError, match="'accumulation_steps' parameter of LACOClassifier must"):
        LACOClassifier(encoder=BERT, accumulation_steps=steps).fit(TEXTS, LABELS)
