"""The numbers in which values are stored, and what a storage dtype does to values that do not fit.

A cube lies in its Zarr as xarray shows it: floats, NaN for no-data. A GeoTIFF has one number for no-data:

=====================  ==============  ================  =====================
values                 GeoTIFF         no-data           where a value equals it
=====================  ==============  ================  =====================
float32, float64       the same        NaN               (NaN and no-data are one there)
float16                float32         NaN
bool                   uint8           255               cannot be
uint8                  uint8           255               int16, -32768
uint16                 uint16          65535             int32, -2147483648
int8, int16            the same        the smallest      int16, int32 with their smallest
int32, uint32          the same        smallest/largest  float64, NaN
int64, uint64          float64         NaN               cannot be
=====================  ==============  ================  =====================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.cube.block import Block

_WIDER = {"u1": "i2", "i1": "i2", "u2": "i4", "i2": "i4", "u4": "f8", "i4": "f8"}
_EXACT = 2**53
"""Whole numbers beyond it are rounded in float64."""


class StoredForm(NamedTuple):
    """A dtype, and the number that stands for no-data in it."""

    dtype: np.dtype[Any]
    nodata: float


@dataclass(frozen=True)
class Tally:
    """What storing did to the values of a block, or of several, counted in values.

    Parameters
    ----------
    reserved : int
        Valid integers that equal the no-data number of their dtype.
    clipped : int
        Those brought into the range of the storage dtype.
    lost : int
        NaN and infinities that became no-data, since the storage dtype has no such thing.
    rounded : int
        64-bit integers so large that float64 may not hold them exactly.
    """

    reserved: int = 0
    clipped: int = 0
    lost: int = 0
    rounded: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def warnings(self, dtype: np.dtype[Any]) -> list[str]:
        """Return what a reader of the result has to know, in sentences."""
        lines = {
            f"{self.clipped} values lay outside the range of {dtype} and were clipped to it.": self.clipped,
            f"{self.lost} values were NaN or infinite and became no-data, as {dtype} has neither.": self.lost,
            f"{self.rounded} integers lay beyond 2^53 and were rounded to float64.": self.rounded,
        }
        return [line for line, count in lines.items() if count]


def stored_form(dtype: np.dtype[Any], *, wide: bool = False) -> StoredForm:
    """Return how a GeoTIFF stores values of a dtype.

    Parameters
    ----------
    dtype : dtype
        Of the values.
    wide : bool
        Whether the values use the whole range of an integer dtype, so that no number is left for no-data:
        the next larger dtype is taken then.
    """
    if dtype.kind == "b":
        return StoredForm(np.dtype(np.uint8), 255)
    if dtype.kind == "f" or dtype.itemsize == 8:
        return StoredForm(np.result_type(dtype, np.float32), float("nan"))
    if wide:
        return stored_form(np.dtype(_WIDER[dtype.str[1:]]))
    bounds = np.iinfo(dtype)
    return StoredForm(dtype, bounds.max if dtype.kind == "u" else bounds.min)


def fill_nodata(values: NDArray[Any], form: StoredForm) -> NDArray[Any]:
    """Return floats with NaN for no-data as stored numbers."""
    if form.dtype.kind == "f":
        return values.astype(form.dtype, copy=False)
    missing = np.isnan(values)
    return np.where(missing, form.nodata, values).astype(form.dtype)


def count_misfits(block: Block) -> Tally:
    """Count the values that the stored form of the block's own dtype cannot tell apart or hold."""
    values = block.values
    if values.dtype.kind not in "iu":
        return Tally()
    if values.dtype.itemsize == 8:
        return Tally(rounded=_count((values > _EXACT) | (values < -_EXACT), block.valid))
    return Tally(reserved=_count(values == stored_form(values.dtype).nodata, block.valid))


def cast_block(block: Block, dtype: np.dtype[Any]) -> tuple[Block, Tally]:
    """Return a block in a storage dtype, rounded to the nearest and clipped, and how many values that hit.

    The no-data number of the dtype is left out of its range, so that no value becomes no-data by chance.
    """
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = block.values.astype(dtype)
        over = np.isinf(values) & np.isfinite(block.values)
        values[over] = np.copysign(np.finfo(dtype).max, block.values[over])
        return block.with_(values=values), Tally(clipped=_count(over, block.valid))
    low, high = _range(dtype)
    numbers = block.values
    finite = np.isfinite(numbers) if numbers.dtype.kind == "f" else np.ones(numbers.shape, bool)
    whole = np.where(finite, np.rint(numbers) if numbers.dtype.kind == "f" else numbers, low)
    outside = (whole < low) | (whole > high)
    valid = finite if block.valid is None else finite & block.valid
    tally = Tally(clipped=_count(outside, block.valid), lost=_count(~finite, block.valid))
    return block.with_(values=np.clip(whole, low, high).astype(dtype), valid=valid), tally


def _range(dtype: np.dtype[Any]) -> tuple[int, int]:
    bounds = np.iinfo(dtype)
    low, high, nodata = int(bounds.min), int(bounds.max), stored_form(dtype).nodata
    return low + (low == nodata), high - (high == nodata)


def _count(found: NDArray[np.bool_], valid: NDArray[np.bool_] | None) -> int:
    return int(np.count_nonzero(found if valid is None else found & valid))
