"""A dataset in a folder: one file of JSON lines per split, and a file with the labels' texts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import Corpus, all_single, check_choice
from sklabelemb.datasets.reader import find_text, find_value, read_json_lines, split_labels

__all__ = ["load_folder"]

_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.bz2", ".jsonl.xz")


def load_folder(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    return_X_y: bool = False,
    target: str = "labels",
    as_classes: bool | Literal["auto"] = "auto",
    sparse: bool | Literal["auto"] = "auto",
) -> Bunch | tuple[list[str], Any]:
    r"""Load a dataset from a folder with one file of JSON lines per split.

    The folder holds ``train.jsonl``, and as it may be ``dev.jsonl``, ``test.jsonl`` and others,
    plain or compressed (``.gz``, ``.bz2``, ``.xz``), with one document a line::

        {"text": "Still no parcel", "labels": ["delivery", "complaint"]}

    Next to them, ``labels.json`` maps each label to a descriptive text and so gives the order of
    the columns; a description may lie in ``stats.json`` (``name``, ``source``, ``licence``,
    ``note``). Both are optional.

    Parameters
    ----------
    path : str or path-like
        The folder.
    split : str, default=None
        Which split to load, such as ``"train"``. None loads all of them.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch; needs `split`.
    target : str, default="labels"
        The field to predict: a list of labels or a single one. For any other field than
        ``"labels"``, ``labels.json`` is not used and the labels are sorted by name.
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
            (n_samples, n_labels).
        target_names : list of str, length n_labels
            The labels in the order of the columns; for 1-D classes, sorted like ``classes_``.
        label_texts : list of str, length n_labels
            A descriptive text for each of `target_names`.
        extra : dict of list
            The other fields of the documents, None where a document has not got one.
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
    check_choice("as_classes", as_classes, (True, False, "auto"))
    check_choice("sparse", sparse, (True, False, "auto"))
    folder = Path(path)
    files = _find_splits(folder)
    if split is not None and split not in files:
        raise ValueError(f"{folder} has no split {split!r}; it has: {', '.join(files)}.")
    if return_X_y and split is None:
        raise ValueError(
            "return_X_y=True returns one split: pass split as well, for instance "
            f"split={next(iter(files))!r}."
        )
    wanted = list(files) if split is None else [split]
    label_texts = _read_label_texts(folder) if target == "labels" else {}
    # Without labels.json only all the splits together tell what labels there are.
    read = wanted if label_texts else list(files)
    corpora = {name: _read_split(files[name], target, label_texts) for name in read}
    names = list(label_texts)
    if not names:
        names = sorted(
            {label for c in corpora.values() for labels in c.label_lists for label in labels}
        )
        if not names:
            raise ValueError(f"{folder}: no document has a label in the field {target!r}.")
    if as_classes == "auto":
        as_classes = all(all_single(corpus.label_lists) for corpus in corpora.values()) and all(
            _is_single(file, target) for name, file in files.items() if name not in corpora
        )
    description = _describe(folder)
    bunches = {
        name: corpora[name].to_bunch(
            names,
            label_texts,
            as_classes=as_classes,
            sparse=sparse,
            filename=str(files[name]),
            description=description,
        )
        for name in wanted
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
        if ending is None:
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


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{file}, line {error.lineno}: not valid JSON ({error.msg}, column {error.colno})."
        ) from error


def _read_label_texts(folder: Path) -> dict[str, str]:
    file = folder / "labels.json"
    if not file.exists():
        return {}
    label_texts = _read_json(file)
    if not isinstance(label_texts, dict) or not all(
        isinstance(text, str) for text in label_texts.values()
    ):
        raise ValueError(
            f'{file}: expected an object that maps each label to a text, such as {{"delivery": '
            '"late or lost parcels"}.'
        )
    return label_texts


def _read_split(file: Path, target: str, known: dict[str, str]) -> Corpus:
    corpus = Corpus()
    for number, record in read_json_lines(file):
        where = f"{file}, line {number}"
        text = find_text(record, "text", where)
        labels = split_labels(find_value(record, target, where), where)
        unknown = [label for label in labels if label not in known] if known else []
        if unknown:
            raise ValueError(
                f"{where}: the label {unknown[0]!r} is missing from labels.json. Add it there "
                "with a descriptive text."
            )
        others = {name: v for name, v in record.items() if name not in ("text", target)}
        corpus.add(text, labels, number, others)
    if not corpus.texts:
        raise ValueError(f"{file} is empty: it holds no document.")
    return corpus


def _is_single(file: Path, target: str) -> bool:
    """Tell whether every document of a split has one label, reading no further than need be."""
    for number, record in read_json_lines(file):
        where = f"{file}, line {number}"
        if len(split_labels(find_value(record, target, where), where)) != 1:
            return False
    return True


def _describe(folder: Path) -> str:
    file = folder / "stats.json"
    stats = _read_json(file) if file.exists() else {}
    lines = [str(stats.get("name", folder.name))]
    lines += [
        f"{key.capitalize()}: {stats[key]}" for key in ("source", "licence", "note") if key in stats
    ]
    return "\n".join(lines)
