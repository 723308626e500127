"""Which grid the values of a GRIB message stand on, and the map grid that they are seen on.

Values on regular longitudes and latitudes are pixels themselves. Gaussian grids, whose rows are not evenly
spaced and in the reduced form not equally long, and grids with a rotated pole are seen on a map grid in
degrees of about their own spacing: a map pixel has the value of the point that is nearest in the field's own
coordinates. Fields on the plane of a projection are ``grib_projected``'s.

Sources: WMO Manual on Codes 306, GRIB2 templates 3.0, 3.1 and 3.40; Gaussian latitudes are the roots of the
Legendre polynomial of degree 2N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used

from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.rasters.grib_fields import (
    DECODING_BYTES,
    FieldGrid,
    PointGrid,
    damaged_grib,
    place_regular,
    read_points,
)
from eocene.archive.rasters.grib_projected import PROJECTED, ProjectedField, place_projected
from eocene.model.errors import InputError
from eocene.model.grid import Grid, Lattice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_LARGEST_N = 8000
_OUTLINE = 512


@dataclass(frozen=True)
class GaussianField:
    """A field around the Earth on rows at Gaussian latitudes.

    Parameters
    ----------
    grid : Grid
        The map: as many columns as the longest row has points, as many rows as the field.
    lengths : tuple of int
        Points of each row from the north; the first point of each stands at ``first`` degrees east.
    first : float
        In degrees.
    flip : bool
        Whether the first stored row is the southernmost.
    """

    grid: Grid
    lengths: tuple[int, ...]
    first: float
    flip: bool

    @property
    def count(self) -> int:
        """How many values the message has."""
        return sum(self.lengths)

    def pick(self, values: NDArray[np.float32], window: Grid) -> NDArray[np.float32]:
        """Return the pixels (height, width) of a window of the grid from the values as stored."""
        rows = np.searchsorted(_row_edges(len(self.lengths)), -window.y)
        lengths = np.array(self.lengths)
        stored = lengths[::-1] if self.flip else lengths
        starts = np.concatenate([[0], np.cumsum(stored)[:-1]])
        starts = starts[::-1] if self.flip else starts
        turns = ((window.x - self.first) % 360.0) / 360.0
        columns = np.floor(turns[None, :] * lengths[rows][:, None] + 0.5).astype(np.int64)
        found: NDArray[np.float32] = values[starts[rows][:, None] + columns % lengths[rows][:, None]]
        return found


@dataclass(frozen=True)
class RotatedField:
    """A field on longitudes and latitudes about another pole.

    Parameters
    ----------
    grid : Grid
        The map: the box around the field.
    points : PointGrid
        In rotated coordinates.
    pole : (float, float)
        Latitude and longitude of the rotated south pole in degrees.
    """

    grid: Grid
    points: PointGrid
    pole: tuple[float, float]

    @property
    def count(self) -> int:
        """How many values the message has."""
        height, width = self.points.layout.shape
        return height * width

    def pick(self, values: NDArray[np.float32], window: Grid) -> NDArray[np.float32]:
        """Return the pixels (height, width) of a window of the grid; NaN beside the field."""
        latitude, longitude = _turn(*np.meshgrid(window.y, window.x, indexing="ij"), self.pole)
        (x_step, y_step), (height, width) = self.points.step, self.points.layout.shape
        rows = np.floor((self.points.north - latitude) / y_step + 0.5).astype(np.int64)
        east = (longitude - self.points.west + x_step / 2) % 360.0
        columns = np.floor(east / x_step).astype(np.int64)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        field = self.points.layout.turn(values)
        found = np.full(window.shape, np.nan, np.float32)
        found[inside] = field[rows[inside], columns[inside]]
        return found


Field = FieldGrid | GaussianField | RotatedField | ProjectedField


def place_field(keys: Mapping[str, Any], name: str) -> Sequence[Field]:
    """Return the grid on which the values of a message stand; two where it reaches across the antimeridian.

    Raises
    ------
    InputError
        If the message is on a grid that is not read; ``name`` is the file's.
    DamageError
        If its headers contradict each other.
    """
    kind = str(keys.get("gridType"))
    if kind not in _PLACES or (keys.get("alternativeRowScanning") and kind in _BY_ROWS):
        raise _not_read(name, kind)
    return _PLACES[kind](keys, name)


def _place_gaussian(keys: Mapping[str, Any], name: str) -> Sequence[Field]:
    try:
        order, rows, points = (int(keys[key]) for key in ("N", "Nj", "numberOfDataPoints"))
        told = keys["pl"] if "pl" in keys else [keys["Ni"]] * max(0, min(rows, 2 * order, 2 * _LARGEST_N))
        lengths = tuple(int(length) for length in told)
        first, last = (float(keys[f"longitudeOf{end}GridPointInDegrees"]) for end in ("First", "Last"))
    except (KeyError, ValueError, OverflowError, TypeError) as error:
        raise damaged_grib(name, f"a field has no grid ({error})") from error
    if not 1 <= order <= _LARGEST_N or min(lengths, default=0) < 1 or sum(lengths) != points:
        raise damaged_grib(name, f"a field of {points} values has {len(lengths)} rows of {sum(lengths)}")
    check_decoded(name, "a field", (points,), DECODING_BYTES)
    longest = max(lengths)
    around = abs((last - first) % 360.0 + 360.0 / longest - 360.0) < 180.0 / longest
    is_turned = keys.get("iScansNegatively") or keys.get("jPointsAreConsecutive")
    if is_turned or not around or len(lengths) != 2 * order:
        raise _not_read(name, "part of a Gaussian one or in another order")
    x_step, y_step = 360.0 / longest, 180.0 / len(lengths)
    west = -180.0 + (first + 180.0) % x_step
    affine = (x_step, 0.0, west - x_step / 2, 0.0, -y_step, 90.0)
    grid = Grid.from_transform(4326, affine, longest, len(lengths))
    return [GaussianField(grid, lengths, first, bool(keys.get("jScansPositively")))]


def _place_rotated(keys: Mapping[str, Any], name: str) -> Sequence[Field]:
    try:
        latitude, longitude = (float(keys[f"{axis}itudeOfSouthernPoleInDegrees"]) for axis in ("lat", "long"))
    except (KeyError, ValueError) as error:
        raise damaged_grib(name, f"a field has no pole ({error})") from error
    if keys.get("angleOfRotation"):
        raise _not_read(name, "turned about its pole")
    points = read_points(keys, name)
    if not (abs(latitude) <= 90 and abs(longitude) <= 360):
        raise damaged_grib(name, f"a field has its pole at {latitude}, {longitude}")
    pole = latitude, longitude
    step = 90.0 / math.ceil(90.0 / min(points.step))  # so that a row of pixels ends at each pole
    grid = Lattice(4326, (step, step)).grid_over(_box_around(points, pole))
    check_decoded(name, "the map of a field", grid.shape, DECODING_BYTES)
    return [RotatedField(grid, points, pole)]


_PLACES: dict[str, Callable[[Mapping[str, Any], str], Sequence[Field]]] = {
    "regular_ll": place_regular,
    "regular_gg": _place_gaussian,
    "reduced_gg": _place_gaussian,
    "rotated_ll": _place_rotated,
    **dict.fromkeys(PROJECTED, place_projected),
}
_BY_ROWS = ("regular_gg", "reduced_gg")


def _not_read(name: str, kind: str) -> InputError:
    return InputError(
        f"The GRIB file {name!r} has a field on the grid {kind!r}.",
        "Regular, rotated, projected and whole Gaussian grids are read; regrid it, as with cdo remapbil.",
    )


@lru_cache(maxsize=16)
def _row_edges(rows: int) -> Numbers:
    """Return the southern latitudes, negative, half-way between the rows of a Gaussian grid."""
    latitudes = np.degrees(np.arcsin(scipy.special.roots_legendre(rows)[0]))  # from the south
    edges: Numbers = (latitudes[1:] + latitudes[:-1]) / 2
    return edges


def _turn(latitude: Numbers, longitude: Numbers, pole: tuple[float, float]) -> tuple[Numbers, Numbers]:
    """Return rotated latitudes and longitudes: about the axis by the pole's longitude, then tilted."""
    tilt = np.radians(90.0 + pole[0])
    up, along = np.radians(latitude), np.radians(longitude - pole[1])
    x, y, z = np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)
    x, z = np.cos(tilt) * x + np.sin(tilt) * z, -np.sin(tilt) * x + np.cos(tilt) * z
    return np.degrees(np.arcsin(np.clip(z, -1, 1))), np.degrees(np.arctan2(y, x))


def _turn_back(latitude: Numbers, longitude: Numbers, pole: tuple[float, float]) -> tuple[Numbers, Numbers]:
    """Return latitudes and longitudes of rotated ones."""
    tilt = np.radians(90.0 + pole[0])
    up, along = np.radians(latitude), np.radians(longitude)
    x, y, z = np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)
    x, z = np.cos(tilt) * x - np.sin(tilt) * z, np.sin(tilt) * x + np.cos(tilt) * z
    longitude = (np.degrees(np.arctan2(y, x)) + pole[1] + 180.0) % 360.0 - 180.0
    return np.degrees(np.arcsin(np.clip(z, -1, 1))), longitude


def _box_around(points: PointGrid, pole: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return the box in degrees around the outline of a field; all longitudes if a pole or 180° is in it."""
    (x_step, y_step), (height, width) = points.step, points.layout.shape
    north, west = min(points.north + y_step / 2, 90.0), points.west - x_step / 2
    south, east = max(points.north - y_step * (height - 0.5), -90.0), west + x_step * width
    along, down = np.linspace(west, east, _OUTLINE), np.linspace(south, north, _OUTLINE)
    up = np.concatenate([np.full(_OUTLINE, south), np.full(_OUTLINE, north), down, down])
    right = np.concatenate([along, along, np.full(_OUTLINE, west), np.full(_OUTLINE, east)])
    latitude, longitude = _turn_back(up, right, pole)
    low, high = float(latitude.min()) - y_step, float(latitude.max()) + y_step
    poles = _turn(np.array([-90.0, 90.0]), np.zeros(2), pole)
    holds = (poles[0] <= north) & (poles[0] >= south) & ((poles[1] - west) % 360.0 <= east - west)
    low, high = -90.0 if holds[0] else max(low, -90.0), 90.0 if holds[1] else min(high, 90.0)
    if holds.any() or np.ptp(longitude) > 180.0:
        return -180.0, low, 180.0, high
    left_most, right_most = float(longitude.min()) - x_step, float(longitude.max()) + x_step
    return max(left_most, -180.0), low, min(right_most, 180.0), high
