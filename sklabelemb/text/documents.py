"""Validation of raw texts: any collection becomes a list of ``str``, or raises an error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NoReturn

__all__ = ["CheckedTexts", "check_documents"]


class CheckedTexts(Sequence[str]):
    """Texts that are validated already, and are not read into memory all at once."""


def check_documents(X: Any, *, ensure_min_samples: int = 1, name: str = "X") -> Sequence[str]:
    """Check a collection of raw texts and return it as a list of ``str``.

    Parameters
    ----------
    X : list, tuple, 1-D array or Series of str, shape (n_samples,)
        The texts, or :class:`.TextsOnDisk`. Arrays may be of dtype object, ``str_`` or
        ``StringDType``; a Series may come from pandas or polars, a column from Arrow or
        ``datasets`` (none of them is imported). Empty strings are legal documents.
    ensure_min_samples : int, default=1
        The smallest number of texts that is accepted. 1, as in scikit-learn, because nothing can
        be learned or predicted from no text; 0 accepts an empty collection.
    name : str, default="X"
        Name of the collection in error messages.

    Returns
    -------
    documents : list of str, length n_samples
        A new list, so changing it is safe; :class:`.TextsOnDisk` are returned as they are.

    Raises
    ------
    ValueError
        For a single string, anything with two dimensions, a missing value (``None``, NaN,
        ``pandas.NA``), or fewer than `ensure_min_samples` texts.
    TypeError
        For bytes, numbers and other things that are not text, sparse matrices, and containers
        without a fixed order or length (generators, sets, dicts).

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.text import check_documents
    >>> check_documents(np.array(["a text", "another"]))
    ['a text', 'another']
    >>> check_documents(["a text", None])
    Traceback (most recent call last):
        ...
    ValueError: X has a missing value (None) in row 1; drop the row, or fill it with an empty \
text: X.fillna("") for pandas, [text or "" for text in X] for a list
    """
    values = X if isinstance(X, CheckedTexts) else _checked(X, name)
    if len(values) < ensure_min_samples:
        raise ValueError(
            f"Found array with {len(values)} sample(s) (shape=({len(values)},)) while a minimum of "
            f"{ensure_min_samples} is required: {name} must hold at least that many texts."
        )
    return values


def _checked(X: Any, name: str) -> list[str]:
    values = _as_list(X, name)
    if set(map(type, values)) - {str}:
        values = [_as_text(value, row, name) for row, value in enumerate(values)]
    return values


def _as_list(X: Any, name: str) -> list[Any]:
    if isinstance(X, str):
        raise _single_string(name)
    if isinstance(X, (list, tuple)):
        return list(X)
    if isinstance(X, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"expected a collection of texts as {name}, got {type(X).__name__}; "
            'decode it first and wrap it in a list: [text.decode("utf-8")]'
        )
    if hasattr(X, "tocsr"):
        raise TypeError(
            f"expected raw texts as {name}, got a sparse matrix of shape {X.shape}: these look "
            "like vectorised features. Pass the texts themselves, without a vectorizer before."
        )
    if hasattr(X, "to_pylist") and not hasattr(X, "column_names"):  # a column of Arrow
        return list(X.to_pylist())
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple):
        return _from_array(X, shape, name)
    if isinstance(X, Sequence) or _is_sequence(X):
        return list(X)
    _reject_container(X, name)


def _is_sequence(X: Any) -> bool:
    """Whether it is one in all but name, as a column of ``datasets`` is."""
    return (
        hasattr(X, "__len__")
        and hasattr(X, "__getitem__")
        and not isinstance(X, (Mapping, Set))
        and not hasattr(X, "keys")
        and not hasattr(X, "column_names")
    )


def _from_array(X: Any, shape: tuple[int, ...], name: str) -> list[Any]:
    """Unpack numpy arrays and pandas or polars Series, distinguished by their methods only."""
    if len(shape) == 0:
        value = X.item() if hasattr(X, "item") else X
        if isinstance(value, str):
            raise _single_string(name)
        raise TypeError(f"expected a collection of texts as {name}, got {_kind(value)}")
    if len(shape) > 1:
        column = f'{name}["text"]' if hasattr(X, "columns") else f"{name}[:, 0]"
        raise ValueError(
            f"expected a 1-D collection of raw texts as {name}, got {len(shape)} dimensions "
            f"(shape {shape}); pass one column, for instance {column}. If the columns are "
            "vectorised features, pass the texts that they were made from."
        )
    if getattr(getattr(X, "dtype", None), "kind", "") in tuple("biufc"):
        raise TypeError(
            f"expected raw texts as {name}, got an array of numbers (dtype {X.dtype}); pass the "
            f"texts themselves, not vectorised features. If the numbers are the texts, convert "
            f"them: {name}.astype(str)"
        )
    unpack = getattr(X, "tolist", None) or getattr(X, "to_list", None)
    return list(X) if unpack is None else list(unpack())


def _reject_container(X: Any, name: str) -> NoReturn:
    kind = type(X).__name__
    if isinstance(X, Mapping):
        advice = f"pass its values in a list: list({name}.values())"
    elif isinstance(X, Set):
        advice = f"a set has no order for y to follow; pass a list, for instance sorted({name})"
    elif isinstance(X, Iterator):
        advice = f"it can be read only once; turn it into a list first: list({name})"
    else:
        advice = "pass a list, a tuple, a 1-D array or a Series of str"
    raise TypeError(f"expected a collection of texts as {name}, got {kind}: {advice}")


def _as_text(value: Any, row: int, name: str) -> str:
    if isinstance(value, str):
        # Subclasses such as numpy.str_ become plain strings, which pickle and hash alike.
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"{name} holds {type(value).__name__} in row {row}, not str; "
            'decode it first: text.decode("utf-8")'
        )
    if _is_missing(value):
        raise ValueError(
            f"{name} has a missing value ({value!r}) in row {row}; drop the row, or fill it with "
            f'an empty text: {name}.fillna("") for pandas, [text or "" for text in {name}] for a '
            "list"
        )
    if isinstance(value, (list, tuple)):
        fix = 'if it holds the words of a text, join them first: " ".join(words)'
    elif getattr(value, "ndim", None):
        fix = "pass raw texts, not vectorised features"
    else:
        fix = "convert it first: str(value)"
    raise TypeError(f"{name} holds {_kind(value)} in row {row}, not str; {fix}")


def _is_missing(value: Any) -> bool:
    # pandas.NA and NaT are known by the names of their types: comparing NA with itself gives NA.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def _single_string(name: str) -> ValueError:
    return ValueError(
        f"expected a collection of texts as {name}, got a single string; wrap it in a list: [text]"
    )


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"
