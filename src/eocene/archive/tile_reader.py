"""Tiles of GeoTIFF files, read and decoded here where they are stored in the usual way.

Sentinel-2 COGs and most others hold their numbers in DEFLATE tiles, with a predictor or without.
For those libdeflate takes half the time of GDAL, one open file serves all threads, and the tiles of a window
that covers them whole go straight to where they are wanted. Every other way of storing stays with GDAL.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deflate import DeflateError, zlib_decompress

from eocene.archive.fetch import describe_file
from eocene.archive.predictors import FLOATING, HORIZONTAL, NONE, add_up_rows, join_planes
from eocene.archive.tiff import TiffImage, read_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Identity = tuple[str, int, int]

_OPEN_FILES = 256
KEPT_BYTES = 192 * 2**20
"""Of decoded tiles that are kept, some rows of them: see :class:`KeptTiles`."""
_LARGEST_TILE = 32 * 2**20
_DEFLATE = (8, 32946)
_KINDS = {1: "u", 2: "i", 3: "f"}


@dataclass(frozen=True)
class TileEncoding:
    """How the tiles of an image are stored: height, width, samples; dtype with its byte order."""

    image: tuple[int, int]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    deflated: bool
    predictor: int
    extents: tuple[tuple[int, int], ...]
    across: int

    @classmethod
    def of(cls, image: TiffImage) -> TileEncoding | None:
        """Return the encoding of an image, None if it is not one that is read here."""
        (compression,), (predictor,) = image.stored.get(259, (1,)), image.stored.get(317, (1,))
        (samples,), (planar,) = image.stored.get(277, (1,)), image.stored.get(284, (1,))
        bits, kinds = set(image.stored.get(258, (1,))), set(image.stored.get(339, (1,)))
        height, width = image.tile
        if not (image.is_tiled and height and width and samples and len(bits) == len(kinds) == 1):
            return None
        kind, size = _KINDS.get(kinds.pop(), ""), bits.pop()
        known = size in ((32, 64) if kind == "f" else (8, 16, 32, 64)) and (planar == 1 or samples == 1)
        coded = compression in (1, *_DEFLATE) and _can_undo(predictor, kind, samples, width)
        across = ceil(image.width / width)
        complete = len(image.extents) == across * ceil(image.height / height)
        if not (
            kind and known and coded and complete and height * width * samples * size // 8 <= _LARGEST_TILE
        ):
            return None
        return cls(
            image=(image.height, image.width),
            shape=(height, width, samples),
            dtype=np.dtype(f"{image.byte_order}{kind}{size // 8}"),
            deflated=compression in _DEFLATE,
            predictor=predictor if compression in _DEFLATE else NONE,
            extents=image.extents,
            across=across,
        )

    def is_whole(self, rows: slice, columns: slice) -> bool:
        """Tell whether a window meets none of the tiles in part; beyond the image they hold nothing."""
        return all(
            wanted.start % length == 0 and (wanted.stop % length == 0 or wanted.stop == most)
            for wanted, length, most in zip((rows, columns), self.shape, self.image, strict=False)
        )

    def under(self, rows: slice, columns: slice) -> Iterator[tuple[int, _Place, _Place]]:
        """Yield the number of each tile that a window meets, and where they meet: in tile and in window."""
        height, width, _ = self.shape
        for row in range(rows.start // height, ceil(rows.stop / height)):
            down = _overlap(rows, row * height, height)
            for column in range(columns.start // width, ceil(columns.stop / width)):
                right = _overlap(columns, column * width, width)
                yield row * self.across + column, (down[0], right[0]), (down[1], right[1])


def _can_undo(predictor: int, kind: str, samples: int, width: int) -> bool:
    if predictor == FLOATING:
        return kind == "f" and samples == 1 and width % 8 == 0
    return predictor == NONE or (predictor == HORIZONTAL and kind != "f")


_Place = tuple[slice, slice]


def _overlap(wanted: slice, start: int, length: int) -> tuple[slice, slice]:
    """Return where a wanted range meets the one from ``start``: in the latter, and in the former."""
    first, last = max(wanted.start, start), min(wanted.stop, start + length)
    return slice(first - start, last - start), slice(first - wanted.start, last - wanted.start)


class TileFile:
    """An open file whose images, full resolution first and then the overviews, are read here."""

    def __init__(self, identity: Identity, images: Sequence[TileEncoding]) -> None:
        self._identity, self._images = identity, images
        self._descriptor = os.open(identity[0], os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        if describe_file(Path(identity[0])) != identity:
            raise ValueError("it was replaced while it was read")

    def read(
        self, level: int, band: int, rows: slice, columns: slice, out: NDArray[Any], empty: float
    ) -> None:
        """Write the numbers of a window of a band (from 0) into ``out``; ``empty`` where no tile is stored.

        Raises
        ------
        ValueError
            If a tile is cut off or cannot be decoded.
        """
        image = self._images[level]
        passes_by = image.is_whole(rows, columns) and image.shape[2] == 1
        for number, inside, place in image.under(rows, columns):
            target = out[place]
            if passes_by and (*target.shape, 1) == image.shape:
                self._decode(image, number, target[..., None], empty)
            else:
                tile = self._take(level, number, empty, keep=not passes_by)
                target[...] = tile[(*inside, band)]

    def _take(self, level: int, number: int, empty: float, *, keep: bool) -> NDArray[Any]:
        """Return a decoded tile (height, width, samples), a kept one if there is one."""
        image, key = self._images[level], (self._identity, level, number)

        def decode() -> NDArray[Any]:
            tile = np.empty(image.shape, image.dtype.newbyteorder("="))
            self._decode(image, number, tile, empty)
            return tile

        if keep:
            return kept_tiles.take(key, decode)
        tile = kept_tiles.get(key)
        return decode() if tile is None else tile

    def _decode(self, image: TileEncoding, number: int, out: NDArray[Any], empty: float) -> None:
        """Write a tile into ``out`` (height, width, samples)."""
        offset, length = image.extents[number]
        if not length:
            out[...] = empty
            return
        data: Any = os.pread(self._descriptor, length, offset)
        if image.deflated:
            try:
                data = zlib_decompress(data, out.nbytes)
            except DeflateError as error:
                raise ValueError(f"tile {number} cannot be decoded") from error
        if len(data) != out.nbytes:
            raise ValueError(f"tile {number} has {len(data)} bytes, not {out.nbytes}")
        if image.predictor == FLOATING:
            join_planes(np.frombuffer(data, np.uint8), out)
            return
        stored = np.frombuffer(data, image.dtype).reshape(image.shape)
        if image.predictor == HORIZONTAL:
            add_up_rows(stored, out)
        else:
            out[...] = stored


@lru_cache(maxsize=_OPEN_FILES)
def open_tiles(identity: Identity) -> TileFile | None:
    """Return the open file, None if it is to be read by GDAL; the last ones stay open.

    Raises
    ------
    DamageError
        If its directories cannot be read.
    ValueError
        If it was replaced meanwhile.
    """
    first, *others = read_images(Path(identity[0]), with_extents=True)
    found = [TileEncoding.of(image) for image in (first, *(o for o in others if o.is_overview))]
    images = [image for image in found if image is not None]
    return TileFile(identity, images) if len(images) == len(found) else None


class KeptTiles:
    """Decoded tiles of windows that met some in part, whose other parts are asked for next.

    The latest are kept, up to a number of bytes. Threads that want a tile at the same time read it once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._tiles: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._coming: dict[Any, threading.Event] = {}

    def take(self, key: Any, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return a tile and keep it; it is made if it is not kept, by one of the threads that want it."""
        while True:
            with self._lock:
                if key in self._tiles:
                    self._tiles.move_to_end(key)
                    return self._tiles[key]
                coming = self._coming.get(key)
                if coming is None:
                    done = self._coming[key] = threading.Event()
                    break
            coming.wait()  # what could not be made is then tried here, and gone tiles are made again
        try:
            tile = make()
            self.put(key, tile)
            return tile
        finally:
            del self._coming[key]
            done.set()

    def get(self, key: Any) -> NDArray[Any] | None:
        """Return a tile, None if it is not kept."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def put(self, key: Any, tile: NDArray[Any]) -> None:
        """Keep a tile, and let go of those that were used longest ago."""
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = tile
                self._bytes += tile.nbytes
            while self._bytes > self._most:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes


kept_tiles = KeptTiles(KEPT_BYTES)
