"""Sentinel-1 GRD-like images: backscatter of the ground in VV and VH, with speckle.

Stored is gamma nought in linear power (float32, 0 is no data) on the 20 m grid of the tile.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.testing.simulate.classes import BURN_DAY, CLEAR_CUT_DAY, FLOOD_DAYS, Cover, Event
from eocene.testing.simulate.ground import TEXTURE_STEP
from eocene.testing.simulate.noise import compiled, derive
from eocene.testing.simulate.phenology import look_at
from eocene.testing.simulate.rasters import asset_fields, write_raster
from eocene.testing.simulate.sky import EVERY_DAYS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.testing.simulate.ground import Ground
    from eocene.testing.simulate.places import Tile
    from eocene.testing.simulate.world import World

POLARISATIONS = ("VV", "VH")
NODATA = 0.0
FIRST = datetime(2024, 3, 8, 5, 26, 12, tzinfo=UTC)
REVISIT_DAYS = 12
LOOKS = 9.0
"""Equivalent number of looks of a 20 m pixel; speckle is gamma-distributed with mean 1."""

BARE_DB = {"VV": -11.5, "VH": -19.5}
GREEN_DB: dict[Cover, dict[str, float]] = {
    Cover.WHEAT: {"VV": -14.5, "VH": -18.5},
    Cover.MAIZE: {"VV": -9.5, "VH": -15.0},
    Cover.RAPESEED: {"VV": -10.0, "VH": -14.0},
    Cover.BEET: {"VV": -8.5, "VH": -15.5},
    Cover.GRASS: {"VV": -12.5, "VH": -18.5},
}
FIXED_DB: dict[Cover, dict[str, float]] = {
    Cover.FOREST: {"VV": -8.0, "VH": -13.3},
    Cover.WATER: {"VV": -20.5, "VH": -27.0},
    Cover.BUILT: {"VV": -4.5, "VH": -12.5},
    Cover.ROAD: {"VV": -13.5, "VH": -21.0},
    Cover.EDGE: {"VV": -11.5, "VH": -17.5},
}


def list_passes(dates: int) -> list[datetime]:
    """Return the overpasses within the span of that many optical dates."""
    return [FIRST + timedelta(days=d) for d in range(0, max((dates - 1) * EVERY_DAYS, 1), REVISIT_DAYS)]


def image_id(tile: Tile, time: datetime) -> str:
    """Return the id of an image, like S1A_IW_GRDH_32UQU_20240308."""
    return f"S1A_IW_GRDH_{tile.name}_{time:%Y%m%d}"


def write_image(
    folder: Path, world: World, ground: Ground, time: datetime, wetness: float, speckle: NDArray[np.float32]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Write both polarisations; return the assets and no measured properties.

    Parameters
    ----------
    wetness : float
        Of the soil, 0 to 1; wet soil scatters up to 3 dB more.
    """
    tile, day = ground.tile, time.timetuple().tm_yday
    rng = derive(world.seed, "image", tile.name, day)
    assets = {}
    for band in POLARISATIONS:
        power, event_power, active = _scatter(world, day, band, wetness)
        out = np.empty(tile.coarse.shape, np.float32)
        start = int(rng.integers(speckle.size))
        step = np.float32(TEXTURE_STEP)
        _illuminate(
            ground.unit, ground.event, ground.grain, power, event_power, active, speckle, start, step, out
        )
        write_raster(folder / f"{band}.tif", out, tile.coarse, NODATA)
        assets[band] = {
            "href": f"./{band}.tif",
            **asset_fields(tile.coarse, "float32", NODATA),
            **describe_band(band),
        }
    return assets, {}


def describe_band(band: str) -> dict[str, Any]:
    """Return the asset fields that hold for every image."""
    return {"bands": [{"name": band, "description": f"Gamma nought {band}, linear power"}]}


def make_speckle(seed: int) -> NDArray[np.float32]:
    """Return a table of speckle, of which every image reads its own stretch."""
    rng = derive(seed, "speckle")
    table: NDArray[np.float32] = rng.standard_gamma(LOOKS, 1 << 20, dtype=np.float32)
    table /= np.float32(LOOKS)
    return table


def _scatter(
    world: World, day: int, band: str, wetness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return the power of each unit, and of each event with whether it shows on that day."""
    units, green = world.units, look_at(world.units, day).green
    decibel = np.zeros(green.size, np.float32)
    for cover, values in GREEN_DB.items():
        rows = units.cover == cover
        bare = BARE_DB[band] + 3.0 * wetness
        decibel[rows] = bare + (values[band] - bare) * np.minimum(green[rows], 1.0)
    for cover, values in FIXED_DB.items():
        decibel[units.cover == cover] = values[band]
    decibel += np.float32(4.0) * (units.vigour - 1.0)
    event_db = np.zeros(4, np.float32)
    event_db[Event.FLOOD] = FIXED_DB[Cover.WATER][band] + 2.0
    event_db[Event.CLEAR_CUT], event_db[Event.BURN] = BARE_DB[band], BARE_DB[band] + 1.0
    first, last = FLOOD_DAYS
    active = np.array([False, first <= day <= last, day >= CLEAR_CUT_DAY, day >= BURN_DAY])
    return _to_power(decibel), _to_power(event_db), active


def _to_power(decibel: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(10.0 ** (decibel / 10.0), np.float32)


@compiled
def _illuminate(  # noqa: PLR0913, PLR0917 - compiled loops take flat arrays
    unit: NDArray[np.int32],
    event: NDArray[np.uint8],
    texture: NDArray[np.int8],
    power: NDArray[np.float32],
    event_power: NDArray[np.float32],
    active: NDArray[np.bool_],
    speckle: NDArray[np.float32],
    start: int,
    step: np.float32,
    out: NDArray[np.float32],
) -> None:
    rows, columns = out.shape
    mask, one = speckle.size - 1, np.float32(1.0)
    for row in range(rows):
        for column in range(columns):
            y, x = 2 * row, 2 * column
            e = event[y, x]
            total = np.float32(0.0)
            for k in range(4):
                total += power[unit[y + k // 2, x + k % 2]]
            mean = event_power[e] if active[e] else np.float32(0.25) * total
            mean *= one + np.float32(0.08) * step * texture[y, x]
            out[row, column] = mean * speckle[(start + row * columns + column) & mask]
