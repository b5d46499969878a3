"""The linear path beside a network: n-gram features, its training, and how both are mixed."""

from sklabelemb.linear.mixture import Mixture
from sklabelemb.linear.ngrams import CharacterTfidf, WordTfidf
from sklabelemb.linear.path import WidePath

__all__ = ["CharacterTfidf", "Mixture", "WidePath", "WordTfidf"]
