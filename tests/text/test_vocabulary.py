import json
import pickle
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from sklabelemb.text import PAD_ID, UNKNOWN_ID, TokenIds, Tokenizer, Vocabulary

TEXTS = ["b a a c", "", "a b d", "e e e e"]


class TestTokenIds:
    texts = TokenIds([5, 6, 7, 8, 9], [0, 3, 3, 4, 5])

    def test_shape_and_types(self):
        assert len(self.texts) == 4
        assert self.texts.ids.dtype == np.int32
        assert self.texts.offsets.dtype == np.int64
        assert self.texts.lengths.tolist() == [3, 0, 1, 1]
        assert self.texts.row(0).tolist() == [5, 6, 7]
        assert self.texts.row(-1).tolist() == [9]
        assert self.texts.row(1).size == 0

    @pytest.mark.parametrize("indices", [[2, 0, 0, 1], [-1, -4], [], np.array([3]), [1]])
    def test_take_and_padded_agree_with_a_loop(self, indices):
        rows = [self.texts.row(i).tolist() for i in indices]
        picked = self.texts.take(indices)
        assert [picked.row(i).tolist() for i in range(len(picked))] == rows
        width = max([1, *map(len, rows)])
        batch = self.texts.padded(indices, pad=-1)
        assert batch.dtype == np.int64
        assert batch.shape == (len(rows), width)
        assert batch.tolist() == [row + [-1] * (width - len(row)) for row in rows]

    def test_a_mask_picks_rows(self):
        mask = np.array([True, False, False, True])
        assert self.texts.take(mask).ids.tolist() == [5, 6, 7, 9]
        assert self.texts.padded(mask).tolist() == [[5, 6, 7], [9, 0, 0]]

    def test_padded_may_cut(self):
        everything = range(len(self.texts))
        for most in (1, 2, 3, 100):
            whole = self.texts.padded(everything)
            cut = self.texts.padded(everything, max_length=most)
            assert cut.tolist() == whole[:, :most].tolist()
            # A copy of its own: a view would keep the longest text in memory.
            assert cut.base is None

    def test_out_of_range(self):
        with pytest.raises(IndexError):
            self.texts.take([4])

    def test_truncated(self):
        short = self.texts.truncated(1)
        assert short.ids.tolist() == [5, 8, 9]
        assert short.offsets.tolist() == [0, 1, 1, 2, 3]
        assert self.texts.truncated(3) is self.texts
        assert self.texts.truncated(0).lengths.tolist() == [0, 0, 0, 0]
        with pytest.raises(ValueError, match="max_length must be at least 0, got -1"):
            self.texts.truncated(-1)

    @pytest.mark.parametrize(
        ("ids", "offsets", "message"),
        [
            ([1], [0, 2], "run from 0 to the number of ids (1)"),
            ([1], [1, 1], "run from 0"),
            ([], [], "run from 0"),
            ([1, 2], [0, 2, 1, 2], "must not decrease"),
            ([[1]], [0, 1], "must be 1-D, got 2-D and 1-D"),
        ],
    )
    def test_impossible_arrays(self, ids, offsets, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            TokenIds(ids, offsets)


def test_words_by_frequency_then_alphabet():
    vocabulary, ids = Vocabulary.build(TEXTS, str.split)
    assert (PAD_ID, UNKNOWN_ID) == (0, 1)
    assert vocabulary.words == ("e", "a", "b", "c", "d")
    assert len(vocabulary) == 7
    assert ids.padded(range(4)).tolist() == [[4, 3, 3, 5], [0] * 4, [3, 4, 6, 0], [2] * 4]
    assert vocabulary.document_frequency.tolist() == [0, 0, 1, 2, 2, 1, 1]
    assert {type(word) for word in vocabulary.words} == {str}


@pytest.mark.parametrize(
    ("settings", "words", "frequency"),
    [
        ({"min_df": 2}, ("a", "b"), [0, 3, 2, 2]),
        ({"min_df": 0.5}, ("a", "b"), [0, 3, 2, 2]),
        ({"min_df": 0.25}, ("e", "a", "b", "c", "d"), [0, 0, 1, 2, 2, 1, 1]),
        ({"min_df": 0.0}, ("e", "a", "b", "c", "d"), [0, 0, 1, 2, 2, 1, 1]),
        ({"max_features": 2}, ("e", "a"), [0, 2, 1, 2]),
        ({"max_features": 1, "min_df": 2}, ("a",), [0, 3, 2]),
        ({"max_length": 1}, ("a", "b", "e"), [0, 0, 1, 1, 1]),
    ],
)
def test_pruning(settings, words, frequency):
    vocabulary, ids = Vocabulary.build(TEXTS, str.split, **settings)
    assert vocabulary.words == words
    assert vocabulary.document_frequency.tolist() == frequency
    again = vocabulary.encode(TEXTS, str.split, max_length=settings.get("max_length"))
    np.testing.assert_array_equal(ids.ids, again.ids)
    np.testing.assert_array_equal(ids.offsets, again.offsets)


def test_each_text_is_tokenised_once():
    calls = []

    def tokenizer(text):
        calls.append(text)
        return text.split()

    Vocabulary.build(TEXTS, tokenizer, min_df=2)
    assert calls == TEXTS


def test_frequencies_of_a_random_corpus():
    rng = np.random.default_rng(0)
    texts = [" ".join(map(str, rng.zipf(1.5, rng.integers(0, 40)) % 99)) for _ in range(200)]
    vocabulary, ids = Vocabulary.build(texts, str.split, max_features=30)
    expected = Counter(i for row in range(200) for i in set(ids.row(row).tolist()))
    assert vocabulary.document_frequency.tolist() == [expected[i] for i in range(32)]
    counts = Counter(" ".join(texts).split())
    best = sorted(counts, key=lambda word: (-counts[word], word))[:30]
    assert vocabulary.words == tuple(best)
    for row in range(200):
        words = [w if w in vocabulary else None for w in texts[row].split()]
        back = [None if i == 1 else vocabulary.words[i - 2] for i in ids.row(row).tolist()]
        assert words == back


def test_texts_without_words_are_legal():
    vocabulary, ids = Vocabulary.build(["", " "], str.split, min_df=2)
    assert len(vocabulary) == 2
    assert vocabulary.document_frequency.tolist() == [0, 0]
    assert ids.padded([0, 1]).tolist() == [[0], [0]]
    assert vocabulary.encode(["a b"], str.split).ids.tolist() == [1, 1]
    assert len(vocabulary.encode([], str.split)) == 0
    assert len(Vocabulary.build([], str.split)[1]) == 0


def test_looking_words_up():
    vocabulary = Vocabulary(["a", "b"])
    assert vocabulary["b"] == 3
    assert vocabulary.id("b") == 3
    assert vocabulary.id("z") == UNKNOWN_ID
    assert "a" in vocabulary
    assert "z" not in vocabulary
    with pytest.raises(KeyError, match="'z' is not in the vocabulary"):
        vocabulary["z"]
    assert vocabulary.encode(["b z a"], str.split).ids.tolist() == [3, 1, 2]
    assert vocabulary.words == ("a", "b"), "encoding must not add words"
    assert vocabulary.document_frequency is None
    assert repr(vocabulary) == "<Vocabulary of 2 words>"


def test_extended_keeps_old_ids():
    vocabulary, _ = Vocabulary.build(TEXTS, str.split)
    longer = vocabulary.extended(["z", "a", "z", "y"])
    assert longer.words == (*vocabulary.words, "z", "y")
    assert longer["z"] == len(vocabulary)
    assert longer.document_frequency.tolist() == [*vocabulary.document_frequency.tolist(), 0, 0]
    assert Vocabulary(["a"]).extended(["b"]).document_frequency is None


def test_persistence():
    vocabulary, _ = Vocabulary.build(["le café", "café \ud800x"], Tokenizer())
    back = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert back == vocabulary
    np.testing.assert_array_equal(back.document_frequency, vocabulary.document_frequency)
    assert pickle.loads(pickle.dumps(vocabulary))["café"] == vocabulary["café"]
    assert Vocabulary.from_dict({"words": ["a"]}) == Vocabulary(["a"])
    assert Vocabulary(["a"]) != Vocabulary(["b"])
    with pytest.raises(ValueError, match="needs the entry 'words', got \\['vocab'\\]"):
        Vocabulary.from_dict({"vocab": []})


def test_impossible_vocabularies():
    with pytest.raises(ValueError, match="the word 'a' comes twice"):
        Vocabulary(["b", "a", "a"])
    with pytest.raises(TypeError, match=r"must be a str, got 3 \(int\)"):
        Vocabulary(["b", 3])
    with pytest.raises(ValueError, match=r"one entry for each of 3 ids, got shape \(1,\)"):
        Vocabulary(["b"], [1])


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("a b", "for the text in row 1 it returned str"),
        (b"a b", "for the text in row 1 it returned bytes"),
        (None, "for the text in row 1 it returned NoneType"),
        ({"a"}, "for the text in row 1 it returned set"),
        (3, "for the text in row 1 it returned int"),
        (["a", 3], "token 1 of the text in row 1 is 3 (type int)"),
        ([["a"]], "token 0 of the text in row 1 is ['a'] (type list)"),
        (["a", b"b"], "token 1 of the text in row 1 is b'b' (type bytes)"),
        (["a", None], "token 1 of the text in row 1 is None (type NoneType)"),
    ],
)
def test_what_a_tokenizer_must_not_return(result, message):
    def tokenizer(text):
        return result if text == "bad" else text.split()

    with pytest.raises(TypeError, match=re.escape(message)):
        Vocabulary.build(["a", "bad"], tokenizer)
    with pytest.raises(TypeError, match=re.escape(message)):
        Vocabulary(["a"]).encode(["a", "bad"], tokenizer)


@pytest.mark.parametrize("convert", [tuple, iter, np.array, list])
def test_what_a_tokenizer_may_return(convert):
    vocabulary, ids = Vocabulary.build(["b a b"], lambda text: convert(text.split()), max_length=2)
    assert ids.ids.tolist() == [3, 2]
    assert {type(word) for word in vocabulary.words} == {str}


def test_an_error_of_the_tokenizer_is_its_own():
    def tokenizer(text):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        Vocabulary.build(["a"], tokenizer)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_df": 0}, "min_df must be an int of at least 1 or a float from 0 to 1, got 0"),
        ({"min_df": 1.5}, "got 1.5"),
        ({"min_df": True}, "got True"),
        ({"min_df": float("nan")}, "got nan"),
        ({"min_df": "2"}, "got '2'"),
        ({"max_features": 0}, "max_features must be None or an int of at least 1, got 0"),
        ({"max_length": 2.0}, "max_length must be None or an int of at least 1, got 2.0"),
        ({"min_df": 3}, "min_df=3 leaves none of the 5 words: each occurs in fewer than 3 of 4"),
    ],
)
def test_parameters_out_of_range(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Vocabulary.build(TEXTS, str.split, **settings)


def test_ids_do_not_depend_on_the_hash_seed():
    code = (
        "from sklabelemb.text import Vocabulary\n"
        "words = [chr(97 + i % 26) * (i % 7 + 1) for i in range(500)]\n"
        "print(Vocabulary.build([' '.join(words)], str.split)[0].words)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_texts_are_followed_by_others_with_unknown_words_of_their_own():
    vocabulary = Vocabulary(["parcel", "late"])
    first = vocabulary.encode(["late snow", "parcel"], str.split, keep_unknown=True)
    second = vocabulary.encode(["rain", "late snow rain"], str.split, keep_unknown=True)
    joined = first.followed_by(second, len(vocabulary))
    spelling = ["", "", *vocabulary.words, *joined.unknown_words]
    found = [[spelling[i] for i in joined.row(k)] for k in range(len(joined))]
    assert found == [["late", "snow"], ["parcel"], ["rain"], ["late", "snow", "rain"]]
    assert joined.unknown_words == ("snow", "rain")
