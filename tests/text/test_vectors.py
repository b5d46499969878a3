import bz2
import gzip
import io
import lzma
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sklabelemb.text import Vocabulary, load_vectors, vector_dim, vectors_of

from ..tolerances import close

WORDS = ["the", "cat", "naïve", "New_York"]
MATRIX = np.array([[0.5, -1, 2], [1, 0, 1e-3], [-4, 5, 6], [7, 8, 9]], dtype=np.float32)
GLOVE = "".join(
    f"{word} {' '.join(map(str, row))}\n" for word, row in zip(WORDS, MATRIX.tolist(), strict=True)
).encode()
SHARED = Path(__file__).parents[3] / "shared" / "vectors" / "glove6b100d_top100k_fp16.npz"


def binary(newline=b"\n", n=4):
    rows = zip(WORDS, MATRIX, strict=True)
    body = b"".join(word.encode() + b" " + row.tobytes() + newline for word, row in rows)
    return b"%d 3\n" % n + body


def npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


FORMATS = {
    "glove": GLOVE,
    "no final newline": GLOVE.rstrip(),
    "windows line ends": GLOVE.replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + GLOVE,
    "tabs": GLOVE.replace(b" ", b"\t"),
    "word2vec text": b"4 3\n" + GLOVE,
    "fasttext vec": b"4 3\n" + GLOVE.replace(b"\n", b" \n"),
    "binary": binary(),
    "binary without newlines": binary(b""),
    "npz": npz(words=np.array(WORDS), X=MATRIX),
    "npz vectors": npz(words=np.array(WORDS), vectors=MATRIX),
    "npz words in bytes": npz(words=np.array([w.encode() for w in WORDS]), X=MATRIX),
    "gz": gzip.compress(GLOVE),
    "xz": lzma.compress(GLOVE),
    "bz2": bz2.compress(GLOVE),
    "binary gz": gzip.compress(binary()),
}


@pytest.fixture
def write(tmp_path):
    def write(content, name="vectors.dat"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin", "vectors.gz"])
def test_every_format_is_told_by_its_content(write, kind, name):
    path = write(FORMATS[kind], name)
    vectors, found = load_vectors(path, ["naïve", "missing", "the"])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [MATRIX[2], np.zeros(3), MATRIX[0]])
    assert found.tolist() == [True, False, True]
    assert vector_dim(str(path)) == 3


class Keyed:
    key_to_index = {word: i for i, word in enumerate(WORDS)}
    vectors = MATRIX


class KeyedWithoutMatrix:
    key_to_index = Keyed.key_to_index

    def get_vector(self, word):
        return MATRIX[self.key_to_index[word]]


@pytest.mark.parametrize(
    "source",
    [
        dict(zip(WORDS, MATRIX.tolist(), strict=True)),
        (WORDS, MATRIX),
        [np.array(WORDS), MATRIX.tolist()],
        Keyed(),
        KeyedWithoutMatrix(),
        SimpleNamespace(wv=Keyed()),
    ],
)
def test_sources_in_memory(source):
    vectors, found = load_vectors(source, ["missing", *WORDS])
    np.testing.assert_array_equal(vectors, [np.zeros(3), *MATRIX])
    assert found.tolist() == [False, True, True, True, True]
    assert vector_dim(source) == 3


def test_the_words_of_a_vocabulary(write):
    vocabulary, _ = Vocabulary.build(["the cat"], str.split)
    vectors, found = load_vectors(write(GLOVE), vocabulary.words)
    np.testing.assert_array_equal(vectors, MATRIX[[1, 0]])
    assert found.all()


def test_lowercase_fallback_never_beats_the_word_itself():
    source = {"us": [1.0], "US": [2.0], "paris": [3.0]}
    words = ["US", "us", "Paris", "PARIS", "Us"]
    vectors, found = load_vectors(source, words)
    assert vectors.ravel().tolist() == [2, 1, 3, 3, 1]
    assert found.all()
    vectors, found = load_vectors(source, words, lowercase_fallback=False)
    assert vectors.ravel().tolist() == [2, 1, 0, 0, 0]
    assert found.tolist() == [True, True, False, False, False]


def test_words_with_spaces_and_numbers_as_words(write):
    path = write(b"the 1 2 3\n. . . 4 5 6\nat a@b.com 7 8 9\n2000 1 1 1\nin 2000 2 2 2\n")
    vectors, found = load_vectors(path, [". . .", "at a@b.com", "2000", "in 2000", "."])
    assert found.tolist() == [True, True, True, True, False]
    assert vectors[:, 0].tolist() == [4, 7, 1, 2, 0]


@pytest.mark.parametrize(
    "content",
    [
        b"a 1 2\na 3 4\n",
        b"2 2\na 1 2\na 3 4\n",
        npz(words=np.array(["a", "a"]), X=[[1, 2], [3, 4]]),
    ],
)
def test_of_two_vectors_the_first_counts(write, content):
    assert load_vectors(write(content), ["a"])[0].tolist() == [[1, 2]]


def test_no_words_and_repeated_words():
    vectors, found = load_vectors((WORDS, MATRIX), [])
    assert vectors.shape == (0, 3)
    assert found.shape == (0,)
    assert load_vectors((WORDS, MATRIX), ["the", "the"])[0].tolist() == MATRIX[[0, 0]].tolist()


def test_zero_overlap_warns(write):
    path = write(GLOVE)
    with pytest.warns(UserWarning, match=r"0 of 2 words have a vector in .*dat' \(4 vectors\)"):
        load_vectors(path, ["x", "y"])


BROKEN = {
    "empty": (b"", "is empty: no word vectors in it"),
    "blank": (b" \n\n", "is empty"),
    "empty gz": (gzip.compress(b""), "is empty"),
    "too few": (b"a 1 2\nb 1\nthe 1 2\n", "line 2: expected a word and 2 numbers, got 2 fields"),
    "cut off": (b"the 1 2\nb 1 2\nc 1", "got 2 fields; is the file truncated?"),
    "too many": (b"a 1 2\nthe 1.5 1 2\nb 1 2\n", "line 2: expected a word and 2 numbers, got 4"),
    "too many, headed": (b"2 2\na 1 2\nthe 1.5 1 2\n", "line 3: expected a word and 2 numbers"),
    "no number": (b"a 1 2\nthe 1 x\n", "line 2: 'x' is not a number"),
    "no number at first": (b"the 1 x 3\na 1 2 3\nb 1 2 3\n", "line 1: 'x' is not a number"),
    "decimal comma": (b"a 1 2\nthe 1,5 2\n", "line 2: '1,5' is not a number"),
    "no numbers": (b"just some text\n", "line 1: expected a word and its numbers, or a header"),
    "nan": (b"a 1 2\nthe 1 nan\n", "line 2: the vector of 'the' has a value that is infinite or"),
    "inf": (b"2 2\na 1 2\nthe 1 inf\n", "line 3: the vector of 'the' has a value"),
    "too large": (b"a 1 2\nthe 1 1e39\n", "line 2: the vector of 'the' has a value"),
    "fewer": (b"5 3\n" + GLOVE, "is truncated: line 1 promises 5 vectors, but there are 4"),
    "more": (b"3 3\n" + GLOVE, "has a wrong header: line 1 promises 3 vectors, but there are 4"),
    "dim 0": (b"3 0\na\n", "line 1: the header promises vectors of length 0"),
    "gz": (gzip.compress(GLOVE * 5)[:-20], "it is truncated; download it again"),
    "xz": (lzma.compress(GLOVE * 5)[:-20], "it is truncated; download it again"),
    "bz2": (bz2.compress(GLOVE * 5)[:-20], "it is truncated; download it again"),
    "gz garbage": (gzip.compress(GLOVE)[:12] + b"x" * 99, "cannot be decompressed (at its beginn"),
    "bz2 garbage": (b"BZh9" + b"x" * 99, "cannot be decompressed (at its beginning)"),
    "binary": (binary()[:-6], "is truncated: it ends within vector 3 of 4, byte 57"),
    "binary, fewer": (binary(n=6), "is truncated: it ends within vector 4 of 6"),
    "binary, more": (binary(n=3), "line 1 promises 3 vectors, but more follows at byte"),
    "binary, nan": (
        b"1 2\nthe " + np.array([0, np.nan], dtype="<f4").tobytes(),
        "vector 0 of 1, byte 4: the vector of 'the' has a value that is infinite",
    ),
    "fasttext bin": (b"\xba\x16\x4f\x2f\x0c\x00\x00\x00", "is a fastText model (.bin)"),
    "npy": (b"\x93NUMPY\x01\x00", "is a .npy array, which has no words; pass a pair"),
    "pickle": (b"\x80\x04\x95", "is a Python pickle, which is not opened because it can run code"),
    "utf-16": ("the 1 2".encode("utf-16"), "is encoded in UTF-16; save it as UTF-8"),
    "npz, names": (npz(a=[1]), "must hold the arrays 'words' and 'X' (or 'vectors'), got ['a.npy'"),
    "npz, lengths": (npz(words=["a"], X=MATRIX), "(1,) words but a matrix of shape (4, 3)"),
    "npz, 1-D": (npz(words=["a"], X=[1.0]), "the matrix must be 2-D, got shape (1,)"),
    "npz, nan": (npz(words=["the"], X=[[np.nan]]), "vector 0: the vector of 'the' has a value"),
    "npz, objects": (
        npz(words=np.array(["the"], dtype=object), X=[[1.0]]),
        "'words' is an object array, which only pickle can read",
    ),
    "npz, cut off": (npz(words=WORDS, X=MATRIX)[:-30], "is a broken or truncated archive"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_named_with_the_place(write, fault):
    content, message = BROKEN[fault]
    path = write(content)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load_vectors(path, ["the"])
    assert repr(str(path)) in str(caught.value)


def test_a_long_gz_that_is_cut_off_names_the_line(write):
    rng = np.random.default_rng(0)
    lines = [f"w{i} {' '.join(map(str, rng.random(20)))}\n" for i in range(2000)]
    path = write(gzip.compress("".join(lines).encode())[:-1000])
    assert vector_dim(path) == 20
    with pytest.raises(ValueError, match=r"compressed data \(after line 1\d\d\d\): it is trunc"):
        load_vectors(path, ["w1"])


def test_binary_vectors_across_the_blocks_that_are_read(write, monkeypatch):
    monkeypatch.setattr("sklabelemb.text.vector_files._CHUNK", 7)
    np.testing.assert_array_equal(load_vectors(write(binary()), WORDS)[0], MATRIX)
    with pytest.raises(ValueError, match="truncated: it ends within vector 3 of 4, byte 57"):
        load_vectors(write(binary()[:-6]), WORDS)


def test_binary_without_an_end_of_word(write, monkeypatch):
    monkeypatch.setattr("sklabelemb.text.vector_files._CHUNK", 100)
    path = write(b"1 2\n" + b"\x00" * 20_000)
    with pytest.raises(ValueError, match="vector 0 of 1, byte 4: no word ends here"):
        load_vectors(path, ["the"])


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of word vectors at '.*absent\.txt'"):
        load_vectors(tmp_path / "absent.txt", ["the"])
    with pytest.raises(FileNotFoundError, match="absent"):
        vector_dim("absent")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ((WORDS, MATRIX[:2]), ValueError, "as many words as rows, got 4 words and 2 rows"),
        ((WORDS, MATRIX[0]), ValueError, "must be 2-D, got shape (3,)"),
        (("the", MATRIX), TypeError, "expected a pair (words, matrix), got the str 'the'"),
        (([3], [[1.0]]), ValueError, "word 0 is 3, not a str"),
        ((["the"], [[np.inf]]), ValueError, "word 0: the vector of 'the' has a value"),
        ({}, ValueError, "the mapping of word vectors is empty"),
        ({"a": [1, 2], "the": [1]}, ValueError, "expected a vector of length 2, got shape (1,)"),
        ({"a": [1], "the": ["x"]}, ValueError, "the mapping, word 1 ('the'): not a vector"),
        (SimpleNamespace(key_to_index={}, vectors=[]), ValueError, "KeyedVectors hold no word"),
        (3, TypeError, "or a pair (words, matrix), got int"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_broken_sources_in_memory(source, error, message):
    with pytest.raises(error, match=re.escape(message)):
        load_vectors(source, ["the"])


# -- vectors_of ------------------------------------------------------------------------------------


def test_vectors_of_a_vocabulary_have_its_ids():
    vocabulary = Vocabulary(["cat", "dog", "the"])
    for first in range(6):
        vectors, found = vectors_of(vocabulary, (WORDS, MATRIX), most_dimensions=3, first=first)
        wanted = np.vstack([np.zeros((2, 3)), MATRIX[1], np.zeros(3), MATRIX[0]])[first:]
        np.testing.assert_array_equal(vectors, wanted)
        assert found.tolist() == [False, False, True, False, True][first:]
    with pytest.raises(ValueError, match=r"have 3 dimensions, but embedding_dim is 2. Set embedd"):
        vectors_of(vocabulary, (WORDS, MATRIX), most_dimensions=2)


@pytest.mark.parametrize("spread", [0.4, 3.0])
def test_vectors_may_be_scaled_to_a_spread(spread):
    vocabulary = Vocabulary(["cat", "dog", "the"])
    source = (WORDS, 100 * MATRIX)
    plain, _ = vectors_of(vocabulary, source, most_dimensions=3)
    vectors, found = vectors_of(vocabulary, source, most_dimensions=3, spread=spread)
    assert found.tolist() == [False, False, True, False, True]
    # The words that have a vector count, and no others; all by the same factor.
    close(vectors[found].std(), spread, dtype=np.float32)
    close(vectors, plain * spread / plain[found].std(), dtype=np.float32)
    assert vectors.dtype == np.float32
    assert not vectors[~found].any()


@pytest.mark.filterwarnings("ignore:0 of .* words have a vector")
def test_there_may_be_nothing_to_scale():
    vectors, found = vectors_of(Vocabulary(["dog"]), {"cat": [1.0]}, most_dimensions=1, spread=0.4)
    assert not found.any()
    assert not vectors.any()
    for same in (0.0, 2.0):
        vectors, found = vectors_of(
            Vocabulary(["cat"]), {"cat": [same, same]}, most_dimensions=2, spread=0.4
        )
        assert vectors[found].tolist() == [[same, same]]


def test_scaling_leaves_the_source_alone():
    words, matrix = ["", "", "cat"], np.array([[1.0, 2.0], [3.0, 5.0], [1.0, -1.0]], np.float32)
    before = matrix.copy()
    vectors_of(Vocabulary(["cat"]), (words, matrix), most_dimensions=2, spread=0.1)
    np.testing.assert_array_equal(matrix, before)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/vectors is not beside this checkout")
def test_real_glove_vectors():
    vectors, found = load_vectors(SHARED, ["king", "Queen", "man", "qqqqqq", "king's"])
    assert found.tolist() == [True, True, True, False, False]
    assert vector_dim(SHARED) == vectors.shape[1] == 100
    king, queen, man = vectors[:3] / np.linalg.norm(vectors[:3], axis=1, keepdims=True)
    assert king @ queen > king @ man


# -- words spelt otherwise, and files that are something else ---------------------------------


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("İSTANBUL", "istanbul"),
        ("i\u0307stanbul", "istanbul"),
        ("\uff21\uff22\uff23", "abc"),
        ("\uff43\uff41\uff46é", "café"),
        ("cafe\u0301", "café"),
        ("ﬁnance", "finance"),
        ("①", "1"),
        ("ÉCOLE", "école"),
        ("STRASSE", "strasse"),
    ],
)
def test_other_forms_of_a_word_find_its_vector(word, known):
    vectors, found = load_vectors({known: [1.0, 2.0], "other": [0.0, 1.0]}, [word, "other"])
    assert found.tolist() == [True, True]
    assert vectors[0].tolist() == [1.0, 2.0]
    assert not load_vectors({known: [1.0]}, [word, known], lowercase_fallback=False)[1][0]


def test_the_form_that_is_there_goes_first():
    source = {"ABC": [1.0], "abc": [2.0], "\uff21\uff22\uff23": [3.0]}
    assert load_vectors(source, ["\uff21\uff22\uff23", "ABC", "Abc"])[0].ravel().tolist() == [
        3.0,
        1.0,
        2.0,
    ]


def test_double_spaces(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("cat  1  2\ndog 3   4 \n", encoding="utf-8")
    vectors, found = load_vectors(file, ["dog", "cat"])
    assert found.all()
    assert vectors.tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
            "pointer of Git LFS",
        ),
        ("<!DOCTYPE html>\n<html></html>\n", "a web page, not a file of vectors"),
        ("3 2\ncat 1 2\ndog 3 4\n", r"promises 3 vectors, but there are 2 .* line 1: 2 2"),
    ],
)
def test_files_that_are_something_else(tmp_path, content, message):
    file = tmp_path / "vectors.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_vectors(file, ["cat"])


def test_vectors_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "vectors.txt").write_text("cat 1 2\n", encoding="utf-8")
    assert load_vectors("~/vectors.txt", ["cat"])[1].all()
