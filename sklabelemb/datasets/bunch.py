"""From documents with label lists to the Bunch that every loader returns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils import Bunch

from sklabelemb.targets.names import as_names

__all__ = ["Corpus", "check_choice", "checked_options"]

_SPARSE_FROM = 100


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a value that is not one of the choices; the error lists them."""
    # By type as well, since 1 == True.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {allowed}; got {value!r}.")


def checked_options(
    as_classes: Any, sparse: Any, label_names: Any, unknown_labels: Any
) -> list[Any] | None:
    """Check the parameters of loaders that concern targets; return the names of labels."""
    check_choice("as_classes", as_classes, (True, False, "auto"))
    check_choice("sparse", sparse, (True, False, "auto"))
    check_choice("unknown_labels", unknown_labels, ("error", "warn", "ignore"))
    if label_names is None:
        return None
    if as_classes is True:
        raise ValueError("label_names are for an indicator: leave out as_classes=True.")
    return as_names(label_names)


@dataclass
class Corpus:
    """Documents read so far.

    Attributes
    ----------
    texts : list of str
        One per document.
    label_lists : list of list of str
        The labels of every document.
    places : list of str
        File and line of every document, for messages.
    others : list of dict
        The other fields of every document.
    has_labels : bool
        False if no document has labels.
    """

    texts: list[str] = field(default_factory=list)
    label_lists: list[list[str]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    has_labels: bool = True

    @property
    def all_single(self) -> bool:
        """Whether every document has exactly one label."""
        return all(len(labels) == 1 for labels in self.label_lists)

    @property
    def labels(self) -> list[str]:
        """The labels that occur, sorted."""
        return sorted({label for labels in self.label_lists for label in labels})

    def keep_labels(self, label_names: Sequence[Any], unknown_labels: str) -> None:
        """Drop unknown labels; raise with "error", and warn with "warn"."""
        known = {str(name) for name in label_names}
        unknown: dict[str, str] = {}
        for labels, place in zip(self.label_lists, self.places, strict=True):
            for label in labels:
                if label not in known:
                    unknown.setdefault(label, place)
        if unknown and unknown_labels != "ignore":
            first, place = next(iter(unknown.items()))
            message = (
                f"{place}: the label {first!r} is not one of the {len(known)} label_names. There "
                f"are {len(unknown)} such labels: {', '.join(map(repr, list(unknown)[:8]))}."
            )
            if unknown_labels == "error":
                raise ValueError(f'{message} Pass unknown_labels="ignore" to leave them out.')
            warnings.warn(f"{message} They are left out.", UserWarning, stacklevel=3)
        self.label_lists = [[name for name in own if name in known] for own in self.label_lists]

    def to_bunch(
        self,
        names: Sequence[str],
        label_texts: Mapping[str, str],
        *,
        as_classes: bool,
        sparse: bool | Literal["auto"],
        filename: str,
        description: str,
    ) -> Bunch:
        """Encode the labels, in the order of their names, and pack everything up.

        A label without a description is its own description.
        """
        target: Any = None
        if as_classes:
            # The order that numpy.unique, and so `classes_` of a classifier, will have.
            names = sorted(names)
        if self.has_labels:
            target = self._classes() if as_classes else self._indicator(names, sparse)
        fields = dict.fromkeys(name for record in self.others for name in record)
        return Bunch(
            data=self.texts,
            target=target,
            target_names=list(names),
            label_texts=[label_texts.get(name, name) for name in names],
            extra={name: [record.get(name) for record in self.others] for name in fields},
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

    def _indicator(self, names: Sequence[str], sparse: bool | Literal["auto"]) -> Any:
        if sparse == "auto":
            sparse = len(names) > _SPARSE_FROM
        binarizer = MultiLabelBinarizer(classes=[str(n) for n in names], sparse_output=sparse)
        return binarizer.fit_transform(self.label_lists)
