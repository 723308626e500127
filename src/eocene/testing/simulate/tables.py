"""The world's vector tables: the parcels that farmers declared, and the water bodies."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import geopandas
import numpy as np
import shapely

from eocene.model.files import replace_file
from eocene.testing.simulate.classes import CROPS, Cover, Event
from eocene.testing.simulate.places import lay_tiles, project

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.testing.simulate.world import World

CALENDAR = {
    Cover.WHEAT: (-80, 207),
    Cover.MAIZE: (110, 271),
    Cover.RAPESEED: (-125, 199),
    Cover.BEET: (88, 283),
}
"""Day of 2024 on which a crop is sown and harvested where nothing is late; negative days are of 2023."""
MEDIA_TYPE = "application/vnd.apache.parquet"
PARCEL_COLUMNS = {
    "id": "Name of the parcel",
    "crop": "Crop, as in the classes of the collection reference",
    "crop_code": "Label of the crop in the collection reference",
    "crop_title": "Crop for people",
    "area_ha": "Area in hectares",
    "sowing_date": "Day of sowing; none for grassland",
    "harvest_date": "Day of harvest; none for grassland",
    "geometry": "Outline, EPSG:4326",
}
WATER_COLUMNS = {
    "id": "Name of the water body",
    "name": "Name for people",
    "kind": "river or lake",
    "area_ha": "Area in hectares",
    "geometry": "Outline, EPSG:4326",
}


def list_parcels(world: World) -> geopandas.GeoDataFrame:
    """Return the parcels that lie wholly inside the tiles together, in EPSG:4326, ids by position."""
    units, rows = world.units, world.parcels
    shapes = units.shape[rows]
    inside = np.zeros(rows.size, bool)
    for tile in lay_tiles(world.size):
        frame = shapely.box(*tile.grid.bounds)
        inside |= shapely.contains_properly(frame, project(shapes, tile.epsg))
    rows, shapes = rows[inside], shapes[inside]
    covers = units.cover[rows]
    dates = [_find_dates(Cover(int(c)), float(s)) for c, s in zip(covers, units.shift[rows], strict=True)]
    columns = {
        "id": [f"P{row:06d}" for row in rows],
        "crop": [CROPS[int(c)].name for c in covers],
        "crop_code": covers,
        "crop_title": [CROPS[int(c)].title for c in covers],
        "area_ha": np.round(shapely.area(shapes) / 10_000.0, 4),
        "sowing_date": [d[0] for d in dates],
        "harvest_date": [d[1] for d in dates],
    }
    return geopandas.GeoDataFrame(columns, geometry=project(shapes, 4326), crs=4326)


def list_flooded(world: World) -> list[str]:
    """Return the ids of the parcels that the flood covers wholly."""
    wet = shapely.union_all(world.events[Event.FLOOD])
    rows = world.parcels
    covered = rows[shapely.contains_properly(wet, world.units.shape[rows])]
    return [f"P{row:06d}" for row in covered]


def list_water(world: World) -> geopandas.GeoDataFrame:
    """Return river and lakes in EPSG:4326: id, name, kind, area_ha."""
    rows = [("W01", "River Eoe", "river", shapely.union_all(world.water["river"]))]
    for number, lake in enumerate(world.water["lake"], start=2):
        rows.append((f"W{number:02d}", f"Lake {number - 1}", "lake", lake))
    shapes = np.array([shapely.intersection(row[3], shapely.box(*world.box)) for row in rows], dtype=object)
    columns = {
        "id": [row[0] for row in rows],
        "name": [row[1] for row in rows],
        "kind": [row[2] for row in rows],
        "area_ha": np.round(shapely.area(shapes) / 10_000.0, 4),
    }
    return geopandas.GeoDataFrame(columns, geometry=project(shapes, 4326), crs=4326)


def write_table(path: Path, table: geopandas.GeoDataFrame) -> None:
    """Write GeoParquet."""
    with replace_file(path) as temporary:
        table.to_parquet(temporary, index=False)


def _find_dates(cover: Cover, shift: float) -> tuple[date | None, date | None]:
    if cover not in CALENDAR:
        return None, None
    sown, harvested = (date(2023, 12, 31) + timedelta(days=d + round(shift)) for d in CALENDAR[cover])
    return sown, harvested
