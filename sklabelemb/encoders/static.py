"""Static models: one vector per word piece; the vector of a text is their mean."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import safetensors

from sklabelemb.optional import import_optional

__all__ = ["StaticEncoder", "is_static_folder"]

PURPOSE = "A static encoder"
TEXTS_AT_A_TIME = 1024


class StaticEncoder:
    """Vectors of texts by a model of the `model2vec` library.

    Faster than the transformer that it was distilled from, and less exact.

    Parameters
    ----------
    model : model2vec.StaticModel
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """The model of a folder, or of a name on the Hub.

        Raises
        ------
        ImportError
            Without the `model2vec` library, which comes with the extra ``static``.
        OSError
            When it cannot be had.
        """
        library = import_optional("model2vec", extra="static", purpose=PURPOSE)
        try:
            return cls(library.StaticModel.from_pretrained(os.fspath(folder)))
        except Exception as error:  # errors of four libraries
            raise OSError(
                f"The static model {os.fspath(folder)!r} cannot be read: {error}. Give a folder "
                "that StaticModel.save_pretrained of model2vec wrote, with config.json, "
                "model.safetensors and tokenizer.json."
            ) from error

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return int(self.model.dim)

    @cached_property
    def key(self) -> str:
        """Key that identifies this encoder's vectors."""
        digest = hashlib.blake2b(json.dumps(self.description(), sort_keys=True).encode())
        for name, value in sorted(self.arrays().items()):
            digest.update(f"{name}{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()[:32]

    def description(self) -> dict[str, Any]:
        """All but the arrays, as a dict that JSON can hold."""
        return {
            "tokenizer": json.loads(self.model.tokenizer.to_str()),
            "normalize": bool(self.model.normalize),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """What it multiplies and adds."""
        found = {
            "embedding": self.model.embedding,
            "weights": self.model.weights,
            "token_mapping": self.model.token_mapping,
        }
        return {name: np.asarray(value) for name, value in found.items() if value is not None}

    @classmethod
    def of(cls, description: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """The encoder that `description` and `arrays` describe."""
        library = import_optional("model2vec", extra="static", purpose=PURPOSE)
        tokenizers = import_optional("tokenizers", extra="static", purpose=PURPOSE)
        arrays = {name: np.asarray(value) for name, value in arrays.items()}
        model = library.StaticModel(
            vectors=arrays["embedding"],
            tokenizer=tokenizers.Tokenizer.from_str(json.dumps(description["tokenizer"])),
            normalize=description["normalize"],
            weights=arrays.get("weights"),
            token_mapping=arrays.get("token_mapping"),
        )
        return cls(model)

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
            Ignored.
        progress : callable
            Told how many texts are done.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            # Half of a surrogate pair is legal in a str, but not in UTF-8.
            some = [
                text.encode("utf-8", "replace").decode("utf-8")
                for text in texts[start : start + TEXTS_AT_A_TIME]
            ]
            # No upper bound on the length: the whole text is read.
            vectors[start : start + len(some)] = self.model.encode(
                some, max_length=None, use_multiprocessing=False
            )
            progress(len(some))
        return vectors

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # nothing changes it

    def __reduce__(self) -> Any:
        return type(self).of, (self.description(), self.arrays())


def is_static_folder(name: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a static model: a table of vectors, and no transformer."""
    weights = Path(name) / "model.safetensors"
    if not weights.is_file():
        return False
    try:
        with safetensors.safe_open(weights, framework="np") as file:
            return "embeddings" in set(file.keys())
    except safetensors.SafetensorError:
        return False  # the reader of transformers says what is wrong with it
