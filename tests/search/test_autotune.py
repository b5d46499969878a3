"""The best classifier within a time; the time here is a clock that the tests wind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sklabelemb import autotune
from sklabelemb.search import contenders as all_contenders
from sklabelemb.search import halving
from sklabelemb.search.contenders import contenders

OWN = ("linear", "linear, C=0.2", "LEAM", "LEAM, r=0")
TEXTS = [f"{word} {i}" for i in range(1000) for word in ("parcel", "money", "parcel money", "hi")]
Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (1000, 1))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return Clock.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    Clock.now = 0.0
    monkeypatch.setattr(halving, "clock", Clock())


class Timed(ClassifierMixin, BaseEstimator):
    """Right on a share of the texts; a fit takes so many seconds for each."""

    def __init__(self, right=1.0, per_text=0.001, fails=False, always=0.0) -> None:
        self.right = right
        self.per_text = per_text
        self.fails = fails
        self.always = always

    def fit(self, X, y):
        Clock.now += self.always + self.per_text * len(X)
        if self.fails:
            raise ValueError("this one\nfails")
        self.n_, self.several_, self.classes_ = len(X), np.ndim(y) == 2, np.unique(y)
        return self

    def predict(self, X):
        truth = np.array([["parcel" in text, "money" in text] for text in X]).astype(int)
        truth[int(self.right * len(X)) :] = 0
        return truth if self.several_ else truth[:, 0]


def search(minutes=10.0, texts=TEXTS, y=Y, **estimators):
    return autotune(
        texts,
        y,
        minutes=minutes,
        estimators=dict.fromkeys(OWN) | estimators,
        random_state=0,
    )


def fits(found):
    return [(row["name"], row["n_texts"]) for row in found.results]


def test_the_better_ones_get_more_texts_and_the_best_gets_all():
    found = search(a=Timed(0.2), b=Timed(0.9), c=Timed(0.5), d=Timed(0.8))
    assert fits(found) == [
        *((name, 1066) for name in "abcd"),
        *((name, 3200) for name in "bd"),
    ]
    assert (found.best_name, found.n_fitted, found.n_dev) == ("b", 4000, 800)
    assert found.estimator.n_ == 4000
    assert found.best_score == found.results[-2]["score"] > found.results[-1]["score"]


def test_nothing_begins_that_cannot_end():
    # A fit to all texts takes b 4 minutes, and to the whole training part 3.2.
    found = search(minutes=2, a=Timed(0.5), b=Timed(0.9, per_text=0.06), c=Timed(0.4))
    assert Clock.now <= 120
    assert ("b", 3200) not in fits(found)
    # The best by its score, though it saw fewer texts.
    assert (found.best_name, found.n_fitted, found.estimator.n_) == ("b", 1066, 1066)
    reasons = dict(found.not_tried)
    assert reasons["b, 3,200 texts"].startswith("about 230 s, but ")
    assert reasons["b, all texts"] == "no time was left"


def test_two_fits_show_how_the_time_grows(monkeypatch):
    monkeypatch.setattr(halving, "FIRST_ROUND", 400)
    # In proportion to the texts the third would take 72 s, and the last 90, of 140 that are left.
    found = search(minutes=3, a=Timed(0.5, per_text=0, always=20))
    assert fits(found) == [("a", 355), ("a", 1066), ("a", 3200)]
    assert (found.n_fitted, Clock.now) == (4000, 80)


def test_the_first_fit_always_runs_and_others_are_foreseen_by_it():
    found = search(minutes=0.01, a=Timed(0.5), b=Timed(0.9))
    assert fits(found) == [("a", 1066)]
    assert found.estimator.n_ == 1066
    assert "b, 1,066 texts" in dict(found.not_tried)


def test_failures_are_in_the_table_and_hinder_nobody():
    found = search(a=Timed(fails=True), b=Timed(0.5))
    assert found.results[0] | {"parameters": ""} == {
        "name": "a",
        "n_texts": 1066,
        "score": None,
        "seconds": pytest.approx(1.066),
        "parameters": "",
        "error": "this one fails",
    }
    assert "Failed: a: this one fails" in str(found)
    with pytest.raises(ValueError, match=r"No classifier could be fitted\. a: this one fails"):
        search(a=Timed(fails=True))


def test_without_refit_the_winner_is_the_one_that_was_scored():
    found = autotune(
        TEXTS, Y, estimators=dict.fromkeys(OWN) | {"a": Timed()}, refit=False, random_state=0
    )
    assert (found.n_fitted, found.estimator.n_) == (3200, 3200)


def test_classes_and_series():
    y = pd.Series(Y[:, 0])
    found = search(texts=pd.Series(TEXTS), y=y, a=Timed(0.5), b=Timed(0.9))
    assert found.best_name == "b"
    assert found.scoring == "f1_micro"
    assert dict(found.not_tried)["label tree"] == "for label sets"


def test_the_packages_own_are_fitted_and_answer_by_name():
    names = ["delivery", "refund"]
    y = pd.DataFrame(Y[:80], columns=names)
    found = autotune(TEXTS[:80], y, estimators={"LEAM": None, "LEAM, r=0": None}, random_state=0)
    assert found.estimator.predict_labels(["money"]) == [("refund",)]
    frame = found.to_frame()
    assert frame["name"].tolist() == ["linear", "linear, C=0.2"]
    assert "ThresholdTuner" in frame["parameters"][0]
    table = found.to_text().splitlines()
    assert table[0].split() == ["name", "texts", "f1_micro", "seconds"]
    assert table[1].split()[:3] == ["linear", "64", f"{frame['score'][0]:.3f}"]


def test_what_is_tried_depends_on_the_data():
    same = {"label_names": None, "label_texts": None, "memory": None, "random_state": 0}
    few, not_few = contenders(True, 5, encoder=None, **same)
    many, _ = contenders(True, all_contenders.MANY_LABELS + 1, encoder=object(), **same)
    assert tuple(c.name for c in few) == OWN
    assert {c.name for c in many} - set(OWN) == {"label tree", "LEAM + encoder", "MTLE + encoder"}
    assert dict(not_few)["MTLE + encoder"] == "no encoder= was given"
    assert [c.cost for c in many] == sorted(c.cost for c in many)
    classes, _ = contenders(False, 5, encoder=None, **same)
    assert type(classes[0].estimator).__name__ == "BinaryRelevance"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"minutes": 0}, "minutes must be greater than 0, but is 0"),
        ({"minutes": float("nan")}, "minutes must be greater than 0"),
        ({"validation_fraction": 1}, "validation_fraction must lie between 0 and 1"),
        ({"scoring": "f2_micro"}, "scoring: 'f2_micro' is no scorer; there are"),
        ({"estimators": dict.fromkeys(OWN)}, "estimators leaves nothing to try"),
    ],
)
def test_what_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        autotune(TEXTS[:40], Y[:40], **wrong)
