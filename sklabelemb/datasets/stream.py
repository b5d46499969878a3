"""Load tables that are too large for memory: texts in a file, labels as CSR."""

from __future__ import annotations

import os
import warnings
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import checked_options
from sklabelemb.datasets.label_cells import is_set, separator_of, split_cells
from sklabelemb.datasets.reader import find_text, find_value, read_bytes
from sklabelemb.datasets.records import read_records
from sklabelemb.optional import import_optional
from sklabelemb.text import TextsOnDisk

__all__ = ["stream_table"]


def stream_table(
    source: Any,
    *,
    text: str = "text",
    labels: str | Sequence[str] = "labels",
    label_names: Sequence[Any] | None = None,
    unknown_labels: Literal["error", "warn", "ignore"] = "error",
    label_separator: str | None = None,
    as_classes: bool | Literal["auto"] = "auto",
    chunk_size: int = 10_000,
    folder: str | os.PathLike[str] | None = None,
    **read_options: Any,
) -> Bunch:
    r"""Load texts and labels of a table in chunks: more texts than memory holds.

    The texts go to a temporary file, see :class:`~sklabelemb.text.TextsOnDisk`; the labels stay in
    memory, as CSR or as classes. Fit a classifier on both as on a list and an array.

    Parameters
    ----------
    source : path, or iterable of DataFrames
        A file of CSV, JSON lines or Parquet (by pandas; Parquet needs pyarrow), which may be
        compressed; or chunks of a table: what ``read_csv`` gives with ``chunksize``, a generator of
        frames of pandas, polars or Arrow.
    text : str, default="text"
        The column with the texts.
    labels : str or sequence of str, default="labels"
        The column with the labels, in any form that :func:`load_table` knows; or several columns of
        0 and 1, one per label.
    label_names : sequence of str, default=None
        The labels, in the desired order. None: those that occur, sorted.
    unknown_labels : {"error", "warn", "ignore"}, default="error"
        What to do about labels that are not in `label_names`.
    label_separator : str, default=None
        Separator between the labels in a cell. None: whichever of ``;``, ``|`` and ``,`` most cells
        use, in the first chunk that has any.
    as_classes : bool or "auto", default="auto"
        Whether the target is a 1-D array of class names. "auto": when every row has exactly one
        label and no `label_names` are given.
    chunk_size : int, default=10_000
        Number of rows in memory at a time.
    folder : path, default=None
        Folder of the file of texts. None: the default for temporary files.
    **read_options : dict
        For ``pandas.read_csv`` or ``read_json``, such as ``sep=";"`` or ``encoding="cp1252"``.

    Returns
    -------
    bunch : Bunch
        With ``data`` (:class:`~sklabelemb.text.TextsOnDisk`), ``target`` (CSR of int64, or
        classes), ``target_names``, ``label_texts``, ``DESCR`` and ``filename``, as from
        :func:`load_table`.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ImportError
        When pandas is missing, and `source` is a file.
    ValueError
        When a row is invalid; the message says which one.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklabelemb.datasets import stream_table
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mail.csv"
    >>> row = "Still no parcel,delivery;complaint\n"
    >>> _ = path.write_text("text,labels\n" + 50_000 * row + "Money back,refund\n")
    >>> mail = stream_table(path)
    >>> mail.data, mail.target_names
    (<50,001 texts on disk, 1 MB>, ['complaint', 'delivery', 'refund'])
    >>> mail.target.shape
    (50001, 3)
    """
    names = checked_options(as_classes, True, label_names, unknown_labels)
    columns = [labels] if isinstance(labels, str) else list(labels)
    if not isinstance(labels, str):
        # All of them are labels, whether or not they occur.
        as_classes, names = False, columns if names is None else names
    name = "table"
    if isinstance(source, (str, os.PathLike)):
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not a file.")
        name, source = str(path), _chunks(path, [text, *columns], chunk_size, read_options)
    elif read_options:
        raise TypeError(f"{next(iter(read_options))} is for reading a file, not for chunks.")
    found = _Labels(names, unknown_labels, label_separator)
    read = _texts(source, name, text, columns, isinstance(labels, str), found)
    texts = TextsOnDisk(read, folder)
    if not len(texts):
        raise ValueError(f"{name} has no rows.")
    if names is None and not found.ids:
        raise ValueError(f"{name}: no row has a label in {labels!r}. Is it the right column?")
    if as_classes == "auto":
        as_classes = names is None and found.all_single
    target_names, target = found.encoded(as_classes, name)
    return Bunch(
        data=texts,
        target=target,
        target_names=target_names,
        label_texts=list(target_names),
        DESCR=f"{name}: {len(texts)} documents, {len(target_names)} labels, read in chunks",
        filename=name,
    )


def _chunks(
    path: Path, columns: list[str], chunk_size: int, options: dict[str, Any]
) -> Iterator[Any]:
    """The frames of a file."""
    pd = import_optional("pandas", purpose="Reading a table in chunks")
    start = read_bytes(path, 4)
    if start == b"PAR1":
        parquet = import_optional("pyarrow.parquet", purpose="Parquet", distribution="pyarrow")
        if options:
            raise TypeError(f"{next(iter(options))} means nothing for a file of Parquet.")
        file = parquet.ParquetFile(path)
        if missing := [name for name in columns if name not in file.schema_arrow.names]:
            raise ValueError(
                f"{path} has no column {missing[0]!r}; its columns are: "
                f"{', '.join(map(repr, file.schema_arrow.names))}."
            )
        for batch in file.iter_batches(batch_size=chunk_size, columns=columns):
            yield batch.to_pandas()
        return
    if start.lstrip()[:1] == b"{":
        read: Any = pd.read_json
        given: dict[str, Any] = {"lines": True, "dtype": False}
    else:
        # With more cells in each row than names, pandas would take the first for an index.
        read, given = pd.read_csv, {"dtype": str, "keep_default_na": False, "index_col": False}
    try:
        with read(path, chunksize=chunk_size, **{**given, **options}) as chunks:
            yield from chunks
    except (ValueError, UnicodeError) as error:
        raise ValueError(f"{path} cannot be read by pandas: {error}") from error


def _texts(
    chunks: Iterable[Any], name: str, text: str, columns: list[str], single: bool, found: _Labels
) -> Iterator[list[str]]:
    """The texts of each chunk; its labels go where they are kept."""
    plain: dict[str, Any] = {
        "delimiter": None,
        "quotechar": None,
        "encoding": "utf-8",
        "header": "infer",
    }
    n_before = 0
    for chunk in chunks:
        rows = [row for _, row in read_records(chunk, [text, *columns], **plain)[0]]
        places = [f"{name}, row {n_before + i}" for i in range(len(rows))]
        n_before += len(rows)
        pairs = list(zip(rows, places, strict=True))
        if single:
            found.add([find_value(row, columns[0], where) for row, where in pairs], places)
        else:
            own = [[c for c in columns if is_set(row[c], c, where)] for row, where in pairs]
            found.add_names(own, places)
        yield [find_text(row, text, where) for row, where in pairs]


class _Labels:
    """The labels of the rows read so far, as numbers."""

    def __init__(self, names: list[Any] | None, unknown: str, separator: str | None) -> None:
        self.names, self.unknown, self.separator = names, unknown, separator
        self.numbers = {str(name): i for i, name in enumerate(names or ())}
        self.ids, self.offsets = array("i"), array("q", [0])
        self.all_single = True

    def add(self, cells: list[Any], places: list[str]) -> None:
        """Read the cells of a chunk."""
        separator = self.separator
        if separator is None:
            separator = separator_of(cells, places)
            # Later cells may contain what none has contained so far.
            self.separator = separator or None
        self.add_names(split_cells(cells, places, separator)[0], places)

    def add_names(self, labels: list[list[str]], places: list[str]) -> None:
        """Take the labels of the rows of a chunk."""
        for own, where in zip(labels, places, strict=True):
            for label in own:
                if self.names is None:
                    self.ids.append(self.numbers.setdefault(label, len(self.numbers)))
                elif label in self.numbers:
                    self.ids.append(self.numbers[label])
                elif self.unknown == "error":
                    raise ValueError(
                        f"{where}: the label {label!r} is not one of the {len(self.names)} "
                        'label_names. Pass unknown_labels="ignore" to leave such labels out.'
                    )
                elif self.unknown == "warn":
                    self._warn(label, where)
            self.all_single &= len(own) == 1
            self.offsets.append(len(self.ids))

    def _warn(self, label: str, where: str) -> None:

        warnings.warn(
            f"{where}: the label {label!r} is not one of the label_names. It is left out, as are "
            "others that may follow.",
            UserWarning,
            stacklevel=6,
        )
        self.unknown = "ignore"

    def encoded(self, as_classes: bool, name: str) -> tuple[list[Any], Any]:
        """Names of the labels, and the target."""
        offsets = np.frombuffer(self.offsets, dtype=np.int64)
        ids = np.frombuffer(self.ids, dtype=np.int32) if self.ids else np.empty(0, np.int32)
        found = np.array(list(self.numbers), dtype=object)
        if as_classes:
            if not self.all_single:
                row = int(np.flatnonzero(np.diff(offsets) != 1)[0])
                raise ValueError(
                    f"{name}, row {row}: as_classes=True needs exactly one label per document, but "
                    f"this one has {np.diff(offsets)[row]}. Pass as_classes=False for an indicator."
                )
            return sorted(found), found.astype(str)[ids]
        order = np.arange(len(found)) if self.names is not None else np.argsort(found.astype(str))
        rank = np.empty(len(found), dtype=np.int64)
        rank[order] = np.arange(len(found))
        ones = np.ones(len(ids), dtype=np.int64)
        shape = (len(offsets) - 1, len(found))
        target = sp.csr_matrix((ones, rank[ids], offsets), shape=shape)
        target.sort_indices()
        names = list(self.names) if self.names is not None else found[order].tolist()
        return names, target
