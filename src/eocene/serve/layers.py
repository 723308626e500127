"""The layers of the map: their list, and, for tables, features."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from eocene.jobs import list_layer
from eocene.model import InputError
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.viewing import ViewerOf, cache_rule, find_layer, key_query, may_see

if TYPE_CHECKING:
    from eocene.jobs import Layer

router = APIRouter(tags=["map"])


@router.get("/layers")
def list_layers(rooms: RoomsOf, viewer: ViewerOf) -> list[dict[str, Any]]:
    """List the layers of the map: the workspace's own, those that others share, and the caller's."""
    shown = (layer for layer in rooms.layers.list() if may_see(layer, viewer, rooms))
    return [list_layer(layer, key_query(layer, rooms)) for layer in shown]


@router.get("/layers/{layer_id}")
def describe_layer(layer_id: str, rooms: RoomsOf, viewer: ViewerOf) -> dict[str, Any]:
    """Return one layer with the process that it is drawn from."""
    layer = find_layer(rooms, layer_id, viewer)
    shown = list_layer(layer, key_query(layer, rooms))
    return shown | ({"process": layer.process} if layer.process else {})


@router.get("/layers/{layer_id}/features")
def list_features(
    layer_id: str,
    rooms: RoomsOf,
    viewer: ViewerOf,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 20_000,
) -> Response:
    """Return the features of a vector layer as GeoJSON in degrees."""
    layer = find_layer(rooms, layer_id, viewer, "vector")
    stamp = rooms.plans.stamp()
    make = partial(_write_features, rooms, layer, limit)
    text = rooms.features.find((layer.id, layer.updated, stamp, limit), make)
    headers = {"Cache-Control": cache_rule(layer, rooms)}
    return Response(text, media_type="application/geo+json", headers=headers)


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
