"""How SQL names the properties of pgstac's items and compares them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from eocene.archive.catalogue.cql2_sql import Sql, is_known

if TYPE_CHECKING:
    from eocene.archive.catalogue.cql2_sql import Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_COLUMNS = {"id": 'items.id COLLATE "C"', "collection": 'items.collection COLLATE "C"'}
_JSON = "items.content -> 'properties' -> ?"
_TEXT = "items.content -> 'properties' ->> ?"
_CASTS = {"text": ' COLLATE "C"', "number": "::double precision", "boolean": "::boolean"}
_TYPES = {"text": "string", "number": "number", "boolean": "boolean"}


class PostgresDialect:
    """PostgreSQL's words for pgstac's table ``items``, whose properties are binary JSON."""

    def is_null(self, name: str) -> Sql | None:  # noqa: D102
        if name in _COLUMNS:
            return Sql(f"{_COLUMNS[name]} IS NULL")
        return Sql(f"({_TEXT}) IS NULL", (name,)) if is_known(name) else None

    def typed(self, name: str, kind: Kind) -> Sql | None:  # noqa: D102
        if name in _COLUMNS:
            return Sql(_COLUMNS[name]) if kind == "text" else None
        if not is_known(name):
            return None
        test = f"jsonb_typeof({_JSON}) = '{_TYPES[kind]}'"
        return Sql(f"CASE WHEN {test} THEN ({_TEXT}){_CASTS[kind]} END", (name, name))

    def sort_values(self, name: str, *, falls: bool) -> list[Sql] | None:
        """Return what to sort by for a property: numbers and booleans lie below texts."""
        if name == "datetime":
            return [Sql("items.datetime")]
        if name in _COLUMNS:
            return [Sql(_COLUMNS[name])]
        if not is_known(name):
            return None
        number = Sql(
            f"CASE jsonb_typeof({_JSON}) WHEN 'number' THEN ({_TEXT})::double precision "
            f"WHEN 'boolean' THEN ({_TEXT})::boolean::int END",
            (name, name, name),
        )
        text = self.typed(name, "text")
        assert text is not None  # noqa: S101
        return [text, number] if falls else [number, text]

    def moment(self, sign: str, microseconds: int) -> Sql:  # noqa: D102
        text = "(items.content -> 'properties' ->> 'datetime')::timestamptz"
        return Sql(f"{text} {sign} ?", (instant(microseconds),))

    def like(self, value: Sql, pattern: str) -> Sql:  # noqa: D102
        return Sql(f"{value.text} LIKE ?", (*value.parameters, pattern))


def instant(microseconds: int) -> datetime:
    """Return an instant since 1970, the nearest that a datetime can say."""
    return _EPOCH + timedelta(microseconds=max(_FIRST, min(microseconds, _LAST)))
