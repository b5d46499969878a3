"""The network against a literal transcription of the paper, and what must hold for any text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import sklabelemb.leam.compatibility as compatibility_module
import sklabelemb.leam.label_wise as label_wise_module
import sklabelemb.leam.network as network_module
from sklabelemb.leam.compatibility import (
    best_label_scores,
    filter_phrases,
    masked_softmax,
    unit_rows,
)
from sklabelemb.leam.network import LEAM
from sklabelemb.learning.optimizers import SplitAdam

from ..tolerances import close
from .literal import literal_attention, literal_label_penalty, literal_logits

N_WORDS = 12
TEXTS = [
    [3, 7, 7, 2, 9, 4, 11, 5, 3],
    [],
    [1, 1, 1],
    [8],
    [2, 10, 6, 2, 4],
]


def padded(texts, extra=0):
    width = max(1, *(len(text) for text in texts)) + extra
    return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])


def random_leam(seed=0, n_labels=4, embedding_dim=5, **options):
    """A LEAM without dropout whose every parameter is random, in float64."""
    options = {
        "dropout": 0.0,
        "word_dropout": 0.0,
        "head_size": 6,
        "window_size": 1,
        **options,
    }
    network = LEAM(N_WORDS, n_labels, embedding_dim=embedding_dim, **options).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        network.embedding.weight[0] = 0
    return network


def literal_parameters(network):
    return {
        name: value.detach().clone().requires_grad_()
        for name, value in network.state_dict().items()
    }


def literal_options(network):
    return {
        "compatibility": network.compatibility,
        "phrase_filter": network.phrase_filter,
        "attention": network.attention,
        "r": network.window_size,
    }


def assert_as_in_the_paper(network, texts=TEXTS):
    """Same logits, same penalty, same gradient of every parameter."""
    p = literal_parameters(network)
    weights = torch.randn(
        len(texts),
        network.output.out_features,
        generator=torch.Generator().manual_seed(1),
        dtype=torch.float64,
    )
    expected = literal_logits(p, texts, **literal_options(network))
    loss = (weights * expected).sum()
    if network.label_penalty:
        penalty = literal_label_penalty(
            p, weight=network.label_penalty, multilabel=network.multilabel
        )
        loss = loss + penalty
        torch.testing.assert_close(network.auxiliary_loss(), penalty, rtol=1e-10, atol=1e-12)
    loss.backward()

    logits = network(padded(texts))
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
    ((weights * logits).sum() + network.auxiliary_loss()).backward()
    for name, parameter in network.named_parameters():
        zero = torch.zeros_like(parameter)
        found = zero if parameter.grad is None else parameter.grad
        wanted = zero if p[name].grad is None else p[name].grad
        torch.testing.assert_close(
            found, wanted, rtol=1e-8, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}"
        )
    # The comparison means nothing where everything is zero.
    for name in ("embedding.weight", "output.weight"):
        assert p[name].grad.abs().max() > 1e-3


COMPATIBILITIES = [
    ("phrase", "shared"),
    ("phrase", "full"),
    ("linear", "shared"),
    ("uniform", "shared"),
]


@pytest.mark.parametrize("attention", ["shared", "label_wise"])
@pytest.mark.parametrize(("compatibility", "phrase_filter"), COMPATIBILITIES)
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_network_follows_the_equations(compatibility, phrase_filter, attention, head):
    others = itertools.product([True, False], [0.0, 1.0], [True, False], [None, 1.0])
    # Half of them, in which any three of the options come in all combinations.
    others = [some for some in others if sum(map(bool, some)) % 2 == 0]
    for seed, (bag, penalty, multilabel, scale) in enumerate(others):
        assert_as_in_the_paper(
            random_leam(
                seed,
                compatibility=compatibility,
                phrase_filter=phrase_filter,
                attention=attention,
                head=head,
                bag=bag,
                label_penalty=penalty,
                multilabel=multilabel,
                attention_scale=scale,
            )
        )


@pytest.mark.parametrize("window_size", [0, 1, 5, 20])
@pytest.mark.parametrize("phrase_filter", ["shared", "full"])
@pytest.mark.parametrize("attention", ["shared", "label_wise"])
def test_network_follows_the_equations_with_any_window(window_size, phrase_filter, attention):
    assert_as_in_the_paper(
        random_leam(window_size=window_size, phrase_filter=phrase_filter, attention=attention)
    )


def test_long_texts_are_filtered_in_several_blocks():
    generator = np.random.default_rng(0)
    texts = [generator.integers(1, N_WORDS, size=n).tolist() for n in (70, 33, 1)]
    assert compatibility_module._block_length(70, 3) < 70
    for attention in ("shared", "label_wise"):
        assert_as_in_the_paper(random_leam(window_size=3, attention=attention), texts)


@pytest.mark.parametrize(("compatibility", "phrase_filter"), COMPATIBILITIES)
@pytest.mark.parametrize("window_size", [0, 2])
def test_winner_path_follows_the_equations(monkeypatch, compatibility, phrase_filter, window_size):
    monkeypatch.setattr(compatibility_module, "FEW_LABELS", 0)
    monkeypatch.setattr(compatibility_module, "BLOCK_ELEMENTS", 1)
    calls = []
    original = compatibility_module._best_labels
    monkeypatch.setattr(
        compatibility_module, "_best_labels", lambda *a: calls.append(1) or original(*a)
    )
    # More than 32 labels: blocks of 16 at the smallest, so there are three of them.
    network = random_leam(
        n_labels=48,
        attention="shared",
        compatibility=compatibility,
        phrase_filter=phrase_filter,
        window_size=window_size,
    )
    if compatibility == "phrase":
        # Large biases would let the same few labels win everywhere.
        with torch.no_grad():
            network.filter_bias *= 0.1
    assert_as_in_the_paper(network)
    searched = compatibility != "uniform" and phrase_filter == "shared"
    assert bool(calls) == searched
    if searched:
        ids = padded(TEXTS)
        winners = original(
            unit_rows(network.embedding.weight),
            ids,
            unit_rows(network.label_embedding),
            network.filter_weight if compatibility == "phrase" else None,
            network.filter_bias if compatibility == "phrase" else None,
        )
        assert len(set((winners[ids > 0] // 16).tolist())) == 3


@pytest.mark.parametrize(("compatibility", "phrase_filter"), COMPATIBILITIES)
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_label_blocks_follow_the_equations(monkeypatch, compatibility, phrase_filter, head):
    network = random_leam(
        n_labels=7,
        compatibility=compatibility,
        phrase_filter=phrase_filter,
        head=head,
        label_penalty=1.0,
    )
    size = padded(TEXTS).numel()
    dim = 6 + 5 if head == "mlp" else 1
    monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", 3 * (size + len(TEXTS) * dim) + 1)
    blocks = []
    original = network_module.checkpoint
    monkeypatch.setattr(
        network_module,
        "checkpoint",
        lambda *a, **k: blocks.append(a[4:6]) or original(*a, **k),
    )
    assert_as_in_the_paper(network)
    mixed = compatibility == "phrase" and phrase_filter == "full"
    assert blocks == ([] if mixed else [(0, 3), (3, 6), (6, 7)])
    with torch.inference_mode():
        in_blocks = network(padded(TEXTS))
    monkeypatch.undo()
    torch.testing.assert_close(in_blocks, network(padded(TEXTS)).detach(), rtol=0, atol=1e-12)


def test_label_blocks_drop_the_same_words_again_in_the_backward_pass(monkeypatch):
    def gradients(elements):
        monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", elements)
        network = random_leam(n_labels=5, dropout=0.4, word_dropout=0.3)
        torch.manual_seed(0)
        network(padded(TEXTS)).square().sum().backward()
        return [parameter.grad for parameter in network.parameters()]

    for whole, blocked in zip(gradients(1 << 24), gradients(1), strict=True):
        torch.testing.assert_close(whole, blocked, rtol=1e-9, atol=1e-10)


def test_label_blocks_with_head_dropout_have_a_consistent_gradient(monkeypatch):
    # Each block draws its own dropout; the backward pass must draw the very same one again.
    monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", 1)
    network = random_leam(n_labels=3, head="mlp", head_dropout=0.5)

    def loss(bias):
        torch.manual_seed(0)
        with torch.no_grad():
            network.output.weight[0, 0] = bias
        return network(padded(TEXTS)).square().sum()

    start = network.output.weight[0, 0].item()
    step = 1e-5
    slope = (loss(start + step) - loss(start - step)) / (2 * step)
    loss(start).backward()
    assert network.output.weight.grad[0, 0].item() == pytest.approx(slope.item(), rel=1e-6)


def test_label_blocks_keep_no_number_per_word_and_label(monkeypatch):
    n_labels = 200
    network = random_leam(n_labels=n_labels)
    ids = torch.randint(1, N_WORDS, (6, 50), generator=torch.Generator().manual_seed(0))

    def kept():
        largest = 0

        def pack(tensor):
            nonlocal largest
            largest = max(largest, tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            network(ids)
        return largest

    assert kept() >= ids.numel() * n_labels
    monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", 10 * ids.numel())
    assert kept() < ids.numel() * n_labels / 10


@pytest.mark.parametrize("compatibility", ["phrase", "linear"])
@pytest.mark.parametrize("n_texts", [1, 2, 5])
def test_texts_that_are_read_some_at_a_time_follow_the_equations(
    monkeypatch, compatibility, n_texts
):
    network = random_leam(n_labels=7, compatibility=compatibility)
    elements = n_texts * padded(TEXTS).shape[1] * 7
    monkeypatch.setattr(label_wise_module, "BLOCK_ELEMENTS", elements)
    assert_as_in_the_paper(network)


def test_padding_counts_for_nothing_whatever_its_row_holds():
    generator = torch.Generator().manual_seed(0)
    cosines, values = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    bias = torch.zeros(3, dtype=torch.float64)
    positions = torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0]])
    found = label_wise_module.label_wise_scores(
        cosines, values, positions, positions != 0, bias[:1], bias, torch.tensor(2.0).double()
    )
    # A filter of zeros leaves all words alike.
    torch.testing.assert_close(found[0], values[1:3].mean(dim=0), rtol=1e-12, atol=1e-12)
    assert not found[1].any()


@pytest.mark.parametrize("compatibility", ["phrase", "linear"])
def test_a_steep_softmax_attends_to_the_best_word_alone(compatibility):
    network = random_leam(compatibility=compatibility, attention_scale=1e4, bag=False).float()
    ids = padded(TEXTS, extra=3)
    logits = network(ids)
    logits.sum().backward()
    for parameter in network.parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all()
    attention = network.eval().read(ids).attention
    values = network.output(torch.nn.functional.embedding(ids, network.embedding.weight))
    best = values.gather(1, attention.argmax(dim=1, keepdim=True)).squeeze(1)
    alone = attention.amax(dim=1) > 1 - 1e-6
    assert alone[0].any()
    torch.testing.assert_close(logits[alone], best[alone], rtol=1e-5, atol=1e-5)


# -- pieces ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_words", [1, 4, 40, 67])
@pytest.mark.parametrize("radius", [0, 1, 6, 20, 45])
def test_filter_phrases_is_a_correlation(n_words, radius):
    generator = torch.Generator().manual_seed(n_words + radius)
    x = torch.randn(2, n_words, 3, generator=generator, dtype=torch.float64)
    weight = torch.randn(2 * radius + 1, generator=generator, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for here in range(n_words):
        for j in range(2 * radius + 1):
            if 0 <= here + j - radius < n_words:
                expected[:, here] += weight[j] * x[:, here + j - radius]
    torch.testing.assert_close(filter_phrases(x, weight), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_words", "radius"), [(1, 0), (5, 1), (5, 7), (36, 1)])
def test_filter_phrases_passes_gradcheck(n_words, radius):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, n_words, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2 * radius + 1, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(filter_phrases, (x, weight.requires_grad_()))


def test_filter_phrases_takes_a_transposed_input():
    x = torch.randn(2, 3, 40, dtype=torch.float64).transpose(1, 2)
    weight = torch.randn(5, dtype=torch.float64)
    torch.testing.assert_close(
        filter_phrases(x, weight), filter_phrases(x.contiguous(), weight), rtol=0, atol=1e-12
    )


MASK = torch.tensor([[True, True, False, True], [False] * 4, [True, False, False, False]])


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2)])
def test_masked_softmax_passes_gradcheck(shape):
    scores = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: masked_softmax(x, MASK), (scores,))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2)])
def test_masked_softmax_by_hand(shape):
    scores = 300 * torch.randn(shape, dtype=torch.float64)
    result = masked_softmax(scores, MASK)
    mask = MASK if scores.dim() == 2 else MASK.unsqueeze(-1).expand(shape)
    assert torch.all(result[~mask] == 0)
    sums = result.sum(dim=1)
    torch.testing.assert_close(sums[[0, 2]], torch.ones_like(sums[[0, 2]]))
    assert torch.all(sums[1] == 0)
    real = torch.softmax(scores[0][[0, 1, 3]], dim=0)
    torch.testing.assert_close(result[0][[0, 1, 3]], real)


def test_unit_rows_keeps_a_zero_row_zero_with_a_finite_gradient():
    x = torch.zeros(2, 3, requires_grad=True)
    with torch.no_grad():
        x[1] = torch.tensor([3.0, 0.0, 4.0])
    unit = unit_rows(x)
    torch.testing.assert_close(unit, torch.tensor([[0.0, 0.0, 0.0], [0.6, 0.0, 0.8]]))
    unit.sum().backward()
    assert torch.isfinite(x.grad).all()


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


@pytest.mark.parametrize("radius", [None, 2])
def test_best_label_never_needs_all_scores_at_once(radius):
    b, s, n_labels, dim, n_words = 20, 150, 2000, 16, 300
    generator = torch.Generator().manual_seed(0)
    words = unit_rows(torch.randn(n_words, dim, generator=generator)).requires_grad_()
    labels = unit_rows(torch.randn(n_labels, dim, generator=generator)).requires_grad_()
    positions = torch.randint(n_words, (b, s), generator=generator)
    phrase = radius is not None
    weight = torch.randn(2 * radius + 1, generator=generator).requires_grad_() if phrase else None
    bias = torch.randn(n_labels, generator=generator).requires_grad_() if phrase else None
    with LargestTensor() as seen:
        best_label_scores(words, positions, labels, weight, bias).sum().backward()
    assert labels.grad is not None
    # One block of scores at a time (and, for the distinct words alone, one more).
    assert seen.largest <= 1.1 * compatibility_module.BLOCK_ELEMENTS < b * s * n_labels / 4


# -- what must hold for any text ----------------------------------------------------------------

KINDS = [
    {"compatibility": c, "phrase_filter": f, "attention": a, "head": h}
    for (c, f), a, h in itertools.product(
        COMPATIBILITIES, ["shared", "label_wise"], ["linear", "mlp"]
    )
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_text_does_not_depend_on_its_batch(dtype):
    for options in KINDS:
        network = random_leam(**options, window_size=2).to(dtype)
        # Larger weights would make the softmax and the LSTM enlarge what rounding does.
        with torch.no_grad():
            for parameter in network.parameters():
                parameter *= 0.3
            alone = torch.cat([network(padded([text])) for text in TEXTS])
            for ids in (padded(TEXTS), padded(TEXTS, extra=9)):
                close(network(ids), alone)
            backwards = network(padded(TEXTS).flip(0)).flip(0)
            close(backwards, alone)


def test_a_text_does_not_depend_on_its_batch_when_labels_come_in_blocks(monkeypatch):
    for name in ("FEW_LABELS", "BLOCK_ELEMENTS"):
        monkeypatch.setattr(compatibility_module, name, 1)
    monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", 60)
    for options in KINDS:
        network = random_leam(n_labels=20, **options)
        with torch.no_grad():
            alone = torch.cat([network(padded([text])) for text in TEXTS])
            together = network(padded(TEXTS, extra=4))
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("text", [[], [1, 1, 1, 1], [5]], ids=["empty", "unknown", "one word"])
@pytest.mark.parametrize("training", [True, False])
def test_poor_texts_give_finite_logits_and_gradients(text, training):
    for options in KINDS:
        torch.manual_seed(0)
        network = LEAM(N_WORDS, 3, embedding_dim=4, label_penalty=1.0, **options).train(training)
        for extra in (0, 3):
            logits = network(padded([text], extra))
            assert torch.isfinite(logits).all()
            network.zero_grad()
            (logits.sum() + network.auxiliary_loss()).backward()
            for name, parameter in network.named_parameters():
                assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name


def test_an_empty_text_scores_the_bias_alone():
    for options in KINDS:
        if options["head"] == "mlp":
            continue
        network = random_leam(**options)
        with torch.no_grad():
            logits = network(padded([[]]))
        torch.testing.assert_close(logits[0], network.output.bias.detach(), rtol=0, atol=0)


def test_dropping_every_word_gives_finite_gradients():
    for options in KINDS:
        torch.manual_seed(0)
        network = random_leam(word_dropout=0.999, **options)
        network(padded(TEXTS)).sum().backward()
        assert torch.isfinite(network.embedding.weight.grad).all()


def test_word_dropout_happens_only_in_training():
    network = random_leam(word_dropout=0.5)
    torch.manual_seed(0)
    assert not torch.equal(network(padded(TEXTS)), network(padded(TEXTS)))
    network.eval()
    assert torch.equal(network(padded(TEXTS)), network(padded(TEXTS)))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("attention", ["shared", "label_wise"])
def test_padding_row_stays_zero_and_other_words_learn(sparse, attention):
    torch.manual_seed(0)
    network = LEAM(
        N_WORDS,
        3,
        embedding_dim=4,
        attention=attention,
        dropout=0.2,
        word_dropout=0.2,
        sparse=sparse,
    )
    before = network.embedding.weight.detach().clone()
    groups = [
        {"params": [network.embedding.weight], "sparse": sparse},
        {"params": [p for n, p in network.named_parameters() if n != "embedding.weight"]},
    ]
    optimizer = SplitAdam(groups, lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        network(padded(TEXTS, extra=2)).square().sum().backward()
        assert network.embedding.weight.grad.is_sparse == sparse
        optimizer.step()
    after = network.embedding.weight.detach()
    assert torch.all(after[0] == 0)
    assert torch.isfinite(after).all()
    assert torch.all((after != before)[[2, 3, 4]].any(dim=1))


def test_sparse_and_dense_gradients_agree():
    gradients = []
    for sparse in (False, True):
        network = random_leam(sparse=sparse)
        network(padded(TEXTS)).square().sum().backward()
        grad = network.embedding.weight.grad
        gradients.append(grad.to_dense() if sparse else grad)
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def test_labels_have_no_embedding_where_nothing_needs_it():
    assert LEAM(5, 3, embedding_dim=4, compatibility="uniform").label_embedding is None
    network = LEAM(5, 3, embedding_dim=4, compatibility="uniform", label_penalty=0.5)
    assert network.label_embedding.shape == (3, 4)


@pytest.mark.parametrize("phrase_filter", ["shared", "full"])
def test_the_filter_starts_as_the_mean_of_the_window(phrase_filter):
    network = LEAM(N_WORDS, 3, embedding_dim=4, window_size=1, phrase_filter=phrase_filter)
    network.eval()
    ids = padded([[3, 4, 5]])
    words, positions, _ = network._embed(ids)
    scores = network._label_scores(words, positions, slice(None))[0]
    vectors = unit_rows(network.embedding.weight[[3, 4, 5]])
    cosines = vectors @ unit_rows(network.label_embedding).T
    torch.testing.assert_close(scores[1], torch.relu(cosines.mean(dim=0)))
    torch.testing.assert_close(scores[0], torch.relu(cosines[:2].sum(dim=0) / 3))


def test_gradients_in_mixed_precision_are_close_to_those_in_float32(monkeypatch):
    # On the CPU, so that every machine tells: bfloat16 forward, backward outside of autocast, as
    # TextNet does.
    for few, options in itertools.product([64, 0], KINDS):
        monkeypatch.setattr(compatibility_module, "FEW_LABELS", few)
        network = random_leam(**options).float()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter *= 0.3
        network(padded(TEXTS)).square().sum().backward()
        expected = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
        network.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(padded(TEXTS))
        logits.float().square().sum().backward()
        for name, parameter in network.named_parameters():
            if name in expected:
                assert parameter.grad.dtype == torch.float32
                scale = max(1.0, expected[name].abs().max().item())
                error = (parameter.grad - expected[name]).abs().max().item() / scale
                assert error < 0.05, (name, options)


# -- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bag", [True, False])
@pytest.mark.parametrize("multilabel", [True, False])
def test_reading(bag, multilabel):
    ids = padded(TEXTS, extra=1)
    mask = ids != 0
    for options in KINDS:
        network = random_leam(bag=bag, multilabel=multilabel, **options).eval()
        reading = network.read(ids)
        n_labels, dim = 4, 5
        assert reading.logits.shape == (len(TEXTS), n_labels)
        assert reading.attention.shape == (*ids.shape, n_labels)
        assert reading.contributions.shape == (*ids.shape, n_labels)
        assert reading.vectors.shape == (len(TEXTS), dim)
        assert not any(
            t.requires_grad
            for t in (reading.logits, reading.attention, reading.contributions, reading.vectors)
        )
        torch.testing.assert_close(reading.logits, network(ids).detach(), rtol=0, atol=1e-12)

        sums = reading.attention.sum(dim=1)
        has_words = mask.any(dim=1)
        torch.testing.assert_close(sums[has_words], torch.ones_like(sums[has_words]))
        assert torch.all(reading.attention[~mask] == 0)
        assert torch.all(reading.contributions[~mask] == 0)
        p = literal_parameters(network)
        for row, text in enumerate(TEXTS):
            if text:
                wanted = literal_attention(p, text, n_labels=n_labels, **literal_options(network))
                torch.testing.assert_close(
                    reading.attention[row, : len(text)],
                    torch.stack(wanted, dim=1).detach(),
                    rtol=0,
                    atol=1e-12,
                )

        # z of each label, from the attention that the reading shows.
        vectors = network.embedding.weight.detach()[ids]
        z = torch.einsum("bsk,bsp->bkp", reading.attention, vectors)
        if options["attention"] == "shared":
            torch.testing.assert_close(reading.vectors, z[:, 0], rtol=0, atol=1e-12)
        else:
            shares = reading.logits.sigmoid() if multilabel else reading.logits.softmax(dim=1)
            summary = (shares.unsqueeze(-1) * z).sum(dim=1) / shares.sum(dim=1, keepdim=True)
            torch.testing.assert_close(reading.vectors, summary, rtol=0, atol=1e-12)

        # Linear head: logits = bias + contributions. MLP: the head is linear in the neighbourhood
        # of z, so what is left over is the constant of that piece, f(z) - f'(z) z.
        rest = reading.logits - reading.contributions.sum(dim=1)
        if options["head"] == "linear":
            constant = network.output.bias.expand_as(rest)
        else:
            constant = torch.empty_like(rest)
            for row, k in itertools.product(range(len(TEXTS)), range(n_labels)):
                point = z[row, k].clone().requires_grad_()
                value = network._head(point)[k]
                (slope,) = torch.autograd.grad(value, point)
                constant[row, k] = (value - slope @ point).detach()
        torch.testing.assert_close(rest, constant.detach(), rtol=0, atol=1e-12)


def test_a_single_contribution_is_what_its_word_adds():
    # Uniform attention, so that the word's share does not depend on the other words.
    network = random_leam(compatibility="uniform", bag=False).eval()
    text = [3, 7, 9, 4]
    reading = network.read(padded([text]))
    expected = network.embedding.weight[7] @ network.output.weight.T / len(text)
    torch.testing.assert_close(reading.contributions[0, 1], expected.detach())


def test_vectors_are_finite_where_no_label_is_probable_at_all():
    network = random_leam(compatibility="uniform").float().eval()
    with torch.no_grad():
        network.output.bias.fill_(-200)
    reading = network.read(padded(TEXTS))
    assert torch.isfinite(reading.vectors).all()
    z = torch.einsum("bsk,bsp->bkp", reading.attention, network.embedding.weight[padded(TEXTS)])
    weights = torch.softmax(reading.logits, dim=1)
    expected = torch.einsum("bk,bkp->bp", weights, z)
    torch.testing.assert_close(reading.vectors, expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(monkeypatch):
    for elements, options in itertools.product([1 << 24, 60], KINDS):
        monkeypatch.setattr(network_module, "LABEL_BLOCK_ELEMENTS", elements)
        network = random_leam(n_labels=70, embedding_dim=8, **options).float()
        ids = padded(TEXTS)
        results = []
        for device in ("cpu", "cuda"):
            network = network.to(device)
            network.zero_grad()
            logits = network(ids.to(device))
            logits.square().mean().backward()
            results.append((logits.detach().cpu(), network.embedding.weight.grad.cpu()))
        for on_cpu, on_cuda in zip(*results, strict=True):
            torch.testing.assert_close(on_cuda, on_cpu, rtol=1e-4, atol=1e-4)
