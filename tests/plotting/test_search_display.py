"""A search over one parameter, alone or among others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklabelemb.plotting import GridSearchDisplay

from .conftest import legend

RESULTS = {
    "param_window_size": [5, 0, 5, 0],
    "param_dropout": [0.1, 0.1, 0.5, 0.5],
    "mean_test_f1_micro": [0.7, 0.6, 0.8, np.nan],
    "std_test_f1_micro": [0.01, 0.02, 0.03, np.nan],
    "mean_test_f1_macro": [0.5, 0.4, 0.3, 0.2],
    "std_test_f1_macro": [0.01, 0.01, 0.01, 0.01],
}


def test_each_value_is_shown_at_its_best():
    display = GridSearchDisplay.from_results(RESULTS, "window_size")
    assert display.values == [0, 5]
    assert display.means["f1_micro"].tolist() == [0.6, 0.8]
    assert display.deviations["f1_micro"].tolist() == [0.02, 0.03]
    assert display.best() == (5, 0.8)
    assert display.best("f1_macro") == (5, 0.5)
    assert legend(display.ax_) == ["f1_micro", "f1_macro"]
    assert display.ax_.get_xlabel() == "window size"
    best = [line for line in display.ax_.lines if line.get_gid() == "best"]
    assert [float(np.ravel(line.get_ydata())[0]) for line in best] == [0.8, 0.5]


def test_a_search_over_a_pipeline():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 2)), np.arange(40) % 2
    model = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(model, {"logisticregression__C": [1.0, 0.1]}, cv=2).fit(X, y)
    display = GridSearchDisplay.from_estimator(search)
    assert display.values == [0.1, 1.0]
    np.testing.assert_allclose(display.means["score"], search.cv_results_["mean_test_score"][::-1])
    assert display.ax_.get_xlabel() == "C"


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"parameter must be one of .*'window_size', 'dropout'"):
        GridSearchDisplay.from_results(RESULTS)
    with pytest.raises(ValueError, match="fit the search first"):
        GridSearchDisplay.from_estimator(object())
