"""Fields of GRIB messages on the plane of a projection, as weather models of a region have them.

The projection is built of what the message says: kind, parallels, orientation, and the shape of the Earth,
mostly a sphere of the model. Such CRSs have no EPSG code, so a field is seen on a map grid of about its own
spacing: in degrees, or in polar stereographic coordinates where it holds a pole or reaches beyond 75°. A map
pixel has the value of the point that is nearest in the plane. Longitudes and latitudes on the model's Earth
are taken as those of the map, as models are fed with data and as all tools for GRIB do.

Sources: WMO Manual on Codes 306, GRIB2 templates 3.10, 3.20, 3.30, 3.140 and 3.13, 3.23, 3.33, code
table 3.2. By these a field begins at its first point whatever the direction of its rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.rasters.grib_fields import DECODING_BYTES, FieldLayout, damaged_grib, read_layout
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import Grid, Lattice, transformer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eocene.model.grid import BBox

    Numbers = NDArray[np.float64]

_OUTLINE = 512
_FARTHEST = 75.0
_POLAR_EPSG = {False: 3031, True: 3413}
"""Maps in metres around the poles, by whether it is the northern one."""


@dataclass(frozen=True)
class ProjectedPoints:
    """Where the points of a field are in the plane of its projection.

    Parameters
    ----------
    projection : str
        In PROJ's words.
    west, north : float
        The first point from the north-west, metres.
    step : (float, float)
        Metres to the next point to the east and to the south.
    layout : FieldLayout
        Of the message.
    """

    projection: str
    west: float
    north: float
    step: tuple[float, float]
    layout: FieldLayout

    def locate(self, longitude: Numbers, latitude: Numbers) -> tuple[NDArray[np.int64], ...]:
        """Return the row and column of the point nearest to each place in degrees; -1 beside the field."""
        x, y = _plane(self.projection).transform(longitude, latitude)
        (height, width), (x_step, y_step) = self.layout.shape, self.step
        rows, columns = (self.north - y) / y_step + 0.5, (x - self.west) / x_step + 0.5
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return tuple(np.where(inside, place, -1.0).astype(np.int64) for place in (rows, columns))

    def outline(self) -> tuple[Numbers, Numbers]:
        """Return longitudes and latitudes around the outer edges of its cells, closed."""
        (height, width), (x_step, y_step) = self.layout.shape, self.step
        along = self.west + x_step * (np.linspace(0, width, _OUTLINE) - 0.5)
        down = self.north - y_step * (np.linspace(0, height, _OUTLINE) - 0.5)
        x = np.concatenate([along, np.full(_OUTLINE, along[-1]), along[::-1], np.full(_OUTLINE, along[0])])
        y = np.concatenate([np.full(_OUTLINE, down[0]), down, np.full(_OUTLINE, down[-1]), down[::-1]])
        longitude, latitude = _plane(self.projection).transform(x, y, direction="INVERSE")
        return longitude, latitude


@dataclass(frozen=True)
class ProjectedField:
    """A field in the plane of a projection, and the map grid that it is seen on."""

    grid: Grid
    points: ProjectedPoints

    @property
    def count(self) -> int:
        """How many values the message has."""
        return math.prod(self.points.layout.shape)

    def pick(self, values: NDArray[np.float32], window: Grid) -> NDArray[np.float32]:
        """Return the pixels (height, width) of a window of the grid; NaN beside the field."""
        longitude, latitude = np.meshgrid(window.x, window.y)
        if window.epsg != 4326:
            longitude, latitude = transformer(window.epsg, 4326).transform(longitude, latitude)
        rows, columns = self.points.locate(longitude, latitude)
        inside = (rows >= 0) & (columns >= 0)
        found = np.full(window.shape, np.nan, np.float32)
        found[inside] = self.points.layout.turn(values)[rows[inside], columns[inside]]
        return found


def place_projected(keys: Mapping[str, Any], name: str) -> list[ProjectedField]:
    """Return the map grid of a projected field; two where it reaches across the antimeridian.

    Raises
    ------
    InputError
        If it would not fit into memory, or its axes are turned; ``name`` is the file's.
    DamageError
        If its headers contradict each other.
    """
    try:
        points = _read_points(keys, name)
        grids = _lay_out(points, name)
    except (KeyError, ValueError, OverflowError, CRSError, ProjError) as error:
        raise damaged_grib(name, f"a field has no projected grid ({error})") from error
    for grid in grids:
        check_decoded(name, "the map of a field", grid.shape, DECODING_BYTES)
    return [ProjectedField(grid, points) for grid in grids]


def _read_points(keys: Mapping[str, Any], name: str) -> ProjectedPoints:
    layout = read_layout(keys, name)
    width_m = float(keys["DxInMetres"] if "DxInMetres" in keys else keys["DiInMetres"])
    height_m = float(keys["DyInMetres"] if "DyInMetres" in keys else keys["DjInMetres"])
    if not (0 < width_m < 1e7 and 0 < height_m < 1e7):
        raise damaged_grib(name, f"the points of a field are {width_m} and {height_m} metres apart")
    latitude, longitude = (
        float(keys[f"{axis}OfFirstGridPointInDegrees"]) for axis in ("latitude", "longitude")
    )
    projection = _PROJECTIONS[str(keys["gridType"])](keys, name) + _read_earth(keys, name)
    x, y = _plane(projection).transform(longitude, latitude, errcheck=True)
    if not (math.isfinite(x) and math.isfinite(y) and abs(latitude) <= 90):
        raise damaged_grib(name, f"a field begins at {latitude}, {longitude} degrees")
    west = x - width_m * (layout.shape[1] - 1) * layout.mirror
    north = y + height_m * (layout.shape[0] - 1) * layout.flip
    return ProjectedPoints(projection, west, north, (width_m, height_m), layout)


def _read_earth(keys: Mapping[str, Any], name: str) -> str:
    if "earthMajorAxisInMetres" in keys:
        axes = {"a": float(keys["earthMajorAxisInMetres"]), "b": float(keys["earthMinorAxisInMetres"])}
    else:
        axes = {"R": float(keys["radius"])}
    if not all(6.3e6 < axis < 6.4e6 for axis in axes.values()):
        raise damaged_grib(name, f"the Earth of a field has the axes {sorted(axes.values())}")
    return "".join(f" +{axis}={length!r}" for axis, length in axes.items())


def _conic(keys: Mapping[str, Any], _name: str) -> str:
    middle, first, second = (float(keys[f"{key}InDegrees"]) for key in ("LaD", "Latin1", "Latin2"))
    east = float(keys["LoVInDegrees"])
    return f"+proj=lcc +lat_0={middle!r} +lat_1={first!r} +lat_2={second!r} +lon_0={east!r}"


def _stereographic(keys: Mapping[str, Any], _name: str) -> str:
    sign = -1.0 if keys.get("southPoleOnProjectionPlane") else 1.0
    true, east = abs(float(keys["LaDInDegrees"])), float(keys["orientationOfTheGridInDegrees"])
    return f"+proj=stere +lat_0={sign * 90.0!r} +lat_ts={sign * true!r} +lon_0={east!r}"


def _mercator(keys: Mapping[str, Any], name: str) -> str:
    if keys.get("orientationOfTheGridInDegrees"):
        raise InputError(
            f"The GRIB file {name!r} has a field on a Mercator grid that is turned.",
            "Regrid it first, as with cdo remapbil.",
        )
    first, last = (float(keys[f"longitudeOf{end}GridPointInDegrees"]) for end in ("First", "Last"))
    # In the middle of the field, so that the plane is not cut inside of it.
    west, east = (last, first) if keys.get("iScansNegatively") else (first, last)
    middle = west + ((east - west) % 360.0 or 360.0) / 2
    return f"+proj=merc +lat_ts={float(keys['LaDInDegrees'])!r} +lon_0={middle!r}"


def _azimuthal(keys: Mapping[str, Any], _name: str) -> str:
    north, east = (float(keys[f"{key}InDegrees"]) for key in ("standardParallel", "centralLongitude"))
    return f"+proj=laea +lat_0={north!r} +lon_0={east!r}"


_PROJECTIONS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "lambert": _conic,
    "polar_stereographic": _stereographic,
    "mercator": _mercator,
    "lambert_azimuthal_equal_area": _azimuthal,
    "lambert_lam": _conic,
    "polar_stereographic_lam": _stereographic,
    "mercator_lam": _mercator,
}
PROJECTED = frozenset(_PROJECTIONS)
"""What ecCodes calls the grids that are read here."""


@lru_cache(maxsize=64)
def _plane(projection: str) -> Transformer:
    """Return the transformation from degrees on the Earth of a projection to its plane."""
    crs = CRS.from_proj4(projection + " +units=m +type=crs")
    return Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def _lay_out(points: ProjectedPoints, name: str) -> list[Grid]:
    """Return the map grids that a field is seen on."""
    is_mercator = points.projection.startswith("+proj=merc ")
    longitude, latitude = points.outline()
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise damaged_grib(name, "a field reaches beyond its projection")
    poles = [] if is_mercator else _poles_in(points)
    if poles or (not is_mercator and np.abs(latitude).max() > _FARTHEST):
        is_northern = poles[0] if poles else bool(latitude.max() > -latitude.min())
        return [_polar_grid(points, longitude, latitude, _POLAR_EPSG[is_northern])]
    return _degree_grids(points, np.unwrap(longitude, period=360.0), latitude)


def _poles_in(points: ProjectedPoints) -> list[bool]:
    """Return whether it is the northern one for each pole that lies in a field."""
    rows, columns = points.locate(np.zeros(2), np.array([-90.0, 90.0]))
    return [bool(north) for north in np.flatnonzero((rows >= 0) & (columns >= 0))]


def _polar_grid(points: ProjectedPoints, longitude: Numbers, latitude: Numbers, epsg: int) -> Grid:
    x, y = transformer(4326, epsg).transform(longitude, latitude)
    box = tuple(float(edge) for edge in (x.min(), y.min(), x.max(), y.max()))
    if not all(map(math.isfinite, box)):
        raise DamageError("it reaches around the Earth", "Regrid it first.")
    step = round(min(points.step), 3)
    return Lattice(epsg, (step, step)).grid_over(box, epsg)  # type: ignore[arg-type]


def _degree_grids(points: ProjectedPoints, longitude: Numbers, latitude: Numbers) -> list[Grid]:
    """Return the grid around an outline, its longitudes running on; two if it crosses the antimeridian."""
    metres = math.radians(1.0) * 6_371_229.0
    step = 90.0 / math.ceil(90.0 * metres / min(points.step))  # so that a pixel ends at each pole and at 180°
    lattice = Lattice(4326, (step, step))
    south, north = max(float(latitude.min()) - step, -90.0), min(float(latitude.max()) + step, 90.0)
    west, east = float(longitude.min()) - step, float(longitude.max()) + step
    turns = 360.0 * math.floor((west + 180.0) / 360.0)
    west, east = west - turns, east - turns
    boxes: list[BBox] = [(west, south, min(east, 180.0), north)]
    if east - west > 360.0 - step:
        boxes = [(-180.0, south, 180.0, north)]
    elif east > 180.0:
        boxes.append((-180.0, south, east - 360.0, north))
    return [lattice.grid_over(box) for box in boxes]
