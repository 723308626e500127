"""Boxes of the R*Tree and what it is asked are rounded apart, so that nothing that matches is left out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive.tree import ask_cover, ask_time, make_boxes

moments = st.integers(-(10**17), 10**18)
covers = st.one_of(st.floats(-10, 110), st.floats(allow_nan=False))


def row_of(first=0, last=0, cover=None):
    (row,) = make_boxes([1], np.array([[0.0, 0.0, 1.0, 1.0]]), [first], [last], [cover])
    return row[5:]


@given(
    times=st.lists(moments, min_size=2, max_size=2).map(sorted), start=moments, length=st.integers(1, 10**17)
)
def test_an_item_that_meets_a_time_is_left_by_the_tree(times, start, length):
    first, last = times
    mint, maxt, _, _ = row_of(first, last)
    latest, earliest = ask_time(start, start + length)
    if first < start + length and last >= start:
        assert mint <= latest
        assert maxt >= earliest


@given(cover=covers, low=covers, high=st.one_of(covers, st.just(float("inf"))))
def test_an_item_of_a_cloud_cover_that_is_asked_for_is_left_by_the_tree(cover, low, high):
    _, _, minc, maxc = row_of(cover=cover)
    most, least = ask_cover(low, high)
    if low <= cover <= high:
        assert minc <= most
        assert maxc >= least


@given(low=st.floats(-1e9, 1e9))
def test_an_item_of_unknown_cloud_cover_is_left_out_where_one_is_asked_for(low):
    _, _, _, maxc = row_of(cover=None)
    assert maxc < ask_cover(low, float("inf"))[1]


def test_an_item_across_the_antimeridian_has_two_boxes_and_one_without_geometry_none():
    boxes = np.array([[170.0, 0.0, -170.0, 1.0], [np.nan] * 4, [0.0, 0.0, 1.0, 1.0]])
    rows = list(make_boxes([1, 2, 3], boxes, [0] * 3, [0] * 3, [None] * 3))
    assert [row[:3] for row in rows] == [
        (2, 1_700_000_000, 1_800_000_000), (6, 0, 10_000_000), (3, -1_800_000_000, -1_700_000_000),
    ]  # fmt: skip
