"""How the SQLite catalogue's SQL names properties and compares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.archive.catalogue.cql2_sql import Sql, is_known

if TYPE_CHECKING:
    from eocene.archive.catalogue.cql2_sql import Kind

_DOCUMENT = "(SELECT document FROM documents WHERE documents.key = items.key)"
_COLUMNS = {"id": "items.id", "collection": "items.collection"}
_TYPES = {"text": "('text')", "number": "('integer', 'real')", "boolean": "('true', 'false')"}


class SqliteDialect:
    """SQLite's words: times and cloud cover stand in columns, all else in the JSON text."""

    def value(self, name: str) -> Sql | None:
        """Return the SQL of a property's value; the name travels as a bound parameter."""
        name = name.removeprefix("properties.")
        if name in _COLUMNS:
            return Sql(_COLUMNS[name])
        if not is_known(name):
            return None
        return Sql(f"json_extract({_DOCUMENT}, ?)", (f'$.properties."{name}"',))

    def is_null(self, name: str) -> Sql | None:  # noqa: D102
        value = self.value(name)
        return value and Sql(f"{value.text} IS NULL", value.parameters)

    def typed(self, name: str, kind: Kind) -> Sql | None:  # noqa: D102
        if name == "eo:cloud_cover" and kind == "number":
            return Sql("items.cloud_cover")
        value = self.value(name)
        if value is None or not value.parameters:
            return value if kind == "text" else None
        text = f"CASE WHEN json_type({_DOCUMENT}, ?) IN {_TYPES[kind]} THEN {value.text} END"
        return Sql(text, (*value.parameters, *value.parameters))

    def moment(self, sign: str, microseconds: int) -> Sql:  # noqa: D102
        return Sql(f"items.moment {sign} ?", (microseconds,))

    def like(self, value: Sql, pattern: str) -> Sql:  # noqa: D102
        # GLOB minds the case, as CQL2 asks; SQLite's LIKE does not.
        glob = "".join({"%": "*", "_": "?"}.get(c, f"[{c}]" if c in "*?[" else c) for c in pattern)
        return Sql(f"{value.text} GLOB ?", (*value.parameters, glob))
