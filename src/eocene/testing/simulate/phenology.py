"""How ground looks through the year: from day and cover to reflectance in six bands.

Plants are mixed with the soil under them: reflectance = soil · (1 − g − r − f) + green canopy · g
+ ripe canopy · r + flowers · f. The fractions follow logistic curves of the day of the year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.testing.simulate.classes import (
    BURN_DAY,
    CLEAR_CUT_DAY,
    FLOOD_DAYS,
    Cover,
    Event,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.testing.simulate.world import Units

    Column = NDArray[np.float64]

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")


def _spectrum(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


# Surface reflectance in B02 B03 B04 B08 B11 B12, rounded from what open spectral libraries show.
DARK_SOIL = _spectrum(0.055, 0.078, 0.102, 0.185, 0.250, 0.215)
PALE_SOIL = _spectrum(0.090, 0.128, 0.168, 0.270, 0.350, 0.300)
RIPE = _spectrum(0.072, 0.118, 0.158, 0.285, 0.300, 0.205)
STUBBLE = _spectrum(0.082, 0.118, 0.155, 0.262, 0.340, 0.260)
FLOWERS = _spectrum(0.062, 0.172, 0.162, 0.500, 0.225, 0.125)
CANOPY = {
    Cover.WHEAT: _spectrum(0.024, 0.052, 0.026, 0.430, 0.175, 0.085),
    Cover.MAIZE: _spectrum(0.026, 0.062, 0.030, 0.440, 0.200, 0.100),
    Cover.RAPESEED: _spectrum(0.034, 0.076, 0.036, 0.460, 0.200, 0.100),
    Cover.BEET: _spectrum(0.030, 0.078, 0.032, 0.520, 0.205, 0.095),
    Cover.GRASS: _spectrum(0.030, 0.070, 0.038, 0.420, 0.215, 0.110),
}
NEEDLES = _spectrum(0.017, 0.032, 0.020, 0.235, 0.105, 0.048)
LEAVES = _spectrum(0.020, 0.046, 0.021, 0.375, 0.155, 0.066)
TWIGS = _spectrum(0.036, 0.051, 0.054, 0.195, 0.190, 0.115)
AUTUMN = _spectrum(0.028, 0.056, 0.066, 0.270, 0.175, 0.085)
RIVER = _spectrum(0.045, 0.062, 0.044, 0.024, 0.010, 0.007)
LAKE = _spectrum(0.040, 0.046, 0.024, 0.012, 0.006, 0.004)
RED_ROOF = _spectrum(0.076, 0.090, 0.118, 0.190, 0.230, 0.200)
GREY_ROOF = _spectrum(0.122, 0.130, 0.136, 0.180, 0.200, 0.190)
ASPHALT = _spectrum(0.095, 0.105, 0.112, 0.145, 0.170, 0.160)
MUDDY_WATER = _spectrum(0.072, 0.102, 0.112, 0.070, 0.028, 0.020)
MUD = _spectrum(0.066, 0.090, 0.106, 0.150, 0.150, 0.105)
BRUSH = _spectrum(0.074, 0.098, 0.124, 0.210, 0.290, 0.230)
CHAR = _spectrum(0.034, 0.038, 0.043, 0.078, 0.170, 0.185)


@dataclass(frozen=True)
class Look:
    """How every unit looks on a day.

    Attributes
    ----------
    base : (bands, n) float32, reflectance where the texture is 0.
    slope : (bands, n) float32, change of reflectance for one unit of texture of plant cover.
    grain : (n,) float32, relative brightness for one unit of fine texture.
    green : (n,) float32, fraction of green plants.
    """

    base: NDArray[np.float32]
    slope: NDArray[np.float32]
    grain: NDArray[np.float32]
    green: NDArray[np.float32]


@dataclass(frozen=True)
class Stage:
    """Fractions of green, ripe and flowering plants, and of stubble in what is left; each (n,)."""

    green: NDArray[np.float64]
    ripe: NDArray[np.float64]
    flower: NDArray[np.float64]
    stubble: NDArray[np.float64]


def rise(day: NDArray[np.float64] | float, middle: float, width: float) -> NDArray[np.float64]:
    """Return the logistic step from 0 to 1 around ``middle``; ``width`` in days."""
    return np.asarray(1.0 / (1.0 + np.exp(-(np.asarray(day) - middle) / width)))


def find_stage(cover: Cover, day: NDArray[np.float64], shift: NDArray[np.float64]) -> Stage:
    """Return the stage of a crop; ``day`` is the unit's own day, its delay already taken off."""
    none = np.zeros_like(day)
    if cover == Cover.WHEAT:
        green = 0.34 + 0.58 * rise(day, 92, 8)
        ripeness, cut = rise(day, 181, 4.5), rise(day, 207, 1.2)
        catch = 0.55 * rise(day, 250, 7) * (shift > 3)
        return Stage(
            green * (1 - ripeness) + catch, 0.88 * ripeness * (1 - cut), none, cut * (1 - rise(day, 240, 6))
        )
    if cover == Cover.RAPESEED:
        flower = 0.62 * np.exp(-(((day - 119) / 11.0) ** 2))
        green = (0.46 + 0.46 * rise(day, 88, 7)) * (1 - rise(day, 178, 5))
        cut = rise(day, 199, 1.5)
        ripe = 0.85 * rise(day, 178, 5) * (1 - cut)
        return Stage(
            green * (1 - flower) + 0.4 * rise(day, 232, 6), ripe, flower, cut * (1 - rise(day, 236, 6))
        )
    if cover == Cover.MAIZE:
        ripeness, cut = rise(day, 254, 6), rise(day, 271, 1.5)
        green = 0.93 * rise(day, 147, 6.5) * (1 - ripeness)
        return Stage(green, 0.8 * ripeness * (1 - cut), none, cut)
    if cover == Cover.BEET:
        lifted = rise(day, 283, 2.0)
        return Stage(0.92 * rise(day, 151, 8.0) * (1 - lifted), none, none, 0.2 * lifted)
    mown = none.copy()
    for cut_day in (139, 186, 232):
        since = day + 0.9 * shift - cut_day
        mown = np.maximum(mown, np.where(since > 0, 0.6 * np.exp(-np.abs(since) / 11.0), 0.0))
    green = (0.56 + 0.32 * rise(day, 98, 9) - 0.16 * rise(day, 268, 12)) * (1 - mown)
    return Stage(green, 0.12 * mown, none, none)


def look_at(units: Units, day: int) -> Look:
    """Return how every unit looks on a day of the year."""
    n = units.cover.size
    base, slope = np.zeros((6, n), np.float32), np.zeros((6, n), np.float32)
    grain, green = np.full(n, 0.05, np.float32), np.zeros(n, np.float32)
    for own, share in ((units.cover, 1.0 - units.mix), (units.partner, units.mix)):
        for cover in CANOPY:
            rows = np.flatnonzero((own == cover) & (share > 0))
            if rows.size:
                colours, cloth, plants = _clothe(cover, units, rows, day)
                base[:, rows] += share[rows] * colours
                slope[:, rows] += share[rows] * cloth
                green[rows] += (share[rows] * plants).astype(np.float32)
    for cover, paint in (
        (Cover.FOREST, _forest),
        (Cover.WATER, _water),
        (Cover.BUILT, _town),
        (Cover.ROAD, _road),
    ):
        rows = np.flatnonzero(units.cover == cover)
        base[:, rows] = paint(
            *(np.asarray(c[rows], np.float64) for c in (units.trait, units.vigour, day - units.shift))
        )
        grain[rows] = {Cover.FOREST: 0.17, Cover.WATER: 0.02, Cover.BUILT: 0.16, Cover.ROAD: 0.05}[cover]
        green[rows] = {Cover.FOREST: 0.9, Cover.BUILT: 0.25}.get(cover, 0.0)
    edge = np.flatnonzero(units.cover == Cover.EDGE)
    colours, cloth, plants = _clothe(Cover.GRASS, units, edge, day)
    base[:, edge], slope[:, edge], green[edge] = 0.9 * colours, cloth, plants
    return Look(base, slope, grain, green)


def _clothe(
    cover: Cover, units: Units, rows: NDArray[np.int64], day: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return (bands, n) reflectance, its change with plant cover, and the (n,) green fraction."""
    shift = units.shift[rows].astype(np.float64)
    stage = find_stage(cover, day - shift, shift)
    tone = units.trait[rows].astype(np.float64)
    green, ripe, flower = stage.green * units.vigour[rows], stage.ripe, stage.flower
    soil = _blend(DARK_SOIL, PALE_SOIL, tone)
    soil = soil + (STUBBLE[:, None] - soil) * stage.stubble
    left = np.clip(1.0 - green - ripe - flower, 0.0, 1.0)
    canopy = CANOPY[cover][:, None]
    colours = left * soil + green * canopy + ripe * RIPE[:, None] + flower * FLOWERS[:, None]
    cloth = 0.2 * green * (1.15 - green) * (canopy - soil) + 0.05 * left * soil
    return colours, cloth, green


def _blend(a: NDArray[np.float32], b: NDArray[np.float32], share: Column) -> Column:
    return np.asarray(a[:, None] + (b - a)[:, None] * share)


def _forest(trait: Column, vigour: Column, day: Column) -> Column:
    out = rise(day, 116, 4.5)
    turn = rise(day, 286, 6)
    crown = TWIGS[:, None] + (LEAVES - TWIGS)[:, None] * out + (AUTUMN - LEAVES)[:, None] * turn * out
    return np.asarray((NEEDLES[:, None] * (1 - trait) + crown * trait) * vigour)


def _water(trait: Column, vigour: Column, day: Column) -> Column:
    silt = np.exp(-(((day - 166) / 12.0) ** 2)) * (1 - trait)
    return np.asarray(_blend(RIVER, LAKE, trait) * vigour + 0.6 * silt * (MUDDY_WATER - RIVER)[:, None])


def _town(trait: Column, vigour: Column, day: Column) -> Column:
    season = 0.55 + 0.35 * rise(day, 108, 8) - 0.15 * rise(day, 280, 10)
    garden = _blend(DARK_SOIL, CANOPY[Cover.GRASS], np.asarray(0.95 * season))
    roofs = np.where((trait > 0.8)[None], GREY_ROOF[:, None], RED_ROOF[:, None])
    leafy = np.where(trait > 0.8, 0.05, np.where(trait < 0.16, 0.85, 0.55 * (1 - trait)))
    street = ((trait > 0.5) & (trait < 0.6)).astype(np.float64)
    built = roofs * (1 - 0.6 * street) + 0.6 * street * ASPHALT[:, None]
    return np.asarray((built * (1 - leafy) + garden * leafy) * vigour)


def _road(trait: Column, vigour: Column, day: Column) -> Column:
    return np.asarray(ASPHALT[:, None] * vigour * np.ones_like(day)[None], np.float64)


def look_at_events(day: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """Return how events cover the ground on a day, indexed by the code of :class:`Event`.

    Returns
    -------
    colour : (bands, 4) float32 reflectance
    weight : (4,) float32 in [0, 1], 0 where nothing has happened (yet)
    scene : (4,) uint8, the scene class that it forces, 0 for none
    """
    colour, weight, scene = np.zeros((6, 4), np.float32), np.zeros(4, np.float32), np.zeros(4, np.uint8)
    first, last = FLOOD_DAYS
    if first <= day <= last:
        colour[:, Event.FLOOD], weight[Event.FLOOD], scene[Event.FLOOD] = MUDDY_WATER, 0.94, 6
    elif day > last:
        colour[:, Event.FLOOD] = MUD
        weight[Event.FLOOD] = 0.8 * np.exp(-(day - last - 3) / 32.0)
        scene[Event.FLOOD] = 5 if weight[Event.FLOOD] > 0.55 else 0
    if day >= CLEAR_CUT_DAY:
        colour[:, Event.CLEAR_CUT], weight[Event.CLEAR_CUT], scene[Event.CLEAR_CUT] = BRUSH, 0.95, 5
    if day >= BURN_DAY:
        colour[:, Event.BURN], scene[Event.BURN] = CHAR, 5
        weight[Event.BURN] = 0.92 * np.exp(-(day - BURN_DAY) / 260.0)
    return colour, weight, scene
