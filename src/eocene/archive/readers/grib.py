"""GRIB files: an item for each instant, its assets messages of the file where it lies.

An asset is named by ecCodes' short name, with the level where there is one: 2t, t_850. Forecasts of several
runs, and the members of an ensemble, are items of their own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import LocalContent
from eocene.archive.product import (
    INSTANT,
    Product,
    Reader,
    format_instant,
    grid_fields,
    make_collection,
    make_item,
    name_collection,
)
from eocene.archive.raster import GRIB
from eocene.archive.rasters.cf_grid import bounds_on_earth
from eocene.archive.rasters.grib import LENGTH, OFFSET, PART, list_messages
from eocene.archive.rasters.grib_fields import damaged_grib
from eocene.archive.rasters.grib_grids import place_field
from eocene.archive.rasters.grib_projected import ProjectedField
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.archive.rasters.grib import Message
    from eocene.archive.rasters.grib_grids import Field

_SUFFIXES = (".grib", ".grb", ".grib1", ".grb1", ".grib2", ".grb2")
PROJECTION = "eocene:projection"
"""Field of an asset: the projection of its own grid in PROJ's words, where it is seen on another."""
ALONG_GRID = "eocene:along_grid"
"""Field of an asset: true where components, as of wind, run along its own grid, not to the east and north."""
_ALONG_GRID = 8  # bit 5 of the component flags, flag table 3.3

Key = tuple[np.datetime64, np.datetime64, int, int]
"""Valid time, reference time, member of the ensemble, part beside the antimeridian."""


def recognise(path: Path) -> bool:
    """Tell whether it is a GRIB file, by its suffix or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True
    with path.open("rb") as stream:
        head = stream.read(8)
    return head.startswith(b"GRIB") and head[7:] in (b"\1", b"\2")


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield one collection with an item for each instant, run and member.

    Raises
    ------
    InputError
        If a field stands on a grid that is not read, or two are the same.
    DamageError
        If the file cannot be read.
    """
    name = options.collection or name_collection(path.stem)
    content = LocalContent(path)
    messages = list(list_messages(content))
    if not messages:
        raise damaged_grib(content.name, "it has no messages")
    items: dict[Key, dict[str, Any]] = defaultdict(dict)
    grids: dict[Key, list[Field]] = defaultdict(list)
    for message in messages:
        for part, field in enumerate(place_field(message.keys, content.name)):
            key = (
                *_read_times(message.keys, content.name),
                int(message.keys.get("perturbationNumber", 0)),
                part,
            )
            label = _name_field(message.keys)
            if label in items[key]:
                raise InputError(
                    f"The GRIB file {content.name!r} has two fields {label!r} of {key[0]}.",
                    "Split it into files with one field each of a variable, level and time.",
                )
            items[key][label] = _describe_field(path, message, field, part)
            grids[key].append(field)
    yield (
        make_collection(name, name, f"The GRIB file {path.name}."),
        [_make_item(name, path, key, assets, grids[key]) for key, assets in sorted(items.items())],
    )


READER = Reader(
    "grib",
    "GRIB on a regular, Gaussian, rotated or projected grid (.grib, .grb, .grib2)",
    recognise,
    read_product,
)


def _name_field(keys: Mapping[str, Any]) -> str:
    """Return ecCodes' short name, with the level unless the name has it, as 2t has, or there is none."""
    name, level = str(keys.get("shortName", "unknown")), float(keys.get("level", 0))
    if name == "unknown":
        name = f"param{int(keys.get('paramId', 0))}"
    return name if not level or name[0].isdecimal() else f"{name}_{level:g}"


def _read_times(keys: Mapping[str, Any], name: str) -> tuple[np.datetime64, np.datetime64]:
    try:
        return _instant(keys["validityDate"], keys["validityTime"]), _instant(
            keys["dataDate"], keys["dataTime"]
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise damaged_grib(name, f"a field has no time ({error})") from error


def _instant(date: float, time: float) -> np.datetime64:
    """Return the instant that a number like 20190301 and one like 1830 spell."""
    day, clock = f"{int(date):08d}", f"{int(time):04d}"
    return np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:]}:00", "s")


def _describe_field(path: Path, message: Message, field: Field, part: int) -> dict[str, Any]:
    keys = message.keys
    name = _name_field(keys)
    asset: dict[str, Any] = {
        "href": str(path.resolve()),
        "type": GRIB,
        "title": str(keys.get("name", name)),
        "roles": ["data"],
        **grid_fields(field.grid),
        "data_type": "float32",
        "nodata": "nan",
        "gsd": field.grid.lattice.resolution_m,
        "bands": [{"name": name}],
        OFFSET: message.offset,
        LENGTH: message.length,
    }
    if keys.get("units") not in (None, "", "unknown", "~"):
        asset["unit"] = str(keys["units"])
    if isinstance(field, ProjectedField):
        asset[PROJECTION] = field.points.projection
    if int(keys.get("resolutionAndComponentFlags", 0)) & _ALONG_GRID:
        asset[ALONG_GRID] = True
    return asset | ({PART: part} if part else {})


def _make_item(
    collection: str, path: Path, key: Key, assets: dict[str, Any], fields: Sequence[Field]
) -> dict[str, Any]:
    valid, reference, member, part = key
    instant = format_instant(valid)
    label = f"{path.stem}_{instant.replace(':', '')}"
    grids = {field.grid for field in fields}
    properties: dict[str, Any] = {"datetime": instant, INSTANT: True}
    if len(codes := {grid.epsg for grid in grids}) == 1:
        properties["proj:code"] = f"EPSG:{codes.pop()}"
    if reference != valid:
        run = format_instant(reference)
        hours = int((valid - reference) / np.timedelta64(1, "m"))
        properties |= {"forecast:reference_datetime": run, "forecast:horizon": f"PT{hours}M"}
        label += f"_{run.replace(':', '')}"
    if member:
        properties["eocene:member_number"] = member
        label += f"_{member}"
    bbox = bounds_on_earth(grids)
    return make_item(collection, label + ("_east" if part else ""), bbox, properties, assets)
