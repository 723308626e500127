"""GeoJSON as users write it: into features and vector cubes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from eocene.cube.block import Block
from eocene.cube.feature import GEOMETRY, Feature, features_of, from_geodataframe, make_vector_cube
from eocene.model import InputError
from eocene.model.grid import is_geographic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

_SHAPES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}


def read_features(geometries: Any) -> tuple[Feature, ...]:
    """Return the geometries that a user gives: a vector cube, a GeoDataFrame or GeoJSON."""
    if isinstance(geometries, Block):
        return features_of(geometries)
    if isinstance(geometries, gpd.GeoDataFrame):
        return features_of(from_geodataframe(geometries))
    return tuple(read_geojson(geometries))


def read_geojson(document: Any) -> list[Feature]:
    """Return the features of a GeoJSON object, in EPSG:4326 or what its member ``crs`` names.

    A feature without geometry gets an empty one.

    Raises
    ------
    InputError
        If it is no GeoJSON, holds a GeometryCollection or coordinates that are none.
    """
    try:
        kind = document["type"]
        if kind == "FeatureCollection":
            entries = list(document["features"])
        else:
            entries = [document if kind == "Feature" else {"type": "Feature", "geometry": document}]
        epsg = _read_crs(document.get("crs"))
        return [_read_feature(entry, epsg) for entry in entries]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ShapelyError) as error:
        raise _no_geojson(str(error) or type(error).__name__) from error


def _read_feature(entry: Mapping[str, Any], epsg: int) -> Feature:
    if entry["type"] != "Feature":
        raise _no_geojson(f"{entry['type']!r} stands where a Feature is needed")
    stated = entry["geometry"]
    if stated is None:
        return Feature(shapely.Point(), epsg, dict(entry.get("properties") or {}), entry.get("id"))
    if stated["type"] not in _SHAPES:
        raise _no_geojson(f"the type {stated['type']!r} is not supported")
    geometry = shapely.force_2d(shape(stated))
    _check_coordinates(geometry, epsg)
    return Feature(geometry, epsg, dict(entry.get("properties") or {}), entry.get("id"))


def _check_coordinates(geometry: BaseGeometry, epsg: int) -> None:
    points = shapely.get_coordinates(geometry)
    if not np.isfinite(points).all():
        raise _no_geojson("a coordinate is not finite")
    if is_geographic(epsg) and (abs(points) > (360, 90)).any():
        raise _no_geojson("coordinates leave the globe: are they degrees, longitude first?")


def _no_geojson(why: str) -> InputError:
    return InputError(
        f"The geometries are not GeoJSON: {why}.",
        "Give a FeatureCollection, a Feature or a geometry in EPSG:4326, such as a Polygon.",
        code="ProcessParameterInvalid",
    )


def _read_crs(member: Any) -> int:
    """Return the EPSG code that GeoJSON's member ``crs`` names (GeoJSON 2008, section 3)."""
    if member is None:
        return 4326
    name = str(member["properties"]["name"]).upper()
    if name.endswith("CRS84"):
        return 4326
    found = re.fullmatch(r"(?:URN:OGC:DEF:CRS:)?EPSG:(?:[\d.]*:)?(\d+)", name)
    if not found:
        raise _no_geojson(f"its crs {name!r} is not an EPSG code")
    epsg = int(found.group(1))
    is_geographic(epsg)  # raises if there is no such CRS
    return epsg


def make_property_cube(features: Sequence[Feature], names: Sequence[str]) -> Block:
    """Return a vector cube (geometry, properties) of some of the features' properties.

    One property that holds arrays gives a label for each of their positions.
    """
    if not names:
        return make_vector_cube(features)
    rows: list[list[Any]] = [[f.properties.get(name) for name in names] for f in features]
    labels: tuple[Any, ...] = tuple(names)
    if len(names) == 1 and any(isinstance(row[0], list | tuple) for row in rows):
        rows = [list(row[0]) if isinstance(row[0], list | tuple) else [row[0]] for row in rows]
        labels = tuple(range(max(map(len, rows))))
        rows = [row + [None] * (len(labels) - len(row)) for row in rows]
    values = np.full((len(rows), len(labels)), None, object)
    for number, row in enumerate(rows):
        values[number] = row
    valid = np.array([[v is not None for v in row] for row in rows], bool).reshape(values.shape)
    return Block(
        narrow(values, valid),
        (GEOMETRY, "properties"),
        {GEOMETRY: tuple(features), "properties": labels},
        None if valid.all() else valid,
    )


def narrow(values: Any, valid: Any) -> Any:
    """Return an array of objects as one of numbers or truths where all that is valid is one of these."""
    present = list(values[valid])
    if present and all(isinstance(v, bool | np.bool_) for v in present):
        return np.where(valid, values, False).astype(bool)
    if present and all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in present):
        return np.where(valid, values, np.nan).astype(np.float64)
    return values
