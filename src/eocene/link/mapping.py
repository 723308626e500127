"""Features and observations as RDF: GeoSPARQL 1.1, SKOS and SOSA.

One feature becomes::

    feature:parcels:17  a geo:Feature, ecn:Parcel ;
        geo:hasGeometry feature:parcels:17:geometry ;   # a geo:Geometry with geo:asWKT in CRS84
        geo:hasMetricArea 20500.0 ;                     # m²
        ecn:landClass class:maize ;                     # a skos:Concept with skos:prefLabel
        ecn:confidence 0.93 ;
        prov:wasGeneratedBy job:42 .

Source: OGC 22-047r1 (GeoSPARQL 1.1), W3C Semantic Sensor Network ontology (SOSA).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pyoxigraph import Literal, NamedNode, Quad

from eocene.link.rdf import (
    AS_WKT,
    BASE,
    GEO,
    HAS_GEOMETRY,
    LABEL,
    PROV,
    SKOS,
    SOSA,
    TYPE,
    XSD,
    check_base,
    class_iri,
    date_time,
    feature_iri,
    job_graph,
    layer_graph,
    mint,
    term,
    wkt_literal,
)
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import geopandas as gpd

_COLUMNS = ("feature", "time", "property", "value")


def map_parcels(gdf: gpd.GeoDataFrame, *, layer: str = "parcels", **options: Any) -> Iterator[Quad]:
    """Map agricultural parcels; as `map_features` with the kind ``Parcel``."""
    return map_features(gdf, layer=layer, kind="Parcel", **options)


def map_features(  # noqa: PLR0913 - columns and names, all but two with a default
    gdf: gpd.GeoDataFrame,
    *,
    layer: str,
    kind: str | None = None,
    id_column: str = "id",
    class_column: str | None = "class",
    confidence_column: str | None = "confidence",
    job: str | None = None,
    base: str = BASE,
) -> Iterator[Quad]:
    """Map features with their class and confidence to quads in the layer's named graph.

    Parameters
    ----------
    gdf : GeoDataFrame
        One row a feature, in any CRS. Areas (m²) are planar in that CRS if its unit is the metre,
        else in the UTM zone that geopandas estimates for the whole frame.
    layer : str
        The layer's name; part of every IRI.
    kind : str, optional
        A second type, ``ecn:<kind>``: ``Parcel``, ``WaterBody``, …
    id_column, class_column, confidence_column : str
        Columns; class and confidence are left out where the column is absent or the cell is null.
    job : str, optional
        The job that made the classification, for ``prov:wasGeneratedBy``.

    Raises
    ------
    InputError
        Before anything is yielded: no CRS, an id that is null or twice there, a geometry that is
        missing, empty or invalid, a confidence outside 0…1.
    """
    check_base(base)
    ids = _read_ids(gdf, id_column)
    if gdf.crs is None:
        raise InputError("The features have no CRS.", "Set it with gdf.set_crs(…).")
    _check_geometries(gdf, ids)
    areas = _measure_areas(gdf)
    wkts = shapely.to_wkt(
        shapely.force_2d(gdf.geometry.to_crs("OGC:CRS84").to_numpy()), rounding_precision=-1
    )
    classes = _read_column(gdf, class_column)
    confidences = _read_confidences(gdf, confidence_column, ids)
    rows = list(zip(ids, wkts, areas, classes, confidences, strict=True))
    kinds = [NamedNode(GEO + "Feature"), *([term(base, kind)] if kind else [])]
    return _emit_features(rows, layer, kinds, job, base)


def _emit_features(
    rows: Sequence[tuple[str, str, float, Any, float | None]],
    layer: str,
    kinds: Sequence[NamedNode],
    job: str | None,
    base: str,
) -> Iterator[Quad]:
    graph = layer_graph(layer, base)
    land_class, confidence_term = term(base, "landClass"), term(base, "confidence")
    metric_area, geometry_type = NamedNode(GEO + "hasMetricArea"), NamedNode(GEO + "Geometry")
    generated = NamedNode(PROV + "wasGeneratedBy")
    for name in sorted({str(row[3]) for row in rows if row[3] is not None}):
        yield from _emit_class(name, graph, base)
    for identifier, wkt, area, name, confidence in rows:
        feature = feature_iri(layer, identifier, base)
        geometry = NamedNode(feature.value + ":geometry")
        for kind in kinds:
            yield Quad(feature, TYPE, kind, graph)
        yield Quad(feature, LABEL, Literal(identifier), graph)
        yield Quad(feature, HAS_GEOMETRY, geometry, graph)
        yield Quad(geometry, TYPE, geometry_type, graph)
        yield Quad(geometry, AS_WKT, wkt_literal(wkt), graph)
        yield Quad(feature, metric_area, Literal(area), graph)
        if name is not None:
            yield Quad(feature, land_class, class_iri(str(name), base), graph)
        if confidence is not None:
            yield Quad(feature, confidence_term, Literal(confidence), graph)
        if job is not None:
            yield Quad(feature, generated, job_graph(job, base), graph)


def _emit_class(name: str, graph: NamedNode, base: str) -> Iterator[Quad]:
    concept, scheme = class_iri(name, base), NamedNode(base + "classes")
    yield Quad(concept, TYPE, NamedNode(SKOS + "Concept"), graph)
    yield Quad(concept, NamedNode(SKOS + "prefLabel"), Literal(name, language="en"), graph)
    yield Quad(concept, NamedNode(SKOS + "inScheme"), scheme, graph)
    yield Quad(scheme, TYPE, NamedNode(SKOS + "ConceptScheme"), graph)


def map_observations(
    frame: pd.DataFrame,
    *,
    layer: str,
    features: str = "parcels",
    procedure: str | None = None,
    base: str = BASE,
) -> Iterator[Quad]:
    """Map a table of observations to SOSA, in the named graph of ``layer``.

    Parameters
    ----------
    frame : DataFrame
        Columns ``feature`` (id in the layer ``features``), ``time`` (UTC where no zone is given),
        ``property`` (such as NDVI), ``value`` (float). A row whose value is NaN is a missing
        observation (cloud, say) and is left out.
    procedure : str, optional
        What made the values, such as the IRI of a process graph; a plain name is minted.

    Raises
    ------
    InputError
        A column is missing, a time or id is null, a value is infinite, or two rows have the same
        feature, time and property.
    """
    check_base(base)
    table = _check_observations(frame)
    used = None
    if procedure is not None:
        used = NamedNode(procedure) if ":" in procedure else mint(base, "procedure", procedure)
    return _emit_observations(table, layer, features, used, base)


def _emit_observations(
    table: pd.DataFrame, layer: str, features: str, used: NamedNode | None, base: str
) -> Iterator[Quad]:
    graph = layer_graph(layer, base)
    observation_type, property_type = NamedNode(SOSA + "Observation"), NamedNode(SOSA + "ObservableProperty")
    of_feature, observed = NamedNode(SOSA + "hasFeatureOfInterest"), NamedNode(SOSA + "observedProperty")
    at, result = NamedNode(SOSA + "resultTime"), NamedNode(SOSA + "hasSimpleResult")
    by, double = NamedNode(SOSA + "usedProcedure"), NamedNode(XSD + "double")
    for name in sorted(set(table["property"])):
        node = mint(base, "property", name)
        yield Quad(node, TYPE, property_type, graph)
        yield Quad(node, LABEL, Literal(name), graph)
    for feature, time, name, value in table.itertuples(index=False, name=None):
        moment = date_time(time)
        key = "\n".join((layer, features, feature, name, moment.value))
        node = mint(base, "observation", hashlib.sha256(key.encode()).hexdigest()[:32])
        yield Quad(node, TYPE, observation_type, graph)
        yield Quad(node, of_feature, feature_iri(features, feature, base), graph)
        yield Quad(node, observed, mint(base, "property", name), graph)
        yield Quad(node, at, moment, graph)
        yield Quad(node, result, Literal(repr(float(value)), datatype=double), graph)
        if used is not None:
            yield Quad(node, by, used, graph)


def _check_observations(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise InputError(
            f"The observations lack the column {missing[0]!r}; they have {list(frame.columns)}.",
            "Rename the columns to feature, time, property and value.",
        )
    table = frame[list(_COLUMNS)].copy()
    for name in ("feature", "time", "property"):
        if table[name].isna().any():
            raise InputError(f"An observation has no {name}.", "Drop or complete such rows.")
    table["feature"], table["property"] = table["feature"].astype(str), table["property"].astype(str)
    table["time"] = pd.to_datetime(table["time"], utc=True)
    table["value"] = table["value"].astype(float)
    if np.isinf(table["value"]).any():
        raise InputError("An observation has an infinite value.", "Drop such rows or set them to NaN.")
    keys = table[["feature", "time", "property"]]
    if keys.duplicated().any():
        first = keys[keys.duplicated()].iloc[0]
        raise InputError(
            f"Two observations of {first['property']} on {first['feature']!r} have the time {first['time']}.",
            "Keep one of them, for instance the mean of the day.",
        )
    return table.dropna(subset=["value"])


def _read_ids(gdf: gpd.GeoDataFrame, column: str) -> list[str]:
    if column not in gdf.columns:
        raise InputError(
            f"The features have no column {column!r}; they have {list(gdf.columns)}.", "Give id_column."
        )
    if gdf[column].isna().any():
        raise InputError(f"A feature has no {column!r}.", "Give every feature an id.")
    ids = gdf[column].astype(str)
    if ids.duplicated().any():
        raise InputError(
            f"The id {ids[ids.duplicated()].iloc[0]!r} stands on more than one feature.",
            "Give every feature its own id, or dissolve the features by it.",
        )
    return [str(value) for value in ids]


def _check_geometries(gdf: gpd.GeoDataFrame, ids: Sequence[str]) -> None:
    shapes = gdf.geometry.to_numpy()
    hollow = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if hollow.any():
        raise InputError(
            f"The feature {ids[int(np.argmax(hollow))]!r} has no geometry.", "Drop features without one."
        )
    faulty = ~shapely.is_valid(shapes)
    if faulty.any():
        first = int(np.argmax(faulty))
        raise InputError(
            f"The geometry of {ids[first]!r} is invalid: {shapely.is_valid_reason(shapes[first])}.",
            "Repair it with gdf.make_valid().",
        )


def _measure_areas(gdf: gpd.GeoDataFrame) -> list[float]:
    axis = gdf.crs.axis_info[0]
    metric = gdf.crs.is_projected and axis.unit_conversion_factor == 1.0
    shapes = gdf.geometry if metric or gdf.empty else gdf.geometry.to_crs(gdf.estimate_utm_crs())
    return [float(area) for area in shapes.area]


def _read_column(gdf: gpd.GeoDataFrame, column: str | None) -> list[Any]:
    if column is None or column not in gdf.columns:
        return [None] * len(gdf)
    return [None if pd.isna(value) else value for value in gdf[column]]


def _read_confidences(gdf: gpd.GeoDataFrame, column: str | None, ids: Sequence[str]) -> list[float | None]:
    values = [None if value is None else float(value) for value in _read_column(gdf, column)]
    for identifier, value in zip(ids, values, strict=True):
        if value is not None and not 0.0 <= value <= 1.0:
            raise InputError(f"The confidence of {identifier!r} is {value}.", "Give it between 0 and 1.")
    return values
