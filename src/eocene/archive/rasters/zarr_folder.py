"""Zarr groups in folders: what zarr-python reads of one, no file of it larger than it may be."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from zarr.storage import LocalStore

from eocene.archive.fetch import check_decoded
from eocene.archive.rasters.zarr_metadata import DOCUMENTS, PARSED_BYTES
from eocene.archive.rasters.zarr_window import find_range
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype


def check_stored(name: str, key: str, size: int, most: int | None) -> None:
    """Refuse an object of a store that is larger than it may be.

    Parameters
    ----------
    name : str
        What errors call it.
    key : str
        Its place in the store.
    size : int
        Its bytes, or those of the range of it that is asked for.
    most : int, optional
        The bytes that a chunk may have.

    Raises
    ------
    InputError
        If it is metadata that would not fit into memory when they are parsed.
    DamageError
        If it is a chunk of more bytes.
    """
    if key.rpartition("/")[2] in DOCUMENTS:
        check_decoded(name, "its metadata", (size,), PARSED_BYTES)
    elif most is not None and size > most:
        raise DamageError(
            f"The file {name!r} is damaged: it has {size} bytes, and a chunk of its array {most} at most.",
            "Fetch or write it again.",
        )


class FolderStore(LocalStore):
    """A folder for zarr-python, read-only.

    Parameters
    ----------
    root : Path
        The folder.
    most : int, optional
        The bytes that a chunk may have.
    """

    def __init__(self, root: Path, most: int | None = None) -> None:
        super().__init__(root, read_only=True)
        self._most = most

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a file or a range of it, None where there is none."""
        path = self.root / key
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        start, stop = find_range(byte_range, status.st_size)
        check_stored(str(path), key, stop - start, self._most)
        return await super().get(key, prototype, byte_range)
