"""Convert a model to plain values, tensors and words, and back."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from sklabelemb.encoders import pretrained_weights
from sklabelemb.learning import Model, Recipe, isolated_randomness
from sklabelemb.learning.build import make_net
from sklabelemb.persistence.frozen_encoders import encoder_of, encoder_parts
from sklabelemb.text import WordPieces

__all__ = ["has_pretrained_encoder", "model_of", "parts_of", "without_frozen_weights"]


def parts_of(model: Model[Any]) -> dict[str, Any]:
    """The parts of a model by name, without its recipe and vocabulary."""
    net = model.net
    return {
        "tasks": dict(model.tasks),
        "options": model.options,
        "module": net.get_params_for("module"),
        "weights": dict(net.module_.state_dict()),
        "batch_size": net.batch_size,
        # The last bits of a logit depend on the batch that its text was in.
        "iterator_valid": net.get_params_for("iterator_valid"),
        "history": model.history,
        "best_epoch": model.best_epoch,
        "encoder": None if model.encoder is None else encoder_parts(model.encoder),
    }


def has_pretrained_encoder(model: Model[Any]) -> bool:
    """Whether a model has an encoder that saving could leave out."""
    return model.encoder is not None or hasattr(model.recipe, "encoder_name")


def without_frozen_weights(model: Model[Any]) -> dict[str, Any]:
    """The parts of a model, without unchanged weights of its pretrained encoder.

    Raises
    ------
    ValueError
        When nothing can be left out.
    """
    if model.encoder is not None:
        return parts_of(model) | {"encoder": encoder_parts(model.encoder, whole=False)}
    network, name = model.net.module_, model.recipe.encoder_name
    frozen = [name for name, p in network.encoder.named_parameters() if not p.requires_grad]
    if not frozen or not isinstance(model.vocabulary, WordPieces):
        raise ValueError(
            "All weights of this encoder were trained, so there is nothing to take from "
            "elsewhere. Save it with store_encoder=True, or fit it with a pretrained "
            "encoder and freeze_layers='all' (or some layers)."
        )
    parts = parts_of(model)
    original = pretrained_weights(str(name))
    for weight in frozen:
        kept = parts["weights"].pop(f"encoder.{weight}").cpu()
        if weight not in original or not torch.equal(kept, original[weight]):
            raise ValueError(
                f"{weight} of this model's encoder is not that of {name!r}: it was "
                "trained in an earlier fit, or the encoder's files were changed. Save the model "
                "with store_encoder=True."
            )
    return parts | {"frozen": {weight: _digest(original[weight]) for weight in frozen}}


def model_of(recipe: Recipe, parts: dict[str, Any], vocabulary: Any, device: str) -> Model[Any]:
    """The model from the result of :func:`parts_of`, with its network on `device`.

    Raises
    ------
    ValueError
        When the parts are inconsistent.
    OSError
        When frozen weights of an encoder were not saved, and are not found.
    """
    weights = dict(parts["weights"])
    if frozen := parts.get("frozen"):
        weights |= _frozen_weights(str(getattr(recipe, "encoder_name", None)), frozen)
    tasks, options = parts["tasks"], parts["options"]
    arguments = {f"module__{name}": value for name, value in parts["module"].items()}
    for name, value in parts["iterator_valid"].items():
        arguments[f"iterator_valid__{name}"] = value
    with isolated_randomness(0, device):
        net = make_net(
            recipe, options, tasks, device, None, batch_size=parts["batch_size"], **arguments
        )
    expected, found = (
        {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
        for tensors in (net.module_.state_dict(), weights)
    )
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"the network expects {name} as {expected.get(name)}, not {found.get(name)}"
            )
    net.module_.load_state_dict(weights)
    net.history.extend({**row, "batches": []} for row in parts["history"])
    encoder = None
    if parts["encoder"] is not None:
        encoder = encoder_of(parts["encoder"], getattr(recipe, "encoder", None))
        _check_dimensions(tasks, encoder.dim)
    return Model(recipe, tasks, vocabulary, options, net, parts["best_epoch"], encoder)


def _check_dimensions(tasks: dict[Any, Any], dim: int) -> None:
    for task in tasks.values():
        if task.encoded is not None and len(task.encoded.weights) != dim:
            raise ValueError(
                f"task {task.name!r} has weights for vectors of {len(task.encoded.weights)} "
                f"dimensions, and the encoder makes {dim}"
            )


def _frozen_weights(encoder: str, digests: dict[str, str]) -> dict[str, torch.Tensor]:
    original = pretrained_weights(encoder)
    for name, digest in digests.items():
        if name not in original or _digest(original[name]) != digest:
            raise OSError(
                f"The encoder {encoder!r} is not the one that the model was trained "
                f"with: its {name} is another. Give the right one: load(folder, "
                "encoder='path/to/encoder')."
            )
    return {f"encoder.{name}": original[name] for name in digests}


def _digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
