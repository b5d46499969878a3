"""The skorch net that all classifiers train with."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping
from torch import nn

import sklabelemb.learning.forking  # noqa: F401  (registers itself)
from sklabelemb.device import explained_memory_errors
from sklabelemb.learning.batches import TaskBatches, TaskDatasets, TextDataset
from sklabelemb.learning.callbacks import StopTraining, ValidationScore
from sklabelemb.learning.processes import add_up, n_processes, own_rows
from sklabelemb.learning.randomness import isolated_randomness
from sklabelemb.learning.scoring import ScoredNet, is_scoring
from sklabelemb.learning.training_state import Checkpoint

__all__ = ["TextNet", "most_tokens", "watchers"]

# Numbers that a network may keep per batch while predicting.
PREDICTION_ELEMENTS = 1 << 24


def most_tokens(numbers_per_token: int) -> int:
    """Tokens of a batch for a network that keeps this many numbers for each while predicting."""
    return max(2048, PREDICTION_ELEMENTS // numbers_per_token)


def watchers(callbacks: list[tuple[str, Any]]) -> dict[str, str]:
    """Names of callbacks that watch a column of the validation part, and these columns."""
    return {
        name: watched
        for name, callback in callbacks
        if isinstance(watched := getattr(callback, "monitor", None), str)
        and watched.startswith("valid")
    }


class TextNet(NeuralNet):
    """A `skorch.NeuralNet` over :class:`~sklabelemb.learning.batches.TaskDatasets`.

    It differs from its parent where multi-label text needs it: batches are bucketed by length, the
    validation data is passed in rather than split off, Ctrl-C reaches the caller, a NaN loss stops
    training, and the optimiser's state is not pickled.

    Parameters
    ----------
    module : type of nn.Module
        Called with ``ids`` (a long tensor of shape ``(b, s)``, 0 is padding); returns logits of
        shape ``(b, n_labels)``. ``auxiliary_loss()``, where it has one, is added in training.
    mixed_precision : bool, default=False
        bfloat16 autocast in training; predictions are computed in float32.
    accumulation_steps : int, default=1
        Number of parts in which a training batch goes through the network; the gradient is that of
        the whole batch.
    accelerator : accelerate.Accelerator, default=None
        With several processes each takes its share of every training batch; loss and gradient are
        those of the whole batch. All make the same batches, because they share the seed.
    **kwargs
        Everything else that `skorch.NeuralNet` takes.
    """

    callbacks_: list[tuple[str, Any]]
    _scored: ScoredNet | None = None
    _checkpoint: Checkpoint | None = None

    def __init__(
        self,
        module: type[nn.Module],
        *args: Any,
        criterion: type[nn.Module],
        iterator_train: Any = TaskBatches,
        iterator_valid: Any = TaskBatches,
        iterator_train__shuffle: bool = True,
        mixed_precision: bool = False,
        accumulation_steps: int = 1,
        accelerator: Any = None,
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
        self.accelerator = accelerator

    def train_on(
        self,
        train: TaskDatasets,
        valid: TaskDatasets | None,
        epochs: int,
        callbacks: list[Any],
        readout: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Train an initialised net.

        Parameters
        ----------
        train : TaskDatasets
        valid : TaskDatasets or None
        epochs : int
        callbacks : list of skorch.callbacks.Callback
            For this run only.
        readout : Readout, default=None
            Computes the predictions for the user's scoring callbacks.
        checkpoint : Checkpoint, default=None
            Where training resumes from, and where every epoch is saved.

        Raises
        ------
        FloatingPointError
            When the loss is no longer a number.
        MemoryError
            When the GPU's memory is exhausted.
        """
        standing = self.callbacks_
        if valid is None:
            idle = watchers(standing)
            self.callbacks_ = [(name, c) for name, c in standing if name not in idle]
        self._scored = None if readout is None else ScoredNet(self, readout)
        # The score comes first, because the user's callbacks may watch it.
        self.callbacks_ = sorted(
            [*self.callbacks_, *((type(c).__name__, c) for c in callbacks)],
            key=lambda named: not isinstance(named[1], ValidationScore),
        )
        try:
            self.notify("on_train_begin", X=train, y=None)
            done = 0 if checkpoint is None else checkpoint.resumed(self, train)
            self._checkpoint = checkpoint
            with contextlib.suppress(StopTraining), explained_memory_errors(self.device):
                self.fit_loop((train, valid), epochs=0 if done is None else epochs - done)
            self.notify("on_train_end", X=train, y=None)
            if not all(torch.isfinite(p).all() for p in self.module_.parameters()):
                raise FloatingPointError(self._divergence("the last step left weights that are"))
            if checkpoint is not None:
                checkpoint.finish(self)
        finally:
            self.callbacks_ = standing
            self._scored = self._checkpoint = None
            for callback in callbacks:
                if hasattr(callback, "close"):
                    callback.close()

    def predict_logits(self, dataset: TextDataset) -> np.ndarray:
        """Logits of the texts of a task, float32 of shape ``(n_samples, n_labels)``, in order."""
        iterator = self.get_iterator(TaskDatasets((dataset,)), training=False)
        self.module_.eval()
        with torch.inference_mode(), explained_memory_errors(self.device):
            logits = [self.infer(inputs).float().cpu() for inputs, _ in iterator]
        result = np.empty((len(dataset), logits[0].shape[1]), dtype=np.float32)
        result[iterator.buckets[0].order] = torch.cat(logits).numpy()
        return result

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """The training and validation data, which :meth:`train_on` already holds apart."""
        return X

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Loss and gradients of one batch, part by part, and of all processes."""
        if self.accumulation_steps == 1 and n_processes(self.accelerator) == 1:
            step = dict(super().train_step_single(batch, **fit_params))
        else:
            step = self._train_step_in_parts(batch, **fit_params)
        if not torch.isfinite(step["loss"]):
            raise FloatingPointError(self._divergence(f"the loss became {step['loss'].item()},"))
        return step

    def _train_step_in_parts(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        self.module_.train()
        self.criterion_.train()
        inputs, target = batch
        n_texts = len(inputs["ids"])
        # What the loss is a mean over; the user's own criterion is a mean over texts.
        size = getattr(self.criterion_, "size", lambda some: len(some["task"]))
        own, factor = own_rows(self.accelerator, n_texts)
        losses, outputs = [], []
        with self._own_randomness():
            for rows in own.tensor_split(self.accumulation_steps):
                if not len(rows):
                    continue
                some = {name: value[rows] for name, value in inputs.items()}
                of_some = {name: value[rows] for name, value in target.items()}
                output = self.infer(some, **fit_params)
                loss = self.get_loss(output, of_some, X=some, training=True)
                loss = loss * (factor * size(of_some) / size(target))
                loss.backward()
                losses.append(loss.detach())
                outputs.append(output.detach())
        loss = torch.stack(losses).sum()
        if n_processes(self.accelerator) > 1:
            loss = add_up(self.accelerator, self.module_, loss)
        return {"loss": loss, "y_pred": torch.cat(outputs)}

    def _own_randomness(self) -> contextlib.AbstractContextManager[None]:
        """Separate dropout per process; the generator of the common batches stays untouched."""
        n = n_processes(self.accelerator)
        if n == 1:
            return contextlib.nullcontext()
        n_steps = sum(len(epoch["batches"]) for epoch in self.history)
        seed = torch.initial_seed() + n_steps * n + self.accelerator.process_index
        return isolated_randomness(seed % 2**63, str(self.device))

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
        # When one callback stops training, the others are still told about the last epoch.
        for _, callback in self.callbacks_:
            net, arguments = self, cb_kwargs
            if self._scored is not None and is_scoring(callback):
                net, arguments = self._scored, self._scored.arguments(cb_kwargs)
            try:
                getattr(callback, method_name)(net, **arguments)
            except StopTraining:
                stop = True
            except KeyboardInterrupt:
                if not isinstance(callback, EarlyStopping):
                    raise
                stop = True
        if stop:
            raise StopTraining
        if method_name == "on_epoch_end" and self._checkpoint is not None:
            self._checkpoint.write(self)

    def __getstate__(self) -> dict[str, Any]:
        # Adam's moments are twice as large as the weights, and not needed for prediction.
        slim = object.__new__(type(self))
        slim.__dict__.update(
            {key: value for key, value in self.__dict__.items() if key != "optimizer_"}
        )
        return NeuralNet.__getstate__(slim)
