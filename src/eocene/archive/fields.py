"""Parts of items: which fields come back."""

from __future__ import annotations

from typing import Any

_ALWAYS = ("id", "collection")


def pick_fields(item: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return an item with the fields that are included, without those that are left out.

    Parameters
    ----------
    item : dict
        The whole item.
    fields : tuple of str
        Names, with dots between levels (``properties.eo:cloud_cover``); those with a minus are left out,
        and what is named without one is all that comes, if there is any. Empty means the whole item.
    """
    if not fields:
        return item
    included = [field.lstrip("+") for field in fields if not field.startswith("-")]
    result = _include(item, [*_ALWAYS, *included]) if included else item
    for field in fields:
        if field.startswith("-") and field[1:] not in (*_ALWAYS, *included):
            result = _exclude(result, _find_path(result, field[1:]))
    return result


def _include(item: dict[str, Any], names: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in names:
        value: Any = item
        path = _find_path(item, name)
        for step in path:
            value = value[step]
        place = result
        for step in path[:-1]:
            inner = place.get(step)
            # A copy: what was taken whole before must not change within the item.
            place[step] = dict(inner) if isinstance(inner, dict) else {}
            place = place[step]
        if path:
            place[path[-1]] = value
    return result


def _exclude(item: dict[str, Any], path: list[str]) -> dict[str, Any]:
    if not path:
        return item
    first, *rest = path
    if not rest:
        return {name: value for name, value in item.items() if name != first}
    return {**item, first: _exclude(item[first], rest)}


def _find_path(item: dict[str, Any], name: str) -> list[str]:
    """Return the steps to a field, empty where there is none; names may have dots themselves."""
    if name in item:
        return [name]
    for end in [place for place, letter in enumerate(name) if letter == "."]:
        inner = item.get(name[:end])
        if isinstance(inner, dict):
            rest = _find_path(inner, name[end + 1 :])
            if rest:
                return [name[:end], *rest]
    return []
