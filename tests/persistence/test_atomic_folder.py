"""Folders that are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from sklabelemb.persistence import atomic_folder

fcntl = pytest.importorskip("fcntl")


def test_a_new_folder_is_locked_before_the_next_process_cleans_up(tmp_path, monkeypatch):
    lock, turns = atomic_folder._locked, []

    def locked(folder):
        descriptor = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):  # it is still the turn of this one
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        turns.append(folder)
        return lock(folder)

    monkeypatch.setattr(atomic_folder, "_locked", locked)
    with atomic_folder.new_folder(tmp_path / "model") as folder:
        (folder / "file").write_text("whole")
        assert turns == [folder]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "file").read_text() == "whole"


def test_nothing_is_left_of_a_folder_that_failed(tmp_path):
    with pytest.raises(RuntimeError, match="disk"), atomic_folder.new_folder(tmp_path / "model"):
        raise RuntimeError("disk full")
    assert not list(tmp_path.iterdir())
