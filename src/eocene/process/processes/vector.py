"""Processes on geometries, and the way from pixels to them.

Source: openEO processes 2.0, aggregate_spatial, and its proposals of the category vector.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import shapely

from eocene.cube.block import Block
from eocene.cube.feature import Feature, features_of, geometry_dimension, has_metres
from eocene.cube.geojson import read_features
from eocene.model import InputError
from eocene.process.loads.crs import parse_epsg
from eocene.process.methods.points import check_number, random_points, regular_points
from eocene.process.registry import process
from eocene.process.types import Flag, OptionalText

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GEOMETRIES = {"type": "object", "subtype": "datacube", "dimensions": [{"type": "geometry"}]}
VectorCube = Annotated[Block, _GEOMETRIES]
PointCube = Annotated[
    Block,
    {
        "type": "object",
        "subtype": "datacube",
        "dimensions": [{"type": "geometry", "geometry_type": ["Point", "MultiPoint"]}],
    },
]
Distance = Annotated[Any, {"type": "number", "not": {"const": 0}}]
Spacing = Annotated[Any, {"type": "number", "minimumExclusive": 0}]
Count = Annotated[Any, [{"type": "integer", "minimum": 1}, {"title": "Unrestricted", "type": "null"}]]
Seed = Annotated[Any, {"type": ["integer", "null"]}]
Projection = Annotated[
    Any,
    [
        {
            "title": "EPSG Code",
            "type": "integer",
            "subtype": "epsg-code",
            "minimum": 1000,
            "examples": [3857],
        },
        {"title": "WKT2", "type": "string", "subtype": "wkt2-definition"},
    ],
]
RELATIONS = ["intersects", "disjoint", "equals", "touches", "crosses", "overlaps", "contains", "within"]
Relation = Annotated[str, {"type": "string", "enum": RELATIONS}]


@process("vector", experimental=True)
def vector_buffer(geometries: VectorCube, distance: Distance) -> VectorCube:
    """Widen, or with a negative distance shrink, each geometry; the results are polygons.

    Empty geometries stay as they are, and shrinking may leave empty ones. A quarter of a circle has 16
    segments. Properties and values are kept.

    Parameters
    ----------
    geometries
        A vector cube whose CRS counts in metres.
    distance
        In metres; not 0.

    Raises
    ------
    UnitMismatch
        The reference system of the geometries does not count in metres.
    """
    if distance == 0:
        raise _wrong("The distance is 0.", "Give a positive distance to widen, a negative one to shrink.")

    def widen(feature: Feature) -> Feature:
        _check_metres(feature)
        if feature.geometry.is_empty:
            return feature
        return replace(feature, geometry=feature.geometry.buffer(distance, quad_segs=16))

    return _change(geometries, geometry_dimension(geometries), widen)


@process("cubes", "reproject", "vector", experimental=True)
def vector_reproject(data: VectorCube, projection: Projection, dimension: OptionalText = None) -> VectorCube:
    """Put the geometries into another coordinate reference system, vertex by vertex.

    Parameters
    ----------
    data
        A vector cube.
    projection
        EPSG code, or WKT2 of a CRS that has one.
    dimension
        The geometry dimension; null for all there are.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of type geometry of that name.
    """
    names = data.dims_of("geometry")
    if dimension is not None and dimension not in names:
        raise InputError(
            f"The cube has no dimension {dimension!r} of type geometry.",
            f"Its geometry dimensions are {', '.join(names) or 'none'}.",
            code="DimensionNotAvailable",
        )
    epsg = parse_epsg(projection)
    for name in names if dimension is None else (dimension,):
        data = _change(data, name, lambda feature: feature.to_epsg(epsg))
    return data


@process("cubes", "vector", experimental=True)
def vector_to_random_points(
    data: VectorCube,
    geometry_count: Count = None,
    total_count: Count = None,
    group: Flag = True,
    seed: Seed = None,
) -> PointCube:
    """Sample points from geometries, evenly over areas and lengths, each at most once.

    Without any count, one for each geometry. ``total_count`` is shared out evenly, the first geometries
    getting what is left over. Each geometry draws its own numbers from the seed, so that its points do
    not depend on its neighbours; without a seed the points are the same each time, too. Empty
    geometries are passed through.

    Parameters
    ----------
    data
        The geometries.
    geometry_count
        The most points for each geometry.
    total_count
        The most points in all; not less than there are geometries.
    group
        Whether the points of a geometry become one MultiPoint, which keeps its id, or each its own Point.
    seed
        A whole number that decides which points are drawn.

    Raises
    ------
    CountMismatch
        The total number of points is lower than the number of geometries.
    """
    counts = _share_out(len(features_of(data)), geometry_count, total_count)

    def sample(position: int, feature: Feature) -> Any:
        random = np.random.default_rng([abs(int(seed or 0)), int((seed or 0) < 0), position])
        return random_points(feature.geometry, counts[position], random)

    return _to_points(data, sample, group=group)


def _share_out(number: int, each: Any, total: Any) -> list[int]:
    """Return how many points each geometry gets."""
    if each is None and total is None:
        each = 1
    if (each is not None and each < 1) or (total is not None and total < 1):
        raise _wrong("A count of points is less than 1.", "Give counts from 1 on, or null.")
    if total is not None and total < number:
        raise InputError(
            f"The total number of points, {total:.0f}, is lower than the number of geometries, {number}.",
            "Raise total_count or filter the geometries.",
            code="CountMismatch",
        )
    check_number(min(number * each if each else math.inf, total or math.inf))
    shares = (
        [number and int(total) // number + (n < int(total) % number) for n in range(number)] if total else []
    )
    return [min(share, int(each)) if each else share for share in shares] or [int(each or 1)] * number


@process("cubes", "vector", experimental=True)
def vector_to_regular_points(data: VectorCube, distance: Spacing, group: Flag = True) -> PointCube:
    """Sample points at regular distances.

    In polygons the centres, where inside, of square cells that start at the upper left of the polygon's
    bounds, or its first coordinate where there is none; on lines from the first point on along the line;
    points as they are. Empty geometries are passed through.

    Parameters
    ----------
    data
        The geometries, in a CRS that counts in metres.
    distance
        In metres.
    group
        Whether the points of a geometry become one MultiPoint, which keeps its id, or each its own Point.

    Raises
    ------
    UnitMismatch
        The reference system of the geometries does not count in metres.
    """
    if distance <= 0:
        raise _wrong(f"The distance {distance} is not positive.", "Give one above 0, in metres.")

    def sample(_position: int, feature: Feature) -> Any:
        _check_metres(feature)
        return regular_points(feature.geometry, distance)

    return _to_points(data, sample, group=group)


@process("cubes", "filter", "vector", experimental=True)
def filter_vector(data: VectorCube, geometries: VectorCube, relation: Relation = "intersects") -> VectorCube:
    """Keep the geometries that stand in a relation to others.

    A geometry of ``data`` is kept where the union of ``geometries`` intersects, touches, contains … it
    (``within``: where the union lies in it). Empty geometries are left out.

    Parameters
    ----------
    data
        The candidates.
    geometries
        The geometries, or GeoJSON, that they are compared with.
    relation
        intersects, disjoint, equals, touches, crosses, overlaps, contains or within.
    """
    if relation not in RELATIONS:
        raise _wrong(f"There is no relation {relation!r}.", f"Use {', '.join(RELATIONS)}.")
    base = read_features(geometries)
    unions: dict[int, Any] = {}

    def keeps(feature: Feature) -> bool:
        if feature.geometry.is_empty:
            return False
        if feature.epsg not in unions:
            unions[feature.epsg] = shapely.union_all([f.to_epsg(feature.epsg).geometry for f in base])
        return bool(getattr(unions[feature.epsg], relation)(feature.geometry))

    kept = [position for position, feature in enumerate(features_of(data)) if keeps(feature)]
    return data.take(geometry_dimension(data), kept)


def _change(cube: Block, dimension: str, function: Callable[[Feature], Feature]) -> Block:
    """Return the cube with each feature of a geometry dimension replaced."""
    return cube.with_(labels={**cube.labels, dimension: tuple(function(f) for f in cube.labels[dimension])})


def _to_points(cube: Block, sample: Callable[[int, Feature], Any], *, group: bool) -> Block:
    """Return the cube of the points of each geometry; empty ones are passed through."""
    dimension = geometry_dimension(cube)
    positions: list[int] = []
    made: list[Feature] = []
    for position, feature in enumerate(cube.labels[dimension]):
        parts = (
            [feature] if feature.geometry.is_empty else _as_points(feature, sample(position, feature), group)
        )
        made.extend(parts)
        positions.extend([position] * len(parts))
    taken = cube.take(dimension, positions)
    return taken.with_(labels={**taken.labels, dimension: tuple(made)})


def _as_points(feature: Feature, points: Any, group: bool) -> Sequence[Feature]:
    if group:
        return [replace(feature, geometry=shapely.MultiPoint(points))]
    return [replace(feature, geometry=point, id=None) for point in shapely.points(points)]


def _check_metres(feature: Feature) -> None:
    if not has_metres(feature.epsg):
        raise InputError(
            f"The unit of the spatial reference system, EPSG:{feature.epsg}, is not metres, but the given "
            "distance is in metres.",
            "Put the geometries into a metric CRS, such as UTM, with vector_reproject first.",
            code="UnitMismatch",
        )


def _wrong(message: str, remedy: str) -> InputError:
    return InputError(message, remedy, code="ProcessParameterInvalid")
