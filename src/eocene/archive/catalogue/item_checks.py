"""What holds of every item and collection that is stored: checked here, whichever way it came."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from eocene.model.errors import InputError
from eocene.model.timespan import read_moment

CELLS = "majortom:cells"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def dump(document: dict[str, Any]) -> str:
    """Return JSON text for storage; NaN and other values that JSON lacks raise ValueError or TypeError."""
    try:
        text = orjson.dumps(document, option=_OPTIONS).decode()
        if "null" not in text:  # which orjson writes for NaN
            return text
    except TypeError:  # what orjson does not know, such as long integers; or what is wrong indeed
        pass
    text = json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    text.encode()  # halves of surrogate pairs are no text
    return text


def check_collection(collection: dict[str, Any]) -> str:
    """Return the id of a collection; raises InputError if it has none."""
    name = collection.get("id") if isinstance(collection, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError("A collection has no id.", "Give it an id, a short text.")
    try:
        dump(collection)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"The collection {name!r} is not JSON: {error}.", "Remove NaN and objects."
        ) from error
    return name


def check_item(item: dict[str, Any]) -> str:
    """Return the document of an item whose parts are of the right kinds; raises InputError for another."""
    for field in ("id", "collection"):
        value = item.get(field) if isinstance(item, dict) else None
        if not isinstance(value, str) or not value or "\x00" in value:
            raise wrong_item(item, field, f"is {value!r}, not a text")
    for field in ("properties", "assets"):
        if not isinstance(item.get(field), dict):
            raise wrong_item(item, field, "is not an object")
    cells = item["properties"].get(CELLS, [])
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise wrong_item(item, f"properties.{CELLS}", f"is {cells!r}, not a list of texts")
    try:
        return dump(item)
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong_item(item, "JSON", f"cannot be written: {error}") from error


def read_times(item: dict[str, Any]) -> tuple[int | None, int, int]:
    """Return datetime, start and end in microseconds since 1970; raises InputError if they are wrong."""
    properties = item["properties"]
    instant = properties.get("datetime")
    moment = None if instant is None else _microseconds(item, "datetime", instant)
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None and end is None:
        if moment is None:
            raise wrong_item(
                item, "properties.datetime", "is missing, and so are start_datetime and end_datetime"
            )
        return moment, moment, moment
    first = _microseconds(item, "start_datetime", start)
    last = _microseconds(item, "end_datetime", end)
    if first > last:
        raise wrong_item(item, "properties.end_datetime", f"({end}) is before start_datetime ({start})")
    return moment, first, last


def _microseconds(item: dict[str, Any], field: str, text: Any) -> int:
    try:
        return (read_moment(text) - _EPOCH) // _MICROSECOND
    except (TypeError, ValueError) as error:
        why = f"is {text!r}, not an RFC 3339 time in the years 1 to 9999 of UTC"
        raise wrong_item(item, f"properties.{field}", why) from error


def read_cover(item: dict[str, Any]) -> float | None:
    """Return an item's cloud cover in percent, None if it has none; raises InputError if it is too large."""
    cloud = item["properties"].get("eo:cloud_cover")
    if not isinstance(cloud, int | float) or isinstance(cloud, bool):
        return None
    try:
        return float(cloud)
    except OverflowError as error:
        raise wrong_item(item, "properties.eo:cloud_cover", "has too many digits") from error


def wrong_item(item: object, field: str, why: str) -> InputError:
    """Return the error of an item that is not valid."""
    name = item.get("id") if isinstance(item, dict) else item
    return InputError(
        f"The item {name!r} is not valid: {field} {why}.",
        "Correct the item by the STAC specification; nothing was written.",
    )
