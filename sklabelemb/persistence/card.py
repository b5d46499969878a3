"""Model cards: a description of a saved model in Markdown."""

from __future__ import annotations

import inspect
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklabelemb.display import brief_value
from sklabelemb.persistence.writing import library_versions
from sklabelemb.targets import as_indicator, column_names, positions

__all__ = ["model_card"]

# A card with more labels is hard to read; `model.json` has them all.
MOST_LABELS = 200
MOST_LETTERS = 120

# What Markdown would read as markup in names and texts.
_MARKUP = re.compile(r"(?=[\\`*_\[\]#|~$@])|(?<=:)(?=//)|(?i:(?<=www))(?=\.)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def model_card(
    model: Any,
    *,
    y: Any = None,
    data: str = "",
    scores: Mapping[str, float] | None = None,
    scored_on: str = "",
) -> str:
    """Write the model card of a fitted estimator: labels, thresholds, parameters, scores, versions.

    :func:`sklabelemb.save` writes such a card beside every model, as ``README.md``, with what the
    model itself knows. Training data and scores must be passed in:
    ``save(model, folder, card=model_card(model, y=y, scores=...))``.

    Parameters
    ----------
    model : estimator
        Fitted.
    y : indicator of shape (n_samples, n_labels), or classes of shape (n_samples,), default=None
        The target of the fit, to count the training texts of each label. Columns of a DataFrame are
        matched by name.
    data : str, default=""
        A sentence or two on the training texts.
    scores : dict of str to float, default=None
        Measures by name, for instance ``report.averages["micro"]``.
    scored_on : str, default=""
        Which texts the scores were computed on.

    Returns
    -------
    str
        Markdown, under a YAML header with the tags that model hubs read. It does not set a license.
        All names and texts are escaped.

    Raises
    ------
    NotFittedError
        When the model is not fitted.
    ValueError
        When `y` does not have the labels of the model.

    See Also
    --------
    sklabelemb.save : Write the card beside the model.

    Examples
    --------
    >>> from sklabelemb import BinaryRelevance, model_card
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = BinaryRelevance(label_names=["delivery", "refund"]).fit(texts, y)
    >>> card = model_card(model, y=y, scores={"micro-F1": 0.93}, scored_on="200 later texts")
    >>> print(card.partition("## Scores")[2].partition("## Parameters")[0])
    <BLANKLINE>
    <BLANKLINE>
    On 200 later texts.
    <BLANKLINE>
    | measure | value |
    | --- | ---: |
    | micro-F1 | 0.930 |
    <BLANKLINE>
    ## Labels
    <BLANKLINE>
    | label | training texts |
    | --- | ---: |
    | delivery | 20 |
    | refund | 20 |
    <BLANKLINE>
    <BLANKLINE>
    """
    check_is_fitted(model)
    classifier = model.steps[-1][1] if getattr(model, "steps", None) else model
    tasks = dict(getattr(classifier, "tasks_", None) or {None: _Plain(classifier)})
    multilabel = any(task.multilabel for task in tasks.values())
    kind = "multi-label" if multilabel else "multi-class"
    name = type(classifier).__name__
    sections = [_header(name, multilabel), f"# {name}"]
    how_many = " and ".join(
        f"{len(task.label_names)} {'labels' if task.multilabel else 'classes'}"
        for task in tasks.values()
    )
    sections.append(
        f"A {kind} text classifier of {how_many}, made with the Python package sklabelemb."
    )
    ask = "predict_labels" if hasattr(model, "predict_labels") else "predict"
    sections.append(
        "## Use\n\n```python\nfrom sklabelemb import load\n"
        f'model = load("path/of/this/folder")\nmodel.{ask}(["a text"])\n```'
    )
    if data or y is not None:
        n_texts = "" if y is None else f"Trained on {_n_rows(y):,} texts."
        sections.append("## Data\n\n" + " ".join(filter(None, [n_texts, escaped(data, None)])))
    if scores:
        of = f"On {escaped(scored_on, None)}.\n\n" if scored_on else ""
        rows = [(escaped(key), f"{value:.3f}") for key, value in scores.items()]
        sections.append(f"## Scores\n\n{of}" + _table(("measure", "value"), rows))
    for task_name, task in tasks.items():
        own = y if len(tasks) == 1 else None
        sections.append(_labels(task_name if len(tasks) > 1 else None, task, own))
    rows = [(f"`{key}`", escaped(value)) for key, value in _changed(model)]
    told = _table(("parameter", "value"), rows, "---") if rows else "All are defaults."
    sections.append(f"## Parameters\n\n{told}")
    versions = {"Python": platform.python_version(), **library_versions()}
    listed = ", ".join(f"{library} {version}" for library, version in versions.items())
    sections.append(f"## Versions\n\n{listed}")
    # Lone surrogates, which broken texts contain and no encoding can write.
    return re.sub("[\ud800-\udfff]", "\ufffd", "\n\n".join(sections)) + "\n"


def escaped(text: Any, most: int | None = MOST_LETTERS) -> str:
    """A text on one line that Markdown shows as it is."""
    line = " ".join(str(text).split())
    if most is not None and len(line) > most:
        line = line[: most - 1] + "…"
    line = "".join(sign if sign.isprintable() else "\ufffd" for sign in line)
    return _MARKUP.sub(r"\\", line.translate(_ENTITIES))


class _Plain:
    """The properties of an estimator without tasks, in the form of a task."""

    def __init__(self, classifier: Any) -> None:
        names = getattr(classifier, "label_names_", getattr(classifier, "classes_", ()))
        self.label_names = np.asarray(names, dtype=object)
        self.thresholds = getattr(classifier, "thresholds_", None)
        targets = getattr(classifier, "targets_", None)
        self.multilabel = bool(getattr(targets, "multilabel", False))


def _header(name: str, multilabel: bool) -> str:
    tags = ["text-classification", *(["multi-label"] * multilabel), "scikit-learn", name]
    lines = ["---", "library_name: sklabelemb", "pipeline_tag: text-classification", "tags:"]
    return "\n".join([*lines, *(f"- {tag}" for tag in tags), "---"])


def _labels(task_name: Any, task: Any, y: Any) -> str:
    names = list(task.label_names)
    heading = "## Labels" if task_name is None else f"## Labels of {escaped(task_name)}"
    counts = None if y is None else _counts(y, names, task.multilabel)
    order: Sequence[int] = range(len(names))
    if counts is not None and len(names) > MOST_LABELS:
        order = np.argsort(-counts, kind="stable").tolist()
    heads = ["label"]
    if counts is not None:
        heads.append("training texts")
    if task.thresholds is not None:
        heads.append("threshold")
    rows = []
    for k in order[:MOST_LABELS]:
        row = [escaped(names[k])]
        if counts is not None:
            row.append(f"{counts[k]:,}")
        if task.thresholds is not None:
            row.append(f"{task.thresholds[k]:.3f}")
        rows.append(row)
    more = len(names) - len(rows)
    note = f"\n\nAnd {more:,} more, which are in `model.json`." if more else ""
    return f"{heading}\n\n{_table(heads, rows)}{note}"


def _counts(y: Any, names: list[Any], multilabel: bool) -> np.ndarray:
    if not multilabel:
        values, times = np.unique(np.asarray(y), return_counts=True)
        found = dict(zip(values.tolist(), times.tolist(), strict=True))
        return np.array([found.get(name, 0) for name in names])
    columns = column_names(y)
    indicator = sp.csc_matrix(as_indicator(y))
    if indicator.shape[1] != len(names):
        raise ValueError(
            f"y has {indicator.shape[1]} columns, but the model has {len(names)} labels: give the "
            "y that it was fitted to."
        )
    counts = np.diff(indicator.indptr)
    if columns is not None:
        order = positions(columns, names, name="y", owner="the model")
        counts = counts if order is None else counts[order]
    return np.asarray(counts)


def _n_rows(y: Any) -> int:
    return y.shape[0] if hasattr(y, "shape") else len(y)


def _changed(estimator: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Parameters with non-default values, including those of inner estimators."""
    steps = dict(getattr(estimator, "steps", None) or {})
    if steps:
        for name, step in steps.items():
            yield f"{before}{name}", type(step).__name__
            yield from _changed(step, f"{before}{name}__")
        return
    defaults = inspect.signature(type(estimator).__init__).parameters
    for name, value in estimator.get_params(deep=False).items():
        if name == "label_names":  # they are listed
            continue
        if hasattr(value, "get_params"):
            yield f"{before}{name}", type(value).__name__
            yield from _changed(value, f"{before}{name}__")
        elif name not in defaults or (
            brief_value(name, value) != brief_value(name, defaults[name].default)
        ):
            yield f"{before}{name}", brief_value(name, value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str = "---:") -> str:
    lines = [heads, ["---", *([align] * (len(heads) - 1))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
