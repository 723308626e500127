"""Files that users upload: streamed in, whole or not at all, each account in a folder of its own."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from eocene.archive.fetch.content import LocalContent
from eocene.archive.store.results import measure_folder
from eocene.jobs.job import format_instant
from eocene.model import InputError, NotFoundError
from eocene.model.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.fetch import Content
    from eocene.model import Layout

MAX_NAME_BYTES = 255
MAX_PARTS = 32


@dataclass(frozen=True)
class Uploads:
    """The uploaded files of one account.

    Parameters
    ----------
    layout : Layout
        The workspace, with the account that it is asked for.
    """

    layout: Layout

    @property
    def folder(self) -> Path:
        """Where the files of the account lie."""
        return self.layout.files

    def list(self) -> list[dict[str, Any]]:
        """Return path, size (bytes) and time of change (RFC 3339) of all files, by path."""
        return sorted(map(self._describe, self._walk()), key=lambda file: str(file["path"]))

    def find(self, path: str) -> Path:
        """Return where a file lies.

        Raises
        ------
        InputError
            FilePathInvalid, or FileOperationUnsupported if it is a folder.
        NotFoundError
            FileNotFound.
        """
        place = self._place(path)
        if place.is_dir():
            raise name_folder(path)
        if not place.is_file():
            raise miss_upload(path)
        return place

    def measure(self) -> int:
        """Return the bytes of all files."""
        return measure_folder(self.folder)

    def locate(self, path: str) -> str:
        """Return where a file lies: a path, or the URL of an object; raises as :meth:`find`."""
        return str(self.find(path))

    def open(self, path: str) -> Content:
        """Return a file for reading in ranges; raises as :meth:`find`."""
        return LocalContent(self.find(path))

    def receive(self, path: str, limit: int, room: int | None = None) -> Upload:
        """Return an upload to a path; its pieces are written to it, and then it is published.

        Parameters
        ----------
        path : str
            Relative to the account's folder, with slashes.
        limit : int
            Bytes that a file may have.
        room : int, optional
            Bytes by which the account's files may grow.
        """
        place = self._place(path)
        if place.is_dir():
            raise name_folder(path)
        replaced = place.stat().st_size if place.is_file() else 0
        self.layout.incoming.mkdir(parents=True, exist_ok=True)
        room = None if room is None else room + replaced
        return Upload(place, self.layout.incoming / secrets.token_hex(8), limit, room)

    def delete(self, path: str) -> None:
        """Remove a file, and the folders that are empty then; raises as :meth:`find`."""
        place = self.find(path)
        place.unlink(missing_ok=True)
        with suppress(OSError):  # the first folder that is not empty ends it
            for parent in place.parents:
                if parent == self.folder:
                    break
                parent.rmdir()

    def describe(self, path: str) -> dict[str, Any]:
        """Return path, size and time of change of a file; raises as :meth:`find`."""
        return self._describe(self.find(path))

    def _describe(self, place: Path) -> dict[str, Any]:
        status = place.stat()
        path = place.relative_to(self.folder).as_posix()
        return {"path": path, "size": status.st_size, "modified": format_instant(status.st_mtime)}

    def _walk(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self.folder):
            for name in names:
                place = Path(folder, name)
                if place.is_file() and not place.is_symlink():
                    yield place

    def _place(self, path: str) -> Path:
        """Return the place of a path in the account's folder; nothing needs to be there."""
        parts = path.split("/")
        fault = _find_fault(parts)
        place = self.folder.joinpath(*parts) if fault is None else self.folder
        if fault is None and not place.resolve().is_relative_to(self.folder.resolve()):
            fault = "it leads out of your folder"
        if fault is not None:
            raise InputError(
                f"The file path {path[:200]!r} is invalid: {fault}.",
                "Give a path such as borders/europe.geojson.",
                code="FilePathInvalid",
            )
        return place


@dataclass
class Upload:
    """A file on its way in; nobody sees it before it is published."""

    place: Path
    temporary: Path
    limit: int
    room: int | None
    size: int = 0
    _stream: BinaryIO | None = None

    def write(self, piece: bytes) -> None:
        """Add bytes to the end.

        Raises
        ------
        InputError
            FileSizeExceeded or StorageQuotaExceeded; nothing of the file is kept then.
        """
        self.size += len(piece)
        if self.size > self.limit:
            raise InputError(
                f"The file is larger than {self.limit} bytes.", "Upload parts.", code="FileSizeExceeded"
            )
        if self.room is not None and self.size > self.room:
            raise InputError(
                f"Your files would be larger than allowed: {max(self.room, 0)} bytes are left.",
                "Delete files or results that you don't need.",
                code="StorageQuotaExceeded",
            )
        if self._stream is None:
            self._stream = self.temporary.open("xb")
        self._stream.write(piece)

    def publish(self) -> None:
        """Put the complete file in its place, where an older one is replaced at once.

        Raises
        ------
        InputError
            FilePathInvalid, if a part of the path is a file.
        """
        self.write(b"")
        assert self._stream is not None  # noqa: S101  write has opened it
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        try:
            self._move()
        except (NotADirectoryError, FileExistsError, IsADirectoryError) as error:
            raise InputError(
                "A part of the file path is a file, or the whole of it a folder.",
                "Choose another path, or delete what is there.",
                code="FilePathInvalid",
            ) from error

    def _move(self) -> None:
        # Somebody may remove the folder, which is still empty, before the file has come into it.
        for _ in range(3):
            self.place.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                self.temporary.replace(self.place)
                break
        sync_folder(self.place.parent)

    def discard(self) -> None:
        """Leave nothing behind; does nothing once it is published."""
        if self._stream is not None:
            with suppress(OSError):  # a full disk does not take the rest of it either
                self._stream.close()
        self.temporary.unlink(missing_ok=True)


def name_folder(path: str) -> InputError:
    """Return the error about a folder where a file is wanted."""
    return InputError(f"{path[:200]!r} is a folder.", "Name a file in it.", code="FileOperationUnsupported")


def miss_upload(path: str) -> NotFoundError:
    """Return the error about a file that is not there."""
    return NotFoundError(
        f"The file {path[:200]!r} does not exist.", "List your files at /files.", code="FileNotFound"
    )


def _find_fault(parts: list[str]) -> str | None:
    """Return what is wrong with the parts of a path."""
    if len(parts) > MAX_PARTS:
        return f"it has more than {MAX_PARTS} parts"
    for part in parts:
        if part in ("", ".", ".."):
            return "no part may be empty, '.' or '..'"
        if not part.isprintable() or "\\" in part:
            return "it has characters that cannot be printed, or backslashes"
        if len(part.encode(errors="replace")) > MAX_NAME_BYTES:
            return f"a part is longer than {MAX_NAME_BYTES} bytes"
    return None
