"""The skorch net that all classifiers train with."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping
from torch import nn
from torch.nn import functional as F

from sklabelemb.training.batches import LengthBuckets, TextDataset
from sklabelemb.training.callbacks import StopTraining, ValidationScore

__all__ = [
    "LabelLoss",
    "TextNet",
    "copy_weights",
    "explained_memory_errors",
    "isolated_randomness",
    "snapshot",
]

_RANDOMNESS = threading.RLock()


@contextlib.contextmanager
def isolated_randomness(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block, and leave its global state as it was.

    torch's layers draw from one generator a process, so fits in several threads take turns here:
    each stays reproducible, and none disturbs the caller's generator.
    """
    devices = [torch.device(device)] if device.startswith("cuda") else []
    with _RANDOMNESS, torch.random.fork_rng(devices=devices):
        if devices or device == "cpu":
            # torch.manual_seed would seed every GPU, and fork_rng puts back only those it is told.
            torch.default_generator.manual_seed(seed)
            for cuda in devices:
                with torch.cuda.device(cuda):
                    torch.cuda.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def explained_memory_errors(device: Any) -> Iterator[None]:
    """Turn torch's error for exhausted GPU memory into one that says what to change."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"The memory of {device} is exhausted. Use a smaller batch_size or max_length, "
            "mixed_precision=True, accumulation_steps or freeze_layers where the classifier has "
            "them, or device='cpu'."
        ) from error


class LabelLoss(nn.Module):
    """Binary cross-entropy for label sets, cross-entropy for single classes.

    Parameters
    ----------
    multilabel : bool
    class_weight : ndarray of shape (n_labels,), default=None
        Single-label: weight of each class. Multi-label: weight of each label's positives.

    Notes
    -----
    The mean over samples (weighted by ``sample_weight``, whose mean over the training set is one)
    and, for label sets, over labels.
    """

    class_weight: torch.Tensor | None

    def __init__(self, multilabel: bool, class_weight: np.ndarray | None = None) -> None:
        super().__init__()
        self.multilabel = multilabel
        weight = None if class_weight is None else torch.as_tensor(class_weight).float()
        self.register_buffer("class_weight", weight)

    def forward(self, logits: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch, a scalar."""
        y = target["y"]
        if self.multilabel:
            losses = F.binary_cross_entropy_with_logits(
                logits, y.to(logits.dtype), pos_weight=self.class_weight, reduction="none"
            ).mean(dim=1)
        else:
            losses = F.cross_entropy(logits, y, weight=self.class_weight, reduction="none")
        if "sample_weight" in target:
            losses = losses * target["sample_weight"]
        return losses.mean()


class TextNet(NeuralNet):
    """A `skorch.NeuralNet` over :class:`~sklabelemb.training.batches.TextDataset`.

    It differs from its parent where multi-label text needs it: batches are bucketed by length, the
    validation data is given rather than split off, Ctrl-C reaches the caller, a loss that is no
    number stops training, and the optimiser's state is not pickled.

    Parameters
    ----------
    module : type of nn.Module
        Called with ``ids`` (a long tensor of shape ``(b, s)``, 0 is padding); returns logits of
        shape ``(b, n_labels)``. ``auxiliary_loss()``, where it has one, is added in training.
    mixed_precision : bool, default=False
        bfloat16 autocast in training; what is predicted is computed in float32.
    accumulation_steps : int, default=1
        Parts in which a training batch goes through the network, one after the other. For losses
        that are means over texts the gradient is that of the whole batch.
    **kwargs
        Everything else that `skorch.NeuralNet` takes.
    """

    callbacks_: list[tuple[str, Any]]

    def __init__(
        self,
        module: type[nn.Module],
        *args: Any,
        criterion: type[nn.Module] = LabelLoss,
        iterator_train: Any = LengthBuckets,
        iterator_valid: Any = LengthBuckets,
        iterator_train__shuffle: bool = True,
        mixed_precision: bool = False,
        accumulation_steps: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            *args,
            criterion=criterion,
            iterator_train=iterator_train,
            iterator_valid=iterator_valid,
            iterator_train__shuffle=iterator_train__shuffle,
            **kwargs,
        )
        self.mixed_precision = mixed_precision
        self.accumulation_steps = accumulation_steps

    def train_on(
        self,
        train: TextDataset,
        valid: TextDataset | None,
        epochs: int,
        callbacks: list[Any],
    ) -> None:
        """Train an initialised net; `callbacks` serve this run only.

        Raises
        ------
        FloatingPointError
            When the loss is no longer a number.
        MemoryError
            When the GPU's memory is exhausted.
        """
        standing = self.callbacks_
        # The score comes first: a callback of the user's may watch it.
        self.callbacks_ = sorted(
            [*standing, *((type(c).__name__, c) for c in callbacks)],
            key=lambda named: not isinstance(named[1], ValidationScore),
        )
        try:
            self.notify("on_train_begin", X=train, y=None)
            with contextlib.suppress(StopTraining), explained_memory_errors(self.device):
                self.fit_loop((train, valid), epochs=epochs)
            self.notify("on_train_end", X=train, y=None)
            if not all(torch.isfinite(p).all() for p in self.module_.parameters()):
                raise FloatingPointError(self._divergence("the last step left weights that are"))
        finally:
            self.callbacks_ = standing
            for callback in callbacks:
                if hasattr(callback, "close"):
                    callback.close()

    def predict_logits(self, dataset: TextDataset) -> np.ndarray:
        """Logits of every text, float32 of shape ``(n_samples, n_labels)``, in the given order."""
        iterator = self.get_iterator(dataset, training=False)
        self._set_training(False)
        with torch.inference_mode(), explained_memory_errors(self.device):
            logits = [self.infer(inputs).float().cpu() for inputs, _ in iterator]
        result = np.empty((len(dataset), logits[0].shape[1]), dtype=np.float32)
        result[iterator.order] = torch.cat(logits).numpy()
        return result

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """The training and validation data, which :meth:`train_on` already holds apart."""
        return X

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Loss and gradients of one batch, part by part."""
        if self.accumulation_steps == 1:
            return dict(super().train_step_single(batch, **fit_params))
        self._set_training(True)
        inputs, target = batch
        n_texts = len(inputs["ids"])
        losses, outputs = [], []
        for rows in torch.arange(n_texts).tensor_split(self.accumulation_steps):
            if not len(rows):
                continue
            some = {name: value[rows] for name, value in inputs.items()}
            output = self.infer(some, **fit_params)
            of_some = {name: value[rows] for name, value in target.items()}
            loss = self.get_loss(output, of_some, X=some, training=True) * (len(rows) / n_texts)
            loss.backward()
            losses.append(loss.detach())
            outputs.append(output.detach())
        return {"loss": torch.stack(losses).sum(), "y_pred": torch.cat(outputs)}

    def infer(self, x: Any, **fit_params: Any) -> torch.Tensor:
        """Logits of one batch; in training perhaps in bfloat16."""
        if not (self.mixed_precision and self.module_.training):
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            logits = super().infer(x, **fit_params)
        return logits.float()

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        """Loss of one batch, with the module's auxiliary loss while training."""
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        auxiliary = getattr(self.module_, "auxiliary_loss", None)
        if training and auxiliary is not None:
            loss = loss + auxiliary()
        if training and not torch.isfinite(loss):
            raise FloatingPointError(self._divergence(f"the loss became {loss.item()},"))
        return loss

    def _divergence(self, what: str) -> str:
        return (
            f"Training diverged: {what} not a number to go on from. Lower learning_rate (now "
            f"{self.lr:g}), and check pretrained vectors and sample_weight for huge values."
        )

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks; skorch's own early stopping ends training without a Ctrl-C."""
        getattr(self, method_name)(self, **cb_kwargs)
        stop = False
        # Whichever callback stops training, the others hear of the last epoch too.
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except StopTraining:
                stop = True
            except KeyboardInterrupt:
                if not isinstance(callback, EarlyStopping):
                    raise
                stop = True
        if stop:
            raise StopTraining

    def __getstate__(self) -> dict[str, Any]:
        # The moments of Adam are twice as large as the weights, and of no use for predicting.
        slim = object.__new__(type(self))
        slim.__dict__.update(
            {key: value for key, value in self.__dict__.items() if key != "optimizer_"}
        )
        return NeuralNet.__getstate__(slim)


def snapshot(network: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all weights."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def copy_weights(old: nn.Module, new: nn.Module, tables: Sequence[str]) -> None:
    """Take over every weight; a table of words that has grown keeps its old rows at their places.

    Parameters
    ----------
    old, new : nn.Module
    tables : sequence of str
        Attributes of the modules that are such tables.
    """
    state = new.state_dict()
    may_grow = [getattr(new, name).weight for name in tables]
    growing = {n for n, p in new.named_parameters() if any(p is table for table in may_grow)}
    if different := sorted(state.keys() ^ old.state_dict().keys()):
        raise ValueError(
            f"Cannot go on from the previous fit: only one of the two networks has {different[0]}. "
            "Keep the parameters that shape the network, or fit anew with warm_start=False."
        )
    for name, value in old.state_dict().items():
        target = state[name]
        if target.shape == value.shape:
            target.copy_(value)
        elif name in growing and target.shape[1:] == value.shape[1:] and len(target) > len(value):
            target[: len(value)] = value
        else:
            raise ValueError(
                f"Cannot go on from the previous fit: {name} had shape {tuple(value.shape)} and "
                f"now has {tuple(target.shape)}. Keep the parameters that shape the network, or "
                "fit anew with warm_start=False."
            )
