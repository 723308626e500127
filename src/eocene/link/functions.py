"""The GeoSPARQL functions, computed by GEOS through shapely.

They take the place of the evaluator's own ones under the same IRIs (``geof:``), since those
leave rows out without a word for distances, areas and literals with a CRS.

=============================================  =======================================
``sfIntersects sfWithin sfContains sfTouches   boolean, planar in longitude and latitude
sfOverlaps sfCrosses sfDisjoint sfEquals``
``distance(a, b, unit)  metricDistance(a, b)`` double, in the store's metric CRS
``length(a, unit)  metricLength(a)``           double
``perimeter(a, unit)  metricPerimeter(a)``     double
``area(a, unit)  metricArea(a)``               double; ``uom:metre`` means m²
``buffer(a, r, unit)  metricBuffer(a, r)``     geometry, made in metres
``centroid(a)``                                geometry, made in metres
``convexHull(a) envelope(a) boundary(a)``      geometry, planar in longitude and latitude
``intersection union difference symDifference``  geometry of two
=============================================  =======================================

A SPARQL function cannot raise: an error would drop the row unseen. So the first error of each
evaluation is kept and raised by the store once the evaluation is over.

Source: OGC 22-047r1 (GeoSPARQL 1.1), clauses 8.7 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import shapely
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from eocene.link.rdf import GEOF, UNIT, UOM, WKT_LITERAL, wkt_literal
from eocene.model import EoceneError, InputError

if TYPE_CHECKING:
    from eocene.link.index import Shape, SpatialIndex

Function = Callable[..., "NamedNode | BlankNode | Literal | Triple | None"]

LENGTHS = {
    UOM + "metre": 1.0,
    UOM + "meter": 1.0,
    UNIT + "M": 1.0,
    UNIT + "KiloM": 1000.0,
}
AREAS = {
    UOM + "metre": 1.0,
    UOM + "meter": 1.0,
    UOM + "squareMetre": 1.0,
    UNIT + "M2": 1.0,
    UNIT + "HA": 10_000.0,
    UNIT + "KiloM2": 1_000_000.0,
}
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sfIntersects": shapely.intersects,
    "sfWithin": shapely.within,
    "sfContains": shapely.contains,
    "sfTouches": shapely.touches,
    "sfOverlaps": shapely.overlaps,
    "sfCrosses": shapely.crosses,
    "sfDisjoint": shapely.disjoint,
    "sfEquals": shapely.equals,
}
_PLANAR_1: dict[str, Callable[[Any], Any]] = {
    "convexHull": shapely.convex_hull,
    "envelope": shapely.envelope,
    "boundary": shapely.boundary,
}
_PLANAR_2: dict[str, Callable[[Any, Any], Any]] = {
    "intersection": shapely.intersection,
    "union": shapely.union,
    "difference": shapely.difference,
    "symDifference": shapely.symmetric_difference,
}
_MEASURES: dict[str, tuple[Callable[[Any], Any], dict[str, float]]] = {
    "area": (shapely.area, AREAS),
    "length": (shapely.length, LENGTHS),
    "perimeter": (shapely.length, LENGTHS),
}


def make_functions(index: Callable[[], SpatialIndex], faults: list[EoceneError]) -> dict[NamedNode, Function]:
    """Build the functions of one evaluation.

    Parameters
    ----------
    index : callable
        Gives the spatial index; called when the first function is.
    faults : list
        The first error is put here.
    """
    named: dict[str, tuple[int, Callable[..., Literal]]] = {}
    named |= {name: (2, _relate(index, relation)) for name, relation in RELATIONS.items()}
    named |= {name: (1, _shape_one(index, make)) for name, make in _PLANAR_1.items()}
    named |= {name: (2, _shape_two(index, make)) for name, make in _PLANAR_2.items()}
    for name, (measure, units) in _MEASURES.items():
        function = _measure(index, measure, units)
        named[name] = (2, function)
        named["metric" + name[0].upper() + name[1:]] = (1, function)
    distance, buffer = _distance(index), _buffer(index)
    named |= {"distance": (3, distance), "metricDistance": (2, distance)}
    named |= {"buffer": (3, buffer), "metricBuffer": (2, buffer)}
    named["centroid"] = (1, _centroid(index))
    return {
        NamedNode(GEOF + name): _guard(name, arity, call, faults) for name, (arity, call) in named.items()
    }


def _guard(name: str, arity: int, call: Callable[..., Literal], faults: list[EoceneError]) -> Function:
    def run(*arguments: Any) -> Literal | None:
        if faults:
            return None
        try:
            if len(arguments) != arity:
                raise InputError(
                    f"geof:{name} takes {arity} arguments and got {len(arguments)}.",
                    "Lengths and areas want a unit, as in geof:distance(?a, ?b, uom:metre)."
                    if arity > len(arguments)
                    else "Leave the others out.",
                )
            return call(*arguments)
        except EoceneError as error:
            faults.append(error)
        except shapely.errors.GEOSException as error:
            faults.append(InputError(f"geof:{name} failed: {error}.", "Repair the geometry (make_valid)."))
        return None

    return run


def _read(index: SpatialIndex, argument: Any) -> Shape:
    if not isinstance(argument, Literal) or argument.datatype != WKT_LITERAL:
        raise InputError(
            f"{str(argument)[:80]} is not a geo:wktLiteral.",
            'Pass the object of geo:asWKT, or a text written as "POINT (9 50)"^^geo:wktLiteral.',
        )
    return index.shape(argument.value)


def _read_unit(units: dict[str, float], argument: Any) -> float:
    factor = units.get(getattr(argument, "value", ""))
    if factor is None:
        raise InputError(
            f"{argument} is not a unit known here.", "Known are: " + ", ".join(sorted(units)) + "."
        )
    return factor


def _relate(index: Callable[[], SpatialIndex], relation: Callable[[Any, Any], Any]) -> Callable[..., Literal]:
    def run(a: Any, b: Any) -> Literal:
        known = index()
        return Literal(bool(relation(_read(known, a).geometry, _read(known, b).geometry)))

    return run


def _shape_one(index: Callable[[], SpatialIndex], make: Callable[[Any], Any]) -> Callable[..., Literal]:
    return lambda a: _write(make(_read(index(), a).geometry))


def _shape_two(index: Callable[[], SpatialIndex], make: Callable[[Any, Any], Any]) -> Callable[..., Literal]:
    def run(a: Any, b: Any) -> Literal:
        known = index()
        return _write(make(_read(known, a).geometry, _read(known, b).geometry))

    return run


def _measure(
    index: Callable[[], SpatialIndex], measure: Callable[[Any], Any], units: dict[str, float]
) -> Callable[..., Literal]:
    def run(a: Any, unit: Any = None) -> Literal:
        factor = 1.0 if unit is None else _read_unit(units, unit)
        known = index()
        return Literal(float(measure(known.metric(_read(known, a)))) / factor)

    return run


def _distance(index: Callable[[], SpatialIndex]) -> Callable[..., Literal]:
    def run(a: Any, b: Any, unit: Any = None) -> Literal:
        factor = 1.0 if unit is None else _read_unit(LENGTHS, unit)
        known = index()
        first, second = known.metric(_read(known, a)), known.metric(_read(known, b))
        return Literal(float(shapely.distance(first, second)) / factor)

    return run


def _buffer(index: Callable[[], SpatialIndex]) -> Callable[..., Literal]:
    def run(a: Any, radius: Any, unit: Any = None) -> Literal:
        factor = 1.0 if unit is None else _read_unit(LENGTHS, unit)
        try:
            metres = float(radius.value) * factor
        except ValueError as error:
            raise InputError(f"{radius} is not a radius.", "Give a number.") from error
        known = index()
        shape = _read(known, a)
        wide = shapely.buffer(known.metric(shape), metres, quad_segs=16)
        return _write(known.frame_for(shape).unproject(wide))

    return run


def _centroid(index: Callable[[], SpatialIndex]) -> Callable[..., Literal]:
    def run(a: Any) -> Literal:
        known = index()
        shape = _read(known, a)
        return _write(known.frame_for(shape).unproject(shapely.centroid(known.metric(shape))))

    return run


def _write(shape: Any) -> Literal:
    return wkt_literal(str(shapely.to_wkt(shape, rounding_precision=-1)))
