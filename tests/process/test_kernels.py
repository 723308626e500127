"""Sorting, medians and gap filling along time, against numpy's own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eocene.process.methods.gaps import fill_gaps_along_first
from eocene.process.methods.kernels import (
    choose,
    median_along_first,
    sort_along_first,
    without_repeats,
)

series = st.integers(1, 40).flatmap(
    lambda length: st.tuples(
        arrays(np.float32, (length, 5), elements=st.floats(-9, 9, width=32) | st.just(np.float32("inf"))),
        arrays(np.bool_, (length, 5)),
    )
)


@pytest.mark.parametrize("length", range(1, 15))
def test_what_sorts_all_zeros_and_ones_sorts_everything(length: int) -> None:
    patterns = np.array(list(product([0, 1], repeat=length)), np.float32).T
    assert np.array_equal(sort_along_first(patterns), np.sort(patterns, axis=0))


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
@pytest.mark.filterwarnings("error")
def test_one_nan_makes_every_rank_and_the_median_nan(length: int) -> None:
    for place in range(length):
        values = np.arange(length, dtype=np.float64)[:, None].repeat(2, axis=1)
        values[place, 0] = np.nan
        assert np.isnan(sort_along_first(values)[:, 0]).all()
        assert np.array_equal(np.isnan(median_along_first(values)), [True, False])


@given(series)
def test_values_that_are_no_data_are_sorted_last(given_series: tuple[np.ndarray, np.ndarray]) -> None:
    values, valid = given_series
    expected = np.sort(np.where(valid, values, np.float32(np.inf)), axis=0)
    assert np.array_equal(sort_along_first(values, valid), expected)


@given(series)
def test_the_median_is_that_of_the_values_that_are_data(given_series: tuple[np.ndarray, np.ndarray]) -> None:
    values, valid = given_series
    found = median_along_first(values, valid)
    for pixel in range(values.shape[1]):
        kept = values[valid[:, pixel], pixel]
        expected = np.median(kept) if len(kept) else np.nan
        assert np.array_equal(found[pixel], expected, equal_nan=True)


@given(
    st.tuples(st.sampled_from(["u1", "i1", "u2", "i2"]), st.integers(1, 12)).flatmap(
        lambda form: st.tuples(arrays(form[0], (form[1], 5)), arrays(np.bool_, (form[1], 5)))
    )
)
def test_the_median_of_small_integers_is_that_of_the_same_floats(
    given_series: tuple[np.ndarray, np.ndarray],
) -> None:
    values, valid = given_series
    for mask in (valid, None):
        found = median_along_first(values, mask)
        assert found.dtype == np.float32
        assert np.array_equal(found, median_along_first(values.astype("f4"), mask), equal_nan=True)


@given(
    st.sampled_from(["u1", "i2", "u2", "f4", "f8"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_the_median_below_a_mask_that_repeats_itself_is_that_below_its_copies(
    dtype: str, shape: list[int], length: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 50, (length, *shape)).astype(dtype)
    once = rng.random([1 if rng.random() < 0.4 else size for size in values.shape]) < 0.6
    repeated = np.broadcast_to(once, values.shape)
    expected = median_along_first(values, repeated.copy())
    assert without_repeats(repeated).size <= once.size
    for mask in (once, repeated, without_repeats(repeated)):
        assert median_along_first(values, mask).tobytes() == expected.tobytes()


def test_the_median_below_one_mask_of_many_bands_is_that_of_each_band() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 20_000, (7, 5, 90, 500)).astype("u2")  # several pieces, the last one smaller
    valid = rng.random((7, 1, 90, 500)) < 0.4
    found = median_along_first(values, valid)
    hidden = np.where(valid, values, np.nan)
    few = np.broadcast_to(valid.any(axis=0), found.shape)
    assert np.isnan(found[~few]).all()
    assert np.array_equal(found[few], np.nanmedian(hidden[:, few], axis=0).astype("f4"))


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 2, 0)])
def test_of_no_pixels_there_is_no_median(shape: tuple[int, ...]) -> None:
    values = np.zeros(shape, "u2")
    assert median_along_first(values, values > 0).shape == shape[1:]
    assert median_along_first(values, np.ones((3, 1, 1), bool)).shape == shape[1:]


def test_the_mean_of_two_of_the_largest_numbers_is_not_infinite_where_one_of_them_is_alone() -> None:
    largest = np.finfo("f4").max
    values, valid = np.full((3, 2), largest), np.array([[True, True], [False, True], [False, True]])
    assert (median_along_first(values, valid) == largest).all()


def test_a_nan_below_the_mask_is_not_seen() -> None:
    values = np.array([[np.nan], [3], [5]])
    valid = np.array([[False], [True], [True]])
    assert median_along_first(values, valid) == [4]


def test_the_median_of_a_pixel_does_not_depend_on_the_pixels_beside_it() -> None:
    values = np.random.default_rng(0).random((6, 3, 20_000), np.float32)
    whole = median_along_first(values, values > 0.3)
    part = median_along_first(values[:, :, 16_000:17_000], values[:, :, 16_000:17_000] > 0.3)
    assert np.array_equal(whole[:, 16_000:17_000], part, equal_nan=True)


@given(series)
def test_gaps_are_filled_by_the_straight_line(given_series: tuple[np.ndarray, np.ndarray]) -> None:
    values, valid = given_series
    gappy = np.where(valid & np.isfinite(values), values, np.float32(np.nan)).astype(np.float64)
    position = np.arange(len(values), dtype=np.float64) ** 1.5
    filled = fill_gaps_along_first(gappy, position)
    for pixel in range(values.shape[1]):
        known = ~np.isnan(gappy[:, pixel])
        expected = np.full(len(values), np.nan)
        if known.any():
            expected = np.interp(position, position[known], gappy[known, pixel], np.nan, np.nan)
        np.testing.assert_allclose(filled[:, pixel], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_choosing_without_branches_keeps_every_bit(dtype: type[np.floating]) -> None:
    odd = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40, -1.5], dtype)
    mask = np.array([True, False, True, False, True, False, True])
    found, expected = choose(mask, odd, odd[::-1]), np.where(mask, odd, odd[::-1])
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_how_an_array_lies_in_memory_changes_nothing(order: tuple[int, ...]) -> None:
    values = np.random.default_rng(5).normal(size=(6, 3, 4, 5)).astype(np.float32)
    values[values > 0.4] = np.nan
    turned = np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))
    days = np.array([0.0, 1, 3, 4, 8, 9])
    for function in (lambda v: fill_gaps_along_first(v, days), sort_along_first, median_along_first):
        np.testing.assert_array_equal(function(turned), function(values))
    here = ~np.isnan(turned)
    np.testing.assert_array_equal(
        median_along_first(turned, here), median_along_first(values, ~np.isnan(values))
    )
