"""Logic; with no-data as the unknown third value where openEO says so.

Source: openEO processes 2.0, category logic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block, align, both_valid
from eocene.process.methods.elementwise import elementwise, same_times
from eocene.process.registry import process
from eocene.process.types import Anything, Boolean


def _kleene(x: Any, y: Any, decisive: bool) -> Any:
    """Combine two booleans of which ``decisive`` settles the answer, whatever the other is."""
    if not isinstance(x, Block) and not isinstance(y, Block):
        if decisive in (x, y):
            return decisive
        return None if x is None or y is None else not decisive
    template = x if isinstance(x, Block) else y
    (a, b), lead = align([_as_block(x, template), _as_block(y, template)])
    shape = np.broadcast_shapes(a.values.shape, b.values.shape)
    truth = np.logical_and if not decisive else np.logical_or
    values = truth(a.values.astype(bool), b.values.astype(bool))
    known = both_valid([a.valid, b.valid], shape)
    if known is None:
        return lead.with_(values=values, valid=None)
    settled = _settles(a, decisive) | _settles(b, decisive)
    return lead.with_(values=np.where(settled, decisive, values), valid=known | settled)


def _as_block(value: Any, template: Block) -> Block:
    if isinstance(value, Block):
        return value
    shape = (1,) * template.values.ndim
    valid = None if value is not None else np.zeros(shape, bool)
    return template.with_(values=np.full(shape, bool(value)), valid=valid)


def _settles(block: Block, decisive: bool) -> Any:
    equal = block.values.astype(bool) == decisive
    return equal if block.valid is None else equal & block.valid


@process("logic", times=same_times)
def and_(x: Boolean, y: Boolean) -> Boolean:
    """Tell whether both are true; false settles it even beside no-data."""
    return _kleene(x, y, decisive=False)


@process("logic", times=same_times)
def or_(x: Boolean, y: Boolean) -> Boolean:
    """Tell whether at least one is true; true settles it even beside no-data."""
    return _kleene(x, y, decisive=True)


@elementwise("logic")
def xor(x: Boolean, y: Boolean) -> Boolean:
    """Tell whether exactly one is true."""
    return np.logical_xor(x, y)


@elementwise("logic", operands=("x",))
def not_(x: Boolean) -> Boolean:
    """Invert a boolean."""
    return np.logical_not(x)


def _unread_choices(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Say that one of the cubes goes on as it is, where one value decides for all pixels."""
    return () if hasattr(arguments["value"], "dims") else ("accept", "reject")


@process("logic", "comparison", "masks", times=same_times, unread=_unread_choices)
def if_(value: Boolean, accept: Anything, reject: Anything = None) -> Anything:
    """Return one of two values, decided by a third; no-data counts as false.

    Parameters
    ----------
    value
        A boolean.
    accept
        Returned where the boolean is true.
    reject
        Returned elsewhere.
    """
    if not isinstance(value, Block):
        return accept if value else reject
    parts = [_choice(accept, value), _choice(reject, value)]
    (condition, yes, no), lead = align([value, *parts])
    truth = condition.values.astype(bool)
    truth = truth if condition.valid is None else truth & condition.valid
    values = np.where(truth, yes.values, no.values)
    masks = [np.True_ if b.valid is None else b.valid for b in (yes, no)]
    valid = np.broadcast_to(np.where(truth, *masks), values.shape)
    return lead.with_(values=values, valid=None if valid.all() else valid)


def _choice(value: Any, template: Block) -> Block:
    if isinstance(value, Block):
        return value
    shape = (1,) * template.values.ndim
    number = np.float32(np.nan) if value is None else value
    return template.with_(
        values=np.full(shape, number), valid=None if value is not None else np.zeros(shape, bool)
    )
