"""The network against a literal transcription of the paper, and what must hold for any text."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklabelemb.encoders import fresh_configuration
from sklabelemb.laco.cooccurrence_tasks import draw_given, draw_pairs
from sklabelemb.laco.cross_attention import CrossAttention
from sklabelemb.laco.frozen_layers import layers_of
from sklabelemb.laco.network import LACO

from .literal import (
    cosine,
    dot,
    literal_conditional,
    literal_cross_attention,
    literal_laco,
    literal_pairwise,
    literal_weights,
    mean_over_documents,
)

N_WORDS, CLS, SEP = 14, 12, 13
BERT = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT |= {"intermediate_size": 12, "max_position_embeddings": 40}
BERT |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
ROBERTA = {**BERT, "model_type": "roberta"}
ELECTRA = {**BERT, "model_type": "electra", "embedding_size": 6}
DISTILBERT = {"model_type": "distilbert", "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12}
DISTILBERT |= {"max_position_embeddings": 40, "dropout": 0.0, "attention_dropout": 0.0}
KINDS = {"bert": BERT, "roberta": ROBERTA, "electra": ELECTRA, "distilbert": DISTILBERT}
TEXTS = [[3, 7, 7, 2, 9, 4, 11, 5, 3], [], [1, 1, 1], [8], [2, 10, 6, 2, 4]]

ABLATIONS = [(je, ca) for je in (True, False) for ca in (True, False)]
ablations = pytest.mark.parametrize(("joint_embedding", "cross_attention"), ABLATIONS)


def padded(texts, extra=0):
    width = max(1, *(len(text) for text in texts)) + extra
    return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])


def laco(n_labels=4, seed=0, encoder=BERT, spread=0.3, **options):
    """A network without dropout whose every parameter is random, in float64."""
    options = {"window_size": 1, "dropout": 0.0, "cls_id": CLS, "sep_id": SEP, **options}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LACO(fresh_configuration(encoder, N_WORDS), n_labels, **options).double()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn(parameter.shape) * spread)
    return network.eval()


def numbers(network):
    return {name: value.detach().double().numpy() for name, value in network.state_dict().items()}


def literal(network, ids, shift=0):
    return literal_laco(
        numbers(network),
        [i - shift for i in ids],
        network.encoder.config.to_dict(),
        n_labels=network.n_labels,
        cls_id=network.cls_id,
        sep_id=network.sep_id,
        joint_embedding=network.joint_embedding,
        cross_attention=network.cross_attention is not None,
        block_size=network.block_size,
        label_token_weight=network.label_token_weight,
    )


def read(network, ids):
    return network.read(ids, network.showing_encoder())


def assert_as_in_the_paper(network, texts=TEXTS, shift=0):
    """Logits, and all that an explanation shows, text by text."""
    ids = padded(texts)
    with torch.no_grad():
        logits, states = network(ids), network.states(ids)
    reading = read(network, ids)
    torch.testing.assert_close(reading.logits, logits, rtol=1e-9, atol=1e-9)
    for i, text in enumerate(texts):
        wanted = literal(network, text, shift)
        np.testing.assert_allclose(logits[i], wanted["logits"], rtol=1e-6, atol=1e-7)
        if network.joint_embedding:
            np.testing.assert_allclose(states[1][i], wanted["labels"], rtol=1e-6, atol=1e-7)
            np.testing.assert_allclose(reading.affinity[i], wanted["affinity"], rtol=1e-5)
        else:
            assert reading.affinity is None
        if network.cross_attention is None:
            assert reading.attention is None
            continue
        m = len(text)
        np.testing.assert_allclose(
            reading.attention[i, :m].T, wanted["attention"], rtol=1e-6, atol=1e-7
        )
        assert not reading.attention[i, m:].any()


# -- the equations ---------------------------------------------------------------------------------


@ablations
@pytest.mark.parametrize("block_size", [None, 2, 3])
def test_network_follows_the_equations(joint_embedding, cross_attention, block_size):
    network = laco(
        5,
        joint_embedding=joint_embedding,
        cross_attention=cross_attention,
        cooccurrence="both",
        block_size=block_size,
    )
    assert_as_in_the_paper(network)


@pytest.mark.parametrize("window_size", [0, 1, 2, 20])
def test_network_follows_the_equations_with_any_window(window_size):
    assert_as_in_the_paper(laco(window_size=window_size))


@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize("weight", [None, 0.3, 1.0, 7.0])
def test_network_follows_the_equations_with_any_weight_of_the_labels(weight, block_size):
    assert_as_in_the_paper(laco(5, label_token_weight=weight, block_size=block_size))


def test_a_single_label_is_legal():
    assert_as_in_the_paper(laco(1, cooccurrence="both"))


def test_ids_may_be_those_of_the_encoder_plus_one():
    shifted = [[i + 1 for i in text] for text in TEXTS]
    network, plain = laco(id_shift=1), laco()
    assert_as_in_the_paper(network, shifted, shift=1)
    with torch.no_grad():
        torch.testing.assert_close(network(padded(shifted)), plain(padded(TEXTS)))


@pytest.mark.parametrize("similarity", [cosine, dot])
@pytest.mark.parametrize("r", [0, 1, 3, 10])
def test_cross_attention_follows_the_equations(r, similarity):
    generator = torch.Generator().manual_seed(r)
    words, labels = (
        torch.randn(3, some, 5, generator=generator, dtype=torch.float64) for some in (7, 4)
    )
    attention = CrossAttention(r, similarity.__name__).double()
    with torch.no_grad():
        attention.kernel.copy_(torch.randn(2 * r + 1, generator=generator))
        attention.bias.fill_(-0.3)
    lengths = [7, 3, 0]
    mask = torch.arange(7) < torch.tensor(lengths).unsqueeze(1)
    found = attention(words, labels, mask).detach()
    assert found.shape == (3, 4, 7)
    for i, m in enumerate(lengths):
        kernel = attention.kernel.detach().numpy()
        wanted = literal_cross_attention(
            words[i, :m].numpy(), labels[i].numpy(), kernel, -0.3, similarity
        )
        np.testing.assert_allclose(found[i, :, :m], wanted, rtol=1e-9)
        # Padding gets nothing, and gives nothing to its neighbours, whatever its state is.
        assert not found[i, :, m:].any()


def test_the_kernel_starts_as_a_mean():
    attention = CrossAttention(2).double()
    words, labels = torch.randn(1, 6, 4).double(), torch.randn(1, 3, 4).double()
    found = attention(words, labels, torch.ones(1, 6, dtype=torch.bool)).detach()
    wanted = literal_cross_attention(words[0].numpy(), labels[0].numpy(), np.full(5, 0.2), 0.0)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-6)


def test_words_count_as_much_as_they_have_to_do_with_some_label():
    network = laco()
    [text] = texts = [TEXTS[0]]
    with torch.no_grad():
        words, _, _ = network.states(padded(texts))
        logits = network(padded(texts))[0] - network.output.bias
    weights = literal_weights(literal(network, text)["attention"])
    assert weights.sum() == pytest.approx(1)
    assert weights.std() > 1e-3
    vector = weights @ words[0, 0].numpy()
    head = network.output.weight.detach().numpy()
    np.testing.assert_allclose(logits, head @ vector, rtol=1e-6)


# -- what the labels weigh -------------------------------------------------------------------------


def copies(n_labels, **options):
    """A network whose labels are all the same."""
    network = laco(n_labels, **options)
    with torch.no_grad():
        for table in (network.label_embedding.weight, network.output.weight):
            table.copy_(torch.linspace(-1, 1, table.shape[1]).expand_as(table))
        network.output.bias.zero_()
    return network


@pytest.mark.parametrize("block_size", [None, 4])
@pytest.mark.parametrize("kind", [*KINDS, "albert", "camembert", "xlm-roberta"])
def test_however_many_labels_weigh_as_much_as_one(kind, block_size):
    encoder = KINDS.get(kind, BERT | {"model_type": kind})
    one, many = copies(1, encoder=encoder), copies(6, encoder=encoder, block_size=block_size)
    many.encoder.load_state_dict(one.encoder.state_dict())
    many.cross_attention.load_state_dict(one.cross_attention.state_dict())
    ids = padded(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(many(ids), one(ids).expand(-1, 6))
        # In the paper they weigh as much as there are labels.
        many.label_token_weight = None
        assert (many(ids) - one(ids)).abs().max() > 1e-3
        for labels in [slice(0, 4), slice(4, 6)] if block_size else [slice(0, 6)]:
            one.label_token_weight = float(labels.stop - labels.start)
            wanted = one(ids).expand(-1, labels.stop - labels.start)
            torch.testing.assert_close(many(ids)[:, labels], wanted)


# -- the order of the labels -----------------------------------------------------------------------


def permuted(network, order):
    """The same network with its labels in another order."""
    other = laco(
        network.n_labels,
        joint_embedding=network.joint_embedding,
        cross_attention=network.cross_attention is not None,
        cooccurrence="both",
    )
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for name in ("label_embedding.weight", "output.weight", "output.bias"):
        state[name] = state[name][order]
    other.load_state_dict(state)
    return other


@ablations
def test_permuted_labels_permute_the_outputs_and_nothing_else(joint_embedding, cross_attention):
    network = laco(
        6, joint_embedding=joint_embedding, cross_attention=cross_attention, cooccurrence="both"
    )
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    other = permuted(network, order)
    ids = padded(TEXTS)
    one, two = read(network, ids), read(other, ids)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(two.logits, one.logits[:, order], **close)
    assert (one.logits[0] - one.logits[0, order]).abs().max() > 1e-2
    if cross_attention:
        torch.testing.assert_close(two.attention, one.attention[:, :, order], **close)
    if joint_embedding:
        both_ways = one.affinity[:, order][:, :, order]
        torch.testing.assert_close(two.affinity, both_ways, **close)
        assert (one.affinity - both_ways).abs().max() > 1e-3
    with torch.no_grad():
        first, second = network.states(ids), other.states(ids)
        torch.testing.assert_close(second[0], first[0], **close)
        torch.testing.assert_close(second[1], first[1][:, order], **close)


# -- padding ---------------------------------------------------------------------------------------


@ablations
@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_batch_do_not_change_a_result(
    kind, joint_embedding, cross_attention, block_size
):
    options = {"joint_embedding": joint_embedding, "cross_attention": cross_attention}
    network = laco(5, encoder=KINDS[kind], block_size=block_size, **options)
    batch = read(network, padded(TEXTS))
    wider = read(network, padded(TEXTS, extra=6))
    for name in ("logits", "attention", "affinity"):
        here, there = getattr(batch, name), getattr(wider, name)
        if here is None:
            assert there is None
            continue
        if name == "attention":
            assert not there[:, here.shape[1] :].any()
            there = there[:, : here.shape[1]]
        torch.testing.assert_close(there, here, rtol=0, atol=1e-5)
        for i, text in enumerate(TEXTS):
            alone = getattr(read(network, padded([text])), name)[0]
            some = here[i, : len(alone)]
            torch.testing.assert_close(alone, some, rtol=0, atol=1e-5)
    assert batch.logits.isfinite().all()
    assert len(np.unique(batch.logits.numpy().round(6), axis=0)) == len(TEXTS)


@ablations
def test_documents_without_words_are_finite_in_training_as_well(joint_embedding, cross_attention):
    network = laco(joint_embedding=joint_embedding, cross_attention=cross_attention).train()
    logits = network(torch.zeros(2, 1, dtype=torch.long))
    assert logits.isfinite().all()
    logits.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    if cross_attention:
        # No word, no weight: what is left is the constant.
        torch.testing.assert_close(logits, network.output.bias.expand(2, -1))


# -- what the encoder is called with ---------------------------------------------------------------


def calls(network, ids):
    """Keyword arguments of the encoder's call."""
    seen = []

    def keep(module, args, kwargs):
        assert args == ()
        seen.append(kwargs)

    handle = network.encoder.register_forward_pre_hook(keep, with_kwargs=True)
    with torch.no_grad():
        network(ids)
    handle.remove()
    [arguments] = seen
    return arguments


def seen(arguments):
    """Which tokens the others see, from what is added to the attention to them."""
    return arguments["attention_mask"][:, 0, 0] > -1e9


@pytest.mark.parametrize(("kind", "first"), [("bert", 0), ("roberta", 1), ("electra", 0)])
def test_labels_share_the_position_after_the_end_of_their_document(kind, first):
    network = laco(3, encoder=KINDS[kind])
    assert network.encoder.config.pad_token_id == 0
    arguments = calls(network, padded([[5, 6, 7], [8]]))
    positions = arguments["position_ids"] - first
    mask = seen(arguments)
    # [CLS] words [SEP] and, behind what fills the shorter one up, labels [SEP].
    assert mask.int().tolist() == [[1] * 9, [1, 1, 1, 0, 0, 1, 1, 1, 1]]
    assert positions[0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5, 6]
    assert positions[1][mask[1] > 0].tolist() == [0, 1, 2, 3, 3, 3, 4]
    table = network.encoder.embeddings.position_embeddings
    # Those of the RoBERTa kind begin after the position of padding.
    assert first == (0 if table.padding_idx is None else table.padding_idx + 1)
    assert arguments["position_ids"].min() == first
    assert arguments["position_ids"].max() < table.num_embeddings
    assert arguments["token_type_ids"].tolist() == [[0] * 5 + [1] * 4] * 2


def test_what_stands_where():
    network = laco(3)
    arguments = calls(network, padded([[5, 6, 7], [8]]))
    words, labels = network.embedding.weight, network.label_embedding.weight
    embedded = arguments["inputs_embeds"]
    torch.testing.assert_close(embedded[0, :5], words[torch.tensor([CLS, 5, 6, 7, SEP])])
    torch.testing.assert_close(embedded[1, :3], words[torch.tensor([CLS, 8, SEP])])
    for row in embedded:
        torch.testing.assert_close(row[5:8], labels)
        torch.testing.assert_close(row[8], words[SEP])


def test_encoders_with_one_segment_or_none_are_told_of_no_second():
    one = laco(3, encoder={**BERT, "type_vocab_size": 1})
    assert not calls(one, padded([[5, 6]]))["token_type_ids"].any()
    # RoBERTa's own have one, DistilBERT's none.
    assert "token_type_ids" not in calls(laco(3, encoder=DISTILBERT), padded([[5, 6]]))


def test_without_joint_embedding_the_encoder_sees_no_labels():
    arguments = calls(laco(3, joint_embedding=False), padded([[5, 6, 7], [8]]))
    assert seen(arguments).int().tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert arguments["position_ids"].tolist() == [[0, 1, 2, 3, 4]] * 2
    assert not arguments["token_type_ids"].any()


@pytest.mark.parametrize("kind", KINDS)
def test_texts_may_take_all_positions(kind):
    """Two marks of the document, the labels and their end need four."""
    positions = 40 - (kind == "roberta")
    network = laco(2, encoder=KINDS[kind])
    arguments = calls(network, padded([[5] * (positions - 4)]))
    table = network.encoder.embeddings.position_embeddings
    assert arguments["position_ids"].max() == table.num_embeddings - 1
    assert arguments["position_ids"].unique().numel() == positions
    assert network(padded([[5] * (positions - 4), [3]])).isfinite().all()


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_size", [5, 9])
def test_one_block_is_no_blocks(block_size):
    whole, block = laco(5), laco(5, block_size=block_size)
    one, two = read(whole, padded(TEXTS)), read(block, padded(TEXTS))
    for name in ("logits", "attention", "affinity"):
        torch.testing.assert_close(getattr(two, name), getattr(one, name), rtol=1e-9, atol=1e-9)


def test_places_without_a_label_in_the_last_block_count_for_nothing():
    network = laco(5, block_size=2)
    for sign in (1, -1):
        # What has nothing to do with a word would win over labels that speak against it.
        with torch.no_grad():
            network.cross_attention.kernel.copy_(sign * network.cross_attention.kernel.abs())
        assert_as_in_the_paper(network)


def test_labels_of_different_blocks_do_not_see_each_other():
    network = laco(5, block_size=2)
    ids = padded(TEXTS)
    before = read(network, ids)
    assert (before.affinity > 0).int()[0].tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]
    with torch.no_grad():
        network.label_embedding.weight[3].neg_()
    after = read(network, ids)
    moved = (after.logits - before.logits)[0].abs() > 1e-9
    assert moved.tolist() == [False, False, True, True, False]


def test_rows_of_the_affinity_sum_to_one():
    for block_size in (None, 2):
        reading = read(laco(5, block_size=block_size), padded(TEXTS))
        torch.testing.assert_close(
            reading.affinity.sum(dim=2), torch.ones(len(TEXTS), 5).double(), rtol=0, atol=1e-9
        )


def test_reading_leaves_the_network_as_it_is():
    network = laco()
    before = network(padded(TEXTS))
    shown = network.showing_encoder()
    assert shown is not network.encoder
    network.read(padded(TEXTS), shown)
    assert torch.equal(network(padded(TEXTS)), before)
    assert network.encoder.config._attn_implementation != "eager"


# -- the tasks -------------------------------------------------------------------------------------


def asked(present, seed=0):
    """What both tasks ask, with some weight for each document."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pairs, together = draw_pairs(present, 0.5)
        given = draw_given(present)
    return {
        "pairs": pairs,
        "together": together,
        "given": given,
        "present": present.double(),
        "document_weight": torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0]),
    }


PRESENT = torch.tensor([[1, 1, 0, 1, 0], [0, 0, 1, 1, 0], [0] * 5, [0, 1, 0, 0, 0], [1] * 4 + [0]])


@pytest.mark.parametrize("joint_embedding", [True, False])
@pytest.mark.parametrize("block_size", [None, 2])
def test_loss_of_the_tasks_follows_the_equations(joint_embedding, block_size):
    questions = asked(PRESENT > 0)
    weights = questions["document_weight"].tolist()
    for cooccurrence, alpha in [("both", 0.3), ("plcp", 0.3), ("clcp", 0.3), ("both", 1.0)]:
        network = laco(
            5,
            joint_embedding=joint_embedding,
            block_size=block_size,
            cooccurrence=cooccurrence,
            alpha=alpha,
            cooccurrence_weight=0.7,
        ).train()
        network(padded(TEXTS), **questions)
        p = numbers(network)
        states = [
            literal(network, text)["labels"] if joint_embedding else p["label_embedding.weight"]
            for text in TEXTS
        ]
        wanted = 0.0
        if cooccurrence != "clcp":
            weight, bias = p["pairwise.output.weight"][0], float(p["pairwise.output.bias"][0])
            losses = [
                literal_pairwise(weight, bias, labels, pairs, together) or 0.0
                for labels, pairs, together in zip(
                    states,
                    questions["pairs"].tolist(),
                    questions["together"].tolist(),
                    strict=True,
                )
            ]
            share = alpha if cooccurrence == "both" else 1.0
            wanted += share * mean_over_documents(losses, weights)
        if cooccurrence != "plcp":
            weight, bias = p["conditional.output.weight"][0], float(p["conditional.output.bias"][0])
            losses = [
                literal_conditional(weight, bias, labels, given, present) or 0.0
                for labels, given, present in zip(
                    states, questions["given"].tolist(), PRESENT.tolist(), strict=True
                )
            ]
            share = 1 - alpha if cooccurrence == "both" else 1.0
            wanted += share * mean_over_documents(losses, weights)
        assert float(network.auxiliary_loss().detach()) == pytest.approx(0.7 * wanted / 5, rel=1e-5)
        assert wanted > 0.1


def test_without_questions_there_is_no_loss_of_tasks():
    network = laco(5, cooccurrence="both").train()
    network(padded(TEXTS))
    assert float(network.auxiliary_loss()) == 0


def test_the_tasks_have_no_part_in_the_logits():
    network = laco(5, cooccurrence="both").train()
    questions = asked(PRESENT > 0)
    assert torch.equal(network(padded(TEXTS), **questions), network(padded(TEXTS)))


# -- gradients -------------------------------------------------------------------------------------


def loss_of(network):
    logits = network.train()(padded(TEXTS), **asked(PRESENT > 0))
    return (logits * torch.randn(logits.shape, dtype=logits.dtype)).sum() + network.auxiliary_loss()


@ablations
@pytest.mark.parametrize("cooccurrence", [None, "plcp", "clcp", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(kind, joint_embedding, cross_attention, cooccurrence):
    network = laco(
        5,
        encoder=KINDS[kind],
        joint_embedding=joint_embedding,
        cross_attention=cross_attention,
        cooccurrence=cooccurrence,
    )
    loss_of(network).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # A bias of all keys moves no softmax.
        if not name.endswith(("key.bias", "k_lin.bias")):
            assert parameter.grad.abs().max() > 1e-6, name
    names = {name.split(".")[0] for name, _ in network.named_parameters()}
    expected = {"encoder", "output"}
    expected |= {"label_embedding"} if joint_embedding or cross_attention or cooccurrence else set()
    expected |= {"cross_attention"} if cross_attention else set()
    expected |= {"pairwise"} if cooccurrence in ("plcp", "both") else set()
    expected |= {"conditional"} if cooccurrence in ("clcp", "both") else set()
    assert names == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("joint_embedding", [True, False])
@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_no_gradient_passes_frozen_layers(kind, joint_embedding, n_frozen):
    network = laco(
        5,
        encoder=KINDS[kind],
        joint_embedding=joint_embedding,
        cooccurrence="both",
        freeze_layers=n_frozen,
    )
    layers = layers_of(network.encoder)
    assert len(layers) == 2
    inputs = []

    def keep(module, args, kwargs):
        inputs.append(args[0] if args else kwargs["hidden_states"])

    for layer in layers:
        layer.register_forward_pre_hook(keep, with_kwargs=True)
    loss_of(network).backward()
    # What the first trained layer reads has no way back, nor has what is below.
    assert [some.requires_grad for some in inputs] == [n_frozen == 0] * 2
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    with_gradient = {name for name, p in network.named_parameters() if p.grad is not None}
    assert frozen | with_gradient == {name for name, _ in network.named_parameters()}
    assert not frozen & with_gradient
    expected = set()
    if n_frozen:
        for name, _ in network.named_parameters():
            of_layer = [f".layer.{i}." in name for i in range(2)]
            within = name.startswith("encoder.") and not any(of_layer)
            if within or any(of_layer[:n_frozen]):
                expected.add(name)
        if joint_embedding:
            expected.add("label_embedding.weight")
    assert frozen == expected
