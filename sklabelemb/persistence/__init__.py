"""Saving and loading fitted models as safetensors and JSON, without pickle."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.persistence.card import model_card
    from sklabelemb.persistence.saving import load, save

__all__ = ["load", "model_card", "save"]

__getattr__ = resolver(
    __name__,
    {
        "load": "saving",
        "model_card": "card",
        "save": "saving",
    },
)

__dir__ = public_names(__name__)
