"""What the applications compute, each as a process that anybody can run with other parameters."""

from __future__ import annotations

from typing import Any

from eocene.apps.graphs import monthly_ndvi, radar_change, true_colour
from eocene.learn.features import make_feature_graph

_ANY = ("", "")
_DEGREES = {"type": "number"}
AREA = {
    "name": "area",
    "description": "The box to compute, in degrees.",
    "schema": {
        "type": "object",
        "subtype": "bounding-box",
        "required": ["west", "south", "east", "north"],
        "properties": dict.fromkeys(("west", "south", "east", "north"), _DEGREES),
    },
}


def _span(name: str, description: str) -> dict[str, Any]:
    schema = {
        "type": "array",
        "subtype": "temporal-interval",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "string"},
    }
    return {"name": name, "description": f"{description}; the end is not part of it.", "schema": schema}


SPAN = _span("span", "From when to when, as two dates")
CUBE = {"description": "A data cube.", "schema": {"type": "object", "subtype": "datacube"}}


def _ask(graph: dict[str, Any], **asked: dict[str, str]) -> dict[str, Any]:
    """Return a graph whose area and dates are parameters; further ones are set as ``node__argument``."""
    asked = {"load__spatial_extent": _of("area"), "load__temporal_extent": _of("span")} | asked
    for place, value in asked.items():
        node, _, argument = place.partition("__")
        graph[node]["arguments"][argument] = value
    return graph


def _of(parameter: str) -> dict[str, str]:
    return {"from_parameter": parameter}


MONTHLY_NDVI = {
    "id": "monthly_ndvi",
    "summary": "NDVI, monthly median",
    "description": "The median of each month of the NDVI of Sentinel-2, without clouds, shadows and snow.",
    "process_graph": _ask(monthly_ndvi(_ANY)),
    "parameters": [AREA, SPAN],
    "returns": CUBE,
}
TRUE_COLOUR = {
    "id": "true_colour",
    "summary": "Sentinel-2 in true colour",
    "description": "Red, green and blue reflectance of each date.",
    "process_graph": _ask(true_colour(_ANY)),
    "parameters": [AREA, SPAN],
    "returns": CUBE,
}
LAND_COVER = {
    "id": "land_cover",
    "summary": "Land cover by a trained model",
    "description": "Class and confidence of each pixel, from monthly medians of Sentinel-2.",
    "process_graph": _ask(make_feature_graph(_ANY, model=""), model__id=_of("model")),
    "parameters": [
        AREA,
        SPAN,
        {"name": "model", "description": "Id of a registered model.", "schema": {"type": "string"}},
    ],
    "returns": CUBE,
}
RADAR_CHANGE = {
    "id": "radar_change",
    "summary": "Change of the radar image",
    "description": "The mean of Sentinel-1 (VV) after an event, less the mean before it.",
    "process_graph": radar_change(_of("area"), _of("before"), _of("after")),
    "parameters": [AREA, _span("before", "Dates before the event"), _span("after", "Dates after the event")],
    "returns": CUBE,
}
PROCESSES = (MONTHLY_NDVI, TRUE_COLOUR, LAND_COVER, RADAR_CHANGE)
"""What the entry point ``eocene.applications`` offers."""
