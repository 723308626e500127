"""Stored numbers and where they are data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.model import Band, Grid


@dataclass(frozen=True)
class Layer:
    """Stored numbers of one band (dates, height, width), and where they are data.

    ``valid`` is None where the numbers themselves say it: all but ``nodata`` and NaN are data.
    """

    numbers: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    nodata: float | None = None

    def cut(
        self, place: tuple[slice, ...], out: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the numbers at a place and where they are data, the latter in ``out`` if given."""
        numbers = self.numbers[place]
        if self.valid is None:
            return numbers, is_data(numbers, self.nodata, out)
        if out is None:
            return numbers, self.valid[place]
        out[...] = self.valid[place]
        return numbers, out

    def lacks_nothing(self, place: tuple[slice, ...]) -> bool:
        """Tell whether all numbers at a place are data; of numbers that tell it, whether their range does.

        That takes one pass and no memory. Where ``nodata`` lies among the numbers, false may be wrong.
        """
        if self.valid is not None:
            return bool(self.valid[place].all())
        numbers, nodata = self.numbers[place], self.nodata
        is_float = numbers.dtype.kind == "f"
        if nodata is None or np.isnan(nodata) or not (is_float or float(nodata).is_integer()):
            return not (is_float and np.isnan(numbers.min(initial=0)))
        if nodata > 0:
            return bool(numbers.max(initial=0) < nodata)
        return bool(numbers.min(initial=1) > nodata)


def decode_numbers(numbers: NDArray[Any], band: Band) -> NDArray[Any]:
    """Return values; in float64 where there is a scale, so that the one rounding is the later cast."""
    return numbers * np.float64(band.scale) + np.float64(band.offset) if band.is_scaled else numbers


def choose_level(raster: Raster, window: Grid) -> int:
    """Return the coarsest overview that is not coarser than the window's pixels."""
    wanted = window.lattice.resolution_m * (1 + 1e-6)
    level = 0
    for number, grid in enumerate(raster.levels):
        if grid.lattice.resolution_m <= wanted:
            level = number
    return level


def is_data(
    numbers: NDArray[Any], nodata: float | None, out: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Tell where stored numbers are data, in ``out`` if given; NaN is not."""
    found = np.empty(numbers.shape, bool) if out is None else out
    if numbers.dtype.kind == "f":
        np.equal(numbers, numbers, out=found)  # all but NaN
        if nodata is not None:
            found &= numbers != nodata
    elif nodata is None or not float(nodata).is_integer():
        found[...] = True
    else:
        np.not_equal(numbers, int(nodata), out=found)  # an int is compared as it is, a float in float64
    return found
