"""Memory of tiles that nobody holds is used again; of those that somebody holds a part of it is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.archive.tiff.kept_tiles import SOME_TIME, KeptTiles


def test_a_part_of_a_tile_keeps_its_numbers_whatever_becomes_of_the_tile() -> None:
    kept, chance = KeptTiles(3 * 2**17), np.random.default_rng(7)
    held: list[tuple[np.ndarray[Any, Any], int]] = []
    for number in range(400):

        def make(number: int = number) -> np.ndarray[Any, Any]:
            tile = kept.make((256, 256, 1), np.dtype(str(chance.choice(["u2", "u1"]))))
            tile[...] = number % 251
            return tile

        tile = kept.take(number, make)
        if chance.random() < 0.2:
            held.append((tile[100:, ::2, 0], number % 251))
        if len(held) > 20:
            del held[int(chance.integers(20))]
        assert all((part == value).all() for part, value in held)


def test_the_memory_of_a_tile_that_is_let_go_of_is_taken_for_the_next() -> None:
    kept = KeptTiles(0)
    tile = kept.make((512, 512, 1), np.dtype("u2"))
    place = tile.__array_interface__["data"][0]
    del tile
    assert kept.make((512, 512, 1), np.dtype("u2")).__array_interface__["data"][0] == place


def test_a_tile_that_nobody_takes_again_is_not_kept() -> None:
    kept, made = KeptTiles(10_000), []

    def make() -> np.ndarray[Any, Any]:
        made.append(1)
        return np.zeros(1000, np.uint8)

    kept.take("a", make)
    kept.take("a", make, lambda: None)
    assert kept.get("a") is None
    kept.take("b", make, lambda: None)
    assert kept.get("b") is None
    kept.take("c", make)
    kept.let_go("c")
    kept.let_go("d")
    assert kept.get("c") is None
    assert (kept._bytes, len(made)) == (0, 3)


def test_when_room_is_short_those_go_that_may_not_be_taken_again_and_then_those_that_are_taken_last() -> None:
    kept, tile = KeptTiles(4000), np.zeros(1000, np.uint8)
    for key, turn in (("x", SOME_TIME), ("a", 3), ("b", 2), ("y", SOME_TIME)):
        kept.take(key, tile.copy, lambda turn=turn: turn)  # type: ignore[misc]
    assert kept.get("x") is not None  # which makes y the one that was used longest ago
    gone = []
    for key, turn in (("c", 3), ("d", 1), ("e", 3), ("f", 1)):
        before = [k for k in "xyabcdef" if k in kept._tiles]
        kept.take(key, tile.copy, lambda turn=turn: turn)  # type: ignore[misc]
        gone += [k for k in before if k not in kept._tiles]
        gone += [key] if key not in kept._tiles else []
    assert gone == ["y", "x", "e", "c"]
    assert kept._bytes == 4000
    assert sorted(kept._tiles) == ["a", "b", "d", "f"]
