"""Load datasets from folders: one file of JSON lines per split, and a file of label texts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import Corpus, checked_options
from sklabelemb.datasets.label_cells import split_labels
from sklabelemb.datasets.reader import (
    find_text,
    find_value,
    parsed_json,
    read_json_lines,
    read_lines,
)

__all__ = ["load_folder", "read_label_texts", "read_split"]

_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.bz2", ".jsonl.xz")


def load_folder(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    label_names: Sequence[Any] | None = None,
    unknown_labels: Literal["error", "warn", "ignore"] = "error",
    return_X_y: bool = False,
    target: str = "labels",
    as_classes: bool | Literal["auto"] = "auto",
    sparse: bool | Literal["auto"] = "auto",
) -> Bunch | tuple[list[str], Any]:
    r"""Load a dataset from a folder with one file of JSON lines per split.

    The folder contains ``train.jsonl``, and possibly ``dev.jsonl``, ``test.jsonl`` and others,
    plain or compressed (``.gz``, ``.bz2``, ``.xz``), with one document per line::

        {"text": "Still no parcel", "labels": ["delivery", "complaint"]}

    Next to them, ``labels.json`` maps each label to a descriptive text and defines the order of the
    columns, and ``stats.json`` describes the dataset (``name``, ``source``, ``licence``, ``note``).
    Both are optional.

    Parameters
    ----------
    path : str or path-like
        The folder.
    split : str, default=None
        Which split to load, such as ``"train"``. None loads all of them.
    label_names : sequence of str, default=None
        The labels, in the desired order; the target is then an indicator. None: those of
        ``labels.json``, or else of all splits that have labels.
    unknown_labels : {"error", "warn", "ignore"}, default="error"
        What to do about labels that are not in `label_names`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch; needs `split`.
    target : str, default="labels"
        The field to predict: a list of labels or a single one. For fields other than ``"labels"``,
        ``labels.json`` is not used and the labels are sorted by name.
    as_classes : bool or "auto", default="auto"
        Whether the target is a 1-D array of class names rather than an indicator. "auto": when
        every document of *every* split has exactly one label, so that all splits look alike.
    sparse : bool or "auto", default="auto"
        Whether an indicator is a CSR matrix. "auto": when there are more than 100 labels.

    Returns
    -------
    bunch : Bunch
        With `split`, a dictionary-like object with these attributes:

        data : list of str, length n_samples
            The texts.
        target : ndarray or csr_matrix
            1-D classes of str, shape (n_samples,); or an indicator of int64, dense or CSR, shape
            (n_samples, n_labels); None for a split without labels.
        target_names : list of str, length n_labels
            The labels in the order of the columns; for 1-D classes, sorted like ``classes_``.
        label_texts : list of str, length n_labels
            A descriptive text for each of `target_names`.
        extra : dict of list
            The other fields of the documents, None where a document lacks one.
        DESCR : str
            A description of the dataset.
        filename : str
            The file that was read.

        Without `split`, a Bunch with one such Bunch per split, under the names of the splits.
    (data, target) : tuple
        With `return_X_y`.

    See Also
    --------
    load_table : Read a CSV file or a single file of JSON lines.
    load_support_requests : A small corpus that ships with the package.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> from sklabelemb.datasets import load_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> lines = [
    ...     {"text": "Still no parcel", "labels": ["delivery", "complaint"]},
    ...     {"text": "Money back please", "labels": ["refund"]},
    ... ]
    >>> _ = (folder / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    >>> texts = {"delivery": "late parcel", "refund": "money back", "complaint": "bad service"}
    >>> _ = (folder / "labels.json").write_text(json.dumps(texts))
    >>> train = load_folder(folder, split="train")
    >>> train.target_names
    ['delivery', 'refund', 'complaint']
    >>> train.target
    array([[1, 0, 1],
           [0, 1, 0]])
    """
    label_names = checked_options(as_classes, sparse, label_names, unknown_labels)
    folder = Path(path).expanduser()
    files = _find_splits(folder)
    if split is not None and split not in files:
        raise ValueError(f"{folder} has no split {split!r}; it has: {', '.join(files)}.")
    if return_X_y and split is None:
        raise ValueError(
            "return_X_y=True returns one split: pass split as well, for instance "
            f"split={next(iter(files))!r}."
        )
    wanted = list(files) if split is None else [split]
    label_texts = read_label_texts(folder / "labels.json") if target == "labels" else {}
    known = label_texts if label_names is None else {}
    corpora = {name: read_split(files[name], target, known) for name in wanted}
    if label_names is not None:
        as_classes, names = False, label_names
        for corpus in corpora.values():
            corpus.keep_labels(names, unknown_labels)
    else:
        names = list(label_texts)
        labelled = list(corpora.values())
        if not names or as_classes == "auto":
            # All splits together determine the labels, and whether they are classes.
            labelled += _others(files, wanted, target)
        labelled = [corpus for corpus in labelled if corpus.has_labels]
        names = names or sorted({label for corpus in labelled for label in corpus.labels})
        if not names:
            raise ValueError(f"{folder}: no document has a label in the field {target!r}.")
        if as_classes == "auto":
            as_classes = bool(labelled) and all(corpus.all_single for corpus in labelled)
    description = _describe(folder)
    bunches = {
        name: corpus.to_bunch(
            names,
            label_texts,
            as_classes=as_classes,
            sparse=sparse,
            filename=str(files[name]),
            description=description,
        )
        for name, corpus in corpora.items()
    }
    if split is None:
        return Bunch(**bunches)
    bunch = bunches[split]
    return (bunch.data, bunch.target) if return_X_y else bunch


def _find_splits(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        hint = "; for a single file, use load_table" if folder.exists() else ""
        raise FileNotFoundError(f"{folder} is not a folder{hint}.")
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        ending = next((e for e in _ENDINGS if file.name.endswith(e)), None)
        if ending is None or file.name.startswith("."):
            continue
        name = file.name.removesuffix(ending)
        if name in files:
            raise ValueError(
                f"{folder} holds the split {name!r} twice, as {files[name].name} and "
                f"{file.name}: remove one."
            )
        files[name] = file
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no split. Expected files such as train.jsonl or test.jsonl.xz with "
            'one JSON object a line: {"text": "...", "labels": ["..."]}.'
        )
    usual = [name for name in ("train", "dev", "test") if name in files]
    return {name: files[name] for name in [*usual, *(n for n in files if n not in usual)]}


def read_label_texts(file: Path) -> dict[str, str]:
    """Texts of labels by name; empty if there is no such file."""
    texts = _read_json(file)
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(
            f'{file}: expected an object that maps each label to a text, such as {{"delivery": '
            '"late or lost parcels"}.'
        )
    return texts


def _read_json(file: Path) -> Any:
    """The content of a JSON file; an empty dict if there is none."""
    return parsed_json("".join(read_lines(file)), file) if file.exists() else {}


def read_split(file: Path, target: str, known: Container[str] = ()) -> Corpus:
    """The documents of a file, with labels if the first has any, which must be known ones."""
    corpus = Corpus()
    for number, record in read_json_lines(read_lines(file), file):
        where = f"{file}, line {number}"
        text = find_text(record, "text", where)
        if not corpus.texts:
            corpus.has_labels = target in record
        value = find_value(record, target, where) if corpus.has_labels else None
        labels = split_labels(value, where)
        unknown = [label for label in labels if label not in known] if known else []
        if unknown:
            raise ValueError(
                f"{where}: the label {unknown[0]!r} is missing from labels.json. Add it there "
                "with a descriptive text."
            )
        corpus.texts.append(text)
        corpus.label_lists.append(labels)
        corpus.places.append(where)
        corpus.others.append({k: v for k, v in record.items() if k not in ("text", target)})
    if not corpus.texts:
        raise ValueError(f"{file} is empty: it holds no document.")
    return corpus


def _others(files: dict[str, Path], wanted: list[str], target: str) -> Iterator[Corpus]:
    """The other splits, without files that do not contain documents."""
    for name in files.keys() - set(wanted):
        with contextlib.suppress(ValueError):
            yield read_split(files[name], target)


def _describe(folder: Path) -> str:
    stats = _read_json(folder / "stats.json")
    lines = [str(stats.get("name", folder.name))]
    told = [key for key in ("source", "licence", "note") if key in stats]
    return "\n".join(lines + [f"{key.capitalize()}: {stats[key]}" for key in told])
