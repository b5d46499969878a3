"""TF-IDF from token ids against scikit-learn's vectoriser."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from sklabelemb.linear import CharacterTfidf, WordTfidf
from sklabelemb.text import TokenIds, Tokenizer, Vocabulary

from ..tolerances import close

TEXTS = [
    "the parcel is late and the parcel is wet",
    "late parcel",
    "",
    "the refund for the late parcel is late",
    "unrelated",
    "refund the parcels",
]
UNKNOWN = ["late parcel", "the refunding of late parcelling", "parcelling", "refunding refunding"]
NEW = ["late late parcel, never seen refunding", "zzz", "", "the unrelated refund"]


def encode(texts: list[str]) -> tuple[Vocabulary, TokenIds]:
    return Vocabulary.build(texts, Tokenizer(), keep_unknown=True)


def dense(matrix) -> np.ndarray:
    return np.asarray(matrix.toarray())


@pytest.mark.parametrize("min_df", [1, 2])
def test_words_and_pairs_equal_tfidf_vectorizer(min_df):
    vocabulary, ids = encode(TEXTS)
    ours = WordTfidf.fit(ids, len(vocabulary), min_df=min_df)
    theirs = TfidfVectorizer(
        tokenizer=Tokenizer(), token_pattern=None, ngram_range=(1, 2), sublinear_tf=True,
        min_df=min_df,
    ).fit(TEXTS)  # fmt: skip
    assert ours.n_features == len(theirs.vocabulary_)
    for texts, encoded in [(TEXTS, ids), (NEW, vocabulary.encode(NEW, Tokenizer()))]:
        a, b = dense(ours.transform(encoded)), dense(theirs.transform(texts))
        # The columns come in another order, so compare what does not depend on it.
        close(a @ a.T, b @ b.T, dtype=np.float32)
        close(np.sort(a, axis=1), np.sort(b, axis=1), dtype=np.float32)


@pytest.mark.parametrize("min_df", [1, 2])
def test_letter_groups_equal_char_wb(min_df):
    vocabulary, ids = encode(TEXTS)
    ours = CharacterTfidf.fit(ids, vocabulary, min_df=min_df)
    # No punctuation in these texts, so words are what lies between spaces, as for char_wb.
    theirs = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=min_df
    ).fit(TEXTS)
    for texts, encoded in [
        (TEXTS, ids),
        (NEW[1:], vocabulary.encode(NEW[1:], Tokenizer(), keep_unknown=True)),
        (UNKNOWN, vocabulary.encode(UNKNOWN, Tokenizer(), keep_unknown=True)),
    ]:
        a, b = ours.transform(encoded, vocabulary), theirs.transform(texts)
        columns = [ours.groups[name] for name in theirs.get_feature_names_out()]
        assert len(columns) == ours.n_features
        close(dense(a)[:, columns], dense(b), dtype=np.float32)


def test_unseen_words_count_by_their_letters():
    vocabulary, ids = encode(TEXTS)
    characters = CharacterTfidf.fit(ids, vocabulary, min_df=1)
    kept = vocabulary.encode(["refunding"], Tokenizer(), keep_unknown=True)
    lost = vocabulary.encode(["refunding"], Tokenizer())
    assert kept.unknown_words == ("refunding",)
    assert characters.transform(kept, vocabulary).nnz > 0
    assert characters.transform(lost, vocabulary).nnz == 0


def test_a_grown_vocabulary_changes_nothing():
    vocabulary, ids = encode(TEXTS)
    words = WordTfidf.fit(ids, len(vocabulary))
    grown = vocabulary.extended(["never", "seen"])
    before = words.transform(vocabulary.encode(NEW, Tokenizer()))
    after = words.transform(grown.encode(NEW, Tokenizer()))
    np.testing.assert_array_equal(dense(before), dense(after))


def test_letters_are_those_of_the_vocabulary_that_is_given():
    vocabulary, ids = encode(TEXTS)
    other, same = encode([*TEXTS, "a wet wet wet parcel"])
    characters = CharacterTfidf.fit(ids, vocabulary, min_df=1)
    expected = dense(characters.transform(ids, vocabulary))
    # Its words have other ids; what was looked up for the first does not hold for it.
    assert other.words[: len(vocabulary)] != vocabulary.words
    found = characters.transform(same.take(np.arange(len(TEXTS))), other)
    np.testing.assert_array_equal(dense(found), expected)
    np.testing.assert_array_equal(dense(characters.transform(ids, vocabulary)), expected)


def test_shares_of_tokens_sum_to_the_text():
    vocabulary, _ = encode(TEXTS)
    ids = vocabulary.encode([*TEXTS, *NEW], Tokenizer(), keep_unknown=True)
    words = WordTfidf.fit(ids, len(vocabulary), min_df=1)
    characters = CharacterTfidf.fit(ids, vocabulary, min_df=1)
    rows = np.repeat(np.arange(len(ids)), ids.lengths)
    for shares, whole in [
        (words.shares(ids), words.transform(ids)),
        (characters.shares(ids, vocabulary), characters.transform(ids, vocabulary)),
    ]:
        total = np.zeros(whole.shape)
        np.add.at(total, rows, dense(shares))
        close(total, dense(whole), dtype=np.float32)


def test_shares_of_a_long_text_take_memory_in_proportion():
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefgh"), 6)) for _ in range(4_000)]
    vocabulary, _ = encode([" ".join(words)])
    peaks = []
    for n in (500, 4_000):
        ids = vocabulary.encode([" ".join(words[:n])], Tokenizer())
        characters = CharacterTfidf.fit(ids, vocabulary, min_df=1)
        tracemalloc.start()
        characters.shares(ids, vocabulary)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Eight times the words; with a copy of the text's row for each it is 64 times.
    assert peaks[1] < 16 * peaks[0]


def test_max_features_keeps_the_most_frequent():
    vocabulary, ids = encode(TEXTS)
    words = WordTfidf.fit(ids, len(vocabulary), min_df=1, max_features=2)
    assert len(words.keys) == 2
    frequency = vocabulary.document_frequency[words.keys]
    assert frequency.min() >= np.sort(vocabulary.document_frequency)[-3]


def test_rare_words_stay_apart():
    vocabulary, ids = Vocabulary.build(TEXTS, Tokenizer(), min_df=2, keep_unknown=True)
    assert ids.ids.max() == len(vocabulary) + len(ids.unknown_words) - 1
    closed = Vocabulary.build(TEXTS, Tokenizer(), min_df=2)[1]
    np.testing.assert_array_equal(np.where(ids.ids < len(vocabulary), ids.ids, 1), closed.ids)
    assert ids.take([3, 0]).unknown_words == ids.unknown_words


def test_no_texts_with_words():
    vocabulary, ids = encode(["", ""])
    words, characters = WordTfidf.fit(ids, len(vocabulary)), CharacterTfidf.fit(ids, vocabulary)
    assert words.transform(ids).shape == (2, 0)
    assert characters.transform(ids, vocabulary).shape == (2, 0)
