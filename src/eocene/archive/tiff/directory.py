"""The directory of a TIFF file: sizes of its images and where their bytes lie.

GDAL opens a truncated file without complaint, so completeness is checked here, by comparing the
extents of all tiles with the size of the file. Source: TIFF 6.0 and the BigTIFF design.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import LocalContent
from eocene.archive.tiff.header import Header
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_STORED = (258, 259, 262, 266, 277, 284, 317, 339, 530, 50674)
_GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737, 42113)
_TABLES = 347
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
_FARTHEST = 2**62

Entry = tuple[int, int, bytes]
"""Kind, number of values, and they themselves or where they lie."""


@dataclass(frozen=True, eq=False)
class TiffImage:
    """One image of the file: full resolution, an overview or a mask.

    ``offsets`` and ``lengths`` are those of its tiles or strips, row by row, of one band after another
    where bands are stored apart; length 0 is a sparse tile. ``tile`` is their height and width in pixels.
    ``stored`` holds the tags that say how: bits, compression, samples, planes, predictor, number format.
    ``georeference`` holds those that say where the image lies and what no-data is, with their kind, as
    bytes. ``tables`` are those that its JPEG tiles share.
    """

    width: int
    height: int
    subfile: int
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    tile: tuple[int, int] = (0, 0)
    is_tiled: bool = False
    byte_order: str = "<"
    stored: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    georeference: tuple[tuple[int, int, bytes], ...] = ()
    tables: bytes = b""

    @property
    def is_overview(self) -> bool:
        """Whether it is a reduced image of the pixels (not of a mask)."""
        return bool(self.subfile & 1) and not self.subfile & 4

    @property
    def is_mask(self) -> bool:
        """Whether it says which pixels of the image before it are valid."""
        return bool(self.subfile & 4)


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


def read_images(source: Path | Header) -> tuple[TiffImage, ...]:
    """Return the images of a TIFF file in file order.

    Raises
    ------
    DamageError
        If the header or a directory is cut off or senseless.
    """
    if isinstance(source, Path):
        source = Header(LocalContent(source))
    try:
        layout, position = _read_start(source)
        images: list[TiffImage] = []
        seen: set[int] = set()
        while position and position not in seen and len(images) < _MOST_IMAGES:
            seen.add(position)
            image, position = _read_directory(source, layout, position)
            images.append(image)
        if not images:
            raise ValueError("it has no image")
    except (struct.error, ValueError, KeyError, OverflowError, StopIteration) as error:
        raise DamageError(
            f"The file {source.name!r} is not a complete TIFF: its directory cannot be read ({error}).",
            "Fetch or write the file again.",
        ) from error
    return tuple(images)


def check_complete(path: Path) -> None:
    """Raise DamageError if any tile or strip lies beyond the end of the file."""
    size = path.stat().st_size
    for image in read_images(path):
        end = int(np.max(image.offsets + image.lengths, initial=0))
        if end > size:
            raise DamageError(
                f"The file {str(path)!r} is cut off: it holds {size} bytes, its pixels need {end}.",
                "Fetch or write the file again.",
            )


def _read_start(header: Header) -> tuple[_Layout, int]:
    head = header.read(0, 16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    (magic,) = struct.unpack(order + "H", head[2:4])
    if magic == 42:
        return _Layout(order, big=False), struct.unpack(order + "I", head[4:8])[0]
    if magic == 43:
        return _Layout(order, big=True), struct.unpack(order + "Q", head[8:16])[0]
    raise ValueError("no TIFF magic number")


def _read_directory(header: Header, layout: _Layout, position: int) -> tuple[TiffImage, int]:
    entries, following = _read_entries(header, layout, position)

    def one(tag: int, default: int | None = None) -> int:
        if default is not None and tag not in entries:
            return default
        (value,) = _values(header, layout, entries[tag])
        return int(value)

    width, height = one(_WIDTH), one(_HEIGHT)
    if _TILE_WIDTH in entries:
        tile = one(_TILE_HEIGHT), one(_TILE_WIDTH)
    else:
        tile = min(one(_STRIP_ROWS, height), height), width
    offsets, lengths = [  # a generator would hide that there are none
        _places(header, layout, next(entries[t] for t in tags if t in entries))
        for tags in (_OFFSETS, _COUNTS)
    ]
    if len(offsets) != len(lengths):
        raise ValueError(f"{len(offsets)} places, {len(lengths)} lengths")
    known = {t: entries[t] for t in _GEOREFERENCE if t in entries}
    return TiffImage(
        width, height, one(_SUBFILE, 0), offsets, lengths, tile,
        is_tiled=_TILE_WIDTH in entries,
        byte_order=layout.order,
        stored={tag: _values(header, layout, entries[tag]) for tag in _STORED if tag in entries},
        georeference=tuple((t, entry[0], _read(header, layout, entry)) for t, entry in known.items()),
        tables=_read(header, layout, entries[_TABLES]) if _TABLES in entries else b"",
    ), following  # fmt: skip


def _read_entries(header: Header, layout: _Layout, position: int) -> tuple[dict[int, Entry], int]:
    """Return the entries of a directory by tag, and where the next directory lies."""
    count_format = layout.order + ("Q" if layout.big else "H")
    start = struct.calcsize(count_format)
    (count,) = struct.unpack(count_format, header.read(position, start))
    if not 0 < count <= _MOST_ENTRIES:
        raise ValueError(f"{count} entries in a directory")
    length, word = count * struct.calcsize(layout.entry), struct.calcsize(layout.word)
    table = header.read(position + start, length + word)
    found = struct.iter_unpack(layout.entry, table[:length])
    (following,) = struct.unpack(layout.word, table[length:])
    return {tag: (kind, number, value) for tag, kind, number, value in found}, following


def _places(header: Header, layout: _Layout, entry: Entry) -> NDArray[np.int64]:
    """Return offsets or lengths; those that are beyond any file stay beyond it."""
    stored = np.frombuffer(_read(header, layout, entry), np.dtype(layout.order + _TYPES[entry[0]]))
    found: NDArray[np.int64] = np.minimum(stored.astype(np.uint64), _FARTHEST).astype(np.int64)
    return found


def _values(header: Header, layout: _Layout, entry: Entry) -> tuple[Any, ...]:
    kind, number, _ = entry
    return struct.unpack(layout.order + str(number) + _TYPES[kind], _read(header, layout, entry))


def _read(header: Header, layout: _Layout, entry: Entry) -> bytes:
    kind, number, inline = entry
    size = number * _SIZES[kind]
    if size <= len(inline):
        return inline[:size]
    (offset,) = struct.unpack(layout.word, inline)
    return header.read(offset, size)
