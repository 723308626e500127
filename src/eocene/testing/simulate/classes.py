"""The land cover of the simulated world: codes, names and colours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Cover(IntEnum):
    """What a piece of ground is; codes 1 to 8 are the labels of the collection ``reference``."""

    NONE = 0
    WHEAT = 1
    MAIZE = 2
    RAPESEED = 3
    BEET = 4
    GRASS = 5
    FOREST = 6
    WATER = 7
    BUILT = 8
    EDGE = 9
    ROAD = 10


@dataclass(frozen=True)
class CoverClass:
    """A class as STAC's classification extension writes it."""

    value: int
    name: str
    title: str
    colour: str

    def as_stac(self) -> dict[str, object]:
        """Return the entry of ``classification:classes``."""
        entry: dict[str, object] = {"value": self.value, "name": self.name, "title": self.title}
        return {**entry, "description": self.title, "color_hint": self.colour}


CLASSES = (
    CoverClass(Cover.WHEAT, "winter_wheat", "Winter wheat", "E3C46B"),
    CoverClass(Cover.MAIZE, "maize", "Maize", "E08A2E"),
    CoverClass(Cover.RAPESEED, "rapeseed", "Rapeseed", "F2E33B"),
    CoverClass(Cover.BEET, "sugar_beet", "Sugar beet", "C2578B"),
    CoverClass(Cover.GRASS, "grassland", "Grassland", "9CCB6B"),
    CoverClass(Cover.FOREST, "forest", "Forest", "2F6B3A"),
    CoverClass(Cover.WATER, "water", "Water", "3C7FC0"),
    CoverClass(Cover.BUILT, "built_up", "Built-up", "B0524C"),
)
UNLABELLED = CoverClass(Cover.NONE, "unlabelled", "Not labelled: edges, roads, changed ground", "000000")
CROPS = {c.value: c for c in CLASSES if c.value <= Cover.GRASS}

SCENE_CLASSES = (
    CoverClass(0, "no_data", "No data", "000000"),
    CoverClass(3, "cloud_shadow", "Cloud shadows", "2F2F2F"),
    CoverClass(4, "vegetation", "Vegetation", "00A000"),
    CoverClass(5, "not_vegetated", "Not vegetated", "FFE65A"),
    CoverClass(6, "water", "Water", "0000FF"),
    CoverClass(8, "cloud_medium_probability", "Cloud, medium probability", "C0C0C0"),
    CoverClass(9, "cloud_high_probability", "Cloud, high probability", "FFFFFF"),
)


class Event(IntEnum):
    """What happens to the ground in the year; codes of the truth's ``change`` raster."""

    NONE = 0
    FLOOD = 1
    CLEAR_CUT = 2
    BURN = 3


FLOOD_DAYS = (160, 171)
"""First and last day of the year under water: 8 to 19 June 2024."""
CLEAR_CUT_DAY = 188
"""6 July 2024."""
BURN_DAY = 222
"""9 August 2024."""
