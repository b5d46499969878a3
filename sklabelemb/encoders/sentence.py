"""A pretrained transformer that turns each text into one vector; not fine-tuned."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from sklabelemb.device import explained_memory_errors
from sklabelemb.encoders.pretrained import (
    build_encoder,
    longest_sequence,
    pretrained_files,
    pretrained_tokenizer,
    pretrained_weights,
)
from sklabelemb.text import WordPieces

__all__ = ["SentenceEncoder", "pooling_of"]

# Pieces that are read at a time, padding included; on a CPU more of them fall out of its cache.
PIECES = {"cpu": 1 << 11, "cuda": 1 << 16}
POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
}


class SentenceEncoder:
    """Vectors of texts by a pretrained transformer, whose weights stay as they are.

    It reads folders of `sentence-transformers`, which define the pooling, and plain transformers,
    which are mean-pooled and scaled to length 1.

    Parameters
    ----------
    pieces : WordPieces
        Its tokenizer, and the configuration of the transformer.
    weights : dict of str to Tensor
    pooling : {"mean", "cls", "max"}, default="mean"
        How the vectors of the pieces, special tokens included, become the vector of the text.
    normalize : bool, default=True
        Whether vectors have length 1.
    max_pieces : int, default=None
        Number of pieces read from a text, including two special tokens; None: as many as the
        transformer has positions.

    Raises
    ------
    ValueError
        When the weights are not those of the configuration.
    """

    def __init__(
        self,
        pieces: WordPieces,
        weights: Mapping[str, Tensor],
        pooling: str = "mean",
        normalize: bool = True,
        max_pieces: int | None = None,
    ) -> None:
        most = longest_sequence(pieces.encoder)
        self.pieces = pieces
        self.pooling = pooling
        self.normalize = bool(normalize)
        self.max_pieces = min(max_pieces or most, most)
        self.network = build_encoder(pieces.encoder)
        kept = {name: value for name, value in weights.items() if not name.startswith("pooler.")}
        try:
            self.network.load_state_dict(kept)
        except RuntimeError as error:
            raise ValueError(
                f"the weights of the encoder are not those of its configuration: {error}"
            ) from error
        self.network.eval().requires_grad_(False)

    @classmethod
    def read(cls, name: str | os.PathLike[str]) -> Self:
        """The encoder of a folder, or of a name on the Hub.

        Raises
        ------
        OSError
            When it cannot be had.
        ValueError
            When it is not supported.
        """
        pieces = WordPieces(**pretrained_tokenizer(name))
        return cls(pieces, pretrained_weights(name), **_pooling(name))

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return int(self.pieces.encoder["hidden_size"])

    @cached_property
    def key(self) -> str:
        """Key that identifies this encoder's vectors."""
        digest = hashlib.blake2b(json.dumps(self.description(), sort_keys=True).encode())
        for name, value in sorted(self.arrays().items()):
            digest.update(name.encode())
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()[:32]

    def description(self) -> dict[str, Any]:
        """All but the weights, as a dict that JSON can hold."""
        return {
            "pieces": self.pieces.to_dict(),
            "pooling": self.pooling,
            "normalize": self.normalize,
            "max_pieces": self.max_pieces,
        }

    def arrays(self) -> dict[str, Tensor]:
        """Its weights."""
        return dict(self.network.state_dict())

    @classmethod
    def of(cls, description: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> Self:
        """The encoder that `description` and `arrays` describe."""
        told = dict(description)
        return cls(WordPieces.from_dict(told.pop("pieces")), arrays, **told)

    def encode(
        self,
        texts: Sequence[str],
        device: str = "cpu",
        progress: Callable[[int], Any] = lambda n_texts: None,
    ) -> np.ndarray:
        """Vectors of texts.

        Parameters
        ----------
        texts : sequence of str, length n_texts
        device : str, default="cpu"
            Where to compute.
        progress : callable, default=None
            Told, batch by batch, how many texts are done.

        Returns
        -------
        float32 ndarray of shape (n_texts, dim)
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        token_ids = self.pieces.encode(texts, max_length=self.max_pieces - 2)
        network = self.network if device == "cpu" else _on(self.network, device)
        most = PIECES["cuda" if device.startswith("cuda") else "cpu"]
        for rows in _batches(token_ids.lengths + 2, most):
            ids, mask = self._with_marks(token_ids.padded(rows), token_ids.lengths[rows])
            with torch.inference_mode(), explained_memory_errors(torch.device(device)):
                states = network(input_ids=ids.to(device), attention_mask=mask.to(device))[0]
                vectors[rows] = self._pooled(states, mask.to(device)).float().cpu().numpy()
            progress(len(rows))
        return vectors

    def _with_marks(self, ids: np.ndarray, lengths: np.ndarray) -> tuple[Tensor, Tensor]:
        """The ids as the encoder counts them, between its marks."""
        whole = np.full((len(ids), int(lengths.max()) + 2), self._padding, dtype=np.int64)
        columns = np.arange(whole.shape[1])
        inside = (columns >= 1) & (columns <= lengths[:, None])
        whole[:, 0] = self.pieces.cls_id
        whole[inside] = ids[:, : whole.shape[1] - 2][inside[:, 1:-1]] - 1
        whole[np.arange(len(ids)), lengths + 1] = self.pieces.sep_id
        mask = columns <= lengths[:, None] + 1
        return torch.from_numpy(whole), torch.from_numpy(mask.astype(np.int64))

    @property
    def _padding(self) -> int:
        return int(self.pieces.encoder.get("pad_token_id") or 0)

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            vectors = states[:, 0]
        elif self.pooling == "max":
            vectors = states.masked_fill(mask.unsqueeze(2) == 0, -torch.inf).amax(dim=1)
        else:
            share = mask.to(states) / mask.sum(dim=1, keepdim=True)
            vectors = torch.bmm(share.unsqueeze(1), states).squeeze(1)
        return nn.functional.normalize(vectors, dim=1) if self.normalize else vectors

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # nothing changes it

    def __reduce__(self) -> Any:
        return type(self).of, (self.description(), self.arrays())


def _on(network: nn.Module, device: str) -> nn.Module:
    """A copy of the network on another device, kept as long as the network is."""
    copies = network.__dict__.setdefault("_copies", {})
    if device not in copies:
        copy = type(network)(network.config)
        copy.load_state_dict(network.state_dict(), strict=False)
        copies[device] = copy.eval().requires_grad_(False).to(device)
    moved: nn.Module = copies[device]
    return moved


def _batches(lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Rows of texts of similar length, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, most // int(lengths[order[start]]))
        yield order[start:stop]
        start = stop


def pooling_of(name: str | os.PathLike[str]) -> str:
    """How an encoder makes one vector of those of its pieces."""
    return str(_pooling(name).get("pooling", "mean"))


def _pooling(name: str | os.PathLike[str]) -> dict[str, Any]:
    """What the files of `sentence-transformers` say, if there are any."""
    files = pretrained_files(name, "modules.json", "sentence_bert_config.json")
    if "modules.json" not in files:
        return {}
    kinds = {entry["type"].split(".")[-1]: entry for entry in _json(files["modules.json"])}
    if strange := sorted(kinds.keys() - {"Transformer", "Pooling", "Normalize"}):
        raise ValueError(
            f"The encoder {os.fspath(name)!r} has a module {strange[0]!r} after its transformer. "
            "Give the object itself: encoder=SentenceTransformer(...)."
        )
    found: dict[str, Any] = {"normalize": "Normalize" in kinds}
    if "sentence_bert_config.json" in files:
        found["max_pieces"] = _json(files["sentence_bert_config.json"]).get("max_seq_length")
    if "Pooling" in kinds:
        path = f"{kinds['Pooling']['path']}/config.json"
        told = _json(pretrained_files(name, path)[path])
        modes = [mode for mode, on in told.items() if mode.startswith("pooling_mode_") and on]
        if len(modes) != 1 or modes[0] not in POOLINGS:
            raise ValueError(
                f"The encoder {os.fspath(name)!r} pools vectors in a way that is not known here "
                f"({', '.join(modes) or 'none'}). Give the object itself: "
                "encoder=SentenceTransformer(...)."
            )
        found["pooling"] = POOLINGS[modes[0]]
    return found


def _json(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8-sig"))
