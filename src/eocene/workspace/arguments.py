"""What the arguments of the Python face may be: checked before anything is done, and told by name."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np

from eocene.model import InputError

P = ParamSpec("P")
T = TypeVar("T")

_SHOWN = 80


@dataclass(frozen=True)
class Kind:
    """What an argument may be.

    Parameters
    ----------
    meaning : str
        What it is, after "not".
    remedy : str
        What to give, with an example.
    read : callable
        Returns an argument as the code below takes it; raises TypeError or ValueError if it is another thing.
    """

    meaning: str
    remedy: str
    read: Callable[[Any], Any]


def takes(**kinds: Kind) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return what checks a function whose arguments are of these kinds, or None where that is the default.

    The function raises InputError for an argument of another kind.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)
        defaults = {name: signature.parameters[name].default for name in kinds}

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            bound = signature.bind(*args, **kwargs)
            given = bound.arguments
            for name in [name for name in given if name in kinds]:
                if given[name] is not None or defaults[name] is not None:
                    given[name] = _read(name, given[name], kinds[name])
            return function(*bound.args, **bound.kwargs)

        return checked

    return decorate


def _read(name: str, value: object, kind: Kind) -> Any:
    try:
        return kind.read(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The argument {name!r} is {show(value)}, not {kind.meaning}.",
            kind.remedy,
            code="ProcessParameterInvalid",
        ) from error


def show(value: object) -> str:
    """Return how an error quotes an argument."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        text = f"of the type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if "\x00" in value:
        raise ValueError
    value.encode()  # halves of surrogate pairs are no text
    return str(value)


def _read_names(value: object) -> tuple[str, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError
    return tuple(map(_read_text, value))


def _read_one_or_more(value: object) -> tuple[str, ...]:
    return (_read_text(value),) if isinstance(value, str) else _read_names(value)


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError
    return bool(value)


def _read_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**63:
        raise ValueError
    return int(value)


def _read_path(value: object) -> str | os.PathLike[str]:
    if not isinstance(value, str | os.PathLike):
        raise TypeError
    _read_text(os.fspath(value))
    return value


def instance_of(*kinds: type) -> Callable[[Any], Any]:
    """Return what reads an instance of some types as it is."""

    def read(value: object) -> Any:
        if not isinstance(value, kinds):
            raise TypeError
        return value

    return read


def _read_crs(value: object) -> int | str:
    if not isinstance(value, int | np.integer):
        return _read_text(value)
    if isinstance(value, bool) or not 0 < value < 10**7:
        raise ValueError
    return int(value)


def _read_item(value: object) -> Any:
    import pystac

    return instance_of(pystac.Item)(value)


def _read_callable(value: object) -> Any:
    if not callable(value):
        raise TypeError
    return value


TEXT = Kind("a text", "Give a name as a text.", _read_text)
COLLECTION = Kind("the id of a collection", "Give one as a text, such as 'sentinel-2-l2a'.", _read_text)
COLLECTIONS = Kind(
    "the id of a collection, or a list of such", "Give texts, such as ['sentinel-2-l2a'].", _read_one_or_more
)
BANDS = Kind("a list of band names", "Give one, also for a single band, such as ['B04'].", _read_names)
NAMES = Kind("a list of texts", "Give one, also for a single text, such as ['name'].", _read_names)
TIME = Kind(
    "a time as a text",
    "Write an instant, a date, a month, or a start and an end, such as '2024-04-30' or '2024-04/2024-09'.",
    _read_text,
)
CRS = Kind("an EPSG code", "Write 32631 or 'EPSG:32631'.", _read_crs)
ITEM = Kind("a pystac.Item", "Give one as search returns it.", _read_item)
CQL2 = Kind("CQL2", "Give it as a text or as JSON, such as 'eo:cloud_cover < 40'.", instance_of(str, dict))
COUNT = Kind("a whole number from 0", "Give how many at most, such as 10.", _read_count)
FLAG = Kind("true or false", "Give True or False.", _read_flag)
PATH = Kind("a path", "Give one as a text or a pathlib.Path.", _read_path)
PROGRESS = Kind("callable", "Give a function of two whole numbers: done, and all.", _read_callable)
ON_ERROR = Kind("'raise' or 'skip'", "Give one of the two.", _read_text)
MAPPING = Kind("a mapping of names", "Give one, such as {'name': value}.", instance_of(Mapping))
