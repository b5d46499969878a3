"""The answers of several tasks at once are those of each task, sample by sample."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sklabelemb.learning import Task
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.readout import Readout, joined
from sklabelemb.targets import Targets

from ..tolerances import close

WORDS = {"a": ["red", "green"], "b": ["one", "two"], "c": ["up", "down"]}
NAMES = list(WORDS)


def write(n, seed):
    random = np.random.default_rng(seed)
    codes = random.integers(0, 3, n)
    codes[:3] = 0, 1, 2
    fillers = [random.choice(["x", "y", "z"], random.integers(1, 6)) for _ in codes]
    texts = [
        " ".join([*filler, *random.choice(WORDS[NAMES[code]], 2)])
        for filler, code in zip(fillers, codes, strict=True)
    ]
    return texts, codes


TEXTS, CODES = write(30, 0)
UNSEEN, UNSEEN_CODES = write(21, 1)
THREE = np.eye(3, dtype=int)[CODES]
TASKS = {
    "names": (TEXTS, np.array(NAMES)[CODES]),
    "numbers": (TEXTS, CODES),
    "halves": (TEXTS, CODES / 2 == 1),
    "longer": (TEXTS, np.array(["first", "second", "third"])[CODES]),
    "two": (TEXTS, np.array(["no", "yes"])[CODES // 2]),
    "sets": (TEXTS, THREE),
    "frame": (TEXTS, pd.DataFrame(THREE.astype(bool), columns=NAMES)),
    "sparse": (TEXTS, sp.csr_array(THREE)),
    "pairs": (TEXTS, THREE[:, :2]),
    "column": (TEXTS, THREE[:, :1]),
}
GROUPS = [
    ["names", "numbers"],
    ["names", "longer"],
    ["numbers", "halves"],
    ["two", "halves"],
    ["sets", "frame", "sparse"],
    ["names", "numbers", "longer"],
]


@functools.cache
def fitted():
    """A model that tests look at and do not change."""
    model = MTLEClassifier(
        encoder="mean",
        embedding_dim=8,
        matcher_size=8,
        max_epochs=5,
        batch_size=8,
        learning_rate=0.05,
        dropout=0.0,
        word_dropout=0.0,
        validation_fraction=0,
        device="cpu",
        random_state=0,
    )
    return model.fit_tasks(TASKS)


def mixture(names, seed=0):
    return np.random.default_rng(seed).permutation(np.resize(np.array(names), len(UNSEEN)))


def dense(y):
    return y.toarray() if sp.issparse(y) else np.asarray(y)


# -- put together ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
def test_joined_is_a_loop_over_the_samples(shape):
    random = np.random.default_rng(0)
    for n_tasks in (1, 2, 4):
        task = random.permutation(np.arange(12) % n_tasks)
        groups = {t: np.flatnonzero(task == t) for t in range(n_tasks)}
        answers = {t: random.random((len(rows), *shape)) for t, rows in groups.items()}
        used = dict.fromkeys(groups, 0)
        expected = []
        for t in task.tolist():
            expected.append(answers[t][used[t]])
            used[t] += 1
        found = {t: (answers[t], rows) for t, rows in groups.items()}
        np.testing.assert_array_equal(joined(found), expected)


@pytest.mark.parametrize(
    ("one", "other", "dtype"),
    [
        (["a", "b"], ["ccc", "d"], "<U3"),
        (["a", "b"], [1, 2], object),
        (["a", "b"], [True, False], object),
        ([1, 2], [True, False], object),
        ([1, 2], [0.5, 1.5], float),
        (np.array([1, 2], "int8"), np.array([1, 2], "int32"), "int32"),
        (np.array(["a", "b"], dtype=object), ["c", "d"], object),
        (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), [1, 2], object),
        (np.array(["2020-01-01"] * 2, "M8[D]"), np.array(["2021-01-01"] * 2, "M8[D]"), "M8[D]"),
    ],
)
def test_kinds_of_classes(one, other, dtype):
    one, other = np.asarray(one), np.asarray(other)
    result = joined({"a": (one, np.array([0, 3])), "b": (other, np.array([1, 2]))})
    assert result.dtype == np.dtype(dtype)
    assert result.tolist() == [one.tolist()[0], *other.tolist(), one.tolist()[1]]


def test_different_numbers_of_labels_make_no_array():
    found = {
        "a": (np.ones((1, 2)), np.array([0])),
        2: (np.ones((1, 3)), np.array([1])),
        "c": (np.ones((1, 2)), np.array([2])),
    }
    message = (
        r"different numbers of labels \('a': 2, 2: 3, 'c': 2\), which make no array. Ask for one"
    )
    with pytest.raises(ValueError, match=message):
        joined(found)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("min_labels", [0, 2])
def test_decisions_are_a_loop_over_the_samples(multilabel, min_labels):
    random = np.random.default_rng(0)
    logits = random.standard_normal((20, 3)).astype(np.float32)
    if multilabel:
        thresholds = np.array([0.4, 0.5, 0.7])
        task = Task("t", Targets.infer(THREE), None, [], thresholds, min_labels)
    else:
        task = Task("t", Targets.infer(CODES), None, [], None, min_labels)
    expected = np.zeros((20, 3), dtype=bool)
    for row, values in enumerate(logits.astype(float)):
        if multilabel:
            margin = values - np.log(thresholds / (1 - thresholds))
            chosen = {label for label in range(3) if margin[label] >= 0}
            best = sorted(range(3), key=lambda label: -margin[label])
            chosen |= set(best[:min_labels])
        else:
            chosen = {max(range(3), key=lambda label: values[label])}
        expected[row, list(chosen)] = True
    found = Readout(None).decisions(logits, task)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


# -- asked of a model ------------------------------------------------------------------------------


# Three classes and two: their scores make no array, their classes do.
METHODS = ["predict", "predict_proba", "decision_function"]
# A score is a cosine times twenty.
SCALES = {"predict_proba": 1, "decision_function": 20}
ASKED = [
    (method, names)
    for method in METHODS
    for names in GROUPS
    if method == "predict" or names != ["numbers", "halves"]
]


@pytest.mark.parametrize(("method", "names"), ASKED)
def test_answers_of_several_tasks_are_those_of_each(method, names):
    task = mixture(names)
    answer = getattr(fitted(), method)
    each = {name: dense(answer(UNSEEN, task=name)) for name in names}
    expected = [each[name][row] for row, name in enumerate(task)]
    found = answer(UNSEEN, task=task)
    assert type(found) is np.ndarray
    assert len(found) == len(UNSEEN)
    for row, value in enumerate(expected):
        if method == "predict":
            np.testing.assert_array_equal(found[row], value)
        else:
            close(found[row], value, scale=SCALES[method], dtype=np.float32)
    # Whichever order the texts come in.
    order = np.random.default_rng(1).permutation(len(UNSEEN))
    again = answer([UNSEEN[i] for i in order], task=task[order])
    if method == "predict":
        np.testing.assert_array_equal(again, found[order])
    else:
        close(again, found[order], scale=SCALES[method], dtype=np.float32)


@pytest.mark.parametrize("names", GROUPS, ids="-".join)
def test_explanations_of_several_tasks_are_those_of_each(names):
    task = mixture(names)
    found = fitted().explain(UNSEEN, task=task)
    for row, name in enumerate(task):
        expected = fitted().explain([UNSEEN[row]], task=name)[0]
        assert found[row].text == expected.text
        assert found[row].tokens == expected.tokens
        assert found[row].label_names == expected.label_names
        close(found[row].proba, expected.proba, scale=1, dtype=np.float32)
        np.testing.assert_array_equal(found[row].predicted, expected.predicted)
        close(found[row].contributions, expected.contributions, scale=20)


@pytest.mark.parametrize("task", ["names", ["names"] * 21, np.array(["names"] * 21)])
def test_one_task_named_for_every_sample(task):
    expected = fitted().predict_proba(UNSEEN, task="names")
    np.testing.assert_array_equal(fitted().predict_proba(UNSEEN, task=task), expected)
    assert fitted().predict(UNSEEN, task=task).dtype == "<U1"


@pytest.mark.parametrize(
    ("method", "names", "message"),
    [
        ("predict_proba", ["names", "two"], r"\('names': 3, 'two': 2\)"),
        ("decision_function", ["sets", "pairs"], r"\('sets': 3, 'pairs': 2\)"),
        ("predict", ["pairs", "sets"], r"\('pairs': 2, 'sets': 3\)"),
    ],
)
def test_tasks_of_different_sizes_are_refused(method, names, message):
    task = np.resize(names, len(UNSEEN))
    with pytest.raises(ValueError, match=f"different numbers of labels {message}.*one task at a"):
        getattr(fitted(), method)(UNSEEN, task=task)


@pytest.mark.parametrize("names", [["names", "sets"], ["two", "column"]])
def test_classes_and_label_sets_are_told_apart_in_the_error(names):
    """One class a text and one column of labels are not the same number of the same thing."""
    task = np.resize(names, len(UNSEEN))
    with pytest.raises(ValueError, match="classes") as raised:
        fitted().predict(UNSEEN, task=task)
    assert "'two': 1, 'column': 1" not in str(raised.value)


def test_row_names_of_a_series_do_not_disturb():
    X = pd.Series(UNSEEN, index=range(50, 50 - len(UNSEEN), -1))
    task = mixture(["sets", "frame"])
    expected = fitted().predict(UNSEEN, task=task)
    for given in (task, pd.Series(task, index=X.index)):
        np.testing.assert_array_equal(fitted().predict(X, task=given), expected)
    whole = fitted().predict(X, task="frame")
    assert list(whole.index) == list(X.index)
    assert set(whole.dtypes) == {np.dtype(bool)}


# -- the accuracy of several tasks -----------------------------------------------------------------


def truth(task):
    y = {name: dense(TASKS[name][1]) for name in np.unique(task)}
    own = {name: {CODES[i]: value for i, value in enumerate(rows)} for name, rows in y.items()}
    return [own[name][code] for name, code in zip(task, UNSEEN_CODES, strict=True)]


@pytest.mark.parametrize("names", GROUPS, ids="-".join)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_is_the_accuracy_over_all_samples(names, weighted):
    task = mixture(names)
    y = truth(task)
    wrong = np.random.default_rng(2).permutation(len(y))[:8]
    for i in wrong:
        # Another sample's answer, of the same task.
        y[i] = next(y[j] for j in range(i - 1, i - len(y), -1) if task[j] == task[i])
    weight = np.random.default_rng(3).random(len(y)) if weighted else None
    predicted = fitted().predict(UNSEEN, task=task)
    total = right = 0.0
    for i, value in enumerate(y):
        w = weight[i] if weighted else 1.0
        total += w
        right += w * bool(np.all(predicted[i] == value))
    if np.ndim(y[0]) == 0:
        y = np.array(y, dtype=object)
    found = fitted().score(UNSEEN, y, sample_weight=weight, task=task)
    assert type(found) is float
    assert found == pytest.approx(right / total)
    if weighted:
        again = fitted().score(UNSEEN, y, sample_weight=weight.tolist(), task=task)
        assert again == pytest.approx(found)


def test_a_task_whose_samples_weigh_nothing_does_not_count():
    task = np.array(["names", "longer"] * 10 + ["names"])
    weight = (task == "names").astype(float)
    y = np.array(truth(task), dtype=object)
    expected = fitted().score(
        [UNSEEN[i] for i in np.flatnonzero(weight)], y[weight > 0].astype(str), task="names"
    )
    found = fitted().score(UNSEEN, y, sample_weight=weight, task=task)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("n", [20, 22, 40])
@pytest.mark.parametrize("task", ["names", "mixed"])
def test_a_score_needs_one_weight_per_sample(n, task):
    task = mixture(["names", "longer"]) if task == "mixed" else task
    y = truth(np.resize(task, len(UNSEEN)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted().score(UNSEEN, y, sample_weight=np.ones(n), task=task)


@pytest.mark.parametrize("task", ["names", "mixed"])
def test_a_score_needs_one_target_per_sample(task):
    task = mixture(["names", "longer"]) if task == "mixed" else task
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted().score(UNSEEN, ["a"] * 20, task=task)
