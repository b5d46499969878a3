"""The map of labels: places, colours, and names that do not lie on each other."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from sklabelemb.plotting import LabelMapDisplay

NAMES = ["delivery", "refund", "returns", "account"]


def vectors(n=4, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def boxes(display):
    display.figure_.canvas.draw()
    return [text.get_window_extent() for text in display.ax_.texts if text.get_text()]


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_places_of_labels_and_texts(method):
    y = pd.DataFrame(np.eye(4, dtype=int)[[0, 1, 2, 3] * 5], columns=NAMES)
    y.loc[0, "refund"] = 1
    y.loc[4] = 0
    display = LabelMapDisplay.from_vectors(
        vectors(), vectors(20, seed=1), y, label_names=NAMES, method=method
    )
    stars, dots = (
        next(c for c in display.ax_.collections if c.get_gid() == gid)
        for gid in ("labels", "texts")
    )
    np.testing.assert_array_equal(stars.get_offsets(), display.label_places)
    assert len(dots.get_offsets()) == 20
    # The first text has two labels, and the colour of the rarer one, delivery.
    assert display.text_labels[:6].tolist() == [0, 1, 2, 3, -1, 1]
    np.testing.assert_array_equal(dots.get_facecolors()[1, :3], stars.get_facecolors()[1, :3])


def test_labels_of_the_same_direction_are_in_one_place():
    labels = vectors()
    labels[1] = 7 * labels[0]
    display = LabelMapDisplay.from_vectors(labels)
    np.testing.assert_allclose(display.label_places[0], display.label_places[1], atol=1e-9)
    assert display.names == [0, 1, 2, 3]


def test_names_lie_on_no_other():
    close = vectors(1) + 0.05 * vectors(14, seed=2)
    names = [f"a label with number {i}" for i in range(14)]
    display = LabelMapDisplay.from_vectors(
        np.vstack([close, vectors(2)]), label_names=[*names, "x", "y"]
    )
    extents = boxes(display)
    assert len(extents) == 16
    assert not any(a.overlaps(b) for a, b in itertools.combinations(extents, 2))


def test_what_is_refused():
    with pytest.raises(ValueError, match="method must be one of"):
        LabelMapDisplay.from_vectors(vectors(), method="som")
    with pytest.raises(ValueError, match="same space"):
        LabelMapDisplay.from_vectors(vectors(), vectors(dim=3))
    with pytest.raises(ValueError, match="object has no label_embeddings_"):
        LabelMapDisplay.from_estimator(object())
