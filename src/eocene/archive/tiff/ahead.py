"""What will be wanted next, asked for meanwhile: many requests under way, few bytes waiting."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Thing = TypeVar("Thing")
Found = TypeVar("Found")

MOST_PIECES = 32
"""What one reader has asked for at a time."""
MOST_BYTES = 8 * 2**20
"""How much of that it has not taken yet, but for the piece that reaches it."""


class Ahead(Generic[Thing, Found]):
    """Asks for things before they are wanted.

    Parameters
    ----------
    wanted : iterable of (thing, int, callable or None) or None
        What is wanted, the bytes that come for it, and what asks for it without waiting, if anything has to;
        taken in this order. None where what comes next is only known once what was taken has been dealt with.
    """

    def __init__(self, wanted: Iterable[tuple[Thing, int, Callable[[], Found] | None] | None]) -> None:
        self._left = iter(wanted)
        self._coming: deque[tuple[Thing, int, Found | None]] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[Thing, Found | None]]:
        """Yield each thing with what asking for it gave."""
        while True:
            self._ask()
            if not self._coming:
                return
            thing, size, found = self._coming.popleft()
            self._bytes -= size
            self._ask()
            yield thing, found

    def _ask(self) -> None:
        """Ask for what there is room for."""
        while self._bytes < MOST_BYTES and len(self._coming) < MOST_PIECES:
            piece = next(self._left, None)
            if piece is None:
                return
            thing, size, ask = piece
            self._coming.append((thing, size, ask() if ask else None))
            self._bytes += size
