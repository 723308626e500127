"""An event: that something happened, where and when, whoever told it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from eocene.model import InputError

LONGEST_ID = 200
"""Characters of an id that is kept as it is; of a longer one, a digest stands for the end."""

_M_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6371 km


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    ids : tuple of str
        Its names, the present one first: catalogues rename events, alerts replace others.
    time : float or None
        Seconds since 1970, UTC.
    geometry : dict or None
        GeoJSON in degrees.
    properties : dict
        Plain JSON values.
    title : str
        For people.
    """

    ids: tuple[str, ...]
    time: float | None = None
    geometry: dict[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    title: str = ""

    @property
    def id(self) -> str:
        """Its present name."""
        return self.ids[0]

    def find_bbox(self, buffer_m: float = 0.0) -> dict[str, float] | None:
        """Return the box around it in degrees, as openEO writes one; None if it has no place."""
        if self.geometry is None:
            return None
        west, south, east, north = shape(self.geometry).bounds
        up = buffer_m / _M_PER_DEGREE
        aside = up / max(0.01, math.cos(math.radians(min(89.0, max(abs(south), abs(north))))))
        return {
            "west": max(-180.0, west - aside),
            "south": max(-90.0, south - up),
            "east": min(180.0, east + aside),
            "north": min(90.0, north + up),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is kept and told."""
        when = None if self.time is None else format_time(self.time)
        told = {"id": self.id, "title": self.title, "time": when, "bbox": self.find_bbox()}
        return told | {"geometry": self.geometry, "properties": self.properties}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Event:
        """Return the event that :meth:`to_dict` has written."""
        when = None if kept["time"] is None else read_time(kept["time"])
        return cls((kept["id"],), when, kept["geometry"], kept["properties"], kept["title"])


def shorten_id(text: str) -> str:
    """Return an id that fits its column; different ones stay different."""
    text = text.replace("\x00", "")  # which PostgreSQL keeps in no text
    if len(text) <= LONGEST_ID:
        return text
    return f"{text[:120]}…{hashlib.sha256(text.encode()).hexdigest()}"


def read_geometry(value: Any) -> dict[str, Any] | None:
    """Return a GeoJSON geometry in two dimensions, or None for null.

    Raises
    ------
    InputError
        If it is no geometry, empty, or not in degrees.
    """
    if value is None:
        return None
    try:
        found = shapely.force_2d(shape(value))
        west, south, east, north = found.bounds if not found.is_empty else (math.nan,) * 4
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise _no_place("it is no GeoJSON geometry") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _no_place("it is empty or not in degrees")
    read: dict[str, Any] = mapping(found)
    return read


def read_time(text: str) -> float:
    """Return an RFC 3339 time as seconds since 1970; without a zone it is UTC. Raises InputError."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{str(text)[:60]!r} is no time.",
            "Write it as 2024-05-01T12:00:00Z.",
            code="InvalidParameterValue",
        ) from error


def format_time(seconds: float) -> str:
    """Return RFC 3339 in UTC, to the millisecond where there are any."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat().replace("+00:00", "Z")


def _no_place(why: str) -> InputError:
    return InputError(f"The place cannot be read: {why}.", "Give GeoJSON in degrees, longitude first.")
