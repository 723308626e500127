"""Copies of objects on this machine's disk, for readers that need a file; the least used go first."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.archive.fetch.content import MissingError
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.store.bucket import Bucket

VARIABLE = "EOCENE_STORE_CACHE"
_MOST_BYTES = 10 * 2**30


@dataclass(frozen=True)
class KeptObjects:
    """Objects of a store as files.

    Parameters
    ----------
    bucket : Bucket
        The store.
    folder : Path
        Where the copies lie, each below the first two folders of its name.
    most_bytes : int
        What all copies may take together before old ones are removed.
    """

    bucket: Bucket
    folder: Path
    most_bytes: int = _MOST_BYTES

    def bring(self, name: str, *, fixed: bool = False) -> Path:
        """Return a file with the bytes that an object has now.

        Parameters
        ----------
        name : str
            Of the object.
        fixed : bool
            Whether an object of this name never changes, so that a copy needs no question.

        Raises
        ------
        MissingError
            If there is no such object.
        DamageError
            If it cannot be had.
        """
        tag = "" if fixed else self._ask_tag(name)
        version = hashlib.sha256(f"{name}\n{tag}".encode()).hexdigest()[:16]
        *room, short = name.split("/")
        target = self.folder.joinpath(*room[:2], version, short)
        if target.is_file():
            with suppress(FileNotFoundError):
                os.utime(target)
                return target
        self._fetch(name, target)
        self._prune(target)
        return target

    def _ask_tag(self, name: str) -> str:
        entry = self.bucket.find(name)
        if entry is None:
            raise MissingError(f"{self.bucket.href(name)!r} does not exist.", "Check whether it was moved.")
        return entry.tag

    def _fetch(self, name: str, target: Path) -> None:
        lock = self.folder / ".locks" / target.parent.name[:2]
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # another thread or process may be bringing it
            if not target.is_file():
                # Renamed only when nobody holds it any more: HDF5 refuses a file that somebody has locked.
                draft = target.with_name(".draft")
                self.bucket.fetch(name, draft)
                draft.replace(target)

    def _prune(self, newest: Path) -> None:
        files = sorted(self._list(), reverse=True)
        total = 0
        for _, size, path in files:
            total += size
            if total > self.most_bytes and path != newest:
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    path.parent.rmdir()

    def _list(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                if path.is_file() and not path.name.startswith("."):
                    yield status.st_mtime, status.st_size, path


def read_most() -> int:
    """Return the bytes that copies may take, as the environment says.

    Raises
    ------
    InputError
        If it is not a number from 0 on.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text and not text.isdigit():
        raise InputError(f"{VARIABLE} is not a number of bytes.", "Write one, such as 10737418240.")
    return int(text) if text else _MOST_BYTES
