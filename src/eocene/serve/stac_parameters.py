"""What a client asks of the STAC API, from a query string or a JSON body, as a search of the catalogue.

Sources: STAC API 1.0.0, item search, and its extensions sort, fields, filter and query; RFC 3339 for times.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from eocene.archive import Search
from eocene.model import InputError, TimeSpan
from eocene.process.strict_json import read_json
from eocene.serve.stac_fields import read_fields, split_fields
from eocene.serve.stac_query import modernise, translate_query

if TYPE_CHECKING:
    from eocene.model.grid import BBox

DEFAULT_LIMIT, LARGEST_LIMIT = 100, 1000
_MOST_NAMES = 1000
_INSTANT = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
_TIME = re.compile(rf"{_INSTANT}|{_INSTANT}/(\.\.)?|(\.\.)?/{_INSTANT}|{_INSTANT}/{_INSTANT}")
_CRS = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/OGC/0/CRS84")
_LANGUAGES = {"cql2-text": str, "cql2-json": dict}


class ItemParameters(BaseModel):
    """Query parameters of a list of items; lists are separated by commas."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    bbox: str | None = Field(None, json_schema_extra={"format": "stac-bbox"})
    datetime: str | None = Field(None, json_schema_extra={"format": "stac-interval"})
    limit: int = Field(DEFAULT_LIMIT, ge=1, description=f"Items a page; more than {LARGEST_LIMIT} are cut.")
    token: str | None = Field(None, description="Of the page that a link 'next' leads to.")
    sortby: str | None = Field(None, json_schema_extra={"format": "stac-sortby"})
    fields: str | None = Field(None, json_schema_extra={"format": "stac-fields"})
    filter: str | None = Field(None, json_schema_extra={"format": "cql2"})
    filter_lang: Literal["cql2-text", "cql2-json"] | None = Field(None, alias="filter-lang")
    filter_crs: str | None = Field(None, alias="filter-crs")
    query: str | None = Field(None, json_schema_extra={"format": "stac-query"})


class SearchParameters(ItemParameters):
    """Query parameters of a search."""

    collections: str | None = None
    ids: str | None = None
    intersects: str | None = Field(None, json_schema_extra={"format": "geojson"})
    cells: str | None = Field(None, description="Cells of the Major TOM grid.", examples=["438U_877R"])


@dataclass(frozen=True)
class Question:
    """A search, which fields of the items to show (empty: all), and the token of the page."""

    search: Search
    fields: tuple[str, ...]
    token: str | None


def read_parameters(parameters: ItemParameters) -> dict[str, Any]:
    """Return query parameters as the body of a POST would hold them."""
    body = parameters.model_dump(exclude_none=True, by_alias=True)
    for name in ("collections", "ids", "sortby", "cells"):
        if name in body:
            body[name] = [part for part in body[name].split(",") if part]
    if "bbox" in body:
        body["bbox"] = read_numbers(body["bbox"])
    for name in ("intersects", "query"):
        if name in body:
            body[name] = _parse(name, body[name])
    if body.get("filter-lang") == "cql2-json" and "filter" in body:
        body["filter"] = _parse("filter", body["filter"])
    if "fields" in body:
        body["fields"] = split_fields(body["fields"])
    return body


def read_question(body: dict[str, Any]) -> Question:
    """Return what a body asks for.

    Raises
    ------
    InputError
        If a field of the body is wrong; it is named.
    """
    search = Search(
        collections=_read_names(body, "collections"),
        ids=_read_names(body, "ids"),
        cells=_read_names(body, "cells"),
        bbox=read_bbox(body.get("bbox")),
        intersects=_read_kind(body, "intersects", dict),
        span=read_span(_read_kind(body, "datetime", str)),
        filter=_read_filter(body),
        sortby=read_sort(body.get("sortby", ())),
        limit=read_limit(body.get("limit")),
    )
    fields = read_fields(body["fields"]) if "fields" in body else ()
    return Question(search, fields, _read_kind(body, "token", str))


def is_instant(text: str) -> bool:
    """Tell whether a text is written as an RFC 3339 instant."""
    return re.fullmatch(_INSTANT, text) is not None


def read_span(text: str | None) -> TimeSpan:
    """Return the span of an RFC 3339 instant or interval; dates alone are refused, as STAC asks."""
    if text is not None and not _TIME.fullmatch(text):
        raise wrong("datetime", "is not an RFC 3339 instant or interval such as 2024-04-01T00:00:00Z/..")
    return TimeSpan.from_stac(text)


def read_bbox(value: Any) -> BBox | None:
    """Return a box of 4 or 6 numbers as west, south, east, north."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) not in (4, 6) or not all(map(_is_number, value)):
        raise wrong("bbox", "is not west, south, east, north")
    half = len(value) // 2
    west, south, east, north = (float(number) for number in (*value[:2], *value[half : half + 2]))
    return west, south, east, north


def read_limit(value: Any, default: int = DEFAULT_LIMIT) -> int:
    """Return how many a page may hold; more than the server gives at once are cut."""
    if value is None:
        return default
    if not _is_number(value) or value != int(value) or value < 1:
        raise wrong("limit", "is not a whole number from 1")
    return min(int(value), LARGEST_LIMIT)


def read_sort(value: Any) -> tuple[str, ...]:
    """Return sort fields as the catalogue names them, such as ``-datetime``."""
    if not isinstance(value, list | tuple) or len(value) > 20:
        raise wrong("sortby", 'is not a list such as [{"field": "datetime", "direction": "desc"}]')
    return tuple(_read_sort(entry) for entry in value)


def _read_sort(entry: Any) -> str:
    if isinstance(entry, str):
        return entry.strip().removeprefix("+")
    if isinstance(entry, dict) and isinstance(entry.get("field"), str):
        direction = str(entry.get("direction", "asc")).lower()
        if direction in ("asc", "desc"):
            return f"{'-' if direction == 'desc' else ''}{entry['field']}"
    raise wrong("sortby", 'has an entry other than {"field": "datetime", "direction": "desc"}')


def _read_filter(body: dict[str, Any]) -> str | dict[str, Any] | None:
    given = _read_kind(body, "filter", (str, dict))
    language = _read_kind(body, "filter-lang", str)
    if language is not None and language not in _LANGUAGES:
        raise wrong("filter-lang", "is neither cql2-text nor cql2-json")
    if given is not None and language is not None and not isinstance(given, _LANGUAGES[language]):
        raise wrong("filter", f"is not {language}")
    if body.get("filter-crs") not in (None, *_CRS):
        raise wrong("filter-crs", f"is not {_CRS[0]}, the only one there is")
    return translate_query(_read_kind(body, "query", dict), modernise(given))


def _read_names(given: dict[str, Any], name: str) -> tuple[str, ...]:
    names = given.get(name, [])
    names = [] if names is None else [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise wrong(name, "is not a list of names")
    if len(names) > _MOST_NAMES:
        raise wrong(name, f"has more than {_MOST_NAMES} names")
    return tuple(dict.fromkeys(names))


def _read_kind(given: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise wrong(name, "has a wrong type")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_numbers(text: str) -> list[float]:
    """Return the numbers of a box in a query string."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise wrong("bbox", "is not west, south, east, north") from error


def _parse(name: str, text: str) -> Any:
    return read_json(text, f"The parameter {name!r}", code="InvalidParameterValue")


def wrong(name: str, fault: str) -> InputError:
    """Return the error of a parameter at fault."""
    return InputError(
        f"The parameter {name!r} {fault}.", "See /docs for its form.", code="InvalidParameterValue"
    )
