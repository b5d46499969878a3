"""The network against loops written from its equations, and what must hold for any task."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import sklabelemb.mtle.matchers as matchers_module
import sklabelemb.mtle.network as network_module
from sklabelemb.learning.carry_over import copy_weights
from sklabelemb.learning.optimizers import SplitAdam
from sklabelemb.mtle import MTLE
from sklabelemb.mtle.matchers import CosineMatcher, MLPMatcher

from ..tolerances import close

N_WORDS = 14
TEXTS = [
    [3, 7, 7, 2, 9, 4, 11, 5, 3],
    [],
    [1, 1, 1],
    [8],
    [2, 10, 6, 2, 4],
]
# One label; several, of which one has no known word and one a word twice; the first two swapped.
TASKS = [
    [[5, 3]],
    [[2], [12, 13, 4], [], [6, 6, 1]],
    [[12, 13, 4], [2]],
]
ENCODERS = ["bilstm", "mean"]
MATCHERS = ["mlp", "bilinear", "cosine", "concat"]
KINDS = [{"encoder": e, "matcher": m} for e, m in itertools.product(ENCODERS, MATCHERS)]


def padded(texts, extra=0):
    width = max(1, *(len(text) for text in texts), 1) + extra
    return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])


def random_mtle(seed=0, label_words=TASKS, scale=1.0, **options):
    """An MTLE without dropout whose every parameter is random, in float64."""
    options = {
        "embedding_dim": 5,
        "hidden_size": 3,
        "matcher_size": 4,
        "dropout": 0.0,
        "word_dropout": 0.0,
        **options,
    }
    network = MTLE(N_WORDS, label_words, **options).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            parameter *= scale
        network.embedding.weight[0] = 0
        network.label_embedding.weight[0] = 0
    return network


def with_the_weights_of(network, label_words, **options):
    """An MTLE of other tasks with the same weights."""
    other = random_mtle(7, label_words, **options)
    other.load_state_dict(network.state_dict())
    return other


def torchs_lstm(network):
    """torch's own bidirectional LSTM with the weights of the two directions."""
    size, hidden = network.forwards.input_size, network.forwards.hidden_size
    lstm = nn.LSTM(size, hidden, batch_first=True, bidirectional=True).double()
    state = dict(network.forwards.state_dict())
    state |= {f"{k}_reverse": v for k, v in network.backwards.state_dict().items()}
    lstm.load_state_dict(state)
    return lstm


def random_texts(n, seed=0, longest=12):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, longest + 1, (n,), generator=generator).tolist()
    return [torch.randint(1, N_WORDS, (k,), generator=generator).tolist() for k in lengths]


# -- the equations, literally --------------------------------------------------------------------


def literal_direction(p, words, direction):
    """The last state of an LSTM that reads `words`; gates in torch's order."""
    m = p[f"{direction}.weight_hh_l0"].shape[1]
    h, c = torch.zeros(m, dtype=torch.float64), torch.zeros(m, dtype=torch.float64)
    for word in words:
        z = p[f"{direction}.weight_ih_l0"] @ word + p[f"{direction}.bias_ih_l0"]
        z = z + p[f"{direction}.weight_hh_l0"] @ h + p[f"{direction}.bias_hh_l0"]
        enters, stays, leaves = (torch.sigmoid(z[g * m : (g + 1) * m]) for g in (0, 1, 3))
        c = stays * c + enters * torch.tanh(z[2 * m : 3 * m])
        h = leaves * torch.tanh(c)
    return h


def literal_text(p, text, encoder):
    words = [p["embedding.weight"][word] for word in text]
    if encoder == "bilstm":
        if not words:
            return torch.zeros(2 * p["forwards.weight_hh_l0"].shape[1], dtype=torch.float64)
        backwards = literal_direction(p, words[::-1], "backwards")
        return torch.cat([literal_direction(p, words, "forwards"), backwards])
    total = torch.zeros(p["embedding.weight"].shape[1], dtype=torch.float64)
    weights = torch.tensor(0.0, dtype=torch.float64)
    for word, vector in zip(text, words, strict=True):
        weight = p["log_weight.weight"][word, 0].exp()
        total, weights = total + weight * vector, weights + weight
    return total / weights if words else total


def literal_label(p, words):
    total = torch.zeros(p["label_embedding.weight"].shape[1], dtype=torch.float64)
    for word in words:
        total = total + p["label_embedding.weight"][word]
    return total / max(1, len(words))


def literal_score(p, x, y, matcher):
    p = {name.removeprefix("matcher."): value for name, value in p.items()}
    if matcher == "concat":
        return p["neuron.weight"][0] @ torch.cat([x, y]) + p["neuron.bias"][0]
    if matcher == "bilinear":
        total = p["prior.bias"][0]
        for i, j in itertools.product(range(len(y)), range(len(x))):
            total = total + y[i] * p["product.weight"][i, j] * x[j]
        return total + p["prior.weight"][0] @ y
    x, y = p["text.weight"] @ x, p["label.weight"] @ y
    if matcher == "mlp":
        hidden = p["hidden.weight"] @ torch.cat([x, y, x * y]) + p["hidden.bias"]
        return p["output.weight"][0] @ hidden.clamp_min(0) + p["output.bias"][0]
    norms = (x @ x) ** 0.5 * (y @ y) ** 0.5 if x.any() and y.any() else 1.0
    return p["log_scale"].exp() * (x @ y) / norms + p["bias"]


def literal_logits(p, texts, labels, encoder, matcher, multilabel):
    rows = []
    for text in texts:
        x = literal_text(p, text, encoder)
        row = torch.stack([literal_score(p, x, literal_label(p, y), matcher) for y in labels])
        rows.append(1 / (1 + (-row).exp()) if matcher == "concat" and not multilabel else row)
    return torch.stack(rows)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("multilabel", [False, True])
def test_network_follows_the_equations(encoder, matcher, multilabel):
    """Same logits, same gradient of every parameter."""
    for task in range(len(TASKS)):
        seed = task
        network = random_mtle(seed, encoder=encoder, matcher=matcher, multilabel=multilabel)
        p = {n: v.detach().clone().requires_grad_() for n, v in network.state_dict().items()}
        texts = TEXTS + random_texts(5, seed)
        expected = literal_logits(p, texts, TASKS[task], encoder, matcher, multilabel)
        weights = torch.randn(
            expected.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        (weights * expected).sum().backward()
        logits = network(padded(texts), task)
        torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
        (weights * logits).sum().backward()
        for name, parameter in network.named_parameters():
            zero = torch.zeros_like(parameter)
            wanted = zero if p[name].grad is None else p[name].grad
            torch.testing.assert_close(
                parameter.grad,
                wanted,
                rtol=1e-8,
                atol=1e-9,
                msg=lambda t, name=name: f"{name}: {t}",
            )


def test_multilabel_may_differ_between_tasks():
    network = random_mtle(matcher="concat", multilabel=[False, True, False])
    ids = padded(TEXTS)
    for task, multilabel in enumerate([False, True, False]):
        scores = network.match(network.text_vectors(ids), network.label_vectors(task))
        expected = scores if multilabel else torch.sigmoid(scores)
        assert torch.equal(network(ids, task), expected)


def test_text_vectors_are_the_final_states_of_torchs_own_lstm():
    network = random_mtle(encoder="bilstm")
    for text in random_texts(20, seed=1):
        if not text:
            continue
        _, (states, _) = torchs_lstm(network)(
            F.embedding(torch.tensor([text]), network.embedding.weight)
        )
        found = network.text_vectors(padded([text], extra=3))
        close(found, states.transpose(0, 1).flatten(1))


def test_label_vectors_are_means_and_zeros_without_words():
    network = random_mtle()
    for task, labels in enumerate(TASKS):
        vectors = network.label_vectors(task)
        assert vectors.shape == (len(labels), 5)
        for vector, words in zip(vectors, labels, strict=True):
            rows = network.label_embedding.weight[words]
            wanted = rows.mean(dim=0) if words else torch.zeros(5, dtype=torch.float64)
            torch.testing.assert_close(vector, wanted)
    network = random_mtle(label_words=[[[], []]])
    assert torch.equal(network.label_vectors(), torch.zeros(2, 5, dtype=torch.float64))


@pytest.mark.parametrize("size", [1, 3])
def test_mlp_matcher_passes_gradcheck(size):
    torch.manual_seed(0)
    matcher = MLPMatcher(3, 2, size).double()
    X = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    Y = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in matcher.named_parameters()]
    values = [torch.randn_like(p).requires_grad_() for p in matcher.parameters()]

    def scores(X, Y, *values):
        return torch.func.functional_call(matcher, dict(zip(names, values, strict=True)), (X, Y))

    assert torch.autograd.gradcheck(scores, (X, Y, *values))


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation made."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            # A view with a broadcast dimension takes no memory: count what lies behind it.
            if isinstance(value, torch.Tensor):
                size = value.untyped_storage().nbytes() // value.element_size()
                self.largest = max(self.largest, size)
        return result


def test_mlp_matcher_goes_through_many_labels_in_blocks(monkeypatch):
    torch.manual_seed(0)
    b, n_labels, size = 6, 301, 4
    matcher = MLPMatcher(5, 3, size).double()
    X = torch.randn(b, 5, dtype=torch.float64, requires_grad=True)
    Y = torch.randn(n_labels, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(b, n_labels, dtype=torch.float64)

    def run():
        matcher.zero_grad()
        with LargestTensor() as seen:
            scores = matcher(X, Y)
            gradients = torch.autograd.grad((weights * scores).sum(), [X, Y, *matcher.parameters()])
        return [scores, *gradients], seen.largest

    whole, largest = run()
    # Never the concatenation of all pairs, even without blocks.
    assert largest == b * n_labels * size
    monkeypatch.setattr(matchers_module, "MATCH_BLOCK_ELEMENTS", 50 * 2 * b * size)
    in_blocks, largest = run()
    assert largest <= max(50 * b * size, b * n_labels)
    for found, wanted in zip(in_blocks, whole, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-11)
    with torch.inference_mode():
        torch.testing.assert_close(matcher(X, Y), whole[0].detach(), rtol=0, atol=1e-12)


def test_the_cosine_is_scaled_by_twenty_at_first():
    matcher = CosineMatcher(3, 2, 4)
    Y = torch.randn(200, 2)
    scores = matcher(torch.randn(50, 3), Y)
    assert scores.abs().max() <= 20.0001
    assert matcher.log_scale.exp().item() == pytest.approx(20)
    # The length of neither vector counts.
    X = torch.randn(3, 3)
    close(matcher(7 * X, Y / 5), matcher(X, Y), scale=20)


# -- the printed matcher cannot work -------------------------------------------------------------


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_printed_matcher_gives_every_text_the_same_answer(encoder):
    labels = [[word] for word in range(2, 9)]
    texts = random_texts(1000, seed=2)
    answers = {}
    for matcher in MATCHERS:
        network = random_mtle(3, [labels], encoder=encoder, matcher=matcher, matcher_size=16)
        with torch.no_grad():
            logits = network(padded(texts))
        # Texts do differ, and so do their logits; the question is whether decisions do.
        assert len(torch.unique(logits[:, 0])) > 500
        answers[matcher] = len(torch.unique(logits.argmax(dim=1)))
    assert answers.pop("concat") == 1
    assert min(answers.values()) > 1


@pytest.mark.parametrize("n_labels", [2, 5, 46])
def test_the_printed_matcher_caps_probabilities(n_labels):
    cap = math.e / (math.e + n_labels - 1)
    assert cap == pytest.approx({2: 0.73, 5: 0.40, 46: 0.06}[n_labels], abs=0.006)
    # The best that training could reach: one word of its own for each label, one weight for each.
    network = MTLE(
        n_labels + 1,
        [[[word] for word in range(1, n_labels + 1)]],
        embedding_dim=1,
        encoder="mean",
        matcher="concat",
    ).double()
    with torch.no_grad():
        network.label_embedding.weight[:] = -50
        network.label_embedding.weight[1] = 50
        network.matcher.neuron.weight[:] = 1
        probability = network.eval()(padded([[1]])).softmax(dim=1).max().item()
    assert probability == pytest.approx(cap, abs=1e-12)
    for seed in range(20):
        labels = [[1 + label % (N_WORDS - 1)] for label in range(n_labels)]
        network = random_mtle(seed, [labels], scale=20, matcher="concat")
        assert network(padded(random_texts(20, seed))).softmax(dim=1).max() <= cap + 1e-12


# -- what must hold for any text -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_text_does_not_depend_on_its_batch(dtype):
    texts = TEXTS + random_texts(10, seed=4, longest=30)
    for options in KINDS:
        # Larger weights would make the softmax and the LSTM enlarge what rounding does.
        network = random_mtle(scale=0.3, **options).to(dtype)
        with torch.no_grad():
            alone = torch.cat([network(padded([text]), 1) for text in texts])
            assert alone.dtype == dtype
            for ids in (padded(texts), padded(texts, extra=9)):
                close(network(ids, 1), alone)
            backwards = network(padded(texts).flip(0), 1).flip(0)
            close(backwards, alone)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("training", [True, False])
def test_an_empty_text_is_a_zero_vector(encoder, training):
    network = random_mtle(encoder=encoder, dropout=0.5, word_dropout=0.5).train(training)
    for ids in (padded([[]]), padded([[]], extra=4), padded([[], [5, 6], []])):
        vectors = network.text_vectors(ids)
        empty = (ids == 0).all(dim=1)
        assert torch.all(vectors[empty] == 0)
        assert not torch.any(network.eval().text_vectors(ids)[~empty] == 0)
        network.train(training)


@pytest.mark.parametrize("text", [[], [1, 1, 1, 1], [5]], ids=["empty", "unknown", "one word"])
@pytest.mark.parametrize("training", [True, False])
def test_poor_texts_and_labels_give_finite_logits_and_gradients(text, training):
    tasks = [[[]], [[], []], [[2], []]]
    for options, task, extra in itertools.product(KINDS, range(3), (0, 3)):
        torch.manual_seed(0)
        network = MTLE(N_WORDS, tasks, embedding_dim=4, word_dropout=0.5, **options)
        network.train(training)
        logits = network(padded([text], extra), task)
        assert logits.shape == (1, len(tasks[task]))
        assert torch.isfinite(logits).all()
        logits.square().sum().backward()
        for name, parameter in network.named_parameters():
            assert torch.isfinite(parameter.grad).all(), name


def test_one_label_and_one_text_keep_their_dimensions():
    for options in KINDS:
        network = random_mtle(**options)
        assert network(padded([[3]]), 0).shape == (1, 1)
        assert network(padded(TEXTS), 0).shape == (5, 1)
        assert network(padded([[3]]), 1).shape == (1, 4)


def test_permuting_labels_permutes_logits():
    generator = torch.Generator().manual_seed(0)
    for seed, options in enumerate(KINDS):
        network = random_mtle(seed, **options)
        before = network(padded(TEXTS), 1)
        order = torch.randperm(4, generator=generator)
        permuted = with_the_weights_of(network, [[TASKS[1][label] for label in order]], **options)
        torch.testing.assert_close(permuted(padded(TEXTS)), before[:, order], rtol=0, atol=1e-12)


def test_equal_labels_of_different_tasks_have_equal_logits():
    for options in KINDS:
        network = random_mtle(**options)
        second, third = network(padded(TEXTS), 1), network(padded(TEXTS), 2)
        torch.testing.assert_close(second[:, [1, 0]], third, rtol=0, atol=1e-12)


def test_the_task_may_be_a_tensor():
    network = random_mtle()
    for task in (torch.tensor(1), torch.tensor([1]), torch.tensor([[1]], dtype=torch.int32)):
        assert torch.equal(network(padded(TEXTS), task), network(padded(TEXTS), 1))
        assert torch.equal(network.label_vectors(task), network.label_vectors(1))


@pytest.mark.parametrize("task", [-1, 3, torch.tensor([3])])
def test_a_task_that_does_not_exist(task):
    with pytest.raises(ValueError, match=r"^task=(-1|3), but tasks go from 0 to 2\.$"):
        random_mtle()(padded(TEXTS), task)


def test_a_batch_of_several_tasks():
    with pytest.raises(
        ValueError, match="task has several numbers, but the texts of a batch belong to"
    ):
        random_mtle()(padded(TEXTS), torch.tensor([0, 1]))


@pytest.mark.parametrize("name", ["encoder", "matcher"])
def test_a_misspelt_option_names_the_allowed_ones(name):
    allowed = ", ".join(ENCODERS if name == "encoder" else MATCHERS)
    with pytest.raises(ValueError, match=f"^{name}='gru' must be one of {allowed}\\.$"):
        random_mtle(**{name: "gru"})


# -- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("multilabel", [False, True])
def test_gradients_reach_every_parameter(sparse, multilabel):
    texts = [text for text in TEXTS if text]
    target = torch.tensor([0, 1, 3, 1])
    for options in KINDS:
        # Enough hidden units for some to be at work for one label and not for another.
        network = random_mtle(
            scale=0.5, sparse=sparse, multilabel=multilabel, matcher_size=16, **options
        )
        logits = network(padded(texts), 1)
        if multilabel:
            loss = F.binary_cross_entropy_with_logits(logits, F.one_hot(target, 4).double())
        else:
            loss = F.cross_entropy(logits, target)
        loss.backward()
        shared = {"output.bias", "prior.bias", "bias"}
        for name, parameter in network.named_parameters():
            table = name in ("embedding.weight", "label_embedding.weight", "log_weight.weight")
            assert parameter.grad.is_sparse == (sparse and table), name
            grad = parameter.grad.to_dense()
            if not multilabel and name.removeprefix("matcher.") in shared:
                # Softmax does not see what all scores have in common.
                assert grad.abs().max() < 1e-12
            else:
                assert grad.abs().max() > 1e-7, (name, options)
            if table:
                lists = TASKS[1] if name == "label_embedding.weight" else texts
                seen = {word for words in lists for word in words}
                if name == "log_weight.weight":
                    # The weight of a text's only word cancels out.
                    grad, seen = (
                        grad.abs() > 1e-12,
                        {w for ws in lists if len(set(ws)) > 1 for w in ws},
                    )
                assert set(grad.any(dim=1).nonzero().flatten().tolist()) == seen


def test_sparse_and_dense_gradients_agree():
    for options in KINDS:
        dense, sparse = (random_mtle(sparse=s, **options) for s in (False, True))
        for network in (dense, sparse):
            network(padded(TEXTS), 1).square().sum().backward()
        for one, other in zip(dense.parameters(), sparse.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad.to_dense(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_padding_rows_stay_zero_and_other_words_learn(sparse):
    torch.manual_seed(0)
    for options in KINDS:
        network = MTLE(N_WORDS, TASKS, embedding_dim=4, word_dropout=0.2, sparse=sparse, **options)
        tables = [network.embedding.weight, network.label_embedding.weight]
        before = [table.detach().clone() for table in tables]
        if hasattr(network, "log_weight"):
            tables.append(network.log_weight.weight)
        others = [p for p in network.parameters() if all(p is not table for table in tables)]
        optimizer = SplitAdam([{"params": tables, "sparse": sparse}, {"params": others}], lr=0.1)
        for step in range(6):
            optimizer.zero_grad()
            network(padded(TEXTS, extra=2), step % 3).square().sum().backward()
            optimizer.step()
        for old, new in zip(before, tables, strict=False):
            assert torch.all(new[0] == 0)
            assert torch.isfinite(new).all()
            assert torch.all((new != old)[[2, 4]].any(dim=1))


@pytest.mark.parametrize("matcher", ["mlp", "bilinear", "cosine"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_few_steps_learn_two_tasks(encoder, matcher):
    torch.manual_seed(0)
    # The first word decides the first task, the last word the second.
    tasks = [[[2], [3]], [[4], [5], [6]]]
    network = MTLE(
        N_WORDS,
        tasks,
        embedding_dim=8,
        encoder=encoder,
        hidden_size=8,
        matcher=matcher,
        matcher_size=8,
        dropout=0.0,
    )
    data = []
    for task, words in enumerate([[7, 8], [9, 10, 11]]):
        texts = [[word, 1] if task == 0 else [12, 1, word] for word in words for _ in range(3)]
        data.append((padded(texts), torch.arange(len(words)).repeat_interleave(3)))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for step in range(80):
        ids, target = data[step % 2]
        optimizer.zero_grad()
        F.cross_entropy(network(ids, step % 2), target).backward()
        optimizer.step()
    for task, (ids, target) in enumerate(data):
        assert torch.equal(network(ids, task).argmax(dim=1), target)


# -- dropout -------------------------------------------------------------------------------------


def test_evaluation_is_deterministic_and_training_is_not():
    for options, rates in itertools.product(
        KINDS, [{"dropout": 0.5}, {"word_dropout": 0.5}, {"dropout": 0.3, "word_dropout": 0.3}]
    ):
        network, plain = random_mtle(**options, **rates), random_mtle(**options)
        torch.manual_seed(0)
        assert not torch.equal(network(padded(TEXTS)), network(padded(TEXTS)))
        network.eval()
        state = torch.get_rng_state()
        assert torch.equal(network(padded(TEXTS)), network(padded(TEXTS)))
        assert torch.equal(network(padded(TEXTS)), plain(padded(TEXTS)))
        assert torch.equal(torch.get_rng_state(), state)


def test_the_mean_is_over_the_words_that_are_left():
    torch.manual_seed(0)
    network = random_mtle(encoder="mean", word_dropout=0.5)
    a, b = network.embedding.weight[[3, 8]].detach()
    share = torch.softmax(network.log_weight.weight[[3, 8], 0].detach(), dim=0)
    both = share[0] * a + share[1] * b
    seen = set()
    for _ in range(50):
        (vector,) = network.text_vectors(padded([[3, 8]])).detach()
        (which,) = (i for i, v in enumerate((a, b, both)) if torch.allclose(vector, v, atol=1e-12))
        seen.add(which)
    assert seen == {0, 1, 2}


def test_the_words_that_are_left_move_together():
    torch.manual_seed(0)
    network = random_mtle(encoder="bilstm", word_dropout=0.5)
    words = network.embedding.weight[[3, 8]].detach()
    wanted = []
    for left in ([1], [0], [0, 1]):
        _, (states, _) = torchs_lstm(network)(words[left].unsqueeze(0))
        wanted.append(states.flatten().detach())
    seen = set()
    for _ in range(50):
        (vector,) = network.text_vectors(padded([[3, 8]], extra=2)).detach()
        (which,) = (i for i, v in enumerate(wanted) if torch.allclose(vector, v, atol=1e-12))
        seen.add(which)
    assert seen == {0, 1, 2}


def test_dropout_leaves_labels_alone():
    network = random_mtle(dropout=0.9, word_dropout=0.9)
    plain = random_mtle()
    assert torch.equal(network.label_vectors(1), plain.label_vectors(1))


# -- weights, tasks, words -----------------------------------------------------------------------


def test_both_tables_start_from_the_same_vectors():
    network = MTLE(500, TASKS, embedding_dim=20)
    assert torch.equal(network.embedding.weight, network.label_embedding.weight)
    assert network.embedding.weight is not network.label_embedding.weight
    assert torch.all(network.embedding.weight[0] == 0)
    assert network.embedding.weight[1:].std().item() == pytest.approx(0.4, rel=0.05)


def test_lstm_starts_with_xavier_gates_that_remember():
    network = MTLE(N_WORDS, TASKS, embedding_dim=30, hidden_size=50)
    for lstm in (network.forwards, network.backwards):
        for kind, columns in (("ih", 30), ("hh", 50)):
            bound = math.sqrt(6 / (50 + columns))
            for gate in getattr(lstm, f"weight_{kind}_l0").chunk(4):
                assert 0.97 * bound < gate.abs().max() <= bound
        total = lstm.bias_ih_l0 + lstm.bias_hh_l0
        assert total.tolist() == [0.0] * 50 + [1.0] * 50 + [0.0] * 100


def test_no_weight_depends_on_tasks_or_labels():
    several = [[[word] for word in range(1, 10)], [[2], [3]], [[4, 5]]]
    for options in KINDS:
        shapes = [
            {
                name: value.shape
                for name, value in MTLE(
                    N_WORDS, tasks, embedding_dim=4, multilabel=multilabel, **options
                )
                .state_dict()
                .items()
            }
            for tasks, multilabel in itertools.product([[[[2]]], TASKS, several], [False, True])
        ]
        assert all(shape == shapes[0] for shape in shapes)


def test_further_tasks_leave_the_logits_of_old_ones_bit_equal():
    for options in KINDS:
        network = random_mtle(**options)
        ids = padded(TEXTS)
        before = [network(ids, task) for task in range(3)]
        new = [[7, 9], [], [1]]
        larger = with_the_weights_of(network, [*TASKS, new], **options)
        assert larger.n_tasks == 4
        for task in range(3):
            assert torch.equal(larger(ids, task), before[task])
        fresh = random_mtle(label_words=[new], **options)
        assert torch.equal(larger(ids, 3), fresh(ids))
        smaller = with_the_weights_of(network, TASKS[1:], **options)
        assert torch.equal(smaller(ids), before[1])
        with pytest.raises(ValueError, match="task=2, but tasks go from 0 to 1"):
            smaller(ids, 2)


@pytest.mark.parametrize(
    ("label_words", "message"),
    [
        ([], r"^label_words is empty: there must be at least one task\.$"),
        ([[[1]], []], r"^Task 1 has no labels: give it at least one\.$"),
        ([[[1]], [[2], [3, 0]]], r"^Label 1 of task 1 has the word id 0, but ids go from 1 to 13 "),
        (
            [[[14]]],
            r"^Label 0 of task 0 has the word id 14, but ids go from 1 to 13 \(0 is padding\)\.$",
        ),
        ([[[-1]]], "has the word id -1"),
    ],
)
def test_label_words_that_cannot_be(label_words, message):
    with pytest.raises(ValueError, match=message):
        random_mtle(label_words=label_words)


def test_multilabel_of_the_wrong_length():
    with pytest.raises(ValueError, match=r"^multilabel has 2 values for 3 tasks\. Give one for"):
        random_mtle(multilabel=[True, False])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_more_words_keep_old_words_bit_equal(sparse, dtype):
    for options in KINDS:
        network = random_mtle(sparse=sparse, matcher_size=16, **options).to(dtype)
        with torch.no_grad():
            before = [network(padded(TEXTS), task) for task in range(3)]
        sizes = {"embedding_dim": 5, "hidden_size": 3, "matcher_size": 16, "dropout": 0.0}
        sizes |= {"word_dropout": 0.0, "sparse": sparse, **options}
        # New words can be part of labels.
        torch.manual_seed(5)
        larger = MTLE(N_WORDS + 300, [*TASKS, [[N_WORDS + 299], [3]]], **sizes).to(dtype)
        tables = ["embedding", "label_embedding"]
        tables += ["log_weight"] if options["encoder"] == "mean" else []
        copy_weights(network, larger, tables)
        for name in ("embedding", "label_embedding"):
            new, old = getattr(larger, name).weight, getattr(network, name).weight
            assert new.shape == (N_WORDS + 300, 5)
            assert new.dtype == dtype
            assert new.is_leaf
            assert new.requires_grad
            assert torch.equal(new[:N_WORDS], old)
            assert new[N_WORDS:].std().item() == pytest.approx(0.4, rel=0.1)
        assert torch.equal(
            larger.embedding.weight[N_WORDS:], larger.label_embedding.weight[N_WORDS:]
        )
        if hasattr(larger, "log_weight"):
            assert torch.all(larger.log_weight.weight[N_WORDS:] == 0)
        with torch.no_grad():
            for task in range(3):
                assert torch.equal(larger(padded(TEXTS), task), before[task])
        # They can be read, and learn.
        X = larger.text_vectors(padded([[N_WORDS + 7, 3]]))
        # Not through a sigmoid, where it is flat nothing is learnt.
        larger.match(X, larger.label_vectors(3)).square().sum().backward()
        assert larger.embedding.weight.grad.to_dense()[N_WORDS + 7].any()
        assert larger.label_embedding.weight.grad.to_dense()[N_WORDS + 299].any()


def test_fewer_words_cannot_take_over_the_weights():
    fewer = MTLE(N_WORDS - 1, [[[3]]], embedding_dim=5, hidden_size=3, matcher_size=4)
    with pytest.raises(
        ValueError, match=r"embedding.weight had shape \(14, 5\) and now has \(13, 5\)"
    ):
        copy_weights(random_mtle().float(), fewer, ["embedding", "label_embedding"])


def test_state_dict_round_trip():
    for options in KINDS:
        network = random_mtle(1, **options)
        other = random_mtle(2, **options)
        other.load_state_dict(network.state_dict())
        for task in range(3):
            assert torch.equal(other(padded(TEXTS), task), network(padded(TEXTS), task))


def test_copies_know_their_tasks():
    for options in KINDS:
        network = random_mtle(**options)
        for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            assert torch.equal(other(padded(TEXTS), 1), network(padded(TEXTS), 1))
            assert other.n_tasks == 3
            with torch.no_grad():
                other.label_embedding.weight += 1
            assert not torch.equal(other(padded(TEXTS), 1), network(padded(TEXTS), 1))


def test_it_is_a_module_of_torch_alone():
    network = random_mtle(encoder="mean")
    assert isinstance(network, nn.Module)
    assert not hasattr(network, "forwards")
    source = Path(network_module.__file__).read_text(encoding="utf-8")
    modules = [
        line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))
    ]
    imported = {name if name.startswith("sklabelemb") else name.split(".")[0] for name in modules}
    of_its_own = {"sklabelemb.layers", "sklabelemb.mtle.matchers", "sklabelemb.mtle.text_vectors"}
    assert imported == {"__future__", "collections", "itertools", "torch", *of_its_own}


# -- devices and precisions ----------------------------------------------------------------------


def test_gradients_in_mixed_precision_are_close_to_those_in_float32():
    # On the CPU, so that every machine tells: bfloat16 forward, backward outside of autocast, as
    # TextNet does.
    for options in KINDS:
        network = random_mtle(scale=0.3, **options).float()
        network(padded(TEXTS), 1).square().sum().backward()
        expected = {name: p.grad.clone() for name, p in network.named_parameters()}
        network.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(padded(TEXTS), 1)
        logits.float().square().sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad.dtype == torch.float32
            scale = max(1.0, expected[name].abs().max().item())
            error = (parameter.grad - expected[name]).abs().max().item() / scale
            assert error < 0.05, (name, options)


@pytest.mark.gpu
@pytest.mark.parametrize("sparse", [False, True])
def test_cuda_agrees_with_the_cpu(sparse):
    for options in KINDS:
        network = random_mtle(scale=0.3, sparse=sparse, **options).float()
        results = []
        for device in ("cpu", "cuda"):
            network = network.to(device)
            network.zero_grad()
            logits = network(padded(TEXTS).to(device), 1)
            logits.square().mean().backward()
            grads = [p.grad.to_dense().cpu() for p in network.parameters()]
            results.append([logits.detach().cpu(), *grads])
        for on_cpu, on_cuda in zip(*results, strict=True):
            torch.testing.assert_close(on_cuda, on_cpu, rtol=1e-4, atol=1e-4)
