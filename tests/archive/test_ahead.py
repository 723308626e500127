"""What is fetched ahead comes in order, within a bound, and what depends on what came before waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eocene.archive.tiff.ahead import MOST_BYTES, MOST_PIECES, Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_things_come_in_the_order_in_which_they_are_wanted() -> None:
    wanted = [(n, 10, (lambda n=n: n * n) if n % 3 else None) for n in range(100)]
    assert list(Ahead(wanted)) == [(n, n * n if n % 3 else None) for n in range(100)]


@pytest.mark.parametrize("size", [1, MOST_BYTES // 3, 2 * MOST_BYTES])
def test_no_more_is_under_way_than_there_is_room_for(size: int) -> None:
    begun: list[int] = []

    def wanted() -> Iterator[tuple[int, int, Callable[[], None]]]:
        for n in range(50):
            begun.append(n)
            yield n, size, lambda: None

    most = min(MOST_PIECES, -(-MOST_BYTES // size))
    for taken, _ in Ahead(wanted()):
        assert len(begun) - taken <= most + 1  # the one that was taken, and those under way


def test_what_depends_on_something_taken_waits_until_that_has_been_dealt_with() -> None:
    dealt_with: set[int] = set()

    def wanted() -> Iterator[tuple[int, int, Callable[[], int]] | None]:
        for n in range(40):
            while n >= 4 and n - 4 not in dealt_with:
                yield None
            yield n, 1, lambda n=n: n

    for thing, found in Ahead(wanted()):
        assert thing == found == len(dealt_with)
        dealt_with.add(thing)
    assert len(dealt_with) == 40
