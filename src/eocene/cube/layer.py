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

    def cut(self, place: tuple[slice, ...]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the numbers at a place and where they are data, None for everywhere."""
        numbers = self.numbers[place]
        valid = is_data(numbers, self.nodata) if self.valid is None else self.valid[place]
        return numbers, None if valid.all() else valid


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


def is_data(numbers: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Tell where stored numbers are data; NaN is not."""
    if numbers.dtype.kind == "f":
        present = ~np.isnan(numbers)
        return np.asarray(present if nodata is None else present & (numbers != nodata))
    if nodata is None or not float(nodata).is_integer():
        return np.ones(numbers.shape, bool)
    return np.asarray(numbers != int(nodata))  # an int is compared as it is, a float in float64
