"""Frozen encoders in a saved model: complete, or as a fingerprint."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from sklabelemb.encoders.foreign import ForeignEncoder
from sklabelemb.encoders.frozen import TextEncoder, text_encoder
from sklabelemb.encoders.sentence import SentenceEncoder
from sklabelemb.encoders.static import StaticEncoder

__all__ = ["encoder_of", "encoder_parts"]

KINDS: dict[str, Any] = {"sentence": SentenceEncoder, "static": StaticEncoder}


def encoder_parts(encoder: Any, whole: bool = True) -> dict[str, Any]:
    """The parts of an encoder; without `whole`, its fingerprint.

    Warns
    -----
    UserWarning
        When it is an object of another library, of which only a fingerprint can be saved.
    """
    if isinstance(encoder, ForeignEncoder):
        warnings.warn(
            f"The encoder of this model, a {type(encoder.encoder).__name__}, is an object of "
            "another library and is not saved with it. Hand it to load: load(folder, "
            "encoder=...).",
            UserWarning,
            stacklevel=6,
        )
        return {"kind": "object", "key": encoder.key, "description": encoder.description()}
    [kind] = [name for name, cls in KINDS.items() if isinstance(encoder, cls)]
    known = {"kind": kind, "key": encoder.key, "dim": encoder.dim}
    if not whole:
        return known
    return known | {
        "description": encoder.description(),
        "arrays": {name: torch.as_tensor(value) for name, value in encoder.arrays().items()},
    }


def encoder_of(parts: Any, given: Any) -> TextEncoder:
    """The encoder that :func:`encoder_parts` described.

    Parameters
    ----------
    parts : dict
    given : str, path, object or None
        Where to load it from, if it was not saved.

    Raises
    ------
    OSError
        When it was not saved, and `given` is missing or another encoder.
    ValueError
        When the parts do not describe an encoder.
    """
    if type(parts) is not dict or parts.get("kind") not in (*KINDS, "object"):
        raise ValueError("the encoder is of an unknown kind")
    if "arrays" in parts:
        return KINDS[parts["kind"]].of(parts["description"], parts["arrays"])
    if given is None:
        cls = parts["description"]["class"] if parts["kind"] == "object" else "encoder"
        raise OSError(
            f"This model was saved without its encoder, a {cls}. Pass it: load(folder, "
            "encoder=...)."
        )
    encoder = text_encoder(given)
    if encoder.key != parts["key"]:
        raise OSError(
            "The encoder is not the one that the model was trained with: its class, parameters, "
            "weights or vectors differ. Pass the right one: load(folder, encoder=...)."
        )
    return encoder
