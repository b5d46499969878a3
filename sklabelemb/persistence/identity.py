"""The identity of a fit: its data and its parameters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np
import torch

from sklabelemb._version import __version__
from sklabelemb.device import resolved_device
from sklabelemb.learning import Corpus, Model, Recipe
from sklabelemb.persistence.values import encode

__all__ = ["differences", "digest_of_start", "identity_of"]

# Parameters that do not change the model.
IDLE = ("checkpoint", "memory", "verbose", "device")


def identity_of(
    name: str, recipe: Recipe, corpus: Corpus, previous: Model[Any] | None
) -> dict[str, Any]:
    """The identity of a fit as JSON: numbers and names as they are, and digests of everything else.

    Parameters
    ----------
    name : str
        The class of the classifier.
    recipe : Recipe
    corpus : Corpus
    previous : Model or None
        The model whose weights the fit starts from.

    Raises
    ------
    ValueError
        When a parameter is code without a name, which cannot be recognised again.
    """
    parameters = recipe.parameters()
    if encoder := recipe.frozen_encoder(previous):
        parameters["encoder"] = encoder.key
    return {
        "class": name,
        "versions": {"sklabelemb": __version__, "torch": torch.__version__},
        "device": torch.device(resolved_device(recipe.settings.device)).type,
        "data": _data(corpus),
        "validation set": None if corpus.validation is None else _data(corpus.validation),
        "previous fit": None if previous is None else _digest_of_weights(previous.net),
        "parameters": {
            name: _recognised(value, name) for name, value in parameters.items() if name not in IDLE
        },
    }


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """The names of the differences between two identities."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return [] if one == other else [where]
    names = list(dict.fromkeys([*one, *other]))
    found = [(name, one.get(name), other.get(name)) for name in names]
    return [part for name, a, b in found for part in differences(a, b, f"{where} {name}".strip())]


def digest_of_start(net: Any, train: Any) -> str:
    """The initial state of training: the weights, and the texts as the network reads them."""
    texts = [(part.token_ids.ids, part.token_ids.offsets) for part in train.parts]
    return str(joblib.hash([_digest_of_weights(net), texts], hash_name="sha1"))


def _data(corpus: Corpus) -> dict[str, Any]:
    samples = corpus.samples.values()
    found = {
        "texts": [some.documents for some in samples],
        "targets": [[corpus.tasks[name] for name in corpus.samples], [s.encoded for s in samples]],
        "sample_weight": [some.weight for some in samples],
    }
    digests = {name: joblib.hash(value, hash_name="sha1") for name, value in found.items()}
    return {"number of texts": sum(len(some.documents) for some in samples), **digests}


def _digest_of_weights(net: Any) -> str:
    digest = hashlib.sha256()
    for name, value in net.module_.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        flat = value.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _recognised(value: Any, name: str) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or type(value) in (bool, int, float, str):
        return encode(value, name)
    try:
        return {"digest": joblib.hash(_stripped(value), hash_name="sha1")}
    except (PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"checkpoint cannot recognise {name}={value!r} in a later fit ({error}). Pass "
            "functions and classes that an imported module defines by name, rather than a lambda "
            "or a local one; or fit with checkpoint=None."
        ) from error


def _stripped(value: Any) -> Any:
    """The same without fitted attributes."""
    if isinstance(value, Mapping):
        return {key: _stripped(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_stripped(v) for v in value]
    if isinstance(value, np.random.RandomState):
        return list(value.get_state())
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [type(value), _stripped(value.get_params(deep=False))]
    return value
