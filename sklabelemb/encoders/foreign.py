"""Objects of other libraries that turn texts into vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.exceptions import NotFittedError

__all__ = ["ForeignEncoder"]

TEXTS_AT_A_TIME = 512
# The vector of this text is part of an encoder's fingerprint.
PROBE = "A short text, by which encoders are told apart."
# Sparse vectors are made dense up to this many dimensions.
MOST_SPARSE_DIMENSIONS = 4096


class ForeignEncoder:
    """Vectors of texts by an object with ``encode(texts)`` or ``transform(texts)``.

    A `SentenceTransformer`, a fitted `TextEncoder` of skrub, a pipeline of scikit-learn in a
    `FrozenEstimator`, or a client of an embedding service with such a method. Its class, its
    parameters and its vector of one text identify it.

    Parameters
    ----------
    encoder : object
    """

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    @cached_property
    def probe(self) -> np.ndarray:
        """The vector of a text that is always the same."""
        return self._vectors([PROBE])[0]

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return len(self.probe)

    @cached_property
    def key(self) -> str:
        """Key that identifies this encoder's vectors."""
        told = json.dumps(self.description(), sort_keys=True).encode()
        return hashlib.blake2b(told).hexdigest()[:32]

    def description(self) -> dict[str, Any]:
        """What it is known by, as a dict that JSON can hold."""
        cls = type(self.encoder)
        told = vars(self.encoder) if hasattr(self.encoder, "__dict__") else {}
        if hasattr(self.encoder, "get_params"):
            told = self.encoder.get_params(deep=True)
        parameters = {
            str(name): repr(value)
            for name, value in sorted(told.items())
            if value is None or isinstance(value, (bool, int, float, str, tuple))
        }
        return {
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "parameters": parameters,
            # Rounded, because processors differ in the last digit.
            "probe": [round(float(value), 2) + 0.0 for value in self.probe[:16]],
            "dim": self.dim,
        }

    def encode(
        self,
        texts: Sequence[str],
        device: str = "cpu",
        progress: Callable[[int], Any] = lambda n_texts: None,
    ) -> np.ndarray:
        """Vectors of texts, float32 of shape ``(n_texts, dim)``.

        Parameters
        ----------
        texts : sequence of str, length n_texts
        device : str, default="cpu"
            Ignored: the object computes where it is.
        progress : callable
            Told how many texts are done.

        Raises
        ------
        ValueError, TypeError
            When the object does not give one vector of finite numbers for each text.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            some = list(texts[start : start + TEXTS_AT_A_TIME])
            made = self._vectors(some)
            if made.shape[1] != self.dim:
                raise ValueError(
                    f"encoder={self._name} gave vectors of {made.shape[1]} dimensions, and of "
                    f"{self.dim} before: it must give the same for every text."
                )
            vectors[start : start + len(some)] = made
            progress(len(some))
        return vectors

    @property
    def _name(self) -> str:
        return type(self.encoder).__name__

    def _vectors(self, texts: list[str]) -> np.ndarray:
        try:
            made = self._asked(texts)
        except NotFittedError as error:
            raise ValueError(
                f"encoder={self._name} is not fitted. scikit-learn clones the parameters of an "
                "estimator, which unfits them, so wrap a fitted one: "
                "encoder=FrozenEstimator(fitted)."
            ) from error
        if hasattr(made, "detach"):
            made = made.detach().cpu().numpy()
        if hasattr(made, "toarray"):
            if made.shape[1] > MOST_SPARSE_DIMENSIONS:
                raise ValueError(
                    f"encoder={self._name} gives sparse vectors of {made.shape[1]} dimensions; up "
                    f"to {MOST_SPARSE_DIMENSIONS} can be made dense. Reduce them first, by "
                    "TruncatedSVD in a pipeline."
                )
            made = made.toarray()
        if hasattr(made, "to_numpy"):
            made = made.to_numpy()
        try:
            vectors = np.asarray(made, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"encoder={self._name} gave a {type(made).__name__} that is not an array of "
                f"numbers: {error}"
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
            raise ValueError(
                f"encoder={self._name} gave an array of shape {vectors.shape} for {len(texts)} "
                f"texts; it must give one vector for each, shape ({len(texts)}, n_dimensions)."
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            shown = texts[row] if len(texts[row]) <= 60 else texts[row][:60] + "..."
            raise ValueError(
                f"encoder={self._name} gave a vector with NaN or infinity for the text {shown!r}."
            )
        return vectors

    def _asked(self, texts: list[str]) -> Any:
        if hasattr(self.encoder, "encode"):
            return self.encoder.encode(texts)
        if hasattr(self.encoder, "__single_column_transformer__"):
            import pandas as pd

            return self.encoder.transform(pd.Series(texts, name="text"))
        return self.encoder.transform(texts)

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # the object is the caller's, and not changed here
