"""What people and instruments report from places: series in CSV, SensorThings in JSON, posts in JSON lines.

Each becomes a table with a row for each report: its time, its place as a point in degrees where it is known,
and what it says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas
import pandas as pd
from shapely.errors import ShapelyError
from shapely.geometry import shape

from eocene.archive.fetch import check_decoded
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LONGITUDES, _LATITUDES = ("longitude", "lon", "lng", "long"), ("latitude", "lat")
_TIMES = ("time", "datetime", "timestamp", "created_at", "date", "phenomenonTime")
_BYTES = 12
"""What a byte of text becomes in memory at most."""


def read_csv(path: Path) -> pd.DataFrame:
    """Return a table with a header line; columns of longitude and latitude become points.

    Raises
    ------
    InputError
        If it has no rows.
    DamageError
        If it cannot be read as a table.
    """
    check_decoded(path, "the table", (path.stat().st_size,), _BYTES)
    try:
        table = pd.read_csv(path, compression=None, encoding="utf-8", sep=None, engine="python")
    except (ValueError, OSError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        raise _damaged(path, error) from error
    except Exception as error:  # csv.Error, which the parser lets through
        if type(error).__module__ not in ("_csv", "csv"):
            raise
        raise _damaged(path, error) from error
    if table.empty:
        raise InputError(f"The table {str(path)!r} has no rows.", "Give a header line and rows.")
    return _with_points(table, path)


def read_posts(path: Path) -> geopandas.GeoDataFrame:
    """Return a row for each line, a JSON object: what it says, its time, and where it was written.

    Raises
    ------
    InputError
        If a line has no time; it is named.
    DamageError
        If a line is no JSON object.
    """
    check_decoded(path, "the list", (path.stat().st_size,), _BYTES)
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            post = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _damaged(path, f"line {number}: {error}") from error
        if not isinstance(post, dict):
            raise _damaged(path, f"line {number} is no JSON object")
        moment = next((post[name] for name in _TIMES if post.get(name)), None)
        if moment is None:
            raise InputError(
                f"The post in line {number} of {str(path)!r} has no time.",
                f"Give one of {', '.join(_TIMES)} in ISO 8601.",
            )
        plain = {k: v for k, v in post.items() if not isinstance(v, dict | list) and k not in _TIMES}
        rows.append({**plain, "time": moment, "geometry": _place_of(post, path, number)})
    if not rows:
        raise InputError(f"The file {str(path)!r} has no posts.", "Write one JSON object a line.")
    table = pd.DataFrame(rows)
    table["time"] = _parse_times(table["time"], path)
    return _in_degrees(table, "geometry")


def is_sensorthings(document: Any) -> bool:
    """Tell whether a JSON document is an answer of a SensorThings service."""
    entries = document.get("value") if isinstance(document, dict) else None
    return isinstance(entries, list) and any(isinstance(e, dict) and ("@iot.id" in e) for e in entries)


def read_sensorthings(document: Any, path: Path) -> geopandas.GeoDataFrame:
    """Return a row for each observation: time, station, property, unit, value and place.

    The document is a list of Things with their Locations and Datastreams expanded, and in these their
    Observations and ObservedProperty. Source: OGC 18-088, SensorThings API 1.1.

    Raises
    ------
    InputError
        If it has no observations.
    """
    try:
        rows = [row for thing in document["value"] for row in _observe(thing)]
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, ShapelyError) as error:
        raise InputError(
            f"The SensorThings of {str(path)!r} are malformed: {error!r}.",
            "Ask for Things with $expand=Locations,Datastreams($expand=Observations,ObservedProperty).",
        ) from error
    if not rows:
        raise InputError(
            f"The SensorThings of {str(path)!r} have no observations.",
            "Ask for Things with $expand=Locations,Datastreams($expand=Observations,ObservedProperty).",
        )
    table = pd.DataFrame(rows)
    table["time"] = _parse_times(table["time"], path)
    return _in_degrees(table, "geometry")


def _in_degrees(table: pd.DataFrame, geometry: Any) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(table, geometry=geometry, crs=4326)


def _observe(thing: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    places = thing.get("Locations") or []
    geometry = None
    if places:
        location = places[0]["location"]
        geometry = shape(location.get("geometry", location))
    for stream in thing.get("Datastreams") or []:
        named = {
            "station": str(thing["name"]),
            "property": str((stream.get("ObservedProperty") or stream)["name"]),
            "unit": (stream.get("unitOfMeasurement") or {}).get("symbol"),
            "geometry": geometry,
        }
        for observation in stream.get("Observations") or []:
            result = observation["result"]
            value = float(result) if isinstance(result, int | float) else None
            text = None if value is not None else str(result)
            # An interval is told by where it starts.
            moment = str(observation["phenomenonTime"]).partition("/")[0]
            yield {"time": moment, "value": value, "text": text, **named}


def _with_points(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    names = {str(c).strip().lower(): c for c in table.columns}
    found = [next((names[n] for n in known if n in names), None) for known in (_LONGITUDES, _LATITUDES)]
    if None in found:
        return table
    x, y = (pd.to_numeric(table[column], errors="coerce") for column in found)
    outside = (x.abs() > 360) | (y.abs() > 90)
    if outside.any():
        raise InputError(
            f"Line {int(outside.to_numpy().argmax()) + 2} of {str(path)!r} lies at {x[outside].iloc[0]}, "
            f"{y[outside].iloc[0]}, which is no place in degrees.",
            "Give longitude and latitude in degrees, or name the columns x and y.",
        )
    points: pd.DataFrame = _in_degrees(table, geopandas.points_from_xy(x, y))
    return points


def _place_of(post: Mapping[str, Any], path: Path, number: int) -> Any:
    """Return where a post was written: a GeoJSON geometry, or a longitude and latitude; None if unknown."""
    for name in ("geometry", "coordinates", "geo", "location"):
        if isinstance(post.get(name), dict) and post[name].get("coordinates"):
            try:
                return shape(post[name])
            except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                raise _damaged(path, f"the place in line {number} is malformed: {error}") from error
    x, y = (next((post[n] for n in known if n in post), None) for known in (_LONGITUDES, _LATITUDES))
    if isinstance(x, int | float) and isinstance(y, int | float):
        return shape({"type": "Point", "coordinates": (float(x), float(y))})
    return None


def _parse_times(column: pd.Series[Any], path: Path) -> pd.Series[Any]:
    moments = pd.to_datetime(column.astype(str), utc=True, errors="coerce", format="ISO8601")
    unknown = moments.isna()
    if unknown.any():
        raise InputError(
            f"{column[unknown].iloc[0]!r} in {str(path)!r} is no time.", "Write times in ISO 8601."
        )
    return moments


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as stream:
            yield from stream
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> DamageError:
    text = str(why).splitlines()
    return DamageError(
        f"The file {str(path)!r} cannot be read: {text[0] if text else 'it is empty'}.",
        "Fetch or write the file again.",
    )
