"""What a door lets through: bytes with a name, read in ranges, wherever they lie."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Protocol

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class MissingError(DamageError):
    """Nothing lies where an href leads; of what is read part by part, a part that was never written."""


Identity = tuple[str, int, int | str]
"""Where it lies, its size, and its time of change or entity tag: the same as long as the bytes are."""


Piece = bytes | memoryview
"""Some bytes of an object."""


class Content(Protocol):
    """An object that is open for reading; every method may be called from any thread.

    Attributes
    ----------
    name : str
        What errors call it: a path or URL, without credentials.
    identity : tuple
        Changes when the bytes change.
    """

    @property
    def name(self) -> str:
        """What errors call it."""

    @property
    def identity(self) -> Identity:
        """What changes when the bytes change."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return a range, shorter only at the end.

        Raises
        ------
        DamageError
            If it cannot be read, or the object was replaced meanwhile; it is named.
        """

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> Sequence[Piece]:
        """Return several ranges (offset, length), in their order; neighbours are fetched together."""


class LocalContent:
    """A local file, held open.

    Parameters
    ----------
    path : Path
        As a door has resolved it.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            self.identity: Identity = describe_file(path)
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DamageError(
                f"The file {self.name!r} cannot be opened: {error.strerror}.", "Check it and its permissions."
            ) from error
        weakref.finalize(self, os.close, self._descriptor)
        if describe_file(path) != self.identity:
            raise DamageError(f"The file {self.name!r} was replaced while it was read.", "Try again.")

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.identity[1]

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise DamageError(
                f"The file {self.name!r} cannot be read: {error.strerror}.", "Check the disk it lies on."
            ) from error

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges."""
        return [self.read(offset, length) for offset, length in ranges]


def describe_file(path: Path) -> tuple[str, int, int]:
    """Return what identifies the content of a file cheaply: path, size, time of change."""
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns
