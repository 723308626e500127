"""Styles as users give them: what a service's configuration may say of colours, checked."""

from __future__ import annotations

import math
import re
from typing import Any

from eocene.jobs.layer import STYLES
from eocene.model import InputError
from eocene.serve.colours import COLORMAPS, class_colour, count_drawn, make_ramp, parse_colour, pick_bands

CONFIGURATION: dict[str, dict[str, Any]] = {
    "kind": {
        "type": "string",
        "description": "How values become colours.",
        "enum": list(STYLES),
        "default": "continuous",
    },
    "bands": {
        "type": "array",
        "description": "The bands to draw; by default the first.",
        "items": {"type": "string"},
    },
    "min": {"type": "number", "description": "The value drawn with the first colour.", "default": 0},
    "max": {"type": "number", "description": "The value drawn with the last colour.", "default": 1},
    "colormap": {
        "type": "string",
        "description": "The colours.",
        "enum": sorted(COLORMAPS),
        "default": "viridis",
    },
    "classes": {
        "type": "array",
        "description": "Objects with value, name and color.",
        "items": {"type": "object"},
    },
    "shared": {
        "type": "boolean",
        "description": "Whether all see it who may read the catalogue; else who has its address and key.",
        "default": False,
    },
}
"""What can be chosen, as GET /service_types tells it."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "array": (list,),
    "boolean": (bool,),
}
_GREATEST = 1e300
_MOST_CLASSES = 1024
_LONGEST = {"title": 1000, "description": 100_000, "plan": 64}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
"""What neither XML nor PostgreSQL takes in a text."""


def check_style(given: Any) -> dict[str, Any]:
    """Return the style that a service's configuration describes; raises InputError."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise InputError(
            "The configuration is not an object.", "See GET /service_types.", code="ServiceConfigInvalid"
        )
    for name, value in given.items():
        if name not in CONFIGURATION:
            raise InputError(
                f"The service parameter {name[:40]!r} is not supported.",
                f"Use {', '.join(CONFIGURATION)}.",
                code="ServiceConfigUnsupported",
            )
        allowed = CONFIGURATION[name]
        kinds = _TYPES[allowed["type"]]
        if not is_of(value, kinds) or value not in allowed.get("enum", [value]):
            raise _invalid(name, "is of another type or not one of those listed at GET /service_types")
    style: dict[str, Any] = {"kind": "continuous", "min": 0, "max": 1} | given
    make_ramp(style.get("colormap", "viridis"))
    if style["kind"] == "classes" and not style.get("classes"):
        raise _invalid("classes", "names no class, so that nothing would be drawn")
    for number, entry in enumerate(style.get("classes", ())):
        if not isinstance(entry, dict) or not is_of(entry.get("value"), (int,)) or number == _MOST_CLASSES:
            raise _invalid("classes", f"is not a list of up to {_MOST_CLASSES} objects with a whole value")
        parse_colour(class_colour(entry, number))
    return style


def check_bands(style: dict[str, Any], plan: Any) -> None:
    """Raise InputError if the result of a plan has not the bands that a style draws."""
    schema = plan.schema
    sizes = (n for dim, n in zip(schema.dims, schema.shape, strict=True) if dim not in ("t", "y", "x"))
    pick_bands(math.prod(sizes), [str(band) for band in schema.bands], style.get("bands"), count_drawn(style))


def is_of(value: Any, kinds: tuple[type, ...]) -> bool:
    """Tell whether a value is of a type, and, as a number or text, one that can be worked with."""
    if not isinstance(value, kinds) or isinstance(value, bool) != (bool in kinds):
        return False
    if isinstance(value, str):
        return _CONTROL.search(value) is None
    return not isinstance(value, int | float) or abs(value) <= _GREATEST


def read_field(body: dict[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    """Return a property of a body, None if it is null; raises InputError if it is of another type."""
    value = body[name]
    if value is None or (is_of(value, kinds) and len(str(value)) <= _LONGEST.get(name, math.inf)):
        return value
    raise InputError(
        f"The property {name!r} has a wrong type, is too long, or holds characters that are no text.",
        f"Give {' or '.join(kind.__name__ for kind in kinds)}.",
        code="InvalidParameterValue",
    )


def _invalid(name: str, fault: str) -> InputError:
    return InputError(
        f"The service parameter {name!r} {fault}.", "See GET /service_types.", code="ServiceConfigInvalid"
    )
