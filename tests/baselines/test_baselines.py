"""The three baselines: one contract, held by each, and what is particular to each of them."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
from sklabelemb.baselines.answers import _label_scores
from sklabelemb.baselines.base import LabelClassifier

BASELINES = [BinaryRelevance, ClassifierChain, LabelPowerset]

_SAYINGS = {
    (1, 0, 0): "parcel late courier",
    (0, 1, 0): "money back soon",
    (0, 0, 1): "rude agent phone",
    (1, 1, 0): "parcel late money back",
    (0, 1, 1): "money back rude agent",
    (0, 0, 0): "nice weather today",
}
TEXTS = [f"{text} {filler}" for filler in ("now", "again", "please") for text in _SAYINGS.values()]
Y = np.array(list(_SAYINGS) * 3)
CLASSES = np.array(["late", "refund", "rude", "late", "refund", "other"] * 3)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=BASELINES)
def Baseline(request):  # noqa: N802
    return request.param


def values(y):
    return y.toarray() if sp.issparse(y) else np.asarray(y)


@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_indicator_in_indicator_out(Baseline, container, dtype):
    y = container(Y.astype(dtype))
    model = Baseline().fit(TEXTS, y)
    predicted = model.predict(TEXTS)
    assert type(predicted) is type(y)
    assert predicted.dtype == y.dtype
    np.testing.assert_array_equal(values(predicted), Y)
    np.testing.assert_array_equal(model.classes_, [[0, 1]] * 3)
    assert model.label_names_.tolist() == [0, 1, 2]
    assert model.score(TEXTS, y) == 1.0


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frame_in_frame_out(Baseline, library):
    frames = pytest.importorskip(library)
    y = frames.DataFrame(dict(zip(["late", "refund", "rude"], Y.T.copy(), strict=True)))
    model = Baseline().fit(frames.Series(TEXTS), y)
    predicted = model.predict(np.array(TEXTS))
    assert isinstance(predicted, frames.DataFrame)
    assert list(predicted.columns) == ["late", "refund", "rude"]
    assert model.label_names_.tolist() == ["late", "refund", "rude"]
    np.testing.assert_array_equal(predicted.to_numpy(), Y)


def test_many_classes(Baseline):
    model = Baseline().fit(TEXTS, CLASSES)
    assert model.predict(TEXTS).tolist() == CLASSES.tolist()
    assert model.classes_.tolist() == ["late", "other", "refund", "rude"]
    scores = model.decision_function(TEXTS)
    assert scores.shape == (len(TEXTS), 4)
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], CLASSES)
    assert model.score(TEXTS, CLASSES) == 1.0


def test_two_classes(Baseline):
    y = np.where(CLASSES == "rude", 7, 3)
    model = Baseline(classifier=LogisticRegression(C=100)).fit(TEXTS, y)
    np.testing.assert_array_equal(model.predict(TEXTS), y)
    # scikit-learn's binary scorers want one score a sample: that of classes_[1].
    scores = model.decision_function(TEXTS)
    assert scores.shape == (len(TEXTS),)
    np.testing.assert_array_equal(scores > 0, y == 7)
    probabilities = model.predict_proba(TEXTS)
    assert probabilities.shape == (len(TEXTS), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities[:, 1] > 0.5, y == 7)


def test_positive_score_means_predicted(Baseline):
    model = Baseline().fit(TEXTS, Y)
    unseen = [*TEXTS, "late money rude", "", "quite unheard of"]
    scores = model.decision_function(unseen)
    assert scores.shape == (len(unseen), 3)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores > 0, model.predict(unseen))


def test_probabilities_are_strictly_inside(Baseline):
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    model = Baseline(classifier=forest).fit(TEXTS, Y)
    probabilities = model.predict_proba(TEXTS)
    assert probabilities.shape == Y.shape
    assert probabilities.min() > 0
    assert probabilities.max() < 1
    assert np.mean((probabilities > 0.5) == Y) > 0.9
    assert not hasattr(model, "decision_function")


def test_probabilities_of_classes_sum_to_one(Baseline):
    model = Baseline(classifier=LogisticRegression(C=100)).fit(TEXTS, CLASSES)
    probabilities = model.predict_proba(TEXTS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], CLASSES)


def test_methods_follow_the_classifier(Baseline):
    assert hasattr(Baseline(), "decision_function")
    assert not hasattr(Baseline(), "predict_proba")
    assert hasattr(Baseline(classifier=LogisticRegression()), "predict_proba")
    neighbours = Baseline(classifier=KNeighborsClassifier(1))
    assert not hasattr(neighbours, "decision_function")
    np.testing.assert_array_equal(neighbours.fit(TEXTS, Y).predict(TEXTS), Y)
    assert neighbours.fit(TEXTS, CLASSES).predict(TEXTS).tolist() == CLASSES.tolist()


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("column", [0, 2])
@pytest.mark.parametrize("classifier", [None, LogisticRegression(), KNeighborsClassifier(1)])
def test_label_with_one_value_only(Baseline, value, column, classifier):
    y = Y.copy()
    y[:, column] = value
    model = Baseline(classifier=classifier)
    if value == 0:
        with pytest.warns(UserWarning, match=rf"1 of 3 labels have no positive .* \({column}\)"):
            model.fit(TEXTS, y)
    else:
        model.fit(TEXTS, y)
    np.testing.assert_array_equal(model.predict(TEXTS), y)
    assert (model.predict(["nothing known"])[:, column] == value).all()
    if hasattr(model, "decision_function"):
        scores = model.decision_function(TEXTS)
        assert np.isfinite(scores).all()
        assert ((scores[:, column] > 0) == value).all()
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(TEXTS)[:, column]
        assert ((probabilities > 0.5) == value).all()
        assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.parametrize("classifier", [None, LogisticRegression()])
def test_nothing_varies(Baseline, classifier):
    y = np.tile([1, 0], (4, 1))
    model = Baseline(classifier=classifier)
    with pytest.warns(UserWarning, match="1 of 2 labels have no positive sample"):
        model.fit(TEXTS[:4], y)
    np.testing.assert_array_equal(model.predict(TEXTS), np.tile([1, 0], (len(TEXTS), 1)))
    np.testing.assert_array_equal(model.decision_function(TEXTS) > 0, model.predict(TEXTS))


def test_single_label_column(Baseline):
    y = Y[:, :1]
    model = Baseline().fit(TEXTS, y)
    np.testing.assert_array_equal(model.predict(TEXTS), y)
    assert model.decision_function(TEXTS).shape == y.shape
    assert model.classes_.tolist() == [[0, 1]]


def test_texts_are_vectorised_once(Baseline):
    class Counting(CountVectorizer):
        calls = []

        def fit_transform(self, raw_documents, y=None):
            self.calls.append("fit_transform")
            return super().fit_transform(raw_documents, y)

        def transform(self, raw_documents):
            self.calls.append("transform")
            return super().transform(raw_documents)

    given = Counting()
    model = Baseline(vectorizer=given).fit(TEXTS, Y)
    assert Counting.calls == ["fit_transform"]
    model.predict(TEXTS)
    assert Counting.calls == ["fit_transform", "transform"]
    assert not hasattr(given, "vocabulary_")  # a clone was fitted


def test_dense_features(Baseline):
    dense = make_pipeline(CountVectorizer(), _ToDense())
    np.testing.assert_array_equal(Baseline(vectorizer=dense).fit(TEXTS, Y).predict(TEXTS), Y)


class _ToDense(sklearn.base.TransformerMixin, sklearn.base.BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.toarray()

    def __sklearn_is_fitted__(self):
        return True


def test_default_vectorizer_keeps_rare_words_only_where_it_must(Baseline):
    assert Baseline().fit(TEXTS, Y).vectorizer_.min_df == 2
    tiny = Baseline().fit(["late parcel", "money back"], [[1, 0], [0, 1]])
    assert tiny.vectorizer_.min_df == 1
    np.testing.assert_array_equal(tiny.predict(["money back"]), [[0, 1]])


def test_texts_without_a_word(Baseline):
    with pytest.raises(ValueError, match=r"X holds no word to learn from.*pass a vectorizer"):
        Baseline().fit(["", "?"], [[1, 0], [0, 1]])
    assert Baseline().fit(["", *TEXTS], np.vstack([[[0, 0, 0]], Y])).predict([""]).shape == (1, 3)


def test_sample_weight_counts_like_repetition(Baseline):
    # An odd one out, which only its weight makes heard.
    X, y = [*TEXTS, TEXTS[0]], np.vstack([Y, [[0, 0, 1]]])
    weight = np.ones(len(X))
    weight[-1] = 9
    model = Baseline(vectorizer=CountVectorizer(), classifier=LogisticRegression(tol=1e-8))
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(X + [TEXTS[0]] * 8, np.vstack([y, [[0, 0, 1]] * 8]))
    plain = clone(model).fit(X, y)
    expected = repeated.decision_function(TEXTS)
    np.testing.assert_allclose(weighted.decision_function(TEXTS), expected, atol=1e-3)
    assert np.abs(plain.decision_function(TEXTS) - expected).max() > 0.1


def test_sample_of_weight_zero_is_not_there(Baseline):
    y = Y.copy()
    y[:, 2] = 0
    y[0, 2] = 1
    weight = np.ones(len(TEXTS))
    weight[0] = 0
    model = Baseline()
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no positive sample in y \(2\)"):
        model.fit(TEXTS, y, sample_weight=weight)
    assert model.predict(TEXTS)[:, 2].sum() == 0


def test_class_of_weight_zero(Baseline):
    message = "Every text of the class .*'rude'.* has the weight 0"
    with pytest.raises(ValueError, match=message):
        Baseline().fit(TEXTS, CLASSES, sample_weight=CLASSES != "rude")


@pytest.mark.parametrize("routing", [False, True])
def test_sample_weight_of_a_nested_classifier(Baseline, routing):
    nested = CalibratedClassifierCV(LinearSVC(random_state=0), cv=2)
    with sklearn.config_context(enable_metadata_routing=routing):
        model = Baseline(classifier=nested).fit(TEXTS, CLASSES, sample_weight=np.ones(len(TEXTS)))
        assert model.predict_proba(TEXTS).shape == (len(TEXTS), 4)
        assert sklearn.get_config()["enable_metadata_routing"] is routing


def test_sample_weight_is_routed(Baseline):
    with sklearn.config_context(enable_metadata_routing=True):
        model = Baseline(classifier=LinearSVC(random_state=0)).set_fit_request(sample_weight=True)
        scorer = make_scorer(f1_score, average="micro").set_score_request(sample_weight=False)
        search = GridSearchCV(model, {"classifier__C": [1.0]}, cv=3, scoring=scorer)
        search.fit(TEXTS, Y, sample_weight=np.ones(len(TEXTS)))
    np.testing.assert_array_equal(search.predict(TEXTS), Y)


@pytest.mark.parametrize(
    ("weight", "message"),
    [(np.ones(3), "sample_weight.shape"), (-np.ones(len(TEXTS)), "[Nn]egative values")],
)
def test_wrong_sample_weight(Baseline, weight, message):
    with pytest.raises(ValueError, match=message):
        Baseline().fit(TEXTS, Y, sample_weight=weight)


def test_sample_weight_that_the_classifier_does_not_take(Baseline):
    model = Baseline(classifier=KNeighborsClassifier(1))
    with pytest.raises(ValueError, match=r"KNeighborsClassifier.fit has no argument sample_weight"):
        model.fit(TEXTS, Y, sample_weight=np.ones(len(TEXTS)))


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ("one text", Y, ValueError, "got a single string"),
        ([*TEXTS[:-1], None], Y, ValueError, "missing value"),
        (np.ones((18, 2)), Y, ValueError, "1-D collection of raw texts"),
        (TEXTS, [["late"]] * len(TEXTS), ValueError, "MultiLabelBinarizer"),
        (TEXTS, Y[:5], ValueError, "inconsistent numbers of samples"),
        (TEXTS, ["late"] * len(TEXTS), ValueError, "only one class"),
    ],
)
def test_wrong_data(Baseline, X, y, error, message):
    model = Baseline()
    with pytest.raises(error, match=message):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"vectorizer": "tfidf"}, "The 'vectorizer' parameter of .* must be"),
        ({"classifier": "svm"}, "The 'classifier' parameter of .* must be"),
    ],
)
def test_wrong_parameters(Baseline, parameters, message):
    with pytest.raises(ValueError, match=message):
        Baseline(**parameters).fit(TEXTS, Y)


def test_failed_fit_does_not_look_fitted(Baseline):
    class Failing(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            raise RuntimeError("out of luck")

    model = Baseline(classifier=Failing())
    with pytest.raises(RuntimeError, match="out of luck"):
        model.fit(TEXTS, Y)
    assert not [name for name in vars(model) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)


def test_parameters_are_only_assigned(Baseline):
    vectorizer, classifier = TfidfVectorizer(), LogisticRegression()
    model = Baseline(vectorizer=vectorizer, classifier=classifier)
    assert model.vectorizer is vectorizer
    assert model.get_params()["classifier__C"] == 1.0
    copied = clone(model).set_params(classifier__C=5, vectorizer__min_df=1)
    assert (copied.classifier.C, classifier.C) == (5, 1.0)
    assert repr(Baseline()) == f"{Baseline.__name__}()"


def test_copies_predict_the_same(Baseline):
    model = Baseline().fit(TEXTS, Y)
    scores = model.decision_function(TEXTS)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(TEXTS), scores)


def test_twice_the_same_and_global_random_state_untouched(Baseline):
    state = np.random.get_state()[1].tolist()
    first, second = (Baseline().fit(TEXTS, Y).decision_function(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.random.get_state()[1].tolist() == state


def test_inside_scikit_learn(Baseline):
    model = Baseline(classifier=LinearSVC(random_state=0))
    search = GridSearchCV(model, {"classifier__C": [1e-6, 1.0]}, cv=3, scoring="f1_micro")
    search.fit(TEXTS, Y)
    assert search.best_score_ == 1.0
    assert search.best_params_["classifier__C"] == search.best_estimator_.classifier.C
    scores = cross_val_predict(model, TEXTS, Y, cv=3, method="decision_function")
    assert scores.shape == Y.shape
    binary = GridSearchCV(model, {"classifier__C": [1.0]}, cv=3, scoring="roc_auc")
    assert binary.fit(TEXTS, CLASSES == "rude").best_score_ == 1.0


def test_tags(Baseline):
    tags = get_tags(Baseline())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.input_tags.sparse
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.required


# BinaryRelevance


@pytest.mark.parametrize("y", [Y, CLASSES])
def test_binary_relevance_is_one_vs_rest(y):
    ours = BinaryRelevance().fit(TEXTS, y)
    features = ours.vectorizer_.transform(TEXTS)
    theirs = OneVsRestClassifier(LinearSVC(random_state=0)).fit(features, y)
    np.testing.assert_array_equal(ours.predict(TEXTS), theirs.predict(features))
    np.testing.assert_allclose(ours.decision_function(TEXTS), theirs.decision_function(features))


def test_binary_relevance_in_parallel():
    # Not LinearSVC, whose solver draws from random numbers that all threads share.
    plain = LogisticRegression()
    alone = BinaryRelevance(classifier=plain).fit(TEXTS, Y).decision_function(TEXTS)
    with parallel_config(backend="threading"):  # starting processes takes seconds
        both = BinaryRelevance(classifier=plain, n_jobs=2)
        together = both.fit(TEXTS, Y).decision_function(TEXTS)
    np.testing.assert_array_equal(together, alone)
    with pytest.raises(ValueError, match="n_jobs == 0"):
        BinaryRelevance(n_jobs=0).fit(TEXTS, Y)


def test_binary_relevance_needs_scores_for_classes():
    class Mute(NearestCentroid):
        decision_function = predict_proba = property()

    with pytest.raises(ValueError, match="Mute has neither decision_function nor predict_proba"):
        BinaryRelevance(classifier=Mute()).fit(TEXTS, CLASSES)


# ClassifierChain


def test_chain_follows_the_labels_before():
    # The second label is the first one; a text alone says nothing about it.
    X = ["parcel", "money"] * 10
    y = np.array([[1, 1], [0, 0]] * 10)
    chain = ClassifierChain(order=[0, 1]).fit(X, y)
    coefficients = [e.classifier_.coef_.size for e in chain.chain_.estimators_]
    assert coefficients == [2, 3]
    assert chain.chain_.estimators_[1].classifier_.coef_[0, -1] > 0.1


def test_chain_order():
    given = ClassifierChain(order=[2, 0, 1]).fit(TEXTS, Y)
    assert given.order_.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(given.predict(TEXTS), Y)
    drawn = [ClassifierChain(order="random", random_state=seed).fit(TEXTS, Y) for seed in (1, 1, 0)]
    orders = [chain.order_.tolist() for chain in drawn]
    assert orders[0] == orders[1] != orders[2]
    np.testing.assert_array_equal(drawn[0].predict(TEXTS), Y)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3]])
def test_chain_wrong_order(order):
    with pytest.raises(ValueError, match="every label index from 0 to 2 exactly once"):
        ClassifierChain(order=order).fit(TEXTS, Y)


def test_chain_misspelt_order():
    with pytest.raises(ValueError, match=r"The 'order' parameter of .* \{'random'\}"):
        ClassifierChain(order="rondom").fit(TEXTS, Y)


# LabelPowerset


def test_powerset_knows_the_sets_seen():
    model = LabelPowerset().fit(TEXTS, sp.csr_matrix(Y))
    assert sp.issparse(model.label_sets_)
    np.testing.assert_array_equal(model.label_sets_.toarray(), list(_SAYINGS))
    predicted = model.predict(["late money rude", "parcel rude agent"]).toarray()
    assert {tuple(row) for row in predicted} <= set(_SAYINGS)


def test_powerset_does_not_densify(monkeypatch):
    monkeypatch.setattr(sp.csr_matrix, "toarray", lambda self: pytest.fail("made dense"))
    LabelPowerset().fit(TEXTS, sp.csr_matrix(Y))


def test_powerset_does_not_mind_the_order_of_indices():
    # Twice the set {0, 1}, with its column numbers in either order.
    y = sp.csr_matrix((np.ones(5), [1, 0, 0, 1, 2], [0, 2, 4, 5]), shape=(3, 3))
    assert LabelPowerset().fit(TEXTS[:3], y).label_sets_.shape == (2, 3)


def test_powerset_label_scores():
    label_sets = sp.csr_matrix(np.array([[1, 0, 1], [1, 1, 0], [1, 1, 1]], dtype=bool))
    scores = np.array([[5.0, 2.0, 4.0], [0.0, 3.0, 1.0]])
    # Label 0 is in every set: its rival lies 1 below the lowest score.
    expected = [[5 - (2 - 1), 4 - 5, 5 - 2], [3 - (0 - 1), 3 - 0, 1 - 3]]
    np.testing.assert_array_equal(_label_scores(scores, label_sets), expected)


def test_powerset_label_probabilities_are_sums_over_sets():
    model = LabelPowerset(classifier=LogisticRegression()).fit(TEXTS, Y)
    by_set = model.classifier_.predict_proba(model.vectorizer_.transform(TEXTS))
    expected = by_set @ np.array(list(_SAYINGS))
    np.testing.assert_allclose(model.predict_proba(TEXTS), expected)


def test_powerset_of_one_set_needs_no_classifier():
    model = LabelPowerset(classifier=LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(TEXTS, np.tile([0, 1], (len(TEXTS), 1)))
    assert model.classifier_ is None
    np.testing.assert_array_equal(model.decision_function(["any"]), [[-1.0, 1.0]])
    assert model.predict_proba(["any"])[0] == pytest.approx([0, 1])


# The binary classifier that takes a constant label


def test_label_classifier_scores_a_constant_label_by_its_log_odds():
    X = np.zeros((4, 1))
    never = LabelClassifier(LogisticRegression()).fit(X, np.zeros(4))
    always = LabelClassifier(LogisticRegression()).fit(X, sp.csr_matrix(np.ones((4, 1))))
    assert never.classes_.tolist() == always.classes_.tolist() == [0, 1]
    np.testing.assert_allclose(never.decision_function(X), np.log(1 / 5))
    np.testing.assert_allclose(always.decision_function(X), np.log(5))
    np.testing.assert_allclose(never.predict_proba(X), np.tile([5 / 6, 1 / 6], (4, 1)))
    assert never.predict(X).tolist() == [0] * 4
    assert always.predict(X).tolist() == [1] * 4


# Real data


def test_reuters(shared):
    from sklabelemb.datasets import load_folder

    X, y = load_folder(shared / "data" / "reuters21578", split="train", return_X_y=True)
    # The ten most frequent labels of 2,000 texts: with all of them it takes too long for a test.
    frequent = np.argsort(-y.sum(axis=0), kind="stable")[:10]
    model = BinaryRelevance().fit(X[:1500], y[:1500, frequent])
    assert f1_score(y[1500:2000, frequent], model.predict(X[1500:2000]), average="micro") > 0.75
