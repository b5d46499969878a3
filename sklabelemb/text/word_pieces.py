"""The tokenizer that comes with a pretrained encoder."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from sklabelemb.optional import import_optional

from .token_ids import TokenIds

__all__ = ["WordPieces"]

# Texts per call of the tokenizer, whose output takes a kilobyte or more for each.
TEXTS_A_CALL = 1000


class WordPieces:
    """A tokenizer that the `tokenizers` library runs, as a vocabulary.

    It takes the place of a `Vocabulary`. Ids are those of the encoder plus one, so that 0 is always
    padding.

    Parameters
    ----------
    tokenizer : dict
        The content of a ``tokenizer.json``.
    cls_id, sep_id : int
        Ids, as the encoder counts, of the token that opens a sequence and of the one that ends a
        segment.
    encoder : dict
        Configuration of the encoder that it belongs to.

    Raises
    ------
    ImportError
        Without the `tokenizers` library, which comes with the extra ``hf``.
    ValueError
        When the `tokenizers` library cannot read the description.
    """

    def __init__(
        self, tokenizer: dict[str, Any], cls_id: int, sep_id: int, encoder: dict[str, Any]
    ) -> None:
        library = import_optional("tokenizers", extra="hf", purpose="A pretrained encoder")
        try:
            self._tokenizer = library.Tokenizer.from_str(json.dumps(tokenizer))
        except Exception as error:  # the library raises nothing more particular
            raise ValueError(f"the tokenizer cannot be read: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A text that has "[SEP]" in it must not end there.
        self._tokenizer.encode_special_tokens = True
        self._n_ids = max(self._tokenizer.get_vocab().values(), default=-1) + 2
        self.tokenizer = tokenizer
        self.cls_id = cls_id
        self.sep_id = sep_id
        self.encoder = encoder

    def __len__(self) -> int:
        """Return the number of ids, including padding and unused ones."""
        return int(self._n_ids)

    def __reduce__(self) -> Any:
        return type(self), (self.tokenizer, self.cls_id, self.sep_id, self.encoder)

    def encode(
        self,
        documents: Sequence[str],
        tokenizer: Any = None,
        *,
        max_length: int | None = None,
        keep_unknown: bool = False,
    ) -> TokenIds:
        """Turn texts into ids.

        Parameters
        ----------
        documents : sequence of str, length n_texts
        tokenizer, keep_unknown : ignored
            For compatibility with `Vocabulary`.
        max_length : int or None, default=None
            Read only this many pieces of each text.

        Returns
        -------
        ids : TokenIds of length n_texts
        """
        ids, lengths = array("i"), [0]
        for start in range(0, len(documents), TEXTS_A_CALL):
            for one in self._encodings(documents[start : start + TEXTS_A_CALL], fast=True):
                ids.extend(one.ids[:max_length])
                lengths.append(len(ids))
        flat = np.frombuffer(ids, dtype=np.int32) if ids else np.empty(0, dtype=np.int32)
        return TokenIds(flat + 1, np.array(lengths))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """How the pieces are spelt: ``words[i]`` has the id ``i + 2``, as in a `Vocabulary`.

        The encoder's first id, which encoders of the BERT kind give to a mark, has no place here.
        """
        spelling = [""] * len(self)
        for piece, number in self._tokenizer.get_vocab().items():
            spelling[number + 1] = piece
        return tuple(spelling[2:])

    def words_of(
        self, text: str, max_length: int | None = None
    ) -> tuple[list[str], list[tuple[int, int]], list[int]]:
        """The words of a text, for display, and the word of each piece.

        Parameters
        ----------
        text : str
        max_length : int or None, default=None
            Only this many pieces.

        Returns
        -------
        words : list of str, length n_words
            As they stand in the text.
        spans : list of (int, int), length n_words
            Where they stand in the text.
        owners : list of int, length n_pieces
            The word that each piece belongs to.
        """
        [one] = self._encodings([text])
        numbers, pieces = one.word_ids[:max_length], one.offsets[:max_length]
        # Without words, every piece counts as one.
        starts = [i for i in range(len(pieces)) if i == 0 or _begins(numbers, i)]
        bounds = [*starts, len(pieces)]
        spans = [(pieces[i][0], pieces[j - 1][1]) for i, j in pairwise(bounds)]
        owners = [k for k, (i, j) in enumerate(pairwise(bounds)) for _ in range(i, j)]
        return [text[start:stop] for start, stop in spans], spans, owners

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a dict that JSON can hold."""
        return {
            "tokenizer": self.tokenizer,
            "cls_id": self.cls_id,
            "sep_id": self.sep_id,
            "encoder": self.encoder,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> WordPieces:
        """Build what `to_dict` described.

        Raises
        ------
        ValueError
            When an entry is missing, or is not what it should be.
        """
        kinds = {"tokenizer": dict, "cls_id": int, "sep_id": int, "encoder": dict}
        if content.keys() != kinds.keys() or any(
            type(content[name]) is not kind for name, kind in kinds.items()
        ):
            raise ValueError(f"word pieces are described by {', '.join(kinds)}")
        return cls(**content)

    def _encodings(self, texts: Sequence[str], fast: bool = False) -> list[Any]:
        encode = self._tokenizer.encode_batch_fast if fast else self._tokenizer.encode_batch
        try:
            return list(encode(list(texts), add_special_tokens=False))
        except (TypeError, UnicodeEncodeError):
            # Half of a surrogate pair is legal in a str, but not in UTF-8.
            valid = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
            return list(encode(valid, add_special_tokens=False))


def _begins(numbers: Sequence[int | None], i: int) -> bool:
    return numbers[i] is None or numbers[i] != numbers[i - 1]
