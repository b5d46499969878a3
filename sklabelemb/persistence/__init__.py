"""Saving and loading fitted models as safetensors and JSON, without pickle."""

from sklabelemb.persistence.model import load, save

__all__ = ["load", "save"]
