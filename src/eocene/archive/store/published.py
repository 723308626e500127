"""The files of a result that is complete, by their names: in a folder, or as objects of a store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eocene.archive.fetch.content import LocalContent
from eocene.model.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch.content import Content
    from eocene.archive.store.bucket import Bucket


class Published(Protocol):
    """A result; one that is not there is one without files."""

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a file of this name."""

    def is_folder(self, name: str) -> bool:
        """Tell whether there is a folder of this name, such as a Zarr store."""

    def list(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""

    def open(self, name: str) -> Content:
        """Return a file for reading in ranges; raises NotFoundError, code FileNotFound."""

    def locate(self, name: str) -> str:
        """Return where a file lies: a path, or an s3 URL; raises as :meth:`open`."""


def read_document(published: Published, name: str) -> dict[str, Any]:
    """Return a JSON document of a result; raises NotFoundError if there is none."""
    content = published.open(name)
    document: dict[str, Any] = json.loads(content.read(0, content.size))
    return document


@dataclass(frozen=True)
class PublishedFolder:
    """A result in a folder of the workspace."""

    folder: Path

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def is_folder(self, name: str) -> bool:
        """Tell whether there is a folder of this name."""
        path = self.folder / name
        return bool(name) and "\x00" not in name and path.is_dir() and not path.is_symlink()

    def list(self, folder: str) -> list[str]:
        """Return the names of all files below a folder."""
        files = (path for path in (self.folder / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in files)

    def open(self, name: str) -> Content:
        """Return a file for reading."""
        return LocalContent(Path(self.locate(name)))

    def locate(self, name: str) -> str:
        """Return the path of a file."""
        path = self._find(name)
        if path is None:
            raise miss_file(name)
        return str(path)

    def _find(self, name: str) -> Path | None:
        """Return a file inside the folder; None also for names that lead out of it."""
        path = self.folder if "\x00" in name else (self.folder / name).resolve()
        return path if path.is_relative_to(self.folder.resolve()) and path.is_file() else None


@dataclass(frozen=True)
class PublishedObjects:
    """A result in a store.

    Parameters
    ----------
    bucket : Bucket
        The store.
    place : str
        The folder of the objects in it.
    files : mapping
        Name of each file → its bytes and SHA-256.
    """

    bucket: Bucket
    place: str
    files: Mapping[str, tuple[int, str]]

    def __contains__(self, name: object) -> bool:
        return name in self.files

    def is_folder(self, name: str) -> bool:
        """Tell whether there are files below this name."""
        return bool(name) and any(file.startswith(f"{name}/") for file in self.files)

    def list(self, folder: str) -> list[str]:
        """Return the names of all files below a folder."""
        return sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def open(self, name: str) -> Content:
        """Return an object for reading."""
        return self.bucket.open(self._name(name))

    def locate(self, name: str) -> str:
        """Return the URL of an object."""
        return self.bucket.href(self._name(name))

    def _name(self, name: str) -> str:
        if name not in self.files:
            raise miss_file(name)
        return f"{self.place}/{name}"


def miss_file(name: str) -> NotFoundError:
    """Return the error about a file that is not there."""
    return NotFoundError(
        f"The file {name[:80]!r} does not exist.",
        "Request the results of the job again.",
        code="FileNotFound",
    )
