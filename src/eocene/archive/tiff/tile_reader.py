"""Tiles of GeoTIFF files, read and decoded here where they are stored in one of the usual ways.

One open file serves all threads, libdeflate takes half the time of GDAL, and the tiles of a window that
covers them whole go straight to where they are wanted. What is stored otherwise stays with GDAL.
"""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.arriving import StoredTile, fetch_tiles
from eocene.archive.fetch import LocalContent
from eocene.archive.fetch.http_content import HttpContent
from eocene.archive.tiff.directory import read_images
from eocene.archive.tiff.header import Header
from eocene.archive.tiff.kept_tiles import KEPT_BYTES, KeptTiles, kept_tiles
from eocene.archive.tiff.tile_encoding import UnusualError
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content
    from eocene.archive.fetch.content import Identity
    from eocene.archive.tiff.image import TiffImage

    Again = Callable[[int], int | None]

__all__ = ["KEPT_BYTES", "KeptTiles", "TileFile", "kept_tiles", "open_tiles"]

_OPEN_FILES = 256
_KNOWN_FILES = 2048


class TileFile:
    """The images of a TIFF file: full resolution first, then the overviews, and masks beside them.

    Parameters
    ----------
    content : Content
        Its bytes.
    header : Header
        Where its directories are read from.
    on_damage : callable, optional
        Called when the file cannot be read: what was known of it may be out of date.

    Raises
    ------
    DamageError
        If its directories cannot be read.
    """

    def __init__(self, content: Content, header: Header, on_damage: Callable[[], None] | None = None) -> None:
        self.content, self._on_damage = content, on_damage
        first, *others = read_images(header)
        self.opening = header.size
        self.images = (first, *(image for image in others if image.form.is_overview))
        masks = [image for image in others if image.form.is_mask]
        self.masks = tuple(_of_size(masks, image) for image in self.images)

    def unusual(self, level: int) -> str:
        """Return why a level or its mask cannot be read here, empty if both can be."""
        try:
            for image in (self.images[level], self.masks[level] or self.masks[0]):
                if image is not None:
                    image.form.encoding  # noqa: B018
        except UnusualError as error:
            return str(error)
        return ""

    def missing(self, level: int, band: int, rows: slice, columns: slice) -> dict[int, tuple[int, int]]:
        """Return offset and length of the tiles that a window has to be read from, by their number."""
        image = self.images[level]
        return {
            number: (int(image.offsets[number]), int(image.lengths[number]))
            for number in image.form.encoding.numbers(band, rows, columns)
            if image.lengths[number] and kept_tiles.get((self.content.identity, level, number)) is None
        }

    def tiles_under(self, level: int, band: int, rows: slice, columns: slice) -> set[int]:
        """Return the numbers of the tiles that a window meets."""
        return set(self.images[level].form.encoding.numbers(band, rows, columns))

    def let_go(self, level: int, number: int) -> None:
        """Keep a tile no longer, since nobody is going to read it again."""
        kept_tiles.let_go((self.content.identity, level, number))

    def fetch(self, wanted: Mapping[int, tuple[int, int]]) -> dict[int, StoredTile]:
        """Ask for stored tiles of a file on a server, given offset and length of each."""
        if not isinstance(self.content, HttpContent):
            raise TypeError(f"{self.content.name!r} lies on no server: its tiles are read, not asked for")
        return fetch_tiles(self.content, wanted)

    def read(
        self,
        level: int,
        band: int,
        place: tuple[slice, slice],
        out: NDArray[Any],
        empty: float,
        fetched: Mapping[int, StoredTile] | None = None,
        again: Again | None = None,
    ) -> None:
        """Write the numbers of a window of a band (from 0) into ``out``; ``empty`` where no tile is stored.

        Parameters
        ----------
        level, band : int
            Which image, and which band of it, both from 0.
        place : tuple of slice
            Rows and columns of the window.
        out : ndarray
            (height, width) of the window.
        empty : float
            What a tile holds that is not stored.
        fetched : mapping, optional
            Stored bytes of tiles by their number; others are read here.
        again : callable, optional
            Number of a tile → its next turn, see :meth:`KeptTiles.take`; asked once of each that is met in
            part.

        Raises
        ------
        ValueError
            If a tile is cut off or cannot be decoded.
        """
        image, given = self.images[level], fetched or {}
        form = image.form.encoding
        passes_by = form.is_whole(*place) and form.shape[2] == 1
        for number, inside, target in form.under(band, *place):
            into = out[target]
            if passes_by and (*into.shape, 1) == form.shape_of(number):
                self._decode(image, number, into[..., None], empty, given)
                continue

            def decode(number: int = number) -> NDArray[Any]:
                tile = kept_tiles.make(form.shape_of(number), form.dtype.newbyteorder("="))
                self._decode(image, number, tile, empty, given)
                return tile

            key = self.content.identity, level, number
            if passes_by:
                kept = kept_tiles.get(key)
                tile = decode() if kept is None else kept
            elif again is None or form.shape[2] > 1:  # a tile of several bands is read for each of them
                tile = kept_tiles.take(key, decode)
            else:
                tile = kept_tiles.take(key, decode, partial(again, number))
            into[...] = tile[(*inside, 0 if form.apart else band)]

    def read_mask(self, level: int, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return which pixels of a window the file's own mask calls valid.

        An overview without a mask of its own takes the one of full resolution at its pixels' centres.
        """
        found, place = self.masks[level] or self.masks[0], (rows, columns)
        if found is None:
            return np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)
        form, own = found.form.encoding, self.images[level]
        picked: Any = ...
        if self.masks[level] is None:
            lines = _under_centres(rows, found.height / own.height)
            across = _under_centres(columns, found.width / own.width)
            place = slice(lines[0], lines[-1] + 1), slice(across[0], across[-1] + 1)
            level, picked = 0, np.ix_(lines - lines[0], across - across[0])
        valid = np.empty(tuple(s.stop - s.start for s in place), bool)
        for number, inside, target in form.under(0, *place):

            def decode(number: int = number) -> NDArray[Any]:
                tile = np.empty(form.shape_of(number), np.uint8)
                self._decode(found, number, tile, 0, {})
                return tile

            tile = kept_tiles.take((self.content.identity, "mask", level, number), decode)
            valid[target] = tile[(*inside, 0)] != 0
        usable: NDArray[np.bool_] = valid[picked]
        return usable

    def _decode(
        self,
        image: TiffImage,
        number: int,
        out: NDArray[Any],
        empty: float,
        fetched: Mapping[int, StoredTile],
    ) -> None:
        """Write a tile into ``out`` (height, width, samples)."""
        length = int(image.lengths[number])
        if not length:
            out[...] = empty
            return
        try:
            if number in fetched:
                data = fetched[number].result()
            else:
                data = self.content.read(int(image.offsets[number]), length)
        except DamageError:
            if self._on_damage:
                self._on_damage()
            raise
        if len(data) < length:
            raise ValueError(f"tile {number} is cut off")
        image.form.encoding.decode(number, data, out)


def _under_centres(pixels: slice, scale: float) -> NDArray[np.int64]:
    """Return which pixels of an image lie under the centres of those of its overview."""
    return np.floor((np.arange(pixels.start, pixels.stop) + 0.5) * scale).astype(np.int64)


def _of_size(masks: Sequence[TiffImage], image: TiffImage) -> TiffImage | None:
    """Return the mask of an image: the one of its size."""
    return next((m for m in masks if (m.width, m.height) == (image.width, image.height)), None)


@lru_cache(maxsize=_OPEN_FILES)
def _hold_open(identity: Identity) -> LocalContent:
    content = LocalContent(Path(identity[0]))
    if content.identity != identity:
        raise DamageError(f"The file {identity[0]!r} was replaced while it was read.", "Open it again.")
    return content


class _LocalFile:
    """A local file that is opened when it is read; the last ones stay open."""

    def __init__(self, identity: Identity) -> None:
        self.identity, self.name, self.size = identity, identity[0], identity[1]

    def read(self, offset: int, length: int) -> bytes:
        return _hold_open(self.identity).read(offset, length)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return _hold_open(self.identity).read_many(ranges)


@lru_cache(maxsize=_KNOWN_FILES)
def open_tiles(identity: Identity) -> TileFile:
    """Return a local file, its directories read; remembered, since a cube opens each file for every block.

    Raises
    ------
    DamageError
        If its directories cannot be read, or it was replaced meanwhile.
    """
    content = _LocalFile(identity)
    return TileFile(content, Header(content))
