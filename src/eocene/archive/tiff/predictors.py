"""Undo the predictors of TIFF: numbers that are stored as differences to their neighbour.

Source: TIFF 6.0, section 14; Adobe Photoshop TIFF technical note 3 for floating point.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE, HORIZONTAL, FLOATING = 1, 2, 3
_WORD = 8


def undo_predictor(predictor: int, data: NDArray[np.uint8], dtype: np.dtype[Any], out: NDArray[Any]) -> None:
    """Write the numbers (height, width, samples) that stored bytes stand for.

    Parameters
    ----------
    predictor : int
        NONE, HORIZONTAL or FLOATING.
    data : ndarray of bytes
        As many as ``out`` has; of NONE and HORIZONTAL it may be the memory of ``out`` itself.
    dtype : dtype
        As stored, with its byte order; FLOATING stores the most significant bytes first in any case.
    out : ndarray
        In native byte order.
    """
    if predictor == FLOATING:
        join_planes(data, out)
    elif predictor == HORIZONTAL:
        # Floats are added up as the whole numbers that have the same bits.
        words = _as_words(dtype)
        add_up_rows(data.view(words).reshape(out.shape), out.view(words.newbyteorder("=")))
    elif not np.may_share_memory(data, out):
        out[...] = data.view(dtype).reshape(out.shape)


@cache
def _as_words(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(dtype.str.replace("f", "u"))


def add_up_rows(stored: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the numbers (height, width, samples) whose differences along a row are stored."""
    imagecodecs.delta_decode(stored.astype(out.dtype, copy=False), axis=1, out=out)


def join_planes(stored: NDArray[np.uint8], out: NDArray[Any]) -> None:
    """Write floats (height, width, samples); a row stores all first bytes, then all second ones, ….

    The bytes, the most significant first, are stored as differences to those of the pixel before.
    """
    height, width, samples = out.shape
    lines = stored.reshape(height, -1)
    if samples == 1 and width % _WORD == 0:
        added = _add_up_bytes(lines)
    else:
        added = np.add.accumulate(lines.reshape(height, -1, samples), axis=1, dtype=np.uint8)
    planes = added.reshape(height, -1, width, samples)
    numbers = np.empty(out.shape, f"u{out.dtype.itemsize}")
    numbers[...] = planes[:, 0]
    for plane in range(1, out.dtype.itemsize):
        np.left_shift(numbers, 8, out=numbers)
        np.bitwise_or(numbers, planes[:, plane], out=numbers)
    out[...] = numbers.view(out.dtype)


def _add_up_bytes(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return running sums of bytes along rows of whole words, eight bytes at a time.

    Within a word the sums come from adding it to itself moved by 1, 2 and 4 bytes; only the words' totals are
    added up one after another, which is what takes the time.
    """
    words = stored.view("<u8").copy()
    sums = words.view(np.uint8)
    for step in (1, 2, 4):
        sums += (words << np.uint64(8 * step)).view(np.uint8)
    before = np.zeros(words.shape, "<u8")
    before[:, 1:] = np.add.accumulate(sums[:, _WORD - 1 :: _WORD], axis=1, dtype=np.uint8)[:, :-1]
    before *= np.uint64(0x0101010101010101)
    sums += before.view(np.uint8)
    return sums
