"""Pretrained encoders: found, built, kept in memory, or refused with advice."""

from sklabelemb.encoders.distillation import distill_encoder
from sklabelemb.encoders.frozen import (
    TextEncoder,
    carried_encoder,
    text_encoder,
    text_vectors,
)
from sklabelemb.encoders.pretrained import (
    build_encoder,
    first_position,
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)
from sklabelemb.lazy import public_names

__all__ = [
    "TextEncoder",
    "build_encoder",
    "carried_encoder",
    "distill_encoder",
    "first_position",
    "fresh_configuration",
    "is_configuration",
    "longest_sequence",
    "pretrained_tokenizer",
    "pretrained_weights",
    "text_encoder",
    "text_vectors",
]

__dir__ = public_names(__name__)
