"""The wide path beside LACO: it reads the whole text, and explanations and files know it."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer

import sklabelemb.linear.path as training
from sklabelemb import LACOClassifier, load, save
from sklabelemb.laco import PAPER_SETTINGS
from sklabelemb.laco.readout import LACOReadout
from sklabelemb.linear import Mixture
from sklabelemb.readout import Readout

from ..tolerances import close
from .literal import BERT, PIECES, write_encoder

FRESH = {"model_type": "bert", **BERT}
# Nine tokens of a text are read, or eight.
SHORT = {"max_position_embeddings": 16}
TEXTS = ["my parcel is late again", "my refund is due", "parcel late, refund unpaid", "all lost"]
TEXTS = [f"{text} {end}" for text in TEXTS for end in ("today", "late bill", "re: delivery")] * 4
LABELS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 1, 0, 0], [0, 1, 1, 1]]).repeat(3, axis=0)
LABELS = np.tile(LABELS, (4, 1))
CLASSES = np.array(["late", "due", "both", "lost"]).repeat(3)
CLASSES = np.tile(CLASSES, 4)
# Shorter than what is read and longer, with unknown words, and without any.
UNSEEN = [
    "is my parcels late",
    "unpaid bill 包裹",
    "",
    "qwertz [SEP] late " * 4,
    "due " * 80 + "lost",
]


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    monkeypatch.setattr(training, "MIN_STEPS", 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained encoder; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny", **SHORT)


def laco(encoder=FRESH | SHORT, **parameters):
    tiny = {"max_epochs": 2, "device": "cpu", "random_state": 0, "batch_size": 8}
    tiny |= {"validation_fraction": 0.3, "learning_rate": 0.01, "max_length": 8}
    return LACOClassifier(encoder=encoder, **{**tiny, **parameters})


def encoded(model, texts):
    return LACOReadout(model.model_).encode(texts)


def dataset(model, token_ids):
    return LACOReadout(model.model_).dataset(token_ids, model.model_.own_task)


def network_logits(model, texts):
    return model.net_.predict_logits(dataset(model, encoded(model, texts)))


def test_it_is_the_default_and_not_the_papers():
    assert LACOClassifier().wide
    assert not LACOClassifier(**PAPER_SETTINGS).wide
    with pytest.raises(ValueError, match="The 'wide' parameter of LACOClassifier must be"):
        laco(wide="yes").fit(TEXTS, LABELS)


@pytest.mark.parametrize("y", [LABELS, CLASSES], ids=["labels", "classes"])
@pytest.mark.parametrize("pretrained", [True, False])
def test_the_network_is_that_without_it(folder, pretrained, y):
    encoder = folder if pretrained else FRESH | SHORT
    both, alone = (laco(encoder, wide=wide).fit(TEXTS, y) for wide in (True, False))
    assert alone.wide_ is None
    for name, value in both.net_.module_.state_dict().items():
        assert torch.equal(value, alone.net_.module_.state_dict()[name]), name
    deep, mixture = alone.decision_function(UNSEEN), both.mixture_
    scores = both.wide_.scores(encoded(both, UNSEEN), both.vocabulary_)
    close(
        both.decision_function(UNSEEN),
        mixture.of_labels("deep") * deep
        + mixture.of_labels("wide") * scores
        + mixture.of_labels("offset"),
        dtype=np.float32,
    )
    assert mixture != Mixture()
    assert mixture.wide > 0


def test_its_features_are_those_of_scikit_learn_over_the_pieces(folder):
    model = laco(folder).fit(TEXTS, LABELS)
    pieces = [
        [PIECES[i - 1] for i in model.vocabulary_.encode([text]).row(0)]
        for text in [*TEXTS, *UNSEEN]
    ]
    reference = TfidfVectorizer(
        analyzer=lambda some: [*some, *map(" ".join, pairwise(some))], sublinear_tf=True
    ).fit(pieces[: len(TEXTS)])
    wide, known = model.wide_.words, model.vocabulary_
    columns = {name: i for i, name in enumerate(reference.get_feature_names_out())}
    places = []
    for key in wide.keys.tolist():
        first, second = divmod(key, len(known))
        spelt = [known.words[i - 2] for i in ([first - 1] if first else []) + [second]]
        places.append(columns[" ".join(spelt)])
    assert sorted(places) == list(range(len(columns)))
    close(
        wide.transform(known.encode(UNSEEN)).toarray(),
        reference.transform(pieces[len(TEXTS) :]).toarray()[:, places],
        scale=1,
        dtype=np.float32,
    )
    # Character n-grams are those of the pieces' spelling.
    assert {"par", " par", "arcel", "##pai"} <= set(model.wide_.characters.groups)


@pytest.mark.parametrize("pretrained", [True, False])
def test_the_encoder_reads_the_beginning_and_the_wide_path_the_whole_text(folder, pretrained):
    model = laco(folder if pretrained else FRESH | SHORT).fit(TEXTS, LABELS)
    start = "my parcel is late again my refund is"
    short, long = [start], [f"{start} due, all lost"]
    np.testing.assert_array_equal(network_logits(model, short), network_logits(model, long))
    logits = model.decision_function(long)
    difference = logits - model.decision_function(short)
    wide = [model.wide_.scores(encoded(model, texts), model.vocabulary_) for texts in (short, long)]
    assert np.abs(wide[1] - wide[0]).max() > 0.01
    close(
        difference,
        model.mixture_.of_labels("wide") * (wide[1] - wide[0]),
        scale=logits,
        dtype=np.float32,
    )


def test_what_only_the_wide_path_reads_is_learnt():
    """Two labels that are told by the last word, which the encoder never sees."""
    start = "one two three four five six seven eight nine"
    texts = [f"{start} {'late' if i % 2 else 'due'}" for i in range(60)]
    y = np.array([[i % 2, 1 - i % 2] for i in range(60)])
    model = laco().fit(texts, y)
    np.testing.assert_array_equal(model.predict([f"{start} due", f"{start} late"]), np.eye(2)[::-1])
    assert len(np.unique(laco(wide=False).fit(texts, y).decision_function(texts).round(5))) <= 2


@pytest.mark.parametrize("pretrained", [True, False])
def test_the_wide_path_reads_a_validation_set_whole(folder, pretrained, monkeypatch):
    lengths = []
    original = training.WidePath.scores

    def spy(self, texts, *args):
        lengths.append(texts.lengths.tolist())
        return original(self, texts, *args)

    monkeypatch.setattr(training.WidePath, "scores", spy)
    X_val, y_val = ["late " * n for n in (3, 30, 9)], LABELS[:3]
    laco(folder if pretrained else FRESH | SHORT).fit(TEXTS, LABELS, X_val=X_val, y_val=y_val)
    assert lengths == [[3, 30, 9]]


@pytest.mark.parametrize("wide", [True, False])
def test_the_words_of_a_fresh_encoder_are_those_that_it_reads(wide):
    starts = [f"{'late' if i % 2 else 'due'} b c d e f g h" for i in range(40)]
    texts = [f"{start} {'p q u v w ' * 9} tail{i % 20}" for i, start in enumerate(starts)]
    y = np.array([[i % 2, 1 - i % 2] for i in range(40)])
    settings = {"max_features": 9, "wide": wide}
    whole, cut = (laco(**settings).fit(some, y) for some in (texts, starts))
    assert whole.vocabulary_.words == cut.vocabulary_.words
    assert {"late", "due"} < set(whole.vocabulary_.words)
    for name, value in whole.net_.module_.state_dict().items():
        assert torch.equal(value, cut.net_.module_.state_dict()[name]), name
    # Beyond them the wide path knows letters.
    if wide:
        assert {"tail", "tail1"} <= set(whole.wide_.characters.groups)
        assert "tail" not in cut.wide_.characters.groups
    whole.partial_fit([f"{start} never seen" for start in starts], y)
    assert whole.vocabulary_.words == cut.vocabulary_.words


def test_a_text_that_is_explained_with_thousands_of_words():
    model = laco().fit(TEXTS, LABELS)
    [explanation] = model.explain(["late parcel due lost " * 2_000])
    assert len(explanation.tokens) == 8_000
    assert explanation.contributions.shape == (8_000, 4)
    assert np.isfinite(explanation.contributions).all()


@pytest.mark.parametrize("wide", [True, False])
def test_one_warning_says_that_the_encoder_has_no_positions_for_more(wide):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = laco(max_length=None, wide=wide).fit([*TEXTS, "late " * 30], [*LABELS, LABELS[0]])
    [warning] = caught
    assert str(warning.message).startswith(
        "The encoder reads 1 of 49 texts only up to token 9: the 4 labels share its positions "
    )
    assert [len(e.tokens) for e in model.explain(["late " * 30])] == [30 if wide else 9]


@pytest.mark.parametrize("y", [LABELS, CLASSES], ids=["labels", "classes"])
@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("cross_attention", [True, False])
def test_contributions_of_both_paths(folder, cross_attention, pretrained, y):
    encoder = folder if pretrained else FRESH | SHORT
    model = laco(encoder, cross_attention=cross_attention).fit(TEXTS, y)
    texts = [*TEXTS[:4], *UNSEEN]
    logits, proba = model.decision_function(texts), model.predict_proba(texts)
    for row, (text, explanation) in enumerate(zip(texts, model.explain(texts), strict=True)):
        close(explanation.proba, proba[row], scale=1, dtype=np.float32)
        np.testing.assert_array_equal(
            explanation.predicted,
            Readout(model.model_).decisions(logits[row : row + 1], model.model_.own_task)[0],
        )
        # All words are shown; those beyond the encoder have no attention, only the wide share.
        token_ids = encoded(model, [text])
        tokens = (
            model.vocabulary_.words_of(text)[0]
            if pretrained
            else model.model_.recipe.settings.text_tokenizer(text)
        )
        assert [token.lower() for token in explanation.tokens] == [t.lower() for t in tokens]
        owners = np.arange(len(tokens))
        if pretrained:
            owners = np.array(model.vocabulary_.words_of(text)[2], dtype=int)
        wanted = np.zeros((len(tokens), 4 if y.ndim == 2 else len(model.classes_)))
        shares = model.wide_.contributions(token_ids, model.vocabulary_)
        np.add.at(wanted, owners, model.mixture_.of_labels("wide") * shares)
        data = dataset(model, token_ids)
        if len(tokens):
            read = data.batch(np.array([0]))[0]["ids"][0]
            n_read = min(len(owners), data.max_length)
            for word in range(int(owners[n_read - 1]) + 1):
                left = read[:n_read][torch.from_numpy(owners[:n_read] != word)]
                left = left if len(left) else torch.zeros(1, dtype=read.dtype)
                with torch.no_grad():
                    both = [model.net_.module_(ids.unsqueeze(0))[0] for ids in (read, left)]
                lost = (both[0] - both[1]).numpy()
                wanted[word] += model.mixture_.of_labels("deep") * lost
        close(explanation.contributions, wanted, scale=logits, dtype=np.float32)
        if not cross_attention:
            assert explanation.attention is None
            continue
        assert explanation.attention.shape == explanation.contributions.shape
        if explanation.tokens:
            close(explanation.attention.sum(axis=0), 1, dtype=np.float32)
            assert not explanation.attention[int(owners[n_read - 1]) + 1 :].any()


def test_thresholds_are_tuned_on_both_paths():
    both, alone = (
        laco(wide=wide, threshold_shrinkage=5.0, min_labels=0).fit(TEXTS, LABELS)
        for wide in (True, False)
    )
    assert not np.array_equal(both.thresholds_, alone.thresholds_)
    wanted = expit(both.decision_function(UNSEEN).astype(np.float64)) >= both.thresholds_
    np.testing.assert_array_equal(both.predict(UNSEEN), wanted)


def test_without_held_out_texts_there_is_nothing_to_mix_by():
    model = laco(validation_fraction=0).fit(TEXTS, LABELS)
    mixture = Mixture(deep=1.0, wide=0.5, offset=0.0)
    shares = (LABELS.sum(axis=0) + 0.5) / (len(LABELS) + 1)
    assert model.mixture_ == mixture.at_shares(shares, multilabel=True)
    assert model.wide_ is not None


@pytest.mark.parametrize("pretrained", [True, False])
def test_updates_go_on_with_both_paths(folder, pretrained):
    model = laco(folder if pretrained else FRESH | SHORT).fit(TEXTS, LABELS)
    wide, mixture = model.wide_, model.mixture_
    weights = model.net_.module_.output.weight.detach().clone()
    model.partial_fit([*TEXTS[:8], "a newword"], LABELS[:9])
    assert model.mixture_ == mixture
    assert model.wide_.weights.shape == wide.weights.shape
    assert not np.array_equal(model.wide_.weights, wide.weights)
    assert not torch.equal(model.net_.module_.output.weight, weights)
    assert model.predict_proba(UNSEEN).shape == (5, 4)
    # Without a fit, the n-grams are those of the first texts.
    first = laco(folder if pretrained else FRESH | SHORT).partial_fit(TEXTS, LABELS)
    assert first.wide_.weights.any()
    assert first.predict(UNSEEN).shape == (5, 4)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_it_may_be_given_up(method):
    model = laco(warm_start=True).fit(TEXTS, LABELS)
    model.set_params(wide=False)
    getattr(model, method)(TEXTS, LABELS)
    assert model.wide_ is None
    np.testing.assert_array_equal(model.decision_function(UNSEEN), network_logits(model, UNSEEN))


def test_it_may_come_later():
    model = laco(warm_start=True, wide=False).fit(TEXTS, LABELS)
    assert model.wide_ is None
    model.set_params(wide=True).fit(TEXTS, LABELS)
    assert model.wide_ is not None
    assert model.mixture_ != Mixture()


@pytest.mark.parametrize("store_encoder", [True, False])
def test_a_saved_model_has_both_paths(folder, tmp_path, store_encoder):
    model = laco(folder, freeze_layers=1).fit(TEXTS, LABELS)
    save(model, tmp_path / "model", store_encoder=store_encoder)
    again = load(tmp_path / "model")
    assert again.mixture_ == model.mixture_
    np.testing.assert_array_equal(again.wide_.weights, model.wide_.weights)
    np.testing.assert_array_equal(again.decision_function(UNSEEN), model.decision_function(UNSEEN))
    for one, other in zip(again.explain(UNSEEN), model.explain(UNSEEN), strict=True):
        np.testing.assert_array_equal(one.contributions, other.contributions)


def test_rare_words_are_what_it_is_for(monkeypatch, rare_words):
    monkeypatch.undo()
    (texts, rows), (unseen, truth) = rare_words(200, 0), rare_words(100, 1)
    scores = {}
    for wide in (True, False):
        model = laco(FRESH, wide=wide, max_length=64, min_labels=0).fit(texts, rows)
        predicted = model.predict(unseen)
        scores[wide] = 2 * (predicted & truth).sum() / (predicted.sum() + truth.sum())
    assert scores[True] > scores[False] + 0.1
