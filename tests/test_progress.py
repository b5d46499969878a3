"""Progress bars: for all that takes long, and for nobody who did not ask."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklabelemb import LabelTreeClassifier, LabelwiseCalibrator, LEAMClassifier, ThresholdTuner
from sklabelemb.baselines import BinaryRelevance
from sklabelemb.encoders.frozen import TEXTS_OF_A_BAR, text_encoder, text_vectors
from sklabelemb.model_selection import SearchProgress, search_progress
from sklabelemb.progress import progress_bar


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Wide enough for a whole line, in whatever window the tests run."""
    monkeypatch.setenv("COLUMNS", "200")


TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "hello"] * 10
LABELS = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 10)


def small(**parameters):
    given = {"embedding_dim": 8, "max_epochs": 2, "random_state": 0} | parameters
    return LEAMClassifier(**given)


def test_a_fit_shows_network_and_linear_path(capfd):
    small(verbose=1, validation_fraction=0.4, min_df=1).fit(TEXTS, LABELS)
    shown = capfd.readouterr().err
    assert "LEAMClassifier: network: 100%" in shown
    assert "valid micro-F1=" in shown
    assert "valid_score" not in shown
    assert "Linear path: 100%" in shown
    # the remaining time
    assert "<00:00" in shown


def test_micro_f1_is_in_the_history_as_well():
    model = small(validation_fraction=0.4, patience=None).fit(TEXTS, LABELS)
    for row in model.history_:
        assert 0 <= row["valid_micro_f1"] <= row["valid_score"] <= 1.25
    classes = [" ".join(map(str, row)) for row in LABELS]
    model = small(validation_fraction=0.4).fit(TEXTS, classes)
    assert all(row["valid_accuracy"] == row["valid_score"] for row in model.history_)


def test_a_bar_of_a_fit_that_ends_early_is_full(capfd):
    model = small(verbose=1, max_epochs=40, patience=1, validation_fraction=0.4)
    model.fit(TEXTS, LABELS)
    assert model.n_iter_ < 40
    last = [line for line in capfd.readouterr().err.split("\r") if "network" in line][-1]
    assert "100%" in last


@pytest.mark.parametrize("meta", [ThresholdTuner, LabelwiseCalibrator])
def test_meta_estimators_show_their_fits(meta, capfd):
    estimator = BinaryRelevance()
    meta(estimator, cv=3, verbose=1, random_state=0).fit(TEXTS, LABELS)
    shown = capfd.readouterr().err
    assert f"{meta.__name__}: fitting BinaryRelevance" in shown
    assert "4/4" in shown
    assert ("Searching thresholds: 100%" in shown) == (meta is ThresholdTuner)
    meta(estimator, cv=3, random_state=0).fit(TEXTS, LABELS)
    assert capfd.readouterr() == ("", "")


def test_trees_show_their_nodes(capfd):
    LabelTreeClassifier(max_children=2, verbose=1, random_state=0).fit(TEXTS, LABELS)
    assert "LabelTreeClassifier: nodes: 100%" in capfd.readouterr().err


def test_embedding_shows_texts_if_there_are_many(capfd):
    class Lengths:
        def encode(self, texts):
            return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    encoder = text_encoder(Lengths())
    text_vectors(encoder, [f"text {i}" for i in range(TEXTS_OF_A_BAR)], verbose=True)
    assert "Embedding texts" in capfd.readouterr().err
    text_vectors(encoder, ["a", "b"], verbose=True)
    text_vectors(encoder, [f"text {i}" for i in range(TEXTS_OF_A_BAR)])
    assert capfd.readouterr().err == ""


def test_no_warning_where_a_kernel_has_no_widgets(monkeypatch, capfd):
    class Application:
        @staticmethod
        def initialized():
            return True

    class Kernel:
        IPKernelApp = Application

    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", Kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with progress_bar("Reading", 2, "text") as bar:
            bar.update(2)
    out, err = capfd.readouterr()
    assert "Reading: 100%" in out
    assert err == ""


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_searches_show_their_fits(n_jobs, capfd):
    grid = {"classifier__C": [0.1, 10]}
    search = GridSearchCV(BinaryRelevance(), grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(SearchProgress()).fit(TEXTS, LABELS)
    assert "GridSearchCV: fits: 100%" in (shown := capfd.readouterr().err)
    assert "5/5" in shown
    search.set_callbacks(SearchProgress()).fit(TEXTS, LABELS)  # and again
    assert "5/5" in capfd.readouterr().err


def test_a_search_that_fails_puts_its_bar_away(capfd):
    search = GridSearchCV(BinaryRelevance(), {"classifier__C": [1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="label_names"):
        search.set_params(estimator__label_names=["one"]).set_callbacks(SearchProgress()).fit(
            TEXTS, LABELS
        )
    assert search_progress._BARS == {}
