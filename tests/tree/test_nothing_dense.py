"""Nothing of the size texts × labels is ever dense, from the targets to the report."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin

from sklabelemb import LabelTreeClassifier, LabelwiseCalibrator, ThresholdTuner, load, save
from sklabelemb.decision import decide
from sklabelemb.decision.objectives import OBJECTIVES
from sklabelemb.metrics import SCORERS, multilabel_report, precision_at_k

N_TEXTS, N_LABELS = 400, 90


def drawn(n_texts, seed):
    """Texts of three labels, with a word of each that it shares with the next."""
    random = np.random.default_rng(seed)
    labels = np.array([random.choice(N_LABELS, 3, replace=False) for _ in range(n_texts)])
    words = random.integers(0, 6, (n_texts, 3)) + 3 * labels
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    places = (np.repeat(np.arange(n_texts), 3), labels.ravel())
    return texts, sp.csr_matrix((np.ones(3 * n_texts, dtype=np.int64), places), (n_texts, N_LABELS))


X, Y = drawn(N_TEXTS, 0)
X_NEW, Y_NEW = drawn(N_TEXTS + 1, 1)


@pytest.fixture
def refused(monkeypatch):
    """Let any matrix of texts × labels fail that is made dense."""
    for kind in (sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.csr_array):
        dense = kind.toarray

        def toarray(self, *args, dense=dense, **kwargs):
            assert self.shape not in ((N_TEXTS, N_LABELS), (N_TEXTS + 1, N_LABELS)), "dense"
            return dense(self, *args, **kwargs)

        monkeypatch.setattr(kind, "toarray", toarray)
        monkeypatch.setattr(kind, "todense", toarray)


@pytest.fixture(scope="module")
def tree():
    model = LabelTreeClassifier(max_children=12, sparse_output=True, random_state=0)
    return model.fit(X, Y)


def test_the_guard_notices(refused):
    with pytest.raises(AssertionError, match="dense"):
        Y.toarray()


def test_fit_and_answers(refused, tmp_path):
    tree = LabelTreeClassifier(max_children=12, sparse_output=True, random_state=0).fit(X, Y)
    predicted, proba = tree.predict(X_NEW), tree.predict_proba(X_NEW)
    assert tree.score(X_NEW, Y_NEW) > 0
    assert len(tree.predict_labels(X_NEW, top_k=5)[0]) == 5
    report = multilabel_report(Y_NEW, predicted, y_score=proba, y_train=Y)
    assert report.averages["micro"]["f1"] > 0.4
    save(tree, tmp_path / "tree")
    assert (load(tmp_path / "tree").predict(X_NEW) != predicted).nnz == 0


@pytest.mark.parametrize("name", SCORERS)
def test_scorers(refused, tree, name):
    # Both areas are those of all pairs; what is not stored lies behind what is.
    assert abs(SCORERS[name](tree, X_NEW, Y_NEW)) <= 1


def test_scorers_of_places_agree_with_the_metric(tree):
    wanted = precision_at_k(Y_NEW, tree.predict_proba(X_NEW), k=3)
    assert SCORERS["precision_at_3"](tree, X_NEW, Y_NEW) == wanted


@pytest.mark.parametrize("objective", ["micro_f1", "macro_f1"])
def test_tuned_thresholds(refused, tree, objective):
    untuned = LabelTreeClassifier(
        max_children=12, sparse_output=True, threshold=0.9, random_state=0
    ).fit(X, Y)
    tuner = ThresholdTuner(untuned, objective=objective, cv="prefit", random_state=0)
    tuner.fit(X_NEW, Y_NEW)
    proba = tuner.predict_proba(X_NEW)
    assert sp.issparse(proba)
    decisions = decide(proba, tuner.thresholds_, tuner.min_labels_)
    assert (tuner.predict(X_NEW) != decisions).nnz == 0
    scorer = SCORERS["f1_micro" if objective == "micro_f1" else "f1_macro"]
    assert scorer(tuner, X_NEW, Y_NEW) >= scorer(untuned, X_NEW, Y_NEW) + 0.01
    assert tuner.best_score_ >= tuner.default_score_
    # Untuned is from a probability of 0.5 on, exclusively.
    by_itself = OBJECTIVES[objective]().score(Y_NEW, proba > 0.5)
    assert tuner.default_score_ == pytest.approx(by_itself)
    assert len(tuner.predict_labels(X_NEW, top_k=2)[0]) == 2


def test_tuned_thresholds_are_those_of_a_dense_matrix(tree):
    class Dense(ClassifierMixin, BaseEstimator):
        """The same probabilities, and nearly 0 where there are none."""

        classes_ = tree.classes_

        def fit(self, X, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def predict_proba(self, X):
            return np.maximum(tree.predict_proba(X).toarray(), 1e-12)

    for options in ({"per_label": False}, {"per_label": True, "shrinkage": 10.0}):
        common = {"cv": "prefit", "random_state": 0, **options}
        sparse = ThresholdTuner(tree, **common).fit(X_NEW, Y_NEW)
        dense = ThresholdTuner(Dense(), **common).fit(X_NEW, Y_NEW)
        assert sparse.best_score_ == pytest.approx(dense.best_score_, abs=0.01)


def test_other_objectives_and_calibration_take_a_dense_matrix(tree):
    tuner = ThresholdTuner(tree, objective="samples_f1", cv="prefit").fit(X_NEW, Y_NEW)
    assert tuner.best_score_ >= tuner.default_score_
    calibrated = LabelwiseCalibrator(tree, cv="prefit").fit(X_NEW, Y_NEW)
    assert calibrated.predict_proba(X_NEW).shape == (N_TEXTS + 1, N_LABELS)
