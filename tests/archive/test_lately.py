"""What was found lately, and what other threads are going to give."""

from __future__ import annotations

import threading
import time

import pytest

from eocene.archive.fetch.coming import Coming
from eocene.archive.fetch.lately import Lately


def test_what_was_noted_is_remembered_until_its_time_is_over() -> None:
    lately: Lately[str, int] = Lately(8, 0.2)
    lately.note("a", 1)
    assert (lately.get("a"), lately.get("b")) == (1, None)
    time.sleep(0.25)
    assert lately.get("a") is None
    lately.note("a", 2)
    assert lately.get("a") == 2


def test_what_is_too_old_goes_when_something_is_noted() -> None:
    lately: Lately[str, int] = Lately(8, 0.1)
    for key in "abc":
        lately.note(key, 1)
    time.sleep(0.15)
    lately.note("d", 1)
    assert len(lately._noted) == 1


def test_of_too_many_those_go_that_were_noted_first() -> None:
    lately: Lately[int, int] = Lately(3, 60.0)
    for key in (0, 1, 2, 0, 3):
        lately.note(key, key)
    assert [lately.get(key) for key in range(4)] == [0, None, 2, 3]
    lately.forget(2)
    assert lately.get(2) is None
    lately.clear()
    assert lately.get(0) is None


def test_every_thread_that_waits_is_given_what_comes() -> None:
    coming: Coming[str] = Coming()
    taken: list[str] = []
    threads = [threading.Thread(target=lambda: taken.append(coming.result())) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert not taken
    coming.give("it")
    for thread in threads:
        thread.join(60)
    assert taken == ["it"] * 8
    assert coming.result() == "it"


def test_why_something_does_not_come_is_told_each_time() -> None:
    coming: Coming[None] = Coming()
    coming.give_up(ValueError("no"))
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            coming.result()
