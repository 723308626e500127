"""Texts in the formats that our OpenAPI document names, so that fuzzing gets behind the parsers."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st

if TYPE_CHECKING:
    from schemathesis import Case

_LONGITUDES, _LATITUDES = (
    st.floats(-edge, edge, allow_subnormal=False).map(lambda value: round(value, 6)) for edge in (180, 90)
)
_INSTANTS = st.datetimes().map(lambda when: f"{when.replace(year=max(when.year, 1000)).isoformat()}Z")
_ENDS = st.one_of(_INSTANTS, st.just(".."))
_INTERVALS = st.tuples(_INSTANTS, _INSTANTS).map(lambda pair: "/".join(sorted(pair)))
_NAMES = st.sampled_from(["id", "properties.datetime", "properties.eo:cloud_cover", "geometry", "assets"])
_NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).map(repr)
_SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
_TESTS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(['"eo:cloud_cover"', "gsd"]), _SIGNS, _NUMBERS),
    st.builds("platform LIKE '{}%'".format, st.from_regex(r"[a-z]{0,4}", fullmatch=True)),
    st.just("id IS NOT NULL"),
)
_CQL2 = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)
_AGGREGATIONS = st.sampled_from(
    ["total_count", "datetime_min", "datetime_max", "collection_frequency", "datetime_frequency"]
)
_SPARQL = st.sampled_from(
    [
        "ASK {}",
        "SELECT * WHERE { ?s ?p ?o } LIMIT 3",
        "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3",
    ]
)
_FILES = st.lists(st.from_regex(r"[\w+ -]{1,20}", fullmatch=True), min_size=1, max_size=4).map("/".join)


@st.composite
def draw_boxes(draw: st.DrawFn) -> str:
    """Return west, south, east, north."""
    west, east = draw(_LONGITUDES), draw(_LONGITUDES)
    south, north = sorted((draw(_LATITUDES), draw(_LATITUDES)))
    return f"{west},{south},{east},{north}"


def _write(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(names, min_size=1, max_size=3, unique=True).map(",".join)


FORMATS: dict[str, st.SearchStrategy[str]] = {
    "stac-bbox": draw_boxes(),
    "stac-interval": st.one_of(
        _INSTANTS, _INTERVALS, _INSTANTS.map("../{}".format), _INSTANTS.map("{}/..".format)
    ),
    "stac-sortby": _write(
        st.builds("{}{}".format, st.sampled_from(["", "-"]), _NAMES.filter(lambda n: "." in n))
    ),
    "stac-fields": _write(st.builds("{}{}".format, st.sampled_from(["", "-"]), _NAMES)),
    "stac-aggregations": _write(_AGGREGATIONS),
    "stac-query": st.builds(
        lambda sign, value: json.dumps({"eo:cloud_cover": {sign: value}}),
        st.sampled_from(["lt", "gte", "eq"]),
        st.integers(0, 100),
    ),
    "geojson": st.tuples(_LONGITUDES, _LATITUDES).map(
        lambda p: json.dumps({"type": "Point", "coordinates": p})
    ),
    "cql2": _CQL2,
    "cql2-text": _CQL2,
    "sparql": _SPARQL,
    "file-path": _FILES,
}
for _name, _strategy in FORMATS.items():
    schemathesis.openapi.format(_name, _strategy)


_LOAD = {
    "process_id": "load_collection",
    "arguments": {
        "id": "sentinel-2-l2a",
        "bands": ["B04", "B08"],
        "spatial_extent": {"west": 11.999, "south": 48.299, "east": 12.001, "north": 48.301},
        "temporal_extent": ["2024-03-01", "2024-05-01"],
    },
}
_NDVI = {"process_id": "ndvi", "arguments": {"data": {"from_node": "load"}, "nir": "B08", "red": "B04"}}
GRAPHS: tuple[dict[str, Any], ...] = (
    {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}},
    {"load": _LOAD | {"result": True}},
    {"load": _LOAD, "ndvi": _NDVI | {"result": True}},
    {
        "load": _LOAD,
        "save": {
            "process_id": "save_result",
            "arguments": {"data": {"from_node": "load"}, "format": "GTiff"},
            "result": True,
        },
    },
)
"""Graphs that can be run on the simulated collection."""


@schemathesis.hook
def before_call(_context: Any, case: Case, _options: dict[str, Any]) -> None:
    """Give every other process that fits its schema a graph that can be run, so that jobs come to an end."""
    body = case.body
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(body, dict):
        return
    process = body.get("process", body)
    if not isinstance(process, dict) or "process_graph" not in process:
        return
    choice = zlib.crc32(json.dumps(process["process_graph"]).encode())
    if choice % 2:
        plain = {"process_graph": GRAPHS[choice // 2 % len(GRAPHS)]}
        case.body = body | ({"process": plain} if "process" in body else plain)


@schemathesis.serializer("application/sparql-query")
def serialize_question(_context: Any, value: Any) -> bytes:
    """Return a question as it is sent: as it stands."""
    return str(value).encode(errors="replace")
