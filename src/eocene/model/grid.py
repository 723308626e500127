"""The pixel grid: north-up, anchored to the origin of its CRS, addressed by whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BBox = tuple[float, float, float, float]
"""west, south, east, north; degrees in EPSG:4326 unless a CRS stands beside it."""


@lru_cache(maxsize=64)
def transformer(source_epsg: int, target_epsg: int) -> Transformer:
    """Return the exact coordinate transformation between two CRSs, x before y.

    Raises
    ------
    InputError
        If one of the codes is not a CRS.
    """
    for epsg in (source_epsg, target_epsg):
        is_geographic(epsg)
    return Transformer.from_crs(source_epsg, target_epsg, always_xy=True)


@lru_cache(maxsize=64)
def is_geographic(epsg: int) -> bool:
    """Tell whether coordinates of the CRS are degrees; raises InputError if it is not a CRS."""
    try:
        return bool(CRS.from_epsg(epsg).is_geographic)
    except CRSError as error:
        raise InputError(
            f"EPSG:{epsg} is not a known CRS.",
            "Give the EPSG code of a geographic or projected CRS, such as 4326 or 32632.",
            code="ProcessParameterInvalid",
        ) from error


def transform_bbox(bbox: BBox, source_epsg: int, target_epsg: int) -> BBox:
    """Return the smallest box in the target CRS around ``bbox``, edges densified.

    Raises
    ------
    InputError
        If the box is not finite, is upside down, or lies where the target CRS is not defined.
    """
    west, south, east, north = box = bbox
    is_box = all(map(math.isfinite, box)) and south <= north
    if is_box and is_geographic(source_epsg):  # PROJ would transform impossible degrees to something
        is_box = south >= -90 and north <= 90 and west >= -360 and east <= 360
    if is_box and source_epsg != target_epsg:
        try:
            box = transformer(source_epsg, target_epsg).transform_bounds(*bbox, densify_pts=21)
        except ProjError:
            is_box = False
    if not is_box or not all(map(math.isfinite, box)):
        raise InputError(
            f"The box {tuple(bbox)} in EPSG:{source_epsg} has no counterpart in EPSG:{target_epsg}.",
            "Give west, south, east, north as finite numbers, south below north, in units of its CRS.",
            code="ProcessParameterInvalid",
        )
    return box


@dataclass(frozen=True)
class Lattice:
    """Where pixel edges lie: an infinite grid of square or oblong pixels in one CRS.

    Parameters
    ----------
    epsg : int
        The CRS.
    resolution : tuple of float
        Pixel width and height in CRS units, both positive.
    anchor : tuple of float
        Distance of pixel edges from the whole multiples of the resolution, in CRS units, less
        than a pixel east and south: x in [0, width), y in (-height, 0]; (0, 0) for products whose
        pixel edges are such multiples.
    """

    epsg: int
    resolution: tuple[float, float]
    anchor: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not all(math.isfinite(r) and r > 0 for r in self.resolution):
            raise InputError(
                f"The resolution {self.resolution} is not positive.",
                "Give a pixel size above 0 in units of the CRS.",
                code="ProcessParameterInvalid",
            )

    @property
    def resolution_m(self) -> float:
        """Pixel width in metres (at the equator for degrees)."""
        return self.resolution[0] * (111_320.0 if is_geographic(self.epsg) else 1.0)

    def grid_over(self, bbox: BBox, epsg: int = 4326) -> Grid:
        """Return the smallest grid on this lattice that covers ``bbox`` (given in ``epsg``).

        Raises
        ------
        InputError
            If the box is inside out or lies where the lattice's CRS is not defined.
        """
        west, south, east, north = transform_bbox(bbox, epsg, self.epsg)
        (rx, ry), (ax, ay) = self.resolution, self.anchor
        # An edge that misses a pixel boundary by rounding noise is on it.
        left = math.floor((west - ax) / rx + 1e-6)
        right = math.ceil((east - ax) / rx - 1e-6)
        top = math.floor((ay - north) / ry + 1e-6)
        bottom = math.ceil((ay - south) / ry - 1e-6)
        if west > east:
            raise InputError(
                f"The box {tuple(bbox)} in EPSG:{epsg} ends west of where it begins.",
                "Give west, south, east, north; split a box that crosses the antimeridian in two.",
                code="ProcessParameterInvalid",
            )
        return Grid(self, left, top, max(right - left, 1), max(bottom - top, 1))


@dataclass(frozen=True)
class Grid:
    """A finite window of a :class:`Lattice`.

    ``left`` and ``top`` are absolute pixel numbers on the lattice, counted east and south from
    its anchor, so two windows of one lattice compare, intersect and slice in whole numbers and
    the coordinates of a pixel do not depend on the window that it is asked in.
    """

    lattice: Lattice
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def from_transform(cls, epsg: int, transform: Sequence[float], width: int, height: int) -> Grid:
        """Return the grid of a north-up image from its affine (a, b, c, d, e, f, …).

        Raises
        ------
        InputError
            If the image is rotated or south-up.
        """
        a, b, west, d, e, north = (float(v) for v in transform[:6])
        if b or d or a <= 0 or e >= 0:
            raise InputError(
                f"The image's transform {tuple(transform[:6])} is rotated or south-up.",
                "Warp it to a north-up grid first, for instance with gdalwarp.",
            )
        # To a millionth of a pixel, so that all files of one lattice give one anchor, without rounding noise.
        column, row = round(west / a, 6), round(north / e, 6)
        if not max(abs(column), abs(row)) < 2**52:
            raise InputError(
                f"The image's transform {tuple(transform[:6])} puts its pixels beyond all whole numbers.",
                "Write the file again; its georeference is damaged.",
            )
        left, top = math.floor(column), math.floor(row)
        anchor = (round(column - left, 6) * a, round(row - top, 6) * e + 0.0)
        return cls(Lattice(epsg, (a, -e), anchor), left, top, width, height)

    @property
    def epsg(self) -> int:
        """The CRS."""
        return self.lattice.epsg

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def bounds(self) -> BBox:
        """West, south, east, north of the pixel edges, in the grid's CRS."""
        (rx, ry), (ax, ay) = self.lattice.resolution, self.lattice.anchor
        return (
            ax + self.left * rx,
            ay - (self.top + self.height) * ry,
            ax + (self.left + self.width) * rx,
            ay - self.top * ry,
        )

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """The affine (a, b, c, d, e, f) from pixel to CRS coordinates, as rasterio orders it."""
        west, _, _, north = self.bounds
        rx, ry = self.lattice.resolution
        return rx, 0.0, west, 0.0, -ry, north

    @property
    def x(self) -> NDArray[np.float64]:
        """Coordinates of the pixel centres, west to east."""
        columns = np.arange(self.left, self.left + self.width, dtype=np.float64)
        return self.lattice.anchor[0] + (columns + 0.5) * self.lattice.resolution[0]

    @property
    def y(self) -> NDArray[np.float64]:
        """Coordinates of the pixel centres, north to south."""
        rows = np.arange(self.top, self.top + self.height, dtype=np.float64)
        return self.lattice.anchor[1] - (rows + 0.5) * self.lattice.resolution[1]

    @property
    def x_edges(self) -> NDArray[np.float64]:
        """Coordinates of the edges between pixel columns and of the outer ones, west to east."""
        columns = np.arange(self.left, self.left + self.width + 1, dtype=np.float64)
        return self.lattice.anchor[0] + columns * self.lattice.resolution[0]

    @property
    def y_edges(self) -> NDArray[np.float64]:
        """Coordinates of the edges between pixel rows and of the outer ones, north to south."""
        rows = np.arange(self.top, self.top + self.height + 1, dtype=np.float64)
        return self.lattice.anchor[1] - rows * self.lattice.resolution[1]

    def bounds_in(self, epsg: int) -> BBox:
        """Return the box around this grid in another CRS; pixels centred on a pole end there."""
        west, south, east, north = self.bounds
        if is_geographic(self.epsg):
            half = self.lattice.resolution[1] / 2 * (1 + 1e-6)
            south = -90.0 if -90 - half <= south < -90 else south
            north = 90.0 if 90 < north <= 90 + half else north
        return transform_bbox((west, south, east, north), self.epsg, epsg)

    def slices_in(self, outer: Grid) -> tuple[slice, slice]:
        """Return the rows and columns of ``outer`` that are this window: inside of it, or empty."""
        if 0 in self.shape:
            return slice(0, 0), slice(0, 0)
        if self.intersect(outer) != self:
            raise ValueError(f"the window {self} does not lie inside {outer}")
        row, col = self.top - outer.top, self.left - outer.left
        return slice(row, row + self.height), slice(col, col + self.width)

    def intersect(self, other: Grid) -> Grid | None:
        """Return the common window of two grids on one lattice, or None if they do not touch."""
        self._check_lattice(other)
        left, top = max(self.left, other.left), max(self.top, other.top)
        right = min(self.left + self.width, other.left + other.width)
        bottom = min(self.top + self.height, other.top + other.height)
        if right <= left or bottom <= top:
            return None
        return Grid(self.lattice, left, top, right - left, bottom - top)

    def union(self, other: Grid) -> Grid:
        """Return the smallest window around two on one lattice; raises ValueError if they are on two."""
        self._check_lattice(other)
        left, top = min(self.left, other.left), min(self.top, other.top)
        right = max(self.left + self.width, other.left + other.width)
        bottom = max(self.top + self.height, other.top + other.height)
        return Grid(self.lattice, left, top, right - left, bottom - top)

    def _check_lattice(self, other: Grid) -> None:
        if self.lattice != other.lattice:
            raise ValueError(f"pixel numbers of {self.lattice} mean nothing on {other.lattice}")

    def pad(self, pixels: int) -> Grid:
        """Return the window grown on every side."""
        return Grid(
            self.lattice,
            self.left - pixels,
            self.top - pixels,
            self.width + 2 * pixels,
            self.height + 2 * pixels,
        )

    def blocks(self, height: int, width: int | None = None) -> Iterator[Grid]:
        """Cut the grid into windows of at most ``height`` × ``width`` pixels, row by row."""
        width = height if width is None else width
        for row in range(0, self.height, height):
            for col in range(0, self.width, width):
                yield replace(
                    self,
                    left=self.left + col,
                    top=self.top + row,
                    width=min(width, self.width - col),
                    height=min(height, self.height - row),
                )
