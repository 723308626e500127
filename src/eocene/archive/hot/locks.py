"""Who may write, who reads: advisory locks of the system, which end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def lock_folder(folder: Path, *, alone: bool) -> Iterator[bool]:
    """Hold a folder, among others or alone; yield False where it is not there or others are in the way.

    Readers wait for those that hold it alone, which is short; who wants it alone does not wait.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except BlockingIOError:
            yield False
            return
        yield _is_still(folder, handle)
    finally:
        os.close(handle)


def _is_still(folder: Path, handle: int) -> bool:
    """Tell whether the folder that was opened still lies there: it may have been moved meanwhile."""
    try:
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


@contextmanager
def lock_file(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a file alone, which is made if need be; yield False if another holds it and we do not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
