"""Which optimiser trains which parameter.

An embedding table is large and a batch touches few of its rows. A dense optimiser still updates the
whole table at every step, so beyond a certain size the vocabulary, not the text, determines the
time. Tables built with ``sparse=True`` get `RowAdam`, which touches only the rows of the batch;
everything else gets fused `torch.optim.AdamW`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from skorch.callbacks import LRScheduler

__all__ = [
    "SPARSE_FROM_ELEMENTS",
    "RowAdam",
    "SplitAdam",
    "halving",
    "sparse_pays",
    "warmup_then_decay",
]

# Table elements (words x dimensions) from which row-wise updates were faster on two CPU cores; see
# benchmarks/vocabulary_cost.py.
SPARSE_FROM_ELEMENTS = 1_500_000
# Rows of an embedding table that one core keeps in its cache, with their two moments.
ROWS_A_CHUNK = 512


def sparse_pays(n_words: int, dim: int, device: str = "cpu") -> bool:
    """Whether a table of this size trains faster with sparse gradients.

    Examples
    --------
    >>> sparse_pays(2_000, 300), sparse_pays(400_000, 300)
    (False, True)
    """
    threshold = SPARSE_FROM_ELEMENTS * (1 if device == "cpu" else 20)
    return n_words * dim >= threshold


class RowAdam(torch.optim.Optimizer):
    """What `torch.optim.SparseAdam` computes, some rows at a time.

    SparseAdam makes some ten passes over all rows of a batch; taken in chunks that stay in the
    cache, the same update was three to four times faster for four thousand rows of 300 numbers.

    Parameters
    ----------
    params : iterable of parameters or parameter groups
        Two-dimensional tables with sparse gradients.
    lr, betas, eps : as in `torch.optim.SparseAdam`
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update of the rows that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._update(table, group)
        return loss

    def _update(self, table: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[table]
        if not state:
            state |= {
                "step": 0,
                "exp_avg": torch.zeros_like(table),
                "exp_avg_sq": torch.zeros_like(table),
            }
        state["step"] += 1
        (beta1, beta2), eps = group["betas"], group["eps"]
        correction = math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        assert table.grad is not None
        gradient = table.grad.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        for index, part in zip(rows.split(ROWS_A_CHUNK), values.split(ROWS_A_CHUNK), strict=True):
            mean = state["exp_avg"].index_select(0, index).lerp_(part, 1 - beta1)
            square = state["exp_avg_sq"].index_select(0, index).mul_(beta2)
            square.addcmul_(part, part, value=1 - beta2)
            state["exp_avg"].index_copy_(0, index, mean)
            state["exp_avg_sq"].index_copy_(0, index, square)
            move = mean.div_(square.sqrt_().add_(eps))
            table.index_add_(0, index, move, alpha=-group["lr"] * correction)


class SplitAdam(torch.optim.Optimizer):
    """AdamW for dense gradients and RowAdam for sparse ones, as one optimiser.

    Parameters
    ----------
    params : iterable of parameter groups
        Each group is a dict with ``params`` and optionally ``lr``, ``weight_decay`` and ``sparse``
        (True for tables whose gradient is sparse; these know no weight decay).
    lr : float, default=1e-3
    weight_decay : float, default=0.0
        Decoupled (AdamW), dense groups only.
    betas : tuple of float, default=(0.9, 0.999)
    eps : float, default=1e-8
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "betas": betas,
            "eps": eps,
            "sparse": False,
        }
        super().__init__(params, defaults)
        self.parts: list[torch.optim.Optimizer] = []
        dense = [group for group in self.param_groups if not group["sparse"]]
        sparse = [group for group in self.param_groups if group["sparse"]]
        if dense:
            fused = all(p.is_floating_point() for group in dense for p in group["params"])
            self.parts.append(torch.optim.AdamW(dense, lr=lr, betas=betas, eps=eps, fused=fused))
        if sparse:
            self.parts.append(RowAdam(sparse, lr=lr, betas=betas, eps=eps))
        # Each part copied its groups; hand out theirs, so that a schedule that sets ``lr`` reaches
        # the optimiser that does the work.
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """State of the parts, in their order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state of :meth:`state_dict`."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def warmup_then_decay(n_steps: int, warmup: float) -> LRScheduler:
    """Linear warm-up, then linear decay to zero, one step per batch; a skorch callback.

    Parameters
    ----------
    n_steps : int
        Batches in all epochs.
    warmup : float
        Share of the steps in which the learning rate rises.
    """
    rising = max(1, round(warmup * n_steps))

    def factor(step: int) -> float:
        return min((step + 1) / rising, max(0.0, (n_steps - step) / max(1, n_steps - rising)))

    return _schedule(factor)


def halving(n_batches: int) -> LRScheduler:
    """A learning rate that is halved after every epoch of `n_batches`; a skorch callback."""
    return _schedule(lambda step: 0.5 ** (step // n_batches))


def _schedule(factor: Callable[[int], float]) -> LRScheduler:
    return LRScheduler(
        policy=torch.optim.lr_scheduler.LambdaLR, lr_lambda=factor, step_every="batch"
    ).initialize()
