"""Load pretrained word vectors for the words of a vocabulary."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .vector_files import VectorFile
from .vocabulary import Vocabulary

__all__ = ["load_vectors", "vector_dim", "vectors_of"]


def load_vectors(
    source: Any, words: Sequence[str], *, lowercase_fallback: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look up pretrained vectors for the words of a vocabulary.

    Files are read as a stream, and only the rows of the given words are parsed and kept, so memory
    is needed for the result only, not for the file.

    Parameters
    ----------
    source : str, PathLike, mapping, KeyedVectors or pair
        One of

        - a file: GloVe text; word2vec or fastText text (``.vec``); word2vec binary; a numpy
          ``.npz`` with the arrays ``words`` and ``X`` (or ``vectors``). The text and binary formats
          may be compressed by gzip, xz or bzip2. The format is recognised by the content of the
          file;
        - a mapping from words to vectors;
        - a gensim ``KeyedVectors``, or a model that has one as its ``wv``;
        - a pair ``(words, matrix)``.
    words : sequence of str, length n_words
        The words to look up, for instance ``vocabulary.words``.
    lowercase_fallback : bool, default=True
        If a word has no vector but its lower-case form has, use that one; likewise its form without
        full-width letters, ligatures and the like. On by default because most published vectors are
        lower-case, and an approximate match is better than none.

    Returns
    -------
    vectors : ndarray of float32, shape (n_words, dim)
        One row per word; zeros if there is no vector. If the source has a word twice, the first
        vector is used.
    found : ndarray of bool, shape (n_words,)
        Which words have a vector.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the source is malformed: the message names the file and the line, or the number of the
        vector and its byte in a binary file. This includes truncated files, and files whose first
        line gives a wrong number of vectors. The numbers of other words are not checked.
    TypeError
        If `source` is of another type.

    Warns
    -----
    UserWarning
        If none of the words has a vector.

    Examples
    --------
    >>> from sklabelemb.text import load_vectors
    >>> source = {"cat": [1.0, 2.0], "dog": [3.0, 4.0]}
    >>> vectors, found = load_vectors(source, ["Dog", "bird", "cat"])
    >>> vectors
    array([[3., 4.],
           [0., 0.],
           [1., 2.]], dtype=float32)
    >>> found
    array([ True, False,  True])
    """
    sink = _Sink(words, lowercase_fallback)
    reader = _open(source)
    sink.allocate(reader.dim)
    n_vectors = reader.read(sink)
    vectors, found = sink.result(words)
    if len(words) and not found.any():
        warnings.warn(
            f"0 of {len(words)} words have a vector in {reader} ({n_vectors} vectors): is it for "
            "another language, or are its words spelt otherwise?",
            UserWarning,
            stacklevel=2,
        )
    return vectors, found


def vector_dim(source: Any) -> int:
    """Return the dimension of the vectors in a source, reading no more than needed.

    Parameters
    ----------
    source : str, PathLike, mapping, KeyedVectors or pair
        As for `load_vectors`.

    Returns
    -------
    dim : int

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        As for `load_vectors`, as far as the beginning of the source shows.

    Examples
    --------
    >>> from sklabelemb.text import vector_dim
    >>> vector_dim({"cat": [1.0, 2.0, 3.0]})
    3
    """
    return _open(source).dim


def vectors_of(
    vocabulary: Vocabulary,
    source: Any,
    *,
    most_dimensions: int,
    first: int = 0,
    spread: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look up the vectors of a vocabulary's words, one row per id.

    Parameters
    ----------
    vocabulary : Vocabulary
    source : str, PathLike, mapping, KeyedVectors or pair
        As for `load_vectors`.
    most_dimensions : int
        Width of the embedding table.
    first : int, default=0
        The first id that is wanted.
    spread : float, default=None
        Scale the vectors so that this is the standard deviation of their numbers. None leaves them
        as they are.

    Returns
    -------
    vectors : ndarray of float32, shape (len(vocabulary) - first, dim)
    found : ndarray of bool, shape (len(vocabulary) - first,)
        False for padding and unknown words, which have no spelling.

    Raises
    ------
    ValueError
        If the vectors are wider than the table.

    Examples
    --------
    >>> from sklabelemb.text import Vocabulary, vectors_of
    >>> vectors, found = vectors_of(Vocabulary(["cat"]), {"cat": [1.0, 2.0]}, most_dimensions=2)
    >>> found
    array([False, False,  True])
    """
    spelling = ["", "", *vocabulary.words][first:]
    vectors, found = load_vectors(source, spelling)
    found[: max(0, 2 - first)] = False
    if vectors.shape[1] > most_dimensions:
        raise ValueError(
            f"The pretrained vectors have {vectors.shape[1]} dimensions, but embedding_dim is "
            f"{most_dimensions}. Set embedding_dim={vectors.shape[1]} or more: further dimensions "
            "start at random."
        )
    if spread is not None and found.any() and (own := vectors[found].std()) > 0:
        vectors *= spread / own
    return vectors, found


class _Sink:
    """Keeps the vectors of wanted words as a source is read."""

    def __init__(self, words: Iterable[str], lowercase_fallback: bool) -> None:
        self.lowercase_fallback = lowercase_fallback
        self.rows: dict[bytes, int] = {}
        # Files are compared byte by byte: decoding millions of unwanted words would cost more
        # than all the rest. Spelt as given first, so that mostly no lower-case row is added.
        for word in words:
            self.rows.setdefault(_key(word), len(self.rows))
        if lowercase_fallback:
            for word in words:
                for form in _other_forms(word):
                    self.rows.setdefault(_key(form), len(self.rows))
        self.wants = self.rows.__contains__

    def allocate(self, dim: int) -> None:
        self.vectors = np.zeros((len(self.rows), dim), dtype=np.float32)
        self.seen = np.zeros(len(self.rows), dtype=bool)

    def put(self, word: bytes, vector: Any, where: str) -> None:
        row = self.rows[word]
        if self.seen[row]:
            return
        # What is too large for float32 becomes infinite, which the check below reports.
        with np.errstate(over="ignore"):
            self.vectors[row] = vector
        if not np.isfinite(self.vectors[row]).all():
            raise ValueError(
                f"{where}: the vector of {word.decode('utf-8', 'replace')!r} has a value that is "
                "infinite or not a number"
            )
        self.seen[row] = True

    def result(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows = np.fromiter((self.rows[_key(word)] for word in words), np.int64, len(words))
        if self.lowercase_fallback:
            for i in np.flatnonzero(~self.seen[rows]).tolist():
                forms = (self.rows[_key(form)] for form in _other_forms(words[i]))
                rows[i] = next((row for row in forms if self.seen[row]), rows[i])
        if len(rows) == len(self.rows) and np.array_equal(rows, np.arange(len(rows))):
            return self.vectors, self.seen
        return self.vectors[rows], self.seen[rows]


def _other_forms(word: str) -> tuple[str, ...]:
    """Other spellings of a word, the nearest first: lower-case, and without compatibility forms.

    Full-width letters and ligatures become plain ones, and the dot that lower-casing puts above an
    "i" (of the Turkish "İ") goes.
    """
    lowered = word.lower()
    if lowered.isascii():
        return (lowered,)
    plain = unicodedata.normalize("NFKC", word)
    composed = unicodedata.normalize("NFC", lowered)
    bare = unicodedata.normalize("NFKC", plain.lower()).replace("i\u0307", "i")
    return tuple(dict.fromkeys((lowered, composed, plain, plain.lower(), bare)))


class _Pairs:
    """Words and vectors that are in memory already."""

    def __init__(self, name: str, words: Sequence[Any], vectors: Any, dim: int) -> None:
        self.name, self.words, self.vectors, self.dim = name, words, vectors, dim

    def __str__(self) -> str:
        return self.name

    def read(self, sink: _Sink) -> int:
        for index, word in enumerate(self.words):
            if not isinstance(word, str):
                raise ValueError(f"{self}: word {index} is {word!r}, not a str")
            key = _key(word)
            if sink.wants(key):
                where = f"{self}, word {index}"
                try:
                    vector = np.asarray(self.vectors[index], dtype=np.float64)
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{where} ({word!r}): not a vector: {error}") from None
                if vector.shape != (self.dim,):
                    raise ValueError(
                        f"{where} ({word!r}): expected a vector of length {self.dim}, got shape "
                        f"{vector.shape}"
                    )
                sink.put(key, vector, where)
        return len(self.words)


class _Looked:
    """A list whose items are looked up on demand."""

    def __init__(self, words: Sequence[Any], look: Any) -> None:
        self.words, self.look = words, look

    def __getitem__(self, index: int) -> Any:
        return self.look(self.words[index])


def _open(source: Any) -> VectorFile | _Pairs:
    if isinstance(source, (str, os.PathLike)):
        return VectorFile(Path(source).expanduser())
    keyed = getattr(source, "wv", source)
    if hasattr(keyed, "key_to_index") and (hasattr(keyed, "vectors") or _has_lookup(keyed)):
        return _from_keyed_vectors(keyed)
    if isinstance(source, Mapping):
        words = list(source)
        if not words:
            raise ValueError("the mapping of word vectors is empty")
        dim = np.asarray(source[words[0]]).size
        return _Pairs("the mapping", words, _Looked(words, source.__getitem__), dim)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        return _from_pair(*source)
    raise TypeError(
        "vectors must come from a file (str or PathLike), a mapping, a KeyedVectors or a pair "
        f"(words, matrix), got {type(source).__name__}"
    )


def _from_keyed_vectors(keyed: Any) -> _Pairs:
    words = list(keyed.key_to_index)
    if not words:
        raise ValueError("the KeyedVectors hold no word")
    # A fastText model would compute a vector for any word: only its own words are looked up.
    if hasattr(keyed, "vectors"):
        vectors = _Looked(words, lambda word: keyed.vectors[keyed.key_to_index[word]])
    else:
        vectors = _Looked(words, keyed.get_vector)
    return _Pairs("the KeyedVectors", words, vectors, len(vectors[0]))


def _has_lookup(keyed: Any) -> bool:
    return callable(getattr(keyed, "get_vector", None))


def _from_pair(words: Any, matrix: Any) -> _Pairs:
    if isinstance(words, str):
        raise TypeError(f"expected a pair (words, matrix), got the str {words!r} for words")
    names = words.tolist() if hasattr(words, "tolist") else list(words)
    rows = np.asarray(matrix)
    if rows.ndim != 2:
        raise ValueError(
            f"the matrix of a pair (words, matrix) must be 2-D, got shape {rows.shape}"
        )
    if len(names) != len(rows):
        raise ValueError(
            f"a pair (words, matrix) needs as many words as rows, got {len(names)} words and "
            f"{len(rows)} rows"
        )
    return _Pairs("the pair (words, matrix)", names, rows, rows.shape[1])


def _key(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")
