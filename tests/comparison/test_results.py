"""Every form of a table of results, and what is wrong with the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklabelemb.comparison.results import read_results

SCORES = np.array([[0.9, 0.8, 0.7], [0.5, 0.6, 0.4]])
NAMES = ("a", "b", "c")
ROWS = ("reuters", "eurlex")
NESTED = {
    name: dict(zip(ROWS, column, strict=True))
    for name, column in zip(NAMES, SCORES.T.tolist(), strict=True)
}


@pytest.mark.parametrize(
    "results",
    [
        pd.DataFrame(SCORES, index=ROWS, columns=NAMES),
        pd.DataFrame(SCORES, index=ROWS, columns=NAMES).astype("Float64"),
        pd.DataFrame(NESTED),
        NESTED,
        {**NESTED, "b": dict(reversed(NESTED["b"].items()))},
        {name: pd.Series(scores) for name, scores in NESTED.items()},
    ],
)
def test_results_with_names(results: Any) -> None:
    classifiers, datasets, scores = read_results(results)
    assert (classifiers, datasets) == (NAMES, ROWS)
    np.testing.assert_array_equal(scores, SCORES)
    assert scores.dtype == np.float64


@pytest.mark.parametrize(
    ("results", "classifiers"),
    [
        (SCORES, NAMES),
        (SCORES.tolist(), list(NAMES)),
        (dict(zip(NAMES, SCORES.T, strict=True)), None),
        (dict(zip(NAMES, SCORES.T.tolist(), strict=True)), None),
        (pl.DataFrame(dict(zip(NAMES, SCORES.T.tolist(), strict=True))), None),
    ],
)
def test_results_without_names_of_datasets(results: Any, classifiers: Any) -> None:
    names, datasets, scores = read_results(results, classifiers)
    assert (names, datasets) == (NAMES, ("1", "2"))
    np.testing.assert_array_equal(scores, SCORES)
    assert read_results(results, classifiers, ROWS)[1] == ROWS


def test_names_become_text() -> None:
    names, datasets, _ = read_results(pd.DataFrame(SCORES, columns=[1, 2, 3]))
    assert (names, datasets) == (("1", "2", "3"), ("0", "1"))


FRAME = pd.DataFrame(SCORES, index=ROWS, columns=NAMES)


@pytest.mark.parametrize(
    ("results", "options", "message"),
    [
        (
            {**NESTED, "b": {"reuters": 0.5}},
            {},
            r"but results lacks: 'b' on 'eurlex'\. Run what is missing",
        ),
        (
            {"a": {"x": 1, "y": 2}, "b": {"y": 1, "z": 2}},
            {},
            "lacks: 'a' on 'z', 'b' on 'x'",
        ),
        (FRAME.replace(0.6, np.nan), {}, r"lacks: 'b' on 'eurlex'\. Run"),
        (FRAME.astype("Float64").replace(0.6, pd.NA), {}, "lacks: 'b' on 'eurlex'"),
        ({"a": [0.1, None], "b": [0.1, 0.2]}, {}, "lacks: 'a' on '2'"),
        (
            pd.DataFrame(np.full((4, 2), np.nan), columns=["a", "b"]),
            {},
            "'a' on '0', 'a' on '1', 'a' on '2', 'a' on '3', 'b' on '0', and 3 more",
        ),
        ({"a": [1, 2], "b": [1, 2, 3]}, {}, r"numbers of scores differ: 'a' has 2, 'b' has 3\."),
        ({"a": {"x": 1}, "b": [1]}, {}, "datasets of some classifiers, but not of 'b'"),
        ({"a": 0.5, "b": 0.6}, {}, "results has 0.5 for 'a', where one score for each dataset"),
        ({"a": ["x", "y"], "b": [1, 2]}, {}, "The scores of 'a' are not all numbers"),
        ({"a": ["0.5", "0.6"], "b": [1, 2]}, {}, "The scores of 'a' are not all numbers"),
        ({"a": [[1, 2], [3, 4]], "b": [1, 2]}, {}, "The scores of 'a' are not all numbers"),
        (
            FRAME.reset_index(names="dataset"),
            {},
            "The scores of 'dataset' are not all numbers.*belong into the index",
        ),
        (FRAME.replace(0.6, np.inf), {}, "The score of 'b' on 'eurlex' is inf; scores must be fin"),
        (SCORES, {}, "give classifiers=, one name for each of its 3 columns"),
        (SCORES, {"classifiers": ["a", "b"]}, "classifiers has 2 names, but results has 3 columns"),
        (SCORES, {"classifiers": ["a", "b", "a"]}, "classifiers has the name 'a' twice"),
        (SCORES, {"classifiers": NAMES, "datasets": ["x"]}, "datasets has 1 names, but .* on 2 da"),
        (SCORES, {"classifiers": NAMES, "datasets": ["x", "x"]}, "has the dataset 'x' twice"),
        (SCORES[0], {"classifiers": NAMES}, r"but it has shape \(3,\)"),
        ([[1, 2], [1]], {"classifiers": NAMES}, "rows of different lengths"),
        (FRAME, {"classifiers": NAMES}, "names its classifiers already"),
        (NESTED, {"classifiers": NAMES}, "names its classifiers already"),
        (FRAME, {"datasets": ROWS}, "names its datasets already"),
        (NESTED, {"datasets": ROWS}, "names its datasets already"),
        (FRAME.rename(columns={"b": "a"}), {}, "results has the column 'a' twice"),
        (FRAME.rename(index={"eurlex": "reuters"}), {}, "results has the dataset 'reuters' twice"),
        ({1: [1, 2], "1": [1, 2]}, {}, "results has the classifier '1' twice"),
        (
            {"a": pd.Series([1, 2], index=["x", "x"]), "b": pd.Series([1, 2], index=["x", "y"])},
            {},
            "results has a dataset twice for the classifier 'a'",
        ),
        (FRAME[["a"]], {}, "needs at least 2 classifiers and 2 datasets, but results has 1 and 2"),
        (
            FRAME[:1],
            {},
            "but results has 3 and 1. For two classifiers on one dataset, use paired_b",
        ),
        ({}, {}, "but results has 0 and 0"),
    ],
)
def test_bad_results(results: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_results(results, **options)
