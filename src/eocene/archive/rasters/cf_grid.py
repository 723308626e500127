"""Grids as CF writes them: coordinates of pixel centres, and a CRS in one of five places.

Source: CF 1.11, chapters 4 and 5.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.epsg import find_epsg as read_epsg
from eocene.archive.product import bounds_degrees, union_bbox
from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eocene.model.grid import BBox


@dataclass(frozen=True)
class Coordinate:
    """The name and the values of a coordinate."""

    name: str
    values: Any


def grid_between(
    y: Coordinate, x: Coordinate, shape: tuple[int, ...], epsg: int, path: object, size: float = 0.0
) -> tuple[Grid, bool]:
    """Return the grid whose pixel centres are the coordinates, and whether its rows are stored south-up.

    Parameters
    ----------
    y, x : Coordinate
        Of the pixel centres.
    shape : tuple of int
        Rows and columns of the data.
    epsg : int
        The CRS.
    path : object
        What errors name.
    size : float
        Of a pixel, where there is only one along an axis.

    Raises
    ------
    InputError
        If they are not evenly spaced, or x runs westwards.
    """
    height, width = shape
    north, flip, height_m = _axis(y, height, size, path)
    west, backwards, width_m = _axis(x, width, size, path)
    if backwards:
        raise InputError(f"{str(path)!r}: the x coordinate runs westwards.", "Sort the file by x.")
    affine = (width_m, 0.0, west - width_m / 2, 0.0, -height_m, north + height_m / 2)
    return Grid.from_transform(epsg, affine, width, height), flip


def _axis(coordinate: Coordinate, length: int, size: float, path: object) -> tuple[float, bool, float]:
    """Return the first centre (west or north), whether the axis is stored upwards, and the spacing."""
    name, values = coordinate.name, np.asarray(coordinate.values, dtype=np.float64)
    steps = np.diff(values)
    spacing = float(abs(values[-1] - values[0])) / (length - 1) if length > 1 and values.size else size
    even = values.shape == (length,) and bool(np.all(np.abs(np.abs(steps) - spacing) <= 1e-3 * spacing))
    if not even or not spacing > 0 or not np.isfinite(values).all():
        raise InputError(
            f"The coordinate {name!r} of {str(path)!r} is not evenly spaced, so it makes no grid.",
            "Put the data on a regular grid first.",
        )
    upwards = length > 1 and values[1] > values[0]
    if name.lower().startswith(("x", "lon")):
        return float(values.min()), length > 1 and not upwards, spacing
    return float(values.max()), upwards, spacing


def find_epsg(places: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the EPSG code that the first of some attributes says, in one of the usual ways."""
    for attributes in places:
        for key in ("epsg", "proj:code", "proj:epsg", "crs", "crs_wkt", "spatial_ref"):
            code = _parse_epsg(plain_value(attributes.get(key)))
            if code is not None:
                return code
    return None


def no_crs(name: str, path: object) -> InputError:
    """Return the error of a variable whose CRS is not known."""
    return InputError(
        f"The variable {name!r} of {str(path)!r} has no CRS with an EPSG code.",
        "Add a grid_mapping variable with crs_wkt.",
    )


def _parse_epsg(text: object) -> int | None:
    if text is None:
        return None
    code = re.fullmatch(r"(?:\+init=)?(?:epsg:)?(\d{4,6})", str(text).strip(), re.IGNORECASE)
    return int(code.group(1)) if code else read_epsg(str(text))


def begin_at_antimeridian(grid: Grid, path: object) -> tuple[Grid, int]:
    """Return a grid in degrees whose columns lie west of 180°, and the stored column that is its first.

    Raises
    ------
    InputError
        If it crosses the antimeridian without going around the Earth, or lies elsewhere.
    """
    west, _, east, _ = grid.bounds
    step = grid.lattice.resolution[0]
    if grid.epsg != 4326 or (west >= -180 - step and east <= 180 + step):
        return grid, 0
    shifted = [*grid.transform]
    first = 0
    if west < 180 - step / 2:  # some columns lie on each side
        if east - west < 360 - step / 2 or east - west > 360 + step / 2:
            raise InputError(
                f"The grid of {str(path)!r} reaches from {west} to {east} degrees of longitude.",
                "Split it at the antimeridian, or store it from -180 to 180.",
            )
        first = math.ceil((180 - west - step / 2) / step - 1e-6)
    shifted[2] = west + first * step - 360
    return Grid.from_transform(4326, shifted, grid.width, grid.height), first


def plain_value(value: Any) -> Any:
    """Return an attribute as a plain Python value: bytes as text, one-element arrays as their element."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else value.tolist()
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def finite_number(value: object, default: float) -> float:
    """Return an attribute as a number, the default where it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default


def bounds_on_earth(grids: Iterable[Grid]) -> BBox:
    """Return the box around grids in degrees, up to the antimeridian and the poles."""
    west, south, east, north = union_bbox(bounds_degrees(grid) for grid in grids)
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)
