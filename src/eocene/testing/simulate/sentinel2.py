"""Sentinel-2 L2A-like scenes: reflectance of ground and sky as the sensor stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.testing.simulate.classes import SCENE_CLASSES, Cover
from eocene.testing.simulate.ground import TEXTURE_STEP
from eocene.testing.simulate.noise import compiled, derive
from eocene.testing.simulate.phenology import BANDS, look_at, look_at_events
from eocene.testing.simulate.rasters import asset_fields, write_raster
from eocene.testing.simulate.sky import THICK, cover_tile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.testing.simulate.ground import Ground
    from eocene.testing.simulate.places import Tile
    from eocene.testing.simulate.sky import Cloudiness, Sky
    from eocene.testing.simulate.world import World

SCALE, OFFSET, NODATA = 0.0001, -0.1, 0
"""Processing baseline 04.00 and later: reflectance = stored · 0.0001 - 0.1, and 0 is no data."""
NOISE = 0.0015
"""Standard deviation of the sensor's noise, in reflectance."""
CLOUD = dict(zip(BANDS, (0.62, 0.61, 0.60, 0.64, 0.44, 0.33), strict=True))
SHADE = dict(zip(BANDS, (0.52, 0.45, 0.40, 0.36, 0.33, 0.32), strict=True))
"""Light that is left under a thick cloud's shadow: more in the blue, which the sky scatters."""


@dataclass(frozen=True)
class OpticalBand:
    """What STAC says about a band."""

    name: str
    common_name: str
    wavelength_um: float
    resolution_m: int

    def as_stac(self) -> dict[str, Any]:
        """Return the asset fields that hold for every scene."""
        band = {
            "name": self.name,
            "eo:common_name": self.common_name,
            "eo:center_wavelength": self.wavelength_um,
        }
        return {"bands": [band], "raster:scale": SCALE, "raster:offset": OFFSET}


OPTICAL = (
    OpticalBand("B02", "blue", 0.490, 10),
    OpticalBand("B03", "green", 0.560, 10),
    OpticalBand("B04", "red", 0.665, 10),
    OpticalBand("B08", "nir", 0.842, 10),
    OpticalBand("B11", "swir16", 1.610, 20),
    OpticalBand("B12", "swir22", 2.190, 20),
)
SCENE_FIELDS: dict[str, Any] = {
    "bands": [{"name": "SCL"}],
    "classification:classes": [c.as_stac() for c in SCENE_CLASSES],
}


def render_clear(world: World, ground: Ground, day: int, band: str) -> NDArray[np.float32]:
    """Return the reflectance of the ground at 10 m, without sky or noise, float32 (y, x)."""
    look = look_at(world.units, day)
    return _render(ground, look.base, look.slope, look.grain, day, band)


def _render(
    ground: Ground,
    base: NDArray[np.float32],
    slope: NDArray[np.float32],
    grain: NDArray[np.float32],
    day: int,
    band: str,
) -> NDArray[np.float32]:
    number = BANDS.index(band)
    colour, weight, _ = look_at_events(day)
    out = np.empty(ground.unit.shape, np.float32)
    _paint(
        ground.unit.ravel(), ground.event.ravel(), ground.plants.ravel(), ground.grain.ravel(),
        base[number], slope[number], grain, colour[number], weight, np.float32(TEXTURE_STEP), out.ravel(),
    )  # fmt: skip
    return out


@compiled
def _paint(  # noqa: PLR0913, PLR0917 - compiled loops take flat arrays
    unit: NDArray[np.int32],
    event: NDArray[np.uint8],
    plants: NDArray[np.int8],
    texture: NDArray[np.int8],
    base: NDArray[np.float32],
    slope: NDArray[np.float32],
    grain: NDArray[np.float32],
    colour: NDArray[np.float32],
    weight: NDArray[np.float32],
    step: np.float32,
    out: NDArray[np.float32],
) -> None:
    one, least = np.float32(1.0), np.float32(0.001)
    for i in range(out.size):
        u, e = unit[i], event[i]
        value = base[u] + slope[u] * (step * plants[i])
        # Where plants stand dense the event covers a little less.
        w = weight[e] * min(one - np.float32(0.05) * (step * plants[i] + one), one)
        value = value * (one - w) + w * colour[e]
        value *= one + (one - np.float32(0.6) * w) * grain[u] * (step * texture[i])
        out[i] = max(value, least)


@compiled
def _observe(  # noqa: PLR0913, PLR0917 - compiled loops take flat arrays
    clear: NDArray[np.float32],
    opacity: NDArray[np.uint8],
    shade: NDArray[np.uint8],
    seen: NDArray[np.bool_],
    cloud: np.float32,
    light: np.float32,
    noise: NDArray[np.float32],
    start: int,
    factor: int,
    out: NDArray[np.uint16],
) -> None:
    """Fill ``out`` with stored numbers at 10 m (factor 1) or 20 m (factor 2) from the 10 m ground."""
    rows, columns = out.shape
    one, byte, half = np.float32(1.0), np.float32(1.0 / 255.0), np.float32(0.5)
    mask, quarter = noise.size - 1, np.float32(0.25)
    for row in range(rows):
        r = row * factor // 2
        for column in range(columns):
            c = column * factor // 2
            if not seen[r, c]:
                out[row, column] = 0
                continue
            if factor == 1:
                value = clear[row, column]
            else:
                y, x = 2 * row, 2 * column
                value = quarter * (clear[y, x] + clear[y, x + 1] + clear[y + 1, x] + clear[y + 1, x + 1])
            value *= one - (one - light) * (byte * shade[r, c])
            veil = byte * opacity[r, c]
            value = value * (one - veil) + veil * cloud * (half + half * veil)
            value += noise[(start + row * columns + column) & mask]
            stored = (value + np.float32(0.1)) * np.float32(10000.0) + half
            out[row, column] = np.uint16(min(max(stored, one), np.float32(65535.0)))


def classify_scene(
    world: World, ground: Ground, green: NDArray[np.float32], clouds: Cloudiness, day: int
) -> NDArray[np.uint8]:
    """Return the scene classification at 20 m, uint8 with 0 for no data.

    Parameters
    ----------
    green : (n,) float32
        Fraction of green plants of each unit on that day.
    """
    units = world.units
    codes = np.where(green > 0.33, 4, 5).astype(np.uint8)
    codes[units.cover == Cover.WATER] = 6
    scene = codes[ground.unit[::2, ::2]]
    forced = look_at_events(day)[2][ground.event[::2, ::2]]
    dry = units.cover[ground.unit[::2, ::2]] != Cover.WATER
    np.copyto(scene, forced, where=(forced > 0) & dry)
    scene[clouds.shade > 0] = 3
    scene[clouds.opacity > 0] = 8
    scene[clouds.opacity >= 255 * THICK] = 9
    scene[~clouds.seen] = 0
    return scene


def store(reflectance: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return reflectance as the numbers that a product stores, uint16."""
    stored = np.rint((reflectance - np.float32(OFFSET)) / np.float32(SCALE))
    return np.asarray(np.clip(stored, 1, 65_535), np.uint16)


def make_noise(seed: int) -> NDArray[np.float32]:
    """Return a table of the sensor's noise, of which every image reads its own stretch."""
    table = derive(seed, "noise").standard_normal(1 << 22, dtype=np.float32)
    table *= np.float32(NOISE)
    return table


def scene_id(tile: Tile, sky: Sky, number: int) -> str:
    """Return the id of a scene, like S2A_32UQU_20240305_0_L2A."""
    return f"S2{'AB'[number % 2]}_{tile.name}_{sky.time:%Y%m%d}_0_L2A"


def write_scene(
    folder: Path, world: World, ground: Ground, sky: Sky, noise: NDArray[np.float32]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Write the seven rasters of a scene; return its assets and the properties that were measured."""
    tile, clouds = ground.tile, cover_tile(sky, ground.tile)
    look = look_at(world.units, sky.day)
    scene = classify_scene(world, ground, look.green, clouds, sky.day)
    rng = derive(world.seed, "scene", tile.name, sky.day)
    assets: dict[str, dict[str, Any]] = {}
    for band in OPTICAL:
        grid = tile.grid if band.resolution_m == 10 else tile.coarse
        stored = np.empty(grid.shape, np.uint16)
        clear = _render(ground, look.base, look.slope, look.grain, sky.day, band.name)
        start, factor = int(rng.integers(noise.size)), band.resolution_m // 10
        cloud, light = np.float32(CLOUD[band.name]), np.float32(SHADE[band.name])
        _observe(clear, clouds.opacity, clouds.shade, clouds.seen, cloud, light, noise, start, factor, stored)
        write_raster(folder / f"{band.name}.tif", stored, grid, NODATA)
        assets[band.name] = {
            "href": f"./{band.name}.tif",
            **asset_fields(grid, "uint16", NODATA),
            **band.as_stac(),
        }
    write_raster(folder / "SCL.tif", scene, tile.coarse, NODATA, categorical=True)
    assets["SCL"] = {"href": "./SCL.tif", **asset_fields(tile.coarse, "uint8", NODATA), **SCENE_FIELDS}
    return assets, _measure(scene, sky)


def _measure(scene: NDArray[np.uint8], sky: Sky) -> dict[str, Any]:
    valid = max(int((scene > 0).sum()), 1)

    def percent(*codes: int) -> float:
        return round(100.0 * float(np.isin(scene, codes).sum()) / valid, 3)

    return {
        "eo:cloud_cover": percent(8, 9),
        "s2:cloud_shadow_percentage": percent(3),
        "s2:vegetation_percentage": percent(4),
        "s2:water_percentage": percent(6),
        "s2:nodata_pixel_percentage": round(100.0 * float((scene == 0).mean()), 3),
        "s2:processing_baseline": "05.10",
        "view:sun_azimuth": round(sky.azimuth, 3),
        "view:sun_elevation": round(sky.elevation, 3),
    }
