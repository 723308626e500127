"""Tiles of layers by zoom, column and row (XYZ), and TileJSON, which tells maps about them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from eocene.jobs.layer import MOST_ZOOM
from eocene.serve.drawing import Wanted
from eocene.serve.images import MEDIA_TYPES
from eocene.serve.plans import telling
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf, join_path
from eocene.serve.viewing import Viewer, ViewerOf, cache_rule, find_layer, key_query

if TYPE_CHECKING:
    from eocene.jobs import Layer

router = APIRouter(tags=["map"])

Ending = Literal["png", "jpg", "jpeg", "webp"]
Number = Annotated[int, Path(ge=-(2**31), lt=2**31)]
_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {"content": {t: {} for t in sorted(set(MEDIA_TYPES.values()))}, "description": "The tile."},
    304: {"description": "The tile is as it was."},
}


@router.get("/tiles/{layer_id}/tilejson.json")
async def describe_tiles(
    layer_id: str, rooms: RoomsOf, viewer: ViewerOf, address: AddressOf, time: str | None = None
) -> Response:
    """Return what maps need to know of a layer as TileJSON 3.0: addresses, extent, zooms."""
    layer = find_layer(rooms, layer_id, viewer, "raster")
    queries = [key_query(layer, rooms), f"time={time}" if time else ""]
    template = address(f"{join_path(['tiles', layer.id])}/{{z}}/{{x}}/{{y}}.png")
    return Response(
        orjson.dumps(make_tilejson(layer, join_query(template, *queries))), media_type="application/json"
    )


async def read_place(z: Number, x: Number, y: Number, time: str | None = None) -> Wanted:
    """Return which tile is asked for; ``time`` is one of the layer's, or the last."""
    return Wanted((z, x, y), time)


Place = Annotated[Wanted, Depends(read_place)]


@router.get("/tiles/{layer_id}/{z}/{x}/{y}.{ending}", responses=_IMAGES, response_class=Response)
async def draw_tile(
    layer_id: str, place: Place, ending: Ending, request: Request, rooms: RoomsOf, viewer: ViewerOf
) -> Response:
    """Return a tile of 256 × 256 pixels in Web Mercator."""
    return await answer_tile(rooms, layer_id, viewer, replace(place, media_type=MEDIA_TYPES[ending]), request)


@router.get("/tiles/{layer_id}/{z}/{x}/{y}", responses=_IMAGES, response_class=Response)
async def draw_suitable_tile(
    layer_id: str, place: Place, request: Request, rooms: RoomsOf, viewer: ViewerOf
) -> Response:
    """Return a tile in the format that suits it: JPEG if it is opaque, else WebP if accepted, else PNG."""
    wanted = replace(place, media_type=None, accept=request.headers.get("accept", ""))
    return await answer_tile(rooms, layer_id, viewer, wanted, request)


async def answer_tile(
    rooms: Rooms, layer_id: str, viewer: Viewer, wanted: Wanted, request: Request
) -> Response:
    """Return a tile, or only that it has not changed; what was not changed is not drawn, either."""
    known = request.headers.get("if-none-match", "")

    def work() -> Response:
        layer = find_layer(rooms, layer_id, viewer, "raster")
        tag = rooms.drawing.tag(layer, wanted)
        headers = {"ETag": tag, "Cache-Control": cache_rule(layer, rooms)}
        if wanted.media_type is None:
            headers["Vary"] = "Accept"
        if tag in known:
            return Response(status_code=304, headers=headers)
        with telling(rooms.layers, layer):
            tile = rooms.drawing.draw_tile(layer, wanted)
        return Response(tile.content, media_type=tile.media_type, headers=headers)

    # The pool is bounded, so that a map in motion cannot take every thread from the API.
    return await asyncio.get_running_loop().run_in_executor(rooms.pool, work)


def join_query(url: str, *queries: str) -> str:
    """Return an address with those of the queries that are not empty."""
    return url + "".join(
        f"{'&' if number else '?'}{query}" for number, query in enumerate(filter(None, queries))
    )


def make_tilejson(layer: Layer, template: str) -> dict[str, Any]:
    """Return the TileJSON of a layer.

    Source: TileJSON 3.0.0, https://github.com/mapbox/tilejson-spec/tree/master/3.0.0
    """
    shown: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": layer.title,
        "scheme": "xyz",
        "tiles": [template],
        "minzoom": 0,
        "maxzoom": MOST_ZOOM if layer.native_zoom is None else layer.native_zoom,
    }
    if layer.description:
        shown["description"] = layer.description
    if layer.bounds:
        west, south, east, north = layer.bounds
        shown["bounds"] = list(layer.bounds)
        middle = (west + east) / 2 if west <= east else west
        shown["center"] = [middle, (south + north) / 2, max(shown["maxzoom"] - 4, 0)]
    return shown
