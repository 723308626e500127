"""How much a graph may compute while it is checked.

Numbers, texts and lists are computed when the plan is made. Thirty nodes, each of which lays the result of
the one before twice into a list, or a callback over a long list, would keep that busy for ever; so what a
plan makes is counted, and it is refused when it is too much.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process.strict_json import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CALLS = 30_000
"""Calls of processes in one plan, those in callbacks included; some microseconds each."""
MAX_LENGTH = 100_000
"""Values in one list, those of lists in it included."""
MAX_MADE = 250_000
"""Values in all lists that a plan makes."""
MAX_TEXT = 1_000_000
"""Characters of one text."""

_SIMPLE = (bool, int, float, type(None))


@dataclass
class _Spent:
    calls: int = 0
    values: int = 0


_spent: ContextVar[_Spent | None] = ContextVar("_spent", default=None)


@contextmanager
def limit_plan() -> Iterator[None]:
    """Count what is computed inside; outside, on blocks, nothing is counted."""
    token = _spent.set(_Spent())
    try:
        yield
    finally:
        _spent.reset(token)


def is_planning() -> bool:
    """Tell whether a plan is being made, not a block computed."""
    return _spent.get() is not None


def spend(result: Any) -> Any:
    """Return the result of a process after counting it, or raise InputError ProcessGraphComplexity."""
    spent = _spent.get()
    if spent is not None:
        spent.calls += 1
        if not isinstance(result, _SIMPLE):
            spent.values += _measure(result, {}, 0)[0]
        if spent.calls > MAX_CALLS:
            raise _too_much(f"calls more than {MAX_CALLS:,} processes on plain values")
        if spent.values > MAX_MADE:
            raise _too_much(f"makes more than {MAX_MADE:,} values")
    return result


def refuse_long(length: float, what: str = "array") -> None:
    """Raise InputError before an array or text of this length is made, if it is too long."""
    if length > (most := MAX_TEXT if what == "text" else MAX_LENGTH):
        raise _too_much(f"asks for {what}s of more than {most:,} {_PARTS[what]}")


_PARTS = {"array": "values", "text": "characters"}


def _measure(value: Any, seen: dict[int, tuple[int, int]], level: int) -> tuple[int, int]:
    """Return how many values there are if each stands alone, and how deep they lie in each other.

    A list that stands in several places is measured once.
    """
    if isinstance(value, str):
        refuse_long(len(value), "text")
        return 1 + len(value) // 100, 0
    if not isinstance(value, list | tuple | dict):
        return 1, 0
    if id(value) in seen:
        return seen[id(value)]
    size, depth = 1, 0
    for entry in value.values() if isinstance(value, dict) else value:
        if isinstance(entry, _SIMPLE):
            size += 1
        elif level < MAX_DEPTH:
            inner, below = _measure(entry, seen, level + 1)
            size, depth = size + inner, max(depth, below + 1)
    if depth >= MAX_DEPTH or level >= MAX_DEPTH:
        raise _too_much(f"nests arrays deeper than {MAX_DEPTH}")
    refuse_long(size)
    seen[id(value)] = (size, depth)
    return size, depth


def _too_much(how: str) -> InputError:
    return InputError(f"The process graph {how}.", "Compute less in it.", code="ProcessGraphComplexity")
