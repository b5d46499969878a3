"""Keep a forked process from waiting for threads of torch that were not copied.

Workers that a web server forks after loading a model would wait for these threads forever, so a
forked child computes with one thread. Processes started by ``spawn`` keep all their threads.
"""

from __future__ import annotations

import os

import torch

__all__: list[str] = []


def _one_thread() -> None:
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_one_thread)
