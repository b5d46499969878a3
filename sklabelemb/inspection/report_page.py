"""A report as a page: numbers, averages, and a row for each label."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from sklabelemb.pages import render, write_page

__all__ = ["write_report"]

# A page with more rows is slow to open.
MOST_LABELS = 1000
_WRITTEN = {"f1": "F1", "roc auc": "ROC AUC", "ndcg": "nDCG", "hamming": "Hamming"}
_WITH_METER = "f1"


def write_report(
    path: str | os.PathLike[str], report: Any, *, title: str = "Report", note: str = ""
) -> Path:
    """Write a :class:`.MultilabelReport` as an HTML page and return its path.

    Parameters
    ----------
    path : path
        The page is self-contained: no script and nothing to download.
    report : MultilabelReport
    title : str, default="Report"
    note : str, default=""
        A sentence on where the texts and the model come from, under the title.

    Returns
    -------
    Path

    See Also
    --------
    sklabelemb.metrics.multilabel_report : Make the report.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklabelemb.inspection import write_report
    >>> from sklabelemb.metrics import multilabel_report
    >>> report = multilabel_report(
    ...     [[1, 0], [0, 1]], [[1, 0], [1, 1]], label_names=["delivery", "refund"]
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     page = write_report(Path(folder, "report.html"), report, title="Support")
    ...     text = page.read_text()
    >>> "<bdi>refund</bdi>" in text, "0.667" in text
    (True, True)
    """
    chosen = report.order(MOST_LABELS)
    rows = [
        {
            "name": report.label_names[k],
            "cells": [_cell(measure, values[k]) for measure, values in report.labels.items()],
        }
        for k in chosen
    ]
    page = render(
        "report.html",
        title=title,
        note=note,
        page=True,
        numbers=[(_shown_name(name), _shown(value)) for name, value in report.summary.items()],
        averages=[(a, list(map(_shown, own.values()))) for a, own in report.averages.items()],
        heads=[_shown_name(measure) for measure in report.labels],
        rows=rows,
        left=len(report.label_names) - len(chosen),
    )
    return write_page(path, page)


def _cell(measure: str, value: Any) -> dict[str, Any]:
    meter = measure == _WITH_METER and not np.isnan(value)
    return {"text": _shown(value), "width": round(100 * float(value), 1) if meter else None}


def _shown(value: Any) -> str:
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    return "–" if np.isnan(value) else f"{value:.3f}"


def _shown_name(name: str) -> str:
    shown = name.replace("_", " ")
    for plain, written in _WRITTEN.items():
        shown = shown.replace(plain, written)
    return shown
