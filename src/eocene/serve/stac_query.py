"""The query extension as CQL2, so that the catalogue has one language of filters.

Source: STAC API, extension query 1.0.0.
"""

from __future__ import annotations

from typing import Any

from eocene.model import InputError

_SIGNS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}
_LISTS = ("instruments", "sar:polarizations", "keywords", "majortom:cells")
_MOST = 100

Node = dict[str, Any]


def translate_query(query: dict[str, Any] | None, given: str | Node | None) -> str | Node | None:
    """Return the filter that asks for a query and, where one is given, for that filter as well.

    Raises
    ------
    InputError
        If the query is not one, or stands beside a filter in text.
    """
    if not query:
        return given
    if isinstance(given, str):
        raise _wrong("it stands beside a filter as text", "Write both as one filter, or the filter as JSON.")
    nodes = [] if given is None else [given]
    for name, conditions in query.items():
        if not isinstance(conditions, dict) or not conditions:
            raise _wrong(f"{name!r} has no conditions", 'Write {"eo:cloud_cover": {"lt": 40}}.')
        nodes += [_translate(name, operator, value) for operator, value in conditions.items()]
    if len(nodes) > _MOST:
        raise _wrong(f"it has more than {_MOST} conditions", "Ask for less.")
    return nodes[0] if len(nodes) == 1 else {"op": "and", "args": nodes}


def modernise(node: Any) -> Any:
    """Return a filter with ``between`` as the standard has it, where drafts had its bounds in a list."""
    if isinstance(node, list):
        return [modernise(inner) for inner in node]
    if not isinstance(node, dict) or not isinstance(arguments := node.get("args"), list):
        return node
    if node.get("op") == "between" and len(arguments) == 2 and isinstance(arguments[1], list):
        arguments = [arguments[0], *arguments[1]]
    return node | {"args": modernise(arguments)}


def _translate(name: str, operator: str, value: Any) -> Node:
    value_of = {"property": name}
    if operator in _SIGNS and isinstance(value, str | int | float):
        return _any([{"op": _SIGNS[operator], "args": [value_of, v]} for v in _readings(value)])
    if operator in _PATTERNS and isinstance(value, str):
        return {"op": "like", "args": [value_of, _PATTERNS[operator].format(_escape(value))]}
    if operator == "in" and isinstance(value, list) and value:
        is_list = name.removeprefix("properties.") in _LISTS
        return {"op": "a_overlaps" if is_list else "in", "args": [value_of, value]}
    known = ", ".join((*_SIGNS, *_PATTERNS, "in"))
    raise _wrong(f"{operator!r} of {name!r} is unknown or has a wrong value", f"There are {known}.")


def _readings(value: str | float) -> list[str | float]:
    """Return the value, and what it is as a number: in a query string numbers come in quotes at times."""
    if not isinstance(value, str):
        return [value]
    try:
        number = float(value)
    except ValueError:
        return [value]
    return [value, number] if abs(number) < float("inf") else [value]


def _any(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else {"op": "or", "args": nodes}


def _escape(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in text)


def _wrong(why: str, remedy: str) -> InputError:
    return InputError(f"The parameter 'query' is wrong: {why}.", remedy, code="InvalidParameterValue")
