"""Callbacks between epochs: scores, best weights, progress, scikit-learn's callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from sklabelemb.progress import progress_bar

__all__ = [
    "BestWeights",
    "EpochProgress",
    "GradientClipping",
    "ScikitLearnCallbacks",
    "StopTraining",
    "ValidationScore",
]


# The columns of the history that a bar may show, and their names; the first one found is shown.
SHOWN_SCORES = {
    "valid_micro_f1": "valid micro-F1",
    "valid_accuracy": "valid accuracy",
    "valid_score": "valid score",
}


class StopTraining(Exception):
    """Raised by a callback to stop training early.

    skorch's own early stopping raises `KeyboardInterrupt`, which cannot be told from a user who
    presses Ctrl-C.
    """


class ValidationScore(Callback):
    """Mean of the tasks' scores of the validation split after each epoch, as ``valid_score``.

    Parameters
    ----------
    score : callable
        ``score(targets, logits) -> float`` of one task, larger is better; `targets` as its dataset
        holds them. Or a pair: this, and the measure.
    measure : str, default="score"
        Name of the measure in the pair, which is recorded as ``valid_`` plus this name.
    """

    def __init__(self, score: Callable[[Any, np.ndarray], Any], measure: str = "score") -> None:
        self.score = score
        self.measure = measure

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self._logits: list[torch.Tensor] = []

    def on_batch_end(self, net: Any, *, training: bool, y_pred: Any = None, **kwargs: Any) -> None:
        if not training:
            self._logits.append(y_pred.detach().float().cpu())

    def on_epoch_end(self, net: Any, *, dataset_valid: Any = None, **kwargs: Any) -> None:
        if dataset_valid is None:
            return
        logits = iter(self._logits)
        scores = []
        for bucket in net.get_iterator(dataset_valid, training=False).buckets:
            own = torch.cat([next(logits) for _ in range(len(bucket))]).numpy()
            scores.append(self.score(bucket.dataset.targets[bucket.order], own))
        self.record(net, scores)

    def record(self, net: Any, scores: Sequence[Any]) -> None:
        """Write the mean score, whether it is the best so far, and the measure into the history."""
        score, *measured = np.mean(np.array(scores, dtype=np.float64).reshape(len(scores), -1), 0)
        score = float(score)
        if measured and self.measure != "score":
            net.history.record(f"valid_{self.measure}", float(measured[0]))
        earlier = [row["valid_score"] for row in net.history[:-1] if "valid_score" in row]
        net.history.record("valid_score", score)
        net.history.record("valid_score_best", bool(score > max(earlier, default=-math.inf)))


class BestWeights(Callback):
    """Stop when the validation no longer improves, and go back to the best epoch.

    Parameters
    ----------
    monitor : str, default="valid_score"
        Column of the history.
    lower_is_better : bool, default=False
    patience : int, default=3
        Epochs without improvement before training stops.
    """

    def __init__(
        self, monitor: str = "valid_score", lower_is_better: bool = False, patience: int = 3
    ) -> None:
        self.monitor = monitor
        self.lower_is_better = lower_is_better
        self.patience = patience

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.best_score_ = -math.inf
        self.best_epoch_ = 0
        self.weights_: dict[str, torch.Tensor] = {}
        self.epoch_ = 0

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        self.epoch_ += 1
        score = net.history[-1, self.monitor]
        score = -score if self.lower_is_better else score
        if score > self.best_score_:
            self.best_score_, self.best_epoch_ = score, self.epoch_
            self.weights_ = {
                name: value.detach().clone() for name, value in net.module_.state_dict().items()
            }
        elif self.epoch_ - self.best_epoch_ >= self.patience:
            raise StopTraining

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        if self.weights_:
            net.module_.load_state_dict(self.weights_)
        self.weights_ = {}


class GradientClipping(Callback):
    """Clip the norm of all gradients; like skorch's callback, but also for sparse gradients.

    Parameters
    ----------
    max_norm : float
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def on_grad_computed(
        self, net: Any, named_parameters: Iterable[tuple[str, Any]], **kwargs: Any
    ) -> None:
        gradients = []
        for _, parameter in named_parameters:
            if parameter.grad is None:
                continue
            if parameter.grad.is_sparse:
                # Rows that occur twice in a batch are summed.
                parameter.grad = parameter.grad.coalesce()
                gradients.append(parameter.grad.values())
            else:
                gradients.append(parameter.grad)
        norm = torch.nn.utils.get_total_norm(gradients)
        factor = (self.max_norm / (norm + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(factor)


class EpochProgress(Callback):
    """One progress bar over all batches, with loss and validation score beside it.

    Parameters
    ----------
    total : int
        Batches in all epochs.
    description : str
    """

    def __init__(self, total: int, description: str) -> None:
        self.total = total
        self.description = description

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self._bar = progress_bar(self.description, self.total, "batch")
        self.n_batches_ = 0

    def on_batch_end(self, net: Any, *, training: bool, **kwargs: Any) -> None:
        if training:
            # A fit that resumes from a checkpoint has done some already.
            self.n_batches_ += 1
            self._bar.update(self.n_batches_ - self._bar.n)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        row = net.history[-1]
        shown: dict[str, Any] = {"epoch": row["epoch"], "train_loss": f"{row['train_loss']:.4f}"}
        for column, name in SHOWN_SCORES.items():
            if column in row:
                shown[name] = f"{row[column]:.4f}"
                break
        self._bar.set_postfix(shown)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        # Early stopping leaves batches undone; in a notebook, a bar closed before its end looks
        # like an error.
        self._bar.total = self._bar.n
        self._bar.refresh()
        self.close()

    def close(self) -> None:
        """Close the bar, also if training was interrupted."""
        if hasattr(self, "_bar"):
            self._bar.close()


class ScikitLearnCallbacks(Callback):
    """Calls the callbacks set with ``estimator.set_callbacks`` after every epoch.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        Context of the running fit.
    X, y : the data of the fit, as given
    fitted_attributes : callable
        Gives the attributes of an estimator fitted so far; called only when a callback asks.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        X: Any,
        y: Any,
        fitted_attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.fitted_attributes = fitted_attributes

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self._epoch = self.context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        stop = self._epoch.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.fitted_attributes,
        )
        if stop:
            raise StopTraining
