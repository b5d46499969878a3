"""From documents with label lists to the Bunch that every loader returns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

__all__ = ["Corpus", "all_single", "check_choice", "known_labels"]

_SPARSE_FROM = 100


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a value that is none of the choices, naming them."""
    # By type as well, since 1 == True.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {allowed}; got {value!r}.")


def all_single(label_lists: Sequence[Sequence[str]]) -> bool:
    """Tell whether every document has exactly one label."""
    return all(len(labels) == 1 for labels in label_lists)


def known_labels(
    corpus: Corpus, label_names: Sequence[Any], unknown_labels: str
) -> list[list[str]]:
    """The labels of each document that are among the names; what happens to others is a choice.

    Raises
    ------
    ValueError
        With "error", when there are others; the message lists them, and where the first stands.
    """
    known = {str(name) for name in label_names}
    places: dict[str, str] = {}
    for labels, place in zip(corpus.label_lists, corpus.places, strict=True):
        for label in labels:
            if label not in known:
                places.setdefault(label, place)
    if places and unknown_labels != "ignore":
        [(first, place), *_] = places.items()
        message = (
            f"{place}: the label {first!r} is none of the {len(known)} label_names. There are "
            f"{len(places)} such labels: {', '.join(map(repr, list(places)[:8]))}."
        )
        if unknown_labels == "error":
            raise ValueError(f'{message} Pass unknown_labels="ignore" to leave them out.')
        warnings.warn(f"{message} They are left out.", UserWarning, stacklevel=3)
    return [[label for label in labels if label in known] for labels in corpus.label_lists]


@dataclass
class Corpus:
    """Documents while they are read: texts, label lists, and any other fields as columns.

    Attributes
    ----------
    texts : list of str
        One per document.
    label_lists : list of list of str
        The labels of every document.
    places : list of str
        File and line of every document, for messages.
    extra : dict of list
        The other fields; None where a document has not got the field.
    has_labels : bool
        False where no document says anything of labels.
    """

    texts: list[str] = field(default_factory=list)
    label_lists: list[list[str]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    extra: dict[str, list[Any]] = field(default_factory=dict)
    has_labels: bool = True

    def add(self, text: str, labels: list[str], place: str, others: dict[str, Any]) -> None:
        """Append one document."""
        for name in others:
            if name not in self.extra:
                self.extra[name] = [None] * len(self.texts)
        self.texts.append(text)
        self.label_lists.append(labels)
        self.places.append(place)
        for name, column in self.extra.items():
            column.append(others.get(name))

    def to_bunch(
        self,
        names: Sequence[str],
        label_texts: dict[str, str],
        *,
        as_classes: bool,
        sparse: bool | Literal["auto"],
        filename: str,
        description: str,
    ) -> Bunch:
        """Encode the labels and pack everything up.

        Parameters
        ----------
        names : sequence of str
            The labels in the order of the indicator's columns.
        label_texts : dict of str to str
            Descriptive text of every label; a label without one stands for itself.
        as_classes : bool
            Whether the target is 1-D classes rather than an indicator.
        sparse : bool or "auto"
            Whether an indicator is a CSR matrix; "auto": when there are more than 100 labels.
        filename : str
            The file that was read.
        description : str
            Text for ``DESCR``.

        Returns
        -------
        bunch : Bunch
        """
        target: Any
        if not self.has_labels:
            target = None
        elif as_classes:
            # The order that numpy.unique, and so `classes_` of a classifier, will have.
            names = sorted(names)
            target = self._classes()
        else:
            target = self._indicator(names, sparse)
        return Bunch(
            data=self.texts,
            target=target,
            target_names=list(names),
            label_texts=[label_texts.get(name, name) for name in names],
            extra=self.extra,
            DESCR=description,
            filename=filename,
        )

    def _classes(self) -> np.ndarray:
        for labels, place in zip(self.label_lists, self.places, strict=True):
            if len(labels) != 1:
                raise ValueError(
                    f"{place}: as_classes=True needs exactly one label per "
                    f"document, but this one has {len(labels)}. Pass as_classes=False for an "
                    "indicator."
                )
        return np.array([labels[0] for labels in self.label_lists], dtype=str)

    def _indicator(
        self, names: Sequence[str], sparse: bool | Literal["auto"]
    ) -> np.ndarray | sp.csr_matrix:
        column_of = {str(name): column for column, name in enumerate(names)}
        columns = [column_of[name] for labels in self.label_lists for name in labels]
        bounds = np.cumsum([0, *map(len, self.label_lists)])
        indicator = sp.csr_matrix(
            (np.ones(len(columns), dtype=np.int64), columns, bounds),
            shape=(len(self.label_lists), len(names)),
        )
        indicator.sort_indices()
        if sparse == "auto":
            sparse = len(names) > _SPARSE_FROM
        return indicator if sparse else indicator.toarray()
