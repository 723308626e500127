"""What is remembered of windows is bounded in bytes, and right from any number of threads."""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from eocene.cube.axes import locate_axes
from eocene.cube.remembered import MOST_BYTES, remember
from eocene.cube.warp import find_footprint, locate_pixels
from eocene.model import Grid, Lattice

KB = 1024


def make_counted(most_bytes: int):
    """Return a function that makes arrays of some kilobytes and is remembered, and what it was asked."""
    asked: list[tuple[int, int]] = []

    @remember(lambda array: array.nbytes, most_bytes)
    def make(number: int, kilobytes: int) -> np.ndarray:
        asked.append((number, kilobytes))
        return np.full(kilobytes * KB, number % 256, np.uint8)

    return make, asked


def test_what_was_asked_last_is_not_computed_again_and_what_was_asked_first_is_forgotten() -> None:
    make, asked = make_counted(100 * KB)
    first = make(0, 30)
    make(1, 30)
    make(2, 30)
    assert make(0, 30) is first
    make(3, 30)  # the fourth has no room beside three: that which was not wanted for the longest time goes
    assert make(0, 30) is first
    assert len(asked) == 4
    make(1, 30)
    assert asked[4:] == [(1, 30)]


def test_a_result_larger_than_the_bound_is_kept_alone() -> None:
    make, asked = make_counted(100 * KB)
    make(0, 10)
    large = make(1, 500)
    assert make(1, 500) is large
    assert len(asked) == 2
    make(0, 10)
    assert len(asked) == 3
    assert make(1, 500) is not large


def test_a_thousand_results_take_no_more_than_the_bound() -> None:
    tracemalloc.start()
    try:
        make, _ = make_counted(1000 * KB)
        for number in range(1000):
            make(number, 100)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 800 * KB < kept < 1100 * KB


def test_results_without_arrays_are_bounded_in_number() -> None:
    asked: list[int] = []

    @remember(lambda _: 0, 10 * KB)
    def find(number: int) -> None:
        asked.append(number)

    for number in range(100):
        find(number)
    asked.clear()
    for number in reversed(range(100)):
        find(number)
    assert asked == list(reversed(range(90)))


def test_threads_get_what_they_asked_for() -> None:
    make, _ = make_counted(40 * KB)

    def ask(number: int) -> bool:
        return bool((make(number % 13, 10) == number % 13).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(2000)))


def test_all_arrays_of_the_coordinates_between_two_systems_are_counted() -> None:
    source = Grid(Lattice(32632, (10.0, 10.0)), 40_000, -530_000, 4000, 4000)
    window = Grid(Lattice(3857, (15.0, 15.0)), 57_500, -403_200, 300, 200)
    for function in (find_footprint, locate_pixels, locate_axes):
        function.cache.clear()
    found = find_footprint(window, source)
    assert found is not None
    assert found.inside.all()
    axes = locate_axes(window, source.lattice)
    arrays = {
        find_footprint: [found.where, found.inside],
        locate_pixels: locate_pixels(window, source.lattice),
        locate_axes: [array for axis in axes for array in (axis.centre, axis.width)],
    }
    for function, expected in arrays.items():
        assert function.cache.maxsize == MOST_BYTES
        kept = sum(array.nbytes for array in expected)
        assert kept >= window.width * window.height * 8
        assert kept < function.cache.currsize < kept + 2 * KB
