"""What is served answers as the classifier that was saved, in all its forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline

from sklabelemb import (
    BinaryRelevance,
    ClassifierChain,
    LabelPowerset,
    LabelTreeClassifier,
    LabelwiseCalibrator,
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
    ThresholdTuner,
    save,
    serving,
)
from sklabelemb.leam import PAPER_SETTINGS

from ..tolerances import close

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "café 包裹 🙂 thanks"]
TEXTS = [f"{text} {more}" for text in TEXTS for more in ("now", "again", "", "please please")] * 4
# Unknown words, an empty text, single words, one that is longer than any window.
UNSEEN = ["is my parcels late", "refunds 包裹 café", "", "qwertz", "due due late", "late " * 130]
LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]]).repeat(4, axis=0)
LABELS = np.tile(LABELS, (4, 1))
NAMED = pd.DataFrame(LABELS, columns=["delivery", "refund", "thanks"])
CLASSES = np.array(["delivery", "refund", "thanks"])[LABELS.argmax(axis=1)]
SMALL = {"embedding_dim": 6, "max_epochs": 2, "learning_rate": 0.05, "random_state": 0}
SMALL |= {"device": "cpu", "validation_fraction": 0.3}
PAPER = {**PAPER_SETTINGS, **SMALL}


class Letters:
    """An encoder: how often a text has each of some letters."""

    def encode(self, texts):
        return np.array([[text.count(letter) for letter in "aeiou"] for text in texts], "f4")


def leam(y=NAMED, **parameters):
    return LEAMClassifier(**{**SMALL, **parameters}).fit(TEXTS, y)


def mtle(y=NAMED, **parameters):
    return MTLEClassifier(**{**SMALL, "encoder": "mean", **parameters}).fit(TEXTS, y)


def tasks():
    opinion = {"pro": "good moving loved", "con": "bad dull long"}
    model = MTLEClassifier(**SMALL, encoder="mean", label_texts={"books": opinion})
    model.fit_tasks({"books": (TEXTS, ["pro", "con"] * 32), "support": (TEXTS, NAMED)})
    return model.add_task("music", ["hit", "miss"], ["loved", "dull"])


def by_label():
    model = leam(threshold=[0.2, 0.6, 0.4], min_labels=1)
    task = model.model_.own_task
    weights = np.random.default_rng(0).uniform(0.2, 2, (3, 4))
    mixture = type(task.mixture)(by_label=weights)
    model.model_ = model.model_.with_task(type(task)(**{**vars(task), "mixture": mixture}))
    return model


def baseline(cls, y=NAMED, classifier=None, vectorizer=None):
    return cls(classifier=classifier, vectorizer=vectorizer).fit(TEXTS, y)


def tree(y=NAMED, **parameters):
    return LabelTreeClassifier(max_children=2, random_state=0, **parameters).fit(TEXTS, y)


MODELS = {
    "leam": leam,
    "leam of classes": lambda: leam(CLASSES),
    "leam of two classes": lambda: leam(LABELS[:, 0]),
    "leam of a sparse indicator": lambda: leam(sp.csr_array(LABELS)),
    "leam without a wide path": lambda: leam(wide=False, min_labels=2, max_length=3),
    "leam mixed by label": by_label,
    "leam of the paper": lambda: leam(**PAPER),
    "leam of the paper, classes": lambda: leam(CLASSES, **PAPER),
    "leam with an mlp": lambda: leam(head="mlp", head_size=5, mask_numbers=True),
    "leam of the paper with an mlp": lambda: leam(**{**PAPER, "head": "mlp", "head_size": 5}),
    "leam, linear": lambda: leam(compatibility="linear"),
    "leam, linear and shared": lambda: leam(compatibility="linear", attention="shared"),
    "leam, uniform": lambda: leam(compatibility="uniform"),
    "leam, uniform with an mlp": lambda: leam(compatibility="uniform", head="mlp", bag=False),
    "leam, uniform and shared": lambda: leam(compatibility="uniform", attention="shared"),
    "leam with a full filter": lambda: leam(phrase_filter="full", window_size=1),
    "leam with a full filter, shared": lambda: leam(phrase_filter="full", attention="shared"),
    "leam with added labels": lambda: leam().add_labels(["late parcel"]),
    "mtle": lambda: mtle(matcher="mlp", matcher_size=5),
    "mtle of classes": lambda: mtle(CLASSES, matcher="cosine", matcher_size=5),
    "mtle, bilinear": lambda: mtle(matcher="bilinear"),
    "mtle, concat": lambda: mtle(CLASSES, matcher="concat"),
    "mtle without label texts": lambda: mtle(LABELS, label_texts=["parcel", "refund", ""]),
    "tree": lambda: tree(),
    "tree of a sparse indicator": lambda: tree(sp.csr_array(LABELS), threshold=0.3, min_labels=1),
    "trees of classes": lambda: tree(CLASSES, n_trees=2),
    "tree of two classes": lambda: tree(LABELS[:, 0], label_texts=None),
    "tuner around a tree": lambda: ThresholdTuner(
        tree(sparse_output=True, threshold=0.9), cv="prefit"
    ).fit(TEXTS, NAMED),
    "relevance": lambda: baseline(BinaryRelevance),
    "relevance of classes": lambda: baseline(BinaryRelevance, CLASSES, LogisticRegression()),
    "relevance of two classes": lambda: baseline(BinaryRelevance, LABELS[:, 0]),
    "relevance with a constant label": lambda: baseline(
        BinaryRelevance, np.hstack([LABELS, np.zeros_like(LABELS)]), LogisticRegression()
    ),
    "relevance by ridge": lambda: baseline(BinaryRelevance, NAMED, RidgeClassifier()),
    "relevance by counts": lambda: baseline(
        BinaryRelevance, NAMED, MultinomialNB(), CountVectorizer(binary=True)
    ),
    "relevance by letters": lambda: baseline(
        BinaryRelevance,
        NAMED,
        None,
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 9), strip_accents="unicode"),
    ),
    "relevance by letters of texts": lambda: baseline(
        BinaryRelevance,
        NAMED,
        None,
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), strip_accents="ascii", norm="l1"),
    ),
    "relevance without stop words": lambda: baseline(
        BinaryRelevance,
        sp.csr_matrix(LABELS),
        None,
        TfidfVectorizer(stop_words=["is", "my"], ngram_range=(1, 2), norm=None, lowercase=False),
    ),
    "chain": lambda: baseline(ClassifierChain),
    "chain of probabilities": lambda: ClassifierChain(
        classifier=LogisticRegression(), order=[2, 0, 1]
    ).fit(TEXTS, NAMED),
    "chain of classes": lambda: baseline(ClassifierChain, CLASSES, ComplementNB()),
    "powerset": lambda: baseline(LabelPowerset),
    "powerset of probabilities": lambda: baseline(LabelPowerset, NAMED, LogisticRegression()),
    "powerset of classes": lambda: baseline(LabelPowerset, CLASSES),
    "powerset of one set": lambda: baseline(LabelPowerset, np.ones((len(TEXTS), 2), int)),
    "tuner": lambda: ThresholdTuner(BinaryRelevance(), cv=2, random_state=0).fit(TEXTS, NAMED),
    "tuner around a network": lambda: ThresholdTuner(
        FrozenEstimator(leam()), cv="prefit", min_labels=1, random_state=0
    ).fit(TEXTS, NAMED[["thanks", "refund", "delivery"]]),
    "isotonic": lambda: LabelwiseCalibrator(
        leam(), method="isotonic", cv="prefit", random_state=0
    ).fit(TEXTS, NAMED),
    "calibrators of decision values": lambda: LabelwiseCalibrator(
        ThresholdTuner(BinaryRelevance(), cv=2, random_state=0), cv=2, random_state=0
    ).fit(TEXTS, NAMED),
    "temperature": lambda: LabelwiseCalibrator(
        BinaryRelevance(classifier=LogisticRegression()),
        method="temperature",
        cv=2,
        random_state=0,
    ).fit(TEXTS, NAMED),
}


def assert_same_answers(model, served, scale=None, **how):
    """Scores are equal but for rounding, decisions without exception."""
    for method in ("decision_function", "predict_proba"):
        assert hasattr(model, method) == hasattr(served, method)
        if hasattr(model, method):
            wanted = getattr(model, method)(UNSEEN, **how)
            inside = model.__dict__.get("estimator_", model)
            single = hasattr(inside, "net_") or hasattr(inside, "forest_")
            # A logit is a sum of terms of the size 20, a probability moves a quarter of it.
            around = max(20.0, abs(wanted).max()) if method == "decision_function" else 5.0
            found = getattr(served, method)(UNSEEN, **how)
            assert sp.issparse(found) == sp.issparse(wanted)
            if sp.issparse(found):
                wanted, found = wanted.toarray(), found.toarray()
            dtype = np.float32 if single else np.float64
            close(found, wanted, scale=around, dtype=dtype)
    wanted, found = model.predict(UNSEEN, **how), served.predict(UNSEEN, **how)
    if isinstance(wanted, pd.DataFrame):
        names = served.tasks_[how["task"]].label_names if how else served.label_names_
        assert list(names) == list(wanted.columns)
        wanted = wanted.to_numpy()
    assert type(found) is type(wanted)
    assert found.dtype == wanted.dtype
    if sp.issparse(wanted):
        wanted, found = wanted.toarray(), found.toarray()
    np.testing.assert_array_equal(found, wanted)
    if not how:
        assert served.predict_labels(UNSEEN) == model.predict_labels(UNSEEN)
        assert served.predict_labels(UNSEEN, 1)[0] == model.predict_labels(UNSEEN, 1)[0]
        scored = served.predict_labels(UNSEEN, 2, with_scores=True)
        wanted = model.predict_labels(UNSEEN, 2, with_scores=True)
        for own, other in zip(scored, wanted, strict=True):
            close([score for _, score in own], [score for _, score in other], scale=20, dtype="f4")
        np.testing.assert_array_equal(served.classes_, model.classes_)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_it_answers_as_what_was_saved(name, tmp_path):
    model = MODELS[name]()
    save(model, tmp_path / "model")
    assert_same_answers(model, serving.load(tmp_path / "model"))


def test_each_task_answers(tmp_path):
    model = tasks()
    save(model, tmp_path / "model")
    served = serving.load(tmp_path / "model")
    assert list(served.tasks_) == list(model.tasks_)
    for task in model.tasks_:
        assert_same_answers(model, served, task=task)
    with pytest.raises(ValueError, match="no task 'films'"):
        served.predict(UNSEEN, task="films")


def test_texts_in_portions(tmp_path, monkeypatch):
    model = leam()
    save(model, tmp_path / "model")
    served = serving.load(tmp_path / "model")
    whole = served.decision_function([*TEXTS, *UNSEEN])
    monkeypatch.setattr("sklabelemb.serving.served.MOST_NUMBERS", 100)
    close(served.decision_function([*TEXTS, *UNSEEN]), whole, scale=20)


@pytest.mark.parametrize("make", [leam, mtle])
def test_an_encoder_is_handed_over(make, tmp_path):
    model = make(encoder=Letters())
    with pytest.warns(UserWarning, match="not saved with it"):
        save(model, tmp_path / "model")
    with pytest.raises(ValueError, match=r"frozen encoder.*Letters.*load\(folder, encoder=\.\.\."):
        serving.load(tmp_path / "model")
    assert_same_answers(model, serving.load(tmp_path / "model", encoder=Letters()))

    class Longer(Letters):
        def encode(self, texts):
            return np.repeat(super().encode(texts), 2, axis=1)

    served = serving.load(tmp_path / "model", encoder=Longer())
    with pytest.raises(ValueError, match=r"shape \(1, 10\) for 1 texts.*vectors of 5 dimensions"):
        served.predict(["parcel"])
    with pytest.raises(TypeError, match=r"encoder=str has no encode\(texts\)") as refused:
        serving.load(tmp_path / "model", encoder="a name")
    assert "sklabelemb.load" in str(refused.value)


def test_an_encoder_that_nobody_needs(tmp_path):
    for name, model in {"leam": leam(wide=False), "relevance": baseline(BinaryRelevance)}.items():
        save(model, tmp_path / name)
        with pytest.raises(ValueError, match="without a pretrained encoder: leave out encoder"):
            serving.load(tmp_path / name, encoder=Letters())


ENCODER = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 32}
REFUSED = {
    "laco": (
        lambda: LACOClassifier(encoder=ENCODER, max_epochs=1).fit(TEXTS, NAMED),
        "A LACOClassifier is not served without torch and scikit-learn: a transformer",
    ),
    "semantic unit": (
        lambda: SemanticUnitSeq2SeqClassifier(
            embedding_dim=4, hidden_size=4, n_layers=1, max_epochs=1
        ).fit(TEXTS, NAMED),
        "A SemanticUnitSeq2SeqClassifier is not served.*beam search",
    ),
    "bilstm": (lambda: mtle(encoder="bilstm"), 'A MTLEClassifier.*encoder="mean" is served'),
    "tuner around a bilstm": (
        lambda: ThresholdTuner(mtle(encoder="bilstm"), cv="prefit").fit(TEXTS, NAMED),
        "A MTLEClassifier is not served",
    ),
    "pipeline": (
        lambda: make_pipeline(leam()).fit(TEXTS, NAMED),
        "A Pipeline is not served.*only those inside a baseline",
    ),
    "stop words": (
        lambda: baseline(BinaryRelevance, vectorizer=TfidfVectorizer(stop_words="english")),
        "A BinaryRelevance is not served.*ENGLISH_STOP_WORDS",
    ),
    "one vs rest": (
        lambda: baseline(
            LabelPowerset, classifier=make_pipeline(LogisticRegression()), vectorizer=None
        ),
        "A LabelPowerset is not served.*is a Pipeline; served are ComplementNB, LinearSVC",
    ),
    "union": (
        lambda: baseline(
            BinaryRelevance, vectorizer=make_pipeline(CountVectorizer(), TfidfVectorizer())[:1]
        ),
        "A BinaryRelevance is not served.*its vectorizer is a Pipeline",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_served_is_named_with_the_reason(name, tmp_path):
    make, message = REFUSED[name]
    save(make(), tmp_path / "model")
    with pytest.raises(TypeError, match=message):
        serving.load(tmp_path / "model")


OLD = Path(__file__).parents[1] / "persistence"


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["leam_labels", "leam_classes", "mtle_labels"])
def test_older_folders_are_served(version, name):
    import json

    folder = OLD / f"format_{version}" / name
    wanted = json.loads((folder / "answers.json").read_text(encoding="utf-8"))["default"]
    unseen = ["is my parcels late", "refunds 包裹 café", "", "qwertz", "due due late"]
    served = serving.load(folder)
    assert np.asarray(served.predict(unseen)).tolist() == wanted["predict"]
    expected = np.array(wanted["decision_function"])
    # They were computed on another machine, in float32.
    np.testing.assert_allclose(served.decision_function(unseen), expected, rtol=1e-4, atol=1e-5)


def test_damaged_files_are_told(tmp_path):
    save(leam(wide=False), tmp_path / "model")
    weights = tmp_path / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated or was changed"):
        serving.load(tmp_path / "model")
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors is missing"):
        serving.load(tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        serving.load(tmp_path / "nothing")
