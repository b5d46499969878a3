"""Load texts and labels from a table: a file or a DataFrame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import Corpus, check_choice, checked_options
from sklabelemb.datasets.label_cells import is_set, split_cells
from sklabelemb.datasets.reader import find_text, find_value
from sklabelemb.datasets.records import read_records
from sklabelemb.targets.forms import frame_kind

__all__ = ["load_table"]


def load_table(
    path: Any,
    *,
    text: str | int = "text",
    labels: str | int | Sequence[str | int] = "labels",
    label_names: Sequence[Any] | None = None,
    unknown_labels: Literal["error", "warn", "ignore"] = "error",
    delimiter: str | None = None,
    label_separator: str | None = None,
    quotechar: str | None = '"',
    header: Literal["infer"] | None = "infer",
    encoding: str = "utf-8",
    as_classes: bool | Literal["auto"] = "auto",
    sparse: bool | Literal["auto"] = "auto",
    return_X_y: bool = False,
) -> Bunch | tuple[list[str], Any]:
    r"""Load texts and labels from a CSV, TSV, JSON, Parquet or Excel file, or from a DataFrame.

    The format is recognised by content: a table whose first row names the columns, JSON lines, an
    array of JSON objects, lines of fastText (``__label__refund money back``), Parquet or an Excel
    sheet (these two by pandas). The file may be compressed with gzip, bzip2 or xz, or be the only
    file in a zip archive. ``DESCR`` says what was inferred.

    Parameters
    ----------
    path : str, path-like or DataFrame
        The file; or a table of pandas, polars or Arrow.
    text : str or int, default="text"
        The column with the texts.
    labels : str or int, or sequence of these, default="labels"
        The column with the labels of a row; or several columns of 0 and 1, one per label. A cell
        of a single column holds a list, as JSON (``["refund", "returns"]``) or as Python writes it
        (``['refund', 'returns']``, tuples, sets, ``array([...])``); an object of Label Studio
        (``{"choices": [...]}``); spans of doccano (``[[0, 5, "refund"]]``), of which only the
        labels count; or names with a separator between them (``refund;returns``). An empty cell
        means no label.
    label_names : sequence of str, default=None
        The labels, in the desired order: for instance the ``target_names`` of the table that a
        model was trained on. The target is then an indicator with a column for each of them.
    unknown_labels : {"error", "warn", "ignore"}, default="error"
        What to do about labels that are not in `label_names`.
    delimiter : str, default=None
        Separator between columns. None: given by a first line ``sep=;``, or the first of comma,
        tab, semicolon and ``|`` with which the first row has the requested columns.
    label_separator : str, default=None
        Separator between the labels in a cell. None: whichever of ``;``, ``|`` and ``,`` most cells
        use, apart from lists; if none occurs, each cell is one label. Pass an empty string if
        labels may contain these characters: cells are then never split.
    quotechar : str, default='"'
        Quotation mark around cells that contain the delimiter or a line break. None: quotation
        marks are part of the text, as is usual in TSV files.
    header : "infer" or None, default="infer"
        None: there is no header, and columns are numbered: ``text=0, labels=1``.
    encoding : str, default="utf-8"
        Encoding of the file. UTF-16 is recognised by its first bytes.
    as_classes : bool or "auto", default="auto"
        Whether the target is a 1-D array of class names rather than an indicator. "auto": when
        `labels` is one column, every row has exactly one label, and no `label_names` are given.
    sparse : bool or "auto", default="auto"
        Whether an indicator is a CSR matrix. "auto": when there are more than 100 labels.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        Dictionary-like object with these attributes:

        data : list of str, length n_samples
            The texts.
        target : ndarray or csr_matrix
            1-D classes of str, shape (n_samples,); or an indicator of int64, dense or CSR, shape
            (n_samples, n_labels).
        target_names : list of str, length n_labels
            The labels in the order of the columns: `label_names`, or `labels` if it names several
            columns, else sorted. A classifier takes them as its `label_names`.
        label_texts : list of str, length n_labels
            The names again; replace them by descriptive texts if you have any.
        extra : dict of list
            The other columns.
        DESCR : str
            A description of the file, and what was inferred about it.
        filename : str
            The file that was read.
    (data, target) : tuple
        With `return_X_y`.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the content is invalid; the message says where and what to do.

    Warns
    -----
    UserWarning
        When a cell changes the meaning of a column, or seems to; with its line.

    See Also
    --------
    load_folder : Read a dataset with splits and descriptive texts for its labels.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklabelemb.datasets import load_table
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.csv").write_text(
    ...     "text,labels\nStill no parcel,delivery;complaint\nMoney back please,refund\n"
    ... )
    >>> train = load_table(folder / "train.csv")
    >>> train.target_names
    ['complaint', 'delivery', 'refund']
    >>> train.target
    array([[1, 1, 0],
           [0, 0, 1]])

    Load a second table with the label columns of the first:

    >>> _ = (folder / "test.csv").write_text("text,labels\nWhere is my parcel?,delivery\n")
    >>> test = load_table(folder / "test.csv", label_names=train.target_names)
    >>> test.target
    array([[0, 1, 0]])
    """
    label_names = checked_options(as_classes, sparse, label_names, unknown_labels)
    check_choice("header", header, ("infer", None))
    columns = _columns(labels, header)
    single = isinstance(labels, (str, int))
    source, name, shown = path, "table", "table"
    if frame_kind(path) is None:
        source = Path(path).expanduser()
        name, shown = str(source), source.name
        if not source.is_file():
            hint = "; for a folder, use load_folder" if source.is_dir() else ""
            raise FileNotFoundError(f"{source} is not a file{hint}.")
    records, what = read_records(
        source,
        [text, *columns],
        delimiter=delimiter,
        quotechar=quotechar,
        encoding=encoding,
        header=header,
    )
    if not records:
        raise ValueError(f"{name} has no rows: there is nothing after the names of the columns.")
    used = {text, *columns}
    found = [
        (find_text(row, text, where), [find_value(row, column, where) for column in columns])
        for where, row in records
    ]
    cells = [own for _, own in found]
    corpus = Corpus(
        texts=[document for document, _ in found],
        places=[where for where, _ in records],
        others=[{k: v for k, v in row.items() if k not in used} for _, row in records],
    )
    if single:
        [column] = zip(*cells, strict=True)
        corpus.label_lists, how = split_cells(column, corpus.places, label_separator)
    else:
        how = "a column of 0 and 1 for each label"
        corpus.label_lists = [
            [str(c) for c, v in zip(columns, row, strict=True) if is_set(v, c, where)]
            for row, where in zip(cells, corpus.places, strict=True)
        ]
    names = corpus.labels if single else list(map(str, columns))
    if label_names is not None:
        corpus.keep_labels(label_names, unknown_labels)
        names = list(label_names)
    elif not any(corpus.label_lists):
        raise ValueError(
            f"{name}: no row has a label in {', '.join(map(repr, columns))}. Is it the right "
            "column?"
        )
    if as_classes == "auto":
        as_classes = single and label_names is None and corpus.all_single
        if single and label_names is None and not as_classes:
            _warn_about_few_gaps(corpus)
    bunch = corpus.to_bunch(
        names,
        {},
        as_classes=as_classes,
        sparse=sparse,
        filename=name,
        description=f"{shown}: {len(corpus.texts)} documents, {len(names)} labels ({what}; {how})",
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _columns(labels: Any, header: str | None) -> list[Any]:
    columns = [labels] if isinstance(labels, (str, int)) else list(labels)
    kind = int if header is None else str
    if not columns or not all(type(name) is kind for name in columns):
        raise ValueError(
            f"labels must be the name of a column or a list of such names, got {labels!r}."
        )
    return columns


def _warn_about_few_gaps(corpus: Corpus) -> None:
    """Warn if only a few empty cells make label sets of what seem to be classes."""
    sizes = [len(labels) for labels in corpus.label_lists]
    gaps = [i for i, size in enumerate(sizes) if size == 0]
    if max(sizes) == 1 and gaps and 2 * len(gaps) < len(sizes):
        warnings.warn(
            f"{corpus.places[gaps[0]]} has no label, and all rows that have any have one "
            f"({len(gaps)} of {len(sizes)} rows have none). The target is an indicator of label "
            "sets. If these are classes, fill or drop the rows without one; if not, pass "
            "as_classes=False.",
            UserWarning,
            stacklevel=3,
        )
