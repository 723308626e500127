"""How large a file may become when it is decoded: what its header announces has to fit into memory.

A few kilobytes can stand for gigabytes. Every format says in its header what it decodes at once: a tile or
strip, a chunk, a row group, a whole list of coordinates. That is compared with the budget before it begins.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from eocene.model.budget import memory_budget
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_HARMLESS_BYTES = 4 * 2**20


def is_decodable(size: int) -> bool:
    """Tell whether so many bytes fit into the memory budget."""
    # Nearly all do, and asking how much memory is free takes longer than the question.
    return size <= _HARMLESS_BYTES or size <= memory_budget()


def check_decoded(name: object, what: str, shape: Iterable[int], item_bytes: int = 1) -> int:
    """Return how many bytes something becomes, if they fit into the memory budget.

    Parameters
    ----------
    name : object
        What errors call the file.
    what : str
        The part that is decoded at once, such as "a tile".
    shape : iterable of int
        Its values along each dimension.
    item_bytes : int
        Bytes of a value.

    Raises
    ------
    InputError
        If it would take more than the budget, or a length is negative.
    """
    lengths = [int(length) for length in shape]
    size = prod(lengths) * item_bytes
    if min(lengths, default=0) < 0 or not is_decodable(size):
        raise InputError(
            f"The file {str(name)!r} is refused: {what} becomes {size} bytes when it is decoded, and "
            f"{memory_budget()} may be taken.",
            "Write it again in smaller blocks, or raise EOCENE_MEMORY if the machine has more.",
            code="FormatUnsuitable",
        )
    return size
