"""What the world really was: labels for learning, and the truth that only tests may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model.files import write_json
from eocene.testing.simulate.classes import (
    BURN_DAY,
    CLASSES,
    CLEAR_CUT_DAY,
    FLOOD_DAYS,
    UNLABELLED,
    Cover,
    Event,
)
from eocene.testing.simulate.phenology import BANDS
from eocene.testing.simulate.rasters import asset_fields, write_raster
from eocene.testing.simulate.sentinel2 import NODATA, render_clear, store
from eocene.testing.simulate.tables import list_flooded

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.testing.simulate.ground import Ground
    from eocene.testing.simulate.sky import Sky
    from eocene.testing.simulate.world import World

LABEL_FIELDS: dict[str, Any] = {
    "bands": [{"name": "classes", "description": "Land cover and crop of 2024"}],
    "classification:classes": [c.as_stac() for c in (UNLABELLED, *CLASSES)],
}

LAST = "change_date.tif"
"""The file of a tile's truth that is written last."""


def label_ground(world: World, ground: Ground) -> NDArray[np.uint8]:
    """Return the labels at 10 m: 1 to 8, and 0 at edges, on roads and where the cover changed."""
    codes = world.units.cover.copy()
    codes[codes > Cover.BUILT] = Cover.NONE
    labels = codes[ground.unit]
    labels[ground.event >= Event.CLEAR_CUT] = Cover.NONE
    return labels


def write_labels(folder: Path, world: World, ground: Ground) -> dict[str, dict[str, Any]]:
    """Write the label raster of a tile; return its asset."""
    grid = ground.tile.grid
    write_raster(folder / "classes.tif", label_ground(world, ground), grid, 0, categorical=True)
    return {"classes": {"href": "./classes.tif", **asset_fields(grid, "uint8", 0), **LABEL_FIELDS}}


def write_tile_truth(
    folder: Path, world: World, ground: Ground, skies: list[Sky], pool: ThreadPoolExecutor
) -> None:
    """Write the truth of a tile: cover, what changed and when, and the ground without its sky.

    ``classes.tif`` holds :class:`Cover` (edges and roads too), ``change.tif`` :class:`Event`,
    ``change_date.tif`` the day of the year (uint16, 0 where nothing changed), and
    ``reflectance_<date>_<band>.tif`` the reflectance at 10 m, stored as the scenes store it.
    """
    grid = ground.tile.grid

    def write_clear(sky: Sky, band: str) -> None:
        clear = render_clear(world, ground, sky.day, band)
        write_raster(folder / f"reflectance_{sky.time:%Y%m%d}_{band}.tif", store(clear), grid, NODATA)

    pending = [pool.submit(write_clear, sky, band) for sky in skies for band in BANDS]
    for finished in pending:
        finished.result()
    days = np.array([0, FLOOD_DAYS[0], CLEAR_CUT_DAY, BURN_DAY], np.uint16)
    write_raster(folder / "classes.tif", world.units.cover[ground.unit], grid, None, categorical=True)
    write_raster(folder / "change.tif", ground.event, grid, None, categorical=True)
    write_raster(folder / LAST, days[ground.event], grid, 0, categorical=True)


def write_events(path: Path, world: World) -> None:
    """Write the events of the year and the parcels that were flooded."""
    write_json(
        path,
        {
            "flood": {"first": "2024-06-08", "last": "2024-06-19", "parcels": list_flooded(world)},
            "clear_cut": {"date": "2024-07-06"},
            "burn": {"date": "2024-08-09"},
        },
    )
