"""Networks with an output layer for each task, against plain transcriptions of their papers."""

from __future__ import annotations

import pytest
import torch

from sklabelemb.mtle import MultiTaskNetwork
from sklabelemb.mtle.task_network import ENCODERS, OF_TASKS

from ..tolerances import close

N_WORDS, N_LABELS = 12, [2, 4, 1]
# Shorter than a filter, and longer than a memory has segments.
TEXTS = [[3], [4, 9, 5, 6, 4, 9, 9, 7, 1, 2, 3], [5, 6], []]
SMALL = {"embedding_dim": 5, "hidden_size": 3, "n_segments": 4, "segment_size": 2, "dropout": 0.0}
POOLED = ("bilstm", "shared_layer", "shared_memory")
KINDS = [{"encoder": e} for e in ENCODERS] + [
    {"encoder": e, "pooling": p} for e in POOLED for p in ("max", "mean")
]


def network(**options):
    """A small network in float64 whose weights are none of its start's."""
    torch.manual_seed(0)
    made = MultiTaskNetwork(N_WORDS, N_LABELS, **{**SMALL, **options}).double().eval()
    with torch.no_grad():
        for name, value in made.named_parameters():
            # The last input of the shared LSTM carries cells through padding.
            change = torch.randn_like(value)
            if name.startswith("shared.") and "weight_ih" in name:
                change[:, -1] = 0
            value.add_(change)
        made.embedding.weight[0] = 0
    return made


def padded(texts, extra=0):
    width = max(1, *(len(text) for text in texts)) + extra
    return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])


# -- the papers' equations, one text, one word after the other ------------------------------------


class Weights:
    """The weights of a network whose names begin alike; attributes are what follows."""

    def __init__(self, weights, start=""):
        self.weights = {k[len(start) :]: v for k, v in weights.items() if k.startswith(start)}

    def __getattr__(self, name):
        return self.weights[name] if name in self.weights else Weights(self.weights, f"{name}.")

    def __getitem__(self, number):
        return Weights(self.weights, f"{number}.")


def affine(p, x):
    return p.weight @ x + p.bias


def lstm(p, x):
    """States of torch's LSTM: gates in the order input, forgetting, candidate, output."""
    m = p.weight_hh_l0.shape[1]
    h = c = torch.zeros(m, dtype=torch.float64)
    states = []
    for word in x:
        z = p.weight_ih_l0[:, : len(word)] @ word + p.weight_hh_l0 @ h
        i, f, g, o = (z + p.bias_ih_l0 + p.bias_hh_l0).split(m)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states


def bilstm(p, x):
    there, back = lstm(p.forwards[0], x), lstm(p.backwards[0], x[::-1])[::-1]
    return [torch.cat(pair) for pair in zip(there, back, strict=True)]


def own_pooled(states, pooling):
    states = torch.stack(states)
    return {"last": states[-1], "max": states.amax(0), "mean": states.mean(0)}[pooling]


def mt_dnn(p, own, x):
    """Equations (1) and (2) of Liu et al. (2015); the word table is W1."""
    shared = torch.tanh(sum(x) / len(x))
    return torch.tanh(own.hidden.weight @ shared)


def mt_cnn(p, own, x):
    """Convolution, maximum over time, and a layer: Collobert and Weston (2008)."""
    zero = torch.zeros_like(x[0])
    around = [zero, *x, zero]
    filters = own.filters.weight
    states = [
        sum(filters[:, :, j] @ around[i + j] for j in range(3)) + own.filters.bias
        for i in range(len(x))
    ]
    return torch.tanh(affine(own.hidden, torch.stack(states).amax(0)))


def mt_rnn(p, own, x, pooling):
    """Model-III of Liu et al. (2016), "Recurrent Neural Network ..."."""
    m = len(own.shared_gate.weight)
    h = c = torch.zeros(m, dtype=torch.float64)
    W, b = own.on_words.weight.split(m), own.on_words.bias.split(m)
    U = own.on_states.weight.split(m)
    states = []
    for word, shared in zip(x, bilstm(p.shared, x), strict=True):
        i, f, o, g = (torch.sigmoid(W[k] @ word + U[k] @ h + b[k]) for k in range(4))
        g_shared = torch.sigmoid(W[3] @ word + b[3] + own.shared_gate.weight @ shared)
        from_shared = g_shared * (own.shared_candidate.weight @ shared)
        candidate = torch.tanh(W[4] @ word + b[4] + g * (U[4] @ h) + from_shared)
        c = f * c + i * candidate
        h = o * torch.tanh(c)
        states.append(h)
    return own_pooled(states, pooling)


def read(memory, M, k):
    """Shares of segments, and what is read."""
    scores = [
        memory.align.weight[0]
        @ torch.tanh(memory.align_segment.weight @ row + memory.align_key.weight @ k)
        for row in M
    ]
    share = torch.softmax(torch.stack(scores), 0)
    return share, share @ M


def dsm(p, own, x, pooling):
    """Local and global memory of Liu et al. (2016), "Deep Multi-Task Learning ..."."""
    memories = [own.memory, p.shared]
    m = len(own.on_states.weight) // 4
    W, b = own.on_words.weight.split(m), own.on_words.bias.split(m)
    U = own.on_states.weight.split(m)
    h = c = torch.zeros(m, dtype=torch.float64)
    M = [memory.start for memory in memories]
    states = []
    for word in x:
        i, f, o = (torch.sigmoid(W[k] @ word + U[k] @ h + b[k]) for k in range(3))
        c = f * c + i * torch.tanh(W[3] @ word + U[3] @ h + b[3])
        inside, shares = c, []
        for memory, held in zip(memories, M, strict=True):
            key = torch.tanh(affine(memory.emit, h).chunk(3)[0])
            share, r = read(memory, held, key)
            gate = torch.sigmoid(memory.gate_read.weight @ r + memory.gate_cell.weight @ c)
            inside = inside + gate * (memory.fuse.weight @ r)
            shares.append(share)
        h = o * torch.tanh(inside)
        for n, memory in enumerate(memories):
            _, e, a = affine(memory.emit, h).chunk(3)
            e, a = torch.sigmoid(e), torch.tanh(a)
            M[n] = M[n] * (1 - torch.outer(shares[n], e)) + torch.outer(shares[n], a)
        states.append(h)
    return own_pooled(states, pooling)


def literal_logits(made, text, task):
    p = Weights(made.state_dict())
    head = p.heads[task]
    if not text:
        x = torch.zeros(head.output.weight.shape[1], dtype=torch.float64)
        if made.encoder == "cnn":
            x = torch.tanh(head.own.hidden.bias)
        return affine(head.output, x)
    words = [p.embedding.weight[i] for i in text]
    match made.encoder:
        case "mean":
            weights = [p.log_weight.weight[i, 0].exp() for i in text]
            x = sum(w * v for w, v in zip(weights, words, strict=True)) / sum(weights)
        case "bilstm" if made.pooling == "last":
            back = lstm(p.shared.backwards[0], words[::-1])
            x = torch.cat([lstm(p.shared.forwards[0], words)[-1], back[-1]])
        case "bilstm":
            x = own_pooled(bilstm(p.shared, words), made.pooling)
        case "dnn":
            x = mt_dnn(p, head.own, words)
        case "cnn":
            x = mt_cnn(p, head.own, words)
        case "shared_layer":
            x = mt_rnn(p, head.own, words, made.pooling)
        case "shared_memory":
            x = dsm(p, head.own, words, made.pooling)
    return affine(head.output, x)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_the_equations(kind):
    made = network(**kind)
    for task in range(3):
        expected = torch.stack([literal_logits(made, text, task) for text in TEXTS])
        close(made(padded(TEXTS), task), expected)


# -- what must hold for all of them ----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_neighbours_change_nothing(kind):
    made = network(**kind)
    together = made(padded(TEXTS, extra=5), 1)
    for text, row in zip(TEXTS, together, strict=True):
        close(made(padded([text]), 1)[0], row)
    assert len({tuple(row.tolist()) for row in together}) == len(TEXTS)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_batch_trains_its_own_task_and_what_is_shared(encoder):
    made = network(encoder=encoder).train()
    made(padded(TEXTS), torch.ones(len(TEXTS), dtype=torch.int64)).square().sum().backward()
    others = ("heads.0.", "heads.2.")
    for name, parameter in made.named_parameters():
        assert (parameter.grad is None) == name.startswith(others), name
        assert parameter.grad is None or parameter.grad.any(), name


@pytest.mark.parametrize("encoder", OF_TASKS)
def test_a_task_has_layers_of_its_own(encoder):
    first = network(encoder=encoder)
    with torch.no_grad():
        for name, parameter in first.heads[1].own.named_parameters():
            assert not torch.equal(parameter, first.heads[0].own.get_parameter(name))
    assert first.heads[1].own is not first.heads[0].own


def test_shares_of_words_sum_to_the_logits_with_the_mean_encoder():
    made, ids = network(encoder="mean"), padded(TEXTS, extra=2)
    for task in range(3):
        shares = made.shares(ids, task)
        close(shares.sum(dim=1) + made.heads[task].output.bias, made(ids, task))
        assert not shares[ids == 0].any()
    assert all(network(encoder=encoder).shares(ids) is None for encoder in ("bilstm", *OF_TASKS))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_dropout_and_word_dropout_are_for_training(encoder):
    made, ids = network(encoder=encoder, dropout=0.5, word_dropout=0.5), padded(TEXTS)
    plain = network(encoder=encoder)
    assert torch.equal(made(ids), plain(ids))
    made.train()
    assert not torch.equal(made(ids), made(ids))


def test_gradients_of_word_tables_are_sparse_on_request():
    for encoder in ENCODERS:
        made = network(encoder=encoder, sparse=True).train()
        made(padded(TEXTS)).sum().backward()
        assert made.embedding.weight.grad.is_sparse


def test_what_it_cannot_make_is_refused():
    with pytest.raises(ValueError, match="encoder='gru' must be one of bilstm, mean, dnn, cnn"):
        network(encoder="gru")
    with pytest.raises(ValueError, match="pooling='min' must be one of last, max, mean"):
        network(pooling="min")
    with pytest.raises(ValueError, match="task=3, but tasks go from 0 to 2"):
        network()(padded(TEXTS), 3)
    with pytest.raises(ValueError, match="the texts of a batch belong to one task"):
        network()(padded(TEXTS), torch.tensor([0, 1, 0, 0]))
