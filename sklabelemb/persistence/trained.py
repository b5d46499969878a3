"""Save and load classifiers with a network."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from sklabelemb.device import resolved_device
from sklabelemb.persistence import version_1
from sklabelemb.persistence.consistency import check_parts
from sklabelemb.persistence.files import (
    AGAIN,
    DESCRIPTION,
    VOCABULARY,
    WEIGHTS,
    check_file,
    read_json,
)
from sklabelemb.persistence.first_prediction import check_prediction
from sklabelemb.persistence.model_parts import (
    has_pretrained_encoder,
    model_of,
    parts_of,
    without_frozen_weights,
)
from sklabelemb.persistence.parameters import encoded_parameters, unfitted
from sklabelemb.persistence.reduction import Reduction
from sklabelemb.persistence.upgrades import check_units, up_to_date
from sklabelemb.persistence.values import Attachments, decode, encode
from sklabelemb.persistence.writing import read_tensors, write_files
from sklabelemb.text import Vocabulary, WordPieces

__all__ = ["explained", "read_trained", "writer_of_trained"]


def writer_of_trained(
    model: Any, store_encoder: bool, reduction: Reduction
) -> Callable[[Path], None]:
    """A function that writes a fitted classifier into an existing folder.

    Classifiers that cannot be saved are refused here, before the folder is created.

    Raises
    ------
    NotFittedError, ValueError
        See :func:`~sklabelemb.save`.
    """
    check_is_fitted(model)
    if not store_encoder and not has_pretrained_encoder(model.model_):
        raise ValueError(
            f"A {type(model).__name__} has no pretrained encoder to leave out: save it with "
            "store_encoder=True."
        )
    parameters, fitted_parameters = encoded_parameters(model)
    parts = parts_of(model.model_) if store_encoder else without_frozen_weights(model.model_)
    attachments = Attachments()
    try:
        encoded = {name: encode(value, name, attachments) for name, value in parts.items()}
    except ValueError as error:
        raise ValueError(
            f"This model cannot be saved: {error}. Fit it with label names or classes that are "
            "text, numbers or dates; or use joblib.dump, and load only files from sources that "
            "you trust."
        ) from error
    description = {
        "class": type(model).__name__,
        "parameters": parameters,
        "fitted_parameters": fitted_parameters,
        "model": encoded,
    }
    words = {"vocabulary": model.vocabulary_.to_dict(), "words": attachments.words}

    def write(folder: Path) -> None:
        write_files(folder, description, attachments.tensors, words, reduction)

    return write


def read_trained(
    cls: Any,
    folder: Path,
    description: dict[str, Any],
    device: str,
    encoder: Any,
) -> Any:
    """The classifier that :func:`writer_of_trained` wrote.

    Raises
    ------
    ValueError, TypeError, OSError
        See :func:`~sklabelemb.load`.
    """
    for name in (WEIGHTS, VOCABULARY):
        check_file(folder / name, description["files"])
    attached = read_json(folder / VOCABULARY)
    tensors = read_tensors(folder, description.get("reduced", {}))
    fresh = "tokenizer" not in attached.get("vocabulary", {})
    with explained(folder, cls):
        version = description["format_version"]
        description = up_to_date(description, tensors)
        parameters = decode(description["parameters"], Attachments())
        fitted = parameters | decode(description["fitted_parameters"], Attachments())
        kept = description["model"]["encoder"]
    if encoder is not None:
        _check_wanted(encoder, folder, cls, fresh, kept)
        named = os.fspath(encoder) if isinstance(encoder, (str, os.PathLike)) else encoder
        parameters |= {"encoder": named}
        fitted |= {"encoder": named}
    with explained(folder, cls):
        estimator = unfitted(cls, parameters, device)
        recipe = cls._recipe.of(unfitted(cls, fitted, str(estimator.device)).get_params(deep=False))
        kind = Vocabulary if fresh else WordPieces
        vocabulary = kind.from_dict(attached["vocabulary"])
        attachments = Attachments(tensors, attached["words"])
        parts = decode(description["model"], attachments)
        check_parts(parts, vocabulary)
        if surplus := [*attachments.tensors, *attachments.words]:
            raise ValueError(f"nothing in {DESCRIPTION} speaks of {surplus[0]}")
        if version < 2:
            version_1.with_label_texts(parts, recipe.settings.label_texts)
    check_units(folder, version, recipe)
    where = resolved_device(estimator.device)
    with explained(folder, cls):
        estimator.model_ = model_of(recipe, parts, vocabulary, where)
        check_prediction(estimator)
    return estimator


def _check_wanted(encoder: Any, folder: Path, cls: Any, fresh: bool, kept: Any) -> None:
    """Check that the model has an encoder to be loaded separately."""
    if kept is not None:
        return
    if "encoder_name" not in vars(cls._recipe):
        raise ValueError(
            f"{folder} holds a {cls.__name__}, which has no pretrained encoder: leave out encoder."
        )
    if not isinstance(encoder, (str, os.PathLike)):
        raise TypeError(
            "load takes an encoder by name: a folder or a name on the Hub, not a "
            f"{type(encoder).__name__}."
        )
    if fresh:
        raise ValueError(
            f"{folder} holds a model with a fresh encoder, which is saved with it: "
            "leave out encoder."
        )


@contextlib.contextmanager
def explained(folder: Path, cls: type) -> Iterator[None]:
    """Turn any error about the files into one that says what to do."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        reason = f"no entry {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"The files in {folder} do not make a {cls.__name__}: {reason.rstrip('.')}. They were "
            f"changed, or belong to different models. {AGAIN}"
        ) from error
