"""Encoders of the `transformers` library: where to find them, and which are supported."""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from sklabelemb.encoders.kept import Kept
from sklabelemb.optional import import_optional

__all__ = [
    "build_encoder",
    "first_position",
    "fresh_configuration",
    "is_configuration",
    "longest_sequence",
    "pretrained_files",
    "pretrained_parts",
    "pretrained_tokenizer",
    "pretrained_weights",
]

# Encoders with learned absolute position embeddings: only these ignore the order of labels, which
# share a position. The second kind counts positions from that of padding on.
_KINDS = {"albert", "bert", "distilbert", "electra"}
_SHIFTED_KINDS = {"camembert", "roberta", "xlm-roberta"}
# A tokenizer without files consists of special tokens only.
FEWEST_PIECES = 8

# Entries of a saved configuration about files and about unrelated tasks.
_NOT_KEPT = {"architectures", "dtype", "id2label", "label2id", "torch_dtype"}
_NOT_KEPT |= {"problem_type", "transformers_version"}
# What could make the library fetch code; a saved model must not.
_NOT_KEPT |= {"auto_map", "quantization_config"}
PURPOSE = "A pretrained encoder"
_LOADING = threading.RLock()
# Weights stay in memory, so that consecutive fits do not read them again.
_WEIGHTS = Kept()


def is_configuration(encoder: Any) -> bool:
    """Whether an encoder is described rather than named: a fresh one is made from it."""
    return isinstance(encoder, Mapping) or hasattr(encoder, "to_dict")


def fresh_configuration(encoder: Any, n_words: int) -> dict[str, Any]:
    """The whole configuration of a fresh encoder with a row for each of `n_words`.

    Raises
    ------
    ValueError
        When this kind of encoder is not supported, or `transformers` cannot build it.
    """
    if isinstance(encoder, type):
        raise ValueError(
            f"encoder is the class {encoder.__name__}: give one of its objects, "
            f"encoder={encoder.__name__}(...)."
        )
    given = _plain(encoder if isinstance(encoder, Mapping) else encoder.to_dict())
    kind = given.pop("model_type", None)
    if not isinstance(kind, str) or not kind:
        raise ValueError(
            "The configuration of an encoder must name its model_type, for instance "
            "encoder={'model_type': 'bert', 'hidden_size': 128, 'num_hidden_layers': 2, "
            "'num_attention_heads': 2, 'intermediate_size': 256}."
        )
    configuration = _described(kind, given | {"vocab_size": n_words, "pad_token_id": 0})
    if isinstance(encoder, Mapping):
        _check_names(given, kind, _names_of(kind))
    if configuration.num_hidden_layers < 1:
        raise ValueError("The encoder has no layers: num_hidden_layers must be at least 1.")
    return _kept(configuration)


def pretrained_tokenizer(name: str | os.PathLike[str]) -> dict[str, Any]:
    """Tokenizer and configuration of a pretrained encoder, as `WordPieces` takes them.

    Raises
    ------
    OSError
        When the encoder is neither a folder nor available on the Hub.
    ValueError
        When its tokenizer is not supported.
    """
    library = _transformers()
    where, pinned = _source(name)
    with _explained(name), _quiet():
        configuration = library.AutoConfig.from_pretrained(*where, **pinned)
    _check_kind(configuration.model_type)
    with _explained(name), _quiet():
        tokenizer = library.AutoTokenizer.from_pretrained(*where, **pinned)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    marks = {"cls_id": tokenizer.cls_token_id, "sep_id": tokenizer.sep_token_id}
    if backend is None or None in marks.values():
        raise ValueError(
            f"The tokenizer of {os.fspath(name)!r} ({type(tokenizer).__name__}) cannot be used: "
            "it must be a fast one with a token that opens a sequence ([CLS]) and one that ends a "
            "segment ([SEP]). Take an encoder of the BERT kind."
        )
    n_pieces = max(backend.get_vocab().values(), default=-1) + 1
    n_rows = configuration.vocab_size
    if n_pieces > n_rows or n_pieces < FEWEST_PIECES:
        raise ValueError(
            f"The tokenizer of {os.fspath(name)!r} knows {n_pieces} pieces, and the encoder has a "
            f"table of {n_rows}: they do not belong together, or a file is missing. The folder "
            "needs the tokenizer.json that was saved with the encoder."
        )
    return {"tokenizer": json.loads(backend.to_str()), "encoder": _kept(configuration), **marks}


def pretrained_weights(name: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Weights of a pretrained encoder, in single precision; not to be changed.

    Raises
    ------
    OSError
        When the encoder cannot be had.
    ValueError
        When its file lacks weights, which the library would initialise at random.
    """
    return dict(_WEIGHTS.get(name, _weights))


def _weights(name: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    where, pinned = _source(name)
    with _explained(name), _quiet():
        model, report = _transformers().AutoModel.from_pretrained(
            *where,
            dtype=torch.float32,
            output_loading_info=True,
            use_safetensors=True,
            **pinned,
        )
    if missing := sorted(n for n in report["missing_keys"] if not n.startswith("pooler.")):
        raise ValueError(
            f"The file of weights of the encoder {os.fspath(name)!r} lacks {len(missing)} of them, "
            f"{missing[0]} for instance. It is damaged, or belongs to another kind of model: save "
            "the encoder alone (AutoModel.from_pretrained(...).save_pretrained(folder))."
        )
    return dict(model.state_dict())


def pretrained_parts(name: str | os.PathLike[str]) -> tuple[Any, Any]:
    """The objects of the library, a model in single precision and its tokenizer, of any kind.

    Raises
    ------
    OSError
        When they cannot be had.
    """
    library = _transformers()
    where, pinned = _source(name)
    with _explained(name), _quiet():
        tokenizer = library.AutoTokenizer.from_pretrained(*where, **pinned)
        model = library.AutoModel.from_pretrained(*where, dtype=torch.float32, **pinned)
    return model, tokenizer


def pretrained_files(name: str | os.PathLike[str], *paths: str) -> dict[str, str]:
    """Paths of some files of a pretrained encoder, as far as it has them.

    Raises
    ------
    OSError
        When the encoder cannot be had.
    """
    cached = import_optional("transformers.utils", extra="hf", purpose=PURPOSE).cached_file
    (source,), pinned = _source(name)
    revision = {key: value for key, value in pinned.items() if key == "revision"}
    found = {}
    for path in paths:
        with _explained(name), _quiet():
            where = cached(source, path, _raise_exceptions_for_missing_entries=False, **revision)
        if where is not None:
            found[path] = where
    return found


def _source(name: str | os.PathLike[str]) -> tuple[tuple[str], dict[str, Any]]:
    """Arguments for finding an encoder; ``name@revision`` pins a version on the Hub."""
    path = os.fspath(name)
    pinned: dict[str, Any] = {"trust_remote_code": False}
    if "@" in path and not os.path.exists(path):
        path, pinned["revision"] = path.rsplit("@", 1)
    return (path,), pinned


def build_encoder(configuration: dict[str, Any]) -> nn.Module:
    """An encoder with random weights.

    Raises
    ------
    ValueError
        When this kind of encoder is not supported, or cannot be built from the configuration.
    """
    given = _plain(configuration)
    described = _described(given.pop("model_type"), given)
    try:
        with _quiet():
            encoder = _transformers().AutoModel.from_config(described)
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"No encoder can be made of the configuration: {error}") from error
    # Nothing reads the sentence vector that some encoders compute from [CLS].
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


def first_position(encoder: Any) -> int:
    """The position of the first token; those of the RoBERTa kind begin after that of padding."""
    padding: int | None = encoder.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else padding + 1


def longest_sequence(configuration: dict[str, Any]) -> int:
    """How many positions an encoder has."""
    most = int(configuration["max_position_embeddings"])
    # Positions up to that of padding are never used.
    if configuration["model_type"] in _SHIFTED_KINDS:
        most -= int(configuration["pad_token_id"]) + 1
    return most


def _check_kind(kind: Any) -> None:
    kinds = sorted(_KINDS | _SHIFTED_KINDS)
    if kind not in kinds:
        raise ValueError(
            f"An encoder of type {kind!r} cannot read labels beside the words, whose order must "
            f"mean nothing. Use one of the BERT kind: {', '.join(kinds)}."
        )


def _described(kind: Any, given: Mapping[str, Any]) -> Any:
    """A configuration object of the library."""
    _check_kind(kind)
    try:
        with _quiet():
            return _transformers().AutoConfig.for_model(kind, **given)
    except ImportError:
        raise
    except Exception as error:  # the library's errors about values have no other base
        raise ValueError(f"encoder is not a configuration of a {kind!r} model: {error}") from error


@functools.cache
def _names_of(kind: str) -> frozenset[str]:
    """All that may be set in the configuration of a kind of encoder."""
    usual = _described(kind, {})
    return frozenset({*usual.to_dict(), *usual.attribute_map})


def _check_names(given: Mapping[str, Any], kind: str, known: frozenset[str]) -> None:
    """The library accepts any name and ignores those that it does not know."""
    for name in sorted(given.keys() - known):
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"Did you mean {near[0]!r}?" if near else "Leave it out."
        raise ValueError(
            f"encoder has {name!r}, which means nothing in the configuration of a {kind!r} model. "
            f"{advice}"
        )


def _kept(configuration: Any) -> dict[str, Any]:
    """The architecture of the encoder as plain JSON values, without names, which may be paths."""
    return _plain(json.loads(configuration.to_json_string(use_diff=False)))


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        # A search may draw numbers from an array.
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in content.items()
        if not name.startswith("_") and name not in _NOT_KEPT and "implementation" not in name
    }


def _transformers() -> Any:
    return import_optional("transformers", extra="hf", purpose=PURPOSE)


@contextlib.contextmanager
def _explained(name: Any) -> Iterator[None]:
    """Raise an error that says what to do when an encoder cannot be loaded."""
    try:
        yield
    except Exception as error:  # errors of five libraries
        name = os.fspath(name)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        there = os.path.isdir(name)
        where = "in that folder" if there else "as a folder, nor from the Hub"
        advice = "Give" if there else "Without a connection, give"
        raise OSError(
            f"The encoder {name!r} cannot be read {where}: {' '.join(lines[:2])} "
            f"{advice} a folder that holds its files: encoder='path/to/folder' with config.json, "
            "model.safetensors and tokenizer.json, for instance what "
            "AutoModel.from_pretrained(...).save_pretrained and the tokenizer's save_pretrained "
            "wrote elsewhere. A description makes a fresh encoder that needs no files: "
            "encoder={'model_type': 'bert', ...}. What was downloaded before is found again with "
            "the environment variable HF_HUB_OFFLINE=1."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library's reports about weights that are not used here."""
    logging = import_optional("transformers.utils.logging", extra="hf", purpose=PURPOSE)
    hub = import_optional("huggingface_hub.utils.logging", extra="hf", purpose=PURPOSE)
    # The library's settings are global: one thread at a time changes and restores them.
    with _LOADING:
        shown = logging.is_progress_bar_enabled()
        verbosities = [(some, some.get_verbosity()) for some in (logging, hub)]
        logging.disable_progress_bar()
        for some, _ in verbosities:
            some.set_verbosity_error()
        try:
            yield
        finally:
            for some, verbosity in verbosities:
                some.set_verbosity(verbosity)
            if shown:
                logging.enable_progress_bar()
