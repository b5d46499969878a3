"""Warnings given once by all clones of an estimator, such as the fits of a search."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["KnowsItsOrigin", "first_of_clones", "warning_once_for_clones"]

# A name for every estimator that was ever cloned.
_NAMES: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_FITTED: ContextVar[str | None] = ContextVar("_FITTED", default=None)
# What clones of an origin have said already, in this process.
_SAID: set[tuple[str, Hashable]] = set()


class KnowsItsOrigin:
    """An estimator whose clones, and their clones, know their common origin."""

    def __sklearn_clone__(self) -> Any:
        clone = super().__sklearn_clone__()  # type: ignore[misc]
        # An attribute, so that it travels to worker processes with the clone.
        clone._origin = vars(self).get("_origin") or _NAMES.setdefault(self, uuid.uuid4().hex)
        return clone


@contextlib.contextmanager
def warning_once_for_clones(estimator: Any) -> Iterator[None]:
    """Inside, :func:`first_of_clones` asks about the clones of this estimator's origin."""
    token = _FITTED.set(vars(estimator).get("_origin"))
    try:
        yield
    finally:
        _FITTED.reset(token)


def first_of_clones(subject: Hashable) -> tuple[bool, bool]:
    """Whether to speak about a subject, and whether this is a clone, after which others do not."""
    origin = _FITTED.get()
    if origin is None:
        return True, False
    if (origin, subject) in _SAID:
        return False, True
    _SAID.add((origin, subject))
    return True, True
