"""Every process beside numpy, on random pixels of several dtypes with no-data among them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.cube.block import Block
from eocene.model import EoceneError
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.cube.scenes import TINY
from tests.process.blocks import DTYPES, TIMES, X, defaults, differences, make_block, valid_of, wide
from tests.process.graphs import DATA, call

if TYPE_CHECKING:
    from collections.abc import Callable

TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.true_divide,
    "normalized_difference": lambda x, y: (x - y) / (x + y), "eq": np.equal, "neq": np.not_equal,
    "gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal,
}  # fmt: skip
ONE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "absolute": ("x", np.abs), "sqrt": ("x", np.sqrt), "exp": ("p", np.exp), "ln": ("x", np.log),
    "floor": ("x", np.floor), "ceil": ("x", np.ceil),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_two_cubes_are_combined_after_integers_became_floats(name: str, dtype: str) -> None:
    a, b = make_block(dtype, 1), make_block(dtype, 2)
    found = registry.get(name).call({**defaults(name), "x": a, "y": b})
    with np.errstate(all="ignore"):
        expected = TWO[name](wide(a.values), wide(b.values))
    assert not differences(found, expected, valid_of(a) & valid_of(b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_a_cube_and_a_number_are_combined(name: str, dtype: str) -> None:
    a = make_block(dtype, 1)
    with np.errstate(all="ignore"):
        expected = TWO[name](wide(a.values), 3)
    assert not differences(registry.get(name).call({**defaults(name), "x": a, "y": 3}), expected, valid_of(a))
    nothing = registry.get(name).call({**defaults(name), "x": a, "y": None})
    assert not valid_of(nothing).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_number_are_those_of_numpy(name: str, dtype: str) -> None:
    parameter, function = ONE[name]
    a = make_block(dtype, 1)
    with np.errstate(all="ignore"):
        expected = function(wide(a.values))
    assert not differences(registry.get(name).call({parameter: a}), expected, valid_of(a), exact=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_clips_scales_and_ranges(dtype: str) -> None:
    a = make_block(dtype, 1)
    v = wide(a.values)
    with np.errstate(all="ignore"):
        assert not differences(registry.get("power").call({"base": a, "p": 2}), v**2, valid_of(a))
        assert not differences(
            registry.get("clip").call({"x": a, "min": -5, "max": 90}), np.clip(v, -5, 90), valid_of(a)
        )
        scaled = (np.clip(v, 0, 50) - 0) / 50 * (8 - 2) + 2
        found = registry.get("linear_scale_range").call(
            {"x": a, "inputMin": 0, "inputMax": 50, "outputMin": 2, "outputMax": 8}
        )
        assert not differences(found, scaled, valid_of(a))
        assert not differences(
            registry.get("between").call({"x": a, "min": 2, "max": 40, "exclude_max": True}),
            (v >= 2) & (v < 40), valid_of(a),
        )  # fmt: skip


def test_an_integer_does_not_overflow() -> None:
    a = Block(np.full(TINY.shape, 255, np.uint8), ("y", "x"), grid=TINY)
    assert registry.get("add").call({"x": a, "y": a}).values[0, 0] == 510
    assert registry.get("subtract").call({"x": 1, "y": a}).values[0, 0] == -254
    b = Block(np.full(TINY.shape, 2**31 - 1, np.int32), ("y", "x"), grid=TINY)
    assert registry.get("multiply").call({"x": b, "y": b}).values[0, 0] == float(2**31 - 1) ** 2


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_gaps_are_filled_along_the_straight_line_in_time(dtype: str) -> None:
    block = make_block(dtype, 6)
    usable = valid_of(block) & np.isfinite(wide(block.values))
    block = block.with_(valid=usable)
    found = registry.get("array_interpolate_linear").call({"data": block.with_(axis="t")})
    seconds = np.array([(t - TIMES[0]).astype(float) for t in TIMES])
    for place in np.ndindex(block.values.shape[1:]):
        at = (slice(None), *place)
        ok = usable[at]
        inner = np.zeros(len(TIMES), bool)
        if ok.any():
            where = np.flatnonzero(ok)
            inner[where[0] : where[-1] + 1] = True
        assert np.array_equal(valid_of(found)[at], inner)
        if ok.any():
            line = np.interp(seconds[inner], seconds[ok], block.values[at][ok].astype(np.float64))
            np.testing.assert_allclose(found.values[at][inner], line, rtol=1e-5, atol=1e-5)


def test_masks_hide_or_replace_and_keep_what_was_hidden() -> None:
    data, where = make_block("int16", 1), make_block("uint8", 2)
    where = where.with_(values=(where.values % 3 == 0))
    hit = where.values & valid_of(where)
    hidden = registry.get("mask").call({"data": data, "mask": where, "replacement": None})
    assert not differences(hidden, data.values, valid_of(data) & ~hit)
    replaced = registry.get("mask").call({"data": data, "mask": where, "replacement": -1})
    assert not differences(replaced, np.where(hit, np.int16(-1), data.values), valid_of(data) | hit)
    one = where.pick("bands", 0)
    assert not differences(
        registry.get("mask").call({"data": data, "mask": one, "replacement": None}),
        data.values, valid_of(data) & ~hit[:, :1],
    )  # fmt: skip


@pytest.mark.parametrize("replacement", [70_000, -1, 0.5])
def test_a_replacement_that_the_dtype_cannot_hold_widens_it(replacement: float) -> None:
    data = make_block("uint16", 1)
    where = data.with_(values=np.ones(data.values.shape, bool), valid=None)
    found = registry.get("mask").call({"data": data, "mask": where, "replacement": replacement})
    assert (found.values == replacement).all()
    assert valid_of(found).all()


def test_ndvi_joins_the_bands_or_takes_their_place() -> None:
    block = make_block("uint16", 1, ("red", "nir"))
    red, nir = (wide(block.values[:, i]) for i in (0, 1))
    with np.errstate(all="ignore"):
        expected = (nir - red) / (nir + red)
    valid = valid_of(block).all(axis=1)
    alone = registry.get("ndvi").call({"data": block, "nir": "nir", "red": "red", "target_band": None})
    assert not differences(alone, expected, valid)
    joined = registry.get("ndvi").call({"data": block, "nir": "nir", "red": "red", "target_band": "ndvi"})
    assert joined.labels["bands"] == ("red", "nir", "ndvi")
    assert not differences(joined.pick("bands", 2), expected, valid)
    assert not differences(joined.pick("bands", 0), red, valid_of(block)[:, 0])


def test_dimensions_and_labels_come_and_go() -> None:
    block = make_block("int16", 1)
    added = registry.get("add_dimension").call(
        {"data": block, "name": "model", "label": "m", "type": "other"}
    )
    assert added.dims == ("model", "t", "bands", "y", "x")
    dropped = registry.get("drop_dimension").call({"data": added, "name": "model"})
    assert not differences(dropped, block.values, valid_of(block))
    renamed = registry.get("rename_labels").call(
        {"data": block, "dimension": "bands", "target": ["z"], "source": ["a"]}
    )
    assert renamed.labels["bands"] == ("z", "b")
    picked = registry.get("filter_bands").call({"data": block, "bands": ["b", "a"], "wavelengths": []})
    assert not differences(picked, block.values[:, ::-1], valid_of(block)[:, ::-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_cubes_are_merged_along_bands_or_by_a_resolver(dtype: str) -> None:
    a, b = make_block(dtype, 1), make_block(dtype, 2, ("c", "d"))
    merged = registry.get("merge_cubes").call(
        {"cube1": a, "cube2": b, "overlap_resolver": None, "context": None}
    )
    assert not differences(
        merged, np.concatenate([a.values, b.values], 1), np.concatenate([valid_of(a), valid_of(b)], 1)
    )
    both = {"data": [X, {"from_parameter": "y"}]}
    resolver = Callback(parse_graph({"m": call("max", **both, result=True)}), {}, "merge")
    same = make_block(dtype, 2)
    found = registry.get("merge_cubes").call(
        {"cube1": a, "cube2": same, "overlap_resolver": resolver, "context": None}
    )
    va, vb = valid_of(a), valid_of(same)
    x, y = wide(a.values), wide(same.values)
    expected = np.where(va & vb, np.maximum(x, y), np.where(va, x, y))
    assert not differences(found, expected, va | vb)


def test_a_number_in_an_array_of_pixels_keeps_its_digits() -> None:
    a = Block(np.full(TINY.shape, 1.0, np.float64), ("y", "x"), grid=TINY)
    found = registry.get("sum").call({"data": [a, 0.1], "ignore_nodata": True})
    assert found.values[0, 0] == 1.1


def test_an_element_is_taken_by_its_index_or_label() -> None:
    block = make_block("uint16", 1).with_(axis="bands")
    for key in ({"index": 1, "label": None}, {"index": None, "label": "b"}):
        found = registry.get("array_element").call({"data": block, **key, "return_nodata": False})
        assert not differences(found, block.values[:, 1], valid_of(block)[:, 1])
    for index in (2, -1):
        with pytest.raises(EoceneError) as caught:
            registry.get("array_element").call(
                {"data": block, "index": index, "label": None, "return_nodata": False}
            )
        assert caught.value.code == "ArrayElementNotAvailable"


def test_constants() -> None:
    assert registry.get("pi").call({}) == math.pi
    assert registry.get("e").call({}) == math.e


def test_callbacks_are_built_of_nodes() -> None:
    graph = parse_graph(
        {
            "first": call("array_element", data=DATA, index=0),
            "second": call("array_element", data=DATA, index=1),
            "share": call("divide", x={"from_node": "first"}, y={"from_node": "second"}, result=True),
        }
    )
    block = make_block("uint8", 1)
    found = registry.get("reduce_dimension").call(
        {"data": block, "reducer": Callback(graph, {}, "r"), "dimension": "bands", "context": None}
    )
    with np.errstate(all="ignore"):
        expected = wide(block.values[:, 0]) / wide(block.values[:, 1])
    assert not differences(found, expected, valid_of(block).all(axis=1))
