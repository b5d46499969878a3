"""Explanations as an HTML page of highlighted words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.pages import render_texts, write_page
from sklabelemb.targets import as_indicator, column_names, positions

__all__ = ["descriptions", "marked_words", "percent", "render_highlights", "write_highlights"]

# Weaker marks than this share of the strongest word would only clutter the page.
FAINTEST = 0.1
# Words in the small table beside a text.
TOP_WORDS = 5
# Most words with this few letters are articles and the like, whose contributions add up if they are
# frequent; they rank before longer words only with this share of the strongest of those.
SHORT_LETTERS, SHORT_SHARE = 3, 0.5
_STATUS = {
    "right": "\N{CHECK MARK} right",
    "wrong": "\N{MULTIPLICATION X} wrong",
    "missed": "\N{WHITE CIRCLE} missed",
    "below": "below its threshold",
}


def render_highlights(
    explanations: Sequence[Any],
    *,
    true_labels: Any = None,
    label_texts: Mapping[Any, str] | Sequence[str] | None = None,
    title: str = "What the words said",
    note: str = "",
    page: bool = True,
) -> str:
    """Render explanations as HTML: words coloured by their contribution to each label.

    Parameters
    ----------
    explanations : sequence of Explanation
    true_labels : sequence of label lists, indicator or classes, default=None
        The true labels of each text: lists of names; an indicator, with columns in the order of the
        labels or named; or a 1-D array or Series of classes. Predicted labels are then marked right
        or wrong, and the missed ones are shown as well.
    label_texts : mapping from label names to str, or sequence of str, default=None
        Descriptions, by name or in the order of the labels, shown with the labels that have one.
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
        If `true_labels` has not one entry per explanation, or a sequence `label_texts` not one per
        label.

    Notes
    -----
    Colours are relative within a text: the word with the largest contribution, for or against, to
    any label shown has the full colour. A text without a predicted label shows its most probable
    one. In the tables of the strongest words, the contributions of repeated words are added up;
    punctuation, and words of up to three letters with less than half the contribution of the
    strongest longer word, come last.
    """
    if true_labels is not None:
        true_labels = _label_lists(true_labels, explanations)

    def describe(i: int, explanation: Any) -> dict[str, Any]:
        own = None if true_labels is None else list(true_labels[i])
        return _describe(explanation, own, descriptions(explanation, label_texts))

    return render_texts(
        "highlights.html",
        explanations,
        describe,
        page=page,
        title=title,
        note=note,
        writer="write_highlights",
    )


def write_highlights(
    path: str | os.PathLike[str], explanations: Sequence[Any], **options: Any
) -> Path:
    """Write the page of :func:`render_highlights` to a file and return its path."""
    return write_page(path, render_highlights(explanations, **options))


def _label_lists(true_labels: Any, explanations: Sequence[Any]) -> list[list[Any]]:
    """The true labels of each text by name, from any form."""
    n_texts = true_labels.shape[0] if hasattr(true_labels, "shape") else len(true_labels)
    if n_texts != len(explanations):
        raise ValueError(f"true_labels has {n_texts} entries for {len(explanations)} explanations.")
    if len(getattr(true_labels, "shape", ())) == 1:
        values = list(true_labels.tolist() if hasattr(true_labels, "tolist") else true_labels)
        return [list(v) if isinstance(v, (list, tuple, set)) else [v] for v in values]
    columns = column_names(true_labels, "true_labels")
    is_array = isinstance(true_labels, np.ndarray) or sp.issparse(true_labels)
    if columns is None and not is_array:
        return [list(labels) for labels in true_labels]
    rows = as_indicator(true_labels, "true_labels")
    names = list(explanations[0].label_names) if len(explanations) else columns or []
    if columns is not None:
        positions(columns, names, name="true_labels", owner="the model")
        names = columns
    if rows.shape[1] != len(names):
        raise ValueError(f"true_labels has {rows.shape[1]} columns for {len(names)} labels.")
    return [[names[k] for k in row.indices] for row in rows]


def descriptions(
    explanation: Any, label_texts: Mapping[Any, str] | Sequence[str] | None
) -> Mapping[Any, str]:
    """What is known of each label, by name."""
    if label_texts is None or isinstance(label_texts, Mapping):
        return label_texts or {}
    if isinstance(label_texts, str) or len(label_texts) != len(explanation.label_names):
        raise ValueError(
            f"label_texts must be a dict, or hold one text for each of the "
            f"{len(explanation.label_names)} labels in their order."
        )
    return dict(zip(explanation.label_names, label_texts, strict=True))


def _describe(
    explanation: Any, true_labels: list[Any] | None, label_texts: Mapping[Any, str]
) -> dict[str, Any]:
    shown = _shown_labels(explanation, true_labels)
    largest = np.abs(explanation.contributions[:, shown]).max(initial=0.0)
    meaning = getattr(explanation, "meaning", None)
    weight = getattr(explanation, "network_weight", None)
    rows = []
    for k in shown:
        name = explanation.label_names[k]
        contributions = explanation.contributions[:, k]
        status = _status(bool(explanation.predicted[k]), name, true_labels)
        rows.append(
            {
                "name": name,
                # The text of a class is mostly its name: repeating it adds nothing.
                "description": label_texts.get(name, "") if label_texts.get(name) != name else "",
                "percent": percent(float(explanation.proba[k])),
                "width": round(100 * float(explanation.proba[k]), 1),
                "status": status,
                "verdict": _STATUS.get(status, ""),
                "pieces": marked_words(explanation, contributions, largest),
                "top": _strongest(explanation.tokens, contributions),
                "meaning": None if meaning is None else _signed(float(meaning[k])),
                "meaning_speaks": None if meaning is None else _side(float(meaning[k])),
                "silent": weight is not None and float(weight[k]) == 0.0,
            }
        )
    unknown = [name for name in true_labels or [] if name not in explanation.label_names]
    return {"rows": rows, "unknown": unknown}


def _shown_labels(explanation: Any, true_labels: list[Any] | None) -> list[int]:
    """Predicted labels, then missed ones, the more probable first; at least one."""
    order = [int(k) for k in np.argsort(-explanation.proba, kind="stable")]
    predicted = [k for k in order if explanation.predicted[k]]
    true = set() if true_labels is None else set(true_labels)
    missed = [
        k for k in order if not explanation.predicted[k] and explanation.label_names[k] in true
    ]
    return predicted + missed or order[:1]


def _status(predicted: bool, name: Any, true_labels: list[Any] | None) -> str:
    if true_labels is None:
        return "" if predicted else "below"
    if predicted:
        return "right" if name in true_labels else "wrong"
    return "missed" if name in true_labels else "below"


def percent(proba: float) -> str:
    """A probability in per cent, never rounded to 0 % or 100 %."""
    if proba < 0.005:
        return "< 1 %"
    if proba > 0.995:
        return "> 99 %"
    return f"{100 * proba:.0f} %"


def _strongest(tokens: Sequence[str], contributions: np.ndarray) -> list[dict[str, str]]:
    """The words that count most, for or against, each once."""
    sums: dict[str, float] = {}
    singly: dict[str, float] = {}
    for token, value in zip(tokens, contributions, strict=True):
        sums[token] = sums.get(token, 0.0) + float(value)
        singly[token] = max(singly.get(token, 0.0), abs(float(value)))
    short = {token for token in sums if sum(map(str.isalnum, token)) <= SHORT_LETTERS}
    least = SHORT_SHARE * max((abs(sums[token]) for token in sums if token not in short), default=0)
    behind = {token for token in short if singly[token] < least}
    strongest = sorted(sums, key=lambda token: (token in behind, -abs(sums[token])))[:TOP_WORDS]
    return [
        {"token": token, "value": _signed(sums[token]), "speaks": _side(sums[token])}
        for token in strongest
        if sums[token]
    ]


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _side(value: float) -> str:
    return "for" if value > 0 else "against"


def marked_words(
    explanation: Any, contributions: np.ndarray, largest: float
) -> list[dict[str, Any]]:
    """The text cut into marked words and what lies between them."""
    pieces: list[dict[str, Any]] = []
    position = 0
    for token, span, value in zip(
        explanation.tokens, explanation.spans, contributions, strict=True
    ):
        # A custom tokenizer may return overlapping tokens; no letter is shown twice.
        if span is None or span[0] < position:
            continue
        start, stop = span
        if start > position:
            pieces.append({"text": explanation.text[position:start]})
        strength = abs(float(value)) / largest if largest else 0.0
        pieces.append(
            {
                "text": explanation.text[start:stop],
                "token": token,
                "value": _signed(float(value)),
                "strength": round(strength, 2) if strength >= FAINTEST else 0,
                "speaks": _side(float(value)),
            }
        )
        position = stop
    if position < len(explanation.text):
        pieces.append({"text": explanation.text[position:]})
    return pieces
