"""MTLE, multi-task label embedding (Zhang et al., 2018)."""

from sklabelemb.mtle.network import MTLE

__all__ = ["MTLE"]
