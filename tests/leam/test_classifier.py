"""What only LEAM has: its options, where it starts, its vectors, and the paper's settings."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback

from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.leam.recipe import VECTOR_STD

from ..tolerances import close

# The package has a function of the name of the module.
FITTING = importlib.import_module("sklabelemb.learning.fit")

TINY = {
    "embedding_dim": 8,
    "max_epochs": 1,
    "batch_size": 16,
    "validation_fraction": 0,
    "wide": False,
    "device": "cpu",
    "random_state": 0,
}
WORDS = [("late", "slow"), ("money", "cash"), ("rude", "angry")]
LABELS = (np.random.default_rng(0).random((60, 3)) < [0.2, 0.4, 0.7]).astype(np.int64)
FILLERS = ["the parcel", "my order today", "again"]
TEXTS = [
    " ".join([FILLERS[i % 3], *(WORDS[k][i % 2] for k in np.flatnonzero(row))])
    for i, row in enumerate(LABELS)
]
CODES = np.arange(60) % 3
LABEL_TEXTS = ["late parcel", "money, punctual", "angry"]


class Start(Callback):
    """Keeps the weights that training starts from."""

    def on_train_begin(self, net, **kwargs):
        self.state = {
            name: value.detach().clone() for name, value in net.module_.state_dict().items()
        }


def leam(**parameters):
    return LEAMClassifier(**{**TINY, **parameters})


def started(y=LABELS, X=TEXTS, **parameters):
    """A fitted model, and the weights that its training started from."""
    start = Start()
    model = leam(net_params={"callbacks": [start]}, **parameters).fit(X, y)
    return model, {name: value.numpy() for name, value in start.state.items()}


def some_vectors(*words, dim=6):
    random = np.random.default_rng(3)
    return {word: 7 * random.standard_normal(dim) + 1 for word in words}


VECTORS = some_vectors("late", "money", "parcel", "punctual", "never")


# -- options ---------------------------------------------------------------------------------------


def test_numbers_reach_the_network():
    options = {"dropout": 0.1, "word_dropout": 0.2, "head_dropout": 0.3, "label_penalty": 0.7}
    network = leam(embedding_dim=10, window_size=3, **options).fit(TEXTS, LABELS).net_.module_
    assert network.embedding.embedding_dim == 10
    assert network.label_embedding.shape == (3, 10)
    assert network.window_size == 3
    assert network.filter_weight.shape == (7,)
    assert network.dropout.p == 0.1
    assert network.word_dropout == 0.2
    assert network.head_dropout.p == 0.3
    assert network.label_penalty == 0.7


@pytest.mark.parametrize("attention", ["shared", "label_wise"])
@pytest.mark.parametrize("phrase_filter", ["shared", "full"])
def test_attention_and_filters_reach_the_network(attention, phrase_filter):
    model = leam(attention=attention, phrase_filter=phrase_filter).fit(TEXTS, LABELS)
    network = model.net_.module_
    assert network.attention == attention
    shape = (5,) if phrase_filter == "shared" else (3, 3, 5)
    assert network.filter_weight.shape == shape
    (explanation,) = model.explain(["late parcel and money"])
    alike = np.ptp(explanation.attention, axis=1) == 0
    assert alike.all() == (attention == "shared")


@pytest.mark.parametrize("compatibility", ["phrase", "linear", "uniform"])
def test_the_compatibility_reaches_the_network(compatibility):
    model = leam(compatibility=compatibility).fit(TEXTS, LABELS)
    network = model.net_.module_
    assert network.compatibility == compatibility
    assert hasattr(network, "filter_weight") == (compatibility == "phrase")
    (explanation,) = model.explain(["late parcel and money"])
    assert (np.ptp(explanation.attention) == 0) == (compatibility == "uniform")
    if compatibility == "uniform":
        assert not hasattr(model, "label_embeddings_")
        with pytest.raises(AttributeError, match="compatibility='uniform' and label_penalty=0"):
            _ = model.label_embeddings_
        # The penalty speaks of embeddings, also where attention does not.
        other = leam(compatibility="uniform", label_penalty=1.0).fit(TEXTS, LABELS)
        assert other.label_embeddings_.shape == (3, 8)


def test_the_scale_of_attention_is_learned_or_given():
    learned = leam(max_epochs=3).fit(TEXTS, LABELS).net_.module_
    assert isinstance(learned.log_scale, torch.nn.Parameter)
    assert learned.log_scale.item() != 0
    given = leam(attention_scale=3.0).fit(TEXTS, LABELS).net_.module_
    assert not isinstance(given.log_scale, torch.nn.Parameter)
    close(given.log_scale.exp(), 3.0)


@pytest.mark.parametrize("bag", [False, True])
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_head_and_bag_reach_the_network(head, bag):
    network = leam(head=head, head_size=5, bag=bag).fit(TEXTS, LABELS).net_.module_
    assert network.output.in_features == (8 if head == "linear" else 5)
    assert hasattr(network, "hidden") == (head == "mlp")
    assert (network.bag is not None) == bag


def test_the_loss_of_the_label_penalty_goes_by_the_kind_of_targets():
    assert leam().fit(TEXTS, LABELS).net_.module_.multilabel is True
    assert leam().fit(TEXTS, CODES).net_.module_.multilabel is False


# -- where it starts -------------------------------------------------------------------------------


def expected_rows(words, found):
    """The vectors of some words, scaled by the spread of all that were found."""
    spread = np.std([VECTORS[word] for word in found])
    return np.array([VECTORS[word] for word in words]) * VECTOR_STD / spread


def test_words_start_from_scaled_vectors_and_others_at_random():
    model, start = started(vectors=VECTORS, label_texts=LABEL_TEXTS)
    vocabulary, table = model.vocabulary_, start["embedding.weight"]
    assert "punctual" not in vocabulary
    words = ["late", "money", "parcel"]
    rows = table[[vocabulary[word] for word in words]]
    # A word of the labels' texts counts for the spread too; one that nobody wants does not.
    close(rows[:, :6], expected_rows(words, [*words, "punctual"]), dtype=np.float32)
    # Dimensions that the vectors do not have are drawn.
    assert len(np.unique(rows[:, 6:])) == 6
    assert 0 < np.abs(rows[:, 6:]).max() < 6 * VECTOR_STD
    others = table[[vocabulary[w] for w in vocabulary.words if w not in VECTORS]]
    assert len(others) >= 6
    assert len(np.unique(others)) == others.size
    assert 0.5 * VECTOR_STD < others.std() < 1.5 * VECTOR_STD
    assert not table[0].any()
    # Another seed draws other numbers, and no other vectors.
    again = started(vectors=VECTORS, label_texts=LABEL_TEXTS, random_state=1)[1]["embedding.weight"]
    rows_again = again[[vocabulary[word] for word in words]]
    np.testing.assert_array_equal(rows_again[:, :6], rows[:, :6])
    assert not np.isin(rows_again[:, 6:], rows[:, 6:]).any()


def test_the_spread_of_vectors_is_that_of_other_words():
    vectors = some_vectors("late", "money", "parcel", "rude", "again")
    model, start = started(vectors=vectors)
    rows = start["embedding.weight"][[model.vocabulary_[word] for word in vectors]][:, :6]
    assert rows.std() == pytest.approx(VECTOR_STD, rel=1e-4)


def test_vectors_that_are_too_wide():
    with pytest.raises(ValueError, match="9 dimensions, but embedding_dim is 8"):
        leam(vectors=some_vectors("late", dim=9)).fit(TEXTS, LABELS)


@pytest.mark.parametrize("vectors", [None, VECTORS])
def test_labels_start_at_the_mean_of_the_words_of_their_texts(vectors):
    model, start = started(vectors=vectors, label_texts=["late parcel", "money money late", "rude"])
    vocabulary, table = model.vocabulary_, start["embedding.weight"]
    late, parcel, money, rude = (
        table[vocabulary[word]] for word in ("late", "parcel", "money", "rude")
    )
    expected = np.array([(late + parcel) / 2, (2 * money + late) / 3, rude])
    close(start["label_embedding"], expected)


def test_a_word_that_only_a_label_has_counts_with_its_vector():
    _, start = started(vectors=VECTORS, label_texts=["punctual", "late", "money"])
    expected = expected_rows(["punctual"], ["punctual", "late", "money", "parcel"])
    close(start["label_embedding"][:1, :6], expected, dtype=np.float32)


@pytest.mark.parametrize("label_texts", [None, ["", "", ""]])
def test_labels_without_texts_start_at_random(label_texts):
    _, start = started(label_texts=label_texts)
    rows = start["label_embedding"]
    assert len(np.unique(rows)) == rows.size
    assert 0.5 * VECTOR_STD < rows.std() < 2 * VECTOR_STD
    assert not np.isin(rows, start["embedding.weight"]).any()


def test_names_of_labels_are_their_texts():
    frame = pd.DataFrame(LABELS, columns=["late", "money", "rude parcel"])
    model, start = started(frame)
    row = {word: start["embedding.weight"][id_] for word, id_ in ids_of(model)}
    expected = [row["late"], row["money"], (row["rude"] + row["parcel"]) / 2]
    close(start["label_embedding"], np.array(expected))
    # Classes are in their sorted order.
    classes = np.array(["slow", "money", "rude"])[CODES]
    model, start = started(classes)
    row = {word: start["embedding.weight"][id_] for word, id_ in ids_of(model)}
    close(start["label_embedding"], np.array([row["money"], row["rude"], row["slow"]]))


def ids_of(model):
    return [(word, model.vocabulary_[word]) for word in model.vocabulary_.words]


def log_odds(rows):
    positives = rows.sum(axis=0)
    return np.log((positives + 0.5) / (len(rows) - positives + 0.5))


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_label_sets_start_from_how_frequent_labels_are(form):
    _, start = started(form(LABELS))
    close(start["output.bias"], log_odds(LABELS), dtype=np.float32)
    assert np.ptp(start["output.bias"]) > 1


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_classes_start_from_how_frequent_they_are(head):
    y = np.repeat(["a", "b", "c"], [40, 15, 5])
    _, start = started(y, head=head)
    close(start["output.bias"], np.log(np.array([40.5, 15.5, 5.5]) / 61), dtype=np.float32)


def test_frequencies_are_those_of_the_training_part(monkeypatch):
    original, kept = FITTING.stratified_holdout, []

    def spy(*args):
        parts = original(*args)
        kept.append(parts[0])
        return parts

    monkeypatch.setattr(FITTING, "stratified_holdout", spy)
    _, start = started(validation_fraction=0.3)
    assert len(kept[0]) == 42
    close(start["output.bias"], log_odds(LABELS[kept[0]]), dtype=np.float32)


# -- what was learnt -------------------------------------------------------------------------------


def test_label_embeddings_are_those_of_the_network_and_a_copy():
    model = leam(embedding_dim=6).fit(TEXTS, LABELS)
    found = model.label_embeddings_
    assert found.shape == (3, 6)
    np.testing.assert_array_equal(found, model.net_.module_.label_embedding.detach().numpy())
    found[:] = 0
    assert model.label_embeddings_.any()


def test_document_vectors_without_attention_are_means():
    model = leam(compatibility="uniform", attention="shared").fit(TEXTS, LABELS)
    vectors = model.transform(["late money late", "", "parcel", "unheard of"])
    table = model.net_.module_.embedding.weight.detach().numpy()
    row = {word: table[id_] for word, id_ in ids_of(model)}
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, 8)
    close(vectors[0], (2 * row["late"] + row["money"]) / 3)
    assert not vectors[1].any()
    close(vectors[2], row["parcel"])
    close(vectors[3], table[1])  # the row of unknown words


@pytest.mark.parametrize("attention", ["shared", "label_wise"])
def test_document_vectors_are_weighed_by_attention(attention):
    model = leam(attention=attention, max_epochs=5).fit(TEXTS, LABELS)
    text = "the parcel late money"
    (explanation,) = model.explain([text])
    table = model.net_.module_.embedding.weight.detach().numpy()
    words = table[[model.vocabulary_[token] for token in explanation.tokens]]
    by_label = explanation.attention.T @ words
    # By the probabilities of the labels; with shared attention all labels have the same vector.
    expected = np.average(by_label, axis=0, weights=model.predict_proba([text])[0])
    close(model.transform([text])[0], expected, dtype=np.float32)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("options", [{}, {"attention": "shared", "bag": False}])
def test_contributions_and_a_constant_are_the_logits(options, wide):
    X = [*TEXTS[:5], "", "late", "unheard of money " * 9]
    fraction = 0.3 if wide else 0
    model = leam(wide=wide, validation_fraction=fraction, max_epochs=4, **options)
    logits = model.fit(TEXTS, LABELS).decision_function(X)
    sums = np.array([explanation.contributions.sum(axis=0) for explanation in model.explain(X)])
    constant = logits - sums
    scale = np.abs(sums).max() + np.abs(logits).max()
    # An empty text has nothing but the constant.
    close(constant, np.tile(logits[5], (len(X), 1)), scale=scale, dtype=np.float32)
    assert np.ptp(sums, axis=0).min() > 1e-3
    if not wide:
        bias = model.net_.module_.output.bias.detach().numpy()
        close(logits[5], bias, dtype=np.float32)


# -- the paper -------------------------------------------------------------------------------------


def test_the_settings_of_the_paper():
    small = {"max_epochs": 1, "device": "cpu", "random_state": 0}
    model = LEAMClassifier(**{**PAPER_SETTINGS, **small}).fit(TEXTS, LABELS)
    network = model.net_.module_
    assert network.embedding.embedding_dim == 300
    assert network.filter_weight.shape == (101,)
    assert (network.compatibility, network.phrase_filter) == ("phrase", "shared")
    assert (network.attention, network.head) == ("shared", "linear")
    assert network.log_scale.item() == 0
    assert not isinstance(network.log_scale, torch.nn.Parameter)
    assert network.bag is None
    assert model.wide_ is None
    assert network.label_penalty == 1
    assert network.auxiliary_loss().item() > 0
    assert (network.dropout.p, network.word_dropout, network.head_dropout.p) == (0, 0, 0.5)
    assert model.thresholds_.tolist() == [0.5] * 3
    assert model.min_labels_ == 0
    assert model.net_.batch_size == 100


# -- going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["warm_start", "partial_fit"])
def test_going_on_leaves_vectors_labels_and_frequencies_alone(way):
    model = leam(vectors=VECTORS, label_texts=LABEL_TEXTS, warm_start=True).fit(TEXTS, LABELS)
    before = {name: value.clone() for name, value in model.net_.module_.state_dict().items()}
    n_words = len(model.vocabulary_)
    # So slow that no weight moves. New words have no vectors, though these would know them.
    vectors = some_vectors("late", "zebra", "money")
    model.set_params(learning_rate=1e-30, vectors=vectors, label_texts=["rude", "zebra", "slow"])
    X, y = [*TEXTS, "zebra zebra", "zebra late"], np.vstack([1 - LABELS, LABELS[:2]])
    model = model.fit(X, y) if way == "warm_start" else model.partial_fit(X, y)
    after = model.net_.module_.state_dict()
    assert len(model.vocabulary_) == n_words + 1
    assert after.keys() == before.keys()
    for name, value in before.items():
        now = after[name][:n_words] if name == "embedding.weight" else after[name]
        assert torch.equal(now, value), name
    new = after["embedding.weight"][model.vocabulary_["zebra"]].numpy()
    assert 0.1 * VECTOR_STD < new.std() < 3 * VECTOR_STD
    ratio = new[:6] / vectors["zebra"]
    assert np.ptp(ratio) > 1e-3
