"""CQL2 conditions as SQL with bound parameters, in the words of one catalogue or the other.

Source: OGC 21-065r2, Common Query Language (CQL2). A comparison with a missing property, or between
values of different kinds, is unknown and does not match, in both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from eocene.model.timespan import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = Literal["text", "number", "boolean"]
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Sql:
    """A condition or value and its bound parameters, each of which stands as ``?``."""

    text: str
    parameters: tuple[Any, ...] = ()


class Dialect(Protocol):
    """How a catalogue's SQL says what CQL2 asks of the rows of its table ``items``."""

    def is_null(self, name: str) -> Sql | None:
        """Return the condition that an item lacks a property, None where that cannot be said."""

    def typed(self, name: str, kind: Kind) -> Sql | None:
        """Return a property's value where it is of this kind, else null: a comparison is unknown."""

    def moment(self, sign: str, microseconds: int) -> Sql:
        """Return the comparison of ``properties.datetime`` with microseconds since 1970."""

    def like(self, value: Sql, pattern: str) -> Sql:
        """Return whether a text is like a pattern with % and _, which minds the case."""


def join(word: str, conditions: Iterable[Sql]) -> Sql:
    """Return the conditions, each in brackets, joined by a word."""
    known = list(conditions)
    return Sql(
        f" {word} ".join(f"({condition.text})" for condition in known),
        tuple(p for condition in known for p in condition.parameters),
    )


def translate(node: Any, dialect: Dialect) -> Sql | None:
    """Return a CQL2 JSON condition as SQL over the table ``items``, or None if it needs Python."""
    if not isinstance(node, dict):
        return None
    operator = str(node.get("op"))
    if operator in _COMPARISONS:
        return _compare(dialect, operator, node["args"])
    rule = _RULES.get(operator)
    return rule(dialect, node["args"]) if rule else None


def property_name(node: Any) -> str | None:
    """Return the name of the property that a node of CQL2 JSON is, None for another node."""
    is_property = isinstance(node, dict) and set(node) == {"property"}
    return str(node["property"]).removeprefix("properties.") if is_property else None


def is_known(name: str) -> bool:
    """Tell whether SQL can ask for a property of this name; no text of it may end a quoted one."""
    return bool(name) and not {'"', "\x00"} & set(name) and name not in ("geometry", "bbox", "assets")


def _not(dialect: Dialect, arguments: list[Any]) -> Sql | None:
    inner = translate(arguments[0], dialect)
    return inner and Sql(f"NOT ({inner.text})", inner.parameters)


def _is_null(dialect: Dialect, arguments: list[Any]) -> Sql | None:
    name = property_name(arguments[0])
    return None if name is None else dialect.is_null(name)


def _between(dialect: Dialect, arguments: list[Any]) -> Sql | None:
    value, low, high = arguments
    return _join_all("AND", [_compare(dialect, ">=", [value, low]), _compare(dialect, "<=", [value, high])])


def _in(dialect: Dialect, arguments: list[Any]) -> Sql | None:
    return _join_all("OR", [_compare(dialect, "=", [arguments[0], value]) for value in arguments[1]])


def _join_all(word: str, conditions: list[Sql | None]) -> Sql | None:
    known = [condition for condition in conditions if condition is not None]
    return join(word, known) if known and len(known) == len(conditions) else None


def _compare(dialect: Dialect, sign: str, arguments: list[Any]) -> Sql | None:
    name, right = property_name(arguments[0]), arguments[1]
    if name == "datetime" and isinstance(right, dict):
        return _compare_time(dialect, sign, right)
    if name in (None, "datetime") or not isinstance(right, str | int | float):
        return None
    kind: Kind = "boolean" if isinstance(right, bool) else "text" if isinstance(right, str) else "number"
    value = dialect.typed(str(name), kind)
    return value and Sql(f"{value.text} {sign} ?", (*value.parameters, right))


def _compare_time(dialect: Dialect, sign: str, literal: dict[str, Any]) -> Sql | None:
    text = literal.get("timestamp") or literal.get("date")
    if not isinstance(text, str) or "." in text:
        return None
    return dialect.moment(sign, int(parse_instant(text).astype("datetime64[us]").astype(int)))


def _like(dialect: Dialect, arguments: list[Any]) -> Sql | None:
    name, pattern = property_name(arguments[0]), arguments[1]
    value = dialect.typed(name or "", "text")
    if value is None or not isinstance(pattern, str) or "\\" in pattern:
        return None
    return dialect.like(value, pattern)


_RULES: dict[str, Callable[[Dialect, list[Any]], Sql | None]] = {
    "and": lambda dialect, arguments: _join_all("AND", [translate(one, dialect) for one in arguments]),
    "or": lambda dialect, arguments: _join_all("OR", [translate(one, dialect) for one in arguments]),
    "not": _not,
    "isNull": _is_null,
    "between": _between,
    "in": _in,
    "like": _like,
}
