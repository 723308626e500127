"""The images of a TIFF file as its directories describe them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from eocene.archive.tiff.tile_encoding import TileEncoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""How struct and numpy call the kinds of whole numbers."""
STORED = (258, 259, 262, 266, 277, 284, 317, 339, 530, 50674)
GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737, 42113)
TABLES = 347
_FARTHEST = 2**62

Entry = tuple[int, int, bytes]
"""Kind, number of values, and their bytes."""


@dataclass(frozen=True, eq=False)
class ImageForm:
    """What a directory says of an image but where its pixels lie: the same object for files that agree in it.

    Parameters
    ----------
    width, height, subfile : int
        Its size, and the flags that say what it is.
    tile : tuple of int
        Height and width of its tiles or strips in pixels.
    is_tiled : bool
        Whether there are tiles rather than strips.
    places : int
        How many tiles or strips there are.
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
    places: int
    byte_order: str
    values: Mapping[int, Entry]

    @cached_property
    def stored(self) -> dict[int, tuple[int, ...]]:
        """The tags that say how: bits, compression, samples, planes, predictor, number format."""
        return {tag: unpack(self.byte_order, self.values[tag]) for tag in STORED if tag in self.values}

    @cached_property
    def encoding(self) -> TileEncoding:
        """How its tiles are stored; raises UnusualError if that is in a way that is not read here."""
        return TileEncoding.of(self)

    @property
    def georeference(self) -> tuple[tuple[int, int, bytes], ...]:
        """The tags, with kind and bytes, that say where the image lies and what no-data is."""
        found = ((tag, self.values[tag]) for tag in GEOREFERENCE if tag in self.values)
        return tuple((tag, kind, data) for tag, (kind, _, data) in found)

    @property
    def tables(self) -> bytes:
        """What its JPEG tiles share."""
        return self.values[TABLES][2] if TABLES in self.values else b""

    @property
    def is_overview(self) -> bool:
        """Whether it is a reduced image of the pixels (not of a mask)."""
        return bool(self.subfile & 1) and not self.subfile & 4

    @property
    def is_mask(self) -> bool:
        """Whether it says which pixels of the image before it are valid."""
        return bool(self.subfile & 4)


@dataclass(frozen=True, eq=False)
class TiffImage:
    """One image of the file: full resolution, an overview or a mask.

    Parameters
    ----------
    form : ImageForm
        Its size, and how it is stored.
    places : tuple of Entry
        Where its tiles or strips lie, and how long they are, as stored.
    """

    form: ImageForm
    places: tuple[Entry, Entry]

    @property
    def width(self) -> int:
        """Pixels of a row."""
        return self.form.width

    @property
    def height(self) -> int:
        """Rows."""
        return self.form.height

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where its tiles or strips lie: row by row, of one band after another where bands are apart."""
        return self._read(self.places[0])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How long they are; 0 is a sparse tile."""
        return self._read(self.places[1])

    def _read(self, entry: Entry) -> NDArray[np.int64]:
        """Return offsets or lengths; those that are beyond any file stay beyond it."""
        kind, _, data = entry
        stored = np.frombuffer(data, np.dtype(self.form.byte_order + TYPES[kind]))
        found: NDArray[np.int64] = np.minimum(stored.astype(np.uint64), _FARTHEST).astype(np.int64)
        return found


def unpack(order: str, values: Entry) -> tuple[int, ...]:
    """Return whole numbers."""
    kind, number, data = values
    return struct.unpack(f"{order}{number}{TYPES[kind]}", data)
