"""Frozen encoders of all kinds: which one a parameter means, and its vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np

from sklabelemb.encoders.foreign import ForeignEncoder
from sklabelemb.encoders.kept import Kept
from sklabelemb.encoders.memory import VectorMemory, folder_of
from sklabelemb.encoders.pretrained import is_configuration
from sklabelemb.encoders.sentence import SentenceEncoder
from sklabelemb.encoders.static import StaticEncoder, is_static_folder
from sklabelemb.progress import progress_bar

__all__ = ["TextEncoder", "carried_encoder", "text_encoder", "text_vectors"]

# With fewer texts a bar would vanish before it is seen.
TEXTS_OF_A_BAR = 1000


class TextEncoder(Protocol):
    """A frozen encoder, which turns each text into one vector."""

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""

    @property
    def key(self) -> str:
        """Key that identifies its vectors."""

    def encode(
        self, texts: Sequence[str], device: str = "cpu", progress: Callable[[int], Any] = ...
    ) -> np.ndarray:
        """Vectors of texts, float32 of shape ``(n_texts, dim)``."""

    def description(self) -> dict[str, Any]:
        """What it is, but for large arrays, as a dict that JSON can hold."""


_KEPT = Kept()


def text_encoder(encoder: Any) -> TextEncoder:
    """The encoder that a parameter means.

    Parameters
    ----------
    encoder : str, path, or object with ``encode`` or ``transform``
        Name or folder of a transformer or of a static model, or an object of another library.

    Raises
    ------
    OSError
        When a name or folder cannot be read.
    ValueError, TypeError
        When it cannot encode texts.
    """
    if isinstance(encoder, (SentenceEncoder, StaticEncoder, ForeignEncoder)):
        return encoder
    if isinstance(encoder, type):
        raise TypeError(
            f"encoder is the class {encoder.__name__}: give one of its objects, "
            f"encoder={encoder.__name__}(...)."
        )
    if isinstance(encoder, (str, os.PathLike)):
        return _read(encoder)
    if is_configuration(encoder):
        raise ValueError(
            "encoder describes a transformer, whose weights would be random, and a frozen encoder "
            "learns nothing. Give a folder or a name on the Hub; LACOClassifier trains an encoder "
            "of a description."
        )
    if not hasattr(encoder, "encode") and not hasattr(encoder, "transform"):
        raise TypeError(
            f"encoder={type(encoder).__name__}(...) has neither encode(texts) nor "
            "transform(texts). Give a folder, a name on the Hub, or an object that has one of them."
        )
    return ForeignEncoder(encoder)


def carried_encoder(encoder: Any, previous: Any) -> TextEncoder | None:
    """The frozen encoder of a fit: that of the previous model, if it is still the same.

    Parameters
    ----------
    encoder : str, path, object or None
        The parameter as it is now; None for no frozen encoder.
    previous : Model or None

    Raises
    ------
    ValueError
        When the previous model has another encoder, whose vectors mean something else.
    """
    if previous is None:
        return None if encoder is None else text_encoder(encoder)
    known = previous.encoder
    if encoder is None and known is None:
        return None
    both = encoder is not None and known is not None
    if both and _same(encoder, previous.recipe.encoder):
        return cast(TextEncoder, known)
    if both and text_encoder(encoder).key == known.key:
        return cast(TextEncoder, known)
    raise ValueError(
        "encoder has changed since the previous fit, whose weights depend on its vectors. Set it "
        "back to train further, or fit anew with warm_start=False."
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (str, os.PathLike)) and isinstance(other, (str, os.PathLike)):
        return os.fspath(one) == os.fspath(other)
    return one is other


def _read(name: str | os.PathLike[str]) -> TextEncoder:
    if isinstance(name, str) and name.startswith("~"):
        name = os.path.expanduser(name)
    return cast(TextEncoder, _KEPT.get(name, _newly_read))


def _newly_read(name: str | os.PathLike[str]) -> TextEncoder:
    return (StaticEncoder if is_static_folder(name) else SentenceEncoder).read(name)


def text_vectors(
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    memory: Any = None,
    device: str = "cpu",
    verbose: bool = False,
) -> np.ndarray:
    """Vectors of texts, each text embedded once.

    Parameters
    ----------
    encoder : TextEncoder
    texts : sequence of str, length n_texts
    memory : path, joblib.Memory or None, default=None
        Where vectors are kept from one call to the next.
    device : str, default="cpu"
    verbose : bool, default=False
        Whether to show a progress bar, if there is much to do.

    Returns
    -------
    float32 ndarray of shape (n_texts, dim)
    """
    distinct = list(dict.fromkeys(texts))
    folder = folder_of(memory)
    shown = verbose and len(distinct) >= TEXTS_OF_A_BAR
    with progress_bar("Embedding texts", len(distinct), "text", shown, keep=False) as progress:
        if folder is None:
            made = encoder.encode(distinct, device, progress.update)
        else:
            made = VectorMemory(folder).vectors(
                distinct,
                encoder.key,
                encoder.dim,
                lambda some: encoder.encode(some, device, progress.update),
                progress.update,
            )
    if len(distinct) == len(texts):
        return made
    rows = {text: row for row, text in enumerate(distinct)}
    return made[[rows[text] for text in texts]]
