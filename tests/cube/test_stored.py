"""Values and the numbers that stand for them: nothing is lost unless it is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eocene.cube.block import Block
from eocene.cube.edge import edge_dtype
from eocene.cube.stored import Tally, cast_block, count_misfits, fill_nodata, stored_form

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
DTYPES = (*INTEGERS, "bool", "float32", "float64")


def as_block(values: np.ndarray, valid: np.ndarray | None = None) -> Block:
    return Block(values, ("y", "x"), valid=valid)


@given(st.sampled_from(DTYPES), st.data())
def test_every_value_and_every_gap_comes_back_from_the_stored_numbers(
    dtype: str, data: st.DataObject
) -> None:
    shape = (3, 4)
    values = data.draw(hnp.arrays(dtype, shape, elements={"allow_nan": False} if "f" in dtype else None))
    valid = data.draw(hnp.arrays(bool, shape))
    block = as_block(values, valid)
    form = stored_form(values.dtype, wide=count_misfits(block).reserved > 0)
    stored = fill_nodata(block.filled().astype(edge_dtype(values.dtype)), form)
    assert stored.dtype == form.dtype
    gaps = np.isnan(stored) if np.isnan(form.nodata) else stored == form.nodata
    assert np.array_equal(gaps, ~valid)
    assert np.array_equal(stored[valid], values[valid])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_wide_form_has_a_no_data_number_that_no_value_of_the_dtype_equals(dtype: str) -> None:
    form = stored_form(np.dtype(dtype), wide=True)
    bounds = np.iinfo(dtype)
    assert np.isnan(form.nodata) or not bounds.min <= form.nodata <= bounds.max
    assert form.dtype.type(bounds.min) == bounds.min
    assert form.dtype.type(bounds.max) == bounds.max


@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "uint64", "float16"])
def test_the_no_data_number_is_one_of_the_dtype(dtype: str) -> None:
    stored, nodata = stored_form(np.dtype(dtype))
    assert np.isnan(nodata) or stored.type(nodata) == nodata


def test_only_valid_values_count_as_collisions() -> None:
    values = np.array([[255, 255, 3]], np.uint8)
    assert count_misfits(as_block(values, np.array([[True, False, True]]))) == Tally(reserved=1)
    assert count_misfits(as_block(values)) == Tally(reserved=2)


@pytest.mark.parametrize(("dtype", "count"), [("int64", 2), ("uint64", 1)])
def test_integers_that_float64_may_not_hold_are_counted(dtype: str, count: int) -> None:
    values = np.array([[0, 2**53, 2**53 + 1, -(2**60) if dtype == "int64" else 5]], dtype)
    tally = count_misfits(as_block(values))
    assert tally == Tally(rounded=count)
    assert str(count) in tally.warnings(values.dtype)[0]


def test_a_cast_rounds_clips_and_says_so() -> None:
    values = np.array([[-3.0, 1.5, 2.5, 254.4, 255.0, 1e9, np.nan, np.inf]])
    valid = np.array([[True, True, True, True, True, False, True, True]])
    block, tally = cast_block(as_block(values, valid), np.dtype("uint8"))
    assert block.values.dtype == np.uint8
    assert block.values[0, :5].tolist() == [0, 2, 2, 254, 254]
    assert block.valid is not None
    assert block.valid.tolist() == [[True, True, True, True, True, False, False, False]]
    assert tally == Tally(clipped=2, lost=2)
    assert len(tally.warnings(np.dtype("uint8"))) == 2


@given(st.sampled_from(INTEGERS), hnp.arrays(np.int64, (2, 3)))
def test_a_cast_to_integers_never_gives_the_no_data_number(dtype: str, values: np.ndarray) -> None:
    block, tally = cast_block(as_block(values), np.dtype(dtype))
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    nodata = stored_form(np.dtype(dtype)).nodata
    fits = (values >= low) & (values <= high) & (values != nodata)
    assert np.array_equal(block.values[fits], values[fits])
    assert not (block.values == nodata).any()
    assert tally.clipped == (~fits).sum()


def test_a_cast_to_smaller_floats_clips_to_the_largest_and_keeps_what_is_infinite() -> None:
    values = np.array([[1e300, -1e300, np.inf, np.nan, 0.1]])
    block, tally = cast_block(as_block(values), np.dtype("float32"))
    largest = np.finfo(np.float32).max
    expected = np.array([[largest, -largest, np.inf, np.nan, 0.1]], np.float32)
    assert np.array_equal(block.values, expected, equal_nan=True)
    assert tally == Tally(clipped=2)


def test_tallies_add_up_and_say_nothing_where_nothing_happened() -> None:
    total = sum([Tally(clipped=1), Tally(clipped=2, lost=3), Tally(reserved=1)], start=Tally())
    assert total == Tally(reserved=1, clipped=3, lost=3)
    assert Tally().warnings(np.dtype("uint8")) == []
