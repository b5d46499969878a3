"""The corpus that ships with the package: requests to the support desk of an online shop."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import check_choice
from sklabelemb.datasets.folder import read_split
from sklabelemb.optional import import_optional

__all__ = ["load_support_requests"]

_URGENCY_TEXTS = {
    "high": "urgent: a deadline, safety, money trouble, a threat, or not the first message",
    "low": "a question that can wait",
    "normal": "a problem that should be solved",
}


def load_support_requests(
    *,
    return_X_y: bool = False,
    target: Literal["labels", "urgency", "both"] = "labels",
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the support-desk requests, a small multi-label corpus (classification).

    Short messages to the support desk of an invented online shop, composed by a language model
    for this package. Each carries one to four of twelve labels, and one of three degrees of
    urgency.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    target : {"labels", "urgency", "both"}, default="labels"
        What to predict: the labels (multi-label), the urgency (three classes), or both, as the
        pair ``(labels, urgency)``.
    as_frame : bool, default=False
        Return pandas objects: the texts as a Series, the labels as a DataFrame whose columns are
        their names, the urgency as a Series. Needs pandas.

    Returns
    -------
    bunch : Bunch
        Dictionary-like object with these attributes:

        data : list of str or Series, length n_samples
            The texts.
        target : indicator of int64, shape (n_samples, 12), ndarray of str, or a pair of them
            As asked for with `target`; with `as_frame`, a DataFrame, a Series, or a pair of them.
        target_names : list of str
            The labels in the order of the columns; for ``target="urgency"`` the classes, sorted.
        label_texts : list of str
            A descriptive text for each of `target_names`.
        urgency : ndarray of str or Series, shape (n_samples,)
            The urgency, whatever `target` is.
        frame : DataFrame
            Only with `as_frame`: texts, labels and urgency side by side.
        DESCR : str
            The description of the corpus.
        filename : str
            The name of the data file.
    (data, target) : tuple
        With `return_X_y`.

    See Also
    --------
    load_folder : Read a dataset with splits.
    load_table : Read your own table.

    Examples
    --------
    >>> from sklabelemb.datasets import load_support_requests
    >>> requests = load_support_requests()
    >>> requests.target_names[:3]
    ['delivery', 'refund', 'returns']
    >>> requests.label_texts[1]
    'money back, the state of a refund, or a wrong refund amount'
    >>> X, y = load_support_requests(return_X_y=True, target="urgency")
    >>> sorted(set(y.tolist()))
    ['high', 'low', 'normal']
    """
    check_choice("target", target, ("labels", "urgency", "both"))
    folder = files("sklabelemb.datasets") / "data"
    label_texts = json.loads((folder / "support_requests_labels.json").read_text("utf-8"))
    with as_file(folder / "support_requests.jsonl") as file:
        corpus = read_split(file, "labels", label_texts)
    bunch = corpus.to_bunch(
        list(label_texts),
        label_texts,
        as_classes=False,
        sparse=False,
        filename="support_requests.jsonl",
        description=(folder / "support_requests.rst").read_text("utf-8"),
    )
    data, labels = bunch.data, bunch.target
    urgency = np.array(bunch.pop("extra")["urgency"], dtype=str)
    if as_frame:
        pd = import_optional("pandas", purpose="as_frame=True")
        labels = pd.DataFrame(labels, columns=list(label_texts))
        data, urgency = pd.Series(data, name="text"), pd.Series(urgency, name="urgency")
        bunch.frame = pd.concat([data, labels, urgency], axis=1)
    bunch.data, bunch.urgency = data, urgency
    bunch.target = {"labels": labels, "urgency": urgency, "both": (labels, urgency)}[target]
    if target == "urgency":
        bunch.target_names = sorted(_URGENCY_TEXTS)
        bunch.label_texts = [_URGENCY_TEXTS[name] for name in bunch.target_names]
    return (bunch.data, bunch.target) if return_X_y else bunch
