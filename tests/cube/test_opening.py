"""Rasters of a cube that several threads want: each is opened once, unless that fails."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from eocene.cube.opening import Rasters


def test_threads_that_want_a_raster_at_the_same_time_open_it_once() -> None:
    rasters, assets, opened = Rasters(), [{"href": str(n)} for n in range(5)], []
    here = threading.Barrier(8)

    def want(_: int) -> list[Any]:
        here.wait()
        return [rasters.get(asset, lambda asset=asset: open_slowly(asset)) for asset in assets]

    def open_slowly(asset: dict[str, str]) -> Any:
        time.sleep(0.01)
        opened.append(asset["href"])
        return ("raster", asset["href"])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(want, range(8)))
    assert sorted(opened) == ["0", "1", "2", "3", "4"]
    assert all(row == [("raster", str(n)) for n in range(5)] for row in found)


def test_what_cannot_be_opened_is_tried_by_each_who_wants_it() -> None:
    rasters, asset, tries, here = Rasters(), {"href": "a"}, [], threading.Barrier(3)

    def fail() -> Any:
        tries.append(1)
        time.sleep(0.01)
        raise ValueError("broken")

    def want(_: int) -> str:
        here.wait()
        try:
            rasters.get(asset, fail)
        except ValueError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(want, range(3))) == ["broken"] * 3
    assert len(tries) == 3


def test_a_claimed_raster_is_waited_for_until_it_is_open_or_given_up() -> None:
    rasters, one, other = Rasters(), {"href": "a"}, {"href": "b"}
    assert rasters.claim(one)
    assert rasters.claim(other)
    assert not rasters.claim(one)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(rasters.get, asset, lambda: "opened by who waited") for asset in (one, other)]
        time.sleep(0.02)
        assert not any(task.done() for task in waiting)
        assert rasters.open(one, lambda: "opened by who claimed") == "opened by who claimed"  # type: ignore[arg-type, return-value]
        rasters.give_up(other)
        assert [task.result(5) for task in waiting] == ["opened by who claimed", "opened by who waited"]
    assert not rasters.claim(other)


def test_a_claim_whose_opening_fails_is_given_up_by_the_caller() -> None:
    rasters, asset = Rasters(), {"href": "a"}
    assert rasters.claim(asset)
    with pytest.raises(ValueError, match="broken"):
        rasters.open(asset, lambda: (_ for _ in ()).throw(ValueError("broken")))
    rasters.give_up(asset)
    assert rasters.claim(asset)
