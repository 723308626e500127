"""Turns at what is expensive: one after the other of those who wait, not one request after the other."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cachetools import TTLCache

from eocene.serve.limits import TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

_AGAIN_S = 5.0
_PRESENT_S = 5.0


class FairQueue:
    """Lets some work at a time; those who wait take turns, however many requests each of them has waiting.

    While others have been there in the last seconds, nobody holds more than half of the slots. Of one event
    loop.

    Parameters
    ----------
    slots : int
        How many work at a time.
    waiting : int
        How many requests of one user may wait.
    """

    def __init__(self, slots: int, waiting: int = 128) -> None:
        self._free, self._share, self._most = slots, max(1, slots // 2), waiting
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        self._held: Counter[Hashable] = Counter()
        self._seen: TTLCache[Hashable, None] = TTLCache(1024, _PRESENT_S)

    @property
    def length(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def turn(self, user: Hashable) -> AsyncIterator[Callable[[], None]]:
        """Wait for a turn; yield what gives it back before the block ends.

        Raises
        ------
        TooManyRequestsError
            If too many requests of the user wait.
        """
        await self._wait(user)
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._release(user)

        try:
            yield give_back
        finally:
            give_back()

    async def _wait(self, user: Hashable) -> None:
        self._seen[user] = None
        queue = self._queues.setdefault(user, deque())
        if len(queue) >= self._most:
            raise TooManyRequestsError(f"{self._most} of your requests are waiting already.", _AGAIN_S)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(user)
            raise

    def _release(self, user: Hashable) -> None:
        self._free += 1
        self._held[user] -= 1
        self._held += Counter()  # forgets who holds nothing
        self._give_turns()

    def _give_turns(self) -> None:
        while self._free and (user := next(filter(self._may_work, self._queues), None)) is not None:
            queue = self._queues.pop(user)
            turn = queue.popleft()
            if queue:
                self._queues[user] = queue  # behind all others
            if not turn.done():
                self._free -= 1
                self._held[user] += 1
                turn.set_result(None)

    def _may_work(self, user: Hashable) -> bool:
        alone = all(other == user for other in self._seen)
        return alone or self._held[user] < self._share
