"""Pretrained encoders: found, built, or refused with advice."""

from sklabelemb.encoders.pretrained import (
    build_encoder,
    first_position,
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)

__all__ = [
    "build_encoder",
    "first_position",
    "fresh_configuration",
    "is_configuration",
    "longest_sequence",
    "pretrained_tokenizer",
    "pretrained_weights",
]
