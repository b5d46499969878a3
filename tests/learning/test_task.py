"""Which sample belongs to which task, and what a task's labels are."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from sklabelemb.learning import Task
from sklabelemb.learning.task import (
    check_task_mapping,
    check_task_name,
    group_by_task,
    meant_task,
    new_targets,
    shown_tasks,
    targets_of,
    texts_of_labels,
)
from sklabelemb.mtle.label_words import distinct_words, texts_in_order
from sklabelemb.targets import Targets
from sklabelemb.text import Tokenizer

OPINIONS = Targets.infer(np.array(["neg", "pos"]))
NUMBERS = Targets.infer(np.array([3, 1, 2]))
TOPICS = Targets.infer(pd.DataFrame([[0, 1]], columns=["money", "time"]))

# -- groups ----------------------------------------------------------------------------------------

FORMS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda names: np.array(names, dtype=object),
    "pandas": lambda names: pd.Series(names, index=range(len(names), 0, -1)),
    "index": pd.Index,
    "categorical": lambda names: pd.Series(names).astype("category"),
    "polars": pl.Series,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [["b", "a", "c"], [2, -1, 0]], ids=["str", "int"])
def test_groups_are_those_of_a_loop(form, names):
    random = np.random.default_rng(0)
    for n in (1, 2, 30):
        task = [names[i] for i in random.integers(0, 3, n)]
        expected = {}
        for row, name in enumerate(task):
            expected[name] = [*expected.get(name, []), row]
        found = group_by_task(FORMS[form](task), n)
        assert list(found) == list(expected)
        assert {name: rows.tolist() for name, rows in found.items()} == expected
        assert {type(name) for name in found} == {type(names[0])}
        assert {rows.dtype for rows in found.values()} == {np.dtype(np.int64)}


def test_text_and_numbers_may_both_name_tasks():
    found = group_by_task(["1", 1, "1", np.int8(1)], 4)
    assert {name: rows.tolist() for name, rows in found.items()} == {"1": [0, 2], 1: [1, 3]}
    assert [type(name) for name in found] == [str, int]


@pytest.mark.parametrize("name", ["books", "", np.str_("x"), 0, -7, np.int16(4), np.uint64(2**63)])
def test_one_name_for_all(name):
    found = group_by_task(name, 3)
    assert found.keys() == {name}
    assert type(next(iter(found))) in (str, int)
    assert found[name].tolist() == [0, 1, 2]
    # Not the letters of a text that has as many as there are samples.
    assert list(group_by_task("abc", 3)) == ["abc"]


@pytest.mark.parametrize("name", ["books", 4])
def test_an_array_without_dimensions_is_one_name(name):
    assert list(group_by_task(np.array(name), 5)) == [name]


@pytest.mark.parametrize("length", [0, 1, 4, 6])
def test_one_name_per_sample(length):
    message = (
        f"task must be one name for all samples, or one for each of the 5, but it has {length}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        group_by_task(["a"] * length, 5)
    with pytest.raises(ValueError, match=r"^here must be one name"):
        group_by_task(["a"] * length, 5, name="here")


@pytest.mark.parametrize("value", [None, float("nan"), 1.0, True, np.True_, b"a", ("a",), pd.NA])
def test_what_no_task_can_be_called(value):
    kind = type(value).__name__
    message = f"is {value!r} (type {kind}): the name of a task is text or an integer."
    with pytest.raises(TypeError, match=re.escape(f"task in row 1 {message}")):
        group_by_task(["a", value, "b"], 3)
    with pytest.raises(TypeError, match=re.escape(f"name {message}")):
        check_task_name(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [("a", "a"), (np.str_("a"), "a"), (3, 3), (np.int32(3), 3), (np.uint8(3), 3)],
)
def test_names_become_plain(value, plain):
    assert check_task_name(value) == plain
    assert type(check_task_name(value)) is type(plain)


# -- which one is meant ----------------------------------------------------------------------------


def tasks(*names):
    return {name: Task(name, OPINIONS, None, [[], []]) for name in names}


def test_the_task_that_is_meant():
    assert meant_task({}) == "default"
    assert meant_task(tasks("books")) == "books"
    assert meant_task(tasks(0)) == 0
    assert meant_task(tasks("books", "default", "dvd")) == "default"
    message = (
        "This model has 2 tasks: say which one is meant, by task='books' for instance. Its tasks "
        "are 'books', 3."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        meant_task(tasks("books", 3))


def test_many_tasks_are_not_all_shown():
    assert shown_tasks(range(10)) == "Its tasks are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert shown_tasks("abcdefghijklm").endswith("'i', 'j' and 3 more.")


# -- arguments of fit_tasks ------------------------------------------------------------------------


def test_a_mapping_of_pairs_is_accepted():
    pairs = {"a": (["x"], [1]), 3: [["x"], [1]]}
    check_task_mapping(pairs, None)
    check_task_mapping(pairs, {})
    check_task_mapping(pairs, {"a": 0.5, 3: np.float32(2)})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"b": 1}, "weights names the task 'b', which does not exist."),
        ({"a": 0}, "weights['a'] must be a number above 0, got 0."),
        ({"a": None}, "weights['a'] must be a number above 0, got None."),
        ({"a": [1]}, "weights['a'] must be a number above 0, got [1]."),
        ({"a": float("inf")}, "weights['a'] must be a number above 0, got inf."),
    ],
)
def test_weights_are_positive_numbers_of_known_tasks(weights, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_task_mapping({"a": (["x"], [1])}, weights)


@pytest.mark.parametrize("weights", [[1.0], (1.0,), 2.0, "a"])
def test_weights_are_a_dict(weights):
    with pytest.raises(TypeError, match="weights must be a dict"):
        check_task_mapping({"a": (["x"], [1])}, weights)


# -- the part of y that is a task's ----------------------------------------------------------------

ROWS = np.array([3, 0, 2])
VALUES = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
Y_FORMS = {
    "list": (lambda y: y.tolist(), np.array),
    "tuple": (lambda y: tuple(y.tolist()), np.array),
    "array": (lambda y: y, np.asarray),
    "frame": (lambda y: pd.DataFrame(y, index=range(9, 5, -1)), lambda y: y.to_numpy()),
    "polars": (lambda y: pl.DataFrame(y, schema=["a", "b"]), lambda y: y.to_numpy()),
    "csr_matrix": (sp.csr_matrix, lambda y: y.toarray()),
    "csr_array": (sp.csr_array, lambda y: y.toarray()),
    "csc_array": (sp.csc_array, lambda y: y.toarray()),
    "lil_matrix": (sp.lil_matrix, lambda y: y.toarray()),
    "coo_matrix": (sp.coo_matrix, lambda y: y.toarray()),
    "coo_array": (sp.coo_array, lambda y: y.toarray()),
}


@pytest.mark.parametrize("form", Y_FORMS)
def test_rows_of_an_indicator(form):
    given, back = Y_FORMS[form]
    own = targets_of(given(VALUES), ROWS)
    np.testing.assert_array_equal(back(own), VALUES[ROWS])
    assert Targets.infer(own).container == Targets.infer(given(VALUES)).container


CLASS_FORMS = {
    "list": list,
    "array": np.array,
    "pandas": lambda y: pd.Series(y, index=range(9, 5, -1)),
    "polars": pl.Series,
}


@pytest.mark.parametrize("form", CLASS_FORMS)
@pytest.mark.parametrize("classes", [["c", "a", "b", "a"], [3, 1, 2, 1], [True, True, True, False]])
def test_rows_of_classes(form, classes):
    own = targets_of(CLASS_FORMS[form](classes), ROWS)
    assert list(own) == [classes[i] for i in ROWS]


@pytest.mark.parametrize("form", [np.array, pd.Series, list])
def test_classes_of_several_types_are_taken_apart(form):
    mixed = ["a", 1, "b", 2, 0.0, 1.0, True, False]
    y = form(mixed) if form is list else form(mixed, dtype=object)
    for rows, kind in [([0, 2], "UO"), ([1, 3], "i"), ([4, 5], "f"), ([6, 7], "b")]:
        targets = Targets.infer(targets_of(y, np.array(rows)))
        assert targets.classes.dtype.kind in kind
        assert targets.classes.tolist() == sorted(mixed[i] for i in rows)


# -- tasks without samples -------------------------------------------------------------------------


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, pd.Index, pl.Series])
@pytest.mark.parametrize("classes", [["b", "a", "c"], [3, 1, 2], [0.0, 2.0, 1.0]])
def test_targets_without_samples(form, classes):
    single = new_targets(form(classes), False)
    assert single.classes.tolist() == single.label_names.tolist() == sorted(classes)
    assert not single.multilabel
    assert single.decode(np.array([2, 0])).tolist() == [sorted(classes)[i] for i in (2, 0)]
    several = new_targets(form(classes), True)
    # The order of labels is the one that was asked for.
    assert several.label_names.tolist() == classes
    assert several.classes.tolist() == [[0, 1]] * 3
    assert several.decode(np.array([[True, False, True]])).tolist() == [[1, 0, 1]]
    assert new_targets(form(classes[:1]), True).n_labels == 1


def test_names_of_labels_may_be_tuples():
    targets = new_targets([("a", 1), ("a", 2)], True)
    assert targets.label_names.tolist() == [("a", 1), ("a", 2)]


@pytest.mark.parametrize(
    ("classes", "multilabel", "message"),
    [
        (["a"], False, r"classes must list two classes or more of the task, got \['a'\]"),
        ([], False, "two classes or more"),
        ([], True, "classes must list the labels of the task"),
        ("ab", False, "got 'ab'"),
        ("ab", True, "classes must list the labels"),
        (["a", "b", "b"], False, "classes names 'b' twice"),
        ([1, 2, 1, 2, 2], True, "classes names 2 twice"),
        (np.array(["x", "x"]), False, "classes names 'x' twice"),
        (["a", None], False, "missing value in row 1"),
        ([1.0, float("nan")], False, "NaN in row 1"),
        (["a", 1], False, "mixes classes of type int and str"),
    ],
)
def test_classes_that_make_no_task(classes, multilabel, message):
    with pytest.raises(ValueError, match=message):
        new_targets(classes, multilabel)


def test_many_classes_are_no_regression():
    assert new_targets(range(100), False).n_labels == 100


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, pl.Series])
def test_texts_go_by_the_order_of_the_classes(form):
    texts = texts_in_order(form(["good", "bad"]), form(["pos", "neg"]))
    assert texts == {"pos": "good", "neg": "bad"}
    assert OPINIONS.texts_of_labels(texts) == ["bad", "good"]
    numbers = texts_in_order(form(["c", "a", "b"]), form([3, 1, 2]))
    assert NUMBERS.texts_of_labels(numbers) == ["a", "b", "c"]


@pytest.mark.parametrize("texts", [["good"], ["good"] * 3, ["good", None], [1, 2], []])
def test_texts_that_do_not_fit(texts):
    message = f"one string for each of the 2 classes, in their order, but it has {len(texts)} entr"
    with pytest.raises(ValueError, match=message):
        texts_in_order(texts, ["pos", "neg"])


# -- texts and words -------------------------------------------------------------------------------

FOR_ALL = {"neg": "bad", "pos": "good"}


@pytest.mark.parametrize(
    ("label_texts", "targets", "expected"),
    [
        ("auto", OPINIONS, ["neg", "pos"]),
        ("auto", TOPICS, ["money", "time"]),
        ("auto", NUMBERS, None),
        (None, OPINIONS, None),
        (FOR_ALL, OPINIONS, ["bad", "good"]),
        ({**FOR_ALL, "more": "x"}, OPINIONS, ["bad", "good"]),
        (["bad", "good"], OPINIONS, ["bad", "good"]),
        ({"books": FOR_ALL}, OPINIONS, ["bad", "good"]),
        ({"books": ["bad", "good"], "dvd": None}, OPINIONS, ["bad", "good"]),
        ({"books": None}, OPINIONS, None),
        ({"books": "auto", "dvd": None}, OPINIONS, ["neg", "pos"]),
        ({"books": "auto"}, OPINIONS, ["neg", "pos"]),
        ({"dvd": FOR_ALL}, OPINIONS, ["neg", "pos"]),
        ({"dvd": FOR_ALL}, NUMBERS, None),
        ({1: "a", 2: "b", 3: "c"}, NUMBERS, ["a", "b", "c"]),
        ({"books": {1: "a", 2: "b", 3: "c"}}, NUMBERS, ["a", "b", "c"]),
    ],
)
def test_texts_of_a_task(label_texts, targets, expected):
    assert texts_of_labels(label_texts, "books", targets) == expected


@pytest.mark.parametrize(
    "label_texts", [{"neg": "bad"}, ["bad"], {"books": ["bad"]}, {"books": {"neg": "bad"}}]
)
def test_missing_texts_are_named_with_their_task(label_texts):
    with pytest.raises(ValueError, match=r"^label_texts"):
        texts_of_labels(label_texts, "books", OPINIONS)


def test_words_are_those_of_the_texts():
    found = distinct_words(Task("t", NUMBERS, ["Too late!", "rude", "my money"]), Tokenizer())
    assert found == [["too", "late", "!"], ["rude"], ["my", "money"]]
    assert distinct_words(Task("t", OPINIONS, ["a b", "c"]), str.split) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (None, [[], [], []]),
        (["", "late", "\n"], [[], ["late"], []]),
        (["late", "rude", "late"], [["late"], ["rude"], ["late"]]),
        (["late rude", "rude late", "x"], [["late", "rude"], ["rude", "late"], ["x"]]),
        # The mean of a word is the word, however often it is said.
        (["late", "late late", "x"], [["late"], ["late", "late"], ["x"]]),
        (["a b", "a b a b", "a a b"], [["a", "b"], ["a", "b", "a", "b"], ["a", "a", "b"]]),
    ],
)
def test_labels_that_their_words_do_not_tell_apart_get_one_of_their_own(texts, kept):
    found = distinct_words(Task("t", NUMBERS, texts), str.split)
    means = [{word: words.count(word) / len(words) for word in words} for words in found]
    assert all(means[a] != means[b] for a in range(3) for b in range(a))
    own = []
    for words, text in zip(found, kept, strict=True):
        assert words[: len(text)] == text
        own += words[len(text) :]
    assert len(own) == len(set(own)) <= 3
    # No text can have such a word, and no label of another task.
    assert all(len(Tokenizer()(word)) > 1 for word in own)
    for words in distinct_words(Task("u", NUMBERS, texts), str.split):
        assert set(own).isdisjoint(words)
