"""The bytes of a file that its directory is read from: few requests, and they can be remembered."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import imagecodecs

if TYPE_CHECKING:
    from eocene.archive.fetch import Content

_FIRST = 16 * 1024
"""What is read of a file first: of most COGs the directories of all images, with the places of all tiles."""
_MOST = 256 * 2**20
"""A table that is longer is not believed."""
_PART = struct.Struct("<QI")


class Header:
    """Reads parts of a content, from pieces that are as long as the first one at least.

    Parameters
    ----------
    content : Content
        The file.
    known : bytes
        What :meth:`dump` gave when the same file was read before; then nothing is asked of the content.
    """

    def __init__(self, content: Content, known: bytes = b"") -> None:
        self._content = content
        self._pieces: list[tuple[int, bytes]] = []
        self._parts = _load(known)

    @property
    def name(self) -> str:
        """What errors call the file."""
        return self._content.name

    def read(self, offset: int, length: int) -> bytes:
        """Return a part.

        Raises
        ------
        ValueError
            If the file ends before it does.
        DamageError
            If the file cannot be read.
        """
        found = self._parts.get(offset)
        if found is None or len(found) < length:
            found = self._parts[offset] = self._cut(offset, length)
        return found[:length]

    def _cut(self, offset: int, length: int) -> bytes:
        if length > _MOST:
            raise ValueError(f"a table of {length} bytes")
        for start, piece in self._pieces:
            if start <= offset and offset + length <= start + len(piece):
                return piece[offset - start : offset - start + length]
        size = self._content.size
        if offset + length > size and offset + length > 16:
            raise ValueError(f"a table of {length} bytes is cut off")
        piece = self._content.read(offset, min(max(length, _FIRST), size - offset))
        self._pieces.append((offset, piece))
        return piece[:length]

    @property
    def size(self) -> int:
        """How many bytes of the file were asked for."""
        return sum(len(piece) for _, piece in self._pieces)

    def dump(self) -> bytes:
        """Return the parts that were read, packed."""
        plain = b"".join(_PART.pack(offset, len(part)) + part for offset, part in self._parts.items())
        return bytes(imagecodecs.deflate_encode(plain, 1))  # sooner than zlib, which unpacks it


def _load(packed: bytes) -> dict[int, bytes]:
    plain = zlib.decompress(packed) if packed else b""
    parts, position = {}, 0
    while position < len(plain):
        offset, length = _PART.unpack_from(plain, position)
        position += _PART.size
        parts[offset] = plain[position : position + length]
        position += length
    return parts
