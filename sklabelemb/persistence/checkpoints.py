"""Checkpoints: folders from which interrupted fits resume, without pickle.

Each fit has its own folder, named after its data and parameters. Each epoch writes its tensors to a
new file, and then atomically replaces the description that refers to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from sklabelemb.learning import Corpus, Model, Recipe, TaskDatasets
from sklabelemb.learning.training_state import resume, training_state, without_optimizer
from sklabelemb.persistence.atomic_folder import flush, own_folder
from sklabelemb.persistence.files import checksum, digest_of
from sklabelemb.persistence.identity import differences, digest_of_start, identity_of
from sklabelemb.persistence.values import Attachments, decode, encode
from sklabelemb.persistence.writing import separate, write_json

__all__ = ["FitFolder", "opened_checkpoint"]

FORMAT = "sklabelemb checkpoint"
DESCRIPTION = "checkpoint.json"
_OF_DAMAGE = ValueError, TypeError, LookupError, AttributeError, OSError, RuntimeError


@contextlib.contextmanager
def opened_checkpoint(
    checkpoint: str | os.PathLike[str] | None,
    name: str,
    recipe: Recipe,
    corpus: Corpus,
    previous: Model[Any] | None,
) -> Iterator[FitFolder | None]:
    """The checkpoint of a fit, locked while the block runs; None without checkpoints.

    Parameters
    ----------
    checkpoint : path or None
        Parent folder of the fits' folders.
    name : str
        The class of the classifier.
    recipe, corpus, previous
        What the fit is given.

    Raises
    ------
    ValueError
        When the folder is damaged, or belongs to another fit.
    """
    if checkpoint is None:
        yield None
        return
    identity = identity_of(name, recipe, corpus, previous)
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(os.path.realpath(Path(checkpoint).expanduser()), f"{name}-{key}")
    with own_folder(folder):
        try:
            yield FitFolder(folder, identity)
            if recipe.settings.random_state is None:
                # The next fit must be a new one.
                shutil.rmtree(folder)
        finally:
            # A refused fit, or one without a complete epoch, leaves nothing.
            with contextlib.suppress(OSError):
                folder.rmdir()


class FitFolder:
    """The checkpoint of one fit.

    Parameters
    ----------
    folder : Path
        Exists; empty, or written by this class.
    identity : dict
        Data and parameters that identify the fit.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.identity = identity
        self._start = ""
        self._seeds: list[int] = []
        self._known = self._read()

    def seeds(self, drawn: tuple[int, int]) -> tuple[int, int]:
        """The seeds of the fit: `drawn`, if it starts now."""
        first, second = self._known["seeds"] if self._known else drawn
        self._seeds = [first, second]
        return first, second

    def resumed(self, net: Any, train: TaskDatasets) -> int | None:
        """Restore a net; returns the number of finished epochs, None if training has ended."""
        self._start = digest_of_start(net, train)
        if self._known is None:
            return 0
        if self._known["start"] != self._start:
            raise ValueError(
                f"The fit in {self.folder} began with other weights or other words: files of an "
                "encoder, of vectors or of a tokenizer were changed under the same name. Delete "
                "the folder to fit anew, or put the files back."
            )
        with self._explained():
            resume(net, self._state(self._known))
        return None if self._known["finished"] else len(net.history)

    def write(self, net: Any) -> None:
        """Save the state of a net after an epoch."""
        self._write(training_state(net), False)

    def finish(self, net: Any) -> None:
        """Save the net when training has ended."""
        if not (self._known and self._known["finished"]):
            self._write(without_optimizer(training_state(net)), True)

    def _write(self, state: dict[str, Any], finished: bool) -> None:
        attachments = Attachments()
        encoded = encode(state, "state", attachments)
        n_epochs = len(state["history"])
        tensors = self.folder / f"{'finished' if finished else 'epoch'}-{n_epochs}.safetensors"
        safetensors.torch.save_file(separate(attachments.tensors), tensors)
        flush(tensors)
        description = {
            "format": FORMAT,
            "fit": self.identity,
            "epochs": n_epochs,
            "finished": finished,
            "seeds": self._seeds,
            "start": self._start,
            "state": encoded,
            "words": attachments.words,
            "files": {tensors.name: checksum(tensors)},
        }
        made = self.folder / f".{DESCRIPTION}"
        write_json(made, description | {"digest": digest_of(description)}, indent=1)
        flush(made)
        made.replace(self.folder / DESCRIPTION)
        flush(self.folder)
        for entry in self.folder.glob("*.safetensors"):
            if entry != tensors:
                entry.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        """The description in the folder; None if no epoch is complete."""
        path = self.folder / DESCRIPTION
        if not path.exists():
            return None
        with self._explained():
            known: dict[str, Any] = json.loads(path.read_bytes())
            if known["format"] != FORMAT or known["digest"] != digest_of(known):
                raise ValueError(f"{path.name} was changed")
            [(name, expected)] = known["files"].items()
            if checksum(self.folder / Path(name).name) != expected:
                raise ValueError(f"{name} was changed")
        if others := differences(known["fit"], self.identity):
            raise ValueError(
                f"{self.folder} holds the checkpoint of another fit; what differs: "
                f"{', '.join(others)}. It must have been renamed: delete it, or give checkpoint "
                "another folder."
            )
        return known

    def _state(self, known: dict[str, Any]) -> dict[str, Any]:
        [name] = known["files"]
        tensors = safetensors.torch.load_file(self.folder / Path(name).name)
        state: dict[str, Any] = decode(known["state"], Attachments(tensors, known["words"]))
        return state

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn any error about a damaged folder into one that says what to do."""
        try:
            yield
        except (*_OF_DAMAGE, safetensors.SafetensorError) as error:
            reason = f"no entry {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"The checkpoint in {self.folder} is damaged: {reason.rstrip('.')}. Delete the "
                "folder; then the fit begins anew."
            ) from error
