"""The constructor parameters of a saved model."""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.persistence.values import encode
from sklabelemb.text import Tokenizer

__all__ = ["encoded_parameters", "unfitted"]


def encoded_parameters(
    model: LabelEmbeddingClassifier,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The constructor parameters as JSON values, and those of the fit where they differ.

    Values that cannot be written become defaults, with a warning: among the parameters of the fit,
    only the tokenizer affects predictions.

    Raises
    ------
    ValueError
        When the model was fitted with a custom tokenizer, which is code.
    """
    fitted = model.model_.recipe.parameters()
    if not _is_built_in(tokenizer := fitted["tokenizer"]):
        raise ValueError(
            f"This model cannot be saved: its tokenizer ({tokenizer!r}) is code, which a saved "
            "model cannot contain. Fit it with the built-in tokenizer (tokenizer=None and its "
            "options lowercase and mask_numbers, or a sklabelemb.text.Tokenizer); or use "
            "joblib.dump, and load only files from sources that you trust."
        )
    defaults = type(model)().get_params(deep=False)
    lost: list[str] = []
    now = _encoded(model.get_params(deep=False), defaults, lost)
    then = _encoded(fitted, defaults, lost)
    if lost:
        warnings.warn(
            f"These parameters cannot be saved as JSON and are reset to their defaults: "
            f"{', '.join(dict.fromkeys(lost))}. Predictions do not depend on them; set them again "
            "(set_params) before training a loaded model further.",
            UserWarning,
            stacklevel=5,
        )
    return now, {name: value for name, value in then.items() if value != now[name]}


def _is_built_in(tokenizer: Any) -> bool:
    return tokenizer is None or type(tokenizer) is Tokenizer


def _is_encoder(encoder: Any) -> bool:
    is_name = isinstance(encoder, str)  # which has a method "encode", too
    return not is_name and (hasattr(encoder, "encode") or hasattr(encoder, "transform"))


def _encoded(
    parameters: dict[str, Any], defaults: dict[str, Any], lost: list[str]
) -> dict[str, Any]:
    parameters = dict(parameters)
    for name, value in parameters.items():
        if isinstance(value, os.PathLike):
            parameters[name] = os.fspath(value)
    if callable(describe := getattr(parameters.get("encoder"), "to_dict", None)):
        parameters["encoder"] = describe()
    if _is_encoder(parameters.get("encoder")):
        # Another warning says what is saved of it, and that load needs it.
        parameters["encoder"] = defaults["encoder"]
    vectors = parameters.get("vectors")
    if vectors is not None and not isinstance(vectors, str):
        parameters["vectors"] = defaults["vectors"]
        lost.append("vectors")
    if not _is_built_in(parameters["tokenizer"]):
        parameters["tokenizer"] = None
        lost.append("tokenizer")
    if type(parameters.get("net_params")) is dict:
        parameters["net_params"] = _writable_entries(parameters["net_params"], lost)
    encoded = {}
    for name, value in parameters.items():
        try:
            encoded[name] = encode(value, name)
        except ValueError:
            encoded[name] = encode(defaults[name], name)
            lost.append(name)
    return encoded


def _writable_entries(net_params: dict[str, Any], lost: list[str]) -> dict[str, Any] | None:
    """The entries that can be written, without arguments for those that cannot."""
    objects = []
    for name, value in net_params.items():
        try:
            encode(value, name)
        except ValueError:
            objects.append(name)
    kept = {
        name: value
        for name, value in net_params.items()
        if not any(name == gone or str(name).startswith(f"{gone}__") for gone in objects)
    }
    lost.extend(f"net_params[{name!r}]" for name in net_params if name not in kept)
    return kept or (None if net_params else net_params)


def unfitted(cls: type, parameters: dict[str, Any], device: str) -> Any:
    """A new classifier with these parameters, to compute on `device`."""
    known = cls().get_params(deep=False)
    if unknown := sorted(parameters.keys() - known.keys()):
        raise ValueError(f"this version has no parameter {unknown[0]!r}")
    model = cls(**parameters)
    model._validate_params()
    if device != "auto":
        model.device = device
    elif str(model.device).startswith("cuda"):
        index = torch.device(model.device).index or 0
        if index >= torch.cuda.device_count():
            model.device = "auto"
    return model
