"""How the tiles of an image are stored, and which of them lie under a window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.codecs import JPEG, NOTHING, OF_BYTES, OF_IMAGES, WEBP, YCBCR, decode_image
from eocene.archive.tiff.predictors import FLOATING, HORIZONTAL, NONE, undo_predictor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.archive.tiff.image import ImageForm

_LARGEST_TILE = 32 * 2**20
_KINDS = {1: "u", 2: "i", 3: "f"}

Place = tuple[slice, slice]


class UnusualError(Exception):
    """An image is stored in a way that is not read here; says which."""


@dataclass(frozen=True, eq=False)
class TileEncoding:
    """How the tiles of an image are stored.

    Parameters
    ----------
    image, shape : tuple of int
        Height and width of the image; height, width and samples of a tile.
    dtype : dtype
        With its byte order.
    bits : int
        1 where eight pixels share a byte, else those of the dtype.
    stored : mapping
        Tags of the directory: compression, predictor, photometric interpretation, what LERC is packed in.
    tables : bytes
        What JPEG tiles share.
    is_tiled, apart : bool
        Whether there are tiles rather than strips; whether bands are stored one after another.
    """

    image: tuple[int, int]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    bits: int
    compression: int
    predictor: int
    photometric: int
    packed: int
    tables: bytes
    is_tiled: bool
    apart: bool

    @classmethod
    def of(cls, image: ImageForm) -> TileEncoding:
        """Return the encoding of an image.

        Raises
        ------
        UnusualError
            If it is stored in a way that is not read here.
        """

        def one(tag: int, default: int) -> int:
            return int(image.stored.get(tag, (default,))[0])

        samples, apart = one(277, 1), one(284, 1) == 2
        bits, kinds = set(image.stored.get(258, (1,))), set(image.stored.get(339, (1,)))
        _refuse_if(len(bits) != 1 or len(kinds) != 1, "samples of different types")
        kind, size = _KINDS.get(kinds.pop(), ""), bits.pop()
        one_bit = size == 1 and image.is_mask and samples == 1
        known = one_bit or size in ((32, 64) if kind == "f" else (8, 16, 32, 64))
        _refuse_if(not kind or not known, f"numbers of {size} bits")
        height, width = image.tile
        inside = 1 if apart else samples
        _refuse_if(not (height > 0 and width > 0 and samples > 0), "no tiles")
        _refuse_if(height * width * inside * max(size // 8, 1) > _LARGEST_TILE, "very large tiles or strips")
        made = cls(
            image=(image.height, image.width),
            shape=(height, width, inside),
            dtype=np.dtype(f"{image.byte_order}{kind}{max(size // 8, 1)}"),
            bits=size,
            compression=one(259, 1),
            predictor=one(317, NONE) if one(259, 1) not in (NOTHING, *OF_IMAGES) else NONE,
            photometric=one(262, 1),
            packed=image.stored.get(50674, (0, 0))[-1],
            tables=image.tables,
            is_tiled=image.is_tiled,
            apart=apart and samples > 1,
        )
        _refuse_if(image.places != made.per_band * (samples if made.apart else 1), "tiles left out")
        made._check_coding(one(266, 1))
        return made

    def _check_coding(self, fill_order: int) -> None:
        coded = self.compression in OF_BYTES or self.compression in OF_IMAGES
        _refuse_if(not coded, f"compression {self.compression}")
        _refuse_if(fill_order != 1, "bits in reverse order")
        # GDAL spreads colours that JPEG stores at half resolution in a way of its own.
        _refuse_if(self.photometric == YCBCR, "YCbCr colours")
        if self.compression in (JPEG, WEBP):
            _refuse_if(self.dtype.itemsize > 1 or self.dtype.kind != "u", "JPEG or WebP of wide numbers")
        if self.compression == JPEG:
            usual = self.photometric in (0, 1, 2) and self.shape[2] in (1, 3)
            _refuse_if(not usual, "JPEG of unusual colours")
        predicted = self.predictor in (NONE, HORIZONTAL) or (
            self.predictor == FLOATING and self.dtype.kind == "f"
        )
        _refuse_if(
            not predicted or (self.bits == 1 and self.predictor != NONE), f"predictor {self.predictor}"
        )

    @cached_property
    def across(self) -> int:
        """How many tiles lie side by side."""
        return ceil(self.image[1] / self.shape[1])

    @cached_property
    def per_band(self) -> int:
        """How many tiles cover the image once."""
        return self.across * ceil(self.image[0] / self.shape[0])

    def shape_of(self, number: int) -> tuple[int, int, int]:
        """Return height, width and samples of what a tile holds: the last strip may be shorter."""
        height, width, samples = self.shape
        if not self.is_tiled:
            height = min(height, self.image[0] - number % self.per_band // self.across * height)
        return height, width, samples

    def is_whole(self, rows: slice, columns: slice) -> bool:
        """Tell whether a window meets none of the tiles in part; beyond the image they hold nothing."""
        return all(
            wanted.start % length == 0 and (wanted.stop % length == 0 or wanted.stop == most)
            for wanted, length, most in zip((rows, columns), self.shape, self.image, strict=False)
        )

    def under(self, band: int, rows: slice, columns: slice) -> Iterator[tuple[int, Place, Place]]:
        """Yield the number of each tile that a window meets, and where they meet: in tile and in window."""
        height, width, _ = self.shape
        for number in self.numbers(band, rows, columns):
            row, column = divmod(number % self.per_band, self.across)
            down = _overlap(rows, row * height, height)
            right = _overlap(columns, column * width, width)
            yield number, (down[0], right[0]), (down[1], right[1])

    def numbers(self, band: int, rows: slice, columns: slice) -> list[int]:
        """Return the numbers of the tiles that a window meets, row by row."""
        height, width, _ = self.shape
        first = band * self.per_band if self.apart else 0
        return [
            first + row * self.across + column
            for row in range(rows.start // height, ceil(rows.stop / height))
            for column in range(columns.start // width, ceil(columns.stop / width))
        ]

    def decode(self, number: int, data: Any, out: NDArray[Any]) -> None:
        """Write the numbers of a tile into ``out``, of its shape and dtype in native order.

        Raises
        ------
        ValueError
            If it cannot be decoded.
        """
        try:
            if self.compression in OF_IMAGES:
                found = decode_image(
                    self.compression,
                    data,
                    photometric=self.photometric,
                    tables=self.tables,
                    extra=self.packed,
                )
                if found.dtype != out.dtype:
                    raise ValueError(f"it holds {found.dtype}, not {out.dtype}")
                out[...] = found.reshape(out.shape)
                return
            plain = self._find_room(out)
            OF_BYTES[self.compression](data, plain)
            if self.bits == 1:
                lines = plain.reshape(out.shape[0], -1)
                out[..., 0] = np.unpackbits(lines, axis=1, count=out.shape[1])
            else:
                undo_predictor(self.predictor, plain, self.dtype, out)
        except ValueError as error:
            raise ValueError(f"tile {number}: {error}") from error

    def _find_room(self, out: NDArray[Any]) -> NDArray[np.uint8]:
        """Return memory for the bytes of a tile: that of ``out`` where they become its numbers in place."""
        is_alike = self.bits != 1 and self.predictor != FLOATING and self.dtype == out.dtype
        if is_alike and out.flags.c_contiguous:
            return out.reshape(-1).view(np.uint8)
        size = out.shape[0] * ceil(out.shape[1] / 8) if self.bits == 1 else out.nbytes
        return np.empty(size, np.uint8)


def _refuse_if(is_unusual: bool, what: str) -> None:
    if is_unusual:
        raise UnusualError(what)


def _overlap(wanted: slice, start: int, length: int) -> tuple[slice, slice]:
    """Return where a wanted range meets the one from ``start``: in the latter, and in the former."""
    first, last = max(wanted.start, start), min(wanted.stop, start + length)
    return slice(first - start, last - start), slice(first - wanted.start, last - wanted.start)
