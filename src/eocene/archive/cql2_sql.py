"""CQL2 filters: as much as possible becomes SQL with bound parameters, the rest is matched in Python.

Source: OGC 21-065r2, Common Query Language (CQL2). A comparison with a missing property, or between
values of different kinds, is unknown and does not match, in both ways.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cql2

from eocene.model.errors import InputError
from eocene.model.timespan import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 20_000
_DEEPEST = 64
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_NOT = re.compile(r"\bnot\b", re.IGNORECASE)
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
DOCUMENT = "(SELECT document FROM documents WHERE documents.key = items.key)"
_COLUMNS = {"id": "items.id", "collection": "items.collection"}


@dataclass(frozen=True)
class Sql:
    """A condition and its bound parameters."""

    text: str
    parameters: tuple[Any, ...] = ()


class Filter:
    """A CQL2 expression, split into SQL and what is left for Python.

    Parameters
    ----------
    expression : str or dict
        CQL2 text or CQL2 JSON.

    Raises
    ------
    InputError
        If it is not CQL2, or too long or deep to be meant.
    """

    def __init__(self, expression: str | dict[str, Any]) -> None:
        document = _parse(expression)
        conjuncts = document["args"] if document.get("op") == "and" else [document]
        self.sql: list[Sql] = []
        self.cover = cover_range(conjuncts)
        rest: list[dict[str, Any]] = []
        for conjunct in conjuncts:
            condition = translate(conjunct)
            if condition is None:
                rest.append(conjunct)
            else:
                self.sql.append(condition)
        if len(rest) > 1:
            rest = [{"op": "and", "args": rest}]
        self._rest = cql2.Expr(rest[0]) if rest else None

    @property
    def is_exact(self) -> bool:
        """Whether the SQL says all, so that :meth:`matches` need not be asked."""
        return self._rest is None

    def matches(self, item: dict[str, Any]) -> bool:
        """Tell whether an item that met the SQL meets the rest, too."""
        if self._rest is None:
            return True
        try:
            return bool(self._rest.matches(item))
        except Exception:  # noqa: BLE001  (the package raises bare Exception for "unknown")
            return False


def cover_range(conjuncts: list[Any]) -> tuple[float, float] | None:
    """Return the least and most cloud cover in percent that can match all conditions, or None for any."""
    low, high = -math.inf, math.inf
    for conjunct in conjuncts:
        operator, arguments = conjunct.get("op"), conjunct.get("args", [])
        if not arguments or _property_name(arguments[0]) != "eo:cloud_cover":
            continue
        numbers = [v for v in arguments[1:] if isinstance(v, int | float) and not isinstance(v, bool)]
        if not numbers or len(numbers) < len(arguments) - 1:
            continue
        if operator in ("<", "<=", "=", "between"):
            high = min(high, numbers[-1])
        if operator in (">", ">=", "=", "between"):
            low = max(low, numbers[0])
    return None if (low, high) == (-math.inf, math.inf) else (low, high)


def _parse(expression: str | dict[str, Any]) -> dict[str, Any]:
    is_text = isinstance(expression, str)
    text = expression if isinstance(expression, str) else _dump(expression)
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        raise _wrong("it is too long or too deeply nested", text)
    document: dict[str, Any] = json.loads(_validate(text, is_text))
    return document


@lru_cache(maxsize=512)
def _validate(text: str, is_text: bool) -> str:
    """Return an expression as CQL2 JSON; remembered, since checking it against the schema takes 15 ms."""
    try:
        parsed = cql2.parse_text(text) if is_text else cql2.parse_json(text)
        parsed.validate()
        return json.dumps(parsed.to_json())
    except Exception as error:
        raise _wrong(str(error).strip().splitlines()[-1].strip(" =") if str(error) else "", text) from error


def _dump(expression: object) -> str:
    try:
        return json.dumps(expression)
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong("it is not JSON", repr(expression)[:80]) from error


def _depth(text: str) -> int:
    """Bound how deep a parser can recurse on this text; the package's would overflow its stack."""
    bare = _QUOTED.sub("", text)
    depth = deepest = 0
    for letter in bare:
        depth = max(depth + (letter in "([{") - (letter in ")]}"), 0)
        deepest = max(deepest, depth)
    return max(deepest, len(_NOT.findall(bare)))


def _wrong(why: str, text: str) -> InputError:
    short = text if len(text) < 120 else text[:117] + "…"
    return InputError(
        f"The filter {short!r} is not CQL2: {why}.",
        "Write for instance: eo:cloud_cover < 40 AND platform = 'sentinel-2a'.",
        code="FilterInvalid",
    )


def translate(node: Any) -> Sql | None:
    """Return a CQL2 JSON condition as SQL over the table ``items``, or None if it needs Python."""
    if not isinstance(node, dict):
        return None
    operator = str(node.get("op"))
    if operator in _COMPARISONS:
        return _compare(operator, node["args"])
    rule = _RULES.get(operator)
    return rule(node["args"]) if rule else None


def _not(arguments: list[Any]) -> Sql | None:
    inner = translate(arguments[0])
    return inner and Sql(f"NOT ({inner.text})", inner.parameters)


def _is_null(arguments: list[Any]) -> Sql | None:
    value = property_sql(_property_name(arguments[0]) or "")
    return value and Sql(f"{value.text} IS NULL", value.parameters)


def _between(arguments: list[Any]) -> Sql | None:
    value, low, high = arguments
    return _join("and", [_compare(">=", [value, low]), _compare("<=", [value, high])])


def _in(arguments: list[Any]) -> Sql | None:
    return _join("or", [_compare("=", [arguments[0], value]) for value in arguments[1]])


def _property_name(node: Any) -> str | None:
    is_property = isinstance(node, dict) and set(node) == {"property"}
    return str(node["property"]).removeprefix("properties.") if is_property else None


def property_sql(name: str) -> Sql | None:
    """Return the SQL of a property's value; the name travels as a bound parameter."""
    name = name.removeprefix("properties.")
    if name in _COLUMNS:
        return Sql(_COLUMNS[name])
    if not name or '"' in name or name in ("geometry", "bbox", "assets"):
        return None
    return Sql(f"json_extract({DOCUMENT}, ?)", (f'$.properties."{name}"',))


def _join(word: str, conditions: list[Sql | None]) -> Sql | None:
    known = [condition for condition in conditions if condition is not None]
    if not known or len(known) < len(conditions):
        return None
    text = f" {word.upper()} ".join(f"({condition.text})" for condition in known)
    return Sql(text, tuple(p for condition in known for p in condition.parameters))


def _compare(sign: str, arguments: list[Any]) -> Sql | None:
    name, right = _property_name(arguments[0]), arguments[1]
    if name == "datetime" and isinstance(right, dict):
        return _compare_time(sign, right)
    if name in (None, "datetime") or not isinstance(right, str | int | float):
        return None
    if name == "eo:cloud_cover" and not isinstance(right, str | bool):
        return Sql(f"items.cloud_cover {sign} ?", (right,))
    kinds = {bool: "('true', 'false')", str: "('text')"}.get(type(right), "('integer', 'real')")
    value = _typed(str(name), kinds)
    return value and Sql(f"{value.text} {sign} ?", (*value.parameters, right))


def _compare_time(sign: str, literal: dict[str, Any]) -> Sql | None:
    text = literal.get("timestamp") or literal.get("date")
    if not isinstance(text, str) or "." in text:
        return None
    return Sql(f"items.moment {sign} ?", (int(parse_instant(text).astype("datetime64[us]").astype(int)),))


def _like(arguments: list[Any]) -> Sql | None:
    name, pattern = _property_name(arguments[0]), arguments[1]
    value = _typed(name or "", "('text')")
    if value is None or not isinstance(pattern, str) or "\\" in pattern:
        return None
    # GLOB minds the case, as CQL2 asks; SQLite's LIKE does not.
    glob = "".join({"%": "*", "_": "?"}.get(c, f"[{c}]" if c in "*?[" else c) for c in pattern)
    return Sql(f"{value.text} GLOB ?", (*value.parameters, glob))


def _typed(name: str, kinds: str) -> Sql | None:
    """Return a property's value where it is of these JSON types, else null: the comparison is unknown."""
    value = property_sql(name)
    if value is None or not value.parameters:
        return value if kinds == "('text')" else None
    text = f"CASE WHEN json_type({DOCUMENT}, ?) IN {kinds} THEN {value.text} END"
    return Sql(text, (*value.parameters, *value.parameters))


_RULES: dict[str, Callable[[list[Any]], Sql | None]] = {
    "and": lambda arguments: _join("and", [translate(argument) for argument in arguments]),
    "or": lambda arguments: _join("or", [translate(argument) for argument in arguments]),
    "not": _not,
    "isNull": _is_null,
    "between": _between,
    "in": _in,
    "like": _like,
}
