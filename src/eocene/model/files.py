"""Atomic writes: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_HELD = re.compile(r"\..+\.[0-9a-f]{8}")
_LOCKLESS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP)
"""What disks answer that cannot lock folders."""


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, since some writers choose the format by it.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def hold_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new hidden folder to work in; it goes at the end.

    While this process lives it holds the lock of the folder, by which :func:`sweep_folders` tells it from
    those that dead processes left; these go first. On a disk that cannot lock folders nothing is swept.
    """
    sweep_folders(parent)
    handle = None
    while handle is None:  # one that was swept before it was locked is made again
        temporary = parent / f".{name}.{secrets.token_hex(4)}"
        temporary.mkdir(parents=True)
        handle = _lock_new(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


def _lock_new(folder: Path) -> int | None:
    """Return a handle that holds the lock of a folder, None if the folder is gone."""
    try:
        handle = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _LOCKLESS:
            os.close(handle)
            raise
    if folder.exists():
        return handle
    os.close(handle)
    return None


def sweep_folders(parent: Path) -> None:
    """Remove the hidden folders in which processes that died were working; those in use stay."""
    for folder in parent.glob(".*"):
        if not _HELD.fullmatch(folder.name):
            continue
        try:
            handle = os.open(folder, _FOLDER)
        except OSError:  # gone by now, or none of ours
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or nobody can tell
            pass
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)


@contextmanager
def make_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` for files, which their writer syncs; on success it is renamed."""
    with hold_folder(target.parent, target.name) as temporary:
        yield temporary
        temporary.rename(target)
        sync_folder(target.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, of which no reader finds a half."""
    with hold_folder(folder.parent, folder.name) as doomed:
        folder.rename(doomed / folder.name)


def sweep_leftovers(folder: Path) -> None:
    """Remove what a process that died was writing in a folder: hidden files and folders."""
    for leftover in folder.glob(".*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8."""
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with replace_file(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def name_disk_fault(error: BaseException | None) -> DamageError | None:
    """Return what a full or broken disk did, in words for users; None if an error has another cause.

    What an error was raised from or met on the way counts, too: libraries wrap what the system said.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DamageError(
                "The disk is full; what was to be written was not kept.",
                "Try again when there is room on it.",
            )
        if isinstance(error, OSError) and error.errno in (errno.EIO, errno.EROFS):
            return DamageError(
                "The disk could not be read or written; what was to be written was not kept.",
                "Try again; if it happens again, tell the operator.",
            )
        error = error.__cause__ or error.__context__
    return None
