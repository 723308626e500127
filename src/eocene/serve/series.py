"""Values under a point and statistics inside a polygon, for all dates of a layer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query, Response
from shapely.geometry import Point

from eocene.cube.block import expand
from eocene.cube.feature import Feature
from eocene.cube.geojson import read_geojson
from eocene.cube.inside import find_window, pixels_inside
from eocene.jobs.job import format_label
from eocene.model import InputError, NotFoundError
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.plans import telling
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.viewing import Viewer, ViewerOf, find_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.jobs import Layer
    from eocene.model import Grid

router = APIRouter(tags=["map"])

_MOST_BYTES = 256 << 20
"""Of values that one question may hold in memory."""
_POLYGON = {
    "type": "Polygon",
    "coordinates": [[[9.0, 48.0], [9.01, 48.0], [9.01, 48.01], [9.0, 48.01], [9.0, 48.0]]],
}
Longitude = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]


@router.get("/series/{layer_id}")
async def read_series(
    layer_id: str, lon: Longitude, lat: Latitude, rooms: RoomsOf, viewer: ViewerOf
) -> Response:
    """Return the values under a point for all dates, by band; null is no data."""
    return await _answer(rooms, layer_id, viewer, lambda layer: find_series(rooms, layer, lon, lat))


@router.post("/series/{layer_id}", openapi_extra=describe_body(_POLYGON))
async def read_statistics(layer_id: str, viewer: ViewerOf, body: JsonObject, rooms: RoomsOf) -> Response:
    """Return statistics of the pixels inside a GeoJSON geometry for all dates, by band; null is no data."""
    return await _answer(rooms, layer_id, viewer, lambda layer: find_statistics(rooms, layer, body))


async def _answer(
    rooms: Rooms, layer_id: str, viewer: Viewer, find: Callable[[Layer], dict[str, Any]]
) -> Response:
    """Find it in the pool of questions about places, so that tiles and clicks do not delay each other."""

    def work() -> bytes:
        layer = find_layer(rooms, layer_id, viewer, "raster")
        with telling(rooms.layers, layer):
            return orjson.dumps(find(layer))

    text = await asyncio.get_running_loop().run_in_executor(rooms.points, work)
    return Response(text, media_type="application/json")


def find_series(rooms: Rooms, layer: Layer, lon: float, lat: float) -> dict[str, Any]:
    """Return the values of the pixel under a point.

    Raises
    ------
    NotFoundError
        If the point lies outside the layer.
    """
    plan = rooms.plans.find(layer)
    _, window = _locate(plan, Feature(Point(lon, lat)))
    values, valid = _read(plan, replace(window, width=1, height=1))
    series = np.where(valid, values, np.nan)[:, :, 0, 0].T
    shown = {
        band: [_to_json(v) for v in line] for band, line in zip(_bands(plan), series.tolist(), strict=True)
    }
    return {"layer": layer.id, "lon": lon, "lat": lat, "times": _times(plan), "values": shown}


def find_statistics(rooms: Rooms, layer: Layer, document: dict[str, Any]) -> dict[str, Any]:
    """Return statistics of the pixels that belong to a geometry.

    Of a polygon these are the pixels whose centre it holds. ``count`` says how many of the ``pixels`` have
    data; the others are least, greatest, mean, median and standard deviation (of a population) of these.

    Raises
    ------
    NotFoundError
        If the geometry lies outside the layer.
    InputError
        If it is no GeoJSON of one geometry, or the values inside would take too much memory.
    """
    plan = rooms.plans.find(layer)
    features = read_geojson(document)
    if len(features) != 1:
        raise InputError(
            f"There are {len(features)} geometries.", "Ask for one at a time.", code="InvalidParameterValue"
        )
    feature, window = _locate(plan, features[0])
    _refuse_large(plan, window)
    inside = pixels_inside(feature.geometry, window)
    values, valid = (numbers[:, :, inside] for numbers in _read(plan, window))
    shown = {
        band: _summarise(values[:, number], valid[:, number]) for number, band in enumerate(_bands(plan))
    }
    pixels = int(np.count_nonzero(inside))
    return {"layer": layer.id, "pixels": pixels, "times": _times(plan), "statistics": shown}


def _locate(plan: Any, feature: Feature) -> tuple[Feature, Grid]:
    """Return a geometry in the plan's CRS, and the part of the plan's grid under it."""
    moved = feature.to_epsg(plan.grid.epsg)
    window = find_window(moved.geometry, plan.grid)
    if window is None:
        raise NotFoundError("The place lies outside the data of the layer.", "Choose one inside.")
    return moved, window


def _refuse_large(plan: Any, window: Grid) -> None:
    size = window.width * window.height * max(len(plan.schema.times), 1) * len(_bands(plan)) * 8
    if size > _MOST_BYTES:
        raise InputError(
            f"The values inside take {size / 1e6:.0f} MB; at most {_MOST_BYTES / 1e6:.0f} MB are read.",
            "Draw a smaller geometry, or run aggregate_spatial as a batch job.",
            code="ProcessGraphComplexity",
        )


def _read(plan: Any, window: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return values and where they are data, each (t, bands, y, x)."""
    block = expand(plan.compute(window), _with_lead(plan.schema.dims))
    valid = np.isfinite(block.values) if block.values.dtype.kind == "f" else np.ones(block.values.shape, bool)
    return block.values, valid if block.valid is None else valid & block.valid


def _with_lead(dims: Sequence[str]) -> tuple[str, ...]:
    other = [dim for dim in dims if dim not in ("t", "bands", "y", "x")]
    if other:
        raise InputError(
            f"The layer has the dimension {other[0]!r}.", "Reduce it in the layer's process.",
            code="ServiceConfigInvalid",
        )  # fmt: skip
    return "t", "bands", "y", "x"


def _summarise(values: NDArray[Any], valid: NDArray[np.bool_]) -> dict[str, list[float | int | None]]:
    """Return the statistics of a band (t, pixels): lists of a number for each date."""
    found: dict[str, list[float | int | None]] = {"count": valid.sum(axis=1).tolist()}
    for name, reduce in _STATISTICS.items():
        of_dates = (line[good] for line, good in zip(values, valid, strict=True))
        found[name] = [_to_json(float(reduce(line))) if line.size else None for line in of_dates]
    return found


_STATISTICS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "min": np.min,
    "max": np.max,
    "mean": lambda line: np.mean(line, dtype=np.float64),
    "median": np.median,
    "std": lambda line: np.std(line, dtype=np.float64),
}


def _times(plan: Any) -> list[str]:
    return [format_label(label) for label in plan.schema.times]


def _bands(plan: Any) -> list[str]:
    return [str(band) for band in plan.schema.bands] or ["value"]


def _to_json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
