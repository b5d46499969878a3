"""LSTMs over padded texts against torch's own, which packs them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklabelemb.layers import BidirectionalLSTM, lstm
from sklabelemb.layers.recurrent import SATURATED, reversed_rows
from sklabelemb.learning.optimizers import SplitAdam

WIDTH, HIDDEN = 5, 6
LENGTHS = torch.tensor([7, 0, 1, 4, 7, 0, 2])
SHAPES = [{"directions": d, "n_layers": n} for d, n in itertools.product(["concat", "sum"], [1, 3])]


def random_reader(seed=0, scale=0.7, **options):
    """A reader with random weights, in float64; the flag's weights are left as they are."""
    reader = BidirectionalLSTM(WIDTH, HIDDEN, **options).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in reader.named_parameters():
            part = parameter[:, :-1] if "weight_ih" in name else parameter
            part.copy_(torch.randn(part.shape, generator=generator, dtype=torch.float64) * scale)
    return reader


def random_inputs(lengths, seed=0, extra=0):
    """Inputs with noise beyond the end of a text, which must not matter."""
    width = max(1, int(lengths.max())) + extra
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), width, WIDTH, generator=generator, dtype=torch.float64)


def torchs_own(reader):
    """torch's bidirectional LSTM with the weights of the reader, without those of the flag."""
    n_layers = len(reader.forwards)
    theirs = nn.LSTM(
        WIDTH, reader.forwards[0].hidden_size, n_layers, batch_first=True, bidirectional=True
    ).double()
    state = {}
    for ways, suffix in ((reader.forwards, ""), (reader.backwards, "_reverse")):
        for layer, way in enumerate(ways):
            for name, value in way.state_dict().items():
                kept = value[:, :-1] if "weight_ih" in name else value
                state[name.replace("_l0", f"_l{layer}{suffix}")] = kept
    theirs.load_state_dict(state)
    return theirs


def joined(pair, directions):
    return torch.cat(pair, dim=-1) if directions == "concat" else pair[0] + pair[1]


def literal(reader, inputs, lengths, directions):
    """What packing gives: states, and the final states and cells of every layer."""
    theirs = torchs_own(reader)
    n_layers, size = len(reader.forwards), reader.forwards[0].hidden_size
    out = size * 2 if directions == "concat" else size
    states = torch.zeros(*inputs.shape[:2], out, dtype=inputs.dtype)
    finals = [torch.zeros(n_layers, len(inputs), out, dtype=inputs.dtype) for _ in range(2)]
    there = (lengths > 0).nonzero().ravel()
    packed = pack_padded_sequence(inputs[there], lengths[there], True, enforce_sorted=False)
    found, last = theirs(packed)
    found, _ = pad_packed_sequence(found, batch_first=True, total_length=inputs.shape[1])
    states[there] = joined(found.split(size, dim=2), directions)
    for final, both in zip(finals, last, strict=True):
        final[:, there] = joined((both[0::2], both[1::2]), directions)
    return states, finals


@pytest.mark.parametrize("options", SHAPES, ids=str)
@pytest.mark.parametrize("extra", [0, 3])
def test_states_and_finals_are_those_of_torchs_packed_lstm(options, extra):
    for seed in range(3):
        reader = random_reader(seed, **options)
        inputs = random_inputs(LENGTHS, seed, extra).requires_grad_()
        states, (state, cell) = reader(inputs, LENGTHS)
        wanted, (last_state, last_cell) = literal(reader, inputs, LENGTHS, options["directions"])
        torch.testing.assert_close(states, wanted, rtol=0, atol=1e-12)
        torch.testing.assert_close(state, last_state, rtol=0, atol=1e-12)
        torch.testing.assert_close(cell, last_cell, rtol=0, atol=1e-12)
        assert not states[LENGTHS == 0].any()
        assert not state[:, LENGTHS == 0].any()
        assert not cell[:, LENGTHS == 0].any()


@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_gradients_are_those_of_torchs_packed_lstm(options):
    reader = random_reader(1, **options)
    inputs = random_inputs(LENGTHS, 1).requires_grad_()
    theirs = inputs.detach().clone().requires_grad_()
    outputs = reader(inputs, LENGTHS)
    wanted = literal(reader, theirs, LENGTHS, options["directions"])
    generator = torch.Generator().manual_seed(0)
    for states, (state, cell) in (outputs, wanted):
        total = 0
        for part in (states, state, cell):
            weights = torch.randn(part.shape, generator=generator, dtype=torch.float64)
            total = total + (weights * part).sum()
        total.backward()
        generator.manual_seed(0)
    torch.testing.assert_close(inputs.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    beyond = torch.arange(inputs.shape[1]) >= LENGTHS.unsqueeze(1)
    assert not inputs.grad[beyond].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_padding_carries_the_cell_bit_for_bit(dtype):
    layer = random_reader(2, n_layers=1).forwards[0].to(dtype)
    words = torch.cat([random_inputs(torch.tensor([5, 5]), 2), torch.zeros(2, 5, 1)], 2).to(dtype)
    _, (state, cell) = layer(words)
    # Whatever else is in the inputs at padding.
    padding = torch.cat([50 * random_inputs(torch.tensor([9, 9]), 3), torch.ones(2, 9, 1)], 2)
    _, (_, carried) = layer(padding.to(dtype), (state, cell))
    assert torch.equal(carried, cell)
    assert cell.abs().max() > 0.1


@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_the_weights_of_the_flag_get_no_gradient_and_stay(options):
    torch.manual_seed(0)
    reader = BidirectionalLSTM(WIDTH, HIDDEN, dropout=0.2, **options).train()
    ways = [*reader.forwards, *reader.backwards]
    before = [way.weight_ih_l0[:, -1].detach().clone() for way in ways]
    for column in before:
        shut, keep, rest, out = column.chunk(4)
        assert (shut == -SATURATED).all()
        assert (keep == SATURATED).all()
        assert not rest.any()
        assert not out.any()
    optimizer = SplitAdam([{"params": list(reader.parameters())}], lr=0.1)
    for seed in range(20):
        optimizer.zero_grad()
        states, (state, cell) = reader(random_inputs(LENGTHS, seed, extra=2).float(), LENGTHS)
        (states.sin().sum() + state.cos().sum() + cell.square().sum()).backward()
        for way in ways:
            assert torch.equal(way.weight_ih_l0.grad[:, -1], torch.zeros(len(way.weight_ih_l0)))
            assert way.weight_ih_l0.grad[:, :-1].any()
        optimizer.step()
    for way, column in zip(ways, before, strict=True):
        assert torch.equal(way.weight_ih_l0[:, -1], column)


def test_padding_is_still_padding_after_training_with_weight_decay():
    torch.manual_seed(0)
    reader = BidirectionalLSTM(WIDTH, HIDDEN).train()
    parameters = [{"params": list(reader.parameters())}]
    optimizer = SplitAdam(parameters, lr=0.1, weight_decay=2.0)
    for seed in range(60):
        optimizer.zero_grad()
        reader(random_inputs(LENGTHS, seed).float(), LENGTHS)[0].square().sum().backward()
        optimizer.step()
    reader.double().eval()
    inputs = random_inputs(LENGTHS, 0, extra=20)
    found = reader(inputs, LENGTHS)
    for row, length in enumerate(LENGTHS):
        if length:
            alone = reader(inputs[[row], :length], LENGTHS[[row]])
            torch.testing.assert_close(found[0][[row], :length], alone[0], rtol=1e-9, atol=1e-12)
            for batch, single in zip(found[1], alone[1], strict=True):
                torch.testing.assert_close(batch[:, [row]], single, rtol=1e-9, atol=1e-12)


def test_dropout_is_between_the_layers_and_in_training_only():
    inputs = random_inputs(LENGTHS)
    for n_layers, changes in ((1, False), (2, True)):
        reader = random_reader(0, n_layers=n_layers, dropout=0.5)
        still = reader(inputs, LENGTHS)[0]
        torch.testing.assert_close(reader(inputs, LENGTHS)[0], still, rtol=0, atol=0)
        torch.manual_seed(0)
        reader.train()
        states, (state, _) = reader(inputs, LENGTHS)
        assert torch.equal(states, still) is not changes
        # The first layer sees no dropout.
        torch.testing.assert_close(state[0], reader.eval()(inputs, LENGTHS)[1][0][0])


def test_sizes():
    for directions, size in (("concat", HIDDEN // 2), ("sum", HIDDEN)):
        reader = BidirectionalLSTM(WIDTH, HIDDEN, n_layers=2, directions=directions)
        assert {way.hidden_size for way in [*reader.forwards, *reader.backwards]} == {size}
        states, (state, cell) = reader(random_inputs(LENGTHS).float(), LENGTHS)
        assert states.shape == (7, 7, HIDDEN)
        assert state.shape == cell.shape == (2, 7, HIDDEN)


def test_an_odd_size_cannot_be_shared():
    with pytest.raises(ValueError, match=r"hidden_size=7 cannot be shared.*even number, or direct"):
        BidirectionalLSTM(WIDTH, 7)
    BidirectionalLSTM(WIDTH, 7, directions="sum")


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_rows_are_reversed_within_their_lengths(shape):
    rows = torch.arange(torch.tensor(shape).prod().item()).reshape(shape)
    lengths = torch.tensor([6, 0, 1, 3])
    found = reversed_rows(rows, lengths)
    for row, back, n in zip(rows.tolist(), found.tolist(), lengths.tolist(), strict=True):
        assert back == row[:n][::-1] + row[n:]
    assert torch.equal(reversed_rows(found, lengths), rows)


def test_an_lstm_starts_from_glorot_and_forgets_little():
    torch.manual_seed(0)
    layer = lstm(30, 40, n_layers=2)
    for name, parameter in layer.named_parameters():
        gates = parameter.chunk(4)
        if "weight" in name:
            bound = (6 / (40 + parameter.shape[1])) ** 0.5
            for gate in gates:
                assert gate.abs().max() <= bound
                assert gate.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        else:
            # torch adds two biases, so that the forget gate's is 1.
            kept = 1.0 if "bias_ih" in name else 0.0
            assert [gate.unique().tolist() for gate in gates] == [[0.0], [kept], [0.0], [0.0]]


@pytest.mark.gpu
@pytest.mark.parametrize("options", SHAPES)
def test_saturated_gates_on_a_gpu(options):
    """As on a processor in float32; under autocast finite, and padding changes nothing."""
    reader = random_reader(**options).float()
    inputs = random_inputs(LENGTHS, extra=3).float()
    states, (final, cell) = reader(inputs, LENGTHS)
    reader, inputs, lengths = reader.to("cuda"), inputs.to("cuda"), LENGTHS.to("cuda")
    there = reader(inputs, lengths)
    for found, expected in ((there[0], states), (there[1][0], final), (there[1][1], cell)):
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        padded = reader(inputs, lengths)[1][0]
        barely = reader(inputs[:, : int(LENGTHS.max())], lengths)[1][0]
    assert torch.isfinite(padded).all()
    torch.testing.assert_close(padded, barely, rtol=2e-2, atol=2e-2)
