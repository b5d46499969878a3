"""The forms that a table of results may have, brought to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["read_results"]


def read_results(
    results: Any, classifiers: Any = None, datasets: Any = None
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Names and scores out of any form of `results`.

    Parameters
    ----------
    results : DataFrame, mapping or array-like
        See :func:`sklabelemb.comparison.compare_classifiers`.
    classifiers, datasets : sequence, default=None
        Names, for results that have none.

    Returns
    -------
    classifiers : tuple of str, length n_classifiers
    datasets : tuple of str, length n_datasets
    scores : ndarray of float64, shape (n_datasets, n_classifiers)

    Raises
    ------
    ValueError
        When a score is missing or no finite number, names do not fit, or there is too little.
    """
    named_datasets = False
    if hasattr(results, "columns"):
        named_datasets = hasattr(results, "index")  # pandas; polars has no names of rows
        found = {column: results[column].to_numpy() for column in results.columns}
        if len(found) != len(results.columns):
            raise ValueError(f"results has the column {_first_twice(results.columns)!r} twice.")
        rows = list(results.index) if named_datasets else None
    elif isinstance(results, Mapping):
        found, rows = _read_mapping(results)
        named_datasets = rows is not None
    else:
        found, rows = _read_array(results, classifiers), None
    if classifiers is not None and (hasattr(results, "columns") or isinstance(results, Mapping)):
        raise ValueError(
            "results names its classifiers already; classifiers= is for arrays. To compare some of "
            "them only, take those out of results first."
        )
    if named_datasets and datasets is not None:
        raise ValueError(
            "results names its datasets already; datasets= is for results without names."
        )

    names = tuple(str(name) for name in found)
    n_datasets = _common_length(found)
    if rows is None:
        rows = list(range(1, 1 + n_datasets)) if datasets is None else list(datasets)
        if len(rows) != n_datasets:
            raise ValueError(
                f"datasets has {len(rows)} names, but results has scores on {n_datasets} datasets."
            )
    datasets = tuple(str(row) for row in rows)
    for what, given in (("classifier", names), ("dataset", datasets)):
        if len(set(given)) < len(given):
            raise ValueError(f"results has the {what} {_first_twice(given)!r} twice.")
    scores = np.column_stack([_numbers(found[name], name) for name in found]) if found else None
    if scores is None or scores.shape[1] < 2 or scores.shape[0] < 2:
        raise ValueError(
            f"A comparison needs at least 2 classifiers and 2 datasets, but results has "
            f"{len(names)} and {n_datasets}. For two classifiers on one dataset, use "
            "paired_bootstrap."
        )
    _check_finite(scores, names, datasets)
    return names, datasets, scores


def _read_mapping(results: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[Any] | None]:
    """``{classifier: {dataset: score}}`` or ``{classifier: scores}``."""
    single = [name for name, scores in results.items() if np.isscalar(scores) or scores is None]
    if single:
        raise ValueError(
            f"results has {results[single[0]]!r} for {str(single[0])!r}, where one score for each "
            "dataset is wanted: a sequence, or a mapping {dataset: score}."
        )
    # A pandas Series has items, too, and its index names the datasets.
    named = {name: hasattr(scores, "items") for name, scores in results.items()}
    if not any(named.values()):
        return dict(results), None
    if not all(named.values()):
        bare = next(name for name, has_names in named.items() if not has_names)
        raise ValueError(
            f"results names the datasets of some classifiers, but not of {bare!r}. Give a mapping "
            "{dataset: score} for all, or a sequence of scores for all."
        )
    tables = {name: dict(scores.items()) for name, scores in results.items()}
    for name, scores in results.items():
        if len(tables[name]) < len(scores):
            raise ValueError(f"results has a dataset twice for the classifier {name!r}.")
    rows = list(dict.fromkeys(row for table in tables.values() for row in table))
    missing = [(name, row) for name, table in tables.items() for row in rows if row not in table]
    if missing:
        raise ValueError(_missing([(str(name), str(row)) for name, row in missing]))
    return {name: [table[row] for row in rows] for name, table in tables.items()}, rows


def _read_array(results: Any, classifiers: Any) -> dict[Any, Any]:
    try:
        array = np.asarray(results)
    except ValueError:
        raise ValueError(
            "results has rows of different lengths: every dataset (row) needs one score for each "
            "classifier."
        ) from None
    if array.ndim != 2:
        raise ValueError(
            "results must have one row per dataset and one column per classifier, but it has shape "
            f"{array.shape}."
        )
    if classifiers is None:
        raise ValueError(
            "An array of results has no names: give classifiers=, one name for each of its "
            f"{array.shape[1]} columns."
        )
    names = [str(name) for name in classifiers]
    if len(names) != array.shape[1]:
        raise ValueError(
            f"classifiers has {len(names)} names, but results has {array.shape[1]} columns. There "
            "must be one row per dataset and one column per classifier."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"classifiers has the name {_first_twice(names)!r} twice.")
    return dict(zip(names, array.T, strict=True))


def _common_length(found: dict[Any, Any]) -> int:
    lengths = {str(name): len(scores) for name, scores in found.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise ValueError(
            "Every classifier needs a score on every dataset, in the same order, but the numbers "
            f"of scores differ: {shown}. Name the datasets to see which are missing: "
            "{classifier: {dataset: score}}."
        )
    return next(iter(lengths.values()), 0)


def _numbers(scores: Any, name: Any) -> np.ndarray:
    values = [
        np.nan if score is None or type(score).__name__ == "NAType" else score for score in scores
    ]
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty((0, 0))
    if numbers.ndim != 1 or any(isinstance(value, str) for value in values):
        raise ValueError(
            f"The scores of {str(name)!r} are not all numbers. One score per dataset is needed "
            "(the mean over folds or seeds); names of datasets belong into the index."
        )
    return numbers


def _check_finite(
    scores: np.ndarray, classifiers: tuple[str, ...], datasets: tuple[str, ...]
) -> None:
    if np.isnan(scores).any():
        holes = np.argwhere(np.isnan(scores.T))
        raise ValueError(_missing([(classifiers[j], datasets[i]) for j, i in holes]))
    if not np.isfinite(scores).all():
        i, j = np.argwhere(~np.isfinite(scores))[0]
        raise ValueError(
            f"The score of {classifiers[j]!r} on {datasets[i]!r} is {scores[i, j]}; scores must be "
            "finite."
        )


def _missing(holes: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{classifier!r} on {dataset!r}" for classifier, dataset in holes[:5])
    more = f", and {len(holes) - 5} more" if len(holes) > 5 else ""
    return (
        f"Every classifier needs a score on every dataset, but results lacks: {shown}{more}. Run "
        "what is missing, or leave the dataset or the classifier out."
    )


def _first_twice(names: Any) -> str:
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            return str(name)
        seen.add(name)
    raise AssertionError("every name occurs once")
