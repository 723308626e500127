"""Turns at what is expensive: one after the other of those who wait, not one request after the other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from eocene.serve.limits import TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

_AGAIN_S = 5.0


class FairQueue:
    """Lets some work at a time; those who wait take turns, however many requests each of them has waiting.

    Of one event loop.

    Parameters
    ----------
    slots : int
        How many work at a time.
    waiting : int
        How many requests of one user may wait.
    """

    def __init__(self, slots: int, waiting: int = 128) -> None:
        self._free, self._most = slots, waiting
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

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
                self._pass_on()

        try:
            yield give_back
        finally:
            give_back()

    async def _wait(self, user: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        queue = self._queues.setdefault(user, deque())
        if len(queue) >= self._most:
            raise TooManyRequestsError(f"{self._most} of your requests are waiting already.", _AGAIN_S)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._queues:
            user, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[user] = queue  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
