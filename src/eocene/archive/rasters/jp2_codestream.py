"""The outer structure of a JPEG 2000 file: boxes, image size, tile-parts; no pixel is decoded.

Source: ISO/IEC 15444-1, annexes A (codestream) and I (file format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eocene.archive.tiff.geotiff import damaged

if TYPE_CHECKING:
    from eocene.archive.fetch.content import Content
    from eocene.model.errors import DamageError

END_OF_CODESTREAM = b"\xff\xd9"

LARGEST_TILE_BYTES = 2**30
"""The decoder makes a tile whole; a header that announces a larger one is refused."""

_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_SOC, _SIZ, _SOT = b"\xff\x4f", b"\xff\x51", b"\xff\x90"
_MOST_BOXES = 64
_MOST_PARTS = 200_000


@dataclass(frozen=True)
class ImageSize:
    """Pixels of an image and of its tiles, and where the codestream begins."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    components: int
    start: int

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        return -(-self.width // self.tile_width) * -(-self.height // self.tile_height)


def read_image_size(content: Content) -> ImageSize:
    """Return what the main header says of sizes.

    Raises
    ------
    DamageError
        If it is no JPEG 2000 file, or announces an image or tiles that cannot be.
    """
    start = _find_codestream(content)
    head = content.read(start, 42)
    if len(head) < 42 or head[:4] != _SOC + _SIZ:
        raise _damage(content, "its codestream has no header")
    # Image and tile sizes are given with offsets on a reference grid, which products do not use.
    right, bottom, left, top, width, height, tile_left, tile_top, components = struct.unpack_from(
        ">8IH", head, 8
    )
    size = ImageSize(right - left, bottom - top, width, height, components, start)
    if min(size.width, size.height, width, height, components) < 1 or tile_left > left or tile_top > top:
        raise _damage(content, "its header announces an empty image")
    tile = min(size.width, width) * min(size.height, height) * 4 * components
    if tile > LARGEST_TILE_BYTES or size.tiles > _MOST_PARTS:
        raise _damage(content, f"its header announces tiles of {tile >> 20} MiB or {size.tiles} of them")
    return size


@dataclass(frozen=True)
class TilePart:
    """A part of a tile: the tile's number, where it begins in the file, its length, its first 12 bytes."""

    tile: int
    offset: int
    length: int
    head: bytes


def check_parts(content: Content) -> None:
    """Check that every tile has its parts, one after the other up to the end mark.

    Raises
    ------
    DamageError
        If the file is cut off, or a part is damaged in its header.
    """
    list_parts(content)


def list_parts(content: Content) -> list[TilePart]:
    """Return the parts of all tiles in their order in the file.

    Raises
    ------
    DamageError
        As :func:`check_parts`.
    """
    size = read_image_size(content)
    offset = find_first_part(content, size)
    parts: list[TilePart] = []
    for _ in range(_MOST_PARTS):
        head = content.read(offset, 12)
        if head[:2] == END_OF_CODESTREAM:
            break
        if len(head) < 12 or head[:2] != _SOT:
            raise _damage(content, f"it is cut off or damaged at byte {offset}")
        tile, length = struct.unpack_from(">HI", head, 4)
        if length == 0:  # the last part reaches to the end mark
            length = content.size - 2 - offset
        elif length < 14 or offset + length + 2 > content.size:
            raise _damage(content, f"it is cut off: a tile at byte {offset} has {length} bytes")
        parts.append(TilePart(tile, offset, length, head))
        offset += length
    tiles = {part.tile for part in parts}
    if tiles != set(range(size.tiles)):
        raise _damage(content, f"it has {len(tiles)} of {size.tiles} tiles")
    return parts


def find_first_part(content: Content, size: ImageSize) -> int:
    """Return where the main header ends and the first tile-part begins."""
    offset = size.start + 2
    for _ in range(_MOST_BOXES * 16):
        head = content.read(offset, 4)
        if head[:2] == _SOT:
            return offset
        if len(head) < 4 or head[0] != 0xFF:
            break
        offset += 2 + int.from_bytes(head[2:])
    raise _damage(content, "its main header is damaged")


def _find_codestream(content: Content) -> int:
    if content.read(0, 2) == _SOC:
        return 0
    if content.read(0, 12) != _SIGNATURE:
        raise _damage(content, "it does not begin as JPEG 2000 files do")
    offset = 12
    for _ in range(_MOST_BOXES):
        head = content.read(offset, 16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        start = offset + 8
        if length == 1 and len(head) == 16:
            length, start = int.from_bytes(head[8:]), offset + 16
        if kind == b"jp2c":
            return start
        if length < start - offset:
            break
        offset += length
    raise _damage(content, "it has no codestream")


def _damage(content: Content, why: str) -> DamageError:
    return damaged(content.name, why)
