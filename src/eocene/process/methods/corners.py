"""Corners of an extent, and other choices by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

CORNERS = ("lower-left", "upper-left", "lower-right", "upper-right")


def check_choice(parameter: str, value: object, choices: Collection[object]) -> None:
    """Refuse what is not one of the names that a parameter takes."""
    if value not in choices:
        raise InputError(
            f"The {parameter} {value!r} is not known.",
            f"Use one of {', '.join(map(str, choices))}.",
            code="ProcessParameterInvalid",
        )
