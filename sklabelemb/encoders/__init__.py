"""Pretrained encoders: found, built, kept in memory, or refused with advice."""

from sklabelemb.encoders.pretrained import (
    build_encoder,
    first_position,
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)
from sklabelemb.encoders.frozen import (
    TextEncoder,
    carried_encoder,
    text_encoder,
    text_vectors,
)

__all__ = [
    "TextEncoder",
    "build_encoder",
    "carried_encoder",
    "first_position",
    "fresh_configuration",
    "is_configuration",
    "longest_sequence",
    "pretrained_tokenizer",
    "pretrained_weights",
    "text_encoder",
    "text_vectors",
]
