"""The vocabulary: words and their ids."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .token_ids import TokenIds

__all__ = ["PAD_ID", "UNKNOWN_ID", "Vocabulary"]

PAD_ID = 0
UNKNOWN_ID = 1
_N_SPECIAL = 2

Tokenize = Callable[[str], Iterable[str]]


class Vocabulary:
    """The words a model knows, each with an id.

    Id 0 is padding and id 1 stands for every unknown word; neither has a spelling, so no text can
    contain them by accident. The words follow from id 2.

    Parameters
    ----------
    words : iterable of str
        The words in the order of their ids, without the two special ones.
    document_frequency : array-like of int, shape (n_words + 2,), or None, default=None
        Number of texts in which each id occurs, special ones included; None if not counted.

    Attributes
    ----------
    words : tuple of str, length n_words
        The words; ``words[i]`` has the id ``i + 2``.
    document_frequency : ndarray of int64, shape (n_words + 2,), or None
        Aligned with the ids. Padding occurs nowhere; the entry of unknown words counts the texts
        that hold at least one.

    Raises
    ------
    ValueError
        If a word is duplicated, or the frequencies do not match the words.
    TypeError
        If a word is not a str.

    Examples
    --------
    >>> from sklabelemb.text import Tokenizer, Vocabulary
    >>> texts = ["the cat", "the dog and the fox"]
    >>> vocabulary, ids = Vocabulary.build(texts, Tokenizer(), max_features=3)
    >>> vocabulary.words
    ('the', 'and', 'cat')
    >>> ids.padded([0, 1])
    array([[2, 4, 0, 0, 0],
           [2, 1, 3, 2, 1]])
    >>> vocabulary["cat"], vocabulary.id("bird"), len(vocabulary)
    (4, 1, 5)
    """

    words: tuple[str, ...]
    document_frequency: NDArray[np.int64] | None

    def __init__(self, words: Iterable[str], document_frequency: ArrayLike | None = None) -> None:
        self.words = tuple(words)
        for word in self.words:
            if not isinstance(word, str):
                raise TypeError(f"a word must be a str, got {word!r} ({type(word).__name__})")
        self._ids = _KnownIds((word, i) for i, word in enumerate(self.words, _N_SPECIAL))
        if len(self._ids) != len(self.words):
            repeated = next(w for i, w in enumerate(self.words, _N_SPECIAL) if self._ids[w] != i)
            raise ValueError(f"the word {repeated!r} comes twice")
        self.document_frequency = None
        if document_frequency is not None:
            self.document_frequency = np.asarray(document_frequency, dtype=np.int64)
            if self.document_frequency.shape != (len(self),):
                raise ValueError(
                    f"document_frequency must have one entry for each of {len(self)} ids, got "
                    f"shape {self.document_frequency.shape}"
                )

    @classmethod
    def build(
        cls,
        documents: Sequence[str],
        tokenizer: Tokenize,
        *,
        max_features: int | None = None,
        min_df: float = 1,
        max_length: int | None = None,
        keep_unknown: bool = False,
    ) -> tuple[Vocabulary, TokenIds]:
        """Build a vocabulary from texts, and encode them.

        Every text is tokenised exactly once. Words are numbered by decreasing frequency, and
        alphabetically among equally frequent words, so the same texts give the same ids on every
        machine.

        Parameters
        ----------
        documents : sequence of str, length n_texts
            The training texts.
        tokenizer : callable, str -> iterable of str
            For instance a `Tokenizer`.
        max_features : int or None, default=None
            Keep only this many words, the most frequent ones. None keeps all: an embedding row that
            is seldom used costs memory but hardly any time.
        min_df : int or float, default=1
            Drop words that occur in fewer texts: a number of texts if int, a share of them between
            0 and 1 if float, as in scikit-learn's vectorizers.
        max_length : int or None, default=None
            Read only this many tokens of each text; what follows is neither counted nor encoded.
        keep_unknown : bool, default=False
            Whether dropped words get ids of their own, as in `encode`.

        Returns
        -------
        vocabulary : Vocabulary
        token_ids : TokenIds
            The texts; words that were dropped are unknown words in it.

        Raises
        ------
        ValueError
            If a parameter is out of range, or `min_df` leaves no word at all. Texts without any
            word are legal: they give a vocabulary without words.
        TypeError
            If the tokenizer returns anything but strings in a fixed order.
        """
        _check_parameters(max_features, min_df, max_length)
        provisional = _GrowingIds()
        raw = _encode(documents, tokenizer, provisional, max_length)
        words = list(provisional)
        counts = raw.counts(len(words))
        frequency = _document_frequency(raw, len(words))

        n_min = min_df if isinstance(min_df, Integral) else min_df * len(raw)
        kept = np.flatnonzero(frequency >= n_min)
        if len(words) and not len(kept):
            raise ValueError(
                f"min_df={min_df!r} leaves none of the {len(words)} words: each occurs in fewer "
                f"than {n_min:g} of {len(raw)} texts; lower min_df"
            )
        alphabetical = np.array(sorted(kept.tolist(), key=words.__getitem__), dtype=np.int64)
        ranked = alphabetical[np.argsort(-counts[alphabetical], kind="stable")][:max_features]

        new_ids = np.full(len(words), UNKNOWN_ID, dtype=np.int32)
        new_ids[ranked] = np.arange(_N_SPECIAL, _N_SPECIAL + len(ranked))
        is_dropped = new_ids == UNKNOWN_ID
        n_with_unknown = sum(_texts_with(is_dropped, block) for block in raw.blocks())
        vocabulary = cls(
            (str(words[i]) for i in ranked.tolist()),
            np.concatenate([[0, n_with_unknown], frequency[ranked]]),
        )
        if not keep_unknown:
            return vocabulary, raw.renumbered(new_ids, ())
        dropped = np.flatnonzero(is_dropped)
        new_ids[dropped] = np.arange(len(vocabulary), len(vocabulary) + len(dropped))
        unknown_words = tuple(str(words[i]) for i in dropped.tolist())
        return vocabulary, raw.renumbered(new_ids, unknown_words)

    def encode(
        self,
        documents: Sequence[str],
        tokenizer: Tokenize,
        *,
        max_length: int | None = None,
        keep_unknown: bool = False,
    ) -> TokenIds:
        """Turn texts into ids; words the vocabulary does not have become `UNKNOWN_ID`.

        Parameters
        ----------
        documents : sequence of str, length n_texts
        tokenizer : callable, str -> iterable of str
            The one that the vocabulary was built with.
        max_length : int or None, default=None
            Read only this many tokens of each text.
        keep_unknown : bool, default=False
            Whether each unknown word gets an id of its own, from ``len(vocabulary)`` on, for
            character n-grams; ``token_ids.unknown_words`` then lists these words.

        Returns
        -------
        token_ids : TokenIds

        Raises
        ------
        ValueError
            If `max_length` is less than 1.
        TypeError
            If the tokenizer returns anything but strings in a fixed order.
        """
        _check_parameters(None, 1, max_length)
        if not keep_unknown:
            return _encode(documents, tokenizer, self._ids, max_length)
        ids = _OpenIds(self._ids)
        encoded = _encode(documents, tokenizer, ids, max_length)
        unknown_words = tuple(map(str, islice(ids, len(self.words), None)))
        return TokenIds(encoded.ids, encoded.offsets, unknown_words)

    def extended(self, words: Iterable[str]) -> Vocabulary:
        """Return a vocabulary with more words, for instance those of the labels' texts.

        Parameters
        ----------
        words : iterable of str
            Known words and duplicates are ignored.

        Returns
        -------
        vocabulary : Vocabulary
            All old ids are unchanged; the new words occur in no document.
        """
        new = [word for word in dict.fromkeys(words) if word not in self._ids]
        frequency = self.document_frequency
        if frequency is not None:
            frequency = np.concatenate([frequency, np.zeros(len(new), dtype=np.int64)])
        return Vocabulary((*self.words, *new), frequency)

    def including(self, other: Vocabulary) -> Vocabulary:
        """Return a vocabulary merged with another one, built from further texts.

        Parameters
        ----------
        other : Vocabulary

        Returns
        -------
        vocabulary : Vocabulary
            All old ids are unchanged, new words follow in the order of `other`; document
            frequencies are added up.
        """
        both = self.extended(other.words)
        if both.document_frequency is not None and other.document_frequency is not None:
            ids = [PAD_ID, UNKNOWN_ID, *map(both.id, other.words)]
            both.document_frequency[ids] += other.document_frequency
        return both

    def id(self, word: str) -> int:
        """Return the id of a word, `UNKNOWN_ID` if it is not in the vocabulary."""
        return self._ids.get(word, UNKNOWN_ID)

    def __getitem__(self, word: str) -> int:
        """Return the id of a word; a KeyError says that it is not in the vocabulary."""
        if word not in self._ids:
            raise KeyError(f"{word!r} is not in the vocabulary")
        return self._ids[word]

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __len__(self) -> int:
        """Return the number of ids, padding and unknown included: the rows of an embedding."""
        return _N_SPECIAL + len(self.words)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.words == other.words

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self.words)} words>"

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as a dict that JSON can hold."""
        frequency = self.document_frequency
        return {
            "words": list(self.words),
            "document_frequency": None if frequency is None else frequency.tolist(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Vocabulary:
        """Build the vocabulary that `to_dict` described.

        Parameters
        ----------
        state : dict
            What `to_dict` returned.

        Returns
        -------
        vocabulary : Vocabulary

        Raises
        ------
        ValueError
            If the entry ``"words"`` is missing.
        """
        if "words" not in state:
            raise ValueError(f"a vocabulary needs the entry 'words', got {sorted(state)}")
        return cls(state["words"], state.get("document_frequency"))


class _KnownIds(dict[str, int]):
    """Ids that are fixed. Strings are checked here, where only unknown tokens pay for it."""

    def __missing__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError
        return UNKNOWN_ID


class _GrowingIds(dict[str, int]):
    """Ids handed out in the order of first sight."""

    def __missing__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError
        self[token] = new = len(self)
        return new


class _OpenIds(dict[str, int]):
    """Known ids, and further ones after them in the order of first sight."""

    def __missing__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError
        self[token] = new = _N_SPECIAL + len(self)
        return new


def _encode(
    documents: Iterable[str],
    tokenizer: Tokenize,
    ids: _KnownIds | _GrowingIds | _OpenIds,
    max_length: int | None,
) -> TokenIds:
    # One document's strings at a time: those of a whole corpus would take gigabytes.
    flat, offsets = array("i"), array("q", [0])
    for row, document in enumerate(documents):
        tokens = tokenizer(document)
        if type(tokens) is not list:
            tokens = _as_list(tokens, row)
        if max_length is not None:
            tokens = tokens[:max_length]
        try:
            flat.fromlist(list(map(ids.__getitem__, tokens)))
        except TypeError:
            i, bad = next((i, t) for i, t in enumerate(tokens) if not isinstance(t, str))
            raise TypeError(
                f"the tokenizer must return strings, but token {i} of the text in row {row} is "
                f"{bad!r} (type {type(bad).__name__})"
            ) from None
        offsets.append(len(flat))
    # The arrays themselves, not a copy: there may be hundreds of megabytes.
    flat_ids = np.frombuffer(flat, dtype=np.int32) if flat else np.empty(0, dtype=np.int32)
    return TokenIds(flat_ids, np.frombuffer(offsets, dtype=np.int64))


def _as_list(tokens: Any, row: int) -> list[Any]:
    # The characters of a string and the bytes of bytes would pass for tokens; the order of a set
    # of strings changes from one Python process to the next.
    if isinstance(tokens, (str, bytes, set, frozenset, dict)) or not hasattr(tokens, "__iter__"):
        raise TypeError(
            "the tokenizer must return a list of str, but for the text in row "
            f"{row} it returned {type(tokens).__name__}"
        )
    return list(tokens)


def _texts_with(is_meant: NDArray[np.bool_], texts: TokenIds) -> int:
    """How many texts hold one of the ids that are meant."""
    before = np.concatenate([[0], np.cumsum(is_meant[texts.ids])])[texts.offsets]
    return int(np.count_nonzero(np.diff(before)))


def _document_frequency(texts: TokenIds, n_ids: int) -> NDArray[np.int64]:
    """Count the texts that hold each id, in time linear in the number of tokens."""
    found = np.zeros(n_ids, dtype=np.int64)
    for block in texts.blocks():
        found += _document_frequency_of_block(block, n_ids)
    return found


def _document_frequency_of_block(texts: TokenIds, n_ids: int) -> NDArray[np.int64]:
    ones = np.ones(len(texts.ids), dtype=np.int8)
    by_id = sparse.csr_matrix((ones, texts.ids, texts.offsets), shape=(len(texts), n_ids)).tocsc()
    # Within a column the rows are sorted, so a text that repeats a word does so side by side.
    is_new = np.ones(len(texts.ids) + 1, dtype=np.int64)
    is_new[1:-1] = by_id.indices[1:] != by_id.indices[:-1]
    is_new[by_id.indptr] = 1
    total = np.concatenate([[0], np.cumsum(is_new[:-1])])
    frequency: NDArray[np.int64] = np.diff(total[by_id.indptr])
    return frequency


def _check_parameters(max_features: int | None, min_df: float, max_length: int | None) -> None:
    for name, value in (("max_features", max_features), ("max_length", max_length)):
        is_count = isinstance(value, Integral) and not isinstance(value, bool) and value >= 1
        if value is not None and not is_count:
            raise ValueError(f"{name} must be None or an int of at least 1, got {value!r}")
    is_count = isinstance(min_df, Integral) and not isinstance(min_df, bool) and min_df >= 1
    is_share = not isinstance(min_df, Integral) and isinstance(min_df, Real) and 0 <= min_df <= 1
    if not (is_count or is_share):
        raise ValueError(
            f"min_df must be an int of at least 1 or a float from 0 to 1, got {min_df!r}"
        )
