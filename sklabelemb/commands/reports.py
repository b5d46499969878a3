"""The report of a model on texts with labels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from sklabelemb.commands.models import label_names, label_rows, last_step, task_arguments

__all__ = ["multilabel_truth", "report_as_json", "report_of"]


def multilabel_truth(y: Any, names: Sequence[Any]) -> Any:
    """The truth as an indicator; classes become one column each."""
    import numpy as np
    import scipy.sparse as sp

    if y.ndim == 2:
        return y
    column = {str(name): k for k, name in enumerate(names)}
    places = [(row, column[str(value)]) for row, value in enumerate(y) if str(value) in column]
    rows, columns = zip(*places, strict=True) if places else ((), ())
    ones = np.ones(len(places), dtype=np.int64)
    return sp.csr_matrix((ones, (rows, columns)), shape=(len(y), len(names)))


def report_of(model: Any, texts: Sequence[str], truth: Any, options: argparse.Namespace) -> Any:
    """The report of a model.

    Parameters
    ----------
    model : classifier
    texts : list of str
    truth : indicator of shape (n_texts, n_labels)
        In the order of the model's labels.
    options : Namespace
        With the selected task.

    Returns
    -------
    MultilabelReport
    """
    import scipy.sparse as sp
    from sklearn.preprocessing import MultiLabelBinarizer

    from sklabelemb.metrics import multilabel_report

    names = label_names(model, options)
    rows = label_rows(model, texts, options)
    predicted = MultiLabelBinarizer(classes=names, sparse_output=True).fit_transform(rows)
    scores = _scores(model, texts, len(names), options)
    return multilabel_report(
        sp.csr_matrix(truth), predicted, y_score=scores, label_names=list(map(str, names))
    )


def _scores(model: Any, texts: Sequence[str], n_labels: int, options: argparse.Namespace) -> Any:
    """Probabilities or decision values, one column per label; None if there are none."""
    task = task_arguments(last_step(model), options)
    for method in ("predict_proba", "decision_function"):
        if hasattr(model, method):
            scores = getattr(model, method)(list(texts), **task)
            if getattr(scores, "ndim", 0) == 2 and scores.shape[1] == n_labels:
                return scores
    return None


def report_as_json(report: Any) -> dict[str, Any]:
    """A report as JSON values."""
    measures = {name: values.tolist() for name, values in report.labels.items()}
    return {
        "summary": report.summary,
        "averages": report.averages,
        "labels": [
            {"label": label, **{name: values[k] for name, values in measures.items()}}
            for k, label in enumerate(report.label_names)
        ],
    }
