"""Files in zip and tar files, read where they lie.

An asset in one has the zip file as its ``href`` and the name in it as ``eocene:member``. Nothing is unpacked:
what is not compressed is a range of the file; what is, GDAL inflates as it reads.
"""

from __future__ import annotations

import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from eocene.archive.fetch import LocalContent, describe_file
from eocene.archive.packing.xml import LARGEST_XML_BYTES
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.archive.fetch.content import Content, Identity

MEMBER = "eocene:member"
"""The field of an asset that names its member of the zip or tar file."""

_MOST_MEMBERS = 100_000
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BRACES = re.compile(r"[{}]")
FAULTS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, OSError, EOFError, RuntimeError,
    NotImplementedError, ValueError, KeyError, OverflowError,
)  # fmt: skip
"""What the libraries raise of files that are damaged."""


@dataclass(frozen=True)
class Member:
    """A file in a zip or tar file: where its bytes begin, and whether they are as they are."""

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

    def read(self) -> bytes:
        """Return a small member whole; the checksum in a zip file is compared.

        Raises
        ------
        DamageError
            If it is unreadable or larger than metadata are.
        """
        if self.size > LARGEST_XML_BYTES:
            raise damaged_member(self.label, "it is too large for metadata")
        try:
            if is_tar(self.archive):
                return LocalContent(self.archive).read(self.offset, self.size)
            with zipfile.ZipFile(self.archive) as stream:
                return stream.read(self.name)
        except FAULTS as error:
            raise damaged_member(self.label, str(error)) from error


class StoredContent:
    """An uncompressed member of a zip or tar file as content that is read in ranges."""

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
    """Return a file, or a member of a zip or tar file, as content; None for one that is compressed.

    Raises
    ------
    DamageError
        If it is missing or the zip file cannot be read.
    """
    if member is None:
        return LocalContent(path)
    found = find_member(path, member)
    return StoredContent(found) if found.stored else None


def is_zip(path: Path) -> bool:
    """Tell by suffix and first bytes whether a path is a zip file."""
    return path.suffix.lower() == ".zip" and path.is_file() and _read_start(path, 2) == b"PK"


def is_tar(path: Path) -> bool:
    """Tell by suffix whether a path is a tar file without compression."""
    return path.suffix.lower() == ".tar" and path.is_file()


@lru_cache(maxsize=64)
def list_members(identity: Identity) -> dict[str, Member]:
    """Return the members of a zip or tar file whose names are plain relative paths; remembered.

    Raises
    ------
    DamageError
        If the file cannot be read, or is cut off.
    """
    path = Path(identity[0])
    try:
        members = _list_tar(path) if is_tar(path) else _list_zip(path)
    except FAULTS as error:
        raise damaged_member(path, str(error)) from error
    for member in members:
        if member.stored and member.offset + member.size > identity[1]:
            raise damaged_member(member.label, "the file that it is in is cut off")
    return {member.name: member for member in members}


def find_member(path: Path, name: str) -> Member:
    """Return a member of a zip or tar file.

    Raises
    ------
    DamageError
        If there is no such member, or the file cannot be read.
    """
    member = list_members(describe_file(path)).get(name)
    if member is None:
        raise damaged_member(f"{path}/{name}", "there is no such file in it")
    return member


def is_plain_name(name: str) -> bool:
    """Tell whether a name stays in the folder that it is relative to."""
    parts = PurePosixPath(name)
    return bool(name) and not parts.is_absolute() and ".." not in parts.parts and "\\" not in name


def damaged_member(path: Path | str, why: str) -> DamageError:
    """Return the error of a file of a product that cannot be read."""
    return DamageError(
        f"The file {str(path)!r} cannot be read: {why.rstrip('.')}.", "Fetch the product again."
    )


def _list_zip(path: Path) -> list[Member]:
    with zipfile.ZipFile(path) as stream:
        infos = [info for info in stream.infolist() if not info.is_dir() and is_plain_name(info.filename)]
    if len(infos) > _MOST_MEMBERS:
        raise ValueError(f"it has more than {_MOST_MEMBERS} members")
    content = LocalContent(path)
    return [_place(path, info, content) for info in infos]


def _place(path: Path, info: zipfile.ZipInfo, content: LocalContent) -> Member:
    """Return where the bytes of a member begin, which only its own header tells."""
    header = content.read(info.header_offset, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise ValueError(f"the header of its member {info.filename!r} is damaged")
    _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    offset = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    return Member(path, info.filename, offset, info.file_size, stored)


def _list_tar(path: Path) -> list[Member]:
    members = []
    with tarfile.open(path, "r:") as stream:
        for info in stream:
            if info.isreg() and not info.issparse() and is_plain_name(info.name):
                members.append(
                    Member(path, str(PurePosixPath(info.name)), info.offset_data, info.size, stored=True)
                )
            if len(members) > _MOST_MEMBERS:
                raise ValueError(f"it has more than {_MOST_MEMBERS} members")
    return members


def _read_start(path: Path, length: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(length)
