"""Sentinel-1 ground-range images, calibrated and put on a map grid as they are read.

The measurement holds amplitudes in the geometry of the orbit; its annotation says where they lie, its
calibration and noise files what they mean.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.packing.zips import MEMBER
from eocene.archive.raster import check_window
from eocene.archive.rasters.calibration import (
    COEFFICIENTS,
    UNCALIBRATED,
    calibrate,
    read_calibration,
    read_noise,
)
from eocene.archive.rasters.sentinel1_annotation import LOOKS, Annotation, read_annotation
from eocene.archive.rasters.sentinel1_files import MeasurementFiles
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.archive.fetch import Door
    from eocene.archive.rasters.calibration import Noise, Table
    from eocene.model.grid import Grid

    Numbers = NDArray[np.float64]

COEFFICIENT, NOISE_REMOVED = "eocene:coefficient", "eocene:noise_removed"
"""Fields of an asset: which backscatter it is read as, and whether without thermal noise."""
DEFAULT_COEFFICIENT = "sigma0-ellipsoid"
INCIDENCE, MASK = "ellipsoid_incidence_angle", "mask"
"""What can be read beside backscatter: the angle in degrees; 1 for data and 0 for none inside the image."""
_BLOCK = 1024
"""Pixels of the image, along a side, that are worked on at a time."""
_MOST_PIXELS = 8 * _BLOCK**2


def is_sentinel1(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is the measurement of a Sentinel-1 product."""
    return COEFFICIENT in asset


class Sentinel1Raster:
    """One polarisation of a GRD product on a north-up map grid.

    A map pixel has the value that lies under its centre in the calibrated image, bilinear between the four
    pixels around, of which those without data are left out; it is no data where the nearest is. The other
    levels are averages of the calibrated image. All this follows from the pixel alone, not from the window.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any], door: Door) -> None:
        self._files = MeasurementFiles(path, asset.get(MEMBER), door)
        self._coefficient = str(asset.get(COEFFICIENT, DEFAULT_COEFFICIENT))
        if self._coefficient not in (*COEFFICIENTS, UNCALIBRATED, INCIDENCE, MASK):
            raise InputError(
                f"{self._files.label!r} is to be read as {self._coefficient!r}, which there is not.",
                f"{COEFFICIENT} is one of {', '.join(COEFFICIENTS)}, {UNCALIBRATED}.",
            )
        self._annotation: Annotation = self._files.load("annotation", read_annotation)
        self._files.check_measurement(self._annotation.points.shape)
        self._table: Table | None = None
        self._noise: Noise | None = None
        if self._coefficient in COEFFICIENTS:
            self._table = self._files.load("calibration", read_calibration)[self._coefficient]
        is_power = self._coefficient in (*COEFFICIENTS, UNCALIBRATED)
        if is_power and asset.get(NOISE_REMOVED, True) and not self._annotation.denoised:
            self._noise = self._files.load("noise", read_noise)
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.nodata: float | None = float("nan")
        self.levels: tuple[Grid, ...] = self._annotation.levels

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        check_window(window, self.levels[level], self._files.label)
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        looks = LOOKS[level]
        for part in window.blocks(_BLOCK // looks):
            self._read_part(part, looks, pixels[part.slices_in(window)])
        return pixels

    def _read_part(self, window: Grid, looks: int, out: NDArray[Any]) -> None:
        points = self._annotation.points
        rows, columns = points.locate(window)
        inside = np.isfinite(rows)
        out[...] = np.nan
        if not inside.any():
            return
        down, right = rows[inside], columns[inside]
        if np.ptp(down) * np.ptp(right) > _MOST_PIXELS and window.width * window.height > 1:
            # Where tie points lie oddly, few map pixels may span much of the image.
            for part in window.blocks(-(-window.height // 2), -(-window.width // 2)):
                self._read_part(part, looks, out[part.slices_in(window)])
        elif self._coefficient == INCIDENCE:
            out[inside] = points.interpolate(self._annotation.incidence, down, right)
        else:
            values = self._sample(down / looks, right / looks, looks)
            out[inside] = ~np.isnan(values) if self._coefficient == MASK else values

    def _sample(self, rows: Numbers, columns: Numbers, looks: int) -> Numbers:
        """Return values at places of the image as it is after averaging, row r reaching from r to r + 1."""
        height, width = (-(-side // looks) for side in self._annotation.points.shape)
        top, down = _split(rows, height)
        left, right = _split(columns, width)
        window = slice(int(top.min()), int(top.max()) + 2), slice(int(left.min()), int(left.max()) + 2)
        image = self._read_image(window, looks)
        total, weight = np.zeros((2, rows.size))
        for step_down, step_right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            value = image[top - window[0].start + step_down, left - window[1].start + step_right]
            share = (down if step_down else 1 - down) * (right if step_right else 1 - right)
            known = ~np.isnan(value)
            total += np.where(known, value * share, 0)
            weight += np.where(known, share, 0)
        nearest = image[top - window[0].start + (down >= 0.5), left - window[1].start + (right >= 0.5)]
        with np.errstate(all="ignore"):
            return np.where(np.isnan(nearest), np.nan, total / weight)

    def _read_image(self, window: tuple[slice, slice], looks: int) -> Numbers:
        """Return a window of the calibrated image, averaged over ``looks`` rows and columns."""
        height, width = self._annotation.points.shape
        rows, columns = (slice(s.start * looks, s.stop * looks) for s in window)
        numbers = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint16)
        # Of the last average a part may lie beyond the image, where there is no data.
        stored = self._files.read_numbers(
            slice(rows.start, min(rows.stop, height)), slice(columns.start, min(columns.stop, width))
        )
        numbers[: stored.shape[0], : stored.shape[1]] = stored
        return average(calibrate(numbers, (rows.start, columns.start), self._table, self._noise), looks)

    def close(self) -> None:
        """Nothing to let go of: the file is opened for each read."""


def average(image: Numbers, looks: int) -> Numbers:
    """Return the means of blocks of ``looks`` × ``looks`` pixels, without those that are NaN.

    They are added one after another, so that the sums do not depend on the size of the window.
    """
    if looks == 1:
        return image
    known = ~np.isnan(image)
    total, count = np.where(known, image, 0), known.astype(np.float64)
    for _ in range(2):
        total, count = (
            functools.reduce(np.add, (p[n::looks] for n in range(looks))).T for p in (total, count)
        )
    with np.errstate(all="ignore"):
        return np.asarray(total / count)


def _split(places: Numbers, length: int) -> tuple[NDArray[np.intp], Numbers]:
    """Return the first of the two pixels around each place, and how far it is on the way to the other."""
    centred = np.clip(places - 0.5, 0, length - 1)
    first = np.minimum(centred.astype(np.intp), max(length - 2, 0))
    return first, centred - first
