"""What an archive consists of: one product an item, with the function that writes its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from eocene.testing.simulate import sentinel1, sentinel2, tables, truth, weather

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from eocene.testing.simulate.ground import Ground
    from eocene.testing.simulate.places import Tile
    from eocene.testing.simulate.sky import Sky
    from eocene.testing.simulate.world import World

Written = tuple[dict[str, dict[str, Any]], dict[str, Any]]
"""The item's assets, and the properties that were measured on the way."""
Write = Callable[["Path", "World", Any], Written]
TILE_DELAY_S = 7


@dataclass(frozen=True)
class Product:
    """One item to be.

    Attributes
    ----------
    write : function (folder, world, ground or None) → assets and measured properties.
    tile : Tile or None; None for tables of the whole world.
    time : datetime or None; None for the whole year.
    megapixels : pixels of its rasters, in millions.
    """

    collection: str
    id: str
    write: Write
    tile: Tile | None = None
    time: datetime | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    megapixels: float = 0.0


def list_products(tiles: tuple[Tile, Tile], skies: list[Sky], seed: int) -> list[Product]:
    """Return every product of an archive: tables first, then tile by tile."""

    @cache
    def noise() -> Any:
        return sentinel2.make_noise(seed)

    @cache
    def speckle() -> Any:
        return sentinel1.make_speckle(seed)

    days = weather.make_weather(seed)
    products = _list_tables(seed)
    for number, tile in enumerate(tiles):
        late = timedelta(seconds=TILE_DELAY_S * number)
        products.append(_plan_labels(tile))
        products += [_plan_scene(tile, sky, i, late, noise) for i, sky in enumerate(skies)]
        products += [
            _plan_image(tile, time + late, weather.find_wetness(days, time), speckle)
            for time in sentinel1.list_passes(len(skies))
        ]
    return products


def _list_tables(seed: int) -> list[Product]:
    def write_weather(folder: Path, _world: World, _ground: Ground | None) -> Written:
        weather.write_weather(folder / "weather-2024.parquet", weather.make_weather(seed))
        return _describe_table("weather-2024", list(weather.COLUMNS)), {}

    def write_parcels(folder: Path, world: World, _ground: Ground | None) -> Written:
        tables.write_table(folder / "parcels-2024.parquet", tables.list_parcels(world))
        return _describe_table("parcels-2024", list(tables.PARCEL_COLUMNS)), {}

    def write_water(folder: Path, world: World, _ground: Ground | None) -> Written:
        tables.write_table(folder / "water-2024.parquet", tables.list_water(world))
        return _describe_table("water-2024", list(tables.WATER_COLUMNS)), {}

    return [
        Product("weather", "weather-2024", write_weather),
        Product("parcels", "parcels-2024", write_parcels),
        Product("water", "water-2024", write_water),
    ]


def _describe_table(name: str, columns: list[str]) -> dict[str, dict[str, Any]]:
    return {
        "data": {
            "href": f"./{name}.parquet",
            "type": tables.MEDIA_TYPE,
            "roles": ["data"],
            "table:columns": [{"name": c} for c in columns],
        }
    }


def _plan_labels(tile: Tile) -> Product:
    def write(folder: Path, world: World, ground: Ground) -> Written:
        return truth.write_labels(folder, world, ground), {}

    properties = {"proj:code": f"EPSG:{tile.epsg}", "gsd": 10}
    megapixels = tile.grid.width**2 / 1e6
    return Product("reference", f"reference_{tile.name}_2024", write, tile, None, properties, megapixels)


def _plan_scene(tile: Tile, sky: Sky, number: int, late: timedelta, noise: Callable[[], Any]) -> Product:
    def write(folder: Path, world: World, ground: Ground) -> Written:
        return sentinel2.write_scene(folder, world, ground, sky, noise())

    properties = {
        "platform": f"sentinel-2{'ab'[number % 2]}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "proj:code": f"EPSG:{tile.epsg}",
        "s2:mgrs_tile": tile.name,
        "s2:processing_baseline": "05.10",
    }
    megapixels = tile.grid.width**2 * 4.75 / 1e6
    item_id = sentinel2.scene_id(tile, sky, number)
    return Product("sentinel-2-l2a", item_id, write, tile, sky.time + late, properties, megapixels)


def _plan_image(tile: Tile, time: datetime, wetness: float, speckle: Callable[[], Any]) -> Product:
    def write(folder: Path, world: World, ground: Ground) -> Written:
        return sentinel1.write_image(folder, world, ground, time, wetness, speckle())

    properties = {
        "platform": "sentinel-1a",
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        "gsd": 20,
        "proj:code": f"EPSG:{tile.epsg}",
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:polarizations": list(sentinel1.POLARISATIONS),
        "sar:product_type": "GRD",
        "sat:orbit_state": "descending",
    }
    megapixels = tile.grid.width**2 * 0.5 / 1e6
    item_id = sentinel1.image_id(tile, time)
    return Product("sentinel-1-grd", item_id, write, tile, time, properties, megapixels)
