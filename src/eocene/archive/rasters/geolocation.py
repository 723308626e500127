"""Images that lie askew: a grid of tie points says where, and every map pixel finds its place in the image.

Radar images in ground range and scans of the sea ice have no north-up grid but points (row, column →
longitude, latitude). Between four points the image is bilinear in map coordinates, which can be inverted in
closed form, so each map pixel is located by itself: exactly, and equally in every window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from eocene.model.errors import InputError
from eocene.model.grid import Grid, Lattice, transformer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

NORTH, SOUTH = 3413, 3031
"""Polar stereographic, where UTM ends: at 84° north and 80° south."""
_MOST_POINTS = 250_000
_MOST_SPREAD = 16
"""A map grid has at most so many times the pixels of its image; an image askew by 45° needs twice as many."""
_NOISE = 1e-9


@dataclass(frozen=True, eq=False)
class TiePoints:
    """Where the pixels of an image lie: points at the crossings of some of its rows and columns.

    Parameters
    ----------
    rows, columns : ndarray
        Ascending, (n,) and (m,). Row r of the image reaches from r to r + 1, its centre is r + 0.5.
    x, y : ndarray
        (n, m), in the map's CRS.
    epsg : int
        The map's CRS.
    shape : tuple of int
        Rows and columns of the image.
    """

    rows: Numbers
    columns: Numbers
    x: Numbers
    y: Numbers
    epsg: int
    shape: tuple[int, int]

    @classmethod
    def of(
        cls,
        places: tuple[ArrayLike, ArrayLike],
        degrees: tuple[ArrayLike, ArrayLike],
        shape: tuple[int, int],
        epsg: int | None = None,
    ) -> TiePoints:
        """Return the tie points of a list in any order; single points that make no full grid are left out.

        Parameters
        ----------
        places : tuple of array_like
            Row and column of each point, counted from the outer edge of the first pixel.
        degrees : tuple of array_like
            Longitude and latitude of each point, WGS 84.
        shape : tuple of int
            Rows and columns of the image.
        epsg : int, optional
            The CRS of the map; by default the UTM zone of the middle, or polar stereographic.

        Raises
        ------
        InputError
            If the points make no grid, are not on the Earth, or lie so that the image folds.
        """
        row, column, longitude, latitude = (np.asarray(v, np.float64).ravel() for v in (*places, *degrees))
        sizes = {row.size, column.size, longitude.size, latitude.size}
        if len(sizes) != 1 or not 4 <= row.size <= _MOST_POINTS:
            raise _unusable(f"there are {row.size} of them, of at least 4 and at most {_MOST_POINTS}")
        if not np.isfinite([row, column, longitude, latitude]).all() or np.abs(latitude).max() > 90:
            raise _unusable("not all of them lie on the Earth")
        rows, columns, chosen = _arrange(row, column)
        longitude, latitude = longitude[chosen], latitude[chosen]
        epsg = epsg or choose_epsg(longitude, latitude)
        x, y = transformer(4326, epsg).transform(longitude, latitude)
        if not np.isfinite([x, y]).all():
            raise _unusable(f"not all of them have a place in EPSG:{epsg}")
        points = cls(rows, columns, np.asarray(x), np.asarray(y), epsg, shape)
        points._cells.check()
        return points

    @cached_property
    def _cells(self) -> _Cells:
        return _Cells.between(self)

    def cover(self, resolution: float) -> Grid:
        """Return the map grid around the image, its pixel edges on whole multiples of the resolution.

        Raises
        ------
        InputError
            If it has many times the pixels of the image: the points do not belong to it.
        """
        (west, south), (east, north) = self._cells.bounds
        lattice = Lattice(self.epsg, (resolution, resolution))
        grid = lattice.grid_over((west.min(), south.min(), east.max(), north.max()), self.epsg)
        if grid.width * grid.height > _MOST_SPREAD * max(self.shape[0] * self.shape[1], 64):
            raise _unusable(f"at {resolution} m a pixel they spread over {grid.width} × {grid.height} pixels")
        return grid

    def locate(self, window: Grid) -> tuple[Numbers, Numbers]:
        """Return the row and column of the image under each pixel centre of a window, NaN outside of it."""
        if window.epsg != self.epsg:
            raise ValueError(f"a window in EPSG:{window.epsg} asked of an image in EPSG:{self.epsg}")
        rows, columns = np.full((2, *window.shape), np.nan)
        x, y = window.x, window.y
        (wests, souths), (easts, norths) = self._cells.bounds
        near = (wests <= x[-1]) & (easts >= x[0]) & (souths <= y[0]) & (norths >= y[-1])
        for cell in np.flatnonzero(near):
            across = slice(np.searchsorted(x, wests[cell]), np.searchsorted(x, easts[cell], "right"))
            down = slice(np.searchsorted(-y, -norths[cell]), np.searchsorted(-y, -souths[cell], "right"))
            row, column, inside = self._cells.invert(int(cell), x[None, across], y[down, None])
            fresh = inside & np.isnan(rows[down, across])
            np.copyto(rows[down, across], row, where=fresh)
            np.copyto(columns[down, across], column, where=fresh)
        return rows, columns

    def interpolate(self, values: Numbers, rows: Numbers, columns: Numbers) -> Numbers:
        """Return what is known at the points (n, m) at places in the image, bilinear between them."""
        i, v = _between(self.rows, rows)
        j, u = _between(self.columns, columns)
        upper = values[i, j] * (1 - u) + values[i, j + 1] * u
        return upper * (1 - v) + (values[i + 1, j] * (1 - u) + values[i + 1, j + 1] * u) * v


@dataclass(frozen=True, eq=False)
class _Cells:
    """What lies between four neighbouring points; the outer ones reach to the edge of the image.

    ``frame`` (cells, 4) says where the points stand: first row, rows, first column, columns; ``limits``
    (cells, 4) which rows and columns the cell has: from, to, from, to. ``terms`` (cells, 4, 2), x and y, are
    the point at the upper left, the ways to the right and down, and the twist.
    """

    frame: Numbers
    limits: Numbers
    terms: Numbers

    @classmethod
    def between(cls, points: TiePoints) -> _Cells:
        """Return the cells between points, row by row."""
        place = np.stack([points.x, points.y], axis=-1)
        terms = [place[:-1, :-1], place[:-1, 1:], place[1:, :-1], place[1:, 1:]]
        a, b, c, d = (corner.reshape(-1, 2) for corner in terms)
        rows, columns = (
            _reach(*axis) for axis in zip((points.rows, points.columns), points.shape, strict=True)
        )
        frame = _combine(points.rows[:-1], np.diff(points.rows), points.columns[:-1], np.diff(points.columns))
        limits = _combine(rows[:-1], rows[1:], columns[:-1], columns[1:])
        return cls(frame, limits, np.stack([a, b - a, c - a, a - b - c + d], axis=1))

    @cached_property
    def _ends(self) -> tuple[Numbers, Numbers]:
        """How far the corners (cells, 4) are along the ways to the right and down."""
        u = (self.limits[:, [2, 3, 2, 3]] - self.frame[:, 2:3]) / self.frame[:, 3:]
        v = (self.limits[:, [0, 0, 1, 1]] - self.frame[:, :1]) / self.frame[:, 1:2]
        return u[..., None], v[..., None]

    def check(self) -> None:
        """Raise InputError unless a step to the right and one down turn the same way at every corner."""
        (u, v), (_, e, f, g) = self._ends, self.terms[:, :, None].swapaxes(0, 1)
        right, down = e + v * g, f + u * g
        turn = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
        if not (np.all(turn > 0) or np.all(turn < 0)):  # also what is not finite
            raise _unusable("between them the image folds")

    @cached_property
    def bounds(self) -> tuple[Numbers, Numbers]:
        """West and south, east and north of each cell, (2, cells), not too small by rounding."""
        (u, v), (a, e, f, g) = self._ends, self.terms[:, :, None].swapaxes(0, 1)
        corners = a + u * e + v * f + u * v * g
        low, high = corners.min(axis=1).T, corners.max(axis=1).T
        rim = 1e-6 * (high - low)
        return low - rim, high + rim

    def invert(self, cell: int, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """Return the rows and columns at places of the map as if all lay in the cell, and which do.

        With p = a + u e + v f + u v g, eliminating u leaves k2 v² + k1 v + k0 = 0; of its roots the one
        that the cell's orientation picks lies inside, written so that a cell without twist is no exception.
        """
        (ax, ay), (ex, ey), (fx, fy), (gx, gy) = self.terms[cell]
        hx, hy = x - ax, y - ay
        k2 = gx * fy - gy * fx
        k1 = (ex * fy - ey * fx) + (hx * gy - hy * gx)
        k0 = hx * ey - hy * ex
        turn = np.copysign(1.0, ex * fy - ey * fx)
        with np.errstate(all="ignore"):
            v = -2 * k0 / (k1 + turn * np.sqrt(k1 * k1 - 4 * k2 * k0))
            sx, sy = ex + v * gx, ey + v * gy
            u = ((hx - v * fx) * sx + (hy - v * fy) * sy) / (sx * sx + sy * sy)
        first_row, rows, first_column, columns = self.frame[cell]
        row, column = first_row + v * rows, first_column + u * columns
        top, bottom, left, right = self.limits[cell]
        slack_v, slack_u = _NOISE * rows, _NOISE * columns
        inside = (row >= top - slack_v) & (row <= bottom + slack_v)
        return row, column, inside & (column >= left - slack_u) & (column <= right + slack_u)


def choose_epsg(longitude: Numbers, latitude: Numbers) -> int:
    """Return the UTM zone of the middle of points, polar stereographic where UTM is not defined."""
    # The mean direction, since longitudes jump at the antimeridian and mean nothing at a pole.
    lon, lat = np.radians(longitude), np.radians(latitude)
    x, y, z = (np.mean(v) for v in (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))
    middle = np.degrees(np.arctan2(z, np.hypot(x, y)))
    if middle > 84 or middle < -80:
        return NORTH if middle > 0 else SOUTH
    zone = int(np.floor((np.degrees(np.arctan2(y, x)) + 180) / 6)) % 60 + 1
    return (32600 if middle >= 0 else 32700) + zone


def _arrange(row: Numbers, column: Numbers) -> tuple[Numbers, Numbers, NDArray[np.intp]]:
    """Return the rows and columns of the full grid among points, and which points stand at its crossings."""
    rows, down = np.unique(row, return_inverse=True)
    columns, across = np.unique(column, return_inverse=True)
    if len(rows) * len(columns) > 4 * _MOST_POINTS:
        raise _unusable("they stand on no common rows and columns")
    which = np.full((len(rows), len(columns)), -1, np.intp)
    which[down, across] = np.arange(row.size)
    full = (which >= 0).sum(axis=1)
    which, rows = which[full > full.max() // 2], rows[full > full.max() // 2]
    complete = (which >= 0).all(axis=0)
    which, columns = which[:, complete], columns[complete]
    if min(which.shape) < 2 or which.size < row.size // 2:
        raise _unusable("they stand on no common rows and columns")
    return rows, columns, which


def _reach(places: Numbers, length: int) -> Numbers:
    """Return the places with the outer ones moved to the edge of the image, if it is not a cell further."""
    reached = places.copy()
    reached[0] = max(min(0.0, places[0]), 2 * places[0] - places[1])
    reached[-1] = min(max(float(length), places[-1]), 2 * places[-1] - places[-2])
    return reached


def _between(places: Numbers, wanted: Numbers) -> tuple[NDArray[np.intp], Numbers]:
    """Return after which place each wanted one lies, and how far on the way to the next."""
    index = np.clip(np.searchsorted(places, wanted, "right") - 1, 0, len(places) - 2)
    return index, (wanted - places[index]) / (places[index + 1] - places[index])


def _combine(row: Numbers, second_row: Numbers, column: Numbers, second_column: Numbers) -> Numbers:
    """Return two numbers of each row and two of each column for every cell, (cells, 4)."""
    parts = np.broadcast_arrays(row[:, None], second_row[:, None], column[None], second_column[None])
    return np.stack([part.ravel() for part in parts], axis=1)


def _unusable(why: str) -> InputError:
    return InputError(
        f"The tie points of the image cannot be used: {why}.",
        "Check the points; or warp the image to a north-up grid first, for instance with gdalwarp -tps.",
    )
