"""Tokenization by the rules of Unicode, fast enough to need no cache."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Tokenizer", "token_spans", "tokens_with_spans"]

_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"

# Never part of a token, so it can hold a document's tokens apart while they are handled as one
# string; it neither composes with marks nor counts as part of a word when Σ is lower-cased.
_SEPARATOR = "\0"

# The scripts whose words no space separates and where one character carries a meaning: Han,
# Hiragana, Katakana (also half-width) with their iteration and length marks.
_CJK_RANGES = (
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303C),
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x33FFF),
)

# Planes 4 to 13 are unassigned, 15 and 16 private: reading a million categories would only cost
# time, so they count as symbols.
_ASSIGNED = (range(0x34000), range(0xE0000, 0xE1000))
_UNLISTED = r"[\U00034000-\U000dffff\U000e1000-\U0010ffff]"


@dataclass(frozen=True)
class Tokenizer:
    """Split a text into words, numbers, punctuation marks and symbols.

    A token is one of

    - a word: letters with their combining marks, digits, and apostrophes between letters
      (``don't``; the typographic ``’`` becomes ``'``);
    - a number, with its inner separators ``.``, ``,`` and ``:`` (``1,234.56``, ``12:30``, so that
      a price or a time is one thing), also as part of a word (``3.5mm``, ``b2b``);
    - one character of Han, Hiragana or Katakana, whose words no space separates;
    - one punctuation mark or symbol, hyphens and underscores included (``well-known`` gives
      three tokens); an emoji stays whole, with its skin tone, variation selector, joined parts
      or flag letters.

    White space, control and invisible format characters are never tokens. Other scripts without
    spaces (Thai, Lao, Khmer, Burmese) are not segmented: if that matters, pass a tokenizer for the
    language. Tokens are in Unicode normal form C, so a composed and a decomposed "é" are the same
    token.

    Parameters
    ----------
    lowercase : bool, default=True
        Lower-case every token. On by default because published word vectors mostly are
        lower-case and small data sets cannot afford two spellings of a word.
    mask_numbers : bool, default=False
        Replace every number by a single ``#``: ``1,234.56`` gives ``#`` and ``b2b`` gives ``b#b``.
        Useful if numbers carry no meaning and only fill the vocabulary. A hash mark in the text
        gives ``#`` too.

    See Also
    --------
    token_spans : Find the tokens of any other tokenizer in the text.

    Examples
    --------
    >>> from sklabelemb.text import Tokenizer
    >>> tokenizer = Tokenizer()
    >>> tokenizer("Don't pay $1,234.56 for a well-known café!")
    ["don't", 'pay', '$', '1,234.56', 'for', 'a', 'well', '-', 'known', 'café', '!']
    >>> Tokenizer(mask_numbers=True)("Since 12:30 at B2B")
    ['since', '#', 'at', 'b#b']
    >>> tokenizer.spans("Don't!")
    [(0, 5), (5, 6)]
    """

    lowercase: bool = True
    mask_numbers: bool = False

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of one text, in order.

        Parameters
        ----------
        text : str

        Returns
        -------
        tokens : list of str
            Empty for a text without any visible character.
        """
        if _APOSTROPHE in text:
            text = text.replace(_APOSTROPHE, "'")
        if text.isascii():
            tokens = _ascii_pattern().findall(text.lower() if self.lowercase else text)
        else:
            tokens = self._unicode(_unicode_pattern().findall(text))
        if self.mask_numbers and tokens:
            return _number().sub("#", _SEPARATOR.join(tokens)).split(_SEPARATOR)
        return tokens

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the positions of the tokens in the text.

        Parameters
        ----------
        text : str

        Returns
        -------
        spans : list of tuple (start, stop)
            ``text[start:stop]`` is where the token came from, one pair for each token of
            ``tokenizer(text)`` and in the same order. Offsets count the characters of the text as
            given, before any lower-casing, composing or masking.
        """
        text = text.replace(_APOSTROPHE, "'")
        pattern = _ascii_pattern() if text.isascii() else _unicode_pattern()
        return [match.span() for match in pattern.finditer(text)]

    def to_dict(self) -> dict[str, bool]:
        """Return the settings as a dict that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Tokenizer:
        """Build the tokenizer that `to_dict` described.

        Parameters
        ----------
        settings : dict
            What `to_dict` returned.

        Returns
        -------
        tokenizer : Tokenizer

        Raises
        ------
        ValueError
            If a setting is missing, unknown, or not a bool.
        """
        expected = sorted(asdict(cls()))
        if sorted(settings) != expected or not all(type(v) is bool for v in settings.values()):
            raise ValueError(
                f"a tokenizer is described by {', '.join(expected)}, each true or false; "
                f"got {settings!r}"
            )
        return cls(**settings)

    def _unicode(self, pieces: list[str]) -> list[str]:
        if not pieces:
            return pieces
        # One string for the whole document: each step below is then a single call into C. Case
        # goes before composition because lower-casing may leave a pair that composes.
        joined = _SEPARATOR.join(pieces)
        if _SOFT_HYPHEN in joined:
            joined = joined.replace(_SOFT_HYPHEN, "")
        if self.lowercase:
            joined = joined.lower()
        return unicodedata.normalize("NFC", joined).split(_SEPARATOR)


def token_spans(text: str, tokens: Iterable[str]) -> list[tuple[int, int] | None]:
    """Find tokens in the text they came from, whatever tokenizer made them.

    Each token is looked up from the end of the one before, ignoring case; a token that is not
    found (a stem, a placeholder, a piece marked with ``##``) leaves the position where it was.
    For a `Tokenizer`, ``tokenizer.spans(text)`` is exact and should be preferred.

    Parameters
    ----------
    text : str
        The text as it was given to the tokenizer.
    tokens : iterable of str
        Its tokens, in order.

    Returns
    -------
    spans : list of (tuple (start, stop) or None)
        Offsets into `text`, one entry for each token; None where it cannot be found.

    Examples
    --------
    >>> from sklabelemb.text import token_spans
    >>> token_spans("The Cats sat.", ["the", "cat", "<eos>", "sat"])
    [(0, 3), (4, 7), None, (9, 12)]
    """
    folded = text.casefold()
    owner: list[int] | None = None
    if len(folded) != len(text):
        # Case folding lengthened a character (ß gives ss): map back to the original positions.
        owner = [i for i, character in enumerate(text) for _ in character.casefold()]
    spans: list[tuple[int, int] | None] = []
    position = 0
    for token in tokens:
        wanted = token.casefold()
        start = folded.find(wanted, position) if wanted else -1
        if start < 0:
            spans.append(None)
            continue
        position = start + len(wanted)
        if owner is None:
            spans.append((start, position))
        else:
            spans.append((owner[start], owner[position - 1] + 1))
    return spans


def tokens_with_spans(
    text: str, tokenizer: Callable[[str], Iterable[str]], max_length: int | None = None
) -> tuple[list[str], list[tuple[int, int] | None]]:
    """The tokens that a network reads, and their positions in the text.

    Parameters
    ----------
    text : str
    tokenizer : callable
    max_length : int or None, default=None
        Only this many tokens.

    Examples
    --------
    >>> from sklabelemb.text import Tokenizer, tokens_with_spans
    >>> tokens_with_spans("Late again!", Tokenizer(), max_length=2)
    (['late', 'again'], [(0, 4), (5, 10)])
    """
    tokens = list(tokenizer(text))[:max_length]
    if isinstance(tokenizer, Tokenizer):
        return tokens, list(tokenizer.spans(text)[: len(tokens)])
    return tokens, token_spans(text, tokens)


# What may join two runs of letters and digits into one word.
_ASCII_JOIN = r"'(?!\d)|(?<=\d)[.,:](?=\d)"
# A soft hyphen or a joiner inside a word is invisible and must not cut it in two.
_UNICODE_JOIN = r"'(?!\d)|(?<=\d)[.,:\u066b\u066c](?=\d)|[\u00ad\u200c\u200d]+"


@functools.cache
def _ascii_pattern() -> re.Pattern[str]:
    run = "[A-Za-z0-9]+"
    return re.compile(rf"{run}(?:(?:{_ASCII_JOIN}){run})*|[!-/:-@\[-`{{-~]", re.ASCII)


@functools.cache
def _number() -> re.Pattern[str]:
    return re.compile(r"\d+(?:[.,:\u066b\u066c]\d+)*")


@functools.cache
def _unicode_pattern() -> re.Pattern[str]:
    """Compile the general pattern; `re` knows no combining marks, so the classes are spelt out."""
    cjk = {code for first, last in _CJK_RANGES for code in range(first, last + 1)}
    starts: list[int] = []
    marks: list[int] = []
    ideographs: list[int] = []
    symbols: list[int] = []
    for code in itertools.chain(*_ASSIGNED):
        category = unicodedata.category(chr(code))
        if category[0] in "LN":
            (ideographs if code in cjk else starts).append(code)
        elif category[0] == "M":
            marks.append(code)
        elif category[0] != "Z" and category not in ("Cc", "Cf", "Cs"):
            symbols.append(code)
    # Variation selectors are marks; skin tones and the tag letters of regional flags are not.
    dress = [*marks, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)]
    inner = starts + marks
    word = f"{_one(starts)}{_any(inner)}(?:(?:{_UNICODE_JOIN}){_one(inner)}{_any(inner)})*"
    ideograph = f"{_one(ideographs)}{_any(marks)}"
    keycap = r"[0-9#*]\ufe0f?\u20e3"
    flag = r"[\U0001f1e6-\U0001f1ff]{2}"
    symbol = f"(?:{_one(symbols)}|{_UNLISTED}){_any(dress)}"
    return re.compile(rf"{keycap}|{word}|{ideograph}|{flag}|{symbol}(?:\u200d{symbol})*")


def _one(codes: list[int]) -> str:
    """Write a pattern for one of these characters."""
    low, high = _classes(codes)
    return f"(?:{low}|{high})"


def _any(codes: list[int]) -> str:
    """Write a pattern for any number of these characters."""
    low, high = _classes(codes)
    return f"{low}*(?:{high}{low}*)*"


def _classes(codes: list[int]) -> tuple[str, str]:
    """Write the classes of the characters below and above U+FFFF.

    `re` looks up the former in a table but compares the latter with one range after the other,
    hundreds of them. The guard spares every space and full stop that walk: four times faster.
    """
    low = _ranges([code for code in codes if code <= 0xFFFF])
    high = _ranges([code for code in codes if code > 0xFFFF])
    return f"[{low}]", rf"(?=[\U00010000-\U0010ffff])[{high}]"


def _ranges(codes: list[int]) -> str:
    codes = sorted(codes)
    parts, first = [], 0
    for i, code in enumerate(codes):
        if i + 1 == len(codes) or codes[i + 1] != code + 1:
            parts.append(rf"\U{codes[first]:08x}-\U{code:08x}")
            first = i + 1
    return "".join(parts)
