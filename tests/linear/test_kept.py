"""Wide paths that candidates of a search share, in a folder."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklabelemb import LEAMClassifier
from sklabelemb.linear import KeptPaths
from sklabelemb.linear import path as wide_path
from sklabelemb.text import TokenIds

TEXTS = [f"a late parcel number {i}" for i in range(60)] + [
    f"money back for order {i}" for i in range(60)
]
LABELS = np.repeat(["parcel", "refund"], 60)


def model(**parameters):
    return LEAMClassifier(random_state=0, max_epochs=1, **parameters)


@pytest.fixture
def descents(monkeypatch):
    """How often a wide path was trained."""
    calls = []
    descend = wide_path.descend

    def counted(*args, **kwargs):
        calls.append(1)
        return descend(*args, **kwargs)

    monkeypatch.setattr(wide_path, "descend", counted)
    return calls


def test_candidates_of_a_search_share_the_wide_path(tmp_path, descents):
    grid = {"window_size": [0, 2, 5]}
    without = GridSearchCV(model(), grid, cv=2, refit=False).fit(TEXTS, LABELS)
    n_without = len(descents)
    kept = GridSearchCV(model(memory=tmp_path), grid, cv=2, refit=False).fit(TEXTS, LABELS)
    assert len(descents) - n_without == n_without / 3
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(without.cv_results_[name], kept.cv_results_[name])


@pytest.mark.parametrize(
    "change",
    [
        {"random_state": 1},
        {"max_length": 3},
        {"class_weight": "balanced"},
        {"validation_fraction": 0},
        {"max_features": 5},
    ],
)
def test_what_changes_the_wide_path_trains_another(tmp_path, descents, change):
    model(memory=tmp_path).fit(TEXTS, LABELS)
    before = len(descents)
    found = model(memory=tmp_path).set_params(**change).fit(TEXTS, LABELS)
    assert len(descents) > before
    expected = model().set_params(**change).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(found.predict_proba(TEXTS), expected.predict_proba(TEXTS))


def test_other_targets_and_weights_train_another(tmp_path, descents):
    model(memory=tmp_path).fit(TEXTS, LABELS)
    for labels, weight in ((LABELS[::-1], None), (LABELS, np.linspace(0.1, 1, len(TEXTS)))):
        before = len(descents)
        model(memory=tmp_path).fit(TEXTS, labels, sample_weight=weight)
        assert len(descents) > before


def test_a_memory_of_joblib(tmp_path, descents):
    memory = joblib.Memory(tmp_path, verbose=0)
    first = model(memory=memory).fit(TEXTS, LABELS)
    before = len(descents)
    second = model(memory=memory, window_size=2).fit(TEXTS, LABELS)
    assert len(descents) == before
    np.testing.assert_array_equal(first.predict_proba(TEXTS), second.predict_proba(TEXTS))


def test_other_rows_of_the_same_texts_are_another_path(tmp_path):
    ids = TokenIds([2, 3, 2], [0, 1, 3])
    kept = KeptPaths(tmp_path, ids, np.array([0, 1]), ("a", "b"))
    trained = [kept.get(lambda n=n: n, np.arange(n), 0) for n in (1, 2)]
    assert trained == [1, 2]
    assert kept.get(lambda: "anew", np.arange(2), 0) == 2
    assert kept.get(lambda: "anew", np.arange(2), 1) == "anew"
