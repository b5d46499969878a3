"""Write the files of a saved model, and read its tensors with torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import sklearn
import torch

from sklabelemb._version import __version__
from sklabelemb.persistence.files import (
    AGAIN,
    DESCRIPTION,
    FORMAT,
    FORMAT_VERSION,
    VOCABULARY,
    WEIGHTS,
    checksum,
    digest_of,
    restored_or_damaged,
)
from sklabelemb.persistence.reduction import SCALE, Reduction

__all__ = ["library_versions", "read_tensors", "separate", "write_files", "write_json"]


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a model is written with."""
    return {
        "sklabelemb": __version__,
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
    }


def write_files(
    folder: Path,
    description: dict[str, Any],
    tensors: dict[str, torch.Tensor | np.ndarray],
    words: Any,
    reduction: Reduction,
) -> None:
    """Write the three files of a model.

    Parameters
    ----------
    folder : Path
        Exists, without any of these files.
    description : dict
        Content of ``model.json`` besides format, versions and checksums.
    tensors : dict of str to Tensor or ndarray
    words : object
        The content of ``vocabulary.json``.
    reduction : Reduction
        How large tensors are reduced.
    """
    written, notes = _reduced(separate(tensors), reduction)
    safetensors.torch.save_file(written, folder / WEIGHTS, metadata={"format": "pt"})
    write_json(folder / VOCABULARY, words)
    # safetensors makes its files readable by the owner only.
    (folder / WEIGHTS).chmod((folder / VOCABULARY).stat().st_mode)
    whole = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": library_versions(),
        **description,
        "reduced": notes,
        "files": {name: checksum(folder / name) for name in (WEIGHTS, VOCABULARY)},
    }
    write_json(folder / DESCRIPTION, whole | {"digest": digest_of(whole)}, indent=1)


def read_tensors(folder: Path, reduced: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors of a model; a ValueError when they cannot be read.

    Parameters
    ----------
    folder : Path
    reduced : dict
        The entry of ``model.json`` about reduced tensors.
    """
    path = folder / WEIGHTS
    try:
        tensors: dict[str, torch.Tensor] = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}). {AGAIN}") from error
    packed = {
        name: tensor.numpy()
        for name, tensor in tensors.items()
        if name.removesuffix(SCALE) in reduced
    }
    rest = {name: tensor for name, tensor in tensors.items() if name not in packed}
    arrays = restored_or_damaged(packed, reduced, path)
    return rest | {name: torch.from_numpy(array) for name, array in arrays.items()}


def _reduced(
    tensors: dict[str, torch.Tensor], reduction: Reduction
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    # NumPy has no bfloat16, which is half a float already.
    arrays = {
        name: tensor.numpy() for name, tensor in tensors.items() if tensor.dtype != torch.bfloat16
    }
    written, notes = reduction.reduced(arrays)
    rest = {name: tensor for name, tensor in tensors.items() if name not in arrays}
    return rest | {name: _tensor(array) for name, array in written.items()}, notes


def separate(tensors: dict[str, torch.Tensor | np.ndarray]) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, contiguous, none a part of another's memory."""
    separate = {}
    seen: set[int] = set()
    for name, value in tensors.items():
        tensor = _tensor(value) if isinstance(value, np.ndarray) else value
        flat = tensor.detach().cpu().contiguous()
        storage = flat.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != flat.nbytes:
            flat = flat.clone()
            storage = flat.untyped_storage()
        if flat.numel():
            seen.add(storage.data_ptr())
        separate[name] = flat
    return separate


def _tensor(array: np.ndarray) -> torch.Tensor:
    # torch warns of arrays that it may not write to.
    ready = array.flags.writeable and array.flags.c_contiguous
    return torch.from_numpy(array if ready else array.copy("C"))


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """Write a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    # Half of a surrogate pair is a legal character of a str, and comes back as such.
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
