"""The directory of a TIFF file: sizes of its images and where their bytes lie.

GDAL opens a truncated file without complaint, so completeness is checked here, by comparing the
extents of all tiles with the size of the file. Source: TIFF 6.0 and the BigTIFF design.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eocene.archive.fetch import LocalContent
from eocene.archive.tiff.header import Header
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_STORED = (258, 259, 262, 266, 277, 284, 317, 339, 530, 50674)
_GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737, 42113)
_TABLES = 347
_NUMBERS = (
    _WIDTH, _HEIGHT, _SUBFILE, *_OFFSETS, *_COUNTS, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT, *_STORED,
)  # fmt: skip
_KEPT = (*_NUMBERS, *_GEOREFERENCE, _TABLES)
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
"""Kind, number of values, and their bytes, or where these lie."""


@dataclass(frozen=True, eq=False)
class TiffImage:
    """One image of the file: full resolution, an overview or a mask.

    Parameters
    ----------
    width, height, subfile : int
        Its size, and the flags that say what it is.
    tile : tuple of int
        Height and width of its tiles or strips in pixels.
    is_tiled : bool
        Whether there are tiles rather than strips.
    byte_order : str
        As in struct.
    values : mapping
        Tag → kind, number of values, and they themselves as stored; unpacked when they are asked for, since
        most overviews are never read.
    """

    width: int
    height: int
    subfile: int
    tile: tuple[int, int]
    is_tiled: bool
    byte_order: str
    values: Mapping[int, Entry]

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where its tiles or strips lie: row by row, of one band after another where bands are apart."""
        return self._places(_OFFSETS)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How long they are; 0 is a sparse tile."""
        return self._places(_COUNTS)

    @cached_property
    def stored(self) -> dict[int, tuple[int, ...]]:
        """The tags that say how: bits, compression, samples, planes, predictor, number format."""
        return {tag: _unpack(self.byte_order, self.values[tag]) for tag in _STORED if tag in self.values}

    @property
    def georeference(self) -> tuple[tuple[int, int, bytes], ...]:
        """The tags, with kind and bytes, that say where the image lies and what no-data is."""
        found = ((tag, self.values[tag]) for tag in _GEOREFERENCE if tag in self.values)
        return tuple((tag, kind, data) for tag, (kind, _, data) in found)

    @property
    def tables(self) -> bytes:
        """What its JPEG tiles share."""
        return self.values[_TABLES][2] if _TABLES in self.values else b""

    def _places(self, tags: Sequence[int]) -> NDArray[np.int64]:
        """Return offsets or lengths; those that are beyond any file stay beyond it."""
        kind, _, data = next(self.values[tag] for tag in tags if tag in self.values)
        stored = np.frombuffer(data, np.dtype(self.byte_order + _TYPES[kind]))
        found: NDArray[np.int64] = np.minimum(stored.astype(np.uint64), _FARTHEST).astype(np.int64)
        return found

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
    values = {tag: _read_values(header, layout, entries[tag]) for tag in _KEPT if tag in entries}
    if odd := [tag for tag in _NUMBERS if tag in values and values[tag][0] not in _TYPES]:
        raise ValueError(f"the tags {odd} are no whole numbers")

    def one(tag: int, default: int | None = None) -> int:
        if default is not None and tag not in values:
            return default
        (value,) = _unpack(layout.order, values[tag])
        return value

    width, height = one(_WIDTH), one(_HEIGHT)
    if _TILE_WIDTH in values:
        tile = one(_TILE_HEIGHT), one(_TILE_WIDTH)
    else:
        tile = min(one(_STRIP_ROWS, height), height), width
    offsets, lengths = (next((values[t] for t in tags if t in values), None) for tags in (_OFFSETS, _COUNTS))
    if offsets is None or lengths is None:
        raise ValueError("it does not say where its pixels are")
    if offsets[1] != lengths[1]:
        raise ValueError(f"{offsets[1]} places, {lengths[1]} lengths")
    return TiffImage(
        width, height, one(_SUBFILE, 0), tile, _TILE_WIDTH in values, layout.order, values
    ), following


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


def _read_values(header: Header, layout: _Layout, entry: Entry) -> Entry:
    """Return kind, number and bytes of the values of an entry, wherever they lie."""
    kind, number, inline = entry
    size = number * _SIZES[kind]
    if size <= len(inline):
        return kind, number, inline[:size]
    (offset,) = struct.unpack(layout.word, inline)
    return kind, number, header.read(offset, size)


def _unpack(order: str, values: Entry) -> tuple[int, ...]:
    kind, number, data = values
    return struct.unpack(f"{order}{number}{_TYPES[kind]}", data)
