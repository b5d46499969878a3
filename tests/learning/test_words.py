"""Which words a fit knows: those that it was trained on."""

from __future__ import annotations

import numpy as np
import pytest

import sklabelemb.learning.fit
from sklabelemb import LEAMClassifier
from sklabelemb.learning.settings import Settings
from sklabelemb.learning.words import read_words
from sklabelemb.text import Vocabulary

from .small import CLASSIFIERS, ENCODER, LABELS, TEXTS

# Every text has two words of its own, the second of which comes twice.
FIRST, SECOND = (
    [f"{name}{'abcdefghijkl'[i % 12]}{'pqrstuvwxy'[i // 12]}" for i in range(len(TEXTS))]
    for name in ("first", "second")
)
OWN = [f"{text} {one} {two} {two}" for text, one, two in zip(TEXTS, FIRST, SECOND, strict=True)]
SHARED = {"validation_fraction": 0.2, "min_df": 1}


def held_out(monkeypatch):
    """The rows that the next fit holds out, once it has."""
    rows = []
    original = sklabelemb.learning.fit.stratified_holdout

    def spy(*arguments):
        kept, cut = original(*arguments)
        rows.extend(cut.tolist())
        return kept, cut

    monkeypatch.setattr(sklabelemb.learning.fit, "stratified_holdout", spy)
    return rows


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_words_that_only_held_out_texts_have_are_unknown(name, monkeypatch):
    rows = held_out(monkeypatch)
    model = CLASSIFIERS[name](**SHARED).fit(OWN, LABELS)
    assert len(rows) == 12
    for i in range(len(OWN)):
        assert (FIRST[i] in model.vocabulary_) is (i not in rows)
        assert (SECOND[i] in model.vocabulary_) is (i not in rows)
    # So a held-out text and the same text with other unknown words are one to the network.
    row = rows[0]
    text = OWN[row].replace(FIRST[row], "whatever").replace(SECOND[row], "whichever")
    np.testing.assert_array_equal(
        model.decision_function([OWN[row]]), model.decision_function([text])
    )


def test_words_of_labels_and_of_vectors_are_known_all_the_same(monkeypatch):
    rows = held_out(monkeypatch)
    make = CLASSIFIERS["mtle"]
    make(**SHARED).fit(OWN, LABELS)
    one, other, third, *_ = rows
    texts = [FIRST[one], "late", "money"]
    vectors = {FIRST[other]: np.ones(8), "parcel": np.zeros(8)}
    model = make(**SHARED, label_texts=texts, vectors=vectors).fit(OWN, LABELS)
    assert FIRST[one] in model.vocabulary_
    assert FIRST[other] in model.vocabulary_
    assert FIRST[third] not in model.vocabulary_


def test_the_marks_of_a_fresh_encoder_stay():
    model = CLASSIFIERS["laco"](**SHARED, encoder=ENCODER).fit(OWN, LABELS)
    assert {"\0[CLS]", "\0[SEP]"} <= set(model.vocabulary_.words)


def test_unseen_words_keep_their_letters_and_old_words_their_ids():
    parameters = CLASSIFIERS["leam"](min_df=1).get_params(deep=False)
    names = Settings.__dataclass_fields__
    own = Settings(**{name: parameters[name] for name in names})
    documents = ["a b c", "a b d", "e e a"]
    kept = np.array([True, True, False])
    vocabulary, ids = read_words(own, documents, None, kept)
    assert vocabulary.words == ("a", "b", "c", "d")
    assert vocabulary.document_frequency.tolist()[2:] == [3, 2, 1, 1]
    assert ids.unknown_words == ("e",)
    assert ids.row(2).tolist() == [6, 6, 2]
    known = Vocabulary(["e", "z"])
    vocabulary, ids = read_words(own, documents, known, kept)
    assert vocabulary.words == ("e", "z", "a", "b", "c", "d")
    assert ids.unknown_words == ()
    assert ids.row(2).tolist() == [2, 2, 4]


@pytest.mark.parametrize(("n_texts", "known"), [(99, True), (100, False)])
def test_words_of_few_texts_may_come_once(n_texts, known):
    texts = [f"my parcel {'late' if i % 2 else 'lost'}" for i in range(n_texts - 1)] + ["unheard"]
    y = [i % 2 for i in range(n_texts)]
    small = {"max_epochs": 1, "embedding_dim": 4, "wide": False, "validation_fraction": 0}
    model = LEAMClassifier(**small, device="cpu", random_state=0).fit(texts, y)
    assert ("unheard" in model.vocabulary_.words) is known
    # So may those of many texts, if there are few of each label.
    many = [str(i % 12) for i in range(n_texts)]
    assert "unheard" in LEAMClassifier(**small, device="cpu").fit(texts, many).vocabulary_
    # What is asked for is done, however few texts there are.
    asked = LEAMClassifier(**small, min_df=3, device="cpu").fit(texts, y)
    assert "unheard" not in asked.vocabulary_.words
