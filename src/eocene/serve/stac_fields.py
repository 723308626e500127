"""Which fields of items are shown, as the catalogue's ``pick_fields`` takes them.

Source: STAC API, extension fields 1.0.0. Where it leaves open what else comes along, type, stac_version, id
and collection do: without them nobody could tell what an answer is.
"""

from __future__ import annotations

from typing import Any

from eocene.model import InputError

_IDENTITY = ("type", "stac_version", "id", "collection")
_TIMES = ("properties.datetime", "properties.start_datetime", "properties.end_datetime")
_DEFAULT = (*_IDENTITY, "geometry", "bbox", "links", "assets", *_TIMES)
_TOP = {*_DEFAULT, "stac_extensions", "properties"}
_MOST = 200


def split_fields(text: str) -> dict[str, list[str]]:
    """Return ``id,-geometry`` of a query string as the object that a body holds."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    chosen = {
        "include": [name.removeprefix("+") for name in names if not name.startswith("-")],
        "exclude": [name[1:] for name in names if name.startswith("-")],
    }
    return {key: value for key, value in chosen.items() if value}


def read_fields(given: Any) -> tuple[str, ...]:
    """Return the names to include, and those to leave out with a minus; including wins.

    With nothing but ``exclude`` everything else is shown; where ``include`` is empty, the default fields.

    Raises
    ------
    InputError
        If it is not an object with lists of names.
    """
    if not isinstance(given, dict):
        raise _wrong("it is not an object")
    include, exclude = (_read_names(given, name) for name in ("include", "exclude"))
    if include:
        exclude = tuple(name for name in exclude if not _is_around(name, include))
        return (*dict.fromkeys((*_IDENTITY, *include)), *(f"-{name}" for name in exclude))
    if not exclude or "include" in given:
        return tuple(name for name in _DEFAULT if not _is_around(name, exclude))
    return tuple(f"-{name}" for name in exclude)


def _is_around(name: str, others: tuple[str, ...]) -> bool:
    """Tell whether one of the others is this field or lies in it."""
    return any(f"{other}.".startswith(f"{name}.") for other in others)


def _read_names(given: dict[str, Any], name: str) -> tuple[str, ...]:
    names = given.get(name)
    names = [] if names is None else names
    if not isinstance(names, list) or len(names) > _MOST or not all(isinstance(n, str) and n for n in names):
        raise _wrong(f"{name} is not a list of at most {_MOST} names")
    return tuple(n if n.partition(".")[0] in _TOP else f"properties.{n}" for n in names)


def _wrong(why: str) -> InputError:
    return InputError(
        f"The parameter 'fields' is wrong: {why}.",
        'Write for instance {"include": ["id", "properties.datetime"], "exclude": ["assets"]}.',
        code="InvalidParameterValue",
    )
