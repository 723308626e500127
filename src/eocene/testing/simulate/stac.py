"""The static STAC 1.1.0 catalogue around the simulated files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from eocene._version import __version__
from eocene.model.files import write_json
from eocene.testing.simulate.rasters import MEDIA_TYPE
from eocene.testing.simulate.sentinel1 import POLARISATIONS
from eocene.testing.simulate.sentinel1 import describe_band as describe_polarisation
from eocene.testing.simulate.sentinel2 import OPTICAL, SCENE_FIELDS
from eocene.testing.simulate.tables import MEDIA_TYPE as PARQUET
from eocene.testing.simulate.tables import PARCEL_COLUMNS, WATER_COLUMNS
from eocene.testing.simulate.truth import LABEL_FIELDS
from eocene.testing.simulate.weather import COLUMNS as WEATHER_COLUMNS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from eocene.testing.simulate.places import Tile

VERSION = "1.1.0"
YEAR = ("2024-01-01T00:00:00Z", "2024-12-31T23:59:59Z")
_HOME = "https://stac-extensions.github.io"
EXTENSIONS = {
    "proj": f"{_HOME}/projection/v2.0.0/schema.json",
    "raster": f"{_HOME}/raster/v2.0.0/schema.json",
    "eo": f"{_HOME}/eo/v2.0.0/schema.json",
    "view": f"{_HOME}/view/v1.0.0/schema.json",
    "classification": f"{_HOME}/classification/v2.0.0/schema.json",
    "table": f"{_HOME}/table/v1.2.0/schema.json",
    "cube": f"{_HOME}/datacube/v2.2.0/schema.json",
    "sar": f"{_HOME}/sar/v1.0.0/schema.json",
}


@dataclass(frozen=True)
class Shelf:
    """What a collection says about itself."""

    id: str
    title: str
    description: str
    assets: dict[str, dict[str, Any]]
    extensions: tuple[str, ...]
    summaries: dict[str, Any]


def _raster(dtype: str, gsd: int, **fields: Any) -> dict[str, Any]:
    return {"type": MEDIA_TYPE, "roles": ["data"], "data_type": dtype, "nodata": 0, "gsd": gsd, **fields}


def _table(columns: dict[str, str]) -> dict[str, Any]:
    listed = [{"name": name, "description": text} for name, text in columns.items()]
    return {"type": PARQUET, "roles": ["data"], "table:columns": listed}


_SHELVES = (
    Shelf(
        "sentinel-2-l2a",
        "Sentinel-2 L2A (simulated)",
        "Surface reflectance and scene classification of a simulated world, as Sentinel-2 would see it.",
        {
            **{b.name: _raster("uint16", b.resolution_m, **b.as_stac()) for b in OPTICAL},
            "SCL": _raster("uint8", 20, **SCENE_FIELDS),
        },
        ("proj", "raster", "eo", "classification", "view"),
        {"platform": ["sentinel-2a", "sentinel-2b"], "constellation": ["sentinel-2"], "gsd": [10, 20]},
    ),
    Shelf(
        "sentinel-1-grd",
        "Sentinel-1 GRD (simulated)",
        "Gamma nought (linear power) of a simulated world with speckle, on the grid of the optical tiles.",
        {band: _raster("float32", 20, **describe_polarisation(band)) for band in POLARISATIONS},
        ("proj", "raster", "sar"),
        {"platform": ["sentinel-1a"], "constellation": ["sentinel-1"], "gsd": [20]},
    ),
    Shelf(
        "weather",
        "Daily weather (simulated)",
        "Mean temperature, precipitation and solar radiation of every day of 2024, one place.",
        {"data": _table(WEATHER_COLUMNS)},
        ("table",),
        {},
    ),
    Shelf(
        "parcels",
        "Parcels (simulated)",
        "Farmers' parcels of 2024 with their crop, area and dates of sowing and harvest.",
        {"data": _table(PARCEL_COLUMNS)},
        ("table",),
        {},
    ),
    Shelf(
        "water",
        "Water bodies (simulated)",
        "River and lakes.",
        {"data": _table(WATER_COLUMNS)},
        ("table",),
        {},
    ),
    Shelf(
        "reference",
        "Reference labels (simulated)",
        "Land cover and crops of 2024 at 10 m, 0 at field edges, on roads and where the cover changed.",
        {"classes": _raster("uint8", 10, **LABEL_FIELDS)},
        ("proj", "raster", "classification"),
        {"gsd": [10]},
    ),
)
SHELVES = {shelf.id: shelf for shelf in _SHELVES}
COLLECTIONS = tuple(SHELVES)


def make_item(
    shelf: Shelf,
    item_id: str,
    shape: shapely.Polygon,
    time: datetime | None,
    assets: dict[str, dict[str, Any]],
    properties: dict[str, Any],
) -> dict[str, Any]:
    """Return a STAC item; without ``time`` it stands for the year 2024."""
    when: dict[str, Any] = {"datetime": None, "start_datetime": YEAR[0], "end_datetime": YEAR[1]}
    if time is not None:
        when = {"datetime": stamp(time)}
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [EXTENSIONS[e] for e in shelf.extensions],
        "id": item_id,
        "geometry": shapely.geometry.mapping(shape),
        "bbox": list(shape.bounds),
        "properties": {**when, **properties, "processing:software": {"eocene": __version__}},
        "collection": shelf.id,
        "links": [
            _link("root", "../../catalog.json"),
            _link("parent", "../collection.json"),
            _link("collection", "../collection.json"),
        ],
        "assets": assets,
    }


def write_collection(
    folder: Path, shelf: Shelf, items: list[str], tiles: tuple[Tile, Tile], span: tuple[str, str]
) -> None:
    """Write ``collection.json`` with links to the items."""
    whole = find_bounds(tiles)
    write_json(
        folder / shelf.id / "collection.json",
        {
            "type": "Collection",
            "stac_version": VERSION,
            "stac_extensions": [EXTENSIONS[e] for e in (*shelf.extensions, "cube")],
            "id": shelf.id,
            "title": shelf.title,
            "description": shelf.description,
            "license": "CC0-1.0",
            "keywords": ["simulated"],
            "extent": {"spatial": {"bbox": [list(whole)]}, "temporal": {"interval": [list(span)]}},
            "summaries": shelf.summaries,
            "cube:dimensions": _dimensions(shelf, whole, span),
            "item_assets": shelf.assets,
            "links": [
                _link("root", "../catalog.json"),
                _link("parent", "../catalog.json"),
                *(_link("item", f"./{name}/{name}.json", "application/geo+json") for name in items),
            ],
        },
    )


def write_catalogue(folder: Path) -> Path:
    """Write ``catalog.json`` and return its path."""
    path = folder / "catalog.json"
    write_json(
        path,
        {
            "type": "Catalog",
            "stac_version": VERSION,
            "id": "eocene-simulated",
            "title": "A simulated world",
            "description": "Satellite images, weather and parcels of a world made from a seed.",
            "links": [
                _link("root", "./catalog.json"),
                *(
                    {**_link("child", f"./{s.id}/collection.json"), "title": s.title}
                    for s in SHELVES.values()
                ),
            ],
        },
    )
    return path


def find_bounds(tiles: tuple[Tile, Tile]) -> tuple[float, float, float, float]:
    """Return west, south, east, north of all tiles in degrees."""
    west, south, east, north = shapely.union_all([tile.outline for tile in tiles]).bounds
    return west, south, east, north


def stamp(time: datetime) -> str:
    """Return a UTC time as STAC writes it."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _link(rel: str, href: str, media_type: str = "application/json") -> dict[str, str]:
    return {"rel": rel, "href": href, "type": media_type}


def _dimensions(shelf: Shelf, box: tuple[float, ...], span: tuple[str, str]) -> dict[str, Any]:
    west, south, east, north = box
    dimensions: dict[str, Any] = {
        "x": {"type": "spatial", "axis": "x", "extent": [west, east], "reference_system": 4326},
        "y": {"type": "spatial", "axis": "y", "extent": [south, north], "reference_system": 4326},
        "t": {"type": "temporal", "extent": list(span)},
    }
    if "proj" in shelf.extensions:
        dimensions["bands"] = {"type": "bands", "values": list(shelf.assets)}
    return dimensions
