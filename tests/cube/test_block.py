"""Blocks beside numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.cube.block import Block, align, both_valid, expand
from eocene.model import Grid, InputError
from tests.cube.scenes import TINY, UTM32

DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64", "bool")


@st.composite
def blocks(draw: st.DrawFn, dims: tuple[str, ...] = ("t", "bands", "y", "x")) -> Block:
    lead = [draw(st.integers(1, 4)) for _ in dims[:-2]]
    grid = Grid(
        UTM32,
        draw(st.integers(-5, 5)),
        draw(st.integers(-5, 5)),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 6)),
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (*lead, *grid.shape)
    values = (random.random(shape) * 200).astype(draw(st.sampled_from(DTYPES)))
    valid = random.random(shape) < 0.7 if draw(st.booleans()) else None
    labels = {d: tuple(f"{d}{i}" for i in range(n)) for d, n in zip(dims[:-2], lead, strict=True)}
    return Block(values, dims, labels, valid, grid)


def mask_of(block: Block) -> np.ndarray:
    return np.ones(block.values.shape, bool) if block.valid is None else block.valid


def assert_equal(block: Block, values: np.ndarray, valid: np.ndarray) -> None:
    assert block.values.dtype == values.dtype
    assert np.array_equal(mask_of(block), valid)
    assert np.array_equal(block.values[valid], values[valid])


@given(blocks(), st.data())
def test_taking_labels_is_numpy_indexing(block: Block, data: st.DataObject) -> None:
    dim = data.draw(st.sampled_from(["t", "bands"]))
    axis = block.dims.index(dim)
    positions = data.draw(st.lists(st.integers(0, block.values.shape[axis] - 1), max_size=6))
    taken = block.take(dim, positions)
    index = np.array(positions, int)
    assert_equal(taken, np.take(block.values, index, axis), np.take(mask_of(block), index, axis))
    assert taken.labels[dim] == tuple(block.labels[dim][p] for p in positions)


@given(blocks(), st.data())
def test_picking_a_label_drops_its_dimension(block: Block, data: st.DataObject) -> None:
    dim = data.draw(st.sampled_from(["t", "bands"]))
    axis = block.dims.index(dim)
    position = data.draw(st.integers(0, block.values.shape[axis] - 1))
    picked = block.with_(axis=dim).pick(dim, position)
    assert_equal(picked, np.take(block.values, position, axis), np.take(mask_of(block), position, axis))
    assert dim not in picked.dims
    assert dim not in picked.labels
    assert picked.axis is None


@given(blocks(), st.tuples(*[st.integers(-9, 9)] * 2, *[st.integers(1, 12)] * 2))
def test_cropping_gives_each_pixel_of_the_lattice_its_own_value(block: Block, place: tuple[int, ...]) -> None:
    window = Grid(UTM32, *place)
    cropped = block.crop(window)
    assert cropped.grid == window
    assert cropped.values.shape == (*block.values.shape[:-2], *window.shape)
    grid = block.grid
    assert grid is not None
    for row in range(window.height):
        for col in range(window.width):
            r, c = row + window.top - grid.top, col + window.left - grid.left
            if 0 <= r < grid.height and 0 <= c < grid.width:
                here = mask_of(block)[..., r, c]
                assert np.array_equal(mask_of(cropped)[..., row, col], here)
                assert np.array_equal(cropped.values[..., row, col][here], block.values[..., r, c][here])
            else:
                assert not mask_of(cropped)[..., row, col].any()


@given(blocks(), st.permutations(["t", "bands", "y", "x"]))
def test_expanding_reorders_by_name(block: Block, order: list[str]) -> None:
    moved = expand(block, tuple(order))
    axes = [block.dims.index(d) for d in order]
    assert_equal(moved, block.values.transpose(axes), mask_of(block).transpose(axes))


@given(blocks(("bands", "y", "x")))
def test_expanding_adds_missing_dimensions_with_length_one(block: Block) -> None:
    wide = expand(block, ("t", "bands", "y", "x"))
    assert_equal(wide, block.values[None], mask_of(block)[None])


def test_expanding_refuses_a_dimension_without_counterpart() -> None:
    block = Block(np.zeros((2, 9, 12)), ("t", "y", "x"), {"t": (1, 2)}, grid=TINY)
    with pytest.raises(InputError, match="dimensions t have no counterpart in y, x"):
        expand(block, ("y", "x"))


@given(blocks(), st.data())
def test_aligned_blocks_broadcast_by_name(block: Block, data: st.DataObject) -> None:
    dim = data.draw(st.sampled_from(["t", "bands"]))
    smaller = block.pick(dim, 0)
    (a, b), lead = align([smaller, block])
    assert lead.dims == block.dims
    total = a.values.astype(float) + b.values.astype(float)
    axis = block.dims.index(dim)
    expected = block.values.astype(float) + np.take(block.values, [0], axis).astype(float)
    assert np.array_equal(total, expected)


@given(blocks())
def test_filling_puts_nan_exactly_where_there_is_no_data(block: Block) -> None:
    filled = block.filled()
    if block.valid is None:
        assert filled is block.values
        return
    assert filled.dtype.kind == "f"
    assert np.array_equal(np.isnan(filled), ~block.valid)
    assert np.array_equal(filled[block.valid], block.values[block.valid].astype(filled.dtype))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_filling_loses_no_digit_of_a_wide_integer(dtype: str) -> None:
    numbers = np.array([[2**31 - 1, 16_777_217]], dtype)
    filled = Block(numbers, ("y", "x"), valid=np.array([[True, True]])).filled()
    assert filled.tolist() == [[2**31 - 1, 16_777_217]]


def test_an_unknown_dimension_names_those_that_are_there() -> None:
    block = Block(np.zeros((9, 12)), ("y", "x"), grid=TINY)
    with pytest.raises(InputError, match=r"no dimension 't'.*y, x") as caught:
        block.index("t")
    assert caught.value.code == "DimensionNotAvailable"


def test_both_valid_is_the_common_part_in_the_wanted_shape() -> None:
    row, col = np.array([[True, False]]), np.array([[True], [False]])
    masks: list[Any] = [row, None, col]
    result = both_valid(masks, (2, 2))
    assert result is not None
    assert result.tolist() == [[True, False], [False, False]]
    assert both_valid([None, None], (2, 2)) is None
    spread = both_valid([row], (3, 2))
    assert spread is not None
    assert spread.shape == (3, 2)


def test_cropping_to_the_same_window_copies_nothing() -> None:
    block = Block(np.zeros((9, 12)), ("y", "x"), grid=TINY)
    assert block.crop(replace(TINY)) is block
