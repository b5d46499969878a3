"""Explanations as data."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb import LEAMClassifier
from sklabelemb.inspection import Explanation

from ..tolerances import close

TEXTS = ["late parcel", "money back", "parcel money", "nice day"] * 6
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 6)


@pytest.fixture
def explanation() -> Explanation:
    contributions = np.array([[1.5, -0.5], [0.5, 2.0], [1.5, 0.0]])
    return Explanation(
        "late parcel late",
        ["late", "parcel", "late"],
        [(0, 4), (5, 11), (12, 16)],
        ["delivery", "refund"],
        np.array([0.6, 0.9]),
        np.array([True, True]),
        np.full((3, 2), 1 / 3),
        contributions,
    )


def test_top_lists_tokens_by_contribution(explanation):
    assert explanation.top("delivery", 2) == [("late", 1.5), ("late", 1.5)]
    assert explanation.top("refund") == [("parcel", 2.0), ("late", 0.0), ("late", -0.5)]


def test_top_of_an_unknown_label_names_the_known_ones(explanation):
    message = r"^The model has no label 'x'; its labels are \['delivery', 'refund'\]\.$"
    with pytest.raises(ValueError, match=message):
        explanation.top("x")


def test_predicted_labels_come_by_probability(explanation):
    assert explanation.predicted_labels() == ["refund", "delivery"]


def test_notebooks_show_a_fragment(explanation):
    shown = explanation._repr_html_()
    assert shown.strip().startswith('<div class="slx">')
    assert "<html" not in shown


@pytest.mark.parametrize("wide", [True, False])
def test_contributions_and_a_constant_add_up_to_the_logits(wide):
    model = LEAMClassifier(random_state=0, max_epochs=2, embedding_dim=8, wide=wide).fit(TEXTS, Y)
    texts = [*TEXTS[:4], "an unknown parcel", ""]
    explained = np.array([e.contributions.sum(axis=0) for e in model.explain(texts)])
    logits = model.decision_function(texts)
    constants = logits - explained
    scale = np.fmax(1, np.abs(logits))
    close(constants, np.tile(constants[0], (6, 1)), scale=scale, dtype=np.float32)
    # All the texts do not get the same logits anyway.
    assert np.ptp(explained, axis=0).min() > 1e-3
