"""Saving and loading fitted models as safetensors and JSON, without pickle."""

from sklabelemb.persistence.saving import load, save

__all__ = ["load", "save"]
