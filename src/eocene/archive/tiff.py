"""The directory of a TIFF file: sizes of its images and where their bytes lie.

GDAL opens a truncated file without complaint, so completeness is checked here, by comparing the
extents of all tiles with the size of the file. Source: TIFF 6.0 and the BigTIFF design.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_STORED = (258, 259, 277, 284, 317, 339)
_GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737, 42113)
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_MOST_IMAGES = 64
_MOST_ENTRIES = 4096


@dataclass(frozen=True)
class TiffImage:
    """One image of the file: full resolution, an overview or a mask.

    ``extents`` are (offset, length) pairs of its tiles or strips, row by row, of one band after another
    where bands are stored apart; length 0 is a sparse tile. ``tile`` is their height and width in pixels.
    ``stored`` holds the tags that say how: bits, compression, samples, planes, predictor, number format.
    ``georeference`` holds, as bytes, those that say where the image lies and what no-data is.
    """

    width: int
    height: int
    subfile: int
    extents: tuple[tuple[int, int], ...] = ()
    tile: tuple[int, int] = (0, 0)
    is_tiled: bool = False
    byte_order: str = "<"
    stored: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    georeference: tuple[tuple[int, bytes], ...] = ()

    @property
    def is_overview(self) -> bool:
        """Whether it is a reduced image of the pixels (not of a mask)."""
        return bool(self.subfile & 1) and not self.subfile & 4


@dataclass(frozen=True)
class _Layout:
    order: str
    big: bool

    @property
    def word(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.big else "HHI4s")


def read_images(path: Path, *, with_extents: bool = False) -> tuple[TiffImage, ...]:
    """Return the images of a TIFF file in file order.

    Raises
    ------
    DamageError
        If the header or a directory is cut off or senseless.
    """
    try:
        with path.open("rb") as stream:
            layout, position = _read_header(stream)
            images: list[TiffImage] = []
            seen: set[int] = set()
            while position and position not in seen and len(images) < _MOST_IMAGES:
                seen.add(position)
                image, position = _read_directory(stream, layout, position, with_extents)
                images.append(image)
            if not images:
                raise ValueError("it has no image")
    except (struct.error, ValueError, KeyError, OverflowError) as error:
        raise DamageError(
            f"The file {str(path)!r} is not a complete TIFF: its directory cannot be read ({error}).",
            "Fetch or write the file again.",
        ) from error
    return tuple(images)


def check_complete(path: Path) -> None:
    """Raise DamageError if any tile or strip lies beyond the end of the file."""
    size = path.stat().st_size
    for image in read_images(path, with_extents=True):
        end = max((offset + length for offset, length in image.extents), default=0)
        if end > size:
            raise DamageError(
                f"The file {str(path)!r} is cut off: it holds {size} bytes, its pixels need {end}.",
                "Fetch or write the file again.",
            )


def _read_header(stream: BinaryIO) -> tuple[_Layout, int]:
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    (magic,) = struct.unpack(order + "H", head[2:4])
    if magic == 42:
        return _Layout(order, big=False), struct.unpack(order + "I", head[4:8])[0]
    if magic == 43:
        return _Layout(order, big=True), struct.unpack(order + "Q", head[8:16])[0]
    raise ValueError("no TIFF magic number")


def _read_directory(
    stream: BinaryIO, layout: _Layout, position: int, with_extents: bool
) -> tuple[TiffImage, int]:
    stream.seek(position)
    count_format = layout.order + ("Q" if layout.big else "H")
    (count,) = struct.unpack(count_format, stream.read(struct.calcsize(count_format)))
    if not 0 < count <= _MOST_ENTRIES:
        raise ValueError(f"{count} entries in a directory")
    size = struct.calcsize(layout.entry)
    table = stream.read(size * count)
    (following,) = struct.unpack(layout.word, stream.read(struct.calcsize(layout.word)))
    entries = {
        tag: (kind, number, value) for tag, kind, number, value in struct.iter_unpack(layout.entry, table)
    }
    (width,) = _values(stream, layout, entries[_WIDTH])
    (height,) = _values(stream, layout, entries[_HEIGHT])
    (subfile,) = _values(stream, layout, entries[_SUBFILE]) if _SUBFILE in entries else (0,)
    known: dict[str, Any] = {
        "byte_order": layout.order,
        "stored": {tag: _values(stream, layout, entries[tag]) for tag in _STORED if tag in entries},
        "georeference": tuple((t, _read(stream, layout, entries[t])) for t in _GEOREFERENCE if t in entries),
    }
    if with_extents:
        known |= {
            "extents": _extents(stream, layout, entries),
            "tile": _tile_shape(stream, layout, entries, (height, width)),
            "is_tiled": _TILE_WIDTH in entries,
        }
    return TiffImage(width, height, subfile, **known), following


def _tile_shape(
    stream: BinaryIO, layout: _Layout, entries: dict[int, tuple[int, int, bytes]], whole: tuple[int, int]
) -> tuple[int, int]:
    if _TILE_WIDTH in entries:
        (width,), (height,) = (_values(stream, layout, entries[t]) for t in (_TILE_WIDTH, _TILE_HEIGHT))
        return height, width
    rows = _values(stream, layout, entries[_STRIP_ROWS])[0] if _STRIP_ROWS in entries else whole[0]
    return min(rows, whole[0]), whole[1]


def _extents(
    stream: BinaryIO, layout: _Layout, entries: dict[int, tuple[int, int, bytes]]
) -> tuple[tuple[int, int], ...]:
    offsets = next(_values(stream, layout, entries[tag]) for tag in _OFFSETS if tag in entries)
    lengths = next(_values(stream, layout, entries[tag]) for tag in _COUNTS if tag in entries)
    return tuple(zip(offsets, lengths, strict=True))


def _values(stream: BinaryIO, layout: _Layout, entry: tuple[int, int, bytes]) -> tuple[int, ...]:
    kind, number, _ = entry
    return struct.unpack(layout.order + str(number) + _TYPES[kind], _read(stream, layout, entry))


def _read(stream: BinaryIO, layout: _Layout, entry: tuple[int, int, bytes]) -> bytes:
    kind, number, inline = entry
    size = number * _SIZES[kind]
    if size <= len(inline):
        return inline[:size]
    (offset,) = struct.unpack(layout.word, inline)
    stream.seek(offset)
    # Reading first and comparing then keeps a lying count from allocating memory.
    data = stream.read(size)
    if len(data) < size:
        raise ValueError(f"a table of {size} bytes is cut off")
    return data
