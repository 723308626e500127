"""The layers of the map: their list, tiles, series, legends and, for tables, features."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from eocene.jobs import list_layer
from eocene.model import InputError, NotFoundError
from eocene.serve.auth import Reader
from eocene.serve.colours import describe_legend
from eocene.serve.rooms import Rooms, RoomsOf

if TYPE_CHECKING:
    from eocene.jobs import Layer

router = APIRouter(tags=["map"])

_CACHE = "public, max-age=60"
Longitude = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]


@router.get("/layers")
def list_layers(rooms: RoomsOf, _reader: Reader) -> list[dict[str, Any]]:
    """List the layers of the map."""
    return [list_layer(layer) for layer in rooms.layers.list() if layer.enabled]


@router.get("/layers/{layer_id}")
def describe_layer(layer_id: str, rooms: RoomsOf, _reader: Reader) -> dict[str, Any]:
    """Return one layer with the process that it is drawn from."""
    layer = find_layer(rooms, layer_id)
    return list_layer(layer) | ({"process": layer.process} if layer.process else {})


@router.get("/layers/{layer_id}/legend")
def show_legend(layer_id: str, rooms: RoomsOf, _reader: Reader) -> dict[str, Any]:
    """Return what the colours of a layer mean."""
    layer = find_layer(rooms, layer_id)
    return {"title": layer.title} | describe_legend(layer.style)


@router.get("/tiles/{layer_id}/{z}/{x}/{y}.png")
async def draw_tile(
    layer_id: str,
    z: int,
    x: int,
    y: int,
    request: Request,
    rooms: RoomsOf,
    _reader: Reader,
    time: str | None = None,
) -> Response:
    """Return a tile of 256 × 256 pixels in Web Mercator; ``time`` is one of the layer's, or the last."""

    def work() -> bytes:
        layer = find_layer(rooms, layer_id, "raster")
        return rooms.drawing.draw_tile(layer, (z, x, y), time)

    # The pool is bounded, so that a map in motion cannot take every thread from the API.
    image = await asyncio.get_running_loop().run_in_executor(rooms.pool, work)
    tag = f'"{hashlib.sha256(image).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(image, media_type="image/png", headers=headers)


@router.get("/series/{layer_id}")
async def read_series(
    layer_id: str, lon: Longitude, lat: Latitude, rooms: RoomsOf, _reader: Reader
) -> dict[str, Any]:
    """Return the values under a point for all dates."""

    def work() -> dict[str, Any]:
        return rooms.drawing.read_series(find_layer(rooms, layer_id, "raster"), lon, lat)

    return await asyncio.get_running_loop().run_in_executor(rooms.pool, work)


@router.get("/layers/{layer_id}/features")
def list_features(
    layer_id: str,
    rooms: RoomsOf,
    _reader: Reader,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 20_000,
) -> Response:
    """Return the features of a vector layer as GeoJSON in degrees."""
    layer = find_layer(rooms, layer_id, "vector")
    stamp = rooms.drawing.stamp()
    make = partial(_write_features, rooms, layer, limit)
    text = rooms.features.find((layer.id, layer.updated, stamp, limit), make)
    return Response(text, media_type="application/geo+json", headers={"Cache-Control": _CACHE})


def find_layer(rooms: Rooms, layer_id: str, kind: str | None = None) -> Layer:
    """Return a layer that is shown; raises NotFoundError, and InputError if it is of another kind."""
    layer = rooms.layers.get(layer_id)
    if not layer.enabled:
        raise NotFoundError(
            f"The layer {layer_id!r} is switched off.", "Enable it first.", code="ServiceNotFound"
        )
    if kind is not None and layer.kind != kind:
        raise InputError(
            f"The layer {layer_id!r} is a {layer.kind} layer.",
            "Ask for its features." if layer.kind == "vector" else "Ask for its tiles or series.",
            code="ServiceConfigInvalid",
        )
    return layer


def _write_features(rooms: Rooms, layer: Layer, limit: int) -> str:
    import geopandas as gpd

    from eocene.archive.tables.parquet import read_table
    from eocene.archive.tables.vector_files import read_geojson

    source = layer.source or ""
    if source.endswith((".parquet", ".geojson", ".json")):
        path = rooms.archive.door().resolve(source, rooms.layout.root.resolve())
        table = read_table(path) if path.suffix == ".parquet" else read_geojson(path)
    else:
        table = rooms.archive.table(source)
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(
            f"The table {source!r} has no geometries.",
            "Draw a table of features.",
            code="ServiceConfigInvalid",
        )
    shown = table.iloc[:limit].to_crs(4326)
    collection = json.loads(shown.to_json(drop_id=True, default=str))
    collection["numberMatched"], collection["numberReturned"] = len(table), len(shown)
    return json.dumps(collection)
