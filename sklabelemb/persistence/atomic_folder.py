"""A folder of files that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["check_replaceable", "flush", "new_folder", "own_folder", "present_folder"]

# Where files cannot be locked, files untouched for this long belong to a dead process.
_ABANDONED_AFTER_SECONDS = 24 * 3600


def check_replaceable(target: Path, overwrite: bool, files: Iterable[str]) -> None:
    """Refuse a target that contains anything but an older saved model."""
    there = present_folder(target)
    if not there.exists():
        return
    if not there.is_dir():
        raise FileExistsError(f"{target} is a file; give the name of a folder to save into.")
    names = {entry.name for entry in there.iterdir()}
    others = sorted(names - {*files, "models"})
    if others:
        raise FileExistsError(
            f"The folder {target} holds other things than a saved model ({', '.join(others[:3])}"
            f"{', ...' if len(others) > 3 else ''}), which replacing it would delete. Choose a "
            "folder that is new, empty, or holds a model only."
        )
    if names and not overwrite:
        raise FileExistsError(
            f"The folder {target} holds a saved model already. Choose another one, or pass "
            "overwrite=True to replace it."
        )


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder to write into, which replaces `target` when the block ends.

    The old folder is moved away first and deleted last. If the block fails, nothing has changed; if
    the process dies, the next call removes what it left beside `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f"{_prefix(target)}{uuid.uuid4().hex}")
    with contextlib.ExitStack() as held:
        with _turn(target.parent):
            _clean_up(target)
            folder.mkdir()
            # Before the next process cleans up, which would consider it abandoned.
            held.enter_context(_locked(folder))
        try:
            yield folder
            for path in (*folder.rglob("*"), folder):
                flush(path)
            with _turn(target.parent):
                _clean_up(target)
                _swap(folder, target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def present_folder(target: Path) -> Path:
    """`target`, or the old folder if a process died just before the new one was in place."""
    aside = _aside(target)
    return aside if not target.exists() and aside.is_dir() else target


def _swap(folder: Path, target: Path) -> None:
    aside = _aside(target)
    if target.exists():
        target.rename(aside)
    try:
        folder.rename(target)
    except BaseException:
        if aside.exists():
            aside.rename(target)
        raise
    flush(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _clean_up(target: Path) -> None:
    """Finish or undo the work of dead processes."""
    aside = _aside(target)
    if aside.is_dir():
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)
    for entry in target.parent.iterdir():
        if entry.name.startswith(_prefix(target)) and _is_abandoned(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.saving-"


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Create a folder if necessary, and lock it; others wait, if files can be locked."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with _turn(folder) as descriptor:
            if descriptor is None or _is_open_as(folder, descriptor):
                yield
                return


def _is_open_as(folder: Path, descriptor: int) -> bool:
    """False if another process removed the folder before it was locked."""
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[int | None]:
    """Wait for the lock on a folder; returns its descriptor, if it can be locked."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows
        yield None
        return
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder until the block or the process ends; returns whether that is possible."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # taken, or a file system without locks
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _is_abandoned(folder: Path) -> bool:
    with _locked(folder) as free, contextlib.suppress(OSError):
        return free or time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_SECONDS
    return False


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    try:
        descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
