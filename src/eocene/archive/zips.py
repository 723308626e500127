"""Products as they are delivered: a folder, or a zip file that is read in place.

Members are found by their names in the product, so that a reader does not notice the difference. An asset in
a zip file has the zip file as its ``href`` and the name in it as ``eocene:member``.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from eocene.archive.fetch import LocalContent, describe_file
from eocene.archive.xml import LARGEST_XML_BYTES
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eocene.archive.fetch.content import Content, Identity

MEMBER = "eocene:member"
"""The field of an asset that names its member of the zip file."""

_MOST_MEMBERS = 100_000
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BRACES = re.compile(r"[{}]")
_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, NotImplementedError,
    ValueError, KeyError, OverflowError,
)  # fmt: skip


class ProductFiles(Protocol):
    """The files of a product by their names in it, such as ``GRANULE/…/MTD_TL.xml``."""

    root: Path

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""

    def read(self, name: str) -> bytes:
        """Return a small file.

        Raises
        ------
        DamageError
            If it is missing, unreadable or larger than metadata are.
        """

    def locate(self, name: str) -> dict[str, Any]:
        """Return the ``href`` of an asset, and in a zip file its member."""


@dataclass(frozen=True)
class FolderFiles:
    """A product in a folder."""

    root: Path

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""
        files = (file for file in self.root.rglob("*") if file.is_file())
        return sorted(file.relative_to(self.root).as_posix() for file in files)

    def read(self, name: str) -> bytes:
        """Return a small file."""
        path = self.root / check_name(name, self.root)
        try:
            if path.stat().st_size > LARGEST_XML_BYTES:
                raise _damage(path, "it is too large for metadata")
            return path.read_bytes()
        except OSError as error:
            raise _damage(path, error.strerror or str(error)) from error

    def locate(self, name: str) -> dict[str, Any]:
        """Return the ``href`` of an asset."""
        return {"href": str((self.root / check_name(name, self.root)).absolute())}


@dataclass(frozen=True)
class ZipFiles:
    """A product in a zip file, below the folder ``prefix`` in it (empty, or with a slash at its end)."""

    root: Path
    prefix: str = ""

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""
        members = list_members(describe_file(self.root))
        return sorted(name.removeprefix(self.prefix) for name in members if name.startswith(self.prefix))

    def read(self, name: str) -> bytes:
        """Return a small file; its checksum in the zip file is compared."""
        member = find_member(self.root, self.prefix + name)
        if member.size > LARGEST_XML_BYTES:
            raise _damage(member.label, "it is too large for metadata")
        try:
            with zipfile.ZipFile(self.root) as stream:
                return stream.read(member.name)
        except _FAULTS as error:
            raise _damage(member.label, str(error)) from error

    def locate(self, name: str) -> dict[str, Any]:
        """Return the ``href`` of the zip file and the member in it."""
        return {"href": str(self.root.absolute()), MEMBER: self.prefix + check_name(name, self.root)}


@dataclass(frozen=True)
class Member:
    """A file in a zip file: where its bytes begin, and whether they are as they are."""

    archive: Path
    name: str
    offset: int
    size: int
    stored: bool

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{self.archive}/{self.name}"

    @property
    def gdal_name(self) -> str:
        """The name that GDAL opens it by, made of a checked path and a listed member only."""
        if self.stored:
            return f"/vsisubfile/{self.offset}_{self.size},{self.archive}"
        if _BRACES.search(self.label):
            raise InputError(
                f"The compressed member {self.label!r} has a brace in its name.", "Rename the zip file."
            )
        return f"/vsizip/{{{self.archive}}}/{self.name}"


class StoredContent:
    """An uncompressed member of a zip file as content that is read in ranges."""

    def __init__(self, member: Member) -> None:
        self._member, self._file = member, LocalContent(member.archive)
        self.name, self.size = member.label, member.size
        path, _, changed = self._file.identity
        self.identity: Identity = (f"{path}/{member.name}", member.size, changed)

    def read(self, offset: int, length: int) -> bytes:
        """Return a range, shorter only at the end."""
        return self._file.read(self._member.offset + offset, max(min(length, self.size - offset), 0))

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges."""
        return [self.read(offset, length) for offset, length in ranges]


def open_content(path: Path, member: str | None) -> Content | None:
    """Return a file, or a member of a zip file, as content; None for a member that is compressed.

    Raises
    ------
    DamageError
        If it is missing or the zip file cannot be read.
    """
    if member is None:
        return LocalContent(path)
    found = find_member(path, member)
    return StoredContent(found) if found.stored else None


def find_product(path: Path, marker: re.Pattern[str]) -> list[ProductFiles]:
    """Return the products whose marker, such as their main metadata, lies at their top.

    Parameters
    ----------
    path : Path
        A folder: it is the product, or has products in it as folders and zip files; or a zip file.
    marker : re.Pattern
        Matches the whole name of the marking file.
    """
    if path.is_dir():
        if any(marker.fullmatch(entry.name) for entry in path.iterdir() if entry.is_file()):
            return [FolderFiles(path)]
        return []
    return list(_find_in_zip(path, marker)) if is_zip(path) else []


def is_zip(path: Path) -> bool:
    """Tell by suffix and first bytes whether a path is a zip file."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _find_in_zip(path: Path, marker: re.Pattern[str]) -> Iterator[ProductFiles]:
    for name in list_members(describe_file(path)):
        parts = PurePosixPath(name)
        if len(parts.parts) <= 2 and marker.fullmatch(parts.name):
            yield ZipFiles(path, name.removesuffix(parts.name))


@lru_cache(maxsize=64)
def list_members(identity: Identity) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a zip file whose names are plain relative paths; remembered.

    Raises
    ------
    DamageError
        If the zip file cannot be read.
    """
    try:
        with zipfile.ZipFile(identity[0]) as stream:
            infos = stream.infolist()
    except _FAULTS as error:
        raise _damage(identity[0], str(error)) from error
    if len(infos) > _MOST_MEMBERS:
        raise _damage(identity[0], f"it has more than {_MOST_MEMBERS} members")
    return {info.filename: info for info in infos if not info.is_dir() and _is_plain(info.filename)}


def find_member(path: Path, name: str) -> Member:
    """Return where a member of a zip file lies.

    Raises
    ------
    DamageError
        If there is no such member, or the zip file cannot be read.
    """
    info = list_members(describe_file(path)).get(name)
    if info is None:
        raise _damage(f"{path}/{name}", "the zip file has no such member")
    content = LocalContent(path)
    header = content.read(info.header_offset, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise _damage(f"{path}/{name}", "its header in the zip file is damaged")
    _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    offset = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    if offset + info.compress_size > content.size:
        raise _damage(f"{path}/{name}", "the zip file is cut off")
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    return Member(path, name, offset, info.file_size, stored)


def check_name(name: str, root: Path) -> str:
    """Return a name that metadata give, or raise InputError where it leads out of the product."""
    if not _is_plain(name):
        raise InputError(
            f"The metadata of {str(root)!r} name the file {name!r}, which is no file of the product.",
            "Fetch the product again.",
        )
    return name


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name)
    return bool(name) and not parts.is_absolute() and ".." not in parts.parts and "\\" not in name


def _damage(path: Path | str, why: str) -> DamageError:
    return DamageError(
        f"The file {str(path)!r} cannot be read: {why.rstrip('.')}.", "Fetch the product again."
    )
