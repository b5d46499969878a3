"""Document networks against plain transcriptions of their papers, and against padding."""

from __future__ import annotations

import pytest
import torch

from sklabelemb.neural import DocumentNetwork
from sklabelemb.neural.convolutional import MaskedBatchNorm
from sklabelemb.neural.network import BY_LABEL, ENCODERS, POOLINGS
from sklabelemb.neural.recurrent_encoders import sentences

from ..tolerances import close
from . import literal

N_WORDS, N_LABELS = 12, 3
# Of different lengths: shorter than any filter, and longer than blocks, parts and three poolings.
# 9 ends a sentence.
TEXTS = [[3], [4, 9, 5, 6, 4, 9, 9, 7, 1, 2, 3], [5, 6], [9, 2, 8, 9, 3, 3, 11, 10] * 4, []]
WIDTHS, N_PARTS, BLOCK = (2, 3), 3, 4


def network(**options):
    """A small network in float64 whose weights are none of its start's."""
    torch.manual_seed(0)
    small = {
        "embedding_dim": 6,
        "hidden_size": 8,
        "widths": WIDTHS,
        "n_heads": 2,
        "attention_size": 5,
        "n_parts": N_PARTS,
        "block_length": BLOCK,
        "sentence_ends": [9],
    }
    made = DocumentNetwork(N_WORDS, N_LABELS, **{**small, **options}).double().eval()
    with torch.no_grad():
        for name, value in [*made.named_parameters(), *made.named_buffers()]:
            if value.is_floating_point():
                value.add_(torch.randn_like(value) * 0.1)
            if name.endswith("running_var"):
                value.abs_().add_(0.5)
        made.embedding.weight[0] = 0
    return made


def padded(texts, width=None):
    width = width or max(1, *(len(text) for text in texts))
    return torch.tensor([text + [0] * (width - len(text)) for text in texts])


def parts(text):
    """The sentences of a text: up to the last of a row of 9s, and of four words at most."""
    found, current = [], []
    for i, word in enumerate(text):
        if current and ((text[i - 1] == 9 and word != 9) or len(current) == BLOCK):
            found.append(current)
            current = []
        current.append(i)
    return [*found, current]


def states_of(made, text, encoder, n_layers, activation):
    """States, the final one and, for "han", the attention of words in their sentences."""
    p = dict(made.state_dict())
    x = [p["embedding.weight"][i] for i in text]
    q = literal.below(p, "encoder")
    if encoder == "han":
        return literal.han(q, x, parts(text))
    if encoder in ("lstm", "bilstm", "gru", "bigru"):
        return *literal.recurrent(q, x, getattr(literal, encoder[-4:].lstrip("i")), n_layers), None
    if encoder == "cnn_lstm":
        x = literal.cnn(literal.below(q, "phrases"), x, activation)
        return *literal.recurrent(literal.below(q, "recurrent"), x, literal.lstm, n_layers), None
    found = {
        "words": lambda: x,
        "cnn": lambda: literal.cnn(q, x, activation),
        "word_cnn": lambda: literal.word_cnn(q, x),
        "vdcnn": lambda: literal.vdcnn(q, x, n_layers),
        "bi_blosan": lambda: literal.bi_blosan(q, x, BLOCK),
        "transformer": lambda: literal.transformer(q, x, 2, n_layers),
    }[encoder]()
    return found, found[-1], None


def pooled(made, states, final, pooling, directions):
    """A vector, or one for each label, and the attention."""
    p = literal.below(dict(made.state_dict()), "pooling")
    if pooling == "label_wise":
        return literal.label_wise(p, states)[::-1]
    if pooling == "label_specific":
        return literal.label_specific(p, states, directions)[::-1]
    if pooling == "attention":
        weights = literal.attention(p, states)
        return sum(w * h for w, h in zip(weights, states, strict=True)), [weights] * N_LABELS
    vector = {
        "last": lambda: final,
        "mean": lambda: sum(states) / len(states),
        "max": lambda: torch.stack(states).amax(0),
        "dynamic_max": lambda: literal.dynamic_max(states, N_PARTS),
        "k_max": lambda: literal.k_max(states, N_PARTS),
        "source2token": lambda: literal.source2token(p, states),
    }[pooling]()
    return vector, None


def literal_logits(made, text, encoder, pooling, n_layers=1, n_hidden=0, activation=torch.relu):
    """Logits of one text, and the attention of its states."""
    p = dict(made.state_dict())
    states, final, share = states_of(made, text, encoder, n_layers, activation)
    directions = 2 if encoder in ("bilstm", "bigru", "han", "bi_blosan") else 1
    vectors, weights = pooled(made, states, final, pooling, directions)
    if weights is not None and share is not None:
        owners = [number for number, own in enumerate(parts(text)) for _ in own]
        weights = [share * own[owners] for own in weights]
    if pooling not in BY_LABEL:
        vector = literal.head(p, vectors, n_hidden)
        return p["output.weight"] @ vector + p["output.bias"], weights
    rows = p["output.weight"].expand(N_LABELS, -1)
    logits = [
        row @ literal.head(p, vector, n_hidden) + bias
        for row, vector, bias in zip(rows, vectors, p["output.bias"], strict=True)
    ]
    return torch.stack(logits), weights


PRODUCT = [(encoder, pooling) for encoder in ENCODERS for pooling in POOLINGS]


@pytest.mark.parametrize(("encoder", "pooling"), PRODUCT)
def test_it_computes_what_the_papers_print(encoder, pooling):
    made = network(encoder=encoder, pooling=pooling)
    reading = made.read(padded(TEXTS))
    for row, text in enumerate(TEXTS):
        if not text:
            continue
        expected, weights = literal_logits(made, text, encoder, pooling)
        close(reading.logits[row], expected, scale=10)
        if reading.attention is not None and weights is not None:
            close(reading.attention[row, : len(text)].T, torch.stack(list(weights)))
            assert not reading.attention[row, len(text) :].any()


@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        ("cnn", {"activation": "tanh"}),
        ("bilstm", {"n_layers": 2}),
        ("bigru", {"n_layers": 2}),
        ("vdcnn", {"n_layers": 2}),
        ("transformer", {"n_layers": 2}),
        ("transformer", {"hidden_size": 6}),
        ("cnn_lstm", {"n_layers": 2, "activation": "tanh"}),
    ],
)
@pytest.mark.parametrize("pooling", ["max", "label_wise", "label_specific"])
def test_with_more_layers(encoder, options, pooling):
    made = network(encoder=encoder, pooling=pooling, hidden_layers=(7, 4), **options)
    logits = made(padded(TEXTS))
    activation = getattr(torch, options.get("activation", "relu"))
    for row, text in enumerate(TEXTS[:-1]):
        expected, _ = literal_logits(
            made, text, encoder, pooling, options.get("n_layers", 1), 2, activation
        )
        close(logits[row], expected, scale=10)


@pytest.mark.parametrize(("encoder", "pooling"), PRODUCT)
def test_padding_and_other_texts_change_nothing(encoder, pooling):
    # Where words come again, so do values, up to rounding; the order of the largest is then open.
    once = [[3], [4, 9, 5, 6, 7, 1, 2, 3], [5, 6], [9, 2, 8, 3, 11, 10], []]
    texts = once if pooling == "k_max" else TEXTS
    made = network(encoder=encoder, pooling=pooling).float()
    together = made(padded(texts, 40))
    assert torch.isfinite(together).all()
    for row, text in enumerate(texts):
        close(made(padded([text]))[0], together[row], scale=10)
    close(made(padded(texts[::-1])).flip(0), together, scale=10)


@pytest.mark.parametrize("encoder", [e for e in ENCODERS if e not in ("word_cnn", "vdcnn")])
@pytest.mark.parametrize("pooling", ["mean", "max", "attention", "source2token", "label_wise"])
def test_contributions_of_words_add_up(encoder, pooling):
    made = network(encoder=encoder, pooling=pooling)
    reading = made.read(padded(TEXTS))
    if encoder == "han" and pooling in ("mean", "max"):
        # A sentence's share goes to its words by their attention.
        assert reading.attention is None
    close(reading.contributions.sum(dim=1) + made.output.bias, reading.logits, scale=10)
    if reading.attention is not None:
        close(reading.attention.sum(dim=1)[:-1], torch.ones(len(TEXTS) - 1, N_LABELS).double())


@pytest.mark.parametrize("pooling", ["last", "dynamic_max", "k_max", "label_specific"])
def test_no_contributions_where_a_logit_is_no_sum_over_words(pooling):
    assert network(pooling=pooling).read(padded(TEXTS)).contributions is None
    assert network(pooling="max", hidden_layers=(4,)).read(padded(TEXTS)).contributions is None
    assert network(encoder="vdcnn", pooling="mean").read(padded(TEXTS)).contributions is None


def test_the_penalty_of_descriptions():
    label_words = [[3, 4, 5, 6], [7], []]
    made = network(
        encoder="cnn", pooling="label_wise", label_words=label_words, description_penalty=2.0
    )
    shares = torch.tensor([0.5, 0.25, 0.9]).double()
    made.descriptions.label_share.copy_(shares)
    expected = literal.description_penalty(dict(made.state_dict()), label_words, shares)
    close(made.auxiliary_loss(), 2 * expected, scale=10)
    assert network().auxiliary_loss() == 0


def test_batch_normalisation_sees_no_padding():
    norm = MaskedBatchNorm(4).double()
    values = torch.randn(2, 5, 4).double()
    values[1, 3:] = 1e6
    found = norm(values, torch.tensor([5, 3]))
    inside = torch.cat([values[0], values[1, :3]])
    expected = torch.nn.functional.batch_norm(inside, None, None, training=True)
    close(torch.cat([found[0], found[1, :3]]), expected)
    close(norm.running_mean, 0.1 * inside.mean(0))
    before = norm.running_mean.clone()
    norm.eval()(values, torch.tensor([5, 3]))
    close(norm.running_mean, before)
    assert norm.train()(values, torch.tensor([0, 0])).isfinite().all()


def test_sentences_end_after_a_row_of_marks_or_at_their_longest():
    number, place = sentences(padded([[1, 9, 9, 2, 3, 4, 5, 6, 9], [9, 9, 1]], 9), [9], 4)
    assert number.tolist()[0] == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert place.tolist()[0] == [0, 1, 2, 0, 1, 2, 3, 0, 1]
    assert number.tolist()[1][:3] == [0, 0, 1]


@pytest.mark.parametrize("options", [{"encoder": "rnn"}, {"pooling": "sum"}])
def test_unknown_names_are_refused(options):
    [(name, value)] = options.items()
    with pytest.raises(ValueError, match=f"{name}='{value}' must be one of "):
        DocumentNetwork(4, 2, **options)


def test_heads_must_share_the_state():
    with pytest.raises(ValueError, match="hidden_size=10 must be even and a multiple of n_heads=4"):
        DocumentNetwork(4, 2, encoder="transformer", hidden_size=10)
