"""Whatever the way to split, the samples and their footprints: nothing leaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.curate import check_split, random_split
from eocene.model import InputError

worlds = st.fixed_dictionaries(
    {
        "way": st.sampled_from(["block", "region", "sensor", "year", "nndm", "knndm"]),
        "n": st.integers(20, 120),
        "seed": st.integers(0, 100_000),
        "clusters": st.sampled_from([1, 4, 12, 60]),
        "on_pixels": st.booleans(),
        "width": st.sampled_from([None, 0.0, 20.0, 64.0]),
        "buffer": st.sampled_from([0.0, 15.0, 60.0]),
        "size": st.sampled_from([50.0, 160.0, 333.3]),
        "folds": st.integers(2, 5),
        "classes": st.integers(1, 4),
        "away": st.sampled_from([0.0, 600.0, 9000.0]),
    }
)
MILLIMETRE = 1e-3
REFUSALS = ("without training samples", "cannot be split", "holds a single value")


def count_leaks(samples, splits, buffer_m):
    """All pairs by hand: how many share a sample, overlap, or lie within the buffer."""
    half = np.asarray(samples.columns.get("width_m", np.zeros(len(samples)))) / 2
    leaks = 0
    for train, test in splits:
        leaks += len(set(train.tolist()) & set(test.tolist()))
        apart = half[train][:, None] + half[test][None]
        dx = np.abs(samples.x[train][:, None] - samples.x[test][None]) - apart
        dy = np.abs(samples.y[train][:, None] - samples.y[test][None]) - apart
        same = (samples.x[train][:, None] == samples.x[test]) & (samples.y[train][:, None] == samples.y[test])
        overlap = (np.maximum(dx, dy) < -MILLIMETRE) | same
        gap = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        leaks += int((overlap | (gap < buffer_m - 2 * MILLIMETRE)).sum())
    return leaks


def assert_no_leak(world, make_world, split_by):
    samples = make_world(world)
    try:
        splits = split_by(samples, world)
    except InputError as error:
        if not any(text in str(error) for text in REFUSALS):
            raise
        return False
    assert count_leaks(samples, splits, world["buffer"]) == 0
    check_split(samples, splits, world["buffer"])
    tested = np.sort(np.concatenate([test for _, test in splits]))
    np.testing.assert_array_equal(tested, np.arange(len(samples)))
    assert all((np.diff(part) > 0).all() for split in splits for part in split)
    return True


@settings(max_examples=60, deadline=None)
@given(world=worlds)
def test_no_footprint_is_learnt_and_tested_and_the_buffer_is_kept(world, make_world, split_by):
    assert_no_leak(world, make_world, split_by)


@pytest.mark.long
def test_a_thousand_ways_to_split_have_no_leak(make_world, split_by):
    made = 0

    @settings(max_examples=1500, deadline=None)
    @given(world=worlds)
    def check(world):
        nonlocal made
        made += assert_no_leak(world, make_world, split_by)

    check()
    print(f"{made} configurations were split, 0 leaks")
    assert made >= 1000


@settings(max_examples=40, deadline=None)
@given(world=worlds)
def test_the_check_refuses_exactly_what_leaks(world, make_world):
    samples = make_world({**world, "way": "random"})
    splits = random_split(samples, world["folds"], world["seed"])
    if count_leaks(samples, splits, world["buffer"]):
        with pytest.raises(InputError, match=r"overlap a tested one or lie nearer than"):
            check_split(samples, splits, world["buffer"])
    else:
        check_split(samples, splits, world["buffer"])


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        ([], "no folds"),
        ([(np.array([0]), np.array([], int))], "empty test part"),
        ([(np.array([0, 1]), np.array([1, 2]))], "tests what it learnt, such as sample 1"),
        ([(np.array([0, 0]), np.array([1]))], "repeats rows"),
        ([(np.array([0]), np.array([9]))], "leaves 0 to 2"),
    ],
)
def test_the_check_refuses_what_is_no_split(splits, text, make_samples):
    with pytest.raises(InputError, match=text):
        check_split(make_samples([0, 50, 100], [0, 0, 0], [1, 2, 1]), splits)


def test_chips_that_touch_do_not_overlap_and_chips_that_overlap_by_a_pixel_do(make_samples):
    splits = [(np.array([0]), np.array([1]))]
    beside = make_samples([0, 640.0], [0, 0], [1, 2], columns={"width_m": [640.0, 640.0]})
    check_split(beside, splits)
    over = make_samples([0, 630.0], [0, 0], [1, 2], columns={"width_m": [640.0, 640.0]})
    with pytest.raises(InputError, match="overlap"):
        check_split(over, splits)
