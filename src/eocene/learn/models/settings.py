"""Settings of a kind as fields of a frozen dataclass that state their own ranges."""

from __future__ import annotations

from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

S = TypeVar("S")
_CODE = "ProcessParameterInvalid"


def whole(default: int | None, low: int, high: int) -> Any:
    """Return a field for a whole number from ``low`` to ``high``; null is accepted if it is the default."""
    return field(default=default, metadata={"type": int, "low": low, "high": high})


def number(default: float | None, low: float, high: float) -> Any:
    """Return a field for a number from ``low`` to ``high``; null is accepted if it is the default."""
    return field(default=default, metadata={"type": float, "low": low, "high": high})


def text(default: str | None) -> Any:
    """Return a field for a short text; null is accepted if it is the default."""
    return field(default=default, metadata={"type": str})


def choice(default: Any, values: Sequence[Any]) -> Any:
    """Return a field for one of some values."""
    return field(default=default, metadata={"values": tuple(values)})


def make_settings(cls: type[S], given: Mapping[str, Any], what: str) -> S:
    """Return settings of a kind, each checked against the range of its field.

    Raises
    ------
    InputError
        If a name is unknown or a value outside its range.
    """
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown:
        raise InputError(
            f"{what} has no setting {', '.join(unknown)}.", f"Settings are {', '.join(known)}.", code=_CODE
        )
    return cls(**{name: _check(name, value, known[name]) for name, value in given.items()})


def _check(name: str, value: Any, told: Any) -> Any:
    rule = told.metadata
    if value is None and told.default is None:
        return None
    if "values" in rule:
        if any(value is v or (value == v and type(value) is type(v)) for v in rule["values"]):
            return value
        raise _refuse(name, value, f"Take one of {', '.join(map(repr, rule['values']))}.")
    if rule["type"] is str:
        if isinstance(value, str) and len(value) <= 200:
            return value
        raise _refuse(name, value, "Give a text of at most 200 characters.")
    kinds = (int,) if rule["type"] is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not rule["low"] <= value <= rule["high"]:
        noun = "whole number" if rule["type"] is int else "number"
        raise _refuse(name, value, f"Give a {noun} from {rule['low']} to {rule['high']}.")
    return rule["type"](value)


def _refuse(name: str, value: Any, remedy: str) -> InputError:
    return InputError(f"{name} is {value!r}.", remedy, code=_CODE)
