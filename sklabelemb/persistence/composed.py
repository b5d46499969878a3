"""Tuners, baselines and pipelines: parameters and fitted attributes as JSON and arrays.

The attributes of an estimator are written, and nothing is executed to restore them: an object of a
class listed below is created, and its attributes are set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from sklabelemb.persistence.classes import COMPOSED, INSIDE, TRAINED, class_of, known_name
from sklabelemb.persistence.files import (
    AGAIN,
    DESCRIPTION,
    VOCABULARY,
    WEIGHTS,
    check_file,
    checksum,
    read_json,
)
from sklabelemb.persistence.first_prediction import check_prediction
from sklabelemb.persistence.reduction import Reduction
from sklabelemb.persistence.values import Attachments, decode, encode
from sklabelemb.persistence.writing import read_tensors, write_files

__all__ = ["read_composed", "writer_of_composed"]

# Attributes that are only caches.
_LEFT_OUT = {"_stop_words_id"}
_FOLDER = "models"


def writer_of_composed(
    model: Any, writer: Callable[[Any], Callable[[Path], None]], reduction: Reduction
) -> Callable[[Path], None]:
    """A function that writes an estimator into an existing folder.

    Parameters
    ----------
    model : estimator
    writer : callable
        Writes a classifier with a network into its own folder.
    reduction : Reduction
        How large arrays are reduced.

    Raises
    ------
    TypeError, NotFittedError
        When it cannot be saved; the message says which part of it, and what to do.
    """
    name = type(model).__name__
    if known_name(model) not in COMPOSED:
        shown = f"the class {model.__name__}" if isinstance(model, type) else f"a {name}"
        raise TypeError(
            "save() writes fitted classifiers of sklabelemb, its baselines, ThresholdTuner, "
            f"LabelwiseCalibrator, and pipelines of them, not {shown}. For searches and your "
            "own classes, use joblib.dump, if those who load the file trust you, or skops.io.dump; "
            "or save the classifier inside alone."
        )
    check_is_fitted(model)
    inner: list[Callable[[Path], None]] = []

    def estimator(value: Any, where: str, attachments: Attachments) -> Any:
        if known_name(value) in TRAINED:
            if "model_" not in vars(value):
                return {"$unfitted": _unfitted(value, where, attachments)}
            inner.append(writer(value))
            return {"$model": len(inner) - 1}
        return _encoded(value, where, attachments)

    attachments = Attachments(others=estimator)
    try:
        encoded = encode(model, "estimator", attachments)
    except ValueError as error:
        raise TypeError(
            f"This {name} cannot be saved: {error}. What can be saved beside the estimators of "
            f"sklabelemb is {', '.join(sorted(n for n in INSIDE if 'sklearn' in INSIDE[n]))}, "
            "with parameters that are numbers, text or lists of them. For all others use "
            "skops.io.dump, or joblib.dump if those who load the file trust you."
        ) from error

    def write(folder: Path) -> None:
        digests = []
        for number, write_inner in enumerate(inner):
            own = folder / _FOLDER / str(number)
            own.mkdir(parents=True)
            write_inner(own)
            digests.append(checksum(own / DESCRIPTION))
        description = {"class": name, "estimator": encoded, "models": digests}
        words = {"words": attachments.words}
        write_files(folder, description, attachments.tensors, words, reduction)

    return write


def read_composed(folder: Path, description: dict[str, Any], read: Callable[[Path], Any]) -> Any:
    """The estimator that :func:`writer_of_composed` wrote.

    Raises
    ------
    ValueError
        When a file is damaged, or inconsistent with the others.
    """
    for name in (WEIGHTS, VOCABULARY):
        check_file(folder / name, description["files"])
    models = []
    for number, expected in enumerate(description.get("models", [])):
        own = folder / _FOLDER / str(number)
        check_file(own / DESCRIPTION, {DESCRIPTION: expected})
        models.append(read(own))
    same_version = (version := description["versions"]["scikit-learn"]) == sklearn.__version__
    if not same_version:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=description["class"],
                current_sklearn_version=sklearn.__version__,
                original_sklearn_version=version,
            ),
            stacklevel=4,
        )

    def object_of(tag: str, content: Any, attachments: Attachments) -> Any:
        if tag == "$model":
            return models[content]
        value = _decoded(tag, content, attachments)
        if tag == "$estimator":
            _check_estimator(value, same_version)
        return value

    attachments = Attachments(
        read_tensors(folder, description.get("reduced", {})),
        read_json(folder / VOCABULARY)["words"],
    )
    attachments.objects = object_of
    try:
        estimator = decode(description["estimator"], attachments)
        if type(estimator).__name__ != description["class"]:
            raise ValueError(f"it holds a {type(estimator).__name__}")
        if surplus := [*attachments.tensors, *attachments.words]:
            raise ValueError(f"nothing in {DESCRIPTION} speaks of {surplus[0]}")
        check_is_fitted(estimator)
        check_prediction(estimator)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"The files in {folder} do not make a {description['class']}: {error}. They were "
            f"changed, or belong to different models. {AGAIN}"
        ) from error
    return estimator


def _encoded(value: Any, where: str, attachments: Attachments) -> Any:
    """Encode estimators, which JSON does not support."""
    if (name := known_name(value)) is not None:
        attributes = {
            key: encode(own, f"{where}.{key}", attachments)
            for key, own in _state(value).items()
            if key not in _LEFT_OUT
        }
        return {"$estimator": [name, attributes]}
    if type(value).__module__.startswith(("sklabelemb", "sklearn")) or hasattr(value, "fit"):
        raise ValueError(f"{where} is a {type(value).__name__}")
    raise ValueError(f"{where} is {value!r:.80} (type {type(value).__name__})")


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an object, without the cached ones of a dataclass."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return vars(value)


def _check_estimator(estimator: Any, same_version: bool) -> None:
    """Check an estimator's parameters, which another version may have changed."""
    if same_version and hasattr(estimator, "get_params"):
        estimator.get_params(deep=False)  # an AttributeError names the one that is missing
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()
    columns = getattr(estimator, "vocabulary_", None)
    if isinstance(columns, dict) and (
        any(type(column) is not int for column in columns.values())
        or sorted(columns.values()) != list(range(len(columns)))
    ):
        raise ValueError(f"the vocabulary of {type(estimator).__name__} does not number its words")


def _unfitted(value: Any, where: str, attachments: Attachments) -> Any:
    parameters = {
        key: encode(own, f"{where}.{key}", attachments)
        for key, own in value.get_params(deep=False).items()
    }
    return [type(value).__name__, parameters]


def _decoded(tag: str, content: Any, attachments: Attachments) -> Any:
    match tag:
        case "$estimator":
            name, attributes = content
            estimator = object.__new__(class_of(name))
            for key, value in attributes.items():
                estimator.__dict__[key] = decode(value, attachments)
            return estimator
        case "$unfitted":
            name, parameters = content
            own = {key: decode(value, attachments) for key, value in parameters.items()}
            return class_of(name)(**own)
    raise ValueError(f"{tag!r} is not a kind of value that a saved model may hold")
