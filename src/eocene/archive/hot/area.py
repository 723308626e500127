"""What a materialised area holds: its place, its bands, and of each date the items that it was made of."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from eocene.archive.catalogue.item_checks import dump
from eocene.archive.fetch import is_remote, parse_href
from eocene.archive.product import name_collection
from eocene.model.grid import Grid, Lattice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1


@dataclass(frozen=True)
class HotItem:
    """An item as it was read.

    Parameters
    ----------
    id : str
        Of the item.
    bbox : tuple of float
        In degrees.
    assets : dict
        Band to :func:`describe_asset` of its asset; a band that the item lacks is left out.
    files : dict
        Band to :func:`describe_state` of its file.
    """

    id: str
    bbox: tuple[float, ...]
    assets: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class HotDate:
    """A date: its label along t, where it lies, and the items that it was laid of, in their order."""

    label: np.datetime64
    part: str
    slot: int
    items: tuple[HotItem, ...]


@dataclass(frozen=True)
class HotPart:
    """Up to a hundred dates in a folder, which never changes: the edge of its shards, its files and bytes."""

    name: str
    edge: int
    files: int
    bytes: int


@dataclass(frozen=True)
class HotArea:
    """A materialised area.

    Parameters
    ----------
    name : str
        Of its folder.
    collection : str
        Where the items are.
    grid : Grid
        Its pixels.
    bbox : tuple of float
        The box in degrees that was asked for.
    datetime : str or None
        The time that was asked for, as in a search.
    bands : dict
        Name to stored dtype.
    options : dict
        How it was read, where that can be chosen.
    dates : tuple of HotDate
        By label.
    parts : tuple of HotPart
        Where they lie.
    """

    name: str
    collection: str
    grid: Grid
    bbox: tuple[float, float, float, float]
    datetime: str | None
    bands: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)
    dates: tuple[HotDate, ...] = ()
    parts: tuple[HotPart, ...] = ()

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        return sum(part.bytes for part in self.parts)

    @cached_property
    def by_label(self) -> dict[np.datetime64, HotDate]:
        """The dates by their labels along t."""
        return {date.label: date for date in self.dates}


def name_area(area: HotArea) -> str:
    """Return the name of the folder of an area: the same whenever the same is asked for."""
    asked = [area.collection, asdict(area.grid), area.datetime, sorted(area.bands.items()), area.options]
    digest = sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{name_collection(area.collection)[:40]}-{digest[:12]}"


def describe_asset(item: Mapping[str, Any], band: str) -> str | None:
    """Return what changes when the catalogue tells something else of an item's asset; None without one."""
    asset = item["assets"].get(band)
    if asset is None:
        return None
    properties = item.get("properties", {})
    names = ("updated", "version")
    told = {"id": item["id"], "bbox": item["bbox"], "asset": asset, **{n: properties.get(n) for n in names}}
    return sha256(dump(told).encode()).hexdigest()[:24]


def describe_state(item: Mapping[str, Any], band: str) -> str:
    """Return size and time of change of an asset's file; of a remote one nothing is asked."""
    href = item["assets"][band]["href"]
    if is_remote(href):
        return ""
    try:
        found = os.stat(parse_href(href))  # noqa: PTH116 (a hundred of them for a window)
    except OSError:
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"


def write_area(area: HotArea) -> bytes:
    """Return an area as JSON."""
    record = {"format": FORMAT, **asdict(area)}
    for date in record["dates"]:
        date["label"] = str(date["label"])
    return orjson.dumps(record, option=orjson.OPT_INDENT_2)


def read_area(path: Path) -> HotArea | None:
    """Return the area of a file, or None if it is none that this version reads."""
    try:
        record = orjson.loads(path.read_bytes())
        if record.pop("format") != FORMAT:
            return None
        lattice = record["grid"].pop("lattice")
        return HotArea(
            **record
            | {
                "grid": Grid(Lattice(*(_tuples(lattice[k]) for k in lattice)), **record["grid"]),
                "bbox": tuple(record["bbox"]),
                "dates": tuple(_read_date(**date) for date in record["dates"]),
                "parts": tuple(HotPart(**part) for part in record["parts"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read_date(label: str, part: str, slot: int, items: list[dict[str, Any]]) -> HotDate:
    found = tuple(HotItem(**item | {"bbox": tuple(item["bbox"])}) for item in items)
    return HotDate(np.datetime64(label, "s"), part, slot, found)
