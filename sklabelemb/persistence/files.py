"""The files of a saved model: how they are written, and what is checked before they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import sklearn
import torch

from sklabelemb._version import __version__

__all__ = [
    "AGAIN",
    "DESCRIPTION",
    "FILES",
    "FORMAT_VERSION",
    "VOCABULARY",
    "WEIGHTS",
    "check_file",
    "checksum",
    "digest_of",
    "read_description",
    "read_json",
    "read_tensors",
    "write_files",
]

FORMAT = "sklabelemb model"
# Rises whenever a saved field, or a default of a network, changes; older folders from OLDEST on are
# brought up to date when they are read.
FORMAT_VERSION, OLDEST = 4, 1
DESCRIPTION, WEIGHTS, VOCABULARY = "model.json", "weights.safetensors", "vocabulary.json"
FILES = (DESCRIPTION, WEIGHTS, VOCABULARY)

AGAIN = "Copy the whole folder again, or save the model again."


def write_files(
    folder: Path, description: dict[str, Any], tensors: dict[str, torch.Tensor], words: Any
) -> None:
    """Write the three files of a model.

    Parameters
    ----------
    folder : Path
        Is there, and has none of these files.
    description : dict
        What ``model.json`` says beside format, versions and checksums.
    tensors : dict of str to Tensor
    words : object
        The content of ``vocabulary.json``.
    """
    safetensors.torch.save_file(_separate(tensors), folder / WEIGHTS, metadata={"format": "pt"})
    _write_json(folder / VOCABULARY, words)
    # safetensors lets nobody but the owner read its files.
    (folder / WEIGHTS).chmod((folder / VOCABULARY).stat().st_mode)
    whole = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": {
            "sklabelemb": __version__,
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        **description,
        "files": {name: checksum(folder / name) for name in (WEIGHTS, VOCABULARY)},
    }
    _write_json(folder / DESCRIPTION, whole | {"digest": digest_of(whole)}, indent=1)


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a model; a ValueError when they cannot be read."""
    try:
        tensors: dict[str, torch.Tensor] = safetensors.torch.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged ({error}). {AGAIN}") from error
    return tensors


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


def read_json(path: Path) -> Any:
    """What a JSON file says; a ValueError when it is none."""
    try:
        return json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}. {AGAIN}") from error


def checksum(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def check_file(path: Path, checksums: Any) -> None:
    """Check that a file is there, and what it was when its checksum was taken."""
    _check_present(path)
    expected = checksums.get(path.name) if isinstance(checksums, dict) else None
    if not isinstance(expected, dict):
        raise ValueError(f"{path.with_name(DESCRIPTION)} has no checksum of {path.name}. {AGAIN}")
    size = path.stat().st_size
    if size != expected.get("bytes"):
        raise ValueError(
            f"{path} is truncated or was changed: it has {size} bytes instead of "
            f"{expected.get('bytes')}. {AGAIN}"
        )
    if checksum(path) != expected:
        raise ValueError(
            f"{path} is truncated or was changed: its SHA-256 is not the one in {DESCRIPTION}. "
            f"{AGAIN}"
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


def read_description(folder: Path, classes: Collection[str]) -> dict[str, Any]:
    """What ``model.json`` says, its format and version checked."""
    path = folder / DESCRIPTION
    _check_present(path)
    description = read_json(path)
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(
            f"{path} does not describe a {FORMAT}. Give the folder that was given to save()."
        )
    version = description.get("format_version")
    if type(version) is not int or version < 1:
        raise ValueError(f"{path} has the format_version {version!r}. {AGAIN}")
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
    if not isinstance(name := description.get("class"), str) or name not in classes:
        raise ValueError(
            f"{path} names the class {name!r}, which this sklabelemb ({__version__}) "
            f"does not load; it loads {', '.join(classes)}. Upgrade sklabelemb, if it is newer."
        )
    if version >= 3 and description.get("digest") != digest_of(description):
        raise ValueError(f"{path} was changed: its digest is not that of its content. {AGAIN}")
    return description


def digest_of(description: dict[str, Any]) -> str:
    """The SHA-256 of all that a description says, but for its own digest."""
    rest = {name: value for name, value in description.items() if name != "digest"}
    text = json.dumps(rest, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
