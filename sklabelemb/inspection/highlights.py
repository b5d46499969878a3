"""Why a text was given its labels, as a page to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

from sklabelemb.inspection.explanation import Explanation

__all__ = ["render_highlights", "write_highlights"]

_TEMPLATES = Environment(
    loader=PackageLoader("sklabelemb.inspection"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_highlights(
    explanations: Sequence[Explanation],
    *,
    true_labels: Sequence[Sequence[Any]] | None = None,
    title: str = "What the words said",
    page: bool = True,
) -> str:
    """HTML that marks, for each predicted label, the words that spoke for it and against it.

    Parameters
    ----------
    explanations : sequence of Explanation
    true_labels : sequence of label lists, default=None
        The right labels of each text, shown beside the predicted ones.
    title : str
    page : bool, default=True
        A whole page, or only a fragment to put into one.

    Returns
    -------
    str
        Self-contained: no script and nothing to download. All text is escaped.

    Notes
    -----
    Colours are relative within a text: the word with the largest contribution, for or against, to
    any label shown has the full colour. A text without a predicted label shows its most probable
    one.
    """
    if true_labels is not None and len(true_labels) != len(explanations):
        raise ValueError(
            f"true_labels has {len(true_labels)} entries for {len(explanations)} explanations."
        )
    texts = [
        _describe(explanation, None if true_labels is None else list(true_labels[i]))
        for i, explanation in enumerate(explanations)
    ]
    template = _TEMPLATES.get_template("highlights.html")
    return template.render(texts=texts, title=title, page=page)


def write_highlights(
    path: str | os.PathLike[str], explanations: Sequence[Explanation], **options: Any
) -> Path:
    """Write the page of :func:`render_highlights` to a file and return its path."""
    target = Path(path)
    target.write_text(render_highlights(explanations, **options), encoding="utf-8")
    return target


def _describe(explanation: Explanation, true_labels: list[Any] | None) -> dict[str, Any]:
    shown = [k for k in np.argsort(-explanation.proba, kind="stable") if explanation.predicted[k]]
    if not shown:
        shown = [int(explanation.proba.argmax())]
    largest = np.abs(explanation.contributions[:, shown]).max(initial=0.0)
    predicted = {explanation.label_names[k] for k in np.flatnonzero(explanation.predicted)}
    rows = [
        {
            "name": explanation.label_names[k],
            "percent": round(100 * float(explanation.proba[k])),
            "predicted": bool(explanation.predicted[k]),
            "right": None if true_labels is None else explanation.label_names[k] in true_labels,
            "pieces": _pieces(explanation, explanation.contributions[:, k], largest),
        }
        for k in shown
    ]
    missed = [name for name in true_labels or [] if name not in predicted]
    return {"rows": rows, "missed": missed, "known": true_labels is not None}


def _pieces(
    explanation: Explanation, contributions: np.ndarray, largest: float
) -> list[dict[str, Any]]:
    """The text cut into marked words and what lies between them."""
    pieces: list[dict[str, Any]] = []
    position = 0
    for token, span, value in zip(
        explanation.tokens, explanation.spans, contributions, strict=True
    ):
        if span is None:
            continue
        start, stop = span
        if start > position:
            pieces.append({"text": explanation.text[position:start]})
        strength = abs(float(value)) / largest if largest else 0.0
        pieces.append(
            {
                "text": explanation.text[start:stop],
                "token": token,
                "value": f"{value:+.2f}",
                # Below a twentieth of the strongest word a tint is not seen anyway.
                "strength": round(strength, 2) if strength >= 0.05 else 0,
                "speaks": "for" if value > 0 else "against",
            }
        )
        position = stop
    pieces.append({"text": explanation.text[position:]})
    return pieces
