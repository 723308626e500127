"""Where items lie, many at once: their boxes and geometries, checked."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import shape

from eocene.archive.catalogue.item_checks import dump, wrong_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.model.grid import BBox

_NUMBERS = {int, float}
_GEOMETRIES = (
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip


def read_places(items: Sequence[dict[str, Any]]) -> tuple[NDArray[np.float64], list[bytes | None]]:
    """Return the items' boxes and geometries.

    Returns
    -------
    boxes : ndarray (n, 4)
        West, south, east, north in degrees; NaN without geometry.
    shapes : list of bytes or None
        WKB of the geometries, None where that is its own box, or where there is none.

    Raises
    ------
    InputError
        If a geometry or bbox is wrong; the item and the field are named.
    """
    boxes, shapes = np.full((len(items), 4), np.nan), np.full(len(items), None)
    located = [number for number, item in enumerate(items) if item.get("geometry") is not None]
    if located:
        boxes[located], shapes[located] = _read_located([items[number] for number in located])
    return boxes, shapes.tolist()


def _read_located(items: Sequence[dict[str, Any]]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    geometries = _read_geometries(items)
    bounds = shapely.bounds(geometries)
    corners = chain.from_iterable(map(_read_bbox, items, bounds))
    boxes = np.fromiter(corners, np.float64, 4 * len(items)).reshape(-1, 4)
    binary = shapely.to_wkb(geometries)
    binary[_are_boxes(geometries, boxes)] = None
    return boxes, binary


def _are_boxes(geometries: Any, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which geometries are nothing but their boxes."""
    west, south, east, north = boxes.T
    areas = (east - west) * (north - south)
    near = np.flatnonzero((west <= east) & np.isclose(shapely.area(geometries), areas))
    result = np.zeros(len(boxes), bool)
    if len(near):  # GEOS is asked only where the areas agree
        result[near] = shapely.equals(geometries[near], shapely.box(*boxes[near].T))
    return result


def _read_geometries(items: Sequence[dict[str, Any]]) -> Any:
    """Return the items' geometries as an array; those that GEOS refuses are read one by one."""
    geometries = _draw_rings([item["geometry"] for item in items])
    if geometries is None:
        texts = [_geometry_text(item["geometry"]) for item in items]
        geometries = shapely.from_geojson(texts, on_invalid="ignore")
    for number in np.flatnonzero(shapely.is_missing(geometries)).tolist():
        try:
            geometries[number] = shape(items[number]["geometry"])
        except Exception as error:
            raise wrong_item(items[number], "geometry", f"is not GeoJSON ({error})") from error
    for number in np.flatnonzero(shapely.is_empty(geometries)).tolist():
        raise wrong_item(items[number], "geometry", "is empty")
    return geometries


def _draw_rings(geometries: Sequence[Any]) -> Any:
    """Return polygons without holes, as most items are, drawn all at once; None if one is something else."""
    try:
        if any(geometry["type"] != "Polygon" or len(geometry["coordinates"]) != 1 for geometry in geometries):
            return None
        rings = [geometry["coordinates"][0] for geometry in geometries]
        points = np.array([point for ring in rings for point in ring])
        if points.dtype.kind not in "fi" or points.shape[1] != 2:
            return None
        numbers = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
        return shapely.polygons(shapely.linearrings(points.astype(float), indices=numbers))
    except (TypeError, KeyError, ValueError, IndexError, shapely.GEOSException):
        return None


def _geometry_text(geometry: Any) -> str | None:
    is_geometry = isinstance(geometry, dict) and geometry.get("type") in _GEOMETRIES
    return dump(geometry) if is_geometry else None


def _read_bbox(item: dict[str, Any], bounds: NDArray[np.float64]) -> BBox:
    values = item.get("bbox")
    if values is None:
        values = bounds.tolist()
    if not isinstance(values, list | tuple) or len(values) not in (4, 6) or not _are_numbers(values):
        raise wrong_item(item, "bbox", f"is {values!r}, not 4 or 6 numbers")
    west, south, east, north = values if len(values) == 4 else (*values[:2], *values[3:5])
    if not (-180 <= west <= 180 and -180 <= east <= 180 and south >= -90 and north <= 90):
        west, east = _snap(west, 180), _snap(east, 180)
        south, north = _snap(south, 90), _snap(north, 90)
    if not (-180.0 <= west <= 180.0 and -180.0 <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        raise wrong_item(item, "bbox", f"is {values!r}, not west, south, east, north in degrees")
    return west, south, east, north


def _are_numbers(values: Sequence[object]) -> bool:
    return _NUMBERS.issuperset(map(type, values)) or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _snap(degrees: float, limit: float) -> float:
    """Return the limit for what misses it by rounding, such as 180.00000000000014."""
    return math.copysign(limit, degrees) if limit < abs(degrees) <= limit + 1e-6 else degrees
