"""What the annotation of a Sentinel-1 image says: its size, where it lies, under which angle it was seen.

Source: Sentinel-1 Product Specification (S1-RS-MDA-52-7441), Level-1 product annotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.archive.packing.xml import Metadata, find_text
from eocene.archive.rasters.geolocation import TiePoints
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.model.grid import Grid

    Numbers = NDArray[np.float64]

LOOKS = (1, 4, 16)
"""The image is given at full resolution, and averaged over so many rows and columns."""
_LEAST_SIDE = 64
_MOST_SIDE = 120_000
"""Rows or columns; a data take of 25 minutes in the widest mode has less."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One polarisation's image.

    Parameters
    ----------
    points : TiePoints
        Where it lies.
    incidence : ndarray
        At the points: between the line of sight and the normal of the ellipsoid, in degrees.
    middle_incidence : float
        The same in the middle of the swath.
    spacing_m : float
        Of its pixels on the ground, the smaller of range and azimuth.
    denoised : bool
        Whether the processor has taken the noise off already.
    levels : tuple of Grid
        The map grids on which it is given, one for each of ``LOOKS`` that leaves enough of it.
    """

    points: TiePoints
    incidence: Numbers
    middle_incidence: float
    spacing_m: float
    denoised: bool
    levels: tuple[Grid, ...]


def read_annotation(content: bytes, name: str) -> Annotation:
    """Return what an annotation says of its image.

    Raises
    ------
    DamageError
        If it cannot be read or is incomplete; ``name`` is the file's.
    InputError
        If it is not of a ground-range image, or its points make no map.
    """
    file = Metadata.parse(content, name)
    projection = find_text(file.root, "projection")
    if projection != "Ground Range":
        raise InputError(
            f"The image of {name!r} is not in ground range but in {projection or 'nothing that it names'!r}.",
            "Only GRD products are read; process the SLC to GRD first.",
        )
    height, width = (_read_side(file, tag) for tag in ("numberOfLines", "numberOfSamples"))
    spacing = min(file.number("rangePixelSpacing"), file.number("azimuthPixelSpacing"))
    if not 1 <= spacing <= 1000:
        raise file.damage(f"a pixel spacing of {spacing} m cannot be")
    points, incidence = _read_points(file, (height, width))
    looks = [n for n in LOOKS if n == 1 or min(height, width) >= n * _LEAST_SIDE]
    try:
        levels = tuple(points.cover(spacing * n) for n in looks)
    except InputError as error:
        raise InputError(f"{name!r}: {error.message}", error.remedy) from error
    denoised = (find_text(file.root, "thermalNoiseCorrectionPerformed") or "").lower() == "true"
    middle = file.number("incidenceAngleMidSwath")
    return Annotation(points, incidence, middle, spacing, denoised, levels)


def _read_side(file: Metadata, tag: str) -> int:
    side = file.number(tag)
    if side != int(side) or not 2 <= side <= _MOST_SIDE:
        raise file.damage(f"its {tag} is {side:g}")
    return int(side)


def _read_points(file: Metadata, shape: tuple[int, int]) -> tuple[TiePoints, Numbers]:
    """Return the geolocation grid; its lines and pixels name samples, whose centres the points stand on."""
    tags = ("line", "pixel", "longitude", "latitude", "incidenceAngle")
    found = [[file.below(point).number(tag) for tag in tags] for point in file.all("geolocationGridPoint")]
    if not found:
        raise file.damage("it has no geolocation grid")
    line, pixel, longitude, latitude, angle = np.array(found).T
    if np.any(np.abs(longitude) > 360) or line.max() >= shape[0] or pixel.max() >= shape[1]:
        raise file.damage("its geolocation grid reaches beyond the image or the Earth")
    try:
        points = TiePoints.of((line + 0.5, pixel + 0.5), (longitude, latitude), shape)
    except InputError as error:
        raise InputError(f"{file.name!r}: {error.message}", error.remedy) from error
    row, column = (
        np.searchsorted(axis, p + 0.5) for axis, p in ((points.rows, line), (points.columns, pixel))
    )
    incidence = np.full(points.x.shape, np.nan)
    row, column = np.minimum(row, points.rows.size - 1), np.minimum(column, points.columns.size - 1)
    on_grid = (points.rows[row] == line + 0.5) & (points.columns[column] == pixel + 0.5)
    incidence[row[on_grid], column[on_grid]] = angle[on_grid]
    return points, incidence
