"""Turns at what is expensive: one after the other of those who wait, not one request after the other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cachetools import TTLCache

from eocene.serve.limits import TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

_AGAIN_S = 5.0
_PRESENT_S = 5.0
_USERS = 1024

PART = 8
"""For long, and while others are there, a user has so small a part of the slots."""


class WorkingTime:
    """What one user may take of the time of all queues while others are there: a burst, then a steady part.

    Parameters
    ----------
    rate : float
        How much of a user's work is done for long, in seconds of work per second.
    advance_s : float
        What is worked in so many seconds at this rate may be had at once.
    longest_rest_s : float
        Nobody rests for longer, however long their work took.
    """

    def __init__(self, rate: float, advance_s: float = 4.0, longest_rest_s: float = 5.0) -> None:
        self._rate, self._advance, self._most = rate, advance_s, advance_s + longest_rest_s
        self._seen: TTLCache[Hashable, None] = TTLCache(_USERS, _PRESENT_S)
        # By user: when all that was worked would have been, at the steady rate.
        self._even_at: TTLCache[Hashable, float] = TTLCache(_USERS, self._most)

    def see(self, user: Hashable) -> None:
        """Remember that a user is there."""
        self._seen[user] = None

    def is_alone(self, user: Hashable) -> bool:
        """Return whether nobody else was there in the last seconds."""
        return all(other == user for other in self._seen)

    def charge(self, user: Hashable, seconds: float) -> None:
        """Note that a user's request was worked at for so long."""
        now = time.monotonic()
        even_at = max(now, self._even_at.get(user, now)) + seconds / self._rate
        self._even_at[user] = min(even_at, now + self._most)

    def rest(self, user: Hashable) -> float:
        """Return for how long (s) a user rests yet; 0 if not at all."""
        if self.is_alone(user):
            return 0.0
        return max(0.0, self._even_at.get(user, 0.0) - time.monotonic() - self._advance)


class FairQueue:
    """Lets some work at a time; those who wait take turns, however many requests each of them has waiting.

    While others have been there in the last seconds, nobody holds more than half of the slots, and who has
    used up their working time rests. Of one event loop.

    Parameters
    ----------
    slots : int
        How many work at a time.
    waiting : int
        How many requests of one user may wait.
    times : WorkingTime, optional
        What users have worked, shared with other queues; by default of this queue alone.
    """

    def __init__(self, slots: int, waiting: int = 128, times: WorkingTime | None = None) -> None:
        self._free, self._share, self._most = slots, max(1, slots // 2), waiting
        self._times = times or WorkingTime(slots / PART)
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        self._held: Counter[Hashable] = Counter()
        self._later: asyncio.TimerHandle | None = None

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
        began: float | None = time.monotonic()

        def give_back() -> None:
            nonlocal began
            if began is not None:
                self._times.charge(user, time.monotonic() - began)
                began = None
                self._release(user)

        try:
            yield give_back
        finally:
            give_back()

    async def _wait(self, user: Hashable) -> None:
        self._times.see(user)
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
        self._come_back()

    def _may_work(self, user: Hashable) -> bool:
        if self._times.is_alone(user):
            return True
        return self._held[user] < self._share and not self._times.rest(user)

    def _come_back(self) -> None:
        """Give turns again when the first of those who rest has rested."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        resting = [user for user in self._queues if self._held[user] < self._share] if self._free else []
        if resting:
            seconds = min(map(self._times.rest, resting))
            self._later = asyncio.get_running_loop().call_later(seconds, self._give_turns)
