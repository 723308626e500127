"""Items as rows of the catalogue; here they are checked, many at once."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import shapely
from shapely.geometry import shape

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.model.grid import BBox

CELLS = "majortom:cells"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBERS = {int, float}
_GEOMETRIES = (
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class Row(NamedTuple):
    """What the catalogue stores of an item.

    Times are microseconds since 1970; ``bbox`` is None without geometry; ``shape`` is the geometry's WKB,
    None where that is its own box.
    """

    collection: str
    id: str
    moment: int | None
    first: int
    last: int
    cloud_cover: float | None
    bbox: BBox | None
    shape: bytes | None
    document: str
    properties: dict[str, Any]

    @property
    def cells(self) -> list[str]:
        """The cells of the global grid that the item names."""
        return list(dict.fromkeys(self.properties.get(CELLS) or ()))


def check_collection(collection: dict[str, Any]) -> str:
    """Return the id of a collection; raises InputError if it has none."""
    name = collection.get("id") if isinstance(collection, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError("A collection has no id.", "Give it an id, a short text.")
    try:
        dump(collection)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"The collection {name!r} is not JSON: {error}.", "Remove NaN and objects."
        ) from error
    return name


def dump(document: dict[str, Any]) -> str:
    """Return JSON text for storage; NaN and other values that JSON lacks raise ValueError or TypeError."""
    try:
        text = orjson.dumps(document, option=_OPTIONS).decode()
        if "null" not in text:  # which orjson writes for NaN
            return text
    except TypeError:  # what orjson does not know, such as long integers; or what is wrong indeed
        pass
    text = json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    text.encode()  # halves of surrogate pairs are no text
    return text


def make_rows(items: Sequence[dict[str, Any]]) -> list[Row]:
    """Check STAC items and return their rows.

    Raises
    ------
    InputError
        If a field is missing or wrong; the item and the field are named.
    """
    documents = [_check(item) for item in items]
    places = _read_places(items)
    return [
        Row(
            item["collection"], item["id"], *_read_times(item, item["properties"]),
            _read_cover(item["properties"]), *place, document, item["properties"],
        )
        for item, document, place in zip(items, documents, places, strict=True)
    ]  # fmt: skip


def _check(item: dict[str, Any]) -> str:
    """Return the document of an item whose parts are of the right kinds."""
    for field in ("id", "collection"):
        value = item.get(field) if isinstance(item, dict) else None
        if not isinstance(value, str) or not value or "\x00" in value:
            raise _wrong(item, field, f"is {value!r}, not a text")
    for field in ("properties", "assets"):
        if not isinstance(item.get(field), dict):
            raise _wrong(item, field, "is not an object")
    cells = item["properties"].get(CELLS, [])
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise _wrong(item, f"properties.{CELLS}", f"is {cells!r}, not a list of texts")
    try:
        return dump(item)
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong(item, "JSON", f"cannot be written: {error}") from error


def _read_cover(properties: dict[str, Any]) -> float | None:
    cloud = properties.get("eo:cloud_cover")
    return float(cloud) if isinstance(cloud, int | float) and not isinstance(cloud, bool) else None


def _read_times(item: dict[str, Any], properties: dict[str, Any]) -> tuple[int | None, int, int]:
    instant = properties.get("datetime")
    moment = None if instant is None else _microseconds(item, "datetime", instant)
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None and end is None:
        if moment is None:
            raise _wrong(
                item, "properties.datetime", "is missing, and so are start_datetime and end_datetime"
            )
        return moment, moment, moment
    first = _microseconds(item, "start_datetime", start)
    last = _microseconds(item, "end_datetime", end)
    if first > last:
        raise _wrong(item, "properties.end_datetime", f"({end}) is before start_datetime ({start})")
    return moment, first, last


def _microseconds(item: dict[str, Any], field: str, text: object) -> int:
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _wrong(item, f"properties.{field}", f"is {text!r}, not an RFC 3339 time") from error
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def _read_places(items: Sequence[dict[str, Any]]) -> list[tuple[BBox | None, bytes | None]]:
    """Return each item's box, and its geometry as WKB unless that is the box itself."""
    located = [number for number, item in enumerate(items) if item.get("geometry") is not None]
    places: list[tuple[BBox | None, bytes | None]] = [(None, None)] * len(items)
    if not located:
        return places
    geometries = _read_geometries([items[number] for number in located])
    bounds = shapely.bounds(geometries).tolist()
    boxes = [_read_bbox(items[number], bound) for number, bound in zip(located, bounds, strict=True)]
    drawn = shapely.box(*np.array(boxes).T)
    is_box = shapely.equals(geometries, drawn) & np.array([box[0] <= box[2] for box in boxes])
    binary = np.where(is_box, np.array(None), shapely.to_wkb(geometries)).tolist()
    for number, box, wkb in zip(located, boxes, binary, strict=True):
        places[number] = box, wkb
    return places


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
            raise _wrong(items[number], "geometry", f"is not GeoJSON ({error})") from error
    for number in np.flatnonzero(shapely.is_empty(geometries)).tolist():
        raise _wrong(items[number], "geometry", "is empty")
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


def _read_bbox(item: dict[str, Any], bounds: Sequence[float]) -> BBox:
    values = item.get("bbox")
    if values is None:
        values = bounds
    if not isinstance(values, list | tuple) or len(values) not in (4, 6) or not _are_numbers(values):
        raise _wrong(item, "bbox", f"is {values!r}, not 4 or 6 numbers")
    west, south, east, north = values if len(values) == 4 else (*values[:2], *values[3:5])
    if not (-180 <= west <= 180 and -180 <= east <= 180 and south >= -90 and north <= 90):
        west, east = _snap(west, 180), _snap(east, 180)
        south, north = _snap(south, 90), _snap(north, 90)
    if not (-180.0 <= west <= 180.0 and -180.0 <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        raise _wrong(item, "bbox", f"is {values!r}, not west, south, east, north in degrees")
    return west, south, east, north


def _are_numbers(values: Sequence[object]) -> bool:
    return _NUMBERS.issuperset(map(type, values)) or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _snap(degrees: float, limit: float) -> float:
    """Return the limit for what misses it by rounding, such as 180.00000000000014."""
    return math.copysign(limit, degrees) if limit < abs(degrees) <= limit + 1e-6 else degrees


def _wrong(item: object, field: str, why: str) -> InputError:
    name = item.get("id") if isinstance(item, dict) else item
    return InputError(
        f"The item {name!r} is not valid: {field} {why}.",
        "Correct the item by the STAC specification; nothing was written.",
    )
