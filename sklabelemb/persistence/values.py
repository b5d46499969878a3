"""Python values as JSON, and back with the very same types.

Other values become an object with one key that begins with ``$``. Only the kinds listed here are
supported, in both directions, so a file cannot request anything else.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_origin, get_type_hints

import numpy as np
import scipy.sparse as sp

from sklabelemb.learning.task import Task
from sklabelemb.linear import CharacterTfidf, EncoderPath, Mixture, WidePath, WordTfidf
from sklabelemb.targets import Targets
from sklabelemb.text import Tokenizer

__all__ = ["Attachments", "decode", "encode"]

# Dataclasses that may be part of a saved model, by their names in files.
_DATACLASSES = {
    cls.__name__: cls
    for cls in (CharacterTfidf, EncoderPath, Mixture, Targets, Task, Tokenizer, WidePath, WordTfidf)
}
_TENSOR_DTYPES = "b1", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8"


@dataclass
class Attachments:
    """Large values, stored separately by name.

    Attributes
    ----------
    tensors : dict of str to Tensor or ndarray
        Tensors, and numerical arrays. Without torch, tensors are arrays, too.
    words : dict of str to list of str
        The keys of dictionaries that number strings from 0 on.
    others : callable, default=None
        ``others(value, where, attachments)`` encodes a value of another kind, or raises.
    objects : callable, default=None
        ``objects(tag, content, attachments)`` makes such a value of what it was encoded as.
    """

    tensors: dict[str, Any] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    others: Callable[..., Any] | None = None
    objects: Callable[..., Any] | None = None


def encode(value: Any, where: str, attachments: Attachments | None = None) -> Any:
    """Turn a value into what `json` writes.

    Parameters
    ----------
    value : object
    where : str
        Name of the value, for attachments and error messages.
    attachments : Attachments, default=None
        Collects large values. None: arrays are written out, and tensors refused.

    Raises
    ------
    ValueError
        When the value, or something in it, could not be restored exactly.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [encode(v, f"{where}[{i}]", attachments) for i, v in enumerate(value)]
    if kind is tuple:
        return {"$tuple": [encode(v, f"{where}[{i}]", attachments) for i, v in enumerate(value)]}
    if kind is dict:
        if attachments is not None and value and _numbers_strings(value):
            attachments.words[where] = list(value)
            return {"$numbered": where}
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: encode(v, f"{where}.{key}", attachments) for key, v in value.items()}
        pairs = [
            [encode(key, f"a key of {where}"), encode(v, f"{where}[{key!r}]", attachments)]
            for key, v in value.items()
        ]
        return {"$dict": pairs}
    if isinstance(value, np.generic):
        return {"$scalar": _encode_array(np.asarray(value), where)}
    if kind is np.ndarray:
        is_number = value.dtype.isnative and value.dtype.str[1:] in _TENSOR_DTYPES
        if attachments is None or not is_number:
            return {"$array": _encode_array(value, where)}
        if value.ndim > 1 and value.flags.f_contiguous and not value.flags.c_contiguous:
            # The last bits of a product depend on how a matrix lies in memory.
            return {"$fortran": encode(value.T, where, attachments)}
        attachments.tensors[where] = value
        return {"$numpy": where}
    if attachments is not None and _is_tensor(value):
        attachments.tensors[where] = value
        return {"$tensor": where}
    if kind is dt.date or (kind is dt.datetime and value.tzinfo is None):
        return {f"${kind.__name__}": value.isoformat()}
    if kind is dt.timedelta:
        return {"$timedelta": [value.days, value.seconds, value.microseconds]}
    if _DATACLASSES.get(kind.__name__) is kind:
        return {
            f"${kind.__name__}": {
                name: encode(getattr(value, name), f"{where}.{name}", attachments)
                for name in get_type_hints(kind)
            }
        }
    if attachments is not None and sp.issparse(value):
        csr = value.tocsr()
        named = {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr}
        parts = [encode(array, f"{where}.{name}", attachments) for name, array in named.items()]
        return {"$csr": [type(csr).__name__, list(csr.shape), parts]}
    if attachments is not None and isinstance(value, type) and issubclass(value, np.generic):
        return {"$dtype": np.dtype(value).str}
    if attachments is not None and attachments.others is not None:
        return attachments.others(value, where, attachments)
    shown = repr(value)
    raise ValueError(
        f"{where} is {shown if len(shown) < 80 else shown[:77] + '...'} (type {kind.__name__}), "
        "which JSON cannot carry faithfully"
    )


def decode(value: Any, attachments: Attachments) -> Any:
    """Turn what `json` read into the value that :func:`encode` was given.

    Arrays are copies; tensors are those of `attachments`, which loses what is taken from it.

    Raises
    ------
    ValueError, TypeError, KeyError
        When :func:`encode` could not have written the value.
    """
    if isinstance(value, list):
        return [decode(v, attachments) for v in value]
    if not isinstance(value, dict):
        return value
    if not any(key.startswith("$") for key in value):
        return {key: decode(v, attachments) for key, v in value.items()}
    if len(value) != 1:
        raise ValueError(f"an object has the keys {sorted(value)[:5]}, of which one begins with $")
    [(tag, content)] = value.items()
    match tag:
        case "$float":
            if content not in ("inf", "-inf", "nan"):
                raise ValueError(f"{content!r} is not a float")
            return float(content)
        case "$tuple":
            return tuple(decode(_of(list, content), attachments))
        case "$dict":
            return {
                decode(key, Attachments()): decode(v, attachments) for key, v in _of(list, content)
            }
        case "$scalar":
            return _decode_array(content)[()]
        case "$array":
            return _decode_array(content)
        case "$numpy":
            return np.asarray(_take(attachments.tensors, content)).copy()
        case "$fortran":
            return decode(content, attachments).T
        case "$tensor":
            return _take(attachments.tensors, content)
        case "$numbered":
            return {word: i for i, word in enumerate(_take(attachments.words, content))}
        case "$csr":
            kind, shape, parts = content
            cls = {"csr_matrix": sp.csr_matrix, "csr_array": sp.csr_array}[kind]
            matrix = cls(tuple(decode(part, attachments) for part in parts), shape=tuple(shape))
            matrix.check_format(full_check=True)
            return matrix
        case "$dtype":
            return np.dtype(content).type
        case "$date":
            return dt.date.fromisoformat(content)
        case "$datetime":
            return dt.datetime.fromisoformat(content)
        case "$timedelta":
            return dt.timedelta(*content)
    name = tag.removeprefix("$")
    if attachments.objects is not None and name not in _DATACLASSES:
        return attachments.objects(tag, content, attachments)
    return _decode_dataclass(name, decode(_of(dict, content), attachments))


def _is_tensor(value: Any) -> bool:
    # If there is a tensor, torch is loaded.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _numbers_strings(value: dict[Any, Any]) -> bool:
    return all(
        type(key) is str and type(v) is int and v == i for i, (key, v) in enumerate(value.items())
    )


def _encode_array(array: np.ndarray, where: str) -> dict[str, Any]:
    dtype = array.dtype
    values: list[Any]
    if dtype.kind in "mM":
        values = array.astype(dtype.newbyteorder("=")).view(np.int64).ravel().tolist()
    elif dtype.kind in "biuU" or (dtype.kind == "f" and dtype.itemsize <= 8):
        values = [encode(v, where) for v in array.ravel().tolist()]
    elif dtype.kind == "O":
        values = [encode(v, f"{where}[{i}]") for i, v in enumerate(array.ravel())]
    elif dtype == np.dtypes.StringDType():
        return {
            "dtype": "StringDType",
            "shape": list(array.shape),
            "values": array.ravel().tolist(),
        }
    else:
        raise ValueError(f"{where} has the dtype {dtype}, which JSON cannot carry faithfully")
    return {"dtype": dtype.str, "shape": list(array.shape), "values": values}


def _decode_array(content: Any) -> np.ndarray:
    name, shape, values = (
        content["dtype"],
        tuple(content["shape"]),
        decode(content["values"], Attachments()),
    )
    dtype: Any = np.dtypes.StringDType() if name == "StringDType" else np.dtype(_of(str, name))
    if dtype.kind == "O":
        flat = np.empty(len(values), dtype=object)
        flat[:] = values
    elif dtype.kind in "mM":
        flat = np.array(values, dtype=np.int64).view(dtype.newbyteorder("=")).astype(dtype)
    elif dtype.kind in "biufUT":
        flat = np.array(values, dtype=dtype)
    else:
        raise ValueError(f"an array has the dtype {name}")
    return flat.reshape(shape)


def _decode_dataclass(name: str, fields: dict[str, Any]) -> Any:
    if name not in _DATACLASSES:
        raise ValueError(f"{name!r} is not a kind of value that a saved model may hold")
    cls = _DATACLASSES[name]
    types = get_type_hints(cls)
    if fields.keys() != types.keys():
        raise ValueError(f"{name} has the fields {sorted(fields)} instead of {sorted(types)}")
    for key, expected in types.items():
        is_union = isinstance(expected, UnionType)
        kind = expected if is_union else get_origin(expected) or expected
        if kind is not Any and not isinstance(fields[key], kind):
            raise ValueError(f"{name}.{key} is a {type(fields[key]).__name__}")
    return cls(**fields)


def _take(attached: dict[str, Any], name: Any) -> Any:
    if name not in attached:
        raise ValueError(f"{name} is missing")
    return attached.pop(name)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"found {type(value).__name__} instead of {kind.__name__}")
    return value
