"""Linear paths beside a network: their features, their training, and how all are mixed."""

from sklabelemb.lazy import public_names
from sklabelemb.linear.encoded import EncoderPath, LabelTexts, is_joint
from sklabelemb.linear.features import MANY_TOKENS
from sklabelemb.linear.kept import KeptPaths
from sklabelemb.linear.mixture import Mixture
from sklabelemb.linear.ngrams import CharacterTfidf, WordTfidf
from sklabelemb.linear.path import WidePath, has_few_texts

__all__ = [
    "MANY_TOKENS",
    "CharacterTfidf",
    "EncoderPath",
    "KeptPaths",
    "LabelTexts",
    "Mixture",
    "WidePath",
    "WordTfidf",
    "has_few_texts",
    "is_joint",
]

__dir__ = public_names(__name__)
