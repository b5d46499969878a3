"""What a forked process must be told: the threads that torch had are not there.

A web server that loads a model first and forks its workers then would wait for them for ever. The
child computes with one thread. Processes that are started by ``spawn`` have all of theirs.
"""

from __future__ import annotations

import os

import torch

__all__: list[str] = []


def _one_thread() -> None:
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_one_thread)
