"""Explanations as an HTML page: words for each label, and attention among labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sklabelemb.inspection.highlights import descriptions, marked_words, percent
from sklabelemb.pages import render_texts, write_page

__all__ = ["render_label_tables", "write_label_tables"]


def render_label_tables(
    explanations: Sequence[Any],
    *,
    n_labels: int = 6,
    label_texts: Mapping[Any, str] | Sequence[str] | None = None,
    title: str = "What labels and words had to do with each other",
    note: str = "",
    page: bool = True,
) -> str:
    """HTML with the words that spoke for and against each label, and the affinity of labels.

    Parameters
    ----------
    explanations : sequence of JointExplanation
    n_labels : int, default=6
        Number of labels to show per text: the predicted ones, then the most probable others.
    label_texts : mapping from label names to str, or sequence of str, default=None
        Descriptions, by name or in the order of the labels, shown where the pointer rests on a
        label.
    title : str
    note : str, default=""
        A sentence on where the texts and the model come from, under the title.
    page : bool, default=True
        True: a whole page with all texts. False: a short fragment to embed in a page, whose colours
        it adopts: two texts are shown, 48 more can be unfolded, and the rest are counted.

    Returns
    -------
    str
        Self-contained: no script and nothing to download. All text is escaped.

    Raises
    ------
    ValueError
        If `n_labels` is less than 1, or a sequence `label_texts` has not one entry per label.

    Notes
    -----
    Words are marked by their contributions, relative to the strongest of the text. Cross attention
    is not shown, because it identifies the words that carry a label no better than chance
    (:doc:`/explanations`); :class:`sklabelemb.plotting.AttentionDisplay` draws it. In the table of
    labels the largest share has the full colour; a model without joint embedding has none.
    """
    if n_labels < 1:
        raise ValueError(f"n_labels must be at least 1, but is {n_labels}.")

    def describe(_: int, explanation: Any) -> dict[str, Any]:
        return _describe(explanation, n_labels, descriptions(explanation, label_texts))

    return render_texts(
        "label_tables.html",
        explanations,
        describe,
        page=page,
        title=title,
        note=note,
        writer="write_label_tables",
    )


def write_label_tables(
    path: str | os.PathLike[str], explanations: Sequence[Any], **options: Any
) -> Path:
    """Write the page of :func:`render_label_tables` to a file and return its path."""
    return write_page(path, render_label_tables(explanations, **options))


def _describe(explanation: Any, n_labels: int, label_texts: Mapping[Any, str]) -> dict[str, Any]:
    order = [int(k) for k in np.argsort(-explanation.proba, kind="stable")]
    predicted = [k for k in order if explanation.predicted[k]]
    others = [k for k in order if not explanation.predicted[k]]
    shown = predicted + others[: max(0, n_labels - len(predicted))]
    labels = [
        {
            "name": explanation.label_names[k],
            "description": label_texts.get(explanation.label_names[k], ""),
            "percent": percent(float(explanation.proba[k])),
            "predicted": bool(explanation.predicted[k]),
        }
        for k in shown
    ]
    largest = np.abs(explanation.contributions[:, shown]).max(initial=0.0)
    words = [marked_words(explanation, explanation.contributions[:, k], largest) for k in shown]
    beside = []
    if explanation.affinity is not None:
        own = explanation.affinity[np.ix_(shown, shown)]
        beside = _cells(own, np.where(np.eye(len(shown), dtype=bool), 0, own))
    return {
        "labels": labels,
        "words": words,
        "beside": beside,
    }


def _cells(values: np.ndarray, shades: np.ndarray) -> list[list[dict[str, Any]]]:
    """A share to read, and a shade between 0 and 1, for each cell."""
    largest = shades.max(initial=0.0)
    return [
        [
            {"share": f"{100 * value:.1f}", "shade": round(shade / largest, 2) if largest else 0}
            for value, shade in zip(row, shaded, strict=True)
        ]
        for row, shaded in zip(values.tolist(), shades.tolist(), strict=True)
    ]
