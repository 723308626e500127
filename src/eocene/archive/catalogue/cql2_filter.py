"""CQL2 filters: as much as possible becomes SQL, the rest is matched in Python.

Source: OGC 21-065r2, Common Query Language (CQL2). A comparison with a missing property, or between
values of different kinds, is unknown and does not match, in both ways.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

import cql2

from eocene.archive.catalogue.cql2_sql import property_name, translate
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from eocene.archive.catalogue.cql2_sql import Dialect, Sql

_LONGEST = 20_000
_DEEPEST = 64
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_NOT = re.compile(r"\bnot\b", re.IGNORECASE)
_WORDS = """
and or not = <> < <= > >= like between in isnull casei accenti + - * / % div ^
s_contains s_crosses s_disjoint s_equals s_intersects s_overlaps s_touches s_within
t_after t_before t_contains t_disjoint t_during t_equals t_finishedby t_finishes t_intersects t_meets t_metby
t_overlappedby t_overlaps t_startedby t_starts
a_equals a_contains a_containedby a_overlaps
"""
_OPERATORS = frozenset(_WORDS.split())
"""All that CQL2 has; any other name is a function of somebody's own, of which there are none here."""


class Filter:
    """A CQL2 expression, split into SQL and what is left for Python.

    Parameters
    ----------
    expression : str or dict
        CQL2 text or CQL2 JSON.
    dialect : Dialect
        How the catalogue's SQL names properties.

    Raises
    ------
    InputError
        If it is not CQL2, or too long or deep to be meant.
    """

    def __init__(self, expression: str | dict[str, Any], dialect: Dialect) -> None:
        document = _parse(expression)
        conjuncts = document["args"] if document.get("op") == "and" else [document]
        self.sql: list[Sql] = []
        self.cover = cover_range(conjuncts)
        rest: list[dict[str, Any]] = []
        for conjunct in conjuncts:
            condition = translate(conjunct, dialect)
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
        return self._rest is None or _holds(self._rest, item)


def read_condition(expression: str | dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """Return an expression as a test of features, whether or not a catalogue has them.

    Raises
    ------
    InputError
        If it is not CQL2, or too long or deep to be meant.
    """
    return partial(_holds, cql2.Expr(_parse(expression)))


def _holds(expression: cql2.Expr, item: dict[str, Any]) -> bool:
    try:
        return bool(expression.matches(item))
    except Exception:  # noqa: BLE001  (the package raises bare Exception for "unknown")
        return False


def read_filter(expression: str | dict[str, Any], dialect: Hashable) -> Filter:
    """Return the filter of an expression; the last few hundred are remembered.

    Raises
    ------
    InputError
        If it is not CQL2, or too long or deep to be meant.
    """
    if isinstance(expression, str) and len(expression) <= _LONGEST:
        return _remember(expression, dialect)
    return Filter(expression, cast("Dialect", dialect))


@lru_cache(maxsize=512)
def _remember(text: str, dialect: Hashable) -> Filter:
    return Filter(text, cast("Dialect", dialect))


def cover_range(conjuncts: list[Any]) -> tuple[float, float] | None:
    """Return the least and most cloud cover in percent that can match all conditions, or None for any."""
    low, high = -math.inf, math.inf
    for conjunct in conjuncts:
        operator, arguments = conjunct.get("op"), conjunct.get("args", [])
        if not arguments or property_name(arguments[0]) != "eo:cloud_cover":
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
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _wrong("it is not a text", ascii(text)) from error
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        raise _wrong("it is too long or too deeply nested", text)
    document: dict[str, Any] = json.loads(_validate(text, is_text))
    for name in _operators_in(document):
        if name.lower() not in _OPERATORS:
            raise _wrong(f"there is no function {name[:40]!r}", text)
    return document


def _operators_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["op"]] if isinstance(node.get("op"), str) else []
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _operators_in(inner)


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
