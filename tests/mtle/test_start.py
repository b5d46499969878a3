"""What training starts from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from sklabelemb.text.vocabulary import UNKNOWN_ID

from .small import mtle

TEXTS = ["the parcel is late", "a refund please", "late again, refund please", "thank you"] * 6
LABELS = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 6)
STILL = {"learning_rate": 1e-12, "max_epochs": 1}


@pytest.mark.parametrize("encoder", ["mean", "bilstm"])
def test_unknown_words_say_nothing(encoder):
    network = mtle(encoder=encoder, **STILL).fit(TEXTS, LABELS).net_.module_
    weight = network.embedding.weight.detach().numpy()
    assert np.abs(weight[UNKNOWN_ID]).max() < 1e-9
    assert np.abs(weight[UNKNOWN_ID + 1 :]).max() > 1e-3


def test_label_sets_begin_with_how_frequent_labels_are():
    rare = LABELS * (np.arange(24) % 3 == 0)[:, None]
    for y in (LABELS, rare):
        bias = mtle(**STILL).fit(TEXTS, y).net_.module_.matcher.bias
        assert bias.item() == pytest.approx(logit((y.sum() + 1) / (y.size + 2)), abs=1e-5)
    single = mtle(**STILL).fit(TEXTS, LABELS[:, 0]).net_.module_.matcher.bias
    assert single.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("parameters", "y", "held_out"),
    [
        ({}, LABELS[:, 0], False),
        ({"patience": 3}, LABELS[:, 0], True),
        ({"threshold": 0.5}, LABELS, False),
        ({"threshold": "tuned"}, LABELS, True),
    ],
)
def test_texts_are_held_out_where_something_is_chosen_by_them(parameters, y, held_out):
    many = TEXTS * 3
    model = mtle(validation_fraction=0.3, max_epochs=1, **parameters)
    model.fit(many, np.concatenate([y] * 3))
    assert ("valid_loss" in model.history_[0]) is held_out
