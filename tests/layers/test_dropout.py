from collections import Counter

import pytest
import torch

from sklabelemb.layers import Dropout, drop_words

TEXTS = torch.tensor([[3, 4, 5, 6, 7, 0], [8, 0, 0, 0, 0, 0], [0] * 6, [9, 10, 0, 0, 0, 0]])


def left_of(p, leave_one, n=2000):
    """How often each word is left, and how often texts lose all of theirs."""
    seen, emptied = Counter(), Counter()
    for _ in range(n):
        for row, found in enumerate(drop_words(TEXTS, p, leave_one).tolist()):
            words = [word for word in found if word]
            # In the order of the text, padding at the end.
            assert found == words + [0] * (len(found) - len(words))
            rest = iter(TEXTS[row].tolist())
            assert all(word in rest for word in words)
            seen.update(words)
            emptied[row] += not words
    return seen, emptied


def test_words_are_left_out_at_the_rate_asked_for():
    torch.manual_seed(0)
    seen, emptied = left_of(0.6, leave_one=False)
    for word in (3, 7, 8, 10):
        assert seen[word] / 2000 == pytest.approx(0.4, abs=0.05)
    assert emptied[1] / 2000 == pytest.approx(0.6, abs=0.05)


def test_a_text_that_would_lose_all_words_keeps_them():
    torch.manual_seed(0)
    seen, emptied = left_of(0.6, leave_one=True)
    assert emptied == Counter({0: 0, 1: 0, 2: 2000, 3: 0})
    assert seen[8] == 2000
    # Whole texts stay whole in a share of 0.6**5.
    assert seen[3] / 2000 == pytest.approx(0.4 + 0.6**5, abs=0.05)


@pytest.mark.parametrize("leave_one", [False, True])
def test_batches_are_as_wide_as_what_is_left(leave_one):
    assert drop_words(TEXTS, 0.0, leave_one).shape == (4, 5)
    assert drop_words(TEXTS, 1.0, leave_one).shape == (4, 5 if leave_one else 1)
    assert drop_words(TEXTS[2:3], 0.5, leave_one).tolist() == [[0]]
    assert drop_words(TEXTS[:0], 0.5, leave_one).shape == (0, 1)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
def test_dropout_keeps_the_share_and_the_mean(p):
    torch.manual_seed(0)
    x = torch.full((301, 199), 2.0, requires_grad=True)
    found = Dropout(p)(x)
    assert found.detach().unique().tolist() == pytest.approx([0.0, 2 / (1 - p)])
    assert found.mean().item() == pytest.approx(2.0, abs=0.1)
    # No row or column is favoured.
    for dim in (0, 1):
        assert (found != 0).double().mean(dim=dim).std().item() < 0.05
    found.sum().backward()
    torch.testing.assert_close(x.grad, found.detach() / 2)


def test_dropout_follows_torch_s_generator_and_moves_on():
    layer, x = Dropout(0.5), torch.ones(10, 10)
    torch.manual_seed(3)
    first, second = layer(x), layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x), first)
    assert torch.equal(layer(x), second)
    assert not torch.equal(first, second)


def test_dropout_does_nothing_outside_of_training_or_with_rate_0():
    x = torch.ones(4, 4)
    state = torch.get_rng_state()
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), state)
    assert not Dropout(1.0)(x).any()
