"""How estimators are shown: as in scikit-learn, but large parameters are abbreviated.

scikit-learn writes out every value of every parameter, more than once. For a dict of word vectors
this takes minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

__all__ = ["brief_html", "brief_repr", "brief_value"]

# Collections with more elements than this are named, not shown.
MOST_SHOWN = 30


class _Brief:
    """Stands for a large value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def brief_repr(estimator: Any, n_char_max: int = 700) -> str:
    """The ``repr`` of an estimator, with ``<dict of 400000 words>`` in place of a large value."""
    return str(BaseEstimator.__repr__(_brief_copy(estimator), n_char_max))


def brief_html(estimator: Any) -> str:
    """The diagram of an estimator in a notebook, with the same."""
    return str(estimator_html_repr(_brief_copy(estimator)))


def brief_value(name: str, value: Any) -> str:
    """The ``repr`` of a parameter's value, with the same."""
    return repr(_brief(name, value))


def _brief_copy(estimator: Any) -> Any:
    """The estimator as it is, fitted or not, but for large values among its parameters."""
    parameters = estimator.get_params(deep=False)
    short = {name: _brief(name, value) for name, value in parameters.items()}
    kind = type(estimator)
    shown = type(kind.__name__, (kind,), {"__repr__": BaseEstimator.__repr__})
    shown.__module__, shown.__doc__ = kind.__module__, kind.__doc__
    shown.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    shown._html_repr = estimator_html_repr  # type: ignore[attr-defined]
    twin: Any = object.__new__(shown)
    twin.__dict__.update(estimator.__dict__)
    twin.__dict__.update(short)
    return twin


def _brief(name: str, value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        return _brief_copy(value)
    if isinstance(value, (Mapping, Set, list, tuple)):
        if len(value) > MOST_SHOWN:
            return _Brief(f"<{type(value).__name__} of {len(value)} {_elements(name, value)}>")
        if isinstance(value, Mapping):
            return {key: _brief(name, v) for key, v in value.items()}
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(_brief(name, v) for v in value)
    if isinstance(value, str) and len(value) > 1000:
        return value[:1000] + "…"
    return value


def _elements(name: str, value: Any) -> str:
    """What a large value holds many of."""
    if name == "vectors":
        return "words"
    some = next(iter(value.values()) if isinstance(value, Mapping) else iter(value))
    return "texts" if isinstance(some, str) else "values"
