"""TF-IDF of words, word pairs and character n-grams, straight from token ids.

The texts are tokenised already, and character n-grams are computed once per distinct word. The
weights are those of scikit-learn's ``TfidfVectorizer(sublinear_tf=True)``: ``1 + log(count)`` times
the smoothed inverse document frequency, rows of length one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from sklabelemb.text import UNKNOWN_ID, TokenIds, Vocabulary, WordPieces

__all__ = ["CharacterTfidf", "WordTfidf", "tfidf"]

# Character n-grams of these lengths, the word's bounds counting as letters.
SHORTEST, LONGEST = 3, 5


@dataclass(frozen=True)
class WordTfidf:
    """Which words and pairs of neighbouring words count, and how much.

    Unknown words count for nothing and break pairs; the unknown piece of `WordPieces` is one like
    any other.

    Attributes
    ----------
    n_words : int
        Size of the vocabulary that the ids come from.
    keys : int64 ndarray of shape (n_features,), sorted
        A word's id; or ``(first + 1) * n_words + second`` for a pair.
    idf : float32 ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklabelemb.linear import WordTfidf
    >>> from sklabelemb.text import Tokenizer, Vocabulary
    >>> vocabulary, ids = Vocabulary.build(["a late parcel", "a late refund"], Tokenizer())
    >>> words = WordTfidf.fit(ids, len(vocabulary), min_df=2)
    >>> words.transform(ids).toarray().round(2)  # "a", "late" and "a late" occur twice
    array([[0.58, 0.58, 0.58],
           [0.58, 0.58, 0.58]], dtype=float32)
    """

    n_words: int
    keys: np.ndarray
    idf: np.ndarray

    @classmethod
    def fit(
        cls, texts: TokenIds, n_words: int, *, min_df: int = 2, max_features: int | None = None
    ) -> WordTfidf:
        """Choose the features.

        Parameters
        ----------
        texts : TokenIds
        n_words : int
            Size of the vocabulary.
        min_df : int, default=2
            Leave out what fewer texts contain.
        max_features : int, default=None
            Keep at most this many, those that most texts contain.
        """
        distinct, frequency = _document_frequency(texts, n_words)
        kept = _most_frequent(frequency, min_df, max_features)
        return cls(n_words, distinct[kept], _idf(frequency[kept], len(texts)))

    @property
    def n_features(self) -> int:
        """Number of words and pairs."""
        return len(self.keys)

    def transform(self, texts: TokenIds) -> sp.csr_matrix:
        """TF-IDF matrix of some texts, float32 of shape ``(n_texts, n_features)``."""
        columns, rows, _ = self.occurrences(texts)
        return tfidf(rows, columns, len(texts), [self.idf])

    def occurrences(self, texts: TokenIds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every occurrence of a feature: its column, its text, and its first token.

        Returns
        -------
        columns, rows, tokens : int64 ndarrays of shape (n_occurrences,)
            `tokens` are positions in the flat ``texts.ids``; a pair spans that token and the next.
        """
        keys, rows = _occurrences(texts, self.n_words)
        tokens = np.concatenate([np.arange(len(texts.ids))] * 2)[: len(keys)]
        if not self.n_features:
            return tuple(np.zeros(0, dtype=np.int64) for _ in range(3))  # type: ignore[return-value]
        columns = np.minimum(np.searchsorted(self.keys, keys), self.n_features - 1)
        kept = self.keys[columns] == keys
        return columns[kept], rows[kept], tokens[kept]

    def shares(self, texts: TokenIds) -> sp.csr_matrix:
        """The rows of :meth:`transform` divided among the tokens that made them.

        Returns
        -------
        csr_matrix of shape (n_tokens, n_features)
            A feature's value is divided equally among its occurrences, a pair's between its words;
            the rows of a text's tokens sum to the text's row.
        """
        columns, rows, tokens = self.occurrences(texts)
        share = _shares(rows, columns, len(texts), self.idf)
        paired = self.keys[columns] >= self.n_words
        share = np.where(paired, share / 2, share)
        return sp.csr_matrix(
            (
                np.concatenate([share, share[paired]]),
                (
                    np.concatenate([tokens, tokens[paired] + 1]),
                    np.concatenate([columns, columns[paired]]),
                ),
            ),
            shape=(len(texts.ids), self.n_features),
        )


@dataclass(frozen=True, eq=False)
class CharacterTfidf:
    """Which groups of three to five letters within words count, and how much.

    They relate unseen words to known ones by stems, endings and spelling variants. This requires
    that unknown words keep their own ids, see ``keep_unknown`` of :meth:`.Vocabulary.encode`.

    Attributes
    ----------
    groups : dict of str to int
        Character n-grams and their columns; a word's bounds are spaces.
    idf : float32 ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklabelemb.linear import CharacterTfidf
    >>> from sklabelemb.text import Tokenizer, Vocabulary
    >>> vocabulary, ids = Vocabulary.build(["late parcel", "late parcels"], Tokenizer())
    >>> characters = CharacterTfidf.fit(ids, vocabulary, min_df=2)
    >>> [group for group in characters.groups if "cel" in group]
    ['arcel', 'cel', 'rcel']
    """

    groups: dict[str, int]
    idf: np.ndarray

    @classmethod
    def fit(
        cls,
        texts: TokenIds,
        vocabulary: Vocabulary | WordPieces,
        *,
        min_df: int = 5,
        max_features: int | None = None,
    ) -> CharacterTfidf:
        """Choose the character n-grams; parameters as in :meth:`WordTfidf.fit`."""
        spelling = ["", "", *vocabulary.words, *texts.unknown_words]
        distinct = np.flatnonzero(texts.counts(len(spelling)))
        columns: dict[str, int] = {}
        table = _spelling([spelling[i] for i in distinct.tolist()], columns)
        # How many texts contain a group: that of words that share it is a union, so count texts.
        frequency = np.zeros(len(columns), dtype=np.int64)
        for block in texts.blocks():
            by_word = _word_counts(block, distinct)
            frequency += np.bincount((by_word @ table).indices, minlength=len(columns))
        names = np.array(list(columns), dtype=object)
        alphabetical = np.argsort(names.astype(str), kind="stable") if len(names) else names
        alphabetical = alphabetical.astype(np.int64)
        kept = alphabetical[_most_frequent(frequency[alphabetical], min_df, max_features)]
        groups = {str(name): column for column, name in enumerate(names[kept])}
        return cls(groups, _idf(frequency[kept], len(texts)))

    @property
    def n_features(self) -> int:
        """Number of character n-grams."""
        return len(self.groups)

    def transform(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """TF-IDF matrix of some texts, float32 of shape ``(n_texts, n_features)``."""
        columns, rows, _ = self.occurrences(texts, vocabulary)
        return tfidf(rows, columns, len(texts), [self.idf])

    def occurrences(
        self, texts: TokenIds, vocabulary: Vocabulary | WordPieces
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every occurrence of a letter group: its column, its text, and its token.

        Returns
        -------
        columns, rows, tokens : int64 ndarrays of shape (n_occurrences,)
            `tokens` are positions in the flat ``texts.ids``.
        """
        known = self._spelt(vocabulary)
        columns, tokens = known.at(texts.ids, np.flatnonzero(texts.ids < len(known)))
        if texts.unknown_words:
            unknown = np.flatnonzero(texts.ids >= len(known))
            used, words = np.unique(texts.ids[unknown] - len(known), return_inverse=True)
            spelt = _Spelt.of([texts.unknown_words[i] for i in used.tolist()], self.groups)
            more, places = spelt.at(words, np.arange(len(words)))
            columns = np.concatenate([columns, more])
            tokens = np.concatenate([tokens, unknown[places]])
        rows = np.repeat(np.arange(len(texts)), texts.lengths)
        return columns, rows[tokens], tokens

    def shares(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """The rows of :meth:`transform` divided among the tokens that made them.

        Returns
        -------
        csr_matrix of shape (n_tokens, n_features)
        """
        columns, rows, tokens = self.occurrences(texts, vocabulary)
        share = _shares(rows, columns, len(texts), self.idf)
        return sp.csr_matrix((share, (tokens, columns)), shape=(len(texts.ids), self.n_features))

    def _spelt(self, vocabulary: Vocabulary | WordPieces) -> _Spelt:
        """The character n-grams of the words of a vocabulary, made once."""
        of, spelt = _SPELT.get(self, (None, None))
        if of is not vocabulary or spelt is None:
            spelt = _Spelt.of(["", "", *vocabulary.words], self.groups)
            _SPELT[self] = vocabulary, spelt
        return spelt


@dataclass(frozen=True)
class _Spelt:
    """The character n-grams of some words.

    Attributes
    ----------
    columns : int64 ndarray
        Those of all words, end to end.
    offsets : int64 ndarray of shape (n_words + 1,)
    """

    columns: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, words: Iterable[str], groups: dict[str, int]) -> _Spelt:
        """Look the groups of some words up; the others are left out."""
        columns: list[int] = []
        offsets = [0]
        for word in words:
            columns += [groups[group] for group in _letter_groups(word) if group in groups]
            offsets.append(len(columns))
        return cls(np.array(columns, dtype=np.int64), np.array(offsets, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def at(self, words: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Column and place of every letter group of the words at some places."""
        words = words[places]
        lengths = self.offsets[words + 1] - self.offsets[words]
        ends = lengths.cumsum()
        starts = np.repeat(self.offsets[words] - ends + lengths, lengths)
        return self.columns[starts + np.arange(len(starts))], np.repeat(places, lengths)


# How the words of the last vocabulary are spelt, for as long as the character n-grams are needed.
_SPELT: WeakKeyDictionary[CharacterTfidf, tuple[Any, _Spelt]] = WeakKeyDictionary()


def tfidf(
    rows: np.ndarray, columns: np.ndarray, n_texts: int, idfs: Sequence[np.ndarray]
) -> sp.csr_matrix:
    """TF-IDF of the features that occur, as one matrix of several parts.

    Parameters
    ----------
    rows, columns : int ndarrays of shape (n_occurrences,)
        Text and feature of every occurrence, in any order.
    n_texts : int
    idfs : sequence of float32 ndarrays
        Those of each part; the columns of a part follow those of the part before.

    Returns
    -------
    csr_matrix of shape (n_texts, n_features), float32
        Each part of each row has length one. Indices are sorted.
    """
    idf = np.concatenate(idfs)
    keys, counts = np.unique(rows * len(idf) + columns, return_counts=True)
    offsets = np.searchsorted(keys, np.arange(n_texts + 1) * len(idf))
    rows = np.repeat(np.arange(n_texts), np.diff(offsets))
    columns = keys - rows * len(idf)
    values = (1 + np.log(counts.astype(np.float32))) * idf[columns]
    bounds = np.cumsum([len(part) for part in idfs[:-1]], dtype=np.int64)
    part = rows * len(idfs) + np.searchsorted(bounds, columns, side="right")
    values /= np.sqrt(np.bincount(part, values.astype(np.float64) ** 2))[part].astype(np.float32)
    return sp.csr_matrix((values, columns, offsets), shape=(n_texts, len(idf)))


def _shares(rows: np.ndarray, columns: np.ndarray, n_texts: int, idf: np.ndarray) -> np.ndarray:
    """What each occurrence of a feature has of its value in the text."""
    values = tfidf(rows, columns, n_texts, [idf]).data
    _, which, counts = np.unique(rows * len(idf) + columns, return_inverse=True, return_counts=True)
    share: np.ndarray = (values / counts)[which].astype(np.float32)
    return share


def _occurrences(texts: TokenIds, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Key (-1 where there is none) and text of every word, then of every pair."""
    ids = texts.ids.astype(np.int64)
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    # Ids beyond the vocabulary are words that it did not have when the features were chosen.
    known = (ids > UNKNOWN_ID) & (ids < n_words)
    words = np.where(known, ids, -1)
    if len(ids) < 2:
        return words, rows
    paired = known[:-1] & known[1:] & (rows[:-1] == rows[1:])
    pairs = np.where(paired, (ids[:-1] + 1) * n_words + ids[1:], -1)
    return np.concatenate([words, pairs]), np.concatenate([rows, rows[:-1]])


def _document_frequency(texts: TokenIds, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys of all words and pairs, sorted, and in how many texts each is."""
    found, waiting = [], 0
    for block in texts.blocks():
        keys, rows = _occurrences(block, n_words)
        order = np.lexsort((rows, keys))
        keys, rows = keys[order], rows[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        found.append(np.unique(keys[first & (keys >= 0)], return_counts=True))
        waiting += len(found[-1][0])
        if waiting > 2 * len(found[0][0]):
            found, waiting = [_added_up(found)], 0
    return _added_up(found) if found else (np.empty(0, np.int64), np.empty(0, np.int64))


def _added_up(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Counts of several blocks as those of one."""
    if len(found) == 1:
        return found[0]
    keys, place = np.unique(np.concatenate([keys for keys, _ in found]), return_inverse=True)
    counts = np.zeros(len(keys), dtype=np.int64)
    np.add.at(counts, place, np.concatenate([counts for _, counts in found]))
    return keys, counts


def _word_counts(texts: TokenIds, distinct: np.ndarray) -> sp.csr_matrix:
    """How often each text has each of the distinct words, which are sorted."""
    position = np.searchsorted(distinct, texts.ids)
    ones = np.ones(len(position), dtype=np.float32)
    shape = (len(texts), len(distinct))
    return sp.csr_matrix((ones, position, texts.offsets), shape=shape)


def _spelling(words: Sequence[str], columns: dict[str, int]) -> sp.csr_matrix:
    """How often each word has each letter group; all groups get columns."""
    offsets, found = [0], []
    for word in words:
        found += [columns.setdefault(group, len(columns)) for group in _letter_groups(word)]
        offsets.append(len(found))
    table = sp.csr_matrix(
        (np.ones(len(found), dtype=np.float32), found, offsets), shape=(len(words), len(columns))
    )
    table.sum_duplicates()
    return table


def _letter_groups(word: str) -> Iterable[str]:
    if not word:
        return ()
    padded = f" {word} "
    return chain.from_iterable(
        (padded[i : i + length] for i in range(len(padded) - length + 1))
        for length in range(SHORTEST, LONGEST + 1)
    )


def _most_frequent(frequency: np.ndarray, min_df: int, max_features: int | None) -> np.ndarray:
    kept = np.flatnonzero(frequency >= min_df)
    if max_features is not None and len(kept) > max_features:
        most = np.argsort(-frequency[kept], kind="stable")[:max_features]
        kept = kept[np.sort(most)]
    return kept


def _idf(frequency: np.ndarray, n_texts: int) -> np.ndarray:
    return (np.log((1 + n_texts) / (1 + frequency)) + 1).astype(np.float32)
