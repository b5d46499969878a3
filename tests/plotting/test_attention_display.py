"""Explanations as heat maps."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.inspection import Explanation, JointExplanation
from sklabelemb.plotting import AttentionDisplay
from sklabelemb.semantic_unit import LabelSequence, SequenceExplanation

from .conftest import nothing_is_cut

FIELDS = {
    "text": "my late parcel",
    "tokens": ["my", "late", "parcel"],
    "spans": [(0, 2), (3, 7), (8, 14)],
    "label_names": ["refund", "delivery"],
    "proba": np.array([0.2, 0.9]),
    "predicted": np.array([False, True]),
    "attention": np.array([[0.5, 0.1], [0.3, 0.3], [0.2, 0.6]]),
    "contributions": np.array([[0.1, 0.0], [-0.2, 1.0], [0.0, 2.0]]),
}


def test_contributions_have_zero_in_the_middle():
    display = AttentionDisplay.from_explanation(Explanation(**FIELDS))
    # The likeliest label first.
    assert display.rows == ["delivery", "refund"]
    np.testing.assert_array_equal(display.values, FIELDS["contributions"].T[::-1])
    image = display.ax_.images[0]
    assert image.get_clim() == (-2, 2)
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == FIELDS["tokens"]
    assert "log-odds" in display.ax_.get_title(loc="left")
    nothing_is_cut(display.figure_)


def test_attention_is_called_what_it_is():
    display = AttentionDisplay.from_explanation(
        Explanation(**FIELDS), kind="word_label", labels=["refund"]
    )
    np.testing.assert_array_equal(display.values, [[0.5, 0.3, 0.2]])
    assert display.ax_.images[0].get_clim() == (0, 0.5)
    assert "not of the decision" in display.ax_.get_title(loc="left")


def test_of_long_texts_the_strongest_words_in_their_order():
    display = AttentionDisplay.from_explanation(Explanation(**FIELDS), max_words=2)
    assert display.columns == ["late", "parcel"]


def test_steps_and_labels():
    steps = SequenceExplanation(
        **FIELDS,
        sequence=LabelSequence(("delivery",), 0.8, (0.9,)),
        word_attention=np.array([[0.1, 0.3, 0.6], [0.4, 0.3, 0.3]]),
        unit_attention=np.array([[0.7, 0.3], [0.5, 0.5]]),
        unit_spans=[(0, 2), (1, 3)],
    )
    display = AttentionDisplay.from_explanation(steps, kind="step_word")
    assert display.rows == ["1. delivery", "2. end"]
    display = AttentionDisplay.from_explanation(steps, kind="step_unit")
    assert display.columns == ["my late", "late parcel"]
    joint = JointExplanation(**FIELDS, affinity=np.array([[0.6, 0.4], [0.3, 0.7]]))
    display = AttentionDisplay.from_explanation(joint, kind="label_label")
    np.testing.assert_array_equal(display.values, [[0.7, 0.3], [0.4, 0.6]])


def test_what_an_explanation_does_not_hold():
    plain = Explanation(**FIELDS | {"attention": None})
    for kind in ("word_label", "step_word", "step_unit", "label_label"):
        with pytest.raises(ValueError, match=f"nothing of kind='{kind}'. It comes from"):
            AttentionDisplay.from_explanation(plain, kind=kind)
    with pytest.raises(ValueError, match="kind must be one of"):
        AttentionDisplay.from_explanation(plain, kind="attention")
    with pytest.raises(ValueError, match="no label 'money'"):
        AttentionDisplay.from_explanation(plain, labels=["money"])
