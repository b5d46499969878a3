"""The files of a saved model, and what is checked before they are read; no torch is needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from sklabelemb._version import __version__
from sklabelemb.persistence.reduction import restored

__all__ = [
    "AGAIN",
    "CARD",
    "DESCRIPTION",
    "FILES",
    "FORMAT",
    "FORMAT_VERSION",
    "VOCABULARY",
    "WEIGHTS",
    "check_file",
    "checksum",
    "digest_of",
    "read_arrays",
    "read_description",
    "read_json",
    "restored_or_damaged",
]

FORMAT = "sklabelemb model"
# Increased whenever a saved field, or a default of a network, changes; folders from version OLDEST
# on are upgraded when they are read.
FORMAT_VERSION, OLDEST = 7, 1
DESCRIPTION, WEIGHTS, VOCABULARY = "model.json", "weights.safetensors", "vocabulary.json"
FILES = (DESCRIPTION, WEIGHTS, VOCABULARY)
# For people; models are never read from it.
CARD = "README.md"

AGAIN = "Copy the whole folder again, or save the model again."


# Names of NumPy's dtypes in safetensors; the bytes are little-endian.
_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


def read_arrays(folder: Path, reduced: dict[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of a model as arrays, read without the library; a ValueError if damaged.

    The file begins with the length of a JSON header with the dtype, shape and position of each.
    `reduced` is the entry of ``model.json`` about reduced arrays.
    """
    path = folder / WEIGHTS
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start])
        arrays = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            first, last = entry["data_offsets"]
            array = np.frombuffer(data[start + first : start + last], _DTYPES[entry["dtype"]])
            arrays[name] = array.reshape(entry["shape"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}). {AGAIN}") from error
    return restored_or_damaged(arrays, reduced, path)


def restored_or_damaged(
    arrays: dict[str, np.ndarray], reduced: dict[str, Any], path: Path
) -> dict[str, np.ndarray]:
    """Restore reduced arrays; a ValueError if that fails."""
    try:
        return restored(arrays, reduced)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}). {AGAIN}") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file; a ValueError if it is invalid."""
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
    """Check that a file exists, and matches its checksum."""
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
    """The content of ``model.json``, with its format and version checked."""
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
    """The SHA-256 of a description without its own digest."""
    rest = {name: value for name, value in description.items() if name != "digest"}
    text = json.dumps(rest, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
