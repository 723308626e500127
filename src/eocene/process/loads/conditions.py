"""Conditions on the properties of items: process graphs, which the catalogue takes over where it can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process.callback import Callback
from eocene.process.graph import ParameterRef

if TYPE_CHECKING:
    from collections.abc import Mapping

Conditions = dict[str, Callback]
"""Property name → what must be true of its value, ``value``."""

_SIGNS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_VALUE = ParameterRef("value")
_NAME = re.compile(r"[A-Za-z_][\w:.\-]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z][\w .\-/]*")
_NOT_PUSHED = {"datetime", "start_datetime", "end_datetime", "id", "collection"}


def read_conditions(properties: Any) -> Conditions:
    """Return the conditions that a load process is given.

    Raises
    ------
    InputError
        If one of them is no process graph.
    """
    conditions = dict(properties or {})
    for name, condition in conditions.items():
        if not isinstance(condition, Callback):
            raise InputError(
                f"The condition on the property {name!r} is not a process graph.",
                'Write {"process_graph": {…}} with the parameter "value".',
                code="ProcessParameterInvalid",
            )
    return conditions


def push_conditions(conditions: Conditions) -> tuple[dict[str, Any] | None, Conditions]:
    """Return a CQL2 filter of the simple comparisons, None without one, and the conditions that are left."""
    found = {name: _as_cql2(name, condition) for name, condition in conditions.items()}
    pushed = [expression for expression in found.values() if expression is not None]
    left = {name: conditions[name] for name, expression in found.items() if expression is None}
    if len(pushed) < 2:
        return (pushed[0] if pushed else None), left
    return {"op": "and", "args": pushed}, left


def meets(item: Mapping[str, Any], conditions: Conditions) -> bool:
    """Tell whether all conditions are true of an item; a property that it lacks is null."""
    properties = item["properties"]
    return all(bool(condition(value=properties.get(name)) or False) for name, condition in conditions.items())


def _as_cql2(name: str, condition: Callback) -> dict[str, Any] | None:
    """Return one comparison with a plain value, which means the same in CQL2, or None."""
    if len(condition.graph.nodes) != 1 or not _NAME.fullmatch(name) or name in _NOT_PUSHED:
        return None
    (node,) = condition.graph.nodes
    arguments = {k: _outer(v, condition.outer) for k, v in node.arguments.items()}
    if condition.own.owns(node):
        return None
    if node.process == "between" and set(arguments) == {"x", "min", "max"}:
        low, high = arguments["min"], arguments["max"]
        if arguments["x"] == _VALUE and _is_number(low) and _is_number(high):
            return {"op": "and", "args": [_compare(name, ">=", low), _compare(name, "<=", high)]}
    sign = _SIGNS.get(node.process)
    if sign is None or set(arguments) != {"x", "y"}:
        return None
    x, y = arguments["x"], arguments["y"]
    if y == _VALUE:
        x, y, sign = y, x, _MIRRORED[sign]
    is_text = sign == "=" and isinstance(y, str) and _PLAIN_TEXT.fullmatch(y)
    return _compare(name, sign, y) if x == _VALUE and (_is_number(y) or is_text) else None


def _outer(value: Any, scope: Mapping[str, Any]) -> Any:
    is_outer = isinstance(value, ParameterRef) and value != _VALUE and value.name in scope
    return scope[value.name] if is_outer else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare(name: str, sign: str, value: Any) -> dict[str, Any]:
    return {"op": sign, "args": [{"property": name}, value]}
