"""The directory of a TIFF file: sizes of its images and where their bytes lie.

GDAL opens a truncated file without complaint, so completeness is checked here, by comparing the
extents of all tiles with the size of the file. Source: TIFF 6.0 and the BigTIFF design.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eocene.archive.fetch import LocalContent
from eocene.archive.tiff.header import Header
from eocene.archive.tiff.image import GEOREFERENCE, STORED, TABLES, TYPES, ImageForm, TiffImage, unpack
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from eocene.archive.tiff.image import Entry

    _Values = tuple[tuple[int, Entry], ...]

_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_NUMBERS = (
    _WIDTH, _HEIGHT, _SUBFILE, *_OFFSETS, *_COUNTS, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT, *STORED,
)  # fmt: skip
_KEPT = (*_NUMBERS, *GEOREFERENCE, TABLES)
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

_KNOWN, _KNOWN_BYTES = 1024, 16 * 2**10
"""Directories that are remembered, since files of one kind agree in most of theirs; bytes of each at most."""

_Stored = tuple[int, int, bytes | int]
"""Kind, number of values, and their bytes, or where these lie."""


class _Layout(NamedTuple):
    """How numbers of a file are packed: of how many entries there are, an entry, a place."""

    order: str
    length: Struct
    entry: Struct
    word: Struct


_LAYOUTS = {
    (order, magic): _Layout(order, *(Struct(order + form) for form in forms))
    for magic, forms in ((42, ("H", "HHI4s", "I")), (43, ("Q", "HHQ8s", "Q")))
    for order in "<>"
}
"""Of TIFF and BigTIFF, by byte order and magic number."""


class _Table(NamedTuple):
    """A directory: values that stand in it, and others; offsets and lengths; where the next one is."""

    inside: _Values
    outside: tuple[tuple[int, _Stored], ...]
    places: tuple[_Stored, _Stored]
    bytes_outside: int
    following: int


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
    layout = _LAYOUTS.get((order, *struct.unpack(order + "H", head[2:4])))
    if layout is None:
        raise ValueError("no TIFF magic number")
    (position,) = layout.word.unpack(head[layout.word.size : 2 * layout.word.size])
    return layout, position


def _read_directory(header: Header, layout: _Layout, position: int) -> tuple[TiffImage, int]:
    (count,) = layout.length.unpack(header.read(position, layout.length.size))
    if not 0 < count <= _MOST_ENTRIES:
        raise ValueError(f"{count} entries in a directory")
    length = count * layout.entry.size + layout.word.size
    packed = header.read(position + layout.length.size, length)
    table = (_read_table if length <= _KNOWN_BYTES else _read_table.__wrapped__)(layout, packed)
    outside = tuple([(tag, _read_values(header, entry)) for tag, entry in table.outside])
    offsets, lengths = [_read_values(header, entry) for entry in table.places]
    read_form = _read_form if table.bytes_outside <= _KNOWN_BYTES else _read_form.__wrapped__
    form = read_form(layout.order, table.inside, outside, offsets[1])
    return TiffImage(form, (offsets, lengths)), table.following


@lru_cache(maxsize=_KNOWN)
def _read_table(layout: _Layout, packed: bytes) -> _Table:
    """Return what is kept of the entries of a directory."""
    end = len(packed) - layout.word.size
    entries = {tag: entry for tag, *entry in layout.entry.iter_unpack(packed[:end])}
    stored: dict[int, _Stored] = {}
    for tag in filter(entries.__contains__, _KEPT):
        kind, number, value = entries[tag]
        size = number * _SIZES[kind]
        stored[tag] = kind, number, value[:size] if size <= len(value) else layout.word.unpack(value)[0]
    if odd := [tag for tag in _NUMBERS if tag in stored and stored[tag][0] not in TYPES]:
        raise ValueError(f"the tags {odd} are no whole numbers")
    offsets, lengths = ([stored.pop(t) for t in tags if t in stored] for tags in (_OFFSETS, _COUNTS))
    if not offsets or not lengths:
        raise ValueError("it does not say where its pixels are")
    if offsets[0][1] != lengths[0][1]:
        raise ValueError(f"{offsets[0][1]} places, {lengths[0][1]} lengths")
    (following,) = layout.word.unpack(packed[end:])
    return _Table(
        inside=tuple((tag, (k, n, data)) for tag, (k, n, data) in stored.items() if isinstance(data, bytes)),
        outside=tuple((tag, entry) for tag, entry in stored.items() if isinstance(entry[2], int)),
        places=(offsets[0], lengths[0]),
        bytes_outside=sum(n * _SIZES[k] for k, n, place in stored.values() if isinstance(place, int)),
        following=following,
    )


@lru_cache(maxsize=_KNOWN)
def _read_form(order: str, inside: _Values, outside: _Values, places: int) -> ImageForm:
    found = dict((*inside, *outside))

    def one(tag: int, default: int | None = None) -> int:
        if default is not None and tag not in found:
            return default
        (value,) = unpack(order, found[tag])
        return value

    width, height = one(_WIDTH), one(_HEIGHT)
    if _TILE_WIDTH in found:
        tile = one(_TILE_HEIGHT), one(_TILE_WIDTH)
    else:
        tile = min(one(_STRIP_ROWS, height), height), width
    return ImageForm(width, height, one(_SUBFILE, 0), tile, _TILE_WIDTH in found, places, order, found)


def _read_values(header: Header, entry: _Stored) -> Entry:
    """Return kind, number and bytes of the values of an entry, wherever they lie."""
    kind, number, place = entry
    return kind, number, place if isinstance(place, bytes) else header.read(place, number * _SIZES[kind])
