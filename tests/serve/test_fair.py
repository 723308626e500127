"""Turns at expensive work: whoever asks for much waits for himself, not the others for him."""

from __future__ import annotations

import asyncio
import time

import pytest

from eocene.serve.fair import FairQueue, WorkingTime
from eocene.serve.limits import TooManyRequestsError


def run_all(queue: FairQueue, users: str) -> list[str]:
    """Let one request of each letter's user come at once, in this order; return the order of their turns."""
    done: list[str] = []
    busy = most = 0

    async def ask(user: str) -> None:
        nonlocal busy, most
        async with queue.turn(user):
            busy += 1
            most = max(most, busy)
            done.append(user)
            await asyncio.sleep(0)
            busy -= 1

    async def ask_all() -> None:
        await asyncio.gather(*(ask(user) for user in users))

    asyncio.run(ask_all())
    assert queue.length == 0
    done.append(f"{most} at once")
    return done


def test_one_who_floods_lets_the_others_in_between():
    turns = run_all(FairQueue(1), "aaaaaaab" + "c")
    assert turns == [*"aabcaaaaa", "1 at once"]


def test_users_with_many_requests_take_turns():
    assert run_all(FairQueue(1), "aaaabbbb")[:8] == list("aabababb")


def test_no_more_than_the_slots_work_at_once():
    assert run_all(FairQueue(3), "abcdefgh" * 4)[-1] == "3 at once"


def test_nobody_holds_more_than_half_of_the_slots_while_others_are_there():
    async def flood() -> int:
        queue = FairQueue(4)
        await _take(queue, "b")
        started = asyncio.Event()
        hold = asyncio.Event()

        async def keep() -> None:
            async with queue.turn("a"):
                started.set()
                await hold.wait()

        kept = [asyncio.create_task(keep()) for _ in range(4)]
        await started.wait()
        await asyncio.sleep(0)
        waiting = queue.length
        await asyncio.wait_for(_take(queue, "b"), 1)
        hold.set()
        await asyncio.gather(*kept)
        return waiting

    assert asyncio.run(flood()) == 2


def test_who_is_alone_gets_all_slots():
    assert run_all(FairQueue(4), "aaaaaaaa")[-1] == "4 at once"


def test_who_has_too_many_waiting_is_told_to_come_again():
    async def flood() -> None:
        queue = FairQueue(1, waiting=2)
        async with queue.turn("a"):
            waiting = [asyncio.create_task(_take(queue, "a")) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(TooManyRequestsError) as refused:
                await _take(queue, "a")
            assert int(refused.value.headers["Retry-After"]) > 0
            other = asyncio.create_task(_take(queue, "b"))
            await asyncio.sleep(0)
            assert queue.length == 3
        await asyncio.gather(*waiting, other)

    asyncio.run(flood())


def test_who_gives_up_waiting_costs_nobody_a_turn():
    async def give_up() -> None:
        queue = FairQueue(1)
        async with queue.turn("a"):
            first, second = (asyncio.create_task(_take(queue, user)) for user in "bc")
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.sleep(0)
        await asyncio.wait_for(second, 1)
        assert first.cancelled()
        await asyncio.wait_for(_take(queue, "d"), 1)

    asyncio.run(give_up())


def test_a_turn_that_is_given_back_early_is_the_next_ones():
    async def hand_over() -> None:
        queue = FairQueue(1)
        async with queue.turn("a") as give_back:
            give_back()
            await asyncio.wait_for(_take(queue, "b"), 1)
        await asyncio.wait_for(_take(queue, "c"), 1)
        async with queue.turn("d"):
            assert queue.length == 0
            waiting = asyncio.create_task(_take(queue, "e"))
            await asyncio.sleep(0)
            assert queue.length == 1
        await waiting

    asyncio.run(hand_over())


def work_for(seconds: float, others: bool, rate: float = 0.25, **times: float) -> float:
    """Let one user work two pieces of so many seconds; return how much later the second one is done (s)."""

    async def work() -> float:
        shared = WorkingTime(rate, **times)
        results, tiles = FairQueue(2, times=shared), FairQueue(2, times=shared)
        if others:
            await _take(tiles, "b")
        async with results.turn("a"):
            await asyncio.sleep(seconds)
        done = time.monotonic()
        await asyncio.wait_for(_take(tiles, "a"), 30)
        return time.monotonic() - done

    return asyncio.run(work())


def test_who_has_worked_for_long_rests_while_others_are_there_in_whatever_queue():
    assert 0.3 < work_for(0.1, others=True, advance_s=0.0) < 10


def test_a_burst_is_worked_at_once():
    assert work_for(0.1, others=True, rate=0.02, advance_s=60.0) < 3


def test_nobody_rests_longer_than_the_longest_rest():
    assert 0.1 < work_for(0.1, others=True, rate=0.01, advance_s=0.0, longest_rest_s=0.15) < 5


def test_who_is_alone_never_rests():
    assert work_for(0.1, others=False, rate=0.02, advance_s=0.0) < 3


async def _take(queue: FairQueue, user: str) -> None:
    async with queue.turn(user):
        await asyncio.sleep(0)
