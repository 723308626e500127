"""Reducers beside a loop over the values of each pixel."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.cube.block import Block
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.process.blocks import DTYPES, TIMES, X, differences, make_block, valid_of, wide
from tests.process.graphs import call

if TYPE_CHECKING:
    from collections.abc import Callable


def over_time(function: Callable[[np.ndarray], Any], block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Apply a function to the data of each series in float64, series by series."""
    v, ok = wide(block.values), valid_of(block)
    values, valid = np.zeros(v.shape[1:], v.dtype), np.zeros(v.shape[1:], bool)
    for place in np.ndindex(v.shape[1:]):
        series = v[(slice(None), *place)][ok[(slice(None), *place)]].astype(np.float64)
        answer = function(series)
        valid[place] = answer is not None
        values[place] = 0 if answer is None else answer
    return values, valid


def some(function: Callable[[np.ndarray], float], least: int = 1) -> Callable[[np.ndarray], float | None]:
    def answer(series: np.ndarray) -> float | None:
        if np.isnan(series).any():
            return math.nan
        with np.errstate(all="ignore"):
            return function(series) if len(series) >= least else None

    return answer


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_median_below_one_mask_for_all_bands_is_that_of_each_band(dtype: str) -> None:
    block = make_block(dtype, 4).with_(axis="t")
    clouds = valid_of(block)[:, :1]
    block = block.with_(valid=np.broadcast_to(clouds, block.values.shape))
    for ignore_nodata in (True, False):
        arguments = {"ignore_nodata": ignore_nodata}
        found = registry.get("median").call({"data": block, **arguments})
        for position in range(block.values.shape[1]):
            alone = block.with_(valid=block.valid.copy()).pick("bands", position)
            expected = registry.get("median").call({"data": alone, **arguments})
            assert not differences(found.pick("bands", position), expected.values, valid_of(expected))


REDUCERS = {
    "mean": some(np.mean), "median": some(np.median), "sum": some(np.sum), "min": some(np.min),
    "max": some(np.max),
    "sd": some(lambda s: np.std(s, ddof=1), 2), "variance": some(lambda s: np.var(s, ddof=1), 2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCERS)
def test_reducers_pass_over_no_data_but_not_over_nan(name: str, dtype: str) -> None:
    block = make_block(dtype, 3)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": True})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values, valid = over_time(REDUCERS[name], block)
    finite = np.isfinite(values)  # infinities meet in another order of sums
    assert np.array_equal(valid_of(found)[finite], valid[finite])
    assert found.values.dtype == values.dtype
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            found.values[valid & finite], values[valid & finite],
            rtol=2e-6 if values.dtype == np.float32 else 1e-12, atol=1e-6,
        )  # fmt: skip
    assert np.isnan(found.values[valid & np.isnan(values)]).all()


@pytest.mark.parametrize("name", REDUCERS)
def test_a_reducer_that_heeds_no_data_gives_none_where_one_is_missing(name: str) -> None:
    block = make_block("int16", 3)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": False})
    assert np.array_equal(valid_of(found), valid_of(block).all(axis=0))


def test_the_median_ignores_the_stored_number_behind_no_data() -> None:
    values = np.array([1, 999, 3], np.float32).reshape(3, 1, 1)
    valid = np.array([True, False, True]).reshape(3, 1, 1)
    block = Block(values, ("t", "y", "x"), {"t": TIMES[:3]}, valid, axis="t")
    assert registry.get("median").call({"data": block, "ignore_nodata": True}).values[0, 0] == 2


def test_a_float_result_does_not_depend_on_the_pixels_beside_it() -> None:
    block = make_block("float32", 5).with_(axis="t")
    for name in REDUCERS:
        whole = registry.get(name).call({"data": block, "ignore_nodata": True})
        part = registry.get(name).call(
            {
                "data": block.with_(
                    values=block.values[..., 2:5, 3:4], valid=block.valid[..., 2:5, 3:4], grid=None
                ),
                "ignore_nodata": True,
            }
        )
        assert part.values.tobytes() == np.ascontiguousarray(whole.values[..., 2:5, 3:4]).tobytes(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["first", "last"])
def test_first_and_last_are_those_of_a_loop(name: str, dtype: str) -> None:
    block = make_block(dtype, 4)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": True})
    at = 0 if name == "first" else -1
    for place in np.ndindex(block.values.shape[1:]):
        series = block.values[(slice(None), *place)][valid_of(block)[(slice(None), *place)]]
        assert valid_of(found)[place] == (len(series) > 0)
        if len(series):
            assert np.array_equal(found.values[place], series[at], equal_nan=True)
    strict = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": False})
    assert np.array_equal(valid_of(strict), valid_of(block)[at])


@pytest.mark.parametrize("dtype", DTYPES)
def test_counts_are_of_finite_data_of_all_or_of_those_that_fulfil_a_condition(dtype: str) -> None:
    block = make_block(dtype, 4)
    series, ok = block.with_(axis="t"), valid_of(block)
    count = registry.get("count")
    with np.errstate(invalid="ignore"):
        large = wide(block.values) > 3
    condition = Callback(parse_graph({"c": call("gt", x=X, y=3, result=True)}), {}, "count")
    for given, expected in (
        (None, ok & np.isfinite(wide(block.values))),
        (True, np.ones_like(ok)),
        (condition, ok & large),
    ):
        found = count.call({"data": series, "condition": given, "context": None})
        assert found.valid is None
        assert np.array_equal(found.values, expected.sum(axis=0))
