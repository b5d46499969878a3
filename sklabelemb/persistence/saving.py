"""`save` and `load`: what a model folder holds, and how it is read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import sklearn
import torch
from sklearn.utils.validation import check_is_fitted

from sklabelemb._version import __version__
from sklabelemb.learning.build import resolved_device
from sklabelemb.persistence.atomic_folder import check_replaceable, new_folder, present_folder
from sklabelemb.persistence.consistency import check_parts
from sklabelemb.persistence.model_parts import model_of, parts_of, without_frozen_weights
from sklabelemb.persistence.parameters import encoded_parameters, unfitted
from sklabelemb.persistence.values import Attachments, decode, encode
from sklabelemb.persistence.version_1 import upgraded, with_label_texts
from sklabelemb.text import Vocabulary, WordPieces

__all__ = ["load", "save"]

FORMAT = "sklabelemb model"
# Rises whenever a saved field, or a default of a network, changes; older folders from OLDEST on are
# brought up to date when they are read.
FORMAT_VERSION, OLDEST = 2, 1
DESCRIPTION, WEIGHTS, VOCABULARY = "model.json", "weights.safetensors", "vocabulary.json"

# What may be saved and loaded, and where it lives. A file names one of these, never a module.
_CLASSES = {
    "LACOClassifier": "sklabelemb.laco",
    "LEAMClassifier": "sklabelemb.leam",
    "MTLEClassifier": "sklabelemb.mtle",
    "SemanticUnitSeq2SeqClassifier": "sklabelemb.semantic_unit",
}

_AGAIN = "Copy the whole folder again, or save the model again."


def save(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    store_encoder: bool = True,
) -> None:
    """Write a fitted classifier to a folder, without pickle.

    Parameters
    ----------
    model : LACOClassifier, LEAMClassifier, MTLEClassifier or SemanticUnitSeq2SeqClassifier
        A fitted classifier with label embeddings. For the baselines, which hold scikit-learn
        classifiers, and for pipelines use `joblib.dump` or skops.
    folder : path
        Made if need be. It appears whole or not at all, also if the process is killed.
    overwrite : bool, default=False
        Whether a model that is there already is replaced, once the new one is complete.
    store_encoder : bool, default=True
        False leaves out the weights of a LACOClassifier's pretrained encoder that were frozen
        (``freeze_layers``): :func:`load` takes them from the encoder named in the model, and checks
        that they are the same. What was trained is always stored.

    Raises
    ------
    NotFittedError
        When the model has not been fitted.
    TypeError
        When it is no classifier that can be saved.
    ValueError
        When it depends on something that JSON cannot carry: a tokenizer of your own, or classes
        that are neither text nor numbers nor dates. Or when `store_encoder` is False, and nothing
        of the model can be taken from a pretrained encoder.
    FileExistsError
        When the folder holds a model and `overwrite` is False, or holds anything else.

    Warns
    -----
    UserWarning
        Names parameters that cannot be written and come back as their defaults: vectors given as
        arrays, a `RandomState`, objects in `net_params`. Predictions do not depend on them.

    See Also
    --------
    load : The way back.

    Notes
    -----
    Three files: ``model.json`` (class, versions, parameters, labels, thresholds, history, and the
    checksums of the other two), ``weights.safetensors`` and ``vocabulary.json``. Not kept are the
    optimiser's state, callbacks and metadata requests.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklabelemb import LEAMClassifier, load, save
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = LEAMClassifier(embedding_dim=16, max_epochs=20, random_state=0).fit(texts, y)
    >>> with TemporaryDirectory() as parent:
    ...     save(model, Path(parent, "support"))
    ...     print(*sorted(path.name for path in Path(parent, "support").iterdir()))
    ...     again = load(Path(parent, "support"))
    model.json vocabulary.json weights.safetensors
    >>> again.predict(["is my parcel late"])
    array([[1, 0]])
    """
    _check_savable(model)
    check_is_fitted(model)
    target = Path(os.path.realpath(folder))
    check_replaceable(target, overwrite, (DESCRIPTION, WEIGHTS, VOCABULARY))
    if not store_encoder and not hasattr(model.model_.recipe, "encoder_name"):
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
            "text, numbers or dates; or use joblib.dump, whose files are for those who trust them."
        ) from error
    description = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "class": type(model).__name__,
        "versions": {
            "sklabelemb": __version__,
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        "parameters": parameters,
        "fitted_parameters": fitted_parameters,
        "model": encoded,
    }
    with new_folder(target) as new:
        weights = _separate(attachments.tensors)
        safetensors.torch.save_file(weights, new / WEIGHTS, metadata={"format": "pt"})
        vocabulary = model.vocabulary_.to_dict()
        _write_json(new / VOCABULARY, {"vocabulary": vocabulary, "words": attachments.words})
        # safetensors lets nobody but the owner read its files.
        (new / WEIGHTS).chmod((new / VOCABULARY).stat().st_mode)
        description["files"] = {name: _checksum(new / name) for name in (WEIGHTS, VOCABULARY)}
        _write_json(new / DESCRIPTION, description, indent=1)


def load(
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    encoder: str | os.PathLike[str] | None = None,
) -> Any:
    """Read a classifier that :func:`save` wrote.

    Nothing in the folder is run: its files hold numbers and text only, and the class is looked up
    among those of this package. Nothing is downloaded either, but for a model that was saved
    without its encoder, which is looked for under the name that the model gives. Predictions are
    those of the saved model, bit for bit on the same kind of machine.

    Parameters
    ----------
    folder : path
    device : str, default="auto"
        Where the model shall compute, "cpu" or "cuda" for instance; it becomes the parameter
        `device` of the model. "auto": where it did, or on the CPU if that GPU is not here.
    encoder : str or path, default=None
        Where the encoder lies here, for a model that was saved with ``store_encoder=False``; it
        becomes the parameter `encoder` of the model. None: where it was.

    Returns
    -------
    LACOClassifier, LEAMClassifier, MTLEClassifier or SemanticUnitSeq2SeqClassifier
        Ready to predict, to be trained further, pickled and cloned.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or one of its files is missing.
    ValueError
        When a file is damaged, does not fit the others, or was written by a newer version.
    TypeError
        When `encoder` is no name.
    OSError
        When a model that was saved without its encoder does not find it, or finds another one.

    See Also
    --------
    save : Write the folder; with an example.
    """
    folder = present_folder(Path(os.path.realpath(folder)))
    description = _read_description(folder)
    cls = getattr(import_module(_CLASSES[description["class"]]), description["class"])
    if encoder is not None and "encoder_name" not in vars(cls._recipe):
        raise ValueError(
            f"{folder} holds a {cls.__name__}, which has no pretrained encoder: leave out encoder."
        )
    if encoder is not None and not isinstance(encoder, (str, os.PathLike)):
        raise TypeError(
            "load takes an encoder by name: a folder or a name on the Hub, not a "
            f"{type(encoder).__name__}."
        )
    for name in (WEIGHTS, VOCABULARY):
        _check_file(folder / name, description["files"])
    attached = _read_json(folder / VOCABULARY)
    try:
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged ({error}). {_AGAIN}") from error
    fresh = "tokenizer" not in attached.get("vocabulary", {})
    if encoder is not None and fresh:
        raise ValueError(
            f"{folder} holds a model with a fresh encoder, which is not taken from elsewhere: "
            "leave out encoder."
        )
    with _explained(folder, cls):
        if is_old := description["format_version"] == 1:
            description = upgraded(description, tensors)
        parameters = decode(description["parameters"], Attachments())
        fitted = parameters | decode(description["fitted_parameters"], Attachments())
        if encoder is not None:
            parameters |= {"encoder": os.fspath(encoder)}
            fitted |= {"encoder": os.fspath(encoder)}
        estimator = unfitted(cls, parameters, device)
        recipe = cls._recipe.of(unfitted(cls, fitted, str(estimator.device)).get_params(deep=False))
        kind = Vocabulary if fresh else WordPieces
        vocabulary = kind.from_dict(attached["vocabulary"])
        attachments = Attachments(tensors, attached["words"])
        parts = decode(description["model"], attachments)
        check_parts(parts, vocabulary)
        if surplus := [*attachments.tensors, *attachments.words]:
            raise ValueError(f"nothing in {DESCRIPTION} speaks of {surplus[0]}")
        if is_old:
            with_label_texts(parts, recipe.settings.label_texts)
    where = resolved_device(estimator.device)
    with _explained(folder, cls):
        estimator.model_ = model_of(recipe, parts, vocabulary, where)
    return estimator


def _check_savable(model: Any) -> None:
    kind = type(model)
    home = _CLASSES.get(kind.__name__, "")
    if (
        isinstance(model, type)
        or not home
        or kind is not getattr(import_module(home), kind.__name__)
    ):
        shown = f"the class {model.__name__}" if isinstance(model, type) else f"a {kind.__name__}"
        raise TypeError(
            f"save() writes fitted instances of {', '.join(_CLASSES)}, not {shown}. Use "
            "joblib.dump (files for those who trust them) or skops.io.dump for baselines, "
            "pipelines, searches and classes of your own; or save the classifier inside alone."
        )


@contextlib.contextmanager
def _explained(folder: Path, cls: type) -> Iterator[None]:
    """Say of whatever comes to light in files made by others what it means."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        reason = f"no entry {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"The files in {folder} do not make a {cls.__name__}: {reason.rstrip('.')}. They were "
            f"changed, or belong to different models. {_AGAIN}"
        ) from error


def _separate(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, contiguous, none a part of another's memory."""
    separate = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        storage = flat.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != flat.nbytes:
            flat = flat.clone()
            storage = flat.untyped_storage()
        if flat.numel():
            seen.add(storage.data_ptr())
        separate[name] = flat
    return separate


def _write_json(path: Path, value: Any, indent: int | None = None) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    # Half of a surrogate pair is a legal character of a str, and comes back as such.
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}. {_AGAIN}") from error


def _checksum(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _check_file(path: Path, checksums: Any) -> None:
    _check_present(path)
    expected = checksums.get(path.name) if isinstance(checksums, dict) else None
    if not isinstance(expected, dict):
        raise ValueError(f"{path.with_name(DESCRIPTION)} has no checksum of {path.name}. {_AGAIN}")
    size = path.stat().st_size
    if size != expected.get("bytes"):
        raise ValueError(
            f"{path} is truncated or was changed: it has {size} bytes instead of "
            f"{expected.get('bytes')}. {_AGAIN}"
        )
    if _checksum(path) != expected:
        raise ValueError(
            f"{path} is truncated or was changed: its SHA-256 is not the one in {DESCRIPTION}. "
            f"{_AGAIN}"
        )


def _check_present(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent}. Give the folder that was given to save()."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} holds no complete model: {path.name} is missing. Give the folder that "
            f"was given to save(), with all of {DESCRIPTION}, {WEIGHTS} and {VOCABULARY}."
        )


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    _check_present(path)
    description = _read_json(path)
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(
            f"{path} does not describe a {FORMAT}. Give the folder that was given to save()."
        )
    version = description.get("format_version")
    if type(version) is not int or version < 1:
        raise ValueError(f"{path} has the format_version {version!r}. {_AGAIN}")
    if version < OLDEST:
        raise ValueError(
            f"{path} is too old: it has the format_version {version}, and this sklabelemb "
            f"({__version__}) reads versions {OLDEST} to {FORMAT_VERSION}. Load and save it with "
            "an older sklabelemb, or fit the model anew."
        )
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} was written by a newer sklabelemb (format {version}; this one, "
            f"{__version__}, reads formats up to {FORMAT_VERSION}). Upgrade: pip "
            "install --upgrade sklabelemb."
        )
    if not isinstance(name := description.get("class"), str) or name not in _CLASSES:
        raise ValueError(
            f"{path} names the class {name!r}, which this sklabelemb ({__version__}) "
            f"does not load; it loads {', '.join(_CLASSES)}. Upgrade sklabelemb, if it is newer."
        )
    return description
